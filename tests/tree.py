"""Copy the course as a newcomer gets it, so that a test can build, run and dirty it."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHES = {
    ".venv",
    ".git",
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".ruff_cache",
    "node_modules",
    "_build",
}


def repository_files():
    """Return the paths of the repository, relative to its root: by git, or without it all but caches."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        paths = [Path(name) for name in listing.split("\0") if name]
    else:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    ignored = {".npz", ".part"}
    return [
        path
        for path in paths
        if (ROOT / path).is_file() and not CACHES & set(path.parts) and path.suffix not in ignored
    ]


def copy_repository(folder):
    """Copy the files of the repository into a folder and return it."""
    for path in repository_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    return folder


def newcomers_environment(**changes):
    """Return the environment of a person, not of this test run: without its guard, its digits and its .venv."""
    own = {
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "MNIST_SOURCE",
        "VIRTUAL_ENV",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
    }
    return {name: value for name, value in os.environ.items() if name not in own} | changes
