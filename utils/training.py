"""Train a network: batches, schedules, callbacks, and one recipe that holds every choice."""

import contextlib
import hashlib
import inspect
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.augmentation import RandomAffine, robust_augmentation
from utils.checkpoint import Checkpoint
from utils.data import atomic_write, check_images, check_labels, claim_folder
from utils.environment import quiet_tensorflow
from utils.models import compact_cnn, dense_network, fast_cnn, reference_cnn, robust_cnn, tiny_cnn
from utils.preprocessing import scale

with quiet_tensorflow():
    import keras
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils
tf.get_logger().setLevel("WARNING")  # otherwise it reports every file it writes

Images = np.ndarray
Labels = np.ndarray


def make_batches(
    images: Images,
    labels: Labels,
    batch_size: int = 128,
    shuffle: bool = False,
    augmentation: keras.Layer | None = None,
    seed: int = 0,
    epoch: int | tf.Variable | None = None,
    classes: int = 10,
) -> tf.data.Dataset:
    """Return batches of raw digits, uint8 (n, 28, 28), as floats from 0 to 1, shape (batch, 28, 28, 1), with labels.

    Order and augmentation follow from `seed` and `epoch` alone, so an epoch can be repeated. Without an `epoch`, each
    pass over the batches is a new one. The images stay bytes until their batch is due: all of MNIST takes 47 MB.
    Raises ValueError if the images are already scaled, have the wrong shape, or don't match the labels, which go from
    0 to `classes` - 1.
    """
    check_images(images)
    check_labels(labels, len(images), classes)
    images, labels = tf.constant(images), tf.constant(labels, "int32")
    if augmentation is not None:
        augmentation.build((None, *images.shape[1:], 1))

    def one_epoch(epoch):
        order = tf.range(len(images))
        if shuffle:  # the numbers of the images: no picture has to move
            order = tf.random.experimental.stateless_shuffle(order, (seed, epoch))
        starts = tf.data.Dataset.range(0, len(images), batch_size)
        return starts.map(lambda i: (epoch, i, order[i : i + batch_size]))

    def one_batch(epoch, start, chosen):
        pixels = tf.cast(tf.gather(images, chosen)[..., tf.newaxis], tf.float32) / 255
        if augmentation is not None:
            pixels = _augment(augmentation, pixels, (seed, epoch * len(images) + start))
        return pixels, tf.gather(labels, chosen)

    batches = _epochs(epoch, seed).flat_map(one_epoch)
    batches = batches.apply(tf.data.experimental.assert_cardinality(-(-len(images) // batch_size)))
    batches = batches.map(one_batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    # The tuner naps for longer and longer, and whoever drops the batches waits until it wakes up: seconds after a fit.
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def _epochs(epoch: int | tf.Variable | None, seed: int) -> tf.data.Dataset:
    """Return a dataset of one number: the epoch, or a new random number in each pass."""
    if epoch is None:
        return tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    return tf.data.Dataset.from_tensors(0).map(lambda _: tf.cast(epoch, "int64"))


def _augment(augmentation: keras.Layer, images: tf.Tensor, seed: tuple) -> tf.Tensor:
    """Return augmented images whose random numbers follow from the seed alone, not from those drawn before."""
    states = [state for state in augmentation.variables if "seed_generator" in state.name]
    fresh = tf.random.stateless_uniform((len(states), 2), seed, None, None, "uint32")
    with keras.StatelessScope([(state, fresh[i]) for i, state in enumerate(states)]):
        return augmentation(images, training=True)


def _one_hot(batches: tf.data.Dataset, classes: int) -> tf.data.Dataset:
    """Return batches whose labels have the form in which they can be smoothed."""
    return batches.map(lambda images, labels: (images, tf.one_hot(labels, classes)))


def one_cycle(
    max_lr: float, steps: int, warm_up: float = 0.2
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Raise the learning rate to `max_lr` over the first part of the steps, then lower it along a cosine to zero.

    After Smith & Topin (2018), "Super-Convergence", arXiv:1708.07120.
    """
    rising = max(1, round(warm_up * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=max_lr / 25,
        warmup_target=max_lr,
        warmup_steps=rising,
        decay_steps=max(1, steps - rising),
    )


@dataclass(frozen=True)
class Recipe:
    """Collect every choice that makes one training run, so that the run can be named, compared, and repeated.

    `epochs` below 1 are that fraction of one. `schedule` returns the learning rates, given `max_lr` and the number of
    steps. `label_smoothing` is the probability that is spread over all ten digits (Szegedy et al., 2016,
    arXiv:1512.00567). `ema_momentum` is the momentum of a running mean of the weights, with which the network ends, or
    0 for none (Polyak & Juditsky, 1992). `augment` is the strength of the augmentation: 1 as in `RandomAffine`, 0 for
    none; or a function that returns one, given a seed, as `robust_augmentation` does. `beta_2` is the momentum of
    Adam's mean of squared gradients: 0.999 reaches over 1,000 batches, more than a short run has.
    """

    build: Callable[[], keras.Model] = reference_cnn
    epochs: float = 12
    batch_size: int = 128
    max_lr: float = 2e-3
    schedule: Callable[[float, int], keras.optimizers.schedules.LearningRateSchedule | float] = (
        one_cycle
    )
    augment: float | Callable[[int], keras.Layer] = 1.0
    label_smoothing: float = 0.0
    ema_momentum: float = 0.0
    beta_2: float = 0.999

    def augmentation(self, seed: int) -> keras.Layer | None:
        """Return a layer that augments digits as the recipe says, or None for no augmentation."""
        if callable(self.augment):
            return self.augment(seed)
        if not self.augment:
            return None
        usual = RandomAffine()
        amounts = (usual.rotation, usual.scale, usual.shear, usual.shift)
        return RandomAffine(*(self.augment * amount for amount in amounts), seed=seed)

    def describe(self) -> dict:
        """Return the choices as plain values, with functions by their names."""
        return {name: _plain(value) for name, value in vars(self).items()}


def _plain(value):
    if not callable(value):
        return value
    # Not every function has a name, and its address in memory is another one in each process.
    return getattr(value, "__name__", re.sub(" at 0x[0-9a-f]+", "", repr(value)))


RECIPES = {
    "fast": Recipe(fast_cnn, 0.9, max_lr=3e-2, augment=0, label_smoothing=0.1, beta_2=0.99),
    "reference": Recipe(reference_cnn, epochs=24, max_lr=3e-3, label_smoothing=0.1),
    "compact": Recipe(compact_cnn, epochs=24, max_lr=5e-3, label_smoothing=0.1),
    "robust": Recipe(
        robust_cnn, epochs=30, max_lr=5e-3, augment=robust_augmentation, label_smoothing=0.1
    ),
    "tiny": Recipe(tiny_cnn, epochs=80, max_lr=1.5e-2, augment=0.8),
    "sample": Recipe(compact_cnn, epochs=100, batch_size=64, max_lr=5e-3, label_smoothing=0.1),
    "dense": Recipe(dense_network, epochs=24, max_lr=3e-3, augment=0, label_smoothing=0.1),
}


def describe_run(
    recipe: Recipe,
    train: tuple[Images, Labels],
    validation: tuple[Images, Labels] | None,
    seed: int,
) -> dict:
    """Return what makes a run: its recipe, seed, and data, as plain values to compare with those of another run."""
    run = {**recipe.describe(), "seed": seed}
    for name, digits in (("train", train), ("validation", validation)):
        run[f"{name}_digits"] = len(digits[0]) if digits else 0
        run[f"{name}_sha256"] = _sha256(*digits) if digits else None
    functions = filter(inspect.isfunction, vars(recipe).values())
    own = [function for function in functions if function.__module__[:6] != "utils."]
    with contextlib.suppress(OSError):  # a terminal keeps no source
        source = "".join(map(inspect.getsource, own))  # it changes where the names stay
        run["your_functions"] = hashlib.sha256(source.encode()).hexdigest()[:16] if own else None
    return run


def _sha256(images: Images, labels: Labels) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(images))
    digest.update(np.ascontiguousarray(labels, "uint8"))
    return digest.hexdigest()[:16]


def fit(
    recipe: Recipe,
    train: tuple[Images, Labels],
    validation: tuple[Images, Labels] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
    strategy: tf.distribute.Strategy | None = None,
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a new network by the recipe on raw digits, and return it with the history of all its epochs.

    With a `folder`, the network is saved there as `model.keras`. If the run is killed, the same call resumes it after
    the last whole epoch and ends with the same network. A finished run is returned as it is. Raises ValueError if the
    folder holds a run with another recipe, seed, or data. With a `strategy`, its devices share every batch.
    """
    check_epochs(recipe, len(train[0]))
    size, epoch = recipe.batch_size, tf.Variable(0, trainable=False, dtype="int64")
    steps, epochs = round(recipe.epochs * -(-len(train[0]) // size)), max(1, int(recipe.epochs))
    history, done = keras.callbacks.History(), 0
    if folder:
        claim_folder(folder, describe_run(recipe, train, validation, seed))
        history = Checkpoint(folder, callbacks)
        done = epochs if history.saved["stopped"] else len(history.epoch)
    keras.utils.set_random_seed(seed)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = _compile(recipe, steps, with_accuracy=bool(validation))
    if folder and (path := Path(folder) / "model.keras").exists():
        model.load_weights(path)
        return model, history
    classes, augmentation = model.output_shape[-1], recipe.augmentation(seed)
    batches = make_batches(*train, size, True, augmentation, seed, epoch, classes)
    held_out = make_batches(*validation, size, classes=classes) if validation else None
    model.fit(
        _one_hot(batches.take(steps), classes),  # `take` matters to less than one epoch
        validation_data=held_out and _one_hot(held_out, classes),
        initial_epoch=done,
        epochs=epochs,
        callbacks=[_note_epoch_in(epoch), *callbacks, history],
        shuffle=False,  # make_batches has shuffled already
        verbose=verbose,
    )
    if folder:
        save_model(model, path)
    return model, history


def _compile(recipe: Recipe, steps: int, with_accuracy: bool) -> keras.Model:
    model, optimizer = recipe.build(), make_optimizer(recipe, steps)
    optimizer.build(model.trainable_variables)  # inside the compiled step it takes longer
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    metrics = ["accuracy"] if with_accuracy else None
    # Eight steps at a time make a run of seconds faster. Keras fails at this with several devices.
    steps_at_once = 1 if tf.distribute.has_strategy() else 8
    model.compile(optimizer, loss, metrics=metrics, steps_per_execution=steps_at_once)
    return model


def _note_epoch_in(variable: tf.Variable) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: variable.assign(epoch))


def check_epochs(recipe: Recipe, digits: int) -> None:
    """Raise ValueError unless the epochs are whole, or a fraction of one that holds a batch of this many digits."""
    whole = recipe.epochs >= 1 and recipe.epochs == int(recipe.epochs)
    if not whole and not (0 < recipe.epochs < 1 and recipe.epochs * digits >= recipe.batch_size):
        raise ValueError(
            f"epochs: expected a whole number, or a fraction of one that holds at least one batch of "
            f"{recipe.batch_size}, got {recipe.epochs:g} for {digits:,} digits"
        )


def make_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam with the recipe's schedule, and with its running mean of the weights."""
    ema = {"use_ema": True, "ema_momentum": recipe.ema_momentum} if recipe.ema_momentum else {}
    return keras.optimizers.Adam(recipe.schedule(recipe.max_lr, steps), beta_2=recipe.beta_2, **ema)


def save_model(model: keras.Model, path: str | Path) -> Path:
    """Save a model as one `.keras` file, in a single atomic step; raise ValueError if its weights aren't finite."""
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ValueError(f"{path} isn't saved: its weights are NaN, so try a smaller learning rate")
    with atomic_write(path) as part:
        model.save(part)
    return Path(path)


def export_onnx(model: keras.Model, path: str | Path) -> Path:
    """Save a model as ONNX, the format of ONNX Runtime and many other tools, for batches of any size."""
    model(np.zeros((1, 28, 28, 1), "float32"))  # Keras exports only a model that was called before
    with (
        atomic_write(path) as part,
        warnings.catch_warnings(action="ignore", category=FutureWarning),
    ):
        model.export(part, format="onnx", verbose=False)
    return Path(path)


def export_int8(model: keras.Model, images: Images, path: str | Path) -> Path:
    """Save a model for LiteRT with 8-bit weights and activations, at a quarter of the size.

    A few hundred raw digits as `images` show the converter how large the activations get.
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
        flatbuffer_utils.strip_strings(content)  # the names of tensors: 3 kB that nothing reads
        flatbuffer_utils.write_model(content, str(part))
    return Path(path)
