"""Measure what each choice in a recipe is worth: change one, train again, and compare on validation digits.

The ablation of lesson 09, on all of MNIST and over three seeds. The trainings run as in accuracy.py.
"""

import statistics
from dataclasses import replace

import keras
from keras import layers

from benchmarks import records
from benchmarks.accuracy import (
    VALIDATION,
    constant,
    describe,
    errors,
    mnist_of_this_process,
    side_by_side,
    timed_fit,
    training_data,
)
from utils.models import conv_bn_relu, fast_cnn
from utils.training import Recipe


def activation_first() -> keras.Model:
    """Build the fast CNN with the usual order: activation, then pooling."""
    inputs = x = keras.Input((28, 28, 1))
    for filters, size in ((12, 5), (32, 3)):
        x = layers.Conv2D(filters, size, kernel_initializer="he_normal")(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(x))
    return _decided(inputs, x)


def normalized_throughout() -> keras.Model:
    """Build the fast CNN with batch normalization in the convolutions too."""
    inputs = keras.Input((28, 28, 1))
    x = conv_bn_relu(conv_bn_relu(inputs, 12, 5, pool=True), 32, pool=True)
    return _decided(inputs, x)


def _decided(inputs: keras.KerasTensor, x: keras.KerasTensor) -> keras.Model:
    """Put the dense part of the fast CNN on top."""
    x = layers.Dense(64, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


SEEDS = range(3)
BASE = Recipe(fast_cnn, epochs=3, batch_size=64, max_lr=1e-2, augment=0, label_smoothing=0.1)
CHANGES = {
    "as it is": {},
    "constant rate": {"schedule": constant, "max_lr": 1e-3},
    "batches of 256": {"batch_size": 256},
    "activation first": {"build": activation_first},
    "normalized throughout": {"build": normalized_throughout},
    "no smoothing": {"label_smoothing": 0.0},
    "averaging": {"ema_momentum": 0.99},
    "augmentation": {"augment": 1.0},
    "12 epochs": {"epochs": 12},
    "12 epochs, augmentation": {"epochs": 12, "augment": 1.0},
}


def measure(name: str, seed: int) -> dict:
    """Train the base recipe with one change, and return its errors on the validation digits."""
    train, validation = training_data(mnist_of_this_process())
    network, seconds = timed_fit(replace(BASE, **CHANGES[name]), train, seed)
    return {"seed": seed, "seconds": seconds, "errors": errors(network, *validation) / VALIDATION}


def summary(runs: list[dict]) -> dict:
    """Return means and the standard deviation of the errors over the seeds."""
    wrong = [run["errors"] for run in runs]
    return {
        "mean_errors": round(statistics.mean(wrong), 5),
        "standard_deviation": round(statistics.stdev(wrong), 5) if len(runs) > 1 else None,
        "mean_seconds": round(statistics.mean(run["seconds"] for run in runs), 1),
        "runs": sorted(runs, key=lambda run: run["seed"]),
    }


def main() -> None:
    """Run every change and seed that has no record yet."""
    record = records.load("ablation")
    kept = record["changes"] if record.get("base") == describe(BASE) else {}
    runs = {name: kept.get(name, {}).get("runs", []) for name in CHANGES}
    todo = [
        (name, seed)
        for seed in SEEDS
        for name in CHANGES
        if seed not in [run["seed"] for run in runs[name]]
    ]
    for (name, _), run in side_by_side(measure, todo):
        runs[name].append(run)
        done = {name: summary(some) for name, some in runs.items() if some}
        records.save(
            "ablation", {"machine": records.machine(), "base": describe(BASE), "changes": done}
        )


if __name__ == "__main__":
    main()
