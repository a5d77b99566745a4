"""Inputs and mistakes for the questions on scale_out."""

import tempfile
from pathlib import Path

import numpy as np

from utils.exercises import Wrong
from utils.exercises.compare import describe


def whole_numbers(answer, what):
    """Return whole numbers of any type as a list. Raises Wrong for all else."""
    try:
        found = np.asarray(list(answer))
    except (TypeError, ValueError):
        found = None
    if found is None or found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise Wrong(f"expected {what}, got {describe(answer)}.")
    return found.tolist()


def listed(numbers):
    return ", ".join(map(str, numbers)) or "none"


def q1(rng):
    yield 10, 3
    yield 3, 5
    yield 24, 4
    yield 1001, 12
    while True:
        yield int(rng.integers(20, 400)), int(rng.integers(2, 12))


def q1_observe(function, count, workers):
    answer = function(count, workers)
    try:
        parts = list(answer)
    except TypeError:
        wanted = "a list with a part for each worker"
        raise Wrong(f"expected {wanted}, got {describe(answer)}.") from None
    parts = [whole_numbers(part, "the numbers of each worker's images") for part in parts]
    chosen = np.array([number for part in parts for number in part], dtype=int)
    there = (chosen >= 0) & (chosen < count)
    times = np.bincount(chosen[there], minlength=count)
    return {
        "parts": len(parts),
        "numbers that no image has": listed(np.unique(chosen[~there])),
        "images that are read twice": listed(np.flatnonzero(times > 1)),
        "images that no worker reads": listed(np.flatnonzero(times == 0)),
        "sizes of the parts": sorted(map(len, parts)),
    }


def q2(rng):
    yield rng.integers(-9, 10, (3, 4)), np.array([100, 101, 102])
    yield rng.normal(size=(1, 5)), np.array([64])
    yield rng.normal(size=(12, 7)).astype("float32"), rng.integers(1, 60_000, 12)
    while True:
        workers = int(rng.integers(3, 6))
        digits = [int(rng.integers(1, 6)), *rng.integers(20, 100, size=workers - 1)]
        yield rng.normal(size=(workers, 6)), rng.permutation(digits)


STATES = {  # what may have become of a part, and how the check calls it
    "complete": "parts with all their answers",
    "missing": "parts without a file",
    "being written": "parts that were being written",
    "empty": "parts whose file has 0 bytes",
    "cut off": "parts whose file ends in the middle",
    "too short": "parts with too few answers",
    "too long": "parts with too many answers",
}


def q3(rng):
    yield ["complete", "complete"], [300, 300]
    while True:
        states = rng.permutation([*STATES, "complete", *rng.choice([*STATES], 5)]).tolist()
        yield states, rng.integers(20, 400, size=len(states)).tolist()


def q3_observe(function, states, sizes):
    with tempfile.TemporaryDirectory() as name:
        for number, (state, size) in enumerate(zip(states, sizes, strict=True)):
            write_part(Path(name), number, state, size)
        (Path(name) / "notes.txt").write_text("started on Monday")
        np.save(Path(name) / f"part-{len(sizes) + 3:05}.npy", np.arange(9))  # of an older job
        before = seen(Path(name))
        answer = function(Path(name), list(sizes))
        named = whole_numbers(answer, "a list of the numbers of parts")
        after = seen(Path(name))
    found = {
        called: listed(n for n in sorted(set(named)) if states[n : n + 1] == [state])
        for state, called in STATES.items()
    }
    found["numbers that no part has"] = listed(n for n in named if not 0 <= n < len(sizes))
    found["each number once"] = len(named) == len(set(named))
    found["in order"] = named == sorted(named)
    found["files that you changed"] = listed(sorted({file for file, *_ in before ^ after}))
    return found


def seen(folder):
    return {(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def write_part(folder, number, state, size):
    if state == "missing":
        return
    size = size // 2 if state == "too short" else size + 7 * (state == "too long")
    ending = ".4711.part.npy" if state == "being written" else ".npy"
    path = folder / f"part-{number:05}{ending}"
    np.save(path, np.arange(size) % 10)
    if state == "empty":
        path.write_bytes(b"")
    if state == "cut off":
        path.write_bytes(path.read_bytes()[: 40 if number % 2 else -9])


def q4(rng):
    yield 100, 55, 16
    yield 200.0, 100.0, 11  # no serial share
    yield 40.0, 40.0, 3  # nothing but the serial share
    yield 90.0, 50.0, 1
    yield 120.0, 61.5, 1000
    while True:
        one, share = rng.uniform(20, 400), rng.uniform(0.02, 0.4)
        yield float(one), float(one * (1 + share) / 2), int(rng.integers(4, 40))


def q5(rng):
    kinds = ["train", "sweep", "read"]
    yield "sweep", 901, 8, 3, 1
    yield "read", 4096.0 * 33, 2.0, 4.0, 0.5
    while True:
        deadline, faster = 2.0 ** int(rng.integers(4)), 2.0 * int(rng.integers(2, 6))
        efficiency = float(rng.choice([0.5, 0.75, 0.875, 1]))
        machines, more = 4 * int(rng.integers(1, 6)), rng.choice([0, 0.1, 0.7, 1.1, 1.7, 2.1])
        needed = deadline * faster * efficiency * (machines + more)
        hours = [deadline * rng.uniform(0.2, 0.9), deadline, deadline * faster]
        hours += [deadline * faster * rng.uniform(0.6, 0.95), needed, needed, needed]
        yield str(rng.choice(kinds)), float(rng.choice(hours)), deadline, faster, efficiency


def q6(rng):
    yield 0, 0.1, 4, 6
    yield 3, 0.1, 1, 7
    yield 400, 1, 300, 1
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


class NoSuchNumber(ValueError):
    """Say that `send` gets a number that isn't among the workers or chunks."""


class SentToItself(ValueError):
    """Say that a worker sends to itself."""


class Ring:
    """Count how often each worker's own numbers are in the sum that a worker has of a chunk: `held[worker, chunk]`."""

    def __init__(self, workers):
        self.workers, self.sent = workers, []
        self.held = np.repeat(np.eye(workers, dtype=int)[:, np.newaxis], workers, axis=1)

    def send(self, sender, receiver, chunk, add):
        for name, number in (("sender", sender), ("receiver", receiver), ("chunk", chunk)):
            if not isinstance(number, int | np.integer):
                raise TypeError(f"the {name} must be a whole number, not {number!r}")
            if not 0 <= number < self.workers:
                numbers = f"the {self.workers} of them have the numbers 0 to {self.workers - 1}"
                raise NoSuchNumber(f"there's no {name} {number!r}: {numbers}")
        if sender == receiver:
            raise SentToItself(f"worker {sender} sends to itself")
        self.sent.append((int(sender), int(receiver)))
        before = self.held[receiver, chunk] if add else 0
        self.held[receiver, chunk] = self.held[sender, chunk] + before


def q8(rng):
    yield 5, 5 * 1001
    yield 2, 2 * 700
    yield 3, 3 * 10**9
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
        "chunks sent by each worker": [
            sum(worker == sender for sender, _ in ring.sent) for worker in range(workers)
        ],
        "bytes": size,
    }
