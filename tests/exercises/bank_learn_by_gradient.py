"""What people answer to the questions on learn_by_gradient."""

import numpy as np
from scipy.special import expit

from tests.exercises.bank import Entry
from utils.preprocessing import one_hot


def train_by_loops(images, labels, rate, steps):
    W, b, y = np.zeros((images.shape[1], 10)), np.zeros(10), np.eye(10)[labels]
    for _ in range(steps):
        powers = np.exp(images @ W + b)
        error = powers / powers.sum(axis=1, keepdims=True) - y
        W -= rate * np.mean([np.outer(x, e) for x, e in zip(images, error, strict=True)], axis=0)
        b -= rate * sum(error) / len(error)
    return {"W": W, "b": b}


def train_in_float32(images, labels, rate, steps):
    images, y = images.astype("float32"), one_hot(labels)
    W, b = np.zeros((images.shape[1], 10), "float32"), np.zeros(10, "float32")
    for _ in range(steps):
        scores = images @ W + b
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        error = p / p.sum(axis=1, keepdims=True) - y
        W, b = W - rate * images.T @ error / len(error), b - rate * error.mean(axis=0)
    return [W, b]


RATES = {"A": 30, "B": 0.003, "C": 0.3}
BANK = {
    "q1": Entry(
        right=[{"A": 30.0, "B": np.float32(0.003), "C": 0.3}],
        wrong={"`A`: `300` isn't right": RATES | {"A": 300}, "a dict with the keys": [30, 0.003, 0.3]},
    ),
    "q2": Entry(
        wrong={"at least eight words": "Because it points uphill.", "as text": ["it", "points", "uphill"]},
    ),
    "q4": Entry(right=[train_by_loops, train_in_float32]),
    "q5": Entry(right=[lambda s, y: 2 * expit(s) * expit(-s) * (expit(s) - y)]),
    "q6": Entry(
        right=[(0.03, 2.2), np.array([0.03, 2.2])],
        wrong={
            "two learning rates": 0.03,
            "between 0 and 1,000": [2.2, 0.03],
            "at 0.02, the loss is": [0.02, 2.2],
            "at 3, the loss is": [0.03, 3],
            "a smaller learning rate, 0.04": [0.05, 2.2],
            "a larger learning rate, 2.10": [0.03, 2],
        },
    ),
}  # fmt: skip
