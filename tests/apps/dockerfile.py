"""Read the Dockerfile of the web app, and carry out its build without Docker, which a test machine may lack."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.tree import ROOT, newcomers_environment, repository_files

DOCKERFILE = (ROOT / "apps" / "Dockerfile").read_text(encoding="utf-8")
LOCK = (ROOT / "apps" / "requirements.lock").read_text(encoding="utf-8")


def instructions(text):
    """Return the instructions of a Dockerfile as pairs: what to do, and with what."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages(text):
    """Return the instructions of each stage by its name; the last one's is "image"."""
    found = {}
    for name, value in instructions(text):
        if name == "FROM":
            stage = value.partition(" AS ")[2] or "image"
            found[stage] = [("FROM", value)]
        else:
            found[stage].append((name, value))
    return found


def values(stage, instruction):
    """Return what a stage does by an instruction."""
    return [value for name, value in stages(DOCKERFILE)[stage] if name == instruction]


def let_through(path):
    """Return whether a path, relative to the root, is part of the build: the last matching line decides."""
    through = True
    for line in (
        (ROOT / "apps" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    ):
        pattern = line.removeprefix("!")
        if (
            line
            and line[0] != "#"
            and any(fnmatch(str(place), pattern) for place in (path, *path.parents))
        ):
            through = line.startswith("!")
    return through


class Build:
    """Carry out the stages of a Dockerfile, each in a folder of its own that stands for its root."""

    def __init__(self, folder):
        self.folder, self.context, self.environments = folder, folder / "context", {}
        for path in filter(let_through, repository_files()):
            (self.context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, self.context / path)
        # What the images bring: Python with pip, and Node.js.
        subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
        if not shutil.which("npm"):
            subprocess.run(
                [
                    folder / "base/bin/python",
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "-r",
                    ROOT / "requirements-node.lock",
                ],
                check=True,
            )
        for stage, steps in stages(DOCKERFILE).items():
            self.carry_out(stage, steps)

    def carry_out(self, stage, steps):
        """Carry out the steps of one stage that leave something behind."""
        root = self.folder / stage
        environment = {"PATH": f"{self.folder / 'base/bin'}:{os.environ['PATH']}"}
        for name, value in steps:
            if name == "WORKDIR":
                place = root / value.lstrip("/")
                place.mkdir(parents=True)
            elif name == "ENV":
                pairs = [pair.partition("=")[::2] for pair in shlex.split(value)]
                here = {key: text.replace("/course", str(root / "course")) for key, text in pairs}
                environment |= {
                    key: text.replace("$PATH", environment["PATH"]) for key, text in here.items()
                }
            elif name == "COPY":
                self.copy(value, place)
            elif name == "RUN":
                subprocess.run(
                    ["sh", "-euc", value],
                    cwd=place,
                    env=newcomers_environment(**environment),
                    check=True,
                )
        self.environments[stage] = environment

    def copy(self, value, place):
        """Copy as Docker does: of a folder its content, and into a folder where the destination ends in a slash."""
        origin, words = self.context, value.split()
        if words[0].startswith("--from="):
            origin = self.folder / words.pop(0).removeprefix("--from=")
        *sources, destination = words
        for source in [
            found for pattern in sources for found in glob.glob(str(origin / pattern.lstrip("/")))
        ]:
            target = place / destination
            if Path(source).is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
