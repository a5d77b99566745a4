"""Inputs and mistakes for the questions on preprocess_digits."""

import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from utils import data, plots
from utils.exercises import Wrong

_PANELS = {"A": ("JPEG", 20), "B": ("PNG", None), "C": ("JPEG", 95)}  # format, quality


def t1(rng):
    for shape in ((5, 28, 28), *rng.integers(1, 12, (400, 3))):
        images = rng.integers(0, rng.integers(40, 256), shape, "uint8", endpoint=True)
        images[0] //= 2  # a pale one
        yield (images,)


def t1_observe(function, images):
    scaled = function(images)
    return {"values": scaled, "dtype": str(np.asarray(scaled).dtype)}


def t2(rng):
    yield (rng.integers(0, 10, 300),)
    while True:
        yield (rng.integers(0, 10, rng.integers(1, 10)).astype("uint8"),)


def t3(rng):
    yield np.zeros((0, 28, 28), "uint8"), np.zeros((3, 28, 28), "uint8")
    while True:
        pool = rng.integers(0, 256, (9, 28, 28), "uint8")
        train, new = rng.integers(0, 9, 5), rng.integers(0, 9, int(rng.integers(3, 9)))
        yield pool[train], pool[new]


def t4(rng):
    while True:
        shape = rng.integers((2, 1, 1), (300, 6, 9))
        head = np.array([2051, *shape], ">u4").tobytes()
        yield (head + rng.integers(0, 256, shape, "uint8").tobytes(),)


def three_files():
    """Draw a digit after it was saved in three ways, with every gray level above 40 as black."""
    image = data.load_mnist("sample").x_train[2]
    figure, grid = plt.subplots(1, 3, figsize=(8, 2.8))
    for axes, (name, (kind, quality)) in zip(grid, _PANELS.items(), strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, kind, **({"quality": quality} if quality else {}))
        plots.digit(axes, np.asarray(Image.open(file)), f"panel {name}", vmin=0, vmax=40)
    alt = (
        "A digit in three panels. In A it has dark gray blotches around it, in B the paper is "
        "blank, and in C there are faint gray marks around the strokes."
    )
    plots.show(figure, alt=alt)


def q4(rng):
    """Yield classes of which the share is the same number of images in every sensible way of splitting."""
    kinds = [([27, 29, 16, 13, 11], 0.25), ([29, 3, 13, 19, 16], 0.125), ([21, 27, 300], 0.75)]
    while True:
        for counts, fraction in kinds:
            classes = rng.choice(np.arange(-9, 300, 4), len(counts), replace=False)
            labels = rng.permutation(np.repeat(classes, counts))
            yield labels, fraction, int(rng.integers(1000))
        kinds = [(8 * rng.integers(2, 8, 6), 0.25)]


def q4_observe(function, labels, fraction, seed):
    (train, validation), (_, again), (_, other) = (
        _parts(function(labels, fraction, number), len(labels)) for number in (seed, seed, seed + 1)
    )
    found, counts = np.unique(labels[validation], return_counts=True)
    times = np.bincount(np.append(train, validation), minlength=len(labels))
    randomness = "each seed has a split of its own"
    if not np.array_equal(again, validation):
        randomness = "two splits with the same seed differ"
    elif np.array_equal(other, validation):
        randomness = "two seeds give the same split"
    return {
        "images in both parts": len(np.intersect1d(train, validation)),
        "images in no part": int(np.sum(times == 0)),
        "images for validation, by label": dict(zip(found.tolist(), counts.tolist(), strict=True)),
        "images twice in a part": int(np.sum(times > 1)),
        "randomness": randomness,
    }


def _parts(answer, count):
    """Return the two parts of a split as sorted arrays of indices. Raises Wrong."""
    two = isinstance(answer, tuple | list) and len(answer) == 2
    parts = [np.asarray(part) for part in answer] if two else []
    flat = [part for part in parts if part.ndim == 1 and (not part.size or part.dtype.kind in "iu")]
    if len(flat) < 2 or not np.isin(np.concatenate(flat), np.arange(count)).all():
        kinds = "indices for training, and for validation, not labels, and not True and False"
        raise Wrong(f"Expected two flat arrays: {kinds}.")
    return [np.sort(part.astype(int)) for part in flat]


def q5(rng):
    while True:
        for lowest, highest, low, high in (
            (0, 90, 60, 255),
            (100, 255, 0, 0),  # blank photos
            (77, 77, 3, 200),  # training pixels that are all the same
            (30, 31, 0, 90),  # a standard deviation below 1
        ):
            train = rng.integers(lowest, highest + 1, (4, 3, 2), "uint8")
            yield train, rng.integers(low, high + 1, (7, 3, 2), "uint8")


def _halves(images, labels):
    """Return the images as rows, and the labels, each cut in two."""
    rows, half = images.reshape(len(images), -1).astype(float), len(images) // 2
    return rows[:half], labels[:half], rows[half:], labels[half:]


def _nearest(train, labels, new):
    squares = (train**2).sum(axis=1) - 2 * new @ train.T
    return labels[squares.argmin(axis=1)]


def _honest(images, labels):
    train, train_labels, new, new_labels = _halves(images, labels)
    return float(np.mean(_nearest(train, train_labels, new) == new_labels))


def _tests_on_training(images, labels):
    train, train_labels, new, new_labels = _halves(images, labels)
    everything, all_labels = np.concatenate([train, new]), np.append(train_labels, new_labels)
    return float(np.mean(_nearest(everything, all_labels, new) == new_labels))


def _copies_first(images, labels):
    order = np.random.default_rng(1).permutation(np.tile(np.arange(len(images)), 4))
    return _honest(images[order], labels[order])


def _label_among_pixels(images, labels):
    marked = images.astype(float)
    marked[:, 0, 0] = 10_000.0 * labels
    return _honest(marked, labels)


PROGRAMS = {
    "honest": _honest,
    "tests on training images": _tests_on_training,
    "copies before the split": _copies_first,
    "the label among the pixels": _label_among_pixels,
}


def two_kinds(rng, easy):
    """Return 400 images of two kinds, (400, 6, 6), and their labels; if they're easy, one kind is brighter."""
    labels = rng.permutation(np.arange(400) % 2)
    return rng.normal(size=(400, 6, 6)) + 4 * easy * labels[:, np.newaxis, np.newaxis], labels


def q6(rng):
    while True:
        for easy in (False, True):
            for name in PROGRAMS:
                yield name, *two_kinds(rng, easy)


def q6_observe(function, name, images, labels):
    return function(PROGRAMS[name], images, labels)


def q7(rng):
    yield (rng.uniform(1, 255, size=(9, 20)),)  # without a margin
    for ink in ([[90]], [[90, 30], [30, 10]], [[10, 30], [30, 90]]):  # tell all ways of rounding
        yield (_on_a_page(rng, ink),)
    for turn in range(4):
        ink = rng.uniform(1, 3, size=(20, rng.integers(5, 9)))
        ink[0] = rng.uniform(200, 255)  # one end is heavy
        yield (_on_a_page(rng, np.rot90(ink, turn)),)
    while True:
        ink = rng.uniform(1, 255, size=rng.integers(4, 21, size=2))
        yield (_on_a_page(rng, np.where(rng.random(ink.shape) < 0.4, ink, 0)),)


def _on_a_page(rng, ink):
    return np.pad(np.array(ink, "float32"), rng.integers(1, 40, size=(2, 2)))


def q7_observe(function, ink):
    image, blank = function(ink), "passes"
    try:
        function(np.zeros((30, 41), "float32"))
    except Exception as fault:
        blank = type(fault).__name__
    return {"image": image, "blank page": blank}
