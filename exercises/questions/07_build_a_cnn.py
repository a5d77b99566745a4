"""Inputs and mistakes for the questions on build_a_cnn."""

import copy
import itertools
import math
from functools import lru_cache

import numpy as np

from utils.environment import quiet_tensorflow
from utils.exercises import Wrong
from utils.exercises.compare import Unusable, difference
from utils.exercises.networks import need_a_network, need_parameters

with quiet_tensorflow():
    import keras
    import tensorflow as tf
    from keras import layers


def q1_observe(shapes):
    """Take the shape of a row, (n,), as a plain n, too."""
    has_row = isinstance(shapes, dict) and "flatten" in shapes
    return shapes | {"flatten": np.ravel(shapes["flatten"])} if has_row else shapes


def q3(rng):
    far = [[1.0, 2, 3, 3], [1000, 1001, 1003, 1003], [-1000, -1001, -1003, -1003]]
    apart = [[-2000, 0, 900, 0], [900, 0, -2000, 0], [0, 900, -2000, 0]]
    yield (np.array(far + apart),)
    while True:
        yield (rng.normal(scale=2, size=rng.integers(2, 10, 2)),)


def q4(rng):
    yield ([],)
    yield ([(2, 2)] * 17,)  # beyond 16 bits
    yield ([(300, 2), (3, 1)],)
    yield ([(1, 3), (5, 1), (1, 1), (4, 4), (3, 2)],)
    while True:
        steps = rng.integers(1, (7, 4), (rng.integers(1, 9), 2))
        yield ([(int(kernel), int(stride)) for kernel, stride in steps],)


def q5(rng):
    yield rng.normal(size=(101, 100)).round(1), 0.2, False, rng.spawn(1)[0]
    yield rng.normal(size=(40, 9, 9, 5)).round(1), 0.7, True, rng.spawn(1)[0]
    for rate in [0.0, 0.95, *rng.uniform(0.1, 0.9, 300).tolist()]:
        yield rng.normal(size=(101, 100)).round(1), rate, True, rng.spawn(1)[0]


def q5_observe(function, x, rate, training, rng):
    """Return facts that don't depend on which numbers are dropped."""
    results = [function(x, rate, training, one) for one in (copy.deepcopy(rng), rng, rng)]
    if wrong := [one for one in results if np.shape(one) != x.shape]:
        return Unusable(difference(wrong[0], x))
    first, again, other = (np.asarray(one, float) for one in results)
    dropped, factors = (first == 0) & (x != 0), first[first != 0] / x[first != 0]
    share = float(dropped.sum() / np.sum(x != 0))
    near = [one for one in (0, rate, 1 - rate, 1) if abs(one - share) < 0.025]  # 5 deviations
    whole = [n for n in range(x.ndim) if np.mean(dropped.all(n) | ~dropped.any(n)) > 0.5]
    return {
        "axes with whole lines dropped": whole if 0 < share < 1 else [],
        "share dropped": near[0] if near else share,
        "factors of the rest": [factors.min(), factors.max()] if factors.size else None,
        "same numbers dropped by the same rng": np.array_equal(first, again),
        "same numbers dropped once more": np.array_equal(first, other),
    }


def q6(rng):
    yield (7, 6), ((3, 1),), "flatten", 1  # each answer sees pixels of its own
    yield (12, 11), ((3, 2),), "negative", 2  # a row is left out
    yield (9, 11), ((1, 1), (2, 2)), "dense", 3  # a pixel is seen in one image of four
    yield (11, 8), ((2, 3),), "opposites", 4  # holes
    yield (5, 6), ((1, 1),), "tiny", 5  # everything is seen


@lru_cache
def network(shape, steps, end, seed):
    """Build a network of layers, (kernel, stride), whose weights have one sign, so that no chance hides a pixel."""
    parts = [layers.Conv2D(4, *steps[0]), *(layers.MaxPooling2D(*step) for step in steps[1:])]
    parts += [layers.Flatten()] if end == "flatten" else [layers.Flatten(), layers.Dense(4)]
    model = keras.Sequential([keras.Input((*shape, 1)), *parts])
    rng = np.random.default_rng(seed)
    *below, kernel, bias = (rng.uniform(0.2, 1, array.shape) for array in model.get_weights())
    last = {"negative": (-kernel, bias + 1000), "tiny": (kernel / 1e4, bias / 1e4)}
    last["opposites"] = kernel[..., :1] * [1, 1, -1, -1], bias
    model.set_weights([*below, *last.get(end, (kernel, bias))])
    return model


def q6_observe(function, shape, *rest):
    """Return facts about a mask that are the same, whatever images show it."""
    model = network(shape, *rest)
    before = model.get_weights()
    answer = function(model)
    if not all(map(np.array_equal, before, model.get_weights())):
        network.cache_clear()
        return Unusable("your function changes the weights of the model that it's given")
    if np.shape(answer) != shape:
        return Unusable(difference(answer, np.zeros(shape)))
    answer = np.asarray(answer)
    if not np.isin(answer, (0, 1)).all():
        return Unusable("expected `True` or `False` for each pixel, got other numbers")
    seen = np.outer(*(_reach(side, rest[0]) for side in shape))
    return {
        "seen, but called blind": "some" if (seen & (answer == 0)).any() else "none",
        "blind, but called seen": int((~seen & (answer == 1)).sum()),
    }


def _reach(side, steps):
    """Return which pixels along one side of an image reach the end of these steps."""
    sees = np.eye(side, dtype=bool)
    for k, s in steps:
        sees = np.array([sees[at : at + k].any(axis=0) for at in range(0, len(sees) - k + 1, s)])
    return sees.any(axis=0)


def q7_judge(model):
    need_a_network(model)
    if not hasattr(model, "input_shape"):
        raise Wrong("expected `keras.Model(inputs, outputs)` or `Sequential`, not a subclass.")
    parts = [layer for layer in _parts(model) if layer.weights]
    for layer in parts:
        if not isinstance(layer, layers.Conv2D | layers.Dense):
            raise Wrong(f"`{type(layer).__name__}` has weights: only `Conv2D` and `Dense` may.")
    count = sum(isinstance(layer, layers.Conv2D) for layer in parts)
    if count < 3:
        raise Wrong(f"it has {count} convolutions, and needs at least 3.")
    need_parameters(model, 8_000)
    sizes = [(*layer.kernel.shape, *layer.output.shape[1:-1]) for layer in parts]  # all its places
    work = sum(map(math.prod, sizes))
    if work > 350_000:
        raise Wrong(f"expected at most 350,000 multiply-adds, got {work:,}.")
    images = tf.random.normal((200, 28, 28, 1))
    ends = images[:100], images[100:]
    logs = [np.log(np.asarray(model(part)) + 1e-30) for part in (*ends, sum(ends) / 2)]
    bend = np.ptp(logs[2] - (logs[0] + logs[1]) / 2, axis=1)  # softmax adds the same to all ten
    if (bend < 1e-3 * np.ptp(logs[2], axis=1)).all():
        raise Wrong("it's a single layer in disguise: without ReLU, your layers collapse into one.")
    with tf.GradientTape() as tape:
        tape.watch(images)
        answers = tf.square(model(images))
    if blind := int((tape.gradient(answers, images).numpy() == 0).all(axis=(0, 3)).sum()):
        raise Wrong(f"{blind} of 784 pixels are blind. Do you leave a row out of an odd side?")
    return f"{model.count_params():,} parameters and {work:,} multiply-adds."


def _parts(model):
    """Yield the layers of a model, and of the models in it."""
    for layer in model.layers:
        yield from _parts(layer) if isinstance(layer, keras.Model) else [layer]


def q8(rng):
    for convolutions, hidden in [*itertools.product((0, 1, 2), repeat=2), (3, 11)] * 30:
        sides, maps = rng.integers(22, 30, size=2), rng.integers(1, 6, size=convolutions + 1)
        image = rng.normal(size=(*sides, maps[0])).round(1)
        for _ in range(convolutions):
            sides = (sides - 2) // 2
        units = [np.prod(sides) * maps[-1], *rng.integers(3, 8, size=hidden), 10]
        shapes = [(3, 3, *pair) for pair in itertools.pairwise(maps)] + [*itertools.pairwise(units)]
        kernels = [rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])) for shape in shapes]
        arrays = [array for one in kernels for array in (one, rng.normal(size=one.shape[-1]))]
        arrays[-2] *= 300 if hidden == 2 else 1  # far apart
        arrays[-1] += rng.choice([-1000, 1000])  # softmax doesn't mind
        yield image, arrays
