"""Scale, encode, split, and center digits, and refuse arrays of another kind."""

import numpy as np
import pytest

from utils import data, preprocessing


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist("sample")


# Scale and shape


def test_scale_gives_floats_from_0_to_1_with_a_channel_axis(mnist):
    scaled = preprocessing.scale(mnist.x_train[:50])
    assert (scaled.shape, scaled.dtype) == ((50, 28, 28, 1), np.float32)
    np.testing.assert_array_equal(
        np.round(scaled[..., 0] * 255).astype("uint8"), mnist.x_train[:50]
    )
    assert (scaled.min(), scaled.max()) == (0, 1)
    preprocessing.check_scaled(scaled)


def test_scale_leaves_its_input_alone(mnist):
    before = mnist.x_train[:5].copy()
    preprocessing.scale(mnist.x_train[:5])
    np.testing.assert_array_equal(mnist.x_train[:5], before)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 28, 28), "float32"), r"got \(3, 28, 28\): did you call scale"),
        (np.zeros((0, 28, 28, 1), "float32"), "n >= 1"),
        (np.zeros((3, 28, 28, 1), "uint8"), "expected floats from 0 to 1"),
        (np.full((3, 28, 28, 1), 255.0), "from 255 to 255"),
        (np.full((3, 28, 28, 1), -0.5), "from -0.5"),
        (np.full((3, 28, 28, 1), np.nan), "nan"),
    ],
)
def test_what_is_not_scaled_is_refused_by_name(images, message):
    with pytest.raises(ValueError, match=message):
        preprocessing.check_scaled(images)


# Labels


def test_one_hot_rows_hold_a_single_one_at_the_label(mnist):
    rows = preprocessing.one_hot(mnist.y_train)
    assert (rows.shape, rows.dtype) == ((4000, 10), np.float32)
    np.testing.assert_array_equal(rows.sum(axis=1), 1)
    np.testing.assert_array_equal(rows.argmax(axis=1), mnist.y_train)
    assert preprocessing.one_hot(np.array([2, 0]), classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_what_is_not_raw_is_neither_scaled_nor_encoded(mnist):
    with pytest.raises(ValueError, match="expected raw uint8 pixels"):
        preprocessing.scale(mnist.x_train / 255)
    for labels in ([0, -1], [0, 10]):  # NumPy would take the last row for -1
        with pytest.raises(ValueError, match="row 2: expected a label from 0 to 9, got"):
            preprocessing.one_hot(np.array(labels))


# The split


@pytest.mark.parametrize("size", [0.1, 0.25, 500])
def test_split_loses_and_shares_nothing_and_is_stratified(mnist, size):
    everything = np.arange(len(mnist.y_train))
    train, validation, train_labels, validation_labels = preprocessing.split_train_validation(
        everything, mnist.y_train, size
    )
    assert len(validation) == (size if isinstance(size, int) else size * len(everything))
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), everything)
    np.testing.assert_array_equal(mnist.y_train[train], train_labels)
    np.testing.assert_array_equal(mnist.y_train[validation], validation_labels)
    np.testing.assert_array_equal(np.bincount(validation_labels), len(validation) // 10)


def test_the_seed_decides_the_split(mnist):
    split = [
        preprocessing.split_train_validation(np.arange(4000), mnist.y_train, 0.1, seed=seed)[1]
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(split[0], split[1])
    assert set(split[0]) != set(split[2])


# Center


def test_ink_never_leaves_the_square():
    heavy_left = np.zeros((20, 20), "float32")
    heavy_left[:, 0], heavy_left[10] = 255, 1
    square = preprocessing.center_by_mass(heavy_left)
    assert (square.shape, square.dtype, square.sum()) == ((28, 28), np.uint8, heavy_left.sum())
    with pytest.raises(
        ValueError, match=r"at most 28 x 28 pixels, got \(40, 20\): did you call fit_in_box"
    ):
        preprocessing.center_by_mass(np.ones((40, 20)))
