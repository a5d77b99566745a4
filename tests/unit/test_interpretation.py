"""Each way to look inside a network has a property that it must have, whatever the network learned."""

import numpy as np
import pytest

from utils import data, interpretation, training
from utils.environment import quiet_tensorflow
from utils.prediction import DigitReader
from utils.preprocessing import scale

with quiet_tensorflow():
    import keras

NETWORKS = ("reference", "compact")  # one ends in dense layers, the other in an average of its maps
ROWS = np.arange(8)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return DigitReader(request.param).model


@pytest.fixture(scope="module")
def reference():
    return DigitReader("reference").model


@pytest.fixture(scope="module")
def compact():
    return DigitReader("compact").model


@pytest.fixture(scope="module")
def digits():
    """Return 200 digits that no network was trained on, as the networks read them, and their labels."""
    mnist = data.load_mnist("sample")
    return scale(mnist.x_test[:200]), mnist.y_test[:200]


@pytest.fixture(scope="module")
def few(digits):
    return digits[0][:8], digits[1][:8]


def logits_of(network, images):
    return np.asarray(interpretation.logit_model(network)(images))


def test_the_softmax_of_the_logits_is_what_the_network_answers(network, few):
    powers = np.exp(logits_of(network, few[0]))
    np.testing.assert_allclose(
        powers / powers.sum(axis=1, keepdims=True), network(few[0]), atol=1e-5
    )


def test_a_network_without_a_softmax_at_its_end_is_refused(reference):
    with pytest.raises(ValueError, match="last layer is dense with a softmax, got Dense"):
        interpretation.logit_model(interpretation.logit_model(reference))


def test_feature_maps_lead_from_layer_to_layer(network, few):
    maps = interpretation.feature_maps(network, few[0])
    assert list(maps)[:2] == ["1 Conv2D", "2 MaxPooling2D"]
    for name, found in maps.items():
        layer = network.layers[int(name.split()[0])]
        assert found.shape == (8, *layer.output.shape[1:])
        before = next(
            (maps[key] for key in maps if key.startswith(f"{int(name.split()[0]) - 1} ")), few[0]
        )
        np.testing.assert_allclose(layer(before), found, atol=1e-4)


def test_a_network_without_convolutions_is_refused(few):
    dense = DigitReader("dense").model
    for ask in (
        lambda: interpretation.feature_maps(dense, few[0]),
        lambda: interpretation.grad_cam(dense, *few),
    ):
        with pytest.raises(
            ValueError, match="expected convolutions, but no layer of dense_network"
        ):
            ask()


def test_covering_paper_changes_nothing_and_covering_ink_does(network, few):
    images, labels = few
    falls = interpretation.occlusion_map(network, images[:2], labels[:2], size=3)
    ink = images[:2, ..., 0]
    near_ink = (
        np.max([np.roll(ink, (i, j), axis=(1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)
        > 0
    )
    np.testing.assert_allclose(falls[~near_ink], 0, atol=1e-4)
    assert np.abs(falls[near_ink]).mean() > 0.1


def test_occlusion_map_is_the_fall_when_a_pixel_is_covered(reference, few):
    images, labels = few
    falls = interpretation.occlusion_map(reference, images[:1], labels[:1], size=5)
    for row, column in ((0, 0), (10, 14), (27, 5)):
        covered = images[:1].copy()
        covered[:, max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = 0
        difference = (logits_of(reference, images[:1]) - logits_of(reference, covered))[
            0, labels[0]
        ]
        assert falls[0, row, column] == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("size", [0, 4, 29])
def test_a_square_without_a_middle_is_refused(reference, few, size):
    with pytest.raises(ValueError, match=f"expected an odd size from 1 to 28, got {size}"):
        interpretation.occlusion_map(reference, *few, size=size)


def test_the_gradient_is_the_slope_that_is_measured(network, few):
    # On blank paper the numbers that pooling compares are equal, and a slope up is no slope down: so no paper is blank.
    paper = np.random.default_rng(0).uniform(0, 0.1, few[0][:1].shape).astype("float32")
    image, labels, step = np.maximum(few[0][:1], paper), few[1][:1], 1e-3
    slopes = interpretation.gradient(network, image, labels)[0]
    nudges = step * np.eye(784, dtype="float32").reshape(784, 28, 28, 1)
    measured = logits_of(network, image + nudges) - logits_of(network, image - nudges)
    errors = (
        np.abs(measured[:, labels[0]].reshape(28, 28) / (2 * step) - slopes) / np.abs(slopes).max()
    )
    assert (
        np.median(errors) < 0.01 and np.mean(errors < 0.05) > 0.95
    )  # a few ReLUs switch within a step


def test_saliency_is_the_size_of_the_gradient(network, few):
    slopes = interpretation.gradient(network, *few)
    assert slopes.min() < 0
    np.testing.assert_allclose(
        interpretation.saliency_map(network, *few), np.abs(slopes), atol=1e-5
    )


def test_the_logit_has_a_slope_where_the_probability_has_none(reference, few):
    sure = np.asarray(reference(few[0]))[ROWS, few[1]] > 0.9999
    assert (
        sure.any()
        and interpretation.saliency_map(reference, *few)[sure].max(axis=(1, 2)).min() > 0.1
    )


@pytest.mark.parametrize("baseline", [0.0, 1.0], ids=["paper", "ink"])
def test_integrated_gradients_are_complete(network, few, baseline):
    images, labels = few
    shares = interpretation.integrated_gradients(network, images, labels, baseline, steps=64)
    difference = (logits_of(network, images) - logits_of(network, np.full_like(images, baseline)))[
        ROWS, labels
    ]
    np.testing.assert_allclose(
        shares.sum(axis=(1, 2)), difference, atol=0.05 * np.abs(difference).max()
    )


def test_more_steps_come_closer_to_completeness(reference, few):
    images, labels = few
    difference = (logits_of(reference, images) - logits_of(reference, 0 * images))[ROWS, labels]
    gaps = [np.abs(interpretation.integrated_gradients(reference, images, labels, steps=steps).sum(axis=(1, 2))
                   - difference).mean() for steps in (4, 64)]  # fmt: skip
    assert gaps[1] < gaps[0] / 2


def test_a_way_without_steps_is_refused(reference, few):
    with pytest.raises(
        ValueError, match="expected at least one step from the baseline to the image, got 0"
    ):
        interpretation.integrated_gradients(reference, *few, steps=0)


def test_a_pixel_that_equals_the_baseline_gets_no_share(reference, few):
    shares = interpretation.integrated_gradients(reference, *few, steps=8)
    assert np.all(shares[few[0][..., 0] == 0] == 0)


def test_grad_cam_is_not_negative_and_shaped_like_the_maps(network, few):
    maps = interpretation.feature_maps(network, few[0])
    for name in (next(iter(maps)), list(maps)[-1]):
        heat = interpretation.grad_cam(network, *few, layer=int(name.split()[0]))
        assert heat.shape == maps[name].shape[:3]
        assert heat.min() >= 0 and heat.max() > 0


def test_grad_cam_is_zero_where_all_maps_are(reference, few):
    last = interpretation.feature_maps(reference, few[0])["3 Conv2D"]
    heat = interpretation.grad_cam(reference, *few, layer=3)
    dark = (last == 0).all(axis=-1)
    assert dark.any() and np.all(heat[dark] == 0)


def test_grad_cam_over_averaged_maps_is_the_share_of_a_pixel(compact, few):
    """There the logit is a plain sum over the places (Zhou et al., 2016), and needs no gradient."""
    images, labels = few
    maps = list(interpretation.feature_maps(compact, images).values())[-1]
    kernel, bias = compact.layers[-1].get_weights()
    shares = np.einsum("nrcm,mn->nrc", maps, kernel[:, labels]) / (maps.shape[1] * maps.shape[2])
    np.testing.assert_allclose(
        shares.sum(axis=(1, 2)) + bias[labels], logits_of(compact, images)[ROWS, labels], rtol=1e-4
    )
    np.testing.assert_allclose(
        interpretation.grad_cam(compact, images, labels), np.maximum(shares, 0), atol=1e-4
    )


def test_grad_cam_survives_saving_and_loading(reference, few, tmp_path):
    again = keras.models.load_model(training.save_model(reference, tmp_path / "model.keras"))
    np.testing.assert_allclose(
        interpretation.grad_cam(again, *few), interpretation.grad_cam(reference, *few)
    )


def test_grad_cam_refuses_a_layer_without_maps(reference, few):
    with pytest.raises(
        ValueError, match=r"expected a layer that makes maps, one of \[1, 2, 3, 4, 5\], got 7"
    ):
        interpretation.grad_cam(reference, *few, layer=7)


def test_nothing_but_the_embedding_decides(network, few):
    found = interpretation.embeddings(network, few[0])
    assert found.shape == (8, 64)
    np.testing.assert_allclose(network.layers[-1](found), network(few[0]), atol=1e-5)


def test_embeddings_of_one_digit_lie_closer_than_its_pixels(network, digits):
    images, labels = digits

    def ratio(points):
        distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
        same = labels[:, np.newaxis] == labels
        return distances[same & (distances > 0)].mean() / distances[~same].mean()

    assert (
        ratio(interpretation.embeddings(network, images))
        < 0.7
        < ratio(images.reshape(len(images), -1))
    )


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.2])
def test_fgsm_stays_within_epsilon_and_remains_an_image(network, digits, epsilon):
    adversarial = interpretation.fgsm(network, *digits, epsilon)
    assert np.abs(adversarial - digits[0]).max() <= epsilon + 1e-6
    assert 0 <= adversarial.min() and adversarial.max() <= 1
    assert adversarial.dtype == np.float32 and adversarial.shape == digits[0].shape


def test_fgsm_raises_the_loss_and_chance_does_not(network, digits):
    images, labels = digits

    def loss(images):
        likelihood = np.asarray(network(images))[np.arange(len(labels)), labels]
        return -np.log(np.clip(likelihood, 1e-12, 1)).mean()

    signs = np.random.default_rng(0).choice([-1, 1], size=images.shape)
    by_chance = loss(np.clip(images + 0.1 * signs, 0, 1).astype("float32"))
    assert loss(interpretation.fgsm(network, images, labels, 0.1)) > 3 * by_chance


def test_fgsm_with_a_target_raises_the_targets_probability(network, few):
    images, targets = few[0], (few[1] + 1) % 10
    before = np.asarray(network(images))[ROWS, targets]
    after = np.asarray(network(interpretation.fgsm(network, images, targets, 0.05, targeted=True)))[
        ROWS, targets
    ]
    assert np.all(after > before)


@pytest.mark.parametrize("epsilon", [-0.1, 8])
def test_fgsm_refuses_an_epsilon_that_no_pixel_has(reference, few, epsilon):
    with pytest.raises(
        ValueError, match=f"expected an epsilon from 0 to 1, the range of the pixels, got {epsilon}"
    ):
        interpretation.fgsm(reference, *few, epsilon)


METHODS = [
    interpretation.occlusion_map, interpretation.gradient, interpretation.saliency_map,
    interpretation.integrated_gradients, interpretation.grad_cam,
    lambda model, images, digits: interpretation.fgsm(model, images, digits, 0.1),
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_unscaled_digits_or_wrong_labels_are_refused(reference, few, method):
    images, labels = few
    with pytest.raises(ValueError, match="did you call scale"):
        method(reference, (images * 255).astype(np.uint8), labels)
    with pytest.raises(
        ValueError, match=r"expected one label per image, shape \(8,\), got shape \(3,\)"
    ):
        method(reference, images, labels[:3])


@pytest.mark.parametrize("read_out", [interpretation.feature_maps, interpretation.embeddings])
def test_unscaled_digits_are_refused_when_reading_out(reference, few, read_out):
    with pytest.raises(ValueError, match=r"expected images of shape \(n, 28, 28, 1\)"):
        read_out(reference, few[0][0])


def test_looking_inside_changes_nothing(reference, few):
    before = reference.get_weights(), np.asarray(reference(few[0]))
    for method in METHODS:
        method(reference, *few)
    np.testing.assert_array_equal(reference(few[0]), before[1])
    for old, new in zip(before[0], reference.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
