"""Check that photos, odd files and pages with anything but one digit end in MNIST's form, or in a clear refusal."""

import contextlib
import functools
import io
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from benchmarks import pages
from benchmarks.drawn import draw_digit
from benchmarks.photos import photograph
from utils import data, photos
from utils.photos import NoDigitFound, UnreadableImage, mnist_steps, split_digits, to_mnist_form
from utils.prediction import DigitReader

STEPS = [step.__name__ for step in photos.STEPS]
BLANK = np.zeros((28, 28), "uint8")
snap = functools.partial(photograph, size=(800, 600))


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist("sample")


@pytest.fixture(scope="module")
def reader():
    return DigitReader("compact")


def draw_five(paper="white", ink="black", gap=0, width=14):
    page = Image.new("L", (280, 280), paper)
    pen = ImageDraw.Draw(page)
    pen.line([(90, 50), (85, 110)], fill=ink, width=width)
    pen.line([(90 + gap, 50), (170, 50)], fill=ink, width=width)
    pen.arc([70, 100, 170, 220], start=220, end=150, fill=ink, width=width)
    return page


def lie_about_size(width, height):
    """Return the start of a PNG, a few bytes long, that claims to be huge."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 999)),
    ]
    parts = [
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# Photos


def test_photos_are_read(mnist, reader):
    photos = [snap(digit, seed=seed) for seed, digit in enumerate(mnist.x_test[::32])]
    answers = reader.predict_batch(np.stack([to_mnist_form(photo) for photo in photos])).argmax(
        axis=1
    )
    assert np.mean(answers == mnist.y_test[::32]) >= 0.95


@pytest.mark.parametrize(
    ("hardships", "mistakes"), [(("shadow", "blur"), 0), (("lines", "shadow", "blur"), 2)]
)
def test_a_photo_of_empty_paper_holds_no_digit(hardships, mistakes):
    """Squared paper under a hard shadow is the one case that may be taken for ink."""
    photos = [snap(BLANK, hardships, seed) for seed in range(20)]
    assert sum(form_or_none(photo) is not None for photo in photos) <= mistakes


def test_uneven_light_becomes_even():
    digit = np.asarray(draw_five(), dtype="float32")
    light = np.linspace(0.3, 1, 280, dtype="float32")
    even = photos.flatten_illumination(digit * light)
    paper = digit == 255
    assert np.ptp((digit * light)[paper]) > 150
    assert np.percentile(even[paper], 5) > 235
    assert np.percentile(even[digit == 0], 90) < 128


def test_chalk_on_an_uneven_board_stays_light():
    board = 40 + 40 * np.linspace(0, 1, 280) + 0.6 * np.asarray(draw_five("black", "white"))
    expected = to_mnist_form(draw_five()).astype(int)
    assert np.abs(to_mnist_form(board.astype("uint8")) - expected).mean() < 6


def test_a_drawing_has_even_light_and_no_lines_already():
    steps = mnist_steps(draw_five())
    assert list(steps) == STEPS
    np.testing.assert_array_equal(steps["flatten_illumination"], steps["to_gray"])
    np.testing.assert_array_equal(steps["keep_digit"], steps["ink_on_black"])
    np.testing.assert_array_equal(steps["match_stroke_weight"], steps["crop_to_ink"])
    np.testing.assert_array_equal(steps["center_by_mass"], to_mnist_form(draw_five()))


# Any paper, any ink, any pen


def answers_for(reader, drawn):
    """Return a line for each digit that isn't read rightly, and count the refusals."""
    read = [(digit, reader.read(page)) for digit, page in drawn]
    wrong = [f"{digit} as {one.digit}" for digit, one in read if one.digit not in (digit, None)]
    return wrong, sum(one.digit is None for _, one in read)


def test_every_ink_on_every_paper_is_read(reader):
    assert answers_for(reader, pages.papers_and_inks(every=11)) == ([], 0)


def test_every_pen_is_read(reader):
    assert answers_for(reader, pages.pens()) == ([], 0)


@pytest.mark.parametrize("kind", pages.SURROUNDS)
def test_what_is_no_paper_is_left_out(reader, kind):
    wrong, refused = answers_for(reader, pages.surroundings(kind, rounds=1))
    assert wrong == [] and refused <= (6 if "matplotlib" in kind else 1), "ticks are digits, too"


def test_the_channel_with_contrast_becomes_gray():
    page = np.full((60, 60, 3), 255, "uint8")
    page[20:40, 20:40] = 255, 255, 0  # yellow: nearly as bright as white
    np.testing.assert_array_equal(photos.to_gray(Image.fromarray(page)), page[..., 2])
    page[20:40, 20:40] = 20, 30, 90
    brightness = np.asarray(Image.fromarray(page).convert("L"))
    np.testing.assert_array_equal(photos.to_gray(Image.fromarray(page)), brightness)


@pytest.mark.parametrize("pen", [1, 2, 3, 5, 8])
def test_a_stroke_that_meets_the_edge_is_no_printed_line(reader, pen):
    strokes = {
        7: [(0, 56), (224, 56), (126, 252)],
        2: [(56, 84), (98, 42), (154, 42), (190, 84), (168, 140), (34, 238), (279, 236)],
        4: [(168, 28), (0, 174), (266, 174), (176, 174), (176, 98), (168, 266)],
    }
    for digit, points in strokes.items():
        page = Image.new("L", (280, 280), "white")
        ImageDraw.Draw(page).line(points, fill="black", width=pen, joint="curve")
        assert reader.read(page).digit == digit


def test_light_and_dark_ink_are_told_apart_at_every_level(reader):
    cover = draw_digit(4, 1, 10)
    for paper, ink in ((126, 0), (60, 10), (40, 0), (150, 255), (200, 245), (215, 255)):
        page = (paper * (1 - cover) + ink * cover).astype("uint8")
        assert reader.read(page).digit == 4, (paper, ink)


def test_levels_of_any_depth_are_read(tmp_path):
    page = draw_five()
    levels = np.asarray(page).astype(float)
    depths = {
        "12 of 16 bits": (levels * 16).astype("uint16"),
        "8 of 16 bits": levels.astype("uint16"),
        "16 bits": (levels * 257).astype("uint16"),
        "0 to 1": (levels / 255).astype("float32"),
        "-1 to 1": (levels / 127.5 - 1).astype("float32"),
        "32 bits": (levels * 257).astype("int32"),
    }
    expected = to_mnist_form(page).astype(int)
    for name, array in depths.items():
        Image.fromarray(array).save(tmp_path / "five.tiff")
        assert np.abs(to_mnist_form(tmp_path / "five.tiff") - expected).max() <= 2, name
    for array in (depths["12 of 16 bits"], depths["8 of 16 bits"], (levels > 127).astype("uint8")):
        assert np.abs(to_mnist_form(array) - expected).max() <= 2, array.dtype


# Lines, specks, strokes


@pytest.mark.parametrize("turned", [False, True])
def test_printed_lines_vanish_and_the_digit_stays(turned):
    page = draw_five()
    ruled = page.copy()
    for row in range(25, 280, 45):
        ImageDraw.Draw(ruled).line([(0, row), (280, row + 6)], fill=60, width=2)
    if turned:
        page, ruled = (
            page.transpose(Image.Transpose.ROTATE_90),
            ruled.transpose(Image.Transpose.ROTATE_90),
        )
    ink = mnist_steps(ruled)["keep_digit"] > 127
    drawn = np.asarray(page) < 128
    assert (ink & drawn).sum() > 0.98 * drawn.sum()
    assert (ink & ~drawn).sum() < 0.05 * drawn.sum()


def test_specks_are_left_out():
    page = draw_five()
    for place in [(5, 5), (270, 20), (30, 260), (150, 250)]:
        page.putpixel(place, 0)
    np.testing.assert_array_equal(to_mnist_form(page), to_mnist_form(draw_five()))


def test_only_specks_are_removed_and_the_input_stays_as_it_was():
    ink = np.zeros((280, 280), "float32")
    ink[60:200, 100:120], ink[250:254, 30:34], ink[20:60, 200:240] = (
        255,
        255,
        90,
    )  # a one, a speck, a crease
    before = ink.copy()
    cleaned = photos.despeckle(ink)
    np.testing.assert_array_equal(ink, before)
    before[250:254, 30:34] = before[20:60, 200:240] = 0
    np.testing.assert_array_equal(cleaned, before)
    np.testing.assert_array_equal(photos.despeckle(cleaned), cleaned)
    np.testing.assert_array_equal(photos.despeckle(0 * ink), 0 * ink)


def test_stroke_width_does_not_depend_on_the_paper_around():
    ink = photos.fit_in_box(mnist_steps(draw_five())["crop_to_ink"], 80)
    assert photos._stroke_width(np.pad(ink, 1)) == photos._stroke_width(np.pad(ink, 20))


@pytest.mark.parametrize("width", [1, 14, 64])
def test_strokes_come_near_to_the_weight_of_mnist(width):
    ink = mnist_steps(draw_five(width=width))["fit_in_box"]
    assert ink.max() > 180
    stroke = photos._stroke_width(np.pad(photos.fit_in_box(ink, 80), 20)) / 4
    assert 1 <= stroke <= 6.5


def test_a_markers_bar_is_thinned_and_a_pens_is_not():
    marker, pen = (np.full((200, width), 255, "float32") for width in (80, 30))
    height, width = photos.match_stroke_weight(marker).shape
    assert width / height < 0.3
    assert photos.match_stroke_weight(pen) is pen


# One digit, several, none


@pytest.mark.parametrize("gap", [0, 10, 24])
def test_a_broken_five_is_one_digit(gap):
    five = draw_five(gap=gap)
    assert (mnist_steps(five)["keep_digit"] > 0).sum() == (np.asarray(five) < 255).sum()
    assert len(split_digits(five)) == 1


def test_eight_of_two_rings_and_five_with_long_bar_are_one():
    eight, five = Image.new("L", (280, 280), "white"), Image.new("L", (280, 280), "white")
    ImageDraw.Draw(eight).ellipse([90, 40, 170, 130], outline="black", width=12)
    ImageDraw.Draw(eight).ellipse([80, 139, 180, 240], outline="black", width=12)
    ImageDraw.Draw(five).line([(90, 100), (210, 60)], fill="black", width=12)
    ImageDraw.Draw(five).arc([70, 120, 150, 210], start=240, end=150, fill="black", width=12)
    for page in (eight, five):
        assert (mnist_steps(page)["keep_digit"] > 0).sum() == (np.asarray(page) < 255).sum()


def test_a_pale_digit_beside_a_black_blot_is_read_in_full_ink():
    page = draw_five(ink=100)
    ImageDraw.Draw(page).rectangle([190, 190, 278, 278], fill="black")
    assert np.abs(to_mnist_form(page).astype(int) - to_mnist_form(draw_five())).max() <= 2


def test_several_digits_are_noticed(mnist):
    row = np.concatenate(mnist.x_test[[0, 100, 200]], axis=1)
    for image, ink in ((row, "light"), (255 - np.kron(row, np.ones((4, 4), "uint8")), "auto")):
        with pytest.raises(
            NoDigitFound, match=r"there are 3 digits, expected one: cut them apart, or"
        ):
            to_mnist_form(image, ink)
    with pytest.raises(NoDigitFound, match="2 digits"):
        to_mnist_form(snap(np.hstack(mnist.x_test[[0, 500]]), seed=1))


def test_a_refusal_carries_the_steps_that_were_made(mnist):
    row = 255 - np.kron(np.concatenate(mnist.x_test[[0, 100]], axis=1), np.ones((4, 4), "uint8"))
    with pytest.raises(NoDigitFound) as refusal:
        mnist_steps(row)
    assert list(refusal.value.steps) == STEPS[:7]
    np.testing.assert_array_equal(refusal.value.steps["to_gray"], row)
    with pytest.raises(NoDigitFound) as refusal:
        mnist_steps(np.full((100, 100), 255, "uint8"))
    assert list(refusal.value.steps) == STEPS[:4]


def test_the_reader_says_why_there_is_no_digit(reader, mnist):
    several = reader.read(np.concatenate(mnist.x_test[[0, 100]], axis=1), ink="light")
    assert several.digit is None and "2 digits" in several.reason
    assert "blank" in reader.read(snap(BLANK, ("shadow", "blur"), seed=3)).reason
    assert (
        "noise"
        in reader.read(np.random.default_rng(0).integers(0, 256, (280, 280)).astype("uint8")).reason
    )


@pytest.mark.parametrize("side", [20, 28, 60, 280, 900])
def test_noise_is_no_digit(side):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        for noise in (rng.integers(0, 256, (side, side)), 255 * (rng.random((side, side)) < 0.5)):
            with pytest.raises(NoDigitFound):
                to_mnist_form(noise.astype("uint8"))


def test_a_blot_is_no_digit():
    page = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(page).rectangle([60, 60, 200, 210], fill="black")
    with pytest.raises(NoDigitFound, match="blot"):
        to_mnist_form(page)


@pytest.mark.parametrize("width", [4, 30, 80])
def test_an_upright_bar_is_no_blot_but_a_one(reader, width):
    page = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(page).rectangle([100, 40, 99 + width, 239], fill="black")
    assert reader.read(page).digit == 1


def test_rows_and_grids_are_cut_apart_in_reading_order(mnist, reader):
    order = np.arange(0, 1000, 40)[:24]
    grid = np.concatenate(
        [np.concatenate(mnist.x_test[order[i : i + 8]], axis=1) for i in (0, 8, 16)]
    )
    for image, ink in ((grid, "light"), (255 - np.kron(grid, np.ones((3, 3), "uint8")), "auto")):
        digits = split_digits(image, ink)
        assert len(digits) == 24
        assert (
            np.mean(reader.predict_batch(np.stack(digits)).argmax(axis=1) == mnist.y_test[order])
            > 0.95
        )
    alone = to_mnist_form(mnist.x_test[order[9]])
    assert np.abs(split_digits(grid, "light")[9].astype(int) - alone).mean() < 1


def test_nearly_every_mnist_digit_is_found_and_stays_in_place(mnist):
    images = np.concatenate([mnist.x_train, mnist.x_test])
    forms = [form_or_none(image) for image in images]
    assert sum(form is None for form in forms) <= 5
    changes = [
        np.abs(form.astype(int) - image).mean()
        for form, image in zip(forms, images, strict=True)
        if form is not None
    ]
    assert np.mean(np.array(changes) < 1) > 0.97


def form_or_none(image):
    try:
        return to_mnist_form(image)
    except NoDigitFound:
        return None


@pytest.mark.parametrize(("down", "right"), [(0, 0), (-3, 2), (4, -4)])
def test_digit_drawn_anywhere_on_the_pad_is_centered(mnist, down, right):
    drawn = Image.fromarray(mnist.x_test[0]).resize((14, 14))
    pad = np.zeros((28, 28), "uint8")
    pad[7 + down : 21 + down, 7 + right : 21 + right] = np.asarray(drawn)
    middle = to_mnist_form(np.pad(np.asarray(drawn), 7), ink="light")
    np.testing.assert_array_equal(to_mnist_form(pad, ink="light"), middle)


# Files of all kinds


def test_heic_is_read():
    buffer = io.BytesIO()
    pillow_heif.from_pillow(draw_five().convert("RGB")).save(buffer, quality=90)
    read = to_mnist_form(buffer.getvalue()).astype(int)
    assert np.abs(read - to_mnist_form(draw_five())).mean() < 3


def test_heic_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    photos._heic.cache_clear()
    with pytest.raises(UnreadableImage, match="install pillow-heif"):
        to_mnist_form(b"\0\0\0\x18ftypheic" + b"\0" * 50)
    photos._heic.cache_clear()


def test_light_ink_on_a_transparent_page_is_seen():
    page = Image.new("RGBA", (280, 280), (255, 255, 255, 0))
    page.putalpha(Image.eval(draw_five(), lambda level: 255 - level))
    np.testing.assert_array_equal(to_mnist_form(page), to_mnist_form(draw_five()))


def test_arrays_of_other_kinds_are_read():
    levels = np.asarray(draw_five())
    deep, share, black = (
        np.where(levels > 127, 65_000, 1_000).astype("uint16"),
        levels / 255,
        levels > 127,
    )
    for array in (deep, share, share.astype("float32"), black, levels[..., np.newaxis]):
        np.testing.assert_array_equal(to_mnist_form(array), to_mnist_form(levels))
    for array in (
        levels.astype(float),
        share - 0.5,
        share * np.nan,
        levels.astype("int64"),
        levels.astype(str),
    ):
        with pytest.raises(
            UnreadableImage,
            match=r"floats from 0 to 1, got .*: give one image, scaled to 0 \.\.\. 255",
        ):
            to_mnist_form(array)


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 28, 28, 1), (784,), (28, 28, 2), (0, 28)])
def test_array_of_another_shape_is_told_to_be_one_image(shape):
    with pytest.raises(UnreadableImage, match=r"of shape \(.*\): give one image"):
        to_mnist_form(np.zeros(shape, "uint8"))


def test_palette_gray_alpha_and_deep_images_are_read(tmp_path):
    page = draw_five()
    deep = Image.fromarray(np.asarray(page).astype("int32") * 257)
    share = Image.fromarray(np.asarray(page).astype("float32"))
    for image in (
        page.convert("P"),
        page.convert("LA"),
        page.convert("CMYK"),
        page.convert("YCbCr"),
        deep,
        share,
    ):
        assert np.abs(to_mnist_form(image).astype(int) - to_mnist_form(page)).max() <= 2, image.mode
    page.save(tmp_path / "five.png")
    with open(tmp_path / "five.png", "rb") as file:
        np.testing.assert_array_equal(to_mnist_form(file), to_mnist_form(page))


def test_a_scan_of_16_by_16_that_fills_its_frame_is_read(mnist, reader):
    tight = [
        Image.fromarray(photos.crop_to_ink(digit)).resize((16, 16)) for digit in mnist.x_test[::10]
    ]
    read = [int(reader.read(scan).digit) for scan in tight]
    assert (
        np.mean(np.array(read) == mnist.y_test[::10]) > 0.85
    )  # squeezed into a square, a one is a block


def test_only_as_much_of_a_large_jpeg_is_decoded_as_is_used():
    buffer = io.BytesIO()
    draw_five().resize((4000, 3000)).save(buffer, "JPEG")
    assert max(photos.open_image(buffer.getvalue()).size) < 1100
    opened = Image.open(buffer)
    to_mnist_form(opened)
    assert opened.size == (4000, 3000)  # the caller's own picture stays whole


REFUSED = {
    "a bomb": (lie_about_size(10_000, 10_000), "10000 x 10000 pixels, at most 50,000,000"),
    "a large bomb": (lie_about_size(60_000, 60_000), "bomb|pixels"),
    "cut off": (snap(BLANK)[:10_000], "truncated"),
    "a drawing of lines": (
        b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M1 1"/></svg>',
        "isn't an image of a kind",
    ),
    "text": (b"milk, bread, 28 eggs", "isn't an image of a kind"),
    "nothing": (b"", "isn't an image of a kind"),
    "no pixels": (Image.new("L", (0, 5)), "has no pixels"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_at_once(kind):
    content, message = REFUSED[kind]
    started = time.perf_counter()
    with pytest.raises(UnreadableImage, match=message):
        to_mnist_form(content)
    assert time.perf_counter() - started < 1


def test_a_bomb_costs_no_memory(tmp_path):
    """A real one: 100 million pixels in a few hundred kilobytes, in a process of its own."""
    Image.new("L", (10_000, 10_000), "white").save(tmp_path / "bomb.png")
    code = """if True:
        import resource, sys, warnings
        warnings.simplefilter("error")
        from utils import photos
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            photos.to_mnist_form(sys.argv[1])
        except photos.UnreadableImage:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    pytest.importorskip("resource")
    grown = subprocess.check_output([sys.executable, "-c", code, tmp_path / "bomb.png"], text=True)
    assert int(grown) < 20_000


# Whatever comes


def brings_or_refuses(image, ink="auto"):
    try:
        digit = to_mnist_form(image, ink)
    except (UnreadableImage, NoDigitFound):
        return
    assert (digit.shape, digit.dtype) == ((28, 28), np.uint8)
    assert digit.any()


anything = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
sides = st.integers(1, 90)
inks = st.sampled_from(["auto", "dark", "light"])


@anything
@given(st.data(), sides, sides, st.sampled_from([(), (1,), (3,), (4,), (2,)]), inks)
def test_any_array_is_brought_or_refused(data, height, width, channels, ink):
    kind = data.draw(st.sampled_from(["uint8", "uint16", "bool", "float32", "int64"]))
    brings_or_refuses(data.draw(arrays(kind, (height, width, *channels))), ink)


@anything
@given(st.integers(0, 2**32 - 1), sides, sides, st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr",
       "HSV", "I", "F", "I;16", "PA", "RGBX", "RGBa", "La", "LAB"]), inks)  # fmt: skip
def test_any_mode_is_brought_or_refused(seed, height, width, mode, ink):
    image = Image.new(mode, (width, height))
    size = len(image.tobytes())
    image.frombytes(np.random.default_rng(seed).integers(0, 256, size, dtype="uint8").tobytes())
    brings_or_refuses(image, ink)


@anything
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0"]),
)
def test_any_bytes_are_brought_or_refused(tail, magic):
    brings_or_refuses(magic + tail)


@anything
@given(
    st.lists(st.tuples(st.integers(0, 279), st.integers(0, 279)), min_size=2, max_size=9),
    st.integers(1, 60),
)
def test_any_stroke_is_brought_or_refused(points, width):
    page = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(page).line(points, fill="black", width=width)
    brings_or_refuses(page)
    with contextlib.suppress(NoDigitFound):
        assert all(digit.shape == (28, 28) for digit in split_digits(page))
