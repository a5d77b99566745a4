"""Inputs and mistakes for the questions on train_the_cnn."""

import numpy as np


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


def q6(rng):
    for name in LAYERS:
        digits = rng.uniform(0.1, 1, (20, 9, 9, 1)).astype("float32")
        digits[:, :, :4] = 0  # paper
        yield name, digits


def q6_observe(function, name, digits):
    calls = {True: 0, False: 0}

    def layer(x, training=False):
        x, training = np.array(x), bool(training)
        calls[training] += 1
        answer = LAYERS[name][not training](x, calls[training])
        return np.asarray(answer, x.dtype).view(Tensor)

    return function(layer, digits)
