"""Draw the course's figures: each function takes axes, draws on them and returns them."""

import base64
import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

INK = "gray_r"  # digits as dark ink on white paper
TABLE = {"cbar": False, "square": True}  # a heatmap that is read as a table
COLORS = sns.color_palette("colorblind")
sns.set_palette(COLORS)


def show(figure: Figure, alt: str) -> None:
    """Display a figure, sharp on any screen, with alt text for readers who can't see it, and close it."""
    display_png(to_png(figure, sharpness=2), alt, sharpness=2)


def display_png(png: bytes, alt: str, sharpness: int = 1) -> None:
    """Display the bytes of a PNG file, with `alt` as the text for readers who can't see it."""
    width, height = (side // sharpness for side in Image.open(io.BytesIO(png)).size)
    bundle = {"image/png": to_base64(png), "text/plain": alt}
    metadata = {"image/png": {"alt": alt, "width": width, "height": height}}
    display(bundle, metadata=metadata, raw=True)


def to_png(figure: Figure, sharpness: int = 1) -> bytes:
    """Render a figure as the bytes of a PNG file, with so many pixels for each on the page, and close it."""
    buffer, small = io.BytesIO(), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80 * sharpness, bbox_inches="tight")
    plt.close(figure)
    image = Image.open(buffer).convert("RGB").quantize(256)  # a third of the bytes
    image.save(small, "PNG", optimize=True)
    return small.getvalue()


def to_base64(png: bytes) -> str:
    """Encode the bytes of a PNG file for an HTML page."""
    return base64.b64encode(png).decode("ascii")


def digit(axes: Axes, image: np.ndarray, title: object = "", **options) -> Axes:
    """Draw one image, shape (28, 28) or (28, 28, 1), as ink on paper, without ticks."""
    axes.imshow(np.squeeze(image), **({"cmap": INK} | options))
    axes.set_title(str(title), fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def digit_grid(
    images: Sequence[np.ndarray], titles: Sequence[object] = (), columns=10, size=1.0, **options
) -> Figure:
    """Draw images in rows of `columns`, each `size` inches wide, and return the figure."""
    rows = -(-len(images) // columns)
    lines = max((str(title).count("\n") + 1 for title in titles), default=0)
    inches = columns * size, rows * (size + 0.22 * lines)
    figure, grid = plt.subplots(rows, columns, figsize=inches, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for index, image in enumerate(images):
        axes = digit(grid.flat[index], image, titles[index] if len(titles) else "", **options)
        axes.axis("on")
    figure.tight_layout(pad=0.3, h_pad=0.7)  # some air between a row and the titles of the next
    return figure


def pixel_values(axes: Axes, image: np.ndarray) -> Axes:
    """Draw one image, shape (28, 28), with the number of each pixel written on it."""
    small = {"annot_kws": {"size": 6}, "xticklabels": False, "yticklabels": False}
    return sns.heatmap(image, annot=True, fmt="d", cmap=INK, ax=axes, **small, **TABLE)


def number_grid(
    axes: Axes, numbers: np.ndarray, title: str = "", largest: float | None = None
) -> Axes:
    """Draw a small table of numbers, such as a kernel, orange where positive and purple where negative.

    Give tables that are compared the same `largest` number, which gets the strongest color.
    """
    largest = largest or np.abs(numbers).max() or 1
    colors = {"cmap": "PuOr_r", "vmin": -1.5 * largest, "vmax": 1.5 * largest}
    lines = {"linewidths": 1, "linecolor": "gray"}
    rounded = np.round(numbers, 2) + 0.0  # not -0
    sns.heatmap(rounded, annot=True, fmt=".3g", ax=axes, **colors, **lines, **TABLE)
    axes.set(xticks=[], yticks=[], title=title)
    return axes


def probability_bars(axes: Axes, probabilities: np.ndarray) -> Axes:
    """Draw ten probabilities as horizontal bars, the digit 0 on top, the likeliest one darker and labeled."""
    best = int(np.argmax(probabilities))
    colors = [COLORS[0] if digit == best else "lightgray" for digit in range(10)]
    axes.barh(range(10), probabilities, color=colors)
    axes.text(probabilities[best] + 0.02, best, f"{probabilities[best]:.1%}", va="center")
    axes.set(xlim=(0, 1.2), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=range(10))
    axes.set(xlabel="probability", ylabel="digit")
    axes.invert_yaxis()
    sns.despine(ax=axes)
    return axes


def learning_curves(
    axes: Axes, histories: dict[str, dict[str, list[float]]], metric: str = "accuracy"
) -> Axes:
    """Draw a metric by epoch for each named Keras history: solid on training data, dashed on validation data."""
    for (name, history), color in zip(histories.items(), COLORS, strict=False):
        epochs = range(1, len(history[metric]) + 1)
        axes.plot(epochs, history[metric], color=color, label=f"{name}, training")
        if f"val_{metric}" in history:
            style = {"color": color, "markersize": 4, "label": f"{name}, validation"}
            axes.plot(epochs, history[f"val_{metric}"], "--o", **style)
    axes.set(xlabel="epoch", ylabel=metric)
    axes.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 2.5
    axes.legend()
    sns.despine(ax=axes)
    return axes


def confusion(axes: Axes, matrix: np.ndarray) -> Axes:
    """Draw a confusion matrix, shape (10, 10), with counts; errors are colored, the diagonal stays plain."""
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    options = {"annot": matrix, "fmt": "d", "cmap": "Blues", "linewidths": 0.5}
    sns.heatmap(errors, ax=axes, **options, **TABLE)
    axes.set(xlabel="predicted digit", ylabel="true digit")
    return axes


def reliability(axes: Axes, table, label: str = "") -> Axes:
    """Draw accuracy against confidence from a calibration table, with the line of perfect calibration."""
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="perfectly calibrated")
    axes.plot(table["confidence"], table["accuracy"], "o-", label=label or "model")
    axes.set(xlim=(0, 1.02), xlabel="mean confidence in the bin")
    axes.set(ylim=(0, 1.02), ylabel="accuracy in the bin")
    axes.legend(loc="upper left")
    sns.despine(ax=axes)
    return axes
