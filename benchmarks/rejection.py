"""Measure, over several seeds, what *robust* refuses, and how it reads handwriting that it didn't learn from.

The networks are those of accuracy.py. None learned from MNIST's validation and test digits, nor from the handwriting
and letters kept apart. The other letters, marks, and scribbles are drawn as in training, but with a seed of their own.
MNIST's validation digits and the digits kept apart also choose from which doubt on a network refuses.
"""

import statistics
import sys

from tqdm import tqdm

from benchmarks import records
from benchmarks.accuracy import SEEDS, errors, mnist_of_this_process, whole_recipe
from benchmarks.models import all_kept_apart, describe_rejection, finished
from utils.prediction import DigitReader


def measure(seed: int) -> dict:
    """Return what one network answers and refuses, all as shares."""
    mnist = mnist_of_this_process()
    network, _ = finished("robust", seed, mnist)
    images, labels = all_kept_apart()
    right = round(1 - errors(network, images, labels) / len(labels), 5)
    rejection = describe_rejection(DigitReader(network), mnist)
    return {"seed": seed, "handwriting_accuracy": right, **rejection}


def summary(runs: list[dict]) -> dict:
    """Return mean and standard deviation over the seeds for each share."""
    shares = {"handwriting_accuracy": [run["handwriting_accuracy"] for run in runs]}
    for side in ("digits_refused", "others_answered"):
        for name in runs[0][side]:
            shares[f"{side}: {name}"] = [run[side][name] for run in runs]
    return {
        name: {
            "mean": round(statistics.mean(values), 5),
            "standard_deviation": round(statistics.stdev(values), 5),
        }
        for name, values in shares.items()
    }


def main() -> None:
    """Measure the networks of all seeds, and train those that aren't kept."""
    runs = [measure(seed) for seed in tqdm(SEEDS, unit="network", file=sys.stdout)]
    found = {"recipe": whole_recipe("robust"), "shares": summary(runs), "runs": runs}
    records.save("rejection", {"machine": records.machine(), **found})


if __name__ == "__main__":
    main()
