"""Turn digits into what a network can read: scaled, shaped, one-hot encoded, split, and in MNIST's form."""

import functools
import io
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

SIDE = 28  # pixels on each side of an MNIST image
BOX = 20  # the digit itself fills a box of 20 x 20 pixels inside it
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
LARGEST = 50_000_000  # pixels of a picture: a phone's photo has 12 million, and each takes up to 8 bytes here
WORKING = 400  # pixels of a large picture's longer side that are worth keeping: at least these, and less than twice
SMALL = 2 * SIDE  # a picture with a shorter side has no room for shadows, printed lines and specks
EVEN = 6  # grey levels by which the border of an evenly lit page may vary
FAINTEST_INK = 32  # grey levels between ink and paper below which a page counts as blank
DIRT = 0.1  # share of the strongest ink below which a mark is dirt: JPEG leaves such marks around strokes
PHOTO_DIRT = 0.3  # the same in a photo, whose paper has a grain, and printed lines
CERTAIN = 0.4  # share of the strongest ink that a mark reaches somewhere, if it is more than a crease or a smudge
MOST_MARKS = 100  # on a page that is meant to be read as digits
LIGHTEST, HEAVIEST = 1.1, 6.0  # width of strokes in the box, in pixels: MNIST's lie between
LIGHT, HEAVY = (
    1.8,
    4.0,
)  # what thinner or thicker ones are brought near to: few of MNIST's lie beyond
FINE = 4  # how many times finer than the box strokes are measured and changed
TOUCHING = np.ones((3, 3))  # pixels belong together that touch at a side or a corner

Picture = Image.Image | np.ndarray | bytes | str | Path
Ink = Literal["auto", "dark", "light"]


class UnreadableImage(ValueError):
    """Say that something cannot be opened as an image."""


class NoDigitFound(ValueError):
    """Say that an image was read but shows no single digit, and why.

    Raised by mnist_steps, it carries the `steps` that were made before, to see where the digit went.
    """

    steps: dict[str, np.ndarray] = {}


def check_images(images: np.ndarray) -> None:
    """Raise ValueError unless `images` are raw digits: uint8, shape (n, 28, 28), at least one."""
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    if len(shape) != 3 or shape[1:] != (SIDE, SIDE) or shape[0] == 0:
        raise ValueError(
            f"expected images of shape (n, 28, 28) with n >= 1, got {shape}: check how they were cut out"
        )
    if dtype != np.uint8:
        raise ValueError(
            f"expected raw uint8 pixels (0 to 255), got {dtype}: pass the images before scaling them"
        )


def scale(images: np.ndarray) -> np.ndarray:
    """Scale raw digits, uint8 (n, 28, 28), to what the networks read: float32 (n, 28, 28, 1) from 0 to 1."""
    check_images(images)
    return images[..., np.newaxis].astype("float32") / 255


def check_scaled(images: np.ndarray) -> None:
    """Raise ValueError unless `images` are ready for a network: float (n, 28, 28, 1) from 0 to 1."""
    shape = tuple(np.shape(images))
    if len(shape) != 4 or shape[1:] != (SIDE, SIDE, 1) or shape[0] == 0:
        raise ValueError(
            f"expected images of shape (n, 28, 28, 1) with n >= 1, got {shape}: did you call scale()?"
        )
    low, high = float(np.min(images)), float(np.max(images))
    if not np.issubdtype(np.asarray(images).dtype, np.floating) or not (low >= 0 and high <= 1):
        raise ValueError(
            f"expected floats from 0 to 1, got values from {low:g} to {high:g}: did you call scale()?"
        )


def one_hot(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """Encode labels, shape (n,), as float32 rows with a single 1, shape (n, classes)."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"expected whole-number labels of shape (n,), got {labels.dtype} of shape {labels.shape}"
        )
    if labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(
            f"expected labels from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return np.eye(classes, dtype="float32")[labels]


def split_train_validation(
    images: np.ndarray, labels: np.ndarray, validation_size: float | int = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split into x_train, x_validation, y_train, y_validation with every class in the same proportion.

    `validation_size` is a fraction (float) or a number of images (int).
    """
    from sklearn.model_selection import (
        train_test_split,
    )  # only here, because readers need not wait for it

    return tuple(
        train_test_split(
            images, labels, test_size=validation_size, stratify=labels, random_state=seed
        )
    )


def open_image(image: Picture) -> Image.Image:
    """Open a PIL image, an array, a path, an open file or its bytes as a PIL image, upright as the camera held it.

    An array is uint8, uint16, bool, or float from 0 to 1, of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4). Of a
    large JPEG only as many pixels are decoded as the later steps use. HEIC, a phone's format, needs pillow-heif.
    Raises UnreadableImage for anything that is not a picture, or a larger one than 50 million pixels.
    """
    if isinstance(image, np.ndarray):
        return _image_from_array(image)
    name = (
        image
        if isinstance(image, (str, Path))
        else "this image"
        if isinstance(image, Image.Image)
        else "this file"
    )
    try:
        image = image.read() if hasattr(image, "read") else image  # an open file, such as an upload
        opened = image if isinstance(image, Image.Image) else _open_file(image)
        if opened.width * opened.height == 0:
            raise ValueError("it has no pixels")
        if opened.width * opened.height <= LARGEST:
            if opened is not image:
                opened.draft(
                    None, (WORKING, WORKING)
                )  # a JPEG can be decoded at an eighth of its size or more
            return ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise UnreadableImage(f"there is no file {image}: check its name and folder") from None
    except UnidentifiedImageError:
        raise UnreadableImage(
            f"{name} is no image of a kind read here ({', '.join(FORMATS)}, HEIC)"
        ) from None
    except (
        Exception
    ) as error:  # a damaged picture fails in a dozen ways, from zlib's errors to Pillow's
        raise UnreadableImage(f"{name} cannot be read as an image: {error}") from error
    raise UnreadableImage(
        f"{name} has {opened.width} x {opened.height} pixels, at most {LARGEST:,} are read: make it smaller"
    )


def _open_file(image):
    file = io.BytesIO(image) if isinstance(image, bytes) else Path(image)
    start = image[:12] if isinstance(image, bytes) else _first_bytes(file)
    is_heic = start[4:8] == b"ftyp" and start[8:11] in {b"hei", b"hev", b"mif", b"msf"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of huge and damaged files, which become errors here
        return Image.open(file, formats=_heic() if is_heic else FORMATS)


def _first_bytes(path):
    with path.open("rb") as file:
        return file.read(12)


@functools.cache
def _heic():
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ValueError(
            "it is a HEIC photo; install pillow-heif to read these, or save it as JPEG"
        ) from None
    register_heif_opener()
    return ("HEIF",)


def _image_from_array(array: np.ndarray) -> Image.Image:
    pixels = array[..., 0] if array.shape[2:] == (1,) else array
    if array.size and (pixels.ndim == 2 or pixels.shape[2:] in {(3,), (4,)}):
        if array.dtype == np.uint8:
            return Image.fromarray(pixels)
        if array.dtype == np.uint16:
            return Image.fromarray((pixels // 257).astype("uint8"))
        if array.dtype == bool or (
            array.dtype.kind == "f" and 0 <= array.min() and array.max() <= 1
        ):
            return Image.fromarray((pixels * 255.0).round().astype("uint8"))
    raise UnreadableImage(
        "expected a uint8 array of shape (h, w), (h, w, 3) or (h, w, 4), or floats from 0 to 1, "
        f"got {array.dtype} of shape {array.shape}: bring its values to 0 ... 255, and use .astype('uint8')"
    )


def to_grey(image: Image.Image) -> np.ndarray:
    """Return an image as grey levels, float32 (h, w) from 0 (black) to 255 (white), on white where it is transparent.

    Light ink on a transparent page, which could not be seen on white, is laid on black.
    """
    if image.mode[0] in "IF":  # more levels than 256: Pillow would cut them off at 255
        levels = np.nan_to_num(np.asarray(image, dtype="float32"), posinf=0, neginf=0)
        return np.clip(
            levels / 257 if ";16" in image.mode or levels.max() > 255 else levels, 0, 255
        )
    if image.mode in ("La", "LAB"):
        raise UnreadableImage(
            f"an image of mode {image.mode} is not read here: save it as PNG or JPEG"
        )
    if not image.has_transparency_data:
        return _levels(image)
    on_white = _levels(image, "white")
    return on_white if on_white.min() <= 255 - FAINTEST_INK else _levels(image, "black")


def _levels(image, paper=None):
    if paper:
        image = Image.alpha_composite(Image.new("RGBA", image.size, paper), image.convert("RGBA"))
    return np.asarray(image.convert("L"), dtype="float32")


def shrink(grey: np.ndarray) -> np.ndarray:
    """Average blocks of pixels until the longer side of a large picture measures less than 800 pixels."""
    factor = max(grey.shape) // WORKING
    return np.asarray(Image.fromarray(grey).reduce(factor)) if factor > 1 else grey


def even_light(grey: np.ndarray, ink: Ink = "auto") -> np.ndarray:
    """Take grain and uneven light out of a photo's grey levels, float32 (h, w), so that its paper has one level.

    The paper is what remains when all that is narrower than a window, and enclosed by brighter paper, is filled up.
    Where the border is even already, as in a drawing, or the picture tiny, nothing changes.
    Raises NoDigitFound where there is nothing but grain.
    """
    border = _border(grey)
    if min(grey.shape) < SMALL or np.ptp(border) < EVEN:
        return grey
    low, high = np.percentile(border, [10, 90])
    if high - low < EVEN:
        return grey
    page = ndimage.gaussian_filter(grey, 1)
    if np.mean(np.abs(page - grey) > FAINTEST_INK / 2) > 0.5:
        raise NoDigitFound(
            "this is pure noise: neighbouring pixels have nothing to do with each other"
        )
    small = _resize(grey, tuple(max(1, 64 * side // max(grey.shape)) for side in grey.shape))
    dark_ink = low - small.min() > (small.max() - high) / 2 if ink == "auto" else ink == "dark"
    paper = _fill(small) if dark_ink else -_fill(-small)
    paper = _resize(ndimage.gaussian_filter(paper, 2), grey.shape)
    return np.clip(255 * page / np.maximum(paper, 1) if dark_ink else page - paper, 0, 255)


def _fill(levels):
    """Fill dark places up to what surrounds them, but for wide ones, and for shadows that come in from the edge."""
    from skimage.morphology import (
        reconstruction,
    )  # only here, because drawings need not wait for it

    seed = np.full_like(levels, levels.max())
    seed[0], seed[-1], seed[:, 0], seed[:, -1] = levels[0], levels[-1], levels[:, 0], levels[:, -1]
    return np.minimum(
        ndimage.grey_closing(levels, 13), reconstruction(seed, levels, method="erosion")
    )


def _resize(grey, shape):
    return np.asarray(
        Image.fromarray(grey.astype("float32")).resize(shape[::-1], Image.Resampling.BILINEAR)
    )


def ink_on_black(grey: np.ndarray, ink: Ink = "auto") -> np.ndarray:
    """Return the ink as float32 (h, w), 0 where the paper is and 255 where the ink is strongest.

    The border shows the paper's colour: with "auto", a bright border means dark ink. Raises NoDigitFound on a blank
    page.
    """
    if ink not in ("auto", "dark", "light"):
        raise ValueError(f'ink: expected "auto", "dark" or "light", got {ink!r}')
    border = _border(grey)
    paper = float(np.median(border))
    dark_ink = paper > 127 if ink == "auto" else ink == "dark"
    strength = np.maximum(paper - grey if dark_ink else grey - paper, 0)
    strongest = strength.max()
    if strongest < FAINTEST_INK:
        raise NoDigitFound("the page is blank: no ink stands out from the paper")
    noisy = np.mean(border != paper) >= 0.5
    is_ink = strength >= strongest * (PHOTO_DIRT if noisy else DIRT)
    return is_ink * strength * (255 / strongest)


def _border(grey):
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def remove_rules(ink: np.ndarray) -> np.ndarray:
    """Remove printed lines from ink, shape (h, w): thin, half as long as the page or longer, cut off by its edge.

    Where a pen crosses a line the ink is thicker than a line, and stays.
    """
    if min(ink.shape) < SMALL:
        return ink
    rules = _level_rules(ink) | _level_rules(ink.T).T
    return np.where(rules, 0, ink) if rules.any() else ink


def _level_rules(ink):
    """Return where printed lines run from left to right, though perhaps a little tilted."""
    if not (ink[:, :2].any() or ink[:, -2:].any()):
        return np.zeros(ink.shape, dtype=bool)
    marks, width = (ink > 0).astype("uint8"), ink.shape[1]
    thickest = max(ink.shape) // 80 + 1
    thin = marks - _open_along(marks, thickest, axis=0)
    joined = ndimage.maximum_filter(_open_along(thin, width // 80, axis=1), (5, width // 8))
    labels, count = ndimage.label(joined, TOUCHING)
    spans = np.array(
        [(columns.start, columns.stop) for _, columns in ndimage.find_objects(labels)]
    ).reshape(count, 2)
    starts, stops = spans.T
    long = (stops - starts >= width / 2) & ((starts == 0) | (stops == width))
    rules = np.concatenate([[False], long])[labels] & (thin > 0)
    if long.any():
        rules[:thickest] = rules[-thickest:] = (
            True  # on a ruled page, a line may run along the edge
        )
    return rules


def _open_along(marks, length, axis):
    length |= 1  # an odd window has a middle
    return ndimage.maximum_filter1d(ndimage.minimum_filter1d(marks, length, axis), length, axis)


def remove_specks(ink: np.ndarray) -> np.ndarray:
    """Remove marks from ink, shape (h, w), that are faint everywhere or at most a 25th of the page long.

    A tiny picture has no specks.
    """
    if min(ink.shape) < SMALL or not ink.any():
        return ink
    box = _box(ink)
    labels, count = ndimage.label(ink[box] > 0, TOUCHING)
    kept = np.zeros(count + 1, dtype=bool)
    kept[labels[ink[box] >= CERTAIN * 255]] = True
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        kept[number] &= max(side.stop - side.start for side in place) > min(ink.shape) / 25
    if kept[1:].all():  # there is nothing to remove, as in most drawings
        return ink
    cleaned = ink.copy()
    cleaned[box] *= kept[labels]
    return cleaned


def find_digits(ink: np.ndarray) -> list[np.ndarray]:
    """Return the ink of each digit alone, as pages of the same shape (h, w), row by row from left to right.

    Marks that nearly touch are one digit, and so are a low mark and the digit it is close to: the bar of a five. Low
    marks far from any digit, noise and blots are none. Raises NoDigitFound where nothing is left.
    """
    if not ink.any():
        raise NoDigitFound("there is no digit: only specks, noise or printed lines")
    labels, count = ndimage.label(crop_to_ink(ink) > 0, TOUCHING)
    digits = [ink] if count == 1 else _join_marks(ink, ndimage.find_objects(labels))
    digits = [digit for digit in digits if _has_strokes(digit)]
    if not digits:
        raise NoDigitFound("there is ink, but no strokes: it is noise, or a blot")
    return digits


def _join_marks(ink, places):
    """Return the ink of each digit alone, where the marks in these places may belong together."""
    tallest = max(rows.stop - rows.start for rows, _ in places)
    near = ndimage.maximum_filter(ink, 1 + 2 * max(1, round(0.03 * tallest)))
    labels = np.where(ink > 0, ndimage.label(near, TOUCHING)[0], 0)
    places = ndimage.find_objects(labels)
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in places]
    if len(boxes) > MOST_MARKS:
        raise NoDigitFound(
            f"there are {len(boxes)} separate marks: that is noise, or a page full of text"
        )
    owners = _owners(np.array(boxes))
    owned = np.concatenate([[0], owners])[labels]
    return [np.where(owned == number, ink, 0) for number in range(1, owners.max() + 1)]


def _has_strokes(ink):
    """Tell strokes from noise, which is many marks and holes in the box, and from a blot, which fills it."""
    boxed = fit_in_box(crop_to_ink(ink))
    inside = np.pad(boxed > boxed.max() / 2, 1)
    return (
        ndimage.label(inside)[1] + ndimage.label(~inside)[1] <= 20 and inside.sum() < 0.8 * BOX**2
    )


def _owners(boxes: np.ndarray) -> np.ndarray:
    """Return for each mark the number of its digit, from 1 in reading order, or 0 for a mark that belongs to none."""
    if len(boxes) == 1:
        return np.array([1])
    top, bottom, left, right = boxes.T
    height, width = bottom - top, right - left
    tallest = height.max()
    tall = height >= tallest / 2
    bars = width > 2 * height  # of a five; unless there is nothing else
    tall = tall & ~bars if (tall & ~bars).any() else tall
    down = np.maximum(top[:, None], top) - np.minimum(
        bottom[:, None], bottom
    )  # the gap, negative where they overlap
    across = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    stacked = (
        (down < 0.12 * tallest)
        & (across <= -0.5 * np.minimum(width[:, None], width))
        & tall
        & tall[:, None]
    )
    gap = np.where(tall, np.maximum(down, across), np.inf)
    close = (gap == gap.min(axis=1, keepdims=True)) & (gap < 0.3 * tallest) & ~tall[:, None]
    _, groups = connected_components(stacked | close, directed=False)
    owners = np.zeros(len(boxes), dtype=int)
    for number, group in enumerate(
        _reading_order(groups[tall], top[tall], bottom[tall], left[tall]), start=1
    ):
        owners[groups == group] = number
    return owners


def _reading_order(groups, top, bottom, left):
    """Return the groups row by row: what starts above the middle of a row's first digit stands in that row."""
    remaining = sorted(set(groups.tolist()), key=lambda group: top[groups == group].min())
    while remaining:
        first = groups == remaining[0]
        middle = (top[first].min() + bottom[first].max()) / 2
        row = [group for group in remaining if top[groups == group].min() < middle]
        yield from sorted(row, key=lambda group: left[groups == group].min())
        remaining = [group for group in remaining if group not in row]


def keep_digit(ink: np.ndarray) -> np.ndarray:
    """Return the ink, shape (h, w), of the one digit alone, its strongest pixel 255.

    Raises NoDigitFound where there are none, or several, which split_digits cuts apart.
    """
    digits = find_digits(ink)
    if len(digits) > 1:
        raise NoDigitFound(
            f"there are {len(digits)} digits, expected one: cut them apart, or write one alone"
        )
    return digits[0] * (255 / digits[0].max())


def crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """Cut away the empty rows and columns around the ink, shape (h, w).

    Raises NoDigitFound where there is none.
    """
    if not ink.any():
        raise NoDigitFound("there is no ink to cut out")
    return ink[_box(ink)]


def _box(ink):
    """Return the slices of the rows and the columns from the first to the last that hold ink."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def match_stroke_weight(ink: np.ndarray) -> np.ndarray:
    """Thicken hairlines and thin a marker's strokes, so that in the box their width is one that MNIST has.

    Strokes, shape (h, w), that are 1.1 to 6 pixels wide in the box of 20 are returned as they are; others are
    enlarged, and dilated or eroded.
    """
    large = fit_in_box(ink, FINE * BOX)
    width = (
        _stroke_width(np.pad(large, 1)) / FINE
    )  # a rim of paper, since strokes end where the box ends
    if LIGHTEST <= width <= HEAVIEST:
        return ink
    change = round(((LIGHT if width < LIGHTEST else HEAVY) - width) * FINE)
    filtered = ndimage.grey_dilation if change > 0 else ndimage.grey_erosion
    changed = filtered(np.pad(large, BOX), footprint=_disc(abs(change) + 1))
    return crop_to_ink(changed * (255 / changed.max())) if changed.any() else ink


def _stroke_width(ink):
    """Return the mean width in pixels: inside a bar, the mean distance to the outside is a quarter of its width."""
    inside = ink > ink.max() / 2
    return 4 * ndimage.distance_transform_edt(inside)[inside].mean() - 2


def _disc(width):
    rows, columns = np.mgrid[:width, :width] - (width - 1) / 2
    return rows**2 + columns**2 <= width**2 / 4


def fit_in_box(ink: np.ndarray, box: int = BOX) -> np.ndarray:
    """Resize ink, shape (h, w), so that the longer side measures `box` pixels, keeping the aspect."""
    height, width = ink.shape
    factor = box / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(np.asarray(ink, "float32")).resize(size, Image.Resampling.LANCZOS)
    return np.clip(np.asarray(resized), 0, 255)


def centre_by_mass(ink: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Place the ink, shape (h, w), on a black (side, side) square with its centre of mass in the middle.

    Raises ValueError where it is larger than the square.
    """
    if max(ink.shape) > side:
        raise ValueError(
            f"expected ink of at most {side} x {side} pixels, got {ink.shape}: did you call fit_in_box()?"
        )
    square = np.zeros((side, side), dtype="float32")
    # In MNIST's own digits the centre of mass lies on pixel (14, 14), just below and right of the geometric middle.
    corner = [round(side / 2 - centre) for centre in ndimage.center_of_mass(ink)]
    top, left = np.clip(corner, 0, side - np.array(ink.shape))
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return square


def mnist_steps(image: Picture, ink: Ink = "auto") -> dict[str, np.ndarray]:
    """Return what each step makes of an image on its way to MNIST's form, in order, by the name of its function.

    Raises what to_mnist_form raises, whose answer is the last value.
    """
    steps = {}
    try:
        for name, step in _page_steps(image, ink):
            steps[name] = step
        return steps | _digit_steps(keep_digit(step))
    except NoDigitFound as nothing:
        nothing.steps = steps
        raise


def _page_steps(image, ink):
    """Yield the steps that regard a whole page, with however many digits on it."""
    grey = to_grey(open_image(image))
    yield "to_grey", grey
    small = shrink(grey)
    yield "shrink", small
    even = even_light(small, ink)
    yield "even_light", even
    inked = ink_on_black(even, ink)
    yield "ink_on_black", inked
    without_rules = remove_rules(inked)
    yield "remove_rules", without_rules
    yield "remove_specks", remove_specks(without_rules)


def _digit_steps(digit):
    """Return the steps that regard a single digit."""
    steps = {"keep_digit": digit, "crop_to_ink": crop_to_ink(digit)}
    steps["match_stroke_weight"] = match_stroke_weight(steps["crop_to_ink"])
    steps["fit_in_box"] = fit_in_box(steps["match_stroke_weight"])
    return steps | {"centre_by_mass": centre_by_mass(steps["fit_in_box"]).round().astype("uint8")}


def to_mnist_form(image: Picture, ink: Ink = "auto") -> np.ndarray:
    """Bring an image of one digit into MNIST's form, uint8 (28, 28): light ink on black, centred by mass.

    Follows LeCun, Cortes & Burges, "The MNIST database": a 20 x 20 box with the aspect kept, then centred by mass.
    The image may be a drawing, a scan or a photo, see open_image; `ink` says how it differs from the paper.
    Raises UnreadableImage where there is no picture, NoDigitFound with the reason where there is no single digit.
    """
    return mnist_steps(image, ink)["centre_by_mass"]


def split_digits(image: Picture, ink: Ink = "auto") -> list[np.ndarray]:
    """Cut the digits of a row or a grid apart, each in MNIST's form, uint8 (28, 28), in reading order.

    Digits that touch stay together. Raises UnreadableImage and NoDigitFound as to_mnist_form does.
    """
    page = dict(_page_steps(image, ink))["remove_specks"]
    return [_digit_steps(digit)["centre_by_mass"] for digit in find_digits(page)]
