"""What people answer to the questions of lesson 05."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import special

from tests.exercises.oldbank import Entry
from utils import models

SHAPES = {
    "conv 1": (36, 26, 16), "pool 1": (18, 13, 16), "conv 2": (16, 11, 32), "pool 2": (8, 5, 32), "flatten": (1280,),
}  # fmt: skip
COUNTS = {
    "conv 2 parameters": 18_496,
    "dense 1 parameters": 409_664,
    "conv 2 multiply-adds": 11_520_000,
}


# 3. Softmax


def softmax_by_rows(z):
    shares = []
    for row in z:
        powers = [np.exp(number - max(row)) for number in row]
        shares.append([power / sum(powers) for power in powers])
    return shares


def softmax_in_place(z):
    z -= z.max(axis=1, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def softmax_with_batch_maximum(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum(axis=1)[:, np.newaxis]


# 4. Receptive field


def field_of_measured_sets(steps):
    """Follow which of many pixels reach one number."""
    sees = np.arange(6000)[:, np.newaxis]
    low, high = sees, sees
    for kernel, stride in steps:
        count = (len(low) - kernel) // stride + 1
        low, high = low[: count * stride : stride], high[kernel - 1 :: stride][:count]
    return int(high[0, 0] - low[0, 0] + 1)


def field(steps, early=False, reach=1, jump_grows=True, start=1):
    seen, jump = start, 1
    for kernel, stride in steps:
        if early:
            jump *= stride
        seen += (kernel - reach) * jump
        if jump_grows and not early:
            jump *= stride
    return seen


def field_with_added_jumps(steps):
    seen, jump = 1, 1
    for kernel, stride in steps:
        seen += (kernel - 1) * jump
        jump += stride - 1
    return seen


# 5. Dropout


def dropout_with(
    scale=lambda rate: 1 - rate,
    gone=lambda rate: rate,
    shape=lambda x: x.shape,
    in_use=lambda rate: 1,
):
    def drop(x, rate, training, rng):
        if not training:
            return x * in_use(rate)
        return x * (rng.random(shape(x)) >= gone(rate)) / scale(rate)

    return drop


def dropout_by_choice(x, rate, training, rng):
    """Drop exactly the share, instead of that share on average."""
    kept = x.copy() / (1 - rate if training else 1)
    if training:
        kept.flat[rng.choice(x.size, size=round(rate * x.size), replace=False)] = 0
    return kept


def dropout_in_place(x, rate, training, rng):
    if training:
        x[rng.random(x.shape) < rate] = 0
        x /= 1 - rate
    return x


def dropout_from_elsewhere(x, rate, training, rng):
    return dropout_with()(x, rate, training, np.random.default_rng())


def dropout_with_a_seed_of_its_own(x, rate, training, rng):
    return dropout_with()(x, rate, training, np.random.default_rng(0))


# 6. Sight


def seen_by_gradient(
    model, images=100, output=lambda answers: answers, seen=lambda influence: influence > 0
):
    noise = tf.constant(
        np.random.default_rng().uniform(size=(images, *model.input_shape[1:])), tf.float32
    )
    with tf.GradientTape() as tape:
        tape.watch(noise)
        number = tf.reduce_sum(output(model(noise)))
    return seen(np.abs(tape.gradient(number, noise)).mean(axis=0).squeeze(-1))


def seen_by_painting(model):
    """Change one pixel in each copy of an image: from white to black, on paper and on ink."""
    rows, columns, _ = model.input_shape[1:]
    seen = np.zeros(rows * columns, dtype=bool)
    for paper in (0.0, 0.5):
        copies = np.full((rows * columns + 1, rows * columns), paper, dtype="float32")
        np.fill_diagonal(copies, 100)
        copies[-1] = paper
        answers = np.asarray(model(copies.reshape(-1, rows, columns, 1)))
        seen |= (np.abs(answers[:-1] - answers[-1]) > 1e-3).any(axis=1)
    return seen.reshape(rows, columns)


def with_the_last_row(model):
    seen = seen_by_gradient(model)
    seen[-1] = True
    return seen


def first_answers(model):
    return seen_by_gradient(model, output=lambda answers: answers[:, 0])


# 7. Design


def network(*parts, shape=(28, 28, 1)):
    x = inputs = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def conv(filters, size=3, **options):
    return layers.Conv2D(filters, size, **{"activation": "relu", **options})


def decide(activation="softmax", units=10):
    return layers.Dense(units, activation=activation)


def strided(**options):
    """Return layers that stay within the budget: strides of 2 in the place of pooling."""
    return [
        conv(8, padding="same", strides=2, **options), conv(16, padding="same", strides=2, **options),
        conv(16, **options), layers.Flatten(),
    ]  # fmt: skip


LISTED = keras.Sequential([keras.Input((28, 28, 1)), *strided(), decide()])


def pooled():
    return [
        conv(8, padding="same"),
        layers.MaxPooling2D(2),
        conv(16, padding="same"),
        layers.MaxPooling2D(2),
    ]


# 8. The whole network


def by_keras(image, weights):
    x = image[np.newaxis].astype("float32")
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    for number, (kernel, bias) in enumerate(pairs, start=1):
        kernel, bias = kernel.astype("float32"), bias.astype("float32")
        if kernel.ndim == 4:
            x = keras.ops.max_pool(keras.ops.relu(keras.ops.conv(x, kernel) + bias), 2)
        else:
            x = keras.ops.reshape(x, (1, -1)) @ kernel + bias
            x = keras.ops.softmax(x) if number == len(pairs) else keras.ops.relu(x)
    return np.asarray(x)[0]


def by_numpy(
    image,
    weights,
    after_maps="relu",
    after_dense="relu",
    last=special.softmax,
    axes=(0, 1, 2),
    bias=1,
):
    keep = {"relu": lambda x: x * (x > 0), "nothing": lambda x: x}
    x = image
    for position in range(0, len(weights), 2):
        kernel, b = weights[position], weights[position + 1] * bias
        if kernel.ndim == 4:
            windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
            x = keep[after_maps](np.einsum("rcdij,ijdf->rcf", windows, kernel) + b)
            x = np.maximum(
                np.maximum(x[:-1:2, :-1:2], x[1::2, :-1:2]),
                np.maximum(x[:-1:2, 1::2], x[1::2, 1::2]),
            )
        else:
            x = (x.transpose(axes) if x.ndim == 3 else x).reshape(-1) @ kernel + b
            x = keep[after_dense](x) if position < len(weights) - 2 else x
    return last(x)


def one_convolution_only(image, weights):
    first, bias, *rest = weights
    x = by_numpy(image, [first, bias], last=lambda x: x)
    return by_numpy(x.reshape(-1), rest)


BANK = {
    "q1": Entry(
        right=[
            {**SHAPES, "flatten": 1280},
            {name: list(shape) for name, shape in SHAPES.items()},
            {name: np.array(shape) for name, shape in reversed(SHAPES.items())},
        ],
        wrong={
            "nothing became smaller": SHAPES | {"conv 1": (40, 30, 16)},
            "one too few": SHAPES | {"conv 1": (35, 25, 16)},
            "rows come first": SHAPES | {"conv 1": (26, 36, 16)},
            "numbers do not multiply": SHAPES | {"conv 1": (36, 26, 48)},
            "however deep its input": SHAPES | {"conv 1": (36, 26, 3)},
            "round down": SHAPES | {"pool 2": (8, 6, 32)},
            "leave the batch out": {name: (None, *shape) for name, shape in SHAPES.items()},
            "a single number": SHAPES | {"flatten": (8, 5, 32)},
            "the maps are laid in the row too": SHAPES | {"flatten": (40,)},
            "not their sum": SHAPES | {"flatten": 45},
            "nothing under “flatten”": {name: SHAPES[name] for name in list(SHAPES)[:-1]},
            "rows, columns and maps again": SHAPES | {"pool 1": "18 x 13"},
            "expected a dict": list(SHAPES.values()),
        },
    ),
    "q2": Entry(
        right=[
            {name: float(count) for name, count in COUNTS.items()},
            {k: np.int64(n) for k, n in COUNTS.items()},
        ],
        wrong={
            "does not grow with the image": COUNTS | {"conv 2 parameters": 4 * 18_496},
            "each of the 64 kernels": COUNTS | {"conv 2 parameters": 18_432},
            "as deep as its input": COUNTS | {"conv 2 parameters": 640},
            "a weight for every number it reads": COUNTS | {"dense 1 parameters": 36_928},
            "not simply four times": COUNTS | {"dense 1 parameters": 147_712},
            "each of the 64 units": COUNTS | {"dense 1 parameters": 409_600},
            "more places to visit": COUNTS | {"conv 2 multiply-adds": 2_230_272},
            "not four times 11 x 11": COUNTS | {"conv 2 multiply-adds": 4 * 2_230_272},
            "places of the *input*": COUNTS | {"conv 2 multiply-adds": 27 * 27 * 18_432},
            "it is no multiply-add": COUNTS | {"conv 2 multiply-adds": 25 * 25 * 18_496},
            "once for every place": COUNTS | {"conv 2 multiply-adds": 18_432},
            "factor by factor": COUNTS | {"conv 2 multiply-adds": 56 * 56 * 18_432},
            "nothing under “conv 2 parameters”": {
                "dense 1 parameters": 409_664,
                "conv 2 multiply-adds": 11_520_000,
            },
        },
    ),
    "q3": Entry(
        right=[
            softmax_by_rows,
            lambda z: np.exp(z - special.logsumexp(z, axis=1, keepdims=True)),
            lambda z: np.asarray(keras.ops.softmax(z, axis=-1)),
        ],
        wrong={
            "all rows *together*": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
            "your columns": lambda z: (
                np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0)
            ),
            "exponentials overflow": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
            "*own* largest": softmax_with_batch_maximum,
            "shares of the numbers themselves": lambda z: z / z.sum(axis=1)[:, None],
            "divided by their sum": lambda z: np.exp(z - z.max(axis=1)[:, None]),
            "leaves the others a share": lambda z: (
                np.arange(z.shape[1]) == z.argmax(axis=1)[:, None]
            ).astype(float),
            "changes what it is given": softmax_in_place,
            "expected shape": lambda z: special.softmax(z[0]),
        },
    ),
    "q4": Entry(
        right=[
            field_of_measured_sets,
            lambda steps: (
                1
                + sum(
                    (k - 1) * int(np.prod([s for _, s in steps[:i]]))
                    for i, (k, _) in enumerate(steps)
                )
            ),
        ],
        wrong={
            "first the field grows": lambda steps: field(steps, early=True),
            "the jump is missing": lambda steps: field(steps, jump_grows=False),
            "adds k **- 1** jumps": lambda steps: field(steps, reach=0),
            "it starts from 1": lambda steps: field(steps, start=0),
            "jumps multiply": field_with_added_jumps,
            "without the jump": lambda steps: (
                field(steps),
                int(np.prod([stride for _, stride in steps])),
            ),
            "when it gets [] (list)": lambda steps: steps[0] and field(steps),
            "(given": lambda steps: np.prod([kernel for kernel, _ in steps]),
        },
    ),
    "q5": Entry(
        right=[
            dropout_by_choice,
            lambda x, rate, training, rng: (
                np.where(rng.uniform(size=x.shape) < rate, 0, x / (1 - rate))
                if training
                else x.copy()
            ),
        ],
        wrong={
            "so the mean shrinks": dropout_with(scale=lambda rate: 1),
            "at 0.5 both agree": dropout_with(scale=lambda rate: rate),
            "divide, do not multiply": dropout_with(scale=lambda rate: 1 / (1 - rate)),
            "the share that should go": dropout_with(gone=lambda rate: 1 - rate),
            "in use nothing is scaled": dropout_with(lambda rate: 1, in_use=lambda rate: 1 - rate),
            "makes holes in use": lambda x, rate, training, rng: dropout_with()(x, rate, True, rng),
            "no holes in training": lambda x, rate, training, rng: x.copy(),
            "each row is dropped as a whole": dropout_with(shape=lambda x: (len(x), 1)),
            "each column is dropped as a whole": dropout_with(shape=lambda x: x.shape[1]),
            "changes what it is given": dropout_in_place,
            "the same again": dropout_from_elsewhere,
            "always the same": dropout_with_a_seed_of_its_own,
            "None": lambda x, rate, training, rng: x if training else None,
        },
    ),
    "q6": Entry(
        right=[seen_by_painting, seen_by_gradient],
        wrong={
            "asked the first answer only": first_answers,
            "wins on another": lambda model: seen_by_gradient(model, images=1),
            "every pixel is seen": lambda model: np.ones(model.input_shape[1:3], dtype=bool),
            "upside down": lambda model: ~seen_by_gradient(model),
            "True or False": lambda model: seen_by_gradient(
                model, seen=lambda influence: influence
            ),
            "can change nothing": with_the_last_row,
            "expected shape": lambda model: seen_by_gradient(model)[..., np.newaxis],
            "stops with": lambda model: np.asarray(model(np.zeros((1, 28, 28, 1)))) > 0,
        },
    ),
    "q7": Entry(
        right=[
            LISTED,
            network(*pooled(), conv(16), layers.Flatten(), layers.Dropout(0.5), decide()),
        ],
        wrong={
            "parameters, 8,000 are allowed": network(
                *pooled(), conv(16, padding="same"), layers.Flatten(), decide()
            ),
            "multiply-adds, 350,000": network(
                conv(8), conv(8), layers.MaxPooling2D(4), conv(8), layers.Flatten(), decide()
            ),
            "pixels are blind": network(
                conv(8),
                layers.MaxPooling2D(2),
                conv(16),
                layers.MaxPooling2D(2),
                conv(16),
                layers.Flatten(),
                decide(),
            ),
            "0 convolutions": models.softmax_regression(),
            "2 convolutions": network(*pooled(), layers.GlobalAveragePooling2D(), decide()),
            "is the softmax": network(*strided(), decide(None)),
            "single layer in disguise": network(*strided(activation=None), decide()),
            "Is Flatten missing": network(*strided()[:-1], decide()),
            "ten probabilities are wanted": network(*strided(), decide(units=9)),
            "one channel included": network(*strided(), decide(), shape=(28, 28, 3)),
            "not counted here": network(
                *strided()[:2], layers.SeparableConv2D(16, 3), layers.Flatten(), decide()
            ),
            "expected a Keras model": lambda: LISTED,
        },
    ),
    "q8": Entry(
        right=[
            by_keras,
            by_numpy,
            lambda image, weights: [float(share) for share in by_numpy(image, weights)],
        ],
        wrong={
            "softmax is missing": lambda image, weights: by_numpy(image, weights, last=lambda x: x),
            "all ten exponentials": lambda image, weights: by_numpy(
                image, weights, last=lambda x: np.exp(x) / np.exp(x).sum()
            ),
            "ReLU before the softmax": lambda image, weights: by_numpy(
                image, weights, last=lambda x: special.softmax(np.maximum(x, 0))
            ),
            "every ReLU": lambda image, weights: by_numpy(image, weights, "nothing", "nothing"),
            "convolutions lack": lambda image, weights: by_numpy(
                image, weights, after_maps="nothing"
            ),
            "layers before the last lack": lambda image, weights: by_numpy(
                image, weights, after_dense="nothing"
            ),
            "biases are missing": lambda image, weights: by_numpy(image, weights, bias=0),
            "do not transpose": lambda image, weights: by_numpy(image, weights, axes=(2, 0, 1)),
            "stops with": one_convolution_only,
        },
    ),
}

ENOUGH = "a hundred images are many; one more or less shows the same pixels"
ALSO_WITHIN = "another network that keeps every promise of the budget"
EQUIVALENT = {
    ("q6", "line 2: 100 becomes 101"): ENOUGH,
    ("q6", "line 2: 100 becomes 99"): ENOUGH,
    ("q7", "line 2: 8 becomes 7"): ALSO_WITHIN,
    ("q7", "line 2: 3 becomes 2"): ALSO_WITHIN,
    ("q7", "line 3: 2 becomes 3"): ALSO_WITHIN,
    ("q7", "line 4: 16 becomes 15"): ALSO_WITHIN,
    ("q7", "line 4: 3 becomes 2"): ALSO_WITHIN,
    ("q7", "line 6: 16 becomes 17"): ALSO_WITHIN,
    ("q7", "line 6: 16 becomes 15"): ALSO_WITHIN,
    (
        "q8",
        "line 2: True becomes False",
    ): "every kernel has its bias, so both lists are equally long",
}
