"""Measure on which pages digits are read: paper and ink of every color, every pen, frames, dark surroundings, light.

python -m benchmarks.pages
"""

import io
from collections.abc import Callable, Iterator
from itertools import product

import matplotlib
import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from benchmarks import records
from benchmarks.drawn import HANDS, SIDE, draw_digit
from utils.prediction import DigitReader

SURE = 0.9
PENS = 1, 2, 3, 4, 6, 8, 12, 16, 20, 24
COLORS = {
    "white": (255, 255, 255), "cream": (246, 238, 214), "yellow": (250, 230, 40), "pink": (245, 170, 190),
    "sky": (120, 180, 235), "mint": (150, 220, 170), "kraft": (150, 115, 75), "gray 190": (190, 190, 190),
    "gray 127": (127, 127, 127), "gray 80": (80, 80, 80), "red": (190, 30, 40), "green": (25, 110, 55),
    "blue": (20, 40, 190), "brown": (90, 55, 30), "navy": (15, 20, 60), "black": (0, 0, 0),
}  # fmt: skip
SURROUNDS: dict[str, Callable] = {}


def surround(change):
    """Keep a function that puts a page, gray levels (SIDE, SIDE), into surroundings by a random generator."""
    SURROUNDS[change.__name__.replace("_", " ")] = change
    return change


@surround
def frame_at_the_edge(page, rng):
    width, level = int(rng.integers(1, 5)), rng.integers(0, 160)
    framed = np.full_like(page, level)
    framed[width:-width, width:-width] = page[width:-width, width:-width]
    return framed


@surround
def line_on_some_sides(page, rng):
    lined, width, level = page.copy(), int(rng.integers(1, 4)), rng.integers(0, 160)
    for turn in rng.permutation(4)[: rng.integers(1, 4)]:
        np.rot90(lined, turn)[:width] = level
    return lined


@surround
def scanner_edge(page, rng):
    scanned = page.copy()
    for turn in rng.permutation(4)[: rng.integers(1, 3)]:
        np.rot90(scanned, turn)[: int(rng.uniform(0.02, 0.08) * len(page))] = rng.integers(0, 100)
    return _camera(scanned, rng, blur=1, grain=2)


@surround
def letterbox(page, rng):
    bar = int(rng.uniform(0.05, 0.3) * len(page))
    bars = [((bar, bar), (0, 0)), ((0, 0), (bar, bar))][rng.integers(2)]
    return np.pad(page, bars, constant_values=rng.choice([0, 20]))


@surround
def sheet_on_a_desk(page, rng):
    page = 40 + page * 0.8
    around = [int(part * len(page)) for part in rng.uniform(0.03, 0.25, 4)]
    desk = np.pad(page, (around[:2], around[2:]), constant_values=rng.integers(10, 180))
    return _camera(desk, rng, blur=1.5, grain=3)


@surround
def tilted_sheet_on_a_desk(page, rng):
    page = np.pad(40 + page * 0.8, 60, constant_values=rng.integers(10, 150))
    tilted = ndimage.rotate(page, rng.uniform(2, 8), reshape=False, order=1, mode="nearest")
    return _camera(tilted, rng, blur=1.5, grain=3)


@surround
def corner_of_the_desk(page, rng):
    page, (rows, columns) = 40 + page * 0.8, np.mgrid[:SIDE, :SIDE]
    corner = np.rot90(rows + columns < rng.uniform(0.15, 0.35) * SIDE, rng.integers(4))
    return _camera(np.where(corner, rng.integers(10, 120), page), rng, blur=1, grain=3)


@surround
def white_frame_on_black(page, rng):
    return 255 - frame_at_the_edge(page, rng)


@surround
def figure_of_matplotlib(page, rng):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(3, 3))
    axes.imshow(255 - page[::10, ::10], cmap=rng.choice(["gray", "gray_r"]))
    axes.axis("off" if rng.random() < 0.5 else "on")
    file = io.BytesIO()
    figure.savefig(file)
    plt.close(figure)
    return file.getvalue()


@surround
def vignette(page, rng):
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = np.maximum(1 - rng.uniform(0.1, 0.5) * (rows**2 + columns**2), 0.05)
    return _camera((50 + page * 0.8) * light, rng, blur=0.7, grain=2)


@surround
def dim_light(page, rng):
    return _camera((0.2 + 0.8 * page / 255) * rng.uniform(60, 130), rng, blur=0.7, grain=1.5)


def _camera(page, rng, blur, grain):
    """Return a JPEG of a scene."""
    seen = ndimage.gaussian_filter(page.astype(float), blur) + rng.normal(0, grain, page.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype("uint8")).save(file, "JPEG", quality=88)
    return file.getvalue()


def papers_and_inks(every: int = 1) -> Iterator:
    """Yield digits, with what they are, in every ink that stands out from its paper by 40 levels in some channel.

    With `every` above 1, only every so many pairs of paper and ink.
    """
    for number, (paper, ink) in enumerate(list(product(COLORS.values(), repeat=2))[::every]):
        if np.abs(np.subtract(paper, ink)).max() >= 40:
            for digit in range(10):
                cover = draw_digit(digit, (digit + number) % len(HANDS), 10)[..., np.newaxis]
                yield digit, (np.array(paper) * (1 - cover) + np.array(ink) * cover).astype("uint8")


def pens() -> Iterator:
    """Yield every digit in every hand with every pen."""
    for digit, hand, pen in product(range(10), range(len(HANDS)), PENS):
        yield digit, (255 * (1 - draw_digit(digit, hand, pen))).round().astype("uint8")


def surroundings(name: str, rounds: int = 10) -> Iterator:
    """Yield digits in one kind of surroundings."""
    rng = np.random.default_rng(0)
    for number, digit in product(range(rounds), range(10)):
        cover = draw_digit(digit, (digit + number) % len(HANDS), rng.uniform(8, 20))
        page = SURROUNDS[name](255 * (1 - cover), rng)
        yield digit, page if isinstance(page, bytes) else page.astype("uint8")


def measure(reader: DigitReader, pages) -> dict:
    """Return the shares of pages that are read rightly, refused, and read wrongly with confidence."""
    seen = [(digit, reader.read(page)) for digit, page in pages]
    right = np.mean([answer.digit == digit for digit, answer in seen])
    refused = np.mean([answer.digit is None for _, answer in seen])
    sure = [
        answer.digit not in (None, digit) and answer.confidence > SURE for digit, answer in seen
    ]
    return {
        "pages": len(seen),
        "right": round(float(right), 4),
        "refused": round(float(refused), 4),
        "surely_wrong": round(float(np.mean(sure)), 4),
    }


def main():
    """Measure everything, print it, and keep the record."""
    matplotlib.use("agg")
    reader = DigitReader()
    kinds = {"papers and inks": papers_and_inks(), "pens": pens()}
    kinds |= {name: surroundings(name) for name in SURROUNDS}
    results = {}
    for name, pages in tqdm(kinds.items(), unit="kind"):
        results[name] = measure(reader, pages)
        tqdm.write(f"{name:24} {results[name]}")
    records.save("pages", {"machine": records.machine(), "model": "robust", "results": results})


if __name__ == "__main__":
    main()
