"""What people answer to the questions on visualize_digits."""

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from tests.exercises.bank import Entry

FACTS = {
    "bytes in x_train": np.zeros((60000, 28, 28), np.uint8).nbytes,
    "full ink": 2**8 - 1.0,
    "bare paper": np.uint8(0),
    "pixels of one image": 784,
    "numbers in y_train": 6e4,
}
TIMES = {"bars": 4.1, "images": 1.2}


def distance_from_mean(images):
    return np.linalg.norm(images - images.mean(axis=0), axis=(1, 2))


def fifth_neighbor(images):
    flat = np.array([image.ravel() / np.linalg.norm(image.astype(float)) for image in images])
    return np.sort(pairwise_distances(flat), axis=1)[:, 5].tolist()


def nearest_alike(images):
    likeness = np.corrcoef(images.reshape(len(images), -1).astype(float))
    np.fill_diagonal(likeness, -1)
    return pd.Series(-np.sort(likeness, axis=1)[:, -4:].mean(axis=1))


def axes_by_eigenvalues(points, share):
    variances = np.linalg.eigvalsh(np.cov(points, rowvar=False))[::-1]
    total, count = 0.0, 0
    while total < share * variances.sum():
        total, count = total + variances[count], count + 1
    return count


def agreement_by_diagonal(positions, labels, k):
    distances = pairwise_distances(positions)
    distances[np.diag_indices_from(distances)] = np.inf
    return np.mean(labels[np.argpartition(distances, k, axis=1)[:, :k]] == labels[:, None], axis=1)


BANK = {
    "q1": Entry(
        right=[FACTS, FACTS | {"full ink": tf.constant(255)}, pd.Series(FACTS)],
        wrong={
            "expected a dict with the keys": {"pixels of one image": 784},
            "got `[784": [784, 255, 0, 60_000, 47_040_000],
            "expected a number, got `'28 x 28'`": FACTS | {"pixels of one image": "28 x 28"},
            "isn't right": FACTS | {"bytes in x_train": 47_040_001},
        },
    ),
    "q2": Entry(
        right=[{"bars": 4, "images": 1.24}, {"bars": np.float32(4.14), "images": 1.25}],
        wrong={
            "how many times as long the bar is": TIMES | {"images": 4},
            "Compare the lengths": {"bars": 1.2, "images": 1.2},
            "`bars`: `3` isn't right": TIMES | {"bars": 3.0},
        },
    ),
    "q3": Entry(wrong={"at least eight words": "The islands don't mean anything."}),
    "q4": Entry(
        right=[fifth_neighbor, nearest_alike],
        wrong={
            "strangers in ten new piles. Find at least 50": distance_from_mean,
            "expected 210 numbers for 210 images, got `None`": lambda images: print(end=""),
            "it stops with `TypeError": lambda: 1,
            "an array of shape `(28, 28)`": lambda images: images.mean(axis=0),
            "expected a function, got": distance_from_mean(np.eye(3)[np.newaxis]),
        },
    ),
    "q5": Entry(
        right=[
            axes_by_eigenvalues,
            lambda points, share: PCA(n_components=share).fit(points).n_components_,
        ],
    ),
    "q6": Entry(right=[agreement_by_diagonal]),
}

EQUIVALENT = {
    ("q4", "line 2: 1 becomes 2"): "NumPy works out the length for any negative number",
    ("q4", "line 4: 5 becomes 6"): "six neighbors find more than half of the strangers, too",
    ("q4", "line 4: 5 becomes 4"): "four neighbors find more than half of the strangers, too",
}
