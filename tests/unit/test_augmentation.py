"""Check what varies and corrupts digits: each move, its randomness and its place in a network."""

import numpy as np
import pytest
from scipy import ndimage

from utils import augmentation, data, preprocessing
from utils.augmentation import (
    RandomAffine,
    RandomBars,
    RandomNoise,
    RandomThickness,
    robust_augmentation,
)
from utils.prediction import DigitReader

import keras  # isort: skip  # after utils, which starts TensorFlow quietly

STILL = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0}


class LargestAffine(RandomAffine):
    """Always go to the end of the range, so that the outcome is known."""

    def uniform(self, shape, low, high):
        return keras.ops.full(shape, float(high))


@pytest.fixture(scope="module")
def digits():
    return preprocessing.scale(data.load_mnist("sample").x_train[:20])


def apply(layer, images):
    return np.asarray(layer(images, training=True))


def by_scipy(images, matrix, shift=0):
    """Fetch each new pixel (x, y) from matrix @ (x, y) + shift, about the middle of the image."""
    y, x = np.mgrid[:28, :28] - 13.5
    old_x, old_y = np.tensordot(matrix, np.stack([x, y]), axes=1) + 13.5 + shift
    return np.stack(
        [ndimage.map_coordinates(image[..., 0], [old_y, old_x], order=1) for image in images]
    )[..., None]


@pytest.mark.parametrize(
    ("amounts", "matrix", "shift"),
    [
        ({"rotation": 90}, [[0, -1], [1, 0]], 0),
        ({"rotation": 30}, [[np.sqrt(0.75), -0.5], [0.5, np.sqrt(0.75)]], 0),
        ({"shear": 45}, [[1, 1], [0, 1]], 0),
        ({"scale": 0.25}, [[0.8, 0], [0, 0.8]], 0),
        ({"shift": 3}, [[1, 0], [0, 1]], 3),
        ({"shift": 1.5, "scale": 0.25}, [[0.8, 0], [0, 0.8]], 1.5),
    ],
)
def test_each_move_is_what_it_says(digits, amounts, matrix, shift):
    moved = apply(LargestAffine(**(STILL | amounts)), digits)
    np.testing.assert_allclose(moved, by_scipy(digits, np.array(matrix), shift), atol=1e-3)


def test_a_larger_size_gives_more_ink(digits):
    assert apply(LargestAffine(**(STILL | {"scale": 0.2})), digits).sum() > 1.2 * digits.sum()


def test_without_amounts_nothing_moves(digits):
    np.testing.assert_allclose(apply(RandomAffine(**STILL), digits), digits, atol=1e-5)


def test_outside_of_training_images_pass_unchanged(digits):
    np.testing.assert_array_equal(np.asarray(RandomAffine()(digits)), digits)
    network = keras.Sequential([keras.Input((28, 28, 1)), RandomAffine()])
    np.testing.assert_array_equal(network.predict(digits, verbose=0), digits)


def test_each_image_gets_its_own_move_and_each_call_new_ones(digits):
    layer = RandomAffine()
    same = np.repeat(digits[:1], 8, axis=0)
    first, second = apply(layer, same), apply(layer, same)
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8
    assert not np.array_equal(first, second)


def test_the_seed_decides_the_moves(digits):
    first, twin, other = (apply(RandomAffine(seed=seed), digits) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, twin)
    assert not np.array_equal(first, other)


def test_moves_stay_within_their_amounts():
    """A dot in the middle, shifted by at most 3 pixels: everywhere within 3 (blending adds one), and never beyond."""
    dot = np.zeros((300, 29, 29, 1), "float32")
    dot[:, 14, 14] = 1
    seen = apply(RandomAffine(**(STILL | {"shift": 3}), seed=0), dot).sum(axis=0)[..., 0]
    rows, columns = np.nonzero(seen > 1e-6)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (11, 17, 11, 17)


def test_moved_digits_stay_images(digits):
    moved = apply(RandomAffine(), digits)
    assert (moved.shape, moved.dtype) == (digits.shape, np.float32)
    preprocessing.check_scaled(moved)
    assert 0.8 < moved.sum() / digits.sum() < 1.2


def test_it_works_inside_a_network_that_is_saved_and_loaded(digits, tmp_path):
    network = keras.Sequential(
        [keras.Input((28, 28, 1)), RandomAffine(7, 0.2, 3, 1, seed=5), keras.layers.Flatten()]
    )
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras").layers[0]
    assert isinstance(loaded, RandomAffine)
    amounts = ("rotation", "scale", "shear", "shift", "seed")
    assert [getattr(loaded, name) for name in amounts] == [7, 0.2, 3, 1, 5]


@pytest.mark.parametrize("scale", [1, 10, -0.1])
def test_a_size_that_is_no_fraction_is_refused(scale):
    with pytest.raises(ValueError, match="scale: expected a share from 0 to under 1"):
        RandomAffine(scale=scale)


def test_images_without_a_channel_axis_are_refused(digits):
    with pytest.raises(ValueError, match=r"\(n, h, w, 1\), got \(20, 28, 28\): did you call scale"):
        augmentation.RandomAffine()(digits[..., 0], training=True)


# What corrupts digits

CORRUPTIONS = [RandomThickness, RandomBars, RandomNoise]


@pytest.mark.parametrize("layer", CORRUPTIONS)
def test_corruptions_change_digits_in_training_only(layer, digits):
    np.testing.assert_array_equal(np.asarray(layer()(digits)), digits)
    corrupted = apply(layer(), digits)
    assert (corrupted.shape, corrupted.dtype) == (digits.shape, np.float32)
    preprocessing.check_scaled(corrupted)
    assert not np.array_equal(corrupted, digits)


@pytest.mark.parametrize("layer", [*CORRUPTIONS, robust_augmentation])
def test_seed_decides_the_corruptions_and_each_call_draws_anew(layer, digits):
    layers = [layer(seed=seed) for seed in (1, 1, 2)]
    first, twin, other = (apply(it, digits) for it in layers)
    np.testing.assert_array_equal(first, twin)
    assert not np.array_equal(first, other)
    assert not np.array_equal(apply(layers[0], digits), first)


@pytest.mark.parametrize(
    "layer", [RandomThickness(seed=5), RandomBars(3, 0.2, 9.0, seed=5), RandomNoise(0.1, seed=5)]
)
def test_corruptions_are_saved_and_loaded_with_a_network(layer, digits, tmp_path):
    network = keras.Sequential([keras.Input((28, 28, 1)), layer, keras.layers.Flatten()])
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras").layers[0]
    assert type(loaded) is type(layer) and loaded.get_config() == layer.get_config()


def test_strokes_grow_by_a_pixel_or_shrink_by_half_of_one():
    bar = np.zeros((400, 28, 28, 1), "float32")
    bar[:, 4:24, 10:18] = 1  # 8 pixels wide
    widths = apply(RandomThickness(), bar)[:, 14].sum(axis=(1, 2))
    assert (widths.min(), widths.max()) == (pytest.approx(7, abs=0.1), pytest.approx(10, abs=0.1))
    assert len(np.unique(widths)) > 300


def test_bars_lie_within_their_width_length_and_share():
    blank = np.zeros((2000, 28, 28, 1), "float32")
    barred = apply(RandomBars(number=1, share=0.5, widest=4.0), blank)[..., 0]
    seen = barred.max(axis=(1, 2))
    assert 0.45 < np.mean(seen > 0) < 0.55
    inside = barred / seen.clip(1e-6)[:, np.newaxis, np.newaxis] > 0.99
    deepest = [ndimage.distance_transform_edt(np.pad(it, 1)).max() for it in inside]
    assert 1.5 < max(deepest) <= 3  # half of 4 pixels, and what the grid adds
    assert (
        inside.any(axis=2).sum(axis=1).max() > 20
        and barred.max() > 0.95
        and (seen[seen > 0] < 0.1).any()
    )


def test_without_a_share_there_are_no_bars(digits):
    np.testing.assert_array_equal(apply(RandomBars(share=0), digits), digits)


def test_half_of_the_digits_stay_clean_and_noise_is_limited():
    gray = np.full((1000, 28, 28, 1), 0.5, "float32")
    noise = apply(RandomNoise(strongest=0.1), gray).std(axis=(1, 2, 3))
    assert 0.45 < np.mean(noise == 0) < 0.55
    assert 0.09 < noise.max() < 0.11


def test_robust_augmentation_leaves_most_digits_readable():
    mnist = data.load_mnist("sample")
    corrupted = apply(robust_augmentation(seed=0), preprocessing.scale(mnist.x_test))
    preprocessing.check_scaled(corrupted)
    read = (
        DigitReader()
        .predict_batch((255 * corrupted[..., 0]).round().astype("uint8"))
        .argmax(axis=1)
    )
    assert np.mean(read == mnist.y_test) > 0.85
