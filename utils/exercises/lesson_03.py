"""Questions on lesson 03: baselines, the numbers a CNN must beat."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

from utils.environment import quiet_tensorflow
from utils.evaluation import accuracy_interval
from utils.exercises.checks import behaves_like, call, compare, describe, equal
from utils.exercises.core import Question, Wrong

LESSON = "03"
STROKE = np.pad(np.ones((8, 3)), ((10, 10), (10, 15)))
COPIES = {
    "moved by one": np.roll(STROKE, 1, axis=1),
    "moved by two": np.roll(STROKE, 2, axis=1),
    "moved by five": np.roll(STROKE, 5, axis=1),
    "blank paper": np.zeros_like(STROKE),
}

DISTANCE = "read digits by their distance to a mean image, and to their nearest neighbors, and say where that fails"
SOFTMAX = (
    "write softmax regression in NumPy, check its gradient, train it, and get the same from Keras"
)
DENSE = "count the parameters of a dense network, and run it forward by hand"
CONTEST = "choose on a validation set, and report on the test set once, with an interval"
NEIGHBORS = "show by experiment that these readers do not know which pixels are neighbors"


# 1. A stroke moves


def _examine_stroke(answer):
    compare(np.zeros(np.shape(answer)), np.zeros(len(COPIES)))
    got = np.array([float(part) for part in answer])
    differences = np.array([STROKE - copy for copy in COPIES.values()])
    squares = np.sum(differences**2, axis=(1, 2))
    slips = {
        "these are the *squared* distances: take the root at the end.": squares,
        "you counted only the ink that lost its place. Where the copy has new ink there is a difference too.": (
            np.sqrt((differences > 0).sum(axis=(1, 2)))
        ),
        "that is the root of the *mean*. A distance is the root of the sum.": np.sqrt(
            squares / STROKE.size
        ),
        "once stroke and copy do not overlap any more, moving on by five changes nothing.": np.sqrt(
            [16, 32, 80, 24]
        ),
        "blank paper differs from the stroke, by 1 in every pixel of ink.": np.sqrt(
            [16, 32, 48, 0]
        ),
    }
    for sentence, slip in slips.items():
        if np.allclose(got, slip, atol=0.01):
            raise Wrong(sentence)
    is_off = ~np.isclose(got, np.sqrt(squares), atol=0.01)
    if is_off.any():
        names = ", ".join(np.array(list(COPIES))[is_off])
        raise Wrong(f"not yet right: {names}. How many pixels differ? Give two decimals at least.")
    return "Blank paper is closer to the stroke than its own copy, two pixels on. No reader by distance can mend that."


q1 = Question(
    LESSON,
    "q1",
    DISTANCE,
    _examine_stroke,
    hints=(
        "All differences are 0, 1 or -1, and a square makes 1 of both. So count the pixels that differ, take the root.",
        "Moved by one, the stroke leaves a column of 8 behind and takes a new one of 8: 16 pixels differ.",
        "By two it is twice as many. By five nothing overlaps: all pixels of the stroke, and all of its copy, differ.",
    ),
)


# 2. Units within a budget

_EXTRAS = cycle((lambda unit: 0, lambda unit: unit - 1, lambda unit: unit // 2 + 1))


def _case_of_budget(rng):
    inputs, outputs, units = (int(number) for number in rng.integers((15, 10, 50), (60, 30, 200)))
    unit = inputs + 1 + outputs  # what one hidden unit costs
    return units * unit + outputs + next(_EXTRAS)(unit), inputs, outputs


q2 = Question(
    LESSON,
    "q2",
    DENSE,
    behaves_like(
        lambda budget, inputs, outputs: (budget - outputs) // (inputs + 1 + outputs),
        _case_of_budget,
        {
            "all biases are forgotten: each hidden unit has one, and so has each output.": (
                lambda budget, inputs, outputs: budget // (inputs + outputs)
            ),
            "the biases of the hidden units are forgotten: one for each.": (
                lambda budget, inputs, outputs: (budget - outputs) // (inputs + outputs)
            ),
            "the biases of the outputs are forgotten. They cost the same, however many hidden units there are.": (
                lambda budget, inputs, outputs: budget // (inputs + 1 + outputs)
            ),
            "you counted the way into the hidden units, but not the way out of them to the outputs.": (
                lambda budget, inputs, outputs: budget // (inputs + 1)
            ),
            "that is the *closest* number. It may cost more than the budget: round down.": (
                lambda budget, inputs, outputs: round((budget - outputs) / (inputs + 1 + outputs))
            ),
            "units are whole: divide with `//`.": (
                lambda budget, inputs, outputs: (budget - outputs) / (inputs + 1 + outputs)
            ),
            "one unit too few where the budget fits exactly: *at most* the budget may be spent.": (
                lambda budget, inputs, outputs: (budget - outputs - 1) // (inputs + 1 + outputs)
            ),
        },
        rounds=24,
    ),
    hints=(
        "First the other way round: what does a network with u hidden units cost? Section 7 counts it for 784 and 10.",
        "Each hidden unit costs `inputs` weights, 1 bias and `outputs` weights. The output biases are paid only once.",
        "Take the output biases off the budget, and divide by the cost of one unit with `//`.",
    ),
)


# 3. Find the bug: the nearest mean

_BRIGHTNESS = cycle((256, 4))


def _rows(images):
    return np.reshape(images, (len(images), -1)).astype(float)


def _means(images, labels):
    digits = np.unique(labels)
    return digits, np.stack([images[labels == digit].mean(axis=0) for digit in digits])


def _nearest_mean(train, labels, images):
    digits, means = _means(train, labels)
    return digits[cdist(_rows(images), _rows(means)).argmin(axis=1)]


def _case_of_means(rng):
    """Make bright images and pale ones in turn, with some digits missing, and without toss-ups."""
    top = next(_BRIGHTNESS)
    labels = rng.permutation(np.repeat(rng.choice(10, int(rng.integers(5, 9)), replace=False), 3))
    train = rng.integers(0, top, (len(labels), 28, 28)).astype("uint8")
    faint = rng.integers(0, 1 + top // 8, (4, 28, 28))
    images = np.concatenate([rng.integers(0, top, (20, 28, 28)), faint]).astype("uint8")
    nearest = np.sort(cdist(_rows(images), _rows(_means(train, labels)[1])), axis=1)
    return train, labels, images[nearest[:, 1] - nearest[:, 0] > 0.001 * nearest[:, 0]]


def _by_mean(kind=float, kind_of_means=float, by_place=False):
    """Return a function that reads by the nearest mean, but with a mistake."""

    def read(train, labels, images):
        digits, means = _means(train, labels)
        differences = images[:, np.newaxis].astype(kind) - means.astype(kind_of_means).astype(kind)
        nearest = (differences**2).sum(axis=(2, 3)).argmin(axis=1)
        return nearest if by_place else digits[nearest]

    return read


q3 = Question(
    LESSON,
    "q3",
    DISTANCE,
    behaves_like(
        _nearest_mean,
        _case_of_means,
        {
            "a byte holds 0 to 255, so differences and squares of bytes wrap around. Compute with floats.": (
                _by_mean(kind="uint8")
            ),
            "two faults: bytes wrap around, and where a digit is missing, the *place* of a mean is not its digit.": (
                _by_mean(kind="uint8", by_place=True)
            ),
            "16 bits are still too few: 255 squared is 65,025, and an int16 ends at 32,767. Compute with floats.": (
                _by_mean(kind="int16")
            ),
            "you cut the means to whole numbers. Where images are pale, nothing is left of them: keep the fractions.": (
                _by_mean(kind_of_means="uint8")
            ),
            "you answer with the *place* of the nearest mean. Where a digit is missing, places are not digits.": (
                _by_mean(by_place=True)
            ),
            "you answer with a digit that the training set lacks: a mean of no images is NaN, and `argmin` picks it.": (
                lambda train, labels, images: np.full(
                    len(images), min(set(range(10)) - set(labels.tolist()))
                )
            ),
            "images and means are on different scales: divide both by 255, or none.": (
                lambda train, labels, images: _nearest_mean(train, labels, images / 255)
            ),
        },
        rounds=4,
    ),
    hints=(
        "What is `np.uint8(3) - np.uint8(5)`? And `np.array([200], dtype='uint8') ** 2`?",
        "Turn the images into floats before you subtract, and leave the means as the floats that they are.",
        "`digits = np.unique(train_labels)` lists the digits that occur. Make a mean of each of those, and in the end "
        "turn places into digits: `digits[distances.argmin(axis=1)]`.",
    ),
)


# 4. The neighbors vote


def _case_of_votes(rng):
    """Make neighbors of few classes, so that many votes end in a tie."""
    labels = rng.permutation([*rng.choice(10, 4, replace=False)] * 7)
    return (
        rng.normal(size=(len(labels), 5)),
        labels,
        rng.normal(size=(15, 5)),
        int(rng.integers(2, 7)),
    )


def _ask(start=lambda k: 0, stop=lambda k: k, count=lambda labels: np.bincount(labels).argmax()):
    """Return a function that asks the neighbors from `start(k)` to `stop(k)`, and counts in a way of its own."""

    def read(train, labels, images, k):
        by_distance = labels[cdist(images, train).argsort(axis=1)]
        return np.array([count(row[start(k) : stop(k)]) for row in by_distance])

    return read


q4 = Question(
    LESSON,
    "q4",
    DISTANCE,
    behaves_like(
        _ask(),
        _case_of_votes,
        {
            "you ask the single nearest neighbor, whatever `k` is.": _ask(stop=lambda k: 1),
            "one neighbor too few: `[:, :k]` takes k of them.": _ask(stop=lambda k: k - 1),
            "you leave the nearest out. That is for images that are in the training set themselves; these are not.": (
                _ask(start=lambda k: 1, stop=lambda k: k + 1)
            ),
            "you ask the *farthest* digits: sort from small distances to large ones.": (
                _ask(start=lambda k: -k, stop=lambda k: None)
            ),
            "you take the mean of the labels. Digits are names here: a 1 and a 9 do not make a 5. Count votes.": (
                _ask(count=lambda labels: np.round(labels.mean()))
            ),
            "where votes are tied you take the digit that comes first by distance. The task wants the smallest.": (
                _ask(count=lambda labels: Counter(labels.tolist()).most_common(1)[0][0])
            ),
        },
        rounds=8,
    ),
    hints=(
        "Three steps: distances of every image to every training digit, the k smallest in each row, a count of labels.",
        "`np.argsort(distances, axis=1)[:, :k]` gives the places of the nearest, `labels[places]` their labels.",
        "Section 3 counts votes by adding one-hot rows: `one_hot(labels)[places].sum(axis=1).argmax(axis=1)`. `argmax` "
        "takes the first, and so the smallest digit, of those that are tied.",
    ),
)


# 5. A dense network by hand


def _case_of_network(rng):
    """Make a network, and images of which one is so bright that its scores are in the thousands."""
    count, pixels, units, classes = (
        int(number) for number in rng.integers((3, 4, 6, 3), (7, 9, 12, 8))
    )
    x = rng.random((count, pixels))
    x[0] *= 1e5
    W1, W2 = rng.normal(size=(pixels, units)), rng.normal(size=(units, classes))
    return x, W1, rng.normal(size=units), W2, rng.normal(size=classes)


def _forward(hidden=lambda z: np.maximum(z, 0), output=lambda z: softmax(z, axis=1)):
    return lambda x, W1, b1, W2, b2: output(hidden(x @ W1 + b1) @ W2 + b2)


def _overflowing(z):
    with np.errstate(all="ignore"):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


q5 = Question(
    LESSON,
    "q5",
    DENSE,
    behaves_like(
        _forward(),
        _case_of_network,
        {
            "large scores overflow, and give NaN: subtract each row's largest score before `np.exp`.": (
                _forward(output=_overflowing)
            ),
            "the ReLU between the layers is missing: without it, two layers are one.": _forward(
                hidden=lambda z: z
            ),
            "your softmax runs down the images: the probabilities of *each image* must add up to 1 (`axis=1`).": (
                _forward(output=lambda z: softmax(z, axis=0))
            ),
            "these are scores, not probabilities: the softmax is missing.": _forward(
                output=lambda z: z
            ),
            "the ReLU belongs to the hidden layer alone. Before the softmax it makes all negative scores equal.": (
                _forward(output=lambda z: softmax(np.maximum(z, 0), axis=1))
            ),
            "the bias of the hidden layer is missing.": lambda x, W1, b1, W2, b2: _forward()(
                x, W1, 0, W2, b2
            ),
            "the bias of the output layer is missing.": lambda x, W1, b1, W2, b2: _forward()(
                x, W1, b1, W2, 0
            ),
        },
    ),
    hints=(
        "It is the formula of section 7: a matrix product and a bias, a ReLU, a matrix product and a bias, a softmax.",
        "`np.maximum(z, 0)` is the ReLU. `axis=1, keepdims=True` makes the softmax work row by row.",
        "Section 5 says what to subtract from the scores so that `np.exp` never overflows.",
    ),
)


# 6. Check a gradient


@dataclass(frozen=True)
class _Loss:
    """Hold a loss that knows its gradient, which only the check looks at."""

    function: Callable
    gradient: Callable

    def __call__(self, W):
        return float(self.function(W))

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "a loss"


def _cross_entropy(rng):
    x, y = rng.normal(size=(6, 4)), np.eye(3)[rng.integers(0, 3, 6)]
    loss = _Loss(
        lambda W: -np.log((softmax(x @ W, axis=1) * y).sum(axis=1)).mean(),
        lambda W: x.T @ (softmax(x @ W, axis=1) - y) / len(x),
    )
    return loss, rng.normal(size=(4, 3))


def _steep_valley(rng):
    steepness = rng.uniform(200, 400, size=5)
    return _Loss(
        lambda W: np.sum(steepness * W**2), lambda W: 2 * steepness * W
    ), 0.001 * rng.normal(size=5)


def _one_sided(loss, W):
    nudges = 1e-5 * np.eye(W.size).reshape(W.size, *W.shape)
    return np.reshape([(loss(W + nudge) - loss(W)) / 1e-5 for nudge in nudges], W.shape)


_LOSSES = cycle((_cross_entropy, _steep_valley))

q6 = Question(
    LESSON,
    "q6",
    SOFTMAX,
    behaves_like(
        lambda loss, W: loss.gradient(W),
        lambda rng: next(_LOSSES)(rng),
        {
            "twice too large: from nudged down to nudged up there are *two* nudges. Divide by both.": (
                lambda loss, W: 2 * loss.gradient(W)
            ),
            "the sign is turned: nudged up minus nudged down, not the other way round.": (
                lambda loss, W: -loss.gradient(W)
            ),
            "nearly nothing: divide the change of the loss by how far you nudged.": lambda loss, W: (
                np.zeros(W.shape)
            ),
            "you nudge all weights at once. One at a time: each has a slope of its own.": (
                lambda loss, W: np.full(W.shape, loss.gradient(W).sum())
            ),
            "you nudge in one direction only, which is off where the loss is steep. Nudge up *and* down.": _one_sided,
        },
        tolerance=1e-4,
        rounds=6,
    ),
    hints=(
        "Section 5 does it for five weights. Here do it for all of them, whatever the shape of `W`.",
        "`for place in np.ndindex(W.shape)` visits every weight: `W[place]`.",
        "`nudge` is all zeros but for 1e-5 at `place`. The slope is (loss(W + nudge) - loss(W - nudge)) / 2e-5.",
    ),
)


# 7. Train softmax regression


def _case_of_training(rng):
    count, pixels = int(rng.integers(15, 30)), int(rng.integers(3, 9))
    digits = rng.choice(10, 6, replace=False)  # four digits do not occur
    return (
        rng.random((count, pixels)),
        rng.choice(digits, count),
        float(rng.uniform(0.5, 1)),
        int(rng.integers(2, 5)),
    )


def _by_keras(x, labels, rate, steps):
    with quiet_tensorflow():
        import keras
    inputs = keras.Input((x.shape[1],))
    outputs = keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros")(inputs)
    network = keras.Model(inputs, outputs)
    network.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", run_eagerly=True)
    for _ in range(steps):
        network.train_on_batch(x, labels)
    return np.vstack(network.get_weights())


def _descent(error_of=lambda p, y: (p - y) / len(p), axis=1, bias=True, bias_later=False):
    """Return a function that trains, with a mistake."""

    def train(x, labels, rate, steps):
        W, b, y = np.zeros((x.shape[1], 10)), np.zeros(10), np.eye(10)[labels]
        for _ in range(steps):
            error = error_of(softmax(x @ W + b, axis=axis), y)
            W = W - rate * x.T @ error
            error = error_of(softmax(x @ W + b, axis=axis), y) if bias_later else error
            b = b - bias * rate * error.sum(axis=0)
        return np.vstack([W, b])

    return train


_like_keras = behaves_like(
    _by_keras,
    _case_of_training,
    {
        "the step is too large by the number of images: the gradient is their *mean*.": _descent(
            lambda p, y: p - y
        ),
        "you go uphill: a step goes *against* the gradient, and the gradient is probability minus truth.": (
            _descent(lambda p, y: (y - p) / len(p))
        ),
        "the truth is missing: the error is probability *minus truth*.": _descent(
            lambda p, y: p / len(p)
        ),
        "your softmax runs down the images. The probabilities of *each image* add up to 1 (`axis=1`).": (
            _descent(axis=0)
        ),
        "the bias never moves. Its gradient is the error, added up over the images.": _descent(
            bias=False
        ),
        "`W` has moved already when you work out the step of `b`. Take both from the same error.": (
            _descent(bias_later=True)
        ),
        "you take one step and stop: `steps` says how many.": (
            lambda x, labels, rate, steps: _descent()(x, labels, rate, 1)
        ),
    },
    tolerance=1e-4,
    rounds=2,
)


def _examine_training(train):
    x, labels, rate, _ = _case_of_training(np.random.default_rng())
    answer = call(train, x, labels, rate, 0)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("two things are wanted: `return W, b`.")
    for name, found, shape in zip("Wb", answer, ((x.shape[1], 10), (10,)), strict=True):
        if np.shape(found) != shape:
            raise Wrong(
                f"expected {name} of shape {shape}, got {np.shape(found)}: ten digits, even if some are absent"
            )
        if not equal(found, np.zeros(shape)):
            raise Wrong(
                f"with 0 steps, {name} should still be all zeros: start there, not at random numbers."
            )
    _like_keras(lambda *case: np.vstack(call(train, *case)))
    return "Keras, given the same digits, takes the very same steps."


q7 = Question(
    LESSON,
    "q7",
    SOFTMAX,
    _examine_training,
    hints=(
        "Section 5 has all the parts: scores, softmax, error, gradients, step. There are no batches, no shuffling.",
        "`targets = one_hot(labels)`, and in each step `error = (softmax(x @ W + b, axis=1) - targets) / len(x)`.",
        "`W -= rate * x.T @ error` and `b -= rate * error.sum(axis=0)`, both from the same error.",
    ),
    seconds=60,  # the first time, Keras must be loaded
)


# 8. Does a distance know neighbors?


def _total(numbers):
    return float(
        np.cumsum(numbers)[-1]
    )  # one after the other, so that their order shows in the last digits


def _size(differences):
    return float(np.sqrt(_total(differences**2)))


BLIND = {
    "the ordinary distance": lambda a, b: _size(a - b),
    "the sum of absolute differences": lambda a, b: _total(np.abs(a - b)),
    "the largest difference": lambda a, b: float(np.abs(a - b).max()),
}
SIGHTED = {
    "you deal out whole rows, and inside a row all stays in order. Every pixel needs a place of its own.": (
        lambda a, b: _size(np.diff(a, axis=1) - np.diff(b, axis=1))
    ),
    "you deal out whole columns, and inside a column all stays in order. Every pixel needs a place of its own.": (
        lambda a, b: _size(np.diff(a, axis=0) - np.diff(b, axis=0))
    ),
    "you deal out rows, then columns, so what stood in one row still does. Every pixel needs a place of its own.": (
        lambda a, b: _size(a.sum(axis=1) - b.sum(axis=1))
    ),
}


def _says(function, distance, pair):
    answer = call(function, distance, *pair)
    if not isinstance(answer, bool | np.bool_):
        raise Wrong(f"True or False is wanted, and you return {describe(answer)}.")
    return bool(answer)


def _examine_neighbors(function):
    rng = np.random.default_rng()
    pairs = [rng.random((2, 31, 34)) for _ in range(5)]
    blind = [
        not any(_says(function, distance, pair) for pair in pairs) for distance in BLIND.values()
    ]
    sighted = [
        any(_says(function, distance, pair) for pair in pairs) for distance in SIGHTED.values()
    ]
    if not any(blind + sighted):
        raise Wrong(
            "it is the other way round: a distance that stays as it was does *not* know neighbors."
        )
    if not any(sighted):
        raise Wrong(
            "you say False to every distance. Do you compare before the shuffle with after the shuffle?"
        )
    if not all(blind):
        whole = rng.integers(0, 9, (5, 2, 31, 34)).astype(
            float
        )  # of whole numbers, sums are exact in any order
        if not any(
            _says(function, BLIND["the sum of absolute differences"], pair) for pair in whole
        ):
            raise Wrong(
                "a sum in another order differs in its last digits: compare with a tolerance, `np.isclose`."
            )
        name = list(BLIND)[blind.index(False)]
        raise Wrong(
            f"you say True to {name}, which cannot know. Shuffle both images, and by the *same* rule."
        )
    for is_seen, sentence in zip(sighted, SIGHTED, strict=True):
        if not is_seen:
            raise Wrong(sentence)
    return "The distance of nearest mean and k-NN is among the blind ones. The check also had some that are not."


q8 = Question(
    LESSON,
    "q8",
    NEIGHBORS,
    _examine_neighbors,
    hints=(
        "The experiment of section 8: deal out the pixel places once, move the pixels of both images, measure again.",
        "`new_places = rng.permutation(a.size)`, then `a.ravel()[new_places].reshape(a.shape)`, and the same for b.",
        "It knows neighbors if `distance` of the shuffled pair is *not* `np.isclose` to that of the pair as it was.",
    ),
)


# 9. A contest


HITS = {
    "lucky": (26, 80),
    "first": (34, 55),
    "equal": (34, 62),
    "poor": (12, 30),
}  # in validation, in the test


def _reader(name, seen):
    def read(images):
        label, rank, is_test = np.asarray(images)[:, 0, :3].T  # the images tell who can read them
        seen[name] += int(is_test.sum())
        return np.where(rank < np.array(HITS[name])[is_test], label, 9 - label)

    return read


def _images(rng, count, is_test):
    images = np.zeros((count, 28, 28), "uint8")
    images[:, 0, :3] = np.stack(
        [rng.integers(0, 10, count), rng.permutation(count), np.full(count, is_test)], axis=1
    )
    return images


def _examine_contest(function):
    rng = np.random.default_rng()
    for _ in range(4):
        seen = dict.fromkeys(rng.permutation(list(HITS)).tolist(), 0)
        validation, test = (
            _images(rng, int(rng.integers(40, 50)), 0),
            _images(rng, int(rng.integers(90, 110)), 1),
        )
        readers = {name: _reader(name, seen) for name in seen}
        answer = call(function, readers, validation, validation[:, 0, 0], test, test[:, 0, 0])
        if not isinstance(answer, tuple | list) or len(answer) != 4:
            raise Wrong("four things are wanted: `return name, accuracy, low, high`.")
        winner = next(name for name in seen if name in ("first", "equal"))
        _check_choice(answer[0], winner, seen, len(test))
        _check_report(*answer[1:], *zip(HITS[winner], (len(validation), len(test)), strict=True))


def _check_choice(name, winner, seen, total):
    if name == "lucky":
        raise Wrong(
            "you chose the reader that is best on the *test* set: that choice belongs to the validation set."
        )
    if name == "poor":
        raise Wrong("you chose the reader with the *fewest* hits on the validation set.")
    if name != winner:
        raise Wrong(
            f"expected {winner!r}: the name of the best on the validation set, and of equals the first."
        )
    if sum(seen.values()) > seen[winner]:
        raise Wrong(
            "readers that were not chosen saw the test digits too. The test set is for the chosen one alone."
        )
    if seen[winner] > total:
        raise Wrong(
            "the test set was opened more than once: let the reader read it once, and keep the answers."
        )


def _check_report(accuracy, low, high, validation, test):
    share, interval = test[0] / test[1], accuracy_interval(*test)
    half = 1.96 * np.sqrt(share * (1 - share) / test[1])
    if equal(accuracy, validation[0] / validation[1]):
        raise Wrong(
            "that is the accuracy on the validation digits, which made the choice. Report that on the test."
        )
    if equal(accuracy, 100 * share):
        raise Wrong("give the accuracy as a share between 0 and 1, not in percent.")
    compare(accuracy, share)
    if equal((low, high), (share - half, share + half), 1e-3):
        raise Wrong(
            "that is the simple interval, which fails near 0 and 1. Take `evaluation.accuracy_interval`."
        )
    if equal((low, high), accuracy_interval(*validation)):
        raise Wrong("that interval belongs to the validation digits.")
    if not equal((low, high), interval, 1e-3):
        raise Wrong(
            "the interval is off: hand `accuracy_interval` the hits on the test, and how many digits it has."
        )


q9 = Question(
    LESSON,
    "q9",
    CONTEST,
    _examine_contest,
    hints=(
        "Two steps that must not mix: choose with the validation digits, then open the test set for the chosen one.",
        "Count the hits of every reader on the validation set in a dict. `max(hits, key=hits.get)` is the first of the "
        "best.",
        "Call the chosen reader once with `x_test`, count `correct`, and ask `evaluation.accuracy_interval(correct, "
        "len(y_test))` for the two ends.",
    ),
)
