"""Several devices or hosts train what one would train, and a training that was killed resumes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from apps.cli.hosts import check_port, split_address, train_on_hosts
from apps.cli.train import chosen_recipe
from apps.scaling.training import make_devices, shard, train_on_devices
from tests.warm import PROCESSES
from utils.data import load_mnist
from utils.training import keras

TOLERANCE = 1e-5  # of a weight: floats are added up in another order


def train(workers, folder=None):
    """Return a network and its history, and how many ports were open after each epoch."""
    ports = []

    def count_ports(epoch, logs):
        here = psutil.Process()
        found = [
            connection
            for process in (here, *here.children(recursive=True))
            for connection in process.net_connections()
        ]
        ports.append(len([one for one in found if one.status == psutil.CONN_LISTEN]))

    mnist = load_mnist("sample")
    digits, held_out = (
        (mnist.x_train[:650], mnist.y_train[:650]),
        (mnist.x_test[:75], mnist.y_test[:75]),
    )
    # Without dropout, batch normalization, and augmentation, so that the sums alone decide.
    changes = {
        "epochs": 3,
        "batch_size": 64,
        "max_lr": 0.01,
        "augment": 0,
        "build": "softmax_regression",
    }
    recipe = chosen_recipe("reference", changes)
    watch = [keras.callbacks.LambdaCallback(on_epoch_end=count_ports)]
    return *train_on_devices(recipe, digits, held_out, 0, folder, workers, watch), ports


def train_on_two(folder, said=None):
    """Train on two devices, which a process can choose only once, and say how far one device's network is from it."""
    make_devices(2)
    two, history, ports = train(2, folder)
    one, _, _ = train(1)
    gap = max(abs(a - b).max() for a, b in zip(two.get_weights(), one.get_weights(), strict=True))
    with pytest.raises(RuntimeError, match="and ask for 3 before it computes anything"):
        make_devices(3)
    said.send((float(gap), history.epoch, ports))


def test_killed_training_on_two_devices_ends_like_one_device(tmp_path):
    folder = tmp_path / "run"
    first = PROCESSES.Process(target=train_on_two, args=(folder,), daemon=True)
    first.start()
    while not (folder / "checkpoint.npz").exists() and first.is_alive():
        time.sleep(0.01)
    first.kill()
    first.join()
    said, writer = PROCESSES.Pipe(duplex=False)
    second = PROCESSES.Process(target=train_on_two, args=(folder, writer), daemon=True)
    second.start()
    writer.close()  # so that a process that dies ends the wait below, with EOFError
    gap, epochs, ports = said.recv()
    assert gap < TOLERANCE and epochs == [0, 1, 2]
    assert ports and not any(ports), "local training opens no port"
    names = {path.name for path in folder.iterdir()}
    assert names == {".lock", "checkpoint.npz", "model.keras", "run.json"}


@pytest.mark.parametrize("workers", [0, 651])
def test_every_device_needs_a_digit(workers, digits):
    with pytest.raises(ValueError, match="a digit for each"):
        train_on_devices(chosen_recipe("fast"), *digits, workers=workers)


def test_recipe_is_chosen_by_name_and_changed():
    recipe = chosen_recipe("fast", {"build": "softmax_regression", "epochs": 2})
    assert recipe.build().count_params() == 7850 and recipe.epochs == 2
    with pytest.raises(ValueError, match="expected one of fast, "):
        chosen_recipe("quick")


def free_addresses(count):
    """Return addresses on this machine whose ports nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    return [f"127.0.0.1:{port}" for port in ports[:count]]


def job(digits, folder):
    """Return what two hosts are to do."""
    return "fast", {"epochs": 1, "batch_size": 320}, *digits, 0, str(folder)


def test_peers_that_do_not_come_are_named(digits, tmp_path):
    places = free_addresses(2)
    with pytest.raises(ConnectionError, match=f"no answer from {places[1]} in 1 s"):
        train_on_hosts(places, 0, job(digits, tmp_path / "run"), timeout=1)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {".lock", "run.json"}


def test_port_in_use_is_named(digits, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=f"port {taken.getsockname()[1]} is in use"):
            train_on_hosts([place, "127.0.0.1:1"], 0, job(digits, tmp_path))
    check_port(place)


@pytest.mark.parametrize("index", [None, -1, 2])
def test_index_must_be_a_place_among_the_addresses(index, digits, tmp_path):
    with pytest.raises(ValueError, match="index: expected the place of this host among the 2"):
        train_on_hosts(["a:1", "b:2"], index, job(digits, tmp_path))


@pytest.mark.parametrize(
    "text", ["host", "host:", ":1", "host:x", "host:0", "host:65536", "host:²"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="host:2222"):
        split_address(text)
    assert split_address("[::1]:80") == ("[::1]", 80)


def test_shards_hold_each_digit_once_and_differ_by_one():
    for workers in (1, 2, 3, 5):
        shards = [shard(np.arange(13), worker, workers) for worker in range(workers)]
        assert sorted(np.concatenate(shards)) == list(range(13))
        assert np.ptp([len(part) for part in shards]) <= 1


def start_hosts(places, tmp_path):
    """Start the same command on two hosts that are both this one."""
    command = [sys.executable, "-m", "apps.cli", "scale", "train", "compact", "--source", "sample"]
    command += ["--epochs", "3", "--addresses", ",".join(places)]
    return [
        subprocess.Popen(
            [*command, "--index", str(index), "--folder", str(tmp_path / str(index))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for index in (0, 1)
    ]


def weights(folder):
    """Return the weights of a saved network."""
    from utils.training import keras

    return keras.models.load_model(folder / "model.keras").get_weights()


@pytest.mark.long
@pytest.mark.parametrize("victim", [0, 1])
def test_hosts_notice_a_lost_one_and_resume(victim, tmp_path):
    places = free_addresses(2)
    hosts = start_hosts(places, tmp_path)
    while not (tmp_path / "0" / "checkpoint.npz").exists() and hosts[0].poll() is None:
        time.sleep(0.05)
    os.killpg(hosts[victim].pid, signal.SIGKILL)
    said = [host.communicate(timeout=300) for host in hosts]
    assert hosts[1 - victim].returncode == 1
    assert said[1 - victim][1].strip().startswith("Error: a worker was lost: give the same command")
    hosts = start_hosts(places, tmp_path)
    said = [host.communicate(timeout=300) for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], said
    assert re.search(r"Going on after epoch [12]", said[0][0])
    assert re.search(r"[\d.]+% of the digits held back are read. Saved as ", said[0][0])
    assert "the first worker has the network" in said[1][0] and not (tmp_path / "1").exists()
    whole = tmp_path / "whole"
    for host in start_hosts(free_addresses(2), whole):
        host.communicate(timeout=300)
    for some, other in zip(weights(tmp_path / "0"), weights(whole / "0"), strict=True):
        np.testing.assert_allclose(some, other, rtol=0, atol=1e-3)


@pytest.mark.long
def test_full_disk_on_a_host_is_an_error(digits, small_disk):
    with pytest.raises(OSError, match=r"space|large"):
        train_on_hosts(free_addresses(1), 0, job(digits, small_disk))
    assert {path.name for path in small_disk.iterdir()} == {".lock", "run.json"}
