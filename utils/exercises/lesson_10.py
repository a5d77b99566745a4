"""Questions on lesson 10: deploy the CNN."""

import asyncio
import io
import re
import tempfile
from functools import cache
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from scipy.special import softmax

from utils import data
from utils.data import check_images
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
from utils.photos import to_mnist_form
from utils.prediction import DigitReader
from utils.preprocessing import SIDE, scale

LESSON = "10"
SAVE = "save a network, load it again, and prove that nothing was lost"
EXPORT = "export a network, and check its parity with the original"
QUANTIZE = "quantize weights by hand, and measure what 8 bits gain and what they cost"
TIME = "compare the latency of several runtimes fairly"
MISMATCH = "find a mismatch between the preprocessing of training and that of serving"
ENDPOINT = "write an endpoint that reads a picture, and refuses with a reason what is none"


# 1. Was anything lost?


class Network:
    """Stand for a network: weights, and nothing else."""

    def __init__(self, weights):
        self._weights = weights

    def get_weights(self):
        """Return a copy of each array."""
        return [array.copy() for array in self._weights]


def _one_weight_less(weights):
    weights[0].flat[0] = np.nextafter(weights[0].flat[0], np.float32(-9))
    return weights


def _other_last_array(weights):
    return [*weights[:-1], weights[-1] + 1]


def _two_exchanged(weights):
    return [*weights[:2], weights[3], weights[2], weights[4]]


DAMAGE = {  # what a file does to the weights, and what to say to who does not notice
    "only the layers": (
        lambda weights: [-array for array in weights],
        "a network with other weights passes. Do you compare the shapes alone, or `model` with itself?",
    ),
    "all but one array": (
        lambda weights: [weights[0], *(array + 1 for array in weights[1:-1]), weights[-1]],
        "a network passes of which *some* arrays are as before. *All* have to be.",
    ),
    "two arrays exchanged": (
        _two_exchanged,
        "two arrays of the same shape have changed places, and you do not notice. Compare each with its own partner, "
        "number by number, and not what they add up to.",
    ),
    "no last array": (
        lambda weights: weights[:-1],
        "the last array is missing, and you do not notice: `zip` ends with the shorter list, without a word.",
    ),
    "another last array": (
        _other_last_array,
        "only the last array differs, and you do not notice. Look at all of them.",
    ),
    "the next smaller float": (
        _one_weight_less,
        "one weight is off by its last bit, and you call that the same. `allclose` is right for answers. A file of "
        "floats holds floats: ask for equality.",
    ),
}


def _weights_of_a_network(rng):
    shapes = [(3, 3, 1, 4), (4,), (6, 6), (6, 6), (6,)]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def _say_of_file(function, weights, change):
    """Return what the learner's function says of a file that does `change` to the weights, and whether it loads."""
    files, loaded = {}, []

    def save(model, path):
        files[path] = change(model.get_weights())

    def load(path):
        if path not in files:
            raise FileNotFoundError(f"there is no file {path}: save first")
        loaded.append(path)
        return Network(files[path])

    answer = function(Network(weights), "reader.keras", save, load)
    return answer, loaded


def _examine_saving(function):
    need_a_function(function)
    weights = _weights_of_a_network(np.random.default_rng())
    changes = {"all that it was given": lambda weights: weights} | {
        name: how for name, (how, _) in DAMAGE.items()
    }
    answers = {
        name: call(
            lambda held, how=how: _say_of_file(function, weights, how), f"a file that holds {name}"
        )
        for name, how in changes.items()
    }
    if not all(loaded for _, loaded in answers.values()):
        raise Wrong("you never load. Only who loads what was saved can tell what the file holds.")
    answers = {name: answer for name, (answer, _) in answers.items()}
    for answer in answers.values():
        if not isinstance(answer, bool | np.bool_):
            raise Wrong(f"expected True or False, got {describe(answer)}.")
    intact = answers.pop("all that it was given")
    if not intact and any(answers.values()):
        raise Wrong("True and False are exchanged: True says that *nothing* was lost.")
    if not intact:
        raise Wrong(
            "nothing was lost, every weight is the same, and yet you say False. Do you compare objects (`is`)?"
        )
    for name, answer in answers.items():
        if answer:
            raise Wrong(DAMAGE[name][1])


q1 = Question(
    LESSON,
    "q1",
    SAVE,
    _examine_saving,
    hints=(
        "`save(model, path)`, then `again = load(path)`. Each of the two has a list of arrays, `get_weights()`.",
        "First see whether both lists are of the same length. Then go through both by `zip`.",
        "`np.array_equal(a, b)` compares two arrays to the last bit, and `all(…)` wants it of each pair.",
    ),
)


# 2. Parity


def _case_of_parity(sign):
    """Return a maker of answers whose largest gap is a rise and that err more (1), or a fall, and err less (-1)."""

    def case(rng):
        while True:
            logits = rng.normal(size=(40, 10), scale=2)
            labels = np.where(
                rng.uniform(size=40) < 0.8, logits.argmax(axis=1), rng.integers(0, 10, 40)
            )
            wanted, found = [
                softmax(logits + noise, axis=1) for noise in (0, rng.normal(size=(40, 10)))
            ][::sign]
            gaps = found - wanted
            kinds = [
                _lost(wanted, found, labels),
                _lost(found, wanted, labels),
                _both_wrong(wanted, found, labels),
            ]
            if (
                sign * (gaps.max() + gaps.min()) > 0.01
                and all(map(len, kinds))
                and sign * (len(kinds[0]) - len(kinds[1])) > 0
            ):
                return wanted, found, labels

    return case


PARITY = in_turn(*map(_case_of_parity, (1, -1)))


def _read(probabilities):
    return probabilities.argmax(axis=1)


def _lost(wanted, found, labels):
    return np.flatnonzero((_read(wanted) == labels) & (_read(found) != labels))


def _both_wrong(wanted, found, labels):
    """Return where both are wrong, each in its own way."""
    return np.flatnonzero(
        (_read(wanted) != labels) & (_read(found) != labels) & (_read(wanted) != _read(found))
    )


def _others(wanted, found, *_):
    return np.mean(_read(wanted) != _read(found))


def _more_errors(wanted, found, labels):
    return np.mean(_read(found) != labels) - np.mean(_read(wanted) != labels)


q2 = Question(
    LESSON,
    "q2",
    EXPORT,
    parts(
        "gap, others, lost",
        behaves_like(
            lambda wanted, found, labels: np.abs(found - wanted).max(),
            PARITY,
            {
                "gap: you look at rises only. A probability that *falls* is a gap as well: take its size.": (
                    lambda wanted, found, labels: (found - wanted).max()
                ),
                "gap: you look at falls only. A probability that *rises* is a gap as well: take its size.": (
                    lambda wanted, found, labels: (wanted - found).max()
                ),
                "gap: that is the mean. One digit that is read quite differently hides among many that are not.": (
                    lambda wanted, found, labels: np.abs(found - wanted).mean()
                ),
                "gap: you compare the two highest probabilities. They may belong to different digits, and be equal.": (
                    lambda wanted, found, labels: np.abs(
                        found.max(axis=1) - wanted.max(axis=1)
                    ).max()
                ),
                "gap: these are the largest gaps of each image. The largest of all is wanted.": (
                    lambda wanted, found, labels: np.abs(found - wanted).max(axis=1)
                ),
            },
        ),
        behaves_like(
            _others,
            PARITY,
            {
                "others: that is the share of images on which both say the *same*.": lambda *case: (
                    1 - _others(*case)
                ),
                "others: that is their number. Divide by how many images there are.": (
                    lambda *case: len(case[0]) * _others(*case)
                ),
                "others: that is by how much the errors have grown. Two networks can make equally many, and give other "
                "answers.": _more_errors,
                "others: that is by how much the errors differ. Two networks can make equally many, and give other "
                "answers.": lambda *case: abs(_more_errors(*case)),
                "others: that is the share of errors. Parity needs no labels: ask where the two differ.": (
                    lambda wanted, found, labels: np.mean(_read(found) != labels)
                ),
                "others: you took the largest of each column. Each *row* is an image: `argmax(axis=1)`.": (
                    lambda wanted, found, labels: np.mean(
                        wanted.argmax(axis=0) != found.argmax(axis=0)
                    )
                ),
            },
        ),
        behaves_like(
            _lost,
            PARITY,
            {
                "lost: that is True or False for each image. `np.flatnonzero` makes numbers of it.": (
                    lambda wanted, found, labels: np.isin(
                        np.arange(len(labels)), _lost(wanted, found, labels)
                    )
                ),
                "lost: how many they are, you say. *Which* are they?": lambda *case: len(
                    _lost(*case)
                ),
                "lost: these are all on which the two differ. Some of them the original had wrong, too.": (
                    lambda wanted, found, labels: np.flatnonzero(_read(wanted) != _read(found))
                ),
                "lost: these are all errors of the exported network. Some of them the original made as well.": (
                    lambda wanted, found, labels: np.flatnonzero(_read(found) != labels)
                ),
                "lost: these were *gained*: now right, and wrong before.": (
                    lambda wanted, found, labels: _lost(found, wanted, labels)
                ),
            },
        ),
    ),
    hints=(
        "Section 2 has the first two. `np.abs(found - wanted).max()` is the largest gap.",
        "`before, after = wanted.argmax(axis=1), found.argmax(axis=1)`: what the two read.",
        "Lost is what was right and is not any more: `(before == labels) & (after != labels)`.",
    ),
)


# 3. Time it fairly


class _Machine:
    """Stand for a machine with a clock of its own, which moves only while a network reads."""

    def __init__(self, rng, rounds):
        self.now, self.asked, self.calls, self.strange = float(rng.uniform(10, 100)), 0, [], False
        self.seconds = {
            name: list(self._durations(rng, rounds)) for name in ("slow", "fast", "faster")
        }

    @staticmethod
    def _durations(rng, rounds):
        usual = rng.uniform(0.001, 0.02)
        times = usual * rng.uniform(0.8, 1.2, size=rounds)
        times[rng.integers(rounds - 1)] = usual * rng.uniform(
            20, 40
        )  # the machine was busy with something else
        middle = np.argsort(times)[(rounds - 1) // 2]
        times[[middle, -1]] = times[[-1, middle]]  # who leaves the last call out moves the median
        return [usual * rng.uniform(50, 90), *times]  # the first call prepares things

    def clock(self):
        self.asked += 1
        return self.now

    def ways(self, digits):
        def way(name):
            def read(given):
                done = sum(called == name for called in self.calls)
                self.calls.append(name)
                self.strange |= not equal(given, digits)
                self.now += self.seconds[name][min(done, len(self.seconds[name]) - 1)]
                return np.full((1, 10), 0.1)

            return read

        return {name: way(name) for name in self.seconds}

    def are_turns(self):
        """Tell whether, after the first call of each, every round holds every way."""
        seen, later = set(), []
        for name in self.calls:
            later += [name] if name in seen else []
            seen.add(name)
        size = len(self.seconds)
        return all(len(set(later[i : i + size])) == size for i in range(0, len(later), size))


TIMINGS = {
    "that is the *mean* of the calls. One disturbed call spoils it.": lambda first, rest: (
        1000 * np.mean(rest)
    ),
    "you count the first call, which prepares things. Make it apart, untimed.": (
        lambda first, rest: 1000 * np.median([first, *rest])
    ),
    "you count the first call, which prepares things, and no more than that is missing at the end.": (
        lambda first, rest: 1000 * np.median([first, *rest[:-1]])
    ),
    "that is the mean, and it counts the first call, which prepares things.": (
        lambda first, rest: 1000 * np.mean([first, *rest])
    ),
    "that is the mean, it counts the first call, and the last one is missing.": (
        lambda first, rest: 1000 * np.mean([first, *rest[:-1]])
    ),
    "that is the quickest call. A visitor gets the usual one: the median.": lambda first, rest: (
        1000 * np.min(rest)
    ),
    "that is the slowest call. The median is wanted.": lambda first, rest: 1000 * np.max(rest),
    "these are seconds. A millisecond is a thousandth of one.": lambda first, rest: np.median(rest),
    "these are thousandths of milliseconds: multiply the seconds by 1000, once.": (
        lambda first, rest: 1e6 * np.median(rest)
    ),
    "that is the sum of all calls: time each of them by itself, and take the median.": (
        lambda first, rest: 1000 * np.sum(rest)
    ),
}


def _examine_timing(function):
    need_a_function(function)
    rng = np.random.default_rng()
    for rounds in (7, 10):
        machine, digits = (
            _Machine(rng, rounds),
            rng.integers(0, 256, size=(1, SIDE, SIDE)).astype("uint8"),
        )
        answer = call(
            lambda *case, m=machine: function(m.ways(case[0]), *case, m.clock), digits, rounds
        )
        _examine_times(answer, machine, rounds)


def _examine_times(answer, machine, rounds):
    if answer is None:
        raise Wrong("there is no answer, only None: is a `return` missing?")
    if not hasattr(answer, "keys") or set(answer.keys()) != set(machine.seconds):
        raise Wrong(
            f"expected a dict with a median for each of the names in `ways`, got {describe(answer)}."
        )
    if not machine.asked:
        raise Wrong(
            "you never ask `clock()`. Use the clock that you are given: then your timing can be tested."
        )
    if machine.strange:
        raise Wrong("a way did not get `digits`: call it as `way(digits)`.")
    times = {name: (times[0], times[1:]) for name, times in machine.seconds.items()}
    right = {name: 1000 * np.median(rest) for name, (_, rest) in times.items()}
    answer = {name: answer[name] for name in right}
    is_right = all(equal(answer[name], value) for name, value in right.items())
    for sentence, slip in ({} if is_right else TIMINGS).items():
        if all(equal(answer[name], slip(*of), 1e-6) for name, of in times.items()):
            raise Wrong(sentence)
    for name, value in right.items():
        if (count := machine.calls.count(name)) != rounds + 1:
            raise Wrong(
                f"“{name}” was called {count} times. {rounds} rounds are {rounds} calls, and one before."
            )
        compare(answer[name], value, given=f"the way “{name}”, in ms")
    if not machine.are_turns():
        raise Wrong(
            "all calls of one way come after another. What else the machine does just then disturbs one way alone: "
            "let them take turns, the rounds outside and the ways inside."
        )


q3 = Question(
    LESSON,
    "q3",
    TIME,
    _examine_timing,
    hints=(
        "Four rules stand in section 4. Begin with a loop that calls each way once, and times nothing.",
        "Then two loops, `for _ in range(rounds):` outside and `for name, way in ways.items():` inside.",
        "`start = clock()`, the call, `clock() - start`: seconds. Collect them by name, and take `np.median`.",
    ),
)


# 4. A step for each filter


def _case_of_filters(shape, bits):
    def case(rng):
        sizes = rng.uniform(0.1, 3, size=shape[-1])
        weights = rng.normal(size=shape) * sizes
        flat = weights.reshape(-1, shape[-1])
        flat[0, :2] = (
            6 * sizes[:2] * [1, -1]
        )  # one filter whose largest is positive, one whose largest is negative
        flat[:, 2] = 0  # and one that has died
        return weights, bits

    return case


FILTERS = in_turn(
    _case_of_filters((3, 3, 4, 6), 8), _case_of_filters((20, 5), 8), _case_of_filters((3, 3, 2, 5), 4),
    _case_of_filters((30, 7), 5),
)  # fmt: skip


def _largest(weights):
    return np.abs(weights).max(axis=tuple(range(weights.ndim - 1)))


def _steps(weights, bits, largest=_largest, numbers=lambda bits: 2 ** (bits - 1) - 1):
    found = largest(weights) / numbers(bits)
    return np.where(found == 0, 1, found)


def _numbers(weights, bits, finish=np.round, **change):
    return finish(weights / _steps(weights, bits, **change))


SLIPS_OF_STEPS = {
    "one step serves all filters, as in section 3. Give each its own: the largest weight over all axes but the last.": (
        {"largest": lambda weights: np.broadcast_to(np.abs(weights).max(), weights.shape[-1:])}
    ),
    "a filter's largest weight may be negative: take sizes, `np.abs`, before the largest.": (
        {"largest": lambda weights: weights.max(axis=tuple(range(weights.ndim - 1)))}
    ),
    "too many numbers: with 8 bits they go from −127 to 127, since one bit is for the sign.": (
        {"numbers": lambda bits: 2**bits - 1}
    ),
    "one too many: with 8 bits there is no +128, only 127.": {"numbers": lambda bits: 2 ** (bits - 1)},
    "one too few: with 8 bits the largest number is 127.": {"numbers": lambda bits: 2 ** (bits - 1) - 2},
    "always 8 bits: use `bits`.": {"numbers": lambda bits: 127},
    "you cut the whole range into 2 ** bits parts, as if 0 were its lower end.": (
        {"largest": lambda weights: np.ptp(weights.reshape(-1, weights.shape[-1]), axis=0),
         "numbers": lambda bits: 2**bits - 1}
    ),
}  # fmt: skip


def _as_bytes(numbers):
    with np.errstate(invalid="ignore"):
        return np.round(numbers).astype("int8")


q4 = Question(
    LESSON,
    "q4",
    QUANTIZE,
    parts(
        "numbers, steps",
        behaves_like(
            _numbers,
            FILTERS,
            {
                "numbers: you cut off what stands after the point, so a weight can be a whole step off: `np.round`.": (
                    lambda *case: _numbers(*case, finish=np.trunc)
                ),
                "numbers: you round down, which makes all weights smaller: `np.round`.": (
                    lambda *case: _numbers(*case, finish=np.floor)
                ),
                "numbers: they are not rounded to whole numbers.": lambda *case: _numbers(
                    *case, finish=np.array
                ),
                "numbers: these are the weights after rounding. Keep *how many* steps they are.": (
                    lambda weights, bits: _numbers(weights, bits) * _steps(weights, bits)
                ),
                "numbers: the filter that has died gives NaN, 0 / 0. Let its step be 1.": (
                    lambda weights, bits: np.where(
                        _largest(weights) == 0, np.nan, _numbers(weights, bits)
                    )
                ),
            }
            | {
                f"numbers: {sentence}": lambda *case, change=change: _numbers(*case, **change)
                for sentence, change in SLIPS_OF_STEPS.items()
            }
            | {
                f"numbers: {sentence} (They do not fit into a byte.)": (
                    lambda *case, change=change: _numbers(*case, finish=_as_bytes, **change)
                )
                for sentence, change in SLIPS_OF_STEPS.items()
            },
            rounds=4,
        ),
        behaves_like(
            _steps,
            FILTERS,
            {
                "steps: the filter that has died gets the step 0, by which nobody can divide. Let it be 1.": (
                    lambda weights, bits: np.where(_largest(weights) == 0, 0, _steps(weights, bits))
                ),
                "steps: that is how many steps a weight of 1 is. How long is one step?": (
                    lambda *case: 1 / _steps(*case)
                ),
                "steps: these are the largest weights. A step is a 127th of it, with 8 bits.": (
                    lambda weights, bits: np.where(_largest(weights) == 0, 1, _largest(weights))
                ),
            }
            | {
                f"steps: {sentence}": lambda *case, change=change: _steps(*case, **change)
                for sentence, change in SLIPS_OF_STEPS.items()
            },
            rounds=4,
        ),
    ),
    hints=(
        "The function of section 3 takes one largest weight. Here take one for each filter, the last axis.",
        "`np.abs(weights).max(axis=tuple(range(weights.ndim - 1)))` has the shape (filters,).",
        "`np.where(largest == 0, 1, largest / numbers_of_steps)` lets a dead filter have the step 1.",
    ),
)


# 5. Find the mismatch


def from_tablet(digit: np.ndarray, times: int = 10) -> np.ndarray:
    """Return what the tablet sends for a digit, uint8 (28, 28): uint8 (x, y, 3), dark on white, squares enlarged."""
    page = 255 - np.kron(digit, np.ones((times, times), "uint8"))
    return np.stack([page.T] * 3, axis=-1)


@cache
def _sample():
    return data.load_mnist("sample")


@cache
def _lopsided_digits():
    """Return digits that look like none of their mirror images, and that to_mnist_form would change."""
    mnist = _sample()
    digits = mnist.x_test[np.isin(mnist.y_test, (2, 4, 5, 7))]
    digits = [d for d in digits[:150] if min(map(np.mean, _distances(d / 255, d / 255)[1:])) > 0.08]
    return [
        d
        for d in digits[:60]
        if not any(np.array_equal(d, form) for form in _centered_anew(from_tablet(d)))
    ]


def _centered_anew(picture):
    """Return what to_mnist_form makes of a picture, as it comes and after the shrinking."""
    page = picture.swapaxes(0, 1)
    times = len(page) // SIDE
    return [to_mnist_form(page), to_mnist_form(page[::times, ::times])]


def _distances(image, other):
    """Return how far one image lies from another and from the seven that are the other turned and mirrored."""
    ways = [np.rot90(side, turns) for side in (other, other.T) for turns in range(4)]
    return [np.abs(image - way) for way in ways]


def _blended(digit, filter_):
    page = Image.fromarray(255 - np.kron(digit, np.ones((10, 10), "uint8")))
    return 1 - np.asarray(page.resize((SIDE, SIDE), filter_)) / 255


def _examine_mended(function):
    rng = np.random.default_rng()
    digits = np.array(rng.choice(_lopsided_digits(), size=4, replace=False))
    pictures = [
        from_tablet(digit, times) for digit, times in zip(digits, (10, 6, 11, 10), strict=True)
    ]
    answers = [call(function, picture) for picture in pictures]
    for answer in answers:
        compare(
            np.zeros(np.shape(answer)) if answer is not None else None, np.zeros((1, SIDE, SIDE, 1))
        )
    found = np.array(answers, dtype=float)[:, 0, :, :, 0]
    wanted = digits / 255
    low, high = found.min(), found.max()
    if high > 1.5:
        raise Wrong(f"values go up to {high:.0f}, in training up to 1: is the division missing?")
    if low < -0.5:
        raise Wrong(f"values go from {low:.2g} to {high:.2g}, in training from 0 to 1.")
    if high < 0.1:
        raise Wrong(f"values go up to {high:.4f} only, in training to 1: do you divide twice?")
    if found[:, [0, -1]].mean() > 0.5:
        raise Wrong(
            "the border is near 1: paper is light and ink is dark, and in training it was the other way round."
        )
    _examine_orientation(found, wanted)
    is_right = equal(found, wanted, 1e-3)
    anew = zip(*map(_centered_anew, pictures), strict=True)
    if not is_right and any(equal(found, np.array(forms) / 255, 1e-3) for forms in anew):
        raise Wrong(
            "you cut out and center the digit anew, which training did not. What comes here stands in its 28 x 28 "
            "squares already."
        )
    filters = [
        getattr(Image.Resampling, name) for name in ("BICUBIC", "BILINEAR", "LANCZOS", "HAMMING")
    ]
    if (
        not is_right
        and min(np.abs(found[0] - _blended(digits[0], f)).max() for f in filters) < 0.05
    ):
        raise Wrong(
            "nearly. But each square borrows a little from its neighbors: unless it is told, `resize` takes a wide "
            "filter. `Image.Resampling.BOX` takes the mean of each square alone."
        )
    compare(found, wanted, 1e-3, given="the same digits as in training, one after the other")


def _examine_orientation(found, wanted):
    distances = np.mean(
        [_distances(f, w) for f, w in zip(found, wanted, strict=True)], axis=(0, 2, 3)
    )
    nearest = int(distances.argmin())
    if nearest == 0 or distances[nearest] > distances[0] / 2:
        return
    if nearest == 4:
        raise Wrong(
            "the digits are mirrored at their diagonal: the tablet says x first, an image y, its row, first."
        )
    raise Wrong(
        "the digits are turned or mirrored. Show one beside the digit that it was, with `plt.imshow`."
    )


q5 = Question(
    LESSON,
    "q5",
    MISMATCH,
    _examine_mended,
    hints=(
        "The fingerprints show two slips: how far the values reach, and what the border is.",
        "Two more keep the values alike. Show both pictures of a 7 side by side. And are single pixels equal?",
        "`picture.swapaxes(0, 1)` has rows first. `resize(…, Image.Resampling.BOX)` blends nothing. "
        "`255 - small` turns the ink light, and `scale` does what training did.",
    ),
)


# 6. Quantize, and measure

PENCILS = np.linspace(0.1, 0.9, 10)  # how dark each of ten pencils writes


def _pages(rng, darkness):
    """Return a page of ink for each darkness, uint8 (n, 28, 28)."""
    ink = rng.uniform(size=(len(darkness), SIDE, SIDE)) < 0.25
    return (255 * ink * np.reshape(darkness, (-1, 1, 1))).astype("uint8")


class _Torn:
    """Stand for a network that is torn between two digits each time, so that rounding decides."""

    def __init__(self, weights):
        self._weights = weights

    def count_params(self):
        return self._weights.size

    def __call__(self, images, training=False):
        return softmax(np.reshape(images, (len(images), -1)) @ self._weights, axis=1)

    def predict_batch(self, images):
        return self(scale(images))


class _Tools:
    """Stand for LiteRT, which takes a second: an export that remembers its examples, and what opens both networks."""

    def __init__(self, rng):
        weights = np.repeat(rng.normal(size=(SIDE * SIDE, 5), scale=0.2), 2, axis=1)
        weights += rng.normal(size=weights.shape, scale=0.01)
        self.model = _Torn(weights)
        self.small = _Torn(
            weights + rng.normal(size=weights.shape, scale=0.004)
        )  # about one answer in eight changes
        self.content = rng.bytes(rng.integers(10_000, 12_000))
        self.examples = self.path = None

    def export(self, model, examples, path):
        check_images(examples)
        if model is not self.model:
            raise TypeError("export(model, examples, path): the first has to be the network")
        Path(path).write_bytes(self.content)
        self.examples, self.path = np.array(examples), Path(path)
        return self.path

    def open_reader(self, model):
        if model is self.model:
            return self.model
        if isinstance(model, str | Path) and Path(model) == self.path:
            return self.small
        raise FileNotFoundError(f"there is no model {model}")


def _examine_eight_bits(function):
    need_a_function(function)
    rng = np.random.default_rng()
    tools, digits, images = (
        _Tools(rng),
        _pages(rng, np.repeat(PENCILS, 30)),
        _pages(rng, np.full(200, 0.5)),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.tflite"
        answer = call(
            lambda *given: function(tools.model, *given, path, tools.export, tools.open_reader),
            digits,
            images,
        )
        if not path.is_file() or tools.examples is None:
            raise Wrong("there is no file at `path`: `export(model, examples, path)` writes it.")
        size = path.stat().st_size
    _examine_examples(tools.examples, digits, images)
    wanted = tools.model.predict_batch(images)
    _examine_measures(answer, size / tools.model.count_params(), size, wanted, tools.small, images)


def _examine_examples(examples, digits, images):
    known = {image.tobytes() for image in images}
    if not examples.any():
        raise Wrong("the examples are blank: LiteRT would take all for paper.")
    if any(example.tobytes() in known for example in examples):
        raise Wrong(
            "the examples are digits on which you measure. A measure on what the network was fitted to is none: take "
            "them from `digits`."
        )
    pencils = {page.max() for page in digits}
    if len(pencils & {example.max() for example in examples}) < len(pencils) - 2:
        raise Wrong(
            "the examples do not show every pencil. `digits` are sorted: the first of them show nothing of the last. "
            "Take examples from everywhere."
        )
    if len(examples) < 50:
        raise Wrong(
            f"{len(examples)} examples are few: about a hundred show how large the activations get."
        )


def _examine_measures(answer, per_weight, size, wanted, small, images):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong(f"expected two things, `return per_weight, same`, got {describe(answer)}.")
    sizes = {
        size: "per_weight: that is the whole file, in bytes. Divide by `model.count_params()`.",
        1
        / per_weight: "per_weight: that is weights in a byte. How many bytes are there for each weight?",
        per_weight / 1000: "per_weight: in kB. Count single bytes.",
        8 * per_weight: "per_weight: in bits. Count bytes.",
        per_weight / 4: "per_weight: as a share of 32 bits. Count bytes.",
        1: "per_weight: 1 is what one expects. Measure it: the file also holds layers, steps and biases.",
    }
    same = np.mean(small.predict_batch(images).argmax(axis=1) == wanted.argmax(axis=1))
    shares = {
        1 - same: "same: that is the share of digits that both read *differently*.",
        100 * same: "same: in percent. Give a share, from 0 to 1.",
        len(images) * same: "same: that is their number. Divide by how many images there are.",
        1: "same: nothing differs, you say. Do you compare a network with itself?",
    }
    for got, right, slips, room in (
        (answer[0], per_weight, sizes, 1e-4),
        (answer[1], same, shares, 0.02),
    ):
        if not equal(got, right, room):
            for slip, sentence in slips.items():
                if equal(got, slip, 1e-4):
                    raise Wrong(sentence)
        compare(got, right, room, given="`per_weight`" if right is per_weight else "`same`")


q6 = Question(
    LESSON,
    "q6",
    QUANTIZE,
    _examine_eight_bits,
    hints=(
        "`digits[::3]` takes from all pencils. `export(model, examples, path)` does the rest.",
        "`path.stat().st_size` are the bytes of the file, `model.count_params()` its weights.",
        "`open_reader(path)` and `open_reader(model)` read alike: `predict_batch(images).argmax(axis=1)`.",
    ),
)


# 7. An endpoint

LIMIT = 1_000_000  # bytes of a picture


class _Watched:
    """Read digits as the course does, and remember what was asked."""

    def __init__(self):
        self.asked = 0

    def read(self, image, ink="auto"):
        self.asked += 1
        return _reader().read(image, ink)


class _Broken:
    """Have a bug."""

    def read(self, image, ink="auto"):
        raise RuntimeError("a bug of the server")


@cache
def _reader():
    return DigitReader("compact")


def _drawing(digit, side=140):
    file = io.BytesIO()
    Image.fromarray(255 - digit).resize((side, side)).save(file, "PNG")
    return file.getvalue()


def _padded(content, size):
    """Return a picture that is as long as wanted: what comes after its end is not looked at."""
    return content + bytes(size - len(content))


def _post(app, pictures, where="POST /predict"):
    """Send pictures, [(name, content)], to an app in this process, and return its response."""

    async def send():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://digits"
        ) as client:
            return await client.post("/predict", files=[("files", picture) for picture in pictures])

    names = " and ".join(name for name, _ in pictures)
    try:
        response = asyncio.run(send())
    except Exception as error:
        raise Wrong(
            f"status 500: your server breaks with {in_words(error)} when it gets {names}."
        ) from error
    if response.status_code in (404, 405):
        raise Wrong(f"status {response.status_code}: there is no `POST /predict` in this app.")
    return response


def _predictions(app, pictures, what):
    response = _post(app, pictures)
    if response.status_code == 422 and "Field required" in response.text:
        raise Wrong(
            "status 422: your endpoint asks for something else than `files`, or for more. Call the parameter so."
        )
    if response.status_code != 200:
        raise Wrong(
            f"status {response.status_code} for {what}, expected 200: {response.text[:120]}"
        )
    answer = response.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        raise Wrong(f'expected {{"predictions": [...]}}, got {response.text[:120]}')
    if len(answer["predictions"]) != len(pictures):
        counts = f"{len(pictures)} in the request, {len(answer['predictions'])} in the answer"
        raise Wrong(
            f"pictures: {counts}. Is `files` a list, `list[UploadFile]`, and each of them read?"
        )
    for one in answer["predictions"]:
        missing = {"name", "digit", "reason"} - set(one if isinstance(one, dict) else ())
        if missing:
            raise Wrong(f"a prediction lacks {', '.join(sorted(missing))}: {str(one)[:120]}")
    return answer["predictions"]


def _refused(app, pictures, culprit, what):
    """Return the status of a request that has to be refused by the name of the culprit."""
    response = _post(app, pictures)
    status, detail = response.status_code, ""
    if response.headers.get("content-type") == "application/json":
        answer = response.json()
        detail = answer.get("detail", "") if isinstance(answer, dict) else ""
    if status < 400:
        raise Wrong(
            f"status {status} for {what}. Whoever looks at the number only takes that for an answer: *raise* an "
            "HTTPException, with a 4xx."
        )
    if status >= 500:
        raise Wrong(
            f"status {status} for {what}, which is no fault of the server: 4xx says that the request is."
        )
    if culprit not in str(detail):
        raise Wrong(
            f"{what} is refused, but the `detail` does not name {culprit}. Of many files, which was it?"
        )
    if not re.search(r"[A-Za-z]{3}", str(detail).replace(culprit, "")):
        raise Wrong(f"{what} is refused by its name alone. The `detail` gives the reason, too.")
    return status


def _examine_app(make_app):
    if hasattr(make_app, "openapi"):
        raise Wrong(
            "that is an app. Give the function that makes one: its name alone, without parentheses."
        )
    need_a_function(make_app)
    reader, rng = _Watched(), np.random.default_rng()
    try:
        app, with_a_bug = make_app(reader), make_app(_Broken())
    except Exception as error:
        raise Wrong(f"your function stops with {in_words(error)} when it gets a reader.") from error
    if app is None:
        raise Wrong("there is no app, only None: is `return app` missing?")
    mnist = _sample()
    drawings = [
        _drawing(mnist.x_test[rng.choice(np.flatnonzero(mnist.y_test == digit))])
        for digit in (7, 3)
    ]
    _examine_honest(app, drawings)
    _examine_refusals(app, drawings)
    _examine_limit(app, drawings[0], reader)
    _examine_bug(with_a_bug, drawings[0])


def _examine_honest(app, drawings):
    wanted = [_reader().read(drawing).digit for drawing in drawings]
    answers = _predictions(
        app, [("seven.png", drawings[0]), ("another.png", drawings[1])], "two drawings"
    )
    digits, names = [one["digit"] for one in answers], [one["name"] for one in answers]
    if names != ["seven.png", "another.png"]:
        raise Wrong(
            f"seven.png and another.png were sent, in this order, but the names in the answer are {names}."
        )
    if digits != wanted:
        raise Wrong(f"the reader reads {wanted} in the two drawings, your server answers {digits}.")
    blank = _predictions(
        app, [("blank.png", _drawing(np.zeros((SIDE, SIDE), "uint8")))], "a blank page"
    )[0]
    if blank["digit"] is not None:
        raise Wrong(
            f"a blank page is read as {blank['digit']!r}. The reader says None: hand that on, with its reason."
        )
    if not blank["reason"]:
        raise Wrong(
            "a blank page gets no digit, and no reason either. The reader gives one: hand it on."
        )
    _predictions(
        app,
        [("drawing.txt", drawings[0])],
        "a drawing that is called drawing.txt (believe no name)",
    )


def _examine_refusals(app, drawings):
    _refused(app, [("letter.png", b"Dear Sir or Madam")], "letter.png", "a letter")
    _refused(app, [("nothing.png", b"")], "nothing.png", "an empty file")
    half = drawings[1][: len(drawings[1]) // 2]
    _refused(
        app,
        [("good.png", drawings[0]), ("half.png", half)],
        "half.png",
        "half a picture, after a good one",
    )


def _examine_limit(app, drawing, reader):
    _predictions(
        app, [("full.png", _padded(drawing, LIMIT))], f"a picture of exactly {LIMIT:,} bytes"
    )
    asked, large = reader.asked, [("large.png", _padded(drawing, LIMIT + 1))]
    if _post(app, large).status_code == 200:
        raise Wrong(f"a picture of {LIMIT + 1:,} bytes is read, one more than the limit.")
    status = _refused(app, large, "large.png", "a picture that is too large")
    if status != 413:
        raise Wrong(
            f"a picture that is too large is refused with {status}. The number for that is 413."
        )
    if reader.asked > asked:
        raise Wrong("a picture that is too large is opened before it is refused. Measure first.")


def _examine_bug(app, drawing):
    try:
        status = _post(app, [("drawing.png", drawing)]).status_code
    except Wrong:
        return  # the error goes through, and whoever minds the server hears of it
    if status < 500:
        raise Wrong(
            f"the reader had a bug, and your server answered {status}: the visitor is blamed, and you will never hear "
            "of it. Catch `UnreadableImage` only."
        )


q7 = Question(
    LESSON,
    "q7",
    ENDPOINT,
    _examine_app,
    hints=(
        'Begin with the endpoint of section 6: `@app.post("/predict")`, and `return app` at the end.',
        "Many files are `files: list[UploadFile]`. Each of them has a `filename`, and `file.file.read()` its bytes.",
        "`file.file.read(LIMIT + 1)` never takes more than it must. More than `LIMIT`: `HTTPException(413, …)`.",
    ),
)
