"""The plotting functions draw what they promise, on the axes they are given."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from utils import plots

PNG_MARK = b"\x89PNG\r\n\x1a\n"
IMAGE = np.arange(784, dtype=np.uint8).reshape(28, 28)
DRAWINGS = {
    "digit": lambda axes: plots.digit(axes, IMAGE, 7),
    "pixel_values": lambda axes: plots.pixel_values(axes, IMAGE),
    "number_grid": lambda axes: plots.number_grid(axes, np.eye(3), "a kernel"),
    "probability_bars": lambda axes: plots.probability_bars(axes, np.full(10, 0.1)),
    "learning_curves": lambda axes: plots.learning_curves(axes, {"a": {"accuracy": [0.1, 0.9]}}),
    "confusion": lambda axes: plots.confusion(axes, np.eye(10, dtype=int)),
    "reliability": lambda axes: plots.reliability(
        axes, pd.DataFrame({"confidence": [0.5], "accuracy": [0.4]})
    ),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def axes():
    return plt.subplots()[1]


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_drawing_takes_axes_and_returns_them(axes, draw):
    other = axes.figure.add_axes((0, 0, 0.1, 0.1))  # the current axes, on which pyplot would draw
    assert draw(axes) is axes
    assert axes.has_data() and not other.has_data()


def test_show_displays_a_png_with_its_alt_text(monkeypatch):
    shown = []
    monkeypatch.setattr(
        plots, "display", lambda bundle, metadata, raw: shown.append((bundle, metadata))
    )
    figure, _ = plt.subplots()
    plots.show(figure, alt="An empty figure")
    bundle, metadata = shown[0]
    image, on_page = (
        Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))),
        metadata["image/png"],
    )
    assert (
        image.format == "PNG"
        and image.mode == "P"
        and image.convert("RGB").getpixel((0, 0)) == (255,) * 3
    )
    assert bundle["text/plain"] == on_page["alt"] == "An empty figure"
    assert (on_page["width"], on_page["height"]) == (image.width // 2, image.height // 2)


def test_to_png_closes_the_figure():
    figure = plt.figure()
    png = plots.to_png(figure)
    assert png.startswith(PNG_MARK)
    assert not plt.fignum_exists(figure.number)
    assert base64.b64decode(plots.to_base64(png)) == png


def test_a_digit_is_ink_on_paper_unless_told_otherwise(axes):
    plots.digit(axes, IMAGE[..., np.newaxis], 7)
    assert axes.images[0].get_array().shape == (28, 28)
    assert axes.images[0].cmap.name == plots.INK
    assert axes.get_title() == "7"
    plots.digit(axes, IMAGE, cmap="viridis")
    assert axes.images[1].cmap.name == "viridis"


@pytest.mark.parametrize(
    "count, columns, cells", [(1, 10, 10), (13, 10, 20), (10, 10, 10), (5, 2, 6)]
)
def test_a_grid_holds_every_digit_and_leaves_the_rest_blank(count, columns, cells):
    figure = plots.digit_grid([IMAGE] * count, titles=range(count), columns=columns)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == cells
    assert [len(axes.images) for axes in figure.axes] == [1] * count + [0] * (cells - count)
    assert [axes.axison for axes in figure.axes] == [True] * count + [False] * (cells - count)
    assert [axes.get_title() for axes in figure.axes[:count]] == [str(i) for i in range(count)]


def test_pixel_values_writes_each_number(axes):
    plots.pixel_values(axes, IMAGE)
    assert [int(text.get_text()) for text in axes.texts] == IMAGE.ravel().tolist()


def test_number_grid_shows_zero_without_a_sign(axes):
    plots.number_grid(axes, np.array([[-0.001, 0.0], [-1.234, 2.0]]))
    assert [text.get_text() for text in axes.texts] == ["0", "0", "-1.23", "2"]


def test_number_grid_centers_its_colors_on_zero(axes):
    plots.number_grid(axes, np.array([[-1.0, 9.0]]))
    low, high = axes.collections[0].get_clim()
    assert low == -high < 0


def test_probability_bars_label_the_likeliest_digit_alone(axes):
    probabilities = np.full(10, 0.02)
    probabilities[3] = 0.82
    plots.probability_bars(axes, probabilities)
    assert [text.get_text() for text in axes.texts] == ["82.0%"]
    assert axes.texts[0].get_position()[1] == 3
    assert axes.yaxis_inverted()


def test_learning_curves_can_be_told_apart_without_color(axes):
    plots.learning_curves(axes, {"a": {"accuracy": [0.5, 0.9], "val_accuracy": [0.4, 0.8]}})
    training, validation = axes.lines
    assert training.get_linestyle() != validation.get_linestyle()
    assert list(training.get_xdata()) == [1, 2]
    assert list(validation.get_ydata()) == [0.4, 0.8]


def test_confusion_writes_all_counts_and_colors_only_the_errors(axes):
    matrix = np.full((10, 10), 2) + 98 * np.eye(10, dtype=int)
    plots.confusion(axes, matrix)
    assert [int(text.get_text()) for text in axes.texts] == matrix.ravel().tolist()
    colored = np.asarray(axes.collections[0].get_array()).reshape(10, 10)
    assert np.all(np.diag(colored) == 0) and colored.sum() == 180
