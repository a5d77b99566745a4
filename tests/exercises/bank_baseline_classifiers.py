"""What people answer to the questions on baseline_classifiers."""

import math

import numpy as np
from scipy import ndimage
from scipy.stats import binomtest
from sklearn.neighbors import NearestCentroid

from tests.exercises.bank import Entry
from utils.evaluation import accuracy_interval


def mean_by_loops(train, labels, images):
    means = {digit: train[labels == digit].mean(axis=0) for digit in set(labels.tolist())}
    return [min(means, key=lambda digit: np.linalg.norm(image - means[digit])) for image in images]


def mean_scaled(train, labels, images):
    train, images = (part.reshape(-1, 784).astype("float32") / 255 for part in (train, images))
    return NearestCentroid().fit(train, labels).predict(images)


def mean_prefilled_with_zeros(train, labels, images):
    means = np.zeros((10, 28, 28))
    for digit in set(labels.tolist()):
        means[digit] = train[labels == digit].mean(axis=0)
    return np.linalg.norm(images[:, np.newaxis] - means, axis=(2, 3)).argmin(axis=1)


def depends_by_order(distance, a, b):
    order = np.random.default_rng().random(a.size).argsort()
    moved = [image.ravel()[order].reshape(image.shape) for image in (a, b)]
    return np.array(not math.isclose(distance(*moved), distance(a, b)))


def shuffles_in_place(distance, a, b):
    before = distance(a, b)
    np.random.default_rng().shuffle(a)
    return not np.isclose(before, distance(a, b))


def in_its_box(images):
    """Move the bounding box of each digit to the top left corner."""
    rows = []
    for image in images:
        (place,) = ndimage.find_objects((image > 0).astype(int))
        box = image[place]
        rows.append(np.pad(box, ((0, 28 - box.shape[0]), (0, 28 - box.shape[1]))).ravel())
    return rows


def by_center_of_mass(images):
    centers = [ndimage.center_of_mass(image) for image in images]
    pairs = zip(images, centers, strict=True)
    return np.stack([ndimage.shift(i, (14 - y, 14 - x), order=1) for i, (y, x) in pairs])


def contest(classifiers, x_validation, y_validation, x_test, y_test):
    scores = [np.mean(classify(x_validation) == y_validation) for classify in classifiers.values()]
    name = np.array(list(classifiers))[np.argmax(scores)]
    hits = int(np.sum(classifiers[name](x_test) == y_test))
    interval = binomtest(hits, len(y_test)).proportion_ci(method="wilson")
    return [name, hits / len(y_test), interval.low, interval.high]


def contest_digit_by_digit(classifiers, x_validation, y_validation, x_test, y_test):
    best, most = None, -1
    for name, classify in classifiers.items():
        if (hits := sum(classify(x_validation) == y_validation)) > most:
            best, most = name, hits
    correct = sum(classifiers[best](x_test[i : i + 1])[0] == y_test[i] for i in range(len(x_test)))
    return best, correct / len(x_test), *accuracy_interval(correct, len(x_test))


def contest_on_all_digits(classifiers, *parts):
    """Choose by the hits on validation and test digits together."""
    x, y = (np.concatenate(both) for both in (parts[::2], parts[1::2]))
    name = max(classifiers, key=lambda name: np.sum(classifiers[name](x) == y))
    return contest({name: classifiers[name]}, *parts)


CURVES = {"A": "clean", "B": "noisy", "C": "few"}
BANK = {
    "q1": Entry(
        right=[[4, 4 * 2**0.5, 48**0.5, 24**0.5], (4, 5.66, 6.93, 4.9)],
        wrong={
            "`shifted by two`: `8` isn't right": np.array([4, 8, 48**0.5, 24**0.5]),
            "`shifted by one`": [1, 2, 5, 0],
            "expected 4 things": [4, 5.66, 6.93],
            "`shifted by five`": (4, 5.66, 6.9, 4.9),
        },
    ),
    "q2": Entry(
        wrong={"at least eight words": "It only compares pixels.", "as text": ["it", "compares"]},
    ),
    "q3": Entry(
        right=[{name: np.str_(kind) for name, kind in CURVES.items()}],
        wrong={"`A`": CURVES | {"A": "4,000"}, "a dict with the keys": ["clean", "noisy", "few"]},
    ),
    "q4": Entry(
        right=[mean_by_loops, mean_scaled],
        wrong={
            "numbers differ": mean_prefilled_with_zeros,
            "expected an array of shape": lambda *case: mean_scaled(*case)[:1],
        },
    ),
    "q5": Entry(
        right=[depends_by_order],
        wrong={
            "expected `False`, got `True`": lambda *case: True,
            "expected `True`, got": lambda distance, a, b: distance(a, b),
            "changes what it is given": shuffles_in_place,
        },
    ),
    "q6": Entry(
        right=[in_its_box, by_center_of_mass],
        wrong={
            "of the shifted digits right, but it needs at least 80%": lambda images: images,
            "one row of numbers for each of 1,500 images": lambda images: images[0],
            "as many numbers for each test image": lambda images: images.reshape(len(images), -1)[:, : len(images)],
            "stops with an error": lambda images: images.center(),
        },
    ),
    "q7": Entry(
        right=[contest, contest_digit_by_digit],
        wrong={
            "best on the *test* set": contest_on_all_digits,
            "`name, accuracy, low, high`: expected": lambda *case: contest(*case)[:2],
        },
    ),
}  # fmt: skip
MOVED = "all digits move to another pixel together"
EQUIVALENT = {
    ("q6", f"line {line}: 14 becomes {to}"): MOVED for line in (5, 6) for to in (13, 15)
} | {
    ("q6", f"line 3: 255 becomes {to}"): "all distances grow by the same factor"
    for to in (254, 256)
}
