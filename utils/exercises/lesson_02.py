"""Questions on lesson 02: preparing digits for a network."""

import numpy as np
from scipy import ndimage

from utils.exercises.checks import behaves_like, call, compare, describe, equal, in_turn, is_value
from utils.exercises.core import Question, Wrong, in_words
from utils.photos import NoDigitFound, crop_to_ink
from utils.preprocessing import one_hot

LESSON = "02"


# 1. Predict what goes wrong

GUESSES = {
    "difference": is_value(
        lambda: np.subtract(*np.array([[40], [60]], dtype="uint8")).item(),
        {
            40
            - 60: "that is right for people. A `uint8` has no minus: its numbers go round, like a clock.",
            0: "it does not stop at 0. Below 0 it goes on at the other end, without a word.",
            60
            - 40: "the sign does not just get lost: below 0 the numbers go on from the other end, at 255.",
            255
            + 40
            - 60: "nearly: there are 256 numbers from 0 to 255, and one step below 0 is 255.",
        },
    ),
    "bytes": is_value(
        lambda: np.zeros((100, 28, 28, 1), dtype="float32").nbytes,
        {
            100
            * 28
            * 28: "that is one byte for each pixel, as `uint8` has it. How many bytes are 32 bits?",
            100 * 28 * 28 * 8: "that is NumPy's own `float64`. `float32` takes half of it.",
            100 * 28 * 28 * 32: "these are bits. Eight of them are a byte.",
            28 * 28 * 4: "that is one image, and there are 100.",
        },
    ),
    "divisor": is_value(
        lambda: 100**2,
        {
            100: "the large pixels are met twice: where the step is made, and again where the scores are.",
            2 * 100: "met twice means multiplied twice, not added twice.",
            255**2: "these pixels reach 100, not 255.",
        },
    ),
}


def _examine_guesses(guesses):
    if not isinstance(guesses, dict) or set(guesses) != set(GUESSES):
        raise Wrong(
            f"expected a dictionary with the keys {', '.join(GUESSES)}, got {describe(guesses)}"
        )
    for name, examine in GUESSES.items():
        try:
            examine(guesses[name])
        except Wrong as refusal:
            raise Wrong(f"“{name}”: {refusal}") from refusal


q1 = Question(
    LESSON,
    "q1",
    "scale and shape images, and say what goes wrong without",
    _examine_guesses,
    hints=(
        "Sections 2 and 4 have one of each kind: 3 - 5 in `uint8`, the bytes of one image, and the riddle.",
        "`uint8` counts 0 … 255 and begins again. A `float32` has 32 bits, and a byte has 8. In the riddle, pixels 255 "
        "times as large wanted a rate divided by 255 twice.",
    ),
)


# 2. Scale and shape


def _images(count, height, width, brightest):
    def make(rng):
        images = rng.integers(0, brightest + 1, size=(count, height, width), dtype="uint8")
        images[0] //= 2  # a pale one
        return (images,)

    return make


def _ready(images, divisor=255):
    return images[..., np.newaxis].astype("float32") / divisor


_like_prepared = behaves_like(
    _ready,
    in_turn(
        _images(5, 28, 28, 255),
        _images(1, 28, 28, 120),
        _images(3, 9, 6, 40),
        _images(2, 5, 11, 200),
    ),
    {
        "the last axis is missing: one number per pixel, so shape (n, height, width, 1).": lambda x: (
            x / 255
        ),
        "the axis of length 1 comes last, not second: (n, height, width, 1).": lambda x: (
            x[:, np.newaxis] / 255
        ),
        "you divide by the largest pixel of the batch, so a digit changes with its neighbors. Divide by 255.": (
            lambda x: _ready(x, x.max())
        ),
        "each image is divided by its own largest pixel, so a pale digit looks like a dark one. Divide by 255.": (
            lambda x: _ready(x, x.max(axis=(1, 2)).reshape(-1, 1, 1, 1))
        ),
        "nearly all became 0: whole numbers cannot hold 0.7. Become a float first.": lambda x: (
            _ready(x // 255, 1)
        ),
        "the brightest pixel is 255, so divide by 255, not by 256.": lambda x: _ready(x, 256),
        "the pixels are still as large as they were.": lambda x: _ready(x, 1),
    },
    rounds=4,
)


def _examine_prepared(function):
    _like_prepared(function)
    kind = np.asarray(call(function, np.zeros((1, 28, 28), dtype="uint8"))).dtype
    if kind != np.float32:
        raise Wrong(
            f"the values are right, but they are {kind}. Networks calculate with 32 bits: use `float32`."
        )


q2 = Question(
    LESSON,
    "q2",
    "scale and shape images, and say what goes wrong without",
    _examine_prepared,
    hints=(
        "Three steps: the type, the range, the shape. Become a float before you divide.",
        '`images.astype("float32") / 255` has type and range. `[..., np.newaxis]` adds an axis at the end.',
    ),
)


# 3. One-hot rows


def _case_of_labels(rng):
    classes = int(rng.integers(12, 30))
    labels = rng.integers(0, classes - 1, size=int(rng.integers(1, 9)))
    return np.append(labels, classes - 2).astype("uint8"), classes  # the last class has no example


def _all_rows_alike(labels, classes):
    return np.tile(one_hot(labels, classes).max(axis=0), (len(labels), 1))


q3 = Question(
    LESSON,
    "q3",
    "encode labels one-hot, by hand and with the library, and say when you need not",
    behaves_like(
        one_hot,
        _case_of_labels,
        {
            "your rows end at the largest label: use `classes`.": lambda labels, k: one_hot(
                labels, max(labels) + 1
            ),
            "rows and columns are exchanged: one row for each label.": lambda labels, k: (
                one_hot(labels, k).T
            ),
            "the 1s are a place too far left: both count from 0.": lambda labels, k: np.roll(
                one_hot(labels, k), -1, 1
            ),
            "all rows are the same: `rows[:, labels]` marks these columns in *every* row.": _all_rows_alike,
            "the row holds the label itself, not a 1.": lambda labels, k: (
                one_hot(labels, k) * labels[:, np.newaxis]
            ),
        },
        rounds=8,
    ),
    hints=(
        "Start from a table of zeros, one row for each label. Which place of row 0 becomes 1?",
        "Or take rows from the identity matrix: section 4 does it in one line, for ten classes.",
        "`np.eye(classes)` is that matrix, and `[labels]` picks the rows.",
    ),
)


# 4. Find the bug: the loss


def _probabilities(rng, count, classes):
    powers = np.exp(rng.normal(0, 1.5, size=(count, classes)))
    return powers / powers.sum(axis=1, keepdims=True)


def _plain(rng):
    count, classes = rng.choice(np.arange(3, 9), size=2, replace=False)  # never a square table
    return _probabilities(rng, count, classes), rng.integers(0, classes, size=count, dtype="uint8")


def _one_hot(rng):
    probabilities, labels = _plain(rng)
    return probabilities, one_hot(labels, probabilities.shape[1])


def _blended(rng):
    return _probabilities(rng, 6, 5), _probabilities(rng, 6, 5)


def _rows(p, truth):
    return one_hot(truth, p.shape[1]) if truth.ndim == 1 else truth


def _losses(p, truth, log=np.log):
    return -(_rows(p, truth) * log(p)).sum(axis=1)


q4 = Question(
    LESSON,
    "q4",
    "encode labels one-hot, by hand and with the library, and say when you need not",
    behaves_like(
        lambda p, truth: _losses(p, truth).mean(),
        in_turn(_plain, _one_hot, _blended),
        {
            "a blended row still becomes a single label: `argmax` forgets the smaller share. Use the whole row.": (
                lambda p, truth: _losses(p, _rows(p, truth).argmax(axis=1)).mean()
            ),
            "you blend the probabilities and take the logarithm afterwards. Blend the losses: logarithm first.": (
                lambda p, truth: -np.log((_rows(p, truth) * p).sum(axis=1)).mean()
            ),
            "for plain labels you take *every* row at *every* label, n · n numbers. Each row has one label.": (
                lambda p, truth: (
                    _losses(p, truth).mean() if truth.ndim == 2 else -np.log(p[:, truth]).mean()
                )
            ),
            "for rows you take the mean over all numbers. Add up within a row, then take the mean of the images.": (
                lambda p, truth: _losses(p, truth).mean() / (p.shape[1] if truth.ndim == 2 else 1)
            ),
            "the sign is turned: a loss is not negative.": lambda p, truth: (
                -_losses(p, truth).mean()
            ),
            "that is the sum. Take the mean, or large batches look worse.": lambda p, truth: (
                _losses(p, truth).sum()
            ),
            "one number for the whole batch is wanted, the mean of these.": _losses,
            "take the natural logarithm, `np.log`, not base 2.": lambda p, truth: _losses(
                p, truth, np.log2
            ).mean(),
        },
        rounds=6,
    ),
    hints=(
        "What does `argmax` make of a row with 0.7 and 0.3 in it?",
        "Go the other way: turn plain labels into one-hot rows, and treat all kinds of truth as rows.",
        "`-(rows * np.log(probabilities)).sum(axis=1)` is the loss of each image. What remains is the mean.",
    ),
)


# 5. A stratified split


def _as_places(answer, count):
    """Return the two parts of a split as arrays; Wrong where they are no places at all."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong(f"expected two parts, training and validation, got {describe(answer)}")
    parts = [np.asarray(part) for part in answer]
    if any(part.dtype == bool for part in parts):
        raise Wrong("these are marks, True or False. `np.flatnonzero` turns them into places.")
    if any(part.ndim != 1 or part.dtype.kind not in "iu" or not len(part) for part in parts):
        raise Wrong("each part must be a flat array of whole numbers, the places of its labels.")
    if np.concatenate(parts).max() >= count or np.concatenate(parts).min() < 0:
        raise Wrong("there are places outside of the array. Return places, not labels.")
    return parts


def _examine_promises(parts, labels, fraction):
    """Hold a split to its promises: nothing in both, nothing lost, the same mixture."""
    train, validation = parts
    if both := len(np.intersect1d(train, validation)):
        raise Wrong(f"{both} places stand in both parts: that is a leak.")
    times = np.bincount(np.concatenate(parts), minlength=len(labels))
    if times.max() > 1:
        raise Wrong("the same place stands twice in a part: permute, do not draw with replacement.")
    if lost := np.sum(times == 0):
        whole = set(labels[times == 0]) - set(labels[times > 0])
        why = (
            "Whole classes are: take them from `np.unique(labels)`."
            if whole
            else "Is a rest cut off?"
        )
        raise Wrong(f"{lost} of {len(labels)} places are in no part. {why}")
    if len(train) < len(validation):
        raise Wrong(
            "the parts are exchanged: training comes first, and `fraction` is the share of validation."
        )
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        found, share = np.sum(labels[validation] == label), fraction * count
        if abs(found - share) > (
            0 if share == int(share) else 1.5
        ):  # 1.5: round up or down, or as scikit-learn does
            raise Wrong(
                f"not stratified: {found} of {count} with label {label} are in validation, {share:g} is fair."
            )


def _examine_split(function):
    rng = np.random.default_rng()
    for fraction, counts in (
        (0.25, 8 * rng.integers(1, 8, size=6)),
        (0.125, (40, 24, 8)),
        (0.3, (20, 37, 11, 5)),
    ):
        labels = rng.permutation(
            np.repeat(rng.choice(100, size=len(counts), replace=False), counts)
        )
        seed = int(rng.integers(1000))
        parts = _as_places(call(function, labels, fraction, seed), len(labels))
        _examine_promises(parts, labels, fraction)
    first, again, other = (
        np.sort(call(function, labels, fraction, s)[1]) for s in (seed, seed, seed + 1)
    )
    if not equal(again, first):
        raise Wrong(
            "the same seed gives two different splits: draw everything from `np.random.default_rng(seed)`."
        )
    if equal(other, first):
        chosen = np.isin(np.arange(len(labels)), first)
        if all(
            np.diff(chosen[labels == label]).sum() <= 1 for label in np.unique(labels)
        ):  # the first, or the last
            raise Wrong(
                "you cut without shuffling: where digits lie sorted by writer, each part has other writers."
            )
        raise Wrong("another seed gives the same split: the generator must start from `seed`.")


q5 = Question(
    LESSON,
    "q5",
    "split data into training, validation and test parts, stratified, without a leak",
    _examine_split,
    hints=(
        "Section 6 has it nearly: there, only one part is kept, and the classes are always 0 … 9.",
        "For each class of `np.unique(labels)`: find its places, shuffle them, cut them in two.",
        "`rng.permutation(np.flatnonzero(labels == label))` shuffles the places. The first `round(fraction * n)` "
        "of them are for validation, the rest is for training.",
    ),
)


# 6. Find the bug: a leak


def _parts(train, images):
    """Return a maker of two parts, each given by its lowest and highest pixel and its number of images."""

    def make(rng):
        return tuple(
            rng.integers(a, b + 1, size=(n, 3, 2), dtype="uint8") for a, b, n in (train, images)
        )

    return make


def _standardized(train, images, ddof=0, axis=None):
    spread = np.std(train, ddof=ddof, axis=axis)
    return (images - np.mean(train, axis=axis)) / np.where(spread == 0, 1, spread)


def _divided_by_zero(train, images):
    with np.errstate(all="ignore"):
        return (images - train.mean()) / train.std()


q6 = Question(
    LESSON,
    "q6",
    "split data into training, validation and test parts, stratified, without a leak",
    behaves_like(
        _standardized,
        in_turn(  # the usual, a blank photo, training pixels all the same, more images than in training
            _parts((0, 90, 4), (60, 255, 4)), _parts((100, 255, 4), (0, 0, 1)),
            _parts((77, 77, 4), (3, 200, 4)), _parts((30, 200, 2), (0, 250, 7)),
        ),
        {
            "that measures on the images themselves: each part is shifted by another amount. Measure on `train`.": (
                lambda train, images: _standardized(images, images)
            ),
            "both parts were measured together: so the training has seen the other part. Measure on `train` alone.": (
                lambda train, images: _standardized(np.concatenate([train, images]), images)
            ),
            "the spread must be that of `train`, too.": lambda train, x: (x - train.mean()) / (x.std() or 1),
            "you took a mean for every pixel place (`axis=0`). One mean and one spread for all pixels are wanted.": (
                lambda train, images: _standardized(train, images, axis=0)
            ),
            "your spread divides by n - 1 (`ddof=1`, the rule of pandas). `np.std` divides by n.": (
                lambda train, images: _standardized(train, images, ddof=1)
            ),
            "training pixels that are all the same have a spread of 0. Only subtract then.": _divided_by_zero,
            "you only subtract the mean. Divide by the spread too.": lambda train, images: images - train.mean(),
            "that is the variance. Its root is the spread.": lambda train, x: (x - train.mean()) / (train.var() or 1),
        },
        rounds=4,
    ),
    hints=(
        "The mean of *which* images? Section 5 asks the same.",
        "Both numbers come from `train`, whichever part is brought to that scale. And where the spread is 0?",
        "`(images - train.mean()) / spread`, with `spread = train.std() or 1`: `0 or 1` is 1.",
    ),
)  # fmt: skip


# 7. How much is too much?


def _readings(*losses):
    """Return a maker of readings: at each amount, `share * allowed + rest` digits fewer are read."""
    share, rest = np.transpose(losses)

    def make(rng):
        allowed = int(rng.integers(3, 8))
        right = int(rng.integers(85, 95)) - share * allowed - rest
        return np.cumsum([0, *rng.integers(3, 20, size=len(right) - 1)]), right, allowed

    return make


def _edge(amounts, harmless):
    """Return the amount before the first that is not harmless; the last one where all are."""
    return amounts[np.argmin(harmless) - 1]


q7 = Question(
    LESSON,
    "q7",
    "turn, slant, stretch and shift a digit with one matrix, and know how much is too much",
    behaves_like(
        lambda amounts, right, allowed: _edge(amounts, right >= right[0] - allowed),
        in_turn(
            _readings(
                (0, 0), (0, 1), (1, 0), (1, 1), (0, 60), (0, 70), (0, 40), (0, 2)
            ),  # it recovers at the end
            _readings((0, 0), (0, 1), (0, 2), (1, 0), (1, 0)),  # no cliff
            _readings((0, 0), (1, 1), (0, 50), (0, 1)),  # a cliff at once
            _readings((0, 0), (0, -2), (0, -1), (1, -1), (1, 20), (0, 0)),  # at first it even helps
            _readings((0, 0), (1, 0), (2, -1), (3, -2)),  # a slope instead of a cliff
        ),
        {
            "on its head a digit may be read again, but the way there leads over the cliff. Stop at the first harm.": (
                lambda a, right, k: a[np.flatnonzero(right >= right[0] - k)[-1]]
            ),
            "you count all harmless amounts, also those behind the cliff. Stop at the first harmful one.": (
                lambda a, right, k: a[np.sum(right >= right[0] - k) - 1]
            ),
            "that is the first amount that does harm. The one before it is wanted.": (
                lambda a, right, k: a[np.argmax(right < right[0] - k)]
            ),
            "exactly `allowed` fewer are harmless: *at most*.": lambda a, right, k: _edge(
                a, right > right[0] - k
            ),
            "that is a place: return its amount.": lambda a, right, k: _edge(
                range(len(a)), right >= right[0] - k
            ),
            "you compare with the amount before: so a gentle slope may lead as far down as it likes. Compare with 0.": (
                lambda a, right, k: _edge(a, np.diff(right, prepend=right[0]) >= -k)
            ),
            "you compare with the best. Compare with amount 0.": lambda a, right, k: _edge(
                a, right >= right.max() - k
            ),
        },
    ),
    hints=(
        "A plateau ends at its *first* cliff, whatever comes behind it.",
        "Which amounts are harmful? Those with `right < right[0] - allowed`. What if there are none?",
        "`np.flatnonzero(harmful)[0]` is the place of the first harmful one. The answer stands one place before it, or "
        "at the very end where there is none.",
    ),
)


# 8. Two transforms in one


def _random_pair(rng):
    return rng.normal(size=(2, 2)), rng.normal(0, 3, size=2)


SLIPS_OF_PAIRS = {
    "that does `second` first. The new pixel asks `second` where it comes from, and that place asks `first`.": (
        lambda m1, s1, m2, s2: (m2 @ m1, m2 @ s1 + s2)
    ),
    "the matrices are in the wrong order: the one that a place meets first stands on the right.": (
        lambda m1, s1, m2, s2: (m2 @ m1, m1 @ s2 + s1)
    ),
    "the shifts are only added. `first` also turns and stretches the shift of `second`: apply its matrix to it.": (
        lambda m1, s1, m2, s2: (m1 @ m2, s1 + s2)
    ),
    "the wrong shift is transformed: what `second` finds, shift and all, goes through the matrix of `first`.": (
        lambda m1, s1, m2, s2: (m1 @ m2, m2 @ s1 + s2)
    ),
    "`*` multiplies number by number. The product of matrices is `@`.": lambda m1, s1, m2, s2: (
        m1 * m2,
        m1 @ s2 + s1,
    ),
    "the shift of `second` got lost.": lambda m1, s1, m2, s2: (m1 @ m2, s1),
    "the shift of `first` got lost.": lambda m1, s1, m2, s2: (m1 @ m2, m1 @ s2),
}


def _side_by_side(answer):
    """Return matrix and shift as one array, (2, 3); Wrong where the answer is no such pair."""
    try:
        matrix, shift = (np.asarray(part, dtype=float) for part in answer)
    except (TypeError, ValueError) as error:
        raise Wrong(f"expected a pair, a matrix and a shift, got {describe(answer)}") from error
    if matrix.shape != (2, 2) or shift.shape != (2,):
        raise Wrong(
            f"expected a matrix of shape (2, 2) and a shift of shape (2,), got {matrix.shape}, {shift.shape}"
        )
    return np.column_stack([matrix, shift])


def _examine_two_in_one(function):
    rng = np.random.default_rng()
    cases = [(_random_pair(rng), _random_pair(rng)) for _ in range(3)]
    answers = [_side_by_side(call(function, *case)) for case in cases]
    for sentence, slip in SLIPS_OF_PAIRS.items():
        if all(
            equal(a, np.column_stack(slip(*one, *two)))
            for a, (one, two) in zip(answers, cases, strict=True)
        ):
            raise Wrong(sentence)
    for answer, (first, second) in zip(answers, cases, strict=True):
        place = rng.normal(size=2)
        between = second[0] @ place + second[1]
        compare(
            answer @ [*place, 1],
            first[0] @ between + first[1],
            given=f"the new place {place.round(2)}",
        )


q8 = Question(
    LESSON,
    "q8",
    "turn, slant, stretch and shift a digit with one matrix, and know how much is too much",
    _examine_two_in_one,
    hints=(
        "Follow one pixel of the *last* image back. Whom does it ask first where it comes from?",
        "It asks `second` and gets `q = m2 @ p + s2`, a place in the image between. That place asks `first`.",
        "`m1 @ (m2 @ p + s2) + s1`: multiply it out. What stands before `p` is the matrix, the rest is the shift.",
    ),
)


# 9. A foreign image


def _page(height, width, heavy=None):
    """Return a maker of a page with a scribble somewhere, in which one end may be much heavier than the rest."""

    def make(rng):
        ink = rng.uniform(1, 255 if heavy is None else 3, size=(height, width))
        if heavy is not None:
            ink[heavy] = rng.uniform(200, 255)
        return _around(ink, rng)

    return make


def _around(ink, rng):
    return (np.pad(np.array(ink, dtype="float32"), rng.integers(1, 40, size=(2, 2))),)


def _placed(ink, middle=14, center=ndimage.center_of_mass, whole=round, stop=True):
    """Lay the ink on 28 x 28, well or in one of the ways in which it goes wrong."""
    drawn = crop_to_ink(ink)
    corner = [whole(middle - place) for place in center(drawn)]
    if stop:
        corner = np.clip(corner, 0, 28 - np.array(drawn.shape))
    return np.roll(
        np.pad(drawn, ((0, 28 - drawn.shape[0]), (0, 28 - drawn.shape[1]))), corner, axis=(0, 1)
    )


_like_placed = behaves_like(
    _placed,
    in_turn(
        _page(20, 7), _page(1, 1), lambda rng: (rng.uniform(1, 255, size=(9, 20)),),  # the last one without a margin
        _page(20, 6, np.s_[0]), _page(20, 8, np.s_[-1]), _page(5, 20, np.s_[:, 0]), _page(8, 20, np.s_[:, -1]),
        # A center a quarter of a pixel from the middle, either way, tells apart all ways of rounding.
        lambda rng: _around([[90, 30], [30, 10]], rng), lambda rng: _around([[10, 30], [30, 90]], rng),
    ),
    {
        "that puts the middle of the *box* into the middle. Heavy strokes pull: use the center of mass.": (
            lambda ink: _placed(ink, center=lambda drawn: np.array(drawn.shape) / 2, whole=int)
        ),
        "every pixel with ink counts the same in your center. Weight the places with the ink.": (
            lambda ink: _placed(ink, center=lambda drawn: ndimage.center_of_mass(drawn > 0))
        ),
        "half a pixel off: the middle is at (14, 14), not at 13.5, and `int` cuts off where `round` does not.": (
            lambda ink: _placed(ink, whole=int)
        ),
        "your middle is at 13. MNIST keeps the center of mass on pixel (14, 14).": lambda ink: _placed(ink, 13),
        "rows and columns of the center are exchanged: the row comes first.": (
            lambda ink: _placed(ink, center=lambda drawn: ndimage.center_of_mass(drawn)[::-1])
        ),
        "ink that leaves at one edge comes in at the other, as with `np.roll`. Let the digit stop at the edge.": (
            lambda ink: _placed(ink, stop=False)
        ),
    },
    rounds=9,
)  # fmt: skip


def _examine_placed(function):
    _like_placed(function)
    try:
        function(np.zeros((30, 40), dtype="float32"))
    except NoDigitFound:
        return
    except Exception as error:
        slip = f"stops it with {in_words(error)}. Look for ink first, and"
    else:
        slip = "passes as if it had a digit. Where there is no ink,"
    raise Wrong(f"a blank page {slip} `raise NoDigitFound`.")


q9 = Question(
    LESSON,
    "q9",
    "bring a foreign image into MNIST's form, step by step",
    _examine_placed,
    hints=(
        "Three steps: find the rows and columns with ink and cut them out; find the center; lay the cut-out on zeros.",
        "`np.nonzero(ink)` gives rows and columns of the ink. `ndimage.center_of_mass` gives the center of a cut-out.",
        "If the cut-out's center is at row c, its upper edge belongs at row `round(14 - c)`, but not above 0, and not "
        "below `28 - height`.",
    ),
)
