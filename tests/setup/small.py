"""Build the course with a few packages, which install in seconds."""

import re
import subprocess
import sys

from tests.tree import ROOT, copy_repository, newcomers_environment


def make(tree, *arguments, **environment):
    """Run make in a tree, as a newcomer, with the Python of this test run."""
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(
        command, cwd=tree, env=newcomers_environment(**environment), capture_output=True, text=True
    )


def is_up_to_date(tree, target, **environment):
    """Tell whether make would leave a target as it is."""
    return make(tree, "--question", target, **environment).returncode == 0


def imports(tree, modules):
    """Tell whether the .venv of a tree can import all modules, from the folder of the lessons."""
    command = [tree / ".venv/bin/python", "-c", f"import {modules}"]
    return (
        subprocess.run(command, cwd=tree / "notebooks", env=newcomers_environment()).returncode == 0
    )


def lock_alone(tree, *names, lock="requirements.lock"):
    """Cut a lock of a tree down to a few packages."""
    entries = re.split(r"^(?=\w)", (ROOT / lock).read_text(), flags=re.MULTILINE)
    kept = [entry for entry in entries if entry.partition("==")[0] in names]
    (tree / lock).write_text("".join(kept))


def small_tree(folder):
    """Return a copy of the course with short locks."""
    tree = copy_repository(folder)
    lock_alone(tree, "setuptools", "six")
    lock_alone(tree, "setuptools", "six", "iniconfig", lock="requirements-test.lock")
    return tree


def assert_ready(tree, target=".venv/ready", **environment):
    """Check that make brings the .venv of a small tree in order."""
    built = make(tree, target, **environment)
    assert built.returncode == 0, built.stderr
    assert imports(tree, "six, utils"), built.stdout
