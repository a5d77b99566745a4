"""Separate ink from paper: even out the light, and remove printed lines and specks."""

from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage

from utils.preprocessing import SIDE

SMALL = 2 * SIDE  # a picture with a shorter side has no room for shadows, printed lines, and specks
EVEN = 6  # gray levels by which the border of an evenly lit page may vary
FAINTEST_INK = 32  # gray levels between ink and paper; a page with less contrast counts as blank
DIRT = 0.1  # marks below this share of the strongest ink are dirt: JPEG leaves some around strokes
PHOTO_DIRT = 0.3  # the same in a photo, whose paper has a grain and printed lines
CERTAIN = 0.4  # a mark reaches this share of the strongest ink unless it's a crease or a smudge
TOUCHING = np.ones((3, 3))  # pixels belong together if they touch at a side or a corner

Ink = Literal["auto", "dark", "light"]


class NoDigitFound(ValueError):
    """Report that an image was read but doesn't show a single digit, and why.

    If mnist_steps raises it, `steps` holds the pictures made so far: they show where the digit got lost.
    """

    steps: dict[str, np.ndarray] = {}


def flatten_illumination(gray: np.ndarray, ink: Ink = "auto") -> np.ndarray:
    """Remove grain and uneven light from a photo's gray levels, float32 (h, w): its paper gets one level.

    The paper is what is left after filling up everything that is narrower than a window and enclosed
    by brighter paper. Nothing changes if the border is even already, as in a drawing, or the picture
    is tiny. Raises NoDigitFound if there is nothing but grain.
    """
    border = _border(gray)
    if min(gray.shape) < SMALL or np.ptp(border) < EVEN:
        return gray
    low, high = np.percentile(border, [10, 90])
    if high - low < EVEN:
        return gray
    page = ndimage.gaussian_filter(gray, 1)
    if np.mean(np.abs(page - gray) > FAINTEST_INK / 2) > 0.5:
        raise NoDigitFound(
            "this is pure noise: neighboring pixels have nothing to do with each other"
        )
    small = _resize(gray, tuple(max(1, 64 * side // max(gray.shape)) for side in gray.shape))
    dark_ink = low - small.min() > (small.max() - high) / 2 if ink == "auto" else ink == "dark"
    paper = _fill(small) if dark_ink else -_fill(-small)
    paper = _resize(ndimage.gaussian_filter(paper, 2), gray.shape)
    return np.clip(255 * page / np.maximum(paper, 1) if dark_ink else page - paper, 0, 255)


def _fill(levels):
    """Fill dark places up to their surroundings, except wide ones and shadows that reach the edge."""
    from skimage.morphology import reconstruction  # imported here: drawings don't wait for it

    seed = np.full_like(levels, levels.max())
    seed[0], seed[-1], seed[:, 0], seed[:, -1] = levels[0], levels[-1], levels[:, 0], levels[:, -1]
    enclosed = reconstruction(seed, levels, method="erosion")
    return np.minimum(ndimage.grey_closing(levels, 13), enclosed)


def _resize(gray, shape):
    return np.asarray(
        Image.fromarray(gray.astype("float32")).resize(shape[::-1], Image.Resampling.BILINEAR)
    )


def ink_on_black(gray: np.ndarray, ink: Ink = "auto") -> np.ndarray:
    """Convert gray levels to ink, float32 (h, w): 0 is paper, and 255 is the strongest ink.

    The border shows the paper's color: with "auto", a bright border means dark ink. Raises
    NoDigitFound if the page is blank.
    """
    if ink not in ("auto", "dark", "light"):
        raise ValueError(f'ink: expected "auto", "dark" or "light", got {ink!r}')
    border = _border(gray)
    paper = float(np.median(border))
    dark_ink = paper > 127 if ink == "auto" else ink == "dark"
    strength = np.maximum(paper - gray if dark_ink else gray - paper, 0)
    strongest = strength.max()
    if strongest < FAINTEST_INK:
        raise NoDigitFound("the page is blank: no ink stands out from the paper")
    noisy = np.mean(border != paper) >= 0.5
    is_ink = strength >= strongest * (PHOTO_DIRT if noisy else DIRT)
    return is_ink * strength * (255 / strongest)


def _border(gray):
    return np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])


def remove_ruled_lines(ink: np.ndarray) -> np.ndarray:
    """Remove printed lines from ink, shape (h, w): thin, at least half as long as the page, cut off by its edge.

    Ink that is thicker than a line, where a pen crosses it, stays.
    """
    if min(ink.shape) < SMALL:
        return ink
    lines = _level_lines(ink) | _level_lines(ink.T).T
    return np.where(lines, 0, ink) if lines.any() else ink


def _level_lines(ink):
    """Return where printed lines run from left to right, perhaps a little tilted."""
    if not (ink[:, :2].any() or ink[:, -2:].any()):
        return np.zeros(ink.shape, dtype=bool)
    marks, width = (ink > 0).astype("uint8"), ink.shape[1]
    thickest = max(ink.shape) // 80 + 1
    thin = marks - _open_along(marks, thickest, axis=0)
    joined = ndimage.maximum_filter(_open_along(thin, width // 80, axis=1), (5, width // 8))
    labels, count = ndimage.label(joined, TOUCHING)
    spans = [(columns.start, columns.stop) for _, columns in ndimage.find_objects(labels)]
    starts, stops = np.array(spans).reshape(count, 2).T
    long = (stops - starts >= width / 2) & ((starts == 0) | (stops == width))
    lines = np.concatenate([[False], long])[labels] & (thin > 0)
    if long.any():
        lines[:thickest] = lines[-thickest:] = True  # a ruled page may have one along its edge
    return lines


def _open_along(marks, length, axis):
    length |= 1  # an odd window has a middle
    return ndimage.maximum_filter1d(ndimage.minimum_filter1d(marks, length, axis), length, axis)


def despeckle(ink: np.ndarray) -> np.ndarray:
    """Remove marks from ink, shape (h, w), that are faint everywhere or at most a 25th of the page long."""
    if min(ink.shape) < SMALL or not ink.any():
        return ink
    box = ink_box(ink)
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


def ink_box(ink: np.ndarray) -> tuple[slice, slice]:
    """Return the slices of the rows and of the columns from the first to the last with ink."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
