"""Inputs and mistakes for the questions on evaluate_the_cnn."""

from functools import cache

import numpy as np

from utils import data
from utils.exercises import Wrong
from utils.exercises.compare import as_array, describe
from utils.prediction import DigitReader

MATRIX = np.array(
    [[45, 3, 2], [8, 36, 6], [1, 1, 18]]
)  # rows: truly 3, 5, 8; columns: called 3, 5, 8
CHANGED, BUDGET, ENOUGH = (
    20,
    30,
    18,
)  # labels made wrong, images to look at, wrong labels to find in them


@cache
def tampered():
    mnist = data.load_mnist()
    rng = np.random.default_rng(2021)
    places = rng.choice(len(mnist.y_test), CHANGED, replace=False)
    labels = mnist.y_test.astype(int)
    labels[places] = (labels[places] + rng.integers(1, 10, CHANGED)) % 10
    return DigitReader("reference").predict_batch(mnist.x_test), labels, places


def readings() -> tuple[np.ndarray, np.ndarray]:
    """Return what the reference CNN gives for the test digits, (n, 10), and their labels, 20 of them changed."""
    probabilities, labels, _ = tampered()
    return probabilities.copy(), labels.copy()


def q2_judge(answer):
    probabilities, labels, places = tampered()
    answer = as_array(answer)
    if answer is None or answer.ndim != 1 or not answer.size:
        raise Wrong("expected a list of positions.")
    if answer.dtype == bool:
        raise Wrong(
            "that's a mask of True and False. Give positions: `np.flatnonzero` lists those of a mask."
        )
    if len(answer) > BUDGET:
        raise Wrong(
            f"you would have to look at {len(answer)} images, and there's only time for {BUDGET}."
        )
    if (answer != np.floor(answer)).any():
        raise Wrong(
            f"expected the positions of images, got {describe(answer[0])}: `np.argsort` returns positions."
        )
    found = np.isin(places, answer).sum()
    if found >= ENOUGH:
        return f"{found} of the {CHANGED} changed labels are among your {len(answer)} images."
    likelihood, confidence = (
        probabilities[np.arange(len(labels)), labels],
        probabilities.max(axis=1),
    )
    slips = {
        "these are the labels that the network finds *likeliest*: `np.argsort` puts the smallest first.": -likelihood,
        "these are the images with the lowest confidence. A wrong label doesn't change that: ask which probability "
        "the network gives to the *label*.": confidence,
        "these are digits, not positions of images: take one probability from each row, then sort.": (
            np.arange(len(labels)) >= 10
        ),
    }
    for sentence, size in slips.items():
        if np.isin(answer, np.argsort(size, kind="stable")[: max(len(answer), 10)]).mean() > 0.8:
            raise Wrong(sentence)
    count = f"only {found} of the {CHANGED} changed labels are among these {len(answer)}"
    raise Wrong(f"{count}. Find at least {ENOUGH}.")


def q3(rng):
    yield np.array([1, 2]), 40
    yield np.zeros(3, int), 50  # no training makes an error
    yield np.array([60, 45, 52, 48, 71]), 10_000
    yield np.array([4, 4, 5]), 77
    while True:
        n, errors = int(rng.integers(40, 400)), rng.integers(0, 8, int(rng.integers(3, 8)))
        errors[0] = 3 + errors[1:].max()  # so they are never all the same
        errors[-1] += errors.sum() % len(errors) == 0  # and their mean is never whole
        yield errors, n


def q4(rng):
    for number in range(300):
        if (
            number % 2
        ):  # 9 occurs once, 8 never, 7 is called but never there, 6 is there but never called
            labels = np.append(np.arange(42) % 7, 9)
            predictions = np.where(rng.random(43) < 0.6, labels, rng.integers(0, 4, 43))
            predictions[labels == 6], predictions[-1] = 7, 9
            order = rng.permutation(43)
            yield labels[order].astype("uint8"), predictions[order]
        else:  # one digit is so frequent that its hits don't fit into one byte, and once not into two
            count = 70_000 if number == 0 else 700
            labels = np.append(np.full(count, rng.integers(0, 10)), np.arange(201) % 10)
            guesses = rng.integers(0, 10, len(labels))
            yield labels, np.where(rng.random(len(labels)) < 0.96, labels, guesses)


def card_of(matrix):
    hits, called, real = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    shares = [(hits, called), (hits, real), (2 * hits, called + real)]
    return np.stack([np.where(n > 0, part / np.maximum(n, 1), 0) for part, n in shares], axis=1)


def counts_once(labels, predictions):
    matrix = np.zeros((10, 10))
    matrix[labels, predictions] += 1
    return card_of(matrix)


def counts_in_bytes(labels, predictions):
    matrix = np.zeros((10, 10), "uint8")
    np.add.at(matrix, (labels, predictions), 1)
    return card_of(matrix.astype(float))


def rows_with(rng, confidence):
    """Return rows whose largest number is the given confidence, each at a random digit, and these digits."""
    n = len(confidence)
    others, tops = rng.uniform(0.9, 1.1, size=(n, 10)), rng.integers(0, 10, size=n)
    others[np.arange(n), tops] = 0
    rows = others / others.sum(axis=1, keepdims=True) * (1 - confidence)[:, np.newaxis]
    rows[np.arange(n), tops] = confidence
    return rows, tops


def labels_of(rng, tops, chance):
    others = (tops + rng.integers(1, 10, size=len(tops))) % 10
    return np.where(rng.random(len(tops)) < chance, tops, others).astype("uint8")


def q5(rng):
    yield np.array([[0.02] * 5 + [0.82] + [0.02] * 4]), np.array([5]), 1
    for number in range(300):
        edges = [0.5] * 12 + [1.0] * 8  # on the edge of two bins, and at the very end
        parts = [rng.uniform(0.21, 0.29, 40), rng.uniform(0.4, 0.6, 60), rng.uniform(0.8, 1, 81)]
        confidence = np.concatenate([*parts, edges])
        rows, tops = rows_with(rng, confidence)
        # Gaps of opposite sign on both sides of 0.5, and at the top too modest or too confident.
        at_the_top = 0.6 if number % 2 else 0.98
        chance = np.select([confidence > 0.7, confidence >= 0.5], [at_the_top, 0.2], 0.75)
        kind = "float32" if number == 1 else float
        yield rows.astype(kind), labels_of(rng, tops, chance), [8, 20, 14, 10, 100][number % 5]


def calibration_gap(probabilities, labels):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return np.abs(np.bincount(np.ceil(10 * confidence).astype(int), confidence - right)).sum()


def log_loss(z, labels, temperature):
    z = z / temperature - (z / temperature).max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]).mean()


def q6(rng):
    # The best candidate is somewhere inside, the first one, and inside with large numbers.
    scales = [(3, 0.15, 4), (0.6, 0.3, 3), (60, 1, 90)]
    for scale, low, high in scales * 100:
        gap = 0
        while gap < 1e-4:  # so that float32 finds the same candidate
            labels = rng.integers(0, 10, size=201)
            z = scale * (rng.normal(size=(201, 10)) + 2 * np.eye(10)[labels])
            candidates = rng.permutation(np.geomspace(low, high, 24))
            losses = np.sort([log_loss(z, labels, candidate) for candidate in candidates])
            gap = losses[1] - losses[0]
        yield z, labels.astype("uint8"), candidates


def q7(rng):
    for number in range(300):
        n = int(rng.integers(90, 140)) if number else 301
        confidence = rng.uniform(0.3, 0.97, size=n)
        if number % 2 == 0:  # many share their confidence
            confidence = np.round(confidence * 20) / 20
        confidence[:2] = 1.0  # the surest of each half is right: every wish can be met
        rows, tops = rows_with(rng, confidence)
        labels = labels_of(rng, tops, np.where(confidence == 1, 1.1, 0.6 + 0.38 * confidence))
        yield rows, labels, [0.853, 1.0, 0.907][number % 3]


def down_to_the_first_dip(probabilities, labels, wish):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for candidate in np.unique(confidence[::2])[::-1]:
        if right[::2][confidence[::2] >= candidate].mean() < wish:
            break
        threshold = candidate
    answered = confidence[1::2] >= threshold
    return threshold, answered.mean(), right[1::2][answered].mean()


def one_by_one(probabilities, labels, wish):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence[::2], kind="stable")
    accuracy = np.cumsum(right[::2][order]) / np.arange(1, len(order) + 1)
    threshold = confidence[::2][order][np.flatnonzero(accuracy >= wish)[-1]]
    answered = confidence[1::2] >= threshold
    return threshold, answered.mean(), right[1::2][answered].mean()


def q8(rng):
    pairs = [(25, 8), (0, 0), (1, 0), (4, 4), (0, 1), (12, 15), (300, 270)]
    for number in range(300):
        only_ann, only_cnn = pairs[number % len(pairs)]
        n = 1001 if only_ann == 300 else 201
        labels, places = rng.integers(0, 10, size=n), rng.permutation(n)
        ann, cnn = labels.copy(), labels.copy()
        first, second, both = np.split(
            places[: only_ann + only_cnn + 20], [only_ann, only_ann + only_cnn]
        )
        ann[first], cnn[second] = (ann[first] + 1) % 10, (cnn[second] + 1) % 10
        ann[both], cnn[both] = (ann[both] + 1) % 10, (cnn[both] + rng.integers(1, 4, size=20)) % 10
        yield labels.astype("uint8"), ann, cnn
