"""The confusion explorer: open a cell of the confusion matrix, and see the digits that were counted there."""

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure

from utils import evaluation, plots
from utils.widgets.explorer import HERE, Explorer, Refused, Slider, View, to_png

ROWS, COLUMNS = 2, 10  # of digits in the picture
TILE = (44, 34)  # pixels around a digit: room for two lines above it, and air beside it


class _Cells(anywidget.AnyWidget):
    """Choose a cell of a confusion matrix: each is a button, and all share one model."""

    _esm = HERE / "confusion.js"
    counts = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    value = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True)  # true digit, answer


class ConfusionExplorer(Explorer):
    """Open the cells of the confusion matrix of n digits; the digits in a cell are sorted by confidence.

    Takes images, uint8 (n, 28, 28), labels, shape (n,), and probabilities, shape (n, 10), as `predict_batch` returns.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray):
        shapes = [np.shape(array) for array in (images, labels, probabilities)]
        n = len(labels)
        if n == 0 or shapes != [(n, 28, 28), (n,), (n, 10)]:
            raise ValueError(
                "expected the images, labels and probabilities of the same digits, of shapes (n, 28, 28), (n,) and "
                f"(n, 10), got {', '.join(map(str, shapes))}: hand on what predict_batch returned"
            )
        self.images, self.labels = images, labels
        self.predictions, self.confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        counts = evaluation.confusion_matrix(labels, self.predictions)
        errors = np.where(np.eye(10, dtype=bool), 0, counts)
        most_frequent = divmod(int(errors.argmax()), 10)
        self.cells = _Cells(counts=counts.tolist(), value=list(most_frequent))
        self.page = Slider("Page", 1, 1, value=1)
        self.cells.observe(self._open, "value")
        self._open()
        super().__init__(self.cells, self.page)

    def choose(self, true: int, predicted: int) -> None:
        """Open the cell of the digits that are `true` and were read as `predicted`."""
        if not {true, predicted} <= set(range(10)):
            raise ValueError(f"expected two digits from 0 to 9, got {true} and {predicted}")
        self.cells.value = [int(true), int(predicted)]

    def inside(self) -> np.ndarray:
        """Return the positions of all digits in the open cell, the one read most confidently first."""
        true, predicted = self.cells.value
        positions = np.flatnonzero((self.labels == true) & (self.predictions == predicted))
        return positions[np.argsort(-self.confidence[positions], kind="stable")]

    def draw(self) -> View:
        """Draw a page of the digits in the open cell, each with its position and confidence."""
        true, predicted = self.cells.value
        positions = self.inside()
        if not len(positions):
            raise Refused(f"No {true} here was read as {predicted}: open a cell above 0.")
        start = ROWS * COLUMNS * (self.page.value - 1)
        shown = positions[start : start + ROWS * COLUMNS]
        place = f"{start + 1:,} to {start + len(shown):,}"
        surest, least_sure = self.confidence[shown[[0, -1]]]
        name, number = f"True {true}, read as {predicted}", _in_words(len(positions))
        alt = f"{name}: {number}, of which {place} are shown, from {surest:.1%} down to {least_sure:.1%} sure."
        mean = self.confidence[positions].mean()
        remark = (
            f"{name}: {number}, {mean:.1%} sure on average.\n"
            f"Shown: {place}, page {self.page.value} of {self.page.max}."
        )
        return View(to_png(self._tiles(shown)), alt, remark)

    def _open(self, _=None) -> None:
        """Go to the first page of a cell, and offer its other pages if it has any."""
        self.page.value = 1
        self.page.max = max(1, -(-len(self.inside()) // (ROWS * COLUMNS)))
        self.page.layout.visibility = "visible" if self.page.max > 1 else "hidden"

    def _tiles(self, shown: np.ndarray) -> Figure:
        """Draw digits side by side as one large image, which is many times faster than an axes for each."""
        height, width = TILE
        sheet = np.zeros((ROWS * height, COLUMNS * width))
        # Two dots for each pixel.
        figure = Figure(figsize=(sheet.shape[1] / 40, sheet.shape[0] / 40), dpi=80)
        for index, position in enumerate(shown):
            row, column = divmod(index, COLUMNS)
            bottom, left = (row + 1) * height, column * width + 2
            framed = np.pad(self.images[position], 1, constant_values=90)
            sheet[bottom - 30 : bottom, left : left + 30] = framed
            place = (left + 15) / sheet.shape[1], 1 - (bottom - 31) / sheet.shape[0]
            title = f"no. {position}\n{self.confidence[position]:.1%}"
            figure.text(*place, title, ha="center", va="bottom", fontsize=8.5)
        figure.figimage(sheet.repeat(2, axis=0).repeat(2, axis=1), cmap=plots.INK, vmin=0, vmax=255)
        return figure


def _in_words(number: int) -> str:
    """Return a number of digits in words."""
    return "1 digit" if number == 1 else f"{number:,} digits"
