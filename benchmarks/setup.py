"""Measure what it costs to install and test the course, from a fresh clone with empty caches.

`python -m benchmarks.setup` takes a quarter of an hour on two cores. With `--ci`, it also runs `.ci/run` in a second
clone, which takes 20 minutes more. Run nothing beside it.
"""

import argparse
import os
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
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--python", sys.executable, "--format"]
    command += ["pylock.toml", "--no-header", "requirements.lock", "-"]
    pylock = subprocess.run(command, cwd=clone, input="uv", capture_output=True, text=True, check=True).stdout
    return round(download_bytes(tomllib.loads(pylock), list(sys_tags())) / 1e6)


def disk_mb(clone: Path) -> int:
    """Return what `du -sm .venv` prints."""
    command = ["du", "-sm", ".venv"]
    return int(subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout.split()[0])


def seconds(command: list[str], clone: Path, caches: Path) -> int:
    """Run a command in a clone, with caches of its own, and return how long it took. It must succeed."""
    environment = os.environ | {"UV_CACHE_DIR": str(caches / "uv"), "PIP_CACHE_DIR": str(caches / "pip")}
    start = time.perf_counter()
    subprocess.run(command, cwd=clone, env=environment, check=True)
    return round(time.perf_counter() - start)


def fresh_clone(folder: Path) -> Path:
    """Clone the repository, as it is committed, into a folder and return that."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


def main(with_ci: bool) -> None:
    """Measure and record."""
    record = {"machine": records.machine(), "ci_seconds": records.load("setup").get("ci_seconds")}
    with tempfile.TemporaryDirectory() as folder:
        clone, caches = fresh_clone(Path(folder, "course")), Path(folder, "caches")
        make = ["make", f"PYTHON={sys.executable}"]
        record["download_mb"] = download_mb(clone)
        record["install_lab_seconds"] = seconds([*make, ".venv/ready"], clone, caches)
        record["disk_mb"] = {"lab": disk_mb(clone)}
        record["install_test_seconds"] = seconds([*make, ".venv/ready-test"], clone, caches)
        record["disk_mb"]["lab and tests"] = disk_mb(clone)
        flags = "TEST_FLAGS=--junit-xml=report.xml -o junit_family=xunit1"
        record["test_seconds"] = seconds([*make, "test", flags], clone, caches)
        record["slowest_files_seconds"] = slowest_files((clone / "report.xml").read_text())
    if with_ci:
        with tempfile.TemporaryDirectory() as folder:
            clone = fresh_clone(Path(folder, "course"))
            record["ci_seconds"] = seconds(["bash", ".ci/run"], clone, Path(folder, "caches"))
    records.save("setup", record)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ci", action="store_true", help="run .ci/run as well")
    main(parser.parse_args().ci)
