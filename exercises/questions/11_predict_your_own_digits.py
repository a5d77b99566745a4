"""Inputs for the questions on predict_your_own_digits."""

from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.special import softmax

from utils import data, photos
from utils.prediction import Prediction

LEFT_OUT = {
    "A": ("1_fineliner.png", "match_stroke_weight"),
    "B": ("7_photo.jpg", "flatten_illumination"),
    "C": ("5_photo.jpg", "center_by_mass"),
    "D": ("2_photo.jpg", "remove_ruled_lines"),
}


def left_out() -> dict[str, np.ndarray]:
    """Return four pictures, A to D, on whose way to MNIST's form one step was left out."""
    pictures = {}
    for letter, (name, without) in LEFT_OUT.items():
        pictures[letter] = photos.open_image(data.CACHE.parent / "my_digits" / name)
        for step in photos.STEPS:
            # keep_digit is never made: it refuses a page with lines left on it.
            if step.__name__ not in (without, "keep_digit"):
                pictures[letter] = step(pictures[letter])
    return pictures


REASONS = ["the page is blank", "there are 4 digits, expected one", "this is pure noise"]


def q2(rng):
    edges = [("31_table.jpg", 3), ("42_big_desk.png", 2), ("0_pad.png", 0)]
    yield ([*edges, ("3192_photo.jpg", REASONS[1])],)
    yield ([("7_no.png", REASONS[0])],)
    while True:
        digits = rng.integers(0, 10, 9).tolist()
        said = [[d, d, (d + 1) % 10, str(rng.choice(REASONS))][rng.integers(4)] for d in digits]
        names = [f"{digit}_my_{number}.jpg" for number, digit in enumerate(digits)]
        yield ([*zip(names, said, strict=True), *edges[1:]],)


def q2_observe(function, pictures):
    paths = [Path("data/my_digits") / name for name, _ in pictures]
    even = (0.1,) * 10
    predictions = [
        Prediction(None, 0.0, even, said) if isinstance(said, str) else Prediction(said, 0.9, even)
        for _, said in pictures
    ]
    found = function(paths, predictions)
    if isinstance(found, tuple | list) and len(found) == 3 and hasattr(found[2], "to_dict"):
        return *found[:2], found[2].to_dict()  # counted by pandas
    return found


def q3(rng):
    yield np.full((9, 12), 200.0), 7
    while True:
        down, across = np.arange(40) * rng.uniform(0.5, 2), np.arange(50) * rng.uniform(1, 2)
        inked = ndimage.binary_dilation(rng.random((40, 50)) < 0.01, np.ones((3, 3)))
        gray = np.add.outer(70 + down, across) * rng.uniform(0.9, 1, (40, 50))
        yield np.where(inked, 0.4 * gray, gray).astype("float32"), int(rng.choice([7, 9, 11]))


def q4(rng):
    for number in range(300):
        height, width = [(40, 19), (22, 45)][number % 2]
        page, thick = np.zeros((61, 70)), rng.integers(4, 9)
        row, column = rng.integers(6, (height - thick + 4, width - thick + 4))
        page[row : row + thick, 5 : 5 + width] = 200  # a cross
        page[5 : 5 + height, column : column + thick] = 200
        if number < 2:  # in bytes, with an edge of exactly half the ink
            edge = ndimage.binary_dilation(page, np.ones((3, 3)))
            yield (np.maximum(page, 100 * edge).astype("uint8"),)
        else:
            soft = ndimage.gaussian_filter(page, 1) * rng.uniform(0.6, 0.9)
            yield (np.where(soft < 20, 0, soft),)


# Rows of three pixels each, as octal digits.
FONT = ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717"]


def slanted(digit):
    """Return a digit of 10 x 12 pixels, with each row a pixel further left than the one above."""
    upright = np.repeat([[*f"{int(row):03b}"] for row in FONT[digit]], 2, axis=0) == "1"
    rows = np.pad(upright, ((0, 0), (0, 9)))
    return np.stack([np.roll(row, 9 - number) for number, row in enumerate(rows)])


KNOWN = {photos.crop_to_ink(slanted(digit)).tobytes(): digit for digit in range(10)}


def page_with(rng, digits):
    """Return digits so close that a box around one cuts into the next; the second one is the highest."""
    page = np.zeros((16, 12 + 11 * len(digits)))
    tops = [3, 1, *rng.integers(2, 5, len(digits))]
    for place, (digit, top) in enumerate(zip(digits, tops, strict=False)):
        left = 11 * place + 4 - top
        page[top : top + 10, left : left + 12] += rng.uniform(0.2, 0.9) * slanted(digit)
    return page


def q5(rng):
    yield (200 * page_with(rng, [0, 2, 5, 9])).astype("uint8"), 1
    yield page_with(rng, [0, 3, *rng.integers(0, 10, 10)]), 2
    yield page_with(rng, [8]), 3
    while True:
        yield page_with(rng, [0, *rng.permutation(10)[:3]]), int(rng.integers(2**31))


def q5_observe(function, page, seed):
    sure = np.random.default_rng(seed).uniform(0.8, 0.99, size=10)

    def read(ink):
        cut = photos.crop_to_ink(np.asarray(ink) > 0)
        digit = KNOWN.get(cut.tobytes(), int(cut.sum()) % 10)  # it answers, whatever it's shown
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
    for blurs in [(0.4, 0.9), (0.9, 0.4)] * 150:
        truth, images = rng.normal(size=(36, 10)), rng.uniform(size=(200, 6, 6, 1))
        labels = (images.reshape(200, -1) @ truth).argmax(axis=1)
        weights = [2 * truth + blur * rng.normal(size=truth.shape) for blur in blurs]
        yield weights, int(rng.integers(2**31)), images, labels


def q7_observe(function, weights, seed, images, labels):
    calls = []

    def network(kernel):
        def predict(x, **_):
            return softmax(np.asarray(x).reshape(len(x), -1) @ kernel, axis=1)

        predict.predict = predict  # as a Keras model has it
        return predict

    def spoil(x, training=False):
        x = np.asarray(x)
        calls.append(x.shape)
        noise = np.random.default_rng([seed, len(calls)])
        return np.clip(x + 0.5 * noise.normal(size=x.shape), 0, 1) if training else x

    return function(*map(network, weights), spoil, images, labels)


FINE = 4096  # probabilities are multiples of 1 / 4096, which a computer adds and subtracts without rounding


def q8(rng):
    more = zip(rng.integers(8, 120, 400), rng.choice([0.05, 0.1, 0.16, 0.2], 400), strict=True)
    for n, alpha in [(5, 0.16), (6, 0.16), *more]:  # too few, by one; just enough
        if 0.03 < (n + 1) * (1 - alpha) % 1 < 0.97:  # floats can't move the rank
            labels = rng.integers(0, 10, n + 80)
            shares = rng.dirichlet(np.full(10, 0.5), n + 80)
            shares[np.arange(n + 80), labels] += rng.uniform(0, 2, n + 80)
            new = rng.multinomial(FINE, shares / shares.sum(axis=1, keepdims=True)) / FINE
            # The digits that choose come again: one is just as strange as the limit.
            yield new[:n].astype("float32"), labels[:n], new, labels, float(alpha)
