"""The models in data/models are what their cards say, and never saw the digits that test them."""

import hashlib
import json

import numpy as np
import pytest

from benchmarks import records
from benchmarks.accuracy import leave_out_sample_test, training_data
from benchmarks.models import SHIPPED, WISH
from utils import data
from utils.evaluation import accuracy_interval, expected_calibration_error, fit_temperature
from utils.prediction import MODELS, DigitReader

CARDS = {path.stem: json.loads(path.read_text()) for path in sorted(MODELS.glob("*.json"))}
FILES = [
    pytest.param(card, facts, id=facts["file"])
    for card in CARDS.values()
    for facts in card["files"]
]


def count_right(name, images, labels):
    return int(np.sum(DigitReader(MODELS / name).predict_batch(images).argmax(axis=1) == labels))


def test_every_model_has_its_card_and_three_forms():
    there = {path.name for path in MODELS.iterdir() if path.suffix != ".json"}
    assert there == {
        f"{name}{ending}" for name in SHIPPED for ending in (".keras", ".onnx", ".tflite")
    }
    assert there == {param.id for param in FILES}


@pytest.mark.parametrize("card, facts", FILES)
def test_the_file_is_the_one_on_the_card(card, facts):
    content = (MODELS / facts["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    assert len(content) == facts["bytes"]


@pytest.mark.parametrize("name", SHIPPED)
def test_model_has_the_parameters_on_its_card_and_no_optimizer(name):
    model = DigitReader(name).model
    assert model.count_params() == CARDS[name]["recipe"]["parameters"]
    assert not hasattr(model, "optimizer") or model.optimizer is None


@pytest.mark.parametrize("card, facts", FILES)
def test_accuracy_on_the_held_out_sample_fits_the_card(card, facts):
    mnist = data.load_mnist("sample")
    correct = count_right(facts["file"], mnist.x_test, mnist.y_test)
    low, high = accuracy_interval(correct, len(mnist.y_test), confidence=0.999)
    assert low <= facts["mnist_test"]["accuracy"] <= high


@pytest.mark.parametrize("name", SHIPPED)
def test_eight_bits_cost_little_accuracy_and_little_space(name):
    facts = {file["file"]: file for file in CARDS[name]["files"]}
    whole, small = facts[f"{name}.keras"], facts[f"{name}.tflite"]
    assert whole["mnist_test"]["accuracy"] - small["mnist_test"]["accuracy"] <= 0.0005
    assert (
        small["bytes"] <= CARDS[name]["recipe"]["parameters"] + 15_000
    )  # a byte for each weight, and a little


@pytest.mark.full
@pytest.mark.parametrize("card, facts", FILES)
def test_accuracy_matches_the_card_and_the_recipe(card, facts):
    mnist = data.load_mnist("full")
    correct = count_right(facts["file"], mnist.x_test, mnist.y_test)
    assert (
        abs(correct - facts["mnist_test"]["correct"]) <= 2
    )  # another processor may round an image the other way
    recorded = records.load("accuracy")["recipes"][facts["file"].split(".")[0]]
    assert (
        abs(correct / 10_000 - recorded["mean_test_accuracy"]) <= 3 * recorded["standard_deviation"]
    )


@pytest.mark.full
def test_no_digit_of_the_samples_test_split_was_trained_on():
    held_out = {hashlib.sha256(image).digest() for image in data.load_mnist("sample").x_test}
    mnist = data.load_mnist("full")
    (trained, _), (validated, _) = training_data(mnist)
    used = {hashlib.sha256(image).digest() for image in np.concatenate([trained, validated])}
    assert len(held_out) == 1000 and not held_out & used
    assert len(trained) + len(validated) == 59_000


@pytest.mark.full
@pytest.mark.parametrize("name", SHIPPED)
def test_temperature_on_the_card_calibrates_confidence(name):
    mnist = data.load_mnist("full")
    answers = DigitReader(name).predict_batch(mnist.x_test)
    assert expected_calibration_error(answers, mnist.y_test) < 0.01
    assert fit_temperature(answers, mnist.y_test) == pytest.approx(1, abs=0.25)


@pytest.mark.full
@pytest.mark.parametrize("name", SHIPPED)
def test_predictions_above_the_cards_threshold_meet_its_accuracy(name):
    mnist = data.load_mnist("full")
    answers = DigitReader(name).predict_batch(mnist.x_test)
    answered = answers.max(axis=1) >= CARDS[name]["abstain_below"]
    right = (answers.argmax(axis=1) == mnist.y_test)[answered]
    assert accuracy_interval(right.sum(), right.size)[1] >= WISH
    assert answered.mean() >= 0.7


def test_leaving_out_works_by_pixels_alone():
    sample = data.load_mnist("sample")
    mixed = sample._replace(
        x_train=np.concatenate([sample.x_test[:5], sample.x_train]),
        y_train=np.concatenate([sample.y_test[:5], sample.y_train]),
    )
    images, labels = leave_out_sample_test(mixed)
    np.testing.assert_array_equal(images, sample.x_train)
    np.testing.assert_array_equal(labels, sample.y_train)
