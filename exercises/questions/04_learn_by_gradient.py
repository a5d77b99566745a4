"""Inputs and mistakes for the questions on learn_by_gradient."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from utils import data, plots
from utils.exercises import Wrong
from utils.preprocessing import one_hot

_RUNS = {"A": 30, "B": 0.003, "C": 0.3}  # learning rates


def probability(w, ink):
    p = 1 / (1 + np.exp(-w * (ink - 12)))
    return np.clip(p, 1e-12, 1 - 1e-12)


def slope(w, ink, is_zero):
    return ((probability(w, ink) - is_zero) * (ink - 12)).mean()


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def t1(rng):
    yield 0, np.array([5, 9, 20]), np.array([False, True, True])
    yield 500, np.array([8.5, 8.5, 21.0]), np.array([True, True, False])
    while True:
        yield rng.normal(), rng.uniform(0, 40, 7), rng.random(7) < 0.5


t2 = t1


def t3(rng):
    ink, is_zero = np.array([5.0, 9.0, 20.0, 11.0]), np.array([False, True, True, False])
    yield 0.5, 3, ink, is_zero
    yield 0.1, 0, ink, is_zero
    yield 0.2, 2, np.tile(ink, 9), np.tile(is_zero, 9)
    while True:
        yield (
            rng.uniform(0.01, 0.5),
            int(rng.integers(2, 9)),
            rng.uniform(0, 40, 7),
            rng.random(7) < 0.5,
        )


def t4(rng):
    yield np.zeros((3, 10)), np.zeros(10), rng.integers(0, 256, (5, 3)), np.array([0, 9, 9, 1, 4])
    while True:
        labels = rng.integers(0, 10, 6)
        yield rng.normal(size=(4, 10)), rng.normal(size=10), rng.random((6, 4)), labels


def some_digits():
    """Return 2,000 digits, one row of 784 values from 0 to 1 for each, and their labels."""
    mnist = data.load_mnist("sample")
    return mnist.x_train[:2000].reshape(-1, 784) / 255, mnist.y_train[:2000]


def loss_of(W, b, images, labels):
    """Return the cross-entropy of ten neurons."""
    return cross_entropy(softmax(images @ W + b), labels)


def cross_entropy(probabilities, labels):
    """Return the mean cross-entropy, given the ten probabilities of each image."""
    return -np.log(probabilities[np.arange(len(labels)), labels].clip(1e-12)).mean()


def losses(rate, steps=100):
    """Return the loss of ten neurons on 2,000 digits before each step."""
    (images, labels), found = some_digits(), []
    W, b = np.zeros((784, 10)), np.zeros(10)
    for _ in range(steps):
        p = softmax(images @ W + b)
        found.append(cross_entropy(p, labels))
        error = p - one_hot(labels)
        W, b = W - rate * images.T @ error / len(images), b - rate * error.mean(axis=0)
    return found


def three_runs():
    """Draw the losses of three runs that differ only in the learning rate."""
    figure, axes = plt.subplots(figsize=(7, 3))
    for (name, rate), style in zip(_RUNS.items(), ("-", "--", ":"), strict=True):
        axes.plot(losses(rate), style, label=f"run {name}", linewidth=2)
    axes.set(
        xlabel="step", ylabel="loss", ylim=(0, 8), title="Three runs; A goes up to 16, off the plot"
    )
    axes.legend()
    alt = "Loss over 100 steps. A jumps up and down, B falls slowly, and C falls fast."
    plots.show(figure, alt=alt)


def shift_right(images, pixels):
    """Return images, one row of 784 values each, shifted to the right, or to the left if pixels < 0."""
    moved = ndimage.shift(images.reshape(-1, 28, 28), (0, 0, pixels), order=0)
    return moved.reshape(-1, 784)


def train_shifted(most):
    """Train ten neurons on the sample, each batch shifted by up to `most` pixels, and print two accuracies."""
    mnist, rng = data.load_mnist("sample"), np.random.default_rng(0)
    x_train, x_test = (part.reshape(-1, 784) / 255 for part in (mnist.x_train, mnist.x_test))
    W, b = np.zeros((784, 10)), np.zeros(10)
    for batch in (batch for _ in range(20) for batch in np.split(rng.permutation(4000), 40)):
        x = shift_right(x_train[batch], rng.integers(-most, most + 1))
        error = softmax(x @ W + b) - one_hot(mnist.y_train[batch])
        W, b = W - 0.3 * x.T @ error / len(x), b - 0.3 * error.mean(axis=0)
    for pixels in (0, 4):
        right = (shift_right(x_test, pixels) @ W + b).argmax(axis=1) == mnist.y_test
        print(f"trained on shifts up to {most}, tested at {pixels} pixels: {right.mean():.1%}")


def q4(rng):
    yield np.eye(4, 3) * 255, np.array([0, 5, 9, 9]), 0.5, 1
    yield np.full((9, 2), 300), rng.integers(0, 10, 9), 1e-3, 3
    while True:
        images, steps = rng.random((7, 5)), int(rng.integers(2, 6))
        yield images, rng.integers(0, 10, 7), rng.uniform(0.1, 1), steps


def q5(rng):
    yield np.array([-10.0, 0.0, 0.0, 300.0, 5.0]), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    while True:
        yield rng.normal(0, 3, 4), (rng.random(4) < 0.5).astype(float)


@cache
def ink_of_digits():
    """Return how much ink each 0 and 1 of the sample uses, and which of them are 0s."""
    mnist = data.load_mnist("sample")
    pair = (mnist.y_train == 0) | (mnist.y_train == 1)
    return 100 * mnist.x_train[pair].mean(axis=(1, 2)) / 255, mnist.y_train[pair] == 0


def loss_after(rate, steps):
    """Return the loss of the model with one weight after this many steps from w = 0."""
    (ink, is_zero), w = ink_of_digits(), 0.0
    for _ in range(steps):
        w -= rate * slope(w, ink, is_zero)
    p = probability(w, ink)
    return -np.log(np.where(is_zero, p, 1 - p)).mean()


def q6_judge(answer):
    try:
        low, high = (float(rate) for rate in answer)
    except (TypeError, ValueError):
        raise Wrong("expected two learning rates, as in `[0.1, 0.2]`.") from None
    if not 0 < low < high < 1000:
        raise Wrong("expected the smaller learning rate first, and both between 0 and 1,000.")
    for rate, beyond, end in ((low, low - 0.01, "smaller"), (high, high + 0.1, "larger")):
        if (loss := loss_after(rate, 20)) >= 0.2:
            raise Wrong(f"at {rate:g}, the loss is {loss:.3f} after 20 steps. Get it below 0.2.")
        if beyond > 0 and loss_after(beyond, 20) < 0.2:
            raise Wrong(f"{rate:g} works, but a {end} learning rate, {beyond:.2f}, works as well.")
    return f"From {low:g} to {high:g}, 20 steps are enough. That's a factor of {high / low:.0f}."
