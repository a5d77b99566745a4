"""What the tests of several processes share: few digits, and a disk that is full at once."""

import resource
import subprocess

import pytest

from utils.data import load_mnist

SMALL = 64 * 1024  # bytes


@pytest.fixture(scope="session")
def digits():
    """Return 640 digits to train on with their labels, and 200 others."""
    mnist = load_mnist("sample")
    return (mnist.x_train[:640], mnist.y_train[:640]), (
        mnist.x_train[640:840],
        mnist.y_train[640:840],
    )


@pytest.fixture
def small_disk(tmp_path):
    """Give a folder that takes 64 kB: a file system in memory, or, where none may be mounted, a limit for files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode == 0:
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (SMALL, usual[1])
        )  # for this process, and for all that it starts
        yield folder
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.fixture
def events():
    """Return a list of events that finds those of a kind."""

    class Events(list):
        def of(self, kind):
            return [event for event in self if event["event"] == kind]

    return Events()
