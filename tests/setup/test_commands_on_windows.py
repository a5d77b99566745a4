"""Run README's commands for Windows with this machine's pip. They ask PyPI."""

import pytest

from tests.setup.windows import commands, run_block
from tests.tree import ROOT, copy_repository, newcomers_environment

pytestmark = pytest.mark.setup


def test_the_windows_commands_work(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert any("pytest" in line for line in commands(readme)) and any(
        "jupyterlab" in line for line in commands(readme)
    )
    tree = copy_repository(tmp_path)
    # Without byte code, whose making takes longer than all the rest of the installation.
    run_block(
        readme,
        tree,
        newcomers_environment(PIP_COMPILE="0"),
        pytest_flags=["--collect-only", "-q", "-n", "0"],
    )
