"""What people answer to the questions on train_it_well."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from tests.exercises.bank import Entry
from tests.exercises.bank_train_the_cnn import shifted
from utils.environment import quiet_tensorflow
from utils.prediction import MODELS, DigitReader

with quiet_tensorflow():
    import keras

    from utils.models import reference_cnn


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


def gain_by_pandas(ours, theirs):
    gains = pd.Series(theirs) - pd.Series(ours)
    return {"gain": gains.mean(), "error": gains.sem()}


def gain_by_loops(ours, theirs):
    gains = [b - a for a, b in zip(ours, theirs, strict=True)]
    mean = sum(gains) / len(gains)
    squares = sum((gain - mean) ** 2 for gain in gains)
    return [mean, (squares / (len(gains) - 1) / len(gains)) ** 0.5]


def choices_by_pandas(results, names=list):
    losses = {name: result["validation"] for name, result in results.items()}
    frame = pd.DataFrame(losses).dropna(axis=1)
    if frame.empty:
        return []
    best = frame.mean().idxmin()
    gap = frame.sub(frame[best], axis=0)
    return names(sorted(frame.columns[gap.mean() <= 4.3 * gap.sem()]))


def choices_unguarded(results):
    losses = {name: np.array(result["validation"]) for name, result in results.items()}
    losses = {name: loss for name, loss in losses.items() if not np.isnan(loss).any()}
    best = min(losses, key=lambda name: losses[name].mean())
    gaps = {name: loss - losses[best] for name, loss in losses.items()}
    limits = {name: 4.3 * gap.std(ddof=1) / 3**0.5 for name, gap in gaps.items()}
    return sorted(name for name, gap in gaps.items() if gap.mean() <= limits[name])


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

BANK = {
    "q1": Entry(
        wrong={
            "at least eight words": "The batches are larger.",
            "as text": ["fewer", "steps"],
        },
    ),
    "q2": Entry(right=[normalize_by_keras, normalize_by_rows]),
    "q3": Entry(right=[gain_by_pandas, gain_by_loops]),
    "q4": Entry(
        right=[choices_by_pandas, lambda results: choices_by_pandas(results, names=np.array)],
        wrong={"stops with `ValueError": choices_unguarded},
    ),
    "q5": Entry(
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
            "Round it to 8 bits": folder(tflite=TFLITE + bytes(len(ONNX))),
        },
    ),
    "q6": Entry(
        right=[own("tiny"), network(own("tiny")), wrapped],
        wrong={
            "the course's own network *tiny*": DigitReader("tiny").model,
            "Hand in the network alone": (own("tiny"), {"loss": [0.5]}),
            "isn't built yet": keras.Sequential([keras.layers.Dense(10)]),
            "at most 6,000 parameters": DigitReader("reference").model,
            "Was it trained": small_network(),
            "end with a softmax": small_network(activation=None),
            "expected 10 outputs": small_network(units=2),
            "can't read images": small_network(side=32),
            "values from 0 to 255": network(keras.layers.Rescaling(1 / 255), own("tiny")),
        },
    ),
}  # fmt: skip

IN_BUDGET = "another design that keeps the budget and reaches the goal"
EQUIVALENT = {
    **shifted("q6", IN_BUDGET, (3, 8), (4, 16), (5, 24), (10, 6), (10, 32)),
    **shifted("q6", "how much `fit` tells doesn't matter", (11, 0)),
    ("q6", "line 4: True becomes False"): IN_BUDGET,
    ("q6", "line 10: 0 becomes 1"): IN_BUDGET,
}
