"""What people answer to the questions on dense_network."""

import numpy as np

from tests.exercises.bank import Entry
from utils.environment import quiet_tensorflow
from utils.prediction import DigitReader

with quiet_tensorflow():
    import keras


def gradient_of_copies(loss, weights):
    gradient = np.empty(weights.shape)
    for place in range(weights.size):
        up, down = weights.copy(), weights.copy()
        up.flat[place] += 1e-5
        down.flat[place] -= 1e-5
        gradient.flat[place] = (loss(up) - loss(down)) / 2e-5
    return gradient


def one_sided(loss, weights):
    h, start = 1e-2, loss(weights)
    changes = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        nudged = weights.copy()
        nudged[place] += h
        changes[place] = (loss(nudged) - start) / h
    return changes


def not_put_back(loss, weights, h=1e-4):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(weights.shape):
        weights[place] += h
        up = loss(weights)
        weights[place] -= 2 * h
        gradient[place] = (up - loss(weights)) / (2 * h)
    return gradient


def errors_by_loops(error, W3, W2, hidden2, hidden1):
    error2 = np.array(
        [
            [W3[j] @ e if h[j] > 0 else 0.0 for j in range(len(W3))]
            for e, h in zip(error, hidden2, strict=True)
        ]
    )
    return {"error2": error2, "error1": np.where(hidden1 > 0, np.dot(error2, W2.T), 0)}


def dense(*units, activation="softmax"):
    layers = [keras.layers.Dense(one, activation="relu") for one in units]
    end = keras.layers.Dense(10, activation=activation)
    return keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *layers, end])


BANK = {
    "q1": Entry(wrong={"`A`: `3.5` isn't right": {"A": 3.5, "B": 0, "C": 2}}),
    "q4": Entry(
        right=[gradient_of_copies],
        wrong={"expected": one_sided, "put each one back": not_put_back},
    ),
    "q5": Entry(
        wrong={
            "at most 30,000 parameters": dense(64),
            "but it needs 91%": dense(8),
            "end with a softmax": dense(8, activation=None),
            "expected dense layers only": DigitReader("tiny").model,
        },
    ),
    "q6": Entry(right=[errors_by_loops]),
}  # fmt: skip
