"""Corrupted digits: in form, told apart by their seed, ever harder, still readable, and partly unknown to training."""

import ast
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import corruptions, records, robustness
from benchmarks.corruptions import (
    CORRUPTIONS,
    STRENGTHS,
    Corruption,
    resize,
    rotate,
    translate,
)
from benchmarks.photos import PHOTOS, photograph
from utils import data
from utils.prediction import DigitReader, Prediction

WITHHELD = {name for name, corruption in CORRUPTIONS.items() if corruption.withheld}
# What names in the code of the training would betray a family that is withheld.
TRACES = {
    "stripes": ("stripe", "invert"),
    "fog": ("fog", "cloud", "plasma"),
    "spatter": ("spatter", "splash"),
    "pixelate": ("pixelat", "coarse", "downsample"),
    "elastic": ("elastic",),
}


@pytest.fixture(scope="module")
def digits():
    mnist = data.load_mnist("sample")
    return mnist.x_test[:300], mnist.y_test[:300]


@pytest.fixture(scope="module")
def reader():
    return DigitReader("compact")


def corrupted(name, images, strength, seed=0):
    return CORRUPTIONS[name](images, strength, np.random.default_rng(seed))


def test_enough_corruptions_and_enough_unseen_in_training():
    assert len(CORRUPTIONS) >= 16
    assert len(WITHHELD) >= 5
    assert all(len(corruption.amounts) == len(STRENGTHS) for corruption in CORRUPTIONS.values())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_digits_stay_in_form_and_the_given_ones_are_left_alone(name, digits):
    images = digits[0][:20]
    before = images.copy()
    for strength in STRENGTHS:
        changed = corrupted(name, images, strength)
        assert changed.shape == images.shape and changed.dtype == np.uint8
        assert not np.array_equal(changed, images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_seed_alone_decides_what_is_left_to_chance(name, digits):
    images = digits[0][:20]
    first, again, other = (corrupted(name, images, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    certain = {"gaussian blur", "brightness", "contrast", "thin", "thicken", "stripes", "pixelate"}
    assert np.array_equal(first, other) == (name in certain)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_digit_is_corrupted_alone(name, digits):
    images = digits[0][:6].copy()
    together = corrupted(name, images, 3)
    images[1:] = images[1:][::-1]
    np.testing.assert_array_equal(corrupted(name, images, 3)[0], together[0])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_more_strength_changes_more(name, digits):
    images = digits[0][:100].astype(int)
    changes = [
        abs(corrupted(name, digits[0][:100], strength) - images).mean() for strength in STRENGTHS
    ]
    assert changes == sorted(changes)
    assert changes[-1] > 1.3 * changes[0] > 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_little_of_it_leaves_digits_readable(name, digits, reader):
    images, labels = digits
    right = reader.predict_batch(corrupted(name, images, 1)).argmax(axis=1) == labels
    assert right.mean() >= 0.88


@pytest.mark.parametrize("strength", [0, 6, -1, 2.5, "3", None])
def test_an_unknown_strength_is_refused(strength, digits):
    with pytest.raises(ValueError, match=r"expected a strength from 1 to 5, got .*as they are"):
        corrupted("fog", digits[0][:2], strength)


def test_digits_that_were_scaled_already_are_refused(digits):
    with pytest.raises(ValueError, match="uint8"):
        corrupted("fog", digits[0][:2] / 255, 3)


def test_a_blank_page_survives_everything():
    blank = np.zeros((2, 28, 28), "uint8")
    with np.errstate(all="raise"):
        for name in CORRUPTIONS:
            assert corrupted(name, blank, 5).shape == blank.shape
    for name in ("thin", "thicken", "rotate", "elastic"):
        assert not corrupted(name, blank, 5).any()


def test_withheld_corruptions_are_not_named_in_training_code():
    assert set(TRACES) == WITHHELD
    code = [
        Path(data.__file__).with_name(name).read_text()
        for name in ("augmentation.py", "training.py")
    ]
    names = {name.lower() for text in code for name in defined_and_used(ast.parse(text))}
    assert "randomaffine" in names
    for trace in (trace for traces in TRACES.values() for trace in traces):
        assert not [name for name in names if trace in name], trace


def defined_and_used(tree):
    """Return the names of classes, functions, arguments and attributes in a module, but not its prose."""
    for node in ast.walk(tree):
        yield from (
            getattr(node, field)
            for field in ("name", "id", "attr", "arg")
            if getattr(node, field, None)
        )


def marked():
    """Return an image with one bright spot, 8 pixels right of the middle and halfway between two rows."""
    image = np.zeros((1, 28, 28), "uint8")
    image[0, 13:15, 21:23] = 255
    return image


def center(image):
    rows, columns = np.nonzero(image)
    weights = image[rows, columns]
    return np.average(rows, weights=weights) - 13.5, np.average(columns, weights=weights) - 13.5


def test_geometry_does_what_its_amounts_say():
    rng = np.random.default_rng(0)
    row, column = center(Corruption(rotate, (90,))(marked(), 1, rng)[0])
    assert (abs(row), column) == pytest.approx((8, 0), abs=0.1)
    row, column = center(Corruption(resize, (0.5,))(marked(), 1, rng)[0])
    assert (row, column) == pytest.approx((0, 4), abs=0.1)
    row, column = center(Corruption(translate, (3,))(marked(), 1, rng)[0])
    assert np.hypot(row, column - 8) == pytest.approx(3, abs=0.1)


def test_strokes_lose_and_gain_the_width_that_the_amounts_say():
    bar = np.zeros((1, 28, 28), "uint8")
    bar[0, 4:24, 10:18] = 255  # 8 pixels wide
    halved = Corruption(corruptions.thin, (0.5,))(bar, 1, None)
    grown = Corruption(corruptions.thicken, (2,))(bar, 1, None)
    assert halved[0, 14].sum() / 255 == pytest.approx(4, abs=0.6)
    assert grown[0, 14].sum() / 255 == pytest.approx(12, abs=0.6)


@pytest.mark.parametrize("kind", PHOTOS)
def test_photos_are_jpegs_with_dark_ink_and_repeatable(kind, digits):
    first, again = (photograph(digits[0][0], PHOTOS[kind], seed=3) for _ in range(2))
    assert first == again
    picture = Image.open(io.BytesIO(first))
    assert picture.format == "JPEG" and picture.mode == "RGB"
    gray = np.asarray(picture.convert("L"))
    assert np.percentile(gray, 1) < np.median(gray) - 40


def test_photos_on_plain_paper_are_read(digits, reader):
    images, labels = digits[0][:50], digits[1][:50]
    read = [
        reader.read(photograph(image, (), robustness.chance("x", i))).digit
        for i, image in enumerate(images)
    ]
    assert np.mean(read == labels) >= 0.94


def test_measurement_compares_everything_with_the_example(digits, monkeypatch, tmp_path):
    mnist = data.load_mnist("sample")
    paths = {
        robustness.RIVAL: robustness.MODELS / "dense.onnx",
        "compact": robustness.MODELS / "compact.onnx",
    }
    few = (list(mnist.x_test[:30]), mnist.y_test[:30])
    monkeypatch.setattr(robustness, "foreign_digits", lambda: few)
    monkeypatch.setattr(robustness, "PHOTOGRAPHED", 2)
    results = robustness.measure(paths, mnist, count=40)
    ours = results["compact"]
    assert set(ours["corruptions"]) == set(CORRUPTIONS) and set(ours["photos"]) == set(PHOTOS)
    known = [ours["corruptions"][name][2] for name in CORRUPTIONS if name not in WITHHELD]
    assert ours["means"]["trained"]["accuracy"] == pytest.approx(np.mean(known), abs=1e-4)
    assert ours["curves"]["rotation"][0] == ours["curves"]["shift"][0] == ours["curves"]["scale"][6]
    wrong, theirs = (
        1 - results[name]["means"]["withheld"]["accuracy"] for name in ("compact", robustness.RIVAL)
    )
    assert ours["errors_against_keras_io"]["mean, withheld"] == pytest.approx(
        wrong / theirs, abs=1e-3
    )
    low, high = ours["clean"]["interval"]
    assert low < ours["clean"]["accuracy"] < high
    assert "compact" in robustness.table(results) and "fog (withheld)" in robustness.table(results)
    assert robustness.measure(paths, mnist, count=40) == results


def test_digits_that_are_not_found_count_as_wrong():
    class Blind:
        def read(self, picture, ink):
            return Prediction(None if picture else 7, 0.0, np.full(10, 0.1))

    found = robustness.on_pictures({"blind": Blind()}, [0, 1, 0, 1], [7, 7, 1, 1])["blind"]
    assert (found["accuracy"], found["no_digit"]) == (0.25, 2)


def test_the_foreign_digits_span_black_to_white():
    pictures, labels = robustness.foreign_digits()
    assert len(pictures) == len(labels) == 1797
    assert pictures[0].dtype == np.uint8 and max(picture.max() for picture in pictures) == 255


def test_the_record_is_of_todays_corruptions_and_models():
    record = records.load("robustness")
    assert record["settings"] == json.loads(json.dumps(robustness.describe()))
    measured = {
        name: result["sha256"]
        for name, result in record["models"].items()
        if name != robustness.RIVAL
    }
    assert measured == {
        name: hashlib.sha256((robustness.MODELS / f"{name}.onnx").read_bytes()).hexdigest()
        for name in robustness.COMPARED
    }
