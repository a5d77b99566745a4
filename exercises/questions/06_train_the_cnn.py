"""Inputs and mistakes for the questions on train_the_cnn."""

from functools import cache
from pathlib import Path

import numpy as np

from utils import data
from utils.exercises import Wrong
from utils.exercises.networks import accuracy_of, need_a_network, need_parameters
from utils.prediction import DigitReader

PARAMETERS = 93_322  # of the reference CNN
BUDGET, GOAL = 6_000, 0.96


def q1(rng):
    yield np.full((3, 2), 0.5), np.array([0, 1, 1])
    yield np.array([[1 - 2e-6, 1e-6, 1e-6]]), np.array([1])
    for count, classes in [(300, 10), *rng.integers(2, 14, (300, 2))]:
        answers = rng.dirichlet(np.full(classes, 0.7), count) * 0.98 + 0.02 / classes
        yield answers.astype("float32"), rng.integers(0, classes, count).astype("uint8")


def q2(rng):
    yield 100, 3, 32, 50  # whole batches only
    yield 60_000, 5, 128, 7
    yield 10, 2, 64, 500  # less than one batch
    while True:
        old, new = rng.choice([1, 7, 32, 50, 64, 100, 128, 500], 2, replace=False).tolist()
        yield int(rng.integers(10, 900)), int(rng.integers(2, 8)), old, new


def runs() -> dict[str, dict[str, np.ndarray]]:
    """Return the made-up histories of five runs, each with `loss` and `val_loss` by epoch."""
    rng, epoch = np.random.default_rng(6), np.arange(20)

    def fall(start, end, pace):
        return end + (start - end) * np.exp(-epoch / pace) * rng.normal(1, 0.02, 20)

    jumps = 2.3 + np.where(epoch > 0, rng.uniform(0.1, 1.5, 20), 0)
    rise = 0.03 * (epoch - 5).clip(0)
    return {
        "A": {"loss": fall(2, 0.01, 2.5), "val_loss": fall(1.8, 0.2, 2) + rise},
        "B": {"loss": fall(1.7, 0.22, 3), "val_loss": fall(1, 0.12, 2.5)},
        "C": {"loss": jumps, "val_loss": jumps + rng.normal(0, 0.1, 20)},
        "D": {"loss": fall(2.3, 0.5, 20), "val_loss": fall(2.3, 0.55, 20)},
        "E": {"loss": fall(1.9, 0.09, 2.5), "val_loss": fall(1.6, 0.12, 2.5)},
    }


def q4(rng):
    yield [3, 2, 2, 4, 5], 2
    yield [0.5], 1
    yield [0.9, 0.7, 0.8], 5  # the patience is never used up
    yield [*range(300, 0, -1), *[2] * 290], 280
    while True:
        losses = rng.integers(1, 12, rng.integers(3, 30)) / 10
        yield losses.tolist(), int(rng.integers(1, 6))


def q5(rng):
    for step in [1, 2, 3, 10, 500, 100_000] * 50:
        shape = 4, *rng.integers(2, 6, rng.integers(1, 3))
        parts = rng.uniform(0.2, 2, shape) * rng.choice([-1, 1], shape)
        parts[1, ..., 0] = 0  # this gradient has all but faded, and in step 1 there was none before
        parts[2, ..., 0], parts[3, ..., 0] = 1e-12, 1e-7 / 0.999**0.5
        parts[1, ..., -1] *= 500
        parts[2:] *= step > 1
        weights, gradient, mean, square = parts
        yield weights, gradient, mean, square**2, step, float(rng.uniform(0.01, 0.1))


def q6(rng):
    for number in range(300):
        shape = (30, 4, 4, 12) if number < 2 else rng.integers((1, 2, 2, 2), (6, 5, 6, 5))
        features = rng.normal(3, 5, shape)
        features[..., 0] = 0  # a silent channel
        features[..., 1] *= 100
        mean, variance = rng.normal(size=shape[-1]), rng.uniform(0.5, 3, shape[-1])
        yield features, mean, variance, number % 2 == 0


class Tensor(np.ndarray):
    """Stand for a tensor, which has `numpy()`."""

    def numpy(self):
        return np.asarray(self)


def same(x, call):
    return x


def now_and_then(x, call):
    return x if call % 5 else x[:, :, ::-1]


RNG = np.random.default_rng()
LAYERS = {  # what each does in training, and in use
    "nothing": (same, same),
    "dropout": (lambda x, call: 2 * x * (RNG.random(x.shape) < 0.5), same),
    "shift": (lambda x, call: np.stack([np.roll(one, RNG.integers(1, 4), 1) for one in x]), same),
    "batch normalization": (lambda x, call: x - x.mean(), lambda x, call: x - 0.1),
    "odd rows only": (lambda x, call: x * (np.arange(9) % 2).reshape(9, 1, 1), same),
    "last pixel": (lambda x, call: np.append(x.flat[:-1], RNG.random()).reshape(x.shape), same),
    "now and then": (now_and_then, same),
    "in use, now and then": (same, now_and_then),
    "noise in use, too": (lambda x, call: x + RNG.normal(0, 0.01, x.shape),) * 2,
}


def q7(rng):
    for name in LAYERS:
        digits = rng.uniform(0.1, 1, (20, 9, 9, 1)).astype("float32")
        digits[:, :, :4] = 0  # paper
        yield name, digits


def q7_observe(function, name, digits):
    calls = {True: 0, False: 0}

    def layer(x, training=False):
        x, training = np.array(x), bool(training)
        calls[training] += 1
        answer = LAYERS[name][not training](x, calls[training])
        return np.asarray(answer, x.dtype).view(Tensor)

    return function(layer, digits)


def q8(rng):
    edges = [[False], [True] * 3, [True, True, True, False], [False] * 12]
    for fallen in [*edges, *(rng.random((300, 5)) < 0.2)]:
        count = len(fallen)
        losses = rng.integers(5, 25, (2, count, 3))
        losses[:, rng.integers(count), 1] = 1  # a single splendid run
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


def q9_judge(folder):
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
        raise Wrong(f"it reads {right:.0%} of new digits, too few. Was it trained?")
    for name, tolerance in (("reader.onnx", 0.001), ("reader.tflite", 0.1)):
        gap = np.abs(read_by(files[name], images)[1] - wanted).max()
        if not gap <= tolerance:
            raise Wrong(f"`{name}` and `reader.keras` differ by {gap:.3f}. Are they one network?")
    if files["reader.tflite"].stat().st_size > 2 * PARAMETERS:
        raise Wrong("`reader.tflite` has four bytes for each weight: round it to 8 bits.")
    return f"All three read alike, and {right:.1%} of new digits right."


def q10_judge(network):
    if isinstance(network, tuple | list):
        raise Wrong("`fit` returns the network and its history. Hand in the network alone.")
    need_a_network(network)
    need_parameters(network, BUDGET)
    need_own_weights(network, "tiny")
    mnist = data.load_mnist("sample")
    images, labels = mnist.x_test, mnist.y_test
    right = accuracy_of(network, images, labels)
    reads = f"it reads {right:.1%} of the check's digits"
    if right < GOAL:
        if accuracy_of(network, 255.0 * images, labels) > right + 0.2:
            raise Wrong(f"{reads}, and more with values from 0 to 255. The check feeds 0 to 1.")
        raise Wrong(f"{reads}, and {GOAL:.0%} are needed. Was it trained for long enough?")
    own = accuracy_of(network, mnist.x_train[:1000], mnist.y_train[:1000])
    if right - own > 0.025 or right > 0.9985:
        raise Wrong(f"{reads} and {own:.1%} of its own: did it train on `x_test`?")
    return f"{network.count_params():,} parameters, and {right:.1%} of new digits are right."
