"""Draw digits as people in the United States write them: ten digits, five hands, any pen."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

SIDE = 280  # pixels of the pad that the web app draws on
# Strokes in a square of 1 x 1, through these points: (across, down). A tuple of strokes for each way to write a digit.
WAYS = {
    0: [
        ("50,15 33,25 27,50 33,76 50,86 67,76 73,50 67,25 50,15",),
        ("56,16 36,24 29,52 38,82 54,84 70,66 70,36 58,17 50,20",),
    ],
    1: [("50,15 50,50 50,85",), ("38,28 51,15", "51,15 51,50 51,85", "34,85 50,85 67,85")],
    2: [
        ("30,33 38,18 56,16 68,29 62,48 45,67 29,84", "29,84 50,84 72,83"),
        ("31,32 40,18 57,17 67,31 57,54 40,74 30,82 36,74 50,80 62,85 72,80",),
    ],
    3: [
        ("32,25 47,15 64,22 64,38 47,47", "47,47 65,54 69,70 55,84 40,84 29,76"),
        ("31,22 50,15 65,25 60,41 46,48 62,53 70,67 60,82 43,86 29,78",),
    ],
    4: [
        ("34,16 31,38 29,54", "29,54 50,54 74,53", "63,16 62,50 61,86"),
        ("60,15 42,39 26,60", "26,60 50,60 76,60", "60,15 60,50 60,86"),
    ],
    5: [
        ("66,16 50,16 35,17", "35,17 34,30 32,44", "32,44 50,39 66,48 69,65 58,82 42,85 29,77"),
        ("37,17 36,30 34,43", "34,43 52,40 67,50 68,68 55,83 39,84 29,76", "37,17 52,17 68,16"),
    ],
    6: [
        ("60,14 43,30 33,52 34,74 49,86 64,79 66,63 53,53 38,60 34,70",),
        ("55,14 40,36 32,60 38,80 54,86 67,74 63,58 48,53 35,63",),
    ],
    7: [
        ("28,17 50,17 72,17", "72,17 58,48 45,86"),
        ("28,18 50,16 71,18", "71,18 56,42 48,64 46,86"),
    ],
    8: [
        ("64,26 50,15 36,26 44,42 59,54 66,70 50,86 34,70 42,54 58,42 64,26",),
        ("50,48 36,38 36,22 50,15 64,22 64,38 50,48 34,60 34,77 50,86 66,77 66,60 50,48",),
    ],
    9: [
        ("65,30 52,17 37,24 34,41 47,51 61,42 66,29", "66,29 64,56 62,86"),
        ("66,34 56,18 41,19 33,34 42,49 57,46 66,34", "66,34 66,60 58,80 44,86"),
    ],
}
# Each hand: which way, how far it leans, how wide it writes, and how much its points tremble.
HANDS = [
    (0, 0.0, 1.0, 0.0),
    (1, 0.0, 0.9, 0.006),
    (0, -0.22, 0.95, 0.006),
    (1, -0.12, 1.1, 0.01),
    (0, 0.1, 0.75, 0.01),
]


@lru_cache(maxsize=64)
def draw_digit(digit: int, hand: int, pen: float, side: int = SIDE) -> np.ndarray:
    """Return how much ink covers each pixel of a page, float32 (side, side), from 0 to 1.

    `pen` is the width in pixels of a page with a side of 280.
    """
    way, lean, wide, tremble = HANDS[hand]
    rng = np.random.default_rng([digit, hand])
    fine = 4 * side
    page = Image.new("L", (fine, fine))
    brush, width = ImageDraw.Draw(page), max(1, round(4 * pen * side / SIDE))
    for stroke in WAYS[digit][way]:
        points = np.array([point.split(",") for point in stroke.split()], float) / 100
        points += rng.normal(0, tremble, points.shape)
        across = 0.5 + wide * (points[:, 0] - 0.5) + lean * (points[:, 1] - 0.5)
        line = fine * _smooth(np.stack([across, points[:, 1]], axis=1))
        brush.line([tuple(point) for point in line], fill=255, width=width, joint="curve")
        for x, y in (line[0], line[-1]):  # a pen is round at its ends
            brush.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    return np.asarray(page.reduce(4), "float32") / 255


def _smooth(points):
    """Return a smooth curve through points: a spline of Catmull and Rom."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.stack([before, *points, after])
    t = np.linspace(0, 1, 12)[:, np.newaxis]
    pieces = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(pieces)
