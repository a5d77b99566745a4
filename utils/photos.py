"""Bring a picture of a digit, such as a phone's photo, into MNIST's form, step by step."""

import functools
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from utils.paper import (
    TOUCHING,
    Ink,
    NoDigitFound,
    UnreadableImage,
    crop_to_paper,
    despeckle,
    flatten_illumination,
    ink_box,
    ink_on_black,
    remove_ruled_lines,
    to_8_bits,
    to_gray,
)
from utils.preprocessing import BOX, center_by_mass

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
LARGEST = 50_000_000  # pixels; a phone's photo has 12 million, and each takes up to 8 bytes
WORKING = 400  # a large picture keeps at least this many pixels along its longer side, and less than twice
MOST_MARKS = 100  # on a page that can still be read as digits
LIGHTEST, HEAVIEST = 1.1, 6.0  # MNIST's strokes are between these widths, in pixels of the box
LIGHT, HEAVY = 1.8, 4.0  # thinner or thicker strokes are brought near these
FINE = 4  # strokes are measured and changed at this many times the size of the box

Picture = Image.Image | np.ndarray | bytes | str | Path


def open_image(image: Picture) -> Image.Image:
    """Open a PIL image, an array, a path, an open file, or its bytes as a PIL image, turned upright.

    An array is uint8, uint16, bool, or float from 0 to 1, of shape (h, w), (h, w, 1), (h, w, 3), or
    (h, w, 4); if it holds only 0 and 1, 1 is white. A large JPEG is decoded to no more pixels than the
    later steps use. HEIC, a phone's format, needs pillow-heif. Raises UnreadableImage for anything that
    isn't a picture, or has more than 50 million pixels.
    """
    if isinstance(image, np.ndarray):
        return _image_from_array(image)
    name = _name_of(image)
    try:
        image = image.read() if hasattr(image, "read") else image  # an open file, such as an upload
        opened = image if isinstance(image, Image.Image) else _open_file(image)
        if opened.width * opened.height == 0:
            raise ValueError("it has no pixels")
        if opened.width * opened.height <= LARGEST:
            if opened is not image:
                opened.draft(None, (WORKING, WORKING))  # decodes a JPEG at a fraction of its size
            return ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise UnreadableImage(f"there is no file {image}: check its name and folder") from None
    except UnidentifiedImageError:
        kinds = f"{', '.join(FORMATS)}, HEIC"
        raise UnreadableImage(f"{name} isn't an image of a kind read here ({kinds})") from None
    except MemoryError:
        raise UnreadableImage(f"{name} takes more memory than there is: make it smaller") from None
    except Exception as error:  # a damaged picture raises anything from zlib's errors to Pillow's
        raise UnreadableImage(f"{name} can't be read as an image: {error}") from error
    size = f"{opened.width} x {opened.height}"
    raise UnreadableImage(
        f"{name} has {size} pixels, at most {LARGEST:,} are read: make it smaller"
    )


def _name_of(image):
    if isinstance(image, str | Path):
        return image
    return "this image" if isinstance(image, Image.Image) else "this file"


def _open_file(image):
    file = io.BytesIO(image) if isinstance(image, bytes) else Path(image)
    start = image[:12] if isinstance(image, bytes) else _first_bytes(file)
    is_heic = start[4:8] == b"ftyp" and start[8:11] in {b"hei", b"hev", b"mif", b"msf"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about huge and damaged files, which become errors here
        return Image.open(file, formats=_heic() if is_heic else FORMATS)


def _first_bytes(path):
    with path.open("rb") as file:
        return file.read(12)


@functools.cache
def _heic():
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ValueError("it's a HEIC photo: install pillow-heif, or save it as JPEG") from None
    register_heif_opener()
    return ("HEIF",)


def _image_from_array(array: np.ndarray) -> Image.Image:
    pixels = array[..., 0] if array.shape[2:] == (1,) else array
    if array.size and (pixels.ndim == 2 or pixels.shape[2:] in {(3,), (4,)}):
        if array.dtype == np.uint8 and array.max() > 1:
            return Image.fromarray(pixels)
        if array.dtype in (np.uint8, np.uint16, bool) or (
            array.dtype.kind == "f" and 0 <= array.min() and array.max() <= 1
        ):
            return Image.fromarray(to_8_bits(pixels).round().astype("uint8"))
    raise UnreadableImage(
        "expected an array of shape (h, w), (h, w, 3), or (h, w, 4): uint8, uint16, bool, or floats from 0 to 1, "
        f"got {array.dtype} of shape {array.shape}: give one image, scaled to 0 ... 255, as .astype('uint8')"
    )


def shrink(gray: np.ndarray) -> np.ndarray:
    """Average blocks of pixels until the longer side of a large picture is under 800 pixels."""
    factor = max(gray.shape) // WORKING
    return np.asarray(Image.fromarray(gray).reduce(factor)) if factor > 1 else gray


def find_digits(ink: np.ndarray) -> list[np.ndarray]:
    """Return the ink of each digit alone, as pages of the same shape (h, w), in reading order.

    Marks that nearly touch are one digit, and so are a low mark and the digit close to it, such as
    the bar of a 5. Noise, blots, and low marks far from any digit don't count. Raises NoDigitFound
    if nothing is left.
    """
    if not ink.any():
        raise NoDigitFound("there is no digit: only specks, noise or printed lines")
    labels, count = ndimage.label(crop_to_ink(ink) > 0, TOUCHING)
    digits = [ink] if count == 1 else _join_marks(ink, ndimage.find_objects(labels))
    digits = [digit for digit in digits if _has_strokes(digit)]
    if not digits:
        raise NoDigitFound("there is ink, but no strokes: it's noise, or a blot")
    return digits


def _join_marks(ink, places):
    """Return the ink of each digit alone, after joining marks that belong together."""
    tallest = max(rows.stop - rows.start for rows, _ in places)
    near = ndimage.maximum_filter(ink, 1 + 2 * max(1, round(0.03 * tallest)))
    labels = np.where(ink > 0, ndimage.label(near, TOUCHING)[0], 0)
    places = ndimage.find_objects(labels)
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in places]
    if len(boxes) > MOST_MARKS:
        raise NoDigitFound(f"there are {len(boxes)} marks: that's noise, or a page full of text")
    owners = _owners(np.array(boxes))
    owned = np.concatenate([[0], owners])[labels]
    return [np.where(owned == number, ink, 0) for number in range(1, owners.max() + 1)]


def _has_strokes(ink):
    """Return whether ink is strokes: noise has many marks and holes in the box, and a blot fills it."""
    boxed = fit_in_box(crop_to_ink(ink))
    inside = np.pad(boxed > boxed.max() / 2, 1)
    marks, holes = ndimage.label(inside, TOUCHING)[1], ndimage.label(~inside)[1]
    return marks + holes <= 15 and inside.sum() < 0.8 * BOX**2


def _owners(boxes: np.ndarray) -> np.ndarray:
    """Return for each mark the number of its digit, from 1 in reading order, or 0 if it has none."""
    if len(boxes) == 1:
        return np.array([1])
    top, bottom, left, right = boxes.T
    height, width = bottom - top, right - left
    tallest = height.max()
    tall = height >= tallest / 2
    bars = width > 2 * height  # of a 5, unless there is nothing else
    tall = tall & ~bars if (tall & ~bars).any() else tall
    # The gaps between each two marks, negative if they overlap.
    down = np.maximum(top[:, None], top) - np.minimum(bottom[:, None], bottom)
    across = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    overlap = across <= -0.5 * np.minimum(width[:, None], width)
    stacked = (down < 0.12 * tallest) & overlap & tall & tall[:, None]
    gap = np.where(tall, np.maximum(down, across), np.inf)
    close = (gap == gap.min(axis=1, keepdims=True)) & (gap < 0.3 * tallest) & ~tall[:, None]
    _, groups = connected_components(stacked | close, directed=False)
    owners = np.zeros(len(boxes), dtype=int)
    in_order = _reading_order(groups[tall], top[tall], bottom[tall], left[tall])
    for number, group in enumerate(in_order, start=1):
        owners[groups == group] = number
    return owners


def _reading_order(groups, top, bottom, left):
    """Yield the groups row by row: a row is all that starts above the middle of its first digit."""
    remaining = sorted(set(groups.tolist()), key=lambda group: top[groups == group].min())
    while remaining:
        first = groups == remaining[0]
        middle = (top[first].min() + bottom[first].max()) / 2
        row = [group for group in remaining if top[groups == group].min() < middle]
        yield from sorted(row, key=lambda group: left[groups == group].min())
        remaining = [group for group in remaining if group not in row]


def keep_digit(ink: np.ndarray) -> np.ndarray:
    """Return the ink, shape (h, w), of the only digit, its strongest pixel 255.

    Raises NoDigitFound if there is none, or several, which split_digits cuts apart.
    """
    digits = find_digits(ink)
    if len(digits) > 1:
        raise NoDigitFound(
            f"there are {len(digits)} digits, expected one: cut them apart, or write one alone"
        )
    return digits[0] * (255 / digits[0].max())


def crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """Cut off the empty rows and columns around the ink, shape (h, w).

    Raises NoDigitFound if there is no ink.
    """
    if not ink.any():
        raise NoDigitFound("there is no ink to cut out")
    return ink[ink_box(ink)]


def match_stroke_weight(ink: np.ndarray) -> np.ndarray:
    """Thicken hairlines and thin a marker's strokes to a width that MNIST has in its box.

    Strokes, shape (h, w), that are 1.1 to 6 pixels wide in the box of 20 stay as they are; others
    are enlarged, and dilated or eroded.
    """
    large = fit_in_box(ink, FINE * BOX)
    width = _stroke_width(np.pad(large, 1)) / FINE  # padded: strokes end where the box ends
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
    """Resize ink, shape (h, w), to `box` pixels along its longer side, keeping the aspect."""
    height, width = ink.shape
    factor = box / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(np.asarray(ink, "float32")).resize(size, Image.Resampling.LANCZOS)
    return np.clip(np.asarray(resized), 0, 255)


PAGE_STEPS = (
    to_gray, shrink, crop_to_paper, flatten_illumination, ink_on_black, remove_ruled_lines, despeckle,
)  # fmt: skip
DIGIT_STEPS = crop_to_ink, match_stroke_weight, fit_in_box, center_by_mass
STEPS = (*PAGE_STEPS, keep_digit, *DIGIT_STEPS)  # from an opened image to MNIST's form
ASK_FOR_INK = flatten_illumination, ink_on_black  # whether it is dark or light


def to_mnist_form(image: Picture, ink: Ink = "auto") -> np.ndarray:
    """Convert an image of one digit to MNIST's form, uint8 (28, 28): light ink on black, centered by mass.

    Follows LeCun, Cortes & Burges, "The MNIST database": a 20 x 20 box, the aspect kept, then
    centered by mass. The image may be a drawing, a scan, or a photo, see open_image; `ink` tells how
    it differs from the paper. Raises UnreadableImage if there is no picture, and NoDigitFound, with
    the reason, if there is no single digit.
    """
    return mnist_steps(image, ink)["center_by_mass"]


def mnist_steps(image: Picture, ink: Ink = "auto") -> dict[str, np.ndarray]:
    """Return what each of the STEPS makes of an image, in order, by the name of its function.

    The last value is what to_mnist_form returns. Raises what to_mnist_form raises.
    """
    made = {}
    try:
        for name, picture in _walk(STEPS, open_image(image), ink):
            made[name] = picture
    except NoDigitFound as nothing:
        nothing.steps = made
        raise
    return made


def split_digits(image: Picture, ink: Ink = "auto") -> list[np.ndarray]:
    """Cut the digits of a row or a grid apart, each in MNIST's form, uint8 (28, 28), in reading order.

    Digits that touch stay together. Raises UnreadableImage and NoDigitFound as to_mnist_form does.
    """
    page = dict(_walk(PAGE_STEPS, open_image(image), ink))["despeckle"]
    return [dict(_walk(DIGIT_STEPS, digit))["center_by_mass"] for digit in find_digits(page)]


def _walk(steps, picture, ink="auto"):
    """Yield the name of each step, and the picture that it makes of the one before."""
    for step in steps:
        picture = step(picture, ink) if step in ASK_FOR_INK else step(picture)
        yield step.__name__, picture
