"""Questions on lesson 06: training the CNN."""

import math
import operator
import os
from functools import cache, partial
from pathlib import Path

import numpy as np

from utils import data
from utils.exercises.checks import behaves_like, call, describe
from utils.exercises.core import Question, Wrong, in_words

LESSON = "06"
PARAMETERS = 93_322  # of the reference CNN
WORDS = ("fine", "overfitting", "underfitting", "rate too large")
BY_HAND = "compute the loss, a step of gradient descent and a step of Adam by hand, and check each against Keras"


# 1. The loss


def _chosen(answers, labels):
    return answers[np.arange(len(labels)), labels]


def _case_of_loss(rng):
    count, classes = int(rng.integers(2, 9)), int(rng.integers(2, 11))
    answers = rng.dirichlet(np.full(classes, 0.7), size=count) * 0.98 + 0.02 / classes
    return answers, rng.integers(0, classes, size=count)


q1 = Question(
    LESSON,
    "q1",
    BY_HAND,
    behaves_like(
        lambda answers, labels: -np.mean(np.log(_chosen(answers, labels))),
        _case_of_loss,
        {
            "the minus sign is missing: the logarithm of a probability is negative, and a loss is not.": (
                lambda answers, labels: np.mean(np.log(_chosen(answers, labels)))
            ),
            "you add the losses up. The loss of a batch is their mean, whatever its size.": (
                lambda answers, labels: -np.sum(np.log(_chosen(answers, labels)))
            ),
            "one loss for each digit is the way there. Their mean is wanted, one number.": (
                lambda answers, labels: -np.log(_chosen(answers, labels))
            ),
            "first the logarithm, then the mean: you took the logarithm of the mean probability.": (
                lambda answers, labels: -np.log(np.mean(_chosen(answers, labels)))
            ),
            "the loss looks at the *true* digit, not at the one that got the highest probability.": (
                lambda answers, labels: -np.mean(np.log(answers.max(axis=1)))
            ),
            "you average over all classes. Of each row only the probability of the true digit counts.": (
                lambda answers, labels: -np.mean(np.log(answers))
            ),
            "that is the logarithm to base 10. `np.log` is the natural one.": (
                lambda answers, labels: -np.mean(np.log10(_chosen(answers, labels)))
            ),
            "that is the logarithm to base 2, a loss in bits. `np.log` is the natural one.": (
                lambda answers, labels: -np.mean(np.log2(_chosen(answers, labels)))
            ),
            "you take 1 - p, which is never above 1. The loss is -ln p, and grows without limit as p nears 0.": (
                lambda answers, labels: np.mean(1 - _chosen(answers, labels))
            ),
        },
    ),
    hints=(
        "Section 1 does it for three answers. How does it pick the probability of the true digit out of each row?",
        "`answers[np.arange(len(labels)), labels]` picks one probability from each row.",
        "Then the logarithm, the mean, and a minus sign.",
    ),
)


# 2. What the batch size changes


def _case_of_batches(rng):
    old, new = (
        int(size) for size in rng.choice([1, 7, 32, 50, 64, 100, 128, 500], size=2, replace=False)
    )
    digits = new * int(rng.integers(1, 9)) if rng.random() < 0.3 else int(rng.integers(10, 900))
    return digits, int(rng.integers(2, 8)), old, new


q2 = Question(
    LESSON,
    "q2",
    "say what a batch is for, and what its size changes",
    behaves_like(
        lambda digits, epochs, old, new: (epochs * math.ceil(digits / new), math.sqrt(old / new)),
        _case_of_batches,
        {
            "the digits that are left over make a last, smaller batch: round up.": lambda digits, epochs, old, new: (
                epochs * (digits // new),
                math.sqrt(old / new),
            ),
            "where the batches fit exactly, there is no further one: `digits // new + 1` is then one too many.": (
                lambda digits, epochs, old, new: (
                    epochs * (digits // new + 1),
                    math.sqrt(old / new),
                )
            ),
            "each *epoch* ends with its own smaller batch: round up before you multiply by the epochs.": (
                lambda digits, epochs, old, new: (
                    math.ceil(epochs * digits / new),
                    math.sqrt(old / new),
                )
            ),
            "steps are whole: the last batch of an epoch is a step too, however small it is.": (
                lambda digits, epochs, old, new: (epochs * digits / new, math.sqrt(old / new))
            ),
            "these are the steps of one epoch.": lambda digits, epochs, old, new: (
                math.ceil(digits / new),
                math.sqrt(old / new),
            ),
            "four times the digits do not make a quarter of the error: it shrinks with the *root* of the batch size.": (
                lambda digits, epochs, old, new: (epochs * math.ceil(digits / new), old / new)
            ),
            "the error goes the wrong way: a larger batch makes it smaller.": lambda digits, epochs, old, new: (
                epochs * math.ceil(digits / new),
                math.sqrt(new / old),
            ),
        },
        rounds=40,
    ),
    hints=(
        "Count by hand: 100 digits in batches of 32 are four batches, the last of them with 4 digits.",
        "`math.ceil` rounds up. How the error follows the batch size is the table of section 3.",
        "Four times the batch, half of the error: `math.sqrt(old / new)`.",
    ),
)


# 3. Read the curves


def runs() -> dict[str, dict[str, np.ndarray]]:
    """Return the made-up histories of five runs, each with `loss` and `val_loss` by epoch."""
    rng = np.random.default_rng(6)
    epoch = np.arange(20)

    def fall(start, end, pace):
        return end + (start - end) * np.exp(-epoch / pace) * rng.normal(1, 0.02, size=20)

    jumps = 2.3 + np.where(epoch > 0, rng.uniform(0.1, 1.5, size=20), 0)
    curves = {
        "A": (fall(2, 0.01, 2.5), fall(1.8, 0.2, 2) + 0.03 * np.maximum(epoch - 5, 0)),
        "B": (fall(1.7, 0.22, 3), fall(1, 0.12, 2.5)),
        "C": (jumps, jumps + rng.normal(0, 0.1, size=20)),
        "D": (fall(2.3, 0.5, 20), fall(2.3, 0.55, 20)),
        "E": (fall(1.9, 0.09, 2.5), fall(1.6, 0.12, 2.5)),
    }
    return {name: {"loss": loss, "val_loss": val_loss} for name, (loss, val_loss) in curves.items()}


def _diagnosis(loss, val_loss):
    if loss[1:].min() > loss[0]:
        return "rate too large"
    if val_loss[-1] > 1.2 * val_loss.min() and val_loss[-1] > 2 * loss[-1]:
        return "overfitting"
    return "underfitting" if loss[-6] - loss[-1] > 0.1 else "fine"


def _examine_diagnoses(answer):
    if not isinstance(answer, dict) or set(answer) != set(runs()):
        raise Wrong(f"expected a dict with one word for each of the runs {', '.join(runs())}")
    for name, history in runs().items():
        given, wanted = answer[name], _diagnosis(**history)
        if not isinstance(given, str) or given not in WORDS:
            raise Wrong(f"run {name}: choose one of these four: {', '.join(WORDS)}")
        if given != wanted:
            raise Wrong(f"run {name}: {_slip_of_diagnosis(wanted, given, **history)}")


def _slip_of_diagnosis(wanted, given, loss, val_loss):
    if wanted == "rate too large":
        return "its training loss never again gets as low as before the first step. Which choice makes a loss jump?"
    if given == "rate too large":
        return (
            "its training loss comes down smoothly. Too large a rate shows as jumps, or as a rise."
        )
    if wanted == "overfitting":
        return "the solid line goes to zero and looks splendid. Now follow the dashed one from its lowest point on."
    if wanted == "underfitting":
        return "both lines are still high and still falling, close together. What would more epochs do?"
    if val_loss[-1] < loss[-1] and given == "overfitting":
        return "the dashed line lies *below* the solid one. Learning by heart makes a gap the other way round."
    if given == "overfitting":
        return "the gap is small, and the dashed line does not turn up again."
    return (
        "both lines have levelled out at a low loss. Little is left that more epochs could bring."
    )


q3 = Question(
    LESSON,
    "q3",
    "read learning curves, and tell underfitting from overfitting",
    _examine_diagnoses,
    hints=(
        "Ask three things of each run: does the solid line fall? Is it still falling at the end? Where is the dashed "
        "one?",
        "Solid line to zero while the dashed one turns up: overfitting. Both still falling: underfitting.",
        "A dashed line below the solid one is no fault: section 9 shows such a run, and says why.",
    ),
)


# 4. Early stopping


def _stop(
    val_loss, patience, late=0, ties=False, of_all=False, before=False, in_all=False, restore=True
):
    lower = operator.le if ties else operator.lt
    best, bad = 0, 0
    for epoch in range(1, len(val_loss)):
        improved = lower(val_loss[epoch], val_loss[epoch - 1 if before else best])
        if lower(val_loss[epoch], val_loss[best]):
            best = epoch
        bad = (bad if in_all else 0) if improved else bad + 1
        if bad >= patience + late:
            break
    kept = int(np.argmin(val_loss)) if of_all else best
    return epoch + 1, (kept if restore else epoch) + 1


def _case_of_stopping(rng):
    length, patience = int(rng.integers(3, 30)), int(rng.integers(1, 5))
    walk = np.abs(np.cumsum(rng.integers(-3, 4, size=length)) + 6)
    return [int(step) / 10 + 0.1 for step in walk], patience


q4 = Question(
    LESSON,
    "q4",
    "use early stopping and checkpoints, and resume a run that was interrupted",
    behaves_like(
        _stop,
        _case_of_stopping,
        {
            "you wait one epoch too long: a patience of 3 ends the run at the third epoch without a new best.": (
                partial(_stop, late=1)
            ),
            "an epoch that only equals the best is no improvement: compare with `<`.": (
                partial(_stop, ties=True)
            ),
            "you compare with the epoch before. What counts is the best one so far.": (
                partial(_stop, before=True)
            ),
            "a new best starts the count again: the epochs without improvement must follow each other.": (
                partial(_stop, in_all=True)
            ),
            "your best epoch may lie *after* the end of the run, in epochs that were never trained.": (
                partial(_stop, of_all=True)
            ),
            "your second number is the last epoch: that is what is left without `restore_best_weights`.": (
                partial(_stop, restore=False)
            ),
            "count the epochs from 1, not from 0.": lambda val_loss, patience: tuple(
                number - 1 for number in _stop(val_loss, patience)
            ),
            "the best epoch is to be counted from 1, like the epochs done.": lambda val_loss, patience: (
                _stop(val_loss, patience)[0],
                _stop(val_loss, patience)[1] - 1,
            ),
        },
        rounds=60,
    ),
    hints=(
        "Go through the losses one by one, and remember two things: the best epoch so far, and the loss it had.",
        "How long ago was the best epoch? Once that is `patience` epochs, the run ends.",
        "If the patience is never used up, all epochs are done. Equal is not better.",
    ),
)


# 5. Find the bug: Adam


def _correction(step):
    return math.sqrt(1 - 0.999**step) / (1 - 0.9**step)


def _adam(
    weights, gradient, mean, square, step, rate,
    correct=_correction, sign=-1, root=np.sqrt, decay=(0.9, 0.999), epsilon=1e-7, follow=None,
):  # fmt: skip
    mean = decay[0] * mean + (1 - decay[0]) * gradient
    square = decay[1] * square + (1 - decay[1]) * gradient**2
    direction = mean if follow is None else gradient
    with np.errstate(invalid="ignore", divide="ignore"):
        return (
            weights + sign * rate * correct(step) * direction / (root(square) + epsilon),
            mean,
            square,
        )


def _adam_with_corrected_memory(weights, gradient, mean, square, step, rate):
    weights, mean, square = _adam(weights, gradient, mean, square, step, rate)
    return weights, mean / (1 - 0.9**step), square / (1 - 0.999**step)


def _case_of_adam(rng):
    shape = tuple(int(side) for side in rng.integers(2, 6, size=int(rng.integers(1, 3))))
    step = int(rng.choice([1, 2, 3, 10, 500]))
    weights, mean = rng.normal(size=(2, *shape))
    gradient = rng.uniform(0.2, 2, size=shape) * rng.choice([-1, 1], size=shape)
    square = rng.uniform(0.01, 2, size=shape)
    # The first weight never had a gradient. That of the second has all but faded: the root of its mean square is 1e-7.
    gradient.flat[:2], mean.flat[:2], square.flat[:2] = 0, (0, 1e-12), (0, 1e-14 / 0.999)
    if step == 1:
        mean, square = np.zeros(shape), np.zeros(shape)
    return weights, gradient, mean, square, step, float(rng.uniform(0.01, 0.1))


q5 = Question(
    LESSON,
    "q5",
    BY_HAND,
    behaves_like(
        _adam,
        _case_of_adam,
        {
            "as in the colleague's, nothing makes up for two means that start at 0.": partial(
                _adam, correct=lambda step: 1
            ),
            "return the two means as well: the next step needs them.": lambda *given: _adam(*given)[
                0
            ],
            "the root in the correction is missing: only the mean of the squares gets one.": partial(
                _adam, correct=lambda step: (1 - 0.999**step) / (1 - 0.9**step)
            ),
            "the correction is upside down.": partial(
                _adam, correct=lambda step: 1 / _correction(step)
            ),
            "the first step has the number 1: take `step` as it is in the correction.": partial(
                _adam, correct=lambda step: _correction(step + 1)
            ),
            "you go uphill: the step is taken *away* from the weights.": partial(_adam, sign=1),
            "divide by the *root* of the mean square.": partial(_adam, root=lambda square: square),
            "the memories are exchanged: 0.9 belongs to the gradients, 0.999 to their squares.": partial(
                _adam, decay=(0.999, 0.9)
            ),
            "you step along the last gradient. Adam follows their running mean.": partial(
                _adam, follow="last"
            ),
            "a weight that never had a gradient becomes NaN, 0 divided by 0: add 1e-7 to the root.": partial(
                _adam, epsilon=0
            ),
            "what you return is corrected already, and would be corrected again in the next step. Return the plain "
            "running means.": _adam_with_corrected_memory,
        },
        rounds=8,
    ),
    hints=(
        "Compare line by line with `adam` in section 2. What is said there about the start at 0?",
        "In step 1 the mean is a tenth of the gradient, and the mean square a thousandth of its square.",
        "Multiply the rate by `np.sqrt(1 - 0.999**step) / (1 - 0.9**step)`.",
    ),
)


# 6. Batch normalization, in training and in use


def _normalize(
    features, mean, variance, training,
    axes=(0, 1, 2), ddof=0, epsilon=0.001, root=np.sqrt, keep=0.9, by_batch=bool, remember=bool,
):  # fmt: skip
    of_batch = features.mean(axis=axes), features.var(axis=axes, ddof=ddof)
    used_mean, used_variance = of_batch if by_batch(training) else (mean, variance)
    if remember(training):
        mean = keep * mean + (1 - keep) * of_batch[0]
        variance = keep * variance + (1 - keep) * of_batch[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (features - used_mean) / root(used_variance + epsilon), mean, variance


def _case_of_normalization(rng):
    count, rows, columns, channels = (
        int(side) for side in rng.integers((1, 2, 2, 2), (6, 5, 6, 5))
    )
    features = rng.normal(3, 5, size=(count, rows, columns, channels))
    features[..., 0] = 0  # a silent channel
    return (
        features,
        rng.normal(size=channels),
        rng.uniform(0.5, 3, size=channels),
        bool(rng.random() < 0.5),
    )


def _always(training):
    return True


def _never(training):
    return False


q6 = Question(
    LESSON,
    "q6",
    "say what batch normalization, label smoothing, averaging and ensembles do, and test a recipe by ablation",
    behaves_like(
        _normalize,
        _case_of_normalization,
        {
            "in use there is no batch to speak of: take the running mean and variance there.": partial(
                _normalize, by_batch=_always
            ),
            "in training, take the mean and variance of this batch, not the running ones.": partial(
                _normalize, by_batch=_never
            ),
            "in use nothing is learned: give mean and variance back as they came.": partial(
                _normalize, remember=_always
            ),
            "the running mean and variance never change. In training they move a tenth towards the batch's.": (
                partial(_normalize, remember=_never)
            ),
            "you keep only the last batch's mean and variance: nine tenths of the running ones should stay.": (
                partial(_normalize, keep=0)
            ),
            "nine tenths of the *old* running mean stay, and a tenth is new: yours is the other way round.": (
                partial(_normalize, keep=0.1)
            ),
            "your mean has a value for each pixel: one for each *channel* is wanted, over axes 0, 1 and 2.": (
                partial(_normalize, axes=0)
            ),
            "`ddof=1` is for samples in statistics. Here the plain variance counts.": partial(
                _normalize, ddof=1
            ),
            "a silent channel becomes 0 / 0, or nearly: add 0.001 to the variance.": partial(
                _normalize, epsilon=0
            ),
            "divide by the *root* of the variance.": partial(
                _normalize, root=lambda variance: variance
            ),
            "the 0.001 belongs under the root, to the variance.": partial(
                _normalize, root=lambda variance: np.sqrt(variance - 0.001) + 0.001
            ),
        },
        tolerance=1e-4,
        rounds=24,
    ),
    hints=(
        "Two cases. In training, section 8 does the first half by hand: `mean(axis=(0, 1, 2))`, and `var` alike.",
        "The running mean: `0.9 * mean + 0.1 * features.mean(axis=(0, 1, 2))`, and the same for the variance.",
        "In use: `(features - mean) / np.sqrt(variance + 0.001)`, and `mean` and `variance` go back unchanged.",
    ),
)


# 7. Try a layer out


class _Layer:
    """Stand for a Keras layer: called with digits and with `training`, which is False unless given."""

    def __init__(self, in_training, in_use=lambda x, rng, turn: x):
        self.in_training, self.in_use, self.turn = in_training, in_use, 0
        self.rng = np.random.default_rng()

    def __call__(self, digits, training=False):
        self.turn += 1
        operation = self.in_training if training else self.in_use
        return operation(np.array(digits, dtype=float), self.rng, self.turn)

    def __deepcopy__(self, memo):
        return self  # trying a layer out is no change


def _shift_each(x, rng, turn):
    return np.stack([np.roll(digit, rng.integers(1, 7), axis=1) for digit in x])


def _silence(x, rng, turn):
    return 2 * x * (rng.random(x.shape) < 0.5)


def _noise(x, rng, turn):
    return x + rng.normal(scale=0.01, size=x.shape)


ROWS = (np.arange(8) % 2)[:, np.newaxis]
LAYERS = {
    "dropout": (_silence,),
    "augmentation": (_shift_each,),
    "one half always silent": (lambda x, rng, turn: x * ROWS,),
    "batch normalization": (lambda x, rng, turn: x - x.mean(), lambda x, rng, turn: x - 0.1),
    "noise in use too": (_noise, _noise),
    "noise in use only": (lambda x, rng, turn: x, _noise),
    "now and then": (lambda x, rng, turn: x[..., ::-1] if turn % 4 == 3 else x,),
    "nothing": (lambda x, rng, turn: x,),
}
PARTS = ("acts in training", "acts in use", "random in training")
TRUTH = {
    "dropout": (True, False, True), "augmentation": (True, False, True), "now and then": (True, False, True),
    "one half always silent": (True, False, False), "batch normalization": (True, True, False),
    "noise in use too": (True, True, True), "noise in use only": (False, True, False), "nothing": (False, False, False),
}  # fmt: skip


def _examine_tried(function):
    digits = np.random.default_rng().random((5, 8, 8)) * (
        np.arange(8) > 2
    )  # the left edge is blank
    for name in LAYERS:
        for _ in range(2):
            answer = call(function, _Layer(*LAYERS[name]), digits)
            if answer is None:
                raise Wrong("there is no answer, only None: is a `return` missing?")
            if not isinstance(answer, dict) or set(answer) != set(PARTS):
                raise Wrong(
                    f"expected a dict with the keys {', '.join(map(repr, PARTS))}, got {describe(answer)}"
                )
            for part, wanted in zip(PARTS, TRUTH[name], strict=True):
                if not isinstance(answer[part], bool | np.bool_):
                    raise Wrong(
                        f"'{part}': expected one True or False, got {describe(answer[part])}"
                    )
                if answer[part] != wanted:
                    raise Wrong(_slip_of_trying(function, name, part, wanted, digits))


def _slip_of_trying(function, name, part, wanted, digits):
    if name == "dropout" and part == "acts in training":
        return (
            "to you a layer like dropout does nothing in training. Say `training=True` in the call, and mind that a "
            "layer acts where *any* number changes, not only where all do."
        )
    if name in ("dropout", "augmentation") and part == "acts in use":
        return f"to you {name} acts in use. There the call says `training=False`."
    if name == "now and then":
        return "you missed a layer that acts in one call of four: once or twice is too few, so try it twenty times."
    if part == "random in training" and call(
        function, _Layer(*LAYERS["noise in use only"]), digits
    ).get(part):
        return "you looked for chance in use. Compare answers that were given with `training=True`."
    if part == "random in training" and not wanted:
        return "you call a layer random that always does the same: compare its answers with each other."
    if part == "random in training":
        return "you call a layer certain whose answers differ: call it several times, and compare."
    return f"a layer of the kind “{name}”: '{part}' is {wanted}, and you say {not wanted}."


q7 = Question(
    LESSON,
    "q7",
    "show by experiment what dropout and augmentation do",
    _examine_tried,
    hints=(
        "Collect twenty answers: `tries = [np.asarray(layer(digits, training=True)) for _ in range(20)]`.",
        "The layer acts if any try differs from the digits, and is random if any try differs from the first one.",
        "`any(not np.array_equal(one, tries[0]) for one in tries)`. In use, the same with `training=False`.",
    ),
)


# 8. Choose a schedule


def _choose(results, key="validation", average=np.mean, unsound=False, beats=None, largest=False):
    losses = {name: result[key] for name, result in results.items()}
    if not unsound:
        losses = {name: values for name, values in losses.items() if not np.isnan(values).any()}
    if not losses:
        return []
    best = (max if largest else min)(losses, key=lambda name: average(losses[name]))
    beats = beats or (lambda mine, his: any(a < b for a, b in zip(mine, his, strict=True)))
    return sorted(name for name in losses if name == best or beats(losses[name], losses[best]))


def _mean_of_the_rest(values):
    rest = [value for value in values if not np.isnan(value)]
    return np.mean(rest) if rest else np.inf


def _case_of_choice(rng):
    names = rng.permutation(["constant", "steps", "cosine", "one-cycle", "linear"])[
        : int(rng.integers(3, 6))
    ].tolist()
    while True:
        losses = rng.integers(5, 25, size=(2, len(names), 3))
        losses[:, rng.integers(len(names)), rng.integers(3)] = 1  # a single splendid run
        if all(len(set(part.sum(axis=1).tolist())) == len(names) for part in losses):
            break  # no two means are equal
    losses = losses / 100
    fallen = rng.random(len(names)) < rng.choice([0.2, 1], p=[0.9, 0.1])  # now and then all of them
    losses[:, fallen, rng.integers(3)] = np.nan
    return (
        {n: {"validation": v, "test": t} for n, v, t in zip(names, *losses.tolist(), strict=True)},
    )


q8 = Question(
    LESSON,
    "q8",
    "compare learning-rate schedules, and choose one on validation data",
    behaves_like(
        _choose,
        _case_of_choice,
        {
            "you chose by the test losses. Whoever chooses by them has no honest number left: the test set stays "
            "closed.": partial(_choose, key="test"),
            "only the winner is too few: whoever beats it with one seed cannot be told apart from it.": (
                partial(_choose, beats=lambda mine, his: False)
            ),
            "a loss is better when it is *small*.": partial(_choose, largest=True),
            "a run that fell apart has NaN, and its schedule is out, however good its other seeds look.": (
                partial(_choose, unsound=True, average=_mean_of_the_rest)
            ),
            "the winner has the lowest *mean*, not the one best run.": partial(
                _choose, average=np.min
            ),
            "compare seed by seed: the first loss with the first, the second with the second.": partial(
                _choose, beats=lambda mine, his: min(mine) < max(his)
            ),
            "to be equal with a seed is not to beat: compare with `<`.": partial(
                _choose, beats=lambda mine, his: any(a <= b for a, b in zip(mine, his, strict=True))
            ),
            "a list in the order of the alphabet is wanted, not a set: `sorted(...)`.": lambda results: (
                set(_choose(results))
            ),
            "the names are right, their order is not: sort them by the alphabet.": lambda results: [
                name for name in results if name in _choose(results)
            ],
        },
        rounds=200,
    ),
    hints=(
        "Three steps: throw out what has NaN, find the lowest mean, then ask of each of the others if it ever wins.",
        "NaN is neither smaller nor larger than anything, so `min` cannot be trusted with it. `np.isnan` finds it.",
        "`any(a < b for a, b in zip(losses, losses_of_best))`. If nothing is left, return an empty list.",
    ),
)


# 9. Train, save in three forms, load again


@cache
def _digits():
    mnist = data.load_mnist()
    chosen = np.random.default_rng(6).permutation(len(mnist.x_train))[:800]
    return mnist.x_train[chosen], mnist.y_train[chosen]


def few_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 600 digits to train on, and their labels."""
    images, labels = _digits()
    return images[:600], labels[:600]


def _open(folder, name):
    from utils.prediction import DigitReader, UnreadableModel

    if not (folder / name).is_file():
        raise Wrong(
            f"there is no `{name}` in the folder: the three are reader.keras, reader.onnx and reader.tflite."
        )
    try:
        return DigitReader(folder / name)
    except UnreadableModel as error:
        raise Wrong(
            f"{error}. Each form has a function of its own: another ending does not change a file."
        ) from error


def _examine_forms(folder):
    if not isinstance(folder, str | os.PathLike) or not Path(folder).is_dir():
        raise Wrong("expected the folder in which the three files are, as a path.")
    folder = Path(folder)
    images, labels = (part[600:] for part in _digits())  # digits that the network has not seen
    original = _open(folder, "reader.keras")
    parameters = original.model.count_params()
    if parameters != PARAMETERS:
        raise Wrong(
            f"the network has {parameters:,} parameters, and the reference CNN has {PARAMETERS:,}."
        )
    wanted = original.predict_batch(images)
    right = np.mean(wanted.argmax(axis=1) == labels)
    if right < 0.6:
        raise Wrong(
            f"it reads {right:.0%} of fresh digits, which is poor for 600 digits: was it trained?"
        )
    for name, tolerance in (("reader.onnx", 0.001), ("reader.tflite", 0.1)):
        difference = np.abs(_open(folder, name).predict_batch(images) - wanted).max()
        if difference > tolerance:
            raise Wrong(
                f"`{name}` does not answer like `reader.keras`: do both hold the same network?"
            )
    if (folder / "reader.tflite").stat().st_size > 2 * PARAMETERS:
        raise Wrong(
            "`reader.tflite` has four bytes for each weight, not one: it was not rounded to 8 bits."
        )


q9 = Question(
    LESSON,
    "q9",
    "train the reference CNN with a whole recipe, save it in three forms, and load it again",
    _examine_forms,
    hints=(
        "Sections 9 and 10: `training.fit` returns a network and its history. Then one function for each form.",
        "`network, history = training.fit(recipe, (few_x, few_y))`. The folder: `Path(tempfile.mkdtemp())`.",
        "`training.save_model`, `training.export_onnx`, and `training.export_int8`, which wants to see the images too.",
    ),
    seconds=60,  # who has not imported Keras yet waits for it here
)


# 10. A network on a budget

BUDGET, GOAL = 6_000, 0.96


def _examine_network(network):
    import keras

    if isinstance(network, tuple):
        raise Wrong(
            "`fit` returns two things, the network and its history. The network alone is wanted."
        )
    if not isinstance(network, keras.Model):
        raise Wrong(
            f"expected a trained network, got {describe(network)}. `training.fit` builds one, and returns it."
        )
    if not network.built:
        raise Wrong(
            "the network is not built: without an `Input` it does not know how many weights it needs."
        )
    if network.count_params() > BUDGET:
        raise Wrong(
            f"it has {network.count_params():,} parameters, and {BUDGET:,} are the limit. `models.layer_table` shows "
            "where they are."
        )
    right = _share_right(network)
    if right < 0.3:
        raise Wrong(
            f"it reads {right:.0%} of fresh digits, hardly more than a guess: was it trained?"
        )
    if right < GOAL:
        raise Wrong(
            f"it reads {right:.1%} of fresh digits, and {GOAL:.0%} are wanted. More maps after the pooling than before "
            "it, batch normalization, smaller batches, more epochs: which of them helps?"
        )
    return f"{network.count_params():,} parameters, and {right:.1%} of fresh digits are read correctly."


@cache
def _sample():
    return data.load_mnist("sample")


def _share_right(network):
    from utils.prediction import DigitReader

    mnist = _sample()
    try:
        answers = DigitReader(network).predict_batch(mnist.x_test)
    except Exception as error:
        raise Wrong(f"it cannot read digits of shape (n, 28, 28, 1): {in_words(error)}") from error
    if answers.shape != (len(mnist.x_test), 10):
        raise Wrong(
            f"one probability for each of the ten digits is wanted, got answers of shape {answers.shape[1:]}."
        )
    if not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        raise Wrong("its ten answers do not add up to 1: is the softmax of the last layer missing?")
    return np.mean(answers.argmax(axis=1) == mnist.y_test)


q10 = Question(
    LESSON,
    "q10",
    "say what batch normalization, label smoothing, averaging and ensembles do, and test a recipe by ablation",
    _examine_network,
    hints=(
        "A dense layer on flat maps is expensive. `GlobalAveragePooling2D` leaves one number of each map.",
        "Three times `models.conv_bn_relu`, with 8, 16 and 24 maps, the first two with `pool=True`.",
        "`training.Recipe(your_function, epochs=6, batch_size=32, max_lr=2e-2, augment=0)`, then `training.fit`.",
    ),
    seconds=60,  # who has not imported Keras yet waits for it here
)


# 11. One cycle


def _one_cycle(step, steps, peak, warm_up):
    rising = warm_up * steps
    if step < rising:
        return peak * step / rising
    return peak * (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2


def _case_of_one_cycle(rng):
    steps, warm_up = int(rng.integers(50, 400)), float(rng.choice([0.1, 0.2, 0.4]))
    step = rng.choice([0, 1, rng.integers(steps), warm_up * steps, steps // 2, steps])
    return int(step), steps, float(rng.uniform(0.001, 0.5)), warm_up


q11 = Question(
    LESSON,
    "q11",
    "compare learning-rate schedules, and choose one on validation data",
    behaves_like(
        _one_cycle,
        _case_of_one_cycle,
        {
            "that falls along a whole wave and rises again: half a wave, from 0 to pi, is enough.": (
                lambda s, n, p, w: (
                    _one_cycle(s, n, p, w)
                    if s < w * n
                    else p * (1 + math.cos(2 * math.pi * (s - w * n) / (n - w * n))) / 2
                )
            ),
            "you fall in a straight line. A cosine is level at the top and at the bottom.": (
                lambda s, n, p, w: (
                    _one_cycle(s, n, p, w) if s < w * n else p * (n - s) / (n - w * n)
                )
            ),
            "the cosine begins too early: its way down is from the end of the warm-up to the last step.": (
                lambda s, n, p, w: (
                    _one_cycle(s, n, p, w) if s < w * n else p * (1 + math.cos(math.pi * s / n)) / 2
                )
            ),
            "your rates fall below 0: a cosine goes from 1 to -1, so add 1 and halve.": (
                lambda s, n, p, w: (
                    _one_cycle(s, n, p, w)
                    if s < w * n
                    else p * math.cos(math.pi * (s - w * n) / (n - w * n))
                )
            ),
            "the warm-up is missing: the rate begins at its peak.": (
                lambda s, n, p, w: p * (1 + math.cos(math.pi * s / n)) / 2
            ),
            "the way down has the height 2: halve 1 + cosine.": (
                lambda s, n, p, w: _one_cycle(s, n, p, w) * (1 if s < w * n else 2)
            ),
            "you rise to 1, not to the peak.": (
                lambda s, n, p, w: s / (w * n) if s < w * n else _one_cycle(s, n, p, w)
            ),
        },
        rounds=60,
    ),
    hints=(
        "Two parts: a straight line up to `warm_up * steps`, and half a cosine wave from there to `steps`.",
        "On the way down, let `t` go from 0 to 1. Then `(1 + np.cos(np.pi * t)) / 2` goes from 1 to 0.",
        "`t = (step - rising) / (steps - rising)`, with `rising = warm_up * steps`.",
    ),
)
