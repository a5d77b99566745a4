"""Train a network: batches, schedules, callbacks, and one recipe that holds every choice."""

import contextlib
import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.augmentation import RandomAffine, hardships
from utils.data import atomic_write, check_images, check_labels
from utils.environment import quiet_tensorflow
from utils.models import compact_cnn, dense_network, fast_cnn, reference_cnn, tiny_cnn, wide_cnn
from utils.preprocessing import scale

with quiet_tensorflow():
    import keras
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils
tf.get_logger().setLevel("WARNING")  # else it reports every file it writes

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
    """
    check_images(images)
    check_labels(labels, len(images))
    images, labels = tf.constant(images), tf.constant(labels, "int32")
    order = tf.data.Dataset.range(len(images))
    if shuffle:
        order = order.shuffle(
            len(images), seed=seed
        )  # the numbers of the images: shuffling these moves no picture
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


def _one_hot(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return images, tf.one_hot(labels, 10)  # the form in which a label can be smoothed


def one_cycle(
    peak_rate: float, steps: int, warm_up: float = 0.2
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Raise the learning rate to its peak over the first part of the steps, then let it fall along a cosine to zero.

    After Smith & Topin (2018), "Super-Convergence", arXiv:1708.07120.
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

    `epochs` below 1 are that share of one; `schedule` makes learning rates out of the peak and the number of steps.
    `label_smoothing` is the share of certainty that is spread over all ten digits (Szegedy et al., 2016,
    arXiv:1512.00567). `averaging` is the momentum of a running mean of the weights, with which the network ends, or 0
    for none (Polyak & Juditsky, 1992). `augment` is how strong the augmentation is: 1 as in lesson 02, 0 for none; or a
    function that makes one from a seed, as `hardships` does.
    `beta_2` is Adam's memory of the gradients' size: 0.999 reaches over 1,000 batches, more than a short run has.
    """

    build: Callable[[], keras.Model] = reference_cnn
    epochs: float = 12
    batch_size: int = 128
    peak_rate: float = 2e-3
    schedule: Callable[[float, int], keras.optimizers.schedules.LearningRateSchedule | float] = (
        one_cycle
    )
    augment: float | Callable[[int], keras.Layer] = 1.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    beta_2: float = 0.999

    def augmentation(self, seed: int) -> keras.Layer | None:
        """Return a layer that augments digits as the recipe says, or None where it does not."""
        if callable(self.augment):
            return self.augment(seed)
        if not self.augment:
            return None
        usual = RandomAffine()
        amounts = (
            self.augment * amount
            for amount in (usual.rotation, usual.scale, usual.shear, usual.shift)
        )
        return RandomAffine(*amounts, seed=seed)


RECIPES = {
    "fast": Recipe(
        fast_cnn, 0.9, batch_size=64, peak_rate=1e-2, augment=0, label_smoothing=0.1, beta_2=0.99
    ),
    "reference": Recipe(reference_cnn, epochs=24, peak_rate=3e-3, label_smoothing=0.1),
    "compact": Recipe(compact_cnn, epochs=24, peak_rate=5e-3, label_smoothing=0.1),
    "robust": Recipe(wide_cnn, epochs=24, peak_rate=5e-3, augment=hardships, label_smoothing=0.1),
    "tiny": Recipe(tiny_cnn, epochs=40, peak_rate=1.5e-2, augment=0.8),
    "sample": Recipe(compact_cnn, epochs=100, batch_size=64, peak_rate=5e-3, label_smoothing=0.1),
    "dense": Recipe(dense_network, epochs=24, peak_rate=3e-3, augment=0, label_smoothing=0.1),
}


def fit(
    recipe: Recipe,
    train: tuple[Images, Labels],
    validation: tuple[Images, Labels] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a new network by the recipe on raw digits, and return it with its history.

    With a `folder`, a run that was killed goes on from its last whole epoch when it is started again with the same
    arguments, and ends with the same network, which is saved there as `model.keras`. The `callbacks` are told of each
    batch and epoch.
    """
    keras.utils.set_random_seed(seed)
    check_epochs(recipe, len(train[0]))
    batches = make_batches(
        *train, recipe.batch_size, shuffle=True, augmentation=recipe.augmentation(seed), seed=seed
    )
    steps = round(recipe.epochs * len(batches))
    model = recipe.build()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    optimizer = make_optimizer(recipe, steps)
    optimizer.build(
        model.trainable_variables
    )  # here, because inside the compiled step it takes longer
    # Eight steps at a time, and no accuracy that nobody compares: in a run of seconds both can be noticed.
    model.compile(
        optimizer, loss, metrics=["accuracy"] if validation else None, steps_per_execution=8
    )
    served, kept = batches.take(steps).map(_one_hot), []  # `take` matters to less than one epoch
    if folder:
        done = epochs_done(folder)
        _replay(served, model, done)
        if not done:
            shutil.rmtree(
                Path(folder) / "backup", ignore_errors=True
            )  # of a first epoch that was not kept whole
        # In this order: the backup is deleted at the end, when the network has been saved.
        kept = [_save_at_the_end(Path(folder) / "model.keras"), resume_from(folder)]
    history = model.fit(
        served,
        validation_data=make_batches(*validation, recipe.batch_size).map(_one_hot)
        if validation
        else None,
        epochs=max(1, int(recipe.epochs)),
        callbacks=[*kept, *callbacks],
        shuffle=False,  # make_batches has shuffled already
        verbose=verbose,
    )
    return model, history


def _save_at_the_end(path: Path) -> keras.callbacks.Callback:
    saver = keras.callbacks.LambdaCallback(on_train_end=lambda logs: save_model(saver.model, path))
    return saver


def _replay(batches: tf.data.Dataset, model: keras.Model, epochs: int) -> None:
    """Serve the first epochs once more, so that shuffling, augmentation and dropout stand where they stood after them.

    A backup holds the weights, but not where the random numbers were.
    """
    for _ in range(epochs):
        for _ in batches:
            pass
        iter(
            batches
        )  # Keras opens its batches a second time at the end of an epoch, which shuffles them
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign_add(
                [0, epochs * len(batches)]
            )  # one draw for each batch


def check_epochs(recipe: Recipe, digits: int) -> None:
    """Raise ValueError unless the recipe's epochs are whole, or a share of one that holds a step on so many digits."""
    whole = recipe.epochs >= 1 and recipe.epochs == int(recipe.epochs)
    if not whole and not (0 < recipe.epochs < 1 and recipe.epochs * digits >= recipe.batch_size):
        raise ValueError(
            f"epochs: expected a whole number, or a share of one that holds at least one batch of {recipe.batch_size}, "
            f"got {recipe.epochs:g} for {digits:,} digits"
        )


def make_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam with the recipe's schedule, and with its running mean of the weights."""
    averaging = {"use_ema": True, "ema_momentum": recipe.averaging} if recipe.averaging else {}
    return keras.optimizers.Adam(
        recipe.schedule(recipe.peak_rate, steps), beta_2=recipe.beta_2, **averaging
    )


def resume_from(folder: str | Path) -> keras.callbacks.BackupAndRestore:
    """Keep the last two epochs' weights and optimiser in `folder`, and go on from there after an interruption."""
    return keras.callbacks.BackupAndRestore(Path(folder) / "backup", double_checkpoint=True)


def epochs_done(folder: str | Path) -> int:
    """Return how many whole epochs are kept in the `folder` of a run that was interrupted."""
    with contextlib.suppress(
        OSError, ValueError
    ):  # there is no backup, or only half of its first one
        return json.loads((Path(folder) / "backup" / "training_metadata.json").read_text())[
            "epoch"
        ]  # noted by Keras
    return 0


def save_model(model: keras.Model, path: str | Path) -> Path:
    """Save a model as one `.keras` file that is either whole or not there: written beside, then renamed."""
    with atomic_write(path) as part:
        model.save(part)
    return Path(path)


def export_onnx(model: keras.Model, path: str | Path) -> Path:
    """Save a model as ONNX, the format that ONNX Runtime and most other tools read, for batches of any size."""
    model(np.zeros((1, 28, 28, 1), "float32"))  # Keras exports only a model that was called before
    with (
        atomic_write(path) as part,
        warnings.catch_warnings(action="ignore", category=FutureWarning),
    ):
        model.export(part, format="onnx", verbose=False)
    return Path(path)


def export_int8(model: keras.Model, images: Images, path: str | Path) -> Path:
    """Save a model for LiteRT with weights and activations of 8 bits, a quarter of the size.

    The raw digits `images`, a few hundred, show the converter how large the activations get.
    Source: Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", arXiv:1712.05877.
    """
    digits = scale(images)
    choices = {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        "representative_dataset": lambda: ([digit[np.newaxis]] for digit in digits),
    }
    with atomic_write(path) as part, quiet_tensorflow():  # the converter reports to standard error
        model.export(part, format="litert", verbose=False, **choices)
        content = flatbuffer_utils.read_model(str(part))
        flatbuffer_utils.strip_strings(
            content
        )  # the names of tensors, which nobody reads, are 3 kB
        flatbuffer_utils.write_model(content, str(part))
    return Path(path)
