"""Separate ink from paper: even out the light, and remove printed lines and specks."""

from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage

from utils.preprocessing import BOX, SIDE

SMALL = 2 * SIDE  # a picture with a shorter side has no room for shadows, printed lines, and specks
EVEN = 6  # gray levels by which the border of an evenly lit page may vary
FAINTEST_INK = 32  # gray levels between ink and paper; a page with less contrast counts as blank
DIRT = 0.1  # marks below this share of the strongest ink are dirt: JPEG leaves some around strokes
PHOTO_DIRT = 0.3  # the same in a photo, whose paper has a grain and printed lines
CERTAIN = 0.4  # a mark reaches this share of the strongest ink unless it's a crease or a smudge
OUTSIDE = 0.95  # a row with this share of other levels than the paper's isn't on the paper
NARROW = 0.03  # of the page: a shadow is wider than this
DARK = 0.4  # of the paper's level: a shadow is lighter than this
BLURRED = 4  # pixels over which the edge of a sheet may be blurred
WINDOW = 13  # of 64 along the longer side: anything narrower on a page is ink
DIM = 16  # gray levels that keep the levels near black from counting too much
DEPTHS = 1, 255, 1023, 4095, 16_383, 65_535  # brightest of 1 (or floats), 8, 10, 12, 14, 16 bits
TOUCHING = np.ones((3, 3))  # pixels belong together if they touch at a side or a corner

Ink = Literal["auto", "dark", "light"]


class UnreadableImage(ValueError):
    """Report that something can't be opened as an image."""


class NoDigitFound(ValueError):
    """Report that an image was read but doesn't show a single digit, and why.

    If mnist_steps raises it, `steps` holds the pictures made so far: they show where the digit got lost.
    """

    steps: dict[str, np.ndarray] = {}


def to_gray(image: Image.Image) -> np.ndarray:
    """Convert an image to gray levels, float32 (h, w) from 0 (black) to 255 (white).

    A transparent page counts as white, or as black if its ink is light. Where brightness hardly tells
    the ink from the paper, as with yellow on white, the levels are those of red, green, or blue.
    """
    if image.mode[0] in "IF":  # more levels than 256: Pillow would cut them off at 255
        return to_8_bits(np.nan_to_num(np.asarray(image), posinf=0, neginf=0))
    if image.mode in ("La", "LAB"):
        raise UnreadableImage(f"mode {image.mode} can't be read here: save it as PNG or JPEG")
    if not image.has_transparency_data:
        return _levels(image)
    on_white = _levels(image, "white")
    return on_white if on_white.min() <= 255 - FAINTEST_INK else _levels(image, "black")


def to_8_bits(levels: np.ndarray) -> np.ndarray:
    """Scale levels of any depth, such as 1 or 12 bits or floats from -1 or 0 to 1, to float32 from 0 to 255."""
    levels = levels.astype("float32")
    if -1 <= levels.min() < 0 and levels.max() <= 1:
        levels = (levels + 1) / 2
    brightest = next((top for top in DEPTHS if levels.max() <= top), levels.max())
    return np.clip(levels * (255 / brightest), 0, 255)


def _levels(image, paper=None):
    if paper:
        image = Image.alpha_composite(Image.new("RGBA", image.size, paper), image.convert("RGBA"))
    gray = np.asarray(image.convert("L"), dtype="float32")
    if image.mode in ("1", "L", "LA"):
        return gray
    colors = np.asarray(image.convert("RGB"))
    step = max(1, min(gray.shape) // 100)
    few = np.dstack([gray[::step, ::step], colors[::step, ::step]])  # brightness, red, green, blue
    contrasts = np.percentile(np.abs(few - np.median(_border(few), axis=0)), 99.5, axis=(0, 1))
    best = contrasts.argmax()
    return colors[..., best - 1].astype("float32") if contrasts[best] > 2 * contrasts[0] else gray


def crop_to_paper(gray: np.ndarray) -> np.ndarray:
    """Cut off straight edges that aren't paper, shape (h, w): frames, dark edges of a scan, bars, and a desk."""
    middle = (slice(side // 10, side - side // 10, max(1, side // 50)) for side in gray.shape)
    paper = np.median(gray[*middle])
    if min(gray.shape) <= BOX or np.abs(_border(gray) - paper).max() < FAINTEST_INK:
        return gray
    for _ in range(4):  # the top of each turned page: all four sides
        gray = np.rot90(gray[_rows_beyond_paper(gray, paper) :])
    return gray


def _rows_beyond_paper(gray, paper):
    """Return how many rows at the top aren't paper, up to a sharp edge; a shadow's edge is soft, or it's less dark."""
    is_paper = np.mean(np.abs(gray - paper) > FAINTEST_INK, axis=1) < OUTSIDE
    depth = int(is_paper.argmax())
    if not 0 < depth < len(gray) / 2 - BLURRED:
        return 0
    outside, inside = np.median(gray[[max(0, depth - BLURRED), depth + BLURRED]], axis=1)
    even = np.ptp(gray[: max(1, depth - BLURRED)]) < EVEN
    shadow = not even and depth > NARROW * len(gray) and outside >= DARK * paper
    if shadow or abs(outside - inside) < FAINTEST_INK:
        return 0
    return depth if even else depth + BLURRED


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
        raise NoDigitFound("this is pure noise: neighboring pixels have nothing in common")
    small = _resize(page, tuple(max(1, 64 * side // max(gray.shape)) for side in gray.shape))
    dark_ink = _is_ink_dark(small) if ink == "auto" else ink == "dark"
    paper = _level_paper(page, small) if dark_ink else -_level_paper(-page, -small)
    return np.clip(255 * page / np.maximum(paper, 1) if dark_ink else page - paper, 0, 255)


def _is_ink_dark(small):
    """Return whether ink is dark: by how far from the paper's level others are, or else by what encloses its holes."""
    levels = np.log(small + DIM)  # so that marks in a shadow count as much as others
    middle = levels[6:-6, 6:-6] if min(levels.shape) > 20 else levels
    paper = np.median(middle)
    darker, brighter = paper - middle.min(), middle.max() - paper
    if max(darker, brighter) > 2 * min(darker, brighter):
        return darker > brighter
    dark, light = _fill(levels) - levels, _fill(-levels) + levels
    weak = max(dark.max(), light.max()) / 4
    return _extent(dark, weak) >= _extent(light, weak)


def _extent(marks, weak):
    strong = marks > max(marks.max() / 2, weak)
    return sum(side.stop - side.start for side in ink_box(strong)) if strong.any() else 0


def _level_paper(page, small):
    """Return the level of the paper under dark ink, by pixel, from a page and a small picture of it."""
    smooth = _resize(ndimage.gaussian_filter(_fill(small), 2), page.shape)
    # Along a sharp edge, such as that of a desk, the smooth level would leave a line.
    return np.minimum(smooth, ndimage.grey_closing(page, WINDOW * max(page.shape) // 64))


def _fill(small):
    """Fill dark places up to their surroundings, except wide ones and shadows that reach the edge."""
    from skimage.morphology import reconstruction  # imported here: drawings don't wait for it

    seed = np.full_like(small, small.max())
    seed[0], seed[-1], seed[:, 0], seed[:, -1] = small[0], small[-1], small[:, 0], small[:, -1]
    enclosed = reconstruction(seed, small, method="erosion")
    return np.minimum(ndimage.grey_closing(small, WINDOW), enclosed)


def _resize(gray, shape):
    return np.asarray(
        Image.fromarray(gray.astype("float32")).resize(shape[::-1], Image.Resampling.BILINEAR)
    )


def ink_on_black(gray: np.ndarray, ink: Ink = "auto") -> np.ndarray:
    """Convert gray levels to ink, float32 (h, w): 0 is paper, and 255 is the strongest ink.

    The border shows the paper's level: with "auto", ink is what differs more from it. Raises
    NoDigitFound if the page is blank.
    """
    if ink not in ("auto", "dark", "light"):
        raise ValueError(f'ink: expected "auto", "dark" or "light", got {ink!r}')
    border = _border(gray)
    paper = float(np.median(border))
    dark_ink = paper - gray.min() >= gray.max() - paper if ink == "auto" else ink == "dark"
    strength = np.maximum(paper - gray if dark_ink else gray - paper, 0)
    strongest = strength.max()
    noisy = np.mean(border != paper) >= 0.5
    if strongest < FAINTEST_INK * (1.5 if noisy else 1):
        raise NoDigitFound("the page is blank: no ink stands out from the paper")
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
    if long.sum() == 1 and _is_stroke(marks, lines):
        return np.zeros_like(lines)
    if long.any():
        lines[:thickest] = lines[-thickest:] = True  # a ruled page may have one along its edge
    return lines


def _is_stroke(marks, line):
    """Return whether a line ends on the page and is joined to other ink, as the bar of a 7 is."""
    labels = ndimage.label(marks, TOUCHING)[0]
    other = np.isin(labels, np.unique(labels[line])) & ~line
    return (
        np.ptp(np.flatnonzero(line.any(axis=0))) < line.shape[1] - 2
        and other.sum() >= line.sum() / 4
    )


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
