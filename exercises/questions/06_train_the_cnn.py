"""Inputs and mistakes for the questions on train_the_cnn."""

from functools import cache
from pathlib import Path

import numpy as np

from utils import data
from utils.exercises import Wrong
from utils.exercises.networks import need_a_network, need_parameters
from utils.prediction import DigitReader, UnreadableModel

PARAMETERS = 93_322  # of the reference CNN
BUDGET, GOAL = 6_000, 0.96


def answers_and_labels(rng, count, classes):
    answers = rng.dirichlet(np.full(classes, 0.7), count) * 0.98 + 0.02 / classes
    return answers, rng.integers(0, classes, count)


def q1(rng):
    answers, labels = answers_and_labels(rng, 300, 10)
    yield answers.astype("float32"), labels.astype("uint8")  # as networks and MNIST have them
    yield np.full((3, 2), 0.5), np.array([0, 1, 1])
    yield np.array([[1 - 2e-6, 1e-6, 1e-6]]), np.array([1])
    while True:
        yield answers_and_labels(rng, int(rng.integers(2, 9)), int(rng.integers(2, 14)))


def q2(rng):
    yield 100, 3, 32, 50  # whole batches only
    yield 60_000, 5, 128, 7
    yield 10, 2, 64, 500  # less than one batch
    while True:
        old, new = map(int, rng.choice([1, 7, 32, 50, 64, 100, 128, 500], 2, replace=False))
        digits = new * int(rng.integers(1, 9)) if rng.random() < 0.3 else int(rng.integers(10, 900))
        yield digits, int(rng.integers(2, 8)), old, new


def runs() -> dict[str, dict[str, np.ndarray]]:
    """Return the made-up histories of five runs, each with `loss` and `val_loss` by epoch."""
    rng = np.random.default_rng(6)
    epoch = np.arange(20)

    def fall(start, end, pace):
        return end + (start - end) * np.exp(-epoch / pace) * rng.normal(1, 0.02, size=20)

    jumps = 2.3 + np.where(epoch > 0, rng.uniform(0.1, 1.5, size=20), 0)
    curves = {
        "A": (fall(2, 0.01, 2.5), fall(1.8, 0.2, 2) + 0.03 * np.maximum(epoch - 5, 0)),
        "B": (fall(1.7, 0.22, 3), fall(1, 0.12, 2.5)),
        "C": (jumps, jumps + rng.normal(0, 0.1, size=20)),
        "D": (fall(2.3, 0.5, 20), fall(2.3, 0.55, 20)),
        "E": (fall(1.9, 0.09, 2.5), fall(1.6, 0.12, 2.5)),
    }
    return {name: {"loss": loss, "val_loss": val_loss} for name, (loss, val_loss) in curves.items()}


def q4(rng):
    yield [3, 2, 2, 4, 5], 2
    yield [0.5], 1
    yield [0.9, 0.7, 0.8], 5  # the patience is never used up
    yield [2 - number / 1000 for number in range(300)], 3
    yield [1.0, *[2.0] * 290, 0.5], 280
    while True:
        steps = rng.integers(-3, 4, size=int(rng.integers(3, 30)))
        yield (np.abs(np.cumsum(steps) + 6) / 10 + 0.1).tolist(), int(rng.integers(1, 6))


def q5(rng):
    for number, steps in enumerate([1, 2, 3, 10, 500, 100_000] * 60):
        shape = (17, 20) if number == 1 else rng.integers(2, 6, size=rng.integers(1, 3))
        weights, mean = rng.normal(size=(2, *shape))
        gradient = rng.uniform(0.2, 2, shape) * rng.choice([-1, 1], shape)
        square = rng.uniform(0.01, 2, shape)
        # The first weight never had a gradient. That of the second has all but faded, and that of the last is huge.
        gradient.flat[:2], mean.flat[:2], square.flat[:2] = 0, (0, 1e-12), (0, 1e-14 / 0.999)
        gradient.flat[-1] = 1000
        if steps == 1:
            mean, square = np.zeros((2, *shape))
        kind = "float32" if number == 1 else "float64"
        arrays = [part.astype(kind) for part in (weights, gradient, mean, square)]
        yield *arrays, steps, float(rng.uniform(0.01, 0.1))


def q6(rng):
    for number in range(300):
        low, high = ((30, 4, 4, 12), (31, 5, 5, 13)) if number < 2 else ((1, 2, 2, 2), (6, 5, 6, 5))
        shape = tuple(map(int, rng.integers(low, high)))
        features = rng.normal(3, 5, shape)
        features[..., 0] = 0  # a silent channel
        features[..., 1] *= 100
        mean, variance = rng.normal(size=shape[-1]), rng.uniform(0.5, 3, shape[-1])
        arrays = [part.astype("float32" if number == 1 else float) for part in (mean, variance)]
        yield features.astype(arrays[0].dtype), *arrays, number % 2 == 0


def always_by_memory(features, mean, variance, training):
    answer = (features - mean) / np.sqrt(variance + 0.001)
    if training:
        mean = 0.9 * mean + 0.1 * features.mean(axis=(0, 1, 2))
        variance = 0.9 * variance + 0.1 * features.var(axis=(0, 1, 2))
    return answer, mean, variance


def learns_in_use(features, mean, variance, training):
    of_batch = features.mean(axis=(0, 1, 2)), features.var(axis=(0, 1, 2))
    used = of_batch if training else (mean, variance)
    answer = (features - used[0]) / np.sqrt(used[1] + 0.001)
    return answer, 0.9 * mean + 0.1 * of_batch[0], 0.9 * variance + 0.1 * of_batch[1]


class Tensor(np.ndarray):
    """Stand for a tensor, which has `numpy()`."""

    def numpy(self):
        return np.asarray(self)


class Layer:
    """Stand for a Keras layer: called with digits and with `training`, which is False unless given."""

    def __init__(self, in_training, in_use=lambda x, rng, call: x):
        self.operations, self.calls = (in_use, in_training), [0, 0]
        self.rng = np.random.default_rng()

    def __call__(self, digits, training=False):
        mode, digits = int(bool(training)), np.array(digits)
        self.calls[mode] += 1
        answer = self.operations[mode](digits, self.rng, self.calls[mode])
        return np.asarray(answer, digits.dtype).view(Tensor)


def same(x, rng, call):
    return x


def noise(x, rng, call):
    return x + rng.normal(scale=0.01, size=x.shape)


def now_and_then(x, rng, call):
    return x if call % 5 else x[:, :, ::-1]


def shift(x, rng, call):
    return np.stack([np.roll(digit, rng.integers(1, 4), axis=1) for digit in x])


def last_pixel(x, rng, call):
    return np.append(x.ravel()[:-1], rng.random()).reshape(x.shape)


LAYERS = {
    "nothing": (same,),
    "dropout": (lambda x, rng, call: 2 * x * (rng.random(x.shape) < 0.5),),
    "augmentation": (shift,),
    "batch normalization": (lambda x, rng, call: x - x.mean(), lambda x, rng, call: x - 0.1),
    "every other row is silent": (lambda x, rng, call: x * (np.arange(9) % 2).reshape(9, 1, 1),),
    "acts on one pixel of the last digit": (last_pixel,),
    "acts now and then": (now_and_then,),
    "acts in use, now and then": (same, now_and_then),
    "noise in use, too": (noise, noise),
    "noise in use only": (same, noise),
}


def q7(rng):
    for name in [*LAYERS] * 2:  # the left edge is blank, and the first row holds ink
        yield (
            name,
            (rng.uniform(0.1, 1, (20, 9, 9, 1)) * (np.arange(9) > 3).reshape(9, 1)).astype(
                "float32"
            ),
        )


def q7_observe(function, name, digits):
    return function(Layer(*LAYERS[name]), digits)


SCHEDULES = [
    "constant",
    "steps",
    "cosine",
    "one-cycle",
    "linear",
    "root",
    "saw",
    "plateau",
    "stairs",
]
SCHEDULES += ["triangle", "warm-up", "exponential"]


def results_of(rng, count, fallen, scale=0.01):
    """Return results of some schedules in random order; which have `fallen` apart is True or False for each."""
    names = rng.permutation(SCHEDULES)[:count].tolist()
    while True:
        losses = rng.integers(5, 25, size=(2, count, 3))
        losses[:, rng.integers(count), rng.integers(3)] = 1  # a single splendid run
        if all(len(set(part.sum(axis=1).tolist())) == count for part in losses):
            break  # no two means are equal
    losses = losses * scale
    losses[:, fallen, rng.integers(3)] = np.nan
    pairs = zip(names, *losses.tolist(), strict=True)
    return ({name: {"validation": ours, "test": others} for name, ours, others in pairs},)


def q8(rng):
    yield results_of(rng, 1, [False])
    yield results_of(rng, 3, [True] * 3)
    yield results_of(rng, 4, [True, True, True, False])
    yield results_of(rng, 12, [False] * 12, scale=10.0)
    while True:
        count = int(rng.integers(3, 6))
        yield results_of(rng, count, rng.random(count) < 0.2)


@cache
def digits_of_q9():
    mnist = data.load_mnist()
    chosen = np.random.default_rng(6).permutation(len(mnist.x_train))[:800]
    return mnist.x_train[chosen], mnist.y_train[chosen]


def few_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 600 digits to train on, and their labels."""
    images, labels = digits_of_q9()
    return images[:600], labels[:600]


@cache
def weights_of(name):
    return DigitReader(name).model.get_weights()


def need_own_weights(model, name):
    """Raise Wrong if these are the weights of one of the course's own networks."""
    ours, theirs = weights_of(name), model.get_weights()
    if len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)):
        raise Wrong(
            f"these are the weights of the course's own network *{name}*. Train one yourself."
        )


def probabilities(reader, images):
    try:
        return reader.predict_batch(images)
    except Exception as fault:
        raise Wrong(f"it can't read a batch of digits: {type(fault).__name__}.") from fault


def open_form(folder, name):
    if not (folder / name).is_file():
        names = "`reader.keras`, `reader.onnx`, and `reader.tflite`"
        raise Wrong(f"there's no `{name}` in the folder. The three files are {names}.")
    try:
        return DigitReader(folder / name)
    except UnreadableModel as fault:
        raise Wrong(
            f"{fault}. Each form has a function of its own: renaming a file doesn't convert it."
        ) from fault


def q9_judge(folder):
    try:
        folder = Path(folder)
        found = folder.is_dir()
    except Exception:
        found = False
    if not found:
        raise Wrong("expected the folder that holds the three files, as a path.")
    images, labels = (part[600:] for part in digits_of_q9())  # the network hasn't seen these
    original = open_form(folder, "reader.keras")
    network = original.model
    if network.count_params() != PARAMETERS:
        raise Wrong(
            f"the network has {network.count_params():,} parameters, and the reference CNN has {PARAMETERS:,}."
        )
    need_own_weights(network, "reference")
    wanted = probabilities(original, images)
    right = np.mean(wanted.argmax(axis=1) == labels)
    if right < 0.6:
        raise Wrong(
            f"it reads {right:.0%} of new digits, which is poor for 600 digits. Was it trained?"
        )
    for name, tolerance in (("reader.onnx", 0.001), ("reader.tflite", 0.1)):
        gap = np.abs(probabilities(open_form(folder, name), images) - wanted).max()
        if not gap <= tolerance:
            reason = (
                f"`{name}` and `reader.keras` give probabilities that differ by up to {gap:.3f}"
            )
            raise Wrong(f"{reason}. Do both hold the same network?")
    if (folder / "reader.tflite").stat().st_size > 2 * PARAMETERS:
        raise Wrong(
            "`reader.tflite` has four bytes for each weight, not one: it wasn't rounded to 8 bits."
        )
    return f"All three read alike, and {right:.1%} of new digits right."


def q10_judge(network):
    if isinstance(network, tuple | list):
        raise Wrong(
            "`fit` returns two things, the network and its history. Hand in the network alone."
        )
    need_a_network(network)
    need_parameters(network, BUDGET)
    need_own_weights(network, "tiny")
    mnist, reader = data.load_mnist("sample"), DigitReader(network)
    parts = [(mnist.x_test, mnist.y_test), (mnist.x_train[:1000], mnist.y_train[:1000])]
    right, of_its_own = (
        np.mean(probabilities(reader, images).argmax(axis=1) == labels) for images, labels in parts
    )
    if right < GOAL:
        of_bytes = np.asarray(network(mnist.x_test[..., np.newaxis].astype("float32")))
        with_bytes = np.mean(of_bytes.argmax(axis=1) == mnist.y_test)
        if with_bytes > right + 0.2:
            raise Wrong(
                f"it reads {with_bytes:.1%} of the check's digits with values from 0 to 255, and {right:.1%} with "
                "values from 0 to 1. The check feeds values from 0 to 1, as `training.fit` does."
            )
        hint = (
            "Does it have enough feature maps, epochs, and steps?"
            if right > 0.3
            else "Was it trained?"
        )
        raise Wrong(
            f"it reads {right:.1%} of the check's digits, and {GOAL:.0%} are needed. {hint}"
        )
    if right - of_its_own > 0.025 or right > 0.9985:
        raise Wrong(
            f"it reads {right:.1%} of the check's digits and {of_its_own:.1%} of its own: did it train on `x_test`?"
        )
    return (
        f"{network.count_params():,} parameters, and {right:.1%} of new digits are read correctly."
    )
