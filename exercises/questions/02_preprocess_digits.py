"""Inputs and mistakes for the questions on preprocess_digits."""

import numpy as np
from scipy import ndimage

from utils.exercises import Wrong
from utils.photos import crop_to_ink


def q2(rng):
    for count, height, width, brightest in ((5, 28, 28, 255), (1, 28, 28, 120), (3, 9, 6, 40)):
        images = rng.integers(0, brightest + 1, (count, height, width), "uint8")
        images[0] //= 2  # a pale one
        yield (images,)
    while True:
        yield (rng.integers(3, 201, rng.integers(1, 12, 3), "uint8"),)


def q2_observe(function, images):
    prepared = function(images)
    return {"values": prepared, "dtype": str(np.asarray(prepared).dtype)}


def q3(rng):
    yield rng.integers(0, 299, 9), 300
    yield np.array([0, 1, 0], "uint8"), 2
    while True:
        classes = int(rng.integers(3, 30))  # the last class has no example
        yield (
            np.append(rng.integers(0, classes - 1, rng.integers(0, 9)), 0).astype("uint8"),
            classes,
        )


def all_rows_alike(labels, classes):
    rows = np.zeros((len(labels), classes))
    rows[:, labels] = 1
    return rows


def q4(rng):
    yield _probabilities(rng, 301, 12), rng.integers(0, 12, 301, "uint8")
    while True:
        count, classes = rng.choice(np.arange(2, 14), size=2, replace=False)
        labels = rng.integers(0, classes, count)
        for truth in (
            labels,
            np.eye(classes, dtype=int)[labels],
            _probabilities(rng, count, classes),
        ):
            yield _probabilities(rng, count, classes), truth


def _probabilities(rng, count, classes):
    powers = np.exp(rng.normal(0, 1.5, size=(count, classes)))
    return powers / powers.sum(axis=1, keepdims=True)


def q5(rng):
    # Numbers of images of which the shares round to the nearest whole image in every sensible way of splitting.
    yield _shuffled_labels(rng, [27, 29, 16, 13, 11]), 0.25, 7
    yield _shuffled_labels(rng, [29, 3, 13, 19, 16]), 0.125, int(rng.integers(1000))
    yield _shuffled_labels(rng, [21, 27, 300]), 0.75, int(rng.integers(1000))
    while True:
        yield _shuffled_labels(rng, 8 * rng.integers(2, 8, 6)), 0.25, int(rng.integers(1000))


def _shuffled_labels(rng, counts):
    others = rng.choice(np.append(-5, np.arange(10, 400)), size=len(counts) - 1, replace=False)
    return rng.permutation(np.repeat([rng.integers(10), *others], counts))


def q5_observe(function, labels, fraction, seed):
    train, validation = _parts(function(labels, fraction, seed), len(labels))
    found, counts = np.unique(labels[validation], return_counts=True)
    times = np.bincount(np.append(train, validation), minlength=len(labels))
    chosen = np.isin(np.arange(len(labels)), validation)
    shuffled = any(np.diff(chosen[labels == label]).sum() > 1 for label in found)
    again, other = (
        np.sort(_parts(function(labels, fraction, number), len(labels))[1])
        for number in (seed, seed + 1)
    )
    randomness = "each seed has a split of its own"
    if not np.array_equal(again, np.sort(validation)):
        randomness = "two splits with the same seed differ"
    elif np.array_equal(other, np.sort(validation)):
        randomness = "two seeds give the same split" if shuffled else "nothing is shuffled"
    return {
        "images in both parts": len(np.intersect1d(train, validation)),
        "images in no part": int(np.sum(times == 0)),
        "images for validation, by label": dict(zip(found.tolist(), counts.tolist(), strict=True)),
        "images twice in a part": int(np.sum(times > 1)),
        "randomness": randomness,
    }


def _parts(answer, count):
    """Return the two parts of a split as arrays of indices. Raises Wrong."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("Expected two arrays: indices for training, and indices for validation.")
    parts = [np.asarray(part) for part in answer]
    if any(part.dtype == bool for part in parts):
        raise Wrong("These are marks, True or False. `np.flatnonzero` turns them into indices.")
    if any(part.ndim != 1 or (part.size and part.dtype.kind not in "iu") for part in parts):
        raise Wrong("Each part must be a flat array of whole numbers, the indices of its labels.")
    if not np.isin(np.concatenate(parts), np.arange(count)).all():
        raise Wrong("There are indices outside of the array. Return indices, not labels.")
    return [part.astype(int) for part in parts]


def q6(rng):
    yield _pixels(rng, 0, 90, 4), _pixels(rng, 60, 255, 4)
    yield _pixels(rng, 100, 255, 4), np.zeros((1, 3, 2), "uint8")  # a blank photo
    yield np.full((4, 3, 2), 77, "uint8"), _pixels(rng, 3, 200, 4)
    yield _pixels(rng, 30, 31, 5), _pixels(rng, 0, 90, 4)  # a standard deviation below 1
    while True:
        yield _pixels(rng, 30, 200, 2), _pixels(rng, 0, 250, 7)


def _pixels(rng, lowest, highest, count):
    return rng.integers(lowest, highest + 1, (count, 3, 2), "uint8")


def by_place(train, images):
    spread = train.std(axis=0)
    return (images - train.mean(axis=0)) / np.where(spread == 0, 1, spread)


# What is lost at each amount: times `allowed`, plus some.
LOST = (
    ((0, 0), (0, 1), (1, 0), (1, 1), (0, 60), (0, 70), (0, 40), (0, 2)),  # it recovers at the end
    ((0, 0), (0, 1), (0, 2), (1, 0), (1, 0)),  # no cliff
    ((0, 0), (1, 1), (0, 50), (0, 1)),  # a cliff at once
    ((0, 0), (-1, -2), (0, -1), (1, -1), (1, 20), (0, 0)),  # at first it even helps
    ((0, 0), (1, 0), (2, -1), (3, -2)),  # a slope instead of a cliff
)


def q7(rng):
    yield np.array([0, 0.5, 1.5]), np.array([90, 89, 88]), 1
    while True:
        for lost in LOST:
            allowed = int(rng.integers(3, 8))
            times, more = np.transpose(lost)
            amounts = np.cumsum([0, *rng.integers(3, 20, size=len(lost) - 1)])
            yield amounts, int(rng.integers(300, 900)) - times * allowed - more, allowed


def q8(rng):
    quarter = np.array([[0, -1], [1, 0]])
    yield (quarter, np.array([0, 300])), (np.array([[2, 0], [0, 1]]), np.array([100, -1]))
    while True:
        yield tuple((rng.normal(size=(2, 2)), rng.normal(0, 3, size=2)) for _ in range(2))


def q9(rng):
    for height, width, heavy in (
        (20, 7, None), (1, 1, None), (20, 6, np.s_[0]), (20, 8, np.s_[-1]), (5, 20, np.s_[:, 0]), (8, 20, np.s_[:, -1])
    ):  # fmt: skip
        ink = rng.uniform(1, 255 if heavy is None else 3, size=(height, width))
        if heavy is not None:
            ink[heavy] = rng.uniform(200, 255)  # one end
        yield (_on_a_page(rng, ink),)
    yield (rng.uniform(1, 255, size=(9, 20)),)  # without a margin
    for ink in (
        [[90, 30], [30, 10]],
        [[10, 30], [30, 90]],
    ):  # these tell apart all ways of rounding
        yield (_on_a_page(rng, ink),)
    while True:
        ink = rng.uniform(1, 255, size=rng.integers(3, 21, size=2))
        yield (_on_a_page(rng, np.where(rng.random(ink.shape) < 0.4, ink, 0)),)


def q9_observe(function, ink):
    image, blank = function(ink), "passes"
    try:
        function(np.zeros((30, 41), "float32"))
    except Exception as fault:
        blank = type(fault).__name__
    return {"image": image, "blank page": blank}


def _on_a_page(rng, ink):
    return np.pad(np.array(ink, "float32"), rng.integers(1, 40, size=(2, 2)))


def _placed(ink, pad):
    """Lay the ink on 28 x 28 as if there were more room on all sides."""
    digit = crop_to_ink(ink)
    center = ndimage.center_of_mass(digit)
    room = np.pad(digit, [(pad, pad + 28 - size) for size in digit.shape])
    return np.roll(room, [round(14 - place) for place in center], axis=(0, 1))


def cut_off(ink):
    return _placed(ink, 28)[28:56, 28:56]


def rolled(ink):
    return _placed(ink, 0)
