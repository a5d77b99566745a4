"""The measures of lesson 10, against hand-made cases, properties and well-kept libraries."""

import base64
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from utils import evaluation


@pytest.fixture
def answers():
    """Return probabilities (500, 10) that favor the label, and the labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 500)
    logits = rng.normal(size=(500, 10))
    logits[np.arange(500), labels] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, labels


def test_interval_contains_the_accuracy_and_shrinks_with_data():
    low, high = evaluation.accuracy_interval(95, 100)
    wide, narrow = high - low, np.diff(evaluation.accuracy_interval(9500, 10000))[0]
    assert low < 0.95 < high
    assert narrow == pytest.approx(wide / 10, rel=0.1)


def test_interval_stays_within_0_and_1_at_the_ends():
    assert evaluation.accuracy_interval(0, 10)[0] == 0
    assert evaluation.accuracy_interval(10, 10)[1] == 1
    assert evaluation.accuracy_interval(10, 10)[0] < 0.8


def test_interval_covers_the_truth_as_often_as_it_says():
    correct = np.random.default_rng(0).binomial(200, 0.9, size=400)
    covered = [
        low <= 0.9 <= high for low, high in (evaluation.accuracy_interval(k, 200) for k in correct)
    ]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_confusion_matrix_has_true_digits_in_rows():
    matrix = evaluation.confusion_matrix(np.array([4, 4, 9]), np.array([4, 9, 9]))
    assert matrix.shape == (10, 10)
    assert (matrix[4, 4], matrix[4, 9], matrix[9, 4], matrix[9, 9]) == (1, 1, 0, 1)


def test_per_class_report_by_hand():
    report = evaluation.per_class_report(np.array([1, 1, 1, 2]), np.array([1, 1, 2, 2]))
    assert report.loc[1, "precision"] == 1 and report.loc[1, "recall"] == pytest.approx(2 / 3)
    assert report.loc[2, "precision"] == 0.5 and report.loc[2, "F1"] == pytest.approx(2 / 3)


def test_digit_that_never_occurs_counts_as_zero_silently(recwarn):
    report = evaluation.per_class_report(np.array([1, 2]), np.array([1, 2]))
    assert report.loc[7, "F1"] == 0 and report.loc[7, "support"] == 0
    assert report.loc["macro", "F1"] == pytest.approx(0.2)
    assert not recwarn.list


def test_a_perfectly_calibrated_reader_has_no_calibration_error():
    probabilities = np.zeros((1000, 10))
    probabilities[:, 0], probabilities[:, 1] = 0.75, 0.25
    labels = np.repeat([0, 1], [750, 250])
    assert evaluation.expected_calibration_error(probabilities, labels) == pytest.approx(0)


def test_calibration_error_of_a_sure_reader_that_is_half_right():
    probabilities = np.eye(10)[np.zeros(100, int)]
    labels = np.repeat([0, 1], 50)
    assert evaluation.expected_calibration_error(probabilities, labels) == pytest.approx(0.5)


def test_calibration_table_counts_every_answer_once(answers):
    table = evaluation.calibration_table(*answers)
    assert table["count"].sum() == 500
    assert (table["confidence"] <= table.index / 10).all()
    assert (table["confidence"] > (table.index - 1) / 10).all()


def test_coverage_curve_ends_at_the_plain_accuracy(answers):
    probabilities, labels = answers
    curve = evaluation.coverage_curve(probabilities, labels)
    assert curve["coverage"].iloc[-1] == 1
    assert curve["accuracy"].iloc[-1] == np.mean(probabilities.argmax(axis=1) == labels)
    assert curve["threshold"].is_monotonic_decreasing


def test_coverage_curve_is_what_answering_above_it_gives(answers):
    probabilities, labels = answers
    curve = evaluation.coverage_curve(probabilities, labels)
    row = curve.iloc[200]
    answered = probabilities.max(axis=1) >= row["threshold"]
    right = probabilities.argmax(axis=1) == labels
    assert answered.mean() == pytest.approx(row["coverage"])
    assert right[answered].mean() == pytest.approx(row["accuracy"])


def test_log_loss_agrees_with_scikit_learn_and_survives_a_zero(answers):
    assert evaluation.log_loss(*answers) == pytest.approx(
        metrics.log_loss(answers[1], answers[0], labels=range(10))
    )
    assert np.isfinite(evaluation.log_loss(np.eye(10)[[1]], np.array([2])))


def test_summary_agrees_with_its_parts(answers):
    probabilities, labels = answers
    summary = evaluation.summarize(probabilities, labels)
    assert summary["errors"] == round((1 - summary["accuracy"]) * 500)
    assert summary["95 % from"] < summary["accuracy"] < summary["95 % to"]


def test_report_is_one_whole_page_with_table_and_picture(tmp_path):
    table = pd.DataFrame({"accuracy": [0.98, 0.99]}, index=["ANN", "CNN"])
    png = base64.b64encode(b"not really a picture").decode()
    path = evaluation.write_report(
        tmp_path / "new" / "report.html", "A \udce9", {"Both": table}, {"What is seen": png}
    )  # \udce9: so Python writes a byte of a file's name that is no text
    page = path.read_text()
    HTMLParser().feed(page)
    assert all(
        part in page
        for part in (r"<h1>A \udce9</h1>", "<h2>Both</h2>", "0.98", 'alt="What is seen"', png)
    )
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_contested_labels_are_distinct_test_indices():
    assert len(set(evaluation.CONTESTED_TEST_LABELS)) == 15
    assert all(0 <= index < 10_000 for index in evaluation.CONTESTED_TEST_LABELS)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_a_temperature_divides_what_goes_into_the_softmax():
    logits = np.random.default_rng(0).normal(size=(50, 10)) * 5
    for temperature in (0.3, 1, 4):
        softened = evaluation.apply_temperature(softmax(logits), temperature)
        np.testing.assert_allclose(softened, softmax(logits / temperature), rtol=1e-6)


def test_a_temperature_takes_certainty_without_breaking():
    certain = np.eye(10, dtype="float32")
    assert np.isfinite(evaluation.apply_temperature(certain, 5)).all()
    np.testing.assert_allclose(evaluation.apply_temperature(certain, 0.1), certain, atol=1e-12)


@pytest.mark.parametrize("distortion", [0.25, 1, 3])
def test_the_best_temperature_undoes_a_distortion(distortion):
    rng = np.random.default_rng(0)
    honest = softmax(rng.normal(size=(20_000, 10)) * 2)
    labels = (honest.cumsum(axis=1) > rng.random((20_000, 1))).argmax(
        axis=1
    )  # drawn with just these probabilities
    distorted = evaluation.apply_temperature(honest, distortion)
    found = evaluation.fit_temperature(distorted, labels)
    assert found == pytest.approx(1 / distortion, rel=0.05)
    restored = evaluation.apply_temperature(distorted, found)
    assert evaluation.expected_calibration_error(restored, labels) < 0.01
