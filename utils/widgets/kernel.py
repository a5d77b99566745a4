"""The kernel explorer: change the numbers of a kernel, move its window, and see one sum become one pixel."""

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import sliding_window_view

from utils import plots
from utils.widgets.explorer import Choice, Explorer, NumberTable, Slider, View, to_png

KERNELS = {
    "left edge": [[-1, 0, 1]] * 3,
    "upper edge": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "blur": [[0.11] * 3] * 3,
    "leave as it is": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "left edge, 5 x 5": [[-1, -1, 0, 1, 1]] * 5,
    "blur, 5 x 5": [[0.04] * 5] * 5,
}


class KernelExplorer(Explorer):
    """Edit a kernel, slide it over an image, shape (h, w), and follow the arithmetic of one output pixel."""

    def __init__(self, image: np.ndarray):
        self.image = np.asarray(image, dtype=float)
        self.preset = Choice("Kernel", KERNELS)
        self.table = NumberTable(value=KERNELS[self.preset.value])
        self.row = Slider("Row", 0, self.image.shape[0] - 3, value=8)
        self.column = Slider("Column", 0, self.image.shape[1] - 3, value=12)
        self.next = widgets.Button(description="Next window")
        self.preset.observe(lambda change: self.set_kernel(KERNELS[change["new"]]), "value")
        self.next.on_click(lambda _: self.step())
        super().__init__(
            self.table, self.row, self.column,
            rows=[self.preset, self.table, self.row, self.column, self.next],
        )  # fmt: skip

    def set_kernel(self, kernel: np.ndarray | list[list[float]]) -> None:
        """Write a kernel of shape (3, 3) or (5, 5) into the table."""
        kernel = np.asarray(kernel, dtype=float)
        if kernel.shape not in {(3, 3), (5, 5)}:
            raise ValueError(f"expected a kernel of shape (3, 3) or (5, 5), got {kernel.shape}")
        for slider, side in zip((self.row, self.column), self.image.shape, strict=True):
            slider.max = side - len(kernel)  # the last place where the window fits
            slider.value = min(slider.value, slider.max)
        self.table.value = kernel.tolist()

    def step(self) -> None:
        """Move the window one column on, or from the end of a row to the start of the next."""
        rows, columns = int(self.row.max) + 1, int(self.column.max) + 1
        place = (self.row.value * columns + self.column.value + 1) % (rows * columns)
        self.row.value, self.column.value = divmod(place, columns)

    def draw(self) -> View:
        """Draw the image with the window, the products in it, and the feature map with the pixel they make."""
        kernel, row, column = np.array(self.table.value), self.row.value, self.column.value
        windows = sliding_window_view(self.image, kernel.shape)
        features = (windows * kernel).sum(axis=(2, 3))
        largest = np.abs(features).max() or 1
        figure = Figure(figsize=(9, 3))
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, wspace=0.05)
        left, middle, right = figure.subplots(1, 3)
        _frame(plots.digit(left, self.image, "image, and the window"), row, column, len(kernel))
        plots.number_grid(middle, windows[row, column] * kernel, "window times kernel")
        colors = {"cmap": "PuOr_r", "vmin": -largest, "vmax": largest}
        plots.digit(right, features, "feature map, and the pixel", **colors)
        _frame(right, row, column, 1)
        alt = f"A digit with a window at row {row}, column {column}, {kernel.size} products, and the feature map."
        return View(to_png(figure), alt, _in_arithmetic(windows[row, column], kernel))


def _in_arithmetic(window: np.ndarray, kernel: np.ndarray) -> str:
    """Write out the sum of products, pixel times weight, that makes one output pixel."""
    rows = [" + ".join(f"{pixel:.2g}·{weight:.3g}" if weight >= 0 else f"{pixel:.2g}·({weight:.3g})"
                       for pixel, weight in zip(*pair, strict=True))
            for pair in zip(window, kernel, strict=True)]  # fmt: skip
    return "\n+ ".join(rows) + f"\n= {np.sum(window * kernel):.3g}"


def _frame(axes, row: int, column: int, side: int) -> None:
    """Mark a square of pixels in black on white, so that it shows on any picture."""
    for color, width in (("white", 4), ("black", 2)):
        square = Rectangle(
            (column - 0.5, row - 0.5), side, side, fill=False, edgecolor=color, linewidth=width
        )
        axes.add_patch(square)
