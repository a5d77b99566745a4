"""What people answer to the questions on convolution_by_hand."""

import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from tests.exercises.bank import Entry
from utils.exercises import material

given = material("convolution_by_hand")
KERNEL, PATCH, SECRET = given.KERNEL, given.PATCH, given.SECRET


def by_einsum(image, kernel):
    return np.einsum("rcij,ij->rc", sliding_window_view(image, kernel.shape), kernel)


def square_kernels_only(image, kernel):
    return by_einsum(image, kernel[:, : len(kernel)])


def convolves_in_place(image, kernel):
    result = by_einsum(image, kernel)
    image -= image.mean().astype(image.dtype)
    return result


def pool_by_loops(maps, size):
    rows, columns = (range(0, n - size + 1, size) for n in maps.shape)
    return [[maps[r : r + size, c : c + size].max() for c in columns] for r in rows]


def pool_whole_blocks_only(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return maps.reshape(rows, size, columns, size).max(axis=(1, 3))


def both_orders(operation, image, shift):
    return operation(np.roll(image, shift, axis=1)), np.roll(operation(image), shift, axis=1)


def equivariant_by_difference(operation, image, shift):
    there = operation(np.concatenate([image[:, -shift:], image[:, :-shift]], axis=1))
    return bool(np.abs(np.roll(there, -shift, axis=1) - operation(image)).max() < 1e-9)


def equivariant_in_tensorflow(*arguments):
    first, last = both_orders(*arguments)
    return tf.reduce_all(tf.abs(first - last) < 1e-6)


BANK = {
    "q1": Entry(
        right=[(PATCH * KERNEL).sum(), np.float32(-9), tf.constant(-9.0), [-9][0], np.array(-9)],
        wrong={
            "expected a number, got": "minus nine",
            "got `'-9'`": "-9",
            "isn't right": -8,
            "expected a single number": [-9],
        },
    ),
    "q2": Entry(
        right=[
            lambda n, k, p, s: len(range(0, n + 2 * p - k + 1, s)),
            lambda n, k, p, s: int((n + 2 * p - k) / s) + 1,
            lambda n, k, p, s: np.floor((n + 2 * p - k) / s) + 1,
        ],
        wrong={
            "expected `26`, got `28`": lambda n, k, p, s: n,
            "expected a number, got": lambda n, k, p, s: np.complex128(
                (n + 2 * p - k) // s + 1 + 5j
            ),
        },
    ),
    "q3": Entry(
        right=[by_einsum, lambda *both: signal.correlate2d(*both, "valid").tolist()],
        wrong={
            "changes what it is given": convolves_in_place,
            "expected an array of shape": square_kernels_only,
        },
    ),
    "q4": Entry(
        right=[pool_by_loops],
        wrong={"stops with `ValueError": pool_whole_blocks_only},
    ),
    "q5": Entry(right=[lambda k, channels, filters: k**2 * channels * filters + filters]),
    "q6": Entry(
        right=[equivariant_by_difference, equivariant_in_tensorflow],
        wrong={
            "expected `False`, got `True`": lambda *arguments: True,
            "expected `True`, got `False`": lambda *arguments: False,
            "expected `True`, got an array": lambda *arguments: np.equal(*both_orders(*arguments)),
            "got `None`": lambda *arguments: print(end=""),
        },
    ),
    "q7": Entry(
        right=[SECRET + 0.003, SECRET.astype("float32").tolist()],
        wrong={
            "rotated by 180°": SECRET[::-1, ::-1],
            "exchanged": SECRET.T,
            "signs are reversed": -SECRET,
            "`squeeze()`": SECRET[:, :, np.newaxis, np.newaxis],
            "longer, or check": SECRET + 0.3,
            "expected an array of shape": np.zeros((5, 5)),
            "NaN": SECRET * np.nan,
        },
    ),
}

FOUND = "another training, which finds the same kernel"
EQUIVALENT = {
    ("q7", "line 2: False becomes True"): "the pictures have the mean 0, so a bias is learned as 0",
    ("q7", "line 3: 0.1 becomes 1.1"): FOUND,
    ("q7", "line 4: 20 becomes 21"): FOUND,
    ("q7", "line 4: 20 becomes 19"): FOUND,
    ("q7", "line 4: 10 becomes 11"): FOUND,
    ("q7", "line 4: 10 becomes 9"): FOUND,
    ("q7", "line 4: 0 becomes 1"): "how much `fit` tells doesn't matter",
    ("q7", "line 4: 0 becomes -1"): "how much `fit` tells doesn't matter",
    ("q7", "line 5: USub becomes UAdd"): "the last of two layers is also the one after the first",
}
