"""The pipeline explorer shows the steps of what is drawn, on a screen or a photo of paper, and tells what is read."""

import io

import numpy as np
import pytest
from PIL import Image

from utils import data
from utils.photos import NoDigitFound, mnist_steps, to_mnist_form
from utils.prediction import DigitReader
from utils.widgets.pipeline import PAGES, PipelineExplorer


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist("sample")


@pytest.fixture(scope="module")
def reader():
    return DigitReader("compact")


@pytest.fixture
def explorer(reader):
    return PipelineExplorer(reader)


def test_an_empty_pad_shows_why_there_is_no_digit(explorer):
    assert explorer.picture.remark.startswith("No digit: the page is blank")
    assert not explorer.picture.fault


@pytest.mark.parametrize("page", PAGES)
def test_every_step_is_shown_and_the_last_is_read(explorer, reader, mnist, page):
    explorer.pad.set_pixels(mnist.x_test[3])
    explorer.page.value = page
    ink = "light" if page == "screen" else "dark"
    for name in mnist_steps(explorer.image, ink):
        assert name in explorer.picture.alt
    answer = reader.read(explorer.image, ink)
    assert (
        f"Read from the {page}: {answer.digit}, {answer.confidence:.0%} sure"
        in explorer.picture.remark
    )


def test_the_picture_follows_the_pad_the_page_and_the_shadow(explorer, mnist):
    seen = [explorer.picture.png]
    explorer.pad.set_pixels(mnist.x_test[3])
    seen.append(explorer.picture.png)
    explorer.page.value = "plain paper"
    seen.append(explorer.picture.png)
    explorer.page.value = "ruled paper"
    seen.append(explorer.picture.png)
    explorer.shadow.value = 60
    seen.append(explorer.picture.png)
    explorer.pad.clear()
    seen.append(explorer.picture.png)
    assert len(set(seen)) == 6
    assert Image.open(io.BytesIO(seen[1])).format == "PNG"


def test_a_photo_of_ruled_paper_is_read_as_the_drawing_is(explorer, reader, mnist):
    """Nine of ten digits are read the same from paper in the shade as from the screen."""
    explorer.page.value, explorer.shadow.value = "ruled paper", 60
    chosen = slice(0, 1000, 50)
    agree = []
    for image, label in zip(mnist.x_test[chosen], mnist.y_test[chosen], strict=True):
        explorer.pad.set_pixels(image)
        agree.append(explorer.picture.remark.startswith(f"Read from the ruled paper: {label}, "))
    assert np.mean(agree) >= 0.9


def test_the_paper_has_something_for_each_step_to_do(explorer, mnist):
    explorer.pad.set_pixels(mnist.x_test[3])
    explorer.page.value, explorer.shadow.value = "ruled paper", 60
    steps = mnist_steps(explorer.image, "dark")
    assert steps["shrink"].shape < steps["to_gray"].shape
    assert np.ptp(steps["shrink"][:, 0]) > 3 * np.ptp(
        steps["flatten_illumination"][:, 0][steps["flatten_illumination"][:, 0] > 240]
    )
    assert (steps["ink_on_black"] > 0).sum() > (steps["remove_ruled_lines"] > 0).sum()


def test_the_shadow_darkens_the_photo(explorer):
    explorer.page.value, explorer.shadow.value = "plain paper", 0
    bright = explorer.image[-1, -1]
    explorer.shadow.value = 70
    assert explorer.image[-1, -1] < 0.5 * bright and explorer.image[0, 0] > 0.9 * bright


def test_two_digits_are_refused_with_the_reason(explorer):
    image = np.zeros((28, 28), "uint8")
    image[6:22, 6] = image[6:22, 20] = 255
    explorer.pad.set_pixels(image)
    with pytest.raises(NoDigitFound, match="2 digits"):
        to_mnist_form(image, "light")
    assert explorer.picture.remark.startswith("No digit: there are 2 digits")
    assert explorer.picture.alt.startswith("A page without a digit, seen on the screen, in 7 steps")
