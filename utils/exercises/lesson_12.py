"""Questions on lesson 12: scale out."""

import math
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from utils.exercises.checks import (
    behaves_like,
    call,
    compare,
    describe,
    equal,
    in_turn,
    need_a_function,
    parts,
)
from utils.exercises.core import Question, Wrong, in_words

LESSON = "12"
CHOOSE = "find out whether a job needs a second machine at all, and what to run there"
CUT = "cut work into parts without overlap and without loss"
RESUME = "go on with a job that was interrupted, and trust nothing half-written"
LIMIT = "compute speed-up and efficiency, and say by Amdahl's law where they end"
PRUNE = "stop hopeless trials early by the median rule"
GRADIENTS = "put the gradients of several workers together so that the network stays the same"
RING = "pass an all-reduce round a ring, and count what it sends"
RATE = "choose the learning rate for more workers by the linear scaling rule"


# 1. Cut the work


def _numbers_of(part, place: int) -> list[int]:
    try:
        numbers = [int(number) for number in part]
    except (TypeError, ValueError):
        raise Wrong(
            f"expected the numbers of the images of worker {place}, got {describe(part)}."
        ) from None
    return numbers


def _examine_parts(function):
    rng = np.random.default_rng()
    for count, workers in (
        (int(rng.integers(40, 60)) * 3, 3),
        (23, 4),
        (int(rng.integers(50, 60)) * 7 + 1, 7),
        (3, 5),
    ):
        parts = call(function, count, workers)
        given = f"{count} images, {workers} workers"
        if parts is None:
            raise Wrong("there is no answer, only None: is a `return` missing?")
        if isinstance(parts, list) and all(
            isinstance(part, tuple) and len(part) == 2 for part in parts
        ):
            raise Wrong(
                "are these pairs of start and stop? Give the numbers themselves: `range(start, stop)`."
            )
        if not isinstance(parts, list | tuple | np.ndarray) or len(parts) != workers:
            raise Wrong(
                f"expected a list with a part for each worker, got {describe(parts)} ({given})."
            )
        _examine_cover([_numbers_of(part, place) for place, part in enumerate(parts)], count, given)


def _examine_cover(parts, count, given):
    chosen = [number for part in parts for number in part]
    strange = [number for number in chosen if not 0 <= number < count]
    if strange:
        raise Wrong(
            f"there is no image {strange[0]}: they are numbered from 0 to {count - 1} ({given})."
        )
    twice = [number for number in range(count) if chosen.count(number) > 1]
    if twice:
        raise Wrong(
            f"image {twice[0]} is in two parts, so it would be read twice and counted twice ({given})."
        )
    lost = [number for number in range(count) if number not in chosen]
    if lost and lost[-1] == count - 1 and lost[0] == count - len(lost):
        raise Wrong(
            f"the last {len(lost)} images are in no part ({given}). `//` drops what is left over."
        )
    if lost:
        raise Wrong(f"image {lost[0]} is in no part: nobody will ever read it ({given}).")
    sizes = [len(part) for part in parts]
    if max(sizes) - min(sizes) > 1 and sizes[-1] == max(sizes):
        raise Wrong(
            f"the last worker takes all that is left over, {sizes[-1]} images, the others {sizes[0]} ({given}). All "
            "wait for it: the sizes may differ by one at most."
        )
    if max(sizes) - min(sizes) > 1:
        raise Wrong(
            f"one worker gets {max(sizes)} images and another {min(sizes)} ({given}). Who has most decides when all is "
            "done: the sizes may differ by one at most."
        )


q1 = Question(
    LESSON,
    "q1",
    CUT,
    _examine_parts,
    hints=(
        "The numbers are `np.arange(count)`. Think of dealing cards: one to each, round and round.",
        "`range(start, stop, step)` deals: worker 0 takes 0, 4, 8, …, worker 1 takes 1, 5, 9, …",
        "Or look up `np.array_split`, which NumPy has for just that.",
    ),
)


# 2. Put the gradients together


def _case_of_gradients(rng):
    workers = int(rng.integers(3, 6))
    digits = rng.permutation([int(rng.integers(1, 6)), *rng.integers(20, 100, size=workers - 1)])
    return rng.normal(size=(workers, 6)), digits


q2 = Question(
    LESSON,
    "q2",
    GRADIENTS,
    behaves_like(
        lambda gradients, digits: np.average(gradients, axis=0, weights=digits),
        _case_of_gradients,
        {
            "that is the plain mean. A worker that saw three digits would count as much as one that saw ninety: weigh "
            "each gradient by its digits.": lambda gradients, digits: gradients.mean(axis=0),
            "that is the sum of the gradients. Each is a mean already, so the step would grow with the number of "
            "workers.": lambda gradients, digits: gradients.sum(axis=0),
            "weighed rightly, but not yet divided: by how many digits were there in the whole batch?": (
                lambda gradients, digits: digits @ gradients
            ),
            "you divide by the number of workers. The weights are digits, so divide by the sum of the digits.": (
                lambda gradients, digits: digits @ gradients / len(digits)
            ),
            "the weights are upside down: a worker that saw *few* digits counts most.": (
                lambda gradients, digits: np.average(gradients, axis=0, weights=1 / digits)
            ),
            "that is one number for each worker. Average over the workers, axis 0: a number for each weight remains.": (
                lambda gradients, digits: gradients.mean(axis=1)
            ),
            "you take the gradient of the busiest worker alone. The work of the others is thrown away.": (
                lambda gradients, digits: gradients[np.argmax(digits)]
            ),
        },
    ),
    hints=(
        "Multiply each gradient by its digits, and it is a *sum* over digits again. Sums may be added.",
        "`digits @ gradients` adds them up, each weighed by its digits. What is left is one division.",
        "`np.average` takes `axis` and `weights`, and divides by the sum of the weights itself.",
    ),
)


# 3. What is left to do


def _write_parts(folder: Path, sizes, rng):
    """Write a folder as a job leaves it that was killed, and return what became of each part."""
    fates = ["whole", "whole", "missing", "missing", "missing", "beside", "short", "empty", "cut"]
    fates = dict(
        enumerate([*rng.permutation(fates), "whole"])
    )  # workers were at work at several places at once
    for number, fate in fates.items():
        path = folder / f"part-{number:05}.npy"
        answers = rng.integers(0, 10, size=sizes[number])
        if fate in ("whole", "cut", "short"):
            np.save(path, answers[: len(answers) // 2] if fate == "short" else answers)
        if fate == "cut":
            path.write_bytes(path.read_bytes()[:-9])
        if fate == "empty":
            path.touch()
        if fate == "beside":
            np.save(folder / f"part-{number:05}.4711.part.npy", answers)
    (folder / "notes.txt").write_text("started on Monday")
    np.save(
        folder / f"part-{len(sizes) + 3:05}.npy", answers
    )  # of another job, which had more parts
    return fates


TRUSTED = {  # what must not pass for done, and what to say to who takes it for done
    "beside": "it has another name, with “.part” in it: it was still being written. Only the right name counts.",
    "empty": "its file has 0 bytes: the disk was full. A name alone is no proof, so read the file.",
    "cut": "its file ends in the middle, and NumPy cannot read it. A name alone is no proof, so read the file.",
    "short": "its file can be read, but holds too few answers. Compare with `sizes`.",
}


def _examine_left(function):
    need_a_function(function)
    rng = np.random.default_rng()
    for _ in range(3):
        sizes = [int(size) for size in rng.integers(20, 30, size=10)]
        with tempfile.TemporaryDirectory() as name:
            fates = _write_parts(Path(name), sizes, rng)
            answer = call(partial(function, Path(name)), sizes)
        _judge_left(answer, fates)


def _judge_left(answer, fates):
    if answer is None:
        raise Wrong("there is no answer, only None: is a `return` missing?")
    try:
        left = [int(number) for number in answer]
    except (TypeError, ValueError):
        raise Wrong(f"expected a list of numbers, got {describe(answer)}.") from None
    wanted = [number for number, fate in fates.items() if fate != "whole"]
    if sorted(left) == [number for number, fate in fates.items() if fate == "whole"]:
        raise Wrong("these are the parts that are *done*. Which are left?")
    if any(number not in fates for number in left):
        raise Wrong(f"there is no part {max(left)}: `sizes` has parts 0 to {len(fates) - 1}.")
    for number, fate in fates.items():
        if fate == "missing" and number not in left:
            raise Wrong(
                f"part {number} has no file, and you leave it out. Several workers were at work, so there are gaps "
                "between the finished parts: do not count files, look for each."
            )
    for fate, reason in TRUSTED.items():
        trusted = [
            number for number, found in fates.items() if found == fate and number not in left
        ]
        if trusted:
            raise Wrong(f"you take part {trusted[0]} for done, but {reason}")
    if len(left) > len(set(left)):
        raise Wrong("a part stands twice in your list: it would be read twice.")
    if set(left) - set(wanted):
        raise Wrong(f"part {min(set(left) - set(wanted))} is whole, and you would do it once more.")
    if left != wanted:
        raise Wrong(f"the right parts, but not in order: {left}.")


q3 = Question(
    LESSON,
    "q3",
    RESUME,
    _examine_left,
    hints=(
        "Go through the numbers `range(len(sizes))`, and ask for each: is it done? Other files never matter.",
        "Done means: `np.load` reads the file, and finds `sizes[number]` entries. Make that a function of its own.",
        "`np.load` raises OSError without a file, EOFError where it is empty, ValueError where it is cut off. Then the "
        "part is not done: return False.",
    ),
)


# 4. Amdahl's law


def _case_of_times(rng):
    share, one = rng.uniform(0.02, 0.4), rng.uniform(20, 200)
    return one, one * (share + (1 - share) / 2), int(rng.integers(4, 40))


def _share(one, two, workers=None):
    return 2 * two / one - 1


def _speed_up(one, two, workers):
    return 1 / (_share(one, two) + (1 - _share(one, two)) / workers)


def _efficiency(one, two, workers):
    return _speed_up(one, two, workers) / workers


AMDAHL_SLIPS = {  # by the part of the answer
    "share": {
        "share: that is the part that *can* be shared out. The serial share is the rest.": lambda *case: (
            1 - _share(*case)
        ),
        "share: that is how far two workers are from half the time. Of the whole job, twice as much is serial.": (
            lambda one, two, workers: two / one - 0.5
        ),
        "share: that is what remains of the time with two workers. Half of what can be shared is still in it.": (
            lambda one, two, workers: two / one
        ),
        "share: that is the serial *time*, in seconds. Divide by the time of one worker.": (
            lambda one, two, workers: 2 * two - one
        ),
        "share: you divide by the time of two workers. A share is a part of the whole job, as one worker does it.": (
            lambda one, two, workers: (2 * two - one) / two
        ),
    },
    "speed_up": {
        "speed_up: that is the end of the line, with workers without number. Here they are counted.": (
            lambda one, two, workers: 1 / _share(one, two)
        ),
        "speed_up: every worker counts in full. But the serial share gets no faster.": lambda one, two, workers: (
            workers
        ),
        "speed_up: two workers bring that much. With more it does not grow in proportion, it grows less and less.": (
            lambda one, two, workers: one / two * workers / 2
        ),
        "speed_up: that is what remains of the time. The speed-up is how many times faster: turn it over.": (
            lambda *case: 1 / _speed_up(*case)
        ),
        "speed_up: that is Gustafson's question, a job that grows with the workers. Here it stays as it is.": (
            lambda one, two, workers: workers - _share(one, two) * (workers - 1)
        ),
        "speed_up: that is the time with so many workers, in seconds. How many times faster is it?": (
            lambda one, two, workers: one / _speed_up(one, two, workers)
        ),
    },
    "efficiency": {
        "efficiency: in percent. Give a share, from 0 to 1.": lambda *case: (
            100 * _efficiency(*case)
        ),
        "efficiency: that is the waste. Efficiency is what is *used* of the workers.": lambda *case: (
            1 - _efficiency(*case)
        ),
        "efficiency: multiplied. With 4 workers and a speed-up of 3, three quarters of them are used.": (
            lambda *case: _speed_up(*case) * case[2]
        ),
        "efficiency: that is for two workers, whose times you know. It is asked for `workers`.": (
            lambda one, two, workers: one / two / 2
        ),
    },
}


q4 = Question(
    LESSON,
    "q4",
    LIMIT,
    parts(
        "share, speed_up, efficiency",
        *(
            behaves_like(right, _case_of_times, AMDAHL_SLIPS[name], tolerance=1e-4)
            for name, right in {
                "share": _share,
                "speed_up": _speed_up,
                "efficiency": _efficiency,
            }.items()
        ),
    ),
    hints=(
        "Call the time of one worker 1, and the serial share s. Then two workers need s + (1 - s) / 2. Solve for s.",
        "s = 2 two / one - 1. With n workers the job takes s + (1 - s) / n, and the speed-up is 1 divided by that.",
        "Efficiency is the speed-up divided by the number of workers.",
    ),
)


# 5. Do you need a second machine?


def _plan(
    kind,
    hours,
    deadline,
    faster,
    efficiency,
    first=True,
    enough=lambda taken, limit: taken <= limit,
):
    if enough(hours, deadline):
        return "leave it", 1
    if first:
        hours = hours / faster
        if enough(hours, deadline):
            return "better code", 1
    return f"digits scale {kind}", math.ceil(hours / efficiency / deadline)


def _case_of_plan(situation):
    def case(rng):
        kind = str(rng.choice(["train", "sweep", "read"]))
        faster, efficiency = int(rng.integers(2, 6)) * 2, float(rng.choice([0.5, 0.75, 0.875]))
        deadline = 2.0 ** int(rng.integers(0, 4))
        machines = int(rng.integers(2, 9))
        hours = {
            "in time": deadline * rng.uniform(0.2, 0.9),
            "just in time": deadline,
            "code": deadline * faster * rng.uniform(0.6, 0.95),
            "code, just": deadline * faster,
            "machines, and a bit": deadline
            * faster
            * efficiency
            * 2
            * (machines + rng.uniform(0.05, 0.2)),
            "nearly machines": deadline
            * faster
            * efficiency
            * 2
            * (machines + rng.uniform(0.3, 0.45)),
            "machines": deadline * faster * efficiency * machines * 4,
        }[situation]
        return kind, float(hours), deadline, faster, efficiency

    return case


SITUATIONS = (
    "in time",
    "just in time",
    "code",
    "code, just",
    "machines",
    "machines, and a bit",
    "nearly machines",
)
PLANS = in_turn(*map(_case_of_plan, SITUATIONS))


def _with_machines(count):
    """Return the right plan, but with machines counted by `count(hours with better code, deadline, efficiency)`."""

    def plan(kind, hours, deadline, faster, efficiency):
        what, machines = _plan(kind, hours, deadline, faster, efficiency)
        return what, machines if machines == 1 else count(hours / faster, deadline, efficiency)

    return plan


q5 = Question(
    LESSON,
    "q5",
    CHOOSE,
    behaves_like(
        _plan,
        PLANS,
        {
            "you fetch machines before you mend the code. Better code is faster on *one* machine, without a network.": (
                lambda *case: _plan(*case, first=False)
            ),
            "just in time is in time: `<=`.": lambda *case: _plan(
                *case, enough=lambda taken, limit: taken < limit
            ),
            "you count machines for the code as it was. Mend it first, then share out what remains.": (
                lambda kind, hours, deadline, faster, efficiency: (
                    _plan(kind, hours, deadline, faster, efficiency)[0],
                    _plan(
                        kind, hours, deadline, faster, efficiency, first=hours <= deadline * faster
                    )[1],
                )
            ),
            "you count as if every machine did its whole share. With `efficiency` less than 1 more are needed.": (
                _with_machines(lambda hours, deadline, efficiency: math.ceil(hours / deadline))
            ),
            "you multiply by `efficiency`. Less efficient means *more* machines: divide.": (
                _with_machines(
                    lambda hours, deadline, efficiency: math.ceil(hours * efficiency / deadline)
                )
            ),
            "rounded down, it is not done in time: round up.": (
                _with_machines(
                    lambda hours, deadline, efficiency: int(hours / efficiency / deadline)
                )
            ),
            "rounded to the nearest whole number, it is sometimes not done in time: round up.": (
                _with_machines(
                    lambda hours, deadline, efficiency: round(hours / efficiency / deadline)
                )
            ),
            "there is no such thing as a part of a machine: round up.": (
                _with_machines(lambda hours, deadline, efficiency: hours / efficiency / deadline)
            ),
            "one machine more than needed, where it comes out even. `math.ceil` rounds up, and leaves 4.0 alone.": (
                _with_machines(
                    lambda hours, deadline, efficiency: int(hours / efficiency / deadline) + 1
                )
            ),
            "better code is never tried as the *only* change. Often it is enough.": (
                lambda kind, hours, deadline, faster, efficiency: (
                    ("leave it", 1)
                    if hours <= deadline
                    else (f"digits scale {kind}", math.ceil(hours / faster / efficiency / deadline))
                )
            ),
        },
        rounds=28,
    ),
    hints=(
        "Three cases, in this order: in time as it is, in time with better code, and else.",
        "With better code the job takes `hours / faster`. From there on, forget the old hours.",
        "n machines do the work of n * efficiency. How many bring it down to the deadline? `math.ceil` rounds up.",
    ),
)


# 6. The learning rate


def _case_of_rate(where):
    def case(rng):
        warm_up = int(rng.integers(10, 50))
        step = {
            "first": 0,
            "rising": int(rng.integers(1, warm_up)),
            "there": warm_up,
            "after": warm_up + int(rng.integers(1, 90)),
        }
        return step[where], float(rng.uniform(0.001, 0.1)), int(rng.integers(3, 17)), warm_up

    return case


def _rate(step, base, workers, warm_up):
    return base * (1 + (workers - 1) * min(1, step / warm_up))


q6 = Question(
    LESSON,
    "q6",
    RATE,
    behaves_like(
        _rate,
        in_turn(*map(_case_of_rate, ("first", "rising", "there", "after"))),
        {
            "there is no warm-up: the large rate comes at once, while the weights are still far from any good place.": (
                lambda step, base, workers, warm_up: base * workers
            ),
            "the rate stays that of one worker. The batch is as many times larger as there are workers, and so are "
            "the steps fewer.": lambda step, base, workers, warm_up: base,
            "the rate begins at 0, and the first step is lost. Begin at `base`, which is known to work.": (
                lambda step, base, workers, warm_up: base * workers * min(1, step / warm_up)
            ),
            "the rate goes on rising after the warm-up. At `workers` times `base` it stays.": (
                lambda step, base, workers, warm_up: base * (1 + (workers - 1) * step / warm_up)
            ),
            "by the square root. That is another rule; the *linear* one multiplies by the number of workers.": (
                lambda step, base, workers, warm_up: (
                    base * (1 + (np.sqrt(workers) - 1) * min(1, step / warm_up))
                )
            ),
            "after the warm-up the rate is `workers + 1` times as high: `base` itself counts as one of them.": (
                lambda step, base, workers, warm_up: base * (1 + workers * min(1, step / warm_up))
            ),
            "a jump at the end of the warm-up. Let the rate rise a little with every step.": (
                lambda step, base, workers, warm_up: base * (workers if step >= warm_up else 1)
            ),
            "divided by the workers. Each step stands for more digits now, and may be longer, not shorter.": (
                lambda step, base, workers, warm_up: base / workers
            ),
        },
        rounds=12,
    ),
    hints=(
        "How far is the warm-up? `step / warm_up`, and never more than 1: `min(1, …)`.",
        "From `base` to `workers * base` the rate rises by `(workers - 1) * base`.",
        "`base * (1 + (workers - 1) * done)`, where `done` goes from 0 to 1.",
    ),
)


# 7. The median rule


def _case_of_trials(situation):
    """Return a maker of a trial and of finished ones, in which one way of comparing goes wrong."""

    def case(rng):
        epochs, count = int(rng.integers(2, 5)), int(rng.integers(3, 7))
        finished = [_curve(rng, 6) for _ in range(count)]
        if situation == "some failed":
            finished[0] = [0.90625] * 6
        if situation == "a bad epoch of the others":
            for curve in finished:
                curve[epochs - 1] = 1.5 * min(curve[:epochs])
        now, before, later = (_middle(finished, epochs + shift) for shift in (0, -1, 1))
        if situation.startswith("some ended early"):
            finished += [[0.90625] * (epochs - 1) for _ in range(count)]
        if situation == "none came so far":
            finished = [curve[: epochs - 1] for curve in finished]
        best = {
            "usual": now * rng.uniform(0.6, 1.4),
            "a bad epoch": 0.9 * now,
            "a bad epoch of the others": (now + _median(_bests_so_far(finished, epochs))) / 2,
            "as good as the median": now,
            "some failed": (now + np.mean(_after(finished, epochs) or [0.5])) / 2,
            "one epoch earlier": (now + before) / 2,
            "one epoch later": (now + later) / 2,
            "behind all others": 1.2 * max(_after(finished, epochs) or [0.5]),
            "one good epoch": 0.6 * now,
            "steady": (now + min(_after(finished, epochs) or [0.5])) / 2,
        }.get(situation, 1.2 * now)
        running = [
            best * (1 if situation == "steady" else rng.uniform(1.05, 1.6)) for _ in range(epochs)
        ]
        if situation == "one good epoch":
            running = [1.1 * now] * epochs
        running[
            rng.integers(epochs - 1) if situation == "a bad epoch" else rng.integers(epochs)
        ] = best
        startup = int(rng.integers(1, 3))
        if situation.endswith("enough"):
            startup = len(finished) + (situation == "not enough")
        return np.array(running), [np.array(curve) for curve in finished], startup

    return case


SITUATIONS_OF_TRIALS = (
    "usual", "a bad epoch", "a bad epoch of the others", "as good as the median", "some failed", "one epoch earlier",
    "one epoch later", "not enough", "just enough", "some ended early", "some ended early, just enough",
    "none came so far", "behind all others", "steady", "one good epoch",
)  # fmt: skip


def _curve(rng, epochs):
    falling = rng.uniform(0.2, 0.9) * rng.uniform(0.6, 1.1) ** np.arange(epochs)
    values = (
        np.round(1024 * falling * rng.uniform(0.7, 1.3, size=epochs)) / 1024
    )  # so that medians are exact
    return [float(value) for value in values]


def _median(values):
    return float(np.median(values or [0.5]))


def _middle(finished, epochs):
    return _median(_after(finished, epochs))


def _after(finished, epochs):
    return [curve[epochs - 1] for curve in finished if len(curve) >= epochs]


def _hopeless(
    running, finished, startup, own=min, others=None, middle=np.median, worse=lambda a, b: a > b
):
    if len(finished) < startup:
        return False
    compared = _after(finished, len(running)) if others is None else others(finished, len(running))
    return bool(compared) and bool(worse(own(running), middle(compared)))


def _slip(**change):
    return lambda *case: _hopeless(*case, **change)


def _last(values):
    return values[-1]


def _ends(finished, epochs):
    return [curve[-1] for curve in finished]


def _bests(finished, epochs):
    return [min(curve) for curve in finished]


def _bests_so_far(finished, epochs):
    return [min(curve[:epochs]) for curve in finished if len(curve) >= epochs]


def _one_early(finished, epochs):
    return [curve[epochs - 2] for curve in finished if len(curve) >= epochs]


def _one_late(finished, epochs):
    return [curve[epochs] for curve in finished if len(curve) > epochs]


def _here_or_last(finished, epochs):
    return [curve[min(epochs, len(curve)) - 1] for curve in finished]


q7 = Question(
    LESSON,
    "q7",
    PRUNE,
    behaves_like(
        _hopeless,
        in_turn(*map(_case_of_trials, SITUATIONS_OF_TRIALS)),
        {
            "you compare the trial's *last* value. One bad epoch should not end it: take its best so far.": (
                _slip(own=_last)
            ),
            "you compare the *mean* of its epochs. Its beginning would be held against it for ever: take its best.": (
                _slip(own=np.mean)
            ),
            "you take the trial's *worst* value, `max`. These are error rates: small is good.": _slip(
                own=max
            ),
            "that is the mean of the others. One that failed altogether spoils it, the median does not mind.": (
                _slip(middle=np.mean)
            ),
            "you stop what is not better than the *best* of the others. Nearly everything would be stopped.": (
                _slip(middle=min)
            ),
            "you stop only what is worse than the *worst* of the others. Hardly anything would be stopped.": (
                _slip(middle=max)
            ),
            "you compare with how the others *ended*. They have had more epochs: compare after as many.": (
                _slip(others=_ends)
            ),
            "you compare with the best that the others *ever* reached. They have had more epochs: compare after as "
            "many.": _slip(others=_bests),
            "you compare with the others' best so far. The rule takes what they had after just so many epochs.": (
                _slip(others=_bests_so_far)
            ),
            "you compare with the others one epoch earlier. After 3 epochs the value is number 2, from 0.": (
                _slip(others=_one_early)
            ),
            "you compare with the others one epoch later. After 3 epochs the value is number 2, from 0.": (
                _slip(others=_one_late)
            ),
            "a curve that ended earlier is compared by its last value. It was never so far: leave it out.": (
                _slip(others=_here_or_last)
            ),
            "as good as the median is not worse: go on.": _slip(worse=lambda a, b: a >= b),
            "it is the other way round: you stop the good ones. These are error rates, small is good.": (
                _slip(worse=lambda a, b: a < b)
            ),
            "you never wait for `startup` trials. The median of one or two says nothing yet.": (
                lambda running, finished, startup: _hopeless(running, finished, 0)
            ),
            "you wait for one finished trial too many. With `startup` of them the rule begins.": (
                lambda running, finished, startup: _hopeless(running, finished, startup + 1)
            ),
            "`startup` counts all finished trials, also those that did not come so far.": (
                lambda running, finished, startup: (
                    len(_after(finished, len(running))) >= startup
                    and _hopeless(running, finished, 0)
                )
            ),
            "you stop every trial.": lambda *case: True,
            "you stop no trial at all.": lambda *case: False,
        },
        rounds=75,
    ),
    hints=(
        "Fewer finished trials than `startup`: False. And False, too, where none of them came so far.",
        "`epochs = len(running)`. The others had `curve[epochs - 1]` then, if `len(curve) >= epochs`.",
        "Stop if `min(running)` is larger than `np.median` of these.",
    ),
)


# 8. Round the ring


class _Ring:
    """Stand for workers with a gradient each, in as many chunks as there are workers, and note what is sent.

    `held[worker, chunk]` counts how often each worker's own numbers are in the sum that the worker has of that chunk.
    """

    def __init__(self, workers):
        self.workers, self.sent = workers, []
        self.held = np.repeat(np.eye(workers, dtype=int)[:, np.newaxis], workers, axis=1)

    def send(self, sender, receiver, chunk, add):
        names = {"sender": sender, "receiver": receiver, "chunk": chunk}
        for name, number in names.items():
            if not isinstance(number, int | np.integer) or not 0 <= number < self.workers:
                raise Wrong(
                    f"there is no {name} {number!r} among {self.workers}: they are numbered from 0. After the last "
                    "comes the first again, `% workers`."
                )
        if sender == receiver:
            raise Wrong(f"worker {sender} sends to itself.")
        self.sent.append((int(sender), int(receiver), int(chunk)))
        self.held[receiver, chunk] = self.held[sender, chunk] + (
            self.held[receiver, chunk] if add else 0
        )


def _examine_ring(function):
    rng = np.random.default_rng()
    for workers in (5, int(rng.integers(6, 9)), 3, 2):
        ring, weights = _Ring(workers), workers * int(rng.integers(100, 1000))
        answer = _run_ring(function, workers, weights, ring)
        _examine_sum(ring)
        _examine_traffic(ring)
        _examine_bytes(answer, workers, weights)


def _run_ring(function, workers, weights, ring):
    need_a_function(function)
    try:
        return function(workers, weights, ring.send)
    except Wrong:
        raise
    except Exception as error:
        raise Wrong(
            f"your function stops with {in_words(error)} when it gets {workers} workers."
        ) from error


def _examine_sum(ring):
    if not ring.sent:
        raise Wrong("nothing was sent: call `send(sender, receiver, chunk, add)`.")
    right = np.all(ring.held == 1, axis=2)
    if right.all():
        return
    if ring.held.max() > 1:
        raise Wrong(
            f"{ring.workers} workers: some numbers were added more than once. After `workers - 1` turns a chunk is "
            "complete; from then on it *replaces* what the next one has (`add=False`)."
        )
    if right.sum() == ring.workers and right.any(axis=0).all():
        raise Wrong(
            "each chunk is complete at *one* worker, and the others do not know it. That is the first half: now the "
            "complete chunks go once more round, and replace (`add=False`)."
        )
    if right.any(axis=0).all():
        worker, chunk = np.argwhere(~right)[0]
        raise Wrong(
            f"{ring.workers} workers: in the end worker {worker} does not have the whole sum of chunk {chunk}."
        )
    chunk = np.flatnonzero(~right.any(axis=0))[0]
    raise Wrong(
        f"{ring.workers} workers: nobody has the whole sum of chunk {chunk} in the end. In each turn a worker hands on "
        "the chunk that it got in the turn before, and the receiver adds (`add=True`)."
    )


def _examine_traffic(ring):
    steps = {(receiver - sender) % ring.workers for sender, receiver, _ in ring.sent}
    if len(steps) > 1 or steps - {1, ring.workers - 1}:
        raise Wrong(
            "the sum is right, but that is no ring: a worker sends to others than its neighbor on one side, and so "
            "some lines carry more than others."
        )
    counts = [sum(sender == worker for sender, _, _ in ring.sent) for worker in range(ring.workers)]
    if max(counts) != min(counts):
        raise Wrong(
            f"the sum is right, but the workers send {counts} chunks. In a ring all send equally many."
        )
    if counts[0] != 2 * (ring.workers - 1):
        raise Wrong(
            f"the sum is right, but each of {ring.workers} workers sends {counts[0]} chunks. Twice `workers - 1` are "
            "enough."
        )


def _bytes_of(workers, weights):
    return 2 * (workers - 1) * weights // workers * 4


BYTE_SLIPS = {
    "bytes: you count numbers. A float has 4 bytes.": lambda workers, weights: (
        _bytes_of(workers, weights) // 4
    ),
    "bytes: that is one half. Chunks go round twice, to be added and to be handed on.": lambda workers, weights: (
        _bytes_of(workers, weights) // 2
    ),
    "bytes: that is for all workers together, or as if each time a whole gradient were sent. What does *one* worker "
    "send, chunk by chunk?": lambda workers, weights: workers * _bytes_of(workers, weights),
    "bytes: twice the gradient is the limit for very many workers. With so few it is less.": lambda workers, weights: (
        2 * weights * 4
    ),
    "bytes: that is how many chunks. How many bytes has a chunk?": lambda workers, weights: (
        2 * (workers - 1)
    ),
}


def _examine_bytes(answer, workers, weights):
    if answer is None:
        raise Wrong("the ring works. Now `return` how many bytes each worker has sent.")
    right = _bytes_of(workers, weights)
    if not equal(answer, right):
        for sentence, slip in BYTE_SLIPS.items():
            if workers > 2 and equal(answer, slip(workers, weights)):
                raise Wrong(sentence)
        if workers > 2 or not any(
            equal(answer, slip(workers, weights)) for slip in BYTE_SLIPS.values()
        ):
            compare(answer, right, given=f"{workers} workers, {weights} weights")
        raise Wrong(
            f"expected {right} bytes, got {describe(answer)} ({workers} workers, {weights} weights)."
        )


q8 = Question(
    LESSON,
    "q8",
    RING,
    _examine_ring,
    hints=(
        "Two loops: `for turn in range(2 * (workers - 1)):`, and in it each worker sends one chunk to the next, "
        "`(worker + 1) % workers`.",
        "In turn 0 worker 3 sends chunk 3, then what it just got, chunk 2, then 1 …: `(worker - turn) % workers`.",
        "`add` is True in the first `workers - 1` turns. A chunk has `weights // workers` numbers of 4 bytes.",
    ),
)
