"""Measure the time to 99 %: the recipe *fast* beside the example on keras.io, in turns, each run in a fresh process.

The clock starts when the raw digits are in memory and stops when the network is trained: preparing the data, building,
compiling and training count; imports do not. Both learn from 54,000 digits, with the same threads. How many epochs each
of them needs was fixed beforehand, on validation digits. *fast* runs in bfloat16, and in float32 as well.
"""

import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from benchmarks import readme, records
from benchmarks.accuracy import describe, in_16_bits, scores, training_data
from utils import data
from utils.training import RECIPES, Recipe, fit

SEEDS = range(10)
KERAS_IO_EPOCHS = 10  # the first whose mean validation accuracy is 99.0 %: see choices.json


def keras_io_network() -> keras.Model:
    """Build the network of "Simple MNIST convnet" on keras.io (F. Chollet, 2015): 34,826 parameters."""
    inputs = x = keras.Input((28, 28, 1))
    for filters in (32, 64):
        x = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, activation="relu")(x))
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="keras_io")


def train_keras_io(
    images: np.ndarray,
    labels: np.ndarray,
    seed: int,
    epochs: int = KERAS_IO_EPOCHS,
    callbacks: tuple = (),
) -> keras.Model:
    """Train it as that page does: arrays of floats, batches of 128, Adam."""
    keras.utils.set_random_seed(seed)
    network = keras_io_network()
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    pixels = images[..., np.newaxis].astype("float32") / 255
    wanted = keras.utils.to_categorical(labels, 10)
    network.fit(pixels, wanted, batch_size=128, epochs=epochs, callbacks=list(callbacks), verbose=0)
    return network


def train_fast(
    images: np.ndarray, labels: np.ndarray, seed: int, recipe: Recipe = RECIPES["fast"]
) -> keras.Model:
    """Train the course's recipe."""
    return fit(recipe, (images, labels), seed=seed, verbose=0)[0]


BFLOAT16 = replace(RECIPES["fast"], build=in_16_bits(RECIPES["fast"].build))
CONTENDERS = {
    "fast": partial(train_fast, recipe=BFLOAT16),
    "fast, float32": train_fast,
    "keras.io": train_keras_io,
}


def run_here(name: str, seed: int) -> dict:
    """Train once in this process, and return what came out."""
    mnist = data.load_mnist("full")
    train, _ = training_data(mnist)
    start = time.perf_counter()
    network = CONTENDERS[name](*train, seed)
    seconds = time.perf_counter() - start
    return {"seed": seed, "seconds": round(seconds, 2), **scores(network, mnist)}


def run_apart(name: str, seed: int) -> dict:
    """Train once in a process of its own, so that no run profits from what an earlier one left behind."""
    command = [sys.executable, "-m", "benchmarks.speed", name, str(seed)]
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )


def summary(runs: dict[str, list[dict]]) -> dict:
    """Return means, deviations, and the ratio of the times of *fast* and the example."""
    rows = {
        name: {
            "mean_seconds": round(statistics.mean(run["seconds"] for run in rows), 2),
            "mean_test_accuracy": round(statistics.mean(run["test_accuracy"] for run in rows), 5),
            "standard_deviation": round(statistics.stdev(run["test_accuracy"] for run in rows), 5),
            "runs": rows,
        }
        for name, rows in runs.items()
    }
    ratios = [
        slow["seconds"] / fast["seconds"]
        for fast, slow in zip(runs["fast"], runs["keras.io"], strict=True)
    ]
    return {
        "ratio": round(statistics.mean(ratios), 1),
        "ratio_deviation": round(statistics.stdev(ratios), 1),
        **rows,
    }


def main() -> None:
    """Run what has no record yet, the contenders in turns."""
    choices = {
        "fast": {**describe(RECIPES["fast"]), "precision": "mixed_bfloat16"},
        "keras.io": {"epochs": KERAS_IO_EPOCHS},
    }
    kept = records.load("speed")
    runs = {
        name: kept[name]["runs"] if kept.get("recipes") == choices else [] for name in CONTENDERS
    }
    for seed in tqdm(SEEDS, unit="round", file=sys.stdout):
        if seed < len(runs["fast"]):
            continue
        for name in CONTENDERS:
            runs[name].append(run_apart(name, seed))
        if seed > 0:
            records.save(
                "speed", {"machine": records.machine(), "recipes": choices, **summary(runs)}
            )
            readme.write()


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(run_here(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
