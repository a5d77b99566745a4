"""What people answer to the questions on train_the_cnn."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from tests.exercises.bank import Entry
from utils.environment import quiet_tensorflow
from utils.prediction import MODELS, DigitReader

with quiet_tensorflow():
    import keras
    import tensorflow as tf

    from utils.models import reference_cnn


def stop_by_waiting(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        waited += 1
        if loss < lowest:
            lowest, kept, waited = loss, done, 0
        if waited == patience:
            break
    return np.array([done, kept])


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


def try_in_turn(layer, digits, times=30):
    pairs = [(layer(digits), layer(digits, training=True).numpy()) for _ in range(times)]
    return {
        "acts in training": any((one != digits).any() for _, one in pairs),
        "acts in use": any((one != digits).any() for one, _ in pairs),
        "random in training": any((one != pairs[0][1]).any() for _, one in pairs),
    }


def try_by_tensorflow(layer, digits):
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


HOME = tempfile.TemporaryDirectory()


def shipped(name):
    return (MODELS / name).read_bytes()


def saved(model):
    """Return the bytes of a network's file."""
    path = Path(HOME.name) / "saved.keras"
    model.save(path)
    return path.read_bytes()


ONNX, TFLITE = shipped("reference.onnx"), shipped("reference.tflite")
FORMS = {"keras": saved(own("reference")), "onnx": ONNX, "tflite": TFLITE}


def folder(**changes):
    """Return a folder with the reference CNN in three forms, some of them changed."""
    path = Path(tempfile.mkdtemp(dir=HOME.name))
    for ending, content in (FORMS | changes).items():
        (path / f"reader.{ending}").write_bytes(content)
    return path


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


wrapped = Wrapped()
wrapped(np.zeros((1, 28, 28, 1)))
RUNS = {"A": "overfitting", "B": "fine", "C": "rate too large", "D": "underfitting", "E": "fine"}

BANK = {
    "q1": Entry(right=[lambda p, labels: tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, p))]),
    "q2": Entry(
        right=[lambda digits, epochs, old, new: (epochs * -(-digits // new), (old / new) ** 0.5)],
        wrong={"`factor`: expected": lambda digits, epochs, old, new: (epochs * -(-digits // new), old)},
    ),
    "q3": Entry(
        right=[pd.Series(RUNS), dict(zip(RUNS, np.array([*RUNS.values()]), strict=True))],
        wrong={"`B`: `'good'` isn't right": RUNS | {"B": "good"}, "a dict with the keys": [*RUNS.values()]},
    ),
    "q4": Entry(right=[stop_by_waiting], wrong={"got `None`": stop_if_it_stops}),
    "q5": Entry(
        right=[adam_by_keras, adam_as_in_the_paper],
        wrong={"`square`: ": lambda *given: (*adam_as_in_the_paper(*given)[:2], given[3])},
    ),
    "q6": Entry(right=[normalize_by_keras, normalize_by_rows]),
    "q7": Entry(
        right=[try_in_turn, try_by_tensorflow],
        wrong={
            "A few tries": lambda *given: try_in_turn(*given, times=3),
            "got an array": lambda layer, digits: dict.fromkeys(try_in_turn(layer, digits), digits > 0),
        },
    ),
    "q8": Entry(
        right=[choices_by_pandas, lambda results: choices_by_pandas(results, names=np.array)],
        wrong={"stops with `ValueError": choices_unguarded},
    ),
    "q9": Entry(
        right=[folder()],
        wrong={
            "as a path": "reader.keras",
            "there's no `reader.keras`": HOME.name,
            "the course's own network *reference*": folder(keras=shipped("reference.keras")),
            "Renaming a file": folder(onnx=shipped("reference.keras")),
            "expected a network of": folder(keras=shipped("dense.keras")),
            "Was it trained": folder(keras=saved(reference_cnn())),
            "`reader.onnx` and `reader.keras` differ": folder(onnx=shipped("compact.onnx")),
            "`reader.tflite` and `reader.keras` differ": folder(tflite=shipped("dense.tflite")),
            "round it to 8 bits": folder(tflite=TFLITE + bytes(len(ONNX))),
        },
    ),
    "q10": Entry(
        right=[own("tiny"), network(own("tiny")), wrapped],
        wrong={
            "the course's own network *tiny*": DigitReader("tiny").model,
            "Hand in the network alone": (own("tiny"), {"loss": [0.5]}),
            "isn't built yet": keras.Sequential([keras.layers.Dense(10)]),
            "at most 6,000 parameters": DigitReader("reference").model,
            "Was it trained": small_network(),
            "end with a softmax": small_network(activation=None),
            "expected 10 answers": small_network(units=2),
            "can't read images": small_network(side=32),
            "values from 0 to 255": network(keras.layers.Rescaling(1 / 255), own("tiny")),
        },
    ),
}  # fmt: skip


def shifted(question, why, *places):
    """Return the mutants in which the number at a line is larger or smaller by 1."""
    return {
        (question, f"line {line}: {number} becomes {number + by}"): why
        for line, number in places
        for by in (1, -1)
    }


IN_BUDGET = "another design that keeps the budget and reaches the goal"
EQUIVALENT = {
    **shifted("q7", "19 or 21 tries find one call of five as well as 20", (2, 20), (3, 20)),
    **shifted("q7", "it doesn't matter with which of the tries the others are compared", (7, 0)),
    **shifted("q10", IN_BUDGET, (3, 8), (4, 16), (5, 24), (10, 6), (10, 32)),
    **shifted("q10", "how much `fit` tells doesn't matter", (11, 0)),
    ("q10", "line 4: True becomes False"): IN_BUDGET,
    ("q10", "line 10: 0 becomes 1"): IN_BUDGET,
}
