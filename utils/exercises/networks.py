"""Judge a network that a learner built or trained."""

import numpy as np

from utils.exercises.compare import code, describe
from utils.exercises.trial import Wrong, in_words


def need_a_network(model) -> None:
    """Raise Wrong unless this is a Keras model that turns images (28, 28, 1) into ten probabilities."""
    from utils.training import keras

    if not isinstance(model, keras.Model):
        raise Wrong(f"expected a Keras model, got {describe(model)}.")
    if not getattr(model, "built", False):
        raise Wrong("your model isn't built yet: begin it with `keras.Input((28, 28, 1))`.")
    noise = np.random.default_rng().random((8, 28, 28, 1), "float32")
    try:
        answers = np.asarray(model(noise, training=False))
    except Exception as fault:
        what = "images of shape `(28, 28, 1)`"
        raise Wrong(f"it can't read {what}: {code(in_words(fault))}.") from None
    if answers.shape != (8, 10):
        raise Wrong(f"expected 10 outputs for each image, got {code(answers.shape[1:])}.")
    if not np.allclose(answers.sum(axis=1), 1, atol=1e-3) or answers.min() < 0:
        raise Wrong("the outputs aren't probabilities: end with a softmax layer.")


def need_parameters(model, most: int) -> None:
    """Raise Wrong if a model has more parameters than that."""
    if model.count_params() > most:
        raise Wrong(f"expected at most {most:,} parameters, got {model.count_params():,}.")


def accuracy_of(model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images, uint8 (n, 28, 28), that a model reads right when it is fed values from 0 to 1."""
    pixels = images[..., np.newaxis].astype("float32") / 255
    return float(np.mean(np.asarray(model(pixels, training=False)).argmax(axis=1) == labels))
