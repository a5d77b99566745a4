"""Inputs and mistakes for the questions on dense_network."""

import matplotlib.pyplot as plt
import numpy as np

from utils import data, plots
from utils.exercises import Wrong
from utils.exercises.networks import accuracy_of, need_a_network, need_parameters
from utils.preprocessing import one_hot

_HIDDEN = {"A": 30, "B": 0, "C": 2}  # neurons in the hidden layer of each panel
BUDGET, GOAL = 30_000, 0.91


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def forward(network, images):
    W1, b1, W2, b2 = network
    hidden = np.maximum(0, images @ W1 + b1)
    return hidden, softmax(hidden @ W2 + b2)


def _network(rng, inputs, hidden):
    shapes = (inputs, hidden), (hidden,), (hidden, 10), (10,)
    return [rng.normal(size=shape) for shape in shapes]


def t1(rng):
    yield [np.eye(3, 2), np.array([-1, 0]), np.ones((2, 10)), np.zeros(10)], np.full((4, 3), 300)
    while True:
        inputs, hidden, images = map(int, rng.integers((2, 3, 1), (6, 8, 6)))
        yield _network(rng, inputs, hidden), rng.random((images, inputs))


def t2(rng):
    for network, images in t1(rng):
        yield network, images, rng.integers(0, 10, len(images))


def t3(rng):
    yield np.array([[5, 5, 0], [300, 5, 5]]), np.array([2, 0, 1])
    while True:
        count, pixels = map(int, rng.integers((1, 2), (6, 12)))
        yield rng.random((count, pixels)), rng.permutation(pixels)


def corners():
    """Return 400 points in the four corners of a square, and their classes. Opposite corners share a class."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (400, 2))
    points = points + np.sign(points) * 0.25
    return points, (points[:, 0] * points[:, 1] > 0).astype(int)


def _trained(hidden):
    """Train a network on the corners, and return a function that gives the probability of class 1 for points."""
    (x, y), rng = corners(), np.random.default_rng(3)
    W1, b1 = rng.normal(size=(2, hidden or 2)), np.zeros(hidden or 2)
    w2, b2 = rng.normal(size=hidden or 2) / np.sqrt(hidden or 2), 0.0

    def inside(points):
        return np.maximum(0, points @ W1 + b1) if hidden else points

    for _ in range(3000):
        h = inside(x)
        error = (1 / (1 + np.exp(-(h @ w2 + b2))) - y) / len(x)
        if hidden:
            back = np.outer(error, w2) * (h > 0)
            W1, b1 = W1 - x.T @ back, b1 - back.sum(axis=0)
        w2, b2 = w2 - error @ h, b2 - error.sum()
    return lambda points: 1 / (1 + np.exp(-(inside(points) @ w2 + b2)))


def three_networks():
    """Draw how three networks with different hidden layers classify the four corners."""
    points, classes = corners()
    side = np.linspace(-1.3, 1.3, 120)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    figure, panels = plt.subplots(1, 3, figsize=(9, 3), sharey=True)
    for axes, (name, hidden) in zip(panels, _HIDDEN.items(), strict=True):
        regions = _trained(hidden)(grid).reshape(120, 120) > 0.5
        axes.contourf(side, side, regions, levels=[-0.5, 0.5, 1.5], colors=["#fdf1dd", "#cfe5f3"])
        for one, marker in ((0, "x"), (1, "o")):
            axes.plot(*points[classes == one].T, marker, markersize=3, color=plots.COLORS[1 - one])
        axes.set_title(f"network {name}")
    alt = (
        "Points in four corners, and the regions of three networks. A separates all four corners, "
        "B draws one straight line, and C draws two, with most points of one class between them."
    )
    plots.show(figure, alt=alt)


def predict_unscaled():
    """Train a dense network on pixels from 0 to 1, and print its accuracy and confidence on both ranges."""
    mnist, rng = data.load_mnist("sample"), np.random.default_rng(0)
    x, new = (part.reshape(-1, 784) / 255 for part in (mnist.x_train, mnist.x_test))
    network = [
        part * scale
        for part, scale in zip(_network(rng, 784, 128), (0.05, 0, 0.12, 0), strict=True)
    ]
    for batch in (batch for _ in range(10) for batch in np.split(rng.permutation(4000), 40)):
        hidden, p = forward(network, x[batch])
        error = (p - one_hot(mnist.y_train[batch])) / len(batch)
        back = error @ network[2].T * (hidden > 0)
        steps = x[batch].T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        network = [part - 0.3 * step for part, step in zip(network, steps, strict=True)]
    for name, images in (("0 to 1", new), ("0 to 255", 255 * new)):
        p = forward(network, images)[1]
        right = p.argmax(axis=1) == mnist.y_test
        claimed = f"mean confidence {p.max(axis=1).mean():.1%}, {p.max(axis=1)[~right].mean():.1%}"
        print(f"pixels from {name}: {right.mean():.1%} right, {claimed} where it's wrong")


LOSSES = {
    "sum of squares": lambda w: float(np.sum(w**2)),
    "cross-entropy": lambda w: float(np.log(np.exp(w).sum()) - w.flat[0]),
    "product": lambda w: float(w.flat[0] * w.flat[-1] + w.flat[0] ** 3),
}


def q4(rng):
    while True:
        for name in LOSSES:
            yield name, rng.uniform(0.5, 2, (int(rng.integers(1, 4)), int(rng.integers(2, 5))))


def q4_observe(function, name, weights):
    before = weights.copy()
    found = function(LOSSES[name], weights)
    if not np.array_equal(before, weights):
        raise Wrong("the weights have changed: put each one back after you nudge it.")
    return np.round(np.asarray(found, float), 4)


def q5_judge(model):
    need_a_network(model)
    need_parameters(model, BUDGET)
    if convolutions := [layer.name for layer in model.layers if "conv" in layer.name]:
        raise Wrong(f"expected dense layers only, got {', '.join(convolutions)}.")
    mnist = data.load_mnist("sample")
    right = accuracy_of(model, mnist.x_test, mnist.y_test)
    if right < GOAL:
        raise Wrong(f"it gets {right:.1%} of the check's digits right, but it needs {GOAL:.0%}.")
    own = accuracy_of(model, mnist.x_train[:1000], mnist.y_train[:1000])
    if right > own + 0.03 or right > 0.985:
        raise Wrong(
            f"it gets {right:.1%} of the check's digits right and {own:.1%} of the training digits."
            " Train it on the training digits only."
        )
    return f"With {model.count_params():,} parameters, it gets {right:.1%} of new digits right."


def q6(rng):
    yield (
        np.ones((2, 10)),
        np.ones((4, 10)),
        np.ones((3, 4)),
        np.array([[0, 5, 0, 1]] * 2),
        np.array([[2, 0, 300]] * 2),
    )
    while True:
        images, first, second = map(int, rng.integers((1, 2, 2), (5, 7, 7)))
        hidden1, hidden2 = (np.maximum(0, rng.normal(size=(images, n))) for n in (first, second))
        yield (
            rng.normal(size=(images, 10)),
            rng.normal(size=(second, 10)),
            rng.normal(size=(first, second)),
            hidden2,
            hidden1,
        )
