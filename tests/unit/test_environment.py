"""The environment check counts what a container really grants, and names what is missing."""

import json
import os
import subprocess
import sys

import pytest

from utils import environment, threads


@pytest.fixture
def cgroup(tmp_path):
    def write(cpu, memory="max"):
        (tmp_path / "cpu.max").write_text(cpu)
        (tmp_path / "memory.max").write_text(memory)
        return tmp_path

    return write


def test_a_quota_counts_before_what_is_visible(cgroup):
    assert environment.available_cpus(cgroup("100000 100000")) == 1


def test_a_share_of_a_core_still_counts_as_one(cgroup):
    assert environment.available_cpus(cgroup("50000 100000")) == 1


def test_a_generous_quota_gives_no_more_than_there_is(cgroup):
    assert environment.available_cpus(cgroup("9900000 100000")) == environment.available_cpus(
        cgroup("max 100000")
    )


def test_without_a_quota_the_affinity_counts(tmp_path):
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert environment.available_cpus(tmp_path) == visible


def test_memory_is_the_smaller_of_limit_and_machine(cgroup):
    assert environment.available_memory(cgroup("max 100000", "2000000000")) == 2_000_000_000
    assert environment.available_memory(cgroup("max 100000")) > 0


def test_a_whole_environment_is_all_ok(capsys):
    assert environment.check_environment()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("[ OK ]") for line in lines)
    for name in ("Python", "tensorflow", "data:", "CPU cores", "memory"):
        assert any(name in line for line in lines)


def test_a_missing_package_fails_and_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    assert not environment.check_environment()
    assert (
        "[FAIL] no-such-package is missing: build the environment again" in capsys.readouterr().out
    )


def test_too_old_a_python_fails(monkeypatch, capsys):
    monkeypatch.setattr(environment, "PYTHON_RANGE", ((3, 98), (3, 99)))
    assert not environment.check_environment()
    assert "the course needs at least 3.98" in capsys.readouterr().out


def test_little_memory_fails(monkeypatch, capsys):
    monkeypatch.setattr(environment, "available_memory", lambda: 1_000_000_000)
    assert not environment.check_environment()
    assert "[FAIL] memory: 1.0 GB" in capsys.readouterr().out


def test_wrong_data_fails_with_its_reason(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MNIST_SOURCE", "")
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "nowhere.npz"))
    assert not environment.check_environment()
    assert "[FAIL] data:" in capsys.readouterr().out


def test_threads_are_set_to_the_granted_cores(monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "available_cpus", lambda: 3)
    assert environment.set_threads() == 3
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["TF_NUM_INTEROP_THREADS"] == "3"


@pytest.mark.parametrize("before", ["", "import numpy, scipy.linalg; "])
def test_numpy_uses_no_more_threads_than_cores_are_granted(before):
    code = "import utils, numpy, scipy.linalg, threadpoolctl; "
    say = "print({lib['num_threads'] for lib in threadpoolctl.threadpool_info() if lib['user_api'] == 'blas'})"
    few = {key: value for key, value in os.environ.items() if not key.endswith("NUM_THREADS")}
    command = [sys.executable, "-c", before + code + say]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=few)
    assert run.stdout.strip() == f"{{{environment.available_cpus()}}}", run.stdout
    run = subprocess.run(
        command, capture_output=True, text=True, env=few | {"OPENBLAS_NUM_THREADS": "1"}
    )
    assert run.stdout.strip() == "{1}"


@pytest.mark.parametrize("settings, places", [
    ({"backend": "theano", "floatx": "bfloat16"}, {"HOME": "{folder}"}),
    (
        {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1},
        {"KERAS_HOME": "{folder}/.keras", "KERAS_BACKEND": "torch", "KERAS_MAX_EPOCHS": "1"},
    ),
])  # fmt: skip
def test_keras_starts_silently_and_with_its_own_settings(settings, places, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    code = (
        "from utils import models; from keras import config; models.softmax_regression(); print(config.backend(), "
        "config.image_data_format(), config.floatx(), config.epsilon(), config.max_epochs())"
    )
    places = {name: place.format(folder=tmp_path) for name, place in places.items()}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | places
    )
    assert run.stdout == "tensorflow channels_last float32 1e-07 None\n", run.stderr
    assert run.stderr == ""
    assert json.loads((tmp_path / ".keras" / "keras.json").read_text()) == settings


def test_the_command_prints_the_check_and_nothing_to_stderr():
    run = subprocess.run(
        [sys.executable, "-m", "utils.environment"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("[ OK ] Python") and run.stderr == ""


def test_the_check_prints_a_path_whatever_the_terminal_knows():
    run = subprocess.run(
        [sys.executable, "-m", "utils.environment"],
        capture_output=True,
        text=True,
        env=os.environ
        | {"PYTHONIOENCODING": "ascii", "MNIST_PATH": "日/mnist.npz", "MNIST_SOURCE": ""},
    )
    assert r"names \u65e5/mnist.npz" in run.stdout and run.stderr == "", run


def test_standard_error_works_again_after_the_quiet_start():
    code = (
        "import sys\n"
        "from utils.environment import quiet_tensorflow\n"
        "with quiet_tensorflow(): print('lost', file=sys.stderr)\n"
        "print('kept', file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == "kept\n"
