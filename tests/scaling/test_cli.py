"""`digits scale`: what it answers, and what it refuses, without a traceback."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import optuna
import pytest
from typer.testing import CliRunner

from apps.cli import app, command
from apps.scaling.reading import load_results
from apps.scaling.sweep import open_study
from tests.scaling.conftest import make_room
from utils.data import claim_folder, load_mnist
from utils.preprocessing import split_train_validation
from utils.training import RECIPES, describe_run

DIGITS = [sys.executable, "-m", "apps.cli", "scale"]


@pytest.fixture(autouse=True)
def wide_window(monkeypatch):
    """Let a window have room for whole names: by default it has 80 columns."""
    monkeypatch.setattr(command.out, "width", 200)


def scale(*arguments, code=0):
    """Run `digits scale` in this process, and return what it says; fail where it ends in another way than expected."""
    return digits_command("scale", *arguments, code=code)


def digits_command(*arguments, code=0):
    """Do the same for `digits`."""
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == code, f"exit code {result.exit_code}: {result.output}"
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def npy(tmp_path, digits):
    path = tmp_path / "digits.npy"
    np.save(path, digits[0][0][:300])
    return path


@pytest.mark.parametrize("name", ["train", "sweep", "read"])
def test_each_has_a_help_with_examples(name):
    text = scale(name, "--help").stdout
    assert (
        len(re.findall(rf"^ *digits scale {name}", text.partition("Examples")[2], re.MULTILINE))
        >= 3
    )


MISTAKES = {
    "half an address": (
        ["train", "--addresses", "a:1,b", "--index", "0"],
        "expected an address like host:2222",
    ),
    "no index": (["train", "--addresses", "a:1,b:2"], "index: expected the place of this host"),
    "a database without a driver": (
        ["sweep", "--storage", "nothing://host/x"],
        "database of the sweep",
    ),
    "a forgotten colon": (["sweep", "--storage", "postgresql//a:b@host/x"], "expected a file"),
    "an old journal": (["sweep", "--storage", "{npy}"], "is no SQLite database"),
    "no picture": (["read", "{tmp}", "{tmp}/out"], "there is no picture"),
    "no file": (["read", "{tmp}/nothing.npy", "{tmp}/out"], "No such file"),
    "no model": (["read", "{npy}", "{tmp}/out", "--model", "nothing"], "there is no model"),
    "no scheduler": (
        ["read", "{npy}", "{tmp}/out", "--scheduler", "tcp://127.0.0.1:9", "--timeout", "1"],
        "no cluster at tcp://127.0.0.1:9",
    ),
    "a scheduler without a port": (
        ["read", "{npy}", "{tmp}/out", "--scheduler", "what is this", "--timeout", "1"],
        "missing port number",
    ),
    "something else's folder": (["read", "{npy}", "{tmp}"], "holds something else"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_in_one_line(name, npy, tmp_path):
    arguments, said = MISTAKES[name]
    result = scale(*(text.format(tmp=tmp_path, npy=npy) for text in arguments), code=1)
    error = result.stderr.strip().splitlines()[-1]
    assert error.startswith("Error: ") and said in error


@pytest.fixture
def dask_port_taken():
    """Take the port at which Dask usually shows its dashboard; another program may have it already."""
    with socket.socket() as server:
        with contextlib.suppress(OSError):
            server.bind(("127.0.0.1", 8787))
            server.listen()
        yield


@pytest.mark.usefixtures("dask_port_taken")
def test_interrupted_job_reads_the_rest_and_then_nothing(npy, tmp_path):
    out = tmp_path / "out"
    job = ["read", str(npy), str(out), "--model", "tiny", "--partition", "1", "--workers", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*DIGITS, *job], **pipes, start_new_session=True) as process:
        # Many partitions are left when the first one is there, so the signal comes in time on a busy machine too.
        while not list(out.glob("part-*.parquet")) and process.poll() is None:
            time.sleep(0.01)
        os.killpg(
            process.pid, signal.SIGINT
        )  # to the workers as well, as Ctrl-C in a terminal does
        said = process.communicate()
    assert process.returncode == 130, said
    assert (
        said[1]
        == "Interrupted. It goes on with the next partition when you start the same command again.\n"
    )
    assert "of 300 partitions were there already" in scale(*job).stdout
    assert load_results(out)["image"].tolist() == list(range(300))
    assert "Read 0 images" in scale(*job).stdout


def test_training_prints_its_epochs_and_is_not_done_twice(tmp_path):
    job = ["train", "fast", "--source", "sample", "--workers", "1", "--folder", tmp_path / "run"]
    epoch, last = scale(*job).stdout.splitlines()
    assert re.fullmatch(r"epoch  1: loss [\d.]+, validation accuracy [\d.]+", epoch)
    assert re.match(r"[\d.]+% of the digits held back are read\. Saved as .*model\.keras", last)
    assert scale(*job).stdout.splitlines() == [last]
    assert "with max_lr 0.03, but now it is 0.1" in scale(*job, "--peak-rate", 0.1, code=1).stderr


def test_another_scaled_training_is_not_taken_for_this_one(tmp_path):
    """A finished run stands in the folder; every other command must notice that it isn't its own."""
    job = ["train", "fast", "--source", "sample", "--workers", "1", "--folder", tmp_path / "run"]
    mnist = load_mnist("sample")
    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    run = describe_run(RECIPES["fast"], (x, y), (x_held_back, y_held_back), 0)
    claim_folder(tmp_path / "run", run | {"train_digits": 0})
    (tmp_path / "run" / "model.keras").write_bytes(b"an old network")
    for change in (["--epochs", 2], ["--seed", 1], ["--batch-size", 32], []):
        assert "holds a run with" in scale(*job, *change, code=1).stderr
    assert "holds a run with" in scale("train", "tiny", *job[2:], code=1).stderr
    (tmp_path / "run" / "run.json").unlink()
    assert "holds something else" in scale(*job, code=1).stderr
    assert (tmp_path / "run" / "model.keras").read_bytes() == b"an old network"


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("change", [["fast", "--epochs", 3], ["tiny"], ["fast", "--seed", 1]])
def test_another_sweep_is_not_taken_for_this_one(change, tmp_path):
    storage = tmp_path / "sweep.db"
    study = open_study(f"sqlite:///{storage}")
    study.set_user_attr("search", {"seed": 0, "recipe": "fast", "changes": {"epochs": 2}})
    study.add_trial(optuna.trial.create_trial(value=0.9, user_attrs={"queued": True}))
    job = ["sweep", *change, "--source", "sample", "--trials", 1, "--storage", storage]
    assert "the study digits holds a run with" in scale(*job, code=1).stderr


FULL = {
    "train": (["train", "dense", "--folder", "{disk}/run"], "run/checkpoint.npz"),
    "scale sweep": (
        ["scale", "sweep", "dense", "--trials", "1", "--storage", "{disk}/sweep.db"],
        "sweep.db",
    ),
}


@pytest.mark.usefixtures("in_process")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", FULL)
def test_full_disk_is_one_line_and_the_command_goes_on(name, small_disk):
    arguments, file = FULL[name]
    job = [text.format(disk=small_disk) for text in arguments]
    job += ["--epochs", "1", "--source", "sample"]
    said = digits_command(*job, code=1).stderr.splitlines()
    assert len(said) == 1 and str(small_disk / file) in said[0], said
    assert re.match(r"Error: .*(No space left on device|File too large)", said[0])
    make_room(small_disk)
    assert "of the digits held back are read" in digits_command(*job).stdout
    assert not list(small_disk.rglob("*.part*"))


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.long
def test_sweep_finds_something_and_keeps_its_study(tmp_path):
    storage = tmp_path / "sweep.db"
    result = scale("sweep", "fast", "--source", "sample", "--trials", "3", "--storage", storage)
    assert re.search(r"Best of 3 trials: [\d.]+% of the digits held back are read", result.stdout)
    assert all(name in result.stdout for name in ("peak_rate", "batch_size", "label_smoothing"))
    assert storage.exists()
