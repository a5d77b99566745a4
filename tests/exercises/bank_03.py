"""What people answer to the questions of lesson 03."""

from collections import Counter

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from tests.exercises.oldbank import Entry
from utils.evaluation import accuracy_interval

# 3. The nearest mean


def means_in(train, labels, kind, digits):
    with np.errstate(all="ignore"):
        return np.stack(
            [train[labels == digit].sum(axis=0) / np.sum(labels == digit) for digit in digits]
        ).astype(kind)


def mean_by_loops(train, labels, images):
    means = {digit: train[labels == digit].mean(axis=0) for digit in set(labels.tolist())}
    return [min(means, key=lambda digit: np.linalg.norm(image - means[digit])) for image in images]


def mean_scaled(train, labels, images):
    train, images = (
        train.reshape(-1, 784).astype("float32") / 255,
        images.reshape(-1, 784).astype("float32") / 255,
    )
    return NearestCentroid().fit(train, labels).predict(images)


def mean_in(kind, by_place=False):
    def read(train, labels, images):
        digits = np.unique(labels)
        means = means_in(train, labels, kind, digits)
        nearest = (
            ((images[:, np.newaxis].astype(kind) - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)
        )
        return nearest if by_place else digits[nearest]

    return read


def mean_cut(train, labels, images):
    digits = np.unique(labels)
    means = means_in(train, labels, int, digits)
    return digits[
        ((images[:, np.newaxis].astype(int) - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    ]


def mean_of_all_ten(train, labels, images):
    means = means_in(train, labels, float, range(10))
    return np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3)).argmin(axis=1)


def mean_scaled_on_one_side(train, labels, images):
    digits = np.unique(labels)
    means = means_in(train, labels, float, digits)
    return digits[np.linalg.norm(images[:, np.newaxis] / 255 - means, axis=(2, 3)).argmin(axis=1)]


def mean_prefilled_with_zeros(train, labels, images):
    means = np.zeros((10, 28, 28))
    for digit in set(labels.tolist()):
        means[digit] = train[labels == digit].mean(axis=0)
    return np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3)).argmin(axis=1)


# 4. The neighbors


def neighbors(start=0, stop=0, count=lambda row: np.bincount(row).argmax(), far=False):
    def read(train, labels, images, k):
        order = cdist(images, train).argsort(axis=1)[:, :: -1 if far else 1]
        return np.array([count(labels[row[start : k + stop]]) for row in order])

    return read


# 5. and 7. Networks


def stable_softmax(z, axis=1):
    z = np.exp(z - z.max(axis=axis, keepdims=True))
    return z / z.sum(axis=axis, keepdims=True)


def forward_overflowing(x, W1, b1, W2, b2):
    with np.errstate(all="ignore"):
        e = np.exp(np.maximum(x @ W1 + b1, 0) @ W2 + b2)
        return e / e.sum(axis=-1, keepdims=True)


def forward_in_place(x, W1, b1, W2, b2):
    x /= x.max()
    return stable_softmax(np.maximum(x @ W1 + b1, 0) @ W2 + b2)


def forward_image_by_image(x, W1, b1, W2, b2):
    return [softmax(np.clip(image @ W1 + b1, 0, None) @ W2 + b2) for image in x]


def trained(
    x, labels, rate, steps, divide_by=None, sign=-1, truth=1, axis=1, bias=1, classes=10, start=0.0
):
    y = np.eye(10)[labels][:, :classes]
    rng = np.random.default_rng()
    W, b = start * rng.normal(size=(x.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for _ in range(steps):
        error = (stable_softmax(x @ W + b, axis) - truth * y) / (divide_by or len(x))
        W, b = W + sign * rate * x.T @ error, b + bias * sign * rate * error.sum(axis=0)
    return W, b


def trained_with(**mistake):
    return lambda *case: trained(*case, **mistake)


def trained_bias_after_weights(x, labels, rate, steps):
    y, W, b = np.eye(10)[labels], np.zeros((x.shape[1], 10)), np.zeros(10)
    for _ in range(steps):
        W = W - rate * x.T @ (softmax(x @ W + b, axis=1) - y) / len(x)
        b = b - rate * (softmax(x @ W + b, axis=1) - y).mean(axis=0)
    return W, b


def trained_image_by_image(x, labels, rate, steps):
    W, b = np.zeros((10, x.shape[1])), np.zeros(10)
    for _ in range(steps):
        errors = [
            softmax(W @ image + b) - np.eye(10)[label]
            for image, label in zip(x, labels, strict=True)
        ]
        W = W - rate * np.mean(
            [np.outer(error, image) for error, image in zip(errors, x, strict=True)], axis=0
        )
        b = b - rate * np.mean(errors, axis=0)
    return [W.T, b]


# 6. Gradients


def gradient_by(slope, h=1e-5):
    def gradient(loss, W):
        found = np.zeros(W.size)
        for number in range(W.size):
            nudge = np.zeros(W.size)
            nudge[number] = h
            found[number] = slope(loss, W, nudge.reshape(W.shape), h)
        return found.reshape(W.shape)

    return gradient


def central(loss, W, nudge, h):
    return (loss(W + nudge) - loss(W - nudge)) / (2 * h)


def gradient_in_place(loss, W):
    for place in np.ndindex(W.shape):
        W[place] += 0.1
    return W


def gradient_in_place_and_back(loss, W):
    gradient = np.empty_like(W)
    for place in np.ndindex(W.shape):
        old = W[place]
        W[place] = old + 1e-4
        up = loss(W)
        W[place] = old - 1e-4
        gradient[place], W[place] = (up - loss(W)) / 2e-4, old
    return gradient


# 8. Shuffles


def shuffled_by(move, same=True, compare=np.isclose):
    """Return a function that moves both images by `move(image, rng)`; with another rule for each unless `same`."""

    def knows(distance, a, b):
        seeds = np.random.default_rng().integers(0, 2**32, 2)
        moved = [
            move(one, np.random.default_rng(seeds[0 if same else number]))
            for number, one in enumerate((a, b))
        ]
        return not compare(distance(*moved), distance(a, b))

    return knows


def all_pixels(image, rng):
    return rng.permutation(image.ravel()).reshape(image.shape)


def shuffle_in_place(distance, a, b):
    before = distance(a, b)
    rng = np.random.default_rng()
    rng.shuffle(a)
    rng.shuffle(b)
    return not np.isclose(before, distance(a, b))


# 9. The contest


def wilson(hits, total):
    interval = binomtest(int(hits), total).proportion_ci(method="wilson")
    return interval.low, interval.high


def simple(hits, total):
    p = hits / total
    half = 1.96 * (p * (1 - p) / total) ** 0.5
    return p - half, p + half


def contest(
    choose_on=(0,),
    best=max,
    report_on=1,
    show=(),
    interval=wilson,
    interval_on=1,
    percent=1,
    backwards=False,
):
    """Return a contest; 0 stands for the validation set, 1 for the test set."""

    def run(readers, x_validation, y_validation, x_test, y_test):
        parts = (x_validation, y_validation), (x_test, y_test)

        def hits(name, number):
            return int(np.sum(readers[name](parts[number][0]) == parts[number][1]))

        names = list(readers)[:: -1 if backwards else 1]
        score = {name: sum(hits(name, number) for number in choose_on) for name in names}
        winner = best(score, key=score.get)
        for name in names if show == "all" else [winner] * len(show):
            hits(name, 1)
        report = {
            number: (hits(winner, number), len(parts[number][1]))
            for number in {report_on, interval_on}
        }
        right, total = report[report_on]
        return [winner, percent * right / total, *interval(*report[interval_on])]

    return run


def contest_digit_by_digit(readers, x_validation, y_validation, x_test, y_test):
    best, most = None, -1
    for name, reader in readers.items():
        if (hits := sum(reader(x_validation) == y_validation)) > most:
            best, most = name, hits
    correct = sum(readers[best](x_test[i : i + 1])[0] == y_test[i] for i in range(len(x_test)))
    return best, correct / len(x_test), *accuracy_interval(correct, len(x_test))


STROKES = np.array([16, 32, 48, 24])

BANK = {
    "q1": Entry(
        right=[[4, 4 * 2**0.5, 48**0.5, 24**0.5], (4, 5.66, 6.93, 4.9)],
        wrong={
            "squared": [16, 32, 48, 24],
            "only the ink that lost": list(np.sqrt([8, 16, 24, 24])),
            "root of the *mean*": list(np.sqrt(STROKES / 28**2)),
            "do not overlap any more": list(np.sqrt([16, 32, 80, 24])),
            "by 1 in every pixel of ink": list(np.sqrt([16, 32, 48, 0])),
            "not yet right: moved by two.": [4, 8, 48**0.5, 24**0.5],
            "not yet right: moved by one, moved by two, moved by five, blank paper": [1, 2, 5, 0],
            "expected shape (4,), got (3,)": [4, 5.66, 6.93],
        },
    ),
    "q2": Entry(
        right=[
            lambda budget, inputs, outputs: int((budget - outputs) / (inputs + outputs + 1)),
            lambda budget, inputs, outputs: max(
                u for u in range(300) if inputs * u + u + outputs * u + outputs <= budget
            ),
        ],
        wrong={
            "all biases": lambda budget, inputs, outputs: budget // (inputs + outputs),
            "biases of the hidden units": lambda budget, inputs, outputs: (
                (budget - outputs) // (inputs + outputs)
            ),
            "biases of the outputs": lambda budget, inputs, outputs: (
                budget // (inputs + outputs + 1)
            ),
            "not the way out": lambda budget, inputs, outputs: int(budget / (inputs + 1)),
            "*closest* number": lambda budget, inputs, outputs: int(
                np.round((budget - outputs) / (inputs + 1 + outputs))
            ),
            "units are whole": lambda budget, inputs, outputs: (
                (budget - outputs) / (inputs + 1 + outputs)
            ),
            "fits exactly": lambda budget, inputs, outputs: len(
                range(1, (budget - outputs - 1) // (inputs + outputs + 1) + 1)
            ),
            "expected": lambda budget, inputs, outputs: (budget - 10) // 795,
        },
    ),
    "q3": Entry(
        right=[mean_by_loops, mean_scaled],
        wrong={
            "wrap around. Compute with floats": mean_in("uint8"),
            "two faults": mean_in("uint8", by_place=True),
            "16 bits": mean_in("int16"),
            "cut the means": mean_cut,
            "answer with the *place*": mean_in(float, by_place=True),
            "the training set lacks": mean_of_all_ten,
            "different scales": mean_scaled_on_one_side,
            "expected": mean_prefilled_with_zeros,
            "expected shape": lambda train, labels, images: mean_scaled(train, labels, images)[:1],
        },
    ),
    "q4": Entry(
        right=[
            neighbors(),
            lambda train, labels, images, k: (
                KNeighborsClassifier(k).fit(train, labels).predict(images).tolist()
            ),
        ],
        wrong={
            "single nearest": lambda train, labels, images, k: labels[
                cdist(images, train).argmin(axis=1)
            ],
            "one neighbor too few": neighbors(stop=-1),
            "leave the nearest out": neighbors(start=1, stop=1),
            "farthest": neighbors(far=True),
            "mean of the labels": neighbors(count=lambda row: round(row.mean())),
            "comes first by distance": neighbors(
                count=lambda row: Counter(row.tolist()).most_common(1)[0][0]
            ),
            "expected": lambda train, labels, images, k: cdist(images, train).argsort(axis=1)[:, 0],
            "expected shape": lambda train, labels, images, k: labels[
                cdist(images, train).argsort(axis=1)[:, :k]
            ],
        },
    ),
    "q5": Entry(
        right=[
            forward_image_by_image,
            lambda x, W1, b1, W2, b2: np.exp(
                log_softmax((x @ W1 + b1).clip(min=0) @ W2 + b2, axis=1)
            ),
        ],
        wrong={
            "overflow": forward_overflowing,
            "ReLU between the layers": lambda x, W1, b1, W2, b2: stable_softmax(
                (x @ W1 + b1) @ W2 + b2
            ),
            "runs down the images": lambda x, W1, b1, W2, b2: stable_softmax(
                np.maximum(x @ W1 + b1, 0) @ W2 + b2, axis=0
            ),
            "not probabilities": lambda x, W1, b1, W2, b2: np.maximum(x @ W1 + b1, 0) @ W2 + b2,
            "hidden layer alone": lambda x, W1, b1, W2, b2: stable_softmax(
                np.maximum(np.maximum(x @ W1 + b1, 0) @ W2 + b2, 0)
            ),
            "bias of the hidden layer": lambda x, W1, b1, W2, b2: stable_softmax(
                np.maximum(x @ W1, 0) @ W2 + b2
            ),
            "bias of the output layer": lambda x, W1, b1, W2, b2: stable_softmax(
                np.maximum(x @ W1 + b1, 0) @ W2
            ),
            "changes what it is given": forward_in_place,
            "expected shape": lambda x, W1, b1, W2, b2: forward_image_by_image(x, W1, b1, W2, b2)[
                0
            ],
        },
    ),
    "q6": Entry(
        right=[gradient_by(central, h=1e-4), gradient_in_place_and_back],
        wrong={
            "twice too large": gradient_by(
                lambda loss, W, nudge, h: (loss(W + nudge) - loss(W - nudge)) / h
            ),
            "sign is turned": gradient_by(
                lambda loss, W, nudge, h: (loss(W - nudge) - loss(W + nudge)) / 2 / h
            ),
            "nearly nothing": gradient_by(
                lambda loss, W, nudge, h: loss(W + nudge) - loss(W - nudge)
            ),
            "all weights at once": lambda loss, W: np.full(
                W.shape, (loss(W + 1e-5) - loss(W - 1e-5)) / 2e-5
            ),
            "one direction only": gradient_by(
                lambda loss, W, nudge, h: (loss(W + nudge) - loss(W)) / h
            ),
            "expected": gradient_by(central, h=1),
            "expected shape": lambda loss, W: gradient_by(central)(loss, W).ravel()[:-1],
            "changes what it is given": gradient_in_place,
        },
    ),
    "q7": Entry(
        right=[trained_image_by_image, trained_with()],
        wrong={
            "their *mean*": trained_with(divide_by=1),
            "uphill": trained_with(sign=1),
            "*minus truth*": trained_with(truth=0),
            "down the images": trained_with(axis=0),
            "bias never moves": trained_with(bias=0),
            "moved already": trained_bias_after_weights,
            "one step and stop": lambda x, labels, rate, steps: trained(
                x, labels, rate, min(steps, 1)
            ),
            "not at random": trained_with(start=0.01),
            "expected W of shape": trained_with(classes=6),
            "two things": lambda *case: trained(*case)[0],
            "expected 0": lambda x, labels, rate, steps: (np.zeros((x.shape[1], 10)), np.zeros(10)),
        },
    ),
    "q8": Entry(
        right=[
            shuffled_by(all_pixels),
            shuffled_by(
                lambda image, rng: image.ravel()[rng.permutation(image.size)].reshape(image.shape)
            ),
        ],
        wrong={
            "whole rows": shuffled_by(lambda image, rng: rng.permutation(image)),
            "whole columns": shuffled_by(lambda image, rng: rng.permutation(image, axis=1)),
            "rows, then columns": shuffled_by(
                lambda image, rng: rng.permutation(rng.permutation(image), axis=1)
            ),
            "*same* rule": shuffled_by(all_pixels, same=False),
            "np.isclose": shuffled_by(all_pixels, compare=lambda one, other: one == other),
            "other way round": lambda *case: not shuffled_by(all_pixels)(*case),
            "False to every": shuffled_by(lambda image, rng: image),
            "True or False is wanted": lambda distance, a, b: distance(a, b),
            "changes what it is given": shuffle_in_place,
            "stops with": shuffled_by(lambda image, rng: rng.permutation(image.ravel())),
        },
    ),
    "q9": Entry(
        right=[contest(), contest_digit_by_digit],
        wrong={
            "best on the *test* set": contest(choose_on=(1,)),
            "*fewest* hits": contest(best=min),
            "of equals the first": contest(backwards=True),
            "were not chosen": contest(show="all"),
            "more than once": contest(show="once"),
            "accuracy on the validation": contest(report_on=0, interval_on=0),
            "percent": contest(percent=100),
            "simple interval": contest(interval=simple),
            "belongs to the validation": contest(interval_on=0),
            "interval is off": contest(interval=lambda hits, total: wilson(hits, total)[::-1]),
            "four things": lambda *case: contest()(*case)[:2],
        },
    ),
}
