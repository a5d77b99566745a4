"""What people answer to the questions on scale_out."""

import statistics

import numpy as np
import tensorflow as tf

from tests.exercises.bank import Entry
from utils.exercises.lesson import load

found = load("scale_out")
cut, left_to_do, amdahl, plan, ring = map(found.answer, ("q1", "q3", "q4", "q5", "q8"))


def weighted_by_loop(gradients, digits):
    total = np.zeros(gradients.shape[1])
    for gradient, count in zip(gradients, digits, strict=True):
        total += count / sum(digits) * gradient
    return total


def left_by_any_error(folder, sizes):
    def is_whole(number, size):
        path = folder / f"part-{number:05d}.npy"
        try:
            return path.exists() and np.load(path).size == size
        except Exception:
            return False

    return np.array([n for n, size in enumerate(sizes) if not is_whole(n, size)], dtype=int)


def left_with_no_care_for_empty_files(folder, sizes):
    out = []
    for number, size in enumerate(sizes):
        try:
            if len(np.load(folder / f"part-{number:05}.npy")) != size:
                out.append(number)
        except (OSError, ValueError):
            out.append(number)
    return out


def left_by_names(folder, sizes):
    done = [int(path.stem.split("-")[1]) for path in folder.iterdir()]
    return [number for number in range(len(sizes)) if number not in done]


def left_and_deleted(folder, sizes):
    left = left_to_do(folder, sizes)
    for number in left:
        (folder / f"part-{number:05}.npy").unlink(missing_ok=True)
    return left


def amdahl_by_times(one, several, n, workers):
    serial = (n * several - one) / (n - 1)
    time = serial + (one - serial) / workers
    return np.array([serial / one, one / time, one / time / workers])


def two_mistakes(*case):
    share, speed_up, efficiency = amdahl(*case)
    return share, 2 * speed_up, efficiency / 3


def plan_by_trying(kind, hours, deadline, faster, share):
    # Strings of NumPy.
    table = np.array(["leave it", "better code", "digits scale " + kind, "make it smaller"])
    if hours <= deadline:
        return table[0], 1
    for machines in range(1, 1000):
        if hours / faster * (share + (1 - share) / machines) <= deadline:
            return [table[1 + (machines > 1)], float(machines)]
    return [table[3], 0]


def plan_but(what=lambda text: text, more=0):
    def answer(*case):
        text, machines = plan(*case)
        return what(text), machines + more * (text == "better code")

    return answer


def rate_by_cases(step, base, workers, warm_up):
    if step >= warm_up:
        return workers * base
    return base + step * (workers * base - base) / warm_up


def stop_by_statistics(running, finished, startup):
    if len(finished) < startup:
        return False
    others = [curve[len(running) - 1] for curve in finished if len(curve) >= len(running)]
    return statistics.median(others) < sorted(running)[0] if others else False


def stop_in_tensorflow(*case):
    return tf.constant(bool(stop_by_statistics(*case)))


def stop_without_care(running, finished, startup):
    values = [curve[len(running) - 1] for curve in finished]
    return len(finished) >= startup and min(running) > np.median(values)


def stop_by_sorting(running, finished, startup):
    running.sort()
    return stop_by_statistics(running, finished, startup)


def ring_to_the_left(workers, weights, send):
    for turn in range(2 * workers - 2):
        for worker in np.arange(workers):
            receiver = worker - 1 if worker else workers - 1
            send(worker, receiver, (worker + turn) % workers, np.bool_(turn < workers - 1))
    return 8.0 * (weights - weights // workers)


def chunk_by_chunk(workers, weights, send):
    for chunk in range(workers):
        for hop in range(2 * (workers - 1)):
            sender = (chunk + hop) % workers
            send(sender, (sender + 1) % workers, chunk, hop < workers - 1)
    return 2 * (workers - 1) * weights * 4 // workers


def at_the_chief(workers, weights, send):
    for add in (True, False):
        for worker in range(1, workers):
            for chunk in range(workers):
                send(worker if add else 0, 0 if add else worker, chunk, add)
    return 8 * (workers - 1) * weights // workers


def in_a_chain(workers, weights, send):
    for add in (True, False):
        for worker in range(workers - 1):
            for chunk in range(workers):
                sender = worker if add else (worker - 1) % workers
                send(sender, (sender + 1) % workers, chunk, add)
    return 8 * (workers - 1) * weights // workers


BANK = {
    "q1": Entry(
        right=[lambda count, workers: np.array_split(np.arange(count), workers)],
        wrong={
            "`parts`: expected `5`": lambda count, workers: cut(count, min(3, workers)),
            "each worker's images, got": lambda count, workers: [count // workers] * workers,
            "a part for each worker, got": lambda count, workers: count // workers,
            "that no worker reads`: expected": lambda count, workers: cut(count - 2, workers),
        },
    ),
    "q2": Entry(
        right=[weighted_by_loop, lambda g, digits: tf.constant(np.average(g, 0, digits))],
        wrong={"got a single number": lambda gradients, digits: np.mean(gradients)},
    ),
    "q3": Entry(
        right=[left_by_any_error, lambda *case: iter(left_to_do(*case))],
        wrong={
            "files that you changed": left_and_deleted,
            "stops with `EOFError": left_with_no_care_for_empty_files,
            "it stops with `": left_by_names,
            "nothing left to do`: expected": lambda *case: [*left_to_do(*case), 99],
            "`each number once`: expected": lambda *case: left_to_do(*case) * 2,
            "a list of the numbers of parts, got": lambda *case: len(left_to_do(*case)),
        },
    ),
    "q4": Entry(
        right=[amdahl_by_times],
        wrong={
            "expected 3 things": lambda *case: amdahl(*case)[0],
            "`speed_up`: expected": two_mistakes,
        },
    ),
    "q5": Entry(
        right=[plan_by_trying],
        wrong={
            "got `['scale ": plan_but(lambda text: text.replace("digits ", "")),
            "got `['digits scale read ": plan_but(lambda text: text.replace("read", "read ")),
            "got `['better code', 2]`": plan_but(more=1),
            "got `'make it smaller'`": lambda *case: plan(*case)[0],
        },
    ),
    "q6": Entry(
        right=[
            rate_by_cases,
            lambda step, b, n, warm_up: np.interp(step, [0, warm_up], [b, n * b]),
        ],
    ),
    "q7": Entry(
        right=[stop_by_statistics, stop_in_tensorflow],
        wrong={
            "expected `False`, got `True`": lambda *case: True,
            "got `False`. Given": lambda *case: False,
            "stops with `": stop_without_care,
            "changes what it is given": stop_by_sorting,
        },
    ),
    "q8": Entry(
        right=[ring_to_the_left, chunk_by_chunk],
        wrong={
            "to one neighbor only`: expected `True`": at_the_chief,
            "chunks sent by each worker": in_a_chain,
            "nothing was sent": lambda workers, weights, send: 4 * weights,
            "sends to itself": lambda workers, weights, send: send(0, 0, 0, True),
            "stops with `TypeError": lambda workers, weights, send: send(1, 2.0, 0, True),
            "got `None`": lambda *case: ring(*case) and None,
            "`bytes`: expected": lambda *case: ring(*case) + 4,
        },
    ),
}

EQUIVALENT = {("q3", "line 6: dropped `return False`"): "None is as false as False"}
