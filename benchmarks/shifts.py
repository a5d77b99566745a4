"""Measure what convolution is worth: shift the digits, or shuffle their pixels, and compare with models without it.

A CNN and a dense network of the same size train on all of MNIST by one recipe, without augmentation. Then they read
5,000 validation digits moved by 0 to 6 pixels. A second pair trains on and reads digits whose pixels are shuffled by
one permutation. Networks with the same seed see the same digits in the same order, so they are compared seed by seed.
`python -m benchmarks.shifts` runs what has no record yet, one training after the other.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from benchmarks import records
from benchmarks.accuracy import constant, describe, mnist_of_this_process, timed_fit, training_data
from utils.models import dense_network, reference_cnn
from utils.prediction import DigitReader
from utils.training import Recipe

SEEDS = range(5)
PIXELS = [0, 1, 2, 3, 4, 5, 6]
ORDER = np.random.default_rng(0).permutation(784)
NETWORKS = {
    build.__name__: Recipe(build, epochs=3, max_lr=1e-3, schedule=constant, augment=0)
    for build in (reference_cnn, dense_network)
}


def moved(images: np.ndarray, pixels: int) -> Iterator[np.ndarray]:
    """Yield images moved down, up, right, and left; blank pixels come in, and what leaves the image is lost."""
    edge = (pixels, pixels)
    padded = np.pad(images, ((0, 0), edge, edge))
    for row, column in ((0, pixels), (2 * pixels, pixels), (pixels, 0), (pixels, 2 * pixels)):
        yield padded[:, row : row + 28, column : column + 28]


def shuffled(images: np.ndarray) -> np.ndarray:
    """Return images whose 784 pixels are in another order, the same for all images."""
    return images.reshape(-1, 784)[:, ORDER].reshape(images.shape)


def accuracy(predict, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of digits that a function from images to digits gets right."""
    return round(float(np.mean(predict(images) == labels)), 5)


def scores(plain, mixed, images: np.ndarray, labels: np.ndarray) -> dict:
    """Return the accuracy of `plain` at each shift, in all four directions, and that of `mixed` on shuffled pixels."""
    four = [*labels] * 4
    shifted = [accuracy(plain, np.concatenate([*moved(images, n)]), four) for n in PIXELS]
    return {"shifted": shifted, "shuffled": accuracy(mixed, shuffled(images), labels)}


def measure(name: str, seed: int) -> dict:
    """Train a network on plain digits and one on shuffled digits, and return their accuracies."""
    (x_train, y_train), (images, labels) = training_data(mnist_of_this_process())

    def trained_on(x):
        reader = DigitReader(timed_fit(NETWORKS[name], (x, y_train), seed)[0])
        return lambda digits: reader.predict_batch(digits).argmax(axis=1)

    networks = trained_on(x_train), trained_on(shuffled(x_train))
    return {"seed": seed, **scores(*networks, images, labels)}


def measure_neighbor() -> dict:
    """Return the accuracies of the nearest neighbor, for which no seed matters, on 2,000 validation digits."""
    (x_train, y_train), (images, labels) = training_data(mnist_of_this_process())
    images, labels = images[:2000], labels[:2000]

    def rows(x):
        return x.reshape(-1, 784) / np.float32(255)

    def nearest(x):
        known = KNeighborsClassifier(1, algorithm="brute").fit(rows(x), y_train)
        return lambda digits: known.predict(rows(digits))

    return scores(nearest(x_train), nearest(shuffled(x_train)), images, labels)


def paired_differences(runs: dict[str, list[dict]]) -> dict:
    """Return mean and standard deviation, over the seeds, of the CNN's accuracy minus the dense network's."""
    cnn, dense = (
        np.array([[*run["shifted"], run["shuffled"]] for run in runs[name]]) for name in NETWORKS
    )
    mean, deviation = (cnn - dense).mean(axis=0), (cnn - dense).std(axis=0, ddof=1)
    return {
        name: {"shifted": values[:-1].round(5).tolist(), "shuffled": round(float(values[-1]), 5)}
        for name, values in (("mean", mean), ("standard_deviation", deviation))
    }


def main() -> None:
    """Run what has no record yet, keep each run as it ends, and compare when all are there."""
    recipes = {name: describe(recipe) for name, recipe in NETWORKS.items()}
    record = records.load("shifts")
    if record.get("recipes") != recipes:
        empty = {name: [] for name in NETWORKS}
        record = {"machine": {}, "recipes": recipes, "pixels": PIXELS, "runs": empty}
    runs = record["runs"]
    for seed, name in itertools.product(SEEDS, NETWORKS):
        if seed not in [run["seed"] for run in runs[name]]:
            runs[name].append(measure(name, seed))
            keep(record)
            print(f"{name}, seed {seed}: {runs[name][-1]}", flush=True)
    if "nearest neighbor" not in record:
        record["nearest neighbor"] = measure_neighbor()
    keep(record | {"cnn_minus_dense": paired_differences(runs)})


def keep(record: dict) -> None:
    """Write the record, with the machine it was made on."""
    records.save("shifts", record | {"machine": records.machine()})


if __name__ == "__main__":
    main()
