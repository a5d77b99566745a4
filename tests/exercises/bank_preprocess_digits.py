"""What people answer to the questions on preprocess_digits."""

import numpy as np
import pandas as pd
from scipy import ndimage
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.exercises.bank import Entry
from utils.photos import NoDigitFound, crop_to_ink

RIGHT = {"difference": 186, "bytes": 313_600, "columns": 785}


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


def leaks_on_average(evaluate, images, labels):
    rng = np.random.default_rng()
    scores = [evaluate(images, rng.integers(0, 2, len(labels))) for _ in range(3)]
    return np.bool_(np.mean(scores) > 0.7)


def leaks_if_good(evaluate, images, labels):
    return evaluate(images, labels) > 0.8


PANELS = {"A": "jpg 20", "B": "png", "C": "jpg 95"}
BANK = {
    "q1": Entry(
        right=[
            {"bytes": 4 * 78_400.0, "columns": 785.0, "difference": np.uint8(186)},
            {"difference": 256 - 70, "bytes": np.float32(0).nbytes * 78_400, "columns": 785},
        ],
        wrong={
            "with the keys": {"difference": 186},
            "`columns`: expected a number": RIGHT | {"columns": "many"},
            "`bytes`: `313601` isn't right": RIGHT | {"bytes": 313_601},
            "`bytes`: `78.4` isn't right": RIGHT | {"bytes": 78.4},
        },
    ),
    "q2": Entry(
        wrong={"at least eight words": "It was only lucky.", "as text": ["It", "was", "lucky"]},
    ),
    "q3": Entry(
        right=[{name: np.str_(kind) for name, kind in PANELS.items()}],
        wrong={"`A`": PANELS | {"A": "jpg"}, "a dict with the keys": ["jpg 20", "png", "jpg 95"]},
    ),
    "q4": Entry(
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
    "q5": Entry(right=[standardizes_by_scikit_learn, standardizes_by_hand]),
    "q6": Entry(
        right=[leaks_on_average],
        wrong={
            "Each image still has its own label": leaks_if_good,
            "expected `False`, got `True`": lambda *case: True,
        },
    ),
    "q7": Entry(right=[places_by_mean], wrong={"`image`: ": places_between_pixels}),
}
EQUIVALENT = {("q6", "line 2: 0 becomes 1"): "any random order will do"}
