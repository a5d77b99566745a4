"""The models in data/models are what their cards say, and never saw the digits that test them."""

import hashlib
import json

import numpy as np
import pytest

from benchmarks import records
from benchmarks.accuracy import leave_out_sample_test, training_data
from utils import data
from utils.evaluation import accuracy_interval
from utils.prediction import MODELS, DigitReader

CARDS = sorted(MODELS.glob("*.json"))


@pytest.fixture(params=CARDS, ids=lambda path: path.stem)
def card(request):
    return request.param.stem, json.loads(request.param.read_text())


def test_there_is_a_card_for_every_model():
    assert {path.stem for path in CARDS} == {path.stem for path in MODELS.glob("*.keras")} == {"reference", "dense"}


def test_the_file_is_the_one_on_the_card(card):
    name, facts = card
    assert hashlib.sha256((MODELS / f"{name}.keras").read_bytes()).hexdigest() == facts["sha256"]


def test_the_model_has_the_parameters_on_the_card_and_no_optimiser(card):
    name, facts = card
    model = DigitReader(name).model
    assert model.count_params() == facts["recipe"]["parameters"]
    assert not hasattr(model, "optimizer") or model.optimizer is None


def test_accuracy_on_the_held_out_sample_fits_the_card(card):
    name, facts = card
    mnist = data.load_mnist("sample")
    correct = np.sum(DigitReader(name).predict_batch(mnist.x_test).argmax(axis=1) == mnist.y_test)
    low, high = accuracy_interval(correct, len(mnist.y_test), confidence=0.999)
    assert low <= facts["mnist_test"]["accuracy"] <= high


@pytest.mark.full
def test_accuracy_on_mnist_is_the_cards_and_within_three_deviations_of_the_recipes_mean(card):
    name, facts = card
    mnist = data.load_mnist("full")
    correct = int(np.sum(DigitReader(name).predict_batch(mnist.x_test).argmax(axis=1) == mnist.y_test))
    assert abs(correct - facts["mnist_test"]["correct"]) <= 1  # another processor may round one image the other way
    recorded = records.load("accuracy")["recipes"][name]
    assert abs(correct / 10_000 - recorded["mean_test_accuracy"]) <= 3 * recorded["standard_deviation"]


@pytest.mark.full
def test_no_digit_of_the_samples_test_split_was_trained_on():
    held_out = {hashlib.sha256(image).digest() for image in data.load_mnist("sample").x_test}
    mnist = data.load_mnist("full")
    (trained, _), (validated, _) = training_data(mnist)
    used = {hashlib.sha256(image).digest() for image in np.concatenate([trained, validated])}
    assert len(held_out) == 1000 and not held_out & used
    assert len(trained) + len(validated) == 59_000


def test_leaving_out_works_by_pixels_alone():
    sample = data.load_mnist("sample")
    mixed = sample._replace(
        x_train=np.concatenate([sample.x_test[:5], sample.x_train]),
        y_train=np.concatenate([sample.y_test[:5], sample.y_train]),
    )
    images, labels = leave_out_sample_test(mixed)
    np.testing.assert_array_equal(images, sample.x_train)
    np.testing.assert_array_equal(labels, sample.y_train)


def test_the_recorded_mean_is_the_mean_of_its_runs():
    recorded = records.load("accuracy")["recipes"]
    for result in recorded.values():
        accuracies = [run["test_accuracy"] for run in result["runs"]]
        assert len(accuracies) >= 3
        assert result["mean_test_accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-5)
    assert recorded["reference"]["mean_test_accuracy"] >= 0.992
