"""Install again and again in one small .venv: after changes, after damage, with a graphics card. They ask PyPI."""

import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from tests.setup.small import assert_ready, imports, is_up_to_date, lock_alone, small_tree
from tests.tree import newcomers_environment

pytestmark = pytest.mark.setup


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Return a copy of the course with short locks, shared by all tests here."""
    return small_tree(tmp_path_factory.mktemp("small") / "tree")


@pytest.fixture
def small(tree):
    """Return the copy with its .venv built, or brought in order after the test before."""
    assert_ready(tree)
    return tree


def test_no_install_removes_what_another_one_brought(small):
    assert not imports(small, "iniconfig")
    assert_ready(small, ".venv/ready-test")
    assert imports(small, "iniconfig")
    assert is_up_to_date(small, ".venv/ready"), "`make lab` after `make test` changes something"
    lock_alone(small, "setuptools", "six", "tqdm")
    assert_ready(small)
    assert imports(small, "tqdm, iniconfig")
    assert_ready(small, ".venv/ready-test")
    assert is_up_to_date(small, ".venv/ready-test") and is_up_to_date(small, ".venv/ready")


def pin(folder, name, package):
    """Write a wheel that brings one package of one line, and return the entry of a lock that pins it."""
    stem = f"{name.replace('-', '_')}-1.0"
    wheel = folder / f"{stem}-py3-none-any.whl"
    files = {
        f"{package}/__init__.py": f"brought_by = {name!r}\n",
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in files)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name} @ {wheel.as_uri()} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def tensorflow_of(tree):
    """Return the names of the installed packages that own the folder `tensorflow`, and which one's files are there."""
    (packages,) = tree.glob(".venv/lib/*/site-packages")
    owners = {found.name for found in importlib.metadata.distributions(path=[str(packages)])}
    brought = (packages / "tensorflow/__init__.py").read_text().split("'")[1]
    return owners & {"tensorflow", "tensorflow-cpu"}, brought


def test_cuda_replaces_tensorflow_cpu_and_stays(tmp_path):
    """Wheels of a few bytes stand for the real ones, of 3 GB."""
    small = small_tree(tmp_path / "small")
    smaller = pin(tmp_path, "tensorflow-cpu", "tensorflow")
    larger = pin(tmp_path, "tensorflow", "tensorflow") + pin(
        tmp_path, "nvidia-cudnn-cu12", "nvidia"
    )
    lock, lock_test, lock_gpu = (
        small / f"requirements{name}.lock" for name in ("", "-test", "-gpu")
    )
    lock_gpu.write_text(lock.read_text() + larger)
    for path in (lock, lock_test):
        path.write_text(path.read_text() + smaller)
    assert_ready(small)
    assert tensorflow_of(small) == ({"tensorflow-cpu"}, "tensorflow-cpu")
    assert_ready(small, GPU="1")
    assert tensorflow_of(small) == ({"tensorflow"}, "tensorflow")
    assert_ready(small, ".venv/ready-test")
    assert tensorflow_of(small) == ({"tensorflow"}, "tensorflow") and imports(
        small, "nvidia, iniconfig"
    )
    for options in ({}, {"GPU": "1"}):
        assert is_up_to_date(small, ".venv/ready", **options), "it is installed once more"


@pytest.fixture
def active(small, tmp_path):
    """Return the variables of a shell in which another environment is active, with a uv of its own."""
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    shutil.copy(small / ".venv/bin/uv", other / "bin/uv")
    yield {"PATH": f"{other / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(other)}
    assert not list(other.glob("lib/*/site-packages/*")), (
        "packages went into the environment of the user"
    )


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
def test_a_damaged_environment_is_repaired_beside_an_active_one(small, active, damage):
    damage(small / ".venv")
    assert_ready(small, **active)


def test_a_build_that_was_killed_is_repaired(small):
    shutil.rmtree(small / ".venv")
    command = ["make", f"PYTHON={sys.executable}", ".venv/ready"]
    process = subprocess.Popen(
        command,
        cwd=small,
        env=newcomers_environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list(small.glob(".venv/lib/*/site-packages/six*")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (small / ".venv/ready").exists(), "the build ended before it could be killed"
    assert_ready(small)
