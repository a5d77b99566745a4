"""What people answer to the questions on build_a_cnn."""

import keras
import numpy as np
import pandas as pd
from keras import layers
from scipy import special

from tests.exercises.bank import Entry
from utils import models
from utils.exercises.lesson import load

found = load("build_a_cnn")
SHAPES, COUNTS = found.answer("q1"), found.answer("q2")
dropout, seen_pixels, read_any = map(found.answer, ("q5", "q6", "q8"))
POOL = layers.MaxPooling2D(2)


def field_from_the_top(steps):
    seen = 1
    for kernel, stride in reversed(steps):
        seen = (seen - 1) * stride + kernel
    return seen


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


def dropout_scaled_both_times(x, rate, training, rng):
    return x * (rng.random(x.shape) >= rate) if training else x / (1 - rate)


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
    seen = seen_pixels(model)
    seen[-1] = True
    return seen


def after_new_weights(model):
    model.set_weights([np.ones_like(array) for array in model.get_weights()])
    return seen_pixels(model)


def network(*parts):
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


def conv(filters, **options):
    return layers.Conv2D(filters, 3, **{"activation": "relu", **options})


def decide(activation="softmax"):
    return [layers.Flatten(), layers.Dense(10, activation=activation)]


def strided(**options):
    """Return layers that stay within the budget: strides of 2 in the place of pooling."""
    halve = {"padding": "same", "strides": 2, **options}
    return [conv(8, **halve), conv(16, **halve), conv(16, **options)]


def pooled():
    return [conv(8, padding="same"), POOL, conv(16, padding="same"), POOL]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.all = keras.Sequential([*strided(), *decide()])

    def call(self, x):
        return self.all(x)


subclassed = Subclassed()
subclassed(np.zeros((1, 28, 28, 1), "float32"))
BLIND = network(conv(8), POOL, conv(16), POOL, conv(16), *decide())


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


BANK = {
    "q1": Entry(
        right=[
            SHAPES | {"flatten": 1280},
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
        wrong={"isn't right": COUNTS | {"conv 2 multiply-adds": 56 * 56 * 18_432}},
    ),
    "q3": Entry(
        right=[
            lambda z: np.exp(z - special.logsumexp(z, axis=1, keepdims=True)),
            lambda z: keras.ops.softmax(z, axis=-1).numpy().tolist(),
        ],
        wrong={
            "expected an array of shape": lambda z: special.softmax(z[0]),
            "All rows *together*": special.softmax,
        },
    ),
    "q4": Entry(
        right=[field_from_the_top],
        wrong={
            "`IndexError": lambda steps: steps[0] and field_from_the_top(steps),
            "expected": lambda steps: np.prod([kernel for kernel, _ in steps]),
        },
    ),
    "q5": Entry(
        right=[dropout_by_choice],
        wrong={
            "`factors of the rest`: expected": dropout_scaled_both_times,
            "changes what it is given": dropout_in_place,
            "`ValueError": lambda x, *rest: dropout(x.reshape(x.shape[0], x.shape[1]), *rest),
            "expected an array of shape": lambda x, *rest: dropout(x.ravel(), *rest),
            "got `None`": lambda x, rate, training, rng: x if training else None,
        },
    ),
    "q6": Entry(
        right=[seen_by_painting],
        wrong={
            "blind, but called seen": with_the_last_row,
            "other numbers": lambda model: 2 * seen_pixels(model),
            "expected an array of shape": lambda model: seen_pixels(model)[..., np.newaxis],
            "changes the weights": after_new_weights,
        },
    ),
    "q7": Entry(
        right=[
            network(*strided(), *decide()),
            network(keras.Sequential(strided()), *decide()),
            network(*pooled(), conv(16), layers.Dropout(0.5), *decide()),
        ],
        wrong={
            "8,000 parameters": network(*pooled(), conv(16, padding="same"), *decide()),
            "350,000 multiply-adds": network(
                conv(8), conv(8), layers.MaxPooling2D(4), conv(8), *decide()
            ),
            "pixels are blind": BLIND,
            "0 convolutions": models.softmax_regression(),
            "end with a softmax": network(*strided(), *decide(None)),
            "single layer in disguise": network(*strided(activation=None), *decide()),
            "expected 10 outputs": network(*strided(), layers.Dense(10, activation="softmax")),
            "`SeparableConv2D` has": network(
                *strided()[:2], layers.SeparableConv2D(16, 3), *decide()
            ),
            "expected a Keras model": lambda: BLIND,
            "not a subclass": subclassed,
        },
    ),
    "q8": Entry(
        right=[by_keras, lambda *both: [float(share) for share in read_any(*both)]],
        wrong={
            "stops with": lambda image, weights: read_any(image, weights[:2] + weights[4:]),
            "expected an array of shape": lambda image, weights: read_any(image, weights)[None],
        },
    ),
}

WITHIN = ["2: 8 becomes 7", "2: 3 becomes 2", "3: 2 becomes 3", "4: 16 becomes 15"]
WITHIN += ["4: 3 becomes 2", "6: 16 becomes 17", "6: 16 becomes 15"]
EQUIVALENT = {
    ("q6", "line 2: 100 becomes 101"): "a hundred images are many; one more shows the same pixels",
    ("q6", "line 2: 100 becomes 99"): "a hundred images are many; one less shows the same pixels",
    ("q8", "line 2: True becomes False"): "every kernel has its bias, so both lists are as long",
} | {("q7", f"line {change}"): "another network that stays within the budget" for change in WITHIN}
