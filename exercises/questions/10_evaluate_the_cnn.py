"""Inputs for the questions on evaluate_the_cnn."""

from functools import cache

import numpy as np
from scipy.special import log_softmax

from utils import data
from utils.exercises import Wrong
from utils.exercises.compare import as_array
from utils.prediction import DigitReader

# Rows are truly 3, 5, 8; columns are called 3, 5, 8.
MATRIX = np.array([[45, 3, 2], [8, 36, 6], [1, 1, 18]])
CHANGED, BUDGET, ENOUGH = 20, 30, 18  # wrong labels, images to look at, wrong labels to find


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
    if answer is None or answer.ndim != 1 or not answer.size or (answer % 1).any():
        raise Wrong("expected a list of positions: `np.argsort` returns them.")
    if len(answer) > BUDGET:
        raise Wrong(f"there's only time for {BUDGET} images, and you want {len(answer)}.")
    found = np.isin(places, answer).sum()
    if found >= ENOUGH:
        return f"{found} of the {CHANGED} changed labels are among your {len(answer)} images."
    confidence, places = probabilities.max(axis=1), np.arange(len(labels))
    slips = {
        "these labels are the *likeliest*: `np.argsort` puts the smallest first.": (
            -probabilities[places, labels]
        ),
        "you look at the confidence. Ask how probable the *label* is.": confidence,
        "these are digits: pick one probability from each row, then sort.": places >= 10,
    }
    for sentence, size in slips.items():
        if np.isin(answer, np.argsort(size, kind="stable")[: max(len(answer), 10)]).mean() > 0.8:
            raise Wrong(sentence)
    raise Wrong(f"only {found} of the changed labels are among them. Find at least {ENOUGH}.")


def q3(rng):
    yield np.array([1, 2]), 40
    yield np.zeros(3, int), 50  # no training makes an error
    yield np.array([60, 45, 52, 48, 71]), 10_000
    while True:
        yield rng.integers(0, 8, rng.integers(3, 8)), int(rng.integers(40, 400))


def q4(rng):
    for count in [80_000, *[700, 3] * 150]:  # hits that don't fit into two bytes, or into one
        labels = np.append(np.full(count, rng.integers(0, 6)), np.arange(203) % 7)
        guesses = rng.integers(0, 6, len(labels))
        predictions = np.where(rng.random(len(labels)) < 0.9, labels, guesses)
        predictions[labels == 6] = (
            7  # 6 is never called, 7 never there, 8 neither, and 9 is there once
        )
        yield np.append(labels, 9).astype("uint8"), np.append(predictions, 9)


def read(rng, confidence, chance):
    """Return rows with this confidence, each at a random digit, and labels; `chance` is how often they agree."""
    tops, rows = rng.integers(0, 10, len(confidence)), np.arange(len(confidence))
    probabilities = np.repeat((1 - confidence)[:, np.newaxis] / 9, 10, axis=1)
    probabilities[rows, tops] = confidence
    others = (tops + rng.integers(1, 10, len(rows))) % 10
    return probabilities, np.where(rng.random(len(rows)) < chance, tops, others).astype("uint8")


def q5(rng):
    yield np.array([[0.02] * 5 + [0.82] + [0.02] * 4]), np.array([5]), 1
    for number in range(300):
        parts = [rng.uniform(0.21, 0.29, 40), rng.uniform(0.4, 0.6, 60), rng.uniform(0.8, 1, 81)]
        edges = [0.5] * 12 + [1.0] * 8  # of two bins, and the very end
        confidence = np.concatenate([*parts, edges])
        # Gaps of opposite sign on both sides of 0.5, and at the top too modest or too confident.
        at_the_top = 0.6 if number % 2 else 0.98
        chance = np.select([confidence > 0.7, confidence >= 0.5], [at_the_top, 0.2], 0.75)
        yield *read(rng, confidence, chance), [8, 20, 14, 10, 100][number % 5]


def q6(rng):
    # The best candidate is somewhere inside, the first one, and inside with large numbers.
    for scale, low, high in [(3, 0.15, 4), (0.6, 0.3, 3), (60, 1, 90)] * 150:
        labels = rng.integers(0, 10, 201)
        truth, candidates = (np.arange(201), labels), rng.permutation(np.geomspace(low, high, 24))
        z = scale * (rng.normal(size=(201, 10)) + 2 * np.eye(10)[labels])
        losses = sorted(-log_softmax(z / one, axis=1)[truth].mean() for one in candidates)
        if losses[1] - losses[0] > 1e-4:  # float32 finds the same candidate
            yield z, labels.astype("uint8"), candidates


def q7(rng):
    for number in range(300):
        sets = []
        for most in (140, 150):  # validation digits, then test digits
            confidence = rng.uniform(0.3, 0.97, rng.integers(90, most) if number else 301)
            if number % 2 == 0:  # many share their confidence
                confidence = (20 * confidence).round() / 20
            confidence[0] = 1  # right, and answered: every wish can be met
            sets += read(rng, confidence, 0.5 + 0.51 * confidence)
        yield *sets, [0.853, 1.0, 0.907][number % 3]


def q8(rng):
    for ann, cnn in [(25, 8), (0, 0), (1, 0), (4, 4), (0, 1), (12, 15), (300, 270)] * 40:
        labels = rng.integers(0, 10, 1001)
        by_ann, by_cnn = labels.copy(), labels.copy()
        by_ann[: ann + 20] += 1  # 20 images are misread by both
        by_cnn[ann : ann + 20 + cnn] += rng.integers(1, 4, 20 + cnn)
        yield labels.astype("uint8"), by_ann % 10, by_cnn % 10
