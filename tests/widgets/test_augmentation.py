"""The augmentation explorer shows what RandomAffine does, and each slider moves what it names."""

import io

import numpy as np
import pytest
from PIL import Image

from utils import data, preprocessing
from utils.augmentation import RandomAffine
from utils.widgets.augmentation import AugmentationExplorer

SAID = {
    "rotation": "turned by up to 180° either way",
    "scale": "0.10 to 1.90 times as large",
    "shear": "slanted by up to 60° either way",
    "shift": "shifted across and down by up to 14 of 28 pixels",
}


@pytest.fixture(scope="module")
def digits():
    mnist = data.load_mnist("sample")
    return mnist.x_train[np.unique(mnist.y_train, return_index=True)[1]]


@pytest.fixture
def explorer(digits):
    return AugmentationExplorer(digits)


def set_all(explorer, *amounts):
    for name, amount in zip(SAID, amounts, strict=True):
        getattr(explorer, name).value = amount


def shown(explorer):
    """Return the row of originals and the rows of variants, as the picture shows them."""
    picture = np.asarray(Image.open(io.BytesIO(explorer.picture.png)).convert("L"))
    edge = len(picture) // 4
    return picture[: edge - 3], picture[edge + 3 :]


@pytest.mark.parametrize("amounts", [(10, 10, 5, 2), (180, 0, 0, 0), (0, 90, 60, 14)])
def test_the_variants_are_those_of_the_layer_that_training_uses(explorer, digits, amounts):
    set_all(explorer, *amounts)
    rotation, percent, shear, shift = amounts
    layer = RandomAffine(rotation, percent / 100, shear, shift, seed=0)
    expected = layer(preprocessing.scale(np.concatenate([digits] * 3)), training=True)
    np.testing.assert_array_equal(explorer.variants(), np.reshape(expected, (3, 10, 28, 28)))


def test_it_begins_with_the_amounts_that_the_course_trains_with(explorer):
    usual = RandomAffine()
    amounts = (
        explorer.rotation.value,
        explorer.scale.value / 100,
        explorer.shear.value,
        explorer.shift.value,
    )
    assert amounts == (usual.rotation, usual.scale, usual.shear, usual.shift)


def test_without_amounts_each_variant_is_its_original(explorer, digits):
    set_all(explorer, 0, 0, 0, 0)
    for variants in explorer.variants():
        np.testing.assert_allclose(variants, digits / 255, atol=1e-6)
    assert explorer.picture.remark == "Draw 1. Each variant: the same as its original."


@pytest.mark.parametrize("name", SAID)
def test_each_slider_moves_the_variants_and_says_how_far(explorer, name):
    set_all(explorer, 0, 0, 0, 0)
    originals, still = shown(explorer)
    slider = getattr(explorer, name)
    slider.value = slider.max
    assert explorer.picture.remark == f"Draw 1. Each variant: {SAID[name]}."
    assert (
        explorer.picture.alt
        == f"Originals in a row: 10. Below each 3 random variants: {SAID[name]}."
    )
    np.testing.assert_array_equal(shown(explorer)[0], originals)
    assert not np.array_equal(shown(explorer)[1], still)


def test_all_amounts_are_said_together(explorer):
    set_all(explorer, 180, 90, 60, 14)
    assert explorer.picture.remark == f"Draw 1. Each variant: {', '.join(SAID.values())}."


def test_the_random_numbers_stay_until_the_next_draw(explorer):
    before = explorer.variants()
    explorer.rotation.value = 90
    assert not np.array_equal(explorer.variants(), before)
    explorer.rotation.value = 10
    np.testing.assert_array_equal(explorer.variants(), before)
    explorer.new_draw.click()
    assert not np.array_equal(explorer.variants(), before)
    assert explorer.picture.remark.startswith("Draw 2. ")


def test_a_new_draw_shows_other_variants_of_the_same_digits(explorer):
    originals, variants = shown(explorer)
    explorer.new_draw.click()
    np.testing.assert_array_equal(shown(explorer)[0], originals)
    assert not np.array_equal(shown(explorer)[1], variants)


def test_each_variant_goes_its_own_way(digits):
    alike = AugmentationExplorer([digits[6]] * 5).variants().reshape(15, -1)
    assert len(np.unique(alike, axis=0)) == 15


def test_the_picture_is_small_enough_to_follow_a_slider(explorer):
    assert len(explorer.picture.png) < 50_000


@pytest.mark.parametrize("count", [1, 10])
def test_one_digit_will_do_and_ten_fit(digits, count):
    explorer = AugmentationExplorer(list(digits[:count]))
    assert explorer.picture.fault == "" and explorer.picture.alt.startswith(
        f"Originals in a row: {count}."
    )
    assert explorer.variants().shape == (3, count, 28, 28)


def test_digits_that_cannot_be_shown_are_refused(digits):
    with pytest.raises(
        ValueError, match=r"expected 1 to 10 images, got 1,000: choose some, such as images\[:10\]"
    ):
        AugmentationExplorer(np.zeros((1000, 28, 28), "uint8"))
    with pytest.raises(ValueError, match=r"shape \(n, 28, 28\) with n >= 1, got \(28, 28\)"):
        AugmentationExplorer(digits[0])
    with pytest.raises(ValueError, match="got float64: pass the images before scaling them"):
        AugmentationExplorer(digits / 255)
    with pytest.raises(ValueError, match="with n >= 1"):
        AugmentationExplorer([])
