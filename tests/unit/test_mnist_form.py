"""Bring drawings, scans, and files of every kind into MNIST's form, or refuse them with a reason."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from utils import data, photos
from utils.photos import NoDigitFound, UnreadableImage, to_mnist_form


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist("sample")


def draw_seven(mode="L", paper="white", ink="black", size=(280, 280)):
    """Return a seven of 80 x 130 pixels in the upper left of a page."""
    page = Image.new(mode, size, paper)
    ImageDraw.Draw(page).line([(30, 30), (110, 30), (60, 160)], fill=ink, width=13, joint="curve")
    return page


def to_bytes(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(one, other):
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def test_a_drawing_comes_into_mnist_form():
    digit = to_mnist_form(draw_seven())
    assert (digit.shape, digit.dtype, digit.min(), digit.max()) == ((28, 28), np.uint8, 0, 255)
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    np.testing.assert_allclose(ndimage.center_of_mass(digit), 14, atol=0.6)


def test_place_paper_and_color_make_no_difference():
    expected = to_mnist_form(draw_seven())
    moved = Image.new("L", (500, 400), "white")
    moved.paste(draw_seven(), (200, 100))
    clear = draw_seven(
        "RGBA", (0, 0, 0, 0), (0, 0, 0, 255)
    )  # transparent paper, whose hidden color is black
    for image in (moved, ImageOps.invert(draw_seven()), draw_seven("RGB"), draw_seven("1"), clear):
        np.testing.assert_array_equal(to_mnist_form(image), expected)
    colored = draw_seven("RGB", paper=(250, 240, 200), ink=(20, 30, 120))
    assert difference(to_mnist_form(colored), expected) <= 1


@pytest.mark.parametrize("enlarged", [2, 3])
def test_a_larger_scan_gives_the_same_digit(enlarged):
    page = draw_seven()
    larger = page.resize((page.width * enlarged, page.height * enlarged), Image.Resampling.NEAREST)
    assert np.abs(to_mnist_form(larger).astype(int) - to_mnist_form(page)).mean() < 2


def test_one_call_takes_all_the_steps():
    image = photos.open_image(draw_seven())
    for step in photos.STEPS:
        image = step(image)
    np.testing.assert_array_equal(to_mnist_form(draw_seven()), image)


def test_every_way_to_hand_over_an_image_gives_the_same_digit(tmp_path):
    page = draw_seven()
    page.save(tmp_path / "seven.png")
    for image in (np.asarray(page), np.asarray(page.convert("RGB")), np.asarray(page.convert("RGBA")), to_bytes(page),
                  tmp_path / "seven.png", str(tmp_path / "seven.png")):  # fmt: skip
        np.testing.assert_array_equal(to_mnist_form(image), to_mnist_form(page))


@pytest.mark.parametrize("kind", photos.FORMATS)
def test_every_file_format_is_read(kind):
    read = to_mnist_form(to_bytes(draw_seven("RGB"), kind)).astype(int)
    assert (
        np.abs(read - to_mnist_form(draw_seven())).mean() < 1
    )  # lossy formats leave dirt, which must not count


def test_a_photo_is_turned_upright_as_the_camera_held_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn by 90 degrees clockwise to view
    lying = to_bytes(draw_seven().transpose(Image.Transpose.ROTATE_90), exif=exif)
    np.testing.assert_array_equal(to_mnist_form(lying), to_mnist_form(draw_seven()))


def test_sixteen_bit_scans_keep_their_levels():
    faint = draw_seven(paper=230, ink=100)
    deep = Image.fromarray(np.asarray(faint).astype("uint16") * 257)
    assert deep.mode == "I;16"
    np.testing.assert_array_equal(to_mnist_form(to_bytes(deep)), to_mnist_form(faint))


@pytest.mark.parametrize("width", [1, 280])
def test_a_stroke_as_thin_or_flat_as_can_be_survives(width):
    page = Image.new("L", (300, 300), "white")
    ImageDraw.Draw(page).rectangle([10, 10, 9 + width, 10 if width > 1 else 289], fill="black")
    digit = to_mnist_form(page)
    assert digit.any() and max(np.ptp(np.nonzero(digit), axis=1)) + 1 == 20


def test_faint_dirt_does_not_count_as_ink():
    dirty = draw_seven()
    dirty.putpixel((270, 270), 250)
    np.testing.assert_array_equal(to_mnist_form(dirty), to_mnist_form(draw_seven()))


def test_mnist_digits_stay_where_they_are(mnist):
    """The box, the rounding and the center are MNIST's own: only faint rims may change."""
    images = mnist.x_train[:500]
    again = np.stack([to_mnist_form(image) for image in images])
    changes = np.abs(again.astype(int) - images).mean(axis=(1, 2))
    assert np.mean(changes < 1) > 0.97


def test_ink_is_found_or_can_be_told():
    cardboard = draw_seven(paper=110)
    for ink in ("auto", "dark"):
        assert difference(to_mnist_form(cardboard, ink), to_mnist_form(draw_seven())) <= 1
    with pytest.raises(NoDigitFound):
        to_mnist_form(cardboard, ink="light")
    with pytest.raises(NoDigitFound):
        to_mnist_form(draw_seven(), ink="light")
    with pytest.raises(ValueError, match='ink: expected "auto", "dark" or "light", got \'black\''):
        to_mnist_form(draw_seven(), ink="black")


@pytest.mark.parametrize("page", [Image.new("L", (50, 50), c) for c in (0, 128, 255)])
def test_a_blank_page_holds_no_digit(page):
    with pytest.raises(NoDigitFound, match="blank"):
        to_mnist_form(page)


@pytest.mark.parametrize("kind", photos.FORMATS)
def test_file_cut_off_anywhere_is_unreadable_or_read(kind):
    whole = to_bytes(draw_seven("RGB", size=(120, 170)), kind)
    refused = 0
    for share in (0, 0.01, 0.1, 0.3, 0.6, 0.9):
        try:
            to_mnist_form(whole[: int(share * len(whole))])
        except (UnreadableImage, NoDigitFound):
            refused += 1
    assert refused >= 4


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "list.png").write_text("milk, bread")
    with pytest.raises(
        UnreadableImage, match=r"list\.png isn't an image of a kind read here \(PNG"
    ):
        to_mnist_form(tmp_path / "list.png")
    with pytest.raises(UnreadableImage, match=r"no file .*seven\.png: check its name"):
        to_mnist_form(tmp_path / "seven.png")
    with pytest.raises(UnreadableImage, match="this file isn't an image"):
        to_mnist_form(b"milk")
    with pytest.raises(
        UnreadableImage, match=r"this file can't be read as an image: .*not NoneType"
    ):
        to_mnist_form(None)
    with pytest.raises(UnreadableImage, match="can't be read"):
        to_mnist_form(tmp_path)


def test_cut_picture_that_pillow_opened_is_unreadable():
    whole = to_bytes(Image.effect_noise((200, 200), 80))
    lazily_opened = Image.open(io.BytesIO(whole[: len(whole) // 2]))
    with pytest.raises(UnreadableImage, match="truncated"):
        photos.open_image(lazily_opened)


def test_a_picture_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(photos, "LARGEST", 10_000)
    with pytest.raises(
        UnreadableImage, match="280 x 280 pixels, at most 10,000 are read: make it smaller"
    ):
        to_mnist_form(to_bytes(draw_seven()))


@pytest.mark.parametrize(
    "array", [np.full((9, 9), 2.0), np.zeros((9, 9, 2), "uint8"), np.zeros((0, 9), "uint8")]
)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(UnreadableImage, match=r"expected an array of shape \(h, w\)"):
        to_mnist_form(array)
