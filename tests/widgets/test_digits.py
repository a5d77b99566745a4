"""The digit browser shows the right images, in the right order, where it says they are."""

import io

import numpy as np
import pytest
import traitlets
from PIL import Image

from utils import data
from utils.widgets.digits import COLUMNS, LINE, MARGIN, ORDERS, PAGE, TILE, ZOOM, DigitBrowser


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist("sample")


@pytest.fixture
def browser(mnist):
    return DigitBrowser(mnist.x_train, mnist.y_train)


def picture(browser):
    """Return the picture as a gray image."""
    image = Image.open(io.BytesIO(browser.picture.png))
    assert image.format == "PNG"
    return np.asarray(image.convert("L"))


def image_at(browser, place):
    """Cut a digit out of the picture, and return it in MNIST form."""
    row, column = divmod(place, COLUMNS)
    pixels = picture(browser)[::ZOOM, ::ZOOM]
    return 255 - pixels[row * TILE + LINE :, column * TILE + MARGIN :][:28, :28]


def distance_to_mean(mnist, position):
    same = mnist.x_train[mnist.y_train == mnist.y_train[position]]
    return np.linalg.norm(mnist.x_train[position] - same.mean(axis=0))


def ink(mnist, position):
    return mnist.x_train[position].mean()


MEASURES = {
    "most typical first": (distance_to_mean, 1),
    "least typical first": (distance_to_mean, -1),
    "least ink first": (ink, 1),
    "most ink first": (ink, -1),
}


def test_it_opens_on_the_first_images_as_stored(browser):
    assert browser.shown.tolist() == list(range(PAGE))
    assert browser.picture.remark == "4,000 images of all digits, as stored: page 1 of 100."
    assert list(browser.order.options) == ["as stored", *MEASURES]


@pytest.mark.parametrize("digit", ["all", *map(str, range(10))])
def test_every_image_of_a_digit_has_its_place(mnist, browser, digit):
    browser.digit.value = digit
    positions = []
    for page in range(1, browser.page.max + 1):
        browser.page.value = page
        positions += browser.shown.tolist()
    wanted = np.arange(4000) if digit == "all" else np.flatnonzero(mnist.y_train == int(digit))
    assert positions == wanted.tolist()


@pytest.mark.parametrize("digit", ["all", "0", "7"])
@pytest.mark.parametrize("order", MEASURES)
def test_an_order_sorts_by_what_it_says(mnist, browser, digit, order):
    browser.digit.value, browser.order.value = digit, order
    measure, sign = MEASURES[order]
    measured = [sign * measure(mnist, position) for position in browser.positions]
    assert np.all(np.diff(measured) >= -1e-9)
    whole = len(mnist.y_train) if digit == "all" else np.sum(mnist.y_train == int(digit))
    assert len(set(browser.positions)) == len(browser.positions) == whole


def test_the_picture_shows_the_images_that_it_names(mnist, browser):
    browser.digit.value, browser.order.value, browser.page.value = "5", "most ink first", 3
    for place, position in enumerate(browser.shown):
        np.testing.assert_allclose(image_at(browser, place), mnist.x_train[position], atol=1)


def test_a_line_above_each_image_tells_its_position(mnist):
    def lines(labels):
        return picture(DigitBrowser(mnist.x_train[:2], labels))[: ZOOM * LINE]

    lines_of_threes = lines([3, 3])
    left, right = (
        lines_of_threes[:, : ZOOM * TILE],
        lines_of_threes[:, ZOOM * TILE : 2 * ZOOM * TILE],
    )
    assert left.min() < 100 and right.min() < 100 and np.any(left != right)
    assert np.all(lines_of_threes[:, 2 * ZOOM * TILE :] == 255)
    assert np.any(lines_of_threes != lines([8, 8]))


def test_text_and_remark_say_what_is_shown(mnist, browser):
    browser.digit.value, browser.order.value, browser.page.value = "9", "least typical first", 2
    first, last = browser.shown[[0, -1]]
    assert browser.picture.alt == (
        f"Handwritten digits, least typical first: 40 images, from 9 at position {first} to 9 at position {last}."
    )
    assert browser.picture.remark == "400 images of the 9, least typical first: page 2 of 10."


@pytest.mark.parametrize("page", [1, 7])
def test_another_digit_or_order_begins_at_its_first_page(browser, page):
    browser.page.value = page
    browser.digit.value = "2"
    assert (browser.page.value, browser.page.max) == (1, 10)
    assert "images of the 2, as stored: page 1 of 10" in browser.picture.remark
    browser.page.value = page
    browser.order.value = "least ink first"
    assert "least ink first: page 1 of 10" in browser.picture.remark
    browser.digit.value = "all"
    assert "page 1 of 100" in browser.picture.remark


def test_a_new_choice_draws_once(browser, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        browser, "draw", lambda: drawn.append(browser.page.value) or DigitBrowser.draw(browser)
    )
    browser.digit.value = "3"
    browser.page.value = 5
    browser.digit.value = "4"
    assert drawn == [1, 5, 1]


def test_an_order_is_found_once(browser):
    browser.order.value = "most typical first"
    typical = browser.positions
    browser.order.value = "most ink first"
    browser.order.value = "most typical first"
    assert browser.positions is typical


def test_the_last_page_holds_what_is_left(mnist):
    browser = DigitBrowser(mnist.x_train[:53], mnist.y_train[:53])
    browser.page.value = 99
    assert browser.page.value == browser.page.max == 2
    assert browser.shown.tolist() == list(range(40, 53))
    assert "13 images, from" in browser.picture.alt
    sheet = picture(browser)[::ZOOM, ::ZOOM]
    rows = [sheet[row * TILE : row * TILE + LINE] for row in range(4)]
    written = [tile.min() < 128 for row in rows for tile in np.split(row, COLUMNS, axis=1)]
    assert written == [True] * 13 + [False] * 27
    assert np.all(sheet[2 * TILE :] == 255)


def test_images_that_measure_the_same_stay_as_stored():
    labels = np.arange(60) % 2
    browser = DigitBrowser(np.zeros((60, 28, 28), dtype=np.uint8), labels)
    for order in ORDERS:
        browser.order.value = order
        assert browser.positions.tolist() == list(range(60))
        assert not image_at(browser, 0).any()


def test_a_single_image_and_digits_that_are_missing(mnist):
    browser = DigitBrowser(mnist.x_train[:1], [6])
    assert list(browser.digit.options) == ["all", "6"]
    assert browser.page.max == 1 and browser.shown.tolist() == [0]
    with pytest.raises(traitlets.TraitError, match="expected one of all, 6, got '7'"):
        browser.digit.value = "7"


def test_images_from_0_to_1_look_the_same(mnist, browser):
    scaled = DigitBrowser((mnist.x_train / 255).astype("float32"), mnist.y_train)
    np.testing.assert_allclose(picture(scaled).astype(int), picture(browser).astype(int), atol=1)


def test_what_goes_to_the_browser_is_small(browser):
    for order in ORDERS:
        browser.order.value = order
        assert len(browser.picture.png) < 50_000


@pytest.mark.parametrize(
    "images, labels, came",
    [
        (
            np.zeros((3, 28, 28, 1)),
            [1, 2, 3],
            r"\(3, 28, 28, 1\) and \(3,\); .* pass images\[\.\.\., 0\]",
        ),
        (np.zeros((3, 784)), [1, 2, 3], r"\(3, 784\) and \(3,\)"),
        (np.zeros((28, 28)), [1], r"\(28, 28\) and \(1,\)"),
        (np.zeros((3, 28, 28)), [1, 2], r"\(3, 28, 28\) and \(2,\)"),
        (np.zeros((3, 28, 28)), np.eye(10)[:3], r"\(3, 28, 28\) and \(3, 10\)"),
        (np.zeros((0, 28, 28)), [], r"\(0, 28, 28\) and \(0,\)"),
        (7, 7, r"\(\) and \(\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(images, labels, came):
    with pytest.raises(
        ValueError, match=f"shape \\(n, 28, 28\\), and as many labels, got arrays of shape {came}"
    ):
        DigitBrowser(images, labels)
