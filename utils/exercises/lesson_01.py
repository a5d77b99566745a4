"""Questions on lesson 01: looking at the data."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image

from utils.exercises.checks import behaves_like, call, describe, equal, in_turn
from utils.exercises.core import Question, Wrong

LESSON = "01"
QUALITIES = range(1, 101)  # what Pillow understands, from the smallest file to the best picture
FULL_MNIST = (60_000, 28, 28)  # the shape of its x_train


def through_jpg(image: np.ndarray, quality: int) -> np.ndarray:
    """Return what is left of a uint8 image after it was saved as a JPG of this quality."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


# 1. What the arrays hold

FACTS = {
    "pixels of one image": np.prod(FULL_MNIST[1:]),
    "full ink": np.iinfo(np.uint8).max,
    "bare paper": np.iinfo(np.uint8).min,
    "numbers in y_train": FULL_MNIST[0],
    "bytes in x_train": np.prod(FULL_MNIST) * np.dtype(np.uint8).itemsize,
}
SLIPS_OF_FACTS = {
    ("pixels of one image", 28): "28 is one row. There are 28 of them.",
    (
        "full ink",
        0,
    ): "in the *file*, ink is large and paper is 0. Only our figures turn that round.",
    (
        "full ink",
        1,
    ): "the stored pixels are whole numbers in one byte. From 0 to 1 they go only when somebody divides.",
    ("full ink", 256): "a byte has 256 values, and the first one is 0.",
    (
        "numbers in y_train",
        10,
    ): "ten is how many *different* labels there are. Each image has one of its own.",
    ("numbers in y_train", 600_000): "a label is one whole number, not a row of ten.",
    ("bytes in x_train", 60_000): "that is one byte for each image. Each *pixel* takes one.",
    (
        "bytes in x_train",
        4 * FACTS["bytes in x_train"],
    ): "`uint8` takes one byte, not the four of a `float32`.",
    (
        "bytes in x_train",
        8 * FACTS["bytes in x_train"],
    ): "`uint8` means eight *bits*, which is one byte.",
}


def _examine_facts(facts):
    if not isinstance(facts, dict):
        raise Wrong(f"expected a dict with the five names, got {describe(facts)}")
    missing = [name for name in FACTS if name not in facts]
    if missing:
        raise Wrong(
            f"there is no entry “{missing[0]}”: the dict needs the five names as they stand above."
        )
    for name, wanted in FACTS.items():
        for (about, value), sentence in SLIPS_OF_FACTS.items():
            if about == name and equal(facts[name], value):
                raise Wrong(f"{name}: {sentence}")
        if not equal(facts[name], wanted):
            raise Wrong(f"{name}: {describe(facts[name])} is not it. Go back to sections 1 and 2.")


q1 = Question(
    LESSON,
    "q1",
    "load MNIST, and say what each of its arrays holds",
    _examine_facts,
    hints=(
        "Three of the five follow from the shape. The other two follow from `uint8`, and from what is ink in the file.",
        "One label for each image. One byte for each pixel of each image.",
        "28 · 28 pixels; ink is 255 and paper 0; 60,000 labels; 60,000 · 28 · 28 bytes.",
    ),
)


# 2. Count, and draw


def _labels_without(*absent):
    present = np.setdiff1d(np.arange(10), absent)

    def make(rng):
        # 300 of one digit: more than a byte can count
        return np.concatenate([rng.choice(present, 200), np.repeat(present[0], 300)]).astype(
            np.uint8
        )

    return make


def _bars_of(figure):
    """Return {name: length} of the horizontal bars of a Plotly figure; Wrong where there is something else."""
    from plotly import graph_objects

    if figure is None:
        raise Wrong("there is no figure, only None: is a `return` missing?")
    if not isinstance(figure, graph_objects.Figure):
        kind = f"{type(figure).__module__}.{type(figure).__name__}"
        raise Wrong(f"expected a Plotly figure, as `px.bar(…)` returns it, got {kind}")
    kinds = {trace.type for trace in figure.data}
    if kinds == {"pie"}:
        raise Wrong("that is a pie. Angles hide the differences: draw bars.")
    if kinds != {"bar"}:
        raise Wrong(
            f"expected bars, got {sorted(kinds) or 'an empty figure'}. Count first, then call `px.bar`."
        )
    bars = {}
    for trace in figure.data:
        if trace.orientation != "h":
            raise Wrong('the bars stand upright. `orientation="h"` lays them down.')
        if trace.x is None or trace.y is None:
            raise Wrong("the bars need both: `x`, their lengths, and `y`, the digits.")
        for name, length in zip(trace.y, trace.x, strict=False):
            name = str(name).removesuffix(".0")
            bars[name] = bars.get(name, 0) + float(length)
    return bars


def _examine_chart(function):
    rng = np.random.default_rng()
    for labels in (_labels_without(9)(rng), _labels_without(0, 4)(rng), _labels_without()(rng)):
        bars = _bars_of(call(function, labels))
        counts = {str(digit): float(np.sum(labels == digit)) for digit in range(10)}
        lengths = np.array(list(bars.values()))
        if lengths.sum() == sum(range(10)):
            raise Wrong("lengths and names are exchanged: `x` takes the counts, `y` the digits.")
        if equal(lengths.sum(), 1) or equal(lengths.sum(), 100):
            raise Wrong("the bars show shares. Show how *many* images there are.")
        nobody = [digit for digit in counts if digit not in bars]
        if nobody:
            raise Wrong(
                f'no bar is named "{nobody[0]}". A digit that nobody wrote needs its bar too, of length 0.'
            )
        if len(bars) > 10:
            raise Wrong(f"there are {len(bars)} bars, and only ten digits.")
        for digit, count in counts.items():
            if bars[digit] != count:
                raise Wrong(
                    f"the bar of digit {digit} is {bars[digit]:g} long, and there are {count:g} images of it."
                )


q2 = Question(
    LESSON,
    "q2",
    "count the labels, and draw the counts as bars, as a pie and as an interactive chart",
    _examine_chart,
    hints=(
        "Two steps: count, then draw. Try it on labels in which no 9 occurs.",
        "`np.bincount(labels, minlength=10)` counts all ten digits, those that do not occur too.",
        '`px.bar(x=counts, y=…, orientation="h")`, where `y` is "0" to "9".',
    ),
)


# 3. Find the bug: mean images


def _images_without(*absent):
    def make(rng):
        rows, columns = rng.choice(np.arange(3, 9), size=2, replace=False)
        labels = rng.choice(np.setdiff1d(np.arange(10), absent), 60).astype(np.uint8)
        return rng.integers(0, 256, size=(60, rows, columns), dtype=np.uint8), labels

    return make


def _mean_images(images, labels, without=0.0, width=float):
    """Return the mean images with two slips to choose: what stands for no image, and sums of too small a type."""
    sums = [images[labels == digit].sum(axis=0, dtype=width) for digit in range(10)]
    counts = [np.sum(labels == digit) for digit in range(10)]
    return np.stack(
        [s / c if c else np.full(s.shape, without) for s, c in zip(sums, counts, strict=True)]
    )


q3 = Question(
    LESSON,
    "q3",
    "describe digits by their pixels: intensities, ink, mean images",
    behaves_like(
        _mean_images,
        in_turn(_images_without(9), _images_without(0, 5), _images_without()),
        {
            "the sums still overflow: `uint8` ends at 255, and then starts at 0 again. Sum in a wider type.": (
                lambda images, labels: _mean_images(images, labels, width=np.uint8)
            ),
            "the means are right, but a digit without images gets 0 / 0. Give it an image of zeros.": (
                lambda images, labels: _mean_images(images, labels, without=np.nan)
            ),
            "a digit without images is left out. There must be ten mean images: zeros for that one.": (
                lambda images, labels: _mean_images(images, labels)[np.unique(labels)]
            ),
            "a mean of bytes is seldom a whole number: keep the fractions.": (
                lambda images, labels: _mean_images(images, labels).astype(np.uint8)
            ),
            "that is one number for each digit. Average over the images alone: axis 0.": (
                lambda images, labels: _mean_images(images, labels).mean(axis=(1, 2))
            ),
        },
        rounds=6,
    ),
    hints=(
        "Print the type of the sums. What is the largest number that fits?",
        "`images[labels == digit].mean(axis=0)` computes in float64. What does it give where the digit does not occur?",
        "Start from `np.zeros((10, *images.shape[1:]))`, and fill in only the digits that `np.unique(labels)` lists.",
    ),
)


# 4. Light as a one


def _shares(images, labels, limit):
    light, ones = images.mean(axis=(1, 2)) < limit, labels == 1
    both = np.sum(light & ones)
    return np.array([both / max(light.sum(), 1), both / max(ones.sum(), 1)])


def _case_of_ink(rng):
    rows, columns = rng.choice(np.arange(3, 9), size=2, replace=False)
    limit = int(rng.integers(15, 25))
    brightness = rng.uniform(10, 100, size=(40, 1, 1))
    images = (rng.uniform(size=(40, rows, columns)) * brightness).astype(np.uint8)
    labels = np.where(rng.uniform(size=40) < 0.4, 1, rng.integers(0, 10, 40)).astype(np.uint8)
    images[:5], labels[:5] = limit, [1, 1, 1, 7, 4]  # exactly on the limit
    images[5:8], labels[5:8] = limit - 2, [1, 1, 9]
    return images, labels, limit


def _case_without_light(rng):
    return *_case_of_ink(rng)[:2], 0


def _case_without_ones(rng):
    images, labels, limit = _case_of_ink(rng)
    return images, np.where(labels == 1, 7, labels), limit


def _case_with_a_single_one(rng):
    images = np.full((4, 5, 3), 90, dtype=np.uint8)
    images[2] = 5
    return images, np.array([7, 0, 1, 4], dtype=np.uint8), 20


q4 = Question(
    LESSON,
    "q4",
    "describe digits by their pixels: intensities, ink, mean images",
    behaves_like(
        _shares,
        in_turn(_case_of_ink, _case_with_a_single_one, _case_without_light, _case_without_ones),
        {
            "the two shares are exchanged: the first is of all *light images*, the second of all *ones*.": (
                lambda *case: _shares(*case)[::-1]
            ),
            "an image whose ink is exactly the limit is not *less* than the limit: `<`, not `<=`.": (
                lambda images, labels, limit: _shares(images, labels, np.nextafter(limit, np.inf))
            ),
            "you divide by the number of all images. Each share is of a smaller group.": (
                lambda images, labels, limit: (
                    np.repeat(np.sum((images.mean(axis=(1, 2)) < limit) & (labels == 1)), 2)
                    / len(labels)
                )
            ),
            "you count where a pixel has any ink. Ink is the *mean intensity* of the image.": (
                lambda images, labels, limit: _shares((images > 0) * 1, labels, limit)
            ),
        },
        rounds=8,
    ),
    hints=(
        "Two masks help: which images are light, and which are ones? Both are arrays of True and False.",
        "`light & ones` is the group that is both. It is on top in both shares; what is below differs.",
        "`max(count, 1)` below the line turns 0 / 0 into 0 / 1.",
    ),
)


# 5. Read an idx file


def _as_idx(array):
    return np.array([2048 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()


def _idx_of_images(rng):
    rows, columns = rng.choice(np.arange(2, 30), size=2, replace=False)
    return (
        _as_idx(
            rng.integers(0, 256, size=(int(rng.integers(2, 300)), rows, columns), dtype=np.uint8)
        ),
    )


def _idx_of_labels(rng):
    return (_as_idx(rng.integers(0, 10, size=int(rng.integers(257, 900)), dtype=np.uint8)),)


def _array_of(content, order="C"):
    sizes = [int.from_bytes(content[4 * i : 4 * i + 4], "big") for i in range(1, content[3] + 1)]
    return np.frombuffer(content[4 + 4 * len(sizes) :], np.uint8).reshape(sizes, order=order)


def _with_rows_and_columns_exchanged(content):
    array = _array_of(content)
    return array.reshape(len(array), *array.shape[:0:-1])


_reads_like = behaves_like(
    _array_of,
    in_turn(_idx_of_images, _idx_of_labels),
    {
        "rows and columns are exchanged: the header names the images first, then the rows, then the columns.": (
            _with_rows_and_columns_exchanged
        ),
        "the pixels are right, and in one long line: `reshape` them to the sizes in the header.": (
            lambda content: _array_of(content).ravel()
        ),
        "the bytes are read with a sign: everything above 127 became negative. `np.uint8` has none.": (
            lambda content: _array_of(content).view(np.int8)
        ),
        "16 bytes of header are right for images. Labels have one dimension only, so theirs is 4 + 4 bytes long.": (
            lambda content: (
                _array_of(content) if content[3] == 3 else np.frombuffer(content[16:], np.uint8)
            )
        ),
        "the header is still among the numbers: skip 4 bytes, and 4 more for each dimension.": (
            lambda content: np.frombuffer(content, np.uint8)
        ),
    },
    rounds=6,
)


def _examine_reader(function):
    try:
        _reads_like(function)
    except Wrong as refusal:
        if "reshape" not in str(refusal) or "stops with" not in str(refusal):
            raise
        raise Wrong(
            "the numbers do not fit the shape that you read. Are the sizes taken as big-endian (`>u4`), and does the "
            f"header end after 4 + 4 · dimensions bytes? NumPy says: {refusal}"
        ) from refusal


q5 = Question(
    LESSON,
    "q5",
    "write and read the same digits as npz, idx, CSV and a folder of JPGs",
    _examine_reader,
    hints=(
        "Section 8 takes a header apart. Byte 3 (counted from 0) is the number of dimensions.",
        '`np.frombuffer(content, ">u4", count=dimensions, offset=4)` reads the sizes.',
        "The pixels are `np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)`. Then `reshape`.",
    ),
)


# 6. How many axes?


def _cloud(rows, columns, share):
    def make(rng):
        spread = rng.uniform(0.2, 3, size=columns) ** 2
        points = (rng.normal(size=(rows, columns)) * spread) @ np.linalg.qr(
            rng.normal(size=(columns, columns))
        )[0]
        return points + rng.uniform(5, 20, size=columns), share(rng)

    return make


def _variances(points, centered=True):
    """Return the variances along the principal axes, the largest first, up to a common factor."""
    return np.linalg.svd(points - points.mean(axis=0) * centered, compute_uv=False) ** 2


def _needed(variances, share):
    return int(np.argmax(np.cumsum(variances) >= share * np.sum(variances))) + 1


q6 = Question(
    LESSON,
    "q6",
    "lay thousands of digits out on a map with PCA and t-SNE, and read that map",
    behaves_like(
        lambda points, share: _needed(_variances(points), share),
        in_turn(
            _cloud(60, 12, lambda rng: rng.uniform(0.8, 0.99)),
            _cloud(80, 9, lambda rng: rng.uniform(0.5, 0.9)),
            _cloud(8, 20, lambda rng: rng.uniform(0.6, 0.9)),  # fewer points than columns
            _cloud(50, 10, lambda rng: 0.01),  # the first axis alone will do
            _cloud(40, 6, lambda rng: 0.999999),  # all are needed
        ),
        {
            "one too few: you return the place of the axis, counted from 0. How *many* is that?": (
                lambda points, share: _needed(_variances(points), share) - 1
            ),
            "one too many: stop as soon as the share is reached.": (
                lambda points, share: _needed(_variances(points), share) + 1
            ),
            "the mean was not taken off, so that the first axis points at the cloud instead of along it.": (
                lambda points, share: _needed(_variances(points, centered=False), share)
            ),
            "singular values are not variances yet: square them.": (
                lambda points, share: _needed(np.sqrt(_variances(points)), share)
            ),
        },
        rounds=10,
    ),
    hints=(
        "Section 7 computes what the first 2, 10, 25 and 50 axes keep. When does that sum first reach the share?",
        "`PCA().fit(points)` finds all axes. Its `explained_variance_ratio_` says what each keeps; `cumsum` adds up.",
        "How many of those sums are still *less* than the share? One axis more, and it is reached.",
    ),
)


# 7. A map that flatters


def _map(dimensions, neighbors):
    def make(rng):
        return rng.normal(size=(40, dimensions)), rng.integers(0, 3, size=40), neighbors

    return make


def _agreement(positions, labels, neighbors, itself=np.inf):
    """Return the agreement; `itself` is how far a point is held to be from itself."""
    distances = np.linalg.norm(positions[:, np.newaxis] - positions, axis=2)
    np.fill_diagonal(distances, itself)
    nearest = distances.argsort(axis=1)[:, :neighbors]
    return (labels[nearest] == labels[:, np.newaxis]).mean(axis=1)


_agrees_like = behaves_like(
    _agreement,
    in_turn(_map(2, 5), _map(3, 4)),
    {
        "each point is still its own nearest neighbor, and always agrees with itself.": (
            lambda *case: _agreement(*case, itself=-1)
        ),
        "you ask for one neighbor more, but the point itself is still among them: leave it out.": (
            lambda positions, labels, k: _agreement(positions, labels, k + 1, itself=-1)
        ),
        "the point itself is left out, but then only k - 1 neighbors are left: ask for one more.": (
            lambda positions, labels, k: _agreement(positions, labels, k - 1)
        ),
        "that is one number for the whole map. Give one for each point: the mean over axis 1.": (
            lambda *case: _agreement(*case).mean()
        ),
        "that is how *many* agree. Divide by k to get the share.": (
            lambda positions, labels, k: k * _agreement(positions, labels, k)
        ),
    },
    rounds=6,
)


def _examine_agreement(function):
    _agrees_like(function)
    rng = np.random.default_rng()
    # pairs at the very same place: their partner is as near as the point itself, and may come first in the list
    positions, labels = np.repeat(rng.normal(size=(6, 2)), 2, axis=0), np.tile([3, 5], 6)
    if not equal(call(function, positions, labels, 1), np.zeros(12)):
        raise Wrong(
            "right for most maps. But where two digits lie at the very same place, the point itself need not be the "
            "*first* of its neighbors: leave it out by name, not by place in the list."
        )


q7 = Question(
    LESSON,
    "q7",
    "lay thousands of digits out on a map with PCA and t-SNE, and read that map",
    _examine_agreement,
    hints=(
        "Print the colleague's `nearest` for a few points. Which number stands in front in every row?",
        "Whoever hands positions to `kneighbors` asks: which known points are nearest to these places? The point at "
        "that place is known too. Compare with the call in section 7.",
        "`kneighbors(return_distance=False)`, without positions, asks for the neighbors of each known point, and "
        "leaves the point itself out.",
    ),
)


# 8. As small as possible


@lru_cache(maxsize=16)  # an answer that is wrong is compared with every slip
def _differences(pixels, shape):
    image = np.frombuffer(pixels, np.uint8).reshape(shape)
    return np.stack([through_jpg(image, quality).astype(np.int16) - image for quality in QUALITIES])


def _differences_of(image):
    """Return, for each quality, what JPG adds to each pixel."""
    return _differences(image.tobytes(), image.shape)


def _worst(image):
    return np.abs(_differences_of(image)).max(axis=(1, 2))


def _first(good):
    """Return the first quality for which `good` holds, or 0."""
    return int(np.argmax(good)) + 1 if np.any(good) else 0


def _lowest(image, limit):
    return _first(_worst(image) <= limit)


def _lowest_by_larger_pixels(image, limit):
    return _first(_differences_of(image).max(axis=(1, 2)) <= limit)


def _lowest_but_100(image, limit):
    return _first((_worst(image) <= limit)[:-1])


def _down_from_the_best(image, limit):
    failed = max(np.flatnonzero(_worst(image) > limit), default=-1)  # the last one, counted from 0
    return int(failed + 2) % (len(QUALITIES) + 1)  # 0 where even the best one failed


SLIPS_OF_QUALITY = {
    "the difference is taken in `uint8`, which has no minus: 3 - 5 is 254. Widen the numbers first.": (
        lambda image, limit: _first(
            _differences_of(image).astype(np.uint8).max(axis=(1, 2)) <= limit
        )
    ),
    "you look only at pixels that JPG made larger. Others it made smaller: `np.abs`.": _lowest_by_larger_pixels,
    "you take the mean difference, which is small even where one pixel is far off. Take the largest.": (
        lambda image, limit: _first(np.abs(_differences_of(image)).mean(axis=(1, 2)) <= limit)
    ),
    "a worst pixel that is off by exactly the limit is allowed: `<=`, not `<`.": (
        lambda image, limit: _first(_worst(image) < limit)
    ),
    "that is the highest quality, and the largest file. Begin at the bottom.": (
        lambda image, limit: int(max(np.flatnonzero(_worst(image) <= limit), default=-1)) + 1
    ),
    "the error does not fall steadily. You stop at the first failure from above; begin at the bottom.": (
        _down_from_the_best
    ),
    "quality 100 is never tried. `range` ends before its last number.": _lowest_but_100,
}


def _noise(rng):
    return rng.integers(0, 256, size=rng.integers(24, 36, size=2), dtype=np.uint8)


def _exposing(slip):
    """Return a maker of an image and a limit for which the slip gives a wrong answer."""

    def make(rng):
        for _ in range(60):
            image = _noise(rng)
            records = np.unique(np.minimum.accumulate(_worst(image)))  # here `<` and `<=` differ
            limits = [
                int(limit) for limit in records if slip(image, limit) != _lowest(image, limit)
            ]
            if limits:
                return image, int(rng.choice(limits))
        return _noise(rng), 10

    return make


q8 = Question(
    LESSON,
    "q8",
    "write and read the same digits as npz, idx, CSV and a folder of JPGs",
    behaves_like(
        _lowest,
        in_turn(
            *map(_exposing, (_lowest_by_larger_pixels, _down_from_the_best, _lowest_but_100)),
            lambda rng: (_noise(rng), 255),  # anything will do
            lambda rng: (_noise(rng), 0),  # nothing will do
        ),
        SLIPS_OF_QUALITY
        | {
            "right, but where no quality will do, return 0, not None.": lambda *case: (
                _lowest(*case) or None
            )
        },
        rounds=5,
    ),
    hints=(
        "A loop over the qualities, from the bottom. For each: by how much is the worst pixel off?",
        "`copy.astype(int) - image` may be negative, so take `np.abs`, then `max()`.",
        "`return` inside the loop ends it at the first quality that is good enough. `return 0` stands after the loop.",
    ),
)
