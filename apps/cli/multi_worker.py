"""What one of several hosts does: compute gradients on its share of every batch, add up everyone's, and step.

The loop is our own, because Keras's `fit` fails here (github.com/keras-team/keras/issues/20585).
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from apps.alone import alone_in
from apps.cli.train import chosen_recipe
from apps.scaling.training import shard
from utils import training
from utils.checkpoint import NAME, read_checkpoint, write_checkpoint
from utils.data import claim_folder
from utils.training import keras, make_batches, tf

NEW = {"epoch": [], "history": {}, "stopped": False, "callbacks": {}}


def work(tell: Callable, places, index, recipe, changes, train, validation, seed, folder) -> None:
    """Train as worker `index` of these places, and tell how it goes; worker 0, the chief, writes into the folder."""
    recipe, lock = chosen_recipe(recipe, changes), contextlib.nullcontext()
    training.check_epochs(recipe, len(train[0]))
    if index == 0:
        claim_folder(folder, training.describe_run(recipe, train, validation, seed))
        lock = alone_in(folder)
    with lock:
        _train(tell, places, index, recipe, train, validation, seed, Path(folder))


def _train(tell, places, index, recipe, train, validation, seed, folder) -> None:
    """Train from the last whole epoch on, or do nothing if the network is there."""
    chief = index == 0
    state = (chief and read_checkpoint(folder / NAME)) or NEW
    if not (chief and (folder / "model.keras").exists()):
        cluster = {"cluster": {"worker": places}, "task": {"type": "worker", "index": index}}
        os.environ["TF_CONFIG"] = json.dumps(cluster)  # where TensorFlow looks for the others
        tell({"event": "waiting"})
        replica = Replica(recipe, len(train[0]), seed, index, len(places))
        for epoch in range(replica.restore(state), max(1, int(recipe.epochs))):
            tell({"event": "epoch", "epoch": epoch})
            loss = replica.train(epoch, *train, tell)
            right = replica.count_right(*(shard(part, index, len(places)) for part in validation))
            state = replica.state(state, loss, right / len(validation[0]))
            if chief:
                write_checkpoint(folder / NAME, state)
            tell({"event": "end", "loss": loss, "val_accuracy": right / len(validation[0])})
        replica.optimizer.finalize_variable_values(replica.model.trainable_variables)
        if chief:
            training.save_model(replica.model, folder / "model.keras")
        replica.total([0.0])  # the others wait until the chief has saved the network
        # A second time, so that nobody leaves before all know that. The last to know may find the others gone.
        with contextlib.suppress(tf.errors.OpError):
            replica.total([0.0])
    accuracy = state["history"]["val_accuracy"][-1] if chief else None
    tell({"event": "finished", "val_accuracy": accuracy})


class Replica:
    """Keep one copy of the network, which is the same on all hosts after every step."""

    def __init__(self, recipe: training.Recipe, digits: int, seed: int, index: int, workers: int):
        self.recipe, self.seed, self.index, self.workers = recipe, seed, index, workers
        # A last batch without a digit for everyone is left out.
        steps = digits // recipe.batch_size + (digits % recipe.batch_size >= workers)
        self.steps = min(steps, round(recipe.epochs * steps))
        self.strategy = tf.distribute.MultiWorkerMirroredStrategy()  # waits until all have come
        keras.utils.set_random_seed(seed)
        with self.strategy.scope():
            self.model = recipe.build()
            self.optimizer = training.make_optimizer(recipe, round(recipe.epochs * steps))
            self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        smoothing = recipe.label_smoothing
        self.loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing, reduction=None)
        # With fixed signatures, because all must trace the same exchanges in the same order.
        batch = [tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None,), "int32")]
        self.step = self._everywhere(self._step, *batch, tf.TensorSpec(()))
        self.right = self._everywhere(self._right, *batch)
        self.total = self._everywhere(self._total, tf.TensorSpec((None,), "float64"))

    def _everywhere(self, function: Callable, *signature: tf.TensorSpec) -> Callable:
        return tf.function(lambda *inputs: self.strategy.run(function, inputs), signature)

    def _step(self, images, labels, count):
        """Step, and return this worker's part of the loss, a mean over the `count` digits of all workers."""
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.model(images, training=True)
            losses = self.loss(tf.one_hot(labels, outputs.shape[-1]), outputs)
            part = tf.reduce_sum(losses) / count  # so that the sum of all parts is the mean
        gradients = tape.gradient(part, [weight.value for weight in weights])
        self.optimizer.apply([tf.identity(g) for g in gradients], weights)  # adds up everyone's
        return part

    def _right(self, images, labels):
        digits = tf.argmax(self.model(images, training=False), axis=1, output_type="int32")
        return tf.reduce_sum(tf.cast(digits == labels, "float64"))

    def _total(self, values):
        """Return the sum of everyone's values."""
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(values))

    def train(self, epoch: int, images: np.ndarray, labels: np.ndarray, tell: Callable) -> float:
        """Train for one epoch, and return the loss."""
        size, loss, own = self.recipe.batch_size, 0.0, self.seed * self.workers + self.index
        order = np.random.default_rng([self.seed, epoch]).permutation(len(images))
        parts = np.split(order, range(size, len(order), size))[: self.steps]
        mine = [shard(part, self.index, self.workers) for part in parts]
        chosen, augmentation = np.concatenate(mine), self.recipe.augmentation(own)
        data = images[chosen], labels[chosen], len(mine[0]), False, augmentation, own, epoch
        for part, batch in zip(parts, make_batches(*data), strict=True):
            loss += float(self.step(*batch, float(len(part)))) * len(part)
            tell({"event": "step", "epoch": epoch + 1, "steps": len(parts)})
        return float(self.total([loss])[0]) / sum(map(len, parts))

    def count_right(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return how many digits all workers together read correctly, each its own."""
        right = sum(float(self.right(*batch)) for batch in make_batches(images, labels, 500))
        return float(self.total([right])[0])

    def state(self, last: dict, loss: float, accuracy: float) -> dict:
        """Return what a checkpoint of `fit` holds, one epoch after the last one."""
        found = {"loss": loss, "val_accuracy": accuracy}
        history = {name: [*last["history"].get(name, []), found[name]] for name in found}
        variables = [np.asarray(variable) for variable in self.variables]
        epochs = list(range(len(history["loss"])))
        return last | {"epoch": epochs, "history": history, "variables": variables}

    def restore(self, state: dict) -> int:
        """Bring the chief's variables to everyone, who add zeros to them, and return how many epochs they are from."""
        epochs = int(self.total([len(state["epoch"])])[0])
        for number, variable in enumerate(self.variables if epochs else []):
            held = state["variables"][number] if state["epoch"] else np.zeros(variable.shape)
            everyone = self.total(np.ravel(held).astype("float64"))
            variable.assign(np.reshape(everyone, variable.shape).astype(str(variable.dtype)))
        return epochs
