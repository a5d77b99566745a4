"""Write the pip pins of environment.yml from requirements.lock: `python -m tests.setup.environment`."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
# conda brings these, as ranges, with Binder's own server.
FROM_CONDA = {"jupyterlab", "notebook", "ipykernel", "ipywidgets"}
# What Binder runs: the lock pins some packages once for each Python version or platform.
BINDER = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}


def read_lock(text, environment=BINDER):
    """Return {name: version} of the packages that a lock pins for one environment."""
    lines = re.findall(r"^[A-Za-z0-9].*?(?= \\$|$)", text, flags=re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    chosen = [r for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    return {r.name: str(r.specifier).removeprefix("==") for r in chosen}


def direct_dependencies(text, environment=BINDER):
    """Return the names that pyproject.toml asks for in one environment, in its order."""
    asked = [Requirement(line) for line in tomllib.loads(text)["project"]["dependencies"]]
    return [r.name for r in asked if r.marker is None or r.marker.evaluate(environment)]


def pip_pins(pyproject, lock):
    """Return the pip requirements of environment.yml: the direct dependencies that conda does not bring, pinned."""
    versions = read_lock(lock)
    return [
        f"{name}=={versions[name]}"
        for name in direct_dependencies(pyproject)
        if name not in FROM_CONDA
    ]


def with_pins(environment, pins):
    """Return environment.yml's text with all that follows `- pip:` replaced by the pins."""
    head, mark, _ = environment.partition("  - pip:\n")
    if not mark:
        raise ValueError("environment.yml has no line '  - pip:' under which the pins belong")
    return head + mark + "".join(f"      - {pin}\n" for pin in pins)


if __name__ == "__main__":
    path = ROOT / "environment.yml"
    pyproject, lock = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("pyproject.toml", "requirements.lock")
    )
    pins = pip_pins(pyproject, lock)
    path.write_text(with_pins(path.read_text(encoding="utf-8"), pins), encoding="utf-8")
    print(f"environment.yml: {len(pins)} pins written")
