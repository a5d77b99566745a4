"""Train one network on several devices of this machine: each computes gradients on its share of every batch."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.alone import alone_in
from utils.data import claim_folder


def shard(batch: np.ndarray, worker: int, workers: int) -> np.ndarray:
    """Return one worker's share of a batch: every n-th, so that no two shares differ by more than one."""
    return batch[worker::workers]


def make_devices(count: int) -> list[str]:
    """Return the names of so many devices: graphics cards, if there are enough, or else parts of this CPU."""
    from utils.training import tf

    if count <= len(tf.config.list_physical_devices("GPU")):
        return [f"GPU:{number}" for number in range(count)]
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        if count > len(tf.config.get_logical_device_configuration(cpu) or [cpu]):
            parts = [tf.config.LogicalDeviceConfiguration()] * count
            tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError:
        hint = f"restart the kernel, and ask for {count} before it computes anything"
        raise RuntimeError(f"TensorFlow already runs on fewer devices: {hint}") from None
    return [f"CPU:{number}" for number in range(count)]


def train_on_devices(
    recipe,
    train: tuple,
    validation: tuple | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    workers: int = 2,
    callbacks: Sequence = (),
    verbose: int = 0,
) -> tuple:
    """Train a recipe on so many devices with Keras's `fit`, and return the network and its history.

    Keras weighs the devices' gradients equally, so their shares must be equal: the batch size is rounded down to a
    multiple of `workers`, and digits that don't fill a batch are left out. Raises BlockingIOError if another process
    trains in the folder.
    """
    if not 1 <= workers <= len(train[0]):
        raise ValueError(f"workers: expected 1 to {len(train[0])}, a digit for each, got {workers}")
    size = max(1, min(recipe.batch_size, len(train[0])) // workers) * workers
    train = tuple(part[: len(part) // size * size] for part in train)
    devices = make_devices(workers)
    from utils.training import describe_run, fit, tf

    strategy = tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())
    recipe = replace(recipe, batch_size=size)
    if folder:
        claim_folder(folder, describe_run(recipe, train, validation, seed))
    with alone_in(folder) if folder else contextlib.nullcontext():
        return fit(recipe, train, validation, seed, folder, callbacks, verbose, strategy)
