"""What people answer to the questions on build_a_cnn."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from scipy import special

from tests.exercises.bank import Entry
from utils import models
from utils.exercises.lesson import load

found = load("build_a_cnn")
SHAPES, COUNTS = found.answer("q1"), found.answer("q2")
POOL = layers.MaxPooling2D(2)


def softmax_by_rows(z):
    shares = []
    for row in z:
        powers = [np.exp(number - max(row)) for number in row]
        shares.append([power / sum(powers) for power in powers])
    return shares


def softmax_in_place(z):
    z -= z.max(axis=1, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def field_of_followed_pixels(steps):
    """Follow which of many pixels reach one number."""
    low = high = np.arange(300_000)
    for kernel, stride in steps:
        count = (len(low) - kernel) // stride + 1
        low, high = low[: count * stride : stride], high[kernel - 1 :: stride][:count]
    return high[0] - low[0] + 1


def field_from_the_top(steps):
    seen = 1
    for kernel, stride in reversed(steps):
        seen = (seen - 1) * stride + kernel
    return seen


def dropout_with(scale=lambda rate: 1 - rate, in_use=lambda rate: 1):
    def drop(x, rate, training, rng):
        if not training:
            return x * in_use(rate)
        return x * (rng.uniform(size=x.shape) >= rate) / scale(rate)

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


def dropout_of_tables_only(x, rate, training, rng):
    rows, columns = x.shape
    return x * (rng.random((rows, columns)) >= rate) / (1 - rate) if training else x


def seen_by_gradient(model, images=100, output=tf.square, seen=lambda influence: influence != 0):
    shape = images, *model.input_shape[1:]
    noise = tf.constant(np.random.default_rng().uniform(size=shape), tf.float32)
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
    return seen.reshape(rows, columns).tolist()


def with_the_last_row(model):
    seen = seen_by_gradient(model)
    seen[-1] = True
    return seen


def after_new_weights(model):
    model.set_weights([np.ones_like(array) for array in model.get_weights()])
    return seen_by_gradient(model)


def network(*parts):
    x = inputs = keras.Input((28, 28, 1))
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def conv(filters, size=3, **options):
    return layers.Conv2D(filters, size, **{"activation": "relu", **options})


def decide(activation="softmax"):
    return layers.Dense(10, activation=activation)


def strided(**options):
    """Return layers that stay within the budget: strides of 2 in the place of pooling."""
    return [conv(8, padding="same", strides=2, **options), conv(16, padding="same", strides=2, **options),
            conv(16, **options), layers.Flatten()]  # fmt: skip


def pooled():
    return [conv(8, padding="same"), POOL, conv(16, padding="same"), POOL]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.parts = [*strided(), decide()]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


subclassed = Subclassed()
subclassed(np.zeros((1, 28, 28, 1), "float32"))
NESTED = keras.Sequential([keras.Input((28, 28, 1)), keras.Sequential(strided()), decide()])
BLIND = network(conv(8), POOL, conv(16), POOL, conv(16), layers.Flatten(), decide())


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


def by_numpy(image, weights, last=special.softmax):
    x = image
    for position in range(0, len(weights), 2):
        kernel, bias = weights[position : position + 2]
        if kernel.ndim == 4:
            windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
            x = np.einsum("rcdij,ijdf->rcf", windows, kernel) + bias
            x = np.maximum(x[:-1:2], x[1::2])  # pooling first, then ReLU: the same numbers
            x = np.maximum(x[:, :-1:2], x[:, 1::2]).clip(0)
        else:
            x = x.reshape(-1) @ kernel + bias
            x = x * (x > 0) if position < len(weights) - 2 else x
    return last(x)


def one_convolution_only(image, weights):
    first, bias, *rest = weights
    return by_numpy(by_numpy(image, [first, bias], last=np.ravel), rest)


BANK = {
    "q1": Entry(
        right=[
            SHAPES | {"flatten": 1280},
            {name: list(shape) for name, shape in SHAPES.items()},
            {name: np.array(shape) for name, shape in reversed(SHAPES.items())},
        ],
        wrong={
            "`pool 1`: expected numbers, got `'18 x 13'`": SHAPES | {"pool 1": "18 x 13"},
            "expected a dict with the keys": {name: SHAPES[name] for name in list(SHAPES)[:-1]},
            "Leave the batch out": {name: (None, *shape) for name, shape in SHAPES.items()},
        },
    ),
    "q2": Entry(
        right=[
            {name: float(count) for name, count in COUNTS.items()},
            {name: np.int64(count) for name, count in COUNTS.items()},
            pd.Series(COUNTS)[::-1],
        ],
        wrong={
            "isn't right": COUNTS | {"conv 2 multiply-adds": 56 * 56 * 18_432},
            "expected a dict with the keys": {"dense 1 parameters": 409_664},
        },
    ),
    "q3": Entry(
        right=[
            softmax_by_rows,
            lambda z: np.exp(z - special.logsumexp(z, axis=1, keepdims=True)),
            lambda z: keras.ops.softmax(z, axis=-1),
        ],
        wrong={
            "changes what it is given": softmax_in_place,
            "expected an array of shape": lambda z: special.softmax(z[0]),
            "All rows *together*": special.softmax,
        },
    ),
    "q4": Entry(
        right=[field_of_followed_pixels, field_from_the_top],
        wrong={
            "`IndexError": lambda steps: steps[0] and field_from_the_top(steps),
            "expected": lambda steps: np.prod([kernel for kernel, _ in steps]),
        },
    ),
    "q5": Entry(
        right=[dropout_by_choice, dropout_with()],
        wrong={
            "`factors of the rest`: expected": dropout_with(
                lambda rate: 1, lambda rate: 1 / (1 - rate)
            ),
            "You scale in use": dropout_with(lambda rate: 1, lambda rate: 1 - rate),
            "changes what it is given": dropout_in_place,
            "`ValueError": dropout_of_tables_only,
            "expected an array of shape": lambda x, rate, training, rng: x.ravel(),
            "got `None`": lambda x, rate, training, rng: x if training else None,
        },
    ),
    "q6": Entry(
        right=[seen_by_painting, seen_by_gradient],
        wrong={
            "blind, but called seen": with_the_last_row,
            "You say that every pixel": lambda model: np.ones(model.input_shape[1:3]),
            "upside down": lambda model: ~seen_by_gradient(model),
            "lose in pooling": lambda model: seen_by_gradient(model, images=2),
            "other numbers": lambda model: seen_by_gradient(model, seen=np.asarray),
            "expected an array of shape": lambda model: seen_by_gradient(model)[..., np.newaxis],
            "changes the weights": after_new_weights,
            "stops with": lambda model: np.asarray(model(np.zeros((1, 28, 28, 1)))) > 0,
        },
    ),
    "q7": Entry(
        right=[
            keras.Sequential([keras.Input((28, 28, 1)), *strided(), decide()]),
            NESTED,
            network(*pooled(), conv(16), layers.Flatten(), layers.Dropout(0.5), decide()),
        ],
        wrong={
            "8,000 parameters": network(
                *pooled(), conv(16, padding="same"), layers.Flatten(), decide()
            ),
            "350,000 multiply-adds": network(
                conv(8), conv(8), layers.MaxPooling2D(4), conv(8), layers.Flatten(), decide()
            ),
            "pixels are blind": BLIND,
            "0 convolutions": models.softmax_regression(),
            "2 convolutions": network(*pooled(), layers.GlobalAveragePooling2D(), decide()),
            "end with a softmax": network(*strided(), decide(None)),
            "single layer in disguise": network(*strided(activation=None), decide()),
            "Is `Flatten` missing": network(*strided()[:-1], decide()),
            "your `SeparableConv2D` has some": network(
                *strided()[:2], layers.SeparableConv2D(16, 3), layers.Flatten(), decide()
            ),
            "expected a Keras model": lambda: BLIND,
            "not a subclass": subclassed,
        },
    ),
    "q8": Entry(
        right=[by_keras, by_numpy, lambda *both: [float(share) for share in by_numpy(*both)]],
        wrong={
            "stops with": one_convolution_only,
            "expected an array of shape": lambda image, weights: by_numpy(image, weights)[None],
        },
    ),
}

ENOUGH = "a hundred images are many; one more or less shows the same pixels"
ALSO_WITHIN = "another network that stays within the budget"
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
    ("q8", "line 2: True becomes False"): "every kernel has its bias, so both lists are as long",
}
