"""The nearest-digit explorer finds what plain NumPy finds, votes as the lesson does, and counts over all queries."""

import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from utils import data, plots
from utils.preprocessing import split_train_validation
from utils.widgets.neighbors import NearestDigitExplorer


@pytest.fixture(scope="module")
def digits():
    """Return 600 training digits and 30 queries, as x_train, y_train, x_query, y_query."""
    mnist = data.load_mnist("sample")
    x_train, x_query, y_train, y_query = split_train_validation(
        mnist.x_train, mnist.y_train, seed=0
    )
    return x_train[:600], y_train[:600], x_query[:30], y_query[:30]


@pytest.fixture
def explorer(digits):
    return NearestDigitExplorer(*digits)


def move(image, right, down):
    """Move an image pixel by pixel, in the plainest way."""
    moved = np.zeros_like(image)
    for row, column in np.ndindex(image.shape):
        if 0 <= row - down < 28 and 0 <= column - right < 28:
            moved[row, column] = image[row - down, column - right]
    return moved


def distance(a, b):
    return np.sqrt(np.sum((a / 255 - b / 255) ** 2, axis=(-2, -1)))


def found(explorer):
    """Return labels and distances of the neighbors, and the distance to the unmoved digit, from the text."""
    neighbors, _, itself = explorer.picture.alt.partition("nearest digits: ")[2].partition("; ")
    pairs = re.findall(r"(\d) \(([\d.]+)\)", neighbors)
    return (
        [int(label) for label, _ in pairs],
        [float(far) for _, far in pairs],
        float(re.search(r"[\d.]+\d", itself)[0]),
    )


def count(explorer):
    """Return how many of all queries are read correctly, from the remark."""
    return int(re.search(r"(\d+) are read correctly", explorer.picture.remark)[1])


@pytest.mark.parametrize(
    ("query", "k", "right", "down"), [(0, 5, 0, 0), (7, 9, 3, -2), (29, 1, -4, 4), (3, 2, 4, -4)]
)
def test_neighbors_and_distances_are_those_of_plain_numpy(explorer, digits, query, k, right, down):
    x_train, y_train, x_query, _ = digits
    explorer.query.value, explorer.k.value, explorer.right.value, explorer.down.value = (
        query,
        k,
        right,
        down,
    )
    moved = move(x_query[query], right, down)
    distances = distance(x_train, moved)
    nearest = distances.argsort()[:k]
    labels, far, to_itself = found(explorer)
    assert labels == y_train[nearest].tolist()
    np.testing.assert_allclose(far, distances[nearest], atol=0.051)
    assert to_itself == pytest.approx(distance(moved, x_query[query]), abs=0.051)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("k", "right", "down"), [(5, 0, 0), (1, 2, 0), (4, 0, -3)])
def test_all_queries_are_counted_as_scikit_learn_reads_them(explorer, digits, k, right, down):
    from sklearn.neighbors import KNeighborsClassifier

    x_train, y_train, x_query, y_query = digits
    explorer.k.value, explorer.right.value, explorer.down.value = k, right, down
    moved = np.stack([move(image, right, down) for image in x_query])
    knn = KNeighborsClassifier(n_neighbors=k, algorithm="brute").fit(
        x_train.reshape(-1, 784) / 255, y_train
    )
    answers = knn.predict(moved.reshape(-1, 784) / 255)
    assert count(explorer) == np.sum(answers == y_query)
    for query in range(len(x_query)):
        explorer.query.value = query
        verdict = "right" if answers[query] == y_query[query] else "wrong"
        assert f"vote for {answers[query]}" in explorer.picture.remark
        assert f"the label says {y_query[query]}: {verdict}." in explorer.picture.remark


def test_a_shift_to_and_fro_leaves_everything_as_it_was(explorer):
    before = explorer.picture.png, explorer.picture.alt, explorer.picture.remark
    for slider in (explorer.right, explorer.down):
        slider.value = 3
        assert explorer.picture.png != before[0]
        slider.value = 0
    assert (explorer.picture.png, explorer.picture.alt, explorer.picture.remark) == before
    assert found(explorer)[2] == 0


def test_a_shift_deceives(explorer):
    unmoved = count(explorer)
    explorer.right.value = 4
    assert count(explorer) < unmoved / 2


@pytest.mark.parametrize("name", ["query", "k", "right", "down"])
def test_every_slider_draws_anew(explorer, name):
    before = explorer.picture.png, explorer.picture.alt
    slider = getattr(explorer, name)
    slider.value = slider.max
    assert explorer.picture.png != before[0] and explorer.picture.alt != before[1]


def test_a_tie_goes_to_the_smaller_digit_and_is_named():
    paper = np.zeros((1, 28, 28), dtype=np.uint8)
    shades = np.arange(10, dtype=np.uint8)[:, np.newaxis, np.newaxis] + np.zeros(
        (10, 28, 28), dtype=np.uint8
    )
    explorer = NearestDigitExplorer(
        shades, np.array([8, 8, 3, 3, 5, 1, 1, 1, 0, 0]), paper, np.array([8])
    )
    explorer.k.value = 4
    assert explorer.picture.remark.startswith(
        "2 of 4 vote for 3 (a tie, which the smallest digit wins), the label says 8"
    )
    explorer.k.value = 2
    assert explorer.picture.remark.startswith("2 of 2 vote for 8, the label says 8: right.")


def pixels(explorer):
    """Return the picture as uint8 (240, 780, 3)."""
    assert len(explorer.picture.png) < 50_000
    return np.asarray(Image.open(io.BytesIO(explorer.picture.png), formats=["PNG"]).convert("RGB"))


def shows(explorer, color):
    return bool((pixels(explorer) == np.round(np.multiply(color, 255))).all(axis=-1).any())


def test_the_winning_bar_tells_right_from_wrong(explorer):
    verdicts = set()
    for query, shift in itertools.product(range(5), (0, 4)):
        explorer.query.value, explorer.right.value = query, shift
        is_right = ": right." in explorer.picture.remark
        assert shows(explorer, plots.COLORS[0]) == is_right
        assert shows(explorer, plots.COLORS[1]) != is_right
        verdicts.add(is_right)
    assert verdicts == {True, False}


def test_each_voter_is_drawn_below_its_label_and_distance(explorer):
    last_title, last_picture = np.s_[15:43, 714:770], np.s_[46:100, 714:770]
    assert pixels(explorer)[last_title].min() == pixels(explorer)[last_picture].min() == 255
    explorer.k.value = 9
    assert pixels(explorer)[last_title].min() < 100 and pixels(explorer)[last_picture].min() < 100


def test_the_query_is_drawn_where_it_was_moved(explorer):
    for shift in (-4, 4):
        explorer.right.value = shift
        ink = 255 - pixels(explorer)[60:195, 15:150].mean(axis=(0, 2))
        center = np.average(np.arange(len(ink)), weights=ink)
        assert (center > len(ink) / 2) == (shift > 0)


def test_one_query_is_enough(digits):
    x_train, y_train, x_query, y_query = digits
    explorer = NearestDigitExplorer(x_train[:9], y_train[:9], x_query[:1], y_query[:1])
    explorer.query.value, explorer.k.value = 5, 9
    assert explorer.query.value == 0 and len(found(explorer)[0]) == 9


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y, *q: (x[:8], y[:8], *q), "expected 9 or more training digits, got 8"),
        (lambda x, y, *q: (x / 255, y, *q), "expected raw uint8 pixels"),
        (lambda x, y, *q: (x, y[:-1], *q), r"shape \(600,\), got shape \(599,\)"),
        (lambda x, y, u, v: (x, y, u[0], v), r"expected images of shape \(n, 28, 28\)"),
        (lambda x, y, u, v: (x, y, u, v[0]), r"got shape \(\)"),
        (lambda x, y, u, v: (x, y + 1, u, v), "expected a label from 0 to 9, got 10"),
    ],
)
def test_what_cannot_be_searched_is_refused(digits, spoil, message):
    with pytest.raises(ValueError, match=message):
        NearestDigitExplorer(*spoil(*digits))
