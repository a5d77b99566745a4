"""What people answer to the questions of lesson 02."""

import numpy as np
import pandas as pd
from scipy import ndimage, special
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.exercises.oldbank import Entry
from utils.photos import NoDigitFound, crop_to_ink
from utils.preprocessing import one_hot

RIGHT = {"difference": 236, "bytes": 313_600, "divisor": 10_000}


# 2. Scale and shape


def prepares_by_reshape(images):
    return np.divide(images, np.float32(255), dtype="float32").reshape(*images.shape, 1)


def prepares_by_stack(images):
    return np.stack([images / 255], axis=-1).astype(np.float32)


def prepares_by_min_and_max(images):
    return ((images - images.min()) / (images.max() - images.min()))[..., np.newaxis].astype(
        "float32"
    )


def prepares_in_place(images):
    images[images < 5] = 0  # some noise
    return (images / 255)[..., np.newaxis].astype("float32")


def prepares_only_mnist(images):
    return images.reshape(-1, 28, 28, 1).astype("float32") / 255


# 3. One-hot rows


def encodes_by_mark(labels, classes):
    rows = np.zeros((len(labels), classes))
    rows[:, labels] = 1
    return rows


def encodes_by_put(labels, classes):
    rows = np.zeros((len(labels), classes))
    np.put_along_axis(rows, labels[:, np.newaxis].astype(int), 1, axis=1)
    return rows


def encodes_from_one(labels, classes):
    rows = np.zeros((len(labels), classes))
    rows[np.arange(len(labels)), labels.astype(int) - 1] = 1
    return rows


def encodes_values(labels, classes):
    rows = np.zeros((len(labels), classes))
    rows[np.arange(len(labels)), labels] = labels
    return rows


# 4. The loss


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


def as_rows(probabilities, truth):
    return one_hot(truth, probabilities.shape[1]) if truth.ndim == 1 else truth


def loss_by_label(probabilities, truth):
    labels = truth if truth.ndim == 1 else truth.argmax(axis=1)
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def loss_of_blend(probabilities, truth):
    return np.mean(
        [
            -np.log(row @ p)
            for row, p in zip(as_rows(probabilities, truth), probabilities, strict=True)
        ]
    )


def loss_of_all_pairs(probabilities, truth):
    if truth.ndim == 1:
        return -np.log(probabilities[:, truth]).mean()
    return -(truth * np.log(probabilities)).sum(axis=1).mean()


def loss_by_mean_of_all(probabilities, truth):
    if truth.ndim == 1:
        return -np.log(probabilities[range(len(truth)), truth]).mean()
    return -(truth * np.log(probabilities)).mean()


def loss_in_place(probabilities, truth):
    result = loss_by_loop(probabilities, truth)
    probabilities /= probabilities.sum(axis=0)  # "to be safe", and over the wrong axis
    return result


def loss_without_minus(probabilities, truth):
    return np.mean(np.sum(as_rows(probabilities, truth) * np.log(probabilities), axis=1))


# 5. The split


def splits_by_scikit_learn(labels, fraction, seed):
    return train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
    )


def splits_by_pandas(labels, fraction, seed):
    table = pd.Series(labels)
    chosen = table.groupby(table).sample(frac=fraction, random_state=seed).index
    return table.index.difference(chosen).to_numpy(), chosen.to_numpy()


def split_with(
    cut=lambda places, count: (places[count:], places[:count]),
    names=np.unique,
    shuffle=True,
    seeded=None,
):
    """Return a split by hand in which one thing is different."""

    def split(labels, fraction, seed):
        rng = np.random.default_rng(seed if seeded is None else seeded())
        train, validation = [], []
        for label in names(labels):
            places = np.flatnonzero(labels == label)
            places = rng.permutation(places) if shuffle else places
            one, other = cut(places, round(fraction * len(places)))
            train.extend(one)
            validation.extend(other)
        return np.array(train), np.array(validation)

    return split


def splits_at_random(labels, fraction, seed):
    places = np.random.default_rng(seed).permutation(len(labels))
    count = round(fraction * len(labels))
    return places[count:], places[:count]


def splits_with_replacement(labels, fraction, seed):
    rng, validation = np.random.default_rng(seed), []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        validation.extend(rng.choice(places, round(fraction * len(places))))
    return np.setdiff1d(np.arange(len(labels)), validation), np.array(validation)


def returns_marks(labels, fraction, seed):
    chosen = np.isin(np.arange(len(labels)), splits_by_scikit_learn(labels, fraction, seed)[1])
    return ~chosen, chosen


def returns_labels(labels, fraction, seed):
    train, validation = splits_by_scikit_learn(labels, fraction, seed)
    return labels[train] + 1000, labels[validation] + 1000


# 6. Standardize


def standardizes_by_scikit_learn(train, images):
    scaler = StandardScaler().fit(train.reshape(-1, 1))
    return scaler.transform(images.reshape(-1, 1)).reshape(images.shape)


def standardizes_by_hand(train, images):
    mean = float(np.mean(train))
    spread = np.sqrt(np.mean((train - mean) ** 2))
    return (images.astype("float32") - mean) / (spread if spread else 1)


def standardizes_own(train, images):
    return (images - images.mean()) / (images.std() or 1)


def standardizes_pooled(train, images):
    pixels = np.concatenate([train.ravel(), images.ravel()])
    return (images - pixels.mean()) / (pixels.std() or 1)


def standardizes_by_place(train, images):
    spread = train.std(axis=0)
    return (images - train.mean(axis=0)) / np.where(spread > 0, spread, 1)


def standardizes_blindly(train, images):
    with np.errstate(all="ignore"):
        return (images - train.mean()) / train.std()


# 7. How much is too much?


def harmless_by_loop(amounts, right, allowed):
    best = amounts[0]
    for amount, count in zip(amounts, right, strict=True):
        if right[0] - count > allowed:
            break
        best = amount
    return best


def harmless_by_steps(amounts, right, allowed):
    place = 0
    while place + 1 < len(amounts) and right[place] - right[place + 1] <= allowed:
        place += 1
    return amounts[place]


def harmless_strictly(amounts, right, allowed):
    return harmless_by_loop(amounts, right, allowed - 1)


# 9. A foreign image


def places_by_mean(ink):
    if ink.max() == 0:
        raise NoDigitFound("blank")
    digit = crop_to_ink(ink)
    height, width = digit.shape
    top = int(np.floor(14.5 - np.average(np.arange(height), weights=digit.sum(axis=1))))
    left = int(np.floor(14.5 - np.average(np.arange(width), weights=digit.sum(axis=0))))
    top, left = min(max(top, 0), 28 - height), min(max(left, 0), 28 - width)
    return np.pad(digit, ((top, 28 - height - top), (left, 28 - width - left)))


def place_with(
    center=ndimage.center_of_mass, middle=14, whole=round, blank=None, last=1, stop=True
):
    """Return a way to lay ink on 28 x 28 in which one thing is different."""

    def place(ink):
        rows, columns = np.nonzero(ink)
        if not len(rows) and blank is not None:
            return blank
        digit = ink[rows.min() : rows.max() + last, columns.min() : columns.max() + last]
        top, left = (whole(middle - value) for value in center(digit))
        if stop:
            top, left = np.clip([top, left], 0, 28 - np.array(digit.shape))
        square = np.zeros((28, 28))
        square[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
        return square

    return place


def places_by_roll(ink):
    square = np.zeros((28, 28))
    digit = crop_to_ink(ink)
    square[: digit.shape[0], : digit.shape[1]] = digit
    return np.roll(
        square, [round(14 - center) for center in ndimage.center_of_mass(square)], axis=(0, 1)
    )


def places_between_pixels(ink):
    square = np.zeros((28, 28))
    digit = crop_to_ink(ink)
    square[: digit.shape[0], : digit.shape[1]] = digit
    return ndimage.shift(square, 14 - np.array(ndimage.center_of_mass(square)), order=1)


BANK = {
    "q1": Entry(
        right=[
            {"bytes": 4 * 78_400.0, "divisor": 1e4, "difference": np.uint8(236)},
            {
                "difference": 256 - 20,
                "bytes": np.float32(0).nbytes * 78_400,
                "divisor": np.square(100),
            },
        ],
        wrong={
            "no minus": RIGHT | {"difference": -20},
            "stop at 0": RIGHT | {"difference": 0},
            "256 numbers": RIGHT | {"difference": 235},
            "one byte for each pixel": RIGHT | {"bytes": 78_400},
            "NumPy's own": RIGHT | {"bytes": 627_200},
            "these are bits": RIGHT | {"bytes": 2_508_800},
            "met twice: where": RIGHT | {"divisor": 100},
            "not added twice": RIGHT | {"divisor": 200},
            "not 255": RIGHT | {"divisor": 65_025},
            "with the keys": {"difference": 236},
            "“divisor”: expected numbers": RIGHT | {"divisor": "ten thousand"},
        },
    ),
    "q2": Entry(
        right=[prepares_by_reshape, prepares_by_stack],
        wrong={
            "last axis is missing": lambda images: images.astype("float32") / 255,
            "not second": lambda images: images[:, np.newaxis].astype("float32") / 255,
            "with its neighbors": lambda images: (images / images.max())[..., np.newaxis].astype(
                "float32"
            ),
            "its own largest pixel": lambda x: (x / x.max(axis=(1, 2), keepdims=True))[
                ..., np.newaxis
            ],
            "cannot hold 0.7": lambda images: (images[..., np.newaxis] // 255).astype("float32"),
            "not by 256": lambda images: (images[..., np.newaxis] / 256).astype("float32"),
            "as large as they were": lambda images: images[..., np.newaxis].astype("float32"),
            "they are float64": lambda images: images[..., np.newaxis] / 255,
            "changes what it is given": prepares_in_place,
            "stops with ValueError": prepares_only_mnist,
        },
    ),
    "q3": Entry(
        right=[
            encodes_by_put,
            lambda labels, classes: labels[:, np.newaxis] == np.arange(classes),
            lambda labels, classes: [
                [float(place == label) for place in range(classes)] for label in labels
            ],
        ],
        wrong={
            "largest label": lambda labels, classes: np.eye(labels.max() + 1)[labels],
            "exchanged": lambda labels, classes: np.eye(classes)[:, labels],
            "too far left": encodes_from_one,
            "all rows are the same": encodes_by_mark,
            "the label itself": encodes_values,
            "there is no answer": lambda labels, classes: print(end=""),
            "stops with IndexError": lambda labels, classes: np.eye(10)[labels],
        },
    ),
    "q4": Entry(
        right=[loss_by_case, loss_by_loop],
        wrong={
            "forgets the smaller share": loss_by_label,
            "logarithm first": loss_of_blend,
            "*every* row at *every* label": loss_of_all_pairs,
            "Add up within a row": loss_by_mean_of_all,
            "sign is turned": loss_without_minus,
            "large batches": lambda p, truth: len(truth) * loss_by_case(p, truth),
            "for the whole batch": lambda p, truth: -(as_rows(p, truth) * np.log(p)).sum(axis=1),
            "base 2": lambda p, truth: loss_by_case(p, truth) / np.log(2),
            "changes what it is given": loss_in_place,
            "stops with IndexError": lambda p, truth: (
                -np.log(p[np.arange(len(truth)), truth]).mean()
            ),
        },
    ),
    "q5": Entry(
        right=[
            splits_by_scikit_learn,
            splits_by_pandas,
            split_with(lambda p, n: (p[: len(p) - n], p[len(p) - n :])),
        ],
        wrong={
            "not stratified": splits_at_random,
            "that is a leak": split_with(lambda places, count: (places, places[:count])),
            "twice in a part": splits_with_replacement,
            "Is a rest cut off?": split_with(
                lambda places, count: (places[count + 1 :], places[:count])
            ),
            "Whole classes": split_with(names=lambda labels: [*np.unique(labels)][:-1]),
            "are exchanged": split_with(lambda places, count: (places[:count], places[count:])),
            "without shuffling": split_with(shuffle=False),
            "another seed gives the same": split_with(seeded=lambda: 0),
            "two different splits": split_with(seeded=lambda: None),
            "True or False": returns_marks,
            "outside of the array": returns_labels,
            "expected two parts": lambda labels, fraction, seed: np.arange(len(labels)),
        },
    ),
    "q6": Entry(
        right=[
            standardizes_by_scikit_learn,
            standardizes_by_hand,
        ],
        wrong={
            "on the images themselves": standardizes_own,
            "measured together": standardizes_pooled,
            "must be that of `train`": lambda train, images: (
                (images - train.mean()) / (images.std() or 1)
            ),
            "every pixel place": standardizes_by_place,
            "n - 1": lambda train, images: (images - train.mean()) / (train.std(ddof=1) or 1),
            "only subtract": lambda train, images: images - train.mean(),
            "variance": lambda train, images: (images - train.mean()) / (train.var() or 1),
            "a spread of 0": standardizes_blindly,
        },
    ),
    "q7": Entry(
        right=[harmless_by_loop, lambda a, r, k: a[np.logical_and.accumulate(r >= r[0] - k)][-1]],
        wrong={
            "over the cliff": lambda a, r, k: max(
                x for x, count in zip(a, r, strict=True) if count >= r[0] - k
            ),
            "you count": lambda a, r, k: a[sum(count >= r[0] - k for count in r) - 1],
            "that does harm": lambda a, r, k: next(
                (x for x, n in zip(a, r, strict=True) if n < r[0] - k), a[0]
            ),
            "*at most*": harmless_strictly,
            "that is a place": lambda a, r, k: list(a).index(harmless_by_loop(a, r, k)),
            "gentle slope": harmless_by_steps,
            "with the best": lambda a, r, k: harmless_by_loop(a, [max(r), *r[1:]], k),
            "stops with IndexError": lambda a, r, k: a[np.flatnonzero(r < r[0] - k)[0] - 1],
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
            "`second` first": lambda first, second: (
                second[0] @ first[0],
                second[0] @ first[1] + second[1],
            ),
            "wrong order": lambda first, second: (
                second[0] @ first[0],
                first[0] @ second[1] + first[1],
            ),
            "only added": lambda first, second: (first[0] @ second[0], first[1] + second[1]),
            "wrong shift": lambda first, second: (
                first[0] @ second[0],
                second[0] @ first[1] + second[1],
            ),
            "`*` multiplies": lambda first, second: (
                first[0] * second[0],
                first[0] @ second[1] + first[1],
            ),
            "shift of `second` got lost": lambda first, second: (first[0] @ second[0], first[1]),
            "shift of `first` got lost": lambda first, second: (
                first[0] @ second[0],
                first[0] @ second[1],
            ),
            "expected a matrix of shape": lambda first, second: first[0] @ second[0],
            "expected a pair": lambda first, second: print(end=""),
            "changes what it is given": lambda first, second: (
                first[0] @ second[0],
                second[1].__iadd__(first[1]),
            ),
            "new place": lambda first, second: (first[0] + second[0], first[1] + second[1]),
        },
    ),
    "q9": Entry(
        right=[places_by_mean],
        wrong={
            "of the *box*": place_with(
                lambda digit: (digit.shape[0] / 2, digit.shape[1] / 2), whole=int
            ),
            "counts the same": place_with(lambda digit: np.mean(np.nonzero(digit), axis=1)),
            "at 13. MNIST": place_with(middle=13),
            "row comes first": place_with(lambda digit: ndimage.center_of_mass(digit.T)),
            "`int` cuts off": place_with(whole=int),
            "at the other, as with": places_by_roll,
            "NaN to integer": place_with(last=0),
            "could not broadcast": place_with(stop=False),
            "page passes": place_with(blank=np.zeros((28, 28))),
            "page stops it": place_with(),
            "(given an array": places_between_pixels,
        },
    ),
}
