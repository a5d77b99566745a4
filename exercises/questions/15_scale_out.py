"""Inputs and mistakes for the questions on scale_out."""

import operator
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from utils.exercises import Wrong
from utils.exercises.compare import as_array, describe


def whole_numbers(answer, what):
    """Return whole numbers of any type as a list. Raises Wrong for all else."""
    found = as_array(list(answer)) if isinstance(answer, Iterable) else None
    if found is None or found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise Wrong(f"expected {what}, got {describe(answer)}.")
    return found.astype(int).tolist()


def listed(numbers):
    return ", ".join(map(str, numbers)) or "none"


def q1(rng):
    yield from [(10, 3), (3, 5), (24, 4), (1001, 12)]
    while True:
        yield int(rng.integers(20, 400)), int(rng.integers(2, 12))


def q1_observe(function, count, workers):
    answer = function(count, workers)
    if not isinstance(answer, Iterable):
        raise Wrong(f"expected a list with a part for each worker, got {describe(answer)}.")
    parts = [whole_numbers(part, "the numbers of each worker's images") for part in answer]
    times = Counter(number for part in parts for number in part)
    return {
        "parts": len(parts),
        "numbers that no image has": listed(sorted(times.keys() - set(range(count)))),
        "images that are read twice": listed(n for n in range(count) if times[n] > 1),
        "images that no worker reads": listed(n for n in range(count) if not times[n]),
        "sizes of the parts": sorted(map(len, parts)),
    }


def q2(rng):
    yield rng.integers(-9, 10, (3, 4)), np.array([100, 101, 102])
    yield rng.normal(size=(1, 5)), np.array([64])
    yield rng.normal(size=(12, 7)).astype("float32"), rng.integers(1, 60_000, 12)
    while True:
        yield rng.normal(size=(4, 6)), rng.permutation([*rng.integers(20, 100, 3), 3])


STATES = ["complete", "missing", "being written", "empty", "cut off", "too short", "too long"]


def q3(rng):
    yield ["complete", "complete"], [300, 300]
    while True:
        states = rng.permutation([*STATES, "complete", *rng.choice(STATES, 5)]).tolist()
        yield states, rng.integers(20, 400, size=len(states)).tolist()


def q3_observe(function, states, sizes):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (state, size) in enumerate(zip(states, sizes, strict=True)):
            path = folder / f"part-{number:05}{'.4711.part' * (state == 'being written')}.npy"
            np.save(path, np.arange(size + {"too short": -9, "too long": 7}.get(state, 0)) % 10)
            end = {"empty": 0, "cut off": 40 if number % 2 else -9}.get(state)
            path.write_bytes(path.read_bytes()[:end])
            if state == "missing":
                path.unlink()
        (folder / "notes.txt").write_text("started on Monday")
        np.save(folder / f"part-{len(sizes) + 3:05}.npy", np.arange(9))  # of an older job
        before = seen(folder)
        answer = function(folder, list(sizes))
        named = whole_numbers(answer, "a list of the numbers of parts")
        changed = {file for file, *_ in before ^ seen(folder)}
    left = {n: f"{n} ({state})" for n, state in enumerate(states) if state != "complete"}
    return {
        "parts that are left to do, but not in your list": listed(
            called for n, called in left.items() if n not in named
        ),
        "parts in your list with nothing left to do": listed(n for n in named if n not in left),
        "each number once": len(named) == len(set(named)),
        "in order": named == sorted(named),
        "files that you changed": listed(sorted(changed)),
    }


def seen(folder):
    return {(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def q4(rng):
    yield from [(100, 55, 2, 16), (200.0, 100.0, 2, 11), (40.0, 40.0, 3, 3)]  # some, no, all serial
    yield from [(90.0, 50.0, 2, 1), (120.0, 45.0, 4, 1000)]
    while True:
        one, share, n = rng.uniform(20, 400), rng.uniform(0.02, 0.4), int(rng.integers(2, 9))
        yield float(one), float(one * (share + (1 - share) / n)), n, int(rng.integers(4, 40))


def q5(rng):
    yield "sweep", 901, 8, 3, 0
    yield "read", 4096.0 * 33, 2.0, 4.0, 0.5  # too much for any number of machines
    yield "train", 4.0, 4.0, 2.0, 0.5  # just in time, as it is
    yield "sweep", 24, 8, 3, 0.75  # just in time, by better code
    while True:  # powers of 2, so that just in time is exact
        work, faster = 2.0 ** int(rng.integers(5)), 2.0 * int(rng.integers(2, 6))
        share, machines = float(rng.choice([0, 0.0625, 0.125, 0.25])), int(rng.choice([2, 4, 8]))
        needed = share + (1 - share) / machines
        times = [needed, needed, needed + 1 / 64, needed - 1 / 64, share or needed, 1, 1.25, faster]
        kind = str(rng.choice(["train", "sweep", "read"]))
        yield kind, work * faster, float(work * rng.choice(times)), faster, share


def q6(rng):
    yield from [(0, 0.1, 4, 6), (3, 0.1, 1, 7), (400, 1, 300, 1)]
    while True:
        workers, warm_up = int(rng.integers(3, 17)), int(rng.integers(2, 50))
        step = int(rng.choice([0, 1, warm_up - 1, warm_up, warm_up + 1, rng.integers(150)]))
        yield step, float(rng.uniform(0.01, 0.5)), workers, warm_up


def q7(rng):
    yield np.array([0.5]), [], 0
    yield np.full(3, 0.25), [np.full(3, 0.25)] * 11, 11
    while True:  # few different values: ties are frequent, and medians exact
        lengths = rng.integers(1, 7, size=int(rng.choice([2, 3, 4, 5, 13])))
        finished = [rng.integers(1, 9, size=length) / 8 for length in lengths]
        yield rng.integers(1, 9, size=int(rng.integers(1, 5))) / 8, finished, int(rng.integers(5))


class Ring:
    """Count how often each worker's own numbers are in the sum that a worker has of a chunk: `held[worker, chunk]`."""

    def __init__(self, workers):
        self.workers, self.sent = workers, []
        self.held = np.repeat(np.eye(workers, dtype=int)[:, np.newaxis], workers, axis=1)

    def send(self, sender, receiver, chunk, add):
        for number in map(operator.index, (sender, receiver, chunk)):
            if not 0 <= number < self.workers:
                raise IndexError(
                    f"there's no number {number}: they go from 0 to {self.workers - 1}"
                )
        if sender == receiver:
            raise ValueError(f"worker {sender} sends to itself")
        self.sent.append((int(sender), int(receiver)))
        before = self.held[receiver, chunk] if add else 0
        self.held[receiver, chunk] = self.held[sender, chunk] + before


def q8(rng):
    yield from [(5, 5 * 1001), (2, 2 * 700), (3, 3 * 10**9)]
    while True:
        workers = int(rng.integers(4, 14))
        yield workers, workers * int(rng.integers(100, 2000))


def q8_observe(function, workers, weights):
    ring = Ring(workers)
    size = function(workers, weights, ring.send)
    if not ring.sent:
        raise Wrong("nothing was sent: call `send(sender, receiver, chunk, add)`.")
    steps = {(receiver - sender) % workers for sender, receiver in ring.sent}
    return {
        "sums with a worker's numbers in them twice": int(np.sum(ring.held.max(axis=2) > 1)),
        "complete sums of chunks, at all workers": int(np.sum((ring.held == 1).all(axis=2))),
        "each sends to one neighbor only": steps in ({1}, {workers - 1}),
        "chunks sent by each worker": np.bincount([sender for sender, _ in ring.sent]).tolist(),
        "bytes": size,
    }
