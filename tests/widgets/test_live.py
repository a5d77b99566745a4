"""The live view shows what the history holds, in one place, and takes little of the time."""

import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from utils import data
from utils.models import softmax_regression
from utils.training import Recipe, fit, make_batches
from utils.widgets import live
from utils.widgets.live import LiveTraining

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)


@pytest.fixture(scope="module")
def digits():
    mnist = data.load_mnist("sample")
    return mnist.x_train[:600], mnist.y_train[:600]


@pytest.fixture
def shown(monkeypatch):
    """Return a list of what is displayed: (bundle, metadata, display_id, whether it takes the place of another)."""
    shown = []

    def display(bundle, metadata, raw, display_id, update):
        shown.append((bundle, metadata, display_id, update))

    monkeypatch.setattr(live, "display", display)
    return shown


@pytest.fixture
def drawn(monkeypatch):
    """Return a list of the figures that are drawn."""
    drawn, to_png = [], live.to_png
    monkeypatch.setattr(live, "to_png", lambda figure: drawn.append(figure) or to_png(figure))
    return drawn


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that goes only when told to; a picture takes 0.05 s on it."""
    clock = SimpleNamespace(now=0.0, drawing=0.0, pictures=0)

    def draw(_):
        clock.now += 0.05
        clock.drawing += 0.05
        clock.pictures += 1
        return b"a picture"

    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(LiveTraining, "_draw", draw)
    return clock


def run(watcher, clock, epochs, steps=100, first_epoch=0, seconds=0.02, start=0.0):
    """Play a training run of so many seconds a step, and `start` seconds more for the first; yield each remark."""
    watcher.set_params({"epochs": epochs, "steps": steps})
    watcher.on_train_begin()
    clock.now += start
    for epoch in range(first_epoch, epochs):
        watcher.on_epoch_begin(epoch)
        for batch in range(steps):
            clock.now += seconds
            watcher.on_train_batch_end(batch, {"loss": 1.0})
            yield epoch + (batch + 1) / steps, watcher.remark
        watcher.on_epoch_end(epoch, {"loss": 0.5})
    watcher.on_train_end({"loss": 0.5})


def curves(axes):
    """Return each named line of a figure as (epochs, values)."""
    return {
        line.get_label().split(", ")[1]: line.get_data()
        for line in axes.lines
        if ", " in line.get_label()
    }


def test_the_last_picture_shows_the_whole_history(digits, shown, drawn):
    watcher = LiveTraining("small network")
    recipe = Recipe(softmax_regression, epochs=3, augment=0)
    history = fit(recipe, digits, digits, callbacks=[watcher], verbose=0)[1].history
    for axes, metric in zip(drawn[-1].axes, ("loss", "accuracy"), strict=True):
        assert axes.get_ylabel() == metric
        for part, name in (("training", metric), ("validation", f"val_{metric}")):
            epochs, values = curves(axes)[part]
            assert list(epochs) == [1, 2, 3]
            np.testing.assert_allclose(values, history[name])
        np.testing.assert_allclose(np.ravel(axes.lines[-1].get_data()), [3, history[metric][-1]])
    assert watcher.remark.startswith("Finished after 3 of 3 epochs, in ")
    assert f"validation accuracy {history['val_accuracy'][-1]:.4f}" in watcher.remark


def test_picture_and_line_are_displayed_once_and_then_replaced(digits, shown):
    watcher = LiveTraining("small network")
    fit(Recipe(softmax_regression, epochs=2, augment=0), digits, callbacks=[watcher], verbose=0)
    assert len(shown) >= 4 and [update for *_, update in shown] == [False, False] + [True] * (
        len(shown) - 2
    )
    assert len({place for _, _, place, _ in shown}) == 2
    (picture, metadata, *_), (line, *_) = shown[-2:]
    assert Image.open(io.BytesIO(base64.b64decode(picture["image/png"]))).format == "PNG"
    assert len(watcher.png) < 50_000
    assert (
        picture["text/plain"] == metadata["image/png"]["alt"]
        and "small network. Finished" in picture["text/plain"]
    )
    assert line["text/markdown"] == line["text/plain"] == watcher.remark


def test_without_validation_and_accuracy_there_is_one_panel(digits, shown, drawn):
    watcher = LiveTraining()
    fit(Recipe(softmax_regression, epochs=2, augment=0), digits, callbacks=[watcher], verbose=0)
    (axes,) = drawn[-1].axes
    assert list(curves(axes)) == ["training"] and "accuracy" not in watcher.remark


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_works_with_early_stopping_and_uncounted_batches(digits, shown):
    uncounted = make_batches(*digits).filter(lambda *_: True)
    model = softmax_regression()
    model.compile("sgd", "sparse_categorical_crossentropy")
    watcher, stop = LiveTraining(), keras.callbacks.EarlyStopping("loss", min_delta=100, patience=2)
    model.fit(uncounted, epochs=9, callbacks=[watcher, stop], shuffle=False, verbose=0)
    assert watcher.params["steps"] is None
    assert watcher.remark.startswith("Finished after 3 of 9 epochs")


def test_a_metric_that_is_measured_now_and_then_keeps_its_epochs(shown, drawn):
    watcher = LiveTraining()
    watcher.set_params({"epochs": 3, "steps": 1})
    watcher.on_train_begin()
    for epoch, logs in enumerate(({"loss": 3.0}, {"loss": 2.0, "val_loss": 4.0}, {"loss": 1.0})):
        watcher.on_epoch_begin(epoch)
        watcher.on_epoch_end(epoch, logs)
    watcher.on_train_end()
    np.testing.assert_array_equal(curves(drawn[-1].axes[0])["validation"][1], [np.nan, 4, np.nan])


def test_the_time_left_is_right_though_the_first_step_takes_long(shown, clock):
    total = 10 * 100 * 0.02
    for done, remark in run(LiveTraining(), clock, epochs=10, start=7):
        if done > 1:
            told = int(re.search(r"about (\d+) s left", remark)[1])
            assert told == pytest.approx(
                total * (1 - done / 10), abs=2.5
            )  # it was told up to a second ago
    assert clock.pictures > 10


def test_drawing_takes_less_than_a_twentieth_of_the_time(shown, clock):
    list(run(LiveTraining(), clock, epochs=50, seconds=0.003))
    assert 10 < clock.pictures < 2 * clock.now
    assert clock.drawing < 0.05 * clock.now + 0.1  # the first and the last picture always come


def test_a_resumed_run_goes_on_where_it_was(shown, clock):
    watcher = LiveTraining()
    told = [remark for _, remark in run(watcher, clock, epochs=6, first_epoch=4)]
    assert "Epoch 5 of 6" in told[0] and "Finished after 6 of 6 epochs" in watcher.remark
    assert (
        "about 2 s left" in told[-1] or "about 1 s left" in told[-1] or "about 0 s left" in told[-1]
    )
    np.testing.assert_array_equal(watcher.history["loss"], [np.nan] * 4 + [0.5] * 2)


def test_a_run_with_nothing_left_to_do_shows_nothing(shown):
    watcher = LiveTraining()
    watcher.set_params({"epochs": 3, "steps": 1})
    watcher.on_train_begin()
    watcher.on_train_end()
    assert shown == []


def test_each_run_has_its_own_display(shown, clock):
    watcher = LiveTraining()
    for _ in range(2):
        list(run(watcher, clock, epochs=1))
    assert [update for *_, update in shown].count(False) == 4 and len(
        {place for _, _, place, _ in shown}
    ) == 4
    assert watcher.history["loss"] == [0.5]


@pytest.mark.parametrize(
    "seconds, words", [(0.2, "0 s"), (59.6, "1 min 0 s"), (41, "41 s"), (108.4, "1 min 48 s")]
)
def test_a_time_in_words(seconds, words):
    assert live._in_words(seconds) == words
