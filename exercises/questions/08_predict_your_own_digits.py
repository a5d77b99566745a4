"""Inputs and mistakes for the questions on predict_your_own_digits."""

from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from utils import data, photos
from utils.prediction import Prediction

LEFT_OUT = {
    "A": ("1_fineliner.png", "match_stroke_weight"),
    "B": ("7_photo.jpg", "flatten_illumination"),
    "C": ("5_photo.jpg", "center_by_mass"),
    "D": ("2_photo.jpg", "remove_ruled_lines"),
}


@cache
def left_out() -> dict[str, np.ndarray]:
    """Return four pictures, A to D, on whose way to MNIST's form one step was left out."""
    folder = data.CACHE.parent / "my_digits"
    return {letter: _without(step, folder / name) for letter, (name, step) in LEFT_OUT.items()}


def _without(left_out, path):
    picture = photos.open_image(path)
    for step in photos.STEPS:
        # keep_digit is never made: it refuses a page with lines left on it.
        if step.__name__ not in (left_out, "keep_digit"):
            picture = step(picture)
    return picture


REASONS = ("the page is blank", "there are 4 digits, expected one", "this is pure noise")


def q2(rng):
    yield ([("31_table.jpg", 3, ""), ("42_big_desk.png", 2, ""), ("0_pad.png", 0, "")],)
    yield ([("7_no.png", None, REASONS[0])],)
    while True:
        pictures = [("0_pad.png", 0, ""), ("31_table.jpg", int(rng.choice([1, 3])), "")]
        pictures += [("3192_photo.jpg", None, REASONS[1]), ("2718_desk.jpg", None, REASONS[1])]
        for number in range(int(rng.integers(6, 12))):
            digit, kind = int(rng.integers(0, 10)), rng.integers(0, 4)
            read, reason = (
                (None, REASONS[rng.integers(0, 3)])
                if kind == 0
                else ((digit + int(kind == 1)) % 10, "")
            )
            pictures.append((f"{digit}_my_{number}.jpg", read, reason))
        yield ([pictures[place] for place in rng.permutation(len(pictures))],)


def q2_observe(function, pictures):
    even = (0.1,) * 10
    paths = [Path("data/my_digits") / name for name, *_ in pictures]
    predictions = [
        Prediction(d, 0.0 if d is None else 0.9, even, reason) for _, d, reason in pictures
    ]
    found = function(paths, predictions)
    if isinstance(found, tuple | list) and len(found) == 3 and hasattr(found[2], "to_dict"):
        return *found[:2], found[2].to_dict()  # counted by pandas
    return found


def q3(rng):
    yield np.full((9, 12), 200.0), 7
    while True:
        down, across = rng.uniform(0.5, 2), rng.uniform(1, 2)
        light = np.add.outer(rng.uniform(60, 90) + down * np.arange(40), across * np.arange(50))
        inked = ndimage.binary_dilation(rng.uniform(size=light.shape) < 0.01, np.ones((3, 3)))
        gray = light * rng.uniform(0.9, 1, size=light.shape) * np.where(inked, 0.4, 1)
        yield gray.astype("float32"), int(rng.choice([7, 9, 11]))


def blurred_first(gray, window):
    paper = ndimage.maximum_filter(ndimage.gaussian_filter(gray, window / 2), window)
    return np.maximum(1 - gray / paper, 0)


def _cross(rng, height, width):
    """Return a page with a cross of this size, true where its ink is."""
    page = np.zeros((61, 70), dtype=bool)
    top, left, thick = (int(rng.integers(*limits)) for limits in ((5, 12), (5, 12), (4, 9)))
    row = top + int(rng.integers(1, height - thick - 1))
    column = left + int(rng.integers(1, width - thick - 1))
    page[row : row + thick, left : left + width] = True
    page[top : top + height, column : column + thick] = True
    return page


def q4(rng):
    for height, width in ((40, 19), (22, 45)):  # in bytes, with an edge of exactly half the ink
        page = _cross(rng, height, width)
        edge = ndimage.binary_dilation(page, np.ones((3, 3)))
        yield (np.where(page, 200, 100 * edge).astype("uint8"),)
    while True:
        size = (40, 19) if rng.integers(2) else (22, 45)
        soft = ndimage.gaussian_filter(_cross(rng, *size).astype(float), 1)
        yield (np.where(soft < 0.1, 0, soft / soft.max()) * rng.uniform(130, 180),)


SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
PLACES = {"a": (0, slice(0, 5)), "b": (slice(0, 5), 4), "c": (slice(4, 9), 4), "d": (8, slice(0, 5)),
          "e": (slice(4, 9), 0), "f": (slice(0, 5), 0), "g": (4, slice(0, 5))}  # fmt: skip
TALL = 9


@cache
def _slanted(digit):
    """Return a digit of a pocket calculator, each row a pixel further left than the one above, cut out."""
    upright = np.zeros((TALL, 5), dtype=bool)
    for segment in SEGMENTS[digit]:
        upright[PLACES[segment]] = True
    lying = np.zeros((TALL, 5 + TALL), dtype=bool)
    for row, pixels in enumerate(upright):
        lying[row, TALL - row : TALL - row + 5] = pixels
    return photos.crop_to_ink(lying)


def _page(rng, digits, apart=11):
    """Return a page with digits so close that a box around one cuts into the next; the second one is the highest."""
    page, left, above = np.zeros((16, 20 * len(digits))), 1, 0
    tops = [3, 1, *rng.integers(2, 5, size=len(digits))]
    for digit, top in zip(digits, tops, strict=False):
        left += max(0, above - int(top))
        shape = _slanted(int(digit))
        place = page[top : top + TALL, left : left + shape.shape[1]]
        place[shape] = rng.uniform(0.2, 0.9)
        left, above = left + apart, int(top)
    return page


def q5(rng):
    yield (200 * _page(rng, [0, 2, 5, 9])).astype("uint8"), 1
    yield _page(rng, [0, 3, *rng.integers(0, 10, size=10)], apart=15), 2
    yield _page(rng, [8]), 3
    while True:
        second, *others = rng.permutation([2, 3, 8, 9])
        digits = [0, second, *rng.permutation([*others, 5, 6])[:2]]
        yield _page(rng, digits), int(rng.integers(2**31))


def q5_observe(function, page, seed):
    sure = np.random.default_rng(seed).uniform(0.8, 0.99, size=10)

    def read(ink):
        ink = np.asarray(ink) > 0
        cut = photos.crop_to_ink(ink) if ink.ndim == 2 and ink.any() else ink
        found = (digit for digit in range(10) if np.array_equal(cut, _slanted(digit)))
        digit = next(found, int(ink.sum()) % 10)  # it answers, whatever it's shown
        return digit, float(sure[digit])

    return function(page, read)


def q6(rng):
    yield (rng.uniform(size=(3, 14, 13)) < 0.6).astype(float), np.array([1, 0, -1])
    yield np.pad(rng.uniform(size=(1, 8, 7)), ((0, 0), (3, 3), (3, 3))), np.array([-0.5])
    while True:
        images = np.pad(rng.uniform(size=(7, 8, 7)), ((0, 0), (3, 3), (3, 3)))
        ways = [1, 0, -1, *rng.uniform(0.2, 0.8, size=2), *rng.uniform(-0.8, -0.2, size=2)]
        yield images, rng.permutation(ways)


def q7(rng):
    while True:
        for blurs in ((0.4, 0.9), (0.9, 0.4)):
            truth, images = rng.normal(size=(36, 10)), rng.uniform(size=(200, 6, 6, 1))
            labels = (images.reshape(200, -1) @ truth).argmax(axis=1)
            weights = [2 * truth + blur * rng.normal(size=truth.shape) for blur in blurs]
            yield weights, int(rng.integers(2**31)), images, labels


def q7_observe(function, weights, seed, images, labels):
    calls = []

    def network(kernel):
        def predict(x, **_):
            powers = np.exp(np.asarray(x).reshape(len(x), -1) @ kernel)
            return powers / powers.sum(axis=1, keepdims=True)

        predict.predict = predict  # as a Keras model has it
        return predict

    def spoil(x, training=False):
        x = np.asarray(x)
        calls.append(x.shape)
        noise = np.random.default_rng([seed, len(calls)])
        return np.clip(x + 0.5 * noise.normal(size=x.shape), 0, 1) if training else x

    return function(*map(network, weights), spoil, images, labels)


FINE = 4096  # probabilities are multiples of 1 / 4096, which a computer adds and subtracts without rounding


def _probabilities(rng, labels):
    """Return what a fairly good model predicts for digits with these labels, (n, 10)."""
    shares = rng.dirichlet(np.full(10, 0.5), size=len(labels))
    shares[np.arange(len(labels)), labels] += rng.uniform(0, 2, size=len(labels))
    return np.array([rng.multinomial(FINE, share / share.sum()) for share in shares]) / FINE


def _promise(rng, n, alpha):
    """Return a case in which the digits that choose come again: one is just as strange as the limit."""
    labels, new = rng.integers(0, 10, size=n), rng.integers(0, 10, size=80)
    choosing = _probabilities(rng, labels)
    all_new = np.concatenate([choosing, _probabilities(rng, new)])
    return choosing, labels, all_new, np.concatenate([labels, new]), alpha


def q8(rng):
    yield _promise(rng, 5, 0.16)  # too few, by one
    yield _promise(rng, 6, 0.16)  # just enough
    choosing, *rest = _promise(rng, 50, 0.2)
    yield choosing.astype("float32"), *rest
    while True:
        n, alpha = int(rng.integers(8, 120)), float(rng.choice([0.05, 0.1, 0.16, 0.2]))
        if 0.04 < (n + 1) * (1 - alpha) % 1 < 0.96:  # floats can't move the rank
            yield _promise(rng, n, alpha)
