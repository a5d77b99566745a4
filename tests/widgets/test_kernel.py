"""The kernel explorer computes what Conv2D computes, and its arithmetic adds up."""

import io

import numpy as np
import pytest
from PIL import Image

from utils.environment import quiet_tensorflow
from utils.widgets.kernel import KERNELS, KernelExplorer

with quiet_tensorflow():
    from keras import layers


@pytest.fixture
def explorer():
    return KernelExplorer(np.random.default_rng(0).random((28, 28)))


def said(explorer):
    """Return the number after the last equals sign."""
    return float(explorer.picture.remark.rpartition("= ")[2])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", KERNELS)
def test_the_pixel_is_the_one_that_conv2d_computes(explorer, name):
    explorer.preset.value = name
    kernel = np.array(explorer.table.value)
    layer = layers.Conv2D(1, len(kernel), use_bias=False)
    layer.build((None, 28, 28, 1))
    layer.set_weights([kernel[:, :, np.newaxis, np.newaxis]])
    features = np.asarray(layer(explorer.image[np.newaxis, :, :, np.newaxis]))[0, :, :, 0]
    for row, column in ((0, 0), (5, 9), (28 - len(kernel),) * 2):
        explorer.row.value, explorer.column.value = row, column
        assert said(explorer) == pytest.approx(features[row, column], rel=0.01, abs=0.006)


def test_the_arithmetic_shows_each_product_and_adds_up(explorer):
    explorer.set_kernel([[1, 2, 3], [4, 5, 6], [7, 8, -9]])
    products = explorer.picture.remark.rpartition("\n=")[0].replace("\n", " ").split(" + ")
    factors = [[float(number.strip("()")) for number in product.split("·")] for product in products]
    assert len(factors) == 9 and [weight for _, weight in factors] == [1, 2, 3, 4, 5, 6, 7, 8, -9]
    assert sum(pixel * weight for pixel, weight in factors) == pytest.approx(
        said(explorer), abs=0.3
    )


def test_a_number_typed_into_the_table_counts(explorer):
    explorer.set_kernel(np.zeros((3, 3)))
    assert said(explorer) == 0
    explorer.table.value = [[0, 0, 0], [0, 10, 0], [0, 0, 0]]
    row, column = explorer.row.value, explorer.column.value
    assert said(explorer) == pytest.approx(10 * explorer.image[row + 1, column + 1], rel=0.01)


def test_the_window_steps_through_every_place_and_begins_again():
    explorer = KernelExplorer(np.eye(5))
    explorer.row.value = explorer.column.value = 0
    visited = []
    for _ in range(9):
        visited.append((explorer.row.value, explorer.column.value))
        explorer.step()
    assert visited == [(row, column) for row in range(3) for column in range(3)]
    assert (explorer.row.value, explorer.column.value) == (0, 0)


def test_a_large_kernel_leaves_the_window_fewer_places(explorer):
    explorer.row.value = 25
    explorer.preset.value = "blur, 5 x 5"
    assert explorer.row.max == explorer.row.value == 23
    explorer.preset.value = "blur"
    assert explorer.row.max == 25


def test_the_picture_is_a_png_with_a_text(explorer):
    assert Image.open(io.BytesIO(explorer.picture.png)).format == "PNG"
    assert "window at row 8, column 12" in explorer.picture.alt


def test_a_kernel_of_another_shape_is_refused(explorer):
    with pytest.raises(
        ValueError, match=r"expected a kernel of shape \(3, 3\) or \(5, 5\), got \(2, 3\)"
    ):
        explorer.set_kernel(np.zeros((2, 3)))
