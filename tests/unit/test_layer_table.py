"""layer_table counts what Keras counts, and its receptive field is the one that pixels show."""

import keras
import numpy as np
import pytest
from keras import layers

from utils import models

BUILDERS = [models.softmax_regression, models.dense_network, models.slim_cnn, models.reference_cnn]


def small_cnn(*middle):
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for layer in middle:
        x = layer(x)
    return keras.Model(inputs, x)


def pixels_that_matter(model, row, column):
    """Return the mask of pixels that change the numbers at one place, found by changing one pixel at a time."""
    images = np.random.default_rng(0).uniform(size=(20, 1, 28, 28, 1)).astype("float32")
    copies = np.repeat(images, 28, axis=1)  # one for each pixel of a row, all in one call

    def numbers(copies):
        return np.asarray(model(copies.reshape(-1, 28, 28, 1)))[:, row, column].reshape(20, 28, -1)

    before, matters, each = numbers(copies), np.zeros((28, 28), dtype=bool), np.arange(28)
    for y in each:
        changed = copies.copy()
        changed[:, each, y, each] = 9  # brighter than all else, so that max pooling must notice
        matters[y] = (numbers(changed) != before).any(axis=(0, 2))
    return matters


@pytest.mark.parametrize("build", BUILDERS)
def test_parameters_are_those_of_keras(build):
    model = build()
    table = models.layer_table(model)
    assert table["parameters"].sum() == model.count_params()
    assert len(table) == len(model.layers)


def test_shapes_are_what_the_layers_return():
    table = models.layer_table(models.reference_cnn())
    x = np.zeros((1, 28, 28, 1), "float32")
    for layer, shape in zip(
        models.reference_cnn().layers[1:], table["output shape"][1:], strict=True
    ):
        x = layer(x)
        assert tuple(x.shape[1:]) == tuple(shape)


@pytest.mark.parametrize(
    "layer, by_hand",
    [
        (layers.Conv2D(4, 3), 26 * 26 * 3 * 3 * 4),
        (layers.Conv2D(4, 5, strides=2), 12 * 12 * 5 * 5 * 4),
        (layers.Conv2D(4, 5, strides=2, padding="same"), 14 * 14 * 5 * 5 * 4),
        (layers.MaxPooling2D(2), 0),
        (layers.Flatten(), 0),
    ],
)
def test_multiply_adds_of_one_layer(layer, by_hand):
    assert models.layer_table(small_cnn(layer))["multiply-adds"].tolist() == [0, by_hand]


def test_the_bias_adds_parameters_but_no_multiply_adds():
    tables = [
        models.layer_table(small_cnn(layers.Conv2D(4, 3, use_bias=bias))) for bias in (False, True)
    ]
    assert tables[0]["multiply-adds"].equals(tables[1]["multiply-adds"])
    assert tables[1]["parameters"].sum() - tables[0]["parameters"].sum() == 4


@pytest.mark.parametrize(
    "middle, place",
    [
        ([layers.Conv2D(8, 3), layers.Conv2D(8, 5)], 10),
        ([layers.Conv2D(8, 3, strides=2), layers.MaxPooling2D(2), layers.Conv2D(8, 2)], 2),
        ([layers.Conv2D(8, 3), layers.MaxPooling2D(3, strides=2), layers.AveragePooling2D(2)], 3),
    ],
    ids=["two convolutions", "stride and pooling", "overlapping pooling"],
)
def test_the_receptive_field_is_the_square_of_pixels_that_matter(middle, place):
    keras.utils.set_random_seed(0)
    model = small_cnn(*middle)
    field = models.layer_table(model)["receptive field"].iloc[-1]
    rows, columns = np.nonzero(pixels_that_matter(model, place, place))
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == field


def test_a_dense_layer_sees_all_that_the_last_map_sees():
    fields = [models.layer_table(build())["receptive field"].iloc[-1] for build in BUILDERS]
    assert fields == [
        28,
        28,
        26,
        26,
    ]  # pooling 11 to 5 leaves the last two rows and columns of the image out


def test_dropout_between_maps_and_dense_changes_nothing():
    plain = small_cnn(layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10), layers.Dense(10))
    dropped = small_cnn(
        layers.Conv2D(4, 3),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(10),
        layers.Dense(10),
    )
    assert models.layer_table(plain).iloc[-1].equals(models.layer_table(dropped).iloc[-1])


def test_a_sequential_model_gets_the_same_rows():
    table = models.layer_table(models.reference_cnn())
    listed = keras.Sequential([keras.Input((28, 28, 1)), *models.reference_cnn().layers[1:]])
    assert models.layer_table(listed).equals(table[1:].reset_index(drop=True))
