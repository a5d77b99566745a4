"""Several workers train what one would train, whatever befalls them."""

import os
import signal
import socket
import time

import numpy as np
import pytest

from apps.scaling.training import (
    Unreachable,
    check_port,
    free_addresses,
    read_checkpoint,
    share_of,
    split_address,
    train_data_parallel,
    write_checkpoint,
)
from apps.scaling.workers import WorkerLost
from utils.prediction import DigitReader

# Without dropout, batch normalisation and augmentation, so that the sums alone decide.
PLAIN = {"epochs": 4, "batch_size": 128, "max_lr": 0.05, "augment": 0, "label_smoothing": 0.0}
TOLERANCE = 1e-5  # of a weight: floats are added up in another order


def plain_cnn():
    """Build a CNN without dropout and kinks: a ReLU near 0 may open in one run alone, by the last bit of a sum."""
    from utils.training import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, activation="tanh"),
            layers.Conv2D(32, 3, strides=2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(train, folder, validation=None, **options):
    """Train the plain network."""
    changes = {**PLAIN, "build": plain_cnn, **options.pop("changes", {})}
    return train_data_parallel(
        "fast", train, validation, folder=folder, optimizer="sgd", changes=changes, **options
    )


def train_in_one_process(images, labels):
    """Train the same network by Keras alone, in 20 steps on the same batches; return its weights."""
    from utils.training import keras

    keras.utils.set_random_seed(0)
    network = plain_cnn()
    network.compile(keras.optimizers.SGD(PLAIN["max_lr"]), "sparse_categorical_crossentropy")
    for epoch in range(PLAIN["epochs"]):
        order = np.random.default_rng([0, epoch]).permutation(len(images))
        for chosen in np.split(order, len(order) // PLAIN["batch_size"]):
            network.train_on_batch(
                images[chosen, :, :, np.newaxis].astype("float32") / 255, labels[chosen]
            )
    return network.get_weights()


def assert_same(weights, others):
    """Compare the weights of two networks."""
    for some, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(some, other, rtol=0, atol=TOLERANCE)


def kill_after(epoch, events, rank=1):
    """Return a listener that kills a worker once an epoch is kept, and notes every event."""

    def listen(event):
        events.append(event)
        if event["event"] == "epoch" and event["epoch"] == epoch and not events.of("resumed"):
            os.kill(events.of("started")[-1]["pids"][rank], signal.SIGKILL)

    return listen


def test_two_workers_one_of_them_killed_train_what_one_process_trains(digits, tmp_path, events):
    run = train(digits[0], tmp_path, digits[1], on_event=kill_after(1, events))
    assert_same(run.weights, train_in_one_process(*digits[0]))
    assert run.restarts >= 1  # a port that was free may be taken just before TensorFlow opens it
    assert any("SIGKILL" in event["reason"] for event in events.of("lost"))
    (resumed,) = {event["epoch"] for event in events.of("resumed")}
    assert 1 <= resumed < 4, "what was kept is not done again"
    assert [epoch["epoch"] for epoch in run.history] == [1, 2, 3, 4]
    right = np.mean(
        DigitReader(run.path).predict_batch(digits[1][0]).argmax(axis=1) == digits[1][1]
    )
    assert run.history[-1]["validation_accuracy"] == pytest.approx(right)


def test_peers_that_do_not_come_are_named_in_time(digits, tmp_path):
    places, start = free_addresses(2), time.monotonic()
    with pytest.raises(Unreachable, match=f"no answer from {places[1]}"):
        train(digits[0], tmp_path, addresses=places, index=0, timeout=3)
    assert time.monotonic() - start < 60
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_finds_no_room_leaves_the_last_one(small_disk):
    path = small_disk / "checkpoint.npz"
    write_checkpoint(path, [np.zeros(3)], weights=1, about="a run", history=[{"epoch": 1}])
    with pytest.raises(OSError, match=r"space|large"):
        write_checkpoint(
            path, [np.zeros(10**5)], weights=1, about="a run", history=[{"epoch": 1}, {"epoch": 2}]
        )
    assert len(read_checkpoint(path)["history"]) == 1
    assert list(small_disk.iterdir()) == [path]


@pytest.mark.long
def test_a_full_disk_is_an_error_and_leaves_no_checkpoint(digits, small_disk):
    with pytest.raises(OSError, match=r"space|large"):
        train(digits[0], small_disk, workers=1, changes={"epochs": 1})
    assert not list(small_disk.iterdir())


def test_a_port_in_use_is_named(digits, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=f"port {taken.getsockname()[1]} is in use"):
            train(digits[0], tmp_path, addresses=[place, "127.0.0.1:1"], index=0)
    check_port(place)


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"addresses": ["a:1", "b:2"]}, {"addresses": ["a:1"], "index": 1}]
)
def test_what_makes_no_cluster_is_refused(digits, tmp_path, options):
    with pytest.raises(ValueError, match=r"workers|index"):
        train(digits[0], tmp_path, **options)


@pytest.mark.parametrize(
    "text", ["host", "host:", ":1", "host:x", "host:0", "host:65536", "host:²"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="host:2222"):
        split_address(text)
    assert split_address("[::1]:80") == ("[::1]", 80)


def test_shares_hold_each_digit_once_and_differ_by_at_most_one():
    for workers in (1, 2, 3, 5):
        shares = [share_of(np.arange(13), worker, workers) for worker in range(workers)]
        assert sorted(np.concatenate(shares)) == list(range(13))
        assert np.ptp([len(share) for share in shares]) <= 1


def test_only_a_whole_checkpoint_is_trusted(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(
        path, [np.arange(3.0), np.array(7)], weights=1, about="a run", history=[{"epoch": 1}]
    )
    held = read_checkpoint(path)
    assert held["about"] == "a run" and held["history"] == [{"epoch": 1}]
    np.testing.assert_array_equal(held["weights"], [np.arange(3.0)])
    content = path.read_bytes()
    for end in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        assert read_checkpoint(path) is None
    spoilt = bytearray(content)
    spoilt[len(content) // 4] ^= 255
    path.write_bytes(spoilt)
    assert read_checkpoint(path) is None


@pytest.mark.long
def test_a_worker_that_is_lost_again_and_again_ends_the_run(digits, tmp_path, events):
    def kill(event):
        if event["event"] == "step":
            os.kill(events.of("started")[-1]["pids"][0], signal.SIGKILL)
        events.append(event)

    with pytest.raises(WorkerLost, match="after 1 restarts"):
        train(digits[0], tmp_path, restarts=1, on_event=kill)


@pytest.mark.long
def test_a_worker_that_hangs_is_found_and_the_run_goes_on(digits, tmp_path, events):
    def stop(event):
        events.append(event)
        if event["event"] == "epoch" and not events.of("resumed"):
            os.kill(events.of("started")[-1]["pids"][1], signal.SIGSTOP)

    run = train(digits[0], tmp_path, timeout=60, on_event=stop)
    assert run.restarts == 1, "TensorFlow, or the silence, has told"
    assert_same(run.weights, train_in_one_process(*digits[0]))


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["reference", "compact"])
def test_a_killed_run_with_dropout_or_normalisation_ends_as_it_would_have(
    recipe, digits, tmp_path, events
):
    changes = {"epochs": 2, "batch_size": 50}  # 640 digits: the last batch is smaller
    whole = train_data_parallel(recipe, *digits, folder=tmp_path / "whole", changes=changes)
    listen = kill_after(1, events, rank=0)
    killed = train_data_parallel(
        recipe, *digits, folder=tmp_path / "killed", changes=changes, on_event=listen
    )
    assert killed.restarts == 1
    for some, other in zip(whole.weights, killed.weights, strict=True):
        np.testing.assert_allclose(
            some, other, rtol=0, atol=1e-3
        )  # Adam makes much of the last bits


@pytest.mark.long
def test_another_run_in_the_folder_is_refused_and_a_finished_one_is_kept(digits, tmp_path):
    train(digits[0], tmp_path, workers=1)
    begun = time.monotonic()
    assert train(digits[0], tmp_path, workers=1).restarts == 0
    assert time.monotonic() - begun < 2
    (tmp_path / "model.keras").unlink()
    with pytest.raises(ValueError, match="another run"):
        train(digits[0], tmp_path, workers=1, seed=1)
