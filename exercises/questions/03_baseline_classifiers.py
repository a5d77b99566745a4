"""Inputs and mistakes for the questions on baseline_classifiers."""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

from utils.exercises.compare import Unusable, describe

STROKE = np.pad(np.ones((8, 3)), ((10, 10), (10, 15)))
HITS = {"lucky": (26, 80), "first": (34, 55), "equal": (34, 62), "poor": (12, 30)}


def q2(rng):
    yield 79_510, 784, 10  # a hundred units, exactly
    yield 79_509, 784, 10
    while True:
        inputs, outputs, units = map(int, rng.integers((15, 10, 50), (60, 30, 200)))
        unit = inputs + 1 + outputs
        for rest in (0, unit - 1, unit // 2 + 1):
            yield units * unit + outputs + rest, inputs, outputs


def q3(rng):
    """Yield bright images and pale ones in turn, with some digits missing, and without toss-ups."""
    for top in (256, 4) * 150:
        digits = rng.choice(10, int(rng.integers(2, 9)), replace=False)
        labels = rng.permutation(np.repeat(digits, 3))
        train = rng.integers(0, top, (len(labels), 28, 28), "uint8")
        faint = rng.integers(0, 1 + top // 8, (5, 28, 28), "uint8")
        images = np.concatenate([rng.integers(0, top, (20, 28, 28), "uint8"), faint])
        means = np.stack([train[labels == digit].mean(axis=0) for digit in np.unique(labels)])
        rows, mean_rows = (np.reshape(part, (-1, 784)).astype(float) for part in (images, means))
        nearest = np.sort(cdist(rows, mean_rows), axis=1)
        yield train, labels, images[nearest[:, 1] - nearest[:, 0] > 0.001 * nearest[:, 0]]


def q4(rng):
    """Yield neighbors of few classes, so that many votes end in a tie."""
    for k in [1, 2, 3, 4, 5, 6] * 50:
        labels = rng.permutation([*rng.choice(10, 4, replace=False)] * 15)
        yield rng.normal(size=(60, 8)), labels, rng.normal(size=(15, 8)), k


def q5(rng):
    """Return a network, and images of which one is so bright that its scores are in the thousands."""
    count, pixels, units, classes = map(int, rng.integers((3, 4, 6, 3), (7, 9, 12, 8)))
    x = rng.random((count, pixels)).round(1)
    x[0] *= 1e5
    W1, W2 = rng.normal(size=(pixels, units)), rng.normal(size=(units, classes))
    return x, W1, rng.normal(size=units), W2, rng.normal(size=classes)


def q6(rng):
    while True:
        yield _steep_valley(rng.uniform(200, 400, size=5)), 0.001 * rng.normal(size=5)
        W = rng.normal(size=(4, 3))
        W[1:3, 0] = 0  # as at the start of training
        yield _cross_entropy(rng.normal(size=(6, 4)), np.eye(3)[rng.integers(0, 3, 6)]), W
        yield _plane(rng.normal(size=(2, 3, 4))), 100 * rng.normal(size=(2, 3, 4))


def _steep_valley(steepness):
    return lambda W: np.sum(steepness * W**2)


def _cross_entropy(x, y):
    return lambda W: -np.log((softmax(x @ W, axis=1) * y).sum(axis=1)).mean()


def _plane(slopes):
    return lambda W: np.sum(slopes * W)


def q7(rng):
    """Yield digits of which some don't occur."""
    for steps in [0, 1, 2, 5] * 50:
        count, pixels = (101, 8) if steps == 2 else map(int, rng.integers((15, 3), (30, 9)))
        labels = rng.choice(rng.choice(10, 6, replace=False), count)
        yield rng.random((count, pixels)), labels, float(rng.uniform(0.5, 1)), steps


def _total(numbers):
    """Add up so that the order always shows in the last digits, as it often does with floats."""
    return float(numbers.ravel() @ (1 + 1e-13 * np.arange(numbers.size)))


def _size(differences):
    return float(np.sqrt(_total(differences**2)))


def _edges(a, b, axis):
    return _size(np.diff(a, axis=axis) - np.diff(b, axis=axis))


DISTANCES = {
    "the ordinary distance": lambda a, b: _size(a - b),
    "the sum of absolute differences": lambda a, b: _total(np.abs(a - b)),
    "the largest difference": lambda a, b: float(np.abs(a - b).max()),
    "the difference in ink": lambda a, b: round(abs(a.sum() - b.sum()), 6),
    "edges along rows": lambda a, b: _edges(a, b, 1),
    "edges along columns": lambda a, b: _edges(a, b, 0),
    "edges along both": lambda a, b: _edges(a, b, 0) + _edges(a, b, 1),
    "ink of each row": lambda a, b: _size(a.sum(axis=1) - b.sum(axis=1)),
}


def q8(rng):
    """Yield smooth images that look alike, so that any other shuffle changes far more than the last digits."""
    y, x = np.meshgrid(np.linspace(-1, 1, 31), np.linspace(-1, 1, 34), indexing="ij")
    for name in [*DISTANCES] * 2:
        a = 3 * y + x + 0.05 * rng.normal(size=y.shape)
        b = a + y + x / 4 + 0.05 * rng.normal(size=y.shape)
        a[:3, :3] = b[:3, 4:7] = 0
        yield name, a, b


def q8_observe(function, name, a, b):
    return function(DISTANCES[name], a, b)


def _moved_by(move):
    """Return a function that moves both images by `move(image, rng)`."""

    def knows(distance, a, b):
        seed = np.random.default_rng().integers(2**32)
        moved = [move(image, np.random.default_rng(seed)) for image in (a, b)]
        return not np.isclose(distance(*moved), distance(a, b))

    return knows


rows = _moved_by(lambda image, rng: rng.permutation(image))
columns = _moved_by(lambda image, rng: rng.permutation(image, axis=1))
rows_and_columns = _moved_by(lambda image, rng: rng.permutation(rng.permutation(image), axis=1))
transposed = _moved_by(lambda image, rng: image.T)


def q9(rng):
    while True:
        names = rng.permutation([*HITS]).tolist()
        counts = int(rng.integers(40, 50)), 2 * int(rng.integers(45, 55)) + 1
        validation, test = (_images(rng, count, is_test) for is_test, count in enumerate(counts))
        yield names, validation, validation[:, 0, 0], test, test[:, 0, 0]


def _images(rng, count, is_test):
    """Return images that tell who can read them."""
    images = np.zeros((count, 28, 28), "uint8")
    facts = rng.integers(0, 10, count), rng.permutation(count), np.full(count, is_test)
    images[:, 0, :3] = np.stack(facts, axis=1)
    return images


def q9_observe(function, names, x_validation, y_validation, x_test, y_test):
    """Return the report, and what the readers have been shown."""
    shown = dict.fromkeys(names, 0)

    def read(name):
        def reader(images):
            label, rank, is_test = np.asarray(images)[:, 0, :3].T
            shown[name] += int(is_test.sum())
            return np.where(rank < np.array(HITS[name])[is_test], label, 9 - label)

        return reader

    readers = {name: read(name) for name in names}
    report = function(readers, x_validation, y_validation, x_test, y_test)
    if not isinstance(report, tuple | list | np.ndarray) or len(report) != 4:
        return Unusable(f"expected `name, accuracy, low, high`, got {describe(report)}")
    facts = dict(zip(["name", "accuracy", "low", "high"], report, strict=True))
    facts["readers that saw test digits"] = sorted(name for name in names if shown[name])
    facts["test digits read"] = max(shown.values())
    return facts
