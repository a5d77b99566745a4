"""The confusion explorer opens the digits that the matrix has counted, the surest first."""

import io
import re

import numpy as np
import pytest
import traitlets
from PIL import Image

from utils import data, evaluation
from utils.prediction import DigitReader
from utils.widgets.confusion import ConfusionExplorer


@pytest.fixture(scope="module")
def digits():
    """Return the embedded test digits, their labels, and what a network says about them."""
    mnist = data.load_mnist("sample")
    return mnist.x_test, mnist.y_test, DigitReader("tiny").predict_batch(mnist.x_test)


@pytest.fixture
def explorer(digits):
    return ConfusionExplorer(*digits)


def certain(answers, n=10):
    """Return probabilities that are all but sure of the answers."""
    return np.full((len(answers), n), 0.01) + 0.9 * np.eye(n)[answers]


def test_each_cell_holds_the_digits_that_the_matrix_counts(explorer, digits):
    _, labels, probabilities = digits
    predictions = probabilities.argmax(axis=1)
    np.testing.assert_array_equal(
        explorer.cells.counts, evaluation.confusion_matrix(labels, predictions)
    )
    for true, predicted in np.ndindex(10, 10):
        explorer.choose(true, predicted)
        wanted = [n for n in range(len(labels)) if (labels[n], predictions[n]) == (true, predicted)]
        assert sorted(explorer.inside()) == wanted
        confidence = probabilities[explorer.inside(), predicted]
        assert (np.diff(confidence) <= 0).all()


def test_it_opens_at_the_most_frequent_confusion(digits):
    images, labels, _ = digits
    answers = labels.copy()
    answers[np.flatnonzero(labels == 3)[:4]] = 8
    answers[np.flatnonzero(labels == 5)[:2]] = 3
    explorer = ConfusionExplorer(images, labels, certain(answers))
    assert explorer.cells.value == [3, 8]
    assert explorer.picture.remark.startswith("True 3, read as 8: 4 digits, 91.0% sure on average.")


def test_a_reader_without_errors_opens_what_it_read_right(digits):
    images, labels, _ = digits
    explorer = ConfusionExplorer(images, labels, certain(labels))
    assert explorer.cells.value == [0, 0] and explorer.picture.fault == ""


def test_pages_cover_a_cell_and_another_cell_starts_at_its_first(explorer, digits):
    explorer.choose(4, 4)
    total = len(explorer.inside())
    assert explorer.page.max == -(-total // 20) > 2 and explorer.page.layout.visibility == "visible"
    first = explorer.picture.png
    explorer.page.value = explorer.page.max
    last = 20 * (explorer.page.max - 1) + 1
    assert (
        f"Shown: {last} to {total}, page {explorer.page.max} of {explorer.page.max}."
        in explorer.picture.remark
    )
    assert explorer.picture.png != first
    explorer.choose(7, 7)
    assert explorer.page.value == 1 and "Shown: 1 to 20, page 1 of" in explorer.picture.remark


def test_a_cell_of_one_page_hides_the_slider(digits):
    images, labels, _ = digits
    answers = labels.copy()
    answers[np.flatnonzero(labels == 3)[:20]] = 8
    answers[np.flatnonzero(labels == 5)[:21]] = 6
    explorer = ConfusionExplorer(images, labels, certain(answers))
    for cell, pages, seen in (((3, 8), 1, "hidden"), ((5, 6), 2, "visible")):
        explorer.choose(*cell)
        assert (explorer.page.max, explorer.page.layout.visibility) == (pages, seen)
    explorer.page.value = 2
    assert "Shown: 21 to 21, page 2 of 2." in explorer.picture.remark


def test_the_text_says_which_digits_are_shown_and_how_sure(explorer, digits):
    _, labels, probabilities = digits
    explorer.choose(2, 2)
    confidence = np.sort(probabilities[(labels == 2) & (probabilities.argmax(axis=1) == 2), 2])[
        ::-1
    ]
    said = f"True 2, read as 2: {len(confidence)} digits, of which 1 to 20 are shown"
    assert (
        explorer.picture.alt
        == f"{said}, from {confidence[0]:.1%} down to {confidence[19]:.1%} sure."
    )
    assert f"{confidence.mean():.1%} sure on average" in explorer.picture.remark


def test_the_picture_holds_the_pixels_of_the_digits(explorer, digits):
    images, _, _ = digits
    explorer.choose(4, 4)
    picture = np.asarray(Image.open(io.BytesIO(explorer.picture.png)).convert("L"))
    shown = picture[30:86, 6:62][::2, ::2]  # the first digit, two dots for each of its pixels
    np.testing.assert_allclose(shown, 255 - images[explorer.inside()[0]], atol=2)


def test_an_empty_cell_says_so(explorer):
    true, predicted = np.argwhere(np.array(explorer.cells.counts) == 0)[0]
    explorer.choose(true, predicted)
    assert re.match(rf"No {true} here was read as {predicted}", explorer.picture.fault)
    explorer.choose(true, true)
    assert explorer.picture.fault == ""


def test_one_digit_is_enough(digits):
    images, _, _ = digits
    explorer = ConfusionExplorer(images[:1], np.array([7]), certain([1]))
    assert explorer.picture.remark.startswith("True 7, read as 1: 1 digit, 91.0% sure on average.")


def test_no_picture_is_large(explorer):
    for digit in range(10):
        explorer.choose(digit, digit)
        assert len(explorer.picture.png) < 50_000


@pytest.mark.parametrize("cell", [(0, 10), (-1, 3), (4.5, 4)])
def test_a_cell_beyond_the_matrix_is_refused(explorer, cell):
    with pytest.raises(
        ValueError, match=f"expected two digits from 0 to 9, got {cell[0]} and {cell[1]}"
    ):
        explorer.choose(*cell)


def test_what_a_browser_sends_is_a_pair(explorer):
    with pytest.raises(traitlets.TraitError):
        explorer.cells.value = [1, 2, 3]


@pytest.mark.parametrize("spoil, got", [
    (lambda x, y, p: (x[:9], y, p), r"got \(9, 28, 28\), \(1000,\), \(1000, 10\)"),
    (lambda x, y, p: (x, y, p.argmax(axis=1)), r"\(1000,\), \(1000,\): hand on what predict_batch returned"),
    (lambda x, y, p: (x[..., np.newaxis], y, p), r"got \(1000, 28, 28, 1\)"),
    (lambda x, y, p: (x[:0], y[:0], p[:0]), r"got \(0, 28, 28\)"),
])  # fmt: skip
def test_arrays_that_do_not_fit_together_are_refused(digits, spoil, got):
    with pytest.raises(ValueError, match=rf"expected the images, labels and probabilities .*{got}"):
        ConfusionExplorer(*spoil(*digits))
