"""Train one network on several processes or hosts: each works on its share of every batch, and gradients are summed.

The engine is `tf.distribute.MultiWorkerMirroredStrategy` with a loop of our own, because Keras 3's `fit` does not work
with it (github.com/keras-team/keras/issues/20585). Here stands what watches over the workers, without TensorFlow; what
they do is in `replica.py`.
"""

import itertools
import json
import os
import random
import socket
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from apps.scaling.workers import Crew, WorkerLost, how_it_ended
from utils.data import atomic_write

CHECKPOINT = "checkpoint.npz"


class Unreachable(ConnectionError):
    """Say that the other workers of a cluster did not come."""


class Run(NamedTuple):
    """Hold a finished training: the network's file, a dict for each epoch, its weights, how often a worker was lost."""

    path: Path
    history: list[dict]
    weights: list[np.ndarray]
    restarts: int


def train_data_parallel(
    recipe,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
    folder: str | Path = "run",
    workers: int = 2,
    addresses: Sequence[str] | None = None,
    index: int | None = None,
    optimizer: str | None = None,
    changes: dict | None = None,
    restarts: int = 3,
    timeout: float = 120,
    on_event: Callable[[dict], None] | None = None,
) -> Run:
    """Train a recipe, or the one that its name means, by several workers, and return the run.

    `workers` are processes of this machine, with one thread each. With `addresses` ("host:port" of each worker, the
    same list everywhere) each host makes this call, and runs the worker with the number `index` on all its cores.
    Whatever their number, the batch is that of the recipe, and each works on its share. `optimizer="sgd"` is plain
    gradient descent at the recipe's peak rate; `changes` replace parts of the recipe, where `build` may be the name of
    a function of `utils.models`.

    Worker 0, the chief, keeps a checkpoint in `folder` after each epoch, from which a run goes on when it is started
    again, or when a worker was lost: at most `restarts` times. Raises WorkerLost beyond that; Unreachable where the
    other hosts have not come within `timeout` seconds; OSError where a port is in use or the disk is full.
    """
    count = len(addresses) if addresses else workers
    ranks = [index] if addresses else list(range(workers))
    _check(count, index if addresses else 0, len(train[0]))
    folder, on_event = Path(folder), on_event or (lambda event: None)
    folder.mkdir(parents=True, exist_ok=True)
    job = recipe, changes or {}, optimizer, train, validation, seed, str(folder)
    lost = 0
    while not (0 in ranks and (folder / "model.keras").exists()):
        places = list(addresses) if addresses else free_addresses(workers)
        if addresses:
            check_port(places[index])
        fault, joined = _attempt(
            partial(_work, job, places), ranks, not addresses, timeout, on_event
        )
        if not fault:
            break
        if not joined and (absent := _silent(places, ranks)):
            raise Unreachable(
                f"no answer from {', '.join(absent)} in {timeout:g} s: was the command started there?"
            )
        lost += 1
        on_event({"event": "lost", "reason": fault, "restarts": restarts - lost})
        if lost > restarts:
            raise WorkerLost(
                f"{fault}, after {restarts} restarts. What was done is kept in {folder}"
            )
    on_event({"event": "finished"})
    held = read_checkpoint(folder / CHECKPOINT) or {"weights": [], "history": []}
    return Run(folder / "model.keras", held["history"], held["weights"], lost)


def _check(workers: int, index: int | None, digits: int) -> None:
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    if index is None or not 0 <= index < workers:
        raise ValueError(
            f"index: expected the place of this host among the {workers} addresses, from 0, got {index}"
        )
    if digits < workers:
        raise ValueError(f"expected at least one digit for each of {workers} workers, got {digits}")


def _work(job: tuple, places: list[str], rank: int, tell: Callable) -> None:
    """Be one of the workers: this runs in a process of its own."""
    cluster = {"cluster": {"worker": places}, "task": {"type": "worker", "index": rank}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)  # where TensorFlow looks for its peers
    from apps.scaling.replica import replicate

    replicate(*job, rank=rank, workers=len(places), tell=tell)


def _attempt(
    task: Callable, ranks: Sequence[int], one_thread: bool, timeout: float, on_event: Callable
) -> tuple[str, bool]:
    """Let workers train to the end; return what went wrong, if anything, and whether they had found each other."""
    joined = False
    with Crew(task, ranks, one_thread) as crew:
        on_event({"event": "started", "pids": crew.pids()})
        try:
            for event in crew.events(timeout):
                if event["event"] == "ended" and event["code"]:
                    return (
                        f"worker {event['rank']} was lost ({how_it_ended(event['code'])})",
                        joined,
                    )
                joined = joined or event["event"] == "joined"
                if event["event"] != "ended":
                    on_event(event)
        except TimeoutError as silence:
            return f"workers hang ({silence})", joined
    return "", joined


def free_addresses(count: int) -> list[str]:
    """Return addresses on this machine whose ports nothing listens on."""
    # Below the ports that systems hand out by themselves: those could be gone before TensorFlow opens them.
    ports = random.SystemRandom().sample(range(20_000, 32_000), 12_000)
    addresses = (f"127.0.0.1:{port}" for port in ports)
    return list(itertools.islice(filter(_is_free, addresses), count))


def _is_free(address: str) -> bool:
    try:
        check_port(address)
    except OSError:
        return False
    return True


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of an address like "host:2222"; raise ValueError for anything else."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(
            f"expected an address like host:2222, with a port from 1 to 65535, got {address!r}"
        )
    return host, int(port)


def check_port(address: str) -> None:
    """Raise OSError where something listens already on the port on which this host's worker is to be found."""
    host, port = split_address(address)
    with socket.socket() as trial:
        trial.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a port that was just left is free
        try:
            trial.bind(("", port))
        except OSError as fault:
            raise OSError(
                fault.errno, f"port {port} is in use or not allowed here: give {host} another"
            ) from None


def _silent(places: list[str], ranks: Sequence[int]) -> list[str]:
    """Return the addresses of other hosts where nobody answers."""
    absent = []
    for rank, place in enumerate(places):
        if rank not in ranks:
            try:
                socket.create_connection(split_address(place), timeout=2).close()
            except OSError:
                absent.append(place)
    return absent


def share_of(batch: np.ndarray, worker: int, workers: int) -> np.ndarray:
    """Return one worker's share of a batch: every n-th, so that no two shares differ by more than one."""
    return batch[worker::workers]


def write_checkpoint(
    path: Path, state: list[np.ndarray], weights: int, about: str, history: list[dict]
) -> None:
    """Write what a run needs to go on: `state`, whose first `weights` arrays are the network's, and its description."""
    arrays = {f"state_{number}": array for number, array in enumerate(state)}
    text = json.dumps({"about": about, "weights": weights, "history": history})
    with atomic_write(path) as part, open(part, "wb") as file:
        np.savez(file, text=text, **arrays)


def read_checkpoint(path: Path) -> dict | None:
    """Return what `write_checkpoint` has written, or None where there is no whole checkpoint."""
    try:
        with np.load(path) as held:
            text = json.loads(str(held["text"]))
            state = [held[f"state_{number}"] for number in range(len(held.files) - 1)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return {**text, "state": state, "weights": state[: text["weights"]]}
