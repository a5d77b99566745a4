"""What people answer to the questions on baseline_classifiers."""

import math

import keras
import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from tests.exercises.bank import Entry
from utils.evaluation import accuracy_interval


def mean_by_loops(train, labels, images):
    means = {digit: train[labels == digit].mean(axis=0) for digit in set(labels.tolist())}
    return [min(means, key=lambda digit: np.linalg.norm(image - means[digit])) for image in images]


def mean_scaled(train, labels, images):
    train, images = (part.reshape(-1, 784).astype("float32") / 255 for part in (train, images))
    return NearestCentroid().fit(train, labels).predict(images)


def mean_prefilled_with_zeros(train, labels, images):
    means = np.zeros((10, 28, 28))
    for digit in set(labels.tolist()):
        means[digit] = train[labels == digit].mean(axis=0)
    return np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3)).argmin(axis=1)


def neighbors_by_counts(train, labels, images, k):
    order = cdist(images, train).argsort(axis=1)
    return np.array([np.bincount(labels[row[:k]]).argmax() for row in order])


def forward_image_by_image(x, W1, b1, W2, b2):
    return [softmax(np.clip(image @ W1 + b1, 0, None) @ W2 + b2) for image in x]


def gradient_in_place_and_back(loss, W, h=1e-4):
    gradient = np.empty_like(W)
    for place in np.ndindex(W.shape):
        old = W[place]
        W[place] = old + h
        up = loss(W)
        W[place] = old - h
        gradient[place], W[place] = (up - loss(W)) / (2 * h), old
    return gradient


def trained_by_keras(x, labels, rate, steps):
    inputs = keras.Input((x.shape[1],))
    outputs = keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros")(inputs)
    network = keras.Model(inputs, outputs)
    network.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", run_eagerly=True)
    for _ in range(steps):
        network.train_on_batch(x, labels)
    return network.get_weights()


def trained_image_by_image(x, labels, rate, steps, start=0.0):
    W, b = start + np.zeros((10, x.shape[1])), np.zeros(10)
    for _ in range(steps):
        errors = [
            softmax(W @ image + b) - t for image, t in zip(x, np.eye(10)[labels], strict=True)
        ]
        outer = [np.outer(error, image) for error, image in zip(errors, x, strict=True)]
        W, b = W - rate * np.mean(outer, axis=0), b - rate * np.mean(errors, axis=0)
    return [W.T, b]


def knows_by_order(distance, a, b):
    order = np.random.default_rng().random(a.size).argsort()
    moved = [image.ravel()[order].reshape(image.shape) for image in (a, b)]
    return np.array(not math.isclose(distance(*moved), distance(a, b)))


def shuffles_in_place(distance, a, b):
    before = distance(a, b)
    np.random.default_rng().shuffle(a)
    return not np.isclose(before, distance(a, b))


def contest(readers, x_validation, y_validation, x_test, y_test):
    scores = [np.mean(reader(x_validation) == y_validation) for reader in readers.values()]
    name = np.array(list(readers))[np.argmax(scores)]
    hits = int(np.sum(readers[name](x_test) == y_test))
    interval = binomtest(hits, len(y_test)).proportion_ci(method="wilson")
    return [name, hits / len(y_test), interval.low, interval.high]


def contest_digit_by_digit(readers, x_validation, y_validation, x_test, y_test):
    best, most = None, -1
    for name, reader in readers.items():
        if (hits := sum(reader(x_validation) == y_validation)) > most:
            best, most = name, hits
    correct = sum(readers[best](x_test[i : i + 1])[0] == y_test[i] for i in range(len(x_test)))
    return best, correct / len(x_test), *accuracy_interval(correct, len(x_test))


def contest_on_all_digits(readers, *parts):
    """Choose by the hits on validation and test digits together."""
    x, y = (np.concatenate(both) for both in (parts[::2], parts[1::2]))
    name = max(readers, key=lambda name: np.sum(readers[name](x) == y))
    return contest({name: readers[name]}, *parts)


BANK = {
    "q1": Entry(
        right=[[4, 4 * 2**0.5, 48**0.5, 24**0.5], (4, 5.66, 6.93, 4.9)],
        wrong={
            "`moved by two`: `8` isn't right": np.array([4, 8, 48**0.5, 24**0.5]),
            "`moved by one`": [1, 2, 5, 0],
            "expected 4 things": [4, 5.66, 6.93],
            "`moved by five`": (4, 5.66, 6.9, 4.9),
        },
    ),
    "q2": Entry(
        right=[
            lambda budget, inputs, outputs: int((budget - outputs) / (inputs + outputs + 1)),
            lambda budget, inputs, outputs: max(
                u for u in range(300) if inputs * u + u + outputs * u + outputs <= budget
            ),
        ],
        wrong={"expected": lambda budget, inputs, outputs: (budget - 10) // 795},
    ),
    "q3": Entry(
        right=[mean_by_loops, mean_scaled],
        wrong={
            "numbers differ": mean_prefilled_with_zeros,
            "expected an array of shape": lambda *case: mean_scaled(*case)[:1],
        },
    ),
    "q4": Entry(
        right=[
            neighbors_by_counts,
            lambda x, y, images, k: KNeighborsClassifier(k).fit(x, y).predict(images).tolist(),
        ],
        wrong={
            "numbers differ": lambda x, y, images, k: cdist(images, x).argmin(axis=1),
            "expected an array of shape": lambda x, y, images, k: y[
                cdist(images, x).argsort(axis=1)[:, :k]
            ],
        },
    ),
    "q5": Entry(
        right=[
            forward_image_by_image,
            lambda x, W1, b1, W2, b2: softmax((x @ W1 + b1).clip(min=0) @ W2 + b2, axis=1),
        ],
        wrong={
            "changes what it is given": lambda x, *rest: np.divide(x, 2, out=x),
            "expected an array of shape": lambda *case: forward_image_by_image(*case)[0],
        },
    ),
    "q6": Entry(
        right=[gradient_in_place_and_back],
        wrong={
            "numbers differ": lambda *case: gradient_in_place_and_back(*case, h=1),
            "expected an array of shape": lambda loss, W: np.zeros(2),
            "changes what it is given": lambda loss, W: np.add(W, 1, out=W),
        },
    ),
    "q7": Entry(
        right=[trained_image_by_image, trained_by_keras],
        wrong={
            "`W`: ": lambda *case: trained_image_by_image(*case, start=0.01),
            "`W`: expected an array of shape": lambda *case: trained_image_by_image(*case)[::-1],
            "expected 2 things": lambda *case: trained_image_by_image(*case)[0],
        },
    ),
    "q8": Entry(
        right=[knows_by_order],
        wrong={
            "expected `False`, got `True`": lambda *case: True,
            "expected `True`, got": lambda distance, a, b: distance(a, b),
            "changes what it is given": shuffles_in_place,
        },
    ),
    "q9": Entry(
        right=[contest, contest_digit_by_digit],
        wrong={
            "best on the *test* set": contest_on_all_digits,
            "`name, accuracy, low, high`: expected": lambda *case: contest(*case)[:2],
        },
    ),
}
