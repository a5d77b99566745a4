"""Batches, schedules, recipes, and runs that are interrupted, for real."""

import json
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.warm import PROCESSES
from utils import data, training
from utils.augmentation import robust_augmentation
from utils.checkpoint import NAME, epochs_done, read_checkpoint, write_checkpoint
from utils.models import softmax_regression, tiny_cnn
from utils.prediction import MODELS, DigitReader
from utils.preprocessing import one_hot, scale
from utils.training import RECIPES, Recipe, describe_run, fit, make_batches, one_cycle

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)
import tensorflow as tf  # isort: skip


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


@pytest.mark.parametrize("augment", [0, 1, robust_augmentation])
def test_batches_follow_from_seed_and_epoch_alone(augment, digits):
    augmentation = Recipe(augment=augment).augmentation(0)
    few = digits[0][:100], digits[1][:100]

    def batches(seed, epoch):
        return make_batches(*few, 40, True, augmentation, seed=seed, epoch=epoch)

    def pixels(made):
        return np.concatenate([x for x, _ in made])

    epoch = tf.Variable(3, dtype="int64")
    following = batches(1, epoch)
    third = pixels(following)
    assert len(following) == 3 and len(third) == 100
    np.testing.assert_array_equal(pixels(following), third)
    np.testing.assert_array_equal(pixels(batches(1, 3)), third)
    if augment != robust_augmentation:  # whose batches take seconds to build
        assert not np.array_equal(pixels(batches(2**32 - 1, 3)), third)
    epoch.assign(4)
    assert not np.array_equal(pixels(following), third)


@pytest.mark.parametrize(
    ("damage", "message"),
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
def test_training_says_what_is_wrong_with_its_input(digits, damage, message):
    with pytest.raises(ValueError, match=message):
        fit(Recipe(softmax_regression, epochs=1), damage(*digits), verbose=0)


def test_one_cycle_rises_to_its_peak_and_falls_to_zero():
    rate = one_cycle(0.01, steps=100, warm_up=0.2)
    rates = np.array([float(rate(step)) for step in range(101)])
    assert rates.argmax() == 20 and rates.max() == pytest.approx(0.01)
    assert rates[0] == pytest.approx(0.01 / 25) and rates[100] == pytest.approx(0, abs=1e-6)
    assert (np.diff(rates[:21]) > 0).all() and (np.diff(rates[20:]) < 0).all()


@pytest.fixture(scope="module")
def trained(digits):
    recipe = Recipe(softmax_regression, epochs=8, max_lr=0.01, augment=False)
    return fit(recipe, digits, digits, verbose=0)


def test_a_small_network_learns_to_read(trained):
    model, history = trained
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


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_diverged_network_is_not_saved(weight, tmp_path):
    model, path = softmax_regression(), tmp_path / "model.keras"
    path.write_bytes(b"the old network")
    model.layers[-1].bias.assign([weight] * 10)
    with pytest.raises(ValueError, match=r"model\.keras isn't saved: .* smaller learning rate"):
        training.save_model(model, path)
    assert path.read_bytes() == b"the old network" and len(list(tmp_path.iterdir())) == 1


def test_a_diverged_run_saves_no_network_however_often(digits, tmp_path):
    recipe = Recipe(softmax_regression, epochs=1, max_lr=np.inf, schedule=lambda peak, steps: peak)
    for _ in range(2):
        with pytest.raises(ValueError, match="weights are NaN"):
            fit(recipe, (digits[0][:130], digits[1][:130]), folder=tmp_path, verbose=0)
    assert not (tmp_path / "model.keras").exists()


def steps_of(model):
    return int(model.optimizer.iterations)


def test_less_than_an_epoch_is_that_share_of_its_steps(digits):
    model, history = fit(
        Recipe(softmax_regression, epochs=0.5, batch_size=50, augment=False), digits, verbose=0
    )
    assert steps_of(model) == 6 and len(history.epoch) == 1
    assert "accuracy" not in history.history  # nobody compares it


def test_label_smoothing_spreads_a_tenth_over_all_digits(digits):
    recipe = Recipe(softmax_regression, epochs=1, augment=False, label_smoothing=0.1)
    model, history = fit(recipe, digits, digits, verbose=0)
    answers, wanted = np.asarray(model(scale(digits[0]))), 0.9 * one_hot(digits[1]) + 0.01
    by_hand = -np.mean(np.sum(wanted * np.log(answers), axis=1))
    assert history.history["val_loss"][-1] == pytest.approx(by_hand, rel=1e-4)


def test_ema_momentum_ends_with_a_mean_of_the_weights(digits):
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


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"sample"}))  # which trains as compact does
def test_every_recipe_of_the_course_trains(name, digits):
    few = digits[0][:130], digits[1][:130]
    model, _ = fit(replace(RECIPES[name], epochs=1), few, verbose=0)
    assert np.isfinite(np.concatenate([weights.ravel() for weights in model.get_weights()])).all()


@pytest.mark.parametrize("name", ["trained", "tiny"])
def test_exports_answer_like_the_model_and_are_small(name, trained, digits, tmp_path):
    shipped = MODELS / f"{name}.keras"
    model = keras.models.load_model(shipped, compile=False) if shipped.exists() else trained[0]
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


QUICK = Recipe(softmax_regression, epochs=2)


def test_callbacks_see_one_training_beside_a_checkpoint(digits, tmp_path):
    told = []
    watcher = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: told.append("begin"),
        on_epoch_end=lambda epoch, logs: told.append((epoch, sorted(logs))),
        on_train_end=lambda logs: told.append("end"),
    )
    fit(QUICK, digits, folder=tmp_path / "run", callbacks=[watcher], verbose=0)
    assert told == ["begin", (0, ["loss"]), (1, ["loss"]), "end"]


# Runs that are interrupted


def small_network():
    """Build a network with every kind of state: weights, running means, and a seed for dropout."""
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Dense(8)(keras.layers.Flatten()(inputs))
    x = keras.layers.Dropout(0.2)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


SMALL = Recipe(small_network, epochs=6, batch_size=20, max_lr=0.02, ema_momentum=0.9)


class Killed(keras.callbacks.Callback):
    """Kill this process without warning at a moment of its training."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.moment == "between epochs" and epoch == 3:
            kill_this_process()
        if self.moment == "during the save" and epoch == 2:
            Path.write_bytes = write_half

    def on_train_batch_end(self, batch, logs=None):
        if self.moment == "during an epoch" and self.epoch == 1:
            kill_this_process()


def kill_this_process():
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def write_half(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    kill_this_process()


def train_small(folder, moment=None):
    """Train until early stopping, or until a moment at which this process is killed."""
    mnist = data.load_mnist("sample")
    few = mnist.x_train[:200], mnist.y_train[:200]
    # The loss falls, so the first epoch has the highest, and the fifth is the last.
    early = keras.callbacks.EarlyStopping("loss", 0, 4, mode="max", restore_best_weights=True)
    network, history = fit(SMALL, few, few, 1, folder, [early, Killed(moment)], verbose=0)
    return network, history, early


def same(one, other):
    keras.tree.map_structure(partial(np.testing.assert_allclose, rtol=0, atol=1e-6), one, other)


def test_killed_run_ends_like_an_uninterrupted_one(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for done, moment in enumerate(("during an epoch", "during the save", "between epochs"), 1):
        process = PROCESSES.Process(target=train_small, args=(killed, moment), daemon=True)
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        assert epochs_done(killed) == done and not (killed / "model.keras").exists()
        assert len(list(killed.glob("*.part.*"))) == (moment == "during the save")

    network, history, early = train_small(killed)
    expected, whole_history, whole_early = train_small(whole)
    assert sorted(path.name for path in killed.iterdir()) == [
        "checkpoint.npz", "model.keras", "run.json"
    ]  # fmt: skip
    same(network.get_weights(), expected.get_weights())
    same(read_checkpoint(killed / NAME), read_checkpoint(whole / NAME))
    assert history.epoch == whole_history.epoch == [0, 1, 2, 3, 4]
    same(history.history, whole_history.history)
    assert early.best_epoch == whole_early.best_epoch == 0 and early.wait == whole_early.wait == 4
    same(early.best_weights, whole_early.best_weights)
    same(keras.models.load_model(killed / "model.keras").get_weights(), expected.get_weights())


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, *fit(QUICK, digits, folder=folder, verbose=0)


def test_finished_run_is_returned_as_it_is(finished, digits):
    folder, model, history = finished
    saved = (folder / "model.keras").stat().st_mtime_ns
    again, all_epochs = fit(QUICK, digits, folder=folder, callbacks=[Never()], verbose=0)
    same(again.get_weights(), model.get_weights())
    assert all_epochs.epoch == [0, 1] and all_epochs.history == history.history
    assert (folder / "model.keras").stat().st_mtime_ns == saved


class Never(keras.callbacks.Callback):
    """Fail if any epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        raise AssertionError("nothing was left to train")


def test_another_run_in_the_folder_is_refused(finished, digits):
    for difference, change in {
        "epochs 2, but now it is 3": {"recipe": replace(QUICK, epochs=3)},
        "build softmax_regression, but now it is tiny_cnn": {
            "recipe": replace(QUICK, build=tiny_cnn)
        },
        "seed 0, but now it is 1": {"seed": 1},
        "train_digits 600, but now it is 500": {"train": (digits[0][:500], digits[1][:500])},
        "train_sha256": {"train": (digits[0], 9 - digits[1])},
        "validation_digits 0, but now it is 600": {"validation": digits},
    }.items():
        with pytest.raises(ValueError, match=difference):
            fit(**{"recipe": QUICK, "train": digits, **change}, folder=finished[0], verbose=0)


@pytest.mark.parametrize("change", [{"batch_size": 64}, {"augment": 0}])
def test_an_interrupted_run_is_not_resumed_as_another(change, digits, tmp_path):
    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    few = digits[0][:130], digits[1][:130]
    late = keras.callbacks.LambdaCallback()
    late.on_epoch_begin = lambda epoch, logs: interrupt(epoch, logs) if epoch else None
    with pytest.raises(KeyboardInterrupt):
        fit(QUICK, few, folder=tmp_path, callbacks=[late], verbose=0)
    held = (tmp_path / NAME).read_bytes()
    with pytest.raises(ValueError, match=f"holds a run with {next(iter(change))}"):
        fit(replace(QUICK, **change), few, folder=tmp_path, verbose=0)
    assert epochs_done(tmp_path) == 1 and (tmp_path / NAME).read_bytes() == held


def test_a_function_that_keeps_its_name_is_another_run(digits, tmp_path):
    def schedule(peak, steps):
        return peak

    recipe = replace(QUICK, schedule=schedule)
    fit(recipe, digits, folder=tmp_path, verbose=0)
    fit(recipe, digits, folder=tmp_path, callbacks=[Never()], verbose=0)

    def schedule(peak, steps):
        return peak / 2

    lines = (
        replace(QUICK, schedule=lambda peak, steps: peak),
        replace(QUICK, schedule=lambda peak, steps: peak / 2),
    )
    assert len({describe_run(one, digits, None, 0)["your_functions"] for one in lines}) == 2
    with pytest.raises(ValueError, match="your_functions"):
        fit(replace(QUICK, schedule=schedule), digits, folder=tmp_path, verbose=0)


def test_run_is_described_alike_in_every_process(digits):
    made = partial(softmax_regression)
    for build, name in ((softmax_regression, "softmax_regression"), (made, repr(made)[:20])):
        run = describe_run(Recipe(build), digits, None, seed=3)
        assert run["build"].startswith(name) and " at 0x" not in run["build"]
        assert (run["seed"], run["train_digits"], run["validation_digits"]) == (3, 600, 0)
        assert json.loads(json.dumps(run)) == run


def test_full_disk_keeps_the_previous_checkpoint(digits, tmp_path, monkeypatch):
    fill = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch and monkeypatch.setattr(Path, "write_bytes", full)
    )
    with pytest.raises(OSError, match="No space left"):
        fit(QUICK, digits, folder=tmp_path, callbacks=[fill], verbose=0)
    monkeypatch.undo()
    assert epochs_done(tmp_path) == 1 and not (tmp_path / "model.keras").exists()
    assert fit(QUICK, digits, folder=tmp_path, verbose=0)[1].epoch == [0, 1]


def full(*_):
    raise OSError(28, "No space left on device")


def test_trained_network_that_was_not_saved_is_not_lost(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "save_model", full)
    with pytest.raises(OSError, match="No space left"):
        fit(QUICK, digits, folder=tmp_path, verbose=0)
    assert epochs_done(tmp_path) == 2
    monkeypatch.undo()
    _, history = fit(QUICK, digits, folder=tmp_path, callbacks=[Never()], verbose=0)
    assert history.epoch == [0, 1] and (tmp_path / "model.keras").exists()


def test_checkpoint_that_is_not_whole_counts_as_none(tmp_path):
    path = tmp_path / NAME
    state = {"epoch": [0], "history": {"loss": [np.inf]}, "variables": [np.eye(3), np.uint32(7)]}
    write_checkpoint(path, state)
    same(read_checkpoint(path), state)
    whole = path.read_bytes()
    for content in (b"", whole[:-9], whole[: len(whole) // 2], b"PK\x03\x04"):
        path.write_bytes(content)
        assert read_checkpoint(path) is None and epochs_done(tmp_path) == 0
    assert epochs_done(tmp_path / "nowhere") == 0
