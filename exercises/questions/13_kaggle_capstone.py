"""Inputs, mistakes, and milestones for the questions on kaggle_capstone."""

import os
from collections.abc import Hashable
from functools import cache
from itertools import zip_longest
from pathlib import Path

import numpy as np

from apps import kaggle
from utils import files
from utils.evaluation import accuracy_interval, log_loss
from utils.exercises import Wrong
from utils.exercises.compare import describe, equal

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HEADER = "ImageId,Label"


def q1(rng):
    while True:
        pixels = rng.integers(0, 256, size=784)
        yield (",".join(map(str, [rng.integers(10), *pixels])),)
        yield (",".join(map(str, pixels)),)


def q1_observe(function, line):
    image = function(line)
    try:
        return {"image": image, "dtype": np.asarray(image).dtype.name}
    except Exception:  # of rows of different lengths
        return {"image": image, "dtype": "none"}


def q2(rng):
    yield (rng.dirichlet(np.ones(10), size=300).astype("float32"),)
    yield (rng.dirichlet(np.ones(10), size=1),)
    while True:
        yield (rng.dirichlet(np.full(10, 0.3), size=int(rng.integers(11, 16))),)


def q2_observe(function, probabilities):
    """Return the lines; quotes and how a line ends don't matter."""
    text = function(probabilities)
    if text is None or isinstance(text, str):
        return text and [line.rstrip() for line in text.replace('"', "").rstrip().splitlines()]
    hint = "`to_csv(index=False)` returns a text"
    raise Wrong(f"expected the text of the file, got {describe(text)}. ({hint}.)")


ROWS = [  # rows at fault, of number n, label d, and the number before, p
    "{n},10", "{n},-1", "{n},{d}.0", "{n},", "{n},{n},{d}", "{n},{d} ", " {n},{d}", "{n}, {d}", "{n},0{d}", "{n},x",
    "0{n},{d}", "{n},+{d}", "{n};{d}", "{n}.0,{d}", "{p},{d}", "{n}", "", "{n},{d},", "{n}7,{d}", ",{d}", "{n},{d}{d}",
]  # fmt: skip


def q3(rng):
    yield [HEADER], 4
    while True:
        for form in [*ROWS, "swapped", "gap", "zero", "few", "many", "two", "fine", *HEADERS]:
            count = int(rng.integers(5, 15))
            lines = [HEADER, *(f"{n},{rng.integers(10)}" for n in range(1, count + 1))]
            n = int(rng.integers(2, count))
            if form in ROWS:
                lines[n] = form.format(n=n, p=n - 1, d=lines[n][-1])
            elif form in HEADERS:
                lines[0] = form or lines[1]
            elif form == "swapped":
                lines[n : n + 2] = lines[n : n + 2][::-1]
            elif form in ("gap", "zero"):
                n, step = (n, 1) if form == "gap" else (1, -1)
                lines[n:] = [f"{m + step},{lines[m][-1]}" for m in range(n, count + 1)]
            elif form == "few":
                del lines[n:]
            elif form == "many":
                lines += [f"{count + more},3" for more in (1, 2)]
            elif form == "two":
                lines = [*lines[:2], f"{lines[2]}7", *lines[3:-1]]
            yield lines, count


HEADERS = [
    "",
    "Label,ImageId",
    "imageid,label",
    "ImageId, Label",
    "ImageId;Label",
    "ImageId,Label ",
]


def last_fault(lines, count):
    wanted = [{HEADER}, *({f"{n},{d}" for d in range(10)} for n in range(1, count + 1))]
    pairs = enumerate(zip_longest(lines, wanted), start=1)
    return max((n for n, (line, right) in pairs if line not in (right or {})), default=0)


def ids_in_any_order(lines, count):
    left = {str(number) for number in range(1, count + 1)}
    for number, line in enumerate(lines, start=1):
        known, _, label = line.partition(",")
        if line != HEADER if number == 1 else known not in left or label not in {*"0123456789"}:
            return number
        left.discard(known)
    return len(lines) + 1 if left else 0


def numbers_in_any_form(lines, count):
    for number, line in enumerate(lines):
        try:
            known, label = map(int, line.split(",")) if number else (0, int(line != HEADER) * 99)
        except ValueError:
            return number + 1
        if number > count or known != number or label not in range(10):
            return number + 1
    return 0 if len(lines) == count + 1 else len(lines) + 1


def q4(rng):
    images = rng.integers(0, 256, size=(70, 5, 5), dtype="uint8")
    yield images[:9], images[9:12]  # none is known
    yield images[:35], images[34::-1]  # all of them
    while True:
        train, test = rng.integers(0, 256, size=(2, 30, 6, 6), dtype="uint8")
        train[20:23], test = train[:3], test[:13]  # some are in the training set twice
        test[0] = train[12].T  # the same pixels, elsewhere
        for number, gray in (
            (1, 1),
            (10, 16),
        ):  # off by little, or so that its square is 0 in a byte
            test[number] = train[12 + number]
            test[number].flat[rng.integers(36)] ^= gray
        test[9] = train[14]
        test[9, 0, :2] = train[14, 0, :2] = 100, 200
        test[9, 0, :2] = 150, 150  # the same sum
        test[2:6] = train[[1, 17, 18, 19]]
        test[6], test[8] = test[5], test[7]  # in the test set twice
        yield train, test[rng.permutation(13)]


def q4_observe(function, x_train, x_test):
    answer = function(x_train, x_test)
    try:
        numbers = np.asarray(list(answer))
    except (TypeError, ValueError):
        numbers = np.zeros((1, 1))
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        return {"numbers": answer, "each image is named once": True}
    named = set(numbers.tolist())
    return {"numbers": named, "each image is named once": len(named) == len(numbers)}


def each_image_once(x_train, x_test):
    seen = {image.tobytes() for image in x_train}
    return [n for n, image in enumerate(x_test) if image.tobytes() in seen and
            not any(np.array_equal(image, other) for other in x_test[:n])]  # fmt: skip


def pairs_of_images(x_train, x_test):
    return [
        n for image in x_train for n, other in enumerate(x_test) if np.array_equal(image, other)
    ]


def q5(rng):
    yield np.arange(2001) % 9 > 0, np.arange(2001) % 9 > 0  # no difference at all
    while True:
        change = rng.uniform(size=int(rng.integers(2000, 4000)))
        old = rng.uniform(size=change.size) < 0.95
        new = np.where(old, change > 0.01, change < rng.uniform(0.35, 0.5))
        yield old, new
        yield new, old


def q5_observe(function, right_old, right_new):
    """Run an answer; McNemar's error, of a difference that is 0 in truth, is right, too."""
    answer = function(right_old, right_new)
    differences, count = right_new.astype(float) - right_old, len(right_old)
    if isinstance(answer, tuple | list | np.ndarray) and np.shape(answer) == (2,):
        mcnemar = np.sqrt(np.sum(right_old != right_new)) / count
        if equal(answer[1], mcnemar, 1e-9):
            return [answer[0], differences.std() / np.sqrt(count)]
    return answer


class JpgFolder:
    """Stand for what `image_dataset_from_directory` returns: batches, in another order each time."""

    def __init__(self, digits, read, seed):
        self.rng = np.random.default_rng(seed)
        names = self.rng.permutation(WORDS) if seed % 2 else sorted(WORDS)
        self.class_names, self.passes = [str(name) for name in names], 0
        self.read = read
        self.indices = np.array([self.class_names.index(WORDS[digit]) for digit in digits])

    def __iter__(self):
        self.passes += 1
        for chosen in np.array_split(self.rng.permutation(len(self.read)), [16, 32, 48, 64]):
            images = np.zeros((len(chosen), 28, 28, 1), "float32")
            images[:, 0, 0, 0] = 255
            images[:, 14, 14, 0] = self.read[chosen] * 20 + 10  # ink that tells what is read
            yield images, self.indices[chosen]


def predict(images):
    """Return probabilities (n, 10): 8 for all pixels up to 255, 3 for any other wrong scale."""
    images = np.asarray(images)
    if 0.999 < images.max() < 1.001:
        digits = np.rint((images[:, 14, 14, 0] * 255 - 10) / 20).astype(int).clip(0, 9)
    else:
        digits = np.full(len(images), 8 if images.max() > 200 else 3)
    return 0.01 + 0.9 * np.eye(10)[digits]


def q6(rng):
    while True:
        digits = rng.integers(0, 10, size=71)  # a prime: a share of a batch is none of them all
        read = np.where(rng.uniform(size=71) < 0.2, rng.integers(0, 10, size=71), digits)
        yield ({"digits": digits, "read": read, "seed": int(rng.integers(1000))},)


def q6_observe(function, files):
    folder, digits, read = JpgFolder(**files), files["digits"], files["read"]
    answer = function(folder, folder.class_names, predict)
    if not folder.passes:
        raise Wrong("you never go through the folder: `for images, indices in dataset`.")
    if folder.passes > 1 and not equal(answer, float(np.mean(digits == read)), 1e-4):
        again = "and the second time its digits come in another order"
        raise Wrong(f"you go through the folder {folder.passes} times, {again}.")
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


def enough():
    """Return which accuracy a CNN has to reach: less if there are few digits to learn from."""
    return 0.985 if len(truth()[1]) > 10_000 else 0.94


def need(right, sentence):
    if not right:
        raise Wrong(sentence)


def several(answer, names):
    right = isinstance(answer, tuple | list) and len(answer) == len(names.split(", "))
    need(right, f"expected `({names})`, got {describe(answer)}.")
    return answer


def is_share(value):
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and 0 <= value <= 1


def score_of(path):
    """Return a submission's accuracy, or None if Kaggle keeps the labels."""
    *_, test_images, hidden = truth()
    need(
        isinstance(path, str | Path), f"expected the path of the submission, got {describe(path)}."
    )
    name = Path(path).name
    need(os.path.isfile(path), f"there's no file {name}: write it with `write_submission`.")
    try:
        digits = kaggle.read_submission(path, len(test_images))
    except ValueError as fault:
        raise Wrong(f"its form is wrong: {str(fault).replace(str(path), name)}") from fault
    if hidden is None:
        return None
    looked_up = "every single digit is right. No network does that: these labels were looked up."
    need(not np.array_equal(digits, hidden), looked_up)
    return float(np.mean(digits == hidden))


def q7_judge(answer):
    names = ("images", "labels", "test_images")
    *arrays, overlap = several(answer, "images, labels, test_images, overlap")
    for name, right, got in zip(names, truth()[:3], arrays, strict=True):
        need(isinstance(got, np.ndarray), f"{name}: expected an array, got {describe(got)}.")
        shapes = f"expected shape {right.shape}, got {got.shape}"
        need(got.shape == right.shape, f"{name}: {shapes}.")
        scaled = name != "labels" and got.dtype != np.uint8
        hint = f"expected uint8, as in the file, got {got.dtype}. Scale later, batch by batch"
        need(not scaled, f"{name}: {hint}.")
        sideways = got.ndim == 3 and np.array_equal(got.transpose(0, 2, 1), right)
        fault = "rows and columns are exchanged" if sideways else "other values than in the file"
        need(np.array_equal(got, right), f"{name}: {fault}.")
    whole = isinstance(overlap, int | np.integer) and not isinstance(overlap, bool)
    wanted = "expected how many test images are known, a whole number"
    need(whole, f"overlap: {wanted}, got {describe(overlap)}.")
    shared = len(kaggle.find_overlap(truth()[0], truth()[2]))
    hint = "`find_overlap(images, test_images)` names them"
    need(overlap == shared, f"overlap: expected {shared}, got {overlap}. {hint}.")
    return f"Milestone 1 of 5. {len(arrays[1]):,} digits to learn from, {len(arrays[2]):,} to read."


def q8_judge(answer):
    path, accuracy = several(answer, "path, accuracy")
    score = score_of(path)
    need(is_share(accuracy), f"accuracy: expected a share from 0 to 1, got {describe(accuracy)}.")
    if score is None:
        return "Milestone 2 of 5. The form is right. Kaggle will tell you the score."
    order = "Are they in the order of test.csv?"
    need(score >= 0.5, f"the form is right, but only {score:.0%} of its digits are. {order}")
    need_close(accuracy, score, slack=0.02)
    return f"Milestone 2 of 5. You said {accuracy:.2%}, and the hidden labels say {score:.2%}."


def need_close(promise, score, slack):
    noise = 4 * np.sqrt(score * (1 - score) / len(truth()[2])) + slack
    facts = f"{promise:.2%}, and the hidden labels say {score:.2%}"
    reason = (
        "That's too much for chance: did the network learn from the digits that you tested it on?"
    )
    need(promise - score <= noise, f"you promise {facts}. {reason}")
    need(score - promise <= noise, f"you promise only {facts}. Was it the same classifier?")


def labels_of(held_out):
    """Return the labels of the held-out digits. Raises Wrong unless they are a fair sample of train.csv."""
    labels = truth()[1]
    try:
        numbers = np.asarray(held_out)
    except ValueError:
        numbers = np.zeros((1, 1))
    whole = numbers.ndim == 1 and numbers.dtype.kind in "iu"
    wanted = f"held_out: expected the numbers of digits, shape (n,), got {describe(held_out)}."
    need(whole, wanted)
    there = len(numbers) and numbers.min() >= 0 and numbers.max() < len(labels)
    need(there, f"held_out: expected numbers from 0 to {len(labels) - 1}.")
    need(len(np.unique(numbers)) == len(numbers), "held_out: a digit is in it twice.")
    share = f"{len(numbers):,} of {len(labels):,} digits. Take a twentieth to two fifths"
    need(0.05 <= len(numbers) / len(labels) <= 0.4, f"held_out: {share}.")
    shares = np.bincount(labels[numbers], minlength=10) / len(numbers)
    fair = np.bincount(labels, minlength=10) / len(labels)
    odd = np.abs(shares / fair - 1).argmax()
    facts = f"{shares[odd]:.1%} of them are a {odd}, and of all digits {fair[odd]:.1%}. Stratify"
    need(abs(shares[odd] / fair[odd] - 1) <= 0.35, f"held_out: {facts}.")
    return labels[numbers]


def need_probabilities(values, count, name):
    try:
        values = np.asarray(values)
    except ValueError:
        values = np.zeros(0)
    shape = f"expected probabilities of shape ({count}, 10), got {describe(values)}"
    need(values.dtype.kind == "f" and values.shape == (count, 10), f"{name}: {shape}.")
    fine = np.abs(values.sum(axis=1) - 1).max() <= 0.01 and values.min() >= 0  # NaN isn't
    need(fine, f"{name}: each row should hold ten probabilities that add up to 1.")
    return values


def accuracy_of(probabilities, labels):
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def q9_judge(answer):
    held_out, probabilities = several(answer, "held_out, probabilities")
    labels = labels_of(held_out)
    values = need_probabilities(probabilities, len(labels), "probabilities")
    accuracy = accuracy_of(values, labels)
    order = "Do the rows belong to `images[held_out]`, in that order?"
    need(accuracy >= 0.5, f"only {accuracy:.0%} are right. {order}")
    aim = f"aim at {enough():.1%}. Train longer, or augment"
    need(accuracy >= enough(), f"{accuracy:.2%} isn't enough for a CNN here; {aim}.")
    return f"Milestone 3 of 5. {accuracy:.2%} of the held-out digits are right."


def q10_judge(answer):
    held_out, candidates, chosen = several(answer, "held_out, candidates, chosen")
    labels = labels_of(held_out)
    several_ways = isinstance(candidates, dict) and len(candidates) >= 2
    need(several_ways, "candidates: expected a dict with at least two, so that you can choose.")
    found = {
        name: need_probabilities(values, len(labels), name) for name, values in candidates.items()
    }
    first, *others = found.values()
    alike = any(equal(other, first) for other in others)
    need(not alike, "two candidates give the very same probabilities. Try something else, too.")
    known = isinstance(chosen, Hashable) and chosen in found
    names = ", ".join(map(str, found))
    need(known, f"chosen: expected one of {names}, got {describe(chosen)}.")
    best = max(accuracy_of(values, labels) for values in found.values())
    losses = {name: log_loss(values, labels) for name, values in found.items()}
    good = accuracy_of(found[chosen], labels) == best or losses[chosen] == min(losses.values())
    reason = "is best on the held-out digits neither by accuracy nor by log loss. Why choose it?"
    need(good, f"{chosen} {reason}")
    aim = f"Milestone 3 asked for {enough():.1%}"
    need(best >= enough(), f"the best of them is right on {best:.2%}. {aim}.")
    how = f"Of {len(found)} candidates you chose {chosen}, by the held-out digits alone"
    return f"Milestone 4 of 5. {how}."


def q11_judge(answer):
    path, promise = several(answer, "path, promise")
    low, high = several(promise, "low, high")
    wanted = "expected two shares, low < high, such as (0.981, 0.989)"
    right = is_share(low) and is_share(high) and low < high
    need(right, f"promise: {wanted}, got {describe(promise)}.")
    score, least = score_of(path), round(0.05 * len(truth()[1]))
    widest = np.ptp(accuracy_interval(round(least * enough()), least))
    wide = f"from {low:.2%} to {high:.2%}, nearly everything comes true. Take the 95% interval"
    need(high - low <= 1.2 * widest, f"promise: {wide}.")
    if score is None:
        return (
            "Milestone 5 of 5. The form is right, and the promise is made. Now it's Kaggle's turn."
        )
    aim = f"The CNN of milestone 3 can do {enough():.1%}"
    need(score >= enough(), f"{score:.2%} of the hidden labels are right. {aim}.")
    need_close(min(max(score, low), high), score, slack=0.002)
    kept = (
        "It holds."
        if low <= score <= high
        else "It fails, but not by much: 1 in 20 intervals does."
    )
    said = f"You promised {low:.2%} to {high:.2%}, and the hidden labels say {score:.2%}"
    return f"Milestone 5 of 5. {said}. {kept}"
