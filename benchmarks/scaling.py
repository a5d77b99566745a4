"""Measure what several workers bring, and what the engines cost: `python -m benchmarks.scaling [digits]`.

Reading: Dask's workers beside as many processes without an engine, by turns, on a million digits that are made and not
stored. Training: the steps of two workers beside those of one process with the same threads, and where their time goes.
Both with the smallest work for an image or step that the course has, so that the overhead shows.
"""

import contextlib
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import psutil
from distributed import LocalCluster

from apps.scaling.reading import MadeDigits, read_images, read_partition
from apps.scaling.training import free_addresses, train_data_parallel
from apps.scaling.workers import Crew
from benchmarks import records
from utils import data

WORKERS = 2
MODEL = "tiny"
DIGITS = 1_000_000
PARTITION = 2500  # digits
ROUNDS = 3  # in each, both get their turn
# Smaller jobs, and how often each in a round: what a digit costs must not depend on the job.
SIZES = {10_000: 5, 100_000: 2}
RECIPE = "reference"
BATCHES = (128, 1024)
EPOCHS = 3
MEGABYTE = 1_000_000


def main(digits: int = DIGITS) -> None:
    """Measure everything, and record it where the whole was measured."""
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
        source = MadeDigits(digits, PARTITION)
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
    with tempfile.TemporaryDirectory() as folder:
        source, seconds, ready = MadeDigits(digits, PARTITION), [], 0
        with Crew(partial(share, source, folder, workers), range(workers)) as crew:
            for event in crew.events(timeout=600):
                ready += event["event"] == "ready"
                if event["event"] == "ready" and ready == workers:
                    Path(folder, "go").touch()
                if event["event"] == "read":
                    seconds.append(event["seconds"])
    return digits / max(seconds)


def share(source: MadeDigits, folder: str, workers: int, rank: int, tell) -> None:
    """Read every n-th partition, when the others are ready too: this runs in a process of its own."""
    warm = Path(folder, f"warm_{rank}")
    warm.mkdir()
    read_partition(source, str(warm), MODEL, 0)
    tell("ready")
    while not Path(folder, "go").exists():
        time.sleep(0.005)
    start = time.perf_counter()
    for number in range(rank, len(source), workers):
        read_partition(source, folder, MODEL, number)
    tell("read", seconds=time.perf_counter() - start)


def training(rounds: int = ROUNDS) -> dict:
    """Return the milliseconds of a step, by its parts: of two workers, and of one process with one and two threads."""
    results = {}
    for batch in BATCHES:
        steps = {"one thread": [], "one process, all threads": [], f"{WORKERS} workers": []}
        for _ in range(rounds):
            steps["one thread"].append(step(batch, workers=1))
            steps["one process, all threads"].append(
                step(batch, addresses=free_addresses(1), index=0)
            )
            steps[f"{WORKERS} workers"].append(step(batch, workers=WORKERS))
        medians = {label: middle(values) for label, values in steps.items()}
        total = {label: sum(parts.values()) for label, parts in medians.items()}
        same_threads, several = total["one process, all threads"], total[f"{WORKERS} workers"]
        results[str(batch)] = {
            "milliseconds": medians,
            "overhead": round(several / same_threads - 1, 3),
            **speed_up(total["one thread"] / several),
        }
    return {"recipe": RECIPE, "batches": results}


def step(batch: int, **options) -> dict:
    """Train a little; return the milliseconds of a step by what they went into, in the best epoch."""
    mnist = data.load_mnist("sample")
    changes = {"batch_size": batch, "epochs": EPOCHS, "augment": 0}
    with tempfile.TemporaryDirectory() as folder:
        train = mnist.x_train, mnist.y_train
        run = train_data_parallel(RECIPE, train, folder=folder, changes=changes, **options)
    counted = (
        len(mnist.x_train) // batch + (len(mnist.x_train) % batch > 0) - 1
    )  # without the first, which compiles
    parts = [
        {
            part: 1000 * epoch[f"{part}_seconds"] / counted
            for part in ("input", "compute", "exchange")
        }
        for epoch in run.history
    ]
    return min(parts, key=lambda part: sum(part.values()))


def middle(values: list[dict]) -> dict:
    """Return the median of each part."""
    return {
        part: round(statistics.median(value[part] for value in values), 2) for part in values[0]
    }


if __name__ == "__main__":
    os.environ.setdefault("MNIST_SOURCE", "sample")
    main(*map(int, sys.argv[1:]))
