"""What people answer to the questions of lesson 08."""

import math
from collections import Counter

import numpy as np
import pandas as pd
from scipy import ndimage

from tests.exercises.oldbank import Entry
from utils import photos

# 1. Which step was left out?

STEPS = {
    "A": "match_stroke_weight",
    "B": "flatten_illumination",
    "C": "center_by_mass",
    "D": "remove_ruled_lines",
}

# 2. A folder


def folder(
    paths,
    predictions,
    label=lambda path: path.name.partition("_")[0],
    text=str,
    refused=lambda p: p.digit is None,
    reasons=Counter,
):
    answered = right = 0
    said = []
    for path, prediction in zip(paths, predictions, strict=True):
        if refused(prediction):
            said.append(prediction.reason)
        else:
            answered += 1
            right += label(path) == text(prediction.digit)
    return answered, right, reasons(said)


def folder_by_table(paths, predictions):
    table = pd.DataFrame(
        [(path, p.digit, p.reason) for path, p in zip(paths, predictions, strict=True)]
    )
    table.columns = ["path", "digit", "why"]
    known = table.dropna(subset="digit")
    labels = known["path"].map(lambda path: path.name.split("_")[0])
    right = (labels == known["digit"].astype(int).astype(str)).sum()
    return [len(known), right, table.loc[table["digit"].isna(), "why"].value_counts()]


def with_answered(of):
    return lambda paths, predictions: (of(predictions), *folder(paths, predictions)[1:])


def with_right(of):
    return lambda *case: (folder(*case)[0], of(*folder(*case)[:2]), folder(*case)[2])


def with_reasons(of):
    return lambda paths, predictions: (*folder(paths, predictions)[:2], of(paths, predictions))


def right_without_noughts(paths, predictions):
    answered, _, reasons = folder(paths, predictions)
    return answered, folder(paths, predictions, refused=lambda p: not p.digit)[1], reasons


# 3. The light


def ink(gray, window, brightest=ndimage.grey_dilation, sigma=0.5, low=0, top=1, scale=1):
    paper = (
        ndimage.gaussian_filter(brightest(gray, size=(window, window)), sigma * window)
        if sigma
        else None
    )
    paper = brightest(gray, size=(window, window)) if paper is None else paper
    return np.maximum((paper - gray) / paper, low) * scale


def ink_by_loops(gray, window):
    reach = window // 2
    padded = np.pad(gray, reach, mode="symmetric")
    brightest = [
        [padded[r : r + window, c : c + window].max() for c in range(gray.shape[1])]
        for r in range(len(gray))
    ]
    return 1 - np.minimum(gray / ndimage.gaussian_filter(brightest, window / 2), 1)


def paper_of(gray, window):
    return ndimage.gaussian_filter(ndimage.maximum_filter(gray, window), window / 2)


def ink_blurred_first(gray, window):
    return np.maximum(
        0, 1 - gray / ndimage.maximum_filter(ndimage.gaussian_filter(gray, window / 2), window)
    )


# 4. The width of a stroke


def width(ink, times=4, off=2, box=20, long=None, level=None, inside=None, mean=None):
    level = ink.max() / 2 if level is None else level
    pen = ink > level if inside is None else inside(ink)
    distances = ndimage.distance_transform_edt(pen)
    rows, columns = np.nonzero(ink)
    sides = np.ptp(rows) + 1, np.ptp(columns) + 1
    mean = distances[pen].mean() if mean is None else mean(distances)
    return (times * mean - off) * box / (long or max)(sides)


def width_by_places(ink):
    share = ink / ink.max()
    away = [
        distance for distance in ndimage.distance_transform_edt(share > 0.5).ravel() if distance > 0
    ]
    height, breadth = (np.flatnonzero(share.any(axis=axis)) for axis in (1, 0))
    return (
        20
        * (4 * sum(away) / len(away) - 2)
        / max(height[-1] - height[0] + 1, breadth[-1] - breadth[0] + 1)
    )


# 5. Several digits


def number(
    page,
    read,
    connected=8,
    key=lambda box: box[1].start,
    alone=True,
    chance=math.prod,
    text="".join,
):
    labels, _ = ndimage.label(page, np.ones((3, 3)) if connected == 8 else None)
    boxes = list(enumerate(ndimage.find_objects(labels), start=1))
    boxes = sorted(boxes, key=lambda pair: key(pair[1])) if key else boxes
    answers = [read(page[box] * (labels[box] == n) if alone else page[box]) for n, box in boxes]
    return text(str(digit) for digit, _ in answers), chance([sure for _, sure in answers])


def number_by_find_digits(page, read):
    digits, chance = "", 1
    for digit in photos.find_digits(page):
        got, sure = read(digit)
        digits, chance = digits + str(got), chance * sure
    return digits, chance


def number_uncut(page, read):
    digit, sure = read(page)
    return str(digit), sure


def with_number(of):
    return lambda page, read: (of(number(page, read)[0]), number(page, read)[1])


def mean(confidences):
    return sum(confidences) / len(confidences)


# 6. Pens of every width


def pens(images, ways, reach=1, way_of=lambda way, ways: way):
    varied = []
    for image, way in zip(images, ways, strict=True):
        way = way_of(way, ways)
        goal = (
            ndimage.maximum_filter(image, 2 * reach + 1)
            if way > 0
            else ndimage.minimum_filter(image, 2 * reach + 1)
        )
        varied.append((1 - abs(way)) * image + abs(way) * goal)
    return np.array(varied)


def pens_by_shifts(images, ways):
    rows, columns = images.shape[1:]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = [padded[:, r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    up, down = np.maximum(ways, 0), np.maximum(-ways, 0)
    change = np.einsum("n,nrc->nrc", up, np.max(around, axis=0) - images)
    return images + change - np.einsum("n,nrc->nrc", down, images - np.min(around, axis=0))


def pens_across(images, ways):
    way = ways.reshape(-1, 1, 1)
    thick, thin = ndimage.maximum_filter(images, 3), ndimage.minimum_filter(images, 3)
    return np.where(way > 0, images + way * (thick - images), images - way * (thin - images))


def pens_away(images, ways):
    return images + ways[:, None, None] * (ndimage.maximum_filter(images, (1, 3, 3)) - images)


def pens_lost(images, ways):
    ways = ways[:, None, None]
    thick, thin = (
        ndimage.maximum_filter(images, (1, 3, 3)),
        ndimage.minimum_filter(images, (1, 3, 3)),
    )
    return np.where(ways > 0, ways * thick, -ways * thin)


# 7. Gains and losses


def right_share(network, images, labels):
    return sum(
        int(np.argmax(p)) == label for p, label in zip(network(images), labels, strict=True)
    ) / len(labels)


def sureness(network, images, labels):
    return np.max(network(images), axis=-1).mean()


def compared(
    plain,
    hardened,
    spoil,
    images,
    labels,
    anew=False,
    training=True,
    score=right_share,
    clean_score=None,
):
    clean_score = clean_score or score
    corrupted = spoil(images, training=training)
    before = score(plain, corrupted, labels)
    corrupted = spoil(images, training=training) if anew else corrupted
    lost = clean_score(plain, images, labels) - clean_score(hardened, images, labels)
    return lost, score(hardened, corrupted, labels) - before


def compared_by_errors(plain, hardened, spoil, images, labels):
    corrupted = spoil(images, True)
    errors = {(f, kind): np.count_nonzero(f(x).argmax(axis=-1) - labels)
              for f in (plain, hardened) for kind, x in (("clean", images), ("corrupted", corrupted))}  # fmt: skip
    clean, rough = (errors[plain, kind] - errors[hardened, kind] for kind in ("clean", "corrupted"))
    return np.array([-clean, rough]) / len(labels)


def colleague(plain, hardened, spoil, images, labels):
    lost = plain(images).max(axis=1).mean() - hardened(images).max(axis=1).mean()
    gained = hardened(spoil(images)).max(axis=1).mean() - plain(spoil(images)).max(axis=1).mean()
    return lost, gained


def relative(plain, hardened, spoil, images, labels):
    lost, gained = compared(plain, hardened, spoil, images, labels)
    return lost / right_share(plain, images, labels), gained


def relative_gain(plain, hardened, spoil, images, labels):
    corrupted = spoil(images, training=True)
    before, after = (right_share(network, corrupted, labels) for network in (plain, hardened))
    return right_share(plain, images, labels) - right_share(
        hardened, images, labels
    ), after / before - 1


def with_comparison(of):
    return lambda *case: of(*compared(*case))


def after_only(plain, hardened, spoil, images, labels):
    return right_share(hardened, images, labels), right_share(
        hardened, spoil(images, training=True), labels
    )


# 8. Sets with a promise


def promised(
    choosing,
    labels,
    new,
    new_labels,
    alpha,
    rank=None,
    strange=None,
    place=-1,
    less="<=",
    limit=None,
):
    n = len(labels)
    strange = 1 - choosing[range(n), labels] if strange is None else strange(choosing)
    rank = math.ceil((n + 1) * (1 - alpha)) if rank is None else rank(n, alpha)
    if limit is not None:
        found = limit(strange, n, alpha)
    else:
        found = sorted(strange)[min(rank, n) + place] if rank <= n else 1.0
    sets = 1 - new <= found if less == "<=" else 1 - new < found
    return sets, covered(sets, new_labels)


def covered(sets, labels):
    return np.mean([chosen[label] for chosen, label in zip(sets, labels, strict=True)])


def promised_by_counting(choosing, labels, new, new_labels, alpha):
    """Put a digit in the set unless more than a share alpha of all, itself among them, would be at least as strange."""
    strange = 1 - np.take_along_axis(choosing, labels[:, np.newaxis], axis=1).ravel()
    stranger = (strange >= (1 - new)[..., np.newaxis]).sum(axis=-1) + 1
    sets = stranger > alpha * (len(labels) + 1)
    return sets, np.take_along_axis(sets, new_labels[:, np.newaxis], axis=1).mean()


def promised_by_infinity(choosing, labels, new, new_labels, alpha):
    strange = np.append(
        np.sort([1 - p[label] for p, label in zip(choosing, labels, strict=True)]), np.inf
    )
    sets = 1 - new <= strange[math.ceil((1 - alpha) * len(strange)) - 1]
    return sets, sum(sets[i, label] for i, label in enumerate(new_labels)) / len(sets)


def by_quantile(**how):
    return lambda strange, n, alpha: np.quantile(
        strange, min(1, math.ceil((n + 1) * (1 - alpha)) / n), **how
    )


def without_check_of_rank(choosing, labels, new, new_labels, alpha):
    strange = np.sort(1 - choosing[np.arange(len(labels)), labels])
    sets = 1 - new <= strange[math.ceil((len(labels) + 1) * (1 - alpha)) - 1]
    return sets, covered(sets, new_labels)


def by_new_digits(choosing, labels, new, new_labels, alpha):
    return promised(new, new_labels, new, new_labels, alpha)


def with_sets(of):
    return lambda *case: (of(promised(*case)[0], *case), promised(*case)[1])


def with_coverage(of):
    return lambda *case: (promised(*case)[0], of(promised(*case)[0], *case))


def confused_with_probability(choosing, labels, new, new_labels, alpha):
    strange = np.sort(1 - choosing[np.arange(len(labels)), labels])
    rank = math.ceil((len(labels) + 1) * (1 - alpha))
    sets = new >= (strange[rank - 1] if rank <= len(labels) else 1)
    return sets, covered(sets, new_labels)


def exchanged_alpha(choosing, labels, new, new_labels, alpha):
    return promised(choosing, labels, new, new_labels, 1 - alpha)


BANK = {
    "q1": Entry(
        right=[({letter: f"preprocessing.{step}" for letter, step in STEPS.items()}, ["B", "D", "A", "C"]),
               [STEPS, "b, d, a, c"]],
        wrong={
            "the pen that was too thin": [STEPS | {"A": "fit_in_box"}, "BDAC"],
            "A: the ink is light on black": [STEPS | {"A": "ink_on_black"}, "BDAC"],
            "the shadow passed for ink": [STEPS | {"B": "ink_on_black"}, "BDAC"],
            "a speck is small": [STEPS | {"B": "despeckle"}, "BDAC"],
            "the margin up to 28": [STEPS | {"C": "fit_in_box"}, "BDAC"],
            "never got its margin": [STEPS | {"C": "crop_to_ink"}, "BDAC"],
            "longer than a speck": [STEPS | {"D": "despeckle"}, "BDAC"],
            "the lines included": [STEPS | {"D": "crop_to_ink"}, "BDAC"],
            "would look otherwise": [STEPS | {"B": "shrink"}, "BDAC"],
            "expected one of shrink": [STEPS | {"C": "center"}, "BDAC"],
            "last step to the first": [STEPS, "CADB"],
            "once the light is even": [STEPS, "DBAC"],
            "centering comes last": [STEPS, "BDCA"],
            "on the digit alone": [STEPS, "BADC"],
            "each once": [STEPS, "BDA"],
            "a dictionary and four letters": STEPS,
        },
    ),
    "q2": Entry(
        right=[folder, folder_by_table],
        wrong={
            "the refused ones too": with_answered(len),
            "answered: a nought counts": lambda *case: folder(*case, refused=lambda p: not p.digit),
            "how many were refused": with_answered(lambda predictions: sum(p.digit is None for p in predictions)),
            "answered: that is a share": with_answered(lambda ps: np.mean([p.digit is not None for p in ps])),
            "is the label still text": lambda *case: folder(*case, text=int),
            "none is right": lambda *case: folder(*case, label=lambda path: str(path).split("_")[0]),
            "first *character*": lambda *case: folder(*case, label=lambda path: path.name[0]),
            "a nought that was read": right_without_noughts,
            "right: that is a share": with_right(lambda answered, right: right / answered),
            "how many were wrong": with_right(lambda answered, right: answered - right),
            "only an empty text": with_reasons(lambda paths, predictions: Counter(p.reason for p in predictions)),
            "which reasons there are": lambda *case: folder(*case, reasons=lambda said: {reason: 1 for reason in said}),
            "that is a list": lambda *case: folder(*case, reasons=list),
            "a set of reasons": lambda *case: folder(*case, reasons=set),
            "by picture": with_reasons(
                lambda paths, ps: {str(path): p.reason for path, p in zip(paths, ps, strict=True) if p.digit is None}
            ),
            "expected 3 things": lambda *case: folder(*case)[:2],
        },
    ),
    "q3": Entry(
        right=[ink, ink_by_loops],
        wrong={
            "1 on paper. Ink": lambda *case: np.minimum(case[0] / paper_of(*case), 1),
            "and not clipped": lambda *case: case[0] / paper_of(*case),
            "below 0": lambda *case: ink(*case, low=-9),
            "do not turn the sign": lambda *case: abs(ink(*case, low=-9)),
            "you subtract. In the shade": lambda *case: (paper_of(*case) - case[0]).clip(0),
            "divide by 255": lambda *case: (paper_of(*case) - case[0]).clip(0) / 255,
            "Paper is the brightest": lambda *case: ink(*case, brightest=ndimage.grey_erosion),
            "you blur the page": lambda *case: ink(*case, brightest=lambda gray, size: gray),
            "not blurred": lambda *case: ink(*case, sigma=0),
            "*half* the window": lambda *case: ink(*case, sigma=1),
            "you blur first": ink_blurred_first,
            "one light for the whole page": lambda gray, window: (gray.max() - gray) / gray.max(),
            "from 0 to 255": lambda *case: ink(*case, scale=255),
        },
    ),
    "q4": Entry(
        right=[width, width_by_places],
        wrong={
            "the width on the page": lambda page: width(page, box=1, long=lambda sides: 1),
            "28 is the whole": lambda page: width(page, box=28),
            "you shrink the whole page": lambda page: width(page, long=lambda sides: max(page.shape)),
            "ink's height": lambda page: width(page, long=lambda sides: sides[0]),
            "ink's width": lambda page: width(page, long=lambda sides: sides[1]),
            "shorter side": lambda page: width(page, long=min),
            "from middle to middle": lambda page: width(page, off=0),
            "you take off 2 in the box": lambda page: width(page, off=0) - 2,
            "twice the mean distance. ": lambda page: width(page, times=2, off=0),
            "twice the mean distance, less 2": lambda page: width(page, times=2),
            "over the whole page": lambda page: width(page, mean=np.mean),
            "the soft edge": lambda page: width(page, level=0),
            "this pen is pale": lambda page: width(page, level=127),
            "of the *paper*": lambda page: width(page, inside=lambda ink: ink <= ink.max() / 2),
        },
    ),
    "q5": Entry(
        right=[number, number_by_find_digits],
        wrong={
            "the highest comes first": lambda *case: number(*case, key=None),
            "from right to left": lambda *case: number(*case, key=lambda box: -box[1].stop),
            "Show `read` the ink": lambda *case: number(*case, alone=False),
            "of the next digit, and the order": lambda *case: number(*case, alone=False, key=None),
            "you cut digits into pieces: pixels": lambda *case: number(*case, connected=4),
            "into pieces, where": lambda *case: number(*case, connected=4, key=None),
            "cannot hold": with_number(int),
            "a list. Join": with_number(lambda digits: [int(digit) for digit in digits]),
            "however pale": lambda page, read: number(np.where(page > 127, page, 0), read),
            "all ink was read": number_uncut,
            "that is the mean": lambda *case: number(*case, chance=mean),
            "the least sure one": lambda *case: number(*case, chance=min),
            "the surest one": lambda *case: number(*case, chance=max),
            "*some* digit is wrong": lambda *case: number(*case, chance=lambda sure: 1 - math.prod(sure)),
            "can exceed 1": lambda *case: number(*case, chance=sum),
            "one by one": lambda *case: number(*case, chance=np.array),
            "expected 2 things": lambda *case: number(*case)[0],
        },
    ),
    "q6": Entry(
        right=[pens, pens_by_shifts],
        wrong={
            "before and after": pens_across,
            "are exchanged": lambda *case: pens(*case, way_of=lambda way, ways: -way),
            "all the way": lambda *case: pens(*case, way_of=lambda way, ways: np.sign(way)),
            "below 0 nothing": lambda *case: pens(*case, way_of=lambda way, ways: max(way, 0)),
            "above 0 nothing": lambda *case: pens(*case, way_of=lambda way, ways: min(way, 0)),
            "strokes thicker too": lambda *case: pens(*case, way_of=lambda way, ways: abs(way)),
            "values below 0": pens_away,
            "and clip": lambda *case: np.clip(pens_away(*case), 0, 1),
            "not 5 x 5": lambda *case: pens(*case, reach=2),
            "one way for all. ": lambda *case: pens(*case, way_of=lambda way, ways: ways[0]),
            "one way for all, the mean": lambda *case: pens(*case, way_of=lambda way, ways: np.mean(ways)),
            "the digit itself is lost": pens_lost,
        },
    ),
    "q7": Entry(
        right=[compared, compared_by_errors],
        wrong={
            "lost: that compares how *sure*": colleague,
            "lost: the sign is turned": with_comparison(lambda lost, gained: (-lost, gained)),
            "and its sign is turned": lambda *case: (-colleague(*case)[0], colleague(*case)[1]),
            "lost: in percent": with_comparison(lambda lost, gained: (100 * lost, 100 * gained)),
            "lost: its sign is lost": with_comparison(lambda lost, gained: (abs(lost), gained)),
            "lost: as a share": relative,
            "the two are exchanged": with_comparison(lambda lost, gained: (gained, lost)),
            "the second network's accuracy": after_only,
            "are not corrupted": lambda *case: compared(*case, training=False),
            "draws anew": lambda *case: compared(*case, anew=True),
            "gained: that compares how *sure*": lambda *case: compared(
                *case, score=sureness, clean_score=right_share
            ),
            "nobody has corrupted": lambda *case: (compared(*case)[0], colleague(*case)[1]),
            "gained: the sign": with_comparison(lambda lost, gained: (lost, -gained)),
            "gained: in percent": with_comparison(lambda lost, gained: (lost, 100 * gained)),
            "gained: as a share": relative_gain,
            "expected 2 things": lambda *case: compared(*case)[1],
        },
    ),
    "q8": Entry(
        right=[promised, promised_by_counting, promised_by_infinity],
        wrong={
            "n + 1 is missing": lambda *case: promised(*case, rank=lambda n, alpha: math.ceil(n * (1 - alpha))),
            "counts from 0": lambda *case: promised(*case, place=0),
            "rounded down": lambda *case: promised(*case, rank=lambda n, alpha: int((n + 1) * (1 - alpha))),
            "at 1 - alpha of them": lambda *case: promised(
                *case, limit=lambda strange, n, alpha: np.quantile(strange, 1 - alpha)
            ),
            "one too far": lambda *case: promised(*case, limit=by_quantile(method="higher")),
            "takes a value between two. Sort": lambda *case: promised(*case, limit=by_quantile()),
            "are exchanged": exchanged_alpha,
            "by the likeliest digit": lambda *case: promised(*case, strange=lambda choosing: 1 - choosing.max(axis=1)),
            "from the new digits": by_new_digits,
            "just as strange": lambda *case: promised(*case, less="<"),
            "too strange": with_sets(lambda sets, *case: ~sets),
            "limit of a *strangeness*": confused_with_probability,
            "how many digits are in each": with_sets(lambda sets, *case: sets.sum(axis=1)),
            "stops with IndexError": without_check_of_rank,
            "the likeliest digit is right": with_coverage(lambda _, *case: np.mean(case[2].argmax(axis=1) == case[3])),
            "not empty": with_coverage(lambda sets, *case: sets.any(axis=1).mean()),
            "how large the sets are": with_coverage(lambda sets, *case: sets.sum() / len(sets)),
            "all ten digits": with_coverage(lambda sets, *case: sets.mean()),
            "that is no test": with_coverage(
                lambda sets, choosing, labels, new, new_labels, alpha: covered(sets[: len(labels)], labels)
            ),
            "what was promised": with_coverage(lambda sets, *case: 1 - case[-1]),
            "that is how many. ": with_coverage(lambda sets, *case: covered(sets, case[3]) * len(sets)),
            "is *not* in its set": with_coverage(lambda sets, *case: 1 - covered(sets, case[3])),
            "expected 2 things": lambda *case: promised(*case)[0],
        },
    ),
}  # fmt: skip

STRICT = "the two are equally long"
EQUIVALENT = {
    ("q2", "line 5: True becomes False"): STRICT,
    ("q5", "line 5: True becomes False"): STRICT,
    ("q6", "line 3: 1 becomes 0"): "a window of no images is left out as one of a single image is",
    ("q6", "line 4: 1 becomes 0"): "a window of no images is left out as one of a single image is",
}
