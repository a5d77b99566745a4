"""Draw the example pictures of this folder: digits in wobbling strokes of several pens, on screen, board and paper."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.interpolate import make_interp_spline

from utils.camera import expose, printed_lines, shade

# The points each stroke goes through, from left to right and from top to bottom of a square of side 1.
STROKES = {
    0: [[(0.52, 0.1), (0.33, 0.28), (0.3, 0.62), (0.48, 0.89), (0.68, 0.7), (0.7, 0.36), (0.55, 0.12)]],
    1: [[(0.36, 0.32), (0.55, 0.12), (0.54, 0.5), (0.51, 0.9)]],
    2: [[(0.28, 0.3), (0.52, 0.1), (0.7, 0.3), (0.5, 0.62), (0.28, 0.86)], [(0.28, 0.86), (0.5, 0.83), (0.76, 0.86)]],
    3: [[(0.3, 0.18), (0.54, 0.1), (0.68, 0.27), (0.47, 0.46)],
        [(0.47, 0.46), (0.72, 0.64), (0.56, 0.88), (0.27, 0.82)]],
    4: [[(0.52, 0.1), (0.4, 0.35), (0.26, 0.62)], [(0.26, 0.62), (0.5, 0.61), (0.8, 0.58)],
        [(0.64, 0.38), (0.62, 0.6), (0.6, 0.92)]],
    5: [[(0.36, 0.14), (0.32, 0.45), (0.54, 0.42), (0.7, 0.62), (0.54, 0.88), (0.28, 0.82)],
        [(0.36, 0.14), (0.72, 0.12)]],
    6: [[(0.64, 0.1), (0.4, 0.35), (0.31, 0.68), (0.48, 0.9), (0.68, 0.73), (0.54, 0.55), (0.34, 0.68)]],
    7: [[(0.27, 0.14), (0.5, 0.15), (0.74, 0.12)], [(0.74, 0.12), (0.58, 0.45), (0.44, 0.9)]],
    8: [[(0.66, 0.2), (0.48, 0.1), (0.38, 0.26), (0.64, 0.6), (0.5, 0.9), (0.34, 0.7), (0.6, 0.38), (0.66, 0.22)]],
    9: [[(0.68, 0.26), (0.5, 0.42), (0.35, 0.27), (0.5, 0.11), (0.68, 0.24), (0.63, 0.6), (0.54, 0.9)]],
}  # fmt: skip
FINE = 3  # times finer than the picture, so that strokes have smooth edges
FOLDER = Path(__file__).parent


def write(
    digits: str, size: tuple[int, int], width: float, rng: np.random.Generator, side: float = 0.8
) -> np.ndarray:
    """Return the ink, 0 to 1, of digits in a row: the pen has a `width` in pixels, a digit a `side` in page heights."""
    page = Image.new("L", (size[0] * FINE, size[1] * FINE))
    pen, side = ImageDraw.Draw(page), side * size[1] * FINE
    left = rng.uniform(0, page.width - side * len(digits) * 0.75 - side * 0.25)
    for place, digit in enumerate(digits):
        top = rng.uniform(0.2, 0.8) * (page.height - side)
        slant = rng.normal(0, 0.08)
        for points in STROKES[int(digit)]:
            wobbly = np.array(points) + rng.normal(0, 0.014, (len(points), 2))
            wobbly[:, 0] += slant * (0.5 - wobbly[:, 1])
            along = np.linspace(0, 1, len(points))
            path = make_interp_spline(along, wobbly, k=min(3, len(points) - 1))(
                np.linspace(0, 1, 400)
            )
            pressure = 1 + 0.15 * np.sin(np.linspace(0, rng.uniform(2, 9), 400) + rng.uniform(0, 6))
            for (x, y), weight in zip(
                path * side + (left + place * side * 0.75, top), pressure, strict=True
            ):
                radius = width * FINE * weight / 2
                pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(page.resize(size, Image.Resampling.BOX), dtype=float) / 255


def drawing(
    digits: str, width: float, paper: int, pen: int, rough: float, rng: np.random.Generator
) -> Image.Image:
    """Return a drawing of 200 x 200 pixels; `rough` says how much of the ink the grain of the paper keeps off."""
    ink = write(digits, (200, 200), width, rng)
    grain = Image.fromarray((rng.uniform(0, 255, (200, 200))).astype("uint8")).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    ink *= 1 - rough * np.asarray(grain) / 255
    return Image.fromarray((paper + ink * (pen - paper)).round().astype("uint8"))


def photo(
    digits: str, width: float, pen: tuple[int, int, int], squared: bool, rng: np.random.Generator
) -> Image.Image:
    """Return what looks like a phone's photo of 800 x 600 pixels: ruled paper, a hand's shadow, blur, and grain."""
    size, shape = (800, 600), (600, 800)
    tilt, gap = rng.uniform(-0.03, 0.03), rng.uniform(55, 75)
    phase = 1.5 - gap / 2
    lines = printed_lines(shape, gap, 3, (phase, phase), tilt, squared)
    page = np.where(lines[..., None], (115, 140, 185), (245, 242, 233))
    side = rng.uniform(0.55, 0.7) if len(digits) == 1 else 0.4
    ink = 0.9 * write(digits, size, width, rng, side)
    direction = rng.uniform(-0.6, 0.6) / 600, 1 / 800
    shadow = shade(shape, (0, 800 * rng.uniform(0.4, 0.7)), direction, 0.12)
    light = (1 - 0.35 * np.linspace(0, 1, 600)[:, None]) * (1 - 0.4 * shadow)
    grain = rng.normal(0, 2.5, (600, 800, 1))
    return Image.fromarray(expose(page, ink, pen, light, blur=1, grain=grain))


def main() -> None:
    """Draw them all."""
    pens = {
        "roller": (64, 255, 120, 0), "marker": (24, 255, 15, 0), "fineliner": (3, 252, 60, 0),
        "pencil": (7, 240, 90, 0.7), "chalk": (13, 38, 245, 0.6),
    }  # fmt: skip
    drawn = [
        "0_marker", "6_marker", "8_marker", "1_fineliner", "3_fineliner",
        "4_pencil", "9_pencil", "2_chalk", "5_chalk", "7_roller",
    ]  # fmt: skip
    for seed, name in enumerate(drawn):
        digit, pen = name.split("_")
        drawing(digit, *pens[pen], np.random.default_rng(seed)).save(
            FOLDER / f"{name}.png", optimize=True
        )
    blue, black, red = (40, 55, 140), (30, 30, 35), (170, 40, 45)
    photos = {"7": (14, blue, False), "4": (10, black, True), "2": (16, red, True), "5": (12, blue, True),
              "3192": (9, black, False)}  # fmt: skip
    for seed, (digits, options) in enumerate(photos.items(), start=100):
        photo(digits, *options, np.random.default_rng(seed)).save(
            FOLDER / f"{digits}_photo.jpg", quality=75
        )


if __name__ == "__main__":
    main()
