"""Measure what it gains to read each digit three times: upright, and turned a little to the left and to the right.

The three predictions are averaged. This is test-time augmentation, as in Krizhevsky et al. (2012), "ImageNet
Classification with Deep Convolutional Neural Networks", who average over shifted and mirrored crops. The networks are
those of accuracy.py, and the validation digits choose the angle.
"""

import statistics
import sys

import numpy as np
from scipy.ndimage import rotate
from tqdm import tqdm

from benchmarks import readme, records
from benchmarks.accuracy import SEEDS, mnist_of_this_process, trained, training_data, whole_recipe
from utils.prediction import DigitReader

NETWORKS = ("compact", "tiny")
ANGLES = (0, 5, 10, 15, 20)  # in degrees; at 0, a digit is read upright only


def measure(name: str) -> dict:
    """Return the errors of a recipe's networks on the validation digits, and on the test digits at the best angle."""
    mnist = mnist_of_this_process()
    readers = [DigitReader(trained(name, seed, mnist)) for seed in SEEDS]
    validation = [errors(readers, *training_data(mnist)[1], angle) for angle in ANGLES]
    angle = ANGLES[best(validation)]
    test = {
        "upright": errors(readers, mnist.x_test, mnist.y_test, 0),
        "averaged": errors(readers, mnist.x_test, mnist.y_test, angle),
    }
    found = {"validation": validation, "angle": angle, "test": test, "saved": saved(test)}
    return {"recipe": whole_recipe(name), **found}


def errors(readers: list[DigitReader], images: np.ndarray, labels: np.ndarray, angle: int) -> dict:
    """Count the errors of each reader, and of all together, when each digit is turned by the angle and back."""
    turns = (-angle, 0, angle) if angle else (0,)
    views = [rotate(images, turn, axes=(1, 2), reshape=False, order=1) for turn in turns]
    read = np.array(
        [np.mean([one.predict_batch(view) for view in views], axis=0) for one in readers]
    )
    each = (read.argmax(axis=2) != labels).sum(axis=1)
    together = (read.mean(axis=0).argmax(axis=1) != labels).sum()
    return {"each": each.tolist(), "together": int(together)}


def best(validation: list[dict]) -> int:
    """Return the place of the angle at which the networks, each for itself, make the fewest errors."""
    return int(np.argmin([sum(counted["each"]) for counted in validation]))


def saved(test: dict) -> dict:
    """Return how many test errors the averaging saves each network: mean and standard deviation."""
    pairs = zip(test["upright"]["each"], test["averaged"]["each"], strict=True)
    differences = [upright - averaged for upright, averaged in pairs]
    return {
        "mean": round(statistics.mean(differences), 2),
        "standard_deviation": round(statistics.stdev(differences), 2),
    }


def main() -> None:
    """Measure the networks of all seeds, and train those that aren't kept."""
    networks = {name: measure(name) for name in tqdm(NETWORKS, unit="recipe", file=sys.stdout)}
    records.save("angles", {"machine": records.machine(), "angles": ANGLES, "networks": networks})
    readme.write()


if __name__ == "__main__":
    main()
