"""Inputs and mistakes for the questions on convolution_by_hand."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from utils.exercises import Wrong
from utils.exercises.compare import as_array, difference

PATCH = np.array([[1, 8, 2], [3, 9, 5], [0, 7, 4]])
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [0, 0, -1]])
SECRET = np.random.default_rng(2026).normal(size=(3, 3)).round(1)


def q2(rng):
    yield 28, 3, 0, 1
    yield 1001, 7, 3, 2
    while True:
        k, p, s = (int(rng.integers(*limits)) for limits in ((1, 8), (0, 4), (1, 4)))
        yield int(rng.integers(10, 400)), k, p, s


def q3(rng):
    yield rng.integers(0, 256, (9, 7), "uint8"), rng.integers(-3, 4, (3, 2))  # bytes, as in MNIST
    yield np.ones((4, 4)), np.ones((4, 4))
    yield rng.normal(size=(6, 8)), rng.normal(size=(2, 5))  # the other kernels may all be tall
    while True:
        height, width = rng.choice([2, 3, 4, 5], size=2, replace=False)
        yield rng.normal(size=rng.integers(6, 12, 2)), rng.normal(size=(height, width))


def q4(rng):
    yield rng.integers(0, 256, (7, 9), "uint8"), 3
    yield np.zeros((6, 4)), 2
    while True:
        yield rng.normal(-1, 1, rng.integers(7, 14, 2)), int(rng.integers(2, 5))


def overlapping(maps, size):
    return sliding_window_view(maps, (size, size)).max(axis=(2, 3))


def q5(rng):
    yield 3, 1, 32
    yield 7, 512, 1001
    while True:
        yield tuple(int(rng.integers(*limits)) for limits in ((2, 8), (2, 17), (3, 65)))


def convolution(image):
    return signal.correlate2d(image, np.arange(9.0).reshape(3, 3) / 7, "same", boundary="wrap")


def running_mean(image):
    """Return means whose floats are added up in another order after a shift."""
    return np.fft.ifft(np.fft.fft(image, axis=1) * 0.3, axis=1).real


OPERATIONS = {
    "a convolution": convolution,
    "a smoothing by Fourier": running_mean,
    "squares": np.square,
    "row numbers added": lambda image: image + np.arange(image.shape[0])[:, np.newaxis],
    "column numbers added": lambda image: image + np.arange(image.shape[1]),
    "one column added to": lambda image: image + (np.arange(image.shape[1]) == 2),
    "one pixel of the last row added to": lambda image: image + np.pad([[1.0]], [(7, 0), (4, 4)]),
    "every other column added to": lambda image: image + np.arange(image.shape[1]) % 2,
    "turned around": lambda image: image[:, ::-1],
    "minus its mean": lambda image: image - image.mean(),
    "zeros": np.zeros_like,
}


def q6(rng):
    for number, name in enumerate([*OPERATIONS] * 4):
        columns = 9 + (name == "every other column added to")
        yield name, rng.normal(size=(8, columns)), 2 if columns == 10 else 1 + 2 * (number % 2)


def q6_observe(function, name, image, shift):
    return function(OPERATIONS[name], image, shift)


def q7_judge(answer):
    kernel = as_array(answer)
    if kernel is None or kernel.shape != SECRET.shape:
        fault = difference(answer, SECRET, told=False)
        raise Wrong(f"{fault}. `squeeze()` leaves out axes of length 1.")
    if np.isnan(kernel).any():
        raise Wrong("There's a NaN in the kernel: the learning rate was too large.")
    image = np.random.default_rng().normal(size=(12, 12))
    wanted = signal.correlate2d(image, SECRET, "valid")

    def error(one):
        return np.abs(signal.correlate2d(image, one, "valid") - wanted).max()

    slips = {
        "It's rotated by 180°: that kernel belongs to `convolve2d`, which rotates it.": kernel[::-1, ::-1],
        "Its rows and columns are exchanged.": kernel.T,
        "All its signs are reversed.": -kernel,
    }  # fmt: skip
    for sentence, meant in slips.items():
        if error(meant) <= 0.05:
            raise Wrong(sentence)
    if not error(kernel) <= 0.05:
        off = f"On a new image its feature map is off by {error(kernel):.2f}, and 0.05 is allowed."
        raise Wrong(f"{off} Train longer, or check that images and targets belong together.")


def pairs(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return random images, (count, 12, 12), and the feature maps that a secret kernel makes, (count, 10, 10)."""
    images = np.random.default_rng(0).normal(size=(count, 12, 12))
    return images, np.stack([signal.correlate2d(image, SECRET, "valid") for image in images])
