"""The networks: what they compute, how large they are, and that they can be taken apart."""

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from utils import models

PLAIN = [models.softmax_regression, models.dense_network, models.reference_cnn, models.slim_cnn]
NORMED = [models.fast_cnn, models.compact_cnn, models.tiny_cnn]
BUILDERS = PLAIN + NORMED
PARAMETERS = {
    "softmax_regression": 7_850,
    "dense_network": 93_025,
    "reference_cnn": 93_322,
    "slim_cnn": 60_874,
    "fast_cnn": 55_906,
    "compact_cnn": 97_474,
    "tiny_cnn": 5_954,
}


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 28, 28, 1), dtype="float32")


def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("build", BUILDERS)
def test_has_the_stated_size_and_name(build):
    model = build()
    assert model.name == build.__name__
    assert model.count_params() == PARAMETERS[model.name]
    fixed = [weights for weights in model.weights if not weights.trainable]
    assert all("moving" in weights.name for weights in fixed) and bool(fixed) == (build in NORMED)


@pytest.mark.parametrize("build", BUILDERS)
def test_turns_images_into_ten_probabilities(build, images):
    probabilities = np.asarray(build()(images))
    assert probabilities.shape == (5, 10)
    assert probabilities.min() > 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("build", BUILDERS)
def test_gradients_reach_the_inner_layers_of_a_saved_network(build, images, tmp_path):
    model = build()
    assert not isinstance(
        model, keras.Sequential
    )  # whose gradients get lost on the way through a file
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    opened = keras.Model(reloaded.input, [reloaded.layers[1].output, reloaded.output])
    pixels = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        features, probabilities = opened(pixels)
        truth = probabilities[:, 0]
    assert np.any(tape.gradient(truth, features))
    np.testing.assert_allclose(probabilities, model(images), atol=1e-6)


@pytest.mark.parametrize("build", BUILDERS)
def test_seed_decides_the_weights_of_each_new_network(build):
    keras.utils.set_random_seed(1)
    first, second = build(), build()
    keras.utils.set_random_seed(1)
    again = build()
    assert any(
        (a != b).any() for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_softmax_regression_is_one_matrix_product_and_a_softmax(images):
    model = models.softmax_regression()
    kernel, bias = model.get_weights()
    bias = np.linspace(-1, 1, 10, dtype="float32")
    model.set_weights([kernel, bias])
    np.testing.assert_allclose(
        model(images), softmax(images.reshape(5, 784) @ kernel + bias), atol=1e-5
    )


def test_dense_network_is_two_products_with_a_relu_between(images):
    model = models.dense_network()
    W1, _, W2, b2 = model.get_weights()
    b1 = np.linspace(-1, 1, 117, dtype="float32")
    model.set_weights([W1, b1, W2, b2])
    hidden = np.maximum(images.reshape(5, 784) @ W1 + b1, 0)
    assert (hidden == 0).any()
    assert (hidden > 0).any()
    np.testing.assert_allclose(model(images), softmax(hidden @ W2 + b2), atol=1e-5)


@pytest.mark.parametrize("units", [1, 10, 117, 300])
def test_dense_network_has_795_parameters_a_unit_and_ten(units):
    assert models.dense_network(units=units).count_params() == 795 * units + 10


def test_dense_network_has_as_many_parameters_as_the_cnn():
    dense, cnn = models.dense_network().count_params(), models.reference_cnn().count_params()
    assert abs(dense - cnn) / cnn < 0.004
    assert abs(models.dense_network(units=116).count_params() - cnn) > abs(dense - cnn)
    assert abs(models.dense_network(units=118).count_params() - cnn) > abs(dense - cnn)


@pytest.mark.parametrize("build", [models.dense_network, models.reference_cnn, models.slim_cnn])
def test_dropout_works_in_training_alone_and_can_be_turned_off(build, images):
    with_dropout, without = build(dropout=0.5), build(dropout=0.0)
    np.testing.assert_array_equal(with_dropout(images), with_dropout(images))
    assert (
        np.asarray(with_dropout(images, training=True)) != np.asarray(with_dropout(images))
    ).any()
    np.testing.assert_allclose(without(images, training=True), without(images), atol=1e-6)


@pytest.mark.parametrize("build", [models.softmax_regression, models.dense_network])
def test_learns_a_rule_that_one_pixel_decides(build):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 400)
    images = np.zeros((400, 28, 28, 1), "float32")
    images[np.arange(400), 14, labels] = 1
    model = build()
    model.compile(keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy")
    for start in list(range(0, 320, 32)) * 6:
        model.train_on_batch(images[start : start + 32], labels[start : start + 32])
    answers = np.argmax(model(images[320:]), axis=1)
    assert np.mean(answers == labels[320:]) > 0.95


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_output_size_is_what_keras_computes(padding):
    for size, kernel, stride in product((5, 7, 11, 28, 29), (1, 2, 3, 5), (1, 2, 3)):
        expected = layers.Conv2D(1, kernel, stride, padding).compute_output_shape(
            (None, size, size, 1)
        )[1]
        assert models.output_size(size, kernel, padding, stride) == expected
        expected = layers.MaxPooling2D(kernel, stride, padding).compute_output_shape(
            (None, size, size, 1)
        )[1]
        assert models.output_size(size, kernel, padding, stride) == expected


def test_output_size_refuses_a_kernel_that_does_not_fit():
    with pytest.raises(ValueError, match=r"kernel of 5 doesn't fit into 3 pixels: use padding"):
        models.output_size(3, kernel=5)
    assert models.output_size(3, kernel=5, padding="same") == 3


def test_pooling_first_gives_what_pooling_last_gives(images):
    inputs = keras.Input((28, 28, 1))
    first = keras.Model(inputs, models.conv_bn_relu(inputs, 4, pool=True))
    _, convolution, pooling, normalization, relu = first.layers
    last = pooling(relu(normalization(convolution(inputs))))
    np.testing.assert_allclose(first(images), keras.Model(inputs, last)(images), atol=1e-6)


def test_an_ensemble_answers_with_the_mean_of_its_networks(images):
    networks = [models.tiny_cnn(), models.slim_cnn(), models.tiny_cnn()]
    mean = np.mean([network(images) for network in networks], axis=0)
    together = models.ensemble(networks)
    np.testing.assert_allclose(together(images), mean, atol=1e-6)
    assert together.count_params() == sum(network.count_params() for network in networks)
