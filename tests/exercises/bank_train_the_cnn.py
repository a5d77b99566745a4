"""What people answer to the questions on train_the_cnn."""

import math
import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tests.exercises.bank import Entry
from utils.environment import quiet_tensorflow
from utils.exercises import material
from utils.prediction import MODELS, DigitReader

with quiet_tensorflow():
    import keras
    import tensorflow as tf

given = material("train_the_cnn")


def loss_clipped_in_place(answers, labels):
    answers /= answers.max()
    return np.mean([-math.log(row[label]) for row, label in zip(answers, labels, strict=True)])


def loss_by_keras(answers, labels):
    return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, answers))


def stop_by_waiting(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        waited += 1
        if loss < lowest:
            lowest, kept, waited = loss, done, 0
        if waited == patience:
            break
    return np.array([done, kept])


def stop_by_appending(val_loss, patience):
    val_loss.append(math.inf)
    return stop_by_waiting(val_loss, patience)


def stop_if_it_stops(val_loss, patience):
    for done in range(1, len(val_loss) + 1):
        kept = int(np.argmin(val_loss[:done])) + 1
        if done - kept == patience:
            return done, kept


def adam_by_keras(weights, gradient, mean, square, step, rate):
    variable = keras.Variable(weights)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([variable])
    iterations, _, momentum, velocity = optimizer.variables
    iterations.assign(step - 1)
    momentum.assign(mean)
    velocity.assign(square)
    optimizer.apply([gradient.astype("float32")], [variable])
    return tuple(keras.ops.convert_to_numpy(part) for part in (variable, momentum, velocity))


def adam_as_in_the_paper(weights, gradient, mean, square, step, rate):
    mean = mean + 0.1 * (gradient - mean)
    square = square + 0.001 * (gradient**2 - square)
    way = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)
    return [weights - rate * way, mean, square]


def adam_in_place(weights, gradient, mean, square, step, rate):
    mean *= 0.9
    return adam_as_in_the_paper(weights, gradient, mean / 0.9, square, step, rate)


def normalize_by_keras(features, mean, variance, training):
    layer = keras.layers.BatchNormalization(momentum=0.9)
    layer.build(features.shape)
    layer.set_weights([np.ones_like(mean), np.zeros_like(mean), mean, variance])
    return layer(features, training=training), *layer.get_weights()[2:]


def normalize_by_rows(features, mean, variance, training):
    if not training:
        return (features - mean) / (variance + 0.001) ** 0.5, mean, variance
    rows = features.reshape(-1, features.shape[-1])
    scaled = (features - rows.mean(axis=0)) / (rows.var(axis=0) + 0.001) ** 0.5
    return scaled, mean + (rows.mean(0) - mean) / 10, variance + (rows.var(0) - variance) / 10


def tried(times=30, differs=lambda one, other: (one != other).any()):
    def try_out(layer, digits):
        tries, uses = [], []
        for _ in range(times):  # in turn, as some people do
            uses.append(layer(digits))
            tries.append(layer(digits, training=True).numpy())
        return {
            "acts in training": any(differs(one, digits) for one in tries),
            "acts in use": any(differs(one, digits) for one in uses),
            "random in training": any(differs(one, tries[0]) for one in tries),
        }

    return try_out


def tried_by_tensorflow(layer, digits):
    tries = [layer(tf.constant(digits), training=True) for _ in range(20)]
    uses = np.stack([layer(digits, training=False) for _ in range(20)])
    return {
        "random in training": np.any([tf.reduce_any(one != tries[0]) for one in tries]),
        "acts in training": np.abs(np.array(tries) - digits).max() > 0,
        "acts in use": not keras.ops.all(uses == digits),
    }


def choices_by_pandas(results, names=list):
    losses = {name: result["validation"] for name, result in results.items()}
    frame = pd.DataFrame(losses).dropna(axis=1)
    if frame.empty:
        return []
    best = frame.mean().idxmin()
    gain = frame.sub(frame[best], axis=0)
    return names(np.sort([name for name in frame if name == best or gain[name].min() < 0]))


def choices_that_throw_out(results):
    for name in [name for name, result in results.items() if np.isnan(result["validation"]).any()]:
        del results[name]
    return choices_by_pandas(results)


def choices_unguarded(results):
    losses = {name: np.array(result["validation"]) for name, result in results.items()}
    losses = {name: loss for name, loss in losses.items() if not np.isnan(loss).any()}
    best = min(losses, key=lambda name: losses[name].mean())
    return sorted(name for name in losses if name == best or (losses[name] < losses[best]).any())


def own(name):
    """Return a network of the course with weights that are a bit different."""
    model = DigitReader(name).model
    model.set_weights([weights * (1 + 1e-6) for weights in model.get_weights()])
    return model


class Folder(os.PathLike):
    """A folder that is filled when somebody looks: with shipped models, copied or made by a function."""

    def __init__(self, keras=lambda path: own("reference").save(path),
                 onnx="reference.onnx", tflite="reference.tflite"):  # fmt: skip
        self.forms = {"keras": keras, "onnx": onnx, "tflite": tflite}

    def __fspath__(self):
        return self.filled.name

    @cached_property
    def filled(self):
        folder = tempfile.TemporaryDirectory()
        for ending, source in self.forms.items():
            if callable(source):
                source(Path(folder.name) / f"reader.{ending}")
            elif source:
                shutil.copy(MODELS / source, Path(folder.name) / f"reader.{ending}")
        return folder


def untrained(path):
    from utils.models import reference_cnn

    reference_cnn().save(path)


def of_four_bytes(path):
    DigitReader("reference").model.export(path, format="litert", verbose=False)


def cut_short(path):
    path.write_bytes((MODELS / "reference.onnx").read_bytes()[:5000])


def network(*layers, side=28):
    return keras.Sequential([keras.Input((side, side, 1)), *layers])


def small_network(units=10, activation="softmax", side=28):
    dense = keras.layers.Dense(units, activation=activation)
    return network(keras.layers.MaxPooling2D(4), keras.layers.Flatten(), dense, side=side)


class Wrapped(keras.Model):
    """A model that is a class, as in many tutorials."""

    def __init__(self):
        super().__init__()
        self.inner = own("tiny")

    def call(self, images, training=False):
        return self.inner(images, training=training)


wrapped, HALF_BLIND = Wrapped(), keras.layers.Cropping2D(((12, 0), (0, 0)))
wrapped(np.zeros((1, 28, 28, 1)))
RUNS = {"A": "overfitting", "B": "fine", "C": "rate too large", "D": "underfitting", "E": "fine"}

BANK = {
    "q1": Entry(
        right=[
            loss_by_keras,
            lambda answers, labels: -np.sum(np.eye(answers.shape[1])[labels] * np.log(answers)) / len(labels),
        ],
        wrong={
            "changes what it is given": loss_clipped_in_place,
            "expected a single number": lambda answers, labels: [loss_by_keras(answers, labels)],
        },
    ),
    "q2": Entry(
        right=[
            lambda digits, epochs, old, new: (epochs * -(-digits // new), (old / new) ** 0.5),
            lambda digits, epochs, old, new: [epochs * len(range(0, digits, new)), 1 / math.sqrt(new / old)],
        ],
        wrong={
            "expected 2 things": lambda digits, epochs, old, new: epochs * -(-digits // new),
            "`factor`: expected": lambda digits, epochs, old, new: (epochs * -(-digits // new), old),
        },
    ),
    "q3": Entry(
        right=[dict(reversed(RUNS.items())), pd.Series(RUNS), dict(zip(RUNS, np.array([*RUNS.values()]), strict=True))],
        wrong={
            "`B`: `'good'` isn't right": RUNS | {"B": "good"},
            "the keys `A, B, C, D, E`": {"A": "overfitting"},
            "a dict with the keys": [*RUNS.values()],
        },
    ),
    "q4": Entry(
        right=[stop_by_waiting],
        wrong={"changes what it is given": stop_by_appending, "got `None`": stop_if_it_stops},
    ),
    "q5": Entry(
        right=[adam_by_keras, adam_as_in_the_paper],
        wrong={
            "changes what it is given": adam_in_place,
            "`square`: ": lambda *given: (*adam_as_in_the_paper(*given)[:2], given[3]),
        },
    ),
    "q6": Entry(
        right=[normalize_by_keras, normalize_by_rows],
        wrong={"expected": lambda *given: normalize_by_rows(*given)[0]},
    ),
    "q7": Entry(
        right=[tried(), tried_by_tensorflow],
        wrong={
            "A few tries": tried(times=3),
            "expected a dict": lambda layer, digits: tuple(tried()(layer, digits).values()),
            "got an array": lambda layer, digits: dict.fromkeys(tried()(layer, digits), digits > 0),
        },
    ),
    "q8": Entry(
        right=[choices_by_pandas, lambda results: choices_by_pandas(results, names=np.array)],
        wrong={
            "changes what it is given": choices_that_throw_out,
            "stops with `ValueError": choices_unguarded,
        },
    ),
    "q9": Entry(
        right=[Folder()],
        wrong={
            "as a path": "reader.keras",
            "the course's own network *reference*": Folder(keras="reference.keras"),
            "there's no `reader.tflite`": Folder(tflite=None),
            "renaming a file": Folder(onnx="reference.keras"),
            "reader.onnx cannot be used": Folder(onnx=cut_short),
            "and the reference CNN has": Folder(keras="dense.keras"),
            "Was it trained": Folder(keras=untrained),
            "`reader.onnx` and `reader.keras` give": Folder(onnx="compact.onnx"),
            "`reader.tflite` and `reader.keras` give": Folder(tflite="dense.tflite"),
            "wasn't rounded": Folder(tflite=of_four_bytes),
        },
    ),
    "q10": Entry(
        right=[own("tiny"), network(own("tiny")), wrapped],
        wrong={
            "the course's own network *tiny*": DigitReader("tiny").model,
            "returns two things": (own("tiny"), {"loss": [0.5]}),
            "expected a Keras model": small_network,
            "isn't built yet": keras.Sequential([keras.layers.Dense(10)]),
            "at most 6,000 parameters": DigitReader("reference").model,
            "Was it trained": small_network(),
            "end with a softmax": small_network(activation=None),
            "expected 10 answers": small_network(units=2),
            "can't read images": small_network(side=32),
            "96% are needed": network(HALF_BLIND, keras.layers.ZeroPadding2D(((12, 0), (0, 0))), own("tiny")),
            "values from 0 to 255": network(keras.layers.Rescaling(1 / 255), own("tiny")),
        },
    ),
}  # fmt: skip

ENOUGH = "a layer that acts in one call of five is found by 19 tries as well as by 21"
ANY_ONE = "it doesn't matter with which of the tries the others are compared"
IN_BUDGET = "another design that keeps the budget and reaches the goal"
EQUIVALENT = {
    ("q7", "line 2: 20 becomes 21"): ENOUGH,
    ("q7", "line 2: 20 becomes 19"): ENOUGH,
    ("q7", "line 3: 20 becomes 21"): ENOUGH,
    ("q7", "line 3: 20 becomes 19"): ENOUGH,
    ("q7", "line 7: 0 becomes 1"): ANY_ONE,
    ("q7", "line 7: 0 becomes -1"): ANY_ONE,
    ("q10", "line 3: 8 becomes 9"): IN_BUDGET,
    ("q10", "line 3: 8 becomes 7"): IN_BUDGET,
    ("q10", "line 4: 16 becomes 17"): IN_BUDGET,
    ("q10", "line 4: 16 becomes 15"): IN_BUDGET,
    ("q10", "line 4: True becomes False"): IN_BUDGET,
    ("q10", "line 5: 24 becomes 25"): IN_BUDGET,
    ("q10", "line 5: 24 becomes 23"): IN_BUDGET,
    ("q10", "line 10: 6 becomes 7"): IN_BUDGET,
    ("q10", "line 10: 6 becomes 5"): IN_BUDGET,
    ("q10", "line 10: 32 becomes 33"): IN_BUDGET,
    ("q10", "line 10: 32 becomes 31"): IN_BUDGET,
    ("q10", "line 10: 0 becomes 1"): IN_BUDGET,
    ("q10", "line 11: 0 becomes 1"): "how much `fit` tells doesn't matter",
    ("q10", "line 11: 0 becomes -1"): "how much `fit` tells doesn't matter",
}
