"""Measure the recipes: test accuracy over several seeds, with what each run took.

`make benchmark` runs what is missing in accuracy.json (each finished seed is kept) and rewrites the means. Every choice
in a recipe was made on the validation split; the test set is read once per finished run, and chooses nothing.
"""

import statistics
import time
from dataclasses import asdict

import numpy as np

from benchmarks import readme, records
from utils import data
from utils.preprocessing import split_train_validation
from utils.training import DENSE, REFERENCE, Recipe, fit, make_batches

RECIPES = {"reference": REFERENCE, "dense": DENSE}
SEEDS = range(5)
VALIDATION = 5000  # images of the training set by which recipes are chosen


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
    x_train, x_validation, y_train, y_validation = split_train_validation(images, labels, VALIDATION)
    return (x_train, y_train), (x_validation, y_validation)


def measure(recipe: Recipe, mnist: data.Mnist, seed: int) -> dict:
    """Train once and return what came out."""
    train, validation = training_data(mnist)
    start = time.perf_counter()
    model, _ = fit(recipe, train, seed=seed, verbose=0)
    seconds = time.perf_counter() - start
    validation_accuracy = model.evaluate(make_batches(*validation, batch_size=1000), verbose=0)[1]
    probabilities = model.predict(make_batches(mnist.x_test, mnist.y_test, batch_size=1000), verbose=0)
    errors = int(np.sum(probabilities.argmax(axis=1) != mnist.y_test))
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "validation_accuracy": round(validation_accuracy, 5),
        "test_accuracy": 1 - errors / len(mnist.y_test),
        "test_errors": errors,
    }


def summary(runs: list[dict]) -> dict:
    """Return mean and standard deviation over the seeds."""
    accuracies = [run["test_accuracy"] for run in runs]
    return {
        "mean_test_accuracy": round(statistics.mean(accuracies), 5),
        "standard_deviation": round(statistics.stdev(accuracies), 5) if len(runs) > 1 else None,
        "mean_seconds": round(statistics.mean(run["seconds"] for run in runs), 1),
    }


def describe(recipe: Recipe) -> dict:
    """Return the recipe's choices as plain values."""
    return asdict(recipe) | {"build": recipe.build.__name__, "parameters": recipe.build().count_params()}


def main() -> None:
    """Run every recipe and seed that has no record yet."""
    mnist = data.load_mnist("full")
    results = records.load("accuracy").get("recipes", {})
    for name, recipe in RECIPES.items():
        kept = results.get(name, {})
        runs = kept.get("runs", []) if kept.get("recipe") == describe(recipe) else []
        for seed in SEEDS:
            if any(run["seed"] == seed for run in runs):
                continue
            runs.append(measure(recipe, mnist, seed))
            print(name, runs[-1], flush=True)
            results[name] = {"recipe": describe(recipe), **summary(runs), "runs": runs}
            records.save("accuracy", {"machine": records.machine(), "recipes": results})
            readme.write()


if __name__ == "__main__":
    main()
