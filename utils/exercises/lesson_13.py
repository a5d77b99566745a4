"""Questions on lesson 13: the capstone in Kaggle's form."""

from collections.abc import Callable, Hashable
from functools import cache
from pathlib import Path

import numpy as np

from apps import kaggle
from utils import files
from utils.evaluation import accuracy_interval, log_loss
from utils.exercises.checks import behaves_like, call, describe, equal, in_turn, need_a_function
from utils.exercises.core import Question, Wrong

LESSON = "13"
LAYOUT = "read Kaggle's CSV layout, and check what came in"
SUBMIT = "write a submission, and find what is wrong with one"
OVERLAP = "tell whether a training set overlaps the test set, and say what follows"
VALIDATE = "validate with a hold-out and with folds, and keep the leaderboard out of every choice"
NOISE = "say how noisy a score is, and whether a gain is real"
FOLDER = "feed a network from a folder of JPGs, and avoid the traps of labels on that road"
ALONE = "carry a whole project through, alone"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _tidied(change: Callable, examine: Callable) -> Callable:
    """Return a check that judges what `change` makes of each answer, and that refuses what `change` refuses."""

    def check(function):
        need_a_function(function)
        refusals = []

        def answer(*case):
            given = function(*case)
            try:
                return change(given)
            except Wrong as refusal:
                refusals.append(refusal)

        try:
            examine(answer)
        except Wrong:
            if refusals:
                raise refusals[0] from None
            raise

    return check


# 1. One line


def _line(with_label):
    def line(rng):
        pixels = rng.integers(0, 256, size=784)
        numbers = [int(rng.integers(0, 10)), *pixels] if with_label else pixels
        return (",".join(map(str, numbers)),)

    return line


def _numbers(line):
    return np.array([int(number) for number in line.split(",")])


def _as_bytes(answer):
    if isinstance(answer, np.ndarray) and answer.shape == (28, 28) and answer.dtype != np.uint8:
        if answer.dtype.kind == "f" and answer.max() <= 1:
            raise Wrong(
                "the pixels are scaled. Keep them as the file has them, from 0 to 255: `scale` comes later."
            )
        rest = "which takes several" if answer.dtype.itemsize > 1 else "which ends at 127"
        raise Wrong(f"expected pixels as uint8, a byte each, got {answer.dtype}, {rest}.")
    return answer


_examine_image = behaves_like(
    lambda line: _numbers(line)[-784:].reshape(28, 28),
    in_turn(_line(True), _line(False)),
    {
        "that is the digit on its side: rows and columns are exchanged. The file goes row by row, as `reshape` does.": (
            lambda line: _numbers(line)[-784:].reshape(28, 28).T
        ),
        "a line of train.csv starts with its label, and you take that for a pixel: each pixel moves one place on.": (
            lambda line: _numbers(line)[:784].reshape(28, 28)
        ),
        "these are 784 numbers in a row. Where is the picture?": lambda line: _numbers(line)[-784:],
        "black and white are exchanged. In Kaggle's files, too, ink is large and paper is 0.": (
            lambda line: 255 - _numbers(line)[-784:].reshape(28, 28)
        ),
    },
)

q1 = Question(
    LESSON,
    "q1",
    LAYOUT,
    _tidied(_as_bytes, _examine_image),
    hints=(
        "`line.split(',')` gives texts. `np.array(…, dtype='uint8')` makes numbers of them.",
        "The pixels are always the *last* 784 numbers: `[-784:]`.",
    ),
)


# 2. A submission


def _probabilities(rng):
    values = rng.dirichlet(np.full(10, 0.3), size=int(rng.integers(11, 30)))
    values[:2] = 0.01 + 0.9 * np.eye(10)[[7, 3]]  # not sorted, and no column's largest
    return (values,)


def _submission(
    probabilities,
    header="ImageId,Label",
    first=1,
    row="{id},{label}",
    of=lambda p: p.argmax(axis=1),
):
    rows = [
        row.format(id=number, label=label) for number, label in enumerate(of(probabilities), first)
    ]
    return "\n".join([header, *rows] if header else rows)


def _slip(**change):
    return lambda probabilities: _submission(probabilities, **change)


def _with_index(probabilities):
    header, *rows = _submission(probabilities).splitlines()
    return "\n".join([f",{header}", *(f"{number},{row}" for number, row in enumerate(rows))])


def _plain_text(answer):
    if answer is None or isinstance(answer, str):
        return answer and "\n".join(
            line.rstrip() for line in answer.replace('"', "").rstrip().splitlines()
        )
    raise Wrong(
        f"expected the text of the file, got {describe(answer)}. (`to_csv(index=False)` returns a text.)"
    )


_examine_submission = behaves_like(
    _submission,
    _probabilities,
    {
        "the ids start from 0. Kaggle counts from 1.": _slip(first=0),
        "the header is missing: the first line has to be `ImageId,Label`.": _slip(header=""),
        "the header has other letters. It has to be `ImageId,Label`.": _slip(
            header="imageid,label"
        ),
        "there is a column more, the index of the table: `to_csv(index=False)` leaves it out.": _with_index,
        "the labels are written like 7.0. Make them whole numbers.": _slip(row="{id},{label}.0"),
        "the columns are exchanged: first the id, then the label.": _slip(
            header="Label,ImageId", row="{label},{id}"
        ),
        "the values are separated by semicolons. Kaggle wants commas.": (
            _slip(header="ImageId;Label", row="{id};{label}")
        ),
        "the values are separated by tabs. Kaggle wants commas.": _slip(
            header="ImageId\tLabel", row="{id}\t{label}"
        ),
        "there is a space after each comma.": _slip(header="ImageId, Label", row="{id}, {label}"),
        "these are confidences. *Which* digit has the highest? `argmax`, not `max`.": _slip(
            of=lambda p: p.max(axis=1)
        ),
        "you took the largest of each column. Each *row* is an image: `argmax(axis=1)`.": (
            _slip(of=lambda p: p.argmax(axis=0))
        ),
        "the rows are sorted by digit. They must stay in the order of test.csv.": (
            _slip(of=lambda p: np.sort(p.argmax(axis=1)))
        ),
        "there is one digit for all. `argmax(axis=1)` gives one for each row.": _slip(
            of=lambda p: [p.argmax()]
        ),
        "the last digit is missing. There is a line for each row of `probabilities`.": (
            _slip(of=lambda p: p[:-1].argmax(axis=1))
        ),
    },
)

q2 = Question(
    LESSON,
    "q2",
    SUBMIT,
    _tidied(_plain_text, _examine_submission),
    hints=(
        "The digits are `probabilities.argmax(axis=1)`, the ids `range(1, len(probabilities) + 1)`.",
        "A table of pandas with the columns ImageId and Label has `to_csv(index=False)`, which returns a text.",
    ),
)


# 3. The first fault


def _sound_lines(rng):
    labels = rng.integers(0, 10, size=int(rng.integers(20, 40)))
    return ["ImageId,Label", *(f"{number},{label}" for number, label in enumerate(labels, 1))]


def _row(change):
    """Return a fault that changes one row, somewhere in the middle, and the number of its line."""

    def spoil(lines, rng):
        line = int(rng.integers(5, len(lines) - 5))
        number, label = lines[line].split(",")
        return [*lines[:line], change(number, label), *lines[line + 1 :]], line + 1

    return spoil


def _exchanged(lines, rng):
    line = int(rng.integers(5, len(lines) - 5))
    return [*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]], line + 1


def _gap(lines, rng):
    line = int(rng.integers(5, len(lines) - 5))
    rest = [f"{int(row.split(',')[0]) + 1},{row[-1]}" for row in lines[line:]]
    return [*lines[:line], *rest], line + 1


def _from_zero(lines, rng):
    return [lines[0], *(f"{number},{row[-1]}" for number, row in enumerate(lines[1:]))], 2


FAULTS = {  # what is done to a sound file, and what to say to who does not see it
    "from zero": (_from_zero, "the ids start from 0, and you do not see it."),
    "no header": (
        lambda lines, rng: ([lines[1], *lines[1:]], 1),
        "in line 1 stands a row where the header should be, and you do not see it.",
    ),
    "other header": (
        lambda lines, rng: (["Label,ImageId", *lines[1:]], 1),
        "the header's columns are exchanged, and you do not see it. It has to be `ImageId,Label`.",
    ),
    "exchanged": (
        _exchanged,
        "two rows have changed places, and you do not see it. All ids are there, but not in order.",
    ),
    "a gap": (_gap, "an id is left out, and you do not see it: an id is the number of its row."),
    "twice": (
        _row(lambda number, label: f"{int(number) - 1},{label}"),
        "an id is there twice, and you do not see it: an id is the number of its row.",
    ),
    "label 10": (
        _row(lambda number, label: f"{number},10"),
        "a label is 10, and you do not see it.",
    ),
    "label -1": (
        _row(lambda number, label: f"{number},-1"),
        "a label is -1, and you do not see it.",
    ),
    "label 7.0": (
        _row(lambda number, label: f"{number},{label}.0"),
        "a label is written like 7.0, and you take it. Kaggle wants whole numbers.",
    ),
    "no label": (
        _row(lambda number, label: f"{number},"),
        "a label is empty, and you do not see it.",
    ),
    "three columns": (
        _row(lambda number, label: f"{number},{number},{label}"),
        "a row has three columns, and you do not see it.",
    ),
    "too few": (
        lambda lines, rng: (lines[:-1], len(lines)),
        "the last row is missing, and you do not say so: the fault is in the line that is not there.",
    ),
    "too many": (
        lambda lines, rng: ([*lines, f"{len(lines)},3"], len(lines) + 1),
        "there is a row too many, and you do not see it.",
    ),
}


FAULTS["two faults"] = (
    lambda lines, rng: ([*lines[:3], f"{lines[3]}7", *lines[4:-1]], 4),
    "a label is wrong and the last row is missing, and you see neither.",
)


def _examine_first_fault(function):
    need_a_function(function)
    rng = np.random.default_rng()
    lines = _sound_lines(rng)
    found = call(function, lines, len(lines) - 1)
    if isinstance(found, bool) or not isinstance(found, int | np.integer):
        raise Wrong(
            f"expected the number of a line, or 0 where all is well, got {describe(found)}."
        )
    if found:
        raise Wrong(
            f"nothing is wrong with a file, and you say line {found}. Which answers mean that all is well?"
        )
    for spoil, sentence in FAULTS.values():
        corrupted, line = spoil(lines, rng)
        answer = call(function, corrupted, len(lines) - 1)
        if equal(answer, 0):
            raise Wrong(sentence)
        if equal(answer, len(corrupted)) and line > len(corrupted):
            raise Wrong(
                f"line {answer} is the last, and well. The fault is in the next one, which is missing."
            )
        if equal(answer, line - 1):
            raise Wrong(
                f"line {line} is at fault, you say {answer}. Count the header: it is line 1."
            )
        if not equal(answer, line):
            raise Wrong(
                f"the *first* line at fault is {line}, you say {describe(answer)}: {corrupted[line - 1 : line]}."
            )


q3 = Question(
    LESSON,
    "q3",
    SUBMIT,
    _examine_first_fault,
    hints=(
        "You can write down what every line has to look like, but for the label: row `n` is `f'{n},'` and a digit.",
        "A label is one of the texts '0' to '9': compare texts. `int('7.0')` would stop, and `float` take it.",
        "When all lines are right so far, count them. Too few: the fault is in the line after the last.",
    ),
)


# 4. The overlap


def _two_sets(rng):
    """Return training and test images that share some, and hold pairs that are only alike."""
    train = rng.integers(0, 256, size=(30, 6, 6), dtype="uint8")
    train[20:23] = train[:3]  # twice in the training set
    test = rng.integers(0, 256, size=(12, 6, 6), dtype="uint8")
    test[0] = train[12].T  # the same pixels at other places
    test[1] = train[13] ^ (np.arange(36).reshape(6, 6) == rng.integers(36)).astype(
        "uint8"
    )  # off by one gray level
    train[14, 0, :2] = 100, 200
    test[9] = train[14]
    test[9, 0, :2] = 150, 150  # the same sum
    test[2:6] = train[[1, 17, 18, 19]]
    test[6] = test[5]  # twice in the test set
    test[8] = test[7]
    order = rng.permutation(12)
    while order[-1] in range(2, 7):
        order = rng.permutation(12)
    return train, test[order]


def _shared(train, test, key=bytes):
    known = {key(image) for image in train}
    return np.array([number for number, image in enumerate(test) if key(image) in known])


def _first_of_each(images):
    return np.unique(images.reshape(len(images), -1), axis=0, return_index=True)[1]


def _sorted_numbers(answer):
    if isinstance(answer, set):
        return sorted(answer)
    if isinstance(answer, list | tuple):
        answer = np.array(answer)
    return (
        np.sort(answer)
        if isinstance(answer, np.ndarray) and answer.ndim == 1 and answer.dtype != bool
        else answer
    )


_examine_overlap = behaves_like(
    _shared,
    _two_sets,
    {
        "that is True or False for each image. `np.flatnonzero` makes numbers of it.": (
            lambda train, test: np.isin(np.arange(len(test)), _shared(train, test))
        ),
        "how many they are, you say. *Which* are they?": lambda train, test: len(
            _shared(train, test)
        ),
        "these are the numbers of *training* images. Which images of the test set are known?": (
            lambda train, test: _shared(test, train)
        ),
        "`image in x_train` is True as soon as one single pixel is the same. Compare whole images.": (
            lambda train, test: np.array(
                [number for number, image in enumerate(test) if image in train]
            )
        ),
        "you count from 1. Count from 0, as NumPy does.": lambda train, test: (
            _shared(train, test) + 1
        ),
        "these are the ones that are *not* in the training set.": (
            lambda train, test: np.setdiff1d(np.arange(len(test)), _shared(train, test))
        ),
        "two different images can have the same sum. Compare all pixels, each in its place.": (
            lambda train, test: _shared(train, test, lambda image: int(image.sum()))
        ),
        "the same pixels in another order are another image. Compare each in its place.": (
            lambda train, test: _shared(train, test, lambda image: bytes(np.sort(image, axis=None)))
        ),
        "nearly alike is not the same: one image differs by one gray level, and you count it.": (
            lambda train, test: np.array(
                [
                    n
                    for n, image in enumerate(test)
                    if np.abs(train - image.astype(int)).max(axis=(1, 2)).min() <= 1
                ]
            )
        ),
        "an image is missing that stands in the *test* set twice: both are known.": (
            lambda train, test: np.intersect1d(_shared(train, test), _first_of_each(test))
        ),
        "an image is there twice, since it stands in the training set twice. Name each image once.": (
            lambda train, test: np.sort(np.nonzero((train[:, None] == test).all(axis=(2, 3)))[1])
        ),
    },
)

q4 = Question(
    LESSON,
    "q4",
    OVERLAP,
    _tidied(_sorted_numbers, _examine_overlap),
    hints=(
        "An array cannot stand in a Python set, its bytes can: `image.tobytes()`.",
        "`known = {image.tobytes() for image in x_train}`, then ask of each test image whether it is in `known`.",
    ),
)


# 5. Folds


def _labels_for_folds(rng):
    counts = rng.permutation([17, 23, 29, 31, 38])
    return np.repeat(np.arange(5), counts)


def _as_folds(answer, count):
    if isinstance(answer, list | tuple | np.ndarray) and len(answer) != count:
        raise Wrong(f"expected {count} folds, got {len(answer)}.")
    if not isinstance(answer, list | tuple | np.ndarray):
        raise Wrong(
            f"expected a list of {count} arrays, one for each fold, got {describe(answer)}."
        )
    for part in answer:
        if isinstance(part, tuple):
            raise Wrong(
                "a fold is a pair, of those to train on and those held out. Give the held-out digits alone."
            )
        if np.asarray(part).dtype == bool:
            raise Wrong(
                "a fold is True or False for each digit. `np.flatnonzero` makes numbers of it."
            )
        if np.ndim(part) != 1 or np.asarray(part).dtype.kind not in "iu":
            raise Wrong(f"expected each fold as an array of whole numbers, got {describe(part)}.")
    return [np.asarray(part) for part in answer]


def _examine_folds(function):
    need_a_function(function)
    rng = np.random.default_rng()
    for count in (3, 4, 5):
        labels, seed = _labels_for_folds(rng), int(rng.integers(1 << 30))
        folds, again, other = (
            _as_folds(
                call(lambda y, k, s: function(y, k, np.random.default_rng(s)), labels, count, s),
                count,
            )
            for s in (seed, seed, seed + 1)
        )
        _examine_parts(folds, labels, count)
        if not all(equal(np.sort(a), np.sort(b)) for a, b in zip(folds, again, strict=True)):
            raise Wrong(
                "called again with the same seed, it gives other folds. Take all that is random from `rng`."
            )
        if all(equal(np.sort(a), np.sort(b)) for a, b in zip(folds, other, strict=True)):
            raise Wrong(
                "with another `rng` the folds are the same. Shuffle: neighbors in a file are often alike."
            )


def _examine_parts(folds, labels, count):
    everything = np.sort(np.concatenate(folds))
    if len(everything) == (count - 1) * len(labels):
        raise Wrong("these are the digits to *train* on. Give those that each fold holds out.")
    if everything.min() < 0 or everything.max() >= len(labels):
        raise Wrong(
            f"a fold holds the number {everything.max()}, but the digits have 0 to {len(labels) - 1}."
        )
    if everything.max() < 5:
        raise Wrong("these are labels. *Which* digits does each fold hold out? Give their numbers.")
    times = np.bincount(everything, minlength=len(labels))
    if times.max() > 1:
        raise Wrong(
            "a digit is held out by two folds. Each has its turn once: deal them out, and do not draw anew."
        )
    if times.min() == 0:
        raise Wrong(
            f"{(times == 0).sum()} digits are never held out. Also what is left over belongs into a fold."
        )
    table = np.array([np.bincount(labels[fold], minlength=5) for fold in folds])
    if (table == 0).any():
        raise Wrong(
            "a fold has none of a class: the labels come sorted, and you cut them as they come."
        )
    counts = table[:, np.ptp(table, axis=0).argmax()]
    if np.ptp(counts) > 1:
        raise Wrong(
            f"of a class one fold has {counts.min()} digits, another {counts.max()}. Deal each class alone."
        )


q5 = Question(
    LESSON,
    "q5",
    VALIDATE,
    _examine_folds,
    hints=(
        "For each class: where it is (`np.flatnonzero(labels == c)`), shuffled (`rng.permutation`), dealt like cards.",
        "`shuffled[i::k]` is every k-th one, starting from the i-th.",
        "scikit-learn's `StratifiedKFold(k, shuffle=True, random_state=…)` does it, too. The seed can come from `rng`.",
    ),
)


# 6. Is the gain real?


def _two_readers(rng):
    count = int(rng.integers(2000, 4000))
    right_a = rng.uniform(size=count) < 0.95
    change = rng.uniform(size=count)
    right_b = np.where(right_a, change > 0.01, change < rng.uniform(0.35, 0.5))
    return right_a, right_b


def _worse(rng):
    return _two_readers(rng)[::-1]


def _gain(right_a, right_b):
    return right_b.mean() - right_a.mean()


def _error(right_a, right_b):
    return np.std(right_b.astype(float) - right_a) / np.sqrt(len(right_a))


def _variance(right):
    return right.mean() * (1 - right.mean())


def _pair(answer):
    if answer is None:
        raise Wrong("there is no answer, only None: is a `return` missing?")
    if isinstance(answer, list | tuple | np.ndarray) and np.shape(answer) == (2,):
        return tuple(answer)
    raise Wrong(f"expected `return gain, error`, two numbers, got {describe(answer)}.")


_examine_gain = behaves_like(
    lambda a, b: (_gain(a, b), _error(a, b)),
    in_turn(_two_readers, _worse),
    {
        "first the gain, then its error: you give them the other way round.": lambda a, b: (
            _error(a, b),
            _gain(a, b),
        ),
        "the gain has lost its sign: where the new one is worse, it is negative.": (
            lambda a, b: (abs(_gain(a, b)), _error(a, b))
        ),
        "gain: that is how often only one of them is right. Subtract: `right_new.astype(int) - right_old`.": (
            lambda a, b: (np.mean(a != b), _error(a, b))
        ),
        "gain and error: you look where only one is right, not which. Subtract: `right_new.astype(int) - right_old`.": (
            lambda a, b: (np.mean(a != b), np.std(a != b) / np.sqrt(len(a)))
        ),
        "error: that is twice the standard error. Give it once.": lambda a, b: (
            _gain(a, b),
            2 * _error(a, b),
        ),
        "the gain has the wrong sign: it is positive where the *new* one is better.": (
            lambda a, b: (-_gain(a, b), _error(a, b))
        ),
        "these are per cents. Give shares: 0.001 for a tenth of a point.": (
            lambda a, b: (100 * _gain(a, b), 100 * _error(a, b))
        ),
        "error: you reckon as if each had read digits of its own. Both read the *same* ones: take the differences.": (
            lambda a, b: (_gain(a, b), np.sqrt((_variance(a) + _variance(b)) / len(a)))
        ),
        "error: that is how uncertain *one* accuracy is. How uncertain is the difference?": (
            lambda a, b: (_gain(a, b), np.sqrt(_variance(b) / len(a)))
        ),
        "error: that is how uncertain the accuracy of the *old* one is. How uncertain is the difference?": (
            lambda a, b: (_gain(a, b), np.sqrt(_variance(a) / len(a)))
        ),
        "error: that is the spread of a single difference. A mean of n is surer by √n.": (
            lambda a, b: (_gain(a, b), np.std(b.astype(float) - a))
        ),
        "error: you divide by n, not by its root.": (
            lambda a, b: (_gain(a, b), np.std(b.astype(float) - a) / len(a))
        ),
        "gain: that is a number of digits. Divide by how many there are.": (
            lambda a, b: (len(a) * _gain(a, b), _error(a, b))
        ),
    },
)

# McNemar's error is right, too: that of the difference where in truth there is none.
_examine_mcnemar = behaves_like(
    lambda a, b: (_gain(a, b), np.sqrt(np.sum(a != b)) / len(a)), in_turn(_two_readers, _worse)
)


def _examine_either(function):
    try:
        _examine_mcnemar(function)
    except Wrong:
        _examine_gain(function)


q6 = Question(
    LESSON,
    "q6",
    NOISE,
    _tidied(_pair, _examine_either),
    hints=(
        "`right_new.astype(int) - right_old` is 1 where only the new one is right, -1 where only the old one is.",
        "The gain is the mean of the differences.",
        "The standard error of a mean is the standard deviation, `np.std`, over the root of their number.",
    ),
)


# 7. A folder of JPGs

DIGITS = 71  # a prime: no share of a batch is a share of them all


class JpgFolder:
    """Stand for what `image_dataset_from_directory` returns: batches, shuffled anew each time one goes through."""

    def __init__(self, rng, wrong=0.2):
        self._rng, self.class_names = rng, sorted(WORDS)
        self.index_of = np.array([self.class_names.index(word) for word in WORDS])
        self.last, self.passes, shares = None, 0, {}
        while len(set(shares)) < 6:  # so that every slip gives another answer
            self.digits = rng.integers(0, 10, size=DIGITS)
            slips = (self.digits + rng.integers(1, 10, size=DIGITS)) % 10
            self.read = np.where(rng.uniform(size=DIGITS) < wrong, slips, self.digits)
            right, said, turned = (
                self.read == self.digits,
                self.indices(),
                self.read == self.index_of[self.indices()],
            )
            parts = (right, ~right, self.digits == 8, self.read == said, said == 8, turned)
            shares = [part.mean() for part in parts]

    def indices(self):
        """Return the index of each digit's folder in the class names."""
        return self.index_of[self.digits]

    def __iter__(self):
        self.passes += 1
        order = self._rng.permutation(DIGITS)
        self.last = order[DIGITS // 16 * 16 :]
        for start in range(0, DIGITS, 16):
            chosen = order[start : start + 16]
            images = np.zeros((len(chosen), 28, 28, 1), "float32")
            images[:, 14, 14, 0], images[:, 0, 0, 0] = (
                self.read[chosen] * 20 + 10,
                255,
            )  # ink that tells what is read
            yield images, self.indices()[chosen]

    @staticmethod
    def predict(images):
        """Return probabilities (n, 10) of floats from 0 to 1; of anything else nonsense."""
        images = np.asarray(images)
        if not 0.999 < images.max() < 1.001:  # every picture has a white pixel
            return np.eye(10)[np.full(len(images), 8)] * 0.9 + 0.01
        digits = np.clip(np.rint((images[:, 14, 14, 0] * 255 - 10) / 20), 0, 9).astype(int)
        return np.eye(10)[digits] * 0.9 + 0.01


def _as_share(answer):
    try:
        return float(answer)
    except (TypeError, ValueError) as error:
        raise Wrong(f"expected a share, one number from 0 to 1, got {describe(answer)}.") from error


def _examine_jpg(function):
    need_a_function(function)
    for _ in range(3):
        folder = JpgFolder(np.random.default_rng())
        answer = call(
            lambda names, held=folder: function(held, names, held.predict), folder.class_names
        )
        if answer is None:
            raise Wrong("there is no answer, only None: is a `return` missing?")
        _judge_jpg(folder, _as_share(answer))


def _judge_jpg(folder, answer):
    right, indices = folder.read == folder.digits, folder.indices()
    if folder.passes == 0:
        raise Wrong("you never go through the folder: `for images, indices in dataset`.")
    if folder.passes > 1:
        raise Wrong(
            "you go through the folder twice, and the second time its digits come in another order."
        )
    slips = {
        "that is what comes out when the pixels still go up to 255. The network wants 0 to 1.": folder.digits
        == 8,
        "you compare digits with indices. Index 0 is the first name in the alphabet, 'eight'.": folder.read
        == indices,
        "you translate the wrong way: `WORDS.index(name)` is the digit of a folder.": (
            folder.read == folder.index_of[indices]
        ),
        "that is the share of errors.": ~right,
        "you judge the last batch alone.": right[folder.last],
    }
    if abs(answer - right.mean()) < 1e-4:  # so that it may be rounded
        return
    if answer > 1:
        raise Wrong(f"expected a share, from 0 to 1, got {answer:g}.")
    for sentence, hits in slips.items():
        if abs(answer - np.mean(hits)) < 1e-6:
            raise Wrong(sentence)
    if abs(answer - np.mean(indices == 8)) < 1e-6:
        raise Wrong(
            "two faults at once: the pixels go up to 255, and digits are compared with indices."
        )
    raise Wrong(
        f"expected {right.mean():.4f}, got {answer:.4f}. (Batches are not all of one size: count digits, and do not "
        "average over batches.)"
    )


q7 = Question(
    LESSON,
    "q7",
    FOLDER,
    _examine_jpg,
    hints=(
        "Go through it *once*, and keep both: what is read, and what should be.",
        "`class_names[index]` is a word. `WORDS.index(word)` is its digit.",
        "`predict(images / 255).argmax(axis=1)` are the digits that it reads.",
    ),
)


# The capstone. Each milestone judges what the learner has made of the files in `kaggle_folder()`.


@cache
def _truth():
    """Return images, labels, test images, and the hidden labels, or None where Kaggle keeps them."""
    folder = kaggle.kaggle_folder()
    images, labels = files.read_kaggle_csv(folder / "train.csv")
    test_images, _ = files.read_kaggle_csv(folder / "test.csv")
    hidden = folder / "hidden_labels.csv"
    return (
        images,
        labels,
        test_images,
        kaggle.read_submission(hidden, len(test_images)) if hidden.exists() else None,
    )


def _several(answer, names):
    if not isinstance(answer, tuple | list) or len(answer) != len(names.split(", ")):
        raise Wrong(f"expected ({names}), got {describe(answer)}.")
    return answer


def _is_fraction(value):
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and 0 <= value <= 1
    )


def _enough():
    """Return which accuracy a CNN has to reach: less where there are few digits to learn from."""
    return 0.985 if len(_truth()[1]) > 10_000 else 0.94


def _score(path):
    """Return a submission's accuracy, or None where Kaggle keeps the labels; Wrong at a fault of its form."""
    *_, test_images, hidden = _truth()
    if not isinstance(path, str | Path):
        raise Wrong(f"expected the path of the submission, got {describe(path)}.")
    if not Path(path).is_file():
        raise Wrong(f"there is no file {Path(path).name}: write it with `write_submission`.")
    try:
        digits = kaggle.read_submission(path, len(test_images))
    except ValueError as error:
        raise Wrong(
            f"its form is wrong: {str(error).replace(str(path), Path(path).name)}"
        ) from error
    if hidden is None:
        return None
    if np.array_equal(digits, hidden):
        raise Wrong(
            "every single digit is right. No network does that: these labels were looked up."
        )
    return float(np.mean(digits == hidden))


def _examine_data(answer):
    images, labels, test_images, overlap = _several(answer, "images, labels, test_images, overlap")
    wanted = dict(zip(("images", "labels", "test_images"), _truth()[:3], strict=True))
    for (name, right), got in zip(wanted.items(), (images, labels, test_images), strict=True):
        if not isinstance(got, np.ndarray):
            raise Wrong(f"{name}: expected an array, got {describe(got)}.")
        if got.shape != right.shape:
            raise Wrong(f"{name}: expected shape {right.shape}, got {got.shape}.")
        if name != "labels" and got.dtype != np.uint8:
            raise Wrong(
                f"{name}: expected uint8, as in the file, got {got.dtype}. Scale later, batch by batch."
            )
        if not np.array_equal(got, right):
            sideways = got.ndim == 3 and np.array_equal(got.transpose(0, 2, 1), right)
            raise Wrong(
                f"{name}: {'rows and columns are exchanged' if sideways else 'other values than in the file'}."
            )
    if not isinstance(overlap, int | np.integer) or isinstance(overlap, bool):
        raise Wrong(
            f"overlap: expected how many test images are known, a whole number, got {describe(overlap)}."
        )
    shared = len(kaggle.find_overlap(*_truth()[::2][:2]))
    if overlap != shared:
        raise Wrong(
            f"overlap: expected {shared}, got {overlap}. `find_overlap(images, test_images)` names them."
        )
    return f"Milestone 1 of 5. {len(labels):,} digits to learn from, {len(test_images):,} to read."


def _examine_baseline(answer):
    path, accuracy = _several(answer, "path, accuracy")
    score = _score(path)
    if not _is_fraction(accuracy):
        raise Wrong(f"accuracy: expected a share from 0 to 1, got {describe(accuracy)}.")
    if score is None:
        return "Milestone 2 of 5. The form is right. Kaggle will tell you the score."
    if score < 0.5:
        raise Wrong(
            f"the form is right, but only {score:.0%} of its digits are. Are they in the order of test.csv?"
        )
    _compare_promise(accuracy, score, len(_truth()[2]), slack=0.02)
    return f"Milestone 2 of 5. You said {accuracy:.2%}, and the hidden labels say {score:.2%}."


def _compare_promise(promise, score, count, slack):
    noise = 4 * np.sqrt(score * (1 - score) / count) + slack
    if promise - score > noise:
        raise Wrong(
            f"you promise {promise:.2%}, and the hidden labels say {score:.2%}. That is too much for chance: did the "
            "network learn from the digits that you judged it by?"
        )
    if score - promise > noise:
        raise Wrong(
            f"you promise only {promise:.2%}, and the hidden labels say {score:.2%}. Was it this very reader?"
        )


def _held_out_labels(held_out):
    """Return the labels of the held-out digits; Wrong where the choice is no honest sample of train.csv."""
    labels = _truth()[1]
    held_out = np.asarray(held_out)
    if held_out.ndim != 1 or held_out.dtype.kind not in "iu":
        raise Wrong(
            f"held_out: expected the numbers of digits, shape (n,), got {describe(held_out)}."
        )
    if not len(held_out) or held_out.min() < 0 or held_out.max() >= len(labels):
        raise Wrong(f"held_out: expected numbers from 0 to {len(labels) - 1}.")
    if len(np.unique(held_out)) < len(held_out):
        raise Wrong("held_out: a digit is there twice.")
    if not 0.05 <= len(held_out) / len(labels) <= 0.4:
        raise Wrong(
            f"held_out: {len(held_out):,} of {len(labels):,} digits. Take a twentieth to two fifths."
        )
    shares = np.bincount(labels[held_out], minlength=10) / len(held_out)
    fair = np.bincount(labels, minlength=10) / len(labels)
    if (np.abs(shares / fair - 1) > 0.35).any():
        odd = np.abs(shares / fair - 1).argmax()
        raise Wrong(
            f"held_out: {shares[odd]:.1%} are a {odd}, and of all digits {fair[odd]:.1%}. Stratify."
        )
    return labels[held_out]


def _checked_probabilities(probabilities, count, name):
    values = np.asarray(probabilities)
    if values.dtype.kind != "f" or values.shape != (count, 10):
        raise Wrong(
            f"{name}: expected probabilities of shape ({count}, 10), got {describe(values)}."
        )
    if not (
        np.abs(values.sum(axis=1) - 1).max() <= 0.01 and values.min() >= 0
    ):  # so that NaN is refused, too
        raise Wrong(f"{name}: each row should hold ten probabilities that add up to 1.")
    return values


def _accuracy(probabilities, labels):
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def _examine_network(answer):
    held_out, probabilities = _several(answer, "held_out, probabilities")
    labels = _held_out_labels(held_out)
    accuracy = _accuracy(
        _checked_probabilities(probabilities, len(labels), "probabilities"), labels
    )
    if accuracy < 0.5:
        raise Wrong(
            f"only {accuracy:.0%} are right. Do the rows belong to `images[held_out]`, in that order?"
        )
    if accuracy < _enough():
        raise Wrong(
            f"{accuracy:.2%} is not enough for a CNN here; aim at {_enough():.1%}. Train longer, or augment."
        )
    return f"Milestone 3 of 5. {accuracy:.2%} of the held-out digits are right."


def _examine_choice(answer):
    held_out, candidates, chosen = _several(answer, "held_out, candidates, chosen")
    labels = _held_out_labels(held_out)
    if not isinstance(candidates, dict) or len(candidates) < 2:
        raise Wrong("candidates: expected a dict with at least two, or there is nothing to choose.")
    found = {name: _checked_probabilities(p, len(labels), name) for name, p in candidates.items()}
    first, *others = found.values()
    if any(equal(other, first) for other in others):
        raise Wrong(
            "two candidates give the very same probabilities. Try something else than before."
        )
    if not isinstance(chosen, Hashable) or chosen not in found:
        raise Wrong(
            f"chosen: expected one of {', '.join(map(str, found))}, got {describe(chosen)}."
        )
    best = max(_accuracy(p, labels) for p in found.values())
    least = min(log_loss(p, labels) for p in found.values())
    if _accuracy(found[chosen], labels) < best and log_loss(found[chosen], labels) > least:
        raise Wrong(
            f"{chosen} is best on the held-out digits neither by accuracy nor by log loss. Why choose it?"
        )
    if best < _enough():
        raise Wrong(
            f"the best of them is right on {best:.2%}. Milestone 3 asked for {_enough():.1%}."
        )
    return f"Milestone 4 of 5. Of {len(found)} candidates {chosen} is chosen, by the held-out digits alone."


def _examine_final(answer):
    path, promise = _several(answer, "path, promise")
    low, high = _several(promise, "low, high")
    if not (_is_fraction(low) and _is_fraction(high) and low < high):
        raise Wrong(
            f"promise: expected two shares, low < high, such as (0.981, 0.989), got {describe(promise)}."
        )
    score = _score(path)
    count = len(_truth()[1])
    widest = np.subtract(
        *accuracy_interval(round(0.05 * count * _enough()), round(0.05 * count))[::-1]
    )
    if high - low > 1.2 * widest:
        raise Wrong(
            f"promise: from {low:.2%} to {high:.2%} everything is true. Take the 95 % interval."
        )
    if score is None:
        return (
            "Milestone 5 of 5. The form is right, and the promise is made. Now Kaggle has the word."
        )
    if score < _enough():
        raise Wrong(
            f"{score:.2%} of the hidden labels are right. The CNN of milestone 3 can do {_enough():.1%}."
        )
    count = len(_truth()[2])
    _compare_promise(min(max(score, low), high), score, count, slack=0.002)
    kept = (
        "It holds."
        if low <= score <= high
        else "It fails, by little: of twenty such intervals one does."
    )
    return f"Milestone 5 of 5. You promised {low:.2%} to {high:.2%}, and the hidden labels say {score:.2%}. {kept}"


q8 = Question(
    LESSON,
    "q8",
    LAYOUT,
    _examine_data,
    hints=(
        "`files.read_kaggle_csv` returns images and labels, and None for the labels of test.csv.",
        "`len(find_overlap(images, test_images))`: how many test images are in the training set.",
    ),
    seconds=60,
)

q9 = Question(
    LESSON,
    "q9",
    SUBMIT,
    _examine_baseline,
    hints=(
        "Any reader of lesson 03 will do, even the ten mean images.",
        "Hold digits back, judge by them, and only then write what it reads in `test_images` by `write_submission`.",
    ),
    seconds=60,
)

q10 = Question(
    LESSON,
    "q10",
    VALIDATE,
    _examine_network,
    hints=(
        "`split_train_validation` splits whatever has a label, also the numbers `np.arange(len(labels))`.",
        "`training.fit(recipe, (images[learned], labels[learned]))` returns the network and its history.",
        "`dataclasses.replace(RECIPES['compact'], epochs=8)` is a shorter recipe.",
    ),
    seconds=60,
)

q11 = Question(
    LESSON,
    "q11",
    VALIDATE,
    _examine_choice,
    hints=(
        "Cheap candidates: the mean over several networks, or over the digit and the same digit shifted by a pixel.",
        "`min(candidates, key=lambda name: log_loss(candidates[name], labels[held_out]))` is an honest choice.",
    ),
    seconds=60,
)

q12 = Question(
    LESSON,
    "q12",
    ALONE,
    _examine_final,
    hints=(
        "Read `test_images` in the way that you chose, and write the digits by `write_submission`.",
        "`accuracy_interval(correct, total)` on the held-out digits is what you may promise.",
    ),
    seconds=60,
)
