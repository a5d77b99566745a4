"""Batches, schedules, recipes, and runs that are interrupted, for real."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from utils import data, training
from utils.augmentation import RandomAffine
from utils.models import compact_cnn, softmax_regression
from utils.preprocessing import one_hot, scale
from utils.training import Recipe, fit, make_batches, one_cycle

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)


@pytest.fixture(scope="module")
def digits():
    mnist = data.load_mnist("sample")
    return mnist.x_train[:600], mnist.y_train[:600]


def test_batches_are_scaled_floats_in_the_networks_shape(digits):
    images, labels = next(iter(make_batches(*digits, batch_size=32)))
    assert images.shape == (32, 28, 28, 1) and images.dtype == "float32"
    np.testing.assert_allclose(images, scale(digits[0][:32]))
    np.testing.assert_array_equal(labels, digits[1][:32])


def test_every_digit_comes_once_an_epoch_in_a_new_order(digits):
    images = np.arange(256, dtype="uint8")[:, None, None] * np.ones((1, 28, 28), "uint8")
    batches = make_batches(images, np.zeros(256, int), batch_size=100, shuffle=True)
    first, second = (np.concatenate([np.round(x[:, 0, 0, 0] * 255) for x, _ in batches]) for _ in range(2))
    np.testing.assert_array_equal(np.sort(first), np.arange(256))
    np.testing.assert_array_equal(np.sort(second), np.arange(256))
    assert not np.array_equal(first, second) and not np.array_equal(first, np.sort(first))


def test_the_same_seed_serves_the_same_augmented_batches(digits):
    def serve(seed):
        batches = make_batches(*digits, shuffle=True, augmentation=RandomAffine(seed=seed), seed=seed)
        return np.concatenate([x for x, _ in batches])

    np.testing.assert_array_equal(serve(1), serve(1))
    assert not np.array_equal(serve(1), serve(2))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (scale(x), y), r"expected images of shape \(n, 28, 28\)"),
        (lambda x, y: (x / 255, y), "raw uint8 pixels"),
        (lambda x, y: (x[:, :20], y), r"got \(600, 20, 28\)"),
        (lambda x, y: (x[:0], y[:0]), "n >= 1"),
        (lambda x, y: (x, y[:-1]), "one label per image"),
        (lambda x, y: (x, one_hot(y)), "not one-hot rows"),
        (lambda x, y: (x, y + 1), "from 0 to 9"),
        (lambda x, y: (x, y / 2), "whole-number labels"),
    ],
)
def test_training_says_what_is_wrong_with_its_input(digits, spoil, message):
    with pytest.raises(ValueError, match=message):
        fit(Recipe(softmax_regression, epochs=1), spoil(*digits), verbose=0)


def test_one_cycle_rises_to_its_peak_and_falls_to_zero():
    rate = one_cycle(0.01, steps=100, warm_up=0.2)
    rates = np.array([float(rate(step)) for step in range(101)])
    assert rates.argmax() == 20 and rates.max() == pytest.approx(0.01)
    assert rates[0] == pytest.approx(0.01 / 25) and rates[100] == pytest.approx(0, abs=1e-6)
    assert (np.diff(rates[:21]) > 0).all() and (np.diff(rates[20:]) < 0).all()


def test_the_same_recipe_and_seed_give_the_same_network(digits):
    recipe = Recipe(compact_cnn, epochs=1, batch_size=100)
    (one, _), (two, _), (other, _) = (fit(recipe, digits, seed=seed, verbose=0) for seed in (1, 1, 2))
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not np.allclose(one.get_weights()[0], other.get_weights()[0])


def test_a_small_network_learns_to_read(digits):
    model, history = fit(Recipe(softmax_regression, epochs=8, peak_rate=0.01, augment=False), digits, digits, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.9
    assert model.count_params() == 7850


def test_save_model_leaves_one_whole_file(tmp_path):
    model = softmax_regression()
    path = training.save_model(model, tmp_path / "new" / "model.keras")
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]
    np.testing.assert_array_equal(keras.models.load_model(path).get_weights()[0], model.get_weights()[0])


def test_a_save_that_fails_leaves_the_old_model_alone(tmp_path, monkeypatch):
    model = softmax_regression()
    path = training.save_model(model, tmp_path / "model.keras")
    before = path.read_bytes()

    def break_off(beside):
        Path(beside).write_bytes(before[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(model, "save", break_off)
    with pytest.raises(OSError, match="no space"):
        training.save_model(model, path)
    assert path.read_bytes() == before


RUN = """
import sys
from utils import data
from utils.models import compact_cnn
from utils.training import Recipe, fit
mnist = data.load_mnist("sample")
few = mnist.x_train[:1000], mnist.y_train[:1000]
model, history = fit(Recipe(compact_cnn, epochs=6), few, folder=sys.argv[1], verbose=2)
print("epochs", history.epoch, "steps", int(model.optimizer.iterations))
"""


def test_a_run_killed_by_sigkill_goes_on_from_its_last_epoch(tmp_path):
    with subprocess.Popen([sys.executable, "-u", "-c", RUN, tmp_path], stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if line.startswith("Epoch 4/6"):
                break
        time.sleep(0.05)  # in the middle of the fourth epoch
        os.kill(run.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    assert run.returncode != 0
    assert not (tmp_path / "model.keras").exists()

    again = subprocess.run([sys.executable, "-c", RUN, tmp_path], capture_output=True, text=True, check=True)
    assert "epochs [3, 4, 5] steps 48" in again.stdout or "epochs [4, 5] steps 48" in again.stdout
    assert (tmp_path / "model.keras").is_file()
