"""Measure what the recipe *compact* reaches in Kaggle's form: from train.csv to a submission, over several seeds.

The 42,000 digits of train.csv are all it learns from; a tenth of them is held back and tells the validation accuracy.
The labels of the 28,000 digits of test.csv are read once for each finished submission, and choose nothing. The recipe,
however, was chosen by digits of MNIST's training set, and many of those lie in this test set: no training has seen them
here, but the choice has.
`python -m benchmarks.capstone` runs the seeds that have no record yet, as many side by side as there are cores.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

from apps.kaggle import find_overlap, read_submission, write_kaggle_files, write_submission
from benchmarks import records
from benchmarks.accuracy import describe, side_by_side, timed_fit
from utils import data, files
from utils.prediction import DigitReader
from utils.preprocessing import split_train_validation
from utils.training import RECIPES

RECIPE = RECIPES["compact"]
SEEDS = range(3)
HELD_BACK = 0.1  # of train.csv, for validation


def measure(folder: str, seed: int) -> dict:
    """Train on train.csv, write a submission for test.csv, and return how right it is."""
    folder = Path(folder)
    images, labels = files.read_kaggle_csv(folder / "train.csv")
    x_test, _ = files.read_kaggle_csv(folder / "test.csv")
    x_train, x_validation, y_train, y_validation = split_train_validation(images, labels, HELD_BACK)
    network, _ = timed_fit(RECIPE, (x_train, y_train), seed)
    reader = DigitReader(network)
    submission = folder / f"submission-{seed}.csv"
    write_submission(submission, reader.predict_batch(x_test).argmax(axis=1))
    truth = read_submission(folder / "hidden_labels.csv", len(x_test))
    wrong = int(np.sum(read_submission(submission, len(x_test)) != truth))
    validation = float(np.mean(reader.predict_batch(x_validation).argmax(axis=1) == y_validation))
    return {
        "seed": seed,
        "trained_on": len(y_train),
        "overlap": len(find_overlap(images, x_test)),
        "validation_accuracy": round(validation, 5),
        "test_accuracy": round(1 - wrong / len(x_test), 5),
        "test_errors": wrong,
    }


def summary(runs: list[dict]) -> dict:
    """Return what the runs reached together, beside what the recipe reaches on MNIST's own split."""
    accuracies = [run["test_accuracy"] for run in runs]
    usual = records.load("accuracy")["recipes"]["compact"]
    return {
        "mean_test_accuracy": round(statistics.mean(accuracies), 5),
        "standard_deviation": round(statistics.stdev(accuracies), 5) if len(runs) > 1 else None,
        "mnist_split": {name: usual[name] for name in ("mean_test_accuracy", "standard_deviation")},
        "runs": runs,
    }


def kept_runs() -> list[dict]:
    """Return the recorded runs, unless the recipe has changed since."""
    kept = records.load("capstone")
    return kept.get("runs", []) if kept.get("recipe") == describe(RECIPE) else []


def main() -> None:
    """Run every seed that has no record yet, and keep each as it ends."""
    todo = [seed for seed in SEEDS if seed not in [run["seed"] for run in kept_runs()]]
    if not todo:
        return
    with tempfile.TemporaryDirectory() as folder:
        files = str(Path(folder) / "kaggle")
        write_kaggle_files(files, data.load_mnist("full"))
        for _, run in side_by_side(measure, [(files, seed) for seed in todo]):
            runs = sorted([*kept_runs(), run], key=lambda run: run["seed"])
            records.save(
                "capstone",
                {"machine": records.machine(), "recipe": describe(RECIPE), **summary(runs)},
            )
            print(f"seed {run['seed']}: {run['test_accuracy']:.2%} of test.csv")


if __name__ == "__main__":
    main()
