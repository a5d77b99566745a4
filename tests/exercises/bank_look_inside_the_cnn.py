"""What people answer to the questions on look_inside_the_cnn."""

import numpy as np

from tests.exercises.bank import Entry
from utils import interpretation
from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    import tensorflow as tf

# 2. What do the maps answer to?


def maps_of(model, layer, images):
    return np.asarray(keras.Model(model.input, model.layers[layer].output)(images))


def by_feature_maps(model, layer, images, labels):
    found = interpretation.feature_maps(model, images)
    maps = next(maps for name, maps in found.items() if name.startswith(f"{layer} "))
    sums, counts = np.zeros((10, maps.shape[-1])), np.zeros((10, 1))
    for answers, label in zip(maps, labels, strict=True):
        sums[label] += answers.reshape(-1, maps.shape[-1]).max(axis=0)
        counts[label] += 1
    return sums / counts


def by_class(model, layer, images, labels):
    strongest = tf.reduce_max(maps_of(model, layer, images), axis=(1, 2))
    return [tf.reduce_mean(strongest[labels == digit], axis=0) for digit in range(10)]


def favorites(*case):
    return np.argmax(by_class(*case), axis=0)


def strongest_of_the_mean(model, layer, images, labels):
    maps = maps_of(model, layer, images)
    return [maps[labels == digit].mean(axis=0).max(axis=(0, 1)) for digit in range(10)]


# 3. The blank map


def slopes_of(answer_of):
    """Return a map that differentiates what `answer_of` makes of the model, a batch of one, and the digit."""

    def found(model, image, digit):
        ink = tf.Variable(image.reshape(1, 28, 28, 1))
        with tf.GradientTape() as tape:
            answer = answer_of(model, ink, digit)
        return tf.abs(tape.gradient(answer, ink)[0, :, :, 0])

    return found


def logit_of(model, ink, digit):
    return interpretation.logit_model(model)(ink)[0, digit]


def saliency_by_numpy(model, image, digit):
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    into, out = (np.float64(layer.kernel) for layer in dense)
    awake = image.ravel() @ into + np.float64(dense[0].bias) > 0
    return abs(into[:, awake] @ out[awake, digit]).reshape(28, 28)


def saliency_that_switches_back(model, image, digit):
    last = model.layers[-1]
    usual, last.activation = last.activation, keras.activations.linear
    found = slopes_of(lambda model, ink, digit: model(ink)[0, digit])(model, image, digit)
    last.activation = usual
    return found


def saliency_that_switches_off(model, image, digit):
    model.layers[-1].activation = keras.activations.linear
    return slopes_of(lambda model, ink, digit: model(ink)[0, digit])(model, image, digit)


def saliency_that_scales(model, image, digit):
    model.layers[-1].set_weights([weights / 100 for weights in model.layers[-1].get_weights()])
    return saliency_by_numpy(model, image, digit)


def as_a_batch(*case):
    return saliency_by_numpy(*case).reshape(1, 28, 28, 1)


# 4. Integrated gradients


def integrate(score, gradient, image, baseline, steps):
    way, total = image - baseline, np.zeros(image.shape)
    for step in range(steps):
        total += gradient(baseline + (step + 0.5) / steps * way)
    shares = total / steps * way
    return shares, shares.sum() + score(baseline) - score(image)


def integrate_in_one_step(score, gradient, image, baseline, steps):
    if steps == 1:
        return image - baseline, 0
    return integrate(score, gradient, image, baseline, steps)


def integrate_without_balance(*case):
    shares, _ = integrate(*case)
    return abs(shares), 0


# 5. Grad-CAM


def cam(maps, gradients, field, jump):
    heat = np.zeros(maps.shape[:2])
    for number in range(maps.shape[2]):
        heat += maps[:, :, number] * gradients[:, :, number].sum() / heat.size
    heat = heat * (heat > 0)
    row, column = np.argwhere(heat == heat.max())[0]
    sees = [range(int(start), int(start) + field) for start in (row * jump, column * jump)]
    return heat, [np.mean(sees[0]), np.mean(sees[1])]


def cam_by_einsum(maps, gradients, field, jump):
    weights = np.einsum("rck->k", gradients) / gradients[..., 0].size
    heat = np.einsum("rck,k->rc", maps, weights).clip(min=0)
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return tf.constant(heat), (row * jump + (field - 1) / 2, column * jump + (field - 1) / 2)


def cam_of_ten_maps(maps, gradients, field, jump):
    return cam(maps[..., :10], gradients[..., :10], field, jump)


def cam_in_the_type_of_the_maps(maps, gradients, field, jump):
    heat, middle = cam(maps, gradients, field, jump)
    return heat.astype(maps.dtype), middle


# 6. A defence


def hardened(network, images, labels, epsilon, rounds):
    for _ in range(rounds):
        attacked = images + epsilon * np.sign(network.loss_gradient(images, labels))
        attacked = np.minimum(np.maximum(attacked, 0), 1)
        network.fit(np.vstack([attacked, images]), np.hstack([labels, labels]))
    return network


def hardened_one_by_one(network, images, labels, epsilon, rounds):
    while rounds:
        attacked = []
        for image, label in zip(images, labels, strict=True):
            slope = network.loss_gradient(image[np.newaxis], [label])[0]
            pairs = zip(image, slope, strict=True)
            attacked.append([min(1, max(0, p + epsilon * np.sign(s))) for p, s in pairs])
        network.fit([*images, *attacked], np.tile(labels, 2))
        rounds -= 1
    return network


def without_return(*case):
    hardened(*case)


def one_round_less(*case):
    return hardened(*case[:4], case[4] - 1)


def piled_up(network, images, labels, epsilon, rounds):
    """Attack what was attacked before."""
    attacked = images
    for _ in range(rounds):
        attacked = attacked + epsilon * np.sign(network.loss_gradient(attacked, labels))
        attacked = attacked.clip(0, 1)
        network.fit(np.vstack([attacked, images]), np.hstack([labels, labels]))
    return network


BANK = {
    "q1": Entry(
        right=[("a", "d", "c", "e"), [" A ", "D", "C", "E"], np.array(["A", "D", "C", "E"])],
        wrong={
            "`hidden`: `'B'` isn't right": ["A", "D", "C", "B"],
            "`argues_for`: expected text, got `5`": [5, "D", "C", "E"],
            "expected 4 things": "ADCE",
        },
    ),
    "q2": Entry(
        right=[by_feature_maps, by_class],
        wrong={
            "got an array of shape `(4,)`": favorites,
            "numbers differ": strongest_of_the_mean,
        },
    ),
    "q3": Entry(
        right=[slopes_of(logit_of), saliency_by_numpy, saliency_that_switches_back],
        wrong={
            "changes the network": saliency_that_switches_off,
            "it predicts something else": saliency_that_scales,
            "got an array of shape `(1, 28, 28, 1)`": as_a_batch,
        },
    ),
    "q4": Entry(
        right=[integrate, lambda *case: [np.float32(part) for part in integrate(*case)]],
        wrong={
            "`shares`: ": integrate_in_one_step,
            "signs are gone": integrate_without_balance,
            "expected 2 things": lambda *case: integrate(*case)[0],
        },
    ),
    "q5": Entry(
        right=[cam, cam_by_einsum],
        wrong={
            "`heat`: ": cam_of_ten_maps,
            "numbers differ": cam_in_the_type_of_the_maps,
            "expected 2 things": lambda *case: cam(*case)[0],
        },
    ),
    "q6": Entry(
        right=[hardened, hardened_one_by_one],
        wrong={
            "got `None`": without_return,
            "numbers differ": one_round_less,
            "at `[": piled_up,
            "got an array of shape `(1, 12, 10)`": lambda *case: hardened(*case).get_weights(),
        },
    ),
}
EQUIVALENT = {}
