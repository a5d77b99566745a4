"""The schedule explorer follows Keras' schedules and Keras' gradient descent, and says how a descent ends."""

import io

import numpy as np
import pytest
from PIL import Image

from utils.training import one_cycle
from utils.widgets.schedule import LOST, STEEPNESS, ScheduleExplorer, descend

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)

schedules = keras.optimizers.schedules
STEPS = 60
KERAS = {
    "constant": lambda peak: schedules.ExponentialDecay(peak, STEPS, decay_rate=1.0),
    "steps": lambda peak: schedules.PiecewiseConstantDecay([30, 45], [peak, peak / 4, peak / 20]),
    "cosine": lambda peak: schedules.CosineDecay(peak, STEPS),
    "one-cycle": lambda peak: one_cycle(peak, STEPS, 0.35),
}


@pytest.fixture(scope="module")
def made():
    return ScheduleExplorer(STEPS)


@pytest.fixture
def explorer(made):
    """Return the explorer as it is at the beginning."""
    made.schedule.value, made.exponent.value, made.warm_up.value, made.noise.value = (
        "constant",
        -1.3,
        20,
        True,
    )
    return made


@pytest.fixture(scope="module")
def long_one():
    return ScheduleExplorer(378)


def end_of(explorer, schedule, exponent, noise=True):
    """Return the remark, and the loss at the end of the descent."""
    explorer.schedule.value, explorer.exponent.value, explorer.noise.value = (
        schedule,
        exponent,
        noise,
    )
    remark = explorer.picture.remark
    return remark, float(remark.split(" and ")[1].split()[0])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", KERAS)
def test_the_rates_are_the_ones_of_keras(explorer, name):
    explorer.schedule.value, explorer.warm_up.value = name, 35
    for exponent in (-3, -1.3, -0.5):
        explorer.exponent.value = exponent
        by_keras = [float(KERAS[name](10.0**exponent)(step)) for step in range(STEPS)]
        np.testing.assert_allclose(explorer.rates, by_keras, atol=1e-6)


def test_a_descent_is_the_one_of_sgd(explorer):
    rates, noise = explorer.rates, explorer.errors
    place = keras.Variable([-9.0, 1.5])
    optimizer = keras.optimizers.SGD(
        schedules.PiecewiseConstantDecay([STEPS], [float(rates[0]), 0.0])
    )
    for error in noise:
        optimizer.apply([STEEPNESS * np.asarray(place.value) + error], [place])
    np.testing.assert_allclose(descend(rates, noise)[-1], np.asarray(place.value), atol=1e-4)


def test_without_noise_each_coordinate_shrinks_by_its_own_share():
    places = descend(np.full(5, 0.01), np.zeros((5, 2)))
    np.testing.assert_allclose(places, places[0] * np.power.outer([0.99, 0.84], np.arange(6)).T)


def test_a_descent_that_is_lost_ends_and_stays_a_number():
    places = descend(np.full(500, 0.3), np.zeros((500, 2)))
    assert len(places) < 20 and np.isfinite(places).all()
    assert np.abs(places[-1]).max() > LOST >= np.abs(places[:-1]).max()


@pytest.mark.usefixtures("undrawn")
def test_rates_too_large_too_small_and_between(long_one):
    for name in KERAS:
        assert "it diverges" in end_of(long_one, name, -0.5)[0]
        assert "it has not arrived" in end_of(long_one, name, -3)[0]
        assert "it arrives" in end_of(long_one, name, -1.5)[0]


@pytest.mark.usefixtures("undrawn")
def test_what_the_lesson_asks_to_try_comes_out_as_it_says(long_one):
    assert "it diverges" in end_of(long_one, "constant", -0.9)[0]
    assert "it arrives" in end_of(long_one, "one-cycle", -0.9)[0]
    assert end_of(long_one, "constant", -1.3)[1] > 0.1 > 10 * end_of(long_one, "cosine", -1.3)[1]
    assert (
        end_of(long_one, "constant", -1.3, noise=False)[1]
        < end_of(long_one, "cosine", -1.3, noise=False)[1] / 10
    )


def test_every_control_redraws_and_the_text_says_what_is_shown(explorer):
    seen = [explorer.picture.png]
    for control, value in ((explorer.schedule, "one-cycle"), (explorer.exponent, -1.0), (explorer.warm_up, 50),
                           (explorer.noise, False)):  # fmt: skip
        control.value = value
        seen.append(explorer.picture.png)
    assert len(set(seen)) == len(seen) and explorer.picture.fault == ""
    assert (
        "one-cycle, peak rate 0.1" in explorer.picture.alt
        and "one-cycle, peak rate 0.1" in explorer.picture.remark
    )
    assert Image.open(io.BytesIO(explorer.picture.png)).format == "PNG"


def test_only_one_cycle_has_a_warm_up(explorer):
    assert explorer.warm_up.layout.display == "none"
    explorer.schedule.value = "one-cycle"
    assert explorer.warm_up.layout.display != "none"
    explorer.warm_up.value = 13  # between two notches: the nearer one counts
    assert explorer.rates.argmax() == round(0.15 * STEPS)


def test_no_picture_is_large(long_one):
    for name in KERAS:
        for exponent in (-3, -0.9, -0.5):
            end_of(long_one, name, exponent)
            assert len(long_one.picture.png) < 50_000 and long_one.picture.fault == ""


@pytest.mark.parametrize("steps", [10, np.int64(1000)])
def test_short_and_long_runs(steps):
    explorer = ScheduleExplorer(steps)
    assert len(explorer.rates) == steps and explorer.picture.fault == ""


@pytest.mark.parametrize("steps", [9, 1001, 37.5, "378", None, True])
def test_other_numbers_of_steps_are_refused(steps):
    with pytest.raises(ValueError, match="expected 10 to 1000 steps, a whole number, got "):
        ScheduleExplorer(steps)
