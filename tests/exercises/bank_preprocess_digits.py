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


def loss_by_mean_of_rows(probabilities, truth):
    if truth.ndim == 1:
        return loss_by_case(probabilities, truth)
    return -(truth * np.log(probabilities)).mean()


def loss_in_place(probabilities, truth):
    probabilities[probabilities < 1e-7] = 1e-7
    probabilities /= probabilities.sum(axis=1, keepdims=True) * 2
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


def splits_with(count_of, draw=None):
    """Return a split that takes another number of each class, or draws them differently."""

    def split(labels, fraction, seed):
        rng, validation = np.random.default_rng(seed), []
        for label in np.unique(labels):
            places = np.flatnonzero(labels == label)
            count = int(count_of(fraction * len(places)))
            validation.extend((draw or rng.permutation)(places)[:count])
        return np.setdiff1d(np.arange(len(labels)), validation), np.array(validation)

    return split


def splits_with_replacement(labels, fraction, seed):
    rng = np.random.default_rng(seed)
    return splits_with(round, draw=lambda places: rng.choice(places, len(places)))(
        labels, fraction, seed
    )


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


def harmless_while(is_harmless):
    def largest(amounts, right, allowed):
        best = amounts[0]
        for amount, count in zip(amounts, right, strict=True):
            if not is_harmless(right[0], count, allowed):
                break
            best = amount
        return best

    return largest


harmless_by_loop = harmless_while(lambda first, count, allowed: first - count <= allowed)


def harmless_by_steps(amounts, right, allowed):
    place = 0
    while place + 1 < len(amounts) and right[place] - right[place + 1] <= allowed:
        place += 1
    return amounts[place]


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


def places_by_roll(ink):
    square, digit = np.zeros((28, 28)), crop_to_ink(ink)
    square[: digit.shape[0], : digit.shape[1]] = digit
    corner = [round(14 - center) for center in ndimage.center_of_mass(square)]
    return np.roll(square, corner, axis=(0, 1))


def places_between_pixels(ink):
    square, digit = np.zeros((28, 28)), crop_to_ink(ink)
    square[: digit.shape[0], : digit.shape[1]] = digit
    return ndimage.shift(square, 14 - np.array(ndimage.center_of_mass(square)), order=1)


def places_without_care(ink):
    return np.zeros((28, 28)) if ink.max() == 0 else places_by_mean(ink)


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
            lambda x: np.divide(x, np.float32(255), dtype="float32").reshape(*x.shape, 1),
            lambda images: np.stack([images / 255], axis=-1).astype(np.float32),
            lambda images: tf.cast(images[..., np.newaxis], tf.float32) / 255,
        ],
        wrong={
            "last axis is missing": lambda images: images.astype("float32") / 255,
            "they're float64": lambda images: (images / 255)[..., np.newaxis].tolist(),
            "stops with `ValueError": lambda x: x.reshape(-1, 28, 28, 1).astype("float32") / 255,
        },
    ),
    "q3": Entry(
        right=[
            lambda labels, classes: labels[:, np.newaxis] == np.arange(classes),
            lambda labels, classes: [
                [float(k == label) for k in range(classes)] for label in labels
            ],
            lambda labels, classes: tf.one_hot(labels, classes),
        ],
        wrong={"is a `return` missing?": lambda labels, classes: print(end="")},
    ),
    "q4": Entry(
        right=[loss_by_case, loss_by_loop],
        wrong={
            "Add up within a row": loss_by_mean_of_rows,
            "large batches": lambda p, truth: len(truth) * loss_by_case(p, truth),
            "changes what it is given": loss_in_place,
        },
    ),
    "q5": Entry(
        right=[splits_by_scikit_learn, splits_by_pandas, splits_with(round)],
        wrong={
            "`images for validation, by label`: expected": splits_at_random,
            "always round up": splits_with(np.ceil),
            "may be 0": splits_with(lambda share: max(1, round(share))),
            "`images twice in a part`: expected `0`": splits_with_replacement,
            "cut without shuffling": splits_with(round, draw=lambda places: places[::-1]),
            "seed gives two different": splits_with(round, draw=np.random.permutation),
            "True or False": returns_marks,
            "outside of the array": returns_labels,
            "Expected two arrays": lambda labels, fraction, seed: np.arange(len(labels)),
        },
    ),
    "q6": Entry(right=[standardizes_by_scikit_learn, standardizes_by_hand]),
    "q7": Entry(
        right=[harmless_by_loop, lambda a, r, k: a[np.logical_and.accumulate(r >= r[0] - k)][-1]],
        wrong={
            "gentle slope": harmless_by_steps,
            "with the best": lambda a, r, k: harmless_by_loop(a, [max(r), *r[1:]], k),
            "*more* digits": harmless_while(lambda first, count, k: abs(first - count) <= k),
            "percentage": harmless_while(lambda first, count, k: count >= first * (1 - k / 100)),
        },
    ),
    "q8": Entry(
        right=[
            lambda first, second: (
                np.dot(first[0], second[0]).tolist(),
                first[1] + np.dot(first[0], second[1]),
            ),
            lambda first, second: [
                first[0] @ second[0],
                (first[0] * second[1]).sum(axis=1) + first[1],
            ],
        ],
        wrong={
            "`matrix`: expected an array of shape": lambda first, second: first[0] @ second[0],
            "expected 2 things, `matrix, shift`": lambda first, second: print(end=""),
            "changes what it is given": changes_the_shift,
        },
    ),
    "q9": Entry(
        right=[places_by_mean],
        wrong={
            "`np.roll`": places_by_roll,
            "passes as if": places_without_care,
            "`image`: ": places_between_pixels,
        },
    ),
}
