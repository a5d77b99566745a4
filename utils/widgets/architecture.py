"""The architecture explorer: put a CNN together, and see what each choice costs and how far it sees."""

import math
from typing import NamedTuple

import ipywidgets as widgets
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import models, plots
from utils.environment import quiet_tensorflow
from utils.widgets.explorer import Choice, Explorer, Refused, Slider, View, to_png

with quiet_tensorflow():
    import keras
    from keras import layers

KERNELS = {"1 x 1": 1, "3 x 3": 3, "5 x 5": 5, "7 x 7": 7}
MOST_FILTERS = 64
Layer = tuple[type[keras.Layer], dict]  # its kind, and the options it will be made with
WIDTH, HEIGHT = 768, 400  # of the picture


class _Stage(NamedTuple):
    """Describe what a layer outputs, and what it costs."""

    name: str
    shape: tuple[int, ...]
    parameters: int = 0
    multiply_adds: int = 0
    field: int = 1


class ArchitectureExplorer(Explorer):
    """Choose the layers of a CNN, and see its shapes, parameters, multiply-adds, and receptive field at once."""

    def __init__(self):
        self.convolutions = Slider("Convolutions", 1, 5, value=3)
        self.filters = Slider("First filters", 4, MOST_FILTERS, value=32, step=4)
        self.kernel = Choice("Kernel", KERNELS, value="3 x 3")
        self.padding = Choice("Padding", ["valid", "same"])
        self.halvings = Slider("Halvings", 0, 3, value=2)
        self.halve_by = Choice("Halve by", ["max pooling", "stride 2"])
        self.units = Slider("Dense units", 0, 128, value=64, step=16)
        self.convolutions.observe(self._limit_halvings, "value")
        sliders = [self.convolutions, self.filters, self.halvings, self.units]
        choices = [self.kernel, self.padding, self.halve_by]
        columns = widgets.HBox([widgets.VBox(sliders), widgets.VBox(choices)])
        super().__init__(*sliders, *choices, rows=[columns])

    def build(self) -> keras.Model:
        """Build the chosen network as a functional Keras model with new weights; raise Refused if it doesn't fit."""
        plan = self._plan()
        _measure(plan)  # its message is plainer than Keras's
        x = inputs = keras.Input((28, 28, 1))
        for kind, options in plan:
            x = kind(**options)(x)
        return keras.Model(inputs, x, name="explored_cnn")

    def draw(self) -> View:
        """Draw each layer's maps to scale, its receptive field, its parameters, and its multiply-adds."""
        stages = [stage for stage in _measure(self._plan()) if stage.name != "dropout"]
        parameters = [stage.parameters for stage in stages]
        work = [stage.multiply_adds for stage in stages]
        figure = Figure(figsize=(WIDTH / 80, HEIGHT / 80))
        # Coordinates are pixels, counted from the top left.
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        axes.axis("off")
        _draw_stages(axes, stages)
        _draw_bars(axes, 320, f"parameters: {sum(parameters):,}", parameters, plots.COLORS[0])
        _draw_bars(axes, 392, f"multiply-adds: {sum(work):,}", work, plots.COLORS[1])
        field = stages[-1].field
        return View(
            to_png(figure),
            f"A network, layer by layer. {'; '.join(_in_words(stage) for stage in stages)}.",
            f"{sum(parameters):,} parameters, {sum(work):,} multiply-adds for one image.\nAn answer's receptive field "
            f"spans {f'{field} x {field}' if field < 28 else 'all'} of the image's 28 x 28 pixels.",
        )

    def _limit_halvings(self, _) -> None:
        self.halvings.max = self.convolutions.value  # each convolution can halve once
        self.halvings.value = min(self.halvings.value, self.halvings.max)

    def _plan(self) -> list[Layer]:
        """List the layers without building them: that would take time, and change the random numbers that follow."""
        pooling = self.halve_by.value == "max pooling"
        kernel, padding = KERNELS[self.kernel.value], self.padding.value
        filters, plan = self.filters.value, []
        for number in range(1, self.convolutions.value + 1):
            halves = number <= self.halvings.value
            window = dict(kernel_size=kernel, strides=2 if halves and not pooling else 1)
            conv = dict(filters=filters, activation="relu", name=f"conv_{number}", **window)
            plan.append((layers.Conv2D, conv))
            if halves and pooling:
                pool = dict(pool_size=2, strides=2, name=f"pool_{number}")
                plan.append((layers.MaxPooling2D, pool))
            filters = min(2 * filters, MOST_FILTERS)
        plan = [(kind, options | {"padding": padding}) for kind, options in plan]
        plan.append((layers.Flatten, dict(name="flatten")))
        if self.units.value:
            dense = dict(units=self.units.value, activation="relu", name="dense_1")
            plan += [(layers.Dense, dense), (layers.Dropout, dict(rate=0.5, name="dropout"))]
        return [*plan, (layers.Dense, dict(units=10, activation="softmax", name="output"))]


def _measure(plan: list[Layer]) -> list[_Stage]:
    """Follow the image through the layers with the lessons' formulas: `models.layer_table` without a model."""
    shape, side, channels, field, jump = (28, 28, 1), 28, 1, 1, 1
    stages = [_Stage("image", shape)]
    for kind, options in plan:
        name = options["name"].replace("_", " ")
        units, stride = options.get("filters", options.get("units", 0)), options.get("strides", 1)
        kernel = options.get("kernel_size", options.get("pool_size", 1))
        if kind is layers.Dense:
            kernel = side  # a convolution whose kernel is as large as the map
        try:
            side = models.output_size(side, kernel, options.get("padding", "valid"), stride)
        except ValueError as reason:
            raise Refused(f"{name}: {reason}, or fewer convolutions or halvings") from reason
        weights = kernel * kernel * channels * units
        channels = units or channels
        field, jump = field + (kernel - 1) * jump, jump * stride
        shape = (side, side, channels) if "padding" in options else (side * side * channels,)
        stages.append(_Stage(name, shape, weights + units, weights * side * side, field))
    return stages


def _in_words(stage: _Stage) -> str:
    """Return a stage as a line of a table, for readers who can't see the picture."""
    shape = " x ".join(f"{size:,}" for size in stage.shape)
    costs = f", {stage.parameters:,} parameters, {stage.multiply_adds:,} multiply-adds"
    sees = f", sees {stage.field} x {stage.field}"
    return f"{stage.name}: {shape}{costs * bool(stage.parameters)}{sees}"


def _columns(count: int) -> tuple[list[float], float]:
    """Return the middle of each layer's column, and the scale: a column is 40 pixels of the image wide."""
    width = WIDTH / max(count, 9)
    return [width * (index + 0.5) for index in range(count)], width / 40


def _draw_stages(axes: Axes, stages: list[_Stage]) -> None:
    """Draw each layer's output, and below it a frame for the image with the receptive field in it."""
    axes.text(4, 15, "what each layer leaves, to scale")
    axes.text(4, 163, "what one number there sees of the image")
    centers, scale = _columns(len(stages))
    boxes = []
    for x, stage in zip(centers, stages, strict=True):
        field = min(28, stage.field)
        boxes += _sheets(x, stage.shape, scale)
        boxes.append(_box(x, 201, 28, 28, scale, facecolor="white", edgecolor="gray"))
        boxes.append(_box(x, 201, field, field, scale, facecolor=plots.COLORS[2]))
        size = " x ".join(f"{number:,}" for number in stage.shape[:2])
        depth = f"\nx {stage.shape[2]}" if len(stage.shape) == 3 else ""
        axes.text(x, 101, f"{stage.name}\n{size}{depth}", ha="center", va="top", fontsize=8)
        axes.text(x, 234, f"{stage.field} x {stage.field}", ha="center", va="top", fontsize=8)
    axes.add_collection(PatchCollection(boxes, match_original=True))  # all at once, which is faster


def _sheets(x: float, shape: tuple[int, ...], scale: float) -> list[Rectangle]:
    """Return a sheet for every eight maps, or for a row of numbers a bar, one pixel high for every 32."""
    colors = dict(facecolor="aliceblue", edgecolor=plots.COLORS[0])
    if len(shape) == 1:
        return [_box(x, 59, 3, min(28, max(1, shape[0] / 32)), scale, **colors)]
    last = math.ceil(shape[2] / 8) - 1
    # The last one comes first, because the others cover it.
    shifts = [(sheet - last / 2) * scale for sheet in range(last, -1, -1)]
    return [_box(x + shift, 59 - shift, shape[1], shape[0], scale, **colors) for shift in shifts]


def _box(x: float, y: float, width: float, height: float, scale: float, **colors) -> Rectangle:
    """Return a rectangle around its center, with its size in pixels of the image."""
    width, height = width * scale, height * scale
    return Rectangle((x - width / 2, y - height / 2), width, height, **colors)


def _draw_bars(axes: Axes, base: int, title: str, numbers: list[int], color: tuple) -> None:
    """Draw a bar for each number above zero, standing on `base`, with the number on it."""
    axes.text(4, base - 55, title)
    for x, number in zip(_columns(len(numbers))[0], numbers, strict=True):
        if number:
            height = 38 * number / max(numbers)
            axes.add_patch(Rectangle((x - 14, base - height), 28, height, facecolor=color))
            axes.text(x, base - height - 3, f"{number:,}", ha="center", fontsize=8)
