"""The adversarial explorer attacks as `fgsm` does, and says what became of the digit."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from utils import data, interpretation
from utils.prediction import DigitReader
from utils.widgets.adversarial import ANY, AdversarialExplorer


@pytest.fixture(scope="module")
def model():
    return DigitReader("reference").model


@pytest.fixture
def explorer(model):
    mnist = data.load_mnist("sample")
    return AdversarialExplorer(model, mnist.x_test[:20], mnist.y_test[:20])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("epsilon", [0.0, 0.07, 0.3])
@pytest.mark.parametrize("goal", [ANY, "3"])
def test_the_digit_is_changed_as_fgsm_changes_it(explorer, model, epsilon, goal):
    number = int(np.flatnonzero(explorer.labels != 3)[1])
    explorer.digit.value, explorer.goal.value, explorer.epsilon.value = number, goal, epsilon
    image, label = explorer.images[[number]], explorer.labels[[number]]
    digits = label if goal == ANY else np.array([3])
    expected = interpretation.fgsm(model, image, digits, epsilon, targeted=goal != ANY)
    np.testing.assert_allclose(explorer.adversarial, expected, atol=1e-6)


@pytest.mark.usefixtures("undrawn")
def test_remark_says_what_is_read_and_if_the_attack_succeeds(explorer, model):
    told = set()
    for number in range(8):
        for epsilon in (0, 0.3):
            explorer.digit.value, explorer.epsilon.value = number, epsilon
            answer = np.asarray(model(explorer.adversarial))[0]
            succeeds = answer.argmax() != explorer.labels[number]
            remark = explorer.picture.remark
            assert f"is read as {answer.argmax()}, {answer.max():.1%} sure" in remark
            assert remark.endswith("The attack succeeds." if succeeds else "The attack fails.")
            told.add(succeeds)
    assert told == {True, False}


@pytest.mark.usefixtures("undrawn")
def test_with_a_goal_only_the_goal_is_a_success(explorer, model):
    told = set()
    for goal in "0123456789":
        for epsilon in (0.1, 0.2):
            explorer.goal.value, explorer.epsilon.value = goal, epsilon
            if goal == str(explorer.labels[0]):
                continue
            read = np.asarray(model(explorer.adversarial))[0].argmax()
            verdict = re.search(r"The attack (\w+)\.", explorer.picture.remark)[1]
            assert (verdict == "succeeds") == (str(read) == goal)
            told.add(verdict)
    assert told == {"succeeds", "fails"}


def test_the_digit_that_it_is_already_is_refused_as_a_goal(explorer):
    label = str(explorer.labels[0])
    explorer.goal.value = label
    assert f"This digit is a {label} already" in explorer.picture.fault
    explorer.goal.value = ANY
    assert not explorer.picture.fault


def test_the_picture_is_a_png_with_a_text(explorer):
    explorer.epsilon.value = 0.12
    assert Image.open(io.BytesIO(explorer.picture.png)).format == "PNG"
    assert (
        f"Digit 0, a {explorer.labels[0]}; a change of at most 0.12; the sum, read as"
        in explorer.picture.alt
    )


def test_labels_of_other_digits_are_refused(model):
    mnist = data.load_mnist("sample")
    with pytest.raises(
        ValueError, match=r"expected one label per image, shape \(20,\), got shape \(19,\)"
    ):
        AdversarialExplorer(model, mnist.x_test[:20], mnist.y_test[:19])
