"""What one of several workers does: compute gradients on its share of a batch, sum them with all others, step."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.scaling.training import CHECKPOINT, read_checkpoint, share_of, write_checkpoint
from utils import models
from utils.environment import quiet_tensorflow
from utils.training import RECIPES, Recipe, check_epochs, make_batches, make_optimizer, save_model

with quiet_tensorflow():
    import keras
    import tensorflow as tf

TELL_EVERY = 0.2  # seconds


def replicate(
    recipe, changes, optimizer, train, validation, seed, folder, rank, workers, tell: Callable
) -> None:
    """Train as worker `rank` of so many, and tell how it goes; the chief, worker 0, writes into the folder."""
    recipe = chosen_recipe(recipe, changes)
    check_epochs(recipe, len(train[0]))
    replica = Replica(recipe, optimizer, len(train[0]), seed, rank, workers, tell)
    path, about = Path(folder) / CHECKPOINT, _describe(recipe, optimizer, seed, len(train[0]))
    history = replica.restore(path, about)
    share = [part[rank::workers] for part in validation] if validation else None
    for epoch in range(len(history), max(1, int(recipe.epochs))):
        figures = replica.epoch(epoch, *train)
        if validation:
            figures["validation_accuracy"] = replica.count_right(*share) / len(validation[0])
        history.append(figures)
        if rank == 0:
            replica.save(path, about, history)
            tell("epoch", **figures)
    replica.finish(Path(folder), about, history)


def chosen_recipe(recipe: Recipe | str, changes: dict) -> Recipe:
    """Return the recipe that a name means, with parts replaced; `build` may be a function's name in utils.models."""
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise ValueError(f"recipe: expected one of {', '.join(RECIPES)}, got {recipe!r}")
        recipe = RECIPES[recipe]
    if isinstance(changes.get("build"), str):
        changes = {**changes, "build": getattr(models, changes["build"])}
    return replace(recipe, **changes)


def _describe(recipe: Recipe, optimizer: str | None, seed: int, digits: int) -> str:
    """Return in one line what makes a run, so that two can be told apart."""
    parts = {**vars(recipe), "optimizer": optimizer or "adam", "seed": seed, "digits": digits}
    text = ", ".join(f"{name} {getattr(value, '__name__', value)}" for name, value in parts.items())
    return re.sub(
        " at 0x[0-9a-f]+", "", text
    )  # where a function lies in the memory of this process


class Replica:
    """Hold one copy of the network, which is the same in all workers after every step."""

    def __init__(self, recipe, optimizer, digits, seed, rank, workers, tell):
        self.recipe, self.seed, self.rank, self.workers, self.tell = (
            recipe,
            seed,
            rank,
            workers,
            tell,
        )
        # The last batch of an epoch is left out where it has not a digit for everyone.
        self.steps = digits // recipe.batch_size + (digits % recipe.batch_size >= workers)
        self.steps_in_all = round(recipe.epochs * self.steps)
        tell("joining")
        self.strategy = (
            tf.distribute.MultiWorkerMirroredStrategy()
        )  # waits here until all workers have come
        tell("joined")
        keras.utils.set_random_seed(seed)
        with self.strategy.scope():
            self.model = recipe.build()
            sgd = optimizer == "sgd"
            self.optimizer = (
                keras.optimizers.SGD(recipe.max_lr)
                if sgd
                else make_optimizer(recipe, self.steps_in_all)
            )
            self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(
            label_smoothing=recipe.label_smoothing, reduction=None
        )
        images, labels = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None,), "int32")
        # With fixed signatures, since all workers must trace the same collective operations in the same order.
        self.gradients = tf.function(self._gradients, [images, labels, tf.TensorSpec(())])
        self.right = tf.function(self._right, [images, labels])
        self.step = tf.function(self._step)
        self.total = tf.function(self._total, [tf.TensorSpec((None,), "float64")])

    def _gradients(self, images, labels, count):
        """Return this worker's part of the loss, a mean over all `count` digits of the batch, and its gradients."""

        def local(images, labels):
            with tf.GradientTape() as tape:
                losses = self.loss(tf.one_hot(labels, 10), self.model(images, training=True))
                loss = (
                    tf.reduce_sum(losses) / count
                )  # by the whole batch: so the sum of all parts is the mean
            return loss, tape.gradient(
                loss, [weights.value for weights in self.model.trainable_variables]
            )

        return self.strategy.run(local, (images, labels))

    def _step(self, gradients):
        """Take the step that all workers take: Keras' optimizer first adds up their gradients (an all-reduce)."""

        def local(gradients):
            here = [
                tf.identity(gradient) for gradient in gradients
            ]  # on the device where the sums are to go
            self.optimizer.apply(here, self.model.trainable_variables)

        self.strategy.run(local, (gradients,))

    def _right(self, images, labels):
        guesses = tf.argmax(self.model(images, training=False), axis=1, output_type="int32")
        return tf.reduce_sum(tf.cast(guesses == labels, "float64"))

    def _total(self, values):
        """Return the sum of all workers' values."""

        def local(values):
            return tf.distribute.get_replica_context().all_reduce(
                tf.distribute.ReduceOp.SUM, tf.identity(values)
            )

        return self.strategy.run(local, (values,))

    def epoch(self, epoch: int, images: np.ndarray, labels: np.ndarray) -> dict:
        """Work through one epoch; return its number, loss, and where this worker's seconds went."""
        steps = min(self.steps, self.steps_in_all)
        sizes = np.full(steps, self.recipe.batch_size)
        sizes[-1] = min(sizes[-1], len(images) - (steps - 1) * self.recipe.batch_size)
        batches = iter(self._batches(epoch, images, labels))
        loss, told = 0.0, 0.0
        seconds = {"input": 0.0, "compute": 0.0, "exchange": 0.0}
        for number, size in enumerate(sizes, start=1):
            start = time.perf_counter()
            x, y = next(batches)
            served = time.perf_counter()
            part, gradients = self.gradients(x, y, float(size))
            loss += float(part) * size
            computed = time.perf_counter()
            self.step(gradients)
            end = time.perf_counter()
            if number > 1 or len(sizes) == 1:  # the first step of a process compiles
                spent = served - start, computed - served, end - computed
                seconds = {
                    name: seconds[name] + more for name, more in zip(seconds, spent, strict=True)
                }
            if end - told > TELL_EVERY or number == steps:
                self.tell("step", epoch=epoch + 1, step=number, steps=steps)
                told = end
        loss = float(self.total([loss])[0]) / sizes.sum()
        return {
            "epoch": epoch + 1,
            "loss": loss,
            **{f"{name}_seconds": value for name, value in seconds.items()},
        }

    def _batches(self, epoch: int, images: np.ndarray, labels: np.ndarray) -> tf.data.Dataset:
        """Serve this worker's share of each batch: of a shuffled order that is the same for all, every n-th digit.

        Order, augmentation and dropout depend on the epoch's number alone, so that a resumed run meets the same ones.
        """
        size = self.recipe.batch_size
        order = np.random.default_rng([self.seed, epoch]).permutation(len(images))
        batches = (order[start : start + size] for start in range(0, len(order), size))
        mine = np.concatenate([share_of(batch, self.rank, self.workers) for batch in batches])
        own = int(np.random.SeedSequence([self.seed, epoch, self.rank]).generate_state(1)[0]) // 2
        for layer in self.model.layers:
            if hasattr(layer, "seed_generator"):
                layer.seed_generator.state.assign([own, 0])
        local = len(share_of(order[:size], self.rank, self.workers))
        return make_batches(
            images[mine], labels[mine], local, augmentation=self.recipe.augmentation(own)
        )

    def count_right(self, images: np.ndarray, labels: np.ndarray) -> int:
        """Return how many digits all workers together read rightly, each on its own share."""
        right = sum(
            (self.right(x, y) for x, y in make_batches(images, labels, 500)),
            tf.constant(0.0, "float64"),
        )
        return int(self.total([right])[0])

    def _state(self) -> tuple[list, list]:
        """Return the variables of the network, and of all that a run goes on from."""
        weights = [weight for weight in self.model.variables if "float" in str(weight.dtype)]
        return weights, [*weights, *self.optimizer.variables]

    def restore(self, path: Path, about: str) -> list[dict]:
        """Bring the chief's checkpoint into all workers, whether or not they can see its disk; return the history."""
        held = read_checkpoint(path) if self.rank == 0 else None
        if held and held["about"] != about:
            raise ValueError(
                f"{path} is of another run: {held['about']}; this one: {about}. Give another folder"
            )
        state = self._state()[1]
        shapes = [tuple(variable.shape) for variable in state]
        sizes = [math.prod(shape) for shape in shapes]
        values = (
            np.concatenate([array.ravel() for array in held["state"]])
            if held
            else np.zeros(sum(sizes))
        )
        epochs = len(held["history"]) if held else 0
        values = self.total(
            np.concatenate([[epochs], values])
        ).numpy()  # all others add zeros to the chief's
        if values[0]:
            for variable, shape, part in zip(
                state, shapes, np.split(values[1:], np.cumsum(sizes)[:-1]), strict=True
            ):
                variable.assign(part.reshape(shape).astype(str(variable.dtype)))
            self.tell("resumed", epoch=int(values[0]))
        return held["history"] if held else [{}] * int(values[0])

    def save(self, path: Path, about: str, history: list[dict]) -> None:
        """Write the checkpoint."""
        weights, state = self._state()
        write_checkpoint(
            path, [np.asarray(variable) for variable in state], len(weights), about, history
        )

    def finish(self, folder: Path, about: str, history: list[dict]) -> None:
        """Let the chief save the finished network while the others wait, since a worker that leaves ends all."""
        self.optimizer.finalize_variable_values(
            self.model.trainable_variables
        )  # the running mean, if there is one
        if self.rank == 0:
            save_model(self.model, folder / "model.keras")
            self.save(folder / CHECKPOINT, about, history)
        self.total([0.0])
