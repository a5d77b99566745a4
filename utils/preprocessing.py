"""Turn digits into what a network can read: scaled, shaped, one-hot encoded, split, and in MNIST's form."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage
from sklearn.model_selection import train_test_split

SIDE = 28  # pixels on each side of an MNIST image
BOX = 20  # the digit itself fills a box of 20 x 20 pixels inside it
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
FAINTEST_INK = 32  # grey levels between ink and paper below which a page counts as blank
DIRT = 0.1  # share of the strongest ink below which a mark is dirt: JPEG leaves such marks around strokes
LARGEST = 50_000_000  # pixels of a picture: a phone's photo has 12 million, and each takes up to 8 bytes here


class UnreadableImage(ValueError):
    """Say that something cannot be opened as an image.

    Taught in notebooks/02_preprocess_digits.ipynb
    """


class NoDigitFound(ValueError):
    """Say that an image was read but shows no ink.

    Taught in notebooks/02_preprocess_digits.ipynb
    """


def check_images(images: np.ndarray) -> None:
    """Raise ValueError unless `images` are raw digits: uint8, shape (n, 28, 28), at least one.

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    if len(shape) != 3 or shape[1:] != (SIDE, SIDE) or shape[0] == 0:
        raise ValueError(f"expected images of shape (n, 28, 28) with n >= 1, got {shape}: check how they were cut out")
    if dtype != np.uint8:
        raise ValueError(f"expected raw uint8 pixels (0 to 255), got {dtype}: pass the images before scaling them")


def scale(images: np.ndarray) -> np.ndarray:
    """Scale raw digits, uint8 (n, 28, 28), to what the networks read: float32 (n, 28, 28, 1) from 0 to 1.

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    check_images(images)
    return images[..., np.newaxis].astype("float32") / 255


def check_scaled(images: np.ndarray) -> None:
    """Raise ValueError unless `images` are ready for a network: float (n, 28, 28, 1) from 0 to 1.

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    shape = tuple(np.shape(images))
    if len(shape) != 4 or shape[1:] != (SIDE, SIDE, 1) or shape[0] == 0:
        raise ValueError(f"expected images of shape (n, 28, 28, 1) with n >= 1, got {shape}: did you call scale()?")
    low, high = float(np.min(images)), float(np.max(images))
    if not np.issubdtype(np.asarray(images).dtype, np.floating) or not (low >= 0 and high <= 1):
        raise ValueError(f"expected floats from 0 to 1, got values from {low:g} to {high:g}: did you call scale()?")


def one_hot(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """Encode labels, shape (n,), as float32 rows with a single 1, shape (n, classes).

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"expected whole-number labels of shape (n,), got {labels.dtype} of shape {labels.shape}")
    if labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(f"expected labels from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
    return np.eye(classes, dtype="float32")[labels]


def split_train_validation(
    images: np.ndarray, labels: np.ndarray, validation_size: float | int = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split into x_train, x_validation, y_train, y_validation with every class in the same proportion.

    `validation_size` is a fraction (float) or a number of images (int).
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    return tuple(train_test_split(images, labels, test_size=validation_size, stratify=labels, random_state=seed))


def open_image(image: Image.Image | np.ndarray | bytes | str | Path) -> Image.Image:
    """Open a PIL image, an array, the bytes of a file or a path as a PIL image, upright as the camera held it.

    Raises UnreadableImage for anything that is not a picture, or a larger one than 50 million pixels.
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    if isinstance(image, np.ndarray):
        return _image_from_array(image)
    name = image if isinstance(image, (str, Path)) else f"this {type(image).__name__}"
    try:
        opened = image if isinstance(image, Image.Image) else _open_file(image)
        if opened.width * opened.height <= LARGEST:
            return ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise UnreadableImage(f"there is no file {image}: check its name and folder") from None
    except UnidentifiedImageError:
        raise UnreadableImage(f"{name} is no image of a kind read here ({', '.join(FORMATS)})") from None
    except Exception as error:  # a damaged picture fails in a dozen ways, from zlib's errors to Pillow's
        raise UnreadableImage(f"{name} cannot be read as an image: {error}") from error
    raise UnreadableImage(
        f"{name} has {opened.width} x {opened.height} pixels, at most {LARGEST:,} are read: make it smaller"
    )


def _open_file(image):
    return Image.open(io.BytesIO(image) if isinstance(image, bytes) else image, formats=FORMATS)


def _image_from_array(array: np.ndarray) -> Image.Image:
    if array.dtype == np.uint8 and (array.ndim == 2 or array.shape[2:] in {(3,), (4,)}) and array.size:
        return Image.fromarray(array)
    raise UnreadableImage(
        f"expected a uint8 array of shape (h, w), (h, w, 3) or (h, w, 4), got {array.dtype} of shape {array.shape}"
    )


def to_grey(image: Image.Image) -> np.ndarray:
    """Return an image as grey levels, float32 (h, w) from 0 (black) to 255 (white), on white where it is transparent.

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    if image.mode.startswith("I;16"):
        return np.asarray(image, dtype="float32") / 257  # Pillow would cut these 65,536 levels off at 255
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.asarray(image.convert("L"), dtype="float32")


def ink_on_black(grey: np.ndarray, ink: Literal["auto", "dark", "light"] = "auto") -> np.ndarray:
    """Return the ink as float32 (h, w), 0 where the paper is and 255 where the ink is strongest.

    The border shows the paper's colour: with "auto", a bright border means dark ink. Raises NoDigitFound on a blank
    page.
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    if ink not in ("auto", "dark", "light"):
        raise ValueError(f'ink: expected "auto", "dark" or "light", got {ink!r}')
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    dark_ink = paper > 127 if ink == "auto" else ink == "dark"
    strength = np.clip(paper - grey if dark_ink else grey - paper, 0, None)
    if strength.max() < FAINTEST_INK:
        raise NoDigitFound("the page is blank: no ink stands out from the paper")
    strength *= 255 / strength.max()
    return np.where(strength < DIRT * 255, 0, strength)


def crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """Cut away the empty rows and columns around the ink, shape (h, w).

    Raises NoDigitFound where there is none.
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    if not ink.any():
        raise NoDigitFound("there is no ink to cut out")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_in_box(ink: np.ndarray, box: int = BOX) -> np.ndarray:
    """Resize ink, shape (h, w), so that the longer side measures `box` pixels, keeping the aspect.

    Taught in notebooks/02_preprocess_digits.ipynb
    """
    height, width = ink.shape
    factor = box / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(ink.astype("float32")).resize(size, Image.Resampling.LANCZOS)
    return np.clip(np.asarray(resized), 0, 255)


def centre_by_mass(ink: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Place the ink, shape (h, w), on a black (side, side) square with its centre of mass in the middle.

    Raises ValueError where it is larger than the square.
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    if max(ink.shape) > side:
        raise ValueError(f"expected ink of at most {side} x {side} pixels, got {ink.shape}: did you call fit_in_box()?")
    square = np.zeros((side, side), dtype="float32")
    # In MNIST's own digits the centre of mass lies on pixel (14, 14), just below and right of the geometric middle.
    corner = [round(side / 2 - centre) for centre in ndimage.center_of_mass(ink)]
    top, left = np.clip(corner, 0, side - np.array(ink.shape))
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return square


def to_mnist_form(
    image: Image.Image | np.ndarray | bytes | str | Path, ink: Literal["auto", "dark", "light"] = "auto"
) -> np.ndarray:
    """Bring a clean drawing of one digit into MNIST's form, uint8 (28, 28): light ink on black, centred by mass.

    Follows LeCun, Cortes & Burges, "The MNIST database": a 20 x 20 box with the aspect kept, then centred by mass.
    Raises UnreadableImage where there is no picture, NoDigitFound where there is no ink.
    Taught in notebooks/02_preprocess_digits.ipynb
    """
    strokes = ink_on_black(to_grey(open_image(image)), ink)
    return centre_by_mass(fit_in_box(crop_to_ink(strokes))).round().astype("uint8")
