"""Inputs and mistakes for the questions on baseline_classifiers."""

from collections import Counter

import numpy as np
from scipy.special import log_softmax

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
        labels = rng.permutation(np.repeat(rng.permutation(10)[: rng.integers(2, 9)], 3))
        train = rng.integers(0, top, (len(labels), 28, 28), "uint8")
        images = rng.integers(0, top, (25, 28, 28), "uint8")
        images[:5] //= 8  # faint
        means = np.stack([train[labels == digit].mean(axis=0) for digit in np.unique(labels)])
        distances = np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3))
        nearest, next_one = np.sort(distances, axis=1).T[:2]
        yield train, labels, images[next_one - nearest > 0.001 * nearest]


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
        yield from _losses(rng)


def _losses(rng):
    """Yield a steep valley, the loss of a softmax regression, and a plane, and weights for each."""
    steepness, slopes = rng.uniform(200, 400, size=5), rng.normal(size=(2, 3, 4))
    x, labels, W = rng.normal(size=(6, 4)), rng.integers(0, 3, 6), rng.normal(size=(4, 3))
    W[1:3, 0] = 0  # as at the start of training
    yield lambda W: np.sum(steepness * W**2), 0.001 * rng.normal(size=5)
    yield lambda W: -log_softmax(x @ W, axis=1)[range(6), labels].mean(), W
    yield lambda W: np.sum(slopes * W), 100 * rng.normal(size=(2, 3, 4))


def q7(rng):
    """Yield digits of which some don't occur."""
    for steps in [0, 1, 2, 5] * 50:
        count, pixels = (101, 8) if steps == 2 else map(int, rng.integers((15, 3), (30, 9)))
        labels = rng.choice(rng.choice(10, 6, replace=False), count)
        yield rng.random((count, pixels)), labels, float(rng.uniform(0.5, 1)), steps


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


def q8(rng):
    """Yield smooth images that look alike, so that any other shuffle changes far more than the last digits."""
    y, x = np.mgrid[-1:1:31j, -1:1:34j]
    for name in [*DISTANCES] * 2:
        a = 3 * y + x + 0.05 * rng.normal(size=y.shape)
        b = a + y + x / 4 + 0.05 * rng.normal(size=y.shape)
        a[:3, :3] = b[:3, 4:7] = 0
        yield name, a, b


def q8_observe(function, name, a, b):
    return function(DISTANCES[name], a, b)


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
    images[:, 0, :3] = np.transpose(facts)
    return images


def q9_observe(function, names, *parts):
    """Return the report, and how many test digits each reader has been shown."""
    shown = Counter()

    def read(name):
        def reader(images):
            label, rank, is_test = np.asarray(images)[:, 0, :3].T
            shown[name] += int(is_test.sum())
            return np.where(rank < np.array(HITS[name])[is_test], label, 9 - label)

        return reader

    report = function({name: read(name) for name in names}, *parts)
    return {"name, accuracy, low, high": report, "test digits shown": +shown}
