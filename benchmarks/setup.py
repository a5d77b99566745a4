"""Measure what it costs to install and test the course, from a fresh clone with empty caches.

`python -m benchmarks.setup` takes 20 minutes on two cores and needs Chromium. Run nothing beside it.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import parse_wheel_filename

from benchmarks import records

ROOT = Path(__file__).parents[1]
SLOWEST = 10  # files that are recorded


def download_bytes(pylock: dict, tags: list[Tag]) -> int:
    """Return the size of the packages that a pylock.toml names: of each, the wheel that suits best, or its source."""
    rank = {tag: number for number, tag in enumerate(tags)}
    total = 0
    for package in pylock["packages"]:
        best = {}
        for wheel in package.get("wheels", []):
            wheel_tags = parse_wheel_filename(wheel["url"].rsplit("/", 1)[1])[3]
            best |= {rank[tag]: wheel["size"] for tag in wheel_tags if tag in rank}
        total += best[min(best)] if best else package["sdist"]["size"]
    return total


def slowest_files(junit: str) -> dict[str, float]:
    """Return the seconds that the tests of the slowest files took, from the text of pytest's report in JUnit's XML."""
    seconds = Counter()
    for case in ElementTree.fromstring(junit).iter("testcase"):
        seconds[case.get("file")] += float(case.get("time"))
    return {name: round(taken, 1) for name, taken in seconds.most_common(SLOWEST)}


def download_mb(clone: Path) -> int:
    """Return the MB that `make lab` downloads: its packages and uv. The pages of the package index come on top."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--python",
        sys.executable,
        "--format",
    ]
    command += ["pylock.toml", "--no-header", "requirements.lock", "-"]
    pylock = subprocess.run(
        command, cwd=clone, input="uv", capture_output=True, text=True, check=True
    ).stdout
    return round(download_bytes(tomllib.loads(pylock), list(sys_tags())) / 1e6)


def disk_mb(clone: Path) -> int:
    """Return what `du -sm .venv` prints."""
    command = ["du", "-sm", ".venv"]
    return int(
        subprocess.run(
            command, cwd=clone, capture_output=True, text=True, check=True
        ).stdout.split()[0]
    )


def seconds(command: list[str], clone: Path, caches: Path) -> int:
    """Run a command in a clone, with caches of its own, and return how long it took. It must succeed."""
    own = {"UV_CACHE_DIR": str(caches / "uv"), "PIP_CACHE_DIR": str(caches / "pip"), "CI": "true"}
    start = time.perf_counter()
    subprocess.run(command, cwd=clone, env=os.environ | own, check=True)
    return round(time.perf_counter() - start)


def main() -> None:
    """Measure and record: the installs, then each command of `.ci/run` in its order."""
    with tempfile.TemporaryDirectory() as folder:
        clone, caches = Path(folder, "course"), Path(folder, "caches")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        make = ["make", f"PYTHON={sys.executable}"]
        record = {"machine": records.machine(), "download_mb": download_mb(clone)}
        record["install_lab_seconds"] = seconds([*make, ".venv/ready"], clone, caches)
        record["disk_mb"] = {"lab": disk_mb(clone)}
        record["install_test_seconds"] = seconds([*make, ".venv/ready-test"], clone, caches)
        record["disk_mb"]["lab and tests"] = disk_mb(clone)
        record["ci_seconds"] = {}
        for target in re.findall(r"^make (\S+)$", (clone / ".ci/run").read_text(), re.MULTILINE):
            report = f"TEST_FLAGS=--junit-xml={target}.xml -o junit_family=xunit1"
            record["ci_seconds"][f"make {target}"] = seconds([*make, target, report], clone, caches)
            record["slowest_files_seconds"] = slowest_files((clone / "test.xml").read_text())
            records.save("setup", record)  # after each, so that a later failure loses nothing


if __name__ == "__main__":
    main()
