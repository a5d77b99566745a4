"""Write digits in many people's ways, and letters and scribbles that are none: what *robust* learns beside MNIST.

MNIST holds the digits of American students and census clerks. The strokes in strokes.toml are those of other people
too, and each drawing varies them: proportions, slant, corners, the ends of strokes, a trembling hand, and the pen.
Simard et al. (2003), "Best Practices for Convolutional Neural Networks", vary pictures; here the strokes vary.
"""

import itertools
import tomllib
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from utils.preprocessing import BOX, center_by_mass

NO_DIGIT = 10  # the label of whatever isn't a digit
FINE = 4  # pages are drawn at so many times the size of MNIST's box
WAYS = tomllib.loads((Path(__file__).parent / "strokes.toml").read_text())
PENS = 1.2, 1.7, 2.3, 3.1, 4.2  # widths in pixels of MNIST's box
SLANTS = -0.3, 0.0, 0.3  # how far the top leans to the right, for a height of 1
Stroke = tuple[np.ndarray, list[int]]  # points (n, 2), and which of them are corners


def written_digits(per_digit: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return digits in MNIST's form, uint8 (n, 28, 28), as often as asked for each digit, with their labels."""
    rng = np.random.default_rng([seed, 0])
    labels = np.repeat(np.arange(10), per_digit)
    return np.stack([draw(_any_way("digits", str(digit), rng), rng) for digit in labels]), labels


def no_digits(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return so many pictures that show no digit, uint8 (n, 28, 28), most of them letters, with their labels."""
    rng = np.random.default_rng([seed, 1])
    kinds = rng.choice([_letter, _mark, _scribble, _two_digits], count, p=(0.6, 0.15, 0.15, 0.1))
    return np.stack([draw(kind(rng), rng) for kind in kinds]), np.full(count, NO_DIGIT)


def digits_kept_apart(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return 750 labeled digits, uint8 (750, 28, 28): all ten in five ways, with five pens and three slants."""
    names = [str(digit) for digit in range(10)]
    return _kept_apart(names, seed), np.repeat(range(10), 5 * len(PENS) * len(SLANTS))


def letters_kept_apart(seed: int = 0) -> np.ndarray:
    """Return 600 letters, uint8 (600, 28, 28): forty, with five pens and three slants."""
    return _kept_apart([name for name in WAYS["kept_apart"] if name.isalpha()], seed)


def _kept_apart(names, seed):
    """Return pictures of all these in all ways that no network learns from."""
    rng, pictures = np.random.default_rng([seed, 2]), []
    ways = (way for name in names for way in WAYS["kept_apart"][name])
    for way, pen, slant in itertools.product(ways, PENS, SLANTS):
        lines = []
        for points, corners in parse(way):
            points = points + rng.normal(0, 0.01, points.shape)
            lines.append(_line(points - slant * points[:, 1:] * (1, 0), corners, angular=False))
        pictures.append(center_by_mass(_shrunk(_drawn(lines, FINE * BOX, FINE * pen))))
    return np.stack(pictures)


@lru_cache(maxsize=1024)
def parse(way: str) -> list[Stroke]:
    """Return the strokes of a way to write, in a square of 1 by 1, from the text that strokes.toml describes."""
    strokes = []
    for text in way.split("|"):
        pieces = [piece.split() for piece in text.split("/")]
        points = [point.split(",") for piece in pieces for point in piece]
        ends = np.cumsum([len(piece) for piece in pieces])[:-1] - 1
        strokes.append((np.array(points, float) / 100, [end for end in ends.tolist() if end > 0]))
    return strokes


def draw(strokes: list[Stroke], rng: np.random.Generator) -> np.ndarray:
    """Return a drawing of strokes by a hand and with a pen drawn by chance, in MNIST's form, uint8 (28, 28)."""
    lines = _written(strokes, rng)
    return center_by_mass(_coarse(lines, rng) if rng.random() < 0.15 else _inked(lines, rng))


# What to write


def _any_way(table, name, rng):
    ways = WAYS[table][name]
    return parse(ways[rng.integers(len(ways))])


def _letter(rng):
    return _any_way("letters", rng.choice(list(WAYS["letters"])), rng)


def _mark(rng):
    return _any_way("marks", rng.choice(list(WAYS["marks"])), rng)


def _scribble(rng):
    """Return strokes that wander: around, to and fro, or anywhere."""
    count = int(rng.integers(8, 22))
    kind = rng.integers(3)
    if kind == 0:  # rings that drift
        angles = np.linspace(0, rng.uniform(9, 22), 2 * count) * rng.choice([-1, 1])
        drift = np.linspace(0, 1, 2 * count)[:, np.newaxis] * rng.normal(0, 1, 2)
        size = rng.uniform(0.2, 0.5, (2 * count, 1)) * rng.uniform(0.3, 1, 2)
        points = size * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.4 * drift
    elif kind == 1:  # hatching
        across = np.arange(count) / count + rng.normal(0, 0.02, count)
        points = np.stack([across, np.arange(count) % 2 + rng.normal(0, 0.15, count)], axis=1)
        points = points[:, :: rng.choice([-1, 1])] * rng.uniform(0.5, 1, 2)
    else:
        points = rng.random((count, 2))
    return [(0.5 + points - points.mean(axis=0), list(range(1, count - 1)) * (rng.random() < 0.3))]


def _two_digits(rng):
    """Return the strokes of two digits that touch."""
    left, right = (_any_way("digits", str(rng.integers(10)), rng) for _ in range(2))
    gap = rng.uniform(0.4, 0.6)
    moved = [(points + np.array([gap, rng.normal(0, 0.05)]), corners) for points, corners in right]
    return [*left, *moved]


# Hands


def _written(strokes, rng):
    """Return each stroke as a line of many points, as somebody writes it."""
    tremble, rounded, angular = rng.uniform(0, 0.035), rng.random() < 0.25, rng.random() < 0.2
    stretch, lean, turn, taper, sag = np.clip(rng.normal(0, 1, 5), -2, 2) * (
        0.22,
        0.2,
        0.1,
        0.25,
        0.25,
    )
    wide = np.exp(stretch)
    matrix = np.array([[wide * np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    lines = []
    for points, corners in strokes:
        points = points - 0.5 + rng.normal(0, tremble, points.shape) + rng.normal(0, 0.02, 2)
        points = _with_other_ends(points, rng)
        across, down = points.T
        down = down + sag * (0.25 - down**2)
        points = np.stack([across * (1 + taper * down) - lean * down, down], axis=1) @ matrix.T
        lines.append(_line(points, [] if rounded else corners, angular))
    return lines


def _with_other_ends(points, rng):
    """Let a stroke begin and end a little earlier or later."""
    points = points.copy()
    for end, next_to_it in ((0, 1), (-1, -2)):
        points[end] += rng.uniform(-0.15, 0.15) * (points[end] - points[next_to_it])
    return points


def _line(points, corners, angular):
    if angular:
        return points
    ends = [0, *corners, len(points) - 1]
    pieces = [points[start : end + 1] for start, end in itertools.pairwise(ends)]
    return np.concatenate([_smooth(piece) for piece in pieces if len(piece) > 1])


def _smooth(points):
    """Return a smooth curve through points: a spline of Catmull and Rom (1974)."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.stack([before, *points, after])
    a, b, c, d = (p[i : len(p) - 3 + i, np.newaxis] for i in range(4))
    t = np.linspace(0, 1, 8)[:, np.newaxis]
    curve = (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return curve.reshape(-1, 2) / 2


# Pens


def _inked(lines, rng):
    """Return ink, float (h, w), at most 20 pixels high and wide: a round pen, or one that presses unevenly."""
    width = np.exp(rng.uniform(np.log(1.1), np.log(4.5)))
    page = _drawn(lines, FINE * BOX, FINE * width, rng.uniform(0.5, 1) if rng.random() < 0.2 else 1)
    return _shrunk(page)


def _shrunk(page):
    ink = np.asarray(page.reduce(FINE), "float32")
    return ink * (255 / max(1, ink.max()))


def _coarse(lines, rng):
    """Return ink of a picture with few pixels, all black or white, enlarged to MNIST's box."""
    side = int(rng.integers(10, 21))
    small = _drawn(lines, side, rng.uniform(0.8, 1.7))
    factor = BOX / max(small.size)
    size = [max(1, round(factor * length)) for length in small.size]
    return np.clip(np.asarray(small.resize(size, Image.Resampling.LANCZOS), "float32"), 0, 255)


def _drawn(lines, side, width, lightest=1.0):
    """Return a page, cropped to its ink, whose longer side has `side` pixels; thinner where the pen moves on."""
    points = np.concatenate(lines)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    factor = (side - width) / max(size.max(), 1e-3)
    page = Image.new("L", [max(1, round(factor * length + width)) for length in size])
    brush, radius = ImageDraw.Draw(page), width / 2
    for line in lines:
        line = (line - low) * factor + radius
        if lightest < 1:
            widths = width * np.interp(np.linspace(0, 1, len(line)), (0, 0.5, 1), (1, lightest, 1))
            for (start, end), thick in zip(itertools.pairwise(line), widths, strict=False):
                brush.line([*start, *end], fill=255, width=max(1, round(thick)))
                _dot(brush, end, thick / 2)
            continue
        brush.line(
            [tuple(point) for point in line], fill=255, width=max(1, round(width)), joint="curve"
        )
        for end in (line[0], line[-1]):
            _dot(brush, end, radius)
    return page


def _dot(brush, center, radius):
    x, y = center
    brush.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)


# The page of lesson 11


def page_of_ways(digits: str = "1479", side: int = 120) -> Image.Image:
    """Return a page, black on white, with a row for each digit, written in the five ways that were kept apart."""
    page = Image.new("L", (5 * side, len(digits) * side), "white")
    for row, digit in enumerate(digits):
        for column, way in enumerate(WAYS["kept_apart"][digit]):
            lines = [_line(points, corners, angular=False) for points, corners in parse(way)]
            ink = _drawn(lines, round(0.7 * side), side / 20)
            place = (column * side + (side - ink.width) // 2, row * side + (side - ink.height) // 2)
            page.paste(0, place, ink)
    return page


if __name__ == "__main__":
    page_of_ways().save(Path(__file__).parents[1] / "images" / "five_ways.png", optimize=True)
