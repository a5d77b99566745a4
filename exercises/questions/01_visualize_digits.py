"""Inputs and mistakes for the questions on visualize_digits."""

import io
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.basedatatypes import BaseFigure

from utils.exercises import Wrong

DIGITS = [str(digit) for digit in range(10)]
QUALITIES = range(1, 101)  # what Pillow understands, from the smallest file to the best image


def through_jpg(image: np.ndarray, quality: int) -> np.ndarray:
    """Return what is left of a uint8 image after it was saved as a JPG of this quality."""
    return _saved(image.tobytes(), image.shape, image.dtype, quality).copy()


@lru_cache(maxsize=2000)  # an answer is compared with many mistakes
def _saved(pixels, shape, dtype, quality):
    file = io.BytesIO()
    image = np.frombuffer(pixels, dtype).reshape(shape)
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def q2(rng):
    for absent in ([9], [0, 4], []):
        yield (_labels(rng, absent),)
    while True:
        yield (_labels(rng, rng.choice(10, rng.integers(0, 9))),)


def _labels(rng, absent):
    present = np.setdiff1d(np.arange(10), absent)
    many = np.repeat(present[0], 300)  # more than a byte can count
    return np.append(rng.choice(present, 201), many).astype("uint8")


def q2_observe(function, labels):
    figure = function(labels)
    seen = {"chart": None, "direction": "", "images": {}}
    if not isinstance(figure, BaseFigure):
        kind = f"{type(figure).__module__}.{type(figure).__name__}"
        return seen if figure is None else seen | {"chart": kind}
    kinds = sorted({trace.type for trace in figure.data})
    if kinds != ["bar"]:
        return seen | {"chart": " and ".join(kinds) or "an empty figure"}
    direction = "h" if all(trace.orientation == "h" for trace in figure.data) else "v"
    for trace in figure.data:
        if trace.x is None or trace.y is None:
            raise Wrong("The bars need both: `x`, their lengths, and `y`, the digits.")
        pairs = zip(trace.y, trace.x, strict=False)
        for name, length in pairs if direction == "h" else zip(trace.x, trace.y, strict=False):
            name = str(name).removesuffix(".0")
            seen["images"][name] = seen["images"].get(name, 0) + float(length)
    return seen | {"chart": "bar", "direction": direction}


def _drawn(trace_of):
    """Return a function that draws the ten counts; Plotly Express would take ten times as long."""
    return lambda labels: go.Figure(trace_of(np.bincount(labels, minlength=10)))


upright = _drawn(lambda counts: go.Bar(x=DIGITS, y=counts, orientation="v"))
exchanged = _drawn(lambda counts: go.Bar(x=np.arange(10), y=counts, orientation="h"))
shares = _drawn(lambda counts: go.Bar(x=counts / sum(counts), y=DIGITS, orientation="h"))
percentages = _drawn(lambda counts: go.Bar(x=100 * counts / sum(counts), y=DIGITS, orientation="h"))
only_what_occurs = _drawn(
    lambda counts: go.Bar(x=counts[counts > 0], y=np.flatnonzero(counts), orientation="h")
)
pie = _drawn(lambda counts: go.Pie(values=counts, labels=DIGITS))
histogram = _drawn(lambda counts: go.Histogram(y=np.repeat(DIGITS, counts)))


def q3(rng):
    white = np.full((501, 3, 4), 255, "uint8")
    yield white, np.repeat([7, 3], [200, 301])  # more than 16 bits can add, with a sign or without
    for absent in ([9], [0, 5], []):
        yield _digits(rng, absent)
    while True:
        yield _digits(rng, rng.choice(10, 2))


def _digits(rng, absent):
    labels = rng.choice(np.setdiff1d(np.arange(10), absent), 61).astype("uint8")
    shape = rng.choice(np.arange(3, 9), size=2, replace=False)
    return rng.integers(0, 256, (61, *shape), "uint8"), labels


def q4(rng):
    yield _light_and_dark(rng, 12.5)
    yield np.array([90, 90, 5, 90], "uint8").repeat(15).reshape(4, 5, 3), np.array([7, 0, 1, 4]), 20
    yield *_light_and_dark(rng, 9)[:2], 0  # nothing is light
    images, labels, limit = _light_and_dark(rng, 14)
    yield images, np.where(labels == 1, 7, labels), limit  # nothing is a 1
    while True:
        yield _light_and_dark(rng, int(rng.integers(8, 20)) + float(rng.choice([0, 0.5])))


def _light_and_dark(rng, limit):
    shape = (41, *2 * rng.choice(np.arange(2, 20), size=2, replace=False))
    ink = rng.uniform(size=shape) * rng.uniform(10, 120, size=(41, 1, 1))
    images = np.where(rng.random(shape) < 0.5, ink, 0).astype("uint8")
    labels = np.where(rng.random(41) < 0.4, 1, rng.integers(0, 10, 41)).astype("uint8")
    images[:5], images[:5, :, ::2] = int(limit), int(np.ceil(limit))  # exactly on the limit
    images[5:8], images[8], images[9] = int(limit) - 2, 0, int(limit)
    labels[:10] = [1, 1, 1, 7, 4, 1, 1, 9, 1, 1]
    return images, labels, limit


def q5(rng):
    yield (_as_idx(rng.integers(0, 256, (300, 2, 3), "uint8")),)
    yield (_as_idx(rng.integers(0, 10, 70_000, "uint8")),)  # more than 16 bits can count
    while True:
        shape = rng.choice(np.arange(2, 30), size=3, replace=False)
        yield (_as_idx(rng.integers(0, 256, shape, "uint8")),)
        yield (_as_idx(rng.integers(0, 10, rng.integers(1, 900), "uint8")),)


def _as_idx(array):
    return np.array([2048 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()


def q6(rng):
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


def share_of(values):
    return np.cumsum(values) / np.sum(values)


def q7(rng):
    for k, labels in ((1, [3, 5, 7]), (2, [3, 3, 5])):  # two at the very same place, and one nearby
        positions = np.repeat(rng.normal(0, 50, (7, 2)), 3, axis=0)
        positions[2::3] += rng.normal(0, 0.1, (7, 2))
        yield positions, np.tile(labels, 7), k
    while True:
        points = int(rng.integers(20, 42))
        positions = rng.normal(0, 50, (points, rng.integers(2, 4)))
        yield positions, rng.integers(0, 4, points), int(rng.integers(2, 7))


def _agreement(first, last, itself=0.0):
    """Return a function that takes the neighbors `first` to `k + last`; at distance 0 they count as `itself` away."""

    def agreement(positions, labels, k):
        distances = np.linalg.norm(positions[:, np.newaxis] - positions, axis=2)
        distances[distances == 0] = itself
        nearest = distances.argsort(axis=1, kind="stable")[:, first : k + last]
        return (labels[nearest] == labels[:, np.newaxis]).mean(axis=1)

    return agreement


itself_counts, itself_and_k_more = _agreement(0, 0), _agreement(0, 1)
one_too_few, first_dropped = _agreement(1, 0), _agreement(1, 1)
zeros_dropped = _agreement(0, 0, itself=np.inf)


def q8(rng):
    yield _noise(rng), 255  # anything is good enough
    yield _noise(rng), 0  # nothing is
    while True:
        yield _only_the_best(rng)
        yield from (_unsteady(rng) for _ in range(3))


def _noise(rng):
    return rng.integers(0, 256, rng.integers(24, 36, size=2), "uint8")


def _worst(image, quality):
    return int(np.abs(through_jpg(image, quality).astype(int) - image).max())


def _only_the_best(rng):
    while True:
        image = _noise(rng)
        *others, best = (_worst(image, quality) for quality in range(95, 101))
        if best < min(others):
            return image, best


def _unsteady(rng):
    """Return an image and a limit that many qualities above the lowest good one miss."""
    image = _noise(rng)
    worst = np.array([_worst(image, quality) for quality in QUALITIES])
    limits = np.unique(np.minimum.accumulate(worst))
    missed = [np.sum(worst[np.argmax(worst <= limit) :] > limit) for limit in limits]
    return image, int(rng.choice(limits[np.argsort(missed)[-4:]]))


def from_above(image, limit):
    quality = 101
    while quality > 1 and _worst(image, quality - 1) <= limit:
        quality -= 1
    return quality % 101


def by_halving(image, limit):
    low, high = 1, 101
    while low < high:
        middle = (low + high) // 2
        good = middle > 100 or _worst(image, middle) <= limit
        low, high = (low, middle) if good else (middle + 1, high)
    return low % 101
