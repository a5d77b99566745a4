"""Share what the tests of scale-out need: few digits, small disks, and sweeps without processes."""

import resource
import subprocess

import pytest

from apps.scaling import sweep
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
def small_disk(tmp_path, request):
    """Return a folder that takes 64 kB, or `request.param` bytes: in memory, or, if none may be mounted, by a limit."""
    folder, size = tmp_path / "disk", getattr(request, "param", SMALL)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode == 0:
        yield folder
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a database is open
    else:
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        # For this process, and for all that it starts.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
        yield folder
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def make_room(folder):
    """Let a small disk take 16 MB."""
    if folder.is_mount():
        subprocess.run(["mount", "-o", "remount,size=16m", str(folder)], check=True)
    else:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.fixture
def events():
    """Return a list of events that finds those of a kind."""

    class Events(list):
        def of(self, kind):
            return [event for event in self if event["event"] == kind]

    return Events()


@pytest.fixture
def in_process(monkeypatch):
    """Let a sweep run its tasks here, one after the other, and not in processes of their own."""

    def run(study, task, names, workers, report):
        for name in names:
            task(name)
            report()

    monkeypatch.setattr(sweep, "_run", run)
