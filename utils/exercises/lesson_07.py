"""Questions on lesson 07: judging a reader."""

import functools
import itertools

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest

from utils import data, evaluation
from utils.exercises.checks import behaves_like, describe, in_turn
from utils.exercises.core import Question, Wrong
from utils.prediction import DigitReader

LESSON = "07"
MATRIX = np.array(
    [[45, 3, 2], [8, 36, 6], [1, 1, 18]]
)  # rows: truly 3, 5, 8; columns: called 3, 5, 8
CHANGED, BUDGET, ENOUGH = (
    20,
    30,
    18,
)  # labels made wrong, images that one may look at, wrong labels to find in them
EVEN, ODD, ALL = slice(0, None, 2), slice(1, None, 2), slice(None)


def _naming(check, names):
    """Return a check that names the numbers of an answer, where `check` only says their place."""

    def examine(answer):
        try:
            check(answer)
        except Wrong as refusal:
            message = str(refusal)
            for place, name in enumerate(names):
                message = message.replace(f" at ({place},)", f" for {name}")
            raise Wrong(message) from None

    return examine


def _hits(probabilities, labels):
    return probabilities.argmax(axis=1) == labels


# 1. Read the matrix


def _examine_reading(answer):
    try:
        answer = np.array(answer, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"expected four numbers, got {describe(answer)}.") from None
    if answer.shape != (4,):
        raise Wrong(
            f"expected four numbers, [precision, recall, f1, macro_recall], got {describe(answer)}."
        )
    hits, called, real = np.diag(MATRIX), MATRIX.sum(axis=0), MATRIX.sum(axis=1)
    precision, recall, macro = hits[1] / called[1], hits[1] / real[1], (hits / real).mean()
    f1 = 2 * precision * recall / (precision + recall)
    wanted = {"precision": precision, "recall": recall, "F1": f1, "macro recall": macro}
    slips = {
        "precision and recall are exchanged: precision goes down the column of the 5, recall along its row.": (
            [recall, precision]
        ),
        "these are shares: give them from 0 to 1, not in percent.": [
            100 * precision,
            100 * recall,
        ],
        "that is the 3, not the 5: the 5 has the middle row and the middle column.": (
            [hits[0] / called[0], hits[0] / real[0]]
        ),
        "as F1 you took the plain average of the two. The harmonic one is a little lower.": (
            [precision, recall, (precision + recall) / 2]
        ),
        "as macro recall you gave the accuracy, in which a common digit weighs more. Average the three recalls.": (
            [precision, recall, f1, hits.sum() / MATRIX.sum()]
        ),
        "as macro recall you gave the average of the three *precisions*.": (
            [precision, recall, f1, (hits / called).mean()]
        ),
    }
    for sentence, slip in slips.items():
        if np.allclose(answer[: len(slip)], slip, atol=0.0006, rtol=1e-4):
            raise Wrong(sentence)
    for (name, value), got in zip(wanted.items(), answer, strict=True):
        if not abs(got - value) < 0.0006:
            raise Wrong(
                f"the {name} is not {got:.4g}. Which number of the matrix do you divide, and by which sum?"
            )


q1 = Question(
    LESSON,
    "q1",
    "make and read a confusion matrix and a per-class report, and compute precision, recall and F1 by hand",
    _examine_reading,
    hints=(
        "A row is what the digits truly are, a column what the reader called them. The 5 is in the middle of both.",
        "Precision: 36 divided by the sum of its column. Recall: 36 divided by the sum of its row.",
        "F1 is 2 · precision · recall / (precision + recall). Macro recall: the three recalls, added, divided by 3.",
    ),
)


# 2. Find the wrong labels


@functools.cache
def _readings():
    mnist = data.load_mnist()
    rng = np.random.default_rng(2021)
    places = rng.choice(len(mnist.y_test), CHANGED, replace=False)
    labels = mnist.y_test.astype(int)
    labels[places] = (labels[places] + rng.integers(1, 10, CHANGED)) % 10
    return DigitReader("reference").predict_batch(mnist.x_test), labels, places


def readings() -> tuple[np.ndarray, np.ndarray]:
    """Return what the reference CNN answers to the test digits, (n, 10), and their labels, 20 of them changed."""
    probabilities, labels, _ = _readings()
    return probabilities.copy(), labels.copy()


def _examine_suspects(answer):
    probabilities, labels, places = _readings()
    answer = np.asarray(answer)
    if answer.dtype == bool:
        raise Wrong(
            "that is a mask of True and False. Positions are wanted: `np.flatnonzero` lists those of a mask."
        )
    if not np.issubdtype(answer.dtype, np.number) or answer.ndim != 1:
        raise Wrong(f"expected a list of positions, got {describe(answer)}.")
    if len(answer) > BUDGET:
        raise Wrong(
            f"you would have to look at {len(answer)} images, and there is only time for {BUDGET}."
        )
    if len(answer) == 0 or (answer != np.floor(answer)).any():
        raise Wrong(
            "expected the positions of images: are these probabilities? `np.argsort` returns positions."
        )
    found = np.isin(places, answer).sum()
    if found >= ENOUGH:
        return f"{found} of the {CHANGED} changed labels are among your {len(answer)} images."
    likelihood, confidence = (
        probabilities[np.arange(len(labels)), labels],
        probabilities.max(axis=1),
    )
    slips = {
        "these are the labels that the reader finds *likeliest*: `np.argsort` puts the smallest first.": -likelihood,
        "these are the images of which the reader is least sure. A wrong label does not make it unsure: ask how "
        "likely it finds the *label*.": confidence,
        "these are digits, not positions of images: of each row take the label's probability alone, then sort.": (
            np.arange(len(labels)) >= 10
        ),
    }
    for sentence, size in slips.items():
        if np.isin(answer, np.argsort(size, kind="stable")[: max(len(answer), 10)]).mean() > 0.8:
            raise Wrong(sentence)
    raise Wrong(
        f"only {found} of the {CHANGED} changed labels are among these {len(answer)}. Find at least {ENOUGH}."
    )


q2 = Question(
    LESSON,
    "q2",
    "find the worst errors, and the test images whose label people dispute",
    _examine_suspects,
    hints=(
        "Where a label was changed, the reader mostly still answers the old one. What does it think of the new one?",
        "`probabilities[np.arange(len(labels)), labels]` is the likelihood of each label (section 6).",
        "`np.argsort` of that likelihood lists the positions, least likely first. Take the first `BUDGET` of them.",
    ),
)


# 3. An honest sentence


def _case_of_trainings(rng):
    n, trainings = int(rng.integers(40, 400)), int(rng.integers(3, 8))
    errors = rng.integers(0, n // 5, size=trainings)
    errors[0] = 3 + errors[1:].max()  # so they are never all the same
    errors[-1] += errors.sum() % trainings == 0  # and their mean is never whole
    return errors, n


def _wilson(p, n, z=1.959964):
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def _honest(errors, n, p=None, spread=None, interval=_wilson, digits=None):
    p = 1 - np.mean(errors) / n if p is None else p
    spread = np.std(errors / n, ddof=1) if spread is None else spread
    return np.array([p, spread, *interval(p, digits or n)])


SLIPS_OF_HONESTY = {
    "the spread is not that of a sample, and a few trainings are no more than one: `ddof=1`.": (
        lambda errors, n: _honest(errors, n, spread=np.std(errors / n))
    ),
    "that is the best of the trainings, and a sentence about luck. Take their mean.": (
        lambda errors, n: _honest(errors, n, p=1 - errors.min() / n)
    ),
    "you divided the spread by a root: that says how sure the *mean* is, not how far the trainings differ.": (
        lambda errors, n: _honest(
            errors, n, spread=np.std(errors / n, ddof=1) / np.sqrt(len(errors))
        )
    ),
    "your interval is too narrow: all trainings read the *same* n digits, so there are n, not n for each training.": (
        lambda errors, n: _honest(errors, n, digits=n * len(errors))
    ),
    "that is p ± 1.96 √(p (1 - p) / n), which fails near 1: where nobody errs it has no width. Take Wilson's.": (
        lambda errors, n: _honest(
            errors,
            n,
            interval=lambda p, n: p + 1.959964 * np.sqrt(p * (1 - p) / n) * np.array([-1, 1]),
        )
    ),
    "`accuracy_interval` takes whole numbers of hits, and the mean is not whole. Use the formula.": (
        lambda errors, n: _honest(
            errors,
            n,
            interval=lambda p, n: evaluation.accuracy_interval(
                n - errors.mean() if errors.any() else n, n
            ),
        )
    ),
    "the interval is made of the spread over trainings. It is another doubt: that of n digits being few.": (
        lambda errors, n: _honest(
            errors,
            n,
            interval=lambda p, n: p + 1.959964 * np.std(errors / n, ddof=1) * np.array([-1, 1]),
        )
    ),
}

q3 = Question(
    LESSON,
    "q3",
    "give an accuracy with its interval, and with its spread over several trainings",
    _naming(
        behaves_like(
            _honest,
            in_turn(
                *[_case_of_trainings] * 4,
                lambda rng: (np.zeros(int(rng.integers(2, 6)), int), int(rng.integers(9, 99))),
            ),
            SLIPS_OF_HONESTY,
            tolerance=1e-4,
            rounds=10,
        ),
        ("the mean", "the spread", "the lower end", "the upper end"),
    ),
    hints=(
        "First turn errors into accuracies: `1 - errors / n`. Their mean and their standard deviation are two answers.",
        "`np.std(…, ddof=1)` is the standard deviation of a sample. The interval is section 2's function `wilson`.",
        "`wilson(p, n)` with p for the mean accuracy. All trainings read the same n digits, so n is simply n.",
    ),
)


# 4. Find the bug: the report card


def _card(matrix):
    """Return precision, recall and F1 from a confusion matrix, and 0 where there is nothing to divide by."""
    hits, called, real = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    shares = [(hits, called), (hits, real), (2 * hits, called + real)]
    return np.stack(
        [np.where(whole > 0, part / np.maximum(whole, 1), 0) for part, whole in shares], axis=1
    )


def _matrix(labels, predictions):
    return evaluation.confusion_matrix(labels, predictions).astype(float)


def _few(rng):
    """Leave holes: 9 occurs once, 8 never, 7 is called but never there, 6 is there but never called."""
    labels = np.append(np.arange(42) % 7, 9)
    predictions = np.where(rng.random(43) < 0.6, labels, rng.choice([0, 1, 2, 3], size=43))
    predictions[labels == 6], predictions[-1] = 7, 9
    order = rng.permutation(43)
    return labels[order].astype("uint8"), predictions[order]


def _crowd(rng):
    """Let one digit be so frequent that its hits do not fit into one byte."""
    labels = np.append(np.full(700, rng.integers(0, 10)), np.arange(200) % 10)
    return labels, np.where(rng.random(900) < 0.8, labels, rng.integers(0, 10, size=900))


def _with_plain_average(labels, predictions):
    card = _card(_matrix(labels, predictions))
    return np.stack([card[:, 0], card[:, 1], card[:, :2].mean(axis=1)], axis=1)


q4 = Question(
    LESSON,
    "q4",
    "make and read a confusion matrix and a per-class report, and compute precision, recall and F1 by hand",
    behaves_like(
        lambda labels, predictions: _card(_matrix(labels, predictions)),
        in_turn(_few, _crowd),
        {
            "you count no pair more than once: `matrix[labels, predictions] += 1` adds 1 to a place once, however "
            "often it is named. `np.add.at` adds it each time.": lambda labels, predictions: _card(
                np.minimum(_matrix(labels, predictions), 1)
            ),
            "precision and recall have changed places: recall divides by how many there *are*.": (
                lambda labels, predictions: _card(_matrix(predictions, labels))
            ),
            "a count above 255 does not fit into `uint8`, and begins again at 0.": lambda labels, predictions: (
                _card(_matrix(labels, predictions) % 256)
            ),
            "F1 is not the plain average of precision and recall, but the harmonic one.": _with_plain_average,
        },
        rounds=4,
    ),
    hints=(
        "What should stand in the corner (0, 0) of the colleague's matrix, and what does stand there?",
        "`np.add.at(matrix, (labels, predictions), 1)` counts every pair. Then look at digits that are never called.",
        "Or digit by digit: count `hits`, `called` and `real`, and divide only where `hits > 0`. F1 is "
        "2 · hits / (called + real).",
    ),
)


# 5. The calibration error


def _probabilities(rng, confidence):
    """Return rows whose largest number is the given confidence, each at a random digit; the others are nearly even."""
    n = len(confidence)
    others = rng.uniform(0.9, 1.1, size=(n, 10))
    tops = rng.integers(0, 10, size=n)
    others[np.arange(n), tops] = 0
    rows = others / others.sum(axis=1, keepdims=True) * (1 - confidence)[:, np.newaxis]
    rows[np.arange(n), tops] = confidence
    return rows, tops


def _labels(rng, tops, chance):
    return np.where(
        rng.random(len(tops)) < chance, tops, (tops + rng.integers(1, 10, size=len(tops))) % 10
    )


def _case_of_calibration(at_the_top):
    """Return a maker of readers too modest below, and at the top right with the given chance."""

    def case(rng):
        edges = [0.5] * 12 + [1.0] * 8  # on the edge of a bin, and at the very end
        bulk = [rng.uniform(0.21, 0.29, 40), rng.uniform(0.4, 0.6, 60), rng.uniform(0.8, 1, 80)]
        confidence = np.concatenate([*bulk, edges])
        probabilities, tops = _probabilities(rng, confidence)
        # Gaps of opposite sign on both sides of 0.5: on which side it counts must change the sum.
        labels = _labels(
            rng, tops, np.select([confidence > 0.7, confidence >= 0.5], [at_the_top, 0.2], 0.75)
        )
        return probabilities, labels, int(rng.choice([8, 10, 20]))

    return case


def _bins(probabilities, labels, bins, place=np.ceil, confidence=None):
    """Return count and gap of each bin that is not empty."""
    confidence = probabilities.max(axis=1) if confidence is None else confidence
    gaps, which = confidence - _hits(probabilities, labels), place(confidence * bins).astype(int)
    counts, sums = np.bincount(which), np.bincount(which, gaps)
    return counts[counts > 0], sums[counts > 0] / counts[counts > 0]


def _error(probabilities, labels, bins, **change):
    counts, gaps = _bins(probabilities, labels, bins, **change)
    return np.average(np.abs(gaps), weights=counts)


def _signed(*case):
    counts, gaps = _bins(*case)
    return np.average(gaps, weights=counts)


def _without_the_end(probabilities, labels, bins):
    inside = probabilities.max(axis=1) < 1
    return _error(probabilities[inside], labels[inside], bins, place=np.floor) * inside.mean()


q5 = Question(
    LESSON,
    "q5",
    'measure calibration, mend it with a temperature, and choose a confidence threshold for a reader that may say "I '
    'do not know"',
    behaves_like(
        evaluation.expected_calibration_error,
        in_turn(_case_of_calibration(0.6), _case_of_calibration(0.98)),
        {
            "every bin counts the same. Weight each gap by how many images the bin holds.": lambda *case: (
                np.abs(_bins(*case)[1]).mean()
            ),
            "gaps of different sign cancel. Take the size of each gap *before* you add.": lambda *case: (
                np.abs(_signed(*case))
            ),
            "some gaps are negative, and take away from the others: use `np.abs`.": _signed,
            "that is the largest gap. The *expected* one is an average over all images.": lambda *case: (
                np.abs(_bins(*case)[1]).max()
            ),
            "confidence is the *largest* of the ten probabilities, not the one of the true digit.": (
                lambda probabilities, labels, bins: _error(
                    probabilities,
                    labels,
                    bins,
                    confidence=probabilities[np.arange(len(labels)), labels],
                )
            ),
            "images of confidence 1 are lost: bins that leave out their upper edge have no place for it.": (
                _without_the_end
            ),
            "a confidence on the edge of two bins belongs to the lower one: 0.5 of 10 bins is bin 5, not 6.": (
                lambda *case: _error(
                    *case, place=lambda size: np.minimum(np.floor(size), case[2] - 1)
                )
            ),
        },
        rounds=6,
    ),
    hints=(
        "Three arrays, one number per image: the confidence, whether it was right, and the bin it falls into.",
        "`np.ceil(confidence * bins)` is the bin. Go through the bins that do occur: `np.unique` lists them.",
        "Of each bin: the gap between mean confidence and mean of the hits, times the bin's share of all images.",
    ),
)


# 6. The temperature


def _case_of_temperature(rng):
    truth = rng.integers(0, 10, size=200)
    z = rng.normal(size=(200, 10)) + 2 * np.eye(10)[truth]  # a temperature near 0.5 would fit
    temperatures = rng.permutation(
        np.geomspace(0.15, 4, 80)
    )  # close together, so near misses are told apart
    return z * rng.choice([0.6, 3]), truth, temperatures


def _likelihoods(z, labels):
    return softmax(z, axis=1)[np.arange(len(labels)), labels]


def _loss(z, labels):
    return -np.log(_likelihoods(z, labels)).mean()


def _lowest(loss):
    """Return a search for the temperature with the lowest loss(z, labels, temperature)."""
    return lambda z, labels, temperatures: temperatures[
        np.argmin([loss(z, labels, t) for t in temperatures])
    ]


q6 = Question(
    LESSON,
    "q6",
    q5.objective,
    behaves_like(
        _lowest(lambda z, labels, t: _loss(z / t, labels)),
        _case_of_temperature,
        {
            "you multiply by the temperature. What goes into the softmax is *divided* by it.": _lowest(
                lambda z, labels, t: _loss(z * t, labels)
            ),
            "that is the temperature with the *highest* loss: the log is negative, so mind the minus.": _lowest(
                lambda z, labels, t: -_loss(z / t, labels)
            ),
            "that is the place of the temperature in the list, not the temperature.": (
                lambda z, labels, temperatures: np.argmin(
                    [_loss(z / t, labels) for t in temperatures]
                )
            ),
            "no temperature changes an answer, so accuracy is the same at all of them. Take the log loss.": _lowest(
                lambda z, labels, t: 1 - _hits(z, labels).mean()
            ),
            "you take the log of the mean. The log loss is the mean of the *logs*, which punishes each bad one.": (
                _lowest(lambda z, labels, t: -_likelihoods(z / t, labels).mean())
            ),
            "each *row* is to add up to 1, since a row is an image: the softmax goes over the wrong axis.": _lowest(
                lambda z, labels, t: (
                    -np.log(softmax(z / t, axis=0)[np.arange(len(labels)), labels]).mean()
                )
            ),
            "that is the lowest calibration error. It jumps as images change bins; take the log loss.": _lowest(
                lambda z, labels, t: _error(softmax(z / t, axis=1), labels, 10)
            ),
        },
        rounds=8,
    ),
    hints=(
        "Try all of them: for each temperature a softmax, and from that a log loss.",
        "`softmax(z / t)[np.arange(len(labels)), labels]` are the probabilities of the true digits.",
        "The log loss is `-np.log(…).mean()` of these. `np.argmin` tells where in the list the lowest one stands.",
    ),
)


# 7. Find the bug: chosen and judged on the same images


def _case_of_threshold(levels):
    def case(rng):
        n = int(rng.integers(90, 140))
        confidence = rng.uniform(0.3, 0.97, size=n)
        confidence = np.round(confidence * levels) / levels if levels else confidence
        confidence[:2] = 1.0  # the surest of each half is right: every wish can be met
        probabilities, tops = _probabilities(rng, confidence)
        labels = _labels(rng, tops, np.where(confidence == 1, 1.1, 0.6 + 0.38 * confidence))
        return probabilities, labels, float(rng.choice([0.85, 0.9, 1.0], p=[0.4, 0.4, 0.2]))

    return case


def _lowest_threshold(confidence, right, wish):
    return min(t for t in confidence if right[confidence >= t].mean() >= wish)


def _down_to_the_first_dip(confidence, right, wish):
    steps = np.unique(confidence)[::-1]
    kept = itertools.takewhile(lambda t: right[confidence >= t].mean() >= wish, steps)
    return list(kept)[-1]


def _one_by_one(confidence, right, wish):
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    return confidence[order][np.flatnonzero(accuracy >= wish)[-1]]


def _promise(probabilities, labels, wish, choose=EVEN, judge=ODD, pick=_lowest_threshold):
    confidence, right = probabilities.max(axis=1), _hits(probabilities, labels)
    threshold = pick(confidence[choose], right[choose], wish)
    answered = confidence[judge] >= threshold
    return np.array([threshold, answered.mean(), right[judge][answered].mean()])


def _refusals_as_errors(*case):
    threshold, coverage, accuracy = _promise(*case)
    return np.array([threshold, coverage, accuracy * coverage])


q7 = Question(
    LESSON,
    "q7",
    q5.objective,
    _naming(
        behaves_like(
            _promise,
            in_turn(_case_of_threshold(20), _case_of_threshold(None)),
            {
                "you judge by all images, and half of them have chosen. Judge by the odd positions alone.": (
                    functools.partial(_promise, judge=ALL)
                ),
                "you choose and judge on the same images, all of them, like the colleague.": (
                    functools.partial(_promise, choose=ALL, judge=ALL)
                ),
                "you choose and judge on the same half. What has chosen must not judge.": (
                    functools.partial(_promise, judge=EVEN)
                ),
                "you choose on all images, those too that judge: it has leaked.": functools.partial(
                    _promise, choose=ALL
                ),
                "you stop where the wish first fails on the way down. Further down it may hold again.": (
                    functools.partial(_promise, pick=_down_to_the_first_dip)
                ),
                "you go image by image through those with the same confidence. A threshold answers all of them, or "
                "none.": functools.partial(_promise, pick=_one_by_one),
                "accuracy is wanted on those that it answers: a refusal is no error.": _refusals_as_errors,
            },
            rounds=40,
        ),
        ("the threshold", "the coverage", "the accuracy"),
    ),
    hints=(
        "`[::2]` takes every second image from the first on, `[1::2]` the others. The threshold comes from the former.",
        "Try each confidence of the first half as the threshold: `np.unique` sorts them, lowest first.",
        "The first of them for which the mean of the hits with `confidence >= threshold` reaches the wish is the one.",
    ),
)


# 8. ANN against CNN


def _pair(only_ann, only_cnn):
    """Return a maker of answers in which so many images are misread by one reader alone, and some by both."""

    def case(rng):
        labels = rng.integers(0, 10, size=200)
        ann, cnn = labels.copy(), labels.copy()
        places = rng.permutation(200)
        both = places[:20]
        ann[both], cnn[both] = (
            (labels[both] + 1) % 10,
            (labels[both] + rng.integers(1, 4, size=20)) % 10,
        )
        first, second = places[20 : 20 + only_ann], places[60 : 60 + only_cnn]
        ann[first], cnn[second] = (ann[first] + 1) % 10, (cnn[second] + 1) % 10
        return labels.astype("uint8"), ann, cnn

    return case


def _coin(ann_alone, cnn_alone, tosses=None, **kind):
    tosses = int(tosses or ann_alone + cnn_alone)
    chance = binomtest(int(cnn_alone), tosses, **kind).pvalue if tosses else 1
    return np.array([ann_alone, cnn_alone, chance])


def _alone(labels, ann, cnn):
    return np.sum((ann != labels) & (cnn == labels)), np.sum((cnn != labels) & (ann == labels))


q8 = Question(
    LESSON,
    "q8",
    "compare an ANN with a CNN fairly, as a table, a figure and an HTML report",
    _naming(
        behaves_like(
            lambda *case: _coin(*_alone(*case)),
            in_turn(
                _pair(25, 8), _pair(0, 0), _pair(1, 0), _pair(4, 4), _pair(0, 1), _pair(12, 15)
            ),
            {
                "you count all errors of each. Images that both misread say nothing about who is better.": (
                    lambda labels, ann, cnn: _coin(np.sum(ann != labels), np.sum(cnn != labels))
                ),
                "you count images that both misread, each in its own way. *Exactly one* must err.": (
                    lambda labels, ann, cnn: _coin(
                        np.sum((ann != labels) & (ann != cnn)),
                        np.sum((cnn != labels) & (ann != cnn)),
                    )
                ),
                "the two counts have changed places: first the images that only the ANN misreads.": (
                    lambda labels, ann, cnn: _coin(*_alone(labels, cnn, ann))
                ),
                "the coin is tossed only for images on which exactly one errs, not for all.": (
                    lambda labels, ann, cnn: _coin(*_alone(labels, ann, cnn), tosses=len(labels))
                ),
                "the chance is one-sided: a coin that is as uneven the *other* way round counts as well.": (
                    lambda labels, ann, cnn: _coin(*_alone(labels, ann, cnn), alternative="less")
                ),
            },
            rounds=12,
        ),
        ("“only the ANN errs”", "“only the CNN errs”", "the chance"),
    ),
    hints=(
        "Two arrays first: where does the ANN err, and where the CNN? `&` and `~` combine them (section 9).",
        "`binomtest(int(one), int(one + other)).pvalue` asks how often a fair coin is as uneven.",
        "`binomtest` refuses to toss a coin no time. Treat that case before: `return 0, 0, 1`.",
    ),
)
