"""Inputs and mistakes for the questions on look_inside_the_cnn."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import softmax

from utils import data, preprocessing
from utils.environment import quiet_tensorflow
from utils.exercises import Wrong

with quiet_tensorflow():
    import keras
    import tensorflow as tf  # noqa: F401  (solutions use it)

LOGITS = pd.DataFrame(
    [[2, 9, 5], [-3, 4, 0], [2.5, 8.5, 5], [1, 6, 8], [2, 12, 3], [2, 9, 8.9]],
    index=["nothing", *"ABCDE"],
    columns=[3, 5, 6],
)


def q1_observe(answer):
    """Return letters as they are meant, also small ones."""
    return answer if isinstance(answer, str) else [str(one).strip().upper() for one in answer]


@cache
def _network_of_maps(seed):
    rng = np.random.default_rng(seed)
    inputs = x = keras.Input((28, 28, 1))
    for _ in range(3):
        x = keras.layers.Conv2D(4, 3, activation="relu", use_bias=False)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model.set_weights([rng.normal(size=kernel.shape) for kernel in model.get_weights()])
    return model


def q2(rng):
    for layer in (2, 1, 3):
        labels = rng.permutation([*range(10), *rng.integers(0, 4, size=11)])
        shades = rng.uniform(0.3, 1, size=(len(labels), 1, 1, 1))
        images = shades * rng.uniform(size=(len(labels), 28, 28, 1))
        yield int(rng.integers(10**6)), layer, images.astype("float32"), labels


def q2_observe(function, seed, *others):
    return function(_network_of_maps(seed), *others)


@cache
def _confident_network(seed):
    """Return a model whose logits lie far apart for an image, and this image."""
    rng = np.random.default_rng(seed)
    image = np.pad(rng.uniform(size=(20, 20)), 4).astype("float32")
    into, bias = rng.normal(size=(784, 20)) / 28, rng.normal(size=20) / 10
    out = rng.normal(size=(20, 10))
    logits = np.maximum(image.ravel() @ into + bias, 0) @ out
    order = np.argsort(logits)
    out *= 200 / (logits[order[-1]] - logits[order[-2]])
    inputs = keras.Input((28, 28, 1))
    hidden = keras.layers.Dense(20, activation="relu")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
    model.set_weights([into, bias, out, rng.normal(size=10)])
    return model, image, order


def q3(rng):
    for place in (-1, 0, 5):  # the likeliest digit, the least likely one, and one between
        seed = int(rng.integers(10**6))
        _, image, order = _confident_network(seed)
        yield seed, image.copy(), int(order[place])


def q3_observe(function, seed, image, digit):
    model = _confident_network(seed)[0]
    batch = image[np.newaxis, ..., np.newaxis].copy()
    before = np.asarray(model(batch))
    found = function(model, image, digit)
    if not np.array_equal(model(batch), before):
        _confident_network.cache_clear()
        raise Wrong("your function changes the network: it predicts something else afterward.")
    return found


def q4(rng):
    for number in range(300):
        image, baseline = rng.uniform(size=(2, 4, 5))
        if number == 0:
            image, baseline = image.round(), 0 * baseline  # ink and paper only
        weights = [rng.normal(size=(20, 8)), rng.normal(size=8)]
        yield weights, image, baseline, 1 if number == 1 else int(rng.integers(3, 12))


def q4_observe(function, weights, *others):
    into, out = weights

    def score(image):
        return np.tanh(image.ravel() @ into) @ out

    def gradient(image):
        return (into @ (out * (1 - np.tanh(image.ravel() @ into) ** 2))).reshape(image.shape)

    return function(score, gradient, *others)


def q5(rng):
    for number, shape in enumerate([(6, 4, 3), (12, 15, 1), (3, 5, 12)] * 100):
        heat = [0, 0]
        while heat[-1] <= max(0, heat[-2]):  # until one place is the hottest
            # Unlike after ReLU, no zeros: at the hottest place, each map must count.
            maps, gradients = np.abs(rng.normal(0, 2, size=shape)), rng.normal(size=shape)
            maps = (20 * maps).astype("uint8") if number == 0 else maps
            heat = np.sort((maps @ gradients.mean(axis=(0, 1))).ravel())
        yield maps, gradients, [8, 11, 1, 12][number % 4], int(rng.integers(2, 5))


EPSILON = 0.15
mnist = cache(data.load_mnist)


class SoftmaxRegression:
    """A softmax regression that reads flat digits, (n, pixels), from 0 to 1, and learns by steps."""

    def __init__(self, weights: np.ndarray):
        self.weights = np.array(weights, dtype=float)

    def get_weights(self) -> list[np.ndarray]:
        """Return the weights, as a Keras model does."""
        return [self.weights.copy()]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return one row of probabilities for each image."""
        return softmax(np.asarray(images) @ self.weights, axis=1)

    def loss_gradient(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return by how much the loss of each image rises with each of its pixels."""
        return self._errors(images, labels) @ self.weights.T

    def fit(self, images: np.ndarray, labels: np.ndarray, rate: float = 0.5) -> None:
        """Take one step down the mean loss of these images."""
        self.weights -= rate * np.asarray(images).T @ self._errors(images, labels) / len(images)

    def _errors(self, images, labels):
        return self.probabilities(images) - np.eye(self.weights.shape[1])[labels]


def training_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return a thousand digits, flat, (1000, 784), from 0 to 1, and their labels."""
    return preprocessing.scale(mnist().x_train[:1000]).reshape(1000, 784), mnist().y_train[:1000]


def trained_network() -> SoftmaxRegression:
    """Return a softmax regression that has learned the thousand digits of `training_digits`."""
    network, digits = SoftmaxRegression(np.zeros((784, 10))), training_digits()
    for _ in range(60):
        network.fit(*digits)
    return network


def robustness(network: SoftmaxRegression, epsilon: float) -> dict[str, float]:
    """Return the accuracy on 500 new digits, clean and attacked through the network's own gradient."""
    images = preprocessing.scale(mnist().x_test[:500]).reshape(500, 784)
    labels = mnist().y_test[:500]
    attacked = images + epsilon * np.sign(network.loss_gradient(images, labels))
    tries = {"clean": images, "attacked": np.clip(attacked, 0, 1)}
    hits = {name: network.probabilities(x).argmax(axis=1) == labels for name, x in tries.items()}
    return {name: float(hit.mean()) for name, hit in hits.items()}


def q6(rng):
    while True:  # images with much ink and much paper, so that it matters to clip
        images = rng.uniform(-0.3, 1.3, size=(60, 12)).clip(0, 1).round(2)
        labels, rounds = rng.integers(0, 10, size=60), int(rng.integers(3, 6))
        yield rng.normal(size=(12, 10)), images, labels, float(rng.choice([0.1, 0.2])), rounds


def q6_observe(function, weights, *others):
    found = function(SoftmaxRegression(weights), *others)
    return getattr(found, "weights", found)
