"""What people answer to the questions on look_inside_the_cnn."""

import numpy as np

from tests.exercises.bank import Entry
from utils import interpretation
from utils.environment import quiet_tensorflow
from utils.exercises.lesson import load

with quiet_tensorflow():
    import keras
    import tensorflow as tf

answers_by_class, integrated_gradients, grad_cam, harden = map(
    load("look_inside_the_cnn").answer, ("q2", "q4", "q5", "q6")
)


def by_feature_maps(model, layer, images, labels):
    found = interpretation.feature_maps(model, images)
    maps = next(maps for name, maps in found.items() if name.startswith(f"{layer} "))
    sums, counts = np.zeros((10, maps.shape[-1])), np.zeros((10, 1))
    for answers, label in zip(maps, labels, strict=True):
        sums[label] += answers.reshape(-1, maps.shape[-1]).max(axis=0)
        counts[label] += 1
    return sums / counts


def strongest_of_the_mean(model, layer, images, labels):
    maps = np.asarray(keras.Model(model.input, model.layers[layer].output)(images))
    return [maps[labels == digit].mean(axis=0).max(axis=(0, 1)) for digit in range(10)]


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


def integrate(score, gradient, image, baseline, steps):
    way, total = image - baseline, np.zeros(image.shape)
    for step in range(steps):
        total += gradient(baseline + (step + 0.5) / steps * way)
    shares = total / steps * way
    return np.float32(shares), np.float32(shares.sum() + score(baseline) - score(image))


def integrate_in_one_step(score, gradient, image, baseline, steps):
    if steps == 1:
        return image - baseline, 0
    return integrated_gradients(score, gradient, image, baseline, steps)


def cam(maps, gradients, field, jump):
    heat = np.zeros(maps.shape[:2])
    for number in range(maps.shape[2]):
        heat += maps[:, :, number] * gradients[:, :, number].sum() / heat.size
    heat = heat * (heat > 0)
    row, column = np.argwhere(heat == heat.max())[0]
    sees = [range(int(start), int(start) + field) for start in (row * jump, column * jump)]
    return heat, [np.mean(sees[0]), np.mean(sees[1])]


def cam_of_ten_maps(maps, gradients, field, jump):
    return grad_cam(maps[..., :10], gradients[..., :10], field, jump)


def cam_in_the_type_of_the_maps(maps, gradients, field, jump):
    heat, middle = grad_cam(maps, gradients, field, jump)
    return heat.astype(maps.dtype), middle


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
            "`argues_for`: `'5'` isn't right": [5, "D", "C", "E"],
            "expected 4 things": "ADCE",
        },
    ),
    "q2": Entry(
        right=[
            by_feature_maps,
            lambda *case: [tf.constant(row) for row in answers_by_class(*case)],
        ],
        wrong={
            "got an array of shape `(4,)`": lambda *case: answers_by_class(*case).argmax(axis=0),
            "numbers differ": strongest_of_the_mean,
        },
    ),
    "q3": Entry(
        right=[slopes_of(logit_of), saliency_by_numpy, saliency_that_switches_back],
        wrong={
            "changes the network": saliency_that_switches_off,
            "it predicts something else": saliency_that_scales,
            "got an array of shape `(1, 28, 28)`": lambda *case: saliency_by_numpy(*case)[None],
        },
    ),
    "q4": Entry(
        right=[integrate],
        wrong={
            "`shares`: ": integrate_in_one_step,
            "signs are gone": lambda *case: (abs(integrated_gradients(*case)[0]), 0),
            "expected 2 things": lambda *case: integrated_gradients(*case)[0],
        },
    ),
    "q5": Entry(
        right=[cam],
        wrong={
            "`heat`: ": cam_of_ten_maps,
            "numbers differ": cam_in_the_type_of_the_maps,
            "expected 2 things": lambda *case: grad_cam(*case)[0],
        },
    ),
    "q6": Entry(
        right=[hardened_one_by_one],
        wrong={
            "got `None`": lambda *case: None if harden(*case) else 0,
            "numbers differ": lambda *case: harden(*case[:4], case[4] - 1),
            "at `[": piled_up,
            "got an array of shape `(1, 12, 10)`": lambda *case: harden(*case).get_weights(),
        },
    ),
}
