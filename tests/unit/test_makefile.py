"""Check the commands of the Makefile that need no new environment."""

import re
import subprocess
import sys

from tests.tree import ROOT, newcomers_environment


def test_make_lists_its_commands():
    result = subprocess.run(["make"], cwd=ROOT, env=newcomers_environment(), capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert [line.split()[1] for line in result.stdout.splitlines()] == phony


def test_make_refuses_a_python_that_is_too_old(tmp_path):
    old = tmp_path / "python3.9"
    old.write_text(f"#!/bin/sh\nshift; exec {sys.executable} -c \"import sys; sys.version_info = (3, 9, 18); $1\"\n")
    old.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = ["make", "lab", f"PYTHON={old}"]
    result = subprocess.run(command, cwd=tmp_path, env=newcomers_environment(), capture_output=True, text=True)
    assert result.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr and "is 3.9" in result.stderr, result.stderr
    assert not (tmp_path / ".venv").exists()
