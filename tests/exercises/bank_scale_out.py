"""What people answer to the questions on scale_out."""

import math
import statistics

import numpy as np
import tensorflow as tf

from tests.exercises.bank import Entry


def fair_runs(count, workers):
    size, more = divmod(count, workers)
    parts, start = [], 0
    for worker in range(workers):
        stop = start + size + (worker < more)
        parts.append(list(range(start, stop)))
        start = stop
    return parts


def weighted_by_loop(gradients, digits):
    total = np.zeros(gradients.shape[1])
    for gradient, count in zip(gradients, digits, strict=True):
        total += count / sum(digits) * gradient
    return total


def left(folder, sizes, name="part-{:05d}.npy", same=lambda count, size: count == size):
    def is_whole(number, size):
        path = folder / name.format(number)
        try:
            return path.exists() and same(np.load(path).size, size)
        except Exception:
            return False

    return [number for number, size in enumerate(sizes) if not is_whole(number, size)]


def left_and_deleted(folder, sizes):
    out = []
    for number, size in enumerate(sizes):
        path = folder / f"part-{number:05}.npy"
        try:
            right = len(np.load(path)) == size
        except Exception:
            right = False
        if not right:
            out.append(number)
            path.unlink(missing_ok=True)
    return out


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


def left_beyond_the_sizes(folder, sizes):
    return left(folder, [*sizes, 4, 4, 4])


def amdahl_by_times(one, two, workers):
    serial = 2 * two - one
    time = serial + (one - serial) / workers
    return [serial / one, one / time, one / time / workers]


def two_mistakes(one, two, workers):
    share, speed_up, efficiency = amdahl_by_times(one, two, workers)
    return share, 2 * speed_up, efficiency / 3


def plan_by_trying(kind, hours, deadline, faster, efficiency):
    table = np.array(["leave it", "better code", "digits scale " + kind])  # strings of NumPy
    if hours <= deadline:
        return table[0], 1
    machines = 1
    while hours > deadline * faster * (1 if machines == 1 else machines * efficiency):
        machines += 1
    return table[1 + (machines > 1)], machines


def plan_in_floats(kind, hours, deadline, faster, efficiency):
    if hours <= deadline or hours / faster <= deadline:
        return ["leave it" if hours <= deadline else "better code", 1.0]
    return [f"digits scale {kind}", np.ceil(hours / (faster * efficiency * deadline))]


def plan_with(what=lambda kind: f"digits scale {kind}", code=1):
    def plan(kind, hours, deadline, faster, efficiency):
        if hours <= deadline:
            return "leave it", 1
        if hours / faster <= deadline:
            return "better code", code
        return what(kind), math.ceil(hours / faster / efficiency / deadline)

    return plan


def rate_by_cases(step, base, workers, warm_up):
    if step >= warm_up:
        return workers * base
    return base + step * (workers * base - base) / warm_up


def stop_by_statistics(running, finished, startup):
    if len(finished) < startup:
        return False
    others = [curve[len(running) - 1] for curve in finished if len(curve) >= len(running)]
    return statistics.median(others) < sorted(running)[0] if others else False


def stop_in_tensorflow(running, finished, startup):
    return tf.constant(bool(stop_by_statistics(running, finished, startup)))


def stop_without_care(running, finished, startup):
    return len(finished) >= startup and min(running) > np.median(
        [curve[len(running) - 1] for curve in finished]
    )


def stop_by_sorting(running, finished, startup):
    running.sort()
    return stop_by_statistics(running, finished, startup)


def stop_by_the_upper_middle(running, finished, startup):
    others = sorted(curve[len(running) - 1] for curve in finished if len(curve) >= len(running))
    enough = len(finished) >= startup and len(others) > 0
    return bool(enough and min(running) > others[len(others) // 2])


def size_of(workers, weights):
    return 2 * (workers - 1) * weights * 4 // workers


def ring(workers, weights, send):
    for turn in range(2 * (workers - 1)):
        for worker in range(workers):
            send(worker, (worker + 1) % workers, (worker - turn) % workers, turn < workers - 1)
    return size_of(workers, weights)


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
    return size_of(workers, weights)


def at_the_chief(workers, weights, send):
    for add in (True, False):
        for worker in range(1, workers):
            for chunk in range(workers):
                send(worker if add else 0, 0 if add else worker, chunk, add)
    return size_of(workers, weights)


def in_a_chain(workers, weights, send):
    for add in (True, False):
        for worker in range(workers - 1):
            for chunk in range(workers):
                sender = worker if add else (worker - 1) % workers
                send(sender, (sender + 1) % workers, chunk, add)
    return size_of(workers, weights)


BANK = {
    "q1": Entry(
        right=[lambda *both: np.array_split(np.arange(both[0]), both[1]), fair_runs],
        wrong={
            "`parts`: expected `5`": lambda count, workers: fair_runs(count, min(3, workers)),
            "each worker's images, got": lambda count, workers: [count // workers] * workers,
            "a part for each worker, got": lambda count, workers: count // workers,
            "`images that no worker reads`: expected": lambda count, workers: fair_runs(
                count - 2, workers
            ),
        },
    ),
    "q2": Entry(
        right=[weighted_by_loop, lambda g, digits: tf.constant(np.average(g, 0, digits))],
        wrong={"got a single number": lambda gradients, digits: np.mean(gradients)},
    ),
    "q3": Entry(
        right=[
            left,
            lambda *case: np.array(left(*case), dtype=int),
            lambda *case: iter(left(*case)),
        ],
        wrong={
            "That's the right name only up to part 9": lambda *case: left(
                *case, name="part-0000{}.npy"
            ),
            "files that you changed": left_and_deleted,
            "too many answers isn't done": lambda *case: left(*case, same=lambda a, b: a >= b),
            "stops with `EOFError": left_with_no_care_for_empty_files,
            "it stops with `": left_by_names,
            "`numbers that no part has`: expected": left_beyond_the_sizes,
            "`each number once`: expected": lambda *case: left(*case) * 2,
            "a list of the numbers of parts, got": lambda *case: len(left(*case)),
        },
    ),
    "q4": Entry(
        right=[amdahl_by_times, lambda *case: np.array(amdahl_by_times(*case))],
        wrong={
            "expected 3 things": lambda *case: amdahl_by_times(*case)[0],
            "`speed_up`: expected": two_mistakes,
            "ZeroDivisionError": lambda one, two, n: (2 * two / one - 1, one / (2 * two - one), 1),
        },
    ),
    "q5": Entry(
        right=[plan_by_trying, plan_in_floats],
        wrong={
            "got `['scale ": plan_with(what=lambda kind: f"scale {kind}"),
            "got `['digits scale read ": plan_with(what=lambda kind: f"digits scale {kind} "),
            "got `['better code', 2]`": plan_with(code=2),
            "got `'digits scale": lambda *case: plan_with()(*case)[0],
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
            "two in the middle": stop_by_the_upper_middle,
        },
    ),
    "q8": Entry(
        right=[ring, ring_to_the_left, chunk_by_chunk],
        wrong={
            "to one neighbor only`: expected `True`": at_the_chief,
            "chunks sent by each worker": in_a_chain,
            "nothing was sent": lambda workers, weights, send: size_of(workers, weights),
            "sends to itself": lambda workers, weights, send: send(0, 0, 0, True),
            "stops with `TypeError": lambda workers, weights, send: send(1, 2.0, 0, True),
            "got `None`": lambda *case: ring(*case) and None,
            "`bytes`: expected": lambda *case: ring(*case) + 4,
        },
    ),
}

EQUIVALENT = {("q3", "line 6: dropped `return False`"): "None is as false as False"}
