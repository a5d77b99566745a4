"""What people answer to the questions of lesson 07."""

import math

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax
from scipy.stats import binom, binomtest, norm
from sklearn import metrics

from tests.exercises.oldbank import Entry
from utils import evaluation
from utils.exercises.lesson_07 import BUDGET, readings

PROBABILITIES, LABELS = readings()
CONFIDENCE, ANSWERS = PROBABILITIES.max(axis=1), PROBABILITIES.argmax(axis=1)
WRONG = np.flatnonzero(ANSWERS != LABELS)
LIKELIHOOD = PROBABILITIES[np.arange(len(LABELS)), LABELS]

# 3. An honest sentence


def honest(errors, n, p=None, spread=None, digits=None, z=1.96):
    p = (1 - errors / n).mean() if p is None else p
    spread = (1 - errors / n).std(ddof=1) if spread is None else spread
    digits = digits or n
    root = z * np.sqrt(4 * digits * p * (1 - p) + z**2)
    return [p, spread, (2 * digits * p + z**2 - root) / 2 / (digits + z**2),
            (2 * digits * p + z**2 + root) / 2 / (digits + z**2)]  # fmt: skip


def honest_by_solving(errors, n):
    p, z = float(np.mean([1 - e / n for e in errors])), norm.ppf(0.975)
    ends = np.roots(
        [1 + z**2 / n, -(2 * p + z**2 / n), p**2]
    ).real  # where (p - x)² = z² x (1 - x) / n
    return np.array([p, pd.Series(errors / n).std(), min(ends), max(ends)])


def with_plain_interval(errors, n):
    p, spread, *_ = honest(errors, n)
    half = 1.96 * np.sqrt(p * (1 - p) / n)
    return p, spread, p - half, p + half


def with_the_spreads_interval(errors, n):
    p, spread, *_ = honest(errors, n)
    return p, spread, p - 1.96 * spread, p + 1.96 * spread


def with_whole_hits(errors, n):
    p, spread, *_ = honest(errors, n)
    return p, spread, *evaluation.accuracy_interval(n - errors.mean(), n)


def honest_in_place(errors, n):
    result = honest(errors, n)
    errors[:] = n - errors
    return result


# 4. The report card


def card_by_sklearn(labels, predictions):
    columns = metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(10), zero_division=0
    )
    return np.array(columns[:3]).T


def card_by_matrix(labels, predictions, dtype=int, harmonic=True, holes=True, buffered=False):
    matrix = np.zeros((10, 10), dtype=dtype)
    if buffered:
        matrix[labels, predictions] += 1
    else:
        np.add.at(matrix, (labels, predictions), 1)
    hits = matrix.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hits / matrix.sum(axis=0), hits / matrix.sum(axis=1)
        if holes:
            precision, recall = np.nan_to_num(precision), np.nan_to_num(recall)
        f1 = 2 * precision * recall / (precision + recall) if harmonic else (precision + recall) / 2
    return np.stack([precision, recall, np.nan_to_num(f1) if holes else f1], axis=1)


def card_of_what_occurs(labels, predictions):
    return card_by_sklearn(labels, predictions)[np.unique(labels)]


def card_with_support(labels, predictions):
    return evaluation.per_class_report(labels, predictions)


# 5. The calibration error


def error_by_pandas(probabilities, labels, bins):
    frame = pd.DataFrame(
        {"sure": probabilities.max(axis=1), "hit": probabilities.argmax(axis=1) == labels}
    )
    which = pd.cut(frame["sure"], np.linspace(0, 1, bins + 1), labels=False)
    sums = frame.groupby(which).sum()
    return float((sums["sure"] - sums["hit"]).abs().sum() / len(labels))


def error_by_loop(
    probabilities, labels, bins, weigh=True, size=abs, closed="right", of_label=False, last=False
):
    confidence = (
        probabilities[np.arange(len(labels)), labels] if of_label else probabilities.max(axis=1)
    )
    hit, gaps, weights = probabilities.argmax(axis=1) == labels, [], []
    for low, high in zip(np.arange(bins) / bins, np.arange(1, bins + 1) / bins, strict=True):
        inside = (confidence > low) & (confidence <= high)
        if closed == "left":
            inside = (confidence >= low) & ((confidence < high) | (last and high == 1))
        if inside.any():
            gaps.append(size(confidence[inside].mean() - hit[inside].mean()))
            weights.append(inside.mean() if weigh else 1)
    return np.dot(gaps, weights) if weigh else np.mean(gaps)


def error_with_empty_bins(probabilities, labels, bins):
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.ceil(confidence * bins).astype(int)
    counts = np.bincount(which, minlength=bins + 1)
    with np.errstate(invalid="ignore"):
        gaps = (
            np.bincount(which, confidence, bins + 1) / counts
            - np.bincount(which, hit, bins + 1) / counts
        )
    return np.sum(np.abs(gaps) * counts) / len(labels)


def largest_gap(probabilities, labels, bins):
    table = evaluation.calibration_table(probabilities, labels, bins)
    return (table["confidence"] - table["accuracy"]).abs().max()


# 6. The temperature


def lowest(loss):
    def search(z, labels, temperatures):
        best = None
        for t in temperatures:
            now = loss(z, labels, t)
            if best is None or now < best[0]:
                best = now, t
        return best[1]

    return search


def error_by_sums(probabilities, labels):
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return np.abs(np.bincount(np.ceil(10 * confidence).astype(int), confidence - hit)).sum()


def log_loss(z, labels, t, axis=1):
    return -np.mean(log_softmax(z / t, axis=axis)[np.arange(len(labels)), labels])


def by_one_hot(z, labels, t):
    return -np.sum(
        np.eye(10)[labels] * np.log(softmax(z / t, axis=1))
    )  # a sum is lowest where the mean is


def by_log_of_mean(z, labels, t):
    return -np.log(np.mean(softmax(z / t, axis=1)[np.arange(len(labels)), labels]))


# 7. The promise


def promise(
    probabilities, labels, wish, choose=slice(0, None, 2), judge=slice(1, None, 2), stop=False
):
    sure, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    best = 1.0
    for threshold in sorted(set(sure[choose]), reverse=True):
        if hit[choose][sure[choose] >= threshold].mean() >= wish:
            best = threshold
        elif stop:
            break
    kept = sure[judge] >= best
    return best, kept.sum() / len(kept), hit[judge][kept].sum() / kept.sum()


def promise_by_curve(probabilities, labels, wish, tied=True):
    curve = evaluation.coverage_curve(probabilities[::2], labels[::2])
    if tied:
        curve = curve.drop_duplicates("threshold", keep="last")
    threshold = curve.loc[curve["accuracy"] >= wish, "threshold"].iloc[-1]
    sure, hit = probabilities.max(axis=1)[1::2], (probabilities.argmax(axis=1) == labels)[1::2]
    return [threshold, np.mean(sure >= threshold), hit[sure >= threshold].mean()]


def promise_of_all(probabilities, labels, wish):
    threshold, coverage, _ = promise(probabilities, labels, wish)
    sure, hit = probabilities.max(axis=1)[1::2], (probabilities.argmax(axis=1) == labels)[1::2]
    return threshold, coverage, np.mean(hit & (sure >= threshold))


def promise_of_chosen(probabilities, labels, wish):
    return promise(probabilities, labels, wish, judge=slice(0, None, 2))


# 8. ANN against CNN


def compared(labels, ann, cnn):
    table = pd.crosstab(pd.Categorical(ann != labels, [False, True]), pd.Categorical(cnn != labels, [False, True]),
                        dropna=False).to_numpy()  # fmt: skip
    one, other = table[1, 0], table[0, 1]
    return one, other, min(1, 2 * binom.cdf(min(one, other), one + other, 0.5))


def compared_image_by_image(labels, ann, cnn):
    hits = [(a == label, c == label) for label, a, c in zip(labels, ann, cnn, strict=True)]
    one, other = hits.count((False, True)), hits.count((True, False))
    tosses = one + other
    heads = [math.comb(tosses, k) / 2**tosses for k in range(tosses + 1)]
    return [one, other, sum(chance for chance in heads if chance <= heads[one] * (1 + 1e-9))]


def unpaired(labels, ann, cnn):
    one, other = int(np.sum(ann != labels)), int(np.sum(cnn != labels))
    return one, other, binomtest(other, one + other).pvalue


def different(labels, ann, cnn):
    one, other = (
        int(np.sum((ann != cnn) & (ann != labels))),
        int(np.sum((ann != cnn) & (cnn != labels))),
    )
    return one, other, binomtest(other, one + other).pvalue if one + other else 1


def one_sided(labels, ann, cnn):
    one, other, _ = compared(labels, ann, cnn)
    return one, other, binom.cdf(other, one + other, 0.5)


def of_all(labels, ann, cnn):
    one, other, _ = compared(labels, ann, cnn)
    return one, other, binomtest(int(other), len(labels)).pvalue


def without_a_toss(labels, ann, cnn):
    one, other, _ = compared(labels, ann, cnn)
    return one, other, binomtest(int(other), int(one + other)).pvalue


BANK = {
    "q1": Entry(
        right=[
            (0.9, 0.72, 0.8, 0.84),
            np.array([0.9, 0.72, 2 * 36 / (40 + 50), np.mean([0.9, 0.72, 0.9])]),
        ],
        wrong={
            "exchanged": [0.72, 0.9, 0.8, 0.84],
            "plain average": [0.9, 0.72, 0.81, 0.84],
            "gave the accuracy": [0.9, 0.72, 0.8, 0.825],
            "three *precisions*": [0.9, 0.72, 0.8, (45 / 54 + 36 / 40 + 18 / 26) / 3],
            "not in percent": [90, 72, 80, 84],
            "that is the 3": [45 / 54, 45 / 50, 0.865, 0.84],
            "the F1 is not 0.4": [0.9, 0.72, 0.4, 0.84],
            "expected four numbers, [": [0.9, 0.72, 0.8],
            "got 'nine": "nine tenths",
        },
    ),
    "q2": Entry(
        right=[
            WRONG[np.argsort(-CONFIDENCE[WRONG])][:BUDGET],
            sorted(range(len(LABELS)), key=lambda i: LIKELIHOOD[i])[:BUDGET],
        ],
        wrong={
            "*likeliest*": np.argsort(LIKELIHOOD)[-BUDGET:],
            "least sure": np.argsort(CONFIDENCE)[:BUDGET],
            "these are digits": np.argsort(PROBABILITIES[0]),
            "mask": LIKELIHOOD < 0.01,
            "only time for": np.argsort(LIKELIHOOD)[: 2 * BUDGET],
            "these probabilities": np.sort(LIKELIHOOD)[:BUDGET],
            "only 10 of": np.argsort(LIKELIHOOD)[:10],
        },
    ),
    "q3": Entry(
        right=[honest, honest_by_solving],
        wrong={
            "no more than one": lambda errors, n: honest(errors, n, spread=np.std(errors / n)),
            "luck": lambda errors, n: honest(errors, n, p=np.max(1 - errors / n)),
            "says how sure the *mean* is": lambda errors, n: honest(
                errors, n, spread=np.std(errors / n, ddof=1) / len(errors) ** 0.5
            ),
            "the *same* n digits": lambda errors, n: honest(errors, n, digits=n * len(errors)),
            "it has no width": with_plain_interval,
            "made of the spread": with_the_spreads_interval,
            "the mean is not whole": with_whole_hits,
            "for the lower end": lambda errors, n: honest(errors, n, z=1.645),
            "changes what it is given": honest_in_place,
        },
    ),
    "q4": Entry(
        right=[card_by_sklearn, card_by_matrix],
        wrong={
            "adds it each time": lambda *case: card_by_matrix(*case, buffered=True),
            "how many there *are*": lambda *case: card_by_sklearn(*case)[:, [1, 0, 2]],
            "plain average": lambda *case: card_by_matrix(*case, harmonic=False),
            "begins again at 0": lambda *case: card_by_matrix(*case, dtype="uint8"),
            "NaN": lambda *case: card_by_matrix(*case, holes=False),
            "got (8, 3)": card_of_what_occurs,
            "got (11, 4)": card_with_support,
        },
    ),
    "q5": Entry(
        right=[error_by_pandas, error_by_loop],
        wrong={
            "counts the same": lambda *case: error_by_loop(*case, weigh=False),
            "cancel": lambda *case: abs(error_by_loop(*case, size=float)),
            "away from the others": lambda *case: error_by_loop(*case, size=float),
            "largest gap": largest_gap,
            "one of the true digit": lambda *case: error_by_loop(*case, of_label=True),
            "confidence 1 are lost": lambda *case: error_by_loop(*case, closed="left"),
            "the lower one": lambda *case: error_by_loop(*case, closed="left", last=True),
            "NaN": error_with_empty_bins,
        },
    ),
    "q6": Entry(
        right=[lowest(log_loss), lowest(by_one_hot)],
        wrong={
            "*divided*": lowest(lambda z, labels, t: log_loss(z, labels, 1 / t)),
            "mind the minus": lowest(lambda z, labels, t: -log_loss(z, labels, t)),
            "place of the temperature": lambda z, labels, temperatures: np.argmin(
                [log_loss(z, labels, t) for t in temperatures]
            ),
            "changes an answer": lowest(
                lambda z, labels, t: -np.mean(softmax(z / t, axis=1).argmax(axis=1) == labels)
            ),
            "mean of the *logs*": lowest(by_log_of_mean),
            "the wrong axis": lowest(lambda z, labels, t: log_loss(z, labels, t, axis=0)),
            "calibration error": lowest(
                lambda z, labels, t: error_by_sums(softmax(z / t, axis=1), labels)
            ),
        },
    ),
    "q7": Entry(
        right=[promise, promise_by_curve],
        wrong={
            "those too that judge": lambda *case: promise(*case, choose=slice(None)),
            "like the colleague": lambda *case: promise(
                *case, choose=slice(None), judge=slice(None)
            ),
            "on the same half": promise_of_chosen,
            "half of them have chosen": lambda *case: promise(*case, judge=slice(None)),
            "on the way down": lambda *case: promise(*case, stop=True),
            "go image by image": lambda *case: promise_by_curve(*case, tied=False),
            "a refusal is no error": promise_of_all,
            "for the threshold": lambda *case: (0.5, *promise(*case)[1:]),
        },
    ),
    "q8": Entry(
        right=[compared, compared_image_by_image],
        wrong={
            "all errors of each": unpaired,
            "in its own way": different,
            "changed places": lambda labels, ann, cnn: compared(labels, cnn, ann),
            "not for all": of_all,
            "one-sided": one_sided,
            "stops with ValueError": without_a_toss,
            "for the chance": lambda *case: (*compared(*case)[:2], 1 - compared(*case)[2]),
        },
    ),
}
