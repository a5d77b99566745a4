"""Check the commands of the Makefile that need no new environment."""

import re
import subprocess
import sys

from tests.tree import ROOT, newcomers_environment


def test_make_lists_its_commands():
    result = subprocess.run(
        ["make"], cwd=ROOT, env=newcomers_environment(), capture_output=True, text=True, check=True
    )
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert [line.split()[1] for line in result.stdout.splitlines()] == phony


def test_make_refuses_a_python_that_is_too_old(tmp_path):
    old = tmp_path / "python3.9"
    old.write_text(
        f'#!/bin/sh\nshift; exec {sys.executable} -c "import sys; sys.version_info = (3, 9, 18); $1"\n'
    )
    old.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = ["make", "lab", f"PYTHON={old}"]
    result = subprocess.run(
        command, cwd=tmp_path, env=newcomers_environment(), capture_output=True, text=True
    )
    assert result.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr and "is 3.9" in result.stderr, (
        result.stderr
    )
    assert not (tmp_path / ".venv").exists()


def would_run(tree, *arguments):
    """Return the commands that make would run in a tree whose .venv starts."""
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(
        command, cwd=tree, env=newcomers_environment(), capture_output=True, text=True, check=True
    ).stdout


def test_a_graphics_card_is_asked_for_once(tmp_path):
    """`make lab GPU=1` installs CUDA, and afterwards neither the lab nor the tests bring the other TensorFlow back."""
    for name in (
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
        "requirements-test.lock",
        "requirements-gpu.lock",
    ):
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to("/bin/true")
    (tmp_path / ".venv/ready").touch()
    assert " install" not in would_run(tmp_path, "lab")
    commands = would_run(tmp_path, "lab", "GPU=1")
    assert commands.index("uninstall") < commands.index("requirements-gpu.lock")
    assert "requirements.lock" not in commands
    (tmp_path / ".venv/lib/python3.12/site-packages/nvidia").mkdir(parents=True)
    assert " install" not in would_run(tmp_path, "lab", "GPU=1") and " install" not in would_run(
        tmp_path, "lab"
    )
    (tmp_path / ".venv/ready").unlink()
    commands = would_run(tmp_path, "test")
    assert "-r requirements.lock" not in commands
    assert commands.index("-r requirements-gpu.lock") < commands.index(
        "--excludes - -r requirements-test.lock"
    )
