"""Inputs and mistakes for the questions on build_a_cnn."""

import copy
import itertools
import math
from functools import lru_cache

import numpy as np

from utils.environment import quiet_tensorflow
from utils.exercises import Wrong
from utils.exercises.compare import Unusable, code, difference
from utils.exercises.networks import need_a_network, need_parameters

with quiet_tensorflow():
    import keras
    import tensorflow as tf
    from keras import layers


def q1_observe(shapes):
    """Take the shape of a row, (n,), as a plain n, too."""
    if isinstance(shapes, dict) and "flatten" in shapes and not np.ndim(shapes["flatten"]):
        return shapes | {"flatten": (shapes["flatten"],)}
    return shapes


def q3(rng):
    far = np.array([[1.0, 2, 3, 3], [1000, 1001, 1003, 1003], [-1000, -1001, -1003, -1003]])
    yield (far,)
    wide = np.array([[-2000.0, 0, 900], [900, 0, -2000], [0, 900, -2000], [-2000, 0, 0]])
    yield (wide,)
    yield (rng.normal(size=(300, 10)),)
    while True:
        yield (rng.normal(scale=2, size=rng.integers(2, 10, 2)),)


def q4(rng):
    yield ([],)
    yield ([(2, 2)] * 17,)  # beyond 16 bits
    yield ([(300, 2), (3, 1)],)
    yield ([(1, 3), (5, 1), (1, 1), (4, 4), (3, 2)],)
    while True:
        count = int(rng.integers(1, 9))
        yield ([(int(k), int(s)) for k, s in rng.integers(1, (7, 4), (count, 2))],)


def q5(rng):
    cases = [((101, 100), 0.2, True), ((101, 100), 0.2, False), ((40, 9, 9, 5), 0.7, True)]
    for shape, rate, training in [*cases, ((90, 110), 0.0, True), ((100, 120), 0.95, True)]:
        yield np.round(rng.normal(size=shape), 1), rate, training, rng.spawn(1)[0]
    while True:
        yield rng.normal(size=(100, 100)), rng.uniform(0.1, 0.9), True, rng.spawn(1)[0]


def q5_observe(function, x, rate, training, rng):
    """Return facts that don't depend on which numbers are dropped."""
    same, other = copy.deepcopy(rng), rng.spawn(1)[0]
    results = [function(x, rate, training, one) for one in (rng, same, other)]
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
        "same holes from the same rng": np.array_equal(first, again),
        "same holes from another rng": np.array_equal(first, other),
    }


def q6(rng):
    yield (7, 6), ((3, 1),), "flatten", 1  # each answer sees pixels of its own
    yield (12, 11), ((3, 2),), "negative", 2  # a row is left out
    yield (9, 11), ((1, 1), (2, 2)), "dense", 3  # a pixel is seen in one image of four
    yield (11, 8), ((2, 3),), "opposites", 4  # holes
    yield (5, 6), ((1, 1),), "tiny", 5  # everything is seen


@lru_cache
def network(shape, steps, end, seed):
    """Build a network in which all weights of a layer have one sign, so that no chance hides a pixel.

    It's a convolution, perhaps pooling, and an end; `steps` are (kernel, stride) of the first two.
    """
    inputs = keras.Input((*shape, 1))
    x = layers.Conv2D(4, *steps[0])(inputs)
    x = layers.MaxPooling2D(*steps[1])(x) if steps[1:] else x
    x = layers.Flatten()(x)
    model = keras.Model(inputs, x if end == "flatten" else layers.Dense(4)(x))
    rng = np.random.default_rng(seed)
    *below, kernel, bias = (rng.uniform(0.2, 1, array.shape) for array in model.get_weights())
    last = {
        "negative": (-kernel, bias + 1000),
        "opposites": (kernel[..., :1] * [1, 1, -1, -1], bias),
        "tiny": (kernel / 1e4, bias / 1e4),
    }
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
    if len(getattr(model, "output_shape", None) or ()) > 2:
        shape = code(model.output_shape)
        raise Wrong(f"it gives {shape}, an answer for every place. Is `Flatten` missing?")
    need_a_network(model)
    if not hasattr(model, "input_shape"):
        raise Wrong(
            "expected `keras.Model(inputs, outputs)` or `keras.Sequential`, not a subclass."
        )
    parts = list(_parts(model))
    for layer in parts:
        if layer.weights and not isinstance(layer, layers.Conv2D | layers.Dense):
            name = type(layer).__name__
            raise Wrong(f"only `Conv2D` and `Dense` may have weights, and your `{name}` has some.")
    count = sum(isinstance(layer, layers.Conv2D) for layer in parts)
    if count < 3:
        raise Wrong(f"it has {count} convolutions, and needs at least 3.")
    need_parameters(model, 8_000)
    work = sum(
        math.prod(layer.kernel.shape)
        * math.prod(layer.output.shape[1:-1])  # for each place of the output
        for layer in parts
        if layer.weights
    )
    if work > 350_000:
        raise Wrong(f"expected at most 350,000 multiply-adds, got {work:,}.")
    images = tf.random.normal((200, 28, 28, 1))
    if _is_one_layer(model, images):
        hint = "without ReLU between them, your layers collapse into one"
        raise Wrong(f"it's a single layer in disguise: {hint}.")
    with tf.GradientTape() as tape:
        tape.watch(images)
        answers = tf.square(model(images))
    blind = int((tape.gradient(answers, images).numpy() == 0).all(axis=(0, 3)).sum())
    if blind:
        hint = 'Where is a row left out? `padding="same"` and even sides help'
        raise Wrong(f"{blind} of 784 pixels are blind: changing them changes no answer. {hint}.")
    return f"{model.count_params():,} parameters and {work:,} multiply-adds."


def _parts(model):
    """Yield the layers of a model, and of the models in it."""
    for layer in model.layers:
        yield from _parts(layer) if isinstance(layer, keras.Model) else [layer]


def _is_one_layer(model, images):
    """Return whether the numbers before the softmax are only sums: then halfway in means halfway out."""
    parts = images[:100], images[100:], (images[:100] + images[100:]) / 2
    before, after, halfway = (np.log(np.asarray(model(part)) + 1e-30) for part in parts)
    bend = np.ptp(halfway - (before + after) / 2, axis=1)  # what softmax adds is alike for all ten
    return bool((bend < 1e-3 * np.ptp(halfway, axis=1)).all())


def q8(rng):
    for convolutions, hidden in [*itertools.product((0, 1, 2), repeat=2), (3, 11)] * 30:
        sides, maps, arrays = rng.integers(22, 30, size=2), int(rng.integers(1, 4)), []
        image = rng.normal(size=(*sides, maps)).round(1)
        for filters in rng.integers(2, 6, size=convolutions):
            shape = 3, 3, maps, filters
            arrays += [rng.normal(size=shape) / np.sqrt(9 * maps), rng.normal(size=filters)]
            sides, maps = (sides - 2) // 2, filters
        numbers = int(np.prod(sides)) * maps
        for units in [*rng.integers(3, 8, size=hidden), 10]:
            shape = numbers, units
            arrays += [rng.normal(size=shape) / np.sqrt(numbers), rng.normal(size=units)]
            numbers = units
        arrays[-2] *= 300 if hidden == 2 else 1  # far apart
        arrays[-1] += rng.choice([-1000, 1000])  # softmax doesn't mind
        yield image, arrays
