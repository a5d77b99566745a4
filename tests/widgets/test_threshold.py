"""The threshold explorer counts what is answered and refused as `coverage_curve` and plain arithmetic do."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from utils import data, evaluation
from utils.prediction import DigitReader
from utils.widgets.threshold import ThresholdExplorer


@pytest.fixture(scope="module")
def answers():
    """Return what a network says about the embedded test digits, and their labels."""
    mnist = data.load_mnist("sample")
    return DigitReader("tiny").predict_batch(mnist.x_test), mnist.y_test


@pytest.fixture
def explorer(answers):
    return ThresholdExplorer(*answers)


def said(explorer):
    """Return the numbers of the remark: refused, of how many, spared, answered, wrong; and the shares as texts."""
    remark = explorer.picture.remark.replace(",", "")
    counts = re.search(
        r"Refuses (\d+) of (\d+) .* which (\d+) .*\nAnswers (\d+) .* (\d+) wrong", remark
    )
    return [int(count) for count in counts.groups()], re.findall(r"[\d.]+%", remark)


@pytest.mark.parametrize("threshold", [0, 0.35, 0.5, 0.77, 0.9, 0.99])
def test_it_counts_as_plain_arithmetic_does(explorer, answers, threshold):
    probabilities, labels = answers
    explorer.threshold.value = threshold
    right = [bool(row.argmax() == label) for row, label in zip(probabilities, labels, strict=True)]
    kept = [ok for row, ok in zip(probabilities, right, strict=True) if row.max() >= threshold]
    refused = [ok for row, ok in zip(probabilities, right, strict=True) if row.max() < threshold]
    counts, shares = said(explorer)
    assert counts == [len(refused), len(right), refused.count(False), len(kept), kept.count(False)]
    interval = evaluation.accuracy_interval(sum(kept), len(kept))
    wanted = [len(kept) / len(right), sum(kept) / len(kept), *interval]
    assert shares == [f"{share:.2%}" for share in wanted]


def test_the_point_lies_on_the_curve(explorer, answers):
    curve = evaluation.coverage_curve(*answers)
    for threshold in (0.6, 0.8, 0.95):
        explorer.threshold.value = threshold
        row = curve[curve["threshold"] >= threshold].iloc[-1]
        assert explorer.picture.alt == (
            f"Accuracy against coverage, with a point for the threshold {threshold:.2f} "
            f"at coverage {row['coverage']:.2%} and accuracy {row['accuracy']:.2%}."
        )


def test_the_picture_changes_with_the_threshold_and_stays_small(explorer):
    pictures = set()
    for threshold in (0.5, 0.9, 0.99):
        explorer.threshold.value = threshold
        pictures.add(explorer.picture.png)
    assert len(pictures) == 3 and max(map(len, pictures)) < 50_000
    assert Image.open(io.BytesIO(explorer.picture.png)).format == "PNG"


def test_a_threshold_that_answers_nothing_says_so(answers):
    probabilities, labels = answers
    explorer = ThresholdExplorer(0.95 * probabilities + 0.005, labels)  # never above 0.955
    explorer.threshold.value = 0.96
    assert explorer.picture.fault.startswith("Nothing is answered at 0.96")
    explorer.threshold.value = 0.9
    assert explorer.picture.fault == "" and "nan" not in explorer.picture.remark


def test_what_is_exactly_as_sure_as_the_threshold_is_answered():
    probabilities = np.full((4, 10), 0.0)
    probabilities[:, 1], probabilities[:, 2] = [1, 0.75, 0.75, 0.5], [0, 0.25, 0.25, 0.5]
    explorer = ThresholdExplorer(probabilities, np.array([1, 1, 2, 1]))
    explorer.threshold.value = 0.75
    assert said(explorer)[0] == [1, 4, 0, 3, 1]
    explorer.threshold.value = 1
    assert said(explorer)[0] == [3, 4, 1, 1, 0]


@pytest.mark.parametrize("digit", [3, 4])
def test_always_right_and_always_wrong_models_have_a_picture(digit):
    explorer = ThresholdExplorer(np.eye(10)[[3] * 7], np.array([digit] * 7))
    for threshold in (0, 0.5, 1):
        explorer.threshold.value = threshold
        assert explorer.picture.fault == "" and said(explorer)[0] == [
            0,
            7,
            0,
            7,
            0 if digit == 3 else 7,
        ]


@pytest.mark.parametrize("spoil, got", [
    (lambda p, y: (p, y[:9]), r"got \(1000, 10\) and \(9,\)"),
    (lambda p, y: (p.argmax(axis=1), y), r"got \(1000,\) and \(1000,\): hand on what predict_batch returned"),
    (lambda p, y: (y, p), r"got \(1000,\) and \(1000, 10\)"),
    (lambda p, y: (p[:0], y[:0]), r"got \(0, 10\) and \(0,\)"),
])  # fmt: skip
def test_arrays_that_do_not_fit_together_are_refused(answers, spoil, got):
    with pytest.raises(ValueError, match=rf"expected probabilities of shape .*{got}"):
        ThresholdExplorer(*spoil(*answers))
