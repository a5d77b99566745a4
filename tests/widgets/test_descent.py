"""The descent explorer takes the steps of gradient descent, and says what it computes."""

import numpy as np
import pytest

from utils import data
from utils.widgets.descent import DescentExplorer


@pytest.fixture
def explorer():
    mnist = data.load_mnist("sample")
    return DescentExplorer(mnist.x_test.mean(axis=(1, 2)) / 2.55, mnist.y_test == 0)


def test_slope_is_that_of_the_loss(explorer):
    for weight in (-0.5, 0, 0.3, 1):
        (low, _), (high, _) = explorer.at(weight - 1e-5), explorer.at(weight + 1e-5)
        assert explorer.at(weight)[1] == pytest.approx((high - low) / 2e-5, abs=1e-5)
    assert explorer.at(0)[0] == pytest.approx(np.log(2))


def test_each_step_subtracts_learning_rate_times_slope(explorer):
    expected = [0.0]
    for rate in (0.2, 0.2, 3):
        explorer.rate.value = rate
        expected.append(expected[-1] - rate * explorer.at(expected[-1])[1])
        explorer.step.click()
    assert explorer.path == pytest.approx(expected)
    assert f"3 steps: w = {expected[-1]:.3f}" in explorer.picture.remark
    explorer.restart.click()
    assert explorer.path == [0.0] and "0 steps: w = 0.000" in explorer.picture.alt


def test_another_learning_rate_changes_the_next_step_only(explorer):
    explorer.step.click()
    before = list(explorer.path)
    explorer.rate.value = 1.5
    assert explorer.path == before and "subtracts 1.50" in explorer.picture.remark


def test_steps_far_outside_stay_finite(explorer):
    explorer.rate.value = 3
    for _ in range(30):
        explorer.go([*explorer.path, explorer.next])
    assert np.isfinite(explorer.path).all() and not explorer.picture.fault


@pytest.mark.parametrize("inputs, labels", [([], []), ([1.0, 2.0], [True]), ([[1.0]], [[True]])])
def test_shapes_that_do_not_fit_are_refused(inputs, labels):
    with pytest.raises(ValueError, match="one shape"):
        DescentExplorer(inputs, labels)
