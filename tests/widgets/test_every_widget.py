"""What holds for every widget: little is sent, nothing is stored, a fault is raised in tests, ipywidgets 7 will do."""

import json
import os
import subprocess
import sys

import pytest

from tests.tree import ROOT
from tests.widgets.every import EVERY, SETUP
from utils.widgets.explorer import Explorer

MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def course():
    """Return the names that a learner has at hand."""
    names = {}
    exec(SETUP, names)
    return names


@pytest.fixture
def sent(monkeypatch):
    """Return a list of the sizes of all that a kernel would send to the browser."""
    sizes = []

    def count(comm, kind, data=None, metadata=None, buffers=None, **keys):
        text = json.dumps([kind, data, metadata, keys], default=str)
        sizes.append(len(text) + sum(len(buffer) for buffer in buffers or []))

    monkeypatch.setattr("comm.DummyComm.publish_msg", count)
    return sizes


@pytest.mark.parametrize("code", EVERY)
def test_a_widget_sends_less_than_100_kb(course, sent, code):
    eval(code, course)
    print(f"{code}: {sum(sent):,} bytes")
    assert 2_000 < sum(sent) < MOST_BYTES


@pytest.mark.parametrize("code", EVERY)
def test_who_only_reads_the_file_is_invited_to_run_the_cell(course, code):
    if not code.startswith("Quiz"):
        assert repr(eval(code, course)).endswith(": run this cell to use it.")


@pytest.mark.parametrize("code", EVERY)
def test_every_explorer_shows_a_picture_with_a_text(course, code):
    widget = eval(code, course)
    if isinstance(widget, Explorer):
        assert widget.picture.png.startswith(b"\x89PNG") and len(widget.picture.alt) > 30
        assert widget.picture.remark and not widget.picture.fault


@pytest.mark.long
def test_every_widget_answers_under_ipywidgets_7(tmp_path):
    """Colab has ipywidgets 7.7: laid before the newer ones on the path, it must pass the same tests."""
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(tmp_path),
        "ipywidgets==7.7.*",
    ]
    subprocess.run(install, check=True)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    version = (
        "import ipywidgets; assert ipywidgets.__version__.startswith('7.7'), ipywidgets.__version__"
    )
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", version], env=environment, check=True, cwd=ROOT)
    tests = ["tests/widgets", "tests/exercises/test_quiz.py"]
    run = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-k", "not sends", *tests]
    result = subprocess.run(run, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-5000:]
