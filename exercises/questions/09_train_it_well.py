"""Inputs and mistakes for the questions on train_it_well."""

from functools import cache
from pathlib import Path

import numpy as np

from utils import data
from utils.exercises import Wrong
from utils.exercises.networks import accuracy_of, need_a_network, need_parameters
from utils.prediction import DigitReader

PARAMETERS = 93_322  # of the reference CNN
BUDGET, GOAL = 6_000, 0.96


def q2(rng):
    for number in range(300):
        shape = (30, 4, 4, 12) if number < 2 else rng.integers((1, 2, 2, 2), (6, 5, 6, 5))
        features = rng.normal(3, 5, shape)
        features[..., 0] = 0  # a silent channel
        features[..., 1] *= 100
        mean, variance = rng.normal(size=shape[-1]), rng.uniform(0.5, 3, shape[-1])
        yield features, mean, variance, number % 2 == 0


def q3(rng):
    yield [3, 5, 4], [4, 6, 7]
    yield np.array([300.0, 100.0]), np.array([100.0, 310.0])
    yield [2.5, 2.5, 1.0, 1.0, 1.0], [2.5, 2.5, 2.0, 2.0, 4.0]
    while True:
        count = int(rng.integers(3, 9))
        seeds = rng.normal(3, 1, count)
        yield (
            (seeds + rng.normal(0, 0.2, count)).tolist(),
            (seeds + rng.normal(0.2, 0.3, count)).tolist(),
        )


def q4(rng):
    edges = [[False], [True] * 3, [True, True, True, False], [False] * 12]
    for fallen in [*edges, *(rng.random((300, 5)) < 0.2)]:
        count = len(fallen)
        hard_seeds, levels = rng.integers(0, 8, (2, 1, 3)), rng.integers(0, 9, (2, count, 1))
        losses = 5 + hard_seeds + levels + rng.integers(0, 4, (2, count, 3))
        # No two means are equal.
        losses[..., 0] += (rng.permutation(count) - losses.sum(axis=2)) % count
        losses = losses * (10.0 if count == 12 else 0.01)
        losses[:, fallen, rng.integers(3)] = np.nan
        names = rng.permutation([*"ABCDEFGHIJKL"])[:count].tolist()
        pairs = zip(names, *losses.tolist(), strict=True)
        yield ({name: {"validation": ours, "test": others} for name, ours, others in pairs},)


@cache
def few_digits(start=0, stop=600):
    """Return 600 digits to train on, and their labels."""
    mnist = data.load_mnist()
    chosen = np.random.default_rng(6).permutation(len(mnist.x_train))[start:stop]
    return mnist.x_train[chosen], mnist.y_train[chosen]


@cache
def weights_of(name):
    return DigitReader(name).model.get_weights()


def need_own_weights(model, name):
    """Raise Wrong if these are the weights of one of the course's own networks."""
    ours, theirs = weights_of(name), model.get_weights()
    if len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)):
        raise Wrong(f"that's the course's own network *{name}*. Train one yourself.")


def read_by(path, images):
    """Return the reader in a file, and the probabilities that it gives."""
    try:
        reader = DigitReader(path)
        return reader, reader.predict_batch(images)
    except Exception as fault:
        raise Wrong(f"{fault}. Renaming a file doesn't convert it.") from fault


def q5_judge(folder):
    try:
        files = {path.name: path for path in Path(folder).iterdir()}
    except Exception as fault:
        raise Wrong("expected the folder that holds the three files, as a path.") from fault
    for name in ("reader.keras", "reader.onnx", "reader.tflite"):
        if name not in files:
            raise Wrong(f"there's no `{name}` in the folder.")
    images, labels = few_digits(600, 800)  # the network hasn't seen these
    reader, wanted = read_by(files["reader.keras"], images)
    if reader.model.count_params() != PARAMETERS:
        raise Wrong(f"expected a network of {PARAMETERS:,} parameters, like the reference CNN.")
    need_own_weights(reader.model, "reference")
    right = np.mean(wanted.argmax(axis=1) == labels)
    if right < 0.6:
        raise Wrong(f"it gets {right:.0%} of new digits right, which is too few. Was it trained?")
    for name, tolerance in (("reader.onnx", 0.001), ("reader.tflite", 0.1)):
        gap = np.abs(read_by(files[name], images)[1] - wanted).max()
        if not gap <= tolerance:
            raise Wrong(
                f"`{name}` and `reader.keras` differ by {gap:.3f}. Are they the same network?"
            )
    if files["reader.tflite"].stat().st_size > 2 * PARAMETERS:
        raise Wrong("`reader.tflite` has four bytes for each weight. Round it to 8 bits.")
    return f"All three predict the same, and {right:.1%} of new digits are right."


def q6_judge(network):
    if isinstance(network, tuple | list):
        raise Wrong("`fit` returns the network and its history. Hand in the network alone.")
    need_a_network(network)
    need_parameters(network, BUDGET)
    need_own_weights(network, "tiny")
    mnist = data.load_mnist("sample")
    images, labels = mnist.x_test, mnist.y_test
    right = accuracy_of(network, images, labels)
    reads = f"it gets {right:.1%} of the check's digits right"
    if right < GOAL:
        if accuracy_of(network, 255.0 * images, labels) > right + 0.2:
            raise Wrong(
                f"{reads}, and more with values from 0 to 255. The check feeds values from 0 to 1."
            )
        raise Wrong(f"{reads}, and it needs {GOAL:.0%}. Was it trained for long enough?")
    own = accuracy_of(network, mnist.x_train[:1000], mnist.y_train[:1000])
    if right - own > 0.025 or right > 0.9985:
        raise Wrong(f"{reads} and {own:.1%} of its own: did it train on `x_test`?")
    return f"{network.count_params():,} parameters, and {right:.1%} of new digits are right."
