"""The augmentation explorer: set the limits of RandomAffine, and judge whether the labels still fit."""

from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils import plots, preprocessing
from utils.augmentation import RandomAffine
from utils.data import check_images
from utils.widgets.explorer import Explorer, Slider, View, to_png

MOST = 10  # digits side by side
VARIANTS = 3  # of each digit
SIDE = 28
INCHES = 0.9  # for each digit
PIXELS = {"vmin": 0, "vmax": 1, "interpolation": "nearest"}  # not blended: a third of the bytes


class AugmentationExplorer(Explorer):
    """Vary one to ten raw digits, shape (n, 28, 28), at random, as far as the sliders allow."""

    def __init__(self, images: np.ndarray | Sequence[np.ndarray]):
        images = np.asarray(images)
        check_images(images)
        if len(images) > MOST:
            raise ValueError(
                f"expected 1 to {MOST} images, got {len(images):,}: choose some, such as images[:{MOST}]"
            )
        self.originals = preprocessing.scale(images)
        self.rotation = Slider("Rotation (°)", 0, 180, value=10, step=5)
        self.scale = Slider("Scale (%)", 0, 90, value=10, step=5)
        self.shear = Slider("Shear (°)", 0, 60, value=5, step=5)
        self.shift = Slider("Shift (px)", 0, 14, value=2)
        self.seed = 0
        self.new_draw = widgets.Button(description="New draw")
        self.new_draw.on_click(lambda _: self.reseed())
        sliders = [self.rotation, self.scale, self.shear, self.shift]
        super().__init__(*sliders, rows=[*sliders, self.new_draw])

    def reseed(self) -> None:
        """Draw new random numbers; otherwise they stay, so that moving a slider shows only its own effect."""
        self.seed += 1
        self.redraw()

    def variants(self) -> np.ndarray:
        """Return what RandomAffine makes of the digits, shape (3, n, 28, 28), floats from 0 to 1."""
        rotation, scale = self.rotation.value, self.scale.value / 100
        layer = RandomAffine(rotation, scale, self.shear.value, self.shift.value, self.seed)
        batch = np.tile(self.originals, (VARIANTS, 1, 1, 1))
        return np.reshape(layer(batch, training=True), (VARIANTS, -1, SIDE, SIDE))

    def draw(self) -> View:
        """Draw the original digits in one row, and their variants in the rows below."""
        rows = np.concatenate([self.originals[np.newaxis, ..., 0], self.variants()])
        columns = len(self.originals)
        figure = Figure(figsize=(INCHES * (columns + 1), INCHES * len(rows)))
        figure.subplots_adjust(left=0.98 / (columns + 1), right=0.995, bottom=0.01, top=0.99)
        axes = plots.digit(figure.subplots(), np.block([list(row) for row in rows]), **PIXELS)
        axes.set_yticks([0.5 * SIDE, 2.5 * SIDE], ["originals", "variants"])
        _draw_edges(axes, len(rows), columns)
        amounts = self._amounts_in_words()
        alt = f"Originals in a row: {columns}. Below each {VARIANTS} random variants: {amounts}."
        return View(to_png(figure), alt, f"Draw {self.seed + 1}. Each variant: {amounts}.")

    def _amounts_in_words(self) -> str:
        """Return a sentence on how far a variant may be from its original."""
        amounts = []
        if self.rotation.value:
            amounts.append(f"turned by up to {self.rotation.value}° either way")
        if self.scale.value:
            smallest, largest = 1 - self.scale.value / 100, 1 + self.scale.value / 100
            amounts.append(f"{smallest:.2f} to {largest:.2f} times as large")
        if self.shear.value:
            amounts.append(f"slanted by up to {self.shear.value}° either way")
        if self.shift.value:
            amounts.append(f"shifted across and down by up to {self.shift.value} of {SIDE} pixels")
        return ", ".join(amounts) or "the same as its original"


def _draw_edges(axes: Axes, rows: int, columns: int) -> None:
    """Draw the edges of the images, so that you can see a shift; a heavy line separates the originals."""
    right, bottom = columns * SIDE - 0.5, rows * SIDE - 0.5
    thin = {"colors": "gray", "linewidth": 0.8}
    axes.vlines(np.arange(1, columns) * SIDE - 0.5, -0.5, bottom, **thin)
    axes.hlines(np.arange(2, rows) * SIDE - 0.5, -0.5, right, **thin)
    axes.axhline(SIDE - 0.5, color="black", linewidth=3)
