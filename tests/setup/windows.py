"""Run the commands that README gives to people on Windows: `python -m tests.setup.windows` (standard library only)."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.lab import free_port, lab_flags, running

ROOT = Path(__file__).parents[2]


def commands(readme):
    """Return the commands of the first powershell block under a heading with "Windows" in README's text."""
    block = re.search(
        r"^#+ [^\n]*Windows.*?^```powershell\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE
    )
    if block is None:
        raise ValueError(
            "README.md needs a heading with 'Windows', and a ```powershell block under it"
        )
    return [
        line.strip() for line in block[1].splitlines() if line.strip() and not line.startswith("#")
    ]


def words(command):
    """Return a command as the words to run; elsewhere than on Windows, as they would be written there."""
    if os.name == "nt":
        return shlex.split(command, posix=False)
    command = command.replace(".venv\\Scripts\\", ".venv/bin/").replace("\\", "/")
    return shlex.split(re.sub(r"^py( -3\.\d+)?(?= )", sys.executable, command))


def run_block(readme, cwd, env=None, pytest_flags=()):
    """Run each command in a folder; a JupyterLab is started, reached and stopped. Raises where one fails."""
    for command in commands(readme):
        print(f"> {command}", flush=True)
        if "jupyterlab" in command:
            port = free_port()
            with running([*words(command), "--no-browser", *lab_flags(port)], port, cwd, env):
                print(f"JupyterLab answers on port {port}", flush=True)
        else:
            flags = pytest_flags if "pytest" in command else ()
            subprocess.run(
                [*words(command), *flags], cwd=cwd, env=env, check=True, stdin=subprocess.DEVNULL
            )


if __name__ == "__main__":
    run_block((ROOT / "README.md").read_text(encoding="utf-8"), ROOT)
