"""Inputs and mistakes for the questions on baseline_classifiers."""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from utils import data, plots
from utils.exercises import Wrong
from utils.exercises.compare import as_array, code, describe
from utils.exercises.trial import in_words

STROKE = np.pad(np.ones((8, 3)), ((10, 10), (10, 15)))
HITS = {"lucky": (26, 80), "first": (34, 55), "equal": (34, 62), "poor": (12, 30)}
_CURVES = {
    "A": (4000, 0),
    "B": (4000, 0.25),
    "C": (200, 0),
}  # training digits, share of wrong labels
GOAL = 0.80


def t1(rng):
    yield np.array([[3, 0, 4], [0, 0, 0], [300, 5, 5]]), np.array([0, 0, 0])
    while True:
        count, pixels = map(int, rng.integers((1, 2), (6, 12)))
        yield rng.random((count, pixels)), rng.random(pixels)


def t2(rng):
    yield np.array([[0, 5, 5], [7, 1, 1], [2, 8, 8]]), 3
    yield rng.integers(0, 10, (80, 5), "uint8"), 4
    while True:
        neighbors, images = int(rng.integers(2, 9)), int(rng.integers(2, 7))
        digits = rng.choice(10, 3, replace=False)
        yield rng.choice(digits, (images, neighbors)), int(rng.integers(1, neighbors + 1))


def t3(rng):
    yield np.zeros(0, bool), np.zeros(0, bool)
    yield np.ones(300, bool), np.zeros(300, bool)
    while True:
        count = int(rng.integers(5, 30))
        yield rng.random(count) < 0.7, rng.random(count) < 0.5


def t4(rng):
    for pixels in [0, 1, 2, 6, 27] * 100:
        yield rng.integers(0, 256, (int(rng.integers(1, 4)), 28, 28), "uint8"), pixels


def _neighbors(images, train, k):
    """Return the positions of the k nearest training images, nearest first; images have one row of numbers each."""
    squares = (train**2).sum(axis=1) - 2 * images @ train.T
    return squares.argsort(axis=1)[:, :k]


def three_curves():
    """Draw validation accuracy against k for three training sets."""
    mnist, rng = data.load_mnist("sample"), np.random.default_rng(0)
    x, new = (part.reshape(-1, 784) / np.float32(255) for part in (mnist.x_train, mnist.x_test))
    ks, (figure, axes) = range(1, 26, 2), plt.subplots(figsize=(7, 3.2))
    for (name, (count, share)), style in zip(_CURVES.items(), ("o-", "s--", "^:"), strict=True):
        wrong = rng.random(count) < share
        labels = np.where(wrong, rng.integers(0, 10, count), mnist.y_train[:count])
        voters = labels[_neighbors(new, x[:count], max(ks))]
        votes = np.stack([(voters == digit).cumsum(axis=1) for digit in range(10)])
        right = (votes.argmax(axis=0) == mnist.y_test[:, np.newaxis]).mean(axis=0)
        axes.plot(ks, right[::2], style, label=f"curve {name}")
    axes.set(xlabel="k", ylabel="accuracy on new digits", title="k-NN with three training sets")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    alt = (
        "Accuracy against k from 1 to 25. A starts highest and falls a little. B starts lower and "
        "rises close to A. C starts between the two and falls to the lowest point."
    )
    plots.show(figure, alt=alt)


def q4(rng):
    """Yield bright images and pale ones in turn, with some digits missing, and without toss-ups."""
    for top in (256, 4) * 150:
        labels = rng.permutation(np.repeat(rng.permutation(10)[: rng.integers(2, 9)], 3))
        train = rng.integers(0, top, (len(labels), 28, 28), "uint8")
        images = rng.integers(0, top, (25, 28, 28), "uint8")
        images[:5] //= 8  # faint
        means = np.stack([train[labels == digit].mean(axis=0) for digit in np.unique(labels)])
        distances = np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3))
        nearest, next_one = np.sort(distances, axis=1).T[:2]
        yield train, labels, images[next_one - nearest > 0.001 * nearest]


def _size(differences):
    """Add up so that the order always shows in the last digits, as it often does with floats."""
    squares = differences.ravel() ** 2
    return float(np.sqrt(squares @ (1 + 1e-13 * np.arange(squares.size))))


DISTANCES = {
    "the ordinary distance": lambda a, b: _size(a - b),
    "the largest difference": lambda a, b: float(np.abs(a - b).max()),
    "the difference in ink": lambda a, b: round(abs(a.sum() - b.sum()), 6),
    "edges along rows": lambda a, b: _size(np.diff(a - b)),
    "edges along columns": lambda a, b: _size(np.diff(a - b, axis=0)),
    "edges along both": lambda a, b: _size(np.diff(a - b)) + _size(np.diff(a - b, axis=0)),
    "ink of each row": lambda a, b: _size((a - b).sum(axis=1)),
}


def q5(rng):
    """Yield smooth images that look alike, so that any other shuffle changes far more than the last digits."""
    y, x = np.mgrid[-1:1:31j, -1:1:34j]
    for name in [*DISTANCES] * 2:
        a = 3 * y + x + 0.05 * rng.normal(size=y.shape)
        b = a + y + x / 4 + 0.05 * rng.normal(size=y.shape)
        a[:3, :3] = b[:3, 4:7] = 0
        yield name, a, b


def q5_observe(function, name, a, b):
    return function(DISTANCES[name], a, b)


def shift_at_random(images, rng):
    """Return images, uint8 (n, 28, 28), each shifted by up to four pixels in each direction."""
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4)))
    corners = rng.integers(0, 9, (len(images), 2))
    pairs = zip(padded, corners, strict=True)
    return np.stack([image[top : top + 28, left : left + 28] for image, (top, left) in pairs])


def accuracy_with(prepare):
    """Return how many shifted digits one neighbor gets right if all images are prepared like this."""
    mnist, rng = data.load_mnist("sample"), np.random.default_rng(0)
    shifted = shift_at_random(mnist.x_test[:300], rng)
    rows = [_prepared(prepare, images.copy()) for images in (mnist.x_train[:1500], shifted)]
    if rows[0].shape[1] != rows[1].shape[1]:
        raise Wrong("expected as many numbers for each test image as for each training image.")
    nearest = _neighbors(rows[1], rows[0], 1)[:, 0]
    return float(np.mean(mnist.y_train[nearest] == mnist.y_test[:300]))


def _prepared(prepare, images):
    """Return what a function makes of images as rows of numbers, or raise Wrong."""
    try:
        made = prepare(images)
    except Wrong:
        raise
    except Exception as fault:
        raise Wrong(f"your function stops with an error: {code(in_words(fault))}.") from None
    try:
        rows = as_array(made).astype(float).reshape(len(images), -1)
        assert rows.size and np.isfinite(rows).all()
    except Exception:
        want = f"expected one row of numbers for each of {len(images):,} images"
        raise Wrong(f"{want}, got {describe(made)}.") from None
    return rows


def q6_judge(answer):
    if not callable(answer):
        raise Wrong(f"expected a function, got {describe(answer)}.")
    if (right := accuracy_with(answer)) < GOAL:
        least = f"it needs at least {GOAL:.0%}"
        raise Wrong(f"one neighbor gets {right:.1%} of the shifted digits right, but {least}.")
    return f"One neighbor now gets {right:.1%} of the shifted digits right."


def q7(rng):
    while True:
        names = rng.permutation([*HITS]).tolist()
        counts = int(rng.integers(40, 50)), 2 * int(rng.integers(45, 55)) + 1
        validation, test = (_images(rng, count, is_test) for is_test, count in enumerate(counts))
        yield names, validation, validation[:, 0, 0], test, test[:, 0, 0]


def _images(rng, count, is_test):
    """Return images that tell who can read them."""
    images = np.zeros((count, 28, 28), "uint8")
    facts = rng.integers(0, 10, count), rng.permutation(count), np.full(count, is_test)
    images[:, 0, :3] = np.transpose(facts)
    return images


def q7_observe(function, names, *parts):
    """Return the report, and how many test digits each classifier has been shown."""
    shown = Counter()

    def classifier(name):
        def classify(images):
            label, rank, is_test = np.asarray(images)[:, 0, :3].T
            shown[name] += int(is_test.sum())
            return np.where(rank < np.array(HITS[name])[is_test], label, 9 - label)

        return classify

    report = function({name: classifier(name) for name in names}, *parts)
    return {"name, accuracy, low, high": report, "test digits shown": +shown}
