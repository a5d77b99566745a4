"""Questions on lesson 04: convolution by hand."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from utils import models
from utils.exercises.checks import behaves_like, call, compare, is_value
from utils.exercises.core import Question, Wrong

LESSON = "04"
PATCH = np.array([[1, 8, 2], [3, 9, 5], [0, 7, 4]])
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [0, 0, -1]])
SECRET = np.random.default_rng(2026).normal(size=(3, 3)).round(1)


def _windows_of(image, kernel):
    return sliding_window_view(image, kernel.shape)


# 1. One pixel on paper

q1 = Question(
    LESSON,
    "q1",
    "compute one output pixel of a convolution on paper",
    is_value(
        lambda: np.sum(PATCH * KERNEL),
        {
            np.sum(PATCH * KERNEL[::-1, ::-1]): "you flipped the kernel, as mathematics does. Deep "
            "learning lays it on as it is.",
            np.trace(
                PATCH @ KERNEL
            ): "that is a matrix product, rows times columns. Multiply the numbers that lie "
            "on each other.",
            np.sum(
                PATCH * (KERNEL != 0)
            ): "you added the pixels under the kernel without multiplying by its weights.",
            np.sum(
                PATCH * np.sign(KERNEL)
            ): "you took only the signs of the kernel: the 2s count twice.",
            np.sum(PATCH * np.abs(KERNEL)): "the kernel's minus signs got lost on the way.",
        },
    ),
    hints=(
        "Nine products, one sum. The middle column of the kernel is 0, and so is a corner: only five of them matter.",
        "The left column gives 1·1 + 3·2 + 0·0. Then the right column, whose weights are negative.",
    ),
)


# 2. The size of the output


def _case_of_size(rng):
    k = int(rng.integers(1, 8))
    return int(rng.integers(10, 40)), k, int(rng.integers(1, 4)), int(rng.integers(2, 4))


q2 = Question(
    LESSON,
    "q2",
    "predict the output shape for any size, kernel, padding and stride",
    behaves_like(
        lambda n, k, p, s: models.output_size(n + 2 * p, k, "valid", s),
        _case_of_size,
        {
            "one too few: the first place counts too. Remember the + 1.": lambda n, k, p, s: (
                (n + 2 * p - k) // s
            ),
            "the padding is on *both* sides: 2p, not p.": lambda n, k, p, s: (n + p - k) // s + 1,
            "the padding was forgotten.": lambda n, k, p, s: (n - k) // s + 1,
            "a last jump that would leave the image is not made: round down, not up.": lambda n, k, p, s: (
                -(-(n + 2 * p - k) // s) + 1
            ),
            "pixels are whole: divide with `//`, which rounds down.": lambda n, k, p, s: (
                (n + 2 * p - k) / s + 1
            ),
            "the + 1 comes after the division, not before it.": lambda n, k, p, s: (
                (n + 2 * p - k + 1) // s
            ),
        },
        rounds=60,
    ),
    hints=(
        "How many places can the left edge of the window take?",
        "Section 6 has the formula. In Python, `//` divides and rounds down.",
    ),
)


# 3. Write the convolution


def _case_of_convolution(rng):
    rows, columns = rng.integers(6, 12, size=2)
    height, width = rng.choice([2, 3, 4, 5], size=2, replace=False)
    return rng.normal(size=(rows, columns)), rng.normal(size=(height, width))


q3 = Question(
    LESSON,
    "q3",
    "write a convolution with loops and with NumPy, and check each against the other and against `Conv2D`",
    behaves_like(
        lambda image, kernel: signal.correlate2d(image, kernel, "valid"),
        _case_of_convolution,
        {
            "the kernel is flipped: that is the convolution of mathematics. `Conv2D` lays the kernel on as it is.": (
                lambda image, kernel: signal.convolve2d(image, kernel, "valid")
            ),
            "your result is as large as the image: there is padding in it. Only windows wholly inside count.": (
                lambda image, kernel: signal.correlate2d(image, kernel, "same")
            ),
            "your windows reach beyond the image on all sides (`full`). Only those that lie wholly inside count.": (
                lambda image, kernel: signal.correlate2d(image, kernel, "full")
            ),
            "the last row and column of windows are missing: input - kernel **+ 1** of them fit.": (
                lambda image, kernel: signal.correlate2d(image, kernel, "valid")[:-1, :-1]
            ),
            "you add up each window without the kernel's weights.": (
                lambda image, kernel: _windows_of(image, kernel).sum(axis=(2, 3))
            ),
            "you take the mean of the products: a convolution adds them.": (
                lambda image, kernel: (_windows_of(image, kernel) * kernel).mean(axis=(2, 3))
            ),
        },
    ),
    hints=(
        "Two loops say where the window is. Inside them: cut the window out, multiply, add.",
        "`image[row : row + height, column : column + width]` is the window. Kernels need not be square.",
        "Or list all windows with `sliding_window_view(image, kernel.shape)`, and sum over the last two axes.",
    ),
)


# 4. Write the pooling


def _blocks(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return maps[: rows * size, : columns * size].reshape(rows, size, columns, size)


def _case_of_pooling(rng):
    return rng.normal(-1, 1, size=(int(rng.integers(7, 14)), int(rng.integers(7, 14)))), int(
        rng.integers(2, 5)
    )


q4 = Question(
    LESSON,
    "q4",
    "write max pooling, and show what it buys",
    behaves_like(
        lambda maps, size: _blocks(maps, size).max(axis=(1, 3)),
        _case_of_pooling,
        {
            "that is the mean of each block: average pooling. Max pooling keeps the largest number.": (
                lambda maps, size: _blocks(maps, size).mean(axis=(1, 3))
            ),
            "your blocks overlap: the window must jump by its own size.": (
                lambda maps, size: sliding_window_view(maps, (size, size)).max(axis=(2, 3))
            ),
            "you keep the upper left number of each block, not the largest.": lambda maps, size: (
                _blocks(maps, size)[:, 0, :, 0]
            ),
            "you only ever pool by 2: use `size`.": lambda maps, size: _blocks(maps, 2).max(
                axis=(1, 3)
            ),
            "the axes are mixed up: of (block, row in it, block, column in it) take axes 1 and 3.": lambda maps, size: (
                _blocks(maps, size).max(axis=(0, 2))
            ),
            "negative features became 0: where all numbers of a block are negative, the largest is negative too.": (
                lambda maps, size: np.maximum(_blocks(maps, size).max(axis=(1, 3)), 0)
            ),
        },
        rounds=12,
    ),
    hints=(
        "First leave out the odd rest: only whole blocks count.",
        "`reshape` can cut an axis of n numbers into two: n // size blocks of `size` numbers each.",
        "After `reshape(rows, size, columns, size)`, take the maximum over axes 1 and 3.",
    ),
)


# 5. Find the bug: parameters of a layer


def _case_of_layer(rng):
    return tuple(
        int(number) for number in (rng.integers(2, 8), rng.integers(2, 17), rng.integers(3, 65))
    )


q5 = Question(
    LESSON,
    "q5",
    "explain weight sharing and equivariance with numbers",
    behaves_like(
        lambda k, channels, filters: (k * k * channels + 1) * filters,
        _case_of_layer,
        {
            "the biases are forgotten: each filter has one.": lambda k, channels, filters: (
                k * k * channels * filters
            ),
            "one bias for the whole layer is too few: each filter has its own.": (
                lambda k, channels, filters: k * k * channels * filters + 1
            ),
            "a kernel is as deep as its input: multiply by the channels too.": (
                lambda k, channels, filters: (k * k + 1) * filters
            ),
            "one bias for each *filter*, not for each channel of each filter.": (
                lambda k, channels, filters: (k * k + 1) * channels * filters
            ),
            "a kernel is a square: k · k numbers, not k.": lambda k, channels, filters: (
                (k * channels + 1) * filters
            ),
        },
    ),
    hints=(
        "Ask Keras: `layers.Conv2D(filters, k)`, built for an input of `channels` maps, and its `count_params()`.",
        "Section 7 works out 808 for 5 x 5 pixels, 4 channels and 8 filters. Which of the three numbers does the given "
        "function treat wrongly?",
    ),
)


# 6. Equivariance, by behavior


def _roll(image):
    return np.roll(image, 2, axis=1)


OPERATIONS = {
    "convolution": lambda image: signal.correlate2d(
        image, np.arange(9).reshape(3, 3), "same", boundary="wrap"
    ),
    "square": np.square,
    "row numbers added": lambda image: image + np.arange(image.shape[0])[:, np.newaxis],
    "column numbers added": lambda image: image + np.arange(image.shape[1]),
    "turned around": lambda image: image[:, ::-1],
    "minus its mean": lambda image: image - image.mean(),
    "all zeros": np.zeros_like,
}


def _examine_equivariance(function):
    rng = np.random.default_rng()
    image = rng.normal(size=(8, 9))
    for name, operation in OPERATIONS.items():
        for shift in (1, 3):
            wanted = np.allclose(
                operation(np.roll(image, shift, axis=1)), np.roll(operation(image), shift, axis=1)
            )
            answer = call(function, operation, image, shift)
            if isinstance(answer, np.ndarray) and answer.shape:
                raise Wrong(
                    "one answer is wanted, not one for each pixel: `np.allclose` compares whole arrays."
                )
            if answer is None:
                raise Wrong("there is no answer, only None: is a `return` missing?")
            if answer not in (True, False):
                raise Wrong(f"expected True or False, got {answer!r}")
            if bool(answer) != wanted:
                raise Wrong(_slip_of_equivariance(function, name, wanted))


def _slip_of_equivariance(function, name, wanted):
    if wanted and not call(function, OPERATIONS["all zeros"], np.ones((4, 4)), 1):
        return "your function says False even to an operation that gives zeros everywhere. Compare with a tolerance."
    if name == "row numbers added":
        return "you shift up and down: rows are axis 0. To the right is along axis 1."
    if name in ("convolution", "square"):
        return (
            "you say False to a convolution, which is equivariant: compare *shift, then operate* with *operate, then "
            "shift*, not with the unshifted result."
        )
    if name == "minus its mean":
        return "you say False to `image - image.mean()`, which is equivariant: the mean does not change with a shift."
    return f"you say {not wanted} to “{name}”, and it is {wanted}. Do you compare two really different things?"


q6 = Question(
    LESSON,
    "q6",
    "explain weight sharing and equivariance with numbers",
    _examine_equivariance,
    hints=(
        "Equivariance: shift the image, and the result shifts along with it. So compute both orders.",
        "`np.roll(image, shift, axis=1)` shifts to the right. `np.allclose` tells whether two arrays are the same.",
    ),
)


# 7. Find a secret kernel


def pairs(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return random images, (count, 12, 12), and the feature maps that a secret kernel makes, (count, 10, 10)."""
    images = np.random.default_rng(0).normal(size=(count, 12, 12))
    return images, np.stack([signal.correlate2d(image, SECRET, "valid") for image in images])


def _examine_found(kernel):
    kernel = np.asarray(kernel, dtype=float)
    if kernel.shape == (3, 3, 1, 1):
        raise Wrong(
            "nearly: this is the layer's weight with all four axes. `squeeze()` leaves the 3 x 3 kernel."
        )
    compare(np.zeros(kernel.shape), np.zeros((3, 3)))
    if np.isnan(kernel).any():
        raise Wrong("there is a NaN in the kernel: the learning rate was too large.")
    image = np.random.default_rng().normal(size=(12, 12))
    wanted = signal.correlate2d(image, SECRET, "valid")
    slips = {
        "it is upside down and mirrored: that kernel belongs to `convolve2d`, which flips.": kernel[
            ::-1, ::-1
        ],
        "rows and columns are exchanged.": kernel.T,
        "all signs are turned.": -kernel,
    }
    for sentence, meant in slips.items():
        if np.allclose(signal.correlate2d(image, meant, "valid"), wanted, atol=0.05):
            raise Wrong(sentence)
    error = np.abs(signal.correlate2d(image, kernel, "valid") - wanted).max()
    if error > 0.05:
        raise Wrong(
            f"on a fresh image its feature map is off by up to {error:.2f}, and at most 0.05 is allowed. Train "
            "longer, or check that images and targets belong together."
        )


q7 = Question(
    LESSON,
    "q7",
    "let a network find a kernel by itself",
    _examine_found,
    hints=(
        'Section 10 does it: one `Conv2D` layer with one filter and no bias, `loss="mse"`, and `fit`.',
        "Keras wants a last axis for the channel: `images[..., np.newaxis]`, and the same for the targets.",
        "`pupil.layers[-1].kernel.numpy().squeeze()` is the 3 x 3 kernel. Adam(0.1), 20 epochs, batches of 10.",
    ),
)
