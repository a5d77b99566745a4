"""Choose, on validation digits, how many epochs the example on keras.io needs to reach 99 %."""

import statistics
import sys

import keras
from tqdm import tqdm

from benchmarks import records
from benchmarks.accuracy import VALIDATION, errors, training_data
from benchmarks.speed import train_keras_io
from utils import data

SEEDS = range(3)
MOST_EPOCHS = 10


class Watch(keras.callbacks.Callback):
    """Note the validation accuracy after each epoch."""

    def __init__(self, validation: tuple):
        super().__init__()
        self.validation, self.accuracies = validation, []

    def on_epoch_end(self, epoch, logs=None):
        self.accuracies.append(1 - errors(self.model, *self.validation) / VALIDATION)


def main() -> None:
    """Record the mean validation accuracy after each epoch, and the first epoch at which it is 99.0 %."""
    train, validation = training_data(data.load_mnist("full"))
    curves = []
    for seed in tqdm(SEEDS, unit="training", file=sys.stdout):
        watch = Watch(validation)
        train_keras_io(*train, seed, epochs=MOST_EPOCHS, callbacks=[watch])
        curves.append(watch.accuracies)
    means = [round(statistics.mean(epoch), 5) for epoch in zip(*curves, strict=True)]
    first = next((number for number, mean in enumerate(means, start=1) if mean >= 0.99), None)
    found = {"mean_validation_accuracy": means, "first_epoch_at_99": first, "runs": curves}
    records.save("choices", {"machine": records.machine(), **found})


if __name__ == "__main__":
    main()
