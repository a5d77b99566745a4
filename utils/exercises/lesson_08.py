"""Questions on lesson 08: predict your own digits."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from itertools import starmap
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from utils import data, photos
from utils.exercises.checks import behaves_like, built, describe, in_turn
from utils.exercises.core import Question, Wrong
from utils.prediction import Prediction

LESSON = "08"
STEPS = "say why a photo must be prepared, and name the steps in order"
COMPUTE = "compute even light, the width of a stroke and the number of marks by hand"
FOLDER = "read a folder of pictures into a table, and tell what was refused and why"
CUT = "cut several digits apart, and read them one by one"
SPOIL = "spoil training digits as the world does, and measure what a network trained on them gains and loses"
CHOOSE = "choose a threshold on validation digits, and build conformal prediction sets whose coverage you have checked"


def _parts(**checks: Callable) -> Callable:
    """Return a check of a function that answers with several things: each by the check of its name."""

    def examine(function):
        others = []

        def part(place):
            def answer(*case):
                answers = function(*case)
                if isinstance(answers, tuple | list | np.ndarray) and len(answers) == len(checks):
                    return answers[place]
                others.append(answers)

            return answer if callable(function) else function

        for place, (name, check) in enumerate(checks.items()):
            try:
                check(part(place))
            except Wrong as refusal:
                if others and others[-1] is not None:
                    wanted = f"{len(checks)} things, `return {', '.join(checks)}`"
                    raise Wrong(f"expected {wanted}; got {describe(others[-1])}") from None
                raise Wrong(f"{name}: {refusal}") from None

    return examine


# 1. Which step was left out?

# Without to_gray, which the others need, and keep_digit, which refuses a page with lines left on it.
ROW = {
    step.__name__: step for step in photos.STEPS if step not in (photos.to_gray, photos.keep_digit)
}
LEFT_OUT = {
    "A": ("1_fineliner.png", "match_stroke_weight"),
    "B": ("7_photo.jpg", "flatten_illumination"),
    "C": ("5_photo.jpg", "center_by_mass"),
    "D": ("2_photo.jpg", "remove_ruled_lines"),
}
CONFUSED = {
    (
        "A",
        "fit_in_box",
    ): "its longer side measures 20 pixels, so it is in its box. It is the pen that was too thin.",
    (
        "A",
        "ink_on_black",
    ): "the ink is light on black. It is pale because a hairline was shrunk until it was less than "
    "a pixel wide.",
    (
        "A",
        "flatten_illumination",
    ): "the light is even: the paper is black all over. It is pale because a hairline was shrunk until "
    "it was less than a pixel wide.",
    (
        "B",
        "ink_on_black",
    ): "ink is light and paper black, so that step was made. But the shadow passed for ink: who "
    "should have removed it before?",
    (
        "B",
        "despeckle",
    ): "a speck is small. This patch is as large as the digit, and is the shadow.",
    ("B", "remove_ruled_lines"): "the patch is no thin line. It is the shadow.",
    (
        "B",
        "crop_to_ink",
    ): "the cut was made around all that counts as ink, the shadow included. Who should have removed that before?",
    (
        "C",
        "fit_in_box",
    ): "its longer side measures 20 pixels, so it is in its box. It is the margin up to 28 that is "
    "missing.",
    ("C", "crop_to_ink"): "it *is* cut out, to its very edge, and never got its margin back.",
    (
        "D",
        "despeckle",
    ): "that step came, and kept what is longer than a speck. Here whole lines had stayed.",
    (
        "D",
        "crop_to_ink",
    ): "the cut was made around all that is ink, the lines included. Who should have removed those "
    "before?",
    (
        "D",
        "flatten_illumination",
    ): "there is no bright patch, so the shadow is gone. What is left around the digit?",
}


@cache
def left_out() -> dict[str, np.ndarray]:
    """Return four pictures, A to D, on whose way to MNIST's form one step was left out."""
    folder = data.CACHE.parent / "my_digits"
    return {letter: _without(step, folder / name) for letter, (name, step) in LEFT_OUT.items()}


def _without(left_out, path):
    picture = photos.to_gray(photos.open_image(path))
    for name, step in ROW.items():
        picture = picture if name == left_out else step(picture)
    return picture


def _examine_steps(answer):
    if (
        not isinstance(answer, tuple | list)
        or len(answer) != 2
        or not isinstance(answer[0], Mapping)
    ):
        raise Wrong(
            f"expected [steps, order], a dictionary and four letters, got {describe(answer)}."
        )
    steps, order = (
        answer[0],
        "".join(map(str, answer[1])) if isinstance(answer[1], list | tuple) else str(answer[1]),
    )
    for letter, (_, wanted) in LEFT_OUT.items():
        got = str(steps.get(letter, "nothing")).strip().removesuffix("()").rpartition(".")[2]
        if got not in ROW:
            raise Wrong(f"{letter}: expected one of {', '.join(ROW)}; got {got[:40]!r}.")
        if got != wanted:
            other = f"without {got} it would look otherwise. Compare it with the eleven pictures of section 2."
            raise Wrong(f"{letter}: {CONFUSED.get((letter, got), other)}")
    wanted = "".join(sorted(LEFT_OUT, key=lambda letter: list(ROW).index(LEFT_OUT[letter][1])))
    order = "".join(letter for letter in order.upper() if letter.isalpha())
    if sorted(order) != sorted(wanted):
        raise Wrong(f"order: expected the four letters A to D, each once, got {order[:20]!r}.")
    if order == wanted[::-1]:
        raise Wrong("order: that is from the last step to the first.")
    if order.index("D") < order.index("B"):
        raise Wrong(
            "order: lines are looked for in the *ink*, and what is ink can only be told once the light is even."
        )
    if order[-1] != "C":
        raise Wrong(
            "order: centering comes last. Whatever changes the digit after it would move its center of mass."
        )
    if order != wanted:
        raise Wrong(
            "order: the width of a stroke is measured on the digit alone, so all else on the page goes before."
        )
    return "When a picture of yours goes wrong, look at its `mnist_steps` in the same way."


q1 = Question(
    LESSON,
    "q1",
    STEPS,
    _examine_steps,
    hints=(
        "Section 2 has all steps in a row. Ask of each picture: what is there that MNIST's digits do not have?",
        "A is too thin, B has a patch, C has no margin, D is small, amid a grid. One step was made for each of these.",
        "First the page as a whole (light, then lines), then the digit (its strokes, at last its place).",
    ),
)


# 2. A folder


class Folder(list):
    """Hold (name, digit or None, reason) for each picture of a folder, and be short in a message."""

    def __repr__(self):
        return f"a folder of {len(self)} pictures"


REASONS = ("the page is blank", "there are 4 digits, expected one", "this is pure noise")


def _case_of_folder(rng):
    """Return a folder where noughts are read, one reason comes twice, and of a long label the first digit was read."""
    pictures = [("0_pad.png", 0, ""), ("31_table.jpg", 3, ""), ("7_no.png", 1, "")]
    pictures += [("3192_photo.jpg", None, REASONS[1]), ("2718_desk.jpg", None, REASONS[1])]
    for number in range(int(rng.integers(6, 12))):
        digit, kind = int(rng.integers(0, 10)), rng.integers(0, 4)
        read, reason = (
            (None, REASONS[rng.integers(0, 3)]) if kind == 0 else ((digit + (kind == 1)) % 10, "")
        )
        pictures.append((f"{digit}_my_{number}.jpg", read if read is None else int(read), reason))
    order = rng.permutation(len(pictures))
    return (Folder([pictures[place] for place in order]),)


def _predictions(folder):
    paths = [Path("data/my_digits") / name for name, *_ in folder]
    even = np.full(10, 0.1, "float32")
    return paths, [
        Prediction(d, 0.0 if d is None else 0.9, even, reason) for _, d, reason in folder
    ]


def _answered(folder, refused=lambda digit: digit is None):
    return [(name.split("_")[0], digit) for name, digit, _ in folder if not refused(digit)]


def _right(folder, same=lambda label, digit: label == str(digit), **how):
    return sum(same(*pair) for pair in _answered(folder, **how))


def _reasons(folder):
    reasons = [reason for _, digit, reason in folder if digit is None]
    return {reason: reasons.count(reason) for reason in reasons}


def _plain_reasons(function):
    """Return the function with its third part as a plain dictionary, whatever it counted with."""

    def answer(*case):
        answers = function(*case)
        if not isinstance(answers, tuple | list) or len(answers) != 3:
            return answers
        counts = answers[2]
        plain = counts.to_dict() if isinstance(counts, pd.Series) else counts
        return *answers[:2], dict(plain) if isinstance(plain, Mapping) else plain

    return answer if callable(function) else function


SLIPS_OF_FOLDER = {
    "all pictures are counted, the refused ones too.": len,
    "a nought counts as refused: `if prediction.digit` is false for 0. Ask `is not None`.": (
        lambda folder: len(_answered(folder, refused=lambda digit: not digit))
    ),
    "that is how many were refused.": lambda folder: len(folder) - len(_answered(folder)),
    "that is a share. Count the pictures.": lambda folder: len(_answered(folder)) / len(folder),
}
SLIPS_OF_RIGHT = {
    "none is right: is the label still text (`'7' == 7` is false), or is it cut out of the whole path, folder and all? "
    "`path.stem.split('_')[0]`, and `str(prediction.digit)`.": lambda folder: 0,
    "your label is the name's first *character*. `31_table.jpg` shows two digits, and no answer of one is right.": (
        lambda folder: _right(folder, same=lambda label, digit: label[0] == str(digit))
    ),
    "a nought that was read counts as refused: `if prediction.digit` is false for 0. Ask `is not None`.": (
        lambda folder: _right(folder, refused=lambda digit: not digit)
    ),
    "that is a share. Count the pictures.": lambda folder: _right(folder) / len(_answered(folder)),
    "that is how many were wrong.": lambda folder: len(_answered(folder)) - _right(folder),
    "a refused picture is not right: nothing was read.": lambda folder: (
        _right(folder) + sum(_reasons(folder).values())
    ),
}
SLIPS_OF_REASONS = {
    "the pictures that were answered have no reason, only an empty text: leave them out.": (
        lambda folder: {"": len(_answered(folder))} | _reasons(folder)
    ),
    "which reasons there are is right. Count how often each of them occurs.": lambda folder: (
        dict.fromkeys(_reasons(folder), 1)
    ),
    "that is a list. Count how often each reason occurs, in a dictionary.": (
        lambda folder: [reason for _, digit, reason in folder if digit is None]
    ),
    "that is a set of reasons. Count how often each occurs, in a dictionary.": lambda folder: set(
        _reasons(folder)
    ),
    "by picture. Count by *reason*.": lambda folder: {
        f"data/my_digits/{name}": reason for name, digit, reason in folder if digit is None
    },
}


def _examine_folder(function):
    built(
        _predictions,
        _parts(
            answered=behaves_like(
                lambda folder: len(_answered(folder)), _case_of_folder, SLIPS_OF_FOLDER
            ),
            right=behaves_like(_right, _case_of_folder, SLIPS_OF_RIGHT),
            reasons=behaves_like(_reasons, _case_of_folder, SLIPS_OF_REASONS),
        ),
    )(_plain_reasons(function))


q2 = Question(
    LESSON,
    "q2",
    FOLDER,
    _examine_folder,
    hints=(
        "`zip(paths, predictions)` goes through both. A refused picture has `digit` None, which is not the same as 0.",
        "`path.stem` is the name without folder and ending, and `.split('_')[0]` what stands before the first `_`.",
        "`collections.Counter` counts the reasons of those whose digit is None.",
    ),
)


# 3. The light


def _case_of_light(rng):
    while True:
        light = np.add.outer(
            rng.uniform(60, 90) + np.arange(40) * rng.uniform(0.5, 2),
            np.arange(50) * rng.uniform(1, 2),
        )
        inked = ndimage.binary_dilation(rng.uniform(size=light.shape) < 0.01, np.ones((3, 3)))
        gray = light * rng.uniform(0.9, 1, size=light.shape) * np.where(inked, 0.4, 1)
        window = int(rng.choice([7, 9, 11]))
        if (gray > 1.01 * _paper(gray, window)).any():  # so that it matters to clip
            return gray, window


def _paper(gray, window, brightest=ndimage.maximum_filter, blur=0.5):
    return (
        ndimage.gaussian_filter(brightest(gray, window), blur * window)
        if blur
        else brightest(gray, window)
    )


def _ink(gray, window, low=0.0, **how):
    return np.clip(1 - gray / _paper(gray, window, **how), low, 1)


q3 = Question(
    LESSON,
    "q3",
    COMPUTE,
    behaves_like(
        _ink,
        _case_of_light,
        {
            "that is what the paper throws back: 1 on paper. Ink is what is missing to 1.": (
                lambda *case: _light_left(*case, high=1)
            ),
            "that is what the paper throws back, 1 on paper, and not clipped. Ink is what is missing to 1.": (
                lambda *case: _light_left(*case, high=np.inf)
            ),
            "some of it is below 0: where the paper is brighter than around it, there is no ink. Clip.": (
                lambda *case: _ink(*case, low=-np.inf)
            ),
            "some paper comes out as ink: a pixel brighter than `paper` is no ink. Clip at 0, do not turn the sign.": (
                lambda *case: np.abs(_ink(*case, low=-np.inf))
            ),
            "you subtract. In the shade ink takes away fewer gray levels; the *share* is the same. Divide.": (
                lambda gray, window: np.clip(_paper(gray, window) - gray, 0, None)
            ),
            "you subtract, and divide by 255. In the shade ink takes away fewer gray levels than in the sun.": (
                lambda gray, window: np.clip(_paper(gray, window) - gray, 0, None) / 255
            ),
            "the darkest pixel around is ink. Paper is the brightest.": (
                lambda *case: _ink(*case, brightest=ndimage.minimum_filter)
            ),
            "you blur the page, and its ink goes into the light. First the brightest pixel around, then blur.": (
                lambda *case: _ink(*case, brightest=lambda gray, window: gray)
            ),
            "the light is not blurred: the maxima have corners, and light has none.": lambda *case: (
                _ink(*case, blur=0)
            ),
            "the blur is twice as wide: sigma is *half* the window.": lambda *case: _ink(
                *case, blur=1
            ),
            "you blur first, and then take the brightest. Ink has gone into the light by then.": (
                lambda gray, window: np.clip(
                    1
                    - gray
                    / ndimage.maximum_filter(ndimage.gaussian_filter(gray, window / 2), window),
                    0,
                    1,
                )
            ),
            "one light for the whole page: the shaded paper counts as ink. Ask how bright it is *around* each pixel.": (
                lambda gray, window: 1 - gray / gray.max()
            ),
            "from 0 to 255. A share goes from 0 to 1.": lambda *case: 255 * _ink(*case),
        },
    ),
    hints=(
        "Section 2, *Light*: `ndimage.maximum_filter` finds the brightest pixel around, `gaussian_filter` blurs.",
        "`ndimage.gaussian_filter(ndimage.maximum_filter(gray, window), window / 2)` is what the paper would be.",
        "What ink takes away is `1 - gray / paper`; where that is below 0, there is none.",
    ),
)


def _light_left(gray, window, high):
    return np.clip(gray / _paper(gray, window), 0, high)


# 4. The width of a stroke


def _case_of_stroke(wide):
    """Return a maker of pages with a cross whose arms are soft at the edge; `wide`: wider than it is high."""

    def case(rng):
        page = np.zeros((60, 70))
        top, left, thick = rng.integers(5, 12), rng.integers(5, 12), int(rng.integers(4, 9))
        height, width = (22, 45) if wide else (40, 19)
        row, column = (
            top + rng.integers(1, height - thick - 1),
            left + rng.integers(1, width - thick - 1),
        )
        page[row : row + thick, left : left + width] = 1
        page[top : top + height, column : column + thick] = 1
        soft = ndimage.gaussian_filter(page, 1)
        return (np.where(soft < 0.1, 0, soft / soft.max()) * rng.uniform(130, 180),)

    return case


def _stroke_width(
    ink, box=20, side=max, times=4, off=2, inside=lambda ink: ink > ink.max() / 2, at=None
):
    filled = inside(ink)
    distance = ndimage.distance_transform_edt(filled)
    long = side(photos.crop_to_ink(ink).shape)
    return (times * distance[filled if at is None else at(ink)].mean() - off) * box / long


q4 = Question(
    LESSON,
    "q4",
    COMPUTE,
    behaves_like(
        _stroke_width,
        in_turn(_case_of_stroke(False), _case_of_stroke(True)),
        {
            "that is the width on the page. In the box the longer side of the *ink* measures 20.": (
                lambda ink: _stroke_width(ink, box=1, side=lambda shape: 1)
            ),
            "the box measures 20 pixels; 28 is the whole picture.": lambda ink: _stroke_width(
                ink, box=28
            ),
            "you shrink the whole page to 20. The digit is cut out first, so it is *its* longer side that counts.": (
                lambda ink: _stroke_width(ink, box=20 / 70, side=lambda shape: 1)
            ),
            "you took the ink's height, which is not always its longer side.": (
                lambda ink: _stroke_width(ink, side=lambda shape: shape[0])
            ),
            "you took the ink's width, which is not always its longer side.": (
                lambda ink: _stroke_width(ink, side=lambda shape: shape[1])
            ),
            "you took the ink's shorter side.": lambda ink: _stroke_width(ink, side=min),
            "too wide: distances go from pixel to pixel, from middle to middle, so 2 comes off the fourfold mean.": (
                lambda ink: _stroke_width(ink, off=0)
            ),
            "you take off 2 in the box. It comes off on the page, where the distances were measured.": (
                lambda ink: _stroke_width(ink, off=0) - 2
            ),
            "twice the mean distance. Twice the *largest* would do for one bar; of the mean it is four times.": (
                lambda ink: _stroke_width(ink, times=2, off=0)
            ),
            "twice the mean distance, less 2. Of one bar twice the *largest* would do; of the mean it is four times.": (
                lambda ink: _stroke_width(ink, times=2)
            ),
            "the mean goes over the whole page, where most distances are 0. Over the inside only.": (
                lambda ink: _stroke_width(ink, at=lambda ink: np.ones(ink.shape, dtype=bool))
            ),
            "you count the soft edge as inside. Inside is what is brighter than half of the strongest ink.": (
                lambda ink: _stroke_width(ink, inside=lambda ink: ink > 0)
            ),
            "you ask for more than 127, and this pen is pale: inside is brighter than half of the *strongest* ink.": (
                lambda ink: _stroke_width(ink, inside=lambda ink: ink > 127)
            ),
            "these are the distances of the *paper* to the ink: `distance_transform_edt` measures where its input is "
            "true.": lambda ink: _stroke_width(ink, inside=lambda ink: ink <= ink.max() / 2),
        },
    ),
    hints=(
        "`inside = ink > ink.max() / 2`, and `ndimage.distance_transform_edt(inside)` has the distances to paper.",
        "On the page: `4 * distances[inside].mean() - 2`.",
        "Then `* 20 / max(photos.crop_to_ink(ink).shape)`.",
    ),
)


# 5. Several digits

SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
PLACES = {"a": (0, slice(0, 5)), "b": (slice(0, 5), 4), "c": (slice(4, 9), 4), "d": (8, slice(0, 5)),
          "e": (slice(4, 9), 0), "f": (slice(0, 5), 0), "g": (4, slice(0, 5))}  # fmt: skip
TALL = 9


def _segments(digit):
    upright = np.zeros((TALL, 5), dtype=bool)
    for segment in SEGMENTS[digit]:
        upright[PLACES[segment]] = True
    return upright


@cache
def _slanted(digit):
    """Return a digit of a pocket calculator, each row a pixel further left than the one above, cut out."""
    lying = np.zeros((TALL, 5 + TALL), dtype=bool)
    for row, pixels in enumerate(_segments(digit)):
        lying[row, TALL - row : TALL - row + 5] = pixels
    return photos.crop_to_ink(lying)


def _case_of_number(rng):
    """Return a page whose digits stand at different heights, and so close that a box around one cuts into the next.

    The first one is a nought. The second one is the highest, so it is met first, and reaches into the third one's box.
    """
    second, *others = rng.permutation([2, 3, 8, 9])
    page, left, above = np.zeros((16, 64)), 1, 0
    tops = (3, 1, 2, int(rng.integers(2, 5)))
    for digit, top in zip([0, second, *rng.permutation([*others, 5, 6])[:2]], tops, strict=True):
        left += max(0, above - top)
        page[top : top + TALL, left : left + 13][_slanted(int(digit))] = rng.uniform(0.2, 0.9)
        left, above = left + 11, top
    return page, int(rng.integers(0, 2**31))


def _reader(page, seed):
    """Return the page, and a reader of one digit, who is sure of it to a degree that depends on the digit."""
    sure = np.random.default_rng(seed).uniform(0.8, 0.99, size=10)

    def read(ink):
        ink = np.asarray(ink) > 0
        cut = photos.crop_to_ink(ink) if ink.ndim == 2 and ink.any() else ink
        found = (digit for digit in range(10) if np.array_equal(cut, _slanted(digit)))
        digit = next(
            found, int(ink.sum()) % 10
        )  # like every reader it answers, whatever it is shown
        return digit, float(sure[digit])

    return page, read


def _read_all(page, seed, touching=((1, 1, 1),) * 3, sort=True, alone=True, chance=np.prod):
    page, read = _reader(page, seed)
    labels, count = ndimage.label(page > 0, touching)
    places = ndimage.find_objects(labels)
    met = range(count)
    numbers = sorted(met, key=lambda number: places[number][1].start) if sort else met
    answers = [
        read(np.where(labels == n + 1, page, 0) if alone else page[places[n]]) for n in numbers
    ]
    return "".join(str(digit) for digit, _ in answers), chance([sure for _, sure in answers])


SIDES_ONLY = ((0, 1, 0), (1, 1, 1), (0, 1, 0))
SLIPS_OF_NUMBER = {
    "this is the order in which `label` meets them: the highest comes first. Sort them from left to right.": (
        lambda *case: _read_all(*case, sort=False)[0]
    ),
    "that is from right to left.": lambda *case: _read_all(*case)[0][::-1],
    "a box around a slanted digit holds a corner of the next one. Show `read` the ink of *one* mark: "
    "`np.where(labels == number, page, 0)`.": lambda *case: _read_all(*case, alone=False)[0],
    "the box holds a corner of the next digit, and the order is that in which `label` meets them.": (
        lambda *case: _read_all(*case, alone=False, sort=False)[0]
    ),
    "you cut digits into pieces: pixels that touch at a corner belong together, `label(..., np.ones((3, 3)))`.": (
        lambda *case: _read_all(*case, touching=SIDES_ONLY)[0]
    ),
    "you cut digits into pieces, where pixels touch at a corner, and leave them in the order in which they are met.": (
        lambda *case: _read_all(*case, touching=SIDES_ONLY, sort=False)[0]
    ),
    "it begins with a nought, which a whole number cannot hold. Keep it as text.": lambda *case: (
        int(_read_all(*case)[0])
    ),
    "a list. Join it into text: `''.join(map(str, digits))`.": lambda *case: [
        int(d) for d in _read_all(*case)[0]
    ],
    "no mark was found. Ink is whatever is above 0, however pale.": lambda page, seed: "",
    "all ink was read as one digit. Cut the digits apart first.": (
        lambda page, seed: str(_reader(page, seed)[1](page)[0])
    ),
}
SLIPS_OF_CHANCE = {
    "that is the mean. All four are right only if each of them is: multiply.": (
        lambda *case: _read_all(*case, chance=np.mean)[1]
    ),
    "that is how sure the least sure one is. The others may be wrong too: multiply.": (
        lambda *case: _read_all(*case, chance=np.min)[1]
    ),
    "that is how sure the surest one is. All four are right only if each of them is: multiply.": (
        lambda *case: _read_all(*case, chance=np.max)[1]
    ),
    "that is the chance that *some* digit is wrong.": lambda *case: 1 - _read_all(*case)[1],
    "that is the sum, which can exceed 1. Multiply.": lambda *case: _read_all(*case, chance=np.sum)[
        1
    ],
    "these are the confidences one by one. Multiply them.": lambda *case: _read_all(
        *case, chance=list
    )[1],
}

q5 = Question(
    LESSON,
    "q5",
    CUT,
    built(
        _reader,
        _parts(
            number=behaves_like(
                lambda *case: _read_all(*case)[0], _case_of_number, SLIPS_OF_NUMBER
            ),
            chance=behaves_like(
                lambda *case: _read_all(*case)[1], _case_of_number, SLIPS_OF_CHANCE
            ),
        ),
    ),
    hints=(
        "`labels, count = ndimage.label(page > 0, np.ones((3, 3)))` tells the marks apart (section 2, *Specks*).",
        "Sort the numbers 1 … count by the first column in which a mark has ink: `np.flatnonzero(...any(axis=0))[0]`.",
        "`read(np.where(labels == number, page, 0))` returns a digit and a confidence. `np.prod` multiplies.",
    ),
)


# 6. Pens of every width


def _case_of_pens(rng):
    """Return blots amid paper, so large that thinning leaves some, and a way for each: both ways, and none."""
    images = np.zeros((7, 14, 13))
    images[:, 3:11, 3:10] = rng.uniform(size=(7, 8, 7))
    ways = np.array([1, 0, -1, *rng.uniform(0.2, 0.8, size=2), *rng.uniform(-0.8, -0.2, size=2)])
    return images, rng.permutation(ways)


def _pens(
    images,
    ways,
    window=(1, 3, 3),
    change=lambda ways: ways,
    thick=ndimage.maximum_filter,
    thin=None,
):
    ways = change(ways)[:, np.newaxis, np.newaxis]
    towards = np.where(
        ways > 0, thick(images, window), (thin or ndimage.minimum_filter)(images, window)
    )
    return images + abs(ways) * (towards - images)


q6 = Question(
    LESSON,
    "q6",
    SPOIL,
    behaves_like(
        _pens,
        _case_of_pens,
        {
            "the window of 3 x 3 x 3 takes in the digits *before and after* as well. Filter each by itself: "
            "`size=(1, 3, 3)`.": lambda *case: _pens(*case, window=3),
            "thick and thin are exchanged: the *largest* around makes light strokes wider.": (
                lambda *case: _pens(*case, change=lambda ways: -ways)
            ),
            "you always go all the way. A way of 0.5 is half of it.": lambda *case: _pens(
                *case, change=np.sign
            ),
            "below 0 nothing happens. There the digit goes towards the *smallest* around each pixel.": (
                lambda *case: _pens(*case, change=lambda ways: np.maximum(ways, 0))
            ),
            "above 0 nothing happens. There the digit goes towards the *largest* around each pixel.": (
                lambda *case: _pens(*case, change=lambda ways: np.minimum(ways, 0))
            ),
            "below 0 you make strokes thicker too. There the digit goes towards the *smallest*.": (
                lambda *case: _pens(*case, change=abs)
            ),
            "below 0 you go *away* from the largest, which is not thinner: it makes values below 0.": (
                lambda *case: _pens(*case, thin=_away)
            ),
            "below 0 you go away from the largest, and clip. That lowers the rim of a stroke's surroundings, not the "
            "stroke's own: go towards the *smallest*.": lambda *case: np.clip(
                _pens(*case, thin=_away), 0, 1
            ),
            "two pixels on each side: 3 x 3 around each pixel, not 5 x 5.": lambda *case: _pens(
                *case, window=(1, 5, 5)
            ),
            "one way for all. Each digit has its own: `ways[:, np.newaxis, np.newaxis]`.": (
                lambda *case: _pens(*case, change=lambda ways: np.full_like(ways, ways[0]))
            ),
            "one way for all, the mean. Each digit has its own: `ways[:, np.newaxis, np.newaxis]`.": (
                lambda *case: _pens(*case, change=lambda ways: np.full_like(ways, ways.mean()))
            ),
            "that is the thickest or the thinnest, times its way, and the digit itself is lost. From the digit, "
            "go *some of the way*: `image + way * (thickest - image)`.": lambda images, ways: (
                _pens(images, ways) - (1 - abs(ways))[:, np.newaxis, np.newaxis] * images
            ),
        },
    ),
    hints=(
        "Section 7: `ndimage.maximum_filter` thickens, `ndimage.minimum_filter` thins. Mind the first axis.",
        "With `size=(1, 3, 3)` a window stays on its own digit. Some of the way: `images + way * (thickest - images)`.",
        "`np.where(ways > 0, thickest, thinnest)`, with `ways` as an array of shape (n, 1, 1), picks each one's goal.",
    ),
)


def _away(images, window):
    return 2 * images - ndimage.maximum_filter(images, window)


# 7. Find the bug: gains and losses


class Trial(list):
    """Hold the weights of two networks, and be short in a message."""

    def __repr__(self):
        return "two networks"


def _case_of_trial(*blurs):
    """Return a maker of two networks, each right as far as it is blurred, of the seed of the damage, and of images."""

    def case(rng):
        while True:
            truth, images = rng.normal(size=(36, 10)), rng.uniform(size=(200, 6, 6, 1))
            labels = (images.reshape(200, -1) @ truth).argmax(axis=1)
            weights = Trial([2 * truth + blur * rng.normal(size=truth.shape) for blur in blurs])
            trial = weights, int(rng.integers(0, 2**31)), images, labels
            if (
                _lost(*trial) * np.subtract(*blurs) < 0
            ):  # the one that is blurred less is the better one
                return trial

    return case


def _trial(weights, seed, images, labels):
    """Return what the learner's function gets: two networks, and a layer that spoils, in training only."""
    rng = np.random.default_rng(seed)

    def network(kernel):
        def answer(x):
            powers = np.exp(np.asarray(x).reshape(len(x), -1) @ kernel)
            return powers / powers.sum(axis=1, keepdims=True)

        return answer

    def spoil(x, training=False):
        x = np.asarray(x)
        return np.clip(x + 0.5 * rng.normal(size=x.shape), 0, 1) if training else x

    return *map(network, weights), spoil, images, labels


def _accuracy(network, images, labels):
    return np.mean(network(images).argmax(axis=1) == labels)


def _confidence(network, images, labels):
    return network(images).max(axis=1).mean()


def _change(*case, training=True, anew=False, score=_accuracy):
    """Return what the second network gains on clean images, and on corrupted ones."""
    plain, hardened, spoil, images, labels = _trial(*case)
    corrupted = spoil(images, training=training)
    before, clean_before = score(plain, corrupted, labels), score(plain, images, labels)
    corrupted = spoil(images, training=training) if anew else corrupted
    return score(hardened, images, labels) - clean_before, score(
        hardened, corrupted, labels
    ) - before


TRIALS = in_turn(_case_of_trial(0.4, 0.9), _case_of_trial(0.9, 0.4))


def _change_of_colleague(*case):
    return _change(*case, training=False, score=_confidence)


def _lost(*case, **how):
    return -_change(*case, **how)[0]


def _gained(*case, **how):
    return _change(*case, **how)[1]


def _share(part):
    """Return a change as a share of what it was before."""

    def share(*case):
        plain, _, spoil, images, labels = _trial(*case)
        before = _accuracy(plain, spoil(images, training=True) if part else images, labels)
        return _change(*case)[part] / before * (1 if part else -1)

    return share


q7 = Question(
    LESSON,
    "q7",
    SPOIL,
    built(
        _trial,
        _parts(
            lost=behaves_like(
                _lost,
                TRIALS,
                {
                    "the sign is turned: what is lost is *before* minus after.": lambda *case: (
                        -_lost(*case)
                    ),
                    "that compares how *sure* the two are. Who is right is told by `argmax` and the labels.": (
                        lambda *case: _lost(*case, score=_confidence)
                    ),
                    "that compares how sure the two are, and its sign is turned. Who is right is told by `argmax` "
                    "and the labels.": lambda *case: -_lost(*case, score=_confidence),
                    "in percent. Give a share: 0.02 rather than 2.": lambda *case: (
                        100 * _lost(*case)
                    ),
                    "its sign is lost: `abs` would call a gain a loss.": lambda *case: abs(
                        _lost(*case)
                    ),
                    "as a share of what it was before. Give the difference of the two accuracies.": _share(
                        0
                    ),
                    "that is what is gained on corrupted digits: the two are exchanged.": _gained,
                    "that is the second network's accuracy. How much has it lost against the first?": lambda *case: (
                        _accuracy(_trial(*case)[1], *case[2:])
                    ),
                },
            ),
            gained=behaves_like(
                _gained,
                TRIALS,
                {
                    "these digits are not corrupted: outside of training such a layer does nothing. "
                    "`spoil(images, training=True)`.": lambda *case: -_lost(*case),
                    "each network got a damage of its own: every call of `spoil` draws anew. Spoil once, and let both "
                    "read that.": lambda *case: _gained(*case, anew=True),
                    "that compares how *sure* the two are. Who is right is told by `argmax` and the labels.": (
                        lambda *case: _gained(*case, score=_confidence)
                    ),
                    "that is how sure the two are on digits that nobody has corrupted.": (
                        lambda *case: _change_of_colleague(*case)[1]
                    ),
                    "the sign is turned: what is gained is *after* minus before.": lambda *case: (
                        -_gained(*case)
                    ),
                    "in percent. Give a share: 0.02 rather than 2.": lambda *case: (
                        100 * _gained(*case)
                    ),
                    "as a share of what it was before. Give the difference of the two accuracies.": _share(
                        1
                    ),
                },
            ),
        ),
    ),
    hints=(
        "Three things are amiss. What does `max` tell, and what `argmax`? When does such a layer spoil anything? Is "
        "spoiling the same twice?",
        "`np.mean(network(x).argmax(axis=1) == labels)` is an accuracy.",
        "`corrupted = spoil(images, training=True)`, once. Both networks read `corrupted` and `images`.",
    ),
)


# 8. Sets with a promise

ALPHAS = (0.1, 0.16, 0.2)
FINE = 4096  # probabilities are multiples of 1 / 4096, which a computer adds and subtracts without rounding


def _answers(rng, labels):
    """Return the answers of a fairly good reader to digits with these labels, (n, 10)."""
    shares = rng.dirichlet(np.full(10, 0.5), size=len(labels))
    shares[np.arange(len(labels)), labels] += rng.uniform(0, 2, size=len(labels))
    return np.array([rng.multinomial(FINE, share / share.sum()) for share in shares]) / FINE


def _case_of_sets(low, high):
    """Return a maker of digits, enough to choose, such that what is rounded off the rank lies from low to high."""

    def case(rng):
        while True:
            n, alpha = int(rng.integers(40, 120)), float(rng.choice(ALPHAS))
            rank = (n + 1) * (1 - alpha)
            labels, new = rng.integers(0, 10, size=n), rng.integers(0, 10, size=80)
            choosing = _answers(rng, labels)
            near = np.sort(_strangeness(choosing, labels))[
                math.floor(rank) - 2 : math.ceil(rank) + 2
            ]
            if low < rank % 1 < high and (np.diff(near) > 0).all():
                break
        # Those that chose come again, since one of them is just as strange as the limit: it belongs inside.
        return (
            choosing,
            labels,
            np.concatenate([choosing, _answers(rng, new)]),
            np.concatenate([labels, new]),
            alpha,
        )

    return case


def _case_of_few(rng):
    """Return too few digits for so large a promise."""
    labels, new = rng.integers(0, 10, size=int(rng.integers(5, 15))), rng.integers(0, 10, size=50)
    return _answers(rng, labels), labels, _answers(rng, new), new, 0.05


# Below 0.5, from there to 1 - alpha, and above: so what is rounded, forgotten or cut off shows, each in its own way.
PROMISES = in_turn(
    *starmap(_case_of_sets, [(0.05, 0.45), (0.55, 0.75), (0.91, 0.99), (0.05, 0.45)]), _case_of_few
)


def _strangeness(probabilities, labels):
    return 1 - probabilities[np.arange(len(labels)), labels]


def _limit(
    probabilities, labels, alpha, more=1, rounded=math.ceil, strangeness=_strangeness, late=1
):
    strange = np.sort(strangeness(probabilities, labels))
    rank = rounded((len(labels) + more) * (1 - alpha))
    return strange[min(rank, len(strange)) - late] if rank <= len(strange) else 1.0


def _sets(choosing, labels, new, new_labels, alpha, limit=_limit, inside=np.less_equal):
    return inside(1 - new, limit(choosing, labels, alpha))


def _sets_by(**change):
    return lambda *case: _sets(*case, limit=lambda *given: _limit(*given, **change))


def _covered(*case, sets=_sets):
    return sets(*case)[np.arange(len(case[3])), case[3]].mean()


def _quantile(share=lambda n, alpha: 1 - alpha, **how):
    """Return a limit by NumPy's quantile, which some take for the rank."""

    def limit(probabilities, labels, alpha):
        wanted = min(1, share(len(labels), alpha))
        return np.quantile(_strangeness(probabilities, labels), wanted, **how)

    return limit


def _rank_as_share(n, alpha):
    return math.ceil((n + 1) * (1 - alpha)) / n


SLIPS_OF_SETS = {
    "the n + 1 is missing: the new digit may rank anywhere among the n.": _sets_by(more=0),
    "too many digits in them, as a list counts from 0: the k-th smallest stands at k - 1.": _sets_by(
        late=0
    ),
    "the rank is rounded down, and the promise just missed. Round up.": _sets_by(
        rounded=math.floor
    ),
    "the rank is rounded to the nearest, and the promise sometimes just missed. Round up.": _sets_by(
        rounded=round
    ),
    "`np.quantile` takes a value *between* two, at 1 - alpha of them. The rank is wanted, counted with n + 1.": (
        lambda *case: _sets(*case, limit=_quantile())
    ),
    "`np.quantile` counts from the first to the last value, so you are one too far. Sort, and take the rank.": (
        lambda *case: _sets(*case, limit=_quantile(_rank_as_share, method="higher"))
    ),
    "`np.quantile` takes a value between two. Sort, and take the rank.": (
        lambda *case: _sets(*case, limit=_quantile(_rank_as_share))
    ),
    "alpha and 1 - alpha are exchanged: a share *alpha* of the true digits may be missed.": (
        lambda *case: _sets(*case[:4], 1 - case[4])
    ),
    "strangeness is measured by the likeliest digit. What counts is the probability that the *label* got.": _sets_by(
        strangeness=lambda probabilities, labels: 1 - probabilities.max(axis=1)
    ),
    "the limit comes from the new digits, whose labels nobody knows yet. Let the others choose.": (
        lambda choosing, labels, new, new_labels, alpha: 1 - new <= _limit(new, new_labels, alpha)
    ),
    "a digit just as strange as the limit is left out: no *stranger* means at most as strange.": (
        lambda *case: _sets(*case, inside=np.less)
    ),
    "these are the digits that are too strange. Turn it round.": lambda *case: ~_sets(*case),
    "you compare probabilities with the limit of a *strangeness*, which is 1 minus them.": (
        lambda *case: case[2] >= _limit(case[0], case[1], case[4])
    ),
    "these are how many digits are in each. Return which: an array of shape (n, 10).": lambda *case: (
        _sets(*case).sum(axis=1)
    ),
}
SLIPS_OF_COVERAGE = {
    "that is how often the likeliest digit is right. How often is the true digit *in the set*?": lambda *case: (
        np.mean(case[2].argmax(axis=1) == case[3])
    ),
    "that is how often a set is not empty. How often is the true digit in it?": lambda *case: (
        np.mean(_sets(*case).any(axis=1))
    ),
    "that is how large the sets are. How often is the true digit in them?": lambda *case: (
        _sets(*case).sum(axis=1).mean()
    ),
    "that is the share of all ten digits that are in the sets. How often is the *true* digit in its set?": (
        lambda *case: _sets(*case).mean()
    ),
    "those that chose are covered as you made them: that is no test. Judge the new ones.": (
        lambda choosing, labels, new, new_labels, alpha: _covered(
            choosing, labels, choosing, labels, alpha
        )
    ),
    "that is what was promised. Count how often it was kept.": lambda *case: 1 - case[4],
    "that is how many. Give a share.": lambda *case: _covered(*case) * len(case[3]),
    "that is how often the true digit is *not* in its set.": lambda *case: 1 - _covered(*case),
}

q8 = Question(
    LESSON,
    "q8",
    CHOOSE,
    _parts(
        sets=behaves_like(_sets, PROMISES, SLIPS_OF_SETS),
        coverage=behaves_like(_covered, PROMISES, SLIPS_OF_COVERAGE),
    ),
    hints=(
        "Section 8, *Prediction sets*: `1 - probabilities[np.arange(n), labels]` says how strange each label was.",
        "Sort that. The limit stands in place `int(np.ceil((n + 1) * (1 - alpha))) - 1`, if there is such a place.",
        "`sets[np.arange(len(new_labels)), new_labels].mean()` is the share of true digits that are in their sets.",
    ),
)
