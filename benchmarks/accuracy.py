"""Measure the recipes: test accuracy over several seeds, with what each run took.

`make benchmark` runs what is missing in accuracy.json (each finished seed is kept) and rewrites the means. Every choice
in a recipe was made on the validation split; the test set is read once per finished run, and chooses nothing.
As many trainings run side by side as there are cores, with one thread each: two together finish sooner than one after
the other on two threads. So the seconds are those of one core, as the processor counts them: a busy machine adds none.
"""

import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import cache, wraps

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay
from tqdm import tqdm

from benchmarks import readme, records
from benchmarks.handwriting import no_digits, written_digits
from utils import data
from utils.environment import available_cpus
from utils.models import ensemble
from utils.prediction import DigitReader
from utils.preprocessing import split_train_validation
from utils.training import RECIPES, Recipe, fit, save_model

SEEDS = range(5)
VALIDATION = 5000  # images of the training set by which recipes are chosen
# The long trainings compute in bfloat16, which takes processors with instructions for it a third less time.
SIXTEEN_BITS = {"robust", "compact", "tiny"}
WRITTEN = 2000  # of each digit, *robust* learns from so many in other people's handwriting,
NO_DIGITS = 16_000  # and from so many pictures that show none
# Its last epochs show it digits that are hardly changed, as most that it will read are.
LAST_EPOCHS = {"robust": {"epochs": 5, "max_lr": 1e-3, "schedule": CosineDecay, "augment": 1.0}}
RUNS = (
    data.CACHE.parent / "runs" / "benchmark"
)  # every trained network, for the ensemble and for `make models`


def constant(rate: float, steps: int) -> float:
    """Return the schedule that most people begin with: none."""
    return rate


# What people would otherwise use: the reference network as it is usually trained, by Adam at its default rate.
MEASURED = {name: recipe for name, recipe in RECIPES.items() if name != "fast"} | {
    "plain Adam": Recipe(max_lr=1e-3, schedule=constant, augment=0)
}


def leave_out_sample_test(mnist: data.Mnist) -> tuple[np.ndarray, np.ndarray]:
    """Return the training set without the digits of the sample's test split.

    The sample comes from MNIST's training set: a model that had seen its test digits would score on memory.
    """
    held_out = {image.tobytes() for image in data.load_mnist("sample").x_test}
    keep = np.array([image.tobytes() not in held_out for image in mnist.x_train])
    return mnist.x_train[keep], mnist.y_train[keep]


def training_data(mnist: data.Mnist) -> tuple:
    """Split off the validation images, leaving the digits out that test the course offline."""
    images, labels = leave_out_sample_test(mnist)
    x_train, x_validation, y_train, y_validation = split_train_validation(
        images, labels, VALIDATION
    )
    return (x_train, y_train), (x_validation, y_validation)


def digits_for(name: str, mnist: data.Mnist, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a recipe learns from: *sample* from the 5,000 embedded digits, all others from MNIST.

    *robust* also learns from digits in other people's handwriting, and from letters and scribbles.
    """
    if name == "sample":
        few = data.load_mnist("sample")
        return joined((few.x_train, few.y_train), (few.x_test, few.y_test))
    train = training_data(mnist)[0]
    if name == "robust":
        return joined(train, written_digits(WRITTEN, seed), no_digits(NO_DIGITS, seed))
    return train


def joined(*sets: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of several sets as one."""
    images, labels = zip(*sets, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def describe(recipe: Recipe) -> dict:
    """Return the recipe's choices as plain values."""
    return recipe.describe() | {"parameters": recipe.build().count_params()}


def whole_recipe(name: str) -> dict:
    """Return all that a named recipe chooses, its last epochs included, as plain values."""
    last = {key: getattr(v, "__name__", v) for key, v in LAST_EPOCHS.get(name, {}).items()}
    return describe(MEASURED[name]) | ({"last_epochs": last} if last else {})


def errors(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> int:
    """Count the digits that a network reads wrongly."""
    return int(np.sum(DigitReader(network).predict_batch(images).argmax(axis=1) != labels))


def train(name: str, seed: int, mnist: data.Mnist) -> tuple[keras.Model, float]:
    """Train one network, keep it, and return it with the seconds it took."""
    recipe, build = MEASURED[name], MEASURED[name].build
    if name in SIXTEEN_BITS:
        recipe = replace(recipe, build=in_16_bits(build))
    digits = digits_for(name, mnist, seed)
    trained, seconds = timed_fit(recipe, digits, seed)
    if name in LAST_EPOCHS:
        last = replace(recipe, build=lambda: trained, **LAST_EPOCHS[name])
        trained, more = timed_fit(last, digits, seed + len(SEEDS))
        seconds = round(seconds + more, 1)
    network = build()
    network.set_weights(trained.get_weights())
    save_model(network, _path(name, seed))
    return network, seconds


def in_16_bits(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    """Let a network that is built compute with 16 bits, while its weights keep all 32.

    Source: Kalamkar et al. (2019), "A Study of BFLOAT16 for Deep Learning Training", arXiv:1905.12322.
    """

    @wraps(build)
    def built():
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            return build()
        finally:
            keras.config.set_dtype_policy("float32")

    return built


def timed_fit(recipe: Recipe, digits: tuple, seed: int) -> tuple[keras.Model, float]:
    """Train by a recipe, and return the network and the processor's seconds from raw digits to trained."""
    start = time.process_time()
    network, _ = fit(recipe, digits, seed=seed, verbose=0)
    return network, round(time.process_time() - start, 1)


def trained(name: str, seed: int, mnist: data.Mnist) -> keras.Model:
    """Return the network that the measurement kept, or train it anew."""
    path = _path(name, seed)
    return (
        keras.models.load_model(path, compile=False)
        if path.exists()
        else train(name, seed, mnist)[0]
    )


def _path(name: str, seed: int):
    text = json.dumps(whole_recipe(name)).encode()
    return RUNS / f"{name}-{seed}-{hashlib.sha256(text).hexdigest()[:8]}.keras"


def measure(name: str, seed: int) -> dict:
    """Train once and return what came out."""
    mnist = mnist_of_this_process()
    network, seconds = train(name, seed, mnist)
    precision = "mixed_bfloat16" if name in SIXTEEN_BITS else "float32"
    return {"seed": seed, "seconds": seconds, "precision": precision, **scores(network, mnist)}


@cache
def mnist_of_this_process() -> data.Mnist:
    """Load MNIST once, however many trainings a process runs."""
    return data.load_mnist("full")


def measure_ensemble(runs: list[dict], mnist: data.Mnist) -> dict:
    """Return what the *compact* networks of all seeds reach together, and what all of them took."""
    together = ensemble([trained("compact", run["seed"], mnist) for run in runs])
    seconds = round(sum(run["seconds"] for run in runs), 1)
    return {"seed": [run["seed"] for run in runs], "seconds": seconds, **scores(together, mnist)}


def scores(network: keras.Model, mnist: data.Mnist) -> dict:
    """Return accuracy on the validation and on the test images."""
    _, validation = training_data(mnist)
    wrong = errors(network, mnist.x_test, mnist.y_test)
    return {
        "validation_accuracy": 1 - errors(network, *validation) / VALIDATION,
        "test_accuracy": 1 - wrong / len(mnist.y_test),
        "test_errors": wrong,
    }


def summary(runs: list[dict]) -> dict:
    """Return mean and standard deviation over the seeds."""
    accuracies = [run["test_accuracy"] for run in runs]
    return {
        "mean_test_accuracy": round(statistics.mean(accuracies), 5),
        "standard_deviation": round(statistics.stdev(accuracies), 5) if len(runs) > 1 else None,
        "mean_seconds": round(statistics.mean(run["seconds"] for run in runs), 1),
    }


def kept_runs(results: dict, name: str) -> list[dict]:
    """Return the recorded runs of a recipe, unless the recipe has changed since."""
    kept = results.get(name, {})
    return kept.get("runs", []) if kept.get("recipe") == whole_recipe(name) else []


def main(names: list[str]) -> None:
    """Run every recipe (or the named ones) and seed that has no record yet, then the ensemble."""
    results = records.load("accuracy").get("recipes", {})
    todo = [(name, seed) for name in MEASURED if not names or name in names for seed in SEEDS
            if seed not in [run["seed"] for run in kept_runs(results, name)]]  # fmt: skip
    for (name, _), run in side_by_side(measure, todo):
        runs = sorted([*kept_runs(results, name), run], key=lambda run: run["seed"])
        results[name] = {"recipe": whole_recipe(name), **summary(runs), "runs": runs}
        keep(results)
    members = kept_runs(results, "compact")
    if len(members) == len(SEEDS):
        parameters = {"parameters": len(members) * results["compact"]["recipe"]["parameters"]}
        runs = [measure_ensemble(members, mnist_of_this_process())]
        results["ensemble"] = {
            "recipe": {"build": "ensemble", **parameters},
            **summary(runs),
            "runs": runs,
        }
        keep(results)


def side_by_side(train_once: Callable, jobs: list[tuple]) -> Iterator[tuple[tuple, dict]]:
    """Yield each job with what `train_once` made of it, in the order in which they end."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    with ProcessPoolExecutor(available_cpus(), multiprocessing.get_context("spawn")) as pool:
        started = {pool.submit(train_once, *job): job for job in jobs}
        for training in tqdm(
            as_completed(started), total=len(jobs), unit="training", file=sys.stdout
        ):
            yield started[training], training.result()


def keep(results: dict) -> None:
    """Write the record, and the tables made from it."""
    records.save("accuracy", {"machine": records.machine(), "recipes": results})
    readme.write()


if __name__ == "__main__":
    main(sys.argv[1:])
