"""Measure what augmentation is worth to the dense network and to the CNN, for the comparison in lesson 10.

accuracy.json has the dense network without augmentation and the reference CNN with it. This trains the two that are
missing, with the same recipe, digits, and seeds: the dense network with augmentation, and the CNN without.
`python -m benchmarks.augmentation` runs what has no record yet, one training after the other.
"""

from dataclasses import replace

from benchmarks import records
from benchmarks.accuracy import (
    SEEDS,
    describe,
    digits_for,
    mnist_of_this_process,
    scores,
    timed_fit,
)
from utils.training import RECIPES

MISSING = {
    "dense, augmented": replace(RECIPES["dense"], augment=RECIPES["reference"].augment),
    "reference, not augmented": replace(RECIPES["reference"], augment=0),
}


def measure(name: str, seed: int) -> dict:
    """Train once, and return the accuracy on the validation digits and on the test digits."""
    mnist = mnist_of_this_process()
    network, _ = timed_fit(MISSING[name], digits_for(name, mnist, seed), seed)
    return {"seed": seed, **scores(network, mnist)}


def main() -> None:
    """Run every network and seed that has no record yet, and keep each run as it ends."""
    recipes = {name: describe(recipe) for name, recipe in MISSING.items()}
    record = records.load("augmentation")
    if record.get("recipes") != recipes:
        record = {"recipes": recipes, "runs": {name: [] for name in MISSING}}
    runs = record["runs"]
    for name, seed in [(name, seed) for name in MISSING for seed in SEEDS]:
        if seed not in [run["seed"] for run in runs[name]]:
            runs[name].append(measure(name, seed))
            records.save("augmentation", {"machine": records.machine(), **record})
            print(f"{name}, seed {seed}: {runs[name][-1]}", flush=True)


if __name__ == "__main__":
    main()
