"""What people answer to the questions on predict_your_own_digits."""

import math
from collections import Counter

import numpy as np
import pandas as pd
from scipy import ndimage

from tests.exercises.bank import Entry
from utils import photos

STEPS = {
    "A": "match_stroke_weight",
    "B": "flatten_illumination",
    "C": "center_by_mass",
    "D": "remove_ruled_lines",
    "order": "BDAC",
}


def folder(paths, predictions, label=lambda path: path.name.partition("_")[0]):
    answered, right, said = 0, 0, []
    for path, prediction in zip(paths, predictions, strict=True):
        if prediction.digit is None:
            said.append(prediction.reason)
        else:
            answered += 1
            right += label(path) == str(prediction.digit)
    return answered, right, Counter(said)


def folder_by_table(paths, predictions):
    pairs = zip(paths, predictions, strict=True)
    table = pd.DataFrame([(path, p.digit, p.reason) for path, p in pairs])
    table.columns = ["path", "digit", "why"]
    known = table.dropna(subset="digit")
    labels = known["path"].map(lambda path: path.name.split("_")[0])
    right = (labels == known["digit"].astype(int).astype(str)).sum()
    return [len(known), right, table.loc[table["digit"].isna(), "why"].value_counts()]


def ink_by_dilation(gray, window):
    paper = ndimage.grey_dilation(gray, size=(window, window))
    paper = ndimage.gaussian_filter(paper, 0.5 * window)
    return np.maximum((paper - gray) / paper, 0)


def ink_in_place(gray, window):
    gray /= ndimage.gaussian_filter(ndimage.maximum_filter(gray, window), window / 2)
    return np.maximum(1 - gray, 0)


def width_by_places(ink):
    share = ink / ink.max()
    distances = ndimage.distance_transform_edt(share > 0.5).ravel()
    away = [distance for distance in distances if distance > 0]
    rows, columns = np.nonzero(ink)
    return 20 * (4 * sum(away) / len(away) - 2) / (max(np.ptp(rows), np.ptp(columns)) + 1)


def width_in_bytes(ink):
    inside = 2 * ink > ink.max()
    width = 4 * ndimage.distance_transform_edt(inside)[inside].mean() - 2
    return width * 20 / max(photos.crop_to_ink(ink).shape)


def number(page, read, most=None):
    labels, _ = ndimage.label(page, np.ones((3, 3)))
    boxes = enumerate(ndimage.find_objects(labels), start=1)
    boxes = sorted(boxes, key=lambda pair: pair[1][1].start)
    answers = [read(page[box] * (labels[box] == n)) for n, box in boxes[:most]]
    return "".join(str(digit) for digit, _ in answers), math.prod(sure for _, sure in answers)


def number_by_find_digits(page, read):
    digits, chance = "", 1
    for digit in photos.find_digits(page):
        got, sure = read(digit)
        digits, chance = digits + str(got), chance * sure
    return np.array(digits), np.float32(chance)


def number_of_grays(page, read):
    """Tell marks apart by how dark they are."""
    answers = [read(np.where(page == gray, page, 0)) for gray in np.unique(page[page > 0])]
    return "".join(str(digit) for digit, _ in answers), math.prod(sure for _, sure in answers)


def pens(images, ways):
    varied = []
    for image, way in zip(images, ways, strict=True):
        goal = (ndimage.maximum_filter if way > 0 else ndimage.minimum_filter)(image, 3)
        varied.append((1 - abs(way)) * image + abs(way) * goal)
    return varied


def pens_of_a_cross(images, ways):
    cross = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]])
    ways = ways[:, None, None]
    thick = ndimage.maximum_filter(images, footprint=cross)
    thin = ndimage.minimum_filter(images, footprint=cross)
    return images + abs(ways) * (np.where(ways > 0, thick, thin) - images)


def compared_by_errors(plain, hardened, spoil, images, labels):
    corrupted = spoil(images, True)
    errors = {(f, kind): np.count_nonzero(f(x).argmax(axis=-1) - labels)
              for f in (plain, hardened) for kind, x in (("clean", images), ("corrupted", corrupted))}  # fmt: skip
    clean, rough = (errors[plain, kind] - errors[hardened, kind] for kind in ("clean", "corrupted"))
    return np.array([-clean, rough]) / len(labels)


def compared_as_in_keras(plain, hardened, spoil, images, labels):
    corrupted = spoil(images, training=True)
    plain, hardened = (
        [np.mean(f.predict(x, verbose=0).argmax(axis=1) == labels) for x in (images, corrupted)]
        for f in (plain, hardened)
    )
    return plain[0] - hardened[0], hardened[1] - plain[1]


def colleague(plain, hardened, spoil, images, labels):
    lost = plain(images).max(axis=1).mean() - hardened(images).max(axis=1).mean()
    gained = hardened(spoil(images)).max(axis=1).mean() - plain(spoil(images)).max(axis=1).mean()
    return lost, gained


def compared_in_two_halves(plain, hardened, spoil, images, labels):
    corrupted = np.concatenate([spoil(half, training=True) for half in np.split(images, 2)])
    return compared_as_in_keras(plain, hardened, lambda *_, **__: corrupted, images, labels)


def promised_by_counting(choosing, labels, new, new_labels, alpha):
    """Put a digit in the set unless more than a share alpha of all, itself among them, would be at least as strange."""
    strange = 1 - np.take_along_axis(choosing, labels[:, np.newaxis], axis=1).ravel()
    stranger = (strange >= (1 - new)[..., np.newaxis]).sum(axis=-1) + 1
    sets = stranger > alpha * (len(labels) + 1)
    return sets, np.take_along_axis(sets, new_labels[:, np.newaxis], axis=1).mean()


def promised_by_infinity(choosing, labels, new, new_labels, alpha):
    strange = [1 - p[label] for p, label in zip(choosing, labels, strict=True)]
    strange = np.append(np.sort(strange), np.inf)
    sets = 1 - new <= strange[math.ceil((1 - alpha) * len(strange)) - 1]
    return sets.astype(int), sum(sets[i, label] for i, label in enumerate(new_labels)) / len(sets)


BANK = {
    "q1": Entry(
        right=[{letter: np.str_(step) for letter, step in STEPS.items()}, pd.Series(STEPS)],
        wrong={
            "`B`: `'shrink'` isn't right": STEPS | {"B": "shrink"},
            "`order`: `'BDA'` isn't right": STEPS | {"order": "BDA"},
            "`order`: expected text, got `['B'": STEPS | {"order": list("BDAC")},
            "`A, B, C, D, order`, got": [STEPS, "BDAC"],
        },
    ),
    "q2": Entry(
        right=[folder, folder_by_table],
        wrong={"`right`: expected": lambda *case: folder(*case, label=lambda path: path.stem.rsplit("_", 1)[0])},
    ),
    "q3": Entry(
        right=[ink_by_dilation, lambda *case: ink_by_dilation(*case).tolist()],
        wrong={
            "changes what it is given": ink_in_place,
            "numbers differ": lambda *case: ink_by_dilation(*case).round(2),
        },
    ),
    "q4": Entry(right=[width_by_places], wrong={"expected `": width_in_bytes}),
    "q5": Entry(
        right=[number, number_by_find_digits],
        wrong={"`number`: expected": lambda *case: number(*case, most=4), "got `'": number_of_grays},
    ),
    "q6": Entry(right=[pens], wrong={"numbers differ": pens_of_a_cross}),
    "q7": Entry(
        right=[compared_by_errors, compared_as_in_keras],
        wrong={"*confidence*": colleague, "`gained`: expected": compared_in_two_halves},
    ),
    "q8": Entry(
        right=[promised_by_counting, promised_by_infinity],
        wrong={"expected 2 things": lambda *case: promised_by_counting(*case)[0]},
    ),
}  # fmt: skip

STRICT = "the two are equally long"
EQUIVALENT = {
    ("q2", "line 5: True becomes False"): STRICT,
    ("q5", "line 5: True becomes False"): STRICT,
    ("q6", "line 3: 1 becomes 0"): "a window of no images is left out as one of a single image is",
    ("q6", "line 4: 1 becomes 0"): "a window of no images is left out as one of a single image is",
}
