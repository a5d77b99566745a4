"""Questions on lesson 09: look inside the CNN."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import softmax

from utils import data, preprocessing
from utils.environment import quiet_tensorflow
from utils.exercises.checks import behaves_like, built, describe, in_turn
from utils.exercises.core import Question, Wrong

with quiet_tensorflow():
    import keras
    from keras import layers

LESSON = "09"
READ = "read kernels, feature maps and embeddings out of a network, and say what they answer to"
OCCLUDE = (
    "compute an occlusion map by hand, and say why logits are explained rather than probabilities"
)
SALIENCY = "compute a saliency map with a gradient, and check the gradient against measured slopes"
INTEGRATE = "compute integrated gradients, and check that they are complete"
CAM = "compute Grad-CAM, and say where on the image each of its places lies"
FOOL = "make an adversarial digit by the fast gradient sign method, and train a network that withstands it better"


class Weights(list):
    """Hold the arrays of a network, and be short in a message."""

    def __repr__(self):
        return "a network"


def _both(first: Callable, second: Callable) -> Callable:
    """Return a check of a function that answers with a pair: the first of it, then the second."""

    def part(function, number):
        def answer(*case):
            pair = function(*case)
            return pair[number] if isinstance(pair, tuple | list) and len(pair) == 2 else pair

        return answer if callable(function) else function

    def examine(function):
        first(part(function, 0))
        second(part(function, 1))

    return examine


# 1. Read the occlusion table

LOGITS = pd.DataFrame(
    [
        [2.0, 9.0, 5.0],
        [-3.0, 4.0, 0.0],
        [2.5, 8.5, 5.0],
        [1.0, 6.0, 8.0],
        [2.0, 12.0, 3.0],
        [2.0, 9.0, 8.9],
    ],
    index=["nothing", "A", "B", "C", "D", "E"],
    columns=[3, 5, 6],
)


def _examine_reading(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Wrong(
            f"expected four letters, [argues_for, argues_against, turns, hidden], got {describe(answer)}."
        )
    answer = [str(letter).strip().upper() for letter in answer]
    strange = [letter for letter in answer if letter not in LOGITS.index[1:]]
    if strange:
        raise Wrong(f"expected letters from A to E, got {', '.join(strange)[:40]!r}.")
    probabilities = pd.DataFrame(softmax(LOGITS, axis=1), LOGITS.index, LOGITS.columns)[5]
    falls, less_sure = (numbers["nothing"] - numbers[1:] for numbers in (LOGITS[5], probabilities))
    turned = LOGITS.idxmax(axis=1).ne(5).idxmax()
    wanted = [falls.idxmax(), falls.idxmin(), turned, less_sure[falls == 0].idxmax()]
    slips = [
        {
            less_sure.idxmax(): "`argues_for`: that is where the *probability* falls most, because a rival rises. The "
            "map of the logit looks at the column of the 5 alone.",
            falls.idxmin(): "`argues_for`: without that square the five becomes *stronger*. Ink that argues for it is "
            "missed when it is covered: the logit falls.",
        },
        {
            falls.idxmax(): "`argues_against`: that is where the logit falls most, so the ink there argues *for* the "
            "five.",
            falls.abs().idxmin(): "`argues_against`: there the logit of the five stays as it is, and the map shows "
            "nothing.",
        },
        {
            wanted[
                0
            ]: "`turns`: there all three logits fall by the same. The 5 is still the largest.",
            wanted[3]: "`turns`: a close race, but the 5 is still the largest.",
        },
        {
            wanted[
                0
            ]: "`hidden`: the map of the logit shows that square more than any other. It is the *probability* "
            "that hides it, since all three fall together.",
            wanted[
                2
            ]: "`hidden`: there the logit of the five falls as well, so its map shows something.",
        },
    ]
    names = ("argues_for", "argues_against", "turns", "hidden")
    for name, got, right, known in zip(names, answer, wanted, slips, strict=True):
        if got != right:
            raise Wrong(
                known.get(got, f"`{name}` is not {got}. Compare its row with the row *nothing*.")
            )
    return (
        f"The probability of a five hides {wanted[0]}, and its logit hides {wanted[3]}. Whoever explains one logit "
        "learns nothing of its rivals: ask for their maps too."
    )


q1 = Question(
    LESSON,
    "q1",
    OCCLUDE,
    _examine_reading,
    hints=(
        "An occlusion map of the 5 needs the column 5 only: the row *nothing* minus each other row.",
        "A large fall: the ink argued for the five. A rise: it argued against. Largest of its row: what is read.",
        "For `hidden`: in which row does the 5 stay where it was, while another digit comes close to it?",
    ),
)


# 2. Measure the slopes


def _score(weights, images):
    """Return one number for an image, (rows, columns), or one for each of many."""
    into, out = weights
    return np.tanh(images.reshape(*images.shape[:-2], -1) @ into) @ out


def _case_of_slopes(rng):
    weights = Weights([rng.normal(size=(20, 8)), rng.normal(size=8)])
    return weights, rng.uniform(size=(4, 5)), float(rng.uniform(0.1, 0.3))


def _slopes(weights, image, nudge, up=1, down=1, apart=2.0, stays=0):
    nudges = nudge * np.eye(image.size)
    earlier = (
        stays * np.tril(np.ones_like(nudges), -1) * nudge
    )  # the pixels before, left as they were nudged last
    nudges, base = (array.reshape(-1, *image.shape) for array in (nudges, image.ravel() - earlier))
    rise = _score(weights, base + up * nudges) - _score(weights, base - down * nudges)
    return rise.reshape(image.shape) / (apart * nudge)


q2 = Question(
    LESSON,
    "q2",
    SALIENCY,
    built(
        lambda weights, *rest: [lambda image: _score(weights, image), *rest],
        behaves_like(
            _slopes,
            _case_of_slopes,
            {
                "you nudge up only. From there to the image the surface bends, so go down by as much as well.": (
                    lambda *case: _slopes(*case, down=0, apart=1)
                ),
                "you nudge down only. From there to the image the surface bends, so go up by as much as well.": (
                    lambda *case: _slopes(*case, up=0, apart=1)
                ),
                "twice too steep: the two images lie *two* nudges apart.": lambda *case: _slopes(
                    *case, apart=1
                ),
                "that is the rise. A slope is the rise divided by how far apart the two images are.": (
                    lambda weights, image, nudge: _slopes(weights, image, nudge, apart=1 / nudge)
                ),
                "all signs are turned: upper score minus lower score.": lambda *case: (
                    -_slopes(*case)
                ),
                "the signs are lost: that is the saliency. A slope may go down.": lambda *case: (
                    np.abs(_slopes(*case))
                ),
                "the nudges pile up: before the next pixel, put the one before back to what it was.": (
                    lambda *case: _slopes(*case, stays=1)
                ),
                "you nudge all pixels at once. Each deserves an image in which it alone has changed.": (
                    lambda weights, image, nudge: (
                        (_score(weights, image + nudge) - _score(weights, image - nudge))
                        / (2 * nudge)
                    )
                ),
            },
        ),
    ),
    hints=(
        "Section 5 does it for pixel (14, 14). `np.ndindex(image.shape)` goes through all pixels of any image.",
        "For each pixel make an array of zeros that holds `nudge` in this place, add it, and subtract it.",
        "Rise by run: `(score(image + change) - score(image - change)) / (2 * nudge)`.",
    ),
)


# 3. What do the maps answer to?


def _network_of_maps(weights, *rest):
    inputs = x = keras.Input((28, 28, 1))
    for kernel in weights:
        x = layers.Conv2D(kernel.shape[-1], 3, activation="relu", use_bias=False)(x)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    model.set_weights(weights)
    return [model, *rest]


def _maps(weights, layer, images):
    for kernel in weights[:layer]:
        windows = sliding_window_view(images, (3, 3), axis=(1, 2))
        images = np.maximum(np.tensordot(windows, kernel, ([4, 5, 3], [0, 1, 2])), 0)
    return images


def _case_of_maps(rng):
    kernels = Weights([rng.normal(size=(3, 3, depth, 4)).astype("float32") for depth in (1, 4, 4)])
    labels = rng.permutation(
        [*range(10), *rng.integers(0, 4, size=20)]
    )  # all ten, and some of them often
    images = rng.uniform(size=(30, 28, 28, 1)) * rng.uniform(0.3, 1, size=(30, 1, 1, 1))
    return kernels, 2, images.astype("float32"), labels


def _by_class(weights, layer, images, labels, places=np.max, digits=np.mean, classes=range(10)):
    answers = places(_maps(weights, layer, images), axis=(1, 2))
    return np.stack([digits(answers[labels == digit], axis=0) for digit in classes])


q3 = Question(
    LESSON,
    "q3",
    READ,
    built(
        _network_of_maps,
        behaves_like(
            _by_class,
            _case_of_maps,
            {
                "you take the mean over all places. A map says *somewhere here*: take its strongest place.": (
                    lambda *case: _by_class(*case, places=np.mean)
                ),
                "you add up over all places. A map says *somewhere here*: take its strongest place.": (
                    lambda *case: _by_class(*case, places=np.sum)
                ),
                "you add up over the digits, so a frequent class looks like the favorite of every map.": (
                    lambda *case: _by_class(*case, digits=np.sum)
                ),
                "one strongest digit stands for its whole class. Take the mean over the class.": (
                    lambda *case: _by_class(*case, digits=np.max)
                ),
                "that is the layer before: `model.layers[0]` is the input, so layer 1 is the first that computes.": (
                    lambda weights, layer, *rest: _by_class(weights, layer - 1, *rest)
                ),
                "that is the layer after: `model.layers` counts from 0, the input.": (
                    lambda weights, layer, *rest: _by_class(weights, layer + 1, *rest)
                ),
                "rows and columns are exchanged: a row for each digit, a column for each map.": (
                    lambda *case: _by_class(*case).T
                ),
                "these are the answers to each digit by itself. Average them over its class.": (
                    lambda weights, layer, images, labels: _maps(weights, layer, images).max(
                        axis=(1, 2)
                    )
                ),
            },
            tolerance=1e-4,
            rounds=3,
        ),
    ),
    hints=(
        "Section 2 stops half-way: `keras.Model(model.input, model.layers[layer].output)`.",
        "Its answer has the shape (digits, rows, columns, maps). `.max(axis=(1, 2))` is the strongest place.",
        "`strongest[labels == 3].mean(axis=0)` is the row of the threes.",
    ),
)


# 4. Occlusion


def _logits(weights, images):
    into, out = weights
    return np.maximum(images.reshape(len(images), -1) @ into, 0) @ out


def _case_of_occlusion(size):
    def case(rng):
        weights = Weights([rng.normal(size=(8 * 9, 12)), rng.normal(size=(12, 10))])
        return weights, rng.uniform(0.2, 1, size=(8, 9)), int(rng.integers(0, 10)), size

    return case


def _under(side, before, after, first=0, last=0):
    """Return which pixels a square covers along one side, (place, pixel); at first and last places it covers none."""
    places = np.arange(side)
    away = places - places[:, np.newaxis]
    return (
        (away >= -before)
        & (away <= after)
        & ((places >= first) & (places < side - last))[:, np.newaxis]
    )


def _squares(image, size, before=None, after=None, **rim):
    before, after = size // 2 if before is None else before, size // 2 if after is None else after
    rows, columns = (_under(side, before, after, **rim) for side in image.shape)
    return rows[:, np.newaxis, :, np.newaxis] & columns[:, np.newaxis]


def _falls(weights, image, digit, size, squares=_squares, cover=0.0, of=lambda logits: logits):
    covered = np.where(squares(image, size).reshape(-1, *image.shape), cover, image)
    before, after = of(_logits(weights, image[np.newaxis])), of(_logits(weights, covered))
    return (before - after)[:, digit].reshape(image.shape)


def _falls_with(change):
    """Return an occlusion whose squares lie elsewhere, as `change` says of their size."""
    return lambda *case: _falls(
        *case, squares=lambda image, size: _squares(image, size, **change(size))
    )


def _piled_up(image, size):
    squares = _squares(image, size)
    return np.logical_or.accumulate(squares.reshape(-1, *image.shape)).reshape(squares.shape)


q4 = Question(
    LESSON,
    "q4",
    OCCLUDE,
    built(
        lambda weights, *rest: [lambda images: _logits(weights, images), *rest],
        behaves_like(
            _falls,
            in_turn(*map(_case_of_occlusion, (3, 5, 1))),
            {
                "the signs are turned: a *fall* is what it was before, minus what it is when covered.": (
                    lambda *case: -_falls(*case)
                ),
                "that is what is left of the logit. By how much does it fall?": lambda weights, image, digit, size: (
                    _logits(weights, image[np.newaxis])[0, digit]
                    - _falls(weights, image, digit, size)
                ),
                "you made probabilities of the logits. Where those saturate, they hide what a square does.": (
                    lambda *case: _falls(*case, of=lambda logits: softmax(logits, axis=1))
                ),
                "you follow the digit that the network reads. The map of `digit` is wanted, whichever it is.": (
                    lambda weights, image, digit, size: _falls(
                        weights, image, _logits(weights, image[np.newaxis])[0].argmax(), size
                    )
                ),
                "your squares have the pixel in their upper left corner, not in their middle.": (
                    _falls_with(lambda size: {"before": 0, "after": size - 1})
                ),
                "your squares are one row and one column too small: a slice ends *before* its last number.": (
                    _falls_with(lambda size: {"after": size // 2 - 1})
                ),
                "your squares are too large: they reach `size` pixels to each side. `size // 2` is right.": (
                    _falls_with(lambda size: {"before": size, "after": size})
                ),
                "near the upper and left rim nothing is covered: a slice that starts below 0 counts from the end, and "
                "is empty. `max(0, …)` helps.": _falls_with(lambda size: {"first": size // 2}),
                "the rim is missing: there, cover that part of the square which lies on the image.": (
                    _falls_with(lambda size: {"first": size // 2, "last": size // 2})
                ),
                "the squares stay covered, one after the other: begin each time with a fresh copy of the image.": (
                    lambda *case: _falls(*case, squares=_piled_up)
                ),
                "your squares are of ink. Paper is 0.": lambda *case: _falls(*case, cover=1.0),
                "your squares are always of 5 x 5: use `size`.": lambda weights, image, digit, size: (
                    _falls(weights, image, digit, 5)
                ),
            },
            rounds=6,
        ),
    ),
    hints=(
        "Section 4 has it for 28 x 28 pixels. Here the image has any shape: `np.ndindex(image.shape)`.",
        "`reach = size // 2`. The rows are `max(0, row - reach)` up to, but without, `row + reach + 1`.",
        "`logits` wants a batch: `logits(covered[np.newaxis])[0, digit]` is one number.",
    ),
)


# 5. Find the bug: the blank map


def _sure_network(weights, *rest):
    inputs = keras.Input((28, 28, 1))
    x = layers.Dense(20, activation="relu")(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    into, out = weights
    model.set_weights([into, np.zeros(20), out, np.zeros(10)])
    return [model, *rest]


def _case_of_saliency(place):
    """Return a maker of networks without doubt: all logits lie far apart. `place` 0 asks for the lowest of them."""

    def case(rng):
        into, image = rng.normal(size=(784, 20)) / 28, rng.uniform(size=(28, 28)).astype("float32")
        out = rng.normal(size=(20, 10))
        logits = np.sort(np.maximum(image.ravel() @ into, 0) @ out)
        out *= 200 / (logits[-1] - logits[-2])
        digit = np.argsort(np.maximum(image.ravel() @ into, 0) @ out)[place]
        return Weights([into.astype("float32"), out.astype("float32")]), image, int(digit)

    return case


def _gradients(weights, image):
    """Return logits, probabilities, and the gradient of each logit, (784, 10)."""
    into, out = np.asarray(weights[0], dtype=float), np.asarray(weights[1], dtype=float)
    hidden = np.maximum(image.ravel() @ into, 0)
    logits = hidden @ out
    return logits, softmax(logits), (into * (hidden > 0)) @ out


def _saliency(
    weights, image, digit, of=lambda logits, p, slopes, digit: slopes[:, digit], finish=np.abs
):
    return finish(of(*_gradients(weights, image), digit)).reshape(image.shape)


def _of_log(logits, p, slopes, digit):
    return slopes[:, digit] - slopes @ p


def _of_log_of_zero(logits, p, slopes, digit):
    return _of_log(logits, p, slopes, digit) + (0 if p[digit] > 0.5 else np.nan)  # 0 times infinity


q5 = Question(
    LESSON,
    "q5",
    SALIENCY,
    built(
        _sure_network,
        behaves_like(
            _saliency,
            in_turn(_case_of_saliency(-1), _case_of_saliency(0)),
            {
                "all is 0, as with the colleague: that is the slope of the *probability*, which is at its ceiling or "
                "at its floor. Take what goes into the softmax.": lambda *case: _saliency(
                    *case,
                    of=lambda logits, p, slopes, digit: (
                        p[digit] * _of_log(logits, p, slopes, digit)
                    ),
                ),
                "that is the slope of the *log* of the probability. It asks also by how much the rivals fall; the "
                "logit of `digit` alone is wanted.": lambda *case: _saliency(*case, of=_of_log),
                "NaN: the probability of an unlikely digit is exactly 0 here, and has no logarithm. Take the logit.": (
                    lambda *case: _saliency(*case, of=_of_log_of_zero)
                ),
                "the signs are still there: that is the gradient. Saliency is its size.": (
                    lambda *case: _saliency(*case, finish=lambda slopes: slopes)
                ),
                "that is the map of the digit that the network reads. The map of `digit` is wanted, whichever it is.": (
                    lambda *case: _saliency(
                        *case, of=lambda logits, p, slopes, digit: slopes[:, logits.argmax()]
                    )
                ),
                "you add the slopes of all ten logits up. Pick the one of `digit`.": (
                    lambda *case: _saliency(
                        *case, of=lambda logits, p, slopes, digit: slopes.sum(axis=1)
                    )
                ),
                "you multiplied by the ink, as integrated gradients do. Saliency shows paper as well.": (
                    lambda weights, image, digit: image * _saliency(weights, image, digit)
                ),
                "you divided by the largest. Leave the slopes as they are, or two maps cannot be compared.": (
                    lambda *case: _saliency(
                        *case, finish=lambda slopes: np.abs(slopes) / np.abs(slopes).max()
                    )
                ),
            },
            tolerance=1e-3,
            rounds=4,
        ),
    ),
    hints=(
        "Section 3 says what to explain instead of a probability. The network itself ends in a softmax.",
        "`keras.Model(model.input, model.layers[-1].input)` ends before the last layer, and `model.layers[-1].kernel` "
        "holds the weights of that layer. A bias changes no slope.",
        "Inside the tape: `(before_last(ink) @ last.kernel)[:, digit]`. Or build a network of logits, as in section 3.",
    ),
)


# 6. Integrated gradients


def _slope(weights, image):
    into, out = weights
    return (into @ (out * (1 - np.tanh(image.ravel() @ into) ** 2))).reshape(image.shape)


def _case_of_integration(sign):
    """Return a maker of ways whose shares add up to too much (1) or too little (-1)."""

    def case(rng):
        while True:
            weights = Weights([rng.normal(size=(20, 8)), rng.normal(size=8)])
            way = (
                weights,
                rng.uniform(size=(4, 5)),
                rng.uniform(size=(4, 5)),
                int(rng.integers(3, 7)),
            )
            if sign * _gap(*way) > 0.01:
                return way

    return case


def _shares(
    weights, image, baseline, steps, points=lambda steps: (np.arange(steps) + 0.5) / steps, **change
):
    way, start = image - baseline, change.get("start", baseline)
    gradients = [_slope(weights, start + point * way) for point in points(steps)]
    return change.get("factor", way) * change.get("gather", np.mean)(gradients, axis=0)


def _rise(weights, image, baseline):
    return _score(weights, image) - _score(weights, baseline)


def _gap(weights, image, baseline, steps):
    return _shares(weights, image, baseline, steps).sum() - _rise(weights, image, baseline)


q6 = Question(
    LESSON,
    "q6",
    INTEGRATE,
    built(
        lambda weights, *rest: [
            lambda image: _score(weights, image),
            lambda image: _slope(weights, image),
            *rest,
        ],
        _both(
            behaves_like(
                _shares,
                in_turn(*map(_case_of_integration, (1, -1))),
                {
                    "shares: each step begins where you take its gradient. Its *middle* stands for it.": (
                        lambda *case: _shares(*case, points=lambda steps: np.arange(steps) / steps)
                    ),
                    "shares: each step ends where you take its gradient. Its *middle* stands for it.": (
                        lambda *case: _shares(
                            *case, points=lambda steps: (np.arange(steps) + 1) / steps
                        )
                    ),
                    "shares: `linspace` from 0 to 1 gives ends of steps, not the middles of them.": (
                        lambda *case: _shares(*case, points=lambda steps: np.linspace(0, 1, steps))
                    ),
                    "shares: these are mean slopes. A share is slope times way: multiply by `image - baseline`.": (
                        lambda *case: _shares(*case, factor=1)
                    ),
                    "shares: multiply by the way from the baseline, `image - baseline`, not by the image. Only with "
                    "paper as the baseline are both the same.": lambda weights, image, *rest: (
                        _shares(weights, image, *rest, factor=image)
                    ),
                    "shares: your way begins on paper, whatever the baseline. Go from `baseline` to `image`.": (
                        lambda weights, image, baseline, steps: _shares(
                            weights, image, np.zeros_like(image), steps
                        )
                    ),
                    "shares: your way starts at 0: add the baseline to each part of it.": (
                        lambda *case: _shares(*case, start=0)
                    ),
                    "shares: you add the gradients of all steps up. The more steps, the larger it gets: take their "
                    "mean.": lambda *case: _shares(*case, gather=np.sum),
                    "shares: you take the gradient at the image only, and nothing of the way there.": (
                        lambda *case: _shares(*case, points=lambda steps: [1])
                    ),
                    "shares: the signs are lost, so the books cannot balance.": lambda *case: (
                        np.abs(_shares(*case))
                    ),
                },
            ),
            behaves_like(
                _gap,
                in_turn(*map(_case_of_integration, (1, -1))),
                {
                    "gap: the shares explain the *difference* from the baseline. You left out its score.": (
                        lambda *case: _gap(*case) - _score(case[0], case[2])
                    ),
                    "gap: its sign is turned: first the sum of the shares, then minus how far the score rose.": (
                        lambda *case: -_gap(*case)
                    ),
                    "gap: its sign is lost. Were the shares too large, or too small?": lambda *case: (
                        abs(_gap(*case))
                    ),
                    "gap: that is the sum of the shares. By how much does it miss what it should be?": (
                        lambda *case: _shares(*case).sum()
                    ),
                    "gap: that is how far the score rose. By how much do the shares miss it?": (
                        lambda weights, image, baseline, steps: _rise(weights, image, baseline)
                    ),
                    "gap: as a share of the rise. Give it in the unit of the score.": (
                        lambda *case: _gap(*case) / _rise(*case[:3])
                    ),
                    "gap: it is missing. Return two things: `return shares, gap`.": _shares,
                },
            ),
        ),
    ),
    hints=(
        "Section 6 does it from paper. Here the way begins at `baseline`: `baseline + part * (image - baseline)`.",
        "`(np.arange(steps) + 0.5) / steps` are the middles of the steps. Average the gradients there.",
        "Complete would be: the sum of the shares is `score(image) - score(baseline)`. The gap is what is too much.",
    ),
)


# 7. Grad-CAM


def _case_of_heat(field):
    def case(rng):
        while True:
            maps = np.maximum(rng.normal(size=(6, 4, 3)), 0)
            gradients = rng.normal(size=maps.shape)
            row, column = _hottest(_heat(maps, gradients))
            if row * column > 0 and row != column:  # else a slip would look right
                return maps, gradients, field, int(rng.integers(2, 5))

    return case


HEAT = in_turn(*map(_case_of_heat, (8, 11, 12)))


def _heat(maps, gradients, *_, pool=np.mean):
    return np.maximum((maps * pool(gradients, axis=(0, 1))).sum(axis=-1), 0)


def _hottest(heat):
    return np.array(np.unravel_index(heat.argmax(), heat.shape))


def _middle(maps, gradients, field, jump, late=-0.5, order=(0, 1)):
    return (field / 2 + late + jump * _hottest(_heat(maps, gradients)))[list(order)]


def _stretched(maps, gradients, field, jump):
    """Return the middle as if the places shared the image out among them."""
    places = np.array(maps.shape[:2])
    sides = field + jump * (places - 1)
    return (_hottest(_heat(maps, gradients)) + 0.5) * sides / places - 0.5


def _unclipped(maps, gradients, *_):
    return (maps * gradients.mean(axis=(0, 1))).sum(axis=-1)


q7 = Question(
    LESSON,
    "q7",
    CAM,
    _both(
        behaves_like(
            _heat,
            HEAT,
            {
                "heat: it goes below 0. Grad-CAM keeps only what argues *for* the digit.": _unclipped,
                "heat: you set each map's part to 0 before you add. First the sum over the maps, then the maximum: "
                "what argues against may cancel what argues for.": lambda maps, gradients, *_: (
                    np.maximum(maps * gradients.mean(axis=(0, 1)), 0).sum(axis=-1)
                ),
                "heat: the weight of a map is the *mean* of its gradient over the places, not the sum.": (
                    lambda *case: _heat(*case, pool=np.sum)
                ),
                "heat: the weight of a map is the *mean* of its gradient over the places, not the largest.": (
                    lambda *case: _heat(*case, pool=np.max)
                ),
                "heat: you multiply place by place. Grad-CAM gives each map *one* weight, its mean gradient.": (
                    lambda maps, gradients, *_: np.maximum((maps * gradients).sum(axis=-1), 0)
                ),
                "heat: the maps are not weighed at all. Some of them argue against the digit.": (
                    lambda maps, *_: maps.sum(axis=-1)
                ),
                "heat: you average over the maps. They are added up.": lambda maps, gradients, *_: (
                    np.maximum((maps * gradients.mean(axis=(0, 1))).mean(axis=-1), 0)
                ),
                "heat: you divided by the largest. Leave it as it is: how strongly it argues is worth knowing.": (
                    lambda *case: _heat(*case) / _heat(*case).max()
                ),
            },
        ),
        behaves_like(
            _middle,
            HEAT,
            {
                "middle: you stretched the map over the image. A place looks at its receptive field: the first one "
                "begins at pixel 0, and each next one `jump` pixels on.": _stretched,
                "middle: that is the upper left corner of what it sees. Its middle lies half a field further.": (
                    lambda maps, gradients, field, jump: _middle(maps, gradients, 0, jump, late=0)
                ),
                "middle: half a pixel too far. Pixels count from 0, so the middle of `field` of them is at "
                "(field - 1) / 2.": lambda *case: _middle(*case, late=0),
                "middle: it is rounded down. A field with an even side has its middle between two pixels.": (
                    lambda *case: np.floor(_middle(*case))
                ),
                "middle: row and column are exchanged.": lambda *case: _middle(*case, order=(1, 0)),
                "middle: that is the place in the map. Where on the *image* does it look?": (
                    lambda maps, gradients, *_: _hottest(_heat(maps, gradients))
                ),
                "middle: the next place looks `jump` pixels further on, not one.": (
                    lambda maps, gradients, field, jump: _middle(maps, gradients, field, 1)
                ),
                "middle: it is missing. Return two things: `return heat, middle`.": _heat,
            },
        ),
    ),
    hints=(
        "Section 7: the weight of a map is its mean gradient, over rows and columns. Then one sum over the maps.",
        "`gradients.mean(axis=(0, 1))` has one number for each map, and `maps @ weights` adds the maps up.",
        "`np.unravel_index(heat.argmax(), heat.shape)` is the hottest place. Section 7's `middles` does the rest.",
    ),
)


# 8. Find the bug: a defence

EPSILON = 0.15


class Pupil:
    """A softmax regression that reads flat digits, (n, pixels), from 0 to 1, and learns by steps."""

    def __init__(self, weights: np.ndarray):
        self.weights = np.array(weights, dtype=float)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return one row of probabilities for each image."""
        return softmax(np.asarray(images) @ self.weights, axis=1)

    def loss_gradient(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return by how much the loss of each image rises with each of its pixels."""
        return self._errors(images, labels) @ self.weights.T

    def fit(self, images: np.ndarray, labels: np.ndarray, rate: float = 0.5) -> None:
        """Take one step down the mean loss of these images."""
        self.weights -= rate * np.asarray(images).T @ self._errors(images, labels) / len(images)

    def _errors(self, images, labels):
        return self.probabilities(images) - np.eye(self.weights.shape[1])[labels]


def _attacked(pupil, images, labels, epsilon, direction=np.sign, low=0.0, high=1.0):
    return np.clip(images + epsilon * direction(pupil.loss_gradient(images, labels)), low, high)


@cache
def _digits():
    mnist = data.load_mnist()
    x = np.concatenate([mnist.x_train[:1000], mnist.x_test[:500]])
    y = np.concatenate([mnist.y_train[:1000], mnist.y_test[:500]])
    return preprocessing.scale(x).reshape(len(x), -1), y


def training_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return a thousand digits, flat, (1000, 784), from 0 to 1, and their labels."""
    images, labels = _digits()
    return images[:1000].copy(), labels[:1000].copy()


@cache
def _trained_weights():
    pupil = Pupil(np.zeros((784, 10)))
    for _ in range(60):
        pupil.fit(*training_digits())
    return pupil.weights


def trained_pupil() -> Pupil:
    """Return a softmax regression that has learned the thousand digits of `training_digits`."""
    return Pupil(_trained_weights())


def robustness(pupil: Pupil, epsilon: float) -> dict[str, float]:
    """Return the accuracy on 500 new digits, clean and attacked through the pupil's own gradient."""
    images, labels = (part[1000:] for part in _digits())
    tries = {"clean": images, "attacked": _attacked(pupil, images, labels, epsilon)}
    return {
        name: float(np.mean(pupil.probabilities(x).argmax(axis=1) == labels))
        for name, x in tries.items()
    }


def _case_of_defence(rng):
    images = np.round(
        rng.uniform(-0.3, 1.3, size=(24, 12)).clip(0, 1), 2
    )  # much ink and much paper: it must clip
    return (
        Weights([rng.normal(size=(12, 10))]),
        images,
        rng.integers(0, 10, size=24),
        0.2,
        int(rng.integers(3, 6)),
    )


def _hardened(weights, images, labels, epsilon, rounds, mix=None, attack=_attacked, stale=False):
    """Train a pupil on clean and attacked images, and return its weights. `mix` fits it on something else."""
    pupil, first = Pupil(*weights), Pupil(*weights)
    for _ in range(rounds):
        attacked = attack(first if stale else pupil, images, labels, epsilon)
        if mix:
            mix(pupil, images, attacked, labels)
        else:
            pupil.fit(np.concatenate([images, attacked]), np.concatenate([labels, labels]))
    return pupil.weights


def _with_own_answers(pupil, images, attacked, labels):
    answers = pupil.probabilities(attacked).argmax(axis=1)
    pupil.fit(np.concatenate([images, attacked]), np.concatenate([labels, answers]))


def _one_after_the_other(pupil, images, attacked, labels):
    pupil.fit(images, labels)
    pupil.fit(attacked, labels)


def _colleague(weights, images, labels, epsilon, rounds):
    def attack(pupil, images, labels, epsilon):
        return _attacked(pupil, images, labels, epsilon, low=-np.inf, high=np.inf)

    return _hardened(weights, images, labels, epsilon, rounds, _only_attacked, attack, stale=True)


def _only_attacked(pupil, images, attacked, labels):
    pupil.fit(attacked, labels)


def _attack_with(**change):
    return lambda *case: _hardened(*case, attack=lambda *given: _attacked(*given, **change))


_defends = behaves_like(
    _hardened,
    _case_of_defence,
    {
        "that is the colleague's, which makes it worse. Three things differ from section 10 of the lesson.": _colleague,
        "you attack the network once, as it was at first. It soon withstands *those* digits: attack it anew in every "
        "round, as it is now.": lambda *case: _hardened(*case, stale=True),
        "attacked pixels leave the range from 0 to 1: there is no such ink. Clip.": (
            _attack_with(low=-np.inf, high=np.inf)
        ),
        "you clip below, but not above: there is no ink beyond 1.": _attack_with(high=np.inf),
        "you clip above, but not below: there is no paper beyond 0.": _attack_with(low=-np.inf),
        "your step goes *down* the loss: those digits have become easier to read. An attack goes up.": (
            _attack_with(direction=lambda gradient: -np.sign(gradient))
        ),
        "you add the gradient itself. The fast gradient *sign* method moves every pixel by all of epsilon.": (
            _attack_with(direction=lambda gradient: gradient)
        ),
        "you train on the attacked digits alone, and forget the clean ones. Show it both together.": (
            lambda *case: _hardened(*case, mix=_only_attacked)
        ),
        "you train on the clean digits alone: the attacked ones are never shown.": (
            lambda *case: _hardened(
                *case, mix=lambda pupil, images, attacked, labels: pupil.fit(images, labels)
            )
        ),
        "you label the attacked digits with what the network *reads*. They are still what they were: give them the "
        "true labels.": lambda *case: _hardened(*case, mix=_with_own_answers),
        "you fit twice in a round, clean and attacked one after the other. Fit both in one step.": (
            lambda *case: _hardened(*case, mix=_one_after_the_other)
        ),
        "the network is as it was before: is `fit` ever called?": lambda weights, *rest: weights[0],
    },
)


@cache
def _gain():
    """Return the accuracy under attack before and after; ours for any right answer, as some of those are slow."""
    hardened = Pupil(_hardened([_trained_weights()], *training_digits(), EPSILON, 30))
    return [robustness(pupil, EPSILON)["attacked"] for pupil in (trained_pupil(), hardened)]


def _examine_defence(function):
    def weights_of(weights, *rest):
        pupil = function(Pupil(*weights), *rest)
        return getattr(pupil, "weights", pupil)

    _defends(weights_of if callable(function) else function)
    before, after = _gain()
    return f"After 30 rounds of it, {after:.0%} of 500 attacked digits are read right; before, it was {before:.0%}."


q8 = Question(
    LESSON,
    "q8",
    FOOL,
    _examine_defence,
    hints=(
        "Three things are amiss. When is the network attacked? Which numbers can a pixel have? What is never shown?",
        "Inside the loop: attack `network` as it is now, and clip the attacked images to 0 … 1.",
        "`np.concatenate([images, attacked])` shows it both at once; the labels are needed twice as well.",
    ),
)
