"""The digit browser: page through the images of a digit, with the most or the least typical first."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from utils.widgets.explorer import Choice, Explorer, Slider, View

ROWS, COLUMNS = 4, 10
PAGE = ROWS * COLUMNS
# Pixels: the tile of one digit, the line of text above it, the paper to its left.
TILE, LINE, MARGIN = 42, 9, 7
ZOOM = 2  # screen dots for each pixel, both ways
FONT = ImageFont.load_default(12)


def _distance(images: np.ndarray) -> np.ndarray:
    """Return each image's distance from the mean of all."""
    return np.linalg.norm((images - images.mean(axis=0)).reshape(len(images), -1), axis=1)


ORDERS = {  # by name: a measure of the images of one digit; the smallest comes first
    "as stored": lambda images: np.zeros(len(images)),
    "most typical first": _distance,
    "least typical first": lambda images: -_distance(images),
    "least ink first": lambda images: images.mean(axis=(1, 2)),
    "most ink first": lambda images: -images.mean(axis=(1, 2)),
}


class DigitBrowser(Explorer):
    """Browse images, shape (n, 28, 28), by digit and order; `shown` has the positions of those on the page.

    Typical images are close to the mean image of their digit, and ink means the mean intensity.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = np.asarray(images), np.asarray(labels)
        _check(self.images, self.labels)
        self.full_ink = self.images.max() or 1
        self.digits = np.unique(self.labels)
        self._found = {}  # the positions for each digit and order chosen so far
        self.digit = Choice("Digit", ["all", *map(str, self.digits)])
        self.order = Choice("Order", ORDERS)
        self.page = Slider("Page", 1, self._pages(), value=1)
        for choice in (self.digit, self.order):
            choice.observe(self._begin, "value")
        super().__init__(self.page, rows=[self.digit, self.order, self.page])

    @property
    def positions(self) -> np.ndarray:
        """Return the positions in `images` of the chosen digit, in the chosen order."""
        wish = self.digit.value, self.order.value
        if wish not in self._found:
            self._found[wish] = self._find(*wish)
        return self._found[wish]

    @property
    def shown(self) -> np.ndarray:
        """Return the positions in `images` of this page's digits, in reading order."""
        return self.positions[(self.page.value - 1) * PAGE : self.page.value * PAGE]

    def draw(self) -> View:
        """Draw a page of digits, each with its label and [position] above it."""
        sheet = self._sheet()  # Pillow writes forty short lines ten times as fast as matplotlib
        pen = ImageDraw.Draw(sheet)
        for place, position in enumerate(self.shown):
            row, column = divmod(place, COLUMNS)
            foot = ZOOM * TILE * (column + 0.5), ZOOM * (TILE * row + LINE)
            pen.text(foot, f"{self.labels[position]} [{position}]", fill=0, font=FONT, anchor="md")
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return View(buffer.getvalue(), *self._in_words())

    def _pages(self) -> int:
        return -(-len(self.positions) // PAGE)  # rounded up

    def _begin(self, _) -> None:
        """Open the first page of the new choice."""
        self.page.max = self._pages()
        if self.page.value == 1:
            self.redraw()
        self.page.value = 1  # redraws if it was another page

    def _find(self, digit: str, order: str) -> np.ndarray:
        """Measure each image among those of its own digit, and sort; ties stay in stored order."""
        digits = [each for each in self.digits if digit in ("all", str(each))]
        groups = [np.flatnonzero(self.labels == each) for each in digits]
        measured = np.concatenate([ORDERS[order](self.images[group]) for group in groups])
        positions = np.concatenate(groups)
        return positions[np.lexsort((positions, measured))]

    def _sheet(self) -> Image.Image:
        """Lay the digits of this page out as ink on white paper."""
        tiles = np.full((PAGE, TILE, TILE), 255, dtype=np.uint8)
        ink = self.images[self.shown] / self.full_ink
        tiles[: len(ink), LINE : LINE + 28, MARGIN : MARGIN + 28] = 255 * (1 - ink.clip(0, 1))
        rows = tiles.reshape(ROWS, COLUMNS, TILE, TILE).swapaxes(1, 2)
        sheet = rows.reshape(ROWS * TILE, COLUMNS * TILE)
        return Image.fromarray(sheet.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1))

    def _in_words(self) -> tuple[str, str]:
        """Return the alt text of the picture, and the remark below it."""
        digit, order, shown = self.digit.value, self.order.value, self.shown
        first, last = (f"{self.labels[i]} at position {i}" for i in shown[[0, -1]])
        alt = f"Handwritten digits, {order}: {len(shown)} images, from {first} to {last}."
        group = "all digits" if digit == "all" else f"the {digit}"
        images = f"{len(self.positions):,} images of {group}, {order}"
        return alt, f"{images}: page {self.page.value} of {self.page.max:,}."


def _check(images: np.ndarray, labels: np.ndarray) -> None:
    if not images.size or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise ValueError(
            "expected at least one image, in an array of shape (n, 28, 28), and as many labels, got arrays of shape "
            f"{images.shape} and {labels.shape}; of images of shape (n, 28, 28, 1), pass images[..., 0]"
        )
