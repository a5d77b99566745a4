"""Inputs and mistakes for the questions on visualize_digits."""

import io
from collections import Counter
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.basedatatypes import BaseFigure

from utils.exercises import Wrong

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


def _labels(rng, count):
    """Yield labels of which some digits don't occur."""
    for absent in ([9], [0, 4], [], *rng.integers(0, 10, (400, 3))):
        yield rng.choice(np.setdiff1d(np.arange(10), absent), count).astype("uint8")


def q2(rng):
    for labels in _labels(rng, 201):
        yield (np.append(labels, labels[:1].repeat(300)),)  # more than a byte can count


def q2_observe(function, labels):
    figure, images = function(labels), Counter()
    seen = {"chart": figure, "direction": "", "images": images}
    if not isinstance(figure, BaseFigure):
        return seen
    kinds = sorted({trace.type for trace in figure.data})
    if kinds != ["bar"]:
        return seen | {"chart": " and ".join(kinds) or "an empty figure"}
    flat = all(trace.orientation == "h" for trace in figure.data)
    for trace in figure.data:
        if trace.x is None or trace.y is None:
            raise Wrong("The bars need both: `x`, their lengths, and `y`, the digits.")
        pairs = zip(trace.y, trace.x, strict=False) if flat else zip(trace.x, trace.y, strict=False)
        for name, length in pairs:
            images[str(name).removesuffix(".0")] += float(length)
    return {"chart": "bar", "direction": "h" if flat else "v", "images": images}


def bars(labels, **how):
    """Draw bars: Plotly Express would take ten times as long."""
    return go.Figure(go.Bar(**how))


def q3(rng):
    white = np.full((501, 3, 4), 255, "uint8")
    yield white, np.repeat([7, 3], [200, 301])  # more than 16 bits can add, with a sign or without
    for labels in _labels(rng, 61):
        shape = rng.choice(np.arange(3, 9), 2, replace=False)
        yield rng.integers(0, 256, (61, *shape), "uint8"), labels


def q4(rng):
    yield np.array([90, 90, 5, 90], "uint8").repeat(15).reshape(4, 5, 3), np.array([7, 0, 1, 4]), 20
    while True:
        limit = rng.integers(16, 40) / 2
        shape = (41, *2 * rng.choice(np.arange(2, 20), 2, replace=False))
        ink = rng.uniform(size=shape) * rng.uniform(10, 120, size=(41, 1, 1))
        images = np.where(rng.random(shape) < 0.5, ink, 0).astype("uint8")
        labels = np.where(rng.random(41) < 0.4, 1, rng.integers(0, 10, 41)).astype("uint8")
        images[:5], images[:5, :, ::2] = int(limit), int(np.ceil(limit))  # exactly on the limit
        images[5:8], images[8], images[9] = int(limit) - 2, 0, int(limit)
        labels[:10] = [1, 1, 1, 7, 4, 1, 1, 9, 1, 1]
        yield images, labels, limit
        yield images, labels, 0  # nothing is light
        yield images, np.where(labels == 1, 7, labels), limit  # nothing is a 1


def q5(rng):
    shapes = [(300, 2, 3), 70_000]  # more than 8 and 16 bits can count
    while True:
        for shape in shapes:
            array = rng.integers(0, 256, shape, "uint8")
            header = np.array([2048 + array.ndim, *array.shape], ">u4")
            yield (header.tobytes() + array.tobytes(),)
        shapes = [rng.choice(np.arange(2, 30), 3, replace=False), rng.integers(1, 900)]


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


def q7(rng):
    while True:
        positions = rng.normal(0, 50, (7, 2)).repeat(3, axis=0)  # two at the very same place,
        positions[2::3] += rng.normal(0, 0.1, (7, 2))  # and one nearby
        yield positions, np.tile([3, 5, 7], 7), 2
        points = int(rng.integers(20, 42))
        positions = rng.normal(0, 50, (points, rng.integers(2, 4)))
        yield positions, rng.integers(0, 4, points), int(rng.integers(1, 7))


def q8(rng):
    while True:
        image = rng.integers(0, 256, rng.integers(24, 36, size=2), "uint8")
        saved = [through_jpg(image, quality).astype(int) for quality in QUALITIES]
        worst = np.abs(np.array(saved) - image).max(axis=(1, 2))
        limits = np.unique(np.minimum.accumulate(worst))
        missed = [np.sum(worst[np.argmax(worst <= limit) :] > limit) for limit in limits]
        unsteady = limits[np.argsort(missed)[-4:]]  # many qualities above the lowest good one fail
        for limit in (255, 0, limits[0], *rng.permutation(unsteady)):
            yield image, int(limit)
