"""What people answer to the questions of lesson 04."""

import numpy as np
from scipy import signal

from tests.exercises.bank import Entry
from utils.exercises.lesson_04 import KERNEL, PATCH, SECRET


def by_einsum(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)


def padded_by_hand(image, kernel):
    rows, columns = (kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2
    padded = np.pad(
        image, ((rows, kernel.shape[0] - 1 - rows), (columns, kernel.shape[1] - 1 - columns))
    )
    return by_einsum(padded, kernel)


def square_kernels_only(image, kernel):
    side = kernel.shape[0]
    rows, columns = image.shape[0] - side + 1, image.shape[1] - side + 1
    return np.array(
        [
            [np.sum(image[r : r + side, c : c + side] * kernel) for c in range(columns)]
            for r in range(rows)
        ]
    )


def off_by_one(image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0], image.shape[1] - kernel.shape[1]
    return by_einsum(image, kernel)[:rows, :columns]


def convolves_in_place(image, kernel):
    result = by_einsum(image, kernel)
    image -= image.mean()
    return result


def pool_by_loops(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return [
        [
            max(maps[r * size + i, c * size + j] for i in range(size) for j in range(size))
            for c in range(columns)
        ]
        for r in range(rows)
    ]


def pool_whole_blocks_only(maps, size):
    return maps.reshape(maps.shape[0] // size, size, maps.shape[1] // size, size).max(axis=(1, 3))


def equivariant_by_difference(operation, image, shift):
    there = operation(np.concatenate([image[:, -shift:], image[:, :-shift]], axis=1))
    whole = operation(image)
    return bool(
        np.abs(there - np.concatenate([whole[:, -shift:], whole[:, :-shift]], axis=1)).max() < 1e-9
    )


BANK = {
    "q1": Entry(
        right=[(PATCH * KERNEL).sum(), float(signal.correlate2d(PATCH, KERNEL, "valid").item())],
        wrong={
            "flipped the kernel": np.sum(PATCH * KERNEL[::-1, ::-1]),
            "matrix product": np.trace(PATCH @ KERNEL),
            "minus signs got lost": 23,
            "only the signs": -7,
            "without multiplying": 15,
            "expected numbers": "minus ten",
        },
    ),
    "q2": Entry(
        right=[
            lambda n, k, p, s: len(range(0, n + 2 * p - k + 1, s)),
            lambda n, k, p, s: int((n + 2 * p - k) / s) + 1,
        ],
        wrong={
            "+ 1": lambda n, k, p, s: (n + 2 * p - k) // s,
            "both* sides": lambda n, k, p, s: (n + p - k) // s + 1,
            "padding was forgotten": lambda n, k, p, s: (n - k) // s + 1,
            "round down": lambda n, k, p, s: int(np.ceil((n + 2 * p - k) / s)) + 1,
            "whole": lambda n, k, p, s: (n + 2 * p - k) / s + 1,
            "after the division": lambda n, k, p, s: (n + 2 * p - k + 1) // s,
            "expected": lambda n, k, p, s: n,
        },
    ),
    "q3": Entry(
        right=[
            by_einsum,
            lambda image, kernel: signal.convolve2d(image, kernel[::-1, ::-1], "valid"),
        ],
        wrong={
            "flipped": lambda image, kernel: by_einsum(image, kernel[::-1, ::-1]),
            "padding in it": padded_by_hand,
            "stops with ValueError": square_kernels_only,
            "last row and column": off_by_one,
            "without the kernel's weights": lambda image, kernel: by_einsum(
                image, np.ones_like(kernel)
            ),
            "mean of the products": lambda image, kernel: by_einsum(image, kernel) / kernel.size,
            "changes what it is given": convolves_in_place,
            "expected shape": lambda image, kernel: np.sum(image) * np.ones((2, 2)),
        },
    ),
    "q4": Entry(
        right=[pool_by_loops],
        wrong={
            "average pooling": lambda maps, size: np.array(
                [
                    [
                        maps[r : r + size, c : c + size].mean()
                        for c in range(0, maps.shape[1] - size + 1, size)
                    ]
                    for r in range(0, maps.shape[0] - size + 1, size)
                ]
            ),
            "upper left": lambda maps, size: (
                pool_by_loops(maps, size) and maps[: 1 - size : size, : 1 - size : size]
            ),
            "overlap": lambda maps, size: np.lib.stride_tricks.sliding_window_view(
                maps, (size, size)
            ).max(axis=(2, 3)),
            "only ever pool by 2": lambda maps, size: pool_by_loops(maps, 2),
            "stops with ValueError": pool_whole_blocks_only,
            "became 0": lambda maps, size: np.maximum(pool_by_loops(maps, size), 0),
        },
    ),
    "q5": Entry(
        right=[lambda k, channels, filters: k**2 * channels * filters + filters],
        wrong={
            "biases are forgotten": lambda k, channels, filters: k**2 * channels * filters,
            "one bias for the whole layer": lambda k, channels, filters: (
                k**2 * channels * filters + 1
            ),
            "deep as its input": lambda k, channels, filters: k * k * filters + filters,
            "not for each channel": lambda k, channels, filters: (k * k + 1) * channels * filters,
            "a square": lambda k, channels, filters: (k * channels + 1) * filters,
        },
    ),
    "q6": Entry(
        right=[equivariant_by_difference],
        wrong={
            "unshifted result": lambda operation, image, shift: np.allclose(
                operation(np.roll(image, shift, axis=1)), operation(image)
            ),
            "axis 0": lambda operation, image, shift: np.allclose(
                operation(np.roll(image, shift, axis=0)), np.roll(operation(image), shift, axis=0)
            ),
            "really different": lambda operation, image, shift: True,
            "not one for each pixel": lambda operation, image, shift: (
                operation(np.roll(image, shift, axis=1)) == np.roll(operation(image), shift, axis=1)
            ),
            "everywhere": lambda operation, image, shift: False,
            "None": lambda operation, image, shift: print(end=""),
        },
    ),
    "q7": Entry(
        right=[SECRET + 0.003, SECRET.astype("float32").tolist()],
        wrong={
            "upside down": SECRET[::-1, ::-1],
            "exchanged": SECRET.T,
            "signs are turned": -SECRET,
            "four axes": SECRET[:, :, np.newaxis, np.newaxis],
            "longer, or check": SECRET + 0.3,
            "expected shape": np.zeros((5, 5)),
            "NaN": SECRET * np.nan,
        },
    ),
}

FOUND = "another training, which finds the same kernel"
EQUIVALENT = {
    ("q7", "line 7: False becomes True"): "the pictures have the mean 0, so a bias is learned as 0",
    ("q7", "line 8: 0.1 becomes 1.1"): FOUND,
    ("q7", "line 9: 20 becomes 21"): FOUND,
    ("q7", "line 9: 20 becomes 19"): FOUND,
    ("q7", "line 9: 10 becomes 11"): FOUND,
    ("q7", "line 9: 10 becomes 9"): FOUND,
    ("q7", "line 9: 0 becomes 1"): "how much `fit` tells does not matter",
    ("q7", "line 9: 0 becomes -1"): "how much `fit` tells does not matter",
    ("q7", "line 10: USub becomes UAdd"): "the last of two layers is also the one after the first",
}
