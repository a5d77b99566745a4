"""What people answer to the questions on visualize_digits."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from tests.exercises.bank import Entry
from utils.exercises import material

given = material("visualize_digits")
QUALITIES, through_jpg = given.QUALITIES, given.through_jpg
DIGITS = [str(digit) for digit in range(10)]
FACTS = {
    "bytes in x_train": np.zeros((60000, 28, 28), np.uint8).nbytes,
    "full ink": 2**8 - 1.0,
    "bare paper": np.uint8(0),
    "pixels of one image": 784,
    "numbers in y_train": 6e4,
}


def counted(labels):
    return [int((labels == digit).sum()) for digit in range(10)]


def bars(counts, names=DIGITS):
    return px.bar(x=counts, y=names, orientation="h")


def bars_of_a_series(labels):
    counts = pd.Series(labels).value_counts().reindex(range(10), fill_value=0)
    table = counts.rename("images").rename_axis("digit").reset_index()
    return px.bar(table, x="images", y="digit", orientation="h", color="digit")


def means_by_sums(images, labels):
    sums = np.zeros((10, *images.shape[1:]))
    np.add.at(sums, labels, images)
    return sums / np.maximum(np.bincount(labels, minlength=10), 1)[:, np.newaxis, np.newaxis]


def shares_by_loop(images, labels, limit):
    pairs = zip(images, labels, strict=True)
    light = [label for image, label in pairs if np.mean(image) < limit]
    many = int((labels == 1).sum())
    return [light.count(1) / max(len(light), 1), light.count(1) / max(many, 1)]


def shares_in_place(images, labels, limit):
    labels[labels != 1] = 0
    return shares_by_loop(images, labels, limit)


def idx_by_hand(content):
    ends = range(4, 4 + 4 * content[3], 4)
    sizes = [int.from_bytes(content[place : place + 4], "big") for place in ends]
    flat = np.array(list(content[4 + 4 * len(sizes) :]), dtype=np.uint8)
    return flat.reshape(sizes).tolist()


def idx_by_rest(content):
    shape = tuple(np.frombuffer(content[4 : 4 + 4 * content[3]], ">u4"))
    return np.frombuffer(content[-int(np.prod(shape, dtype=int)) :], np.uint8).reshape(shape)


def idx_little_endian(content):
    sizes = np.frombuffer(content, "<u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sizes)


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


def quality_by_list(image, limit):
    def worst(quality):
        return np.abs(through_jpg(image, quality).astype(int) - image).max()

    return next((quality for quality in QUALITIES if worst(quality) <= limit), 0)


def quality_by_all(image, limit):
    saved = [(q, np.subtract(through_jpg(image, q), image, dtype=int)) for q in range(100, 0, -1)]
    return tf.constant(min((q for q, error in saved if np.abs(error).max() <= limit), default=0))


def quality_by_steps(image, limit):
    """Look at every fifth quality, and then go down."""
    good = [quality_by_list(image, limit) in range(q - 4, q + 1) for q in range(5, 101, 5)]
    return 5 * (good.index(True) + 1) if any(good) else 0


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
        right=[bars_of_a_series, lambda labels: bars(counted(labels))],
        wrong={
            "stand upright": lambda labels: px.bar(x=DIGITS, y=counted(labels)),
            "got `<Figure size": lambda labels: plt.figure(),
            "`images`: expected `{'0': ": lambda labels: bars(np.array(counted(labels)) % 256),
            "'10': 0.0}`": lambda labels: bars([*counted(labels), 0], [*DIGITS, "10"]),
            "got `None`: is a `return` missing?": lambda labels: print(end=""),
            "need both": lambda labels: go.Figure(go.Bar(x=counted(labels), orientation="h")),
        },
    ),
    "q3": Entry(
        right=[means_by_sums],
        wrong={"expected an array of shape `(10, ": lambda images, labels: images.mean(axis=0)},
    ),
    "q4": Entry(
        right=[shares_by_loop],
        wrong={
            "changes what it is given": shares_in_place,
            "got a single number": lambda *case: shares_by_loop(*case)[0],
        },
    ),
    "q5": Entry(
        right=[idx_by_hand, idx_by_rest],
        wrong={"stops with `ValueError: cannot reshape": idx_little_endian},
    ),
    "q6": Entry(
        right=[
            axes_by_eigenvalues,
            lambda points, share: PCA(n_components=share).fit(points).n_components_,
        ],
    ),
    "q7": Entry(right=[agreement_by_diagonal]),
    "q8": Entry(right=[quality_by_list, quality_by_all], wrong={"expected `": quality_by_steps}),
}
