"""What people answer to the questions of lesson 13."""

import csv
import io
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from apps import kaggle
from tests.exercises.oldbank import Entry
from utils.evaluation import accuracy_interval
from utils.exercises import lesson_13
from utils.exercises.lesson_13 import WORDS

# 1. One line


def image_by_loops(line):
    values = [int(text) for text in line.split(",")]
    skip = len(values) - 784
    return np.array([[values[skip + 28 * y + x] for x in range(28)] for y in range(28)], np.uint8)


def image_from_text(line):
    return np.loadtxt(io.StringIO(line), int, delimiter=",")[-784:].reshape(28, 28)


# 2. A submission


def submission_by_csv(probabilities):
    file = io.StringIO()
    writer = csv.writer(file)  # lines end in \r\n
    writer.writerow(["ImageId", "Label"])
    writer.writerows((n + 1, int(np.argmax(row))) for n, row in enumerate(probabilities))
    return file.getvalue()


def submission(
    probabilities, index=False, first=1, names=("ImageId", "Label"), of=lambda p: p.argmax(axis=1)
):
    digits = of(probabilities)
    table = dict(zip(names, (range(first, first + len(digits)), digits), strict=True))
    return pd.DataFrame(table).to_csv(index=index)


def forgets_to_return(probabilities):
    submission(probabilities)


def submission_with(**change):
    return lambda probabilities: submission(probabilities, **change)


def exchanged_columns(probabilities):
    return pd.read_csv(io.StringIO(submission(probabilities)))[["Label", "ImageId"]].to_csv(
        index=False
    )


# 3. The first fault


def first_fault(lines, count, header=True, ids=True, labels=True, order=True, few=True, many=True):
    """Look for faults, and leave out what is not asked for."""
    if header and lines[0] != "ImageId,Label":
        return 1
    seen = set()
    for number, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        if len(cells) != 2 or not cells[1]:
            return number + 1
        if ids and order and cells[0] != str(number):
            return number + 1
        if ids and not order and (cells[0] in seen or not 1 <= int(cells[0]) <= count):
            return number + 1
        seen.add(cells[0])
        if labels and cells[1] not in list("0123456789"):
            return number + 1
        if many and number > count:
            return number + 1
    return len(lines) + 1 if few and len(lines) <= count else 0


def fault_without(**change):
    return lambda lines, count: first_fault(lines, count, **change)


def fault_by_comparing(lines, count):
    wanted = ["ImageId,Label", *(f"{n}," for n in range(1, count + 1))]
    for n, (line, start) in enumerate(zip(lines, wanted, strict=False), 1):
        if line != start if n == 1 else not (line[:-1] == start and line[-1:].isdigit()):
            return n
    return 0 if len(lines) == len(wanted) else min(len(lines), len(wanted)) + 1


def fault_with_floats(lines, count):
    def is_fine(label):
        try:
            return float(label) in range(10)
        except ValueError:
            return False

    for number, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        if len(cells) != 2 or cells[0] != str(number) or not is_fine(cells[1]):
            return number + 1
    return (
        first_fault(lines, count) if lines[0] != "ImageId,Label" or len(lines) != count + 1 else 0
    )


def fault_but_for_signs(lines, count):
    return first_fault([line.replace(",-", ",") for line in lines], count)


# 4. The overlap


def known_by_comparing(x_train, x_test):
    flat = x_train.reshape(len(x_train), -1)
    return np.array(
        [n for n, image in enumerate(x_test) if (flat == image.ravel()).all(axis=1).any()]
    )


def known_by_unique(x_train, x_test):
    _, kinds = np.unique(np.concatenate([x_train, x_test]).reshape(len(x_train) + len(x_test), -1), axis=0,
                         return_inverse=True)  # fmt: skip
    return np.flatnonzero(np.isin(kinds[len(x_train) :], kinds[: len(x_train)]))


def by_key(key):
    def known(x_train, x_test):
        keys = {key(image) for image in x_train}
        return [number for number, image in enumerate(x_test) if key(image) in keys]

    return known


def known_by_pairs(x_train, x_test):
    return [
        j for image in x_train for j, other in enumerate(x_test) if np.array_equal(image, other)
    ]


def each_image_once(x_train, x_test):
    return sorted(
        {x_test[n].tobytes(): n for n in known_by_comparing(x_train, x_test)[::-1]}.values()
    )


# 5. Folds


def folds_by_library(labels, k, rng):
    splitter = StratifiedKFold(k, shuffle=True, random_state=int(rng.integers(1 << 30)))
    return [held_out for _, held_out in splitter.split(np.zeros(len(labels)), labels)]


def folds_by_sorting(labels, k, rng):
    shuffled = rng.permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return tuple(dealt[number::k] for number in range(k))


def blocks(labels, k, rng):
    return np.array_split(np.arange(len(labels)), k)


def at_random(labels, k, rng):
    return np.array_split(rng.permutation(len(labels)), k)


def drawn_anew(labels, k, rng):
    return [rng.choice(len(labels), len(labels) // k, replace=False) for _ in range(k)]


def training_parts(labels, k, rng):
    return [np.setdiff1d(np.arange(len(labels)), fold) for fold in folds_by_library(labels, k, rng)]


def without_the_rest(labels, k, rng):
    size = len(labels) // k - 1
    order = np.concatenate(folds_by_sorting(labels, k, rng))
    return [order[number * size : (number + 1) * size] for number in range(k)]


# 6. Is the gain real?


def gain_by_counting(right_old, right_new):
    n, won, lost = len(right_old), np.sum(right_new & ~right_old), np.sum(right_old & ~right_new)
    return [(won - lost) / n, np.sqrt((won + lost) / n - ((won - lost) / n) ** 2) / np.sqrt(n)]


def gain_by_pandas(right_old, right_new):
    differences = pd.Series(right_new.astype(int) - right_old.astype(int))
    return np.array([differences.mean(), differences.sem()])


def gain_with(error, sign=1, factor=1):
    return lambda a, b: (sign * factor * (b.mean() - a.mean()), factor * error(a, b))


def paired(a, b):
    return np.std(b.astype(float) - a) / np.sqrt(len(a))


def unpaired(a, b):
    return np.hypot(a.std(), b.std()) / np.sqrt(len(a))


# 7. A folder of JPGs


def jpg(
    dataset, names, predict, ready=lambda images: images / 255, digit=lambda name: WORDS.index(name)
):
    right = total = 0
    for images, indices in dataset:
        found = predict(ready(images)).argmax(axis=1)
        right += sum(found == [digit(names[index]) for index in indices])
        total += len(indices)
    return right / total


def jpg_with(**change):
    return lambda *case: jpg(*case, **change)


def in_two_passes(dataset, names, predict):
    found = np.concatenate([predict(images / 255).argmax(axis=1) for images, _ in dataset])
    wanted = np.concatenate([indices for _, indices in dataset])
    return np.mean(found == np.array([WORDS.index(name) for name in names])[wanted])


def without_translation(dataset, names, predict):
    return np.mean(np.concatenate([predict(x / 255).argmax(axis=1) == y for x, y in dataset]))


def mean_of_batches(dataset, names, predict):
    table = np.array([WORDS.index(name) for name in names])
    return np.mean([np.mean(predict(x / 255).argmax(axis=1) == table[y]) for x, y in dataset])


def last_batch(dataset, names, predict):
    for images, indices in dataset:
        found = predict(images / 255).argmax(axis=1)
        share = np.mean(found == [WORDS.index(names[index]) for index in indices])
    return share


# The capstone


class Later(list):
    """Stand for an answer that is made when it is first looked at, so that nobody waits who only lists the tests."""

    def __init__(self, make):
        super().__init__()
        self.make = cache(make)

    def __iter__(self):
        return iter(self.make())

    def __len__(self):
        return len(self.make())


FOLDER = tempfile.TemporaryDirectory()


def milestone_1(**change):
    def make():
        images, labels, test_images, _ = lesson_13._truth()
        answer = {"images": images, "labels": labels, "test_images": test_images}
        answer["overlap"] = len(kaggle.find_overlap(images, test_images))
        return tuple(
            change[name](value) if name in change else value for name, value in answer.items()
        )

    return Later(make)


def misread(digits, share, seed=0):
    """Return the digits with a share of them read wrongly, evenly spread."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(digits), bool)
    wrong[rng.choice(len(digits), round(share * len(digits)), replace=False)] = True
    return np.where(wrong, (digits + rng.integers(1, 10, len(digits))) % 10, digits)


def as_file(name, digits, spoil=lambda text: text):
    path = Path(FOLDER.name) / f"{name}.csv"
    kaggle.write_submission(path, digits)
    path.write_text(spoil(path.read_text()))
    return str(path)


def milestone_2(
    name, accuracy=0.85, share=0.15, spoil=lambda text: text, order=slice(None), path=None
):
    return Later(
        lambda: (
            path or as_file(name, misread(lesson_13._truth()[3], share)[order], spoil),
            accuracy,
        )
    )


def held_out():
    return folds_by_library(lesson_13._truth()[1], 5, np.random.default_rng(0))[0]


def by_class(size=300):
    return np.argsort(lesson_13._truth()[1], kind="stable")[:size]


def says(digits, sureness=0.9):
    return (1 - sureness) / 10 + sureness * np.eye(10)[digits]


def milestone_3(share=0.02, chosen=held_out, probabilities=says, wanted=lambda chosen: chosen):
    def make():
        numbers = chosen()
        return numbers, probabilities(
            misread(lesson_13._truth()[1][wanted(np.asarray(numbers))], share)
        )

    return Later(make)


def milestone_4(shares=(0.02, 0.01), chosen="b", sure=(0.9, 0.9), names="ab"):
    def make():
        numbers = held_out()
        labels = lesson_13._truth()[1][numbers]
        found = {
            n: says(misread(labels, share), how)
            for n, share, how in zip(names, shares, sure, strict=True)
        }
        return numbers, found, chosen

    return Later(make)


FAIR = accuracy_interval(590, 600)


def milestone_5(name, promise=FAIR, share=0.016, spoil=lambda text: text):
    return Later(lambda: (as_file(name, misread(lesson_13._truth()[3], share), spoil), promise))


def without_header(text):
    return text.partition("\n")[2]


BANK = {
    "q1": Entry(
        right=[image_by_loops, lambda line: image_from_text(line).astype("uint8")],
        wrong={
            "on its side": lambda line: image_from_text(line).T.astype("uint8"),
            "starts with its label": lambda line: np.array(line.split(",")[:784], "uint8").reshape(
                28, 28
            ),
            "in a row": lambda line: np.array(line.split(",")[-784:], "uint8"),
            "scaled": lambda line: image_from_text(line) / 255,
            "which takes several": image_from_text,
            "ends at 127": lambda line: image_from_text(line).astype("int8"),
            "exchanged. In Kaggle's": lambda line: 255 - image_from_text(line).astype("uint8"),
            "your function stops with": lambda line: np.array(line.split(","), "uint8").reshape(
                28, 28
            ),
        },
    ),
    "q2": Entry(
        right=[
            submission_by_csv,
            lambda p: submission(p).rstrip("\n"),
            lambda p: submission(p).replace("ImageId,Label", '"ImageId","Label"'),
        ],
        wrong={
            "start from 0": submission_with(first=0),
            "header is missing": lambda p: submission(p).partition("\n")[2],
            "other letters": submission_with(names=("imageid", "label")),
            "a column more": submission_with(index=True),
            "like 7.0": submission_with(of=lambda p: p.argmax(axis=1).astype(float)),
            "first the id": exchanged_columns,
            "a space after": lambda p: submission(p).replace(",", ", "),
            "by semicolons": lambda p: submission(p).replace(",", ";"),
            "by tabs": lambda p: submission(p).replace(",", "\t"),
            "one digit for all": lambda p: submission(p, of=lambda p: [p.argmax()]),
            "last digit is missing": lambda p: submission(p[:-1]),
            "are confidences": submission_with(of=lambda p: p.max(axis=1)),
            "of each column": submission_with(of=lambda p: p.argmax(axis=0)),
            "sorted by digit": submission_with(of=lambda p: np.sort(p.argmax(axis=1))),
            "the text of the file": lambda p: pd.read_csv(io.StringIO(submission(p))),
            "only None": forgets_to_return,
        },
    ),
    "q3": Entry(
        right=[first_fault, fault_by_comparing],
        wrong={
            "should be, and you do not see it": fault_without(header=False),
            "ids start from 0": fault_without(ids=False),
            "changed places": fault_without(order=False),
            "a label is 10": fault_without(labels=False),
            "a label is -1": fault_but_for_signs,
            "written like 7.0": fault_with_floats,
            "last row is missing": fault_without(few=False),
            "a row too many": fault_without(many=False),
            "which is missing": lambda lines, count: min(first_fault(lines, count), len(lines)),
            "the *first* line at fault": lambda lines, count: (
                len(lines) + 1
                if len(lines) <= count and lines[0] == "ImageId,Label"
                else first_fault(lines, count)
            ),
            "Count the header": lambda lines, count: max(0, first_fault(lines, count) - 1),
            "the number of a line": lambda lines, count: first_fault(lines, count) > 0,
            "nothing is wrong": lambda lines, count: (
                first_fault(lines, count) or None or len(lines)
            ),
        },
    ),
    "q4": Entry(
        right=[known_by_comparing, known_by_unique],
        wrong={
            "the same sum": by_key(lambda image: int(image.sum())),
            "in another order": by_key(lambda image: tuple(sorted(image.ravel()))),
            "*training* images": lambda x_train, x_test: known_by_comparing(x_test, x_train),
            "*not* in": lambda x, y: np.setdiff1d(np.arange(len(y)), known_by_comparing(x, y)),
            "True or False": lambda x, y: np.isin(np.arange(len(y)), known_by_comparing(x, y)),
            "how many": lambda x, y: len(known_by_comparing(x, y)),
            "nearly alike": lambda x, y: [
                n
                for n, image in enumerate(y)
                if any(np.allclose(image, other, atol=1) for other in x.astype(int))
            ],
            "twice: both are known": each_image_once,
            "the training set twice": known_by_pairs,
            "one single pixel": lambda x_train, x_test: [
                n for n, image in enumerate(x_test) if image in x_train
            ],
            "count from 1": lambda x_train, x_test: known_by_comparing(x_train, x_test) + 1,
        },
    ),
    "q5": Entry(
        right=[folds_by_library, folds_by_sorting],
        wrong={
            "sorted, and you cut": blocks,
            "Deal each class": at_random,
            "by two folds": drawn_anew,
            "to *train* on": training_parts,
            "never held out": without_the_rest,
            "the folds are the same": lambda labels, k, rng: folds_by_library(
                labels, k, np.random.default_rng(0)
            ),
            "other folds": lambda labels, k, rng: folds_by_library(
                labels, k, np.random.default_rng()
            ),
            "one for each fold": lambda labels, k, rng: dict(
                enumerate(folds_by_library(labels, k, rng))
            ),
            "folds, got": lambda labels, k, rng: folds_by_library(labels, k - 1, rng),
            "these are labels": lambda labels, k, rng: [
                labels[fold] for fold in folds_by_library(labels, k, rng)
            ],
            "True or False": lambda labels, k, rng: [
                np.isin(np.arange(len(labels)), fold) for fold in folds_by_library(labels, k, rng)
            ],
            "held-out digits alone": lambda labels, k, rng: list(
                StratifiedKFold(k, shuffle=True, random_state=1).split(labels, labels)
            ),
        },
    ),
    "q6": Entry(
        right=[
            gain_by_counting,
            gain_by_pandas,
            lambda a, b: (b.mean() - a.mean(), np.sqrt((a != b).sum()) / len(a)),
        ],
        wrong={
            "wrong sign": gain_with(paired, sign=-1),
            "per cents": gain_with(paired, factor=100),
            "digits of its own": gain_with(unpaired),
            "uncertain *one*": gain_with(lambda a, b: b.std() / np.sqrt(len(b))),
            "the *old* one": gain_with(lambda a, b: a.std() / np.sqrt(len(a))),
            "a single difference": gain_with(lambda a, b: np.std(b.astype(float) - a)),
            "not by its root": gain_with(lambda a, b: paired(a, b) / np.sqrt(len(a))),
            "other way round": lambda a, b: (paired(a, b), b.mean() - a.mean()),
            "lost its sign": lambda a, b: (abs(b.mean() - a.mean()), paired(a, b)),
            "how often only one": lambda a, b: ((a ^ b).mean(), paired(a, b)),
            "not which": lambda a, b: ((a ^ b).mean(), (a ^ b).std() / np.sqrt(len(a))),
            "twice the standard error": gain_with(lambda a, b: 2 * paired(a, b)),
            "number of digits": lambda a, b: (b.sum() - int(a.sum()), paired(a, b)),
            "two numbers": lambda a, b: b.mean() - a.mean(),
            "boolean subtract": lambda a, b: (np.mean(b - a), paired(a, b)),
        },
    ),
    "q7": Entry(
        right=[
            jpg,
            jpg_with(ready=lambda images: np.float64(images) * (1 / 255)),
            lambda *case: round(jpg(*case), 4),
        ],
        wrong={
            "twice": in_two_passes,
            "still go up to 255": jpg_with(ready=lambda images: images),
            "in the alphabet": without_translation,
            "the wrong way": jpg_with(
                digit=lambda name: sorted(WORDS).index(WORDS[sorted(WORDS).index(name)])
            ),
            "from 0 to 1, got": lambda *case: 100 * jpg(*case),
            "of errors": lambda *case: 1 - jpg(*case),
            "do not average": mean_of_batches,
            "the last batch": last_batch,
            "two faults": lambda dataset, names, predict: np.mean(
                np.concatenate([predict(x).argmax(axis=1) == y for x, y in dataset])
            ),
            "never go through": lambda *case: 0.8,
            "one number": lambda dataset, names, predict: [
                predict(x / 255).argmax(axis=1) for x, _ in dataset
            ],
        },
    ),
    "q8": Entry(
        right=[milestone_1(labels=lambda y: y.astype(int), overlap=np.int64)],
        wrong={
            "rows and columns": milestone_1(images=lambda x: x.transpose(0, 2, 1)),
            "expected uint8": milestone_1(images=lambda x: x / np.float32(255)),
            "expected shape": milestone_1(test_images=lambda x: x.reshape(-1, 784)),
            "other values": milestone_1(labels=lambda y: np.roll(y, 1)),
            "expected an array": milestone_1(labels=lambda y: None),
            "a whole number": milestone_1(overlap=lambda n: [n]),
            "names them": milestone_1(overlap=lambda n: n + 1),
            "overlap), got": Later(lambda: lesson_13._truth()[:3]),
        },
    ),
    "q9": Entry(
        right=[milestone_2("baseline"), milestone_2("better", 0.93, 0.06)],
        wrong={
            "there is no file": milestone_2("", path="submissions.csv"),
            "expected the path": milestone_2("", path=3),
            "its form is wrong": milestone_2("headless", spoil=without_header),
            "in the order of test.csv": milestone_2("reversed", order=slice(None, None, -1)),
            "looked up": milestone_2("perfect", share=0),
            "a share from 0 to 1": milestone_2("per_cent", accuracy=85.0),
            "too much for chance": milestone_2("leak", accuracy=0.99),
            "you promise only": milestone_2("another", accuracy=0.7),
        },
    ),
    "q10": Entry(
        right=[milestone_3(), milestone_3(0.01, chosen=lambda: held_out().tolist())],
        wrong={
            "the numbers of digits": Later(
                lambda: (np.isin(np.arange(3000), held_out()), says(held_out() % 10))
            ),
            "numbers from 0": milestone_3(
                chosen=lambda: held_out() + 1000, wanted=lambda n: n - 1000
            ),
            "there twice": milestone_3(chosen=lambda: np.append(held_out(), held_out()[0])),
            "Take a twentieth": milestone_3(chosen=lambda: held_out()[:50]),
            "Stratify": milestone_3(chosen=by_class),
            "in that order": milestone_3(wanted=lambda chosen: chosen[::-1]),
            "not enough": milestone_3(0.15),
            "expected probabilities": milestone_3(probabilities=lambda digits: digits),
            "add up to 1": milestone_3(probabilities=lambda digits: says(digits) * 5),
            "ten probabilities": milestone_3(probabilities=lambda digits: says(digits) * np.nan),
        },
    ),
    "q11": Entry(
        right=[
            milestone_4(),
            milestone_4((0.01, 0.02), "a"),
            milestone_4((0.01, 0.02), "b", (0.4, 0.95)),
            milestone_4(chosen=2, names=(1, 2)),
        ],
        wrong={
            "at least two": milestone_4((0.02,), "a", (0.9,), "a"),
            "the very same": milestone_4((0.02, 0.02)),
            "expected one of": milestone_4(chosen="the best"),
            "neither by": milestone_4(chosen="a"),
            "Milestone 3 asked": milestone_4((0.2, 0.1)),
        },
    ),
    "q12": Entry(
        right=[
            milestone_5("final"),
            milestone_5("lucky", share=0.02),
            milestone_5("near", promise=(0.9845, 0.9999), share=0.018),
        ],
        wrong={
            "everything is true": milestone_5("wide", promise=(0.5, 1.0)),
            "two shares": milestone_5("points", promise=(97.1, 99.2)),
            "low < high": milestone_5("turned", promise=(0.99, 0.97)),
            "too much for chance": milestone_5("boast", promise=(0.9985, 0.9999), share=0.05),
            "you promise only": milestone_5("modest", promise=(0.93, 0.95), share=0.005),
            "looked up": milestone_5("known", share=0),
            "of milestone 3 can do": milestone_5("weak", promise=(0.84, 0.86), share=0.15),
            "its form is wrong": milestone_5("cut", spoil=lambda text: text[:-4]),
        },
    ),
}

FREE = "the way there is the learner's own: the milestone judges what came out"
EQUIVALENT = {
    ("q9", "line ?: dropped `write_submission(baseline_path, _nearest_mean(test_images))`"): "an earlier one is there",
    ("q9", "line 2: 10 becomes 9"): FREE,
    ("q9", "line 6: 1 becomes 2"): "NumPy works out any length that is negative",
    **{("q10", f"line {change}"): FREE for change in (
        "3: 0 becomes 1", "3: 0 becomes -1", "2: Gt becomes LtE", "2: 24 becomes 25", "2: 24 becomes 23",
        "2: 5 becomes 6", "2: 5 becomes 4", "2: 10000 becomes 10001", "2: 10000 becomes 9999",
    )},
    **{("q11", f"line {change}"): FREE for change in (
        "1: 0 becomes 1", "1: 0 becomes -1", "1: 1 becomes 2", "1: 1 becomes 0", "1: USub becomes UAdd",
        "5: 1 becomes 2", "5: 1 becomes 0", "5: 2 becomes 1",
    )},
}  # fmt: skip
