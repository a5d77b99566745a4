"""Whatever runs, a lesson or a command, nothing listens where another machine could reach it."""

import contextlib
import signal
import subprocess
import sys
import threading

import nbformat
import numpy as np
import psutil
import pytest
from nbclient import NotebookClient

from tests.tree import ROOT
from utils import data, files

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ONLY_HERE = {"127.0.0.1", "::1"}
SAMPLE = ["--source", "sample"]
DIGITS = [sys.executable, "-m", "apps.cli"]
# The page may not be built where the tests run.
DRAW = (
    "import pathlib; from apps.cli import app, draw; draw.PAGE = pathlib.Path('README.md'); app()"
)
COMMANDS = {
    "train": [*DIGITS, "train", "fast", *SAMPLE, "--epochs", "1", "--folder", "{tmp}/run"],
    "evaluate": [*DIGITS, "evaluate", "tiny", *SAMPLE],
    "evaluate a folder": [*DIGITS, "evaluate", "tiny", "--folder", "data/my_digits"],
    "predict": [*DIGITS, "predict", "data/my_digits"],
    "export": [*DIGITS, "export", "tiny", "--output", "{tmp}/tiny.onnx"],
    "export for small devices": [*DIGITS, "export", "tiny", "--format", "int8", "--output", "{tmp}/t.tflite"],
    "report": [*DIGITS, "report", *SAMPLE, "--output", "{tmp}/report.html"],
    "submit": [*DIGITS, "submit", "--test", "{tmp}/test.csv", "--out", "{tmp}/submission.csv"],
    "scale train": [*DIGITS, "scale", "train", "fast", *SAMPLE, "--folder", "{tmp}/run"],
    "scale sweep": [*DIGITS, "scale", "sweep", "fast", *SAMPLE, "--trials", "2", "--storage", "{tmp}/sweep.db"],
    "scale read": [*DIGITS, "scale", "read", "{tmp}/digits.npy", "{tmp}/out", "--model", "tiny"],
}  # fmt: skip
SERVERS = {
    "draw": [sys.executable, "-c", DRAW, "draw", "--no-browser"],
    "web": [sys.executable, "-c", "import os; os.environ['PORT'] = '0'; from apps.web.__main__ import main; main()"],
    "practice server": [sys.executable, "-m", "apps.cloud.practice"],
    "streamlit": [sys.executable, "-m", "apps.start_streamlit", "--server.headless=true", "--server.port=0"],
}  # fmt: skip


@contextlib.contextmanager
def watched():
    """Yield the addresses at which the processes started here listen; at the end, only this machine may reach them."""
    found, done = set(), threading.Event()

    def watch():
        while not done.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it has ended
                    listening = process.net_connections("tcp")
                    found.update(one.laddr.ip for one in listening if one.status == "LISTEN")

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
    assert found <= ONLY_HERE, "another machine could reach this"


def test_what_listens_everywhere_is_found():
    listen = "import socket, time; server = socket.create_server(('', 0)); time.sleep(2)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {listen!r}])"
    with pytest.raises(AssertionError, match="another machine"), watched():
        subprocess.run([sys.executable, "-c", child], check=True)


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_listens_to_other_machines(name, tmp_path):
    digits = data.load_mnist("sample").x_test[:300]
    files.write_kaggle_csv(tmp_path / "test.csv", digits)
    np.save(tmp_path / "digits.npy", digits)
    command = [part.replace("{tmp}", str(tmp_path)) for part in COMMANDS[name]]
    with watched():
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@pytest.mark.long
@pytest.mark.parametrize("name", SERVERS)
def test_no_server_listens_to_other_machines(name):
    with (
        watched() as found,
        subprocess.Popen(SERVERS[name], cwd=ROOT, stderr=subprocess.DEVNULL) as server,
    ):
        try:
            while not found and server.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(1)
        finally:
            server.send_signal(signal.SIGINT)
    assert found


@pytest.mark.long
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_lesson_listens_to_other_machines(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))
    lesson = nbformat.read(path, as_version=4)
    with watched():
        NotebookClient(lesson, resources={"metadata": {"path": path.parent}}).execute()
