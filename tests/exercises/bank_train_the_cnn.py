"""What people answer to the questions on train_the_cnn."""

import math

import numpy as np
import pandas as pd

from tests.exercises.bank import Entry
from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    import tensorflow as tf


def stop_by_waiting(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        waited += 1
        if loss < lowest:
            lowest, kept, waited = loss, done, 0
        if waited == patience:
            break
    return np.array([done, kept])


def stop_if_it_stops(val_loss, patience):
    for done in range(1, len(val_loss) + 1):
        kept = int(np.argmin(val_loss[:done])) + 1
        if done - kept == patience:
            return done, kept


def adam_by_keras(weights, gradient, mean, square, step, rate):
    variable = keras.Variable(weights)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([variable])
    iterations, _, momentum, velocity = optimizer.variables
    iterations.assign(step - 1)
    momentum.assign(mean)
    velocity.assign(square)
    optimizer.apply([gradient.astype("float32")], [variable])
    return tuple(keras.ops.convert_to_numpy(part) for part in (variable, momentum, velocity))


def adam_as_in_the_paper(weights, gradient, mean, square, step, rate):
    mean = mean + 0.1 * (gradient - mean)
    square = square + 0.001 * (gradient**2 - square)
    way = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)
    return [weights - rate * way, mean, square]


def try_in_turn(layer, digits, times=30):
    pairs = [(layer(digits), layer(digits, training=True).numpy()) for _ in range(times)]
    return {
        "acts in training": any((one != digits).any() for _, one in pairs),
        "acts in use": any((one != digits).any() for one, _ in pairs),
        "random in training": any((one != pairs[0][1]).any() for _, one in pairs),
    }


def try_by_tensorflow(layer, digits):
    tries = [layer(tf.constant(digits), training=True) for _ in range(20)]
    uses = np.stack([layer(digits, training=False) for _ in range(20)])
    return {
        "random in training": np.any([tf.reduce_any(one != tries[0]) for one in tries]),
        "acts in training": np.abs(np.array(tries) - digits).max() > 0,
        "acts in use": not keras.ops.all(uses == digits),
    }


RUNS = {"A": "overfitting", "B": "fine", "C": "rate too large", "D": "underfitting", "E": "fine"}

BANK = {
    "q1": Entry(right=[lambda p, labels: tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, p))]),
    "q2": Entry(
        right=[lambda digits, epochs, old, new: (epochs * -(-digits // new), (old / new) ** 0.5)],
        wrong={"`factor`: expected": lambda digits, epochs, old, new: (epochs * -(-digits // new), old)},
    ),
    "q3": Entry(
        right=[pd.Series(RUNS), dict(zip(RUNS, np.array([*RUNS.values()]), strict=True))],
        wrong={"`B`: `'good'` isn't right": RUNS | {"B": "good"}, "a dict with the keys": [*RUNS.values()]},
    ),
    "q4": Entry(right=[stop_by_waiting], wrong={"got `None`": stop_if_it_stops}),
    "q5": Entry(
        right=[adam_by_keras, adam_as_in_the_paper],
        wrong={"`square`: ": lambda *given: (*adam_as_in_the_paper(*given)[:2], given[3])},
    ),
    "q6": Entry(
        right=[try_in_turn, try_by_tensorflow],
        wrong={
            "A few tries": lambda *given: try_in_turn(*given, times=3),
            "got an array": lambda layer, digits: dict.fromkeys(try_in_turn(layer, digits), digits > 0),
        },
    ),
}  # fmt: skip


def shifted(question, why, *places):
    """Return the mutants in which the number at a line is larger or smaller by 1."""
    return {
        (question, f"line {line}: {number} becomes {number + by}"): why
        for line, number in places
        for by in (1, -1)
    }


EQUIVALENT = {
    **shifted("q6", "19 or 21 tries find one call of five as well as 20", (2, 20), (3, 20)),
    **shifted("q6", "it doesn't matter with which of the tries the others are compared", (7, 0)),
}
