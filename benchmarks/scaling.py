"""Measure what several workers bring, and what the engines cost: `python -m benchmarks.scaling [digits]`.

Reading: Dask's workers and as many processes without an engine take turns, on a million digits that are made and not
stored. Training: one device of this machine and two take turns. Both have the smallest work for an image or step that
the course offers, so that the overhead shows.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
from distributed import LocalCluster

from apps.scaling.reading import read_images, read_partition
from apps.scaling.training import make_devices, train_on_devices
from benchmarks import records
from benchmarks.made_digits import made_digits
from utils import data

WORKERS = 2
MODEL = "tiny"
DIGITS = 1_000_000
PARTITION = 2500  # digits
ROUNDS = 3  # in each, all get their turn
# Smaller jobs, and how often each in a round: what a digit costs must not depend on the job.
SIZES = {10_000: 5, 100_000: 2}
RECIPE = "reference"
BATCHES = (128, 1024)
EPOCHS = 3
MEGABYTE = 1_000_000


def main(digits: int = DIGITS) -> None:
    """Measure everything, and record it if the whole was measured."""
    record = {"machine": records.machine(), "reading": reading(digits), "training": training()}
    if digits == DIGITS:
        records.save("scaling", record)
    print(json.dumps(record, indent=2))


def reading(digits: int = DIGITS, rounds: int = ROUNDS) -> dict:
    """Return digits a second with and without the engine, its workers' memory, and the cost of one digit by size."""
    rates, costs = {"dask": [], "no engine": []}, []
    with cluster(WORKERS) as scheduler:
        peaks = []
        for _ in range(rounds):  # all within a round, since a machine's speed drifts
            sizes = {size: count for size, count in SIZES.items() if size < digits}
            cost = {
                size: statistics.median(1e6 / by_dask(scheduler, size) for _ in range(count))
                for size, count in sizes.items()
            }
            rates["dask"].append(by_dask(scheduler, digits, peaks))
            rates["no engine"].append(by_processes(WORKERS, digits))
            costs.append({**cost, digits: 1e6 / rates["dask"][-1]})
    with cluster(1) as scheduler:
        alone = by_dask(scheduler, digits // 10)
    medians = {label: statistics.median(values) for label, values in rates.items()}
    return {
        "digits": digits,
        "model": MODEL,
        "digits_per_second": {
            label: [round(rate) for rate in values] for label, values in rates.items()
        },
        "ratio": round(medians["dask"] / medians["no engine"], 3),
        "peak_memory_mb": round(max(peaks)),
        "microseconds_per_digit": {
            str(size): [round(cost[size], 2) for cost in costs] for size in costs[0]
        },
        "largest_over_smallest_cost": [
            round(max(cost.values()) / min(cost.values()), 3) for cost in costs
        ],
        "one_worker": round(alone),
        **speed_up(medians["dask"] / alone),
    }


def speed_up(factor: float) -> dict:
    """Return how much faster all workers are than one, and the share of serial work by which Amdahl explains it."""
    serial = (WORKERS / factor - 1) / (WORKERS - 1)
    return {"speed_up": round(factor, 3), "serial_share": round(serial, 3)}


@contextlib.contextmanager
def cluster(workers: int):
    """Start workers of Dask, let each read a little, and yield the address of their scheduler."""
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit="1GB",
        host="127.0.0.1",
        dashboard_address=None,
    ) as local:
        by_dask(
            local.scheduler_address, 10 * PARTITION
        )  # which opens the model and the digits in each
        yield local.scheduler_address


def by_dask(scheduler: str, digits: int, peaks: list | None = None) -> float:
    """Return how many digits a second the workers of a cluster read; put their largest memory, in MB, into `peaks`."""
    with tempfile.TemporaryDirectory() as folder, Watch() as watch:
        source = made_digits(digits, PARTITION)
        report = read_images(
            source, Path(folder, "out"), MODEL, scheduler=scheduler, on_event=watch.hear
        )
    if peaks is not None:
        peaks.append(watch.peak)
    return digits / report.seconds


class Watch:
    """Note the largest memory of any of the processes that a job starts with, ten times a second."""

    def __init__(self):
        self.peak, self.pids, self.over = 0.0, [], threading.Event()

    def hear(self, event: dict) -> None:
        """Listen to a job."""
        self.pids = event.get("pids", self.pids)

    def _look(self) -> None:
        while not self.over.wait(0.1):
            for pid in self.pids:
                self.peak = max(self.peak, psutil.Process(pid).memory_info().rss / MEGABYTE)

    def __enter__(self) -> "Watch":
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()


def by_processes(workers: int, digits: int) -> float:
    """Return how many digits a second so many processes read, each its share, without an engine."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers, spawn) as pool:
        shares = [pool.submit(share, digits, folder, workers, rank) for rank in range(workers)]
        return digits / max(seconds.result() for seconds in shares)


def share(digits: int, folder: str, workers: int, rank: int) -> float:
    """Read every n-th partition once the others are ready too, and return the seconds: what one process does."""
    source, warm = made_digits(digits, PARTITION), Path(folder, f"warm_{rank}")
    warm.mkdir()
    read_partition(source, 0, warm, MODEL)
    Path(folder, f"ready_{rank}").touch()
    while len(list(Path(folder).glob("ready_*"))) < workers:
        time.sleep(0.005)
    start = time.perf_counter()
    for number in range(rank, len(source), workers):
        read_partition(source, number, folder, MODEL)
    return time.perf_counter() - start


def training(rounds: int = ROUNDS) -> dict:
    """Return the milliseconds of a step on one device and on two, which are parts of the same CPU."""
    make_devices(WORKERS)  # before TensorFlow computes anything
    results = {}
    for batch in BATCHES:
        steps = {"1 device": [], f"{WORKERS} devices": []}
        for _ in range(rounds):
            for devices, values in zip((1, WORKERS), steps.values(), strict=True):
                values.append(step(batch, devices))
        medians = {label: round(statistics.median(values), 1) for label, values in steps.items()}
        one, two = medians.values()
        results[str(batch)] = {"milliseconds": medians, "ratio": round(two / one, 3)}
    return {"recipe": RECIPE, "batches": results}


def step(batch: int, devices: int) -> float:
    """Train a little, and return the milliseconds of a step in the best epoch."""
    from utils.training import RECIPES, keras

    mnist, ends = data.load_mnist("sample"), []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: ends.append(time.perf_counter()),
        on_train_end=lambda logs: ends.append(time.perf_counter()),
    )
    recipe = replace(RECIPES[RECIPE], batch_size=batch, epochs=EPOCHS, augment=0)
    train = mnist.x_train, mnist.y_train
    train_on_devices(recipe, train, workers=devices, callbacks=[watch])
    ends = ends[1:]  # without the first epoch, which compiles
    seconds = [end - start for start, end in itertools.pairwise(ends)]
    return 1000 * min(seconds) / (len(mnist.x_train) // batch)


if __name__ == "__main__":
    os.environ.setdefault("MNIST_SOURCE", "sample")
    main(*map(int, sys.argv[1:]))
