"""The feature-map browser: page through a network's layers, and see what each of their maps finds in a digit."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import interpretation, plots
from utils.preprocessing import scale
from utils.widgets.explorer import Choice, Explorer, Slider, View, to_png


class FeatureMapBrowser(Explorer):
    """Browse the feature maps of a network's layers for raw digits, uint8 (n, 28, 28)."""

    def __init__(self, model, images: np.ndarray):
        self.model, self.images = model, images
        names = interpretation.feature_maps(model, scale(images[:1]))
        self.layer = Choice("Layer", names)
        self.digit = Slider("Digit", 0, len(images) - 1, value=0)
        super().__init__(self.layer, self.digit)

    @property
    def maps(self) -> np.ndarray:
        """Return the maps on show, shape (rows, columns, maps)."""
        chosen = scale(self.images[self.digit.value : self.digit.value + 1])
        return interpretation.feature_maps(self.model, chosen)[self.layer.value][0]

    def draw(self) -> View:
        """Draw the digit, and beside it all maps of the layer on one scale, with the strongest framed."""
        maps = self.maps
        side, count = maps.shape[0], maps.shape[-1]
        strongest = int(maps.max(axis=(0, 1)).argmax())
        silent = int((maps.max(axis=(0, 1)) <= 0).sum())
        figure = Figure(figsize=(9, 3.6))
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.92, wspace=0.03)
        left, right = figure.subplots(1, 2, width_ratios=(2, 5))
        plots.digit(left, self.images[self.digit.value], f"digit {self.digit.value}")
        row, column = _draw_sheet(right, maps, strongest)
        right.set_title(f"layer {self.layer.value}: {count} maps of {side} x {side}", fontsize=10)
        alt = f"Digit {self.digit.value}, and the {count} maps that layer {self.layer.value} makes of it, in a table."
        remark = (
            f"{count} maps of {side} x {side}, of which {silent} are nowhere above 0 on this digit.\n"
            f"The strongest answer, {maps.max():.2f}: map {strongest}, framed: row {row + 1}, column {column + 1}."
        )
        return View(to_png(figure), alt, remark)


def _draw_sheet(axes, maps: np.ndarray, framed: int) -> tuple[int, int]:
    """Lay maps out in rows as one picture, which is fast, and return the row and column of the framed one."""
    side, _, count = maps.shape
    rows = max(1, round((count / 2) ** 0.5))
    columns, tile = -(-count // rows), side + 1  # a map, and a pixel of space
    sheet = np.full((rows * columns, tile, tile), np.nan)
    sheet[:count, :side, :side] = np.moveaxis(maps, -1, 0)
    sheet = sheet.reshape(rows, columns, tile, tile).swapaxes(1, 2)
    sheet = sheet.reshape(rows * tile, columns * tile)
    largest = np.abs(maps).max() or 1
    cmap, smallest = ("viridis", 0) if maps.min() >= 0 else ("PuOr_r", -largest)
    plots.digit(axes, sheet, cmap=cmap, vmin=smallest, vmax=largest)
    row, column = divmod(framed, columns)
    corner = column * tile - 1, row * tile - 1
    frame = {"fill": False, "edgecolor": "black", "linewidth": 2, "clip_on": False}
    axes.add_patch(Rectangle(corner, tile, tile, **frame))
    axes.axis("off")
    return row, column
