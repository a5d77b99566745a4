"""Look inside a network: what its layers detect, which pixels matter for a prediction, and how easily it is fooled.

All functions take one of the course's functional models and scaled digits: floats from 0 to 1, shape (n, 28, 28, 1).
They explain the *logit* of one digit for each image, the number that goes into the softmax, because a probability near
1 barely moves, no matter what you change.
"""

import numpy as np

from utils.data import check_labels
from utils.environment import quiet_tensorflow
from utils.preprocessing import SIDE, check_scaled

with quiet_tensorflow():
    import keras
    import tensorflow as tf


def logit_model(model: keras.Model) -> keras.Model:
    """Return a copy of the network that ends before its softmax, with ten logits instead of ten probabilities.

    Raises ValueError if the last layer isn't dense with a softmax.
    """
    last = model.layers[-1]
    if getattr(last, "activation", None) is not keras.activations.softmax:
        raise ValueError(
            f"expected a network whose last layer is dense with a softmax, got {type(last).__name__}"
        )
    linear = keras.layers.Dense(last.units, use_bias=last.use_bias, name="logits")
    logits = keras.Model(model.input, linear(last.input))
    linear.set_weights(last.get_weights())
    return logits


def feature_maps(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the output of each layer that makes maps, shape (n, rows, columns, maps), as {"1 Conv2D": …}.

    The number in the name is the layer's index in `model.layers`.
    """
    check_scaled(images)
    places = _with_maps(model)
    maps = keras.Model(model.input, [model.layers[place].output for place in places])(images)
    names = [f"{place} {type(model.layers[place]).__name__}" for place in places]
    return {name: np.asarray(one) for name, one in zip(names, maps, strict=True)}


def occlusion_map(
    model: keras.Model, images: np.ndarray, digits: np.ndarray, size: int = 5
) -> np.ndarray:
    """Return how much a digit's logit falls when a blank square covers part of the image, shape (n, 28, 28).

    The square has `size` pixels on a side, and is centered on each pixel in turn: 784 predictions per image.
    Source: Zeiler & Fergus (2014), "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
    """
    _check(images, digits)
    if size not in range(1, SIDE + 1, 2):
        raise ValueError(f"expected an odd size from 1 to {SIDE}, got {size}")
    logits, pixels = logit_model(model), np.arange(SIDE)
    # Along one side, shape (position of the square, pixel).
    near = np.abs(pixels[:, np.newaxis] - pixels) <= size // 2
    covered = near[:, np.newaxis, :, np.newaxis] & near[:, np.newaxis]
    covered = covered.reshape(SIDE**2, SIDE, SIDE, 1)
    falls = []
    for image, digit in zip(np.asarray(images), digits, strict=True):
        before, after = logits(image[np.newaxis]), logits(np.where(covered, np.float32(0), image))
        falls.append(np.asarray(before - after)[:, digit].reshape(SIDE, SIDE))
    return np.stack(falls)


def gradient(model: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Return the gradient of a digit's logit with respect to each pixel, shape (n, 28, 28)."""
    _check(images, digits)
    return _gradient(logit_model(model), images, digits)


def saliency_map(model: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Return the absolute gradient of a digit's logit with respect to each pixel, shape (n, 28, 28).

    Source: Simonyan, Vedaldi & Zisserman (2014), "Deep Inside Convolutional Networks", arXiv:1312.6034.
    """
    return np.abs(gradient(model, images, digits))


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    digits: np.ndarray,
    baseline: np.ndarray | float = 0.0,
    steps: int = 64,
) -> np.ndarray:
    """Attribute the difference between the logits of image and baseline to the pixels, shape (n, 28, 28).

    The gradient is averaged over `steps` points on the straight line from the baseline, by default blank paper, to the
    image. The attributions add up to the whole difference: the more steps, the more exactly.
    Source: Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks", arXiv:1703.01365.
    """
    _check(images, digits)
    if steps < 1:
        raise ValueError(f"expected at least one step from the baseline to the image, got {steps}")
    logits, way = logit_model(model), np.asarray(images) - np.float32(baseline)
    shares = np.float32((np.arange(steps) + 0.5) / steps)  # the middle of each step
    at_once = max(1, 256 // len(way))  # steps: alone, each would mostly wait for TensorFlow
    total = np.zeros(way.shape[:3])
    for start in range(0, steps, at_once):
        points = [baseline + share * way for share in shares[start : start + at_once]]
        slopes = _gradient(logits, np.concatenate(points), np.tile(digits, len(points)))
        total += slopes.reshape(len(points), *total.shape).sum(axis=0)
    return way[..., 0] * total / steps


def grad_cam(
    model: keras.Model, images: np.ndarray, digits: np.ndarray, layer: int | None = None
) -> np.ndarray:
    """Return where a layer's maps speak for a digit's logit, shape (n, rows, columns), never below 0.

    `layer` is an index in `model.layers`, by default that of the last layer that makes maps.
    Source: Selvaraju et al. (2017), "Grad-CAM", arXiv:1610.02391.
    """
    _check(images, digits)
    choices = _with_maps(model)
    if layer is not None and layer not in choices:
        raise ValueError(f"expected a layer that makes maps, one of {choices}, got {layer}")
    maps_of = model.layers[choices[-1] if layer is None else layer]
    logits = logit_model(model)
    with tf.GradientTape() as tape:
        maps, answers = keras.Model(logits.input, [maps_of.output, logits.output])(images)
        chosen = _of(answers, digits)
    weights = tf.reduce_mean(tape.gradient(chosen, maps), axis=(1, 2), keepdims=True)  # per map
    return np.asarray(tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)))


def embeddings(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the inputs of the last layer, shape (n, units): everything the network knows about each digit."""
    check_scaled(images)
    return np.asarray(keras.Model(model.input, model.layers[-1].input)(images))


def fgsm(
    model: keras.Model,
    images: np.ndarray,
    digits: np.ndarray,
    epsilon: float,
    targeted: bool = False,
) -> np.ndarray:
    """Return adversarial images: each pixel changes by at most `epsilon`, so that the model misses the `digits`.

    The fast gradient sign method takes one step up the loss. With `targeted`, `digits` are what the model should
    predict instead, and the step goes down.
    Source: Goodfellow, Shlens & Szegedy (2015), "Explaining and Harnessing Adversarial Examples", arXiv:1412.6572.
    """
    _check(images, digits)
    if not 0 <= epsilon <= 1:
        raise ValueError(f"expected an epsilon from 0 to 1, the range of the pixels, got {epsilon}")
    images = tf.convert_to_tensor(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = logit_model(model)(images)
        loss_of = keras.losses.sparse_categorical_crossentropy
        loss = loss_of(np.int32(digits), logits, from_logits=True)
    uphill = tf.sign(tape.gradient(loss, images))
    return np.asarray(tf.clip_by_value(images + (-epsilon if targeted else epsilon) * uphill, 0, 1))


def _check(images: np.ndarray, digits: np.ndarray) -> None:
    check_scaled(images)
    check_labels(digits, len(images))


def _with_maps(model: keras.Model) -> list[int]:
    """Return the indices of the layers that make maps, without the input."""
    outputs = [layer.output for layer in model.layers]
    places = [place for place, one in enumerate(outputs) if place and len(one.shape) == 4]
    if not places:
        raise ValueError(f"expected convolutions, but no layer of {model.name} makes maps")
    return places


def _of(logits: tf.Tensor, digits: np.ndarray) -> tf.Tensor:
    """Return the logit of one digit for each image."""
    return tf.gather(logits, np.int32(digits), batch_dims=1)


def _gradient(logits: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    images = tf.convert_to_tensor(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        chosen = _of(logits(images), digits)
    return np.asarray(tape.gradient(chosen, images))[..., 0]
