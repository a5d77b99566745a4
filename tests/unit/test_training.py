"""Batches, schedules, recipes, and runs that are interrupted, for real."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tree import ROOT
from utils import data, training
from utils.augmentation import RandomAffine
from utils.models import reference_cnn, slim_cnn, softmax_regression, tiny_cnn
from utils.prediction import DigitReader
from utils.preprocessing import one_hot, scale
from utils.training import RECIPES, Recipe, fit, make_batches, one_cycle

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
    first, second = (
        np.concatenate([np.round(x[:, 0, 0, 0] * 255) for x, _ in batches]) for _ in range(2)
    )
    np.testing.assert_array_equal(np.sort(first), np.arange(256))
    np.testing.assert_array_equal(np.sort(second), np.arange(256))
    assert not np.array_equal(first, second) and not np.array_equal(first, np.sort(first))


def test_a_recipe_may_make_its_own_augmentation(digits):
    asked = []

    def darkness(seed):
        asked.append(seed)
        return keras.layers.Rescaling(0.0)  # nobody learns to read in the dark

    recipe = Recipe(softmax_regression, epochs=1, augment=darkness)
    model, _ = fit(recipe, digits, seed=3, verbose=0)
    assert asked == [3]
    np.testing.assert_array_equal(model.layers[-1].kernel, fresh_kernel(seed=3))


def fresh_kernel(seed):
    keras.utils.set_random_seed(seed)
    return softmax_regression().layers[-1].kernel


def test_the_same_seed_serves_the_same_augmented_batches(digits):
    def serve(seed):
        batches = make_batches(
            *digits, shuffle=True, augmentation=RandomAffine(seed=seed), seed=seed
        )
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
    recipe = Recipe(slim_cnn, epochs=1, batch_size=100)
    (one, _), (two, _), (other, _) = (
        fit(recipe, digits, seed=seed, verbose=0) for seed in (1, 1, 2)
    )
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not np.allclose(one.get_weights()[0], other.get_weights()[0])


def test_a_small_network_learns_to_read(digits):
    model, history = fit(
        Recipe(softmax_regression, epochs=8, max_lr=0.01, augment=False),
        digits,
        digits,
        verbose=0,
    )
    assert history.history["val_accuracy"][-1] > 0.9
    assert model.count_params() == 7850


def test_save_model_leaves_one_whole_file(tmp_path):
    model = softmax_regression()
    path = training.save_model(model, tmp_path / "new" / "model.keras")
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]
    np.testing.assert_array_equal(
        keras.models.load_model(path).get_weights()[0], model.get_weights()[0]
    )


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


def steps_of(model):
    return int(model.optimizer.iterations)


def test_less_than_an_epoch_is_that_share_of_its_steps(digits):
    model, history = fit(
        Recipe(softmax_regression, epochs=0.5, batch_size=50, augment=False), digits, verbose=0
    )
    assert steps_of(model) == 6 and len(history.epoch) == 1
    assert "accuracy" not in history.history  # nobody compares it


def test_smoothed_labels_leave_a_tenth_of_the_certainty_to_all_digits(digits):
    recipe = Recipe(softmax_regression, epochs=1, augment=False, label_smoothing=0.1)
    model, history = fit(recipe, digits, digits, verbose=0)
    answers, wanted = np.asarray(model(scale(digits[0]))), 0.9 * one_hot(digits[1]) + 0.01
    by_hand = -np.mean(np.sum(wanted * np.log(answers), axis=1))
    assert history.history["val_loss"][-1] == pytest.approx(by_hand, rel=1e-4)


def test_averaging_ends_with_a_mean_of_the_weights_and_its_momentum_counts(digits):
    recipe = Recipe(softmax_regression, epochs=1, batch_size=50, augment=False)
    plain, slow = (
        fit(replace(recipe, ema_momentum=a), digits, verbose=0)[0].get_weights()[0]
        for a in (0.0, 0.99)
    )
    assert not np.allclose(plain, slow)
    start = (
        softmax_regression().get_weights()[0].std()
    )  # the mean has hardly left where the run began
    assert abs(slow.std() - start) < abs(plain.std() - start)


def test_the_schedule_of_a_recipe_sets_the_rate(digits):
    recipe = Recipe(
        softmax_regression,
        epochs=1,
        augment=False,
        max_lr=0.123,
        schedule=lambda peak, steps: peak,
    )
    assert float(fit(recipe, digits, verbose=0)[0].optimizer.learning_rate) == pytest.approx(0.123)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_of_the_course_trains(name, digits):
    few = digits[0][:130], digits[1][:130]
    model, _ = fit(replace(RECIPES[name], epochs=1), few, verbose=0)
    assert np.isfinite(np.concatenate([weights.ravel() for weights in model.get_weights()])).all()


@pytest.mark.parametrize("build", [softmax_regression, tiny_cnn])
def test_exports_answer_like_the_model_and_eight_bits_are_small(build, digits, tmp_path):
    model, _ = fit(Recipe(build, epochs=2, batch_size=50), digits, verbose=0)
    onnx = training.export_onnx(model, tmp_path / "new" / "model.onnx")
    int8 = training.export_int8(model, digits[0][:100], tmp_path / "new" / "model.tflite")
    assert sorted(path.name for path in onnx.parent.iterdir()) == ["model.onnx", "model.tflite"]
    answers = model(scale(digits[0]))
    np.testing.assert_allclose(DigitReader(onnx).predict_batch(digits[0]), answers, atol=1e-5)
    assert (
        np.mean(
            DigitReader(int8).predict_batch(digits[0]).argmax(axis=1) == np.argmax(answers, axis=1)
        )
        > 0.93
    )
    assert int8.stat().st_size < onnx.stat().st_size


def test_an_export_that_fails_leaves_the_old_file_alone(digits, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="raw uint8 pixels"):
        training.export_int8(softmax_regression(), scale(digits[0])[..., 0], path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_callbacks_are_told_of_every_epoch_also_beside_a_backup(digits, tmp_path):
    told = []
    watcher = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: told.append((epoch, sorted(logs)))
    )
    fit(
        Recipe(softmax_regression, epochs=2),
        digits,
        folder=tmp_path,
        callbacks=[watcher],
        verbose=0,
    )
    assert told == [(0, ["loss"]), (1, ["loss"])]
    assert (tmp_path / "model.keras").is_file()


RUN = """
import sys
from tests.unit.test_training import train_in
train_in(sys.argv[1])
"""


def train_in(folder):
    """Train for four epochs that shuffle, augment and drop, and return the epochs that were left to train."""
    mnist = data.load_mnist("sample")
    few = mnist.x_train[:500], mnist.y_train[:500]
    model, history = fit(Recipe(reference_cnn, epochs=4), few, folder=folder, verbose=2)
    assert int(model.optimizer.iterations) == 16
    return history.epoch


def test_a_run_killed_by_sigkill_goes_on_from_its_last_epoch_and_ends_with_the_same_network(
    tmp_path,
):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-u", "-c", RUN, killed]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if line.startswith("Epoch 3/4"):
                break
        os.kill(
            run.pid, getattr(signal, "SIGKILL", signal.SIGTERM)
        )  # at the start of the third epoch, or within it
    assert run.returncode != 0
    assert not (killed / "model.keras").exists() and training.epochs_done(killed) in (2, 3)

    assert train_in(killed) in ([2, 3], [3])
    assert train_in(whole) == [0, 1, 2, 3]
    assert [path.name for path in killed.iterdir()] == ["model.keras"]
    one, other = (
        keras.models.load_model(folder / "model.keras").get_weights() for folder in (killed, whole)
    )
    for before, after in zip(one, other, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-5)


def test_the_network_is_saved_before_its_backup_is_deleted(digits, tmp_path, monkeypatch):
    def full(model, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training, "save_model", full)
    with pytest.raises(OSError, match="No space"):
        fit(Recipe(softmax_regression, epochs=2), digits, folder=tmp_path, verbose=0)
    assert training.epochs_done(tmp_path) == 2


def test_a_first_epoch_that_was_not_kept_whole_is_done_again(digits, tmp_path):
    backup = tmp_path / "backup"
    for half in ("", '{"epo'):
        backup.mkdir()
        (backup / "training_metadata.json").write_text(half)
        assert training.epochs_done(tmp_path) == 0
        _, history = fit(Recipe(softmax_regression, epochs=2), digits, folder=tmp_path, verbose=0)
        assert history.epoch == [0, 1] and not backup.exists()
    assert training.epochs_done(tmp_path / "nowhere") == 0
