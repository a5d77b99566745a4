"""Build the networks of the course, from a single layer to the reference CNN.

All are functional Keras models that take floats from 0 to 1, shape (n, 28, 28, 1), and return ten probabilities.
"""

import math

import pandas as pd

from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    from keras import layers


def softmax_regression() -> keras.Model:
    """Build a single softmax layer on the 784 pixels: 7,850 parameters."""
    inputs = keras.Input((28, 28, 1))
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(inputs))
    return keras.Model(inputs, outputs, name="softmax_regression")


def dense_network(units: int = 117, dropout: float = 0.2) -> keras.Model:
    """Build an artificial neural network (ANN) with one hidden layer.

    With 117 units it has 93,025 parameters, within 0.4% of the reference CNN, so the two compare fairly.
    """
    inputs = keras.Input((28, 28, 1))
    x = layers.Flatten()(inputs)
    x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="dense_network")


def reference_cnn(dropout: float = 0.5) -> keras.Model:
    """Build the reference CNN of 93,322 parameters: 3x3 convolutions of 32, 64, and 64 filters and a dense layer."""
    return _small_cnn(filters=(32, 64, 64), dropout=dropout, name="reference_cnn")


def slim_cnn(dropout: float = 0.5) -> keras.Model:
    """Build a CNN of half the reference's width: 60,874 parameters and a third of the arithmetic."""
    return _small_cnn(filters=(16, 32, 64), dropout=dropout, name="slim_cnn")


def fast_cnn() -> keras.Model:
    """Build a CNN that trains quickly: two convolutions and a dense layer, 55,906 parameters.

    Only the dense layer is normalized. In such a short training, normalizing the convolutions as well gains nothing.
    """
    inputs = x = keras.Input((28, 28, 1))
    for filters, size in ((12, 5), (32, 3)):
        x = layers.Conv2D(filters, size, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(layers.MaxPooling2D(2)(x))  # (12, 12), then (5, 5)
    x = layers.Dense(64, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    # A softmax needs all 32 bits, even where the other layers compute with 16.
    outputs = layers.Dense(10, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="fast_cnn")


def compact_cnn() -> keras.Model:
    """Build a CNN of five normalized convolutions: 97,474 parameters and twice the arithmetic of the reference."""
    return _normed_cnn(filters=(24, 48, 48, 64, 64), pool_after=1, name="compact_cnn")


def robust_cnn() -> keras.Model:
    """Build a wider compact CNN with an eleventh output, "no digit": 196,299 parameters."""
    return _normed_cnn(filters=(32, 64, 64, 96, 96), pool_after=1, name="robust_cnn", classes=11)


def tiny_cnn() -> keras.Model:
    """Build a CNN of 5,954 parameters, small enough for a microcontroller."""
    return _normed_cnn(filters=(8, 8, 12, 16, 16), pool_after=2, name="tiny_cnn")


def conv_bn_relu(
    x: keras.KerasTensor, filters: int, size: int = 3, pool: bool = False
) -> keras.KerasTensor:
    """Apply a convolution, max pooling if asked for, batch normalization, and ReLU, in this order.

    Pooling first leaves a quarter of the work to the later steps. It doesn't give the same numbers as pooling last,
    because the normalization then uses the mean and variance of the maxima.
    Batch normalization: Ioffe & Szegedy (2015), arXiv:1502.03167.
    """
    # The normalization adds its own offset, so the convolution needs no bias.
    x = layers.Conv2D(filters, size, use_bias=False, kernel_initializer="he_normal")(x)
    if pool:
        x = layers.MaxPooling2D(2)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def ensemble(networks: list[keras.Model]) -> keras.Model:
    """Join networks into one that outputs the mean of their probabilities."""
    inputs = keras.Input((28, 28, 1))
    # Networks trained by the same recipe share a name, so each gets one of its own.
    members = [
        keras.Model(net.input, net.output, name=f"member_{number}")
        for number, net in enumerate(networks)
    ]
    return keras.Model(
        inputs, layers.Average()([member(inputs) for member in members]), name="ensemble"
    )


def output_size(size: int, kernel: int, padding: str = "valid", stride: int = 1) -> int:
    """Return how many pixels remain on a side of `size` pixels after a convolution or pooling.

    Source: Dumoulin & Visin (2016), "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
    """
    if padding == "same":
        return -(-size // stride)  # rounded up
    if size < kernel:
        raise ValueError(f"a kernel of {kernel} doesn't fit into {size} pixels: use padding='same'")
    return (size - kernel) // stride + 1


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Return a table of a chain of layers: output shape, parameters, multiply-adds per image, and receptive field.

    The receptive field is the side, in pixels, of the square of the input that affects one number of the output.
    """
    rows, field, jump, side = [], 1, 1, model.input_shape[1]
    for layer in model.layers:
        shape = layer.output.shape[1:]  # without the batch
        kernel, stride = _window(layer, side)
        field, jump = field + (kernel - 1) * jump, jump * stride
        # Each weight of a kernel is used once for every position of the output; a dense layer has one position.
        multiply_adds = (
            math.prod(layer.kernel.shape) * math.prod(shape[:-1]) if hasattr(layer, "kernel") else 0
        )
        rows.append((type(layer).__name__, shape, layer.count_params(), multiply_adds, field))
        side = shape[0] if len(shape) == 3 else 1 if isinstance(layer, layers.Dense) else side
    return pd.DataFrame(
        rows, columns=["layer", "output shape", "parameters", "multiply-adds", "receptive field"]
    )


def _window(layer: keras.Layer, side: int) -> tuple[int, int]:
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size:
        return size[0], layer.strides[0]
    # A dense layer sees the whole of the last map.
    return (side if isinstance(layer, layers.Dense) else 1), 1


def _small_cnn(filters: tuple[int, int, int], dropout: float, name: str) -> keras.Model:
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(filters[0], 3, activation="relu")(inputs)  # (26, 26)
    x = layers.MaxPooling2D(2)(x)  # (13, 13)
    x = layers.Conv2D(filters[1], 3, activation="relu")(x)  # (11, 11)
    x = layers.MaxPooling2D(2)(x)  # (5, 5)
    x = layers.Conv2D(filters[2], 3, activation="relu")(x)  # (3, 3)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs, name=name)


def _normed_cnn(
    filters: tuple[int, ...], pool_after: int, name: str, classes: int = 10
) -> keras.Model:
    """Stack normalized 3x3 convolutions, pool once, and average each of the last maps."""
    inputs = x = keras.Input((28, 28, 1))
    for number, count in enumerate(filters, start=1):
        x = conv_bn_relu(x, count, pool=number == pool_after)
    x = layers.GlobalAveragePooling2D()(x)
    # Probabilities need all 32 bits, also if the rest computes with 16.
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
