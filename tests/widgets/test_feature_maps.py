"""The feature-map browser shows the maps of the layer and digit that are chosen, and tells which answers most."""

import io

import numpy as np
import pytest
from PIL import Image

from utils import data, interpretation
from utils.prediction import DigitReader
from utils.preprocessing import scale
from utils.widgets.feature_maps import FeatureMapBrowser


@pytest.fixture(scope="module")
def images():
    return data.load_mnist("sample").x_test[:20]


@pytest.fixture(scope="module", params=["reference", "compact"])
def model(request):
    return DigitReader(request.param).model


@pytest.fixture
def browser(model, images):
    return FeatureMapBrowser(model, images)


def test_every_layer_and_digit_can_be_chosen(browser, model, images):
    expected = interpretation.feature_maps(model, scale(images))
    assert browser.layer.options == list(expected)
    assert (browser.digit.min, browser.digit.max) == (0, 19)
    for name in (browser.layer.options[0], browser.layer.options[-1]):
        for digit in (0, 7):
            browser.layer.value, browser.digit.value = name, digit
            np.testing.assert_allclose(browser.maps, expected[name][digit], atol=1e-4)
            side, _, count = browser.maps.shape
            assert browser.picture.remark.startswith(f"{count} maps of {side} x {side}, of which ")
            assert (
                f"Digit {digit}, and the {count} maps that layer {name} makes"
                in browser.picture.alt
            )


def test_remark_counts_silent_maps_and_names_the_strongest(browser):
    for digit in range(5):
        browser.digit.value = digit
        peaks = browser.maps.max(axis=(0, 1))
        assert f"of which {np.sum(peaks <= 0)} are nowhere above 0" in browser.picture.remark
        assert f"{peaks.max():.2f}: map {peaks.argmax()}, framed" in browser.picture.remark


def test_the_frame_is_drawn_where_the_remark_says():
    """Of maps with a single bright one, the picture's bright spot lies in the row and column that are told."""

    class Fixed(FeatureMapBrowser):
        maps = np.zeros((5, 5, 32))  # 4 rows of 8

    Fixed.maps[..., 13] = 1
    browser = Fixed(DigitReader("tiny").model, np.zeros((1, 28, 28), np.uint8))
    assert "map 13, framed: row 2, column 6" in browser.picture.remark
    pixels = np.asarray(Image.open(io.BytesIO(browser.picture.png)).convert("RGB")).astype(int)
    yellow = (
        (pixels[..., 0] > 220) & (pixels[..., 1] > 200) & (pixels[..., 2] < 80)
    )  # the upper end of viridis
    rows, columns = np.nonzero(yellow)
    purple = (pixels[..., 0] < 80) & (pixels[..., 2] > 70) & (pixels[..., 1] < 20)
    every_row, every_column = np.nonzero(purple | yellow)
    down = (rows.mean() - every_row.min()) / np.ptp(every_row)
    along = (columns.mean() - every_column.min()) / np.ptp(every_column)
    assert (int(down * 4), int(along * 8)) == (1, 5)


def test_the_picture_is_a_png(browser):
    assert Image.open(io.BytesIO(browser.picture.png)).format == "PNG"


def test_a_network_without_maps_and_scaled_digits_are_refused(model, images):
    with pytest.raises(ValueError, match="expected convolutions"):
        FeatureMapBrowser(DigitReader("dense").model, images)
    with pytest.raises(ValueError, match="expected raw uint8 pixels"):
        FeatureMapBrowser(model, images / 255)
