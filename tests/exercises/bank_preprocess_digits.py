"""What people answer to the questions on preprocess_digits."""

import numpy as np
import pandas as pd
import tensorflow as tf
from scipy import ndimage, special
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.exercises.bank import Entry
from utils.photos import NoDigitFound, crop_to_ink

RIGHT = {"difference": 236, "bytes": 313_600, "divisor": 10_000}


def loss_by_case(probabilities, truth):
    if truth.ndim == 1:
        return log_loss(truth, probabilities, labels=range(probabilities.shape[1]))
    return special.xlogy(truth, probabilities).sum() / -len(truth)


def loss_by_loop(probabilities, truth):
    total = 0
    for row, answer in zip(truth, probabilities, strict=True):
        shares = row if np.ndim(row) else [int(place == row) for place in range(len(answer))]
        total -= sum(share * np.log(p) for share, p in zip(shares, answer, strict=True))
    return total / len(truth)


def loss_in_place(probabilities, truth):
    probabilities /= 2
    return loss_by_case(2 * probabilities, truth)


def splits_by_scikit_learn(labels, fraction, seed):
    places = np.arange(len(labels))
    return train_test_split(places, test_size=fraction, stratify=labels, random_state=seed)


def splits_by_pandas(labels, fraction, seed):
    table = pd.Series(labels)
    chosen = table.groupby(table).sample(frac=fraction, random_state=seed).index
    return table.index.difference(chosen).to_numpy(), chosen.to_numpy()


def splits_at_random(labels, fraction, seed):
    places = np.random.default_rng(seed).permutation(len(labels))
    count = round(fraction * len(labels))
    return places[count:], places[:count]


def splits_with(draw):
    """Return a split that draws the places of a class by `draw(rng, places)`."""

    def split(labels, fraction, seed):
        rng, validation = np.random.default_rng(seed), []
        for label in np.unique(labels):
            places = np.flatnonzero(labels == label)
            validation.extend(draw(rng, places)[: round(fraction * len(places))])
        return np.setdiff1d(np.arange(len(labels)), validation), np.array(validation)

    return split


def returns_marks(labels, fraction, seed):
    chosen = np.isin(np.arange(len(labels)), splits_by_scikit_learn(labels, fraction, seed)[1])
    return ~chosen, chosen


def returns_labels(labels, fraction, seed):
    train, validation = splits_by_scikit_learn(labels, fraction, seed)
    return labels[train] + 1000, labels[validation] + 1000


def standardizes_by_scikit_learn(train, images):
    scaler = StandardScaler().fit(train.reshape(-1, 1))
    return scaler.transform(images.reshape(-1, 1)).reshape(images.shape)


def standardizes_by_hand(train, images):
    mean = float(np.mean(train))
    spread = np.sqrt(np.mean((train - mean) ** 2))
    return (images.astype("float32") - mean) / (spread if spread else 1)


def changes_the_shift(first, second):
    matrix, shift = first[0] @ second[0], first[0] @ second[1] + first[1]
    second[1][:] = shift
    return matrix, shift


def places_by_mean(ink):
    if ink.max() == 0:
        raise NoDigitFound("blank")
    digit = crop_to_ink(ink)
    height, width = digit.shape
    top = int(np.floor(14.5 - np.average(np.arange(height), weights=digit.sum(axis=1))))
    left = int(np.floor(14.5 - np.average(np.arange(width), weights=digit.sum(axis=0))))
    top, left = min(max(top, 0), 28 - height), min(max(left, 0), 28 - width)
    return np.pad(digit, ((top, 28 - height - top), (left, 28 - width - left)))


def places_between_pixels(ink):
    digit = crop_to_ink(ink)
    square = np.pad(digit, [(0, 28 - size) for size in digit.shape])
    return ndimage.shift(square, 14 - np.array(ndimage.center_of_mass(square)), order=1)


BANK = {
    "q1": Entry(
        right=[
            {"bytes": 4 * 78_400.0, "divisor": 1e4, "difference": np.uint8(236)},
            {"difference": 256 - 20, "bytes": np.float32(0).nbytes * 78_400, "divisor": 100**2},
        ],
        wrong={
            "with the keys": {"difference": 236},
            "`divisor`: expected a number": RIGHT | {"divisor": "ten thousand"},
            "`bytes`: `313601` isn't right": RIGHT | {"bytes": 313_601},
            "`bytes`: `78.4` isn't right": RIGHT | {"bytes": 78.4},
        },
    ),
    "q2": Entry(
        right=[
            lambda images: np.stack([images / 255], axis=-1).astype(np.float32),
            lambda images: tf.cast(images[..., np.newaxis], tf.float32) / 255,
        ],
        wrong={
            "they're float64": lambda images: (images / 255)[..., np.newaxis].tolist(),
            "stops with `ValueError": lambda x: x.reshape(-1, 28, 28, 1).astype("float32") / 255,
        },
    ),
    "q3": Entry(
        right=[
            lambda labels, classes: (labels[:, np.newaxis] == np.arange(classes)).tolist(),
            lambda labels, classes: tf.one_hot(labels, classes),
        ],
        wrong={"is a `return` missing?": lambda labels, classes: print(end="")},
    ),
    "q4": Entry(
        right=[loss_by_case, loss_by_loop],
        wrong={"changes what it is given": loss_in_place},
    ),
    "q5": Entry(
        right=[
            splits_by_scikit_learn,
            splits_by_pandas,
            splits_with(lambda rng, places: rng.permutation(places)),
        ],
        wrong={
            "`images for validation, by label`: expected": splits_at_random,
            "`images twice in a part`: expected `0`": splits_with(
                lambda rng, places: rng.choice(places, len(places))
            ),
            "Each seed gives the same split": splits_with(lambda rng, places: places[::-1]),
            "not True and False": returns_marks,
            "not labels": returns_labels,
            "Expected two flat arrays": lambda labels, fraction, seed: np.arange(len(labels)),
        },
    ),
    "q6": Entry(right=[standardizes_by_scikit_learn, standardizes_by_hand]),
    "q7": Entry(right=[lambda a, r, k: a[np.logical_and.accumulate(r >= r[0] - k)][-1]]),
    "q8": Entry(
        right=[lambda a, b: [(a[0] @ b[0]).tolist(), (a[0] * b[1]).sum(axis=1) + a[1]]],
        wrong={
            "`matrix`: expected an array of shape": lambda first, second: first[0] @ second[0],
            "expected 2 things, `matrix, shift`": lambda first, second: print(end=""),
            "changes what it is given": changes_the_shift,
        },
    ),
    "q9": Entry(right=[places_by_mean], wrong={"`image`: ": places_between_pixels}),
}
