"""The architecture explorer says what Keras says of the network that it builds, and refuses what Keras cannot build."""

import io
import itertools
import random

import numpy as np
import pytest
from PIL import Image

from utils import models
from utils.environment import quiet_tensorflow
from utils.widgets.architecture import KERNELS, ArchitectureExplorer, _measure
from utils.widgets.explorer import Refused

with quiet_tensorflow():
    import keras
    import tensorflow as tf


@pytest.fixture
def explorer():
    return ArchitectureExplorer()


def set_all(explorer, **settings):
    for name, value in settings.items():
        getattr(explorer, name).value = value


def random_settings(seed):
    """Return a setting of every control, small enough to be built quickly."""
    chance = random.Random(seed)
    convolutions = chance.randint(1, 5)
    return {
        "convolutions": convolutions, "filters": chance.choice((4, 12, 32)), "kernel": chance.choice(list(KERNELS)),
        "padding": chance.choice(("valid", "same")), "halvings": chance.randint(0, convolutions),
        "halve_by": chance.choice(("max pooling", "stride 2")), "units": chance.choice((0, 16, 64)),
    }  # fmt: skip


def table_of(stages):
    return [
        (tuple(stage.shape), stage.parameters, stage.multiply_adds, stage.field) for stage in stages
    ]


def pixels_with_a_say(model):
    """Return the mask of pixels that change the answers, shape (28, 28), by the gradient on noise."""
    noise = tf.constant(np.random.default_rng(0).uniform(size=(64, 28, 28, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(noise)
        answers = model(noise)[:, 0]
    return np.abs(tape.gradient(answers, noise)).sum(axis=(0, 3)) > 0


def test_it_starts_with_the_reference_cnn(explorer):
    assert "93,322 parameters, 2,794,240 multiply-adds" in explorer.picture.remark
    reference, built = models.reference_cnn(), explorer.build()
    assert [type(layer) for layer in built.layers] == [type(layer) for layer in reference.layers]
    assert [layer.output.shape for layer in built.layers] == [
        layer.output.shape for layer in reference.layers
    ]
    assert built.layers[8].rate == 0.5


def test_the_slim_cnn_is_one_of_its_networks(explorer):
    explorer.filters.value = 16
    assert models.layer_table(explorer.build()).equals(models.layer_table(models.slim_cnn()))


@pytest.mark.usefixtures("undrawn")
def test_its_numbers_are_those_of_keras_for_many_networks(explorer):
    possible = 0
    for seed in range(20):
        settings = random_settings(seed)
        set_all(explorer, **settings)
        try:
            model = explorer.build()
        except Refused as reason:
            assert explorer.picture.fault == str(reason), settings
            continue
        possible += 1
        expected = [tuple(row[1:]) for row in models.layer_table(model).itertuples(index=False)]
        assert table_of(_measure(explorer._plan())) == expected, settings
        assert f"{model.count_params():,} parameters" in explorer.picture.remark, settings
    assert 5 < possible < 20  # both kinds occurred


def test_it_refuses_just_what_keras_refuses(explorer):
    for kernel, halvings, halve_by in itertools.product(
        ("1 x 1", "7 x 7"), (0, 5), ("max pooling", "stride 2")
    ):
        set_all(
            explorer,
            convolutions=5,
            filters=4,
            kernel=kernel,
            padding="valid",
            halvings=halvings,
            units=0,
        )
        explorer.halve_by.value = halve_by
        x = keras.Input((28, 28, 1))
        try:
            for kind, options in explorer._plan():
                x = kind(**options)(x)
            refused = False
        except ValueError:
            refused = True
        assert refused == (explorer.picture.fault != ""), (kernel, halvings, halve_by)


def test_a_refusal_says_where_and_why_and_goes_away(explorer):
    explorer.kernel.value = "7 x 7"
    assert explorer.picture.fault == (
        "conv 3: a kernel of 7 doesn't fit into 2 pixels: use padding='same', "
        "or fewer convolutions or halvings"
    )
    with pytest.raises(Refused, match="conv 3: a kernel of 7 doesn't fit"):
        explorer.build()
    explorer.padding.value = "same"
    assert explorer.picture.fault == ""


def test_same_padding_never_refuses(explorer):
    set_all(explorer, convolutions=5, halvings=5, kernel="7 x 7", padding="same")
    assert explorer.picture.fault == "" and "pool 5: 1 x 1 x 64" in explorer.picture.alt


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("convolutions", 2, "flatten: 1,600,"),
        ("filters", 4, "conv 1: 26 x 26 x 4,"),
        ("filters", 64, "conv 1: 26 x 26 x 64,"),
        ("kernel", "1 x 1", "conv 1: 28 x 28 x 32,"),
        ("padding", "same", "conv 3: 7 x 7 x 64,"),
        ("halvings", 1, "conv 3: 9 x 9 x 64,"),
        ("halve_by", "stride 2", "conv 1: 13 x 13 x 32,"),
        ("units", 128, "dense 1: 128,"),
    ],
)
def test_each_control_changes_the_picture_and_its_text(explorer, name, value, told):
    before = explorer.picture.png
    assert told not in explorer.picture.alt
    set_all(explorer, **{name: value})
    assert told in explorer.picture.alt
    assert explorer.picture.png != before


def test_without_dense_units_the_output_follows_at_once(explorer):
    explorer.units.value = 0
    assert (
        "dense" not in explorer.picture.alt
        and "output: 10, 5,770 parameters" in explorer.picture.alt
    )
    assert [layer.name for layer in explorer.build().layers][-2:] == ["flatten", "output"]


def test_no_more_convolutions_halve_than_there_are(explorer):
    explorer.convolutions.value = 1
    assert explorer.halvings.value == explorer.halvings.max == 1
    explorer.convolutions.value = 5
    assert (explorer.halvings.value, explorer.halvings.max) == (1, 5)


def test_stride_instead_of_pooling_changes_only_the_work(explorer):
    explorer.padding.value = "same"
    pooled = explorer.picture.remark.split(" multiply-adds")[0].split(" parameters, ")
    explorer.halve_by.value = "stride 2"
    strided = explorer.picture.remark.split(" multiply-adds")[0].split(" parameters, ")
    assert strided[0] == pooled[0]
    assert int(strided[1].replace(",", "")) < int(pooled[1].replace(",", ""))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "settings, span",
    [
        ({}, 26),
        ({"kernel": "1 x 1"}, 28),
        ({"padding": "same"}, 28),
        ({"padding": "same", "halve_by": "stride 2", "convolutions": 4, "halvings": 4}, 28),
        ({"kernel": "1 x 1", "halve_by": "stride 2"}, 25),
        ({"kernel": "1 x 1", "halve_by": "stride 2", "halvings": 1}, 27),
    ],
)
def test_the_span_is_that_of_the_pixels_with_a_say(explorer, settings, span):
    keras.utils.set_random_seed(0)
    set_all(explorer, **settings)
    rows, columns = np.nonzero(pixels_with_a_say(explorer.build()))
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == span
    told = f"spans {span} x {span} of" if span < 28 else "spans all of"
    assert told in explorer.picture.remark


def test_looking_draws_no_random_numbers(explorer):
    random.seed(0)
    before = random.getstate()
    explorer.kernel.value = "1 x 1"
    assert random.getstate() == before


def test_what_it_builds_can_be_trained(explorer):
    set_all(explorer, filters=4, units=16)
    model = explorer.build()
    model.compile("adam", "sparse_categorical_crossentropy")
    images, labels = np.zeros((8, 28, 28, 1), "float32"), np.zeros(8)
    losses = model.fit(images, labels, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_the_picture_is_a_small_png(explorer):
    set_all(
        explorer, padding="same", kernel="7 x 7", convolutions=5, halvings=5, filters=64, units=128
    )
    assert Image.open(io.BytesIO(explorer.picture.png)).size == (768, 400)
    assert len(explorer.picture.png) < 50_000
