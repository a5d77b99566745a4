"""Inputs and mistakes for the questions on preprocess_digits."""

import numpy as np

from utils.exercises import Wrong


def q2(rng):
    for shape in ((5, 28, 28), *rng.integers(1, 12, (400, 3))):
        images = rng.integers(0, rng.integers(40, 256), shape, "uint8", endpoint=True)
        images[0] //= 2  # a pale one
        yield (images,)


def q2_observe(function, images):
    prepared = function(images)
    return {"values": prepared, "dtype": str(np.asarray(prepared).dtype)}


def q3(rng):
    yield rng.integers(0, 299, 9), 300
    yield np.array([0, 1, 0], "uint8"), 2
    while True:
        classes = int(rng.integers(3, 30))  # the last class has no example
        yield rng.integers(0, classes - 1, rng.integers(1, 10), "uint8"), classes


def q4(rng):
    yield rng.dirichlet(np.ones(12), 301), rng.integers(0, 12, 301, "uint8")
    while True:
        count, classes = rng.choice(np.arange(2, 14), 2, replace=False)
        probabilities, blended = rng.dirichlet(np.ones(classes), (2, count))
        labels = rng.integers(0, classes, count)
        for truth in (labels, np.eye(classes, dtype=int)[labels], blended):
            yield probabilities, truth


def q5(rng):
    """Yield classes of which the share is the same number of images in every sensible way of splitting."""
    kinds = [([27, 29, 16, 13, 11], 0.25), ([29, 3, 13, 19, 16], 0.125), ([21, 27, 300], 0.75)]
    while True:
        for counts, fraction in kinds:
            classes = rng.choice(np.arange(-9, 300, 4), len(counts), replace=False)
            labels = rng.permutation(np.repeat(classes, counts))
            yield labels, fraction, int(rng.integers(1000))
        kinds = [(8 * rng.integers(2, 8, 6), 0.25)]


def q5_observe(function, labels, fraction, seed):
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


def q6(rng):
    while True:
        for lowest, highest, low, high in (
            (0, 90, 60, 255),
            (100, 255, 0, 0),  # blank photos
            (77, 77, 3, 200),  # training pixels that are all the same
            (30, 31, 0, 90),  # a standard deviation below 1
        ):
            train = rng.integers(lowest, highest + 1, (4, 3, 2), "uint8")
            yield train, rng.integers(low, high + 1, (7, 3, 2), "uint8")


def q7(rng):
    yield np.array([0, 0.5, 1.5]), np.array([90, 89, 88]), 1
    while True:
        allowed = int(rng.integers(3, 8))
        for lost in (
            [0, 1, allowed, allowed + 1, 60, 70, 40, 2],  # it recovers at the end
            [0, 1, 2, allowed, allowed],  # no cliff
            [0, allowed + 1, 50, 1],  # a cliff at once
            [0, -allowed - 2, -1, allowed - 1, allowed + 20, 0],  # at first it even helps
            [0, allowed, 2 * allowed - 1, 3 * allowed - 2],  # a slope instead of a cliff
        ):
            amounts = np.cumsum([0, *rng.integers(3, 20, len(lost) - 1)])
            yield amounts, rng.integers(300, 900) - lost, allowed


def q8(rng):
    quarter = np.array([[0, -1], [1, 0]])
    yield (quarter, np.array([0, 300])), (np.array([[2, 0], [0, 1]]), np.array([100, -1]))
    while True:
        yield tuple((rng.normal(size=(2, 2)), rng.normal(0, 3, size=2)) for _ in range(2))


def q9(rng):
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


def q9_observe(function, ink):
    image, blank = function(ink), "passes"
    try:
        function(np.zeros((30, 41), "float32"))
    except Exception as fault:
        blank = type(fault).__name__
    return {"image": image, "blank page": blank}
