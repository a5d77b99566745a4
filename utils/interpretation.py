"""Look inside a network: what it answers to, which pixels an answer rests on, and how little it takes to fool it.

All functions take one of the course's functional models, and digits as it reads them: floats from 0 to 1, shape
(n, 28, 28, 1). What explains an answer explains the *logit* of one digit for each image, the number that goes into the
softmax: a probability near 1 hardly moves any more, whatever is changed.
"""

import numpy as np

from utils.data import check_labels
from utils.environment import quiet_tensorflow
from utils.preprocessing import SIDE, check_scaled

with quiet_tensorflow():
    import keras
    import tensorflow as tf


def logit_model(model: keras.Model) -> keras.Model:
    """Return a copy of the network that ends before its softmax: ten logits instead of ten probabilities.

    Raises ValueError where the last layer is not dense with a softmax.
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
    """Return what each layer that makes maps answers, shape (n, rows, columns, maps), as {"1 Conv2D": …}.

    The number in the name is the layer's place in `model.layers`.
    """
    check_scaled(images)
    found = {
        f"{place} {type(model.layers[place]).__name__}": model.layers[place].output
        for place in _with_maps(model)
    }
    maps = keras.Model(model.input, list(found.values()))(images)
    return {name: np.asarray(one) for name, one in zip(found, maps, strict=True)}


def occlusion_map(
    model: keras.Model, images: np.ndarray, digits: np.ndarray, size: int = 5
) -> np.ndarray:
    """Return by how much a digit's logit falls when a square of paper covers the image, shape (n, 28, 28).

    The square has `size` pixels on a side, and is centred on each pixel in turn: 784 images for each image.
    Source: Zeiler & Fergus (2014), "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
    """
    _check(images, digits)
    if size not in range(1, SIDE + 1, 2):
        raise ValueError(
            f"expected an odd size from 1 to {SIDE}, which has a pixel in its middle, got {size}"
        )
    logits, pixels = logit_model(model), np.arange(SIDE)
    near = (
        np.abs(pixels[:, np.newaxis] - pixels) <= size // 2
    )  # (place of the square, pixel), along one side
    covered = (near[:, np.newaxis, :, np.newaxis] & near[:, np.newaxis]).reshape(
        SIDE**2, SIDE, SIDE, 1
    )
    falls = []
    for image, digit in zip(np.asarray(images), digits, strict=True):
        before, after = logits(image[np.newaxis]), logits(np.where(covered, np.float32(0), image))
        falls.append(np.asarray(before - after)[:, digit].reshape(SIDE, SIDE))
    return np.stack(falls)


def gradient(model: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Return by how much a digit's logit rises for each bit of ink added to a pixel, shape (n, 28, 28)."""
    _check(images, digits)
    return _gradient(logit_model(model), images, digits)


def saliency_map(model: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Return how strongly a digit's logit answers to each pixel, up or down, shape (n, 28, 28).

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
    """Share out, over the pixels, how a digit's logit differs from the baseline's, shape (n, 28, 28).

    Follows the gradient in `steps` steps on the straight way from the baseline, by default paper, to the image. The
    pixels' shares add up to the whole difference, the more exactly the more steps.
    Source: Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks", arXiv:1703.01365.
    """
    _check(images, digits)
    if steps < 1:
        raise ValueError(f"expected at least one step from the baseline to the image, got {steps}")
    logits, way = logit_model(model), np.asarray(images) - np.float32(baseline)
    total = np.zeros(way.shape[:3])
    for share in (np.arange(steps) + 0.5) / steps:  # the middle of each step stands for all of it
        total += _gradient(logits, baseline + np.float32(share) * way, digits)
    return way[..., 0] * total / steps


def grad_cam(
    model: keras.Model, images: np.ndarray, digits: np.ndarray, layer: int | None = None
) -> np.ndarray:
    """Return where on a layer's maps a digit's logit is argued for, shape (n, rows, columns), never below 0.

    `layer` is a place in `model.layers`, by default the last one that makes maps.
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
    weights = tf.reduce_mean(
        tape.gradient(chosen, maps), axis=(1, 2), keepdims=True
    )  # one for each map
    return np.asarray(tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)))


def embeddings(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the numbers by which the last layer decides, shape (n, units): all that the network knows of a digit."""
    check_scaled(images)
    return np.asarray(keras.Model(model.input, model.layers[-1].input)(images))


def fgsm(
    model: keras.Model,
    images: np.ndarray,
    digits: np.ndarray,
    epsilon: float,
    targeted: bool = False,
) -> np.ndarray:
    """Change each pixel by at most `epsilon` so that the images are no longer read as `digits`: adversarial digits.

    Takes one step up the loss (the fast gradient sign method). With `targeted`, `digits` are what the images are to be
    read as instead, and the step goes down.
    Source: Goodfellow, Shlens & Szegedy (2015), "Explaining and Harnessing Adversarial Examples", arXiv:1412.6572.
    """
    _check(images, digits)
    if not 0 <= epsilon <= 1:
        raise ValueError(f"expected an epsilon from 0 to 1, as pixels are, got {epsilon}")
    images = tf.convert_to_tensor(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = logit_model(model)(images)
        loss = keras.losses.sparse_categorical_crossentropy(
            np.int32(digits), logits, from_logits=True
        )
    uphill = tf.sign(tape.gradient(loss, images))
    return np.asarray(tf.clip_by_value(images + (-epsilon if targeted else epsilon) * uphill, 0, 1))


def _check(images: np.ndarray, digits: np.ndarray) -> None:
    check_scaled(images)
    check_labels(digits, len(images))


def _with_maps(model: keras.Model) -> list[int]:
    """Return the places of the layers that make maps, all of them after the input."""
    places = [
        place for place, layer in enumerate(model.layers) if place and len(layer.output.shape) == 4
    ]
    if not places:
        raise ValueError(
            f"expected a network with convolutions, but no layer of {model.name} makes maps"
        )
    return places


def _of(logits: tf.Tensor, digits: np.ndarray) -> tf.Tensor:
    """Pick the logit of one digit for each image."""
    return tf.gather(logits, np.int32(digits), batch_dims=1)


def _gradient(logits: keras.Model, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    images = tf.convert_to_tensor(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        chosen = _of(logits(images), digits)
    return np.asarray(tape.gradient(chosen, images))[..., 0]
