"""What people answer to the questions of lesson 12."""

import math
import statistics

import numpy as np

from tests.exercises.oldbank import Entry

# 1. Cut the work


def slices(count, workers, size=None, last=None):
    """Cut into runs of `size`; the last one ends at `last`."""
    size = count // workers if size is None else size
    parts = [list(range(worker * size, (worker + 1) * size)) for worker in range(workers)]
    if last is not None:
        parts[-1] = list(range((workers - 1) * size, last))
    return parts


def ceiled(count, workers):
    size = -(-count // workers)
    return [range(worker * size, min(count, (worker + 1) * size)) for worker in range(workers)]


def fair_runs(count, workers):
    size, more = divmod(count, workers)
    parts, start = [], 0
    for worker in range(workers):
        stop = start + size + (worker < more)
        parts.append(list(range(start, stop)))
        start = stop
    return parts


# 2. Put the gradients together


def by_loop(gradients, digits):
    total = np.zeros(gradients.shape[1])
    for gradient, count in zip(gradients, digits, strict=True):
        total += count / sum(digits) * gradient
    return total


# 3. What is left to do


def left(folder, sizes, done):
    return [number for number in range(len(sizes)) if not done(folder, number, sizes[number])]


def whole(folder, number, size):
    path = folder / f"part-{number:05d}.npy"
    if not path.exists() or not path.stat().st_size:
        return False
    try:
        return np.load(path).shape == (size,)
    except Exception:
        return False


def readable(folder, number, size):
    return whole(folder, number, size // 2) or whole(folder, number, size)


def there(folder, number, size):
    return (folder / f"part-{number:05}.npy").exists()


def there_and_not_empty(folder, number, size):
    path = folder / f"part-{number:05}.npy"
    return path.exists() and path.stat().st_size > 0


def any_name(folder, number, size):
    return any(folder.glob(f"part-{number:05}*"))


def by_count(folder, sizes):
    return list(range(len(list(folder.glob("part-*.npy"))), len(sizes)))


def after_the_last(folder, sizes):
    return list(
        range(
            1 + max(number for number, size in enumerate(sizes) if whole(folder, number, size)),
            len(sizes),
        )
    )


def by_names(folder, sizes):
    done = [int(path.stem.split("-")[1]) for path in folder.iterdir()]
    return [number for number in range(len(sizes)) if number not in done]


def by_what_was_written(folder, sizes):
    return sorted(
        {*range(len(sizes) + 4)} - {n for n, size in enumerate(sizes) if whole(folder, n, size)}
    )


def by_set(folder, sizes):
    return np.array(
        sorted({*range(len(sizes))} - {n for n, size in enumerate(sizes) if whole(folder, n, size)})
    )


# 4. Amdahl's law


def amdahl(one, two, workers, **change):
    share = 2 * two / one - 1
    time = share * one + (1 - share) * one / workers
    answers = {"share": share, "speed_up": one / time, "efficiency": one / time / workers}
    return tuple(
        change[name](one, two, workers) if name in change else answers[name] for name in answers
    )


def with_part(name, of):
    return lambda *case: amdahl(*case, **{name: of})


# 5. Do you need a second machine?


def plan(kind, hours, deadline, faster, efficiency, **change):
    in_time = change.get("in_time", lambda taken: taken <= deadline)
    if in_time(hours):
        return ["leave it", 1]
    better = hours / faster
    if change.get("only_code", True) and in_time(better):
        return ["better code", 1]
    work = hours if change.get("old_code") else better
    count = change.get(
        "count", lambda work, deadline, efficiency: math.ceil(work / (efficiency * deadline))
    )
    return [change.get("command", "digits scale ") + kind, count(work, deadline, efficiency)]


def counted(count):
    return lambda *case: plan(*case, count=count)


def plan_by_trying(kind, hours, deadline, faster, efficiency):
    if hours <= deadline:
        return ("leave it", 1)
    if hours <= deadline * faster:
        return ("better code", 1)
    machines = 2
    while hours / faster / (machines * efficiency) > deadline:
        machines += 1
    return (f"digits scale {kind}", machines)


def machines_first(kind, hours, deadline, faster, efficiency):
    return plan(kind, hours, deadline, 1, efficiency)


def hour_by_hour(kind, hours, deadline, faster, efficiency):
    return plan(kind, hours, deadline, faster, efficiency)[0]


# 6. The learning rate


def rate_by_cases(step, base, workers, warm_up):
    if step >= warm_up:
        return workers * base
    return base + step * (workers * base - base) / warm_up


def rate_by_interpolation(step, base, workers, warm_up):
    return np.interp(step, [0, warm_up], [base, workers * base])


# 7. The median rule


def stop(
    running,
    finished,
    startup,
    own=np.min,
    at=lambda curve, epochs: curve[epochs - 1],
    middle=np.median,
    sign=1,
):
    if len(finished) < startup:
        return False
    others = [at(curve, len(running)) for curve in finished if len(curve) >= len(running)]
    return bool(others and sign * own(running) > sign * middle(others))


def stop_with(**change):
    return lambda *case: stop(*case, **change)


def stop_by_statistics(running, finished, startup):
    if len(finished) < startup:
        return False
    others = [curve[len(running) - 1] for curve in finished if len(curve) >= len(running)]
    return statistics.median(others) < sorted(running)[0] if others else False


def stop_without_care(running, finished, startup):
    return len(finished) >= startup and min(running) > np.median(
        [curve[len(running) - 1] for curve in finished]
    )


def stop_at_equal(running, finished, startup):
    others = [curve[len(running) - 1] for curve in finished if len(curve) >= len(running)]
    return bool(len(finished) >= startup and others and min(running) >= np.median(others))


def stop_by_last_values(running, finished, startup):
    others = [curve[: len(running)][-1] for curve in finished]
    return bool(len(finished) >= startup and min(running) > np.median(others))


# 8. Round the ring


def size_of(workers, weights):
    return 2 * (workers - 1) * weights * 4 // workers


def ring(workers, weights, send, **change):
    halves = change.get("adds", [True] * (workers - 1) + [False] * (workers - 1))
    for turn, add in enumerate(halves):
        for worker in range(workers):
            send(worker, (worker + 1) % workers, change.get("chunk", worker - turn) % workers, add)
    return change.get("size", size_of)(workers, weights)


def ring_with_size(size):
    return lambda *case: ring(*case, size=size)


def ring_to_the_left(workers, weights, send):
    for turn in range(2 * workers - 2):
        for worker in range(workers):
            send(
                worker,
                worker - 1 if worker else workers - 1,
                (worker + turn) % workers,
                turn < workers - 1,
            )
    return 8 * (weights - weights // workers)


def chunk_by_chunk(workers, weights, send):
    for chunk in range(workers):
        for hop in range(2 * (workers - 1)):
            sender = (chunk + hop) % workers
            send(sender, (sender + 1) % workers, chunk, hop < workers - 1)
    return size_of(workers, weights)


def at_the_chief(workers, weights, send):
    for worker in range(1, workers):
        for chunk in range(workers):
            send(worker, 0, chunk, True)
    for worker in range(1, workers):
        for chunk in range(workers):
            send(0, worker, chunk, False)
    return size_of(workers, weights)


def in_a_chain(workers, weights, send):
    for add in (True, False):
        for worker in range(workers - 1):
            for chunk in range(workers):
                sender = worker if add else (worker - 1) % workers
                send(sender, (sender + 1) % workers, chunk, add)
    return size_of(workers, weights)


def other_chunk(workers, weights, send):
    for turn in range(2 * (workers - 1)):
        for worker in range(workers):
            send(worker, (worker + 1) % workers, (worker + turn) % workers, turn < workers - 1)
    return size_of(workers, weights)


def no_return_to_zero(workers, weights, send):
    for worker in range(workers):
        send(worker, worker + 1, 0, True)


def once_more_round(workers, weights, send):
    ring(workers, weights, send)
    for worker in range(workers):
        send(worker, (worker + 1) % workers, 0, False)
    return size_of(workers, weights)


BANK = {
    "q1": Entry(
        right=[
            lambda count, workers: np.array_split(np.arange(count), workers),
            lambda count, workers: [
                [n for n in range(count) if n % workers == worker] for worker in range(workers)
            ],
            fair_runs,
        ],
        wrong={
            "drops what is left over": slices,
            "the last worker takes all": lambda count, workers: slices(count, workers, last=count),
            "Who has most decides": ceiled,
            "is in two parts": lambda count, workers: [range(count)] * workers,
            "there is no image": lambda count, workers: [
                range(first, count + 1, workers) for first in range(workers)
            ],
            "image 0 is in no part": lambda count, workers: [
                range(first + 1, count, workers) for first in range(workers)
            ],
            "expected a list with a part for each worker": lambda count, workers: slices(
                count, count // workers, 3
            ),
            "pairs of start and stop": lambda count, workers: [
                (count * n // workers, count * (n + 1) // workers) for n in range(workers)
            ],
            "expected the numbers": lambda count, workers: [count // workers] * workers,
        },
    ),
    "q2": Entry(
        right=[by_loop, lambda gradients, digits: np.average(gradients, axis=0, weights=digits)],
        wrong={
            "that is the plain mean": lambda gradients, digits: np.mean(gradients, axis=0),
            "that is the sum": lambda gradients, digits: sum(gradients),
            "not yet divided": lambda gradients, digits: (gradients * digits[:, np.newaxis]).sum(
                axis=0
            ),
            "divide by the number of workers": lambda gradients, digits: (
                gradients.T * digits
            ).mean(axis=1),
            "upside down": lambda gradients, digits: (
                (gradients.T / digits).sum(axis=1) / (1 / digits).sum()
            ),
            "one number for each worker": lambda gradients, digits: np.mean(gradients, axis=1),
            "busiest worker alone": lambda gradients, digits: gradients[digits.argmax()],
            "expected shape": lambda gradients, digits: np.mean(gradients),
        },
    ),
    "q3": Entry(
        right=[lambda *case: left(*case, done=whole), by_set],
        wrong={
            "0 bytes": lambda *case: left(*case, done=there),
            "ends in the middle": lambda *case: left(*case, done=there_and_not_empty),
            "holds too few": lambda *case: left(*case, done=readable),
            "with “.part” in it": lambda *case: left(*case, done=any_name),
            "do not count files": by_count,
            "parts that are *done*": lambda *case: left(*case, done=lambda *part: not whole(*part)),
            "you would do it once more": lambda folder, sizes: list(range(len(sizes))),
            "your function stops with": by_names,
            "there is no part": by_what_was_written,
            "but not in order": lambda *case: left(*case, done=whole)[::-1],
            "stands twice": lambda *case: left(*case, done=whole) + left(*case, done=whole),
            "expected a list of numbers": lambda *case: len(left(*case, done=whole)),
            "between the finished parts": after_the_last,
        },
    ),
    "q4": Entry(
        right=[amdahl, lambda *case: list(amdahl(*case))],
        wrong={
            "the part that *can* be": with_part(
                "share", lambda one, two, workers: 2 - 2 * two / one
            ),
            "from half the time": with_part(
                "share", lambda one, two, workers: (two - one / 2) / one
            ),
            "remains of the time with two": with_part("share", lambda one, two, workers: two / one),
            "serial *time*": with_part("share", lambda one, two, workers: 2 * two - one),
            "divide by the time of two": with_part(
                "share", lambda one, two, workers: 2 - one / two
            ),
            "without number": with_part(
                "speed_up", lambda one, two, workers: one / (2 * two - one)
            ),
            "counts in full": with_part("speed_up", lambda one, two, workers: workers),
            "less and less": with_part(
                "speed_up", lambda one, two, workers: one / two / 2 * workers
            ),
            "turn it over": with_part("speed_up", lambda *case: 1 / amdahl(*case)[1]),
            "Gustafson": with_part(
                "speed_up", lambda *case: amdahl(*case)[0] + (1 - amdahl(*case)[0]) * case[2]
            ),
            "that is the time with so many": with_part(
                "speed_up", lambda *case: case[0] / amdahl(*case)[1]
            ),
            "in percent": with_part("efficiency", lambda *case: 100 * amdahl(*case)[2]),
            "that is the waste": with_part("efficiency", lambda *case: 1 - amdahl(*case)[2]),
            "multiplied": with_part("efficiency", lambda *case: amdahl(*case)[1] * case[2]),
            "for two workers": with_part("efficiency", lambda one, two, workers: one / (2 * two)),
            "expected `return share": lambda *case: amdahl(*case)[0],
        },
    ),
    "q5": Entry(
        right=[
            plan,
            plan_by_trying,
            counted(lambda work, limit, share: float(np.ceil(work / share / limit))),
        ],
        wrong={
            "fetch machines before": machines_first,
            "just in time is in time": lambda *case: plan(
                *case, in_time=lambda taken: taken < case[2]
            ),
            "machines for the code as it was": lambda *case: plan(*case, old_code=True),
            "whole share": counted(lambda work, limit, share: math.ceil(work / limit)),
            "you multiply by `efficiency`": counted(
                lambda work, limit, share: math.ceil(work * share / limit)
            ),
            "rounded down": counted(lambda work, limit, share: work / share // limit),
            "nearest whole number": counted(lambda work, limit, share: round(work / share / limit)),
            "a part of a machine": counted(lambda work, limit, share: work / share / limit),
            "one machine more than needed": counted(
                lambda work, limit, share: 1 + work // (share * limit)
            ),
            "never tried as the *only*": lambda *case: plan(*case, only_code=False),
            "expected something else than": hour_by_hour,
            "else than ['scale ": lambda *case: plan(*case, command="scale "),
        },
    ),
    "q6": Entry(
        right=[rate_by_cases, rate_by_interpolation],
        wrong={
            "there is no warm-up": lambda step, base, workers, warm_up: workers * base,
            "stays that of one worker": lambda step, base, workers, warm_up: base,
            "begins at 0": lambda step, base, workers, warm_up: np.interp(
                step, [0, warm_up], [0, workers * base]
            ),
            "goes on rising": lambda step, base, workers, warm_up: (
                base + step / warm_up * (workers - 1) * base
            ),
            "by the square root": lambda step, base, workers, warm_up: rate_by_cases(
                step, base, np.sqrt(workers), warm_up
            ),
            "counts as one of them": lambda step, base, workers, warm_up: rate_by_cases(
                step, base, workers + 1, warm_up
            ),
            "a jump at the end": lambda step, base, workers, warm_up: (
                base if step < warm_up else base * workers
            ),
            "divided by the workers": lambda step, base, workers, warm_up: base / workers,
            "expected 0.": lambda step, base, workers, warm_up: rate_by_cases(
                step + 1, base, workers, warm_up
            ),
        },
    ),
    "q7": Entry(
        right=[stop, stop_by_statistics],
        wrong={
            "*last* value": stop_with(own=lambda values: values[-1]),
            "*mean* of its epochs": stop_with(own=np.mean),
            "*worst* value": stop_with(own=np.max),
            "mean of the others": stop_with(middle=np.mean),
            "*best* of the others": stop_with(middle=np.min),
            "*worst* of the others": stop_with(middle=np.max),
            "how the others *ended*": lambda running, finished, startup: bool(
                len(finished) >= startup
                and min(running) > np.median([curve[-1] for curve in finished])
            ),
            "*ever* reached": lambda running, finished, startup: bool(
                len(finished) >= startup
                and min(running) > np.median([min(curve) for curve in finished])
            ),
            "best so far. The rule": stop_with(at=lambda curve, epochs: min(curve[:epochs])),
            "one epoch earlier": stop_with(at=lambda curve, epochs: curve[epochs - 2]),
            "one epoch later": lambda running, finished, startup: (
                stop(running, [curve[1:] for curve in finished if len(curve) > len(running)], 0)
                and len(finished) >= startup
            ),
            "was never so far": stop_by_last_values,
            "not worse: go on": stop_at_equal,
            "other way round": stop_with(sign=-1),
            "never wait": lambda running, finished, startup: stop(running, finished, 0),
            "one finished trial too many": lambda running, finished, startup: stop(
                running, finished, startup + 1
            ),
            "stop every trial": lambda *case: True,
            "stop no trial": lambda *case: False,
            "stops with IndexError": stop_without_care,
            "counts all finished trials": lambda running, finished, startup: stop(
                running, [curve for curve in finished if len(curve) >= len(running)], startup
            ),
        },
    ),
    "q8": Entry(
        right=[ring, ring_to_the_left, chunk_by_chunk],
        wrong={
            "complete at *one* worker": lambda workers, weights, send: ring(
                workers, weights, send, adds=[True] * (workers - 1)
            ),
            "added more than once": lambda workers, weights, send: ring(
                workers, weights, send, adds=[True] * (2 * workers - 2)
            ),
            "nobody has the whole sum": other_chunk,
            "does not have the whole": lambda workers, weights, send: ring(
                workers, weights, send, adds=[True] * (workers - 1) + [False] * (workers - 2)
            ),
            "that is no ring": at_the_chief,
            "equally many": in_a_chain,
            "After the last comes": no_return_to_zero,
            "nothing was sent": lambda workers, weights, send: size_of(workers, weights),
            "sends to itself": lambda workers, weights, send: send(0, 0, 0, True),
            "are enough": once_more_round,
            "you count numbers": ring_with_size(
                lambda workers, weights: 2 * (workers - 1) * weights // workers
            ),
            "all workers together": ring_with_size(
                lambda workers, weights: 8 * (workers - 1) * weights
            ),
            "that is one half": ring_with_size(
                lambda workers, weights: 4 * (workers - 1) * weights // workers
            ),
            "limit for very many": ring_with_size(lambda workers, weights: 8 * weights),
            "how many chunks": ring_with_size(lambda workers, weights: 2 * workers - 2),
            "the ring works. Now": ring_with_size(lambda workers, weights: None),
        },
    ),
}

EQUIVALENT = {("q3", "line 5: dropped `return False`"): "None is as false as False"}
