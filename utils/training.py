"""Train a network: batches, schedules, callbacks, and one recipe that holds every choice."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.augmentation import RandomAffine
from utils.data import atomic_write
from utils.environment import quiet_tensorflow
from utils.models import dense_network, reference_cnn
from utils.preprocessing import check_images

with quiet_tensorflow():
    import keras
    import tensorflow as tf

Images = np.ndarray
Labels = np.ndarray


def make_batches(
    images: Images,
    labels: Labels,
    batch_size: int = 128,
    shuffle: bool = False,
    augmentation: keras.Layer | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Serve raw digits, uint8 (n, 28, 28), in batches of floats from 0 to 1, shape (batch, 28, 28, 1), and labels.

    The images stay bytes until their batch is due, which keeps the whole of MNIST within 47 MB.
    Raises ValueError where the images are already scaled, wrongly shaped, or do not match the labels.
    Taught in notebooks/06_train_the_cnn.ipynb
    """
    check_images(images)
    check_labels(labels, len(images))
    images, labels = tf.constant(images), tf.constant(labels, "int32")
    order = tf.data.Dataset.range(len(images))
    if shuffle:
        order = order.shuffle(len(images), seed=seed)  # the numbers of the images: shuffling these moves no picture
    batches = order.batch(batch_size).map(
        lambda chosen: (_to_floats(tf.gather(images, chosen)), tf.gather(labels, chosen)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    if augmentation is not None:
        # One map call at a time, because the layer's random numbers come in order: the same seed, the same digits.
        batches = batches.map(lambda x, y: (augmentation(x, training=True), y))
    return batches.prefetch(2)


def _to_floats(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(images[..., tf.newaxis], tf.float32) / 255


def check_labels(labels: Labels, count: int) -> None:
    """Raise ValueError unless `labels` are `count` whole numbers from 0 to 9.

    Taught in notebooks/06_train_the_cnn.ipynb
    """
    labels = np.asarray(labels)
    if labels.shape != (count,):
        hint = ": give the digits themselves, not one-hot rows" if labels.ndim == 2 else ""
        raise ValueError(f"expected one label per image, shape ({count},), got shape {labels.shape}{hint}")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() > 9:
        found = f"{labels.dtype} from {labels.min()} to {labels.max()}"
        raise ValueError(f"expected whole-number labels from 0 to 9, got {found}")


def one_cycle(peak_rate: float, steps: int, warm_up: float = 0.2) -> keras.optimizers.schedules.LearningRateSchedule:
    """Raise the learning rate to its peak over the first part of the steps, then let it fall along a cosine to zero.

    After Smith & Topin (2018), "Super-Convergence", arXiv:1708.07120.
    Taught in notebooks/06_train_the_cnn.ipynb
    """
    rising = max(1, round(warm_up * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak_rate / 25,
        warmup_target=peak_rate,
        warmup_steps=rising,
        decay_steps=max(1, steps - rising),
    )


@dataclass(frozen=True)
class Recipe:
    """Hold every choice that makes one training run, so that the run can be named, compared and repeated.

    Taught in notebooks/06_train_the_cnn.ipynb
    """

    build: Callable[[], keras.Model] = reference_cnn
    epochs: int = 12
    batch_size: int = 128
    peak_rate: float = 2e-3
    augment: bool = True


REFERENCE = Recipe()
DENSE = Recipe(build=dense_network, augment=False)


def fit(
    recipe: Recipe,
    train: tuple[Images, Labels],
    validation: tuple[Images, Labels] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    verbose: int | str = "auto",
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a new network by the recipe on raw digits, and return it with its history.

    With a `folder`, a run that was killed goes on from its last whole epoch when it is started again with the same
    arguments, and the finished model is saved there as `model.keras`.
    Taught in notebooks/06_train_the_cnn.ipynb
    """
    keras.utils.set_random_seed(seed)
    augmentation = RandomAffine(seed=seed) if recipe.augment else None
    batches = make_batches(*train, recipe.batch_size, shuffle=True, augmentation=augmentation, seed=seed)
    model = recipe.build()
    rate = one_cycle(recipe.peak_rate, steps=recipe.epochs * len(batches))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        batches,
        validation_data=make_batches(*validation, recipe.batch_size) if validation else None,
        epochs=recipe.epochs,
        callbacks=[resume_from(folder)] if folder else [],
        shuffle=False,  # make_batches has shuffled already
        verbose=verbose,
    )
    if folder:
        save_model(model, Path(folder) / "model.keras")
    return model, history


def resume_from(folder: str | Path) -> keras.callbacks.BackupAndRestore:
    """Keep the last two epochs' weights and optimiser in `folder`, and go on from there after an interruption.

    Taught in notebooks/06_train_the_cnn.ipynb
    """
    return keras.callbacks.BackupAndRestore(Path(folder) / "backup", double_checkpoint=True)


def save_model(model: keras.Model, path: str | Path) -> Path:
    """Save a model as one `.keras` file that is either whole or not there: written beside, then renamed.

    Taught in notebooks/06_train_the_cnn.ipynb
    """
    with atomic_write(path) as part:
        model.save(part)
    return Path(path)
