"""Inputs and mistakes for the questions on visualize_digits."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from utils import data, plots
from utils.exercises import Wrong
from utils.exercises.compare import as_array, describe
from utils.exercises.trial import in_words

# Training images of each digit in full MNIST.
COUNTS = 5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
OWN, STRANGERS = 200, 10  # images in a pile that show its digit, and others


def _some(rng):
    """Yield images of whole numbers and of floats, and a label for each, in which some digit is the most common."""
    yield np.zeros((3, 2, 5), "uint8") + np.uint8([[[0]], [[255]], [[7]]]), np.array([4, 9, 4])
    while True:
        count, rows, columns = map(int, rng.integers((12, 3, 3), (60, 8, 8)))
        images = rng.integers(0, 256, (count, rows, columns)) * (rng.random((count, 1, 1)) < 0.7)
        images = images * (rng.random(images.shape) < 0.6)
        labels = rng.permutation([*rng.integers(0, 10, count // 2), *[rng.integers(0, 9)] * count])
        yield images.astype("uint8"), labels[:count]
        yield images / 255, labels[:count]


def t1(rng):
    for images, _ in _some(rng):
        yield (images,)


def t2(rng):
    for _, labels in _some(rng):
        counts = np.sort(np.bincount(labels, minlength=2))
        if counts[-1] > counts[-2]:  # a tie has two right answers
            yield labels, rng.integers(0, 10, 101)


def t3(rng):
    for images, labels in _some(rng):
        yield images, labels, int(rng.choice(labels))


def t4(rng):
    for images, _ in _some(rng):
        yield images.mean(axis=0), images[:9]


def counts_chart():
    """Draw how many training images of each digit there are."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    axes.barh([str(digit) for digit in range(10)], COUNTS)
    axes.set(xlim=(5000, 7000), xlabel="training images", ylabel="digit")
    axes.grid(axis="x", alpha=0.5)
    axes.invert_yaxis()
    alt = (
        "Horizontal bars for the ten digits on an axis from 5,000 to 7,000. "
        "The bar of the 1 ends near 6,750, and that of the 5 near 5,420."
    )
    plots.show(figure, alt=alt)


@cache
def _piles(seed):
    """Return ten piles of images, one for each digit, and which images in each show another digit."""
    mnist, rng, found = data.load_mnist("sample"), np.random.default_rng(seed), []
    for digit in range(10):
        is_own = mnist.y_train == digit
        own = rng.choice(np.flatnonzero(is_own), OWN, replace=False)
        others = rng.choice(np.flatnonzero(~is_own), STRANGERS, replace=False)
        pile = rng.permutation([*own, *others])
        found.append((mnist.x_train[pile], ~is_own[pile]))
    return found


def _found(measure, seed):
    """Return how many strangers of each pile are among its ten largest measures. Raises Wrong."""
    found = []
    for pile, is_stranger in _piles(seed):
        try:
            measured = measure(pile.copy())
        except Exception as fault:
            raise Wrong(f"it stops with `{in_words(fault).replace('`', chr(39))}`.") from None
        numbers = as_array(measured)
        if numbers is None or numbers.shape != is_stranger.shape or np.isnan(numbers).any():
            expected = f"expected {len(pile)} numbers for {len(pile)} images"
            raise Wrong(f"{expected}, got {describe(measured)}.")
        found.append(int(is_stranger[np.argsort(-numbers, kind="stable")[:STRANGERS]].sum()))
    return found


def strangers_found(measure):
    """Print how many strangers a measure finds in each of ten piles."""
    try:
        found = _found(measure, seed=0)
    except Wrong as reason:
        print(f"Not yet: {reason}")
    else:
        print(f"in the piles of 0 to 9: {found}, {sum(found)} of {len(found) * STRANGERS} in all")


def q4_judge(measure):
    if not callable(measure):
        raise Wrong(f"expected a function, got {describe(measure)}: give its name alone.")
    found, goal = sum(_found(measure, seed=1)), 5 * STRANGERS
    if found < goal:
        raise Wrong(
            f"it finds {found} of {10 * STRANGERS} strangers in ten new piles. Find at least {goal}."
        )
    return f"It finds {found} of {10 * STRANGERS} strangers in ten new piles."


def q5(rng):
    yield rng.integers(0, 256, (31, 7), "uint8"), 0.9
    yield _cloud(rng, 8, 20), 0.8  # fewer points than columns
    yield _cloud(rng, 50, 10), 0.01  # the first axis alone is enough
    yield _cloud(rng, 40, 6), 0.999999  # all are needed
    while True:
        yield _cloud(rng, *rng.integers([20, 5], [80, 13])), rng.uniform(0.5, 0.99)


def _cloud(rng, rows, columns):
    rotation, _ = np.linalg.qr(rng.normal(size=(columns, columns)))
    spread = rng.uniform(0.2, 3, size=columns) ** 2
    return rng.normal(size=(rows, columns)) * spread @ rotation + rng.uniform(5, 20, columns)


def q6(rng):
    while True:
        positions = rng.normal(0, 50, (7, 2)).repeat(3, axis=0)  # two at the very same place,
        positions[2::3] += rng.normal(0, 0.1, (7, 2))  # and one nearby
        yield positions, np.tile([3, 5, 7], 7), 2
        points = int(rng.integers(20, 42))
        positions = rng.normal(0, 50, (points, rng.integers(2, 4)))
        yield positions, rng.integers(0, 4, points), int(rng.integers(1, 7))
