"""What people answer to the questions on kaggle_capstone."""

import csv
import io
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from apps import kaggle
from tests.exercises.bank import Entry
from utils.evaluation import accuracy_interval
from utils.exercises import material
from utils.preprocessing import split_train_validation

given = material("kaggle_capstone")
WORDS, truth = given.WORDS, given.truth


def image_by_loops(line):
    values = [int(text) for text in line.split(",")]
    skip = len(values) - 784
    return np.array([[values[skip + 28 * y + x] for x in range(28)] for y in range(28)], np.uint8)


def submission_by_csv(probabilities):
    file = io.StringIO()
    writer = csv.writer(file)  # lines end in \r\n
    writer.writerow(["ImageId", "Label"])
    writer.writerows((n + 1, int(np.argmax(row))) for n, row in enumerate(probabilities))
    return file.getvalue()


def fault_by_comparing(lines, count):
    wanted = ["ImageId,Label", *(f"{n}," for n in range(1, count + 1))]
    for n, (line, start) in enumerate(zip(lines, wanted, strict=False), 1):
        if line != start if n == 1 else not (line[:-1] == start and line[-1:].isdigit()):
            return np.int64(n)
    return 0 if len(lines) == len(wanted) else min(len(lines), len(wanted)) + 1


def known_by_unique(x_train, x_test):
    both = np.concatenate([x_train, x_test])
    _, kinds = np.unique(both.reshape(len(both), -1), axis=0, return_inverse=True)
    return np.flatnonzero(np.isin(kinds[len(x_train) :], kinds[: len(x_train)]))[::-1]


def known_by_first_row(x_train, x_test):
    return [n for n, image in enumerate(x_test) if image[0].tolist() in x_train[:, 0].tolist()]


def gain_by_pandas(old, new):
    differences = pd.Series(new.astype(int) - old.astype(int))
    return np.array([differences.mean(), differences.sem()])


def gain_by_mcnemar(old, new):
    return new.mean() - old.mean(), np.sqrt((old != new).sum()) / len(old)


def jpg(dataset, names, predict):
    right = total = 0
    for images, indices in dataset:
        found = predict(images / 255).argmax(axis=1)
        right += sum(found == [WORDS.index(names[index]) for index in indices])
        total += len(indices)
    return right / total


def in_two_passes(dataset, names, predict):
    found = np.concatenate([predict(images / 255).argmax(axis=1) for images, _ in dataset])
    wanted = np.concatenate([indices for _, indices in dataset])
    return np.mean(found == np.array([WORDS.index(name) for name in names])[wanted])


class Later(list):
    """Stand for an answer that is made when it's first looked at, so that listing the tests is quick."""

    def __init__(self, make):
        self.make = cache(make)

    def __iter__(self):
        return iter(self.make())

    def __len__(self):
        return len(self.make())


FOLDER = tempfile.TemporaryDirectory()


def data(**change):
    def make():
        images, labels, test_images, _ = truth()
        overlap = len(kaggle.find_overlap(images, test_images))
        answer = {"images": images, "labels": labels, "test_images": test_images, "n": overlap}
        return [change.get(name, lambda same: same)(value) for name, value in answer.items()]

    return Later(make)


def misread(digits, share):
    """Return the digits with a share of them read wrongly."""
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(digits)) < round(share * len(digits))
    return np.where(wrong, (digits + rng.integers(1, 10, len(digits))) % 10, digits)


def file_with(name, share, said, spoil=lambda text: text, order=1):
    """Return a submission with a share of errors, and what is said of it."""

    def make():
        path = Path(FOLDER.name) / f"{name}.csv"
        kaggle.write_submission(path, misread(truth()[3], share)[::order])
        path.write_text(spoil(path.read_text()))
        return str(path), said

    return Later(make)


def held_out():
    return split_train_validation(np.arange(len(truth()[1])), truth()[1], 0.1)[1]


def says(digits, confidence=0.9):
    return (1 - confidence) / 10 + confidence * np.eye(10)[digits]


def network(share=0.02, chosen=lambda numbers: numbers, said=says, order=1):
    """Return what a network with a share of errors says of the chosen ones of the held-out digits."""

    def make():
        numbers = chosen(held_out())
        return numbers, said(misread(truth()[1][np.asarray(numbers) % 3000][::order], share))

    return Later(make)


def choice(shares=(0.02, 0.01), chosen="b", confident=(0.9, 0.9), names="ab"):
    def make():
        labels = truth()[1][held_out()]
        ways = zip(names, shares, confident, strict=True)
        return held_out(), {name: says(misread(labels, *how), c) for name, *how, c in ways}, chosen

    return Later(make)


FAIR = accuracy_interval(590, 600)
BANK = {
    "q1": Entry(
        right=[image_by_loops],
        wrong={"`dtype`: expected `'uint8'`": lambda line: image_by_loops(line).astype("int16")},
    ),
    "q2": Entry(
        right=[submission_by_csv, lambda p: submission_by_csv(p).replace("Label", '"Label"')],
        wrong={"the text of the file": lambda p: pd.DataFrame({"Label": p.argmax(axis=1)})},
    ),
    "q3": Entry(
        right=[fault_by_comparing],
        wrong={
            "got `0`. Given: lines": lambda lines, n: fault_by_comparing(lines[: n + 1], n),
            "expected `0`, got `": lambda *both: fault_by_comparing(*both) or len(both[0]),
            "expected `2`, got": lambda *both: fault_by_comparing(*both) > 0,
        },
    ),
    "q4": Entry(
        right=[known_by_unique, lambda *both: set(known_by_unique(*both))],
        wrong={"expected `'[": known_by_first_row},
    ),
    "q5": Entry(
        right=[gain_by_pandas, gain_by_mcnemar],
        wrong={"boolean subtract": lambda old, new: ((new - old).mean(), (new - old).std())},
    ),
    "q6": Entry(right=[jpg], wrong={"the folder twice": in_two_passes}),
    "q7": Entry(
        right=[data(labels=lambda y: y.astype(int), n=np.int64)],
        wrong={
            "expected uint8": data(images=lambda x: x / np.float32(255)),
            "expected an array of shape": data(test_images=lambda x: x.reshape(-1, 784)),
            "other values": data(images=lambda x: x.transpose(0, 2, 1)),
            "as `find_overlap` finds": data(n=lambda n: n + 1),
            "overlap)`, got": Later(lambda: truth()[:3]),
        },
    ),
    "q8": Entry(
        right=[file_with("baseline", 0.15, 0.85), file_with("better", 0.06, 0.93)],
        wrong={
            "expected the path": ("submissions.csv", 0.85),
            "its form is wrong": file_with("cut", 0.15, 0.85, lambda text: text[9:]),
            "in the order of test.csv": file_with("reversed", 0.15, 0.85, order=-1),
            "looked up": file_with("perfect", 0, 0.99),
            "a share from 0 to 1": file_with("per_cent", 0.15, 85.0),
            "too much for chance": file_with("leak", 0.15, 0.99),
            "you promise only": file_with("another", 0.15, 0.7),
        },
    ),
    "q9": Entry(
        right=[network(), network(0.01, chosen=list)],
        wrong={
            "the numbers of digits": network(chosen=lambda n: np.isin(np.arange(3000), n)),
            "different numbers": network(chosen=lambda n: np.append(n, n[0])),
            "from 0 to": network(chosen=lambda n: n + 1000),
            "Take from 5%": network(chosen=lambda n: n[:50]),
            "Stratify": network(chosen=lambda n: np.argsort(truth()[1], kind="stable")[:300]),
            "in the order of": network(order=-1),
            "isn't enough": network(0.15),
            "expected shape": network(said=lambda digits: digits),
            "add up to 1": network(said=lambda digits: says(digits) * 5),
            "ten probabilities": network(said=lambda digits: says(digits) * np.nan),
        },
    ),
    "q10": Entry(
        right=[choice(), choice((0.01, 0.02), "b", (0.4, 0.95)), choice(chosen=2, names=(1, 2))],
        wrong={
            "at least two": choice((0.02,), "a", (0.9,), "a"),
            "the very same": choice((0.02, 0.02)),
            "expected one of": choice(chosen="the best"),
            "best neither by": choice(chosen="a"),
            "isn't enough": choice((0.2, 0.1)),
        },
    ),
    "q11": Entry(
        right=[file_with("final", 0.016, FAIR), file_with("near", 0.018, (0.9845, 0.9999))],
        wrong={
            "too wide": file_with("wide", 0.016, (0.5, 1.0)),
            "two shares": file_with("points", 0.016, (97.1, 99.2)),
            "low < high": file_with("turned", 0.016, (0.99, 0.97)),
            "too much for chance": file_with("boast", 0.05, (0.9985, 0.9999)),
            "you promise only": file_with("modest", 0.005, (0.93, 0.95)),
            "looked up": file_with("known", 0, FAIR),
            "isn't enough": file_with("weak", 0.15, (0.84, 0.86)),
        },
    ),
}
