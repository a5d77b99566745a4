"""Inputs and milestones for the questions on kaggle_capstone."""

import os
from collections.abc import Hashable
from functools import cache
from itertools import chain, product, repeat
from pathlib import Path

import numpy as np

from apps import kaggle
from utils import files
from utils.evaluation import accuracy_interval, log_loss
from utils.exercises import Wrong
from utils.exercises.compare import as_array, describe, equal

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HEADER = "ImageId,Label"
HEADERS = ["1,7", "Label,ImageId", "imageid,label", "ImageId, Label", "ImageId,Label "]
ROWS = [  # of number n and label d; p is the number before
    "{n},{d}", "{n},10", "{n},-1", "{n},{d}.0", "{n},", "{n},{n},{d}", "{n},{d} ", " {n},{d}", "{n}, {d}", "{n},x",
    "{n},0{d}", "0{n},{d}", "{n},+{d}", "{n};{d}", "{n}.0,{d}", "{p},{d}", "{n}", "", "{n},{d},", "{n}7,{d}", ",{d}",
]  # fmt: skip


def need(right, sentence, *got):
    """Refuse what isn't right with a sentence, and with what came instead."""
    if not right:
        raise Wrong(sentence + "".join(f", got {describe(one)}." for one in got))


def q1(rng):
    while True:
        pixels = rng.integers(0, 256, size=784)
        yield (",".join(map(str, [rng.integers(10), *pixels])),)
        yield (",".join(map(str, pixels)),)


def q1_observe(function, line):
    image = function(line)
    return {"image": image, "dtype": np.asarray(image).dtype.name}


def q2(rng):
    for count in chain([300, 1], repeat(12)):
        yield (rng.dirichlet(np.full(10, 0.3), count).astype("float32"),)


def q2_observe(function, probabilities):
    """Return the lines; quotes and how a line ends don't matter."""
    text = function(probabilities)
    need(text is None or isinstance(text, str), "expected the text of the file", text)
    return text and [line.rstrip() for line in text.replace('"', "").rstrip().splitlines()]


def q3(rng):
    yield [HEADER], 4
    yield [HEADER, "2,7", "1,3"], 2
    while True:
        for form, more in product([*HEADERS, *ROWS], [0, 2, -2]):
            count = int(rng.integers(6, 15))
            lines = [HEADER, *(f"{n},{rng.integers(10)}" for n in range(1, count + 1))]
            n = int(rng.integers(2, count - 2))
            lines[0 if form in HEADERS else n] = form.format(n=n, p=n - 1, d=lines[n][-1])
            yield lines, count + more


def q4(rng):
    images = rng.integers(0, 256, size=(40, 5, 5), dtype="uint8")
    yield images[:31], images[31:]  # none is known
    yield images, images[::-1]  # all of them
    while True:
        train = rng.integers(0, 256, size=(20, 6, 6), dtype="uint8")
        train[15:], train[12, 0, :2] = train[:5], [100, 200]  # some are in it twice
        test = train[[0, 0, 1, 2, 7, 7, 8, 9, 10, 11, 12]]
        test[7] = train[9].T
        test[8].flat[rng.integers(36)] ^= 1
        test[9].flat[rng.integers(36)] ^= 16  # its square is 0 in a byte
        test[10, 0, :2] = 150  # the same sum
        yield train, rng.permutation(test)


def q4_observe(function, x_train, x_test):
    """Return the numbers in order, as text: they may come as a set, a list, or an array."""
    answer = function(x_train, x_test)
    return str(np.sort(list(answer)).tolist()) if np.iterable(answer) else answer


def q5(rng):
    same = np.arange(2001) % 9 > 0
    yield same, same
    while True:
        old = rng.uniform(size=int(rng.integers(2000, 4000))) < 0.95
        yield old, old ^ (rng.uniform(size=old.size) < np.where(old, 0.02, 0.4))


class JpgFolder:
    """Stand for a dataset of batches that come in another order each time."""

    def __init__(self, digits, read, class_names, seed):
        self.images = np.full((len(read), 28, 28, 1), 255, "float32")
        self.images[:, 14, 14, 0] = 25.5 * read  # ink that tells what is read
        self.indices = np.array([class_names.index(WORDS[digit]) for digit in digits])
        self.rng, self.passes = np.random.default_rng(seed), 0

    def __iter__(self):
        self.passes += 1
        for chosen in np.array_split(self.rng.permutation(len(self.images)), [16, 32, 48, 64]):
            yield self.images[chosen], self.indices[chosen]


def predict(images):
    """Return probabilities (n, 10), of other digits unless the pixels go up to 1."""
    ink, most = np.asarray(images)[:, 14, 14, 0], np.max(images)
    shift = 3 * (most > 1.001) + 5 * (most < 0.999)
    return np.eye(10)[(np.rint(10 * ink / most).astype(int) + shift) % 10]


def q6(rng):
    while True:
        digits = rng.integers(0, 10, size=71)  # a prime: a share of a batch is none of them all
        read = np.where(rng.uniform(size=71) < 0.2, rng.integers(0, 10, size=71), digits)
        for class_names in (sorted(WORDS), rng.permutation(WORDS).tolist()):
            yield digits, read, class_names, int(rng.integers(1000))


def q6_observe(function, digits, read, class_names, seed):
    folder = JpgFolder(digits, read, class_names, seed)
    answer = function(folder, class_names, predict)
    fine = folder.passes < 2 or equal(answer, np.mean(digits == read), 1e-4)
    need(fine, "you go through the folder twice, and its digits come in another order then.")
    return answer


# The capstone. Each milestone judges what the learner has made of the files in `kaggle_folder()`.
@cache
def truth():
    """Return images, labels, test images, and the hidden labels, or None if Kaggle keeps them."""
    folder = kaggle.kaggle_folder()
    images, labels = files.read_kaggle_csv(folder / "train.csv")
    test_images, _ = files.read_kaggle_csv(folder / "test.csv")
    path = folder / kaggle.HIDDEN
    hidden = kaggle.read_submission(path, len(test_images)) if path.exists() else None
    return images, labels, test_images, hidden


def need_enough(accuracy):
    """Refuse what a CNN surpasses: less if there are few digits to learn from."""
    least = 0.985 if len(truth()[1]) > 10_000 else 0.94
    need(accuracy >= least, f"{accuracy:.2%} isn't enough for a CNN here. Aim at {least:.1%}.")


def several(answer, names):
    right = isinstance(answer, tuple | list) and len(answer) == len(names.split(", "))
    need(right, f"expected `({names})`", answer)
    return answer


def is_share(value):
    return isinstance(value, int | float | np.floating) and 0 <= value <= 1


def score_of(path):
    """Return a submission's accuracy, or None if Kaggle keeps the labels."""
    *_, test_images, hidden = truth()
    there = isinstance(path, str | Path) and os.path.isfile(path)
    need(there, "expected the path of a file that `write_submission` wrote", path)
    try:
        digits = kaggle.read_submission(path, len(test_images))
    except ValueError as fault:
        raise Wrong(f"its form is wrong: {fault}".replace(str(path), Path(path).name)) from None
    score = None if hidden is None else float(np.mean(digits == hidden))
    need(score != 1, "every digit is right. No network does that: these labels were looked up.")
    return score


def need_close(promise, score, slack):
    noise = 4 * np.sqrt(score * (1 - score) / len(truth()[2])) + slack
    facts = f"{promise:.2%}, and the hidden labels say {score:.2%}"
    leak = "That's too much for chance: did the network learn from the digits you tested it on?"
    need(promise - score <= noise, f"you promise {facts}. {leak}")
    need(score - promise <= noise, f"you promise only {facts}. Was it the same classifier?")


def labels_of(held_out):
    """Return the labels of held-out digits, which have to be a fair sample of train.csv."""
    labels, numbers = truth()[1], as_array(held_out)
    whole = numbers is not None and numbers.ndim == 1 and numbers.dtype.kind in "iu"
    need(whole, "held_out: expected the numbers of digits, shape (n,)", held_out)
    fine = len(np.intersect1d(numbers, np.arange(len(labels)))) == len(numbers)
    need(fine, f"held_out: expected different numbers from 0 to {len(labels) - 1}.")
    share = len(numbers) / len(labels)
    need(0.05 <= share <= 0.4, f"held_out: {share:.0%} of the digits. Take from 5% to 40%.")
    times = np.bincount(labels[numbers], minlength=10) / np.bincount(labels) / share
    odd = np.abs(times - 1).argmax()
    need(abs(times[odd] - 1) <= 0.35, f"held_out: too many or too few of the {odd}s. Stratify.")
    return labels[numbers]


def scores(values, labels, name):
    """Return the accuracy and the log loss of probabilities."""
    found, shape = as_array(values), (len(labels), 10)
    fine = found is not None and found.shape == shape and found.min() >= 0
    fine = fine and np.allclose(found.sum(axis=1), 1, atol=0.01)
    need(fine, f"{name}: expected shape {shape}, and ten probabilities that add up to 1", values)
    return np.mean(found.argmax(axis=1) == labels), log_loss(found, labels)


def q7_judge(answer):
    *arrays, overlap = several(answer, "images, labels, test_images, overlap")
    for name, right, got in zip(("images", "labels", "test_images"), truth(), arrays, strict=False):
        fine = isinstance(got, np.ndarray) and got.shape == right.shape
        need(fine, f"{name}: expected an array of shape {right.shape}", got)
        fine = name == "labels" or got.dtype == "uint8"
        need(fine, f"{name}: expected uint8, as in the file, not {got.dtype}. Scale later.")
        need(np.array_equal(got, right), f"{name}: other values than in the file.")
    known = len(kaggle.find_overlap(arrays[0], arrays[2]))
    need(equal(overlap, known), f"overlap: expected {known}, as `find_overlap` finds", overlap)
    return f"Milestone 1 of 5. {len(arrays[1]):,} digits to learn from, {len(arrays[2]):,} to read."


def q8_judge(answer):
    path, accuracy = several(answer, "path, accuracy")
    score = score_of(path)
    need(is_share(accuracy), "accuracy: expected a share from 0 to 1", accuracy)
    if score is None:
        return "Milestone 2 of 5. The form is right. Kaggle will tell you the score."
    need(score >= 0.5, f"only {score:.0%} are right. Are they in the order of test.csv?")
    need_close(accuracy, score, slack=0.02)
    return f"Milestone 2 of 5. You said {accuracy:.2%}, and the hidden labels say {score:.2%}."


def q9_judge(answer):
    held_out, probabilities = several(answer, "held_out, probabilities")
    accuracy, _ = scores(probabilities, labels_of(held_out), "probabilities")
    need(accuracy >= 0.5, f"only {accuracy:.0%} are right. Are they in the order of `held_out`?")
    need_enough(accuracy)
    return f"Milestone 3 of 5. {accuracy:.2%} of the held-out digits are right."


def q10_judge(answer):
    held_out, candidates, chosen = several(answer, "held_out, candidates, chosen")
    labels = labels_of(held_out)
    choice = isinstance(candidates, dict) and len(candidates) >= 2
    need(choice, "candidates: expected a dict with at least two", candidates)
    found = {name: scores(values, labels, name) for name, values in candidates.items()}
    alike = len(set(found.values())) < len(found)
    need(not alike, "two candidates give the very same probabilities. Try something else, too.")
    known = isinstance(chosen, Hashable) and chosen in found
    need(known, f"chosen: expected one of {', '.join(map(str, found))}", chosen)
    accuracies, losses = zip(*found.values(), strict=True)
    good = found[chosen][0] == max(accuracies) or found[chosen][1] == min(losses)
    need(good, f"{chosen} is best neither by accuracy nor by log loss. Why choose it?")
    need_enough(max(accuracies))
    return f"Milestone 4 of 5. You chose {chosen}, by the held-out digits alone."


def q11_judge(answer):
    path, promise = several(answer, "path, promise")
    low, high = several(promise, "low, high")
    right = is_share(low) and is_share(high) and low < high
    need(right, "promise: expected two shares, low < high, such as (0.981, 0.989)", promise)
    score, least = score_of(path), round(0.05 * len(truth()[1]))
    widest = np.ptp(accuracy_interval(round(least * (low + high) / 2), least))
    need(high - low <= 1.2 * widest, "promise: that's too wide. Take the 95% interval.")
    if score is None:
        return "Milestone 5 of 5. The form is right, and you've promised. Now it's Kaggle's turn."
    need_enough(score)
    need_close(min(max(score, low), high), score, slack=0.002)
    return f"Milestone 5 of 5. You promised {low:.2%} to {high:.2%}, and {score:.2%} are right."
