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
from benchmarks.accuracy import (
    MEASURED,
    NO_DIGITS,
    WRITTEN,
    joined,
    trained,
    training_data,
    whole_recipe,
)
from benchmarks.handwriting import digits_kept_apart, letters_kept_apart, no_digits
from utils import data
from utils.evaluation import DIGITS, accuracy_interval, coverage_curve, fit_temperature
from utils.prediction import MODELS, MOST_DOUBT, DigitReader
from utils.training import export_int8, export_onnx, save_model

SEED = 0
SHIPPED = ("reference", "compact", "robust", "tiny", "dense")
WISH = 0.999  # of what a reader answers, this share is to be right
MOST_REFUSED = 0.002  # of digits, chosen by validation digits
EXAMPLES = 500  # digits by which the 8-bit form is calibrated
DRAWN = (
    f"; {10 * WRITTEN:,} digits in other people's handwriting, and {NO_DIGITS:,} letters, marks, scribbles, and pairs "
    "of touching digits, all drawn by benchmarks/handwriting.py"
)
LIMITS_OF_DIGITS = "Reads one upright digit in MNIST's form. Letters, smileys, and noise get an answer all the same."
LIMITS = (
    "Reads one upright digit in MNIST's form. An eleventh output says that it's no digit; letters that look like a "
    'digit, and some others, get an answer all the same: see "rejection".'
)


def make(name: str, mnist: data.Mnist) -> None:
    """Train one recipe, save the network in three forms, and write its card."""
    bare, temperature = finished(name, SEED, mnist)
    train, validation = training_data(mnist)
    can_reject = bare.output_shape[-1] > len(DIGITS)
    paths = [MODELS / f"{name}{ending}" for ending in (".keras", ".onnx", ".tflite")]
    save_model(bare, paths[0])
    export_onnx(bare, paths[1])
    export_int8(bare, train[0][:EXAMPLES], paths[2])
    card = {
        "recipe": whole_recipe(name),
        "seed": SEED,
        "temperature": round(temperature, 3),
        "abstain_below": threshold(paths[0], *validation),
        "trained_on": f"{len(train[0]):,} images of MNIST's training set, without the 1,000 that test the sample"
        + (DRAWN if can_reject else ""),
        "files": [describe_file(path, validation, mnist) for path in paths],
        "limits": LIMITS if can_reject else LIMITS_OF_DIGITS,
        "machine": records.machine(),
    }
    if can_reject:
        card["rejection"] = describe_rejection(DigitReader(paths[1]), mnist)
    with data.atomic_write(MODELS / f"{name}.json") as part:
        part.write_text(json.dumps(card, indent=2) + "\n")


def finished(name: str, seed: int, mnist: data.Mnist) -> tuple[keras.Model, float]:
    """Return a trained network, calibrated and ready to be saved, and its temperature."""
    bare = MEASURED[name].build()  # a fresh one carries no optimizer, which would triple the file
    bare.set_weights(trained(name, seed, mnist).get_weights())
    _, validation = training_data(mnist)
    temperature = calibrate(bare, *validation)
    if bare.output_shape[-1] > len(DIGITS):
        set_doubt(bare, validation[0], all_kept_apart()[0])
    return bare, temperature


def calibrate(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Make the confidence fit digits that were not trained on, answers unchanged, and return the temperature.

    Dividing the last layer's weights divides all that goes into the softmax.
    """
    temperature = fit_temperature(DigitReader(network).predict_batch(images), labels)
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return temperature


def all_kept_apart() -> tuple[np.ndarray, np.ndarray]:
    """Return digits in handwriting that no network learned from, each drawn four times, with their labels."""
    return joined(*map(digits_kept_apart, range(4)))


def set_doubt(network: keras.Model, *digits: np.ndarray) -> None:
    """Shift the output for no digit so that few digits are refused, in whichever set more of them are."""
    reader = DigitReader(network)
    most = max(np.quantile(reader.predict_or_reject(some)[1], 1 - MOST_REFUSED) for some in digits)
    weights, bias = network.layers[-1].get_weights()
    bias[-1] += np.log(MOST_DOUBT / (1 - MOST_DOUBT)) - np.log(most / (1 - most))
    network.layers[-1].set_weights([weights, bias])


def describe_rejection(reader: DigitReader, mnist: data.Mnist) -> dict:
    """Return which share of digits is refused, and which share of what shows no digit is answered."""

    def share(images, refused):
        return round(
            float(np.mean((reader.predict_or_reject(images)[1] > MOST_DOUBT) == refused)), 4
        )

    _, (validation, _) = training_data(mnist)
    others, (apart, _) = no_digits(2000, seed=1000)[0], all_kept_apart()
    digits = {
        "MNIST validation": validation,
        "MNIST test": mnist.x_test,
        "handwriting kept apart": apart,
    }
    letters = {"letters kept apart": letters_kept_apart(), "letters, marks, and scribbles": others}
    return {
        "digits_refused": {name: share(images, True) for name, images in digits.items()},
        "others_answered": {name: share(images, False) for name, images in letters.items()},
    }


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
