"""What people answer to the questions on evaluate_the_cnn."""

import itertools
import math

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax
from scipy.stats import binom, norm
from sklearn import metrics

from tests.exercises.bank import Entry
from utils import evaluation
from utils.environment import quiet_tensorflow
from utils.exercises import material

with quiet_tensorflow():
    import keras

given = material("evaluate_the_cnn")
PROBABILITIES, LABELS = given.readings()
CONFIDENCE, ANSWERS = PROBABILITIES.max(axis=1), PROBABILITIES.argmax(axis=1)
WRONG = np.flatnonzero(ANSWERS != LABELS)
LIKELIHOOD = PROBABILITIES[np.arange(len(LABELS)), LABELS]


def honest(errors, n, z=1.96):
    p = np.mean(1 - errors / n)
    root = z * np.sqrt(4 * n * p * (1 - p) + z**2)
    low, high = ((2 * n * p + z**2 + sign * root) / 2 / (n + z**2) for sign in (-1, 1))
    return [p, (1 - errors / n).std(ddof=1), low, high]


def honest_by_solving(errors, n):
    p, z = float(np.mean([1 - e / n for e in errors])), norm.ppf(0.975)
    ends = np.roots([1 + z**2 / n, -(2 * p + z**2 / n), p**2]).real
    return np.array([p, pd.Series(errors / n).std(), min(ends), max(ends)])


def card_by_sklearn(labels, predictions):
    scores = metrics.precision_recall_fscore_support
    return np.array(scores(labels, predictions, labels=range(10), zero_division=0)[:3]).T


def card_by_matrix(labels, predictions, dtype=int):
    matrix = np.zeros((10, 10), dtype=dtype)
    np.add.at(matrix, (labels, predictions), 1)
    hits = matrix.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.nan_to_num(hits / matrix.sum(axis=0))
        recall = np.nan_to_num(hits / matrix.sum(axis=1))
        f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
    return pd.DataFrame({"precision": precision, "recall": recall, "F1": f1})


def error_by_pandas(probabilities, labels, bins):
    hit = probabilities.argmax(axis=1) == labels
    frame = pd.DataFrame({"sure": probabilities.max(axis=1), "hit": hit})
    which = pd.cut(frame["sure"], np.linspace(0, 1, bins + 1), labels=False)
    sums = frame.groupby(which).sum()
    return (sums["sure"] - sums["hit"]).abs().sum() / len(labels)


def error_by_loop(probabilities, labels, bins):
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges, total = np.arange(bins + 1) / bins, 0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    return total


def error_with_empty_bins(probabilities, labels, bins):
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.ceil(confidence * bins).astype(int)
    sums = np.bincount(which, confidence - hit, bins + 1)
    counts = np.bincount(which, minlength=bins + 1)
    return np.sum(np.abs(sums / counts) * counts) / len(labels)


def temperature_by_keras(z, labels, temperatures):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return temperatures[np.argmin([float(loss(labels, z / t)) for t in temperatures])]


def temperature_by_scipy(z, labels, temperatures):
    true = np.eye(10)[labels]  # a sum is lowest where the mean is
    return min(temperatures, key=lambda t: -np.sum(true * log_softmax(z / t, axis=1)))


def temperature_of_the_first(z, labels, temperatures):
    losses = [-np.log(softmax(z / t, axis=1)[0, labels[0]]) for t in temperatures]
    return temperatures[np.argmin(losses)]


def promise(val_probabilities, val_labels, probabilities, labels, wish):
    sure, hit = val_probabilities.max(axis=1), val_probabilities.argmax(axis=1) == val_labels
    threshold = min(t for t in sure if np.mean(hit[sure >= t]) >= wish)
    answered, hit = probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1) == labels
    return threshold, 1 - np.mean(~answered), hit[answered].sum() / answered.sum()


def promise_by_curve(val_probabilities, val_labels, probabilities, labels, wish):
    curve = evaluation.coverage_curve(val_probabilities, val_labels)
    curve = curve.drop_duplicates("threshold", keep="last")
    threshold = curve.loc[curve["accuracy"] >= wish, "threshold"].iloc[-1]
    sure, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return [threshold, np.mean(sure >= threshold), hit[sure >= threshold].mean()]


def promise_of_a_grid(*case):
    threshold, *rest = promise(*case)
    return round(threshold, 2) + 0.001, *rest


def compared(labels, ann, cnn):
    one, other = sum((ann != labels) & (cnn == labels)), sum((cnn != labels) & (ann == labels))
    return one, other, min(1, 2 * binom.cdf(min(one, other), one + other, 0.5))


def compared_image_by_image(labels, ann, cnn):
    hits = [(a == label, c == label) for label, a, c in zip(labels, ann, cnn, strict=True)]
    one, other = hits.count((False, True)), hits.count((True, False))
    tosses = one + other
    heads = [math.comb(tosses, k) / 2**tosses for k in range(tosses + 1)]
    return [one, other, sum(chance for chance in heads if chance <= heads[one] * (1 + 1e-9))]


BANK = {
    "q1": Entry(
        right=[(0.9, 0.72, 0.8, 0.84), pd.Series([0.9, 0.72, 2 * 36 / (40 + 50), 0.84])],
        wrong={"`F1`: `0.4` isn't right": [0.9, 0.72, 0.4, 0.84], "expected 4 things": [0.9, 0.72, 0.8]},
    ),
    "q2": Entry(
        right=[
            WRONG[np.argsort(-CONFIDENCE[WRONG])][: given.BUDGET],
            pd.Series(sorted(range(len(LABELS)), key=lambda i: LIKELIHOOD[i])[: given.BUDGET]),
        ],
        wrong={
            "*likeliest*": np.argsort(LIKELIHOOD)[-given.BUDGET :],
            "look at the confidence": np.argsort(CONFIDENCE)[: given.BUDGET],
            "these are digits": np.argsort(PROBABILITIES[0]),
            "only time for": LIKELIHOOD < 0.01,
            "`np.argsort` returns them": np.sort(LIKELIHOOD)[: given.BUDGET],
            "only 10 of": np.argsort(LIKELIHOOD)[:10],
        },
    ),
    "q3": Entry(
        right=[honest, honest_by_solving],
        wrong={"`low`: expected": lambda errors, n: honest(errors, n, z=1.645)},
    ),
    "q4": Entry(
        right=[card_by_sklearn, card_by_matrix],
        wrong={
            "numbers differ": lambda *case: card_by_matrix(*case, dtype="uint16"),
            "got an array of shape `(8, 3)`": lambda *case: card_by_sklearn(*case)[np.unique(case[0])],
        },
    ),
    "q5": Entry(
        right=[error_by_pandas, error_by_loop],
        wrong={"got `nan`": error_with_empty_bins},
    ),
    "q6": Entry(
        right=[temperature_by_keras, temperature_by_scipy],
        wrong={"expected `": temperature_of_the_first},
    ),
    "q7": Entry(
        right=[promise, promise_by_curve],
        wrong={
            "`threshold`: expected": promise_of_a_grid,
            "`accuracy`: expected": lambda *case: (*promise(*case)[:2], case[4]),
        },
    ),
    "q8": Entry(
        right=[compared, compared_image_by_image],
        wrong={"`probability`: expected": lambda *case: (*compared(*case)[:2], 1 - compared(*case)[2])},
    ),
}  # fmt: skip
