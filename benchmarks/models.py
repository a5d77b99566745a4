"""Make the models in data/models, with a card for each: `make models`.

A network that `make benchmark` has just trained, by the same recipe and seed, is taken as it is.
"""

import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

from benchmarks import records
from benchmarks.accuracy import MEASURED, describe, trained, training_data
from utils import data
from utils.evaluation import accuracy_interval, coverage_curve, fit_temperature
from utils.prediction import MODELS, DigitReader
from utils.training import export_int8, export_onnx, save_model

SEED = 0
SHIPPED = ("reference", "compact", "robust", "tiny", "dense")
WISH = 0.999  # of what a reader answers, this share is to be right
EXAMPLES = 500  # digits by which the 8-bit form is calibrated


def make(name: str, mnist: data.Mnist) -> None:
    """Train one recipe, save the network in three forms, and write its card."""
    network = trained(name, SEED, mnist)
    bare = MEASURED[name].build()  # a fresh one carries no optimizer, which would triple the file
    bare.set_weights(network.get_weights())
    train, validation = training_data(mnist)
    temperature = calibrate(bare, *validation)
    paths = [MODELS / f"{name}{ending}" for ending in (".keras", ".onnx", ".tflite")]
    save_model(bare, paths[0])
    export_onnx(bare, paths[1])
    export_int8(bare, train[0][:EXAMPLES], paths[2])
    card = {
        "recipe": describe(MEASURED[name]),
        "seed": SEED,
        "temperature": round(temperature, 3),
        "abstain_below": threshold(paths[0], *validation),
        "trained_on": f"{len(train[0]):,} images of MNIST's training set, without the 1,000 that test the sample",
        "files": [describe_file(path, validation, mnist) for path in paths],
        "limits": "Reads one upright digit in MNIST's form. Letters, smileys or noise get an answer all the same.",
        "machine": records.machine(),
    }
    with data.atomic_write(MODELS / f"{name}.json") as part:
        part.write_text(json.dumps(card, indent=2) + "\n")


def calibrate(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Make the confidence fit digits that were not trained on, answers unchanged, and return the temperature.

    Dividing the last layer's weights divides all that goes into the softmax.
    """
    temperature = fit_temperature(DigitReader(network).predict_batch(images), labels)
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return temperature


def threshold(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the confidence from which on as many answers are right as wished, on digits that were not trained on."""
    curve = coverage_curve(DigitReader(path).predict_batch(images), labels)
    return round(float(curve.loc[curve["accuracy"] >= WISH, "threshold"].iloc[-1]), 4)


def describe_file(path: Path, validation: tuple, mnist: data.Mnist) -> dict:
    """Return what a card says about one file."""
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "validation": score(path, *validation),
        "mnist_test": score(path, mnist.x_test, mnist.y_test),
    }


def score(path: Path, images: np.ndarray, labels: np.ndarray) -> dict:
    """Return the accuracy of a saved model, as a reader uses it, with its 95 % interval."""
    correct = int(np.sum(DigitReader(path).predict_batch(images).argmax(axis=1) == labels))
    interval = [round(bound, 5) for bound in accuracy_interval(correct, len(labels))]
    return {
        "images": len(labels),
        "correct": correct,
        "accuracy": correct / len(labels),
        "interval": interval,
    }


def main(names: list[str]) -> None:
    """Make the named models, or all."""
    mnist = data.load_mnist("full")
    for name in names or SHIPPED:
        print(f"making {name}", flush=True)
        make(name, mnist)


if __name__ == "__main__":
    main(sys.argv[1:])
