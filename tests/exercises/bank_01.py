"""What people answer to the questions of lesson 01."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from tests.exercises.oldbank import Entry
from utils.exercises.lesson_01 import FACTS, QUALITIES, through_jpg

DIGITS = [str(digit) for digit in range(10)]


def counted(labels):
    return [int((labels == digit).sum()) for digit in range(10)]


def bars_that_occur(labels):
    digits, counts = np.unique(labels, return_counts=True)
    return px.bar(x=counts, y=digits.astype(str), orientation="h")


def bars_of_a_series(labels):
    counts = (
        pd.Series(labels)
        .value_counts()
        .reindex(range(10), fill_value=0)
        .rename("images")
        .rename_axis("digit")
    )
    return px.bar(counts.reset_index(), x="images", y="digit", orientation="h", color="digit")


def bars_of_bytes(labels):
    counts = np.array([(labels == digit).sum(dtype=np.uint8) for digit in range(10)])
    return px.bar(x=counts, y=DIGITS, orientation="h")


def bars_of_matplotlib(labels):
    figure, axes = plt.subplots()
    axes.barh(DIGITS, counted(labels))
    plt.close(figure)
    return figure


def colleagues_sums(images, labels):
    sums = np.zeros((10, *images.shape[1:]), dtype=images.dtype)
    for image, label in zip(images, labels, strict=True):
        sums[label] += image
    return sums


def means_by_sums(images, labels):
    sums = np.zeros((10, *images.shape[1:]))
    np.add.at(sums, labels, images)
    return sums / np.maximum(np.bincount(labels, minlength=10), 1)[:, np.newaxis, np.newaxis]


def means_by_matrix(images, labels):
    one_hot = (labels == np.arange(10)[:, np.newaxis]) / 1.0
    return np.tensordot(one_hot, images, 1) / np.maximum(one_hot.sum(axis=1), 1).reshape(10, 1, 1)


def means_with_nan(images, labels):
    with np.errstate(invalid="ignore"):
        return means_by_sums(images, labels) / np.minimum(
            np.bincount(labels, minlength=10), 1
        ).reshape(10, 1, 1)


def means_of_mnist_only(images, labels):
    means = np.zeros((10, 28, 28))
    for digit in np.unique(labels):
        means[digit] = images[labels == digit].mean(axis=0)
    return means


def shares_by_loop(images, labels, limit):
    light = [label for image, label in zip(images, labels, strict=True) if np.mean(image) < limit]
    ones = [
        image
        for image, label in zip(images, labels, strict=True)
        if label == 1 and np.mean(image) < limit
    ]
    many = int((labels == 1).sum())
    return [light.count(1) / len(light) if light else 0, len(ones) / many if many else 0.0]


def shares_by_sets(images, labels, limit):
    light = set(np.flatnonzero(images.mean(axis=(1, 2)) < limit))
    ones = set(np.flatnonzero(labels == 1))
    return np.array([len(light & ones) / len(group) if group else 0.0 for group in (light, ones)])


def shares_by_mean(images, labels, limit):
    ink = images.reshape(len(images), -1).mean(axis=1)
    return np.mean(labels[ink < limit] == 1), np.mean(ink[labels == 1] < limit)


def shares_without_care(images, labels, limit):
    light = [label for image, label in zip(images, labels, strict=True) if image.mean() < limit]
    return light.count(1) / len(light), light.count(1) / labels.tolist().count(1)


def shares_in_place(images, labels, limit):
    labels[labels != 1] = 0
    return shares_by_loop(images, labels, limit)


def shares_up_to_the_limit(images, labels, limit):
    light, ones = images.mean(axis=(1, 2)) <= limit, labels == 1
    return (light & ones).sum() / max(light.sum(), 1), (light & ones).sum() / max(ones.sum(), 1)


def shares_of_all(images, labels, limit):
    both = np.mean((images.mean(axis=(1, 2)) < limit) & (labels == 1))
    return both, both


def shares_of_inked_pixels(images, labels, limit):
    return shares_by_loop(images > 0, labels, limit)


def idx_by_hand(content):
    sizes = [
        int.from_bytes(content[place : place + 4], "big")
        for place in range(4, 4 + 4 * content[3], 4)
    ]
    flat = np.array(list(content[4 + 4 * len(sizes) :]), dtype=np.uint8)
    return flat.reshape(sizes).tolist()


def idx_by_rest(content):
    shape = tuple(np.frombuffer(content[4 : 4 + 4 * content[3]], ">u4"))
    return np.frombuffer(content[-int(np.prod(shape, dtype=int)) :], np.uint8).reshape(shape)


def idx_little_endian(content):
    sizes = np.frombuffer(content, "<u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sizes)


def idx_always_sixteen(content):
    numbers = np.frombuffer(content, np.uint8, offset=16)
    return numbers if content[3] == 1 else numbers.reshape(np.frombuffer(content[4:16], ">u4"))


def idx_turned(content):
    array = np.array(idx_by_hand(content))
    return (
        array if array.ndim == 1 else array.reshape(array.shape[0], array.shape[2], array.shape[1])
    )


def idx_transposed(content):
    array = np.array(idx_by_hand(content))
    return array if array.ndim == 1 else array.transpose(0, 2, 1)


def axes_by_eigenvalues(points, share):
    variances = np.linalg.eigvalsh(np.cov(points, rowvar=False))[::-1]
    total, count = 0.0, 0
    while total < share * variances.sum():
        total, count = total + variances[count], count + 1
    return count


def axes_of_uncentered(points, share):
    values = np.linalg.svd(points, compute_uv=False) ** 2
    return np.searchsorted(np.cumsum(values) / values.sum(), share) + 1


def axes_of_singular_values(points, share):
    values = PCA().fit(points).singular_values_
    return np.searchsorted(np.cumsum(values) / values.sum(), share) + 1


def axes_kept(points, share):
    return PCA().fit(points).explained_variance_ratio_.cumsum() >= share


def agreement_by_loop(positions, labels, k):
    shares = []
    for point in range(len(labels)):
        others = np.delete(np.arange(len(labels)), point)
        order = np.argsort(((positions[others] - positions[point]) ** 2).sum(axis=1), kind="stable")
        shares.append(sum(labels[others[other]] == labels[point] for other in order[:k]) / k)
    return shares


def agreement_by_diagonal(positions, labels, k):
    distances = pairwise_distances(positions)
    distances[np.diag_indices_from(distances)] = np.inf
    return np.mean(labels[np.argpartition(distances, k, axis=1)[:, :k]] == labels[:, None], axis=1)


def agreeing(positions, labels, k, first=0):
    """Return which of the nearest, the point itself among them, agree; the first may be left out."""
    nearest = (
        NearestNeighbors(n_neighbors=k).fit(positions).kneighbors(positions, return_distance=False)
    )
    return labels[nearest[:, first:]] == labels[:, np.newaxis]


def worst(image, quality):
    return np.abs(through_jpg(image, quality).astype(int) - image).max()


def quality_by_list(image, limit):
    return next((quality for quality in QUALITIES if worst(image, quality) <= limit), 0)


def quality_by_all(image, limit):
    good = [
        q
        for q in range(100, 0, -1)
        if np.max(np.abs(np.subtract(through_jpg(image, q), image, dtype=int))) <= limit
    ]
    return min(good, default=0)


def quality_from_above(image, limit):
    quality = 101
    while quality > 1 and worst(image, quality - 1) <= limit:
        quality -= 1
    return quality if quality < 101 else 0


def lowest(good):
    return next((quality for quality in QUALITIES if good(quality)), 0)


BANK = {
    "q1": Entry(
        right=[
            FACTS,
            {
                "bytes in x_train": np.zeros((60000, 28, 28), np.uint8).nbytes,
                "full ink": 2**8 - 1.0,
                "bare paper": np.uint8(0),
                "pixels of one image": 784,
                "numbers in y_train": 6e4,
            },
        ],
        wrong={
            "28 is one row": FACTS | {"pixels of one image": 28},
            "Only our figures": FACTS | {"full ink": 0, "bare paper": 255},
            "somebody divides": FACTS | {"full ink": 1.0},
            "first one is 0": FACTS | {"full ink": 256},
            "*different* labels": FACTS | {"numbers in y_train": 10},
            "not a row of ten": FACTS | {"numbers in y_train": 600_000},
            "Each *pixel* takes one": FACTS | {"bytes in x_train": 60_000},
            "`float32`": FACTS | {"bytes in x_train": 4 * 60_000 * 784},
            "which is one byte": FACTS | {"bytes in x_train": 8 * 60_000 * 784},
            "no entry “bare paper”": {
                name: value for name, value in FACTS.items() if name != "bare paper"
            },
            "expected a dict": [784, 255, 0, 60_000, 47_040_000],
            "(str) is not it": FACTS | {"pixels of one image": "28 x 28"},
        },
    ),
    "q2": Entry(
        right=[
            bars_of_a_series,
            lambda labels: go.Figure(go.Bar(x=counted(labels), y=DIGITS, orientation="h")),
        ],
        wrong={
            "no bar is named": bars_that_occur,
            "stand upright": lambda labels: px.bar(x=DIGITS, y=counted(labels)),
            "exchanged": lambda labels: px.bar(
                x=list(range(10)), y=counted(labels), orientation="h"
            ),
            "show shares": lambda labels: px.bar(
                x=np.array(counted(labels)) / len(labels), y=DIGITS, orientation="h"
            ),
            "a pie": lambda labels: px.pie(values=counted(labels), names=DIGITS),
            "Count first": lambda labels: px.histogram(y=labels.astype(str), orientation="h"),
            "got matplotlib.figure.Figure": bars_of_matplotlib,
            "long, and there are": bars_of_bytes,
            "only ten digits": lambda labels: px.bar(
                x=[*counted(labels), 0], y=[*DIGITS, "10"], orientation="h"
            ),
            "only None": lambda labels: print(end=""),
            "need both": lambda labels: go.Figure(go.Bar(x=counted(labels), orientation="h")),
        },
    ),
    "q3": Entry(
        right=[means_by_sums, means_by_matrix],
        wrong={
            "Sum in a wider type": lambda images, labels: (
                colleagues_sums(images, labels)
                / np.maximum(np.bincount(labels, minlength=10), 1).reshape(10, 1, 1)
            ),
            "0 / 0": means_with_nan,
            "left out": lambda images, labels: np.stack(
                [images[labels == d].mean(axis=0) for d in np.unique(labels)]
            ),
            "keep the fractions": lambda images, labels: means_by_sums(images, labels).astype(
                "uint8"
            ),
            "one number for each digit": lambda images, labels: [
                images[labels == digit].mean() if digit in labels else 0 for digit in range(10)
            ],
            "could not broadcast": means_of_mnist_only,
            "expected shape (10, ": lambda images, labels: images.mean(axis=0),
        },
    ),
    "q4": Entry(
        right=[shares_by_loop, shares_by_sets],
        wrong={
            "exchanged": lambda *case: shares_by_loop(*case)[::-1],
            "`<`, not `<=`": shares_up_to_the_limit,
            "smaller group": shares_of_all,
            "has any ink": shares_of_inked_pixels,
            "changes what it is given": shares_in_place,
            "0 divided by 0": shares_by_mean,
            "expected shape (2,), got ()": lambda *case: shares_by_loop(*case)[0],
            "stops with ZeroDivisionError": shares_without_care,
        },
    ),
    "q5": Entry(
        right=[idx_by_hand, idx_by_rest],
        wrong={
            "big-endian": idx_little_endian,
            "16 bytes of header": idx_always_sixteen,
            "rows and columns are exchanged": idx_turned,
            "one long line": lambda content: np.frombuffer(
                content, np.uint8, offset=4 + 4 * content[3]
            ),
            "with a sign": lambda content: np.array(idx_by_hand(content)).astype(np.int8),
            "still among the numbers": lambda content: np.frombuffer(content, np.uint8),
            "expected shape": idx_transposed,
        },
    ),
    "q6": Entry(
        right=[
            axes_by_eigenvalues,
            lambda points, share: PCA(n_components=share).fit(points).n_components_,
        ],
        wrong={
            "one too few": lambda points, share: np.argmax(axes_kept(points, share)),
            "one too many": lambda points, share: np.argmax(axes_kept(points, share)) + 2,
            "mean was not taken off": axes_of_uncentered,
            "square them": axes_of_singular_values,
            "stops with ValueError": lambda points, share: (
                PCA(n_components=50).fit(points).n_components_
            ),
            "expected shape ()": axes_kept,
        },
    ),
    "q7": Entry(
        right=[agreement_by_loop, agreement_by_diagonal],
        wrong={
            "its own nearest neighbor": lambda *case: agreeing(*case).mean(axis=1),
            "still among them": lambda positions, labels, k: agreeing(
                positions, labels, k + 1
            ).mean(axis=1),
            "only k - 1": lambda *case: agreeing(*case, first=1).mean(axis=1),
            "very same place": lambda positions, labels, k: agreeing(
                positions, labels, k + 1, 1
            ).mean(axis=1),
            "the whole map": lambda *case: np.mean(agreement_by_loop(*case)),
            "how *many* agree": lambda positions, labels, k: agreeing(
                positions, labels, k + 1, 1
            ).sum(axis=1),
        },
    ),
    "q8": Entry(
        right=[quality_by_list, quality_by_all],
        wrong={
            "has no minus": lambda image, limit: lowest(
                lambda q: np.abs(through_jpg(image, q) - image).max() <= limit
            ),
            "made smaller": lambda image, limit: lowest(
                lambda q: (through_jpg(image, q).astype(int) - image).max() <= limit
            ),
            "the mean difference": lambda image, limit: lowest(
                lambda q: np.abs(through_jpg(image, q).astype(int) - image).mean() <= limit
            ),
            "exactly the limit": lambda image, limit: lowest(lambda q: worst(image, q) < limit),
            "does not fall steadily": quality_from_above,
            "never tried": lambda image, limit: next(
                (q for q in range(1, 100) if worst(image, q) <= limit), 0
            ),
            "return 0, not None": lambda image, limit: quality_by_list(image, limit) or None,
            "highest quality": lambda image, limit: max(
                (q for q in QUALITIES if worst(image, q) <= limit), default=0
            ),
        },
    ),
}
