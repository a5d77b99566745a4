"""The pad hands what is drawn to its reader, and says what that sees, or what went wrong."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from utils import data
from utils.prediction import DigitReader, Prediction
from utils.widgets.pad import EMPTY, DrawPad


@pytest.fixture(scope="module")
def sample():
    return data.load_mnist("sample")


@pytest.fixture(scope="module")
def reader():
    return DigitReader()


def test_it_says_what_the_reader_says(sample, reader):
    pad = DrawPad(reader)
    for image in sample.x_test[:20]:
        pad.set_pixels(image)
        wanted = reader.read(image, ink="light")
        assert pad.prediction == f"{wanted.digit}, {wanted.confidence:.0%} sure"
        np.testing.assert_allclose(pad.probabilities, wanted.probabilities, atol=1e-7)


def test_what_is_drawn_comes_back_as_a_copy(sample):
    pad = DrawPad()
    pad.set_pixels(sample.x_test[0])
    pad.image[:] = 0
    np.testing.assert_array_equal(pad.image, sample.x_test[0])
    pad.clear()
    assert pad.pixels == EMPTY and not pad.image.any()


def test_an_empty_pad_has_no_prediction(sample, reader):
    pad = DrawPad(reader)
    assert (pad.prediction, pad.probabilities) == ("nothing yet", [])
    pad.set_pixels(sample.x_test[0])
    pad.clear()
    assert (pad.prediction, pad.probabilities) == ("nothing yet", [])


def test_the_browser_sends_a_view_of_its_message(sample, reader):
    pad = DrawPad(reader)
    pad.set_state({"pixels": memoryview(sample.x_test[3].tobytes())})
    np.testing.assert_array_equal(pad.image, sample.x_test[3])


def test_without_a_reader_it_only_draws(sample):
    pad = DrawPad()
    pad.set_pixels(sample.x_test[0])
    assert (pad.prediction, pad.probabilities, pad.fault) == ("", [], "")


@pytest.mark.parametrize(
    "image", [np.zeros((28, 28)), np.zeros((28, 29), "uint8"), [[0]], "a digit", None]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(28, 28\), got "):
        DrawPad().set_pixels(image)


class Tired:
    """Read blank pages only."""

    def read(self, image, ink):
        if image.any():
            raise RuntimeError("too tired")
        return Prediction(None, 0.0, np.full(10, 0.1), "blank")


def test_a_fault_is_shown_and_goes_away_with_its_cause(sample, monkeypatch):
    monkeypatch.delenv("DIGITS_STRICT", raising=False)
    pad = DrawPad(Tired())
    pad.set_pixels(sample.x_test[0])
    assert pad.fault.startswith("RuntimeError: too tired")
    pad.clear()
    assert pad.fault == ""
    monkeypatch.setenv("DIGITS_STRICT", "1")
    with pytest.raises(RuntimeError):
        pad.set_pixels(sample.x_test[0])


def test_without_a_kernel_a_text_stands_in_its_place():
    assert repr(DrawPad()) == "Draw pad: run this cell to use it."


def test_a_reader_without_a_kernel_sees_a_pad_in_use():
    bundle, metadata = DrawPad()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "run this cell" in bundle["text/plain"]
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    told = metadata["image/png"]
    assert picture.size == (2 * told["width"], 2 * told["height"]) and len(told["alt"]) > 20
