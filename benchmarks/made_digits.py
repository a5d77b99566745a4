"""Digits that are made in the process that reads them, so that a million of them need no disk."""

import contextlib
import io
from functools import lru_cache

import numpy as np

from apps.scaling.sources import Source
from utils.data import load_mnist


def made_digits(count: int, size: int = 10_000) -> Source:
    """Return so many digits, cut into partitions: MNIST's test digits, each shifted and in its own ink."""
    return Source(range(count), size, make, {"source": "made digits"})


def make(numbers: range) -> np.ndarray:
    """Return the digits with these numbers: digit i comes from test digit i modulo their number."""
    rng, names = np.random.default_rng([0, numbers.start]), np.array(numbers)
    ink = rng.integers(160, 257, (len(names), 1, 1), "uint16")
    images = (_test_digits()[names % len(_test_digits())] * ink >> 8).astype(np.uint8)
    shifts = rng.integers(-1, 2, (len(names), 2))
    for shift in np.unique(shifts, axis=0):  # all of one shift at once
        chosen = (shifts == shift).all(axis=1)
        images[chosen] = np.roll(images[chosen], shift, axis=(1, 2))
    return images


@lru_cache(maxsize=1)
def _test_digits() -> np.ndarray:
    with contextlib.redirect_stdout(io.StringIO()):  # a worker needn't say which data it has
        return load_mnist().x_test
