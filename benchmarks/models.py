"""Train the models in data/models and write a card for each: `make models`."""

import hashlib
import json

import numpy as np

from benchmarks import records
from benchmarks.accuracy import RECIPES, describe, training_data
from utils import data
from utils.evaluation import accuracy_interval
from utils.prediction import MODELS, DigitReader
from utils.training import fit, save_model

SEED = 0


def train_and_save(name: str, mnist: data.Mnist) -> None:
    """Train one recipe on full MNIST, save the network without its optimiser, and write its card."""
    recipe = RECIPES[name]
    train, validation = training_data(mnist)
    trained, _ = fit(recipe, train, validation, seed=SEED, verbose=2)
    model = recipe.build()  # a fresh one carries no optimiser, which would triple the file
    model.set_weights(trained.get_weights())
    path = save_model(model, MODELS / f"{name}.keras")
    card = {
        "recipe": describe(recipe),
        "seed": SEED,
        "trained_on": f"{len(train[0]):,} images of MNIST's training set, without the 1,000 that test the sample",
        "validation": score(name, *validation),
        "mnist_test": score(name, mnist.x_test, mnist.y_test),
        "limits": "Reads one upright digit in MNIST's form. Letters, smileys or noise get an answer all the same.",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "machine": records.machine(),
    }
    with data.atomic_write(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(card, indent=2) + "\n")


def score(name: str, images: np.ndarray, labels: np.ndarray) -> dict:
    """Return the accuracy of the saved model, as a reader uses it, with its 95 % interval."""
    correct = int(np.sum(DigitReader(name).predict_batch(images).argmax(axis=1) == labels))
    interval = [round(bound, 5) for bound in accuracy_interval(correct, len(labels))]
    return {"images": len(labels), "correct": correct, "accuracy": correct / len(labels), "interval": interval}


def main() -> None:
    """Train every model of the course."""
    mnist = data.load_mnist("full")
    for name in RECIPES:
        print(f"training {name}", flush=True)
        train_and_save(name, mnist)


if __name__ == "__main__":
    main()
