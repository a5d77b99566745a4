"""Check the machine and the packages that the course runs on.

Run `python -m utils.environment` for the same check in a terminal.
"""

import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from utils.threads import CGROUP, available_cpus, set_threads

PYTHON_RANGE = (3, 11), (3, 14)
PACKAGES = (
    "tensorflow", "keras", "numpy", "pandas", "scikit-learn", "scikit-image", "scipy", "pillow", "mlxtend",
    "matplotlib", "seaborn", "plotly", "jupyterlab", "ipywidgets", "anywidget",
)  # fmt: skip


def available_memory(cgroup: Path = CGROUP) -> int | None:
    """Return how many bytes of memory this process may use, or None if the system doesn't tell."""
    limits = []
    with contextlib.suppress(OSError, ValueError):
        limits.append(int((cgroup / "memory.max").read_text()))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=None)


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Start TensorFlow inside this block with its threads set and without its start-up log.

    C++ code writes the log to file descriptor 2 before any log level takes effect, so it has to be stopped there.
    """
    set_threads()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def is_strict() -> bool:
    """Return whether wrong answers and faults of widgets should raise errors, as in the tests."""
    return os.environ.get("DIGITS_STRICT") == "1"


def check_environment() -> bool:
    """Print an `[ OK ]` or `[FAIL]` line for everything the course needs, and return whether all of it is there."""
    packages = map(_check_package, PACKAGES)
    checks = [_check_python(), *packages, _check_data(), _check_cores(), _check_memory()]
    for good, line in checks:
        print(f"[{' OK ' if good else 'FAIL'}] {line}")
    return all(good for good, _ in checks)


def _check_python() -> tuple[bool, str]:
    low, high = PYTHON_RANGE
    version = ".".join(map(str, sys.version_info[:3]))
    if low <= sys.version_info[:2] < high:
        return True, f"Python {version}"
    wanted = f"at least {low[0]}.{low[1]} and below {high[0]}.{high[1]}"
    hint = "install one and build the environment again"
    return False, f"Python {version}: the course needs {wanted}; {hint}"


def _check_package(name: str) -> tuple[bool, str]:
    # On Linux the course installs tensorflow-cpu: the same TensorFlow without the code for graphics cards.
    for distribution in (name, f"{name}-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return True, f"{name} {importlib.metadata.version(distribution)}"
    return False, f"{name} is missing: build the environment again (see the README's quick start)"


def _check_data() -> tuple[bool, str]:
    from utils.data import describe_source  # data needs NumPy, which may be what is missing

    try:
        return True, describe_source()
    except Exception as error:  # whatever is wrong with the data, the check names it and goes on
        return False, f"data: {error}"


def _check_cores() -> tuple[bool, str]:
    return True, f"CPU cores: {available_cpus()} (TensorFlow uses {set_threads()} threads)"


def _check_memory() -> tuple[bool, str]:
    memory = available_memory()
    if memory is None:
        return True, "memory: this system does not tell how much there is"
    return memory >= 1.5e9, f"memory: {memory / 1e9:.1f} GB (a lesson needs at most 1.5 GB)"


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack letters of a path
    sys.exit(0 if check_environment() else 1)
