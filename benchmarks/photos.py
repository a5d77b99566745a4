"""Take photos of MNIST digits, as a learner would of a page: with other pens, ruled paper, a shadow, out of focus."""

import io

import numpy as np
from PIL import Image

from utils.camera import enlarge, expose, printed_lines, shade

# Black, blue, red, green, pencil
PENS = (20, 20, 30), (25, 50, 140), (160, 30, 35), (20, 100, 55), (90, 90, 95)
LINES = 165, 190, 220  # pale blue
PAGE = 224  # pixels on each side of a photo
PHOTOS = {
    "plain paper": (),
    "pen colours": ("colours",),
    "ruled paper": ("lines",),
    "shadow": ("shadow",),
    "out of focus": ("blur",),
    "all together": ("colours", "lines", "shadow", "blur"),
}


def photograph(
    digits: np.ndarray,
    hardships: tuple[str, ...] = PHOTOS["all together"],
    seed: int | np.random.Generator = 0,
    size: tuple[int, int] = (PAGE, PAGE),
) -> bytes:
    """Return a JPEG photo of `size` (width, height) of digits, uint8 (28, w), as if written with a pen on paper."""
    rng, shape = np.random.default_rng(seed), size[::-1]
    unit = min(shape) / PAGE
    page = np.broadcast_to(rng.uniform((225, 222, 205), (252, 250, 245)), (*shape, 3))
    if "lines" in hardships:
        page = np.where(_ruling(shape, unit, rng)[..., np.newaxis], LINES, page)
    pen = np.array(PENS[rng.integers(len(PENS)) if "colours" in hardships else 0])
    ink = _written(digits, shape, rng)
    light = _light(shape, unit, rng) if "shadow" in hardships else 1
    blur = unit * rng.uniform(1.5, 3.5) if "blur" in hardships else 0
    grain = rng.normal(0, 4, page.shape)  # every camera adds some noise
    file = io.BytesIO()
    Image.fromarray(expose(page, ink, pen, light, blur, grain)).save(file, "JPEG", quality=80)
    return file.getvalue()


def _ruling(shape, unit, rng):
    """Return where lines, or squares, are printed."""
    spacing, phase = unit * rng.integers(22, 44), unit * rng.integers(0, 22, 2)
    return printed_lines(shape, spacing, 2 * unit, phase, squared=rng.random() < 0.5)


def _written(digits, shape, rng):
    """Return how much ink covers each pixel: the digits, 60 to 100 % as large as fits, somewhere on the page."""
    largest = min(shape[0], shape[1] * digits.shape[0] // digits.shape[1])
    pen_ink = enlarge(digits, int(rng.uniform(0.6, 1.0) * largest))
    top, left = (
        rng.integers(0, room - side + 1) for room, side in zip(shape, pen_ink.shape, strict=True)
    )
    ink = np.zeros(shape, "float32")
    ink[top : top + pen_ink.shape[0], left : left + pen_ink.shape[1]] = pen_ink
    return ink


def _light(shape, unit, rng):
    """Return the light on each pixel: full on one side, 40 to 70 % on the other, with a soft edge between."""
    angle, softness = rng.uniform(0, 2 * np.pi), unit * rng.uniform(8, 60)
    center = np.array(shape) * rng.uniform(0.3, 0.7, 2)
    shadow = shade(shape, center, (np.sin(angle), np.cos(angle)), softness)
    return 1 - rng.uniform(0.3, 0.6) * shadow
