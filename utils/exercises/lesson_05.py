"""Questions on lesson 05: build a CNN."""

import itertools
from functools import partial

import numpy as np
from scipy import signal, special

from utils import models
from utils.environment import quiet_tensorflow
from utils.exercises.checks import behaves_like, call, compare, describe, equal
from utils.exercises.core import Question, Wrong, in_words

with quiet_tensorflow():
    import keras
    import tensorflow as tf
    from keras import layers

LESSON = "05"
BUILD = "build a CNN with Keras, and predict the shape after each layer before you run it"
COUNT = "count its parameters and its multiply-adds by hand"
FIELD = "compute a receptive field, and measure it"
PARTS = "say, with a small experiment for each, what ReLU, flatten, dropout and softmax are for"
WHOLE = "compute what the whole network answers for one digit with nothing but NumPy"


def _attempt(function, *arguments):
    """Call without the copies that `call` makes: a model cannot be copied, and a generator must go on."""
    if not callable(function):
        raise Wrong(
            f"expected a function, got {describe(function)}: give its name alone, without parentheses"
        )
    try:
        return function(*arguments)
    except Exception as error:
        raise Wrong(f"your function stops with {in_words(error)}") from error


def _parts_of(answer, names):
    """Return the parts of a dict by name; Wrong where one is missing."""
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict with the keys {', '.join(names)}, got {describe(answer)}")
    for name in names:
        if name not in answer:
            raise Wrong(f"there is nothing under “{name}” in your dict.")
    return {name: answer[name] for name in names}


# 1. Predict the shapes

PHOTO = (40, 30, 3)
PLAN = {
    "conv 1": (5, 1, 16),
    "pool 1": (2, 2, 16),
    "conv 2": (3, 1, 32),
    "pool 2": (2, 2, 32),
}  # kernel, stride, maps


def _examine_shapes(answer):
    before = PHOTO
    for name, given in _parts_of(answer, [*PLAN, "flatten"]).items():
        got = tuple(np.atleast_1d(np.asarray(given, dtype=object)).tolist())
        wanted, slips = _shape_after(name, before) if name in PLAN else _row_of(before)
        if len(got) == len(wanted) + 1 and got[1:] == wanted:
            raise Wrong(
                f"{name}: leave the batch out, which Keras writes as None in front. The rest is right."
            )
        for sentence, slip in slips.items():
            if got == slip != wanted:
                raise Wrong(f"{name}: {sentence}")
        if got != wanted:
            raise Wrong(
                f"{name}: {got} is not what comes out of {before}. Look at the rows, columns and maps again."
            )
        before = wanted


def _shape_after(name, before):
    """Return the shape after a layer, and wrong ones by what must be said to them."""
    kernel, stride, maps = PLAN[name]
    rows, columns = (models.output_size(side, kernel, stride=stride) for side in before[:2])
    depth = before[2]
    return (rows, columns, maps), {
        "nothing became smaller. There is no padding here: n - k + 1. And pooling halves.": (
            *before[:2], maps
        ),
        "an odd row or column that fills no block of two is left out: round down.": (
            -(-before[0] // stride), -(-before[1] // stride), maps
        ),
        "one too few: the first place counts too, n - k **+ 1**.": (rows - 1, columns - 1, maps),
        "a convolution makes one map for each kernel, however deep its input is.": (rows, columns, depth),
        "a kernel adds up over all the maps below it: their numbers do not multiply.": (rows, columns, depth * maps),
        "rows come first, then columns, then maps.": (columns, rows, maps),
    }  # fmt: skip


def _row_of(before):
    rows, columns, maps = before
    return (rows * columns * maps,), {
        "flatten lays all numbers in *one* row, so its shape is a single number.": before,
        "the maps are laid in the row too: rows x columns x maps.": (rows * columns,),
        "a block of rows x columns x maps holds their *product*, not their sum.": (sum(before),),
    }


q1 = Question(
    LESSON,
    "q1",
    BUILD,
    _examine_shapes,
    hints=(
        "Rows and columns go through the same formula, each by itself. The number of maps is the number of kernels.",
        "A kernel of 5 takes 4 away from a side, one of 3 takes 2. Pooling halves and rounds down.",
        "After pool 2 there are 8 x 5 places, with 32 numbers each. Flatten counts all of them.",
    ),
)


# 2. Twice the side


def _counts_of_a_large_image():
    """Return each count of the reference CNN on 56 x 56 pixels, with what people say instead."""
    side, sides = 56, []
    for kernel, stride in ((3, 1), (2, 2), (3, 1), (2, 2), (3, 1)):
        side = models.output_size(side, kernel, stride=stride)
        sides.append(side)
    conv, dense, uses = 3 * 3 * 32 * 64, sides[4] ** 2 * 64 * 64, sides[2] ** 2
    small = 3 * 3 * 64 * 64 + 64
    four_times = "not simply four times: work out the side after each layer anew. The last maps are larger than 6 x 6."
    return {
        "conv 2 parameters": (conv + 64, {
            4 * (conv + 64): "a kernel does not grow with the image. It only visits more places.",
            conv: "its biases are missing: one for each of the 64 kernels.",
            9 * 64 + 64: "a kernel is as deep as its input, and 32 maps come in.",
        }),
        "dense 1 parameters": (dense + 64, {
            small: "that is the count for 28 x 28. A dense layer has a weight for every number it reads, and now it "
            "reads more.",
            4 * small: four_times, 6 * 6 * 64 * 64 + 64: four_times,
            dense: "its biases are missing: one for each of the 64 units.",
        }),
        "conv 2 multiply-adds": (uses * conv, {
            11 * 11 * conv: "that is the count for 28 x 28. Now conv 2 has more places to visit.",
            4 * 11 * 11 * conv: "the places are not four times 11 x 11: work out the side after conv 2 anew.",
            sides[1] ** 2 * conv: "you counted the places of the *input*. A weight is used once for each place of the "
            "output.",
            uses * (conv + 64): "a bias is added, not multiplied: it is no multiply-add.",
            conv: "each weight is used many times, once for every place of the output.",
        }),
    }  # fmt: skip


def _examine_counts(answer):
    wanted = _counts_of_a_large_image()
    for name, given in _parts_of(answer, wanted).items():
        right, slips = wanted[name]
        for value, sentence in slips.items():
            if equal(given, value, tolerance=0):
                raise Wrong(f"{name}: {sentence}")
        if not equal(given, right, tolerance=0):
            raise Wrong(
                f"{name}: it is not {describe(given)}. Write the product down, factor by factor."
            )
    return "So a CNN can read larger images with the same convolutions; it is the first dense layer that grows."


q2 = Question(
    LESSON,
    "q2",
    COUNT,
    _examine_counts,
    hints=(
        "Go through conv, pool, conv, pool, conv with 56 instead of 28, and keep the five sides.",
        "The sides are 54, 27, 25, 12, 10. Which of the three counts asks for a side at all?",
        "Dense 1 reads 10 x 10 x 64 numbers. Conv 2 has 25 x 25 places, and uses 3 x 3 x 32 x 64 weights in each.",
    ),
)


# 3. Find the bug: softmax of a batch


def _case_of_softmax(rng):
    rows = int(rng.integers(2, 7))
    numbers = rng.normal(scale=2, size=(rows, int(rng.integers(2, 10))))
    numbers[:, -1] = numbers[:, 0]  # a tie
    numbers[0] += 1000
    numbers[1] -= 1000
    return (numbers,)


def _shares_of_powers(z, largest=0):
    with np.errstate(all="ignore"):  # this is the one that breaks
        powers = np.exp(z - largest)
        return powers / powers.sum(axis=-1, keepdims=True)


q3 = Question(
    LESSON,
    "q3",
    PARTS,
    behaves_like(
        partial(special.softmax, axis=1),
        _case_of_softmax,
        {
            "all rows *together* add up to 1. Each digit deserves a whole of its own.": special.softmax,
            "your columns add up to 1, not your rows: the classes lie along axis 1.": partial(
                special.softmax, axis=0
            ),
            "there is NaN where the numbers are far from 0: the exponentials overflow, or all become 0. Subtract the "
            "largest first.": _shares_of_powers,
            "rows far below the others become NaN: subtract each row's *own* largest, not that of the whole batch.": (
                lambda z: _shares_of_powers(z, z.max())
            ),
            "you took shares of the numbers themselves. First comes the exponential, which makes them positive.": (
                lambda z: z / z.sum(axis=1, keepdims=True)
            ),
            "the exponentials are there; they still have to be divided by their sum.": (
                lambda z: np.exp(z - z.max(axis=1, keepdims=True))
            ),
            "that is a 1 for the largest and 0 for the rest. Softmax leaves the others a share.": (
                lambda z: np.eye(z.shape[1])[z.argmax(axis=1)]
            ),
        },
    ),
    hints=(
        "`max()` and `sum()` without an axis take the whole batch. One row is one digit.",
        "`axis=1` goes along a row. `keepdims=True` leaves a column of results, which fits the batch again.",
        "`z.max(axis=1, keepdims=True)` for the subtraction, and the same with `sum` for the division.",
    ),
)


# 4. Receptive field


def _case_of_field(rng):
    kernels = rng.integers(1, 6, size=int(rng.integers(2, 7)))
    return ([(int(kernel), int(rng.integers(1, 4))) for kernel in kernels],)


def _field(steps):
    field = 1
    for kernel, stride in reversed(steps):  # from the number down to the pixels
        field = (field - 1) * stride + kernel
    return field


def _grow(steps, reach=-1, own=0, together=np.prod):
    """Go up from the pixels, as the lesson does; what is handed in beside the steps makes it slip."""
    jumps = [
        int(together([stride for _, stride in steps[: number + own]]))
        for number in range(len(steps))
    ]
    return 1 + sum((kernel + reach) * jump for (kernel, _), jump in zip(steps, jumps, strict=True))


def _examine_field(function):
    _examine_field_of_chains(function)
    compare(call(function, []), 1, given="an empty list: no layer at all")


_examine_field_of_chains = behaves_like(
    _field,
    _case_of_field,
    {
        "a layer's own stride counts only for the layers after it: first the field grows, then the jump.": partial(
            _grow, own=1
        ),
        "the jump is missing: after a stride of 2, neighbors are two pixels apart.": partial(
            _grow, together=lambda strides: 1
        ),
        "jumps multiply: after two strides of 2, neighbors are 4 pixels apart.": partial(
            _grow, together=lambda strides: 1 + sum(stride - 1 for stride in strides)
        ),
        "a kernel reaches over k numbers, and so adds k **- 1** jumps.": partial(_grow, reach=0),
        "it starts from 1: before any layer, a number sees one pixel, itself.": lambda steps: (
            _field(steps) - 1
        ),
        "only the field is asked for, without the jump.": lambda steps: (
            _field(steps),
            int(np.prod([stride for _, stride in steps])),
        ),
    },
    rounds=40,
)

q4 = Question(
    LESSON,
    "q4",
    FIELD,
    _examine_field,
    hints=(
        "Two numbers travel from layer to layer: the field and the jump. Both start at 1.",
        "Each layer adds (kernel - 1) jumps to the field. Only then does its stride make the jump larger.",
    ),
)


# 5. Dropout


def _examine_dropout(function):
    rng = np.random.default_rng()
    for rate in (0.2, 0.7, 0.0):
        x = rng.normal(size=(60, 50))
        seed = int(rng.integers(2**31))
        _examine_in_use(_drop(function, x, rate, False, seed), x, rate)
        dropped = _drop(function, x, rate, True, seed)
        _examine_in_training(dropped, x, rate)
        if not np.array_equal(dropped, _drop(function, x, rate, True, seed)):
            raise Wrong(
                "with the same `rng` the holes must be the same again: draw from the `rng` that you are given."
            )
        if rate and np.array_equal(dropped, _drop(function, x, rate, True, seed + 1)):
            raise Wrong(
                "the holes are always the same, so the layers after it learn to do without those: use `rng`."
            )


def _drop(function, x, rate, training, seed):
    rng = np.random.default_rng(seed)
    dropped = call(lambda *given: _attempt(function, *given, rng), x, rate, training)
    if dropped is None or np.shape(dropped) != x.shape:
        compare(dropped, x)
    return np.asarray(dropped, dtype=float)


def _examine_in_use(answer, x, rate):
    if rate and (answer == 0).any():
        raise Wrong("it makes holes in use as well. Without `training`, everything passes.")
    if rate and (equal(answer, x * (1 - rate)) or equal(answer, x / (1 - rate))):
        raise Wrong("in use nothing is scaled: what is needed for the mean is done in training.")
    compare(answer, x, given="training=False")


def _examine_in_training(answer, x, rate):
    if rate == 0:
        compare(answer, x, given="rate=0: nothing is dropped")
        return
    survives = answer != 0
    if survives.all():
        raise Wrong("there are no holes in training.")
    for axis, name in ((0, "column"), (1, "row")):
        if (survives.all(axis=axis) | ~survives.any(axis=axis)).all():
            raise Wrong(
                f"each {name} is dropped as a whole, or not at all. Every number deserves a draw of its own."
            )
    share = 1 - survives.mean()
    if abs(share - rate) > 0.06:
        swapped = " You keep the share that should go." if abs(share - 1 + rate) < 0.06 else ""
        raise Wrong(f"with rate={rate}, {share:.0%} of the numbers are dropped.{swapped}")
    kept, left = x * survives, 1 - rate
    slips = {
        "the survivors stay as they were, so the mean shrinks. Divide them by the share that survives.": kept,
        "the survivors are divided by the rate. 1 - rate is the share that survives; at 0.5 both agree.": kept
        / rate,
        "the survivors become smaller, where they should make up for the holes: divide, do not multiply.": kept
        * left,
    }
    for sentence, slip in slips.items():
        if equal(answer, slip):
            raise Wrong(sentence)
    compare(answer, kept / left, given=f"rate={rate}, training=True")


q5 = Question(
    LESSON,
    "q5",
    PARTS,
    _examine_dropout,
    hints=(
        "Two cases: in use `x` comes back as it is. In training each number survives or not, by a draw of its own.",
        "`rng.random(x.shape) >= rate` is True for those that survive; times `x`, it makes the holes.",
        "The share 1 - rate survives. Divide by it, and the mean stays.",
    ),
)


# 6. Which pixels does it see?


NETWORKS = (  # shape of the image, (kernel, stride) of a convolution and perhaps of pooling, is there a dense layer
    ((7, 6), [(3, 1)], False),  # each answer sees pixels of its own
    ((13, 11), [(3, 1), (3, 3)], True),  # two rows are left out
    ((9, 10), [(2, 1), (2, 2)], True),  # one column is
    ((11, 8), [(2, 3)], True),  # holes
    ((5, 6), [(1, 1)], True),  # everything is seen
)


def _network(shape, steps, decides):
    """Build a network in which every weight is positive, so that no ReLU and no chance hides a pixel."""
    rng = np.random.default_rng()
    inputs = keras.Input((*shape, 1))
    x = layers.Conv2D(3, *steps[0])(inputs)
    for size, stride in steps[1:]:
        x = layers.MaxPooling2D(size, stride)(x)
    x = layers.Flatten()(x)
    network = keras.Model(inputs, layers.Dense(4)(x) if decides else x)
    network.set_weights(
        [rng.uniform(0.2, 1, size=weights.shape) for weights in network.get_weights()]
    )
    return network


def _reach(side, steps):
    """Return for each place of the output which of the `side` pixels it sees."""
    sees = [{place} for place in range(side)]
    for kernel, stride in steps:
        sees = [
            set().union(*sees[at : at + kernel]) for at in range(0, len(sees) - kernel + 1, stride)
        ]
    return sees


def _mask(shape, seen):
    rows, columns = (
        np.isin(np.arange(side), list(places)) for side, places in zip(shape, seen, strict=True)
    )
    return np.outer(rows, columns)


def _examine_sight(function):
    for shape, steps, decides in NETWORKS:
        answer = _attempt(function, _network(shape, steps, decides))
        reaches = [_reach(side, steps) for side in shape]
        wanted = _mask(shape, [set().union(*reach) for reach in reaches])
        if answer is None or np.shape(answer) != shape:
            compare(answer, wanted)
        answer = np.asarray(answer)
        if answer.dtype != bool:
            raise Wrong(
                "expected True or False for each pixel: an influence that is not 0 is True."
            )
        if np.array_equal(answer, ~wanted):
            raise Wrong("it is upside down: True is for the pixels that are seen.")
        if not decides and np.array_equal(answer, _mask(shape, [reach[0] for reach in reaches])):
            raise Wrong(
                "you asked the first answer only. Another answer may see what that one does not."
            )
        if answer.all() and not wanted.all():
            raise Wrong("you say that every pixel is seen, also to a network with a blind border.")
        if missed := int((wanted & ~answer).sum()):
            raise Wrong(
                f"you call {missed} pixels blind that are seen. A pixel that loses in pooling on one image wins on "
                "another: try many images, and count any influence that is not exactly 0."
            )
        if extra := int((answer & ~wanted).sum()):
            raise Wrong(
                f"you call {extra} pixels seen that can change nothing. Did others change along with them?"
            )


q6 = Question(
    LESSON,
    "q6",
    FIELD,
    _examine_sight,
    hints=(
        "Section 7 has `influence`. Here the images must be as large as `model.input_shape[1:]` says.",
        "All answers count: square them, and `tape.gradient` adds up over all of them by itself.",
        "`(gradient != 0).any(axis=(0, 3))`: a pixel is seen if any of the many images says so.",
    ),
    seconds=30,
)


# 7. Within a budget

MAX_PARAMETERS, MAX_WORK, MIN_CONVOLUTIONS = 8_000, 350_000, 3


def _examine_design(model):
    if not isinstance(model, keras.Model):
        raise Wrong(
            f"expected a Keras model, got {describe(model)}: `keras.Model(inputs, outputs)` makes one."
        )
    if getattr(model, "input_shape", None) != (
        None,
        28,
        28,
        1,
    ):  # a list of layers may not know yet
        raise Wrong(
            "it must read images of (28, 28, 1), one channel included: that is what `keras.Input` wants."
        )
    if len(model.output_shape) > 2:
        raise Wrong(
            f"it gives {model.output_shape}: an answer for every place. Is Flatten missing?"
        )
    if model.output_shape != (None, 10):
        raise Wrong(f"it gives {model.output_shape[1:]}, where ten probabilities are wanted.")
    _examine_budget(model)
    images = np.random.default_rng().normal(size=(64, 28, 28, 1)).astype("float32")
    answers = np.asarray(model(images))
    if (answers < 0).any() or not np.allclose(answers.sum(axis=1), 1, atol=1e-4):
        raise Wrong(
            "its ten answers are no probabilities: is the softmax of the last layer missing?"
        )
    if _is_one_layer(model, images):
        raise Wrong(
            "it is a single layer in disguise: without ReLU between them, your layers collapse into one."
        )
    _examine_blindness(model, images)
    return f"{model.count_params():,} parameters and {_work(model):,} multiply-adds."


def _examine_budget(model):
    for layer in model.layers:
        if layer.weights and not isinstance(layer, layers.Conv2D | layers.Dense):
            raise Wrong(
                f"{type(layer).__name__} is not counted here: only Conv2D and Dense may have weights."
            )
    convolutions = sum(isinstance(layer, layers.Conv2D) for layer in model.layers)
    if convolutions < MIN_CONVOLUTIONS:
        raise Wrong(
            f"it has {convolutions} convolutions, and at least {MIN_CONVOLUTIONS} are wanted."
        )
    if model.count_params() > MAX_PARAMETERS:
        raise Wrong(
            f"{model.count_params():,} parameters, {MAX_PARAMETERS:,} are allowed. Look at the dense layers."
        )
    if _work(model) > MAX_WORK:
        raise Wrong(
            f"{_work(model):,} multiply-adds, {MAX_WORK:,} are allowed. Look where maps are large and deep."
        )


def _work(model):
    return int(models.layer_table(model)["multiply-adds"].sum())


def _is_one_layer(model, images):
    """Tell whether the numbers before the softmax are no more than sums: then halfway in means halfway out."""
    one, other = images[:32], images[32:]
    before, after, halfway = (
        np.log(np.asarray(model(part)) + 1e-30) for part in (one, other, (one + other) / 2)
    )
    bend = np.ptp(
        halfway - (before + after) / 2, axis=1
    )  # what softmax adds is the same for all ten
    return bool((bend < 1e-3 * np.ptp(halfway, axis=1)).all())


def _examine_blindness(model, images):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        answers = tf.square(model(images))
    blind = ~(tape.gradient(answers, images).numpy() != 0).any(axis=(0, 3))
    if blind.any():
        raise Wrong(
            f"{blind.sum()} of 784 pixels are blind: painting there changes no answer. Where does a convolution or "
            'pooling leave a row out? `padding="same"` and even sides help.'
        )


q7 = Question(
    LESSON,
    "q7",
    BUILD,
    _examine_design,
    hints=(
        "Write the sides down first. For no row to be lost, pool only where a side is even: 28, 14, 7.",
        'Parameters: 7 x 7 maps are too many numbers for the dense layer. A 3 x 3 kernel without `padding="same"` '
        "makes 5 x 5 of them. Work: few kernels while the maps are large.",
        "8 kernels, pool, 16 kernels, pool, 16 kernels, flatten, dense: the first two with padding.",
    ),
)


# 8. The whole network


class Weights(list):
    """Hold the arrays of a network, and be short in a message."""

    def __repr__(self):
        return f"{len(self)} arrays"


DEPTHS = itertools.cycle(
    itertools.product((0, 1, 2), repeat=2)
)  # nine cases in a row hold every kind of network


def _case_of_network(rng):
    convolutions, hidden = next(DEPTHS)
    size, maps, arrays = rng.integers(12, 18, size=2), int(rng.integers(1, 3)), Weights()
    image = rng.normal(size=(*size, maps))
    for filters in rng.integers(2, 6, size=convolutions):
        arrays += [
            rng.normal(size=(3, 3, maps, filters)) / np.sqrt(9 * maps),
            rng.normal(size=filters),
        ]
        size, maps = (size - 2) // 2, filters
    numbers = int(np.prod(size)) * maps
    for units in [*rng.integers(3, 8, size=hidden), 10]:
        arrays += [rng.normal(size=(numbers, units)) / np.sqrt(numbers), rng.normal(size=units)]
        numbers = units
    arrays[-1] -= 1000  # all ten are far below 0, which the softmax must not mind
    return image, arrays


def _layer(x, kernels, bias):
    return (
        np.concatenate(
            [signal.correlate(x, kernel, "valid") for kernel in np.moveaxis(kernels, -1, 0)], -1
        )
        + bias
    )


def _pool(x, take=np.max):
    rows, columns = x.shape[0] // 2, x.shape[1] // 2
    return take(x[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, -1), axis=(1, 3))


def _answer(
    image,
    weights,
    relu=lambda x: np.maximum(x, 0),
    order=(0, 1, 2),
    softmax=special.softmax,
    **other,
):
    """Compute the network in 64 bits; what is handed in beside image and weights makes it slip."""
    x, pairs = image, list(zip(weights[::2], weights[1::2], strict=True))
    for number, (kernel, bias) in enumerate(pairs):
        bias = bias * other.get("bias", 1)
        if kernel.ndim == 4:
            x = _pool(
                other.get("relu_of_maps", relu)(_layer(x, kernel, bias)), other.get("take", np.max)
            )
            continue
        x = (np.transpose(x, order) if x.ndim == 3 else x).ravel() @ kernel + bias
        x = relu(x) if number < len(pairs) - 1 else other.get("relu_at_the_end", _same)(x)
    return softmax(x)


def _same(x):
    return x


q8 = Question(
    LESSON,
    "q8",
    WHOLE,
    behaves_like(
        _answer,
        _case_of_network,
        {
            "the softmax is missing: your ten numbers are no probabilities yet.": partial(
                _answer, softmax=_same
            ),
            "there is NaN: all ten exponentials became 0. Subtract the largest number first.": partial(
                _answer, softmax=_shares_of_powers
            ),
            "there is a ReLU before the softmax. The last layer has none, or all that is negative becomes equal.": (
                partial(_answer, relu_at_the_end=lambda x: np.maximum(x, 0))
            ),
            "every ReLU is missing, so that your layers collapse into one.": partial(
                _answer, relu=_same
            ),
            "the convolutions lack their ReLU.": partial(_answer, relu_of_maps=_same),
            "the dense layers before the last lack their ReLU.": partial(
                _answer, relu=_same, relu_of_maps=lambda x: np.maximum(x, 0)
            ),
            "the biases are missing. With new networks, whose biases are 0, nobody would notice.": partial(
                _answer, bias=0
            ),
            "flatten goes row by row, place by place, and takes the maps of each place together: do not transpose.": (
                partial(_answer, order=(2, 0, 1))
            ),
            "pooling takes the largest number of each block, not the mean.": partial(
                _answer, take=np.mean
            ),
        },
        tolerance=1e-4,  # for those who compute with 32 bits
        rounds=9,
    ),
    hints=(
        "Kernels and biases alternate: `weights[::2]` are the kernels, `weights[1::2]` the biases.",
        "`kernel.ndim` is 4 for a convolution and 2 for a dense layer. Loop over all pairs but the last.",
        "In the loop: `max_pool(relu(convolve_layer(x, kernel, bias)))`, or `relu(x.reshape(-1) @ kernel + bias)`. "
        "After it the last pair, without ReLU, and a softmax that subtracts the largest.",
    ),
)
