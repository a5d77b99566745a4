"""What people answer to the questions of lesson 09."""

import numpy as np

from tests.exercises.oldbank import Entry
from utils import interpretation
from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    import tensorflow as tf

# 2. Measure the slopes


def slopes_by_batch(score, image, nudge):
    rises = []
    for pixel in range(image.size):
        scores = []
        for sign in (1, -1):
            flat = image.ravel().copy()
            flat[pixel] += sign * nudge
            scores.append(float(score(flat.reshape(image.shape))))
        rises.append((scores[0] - scores[1]) / nudge / 2)
    return np.reshape(rises, image.shape).tolist()


def slopes(score, image, nudge, up=1, down=1, run=2.0):
    found = np.zeros_like(image)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            above, below = image.copy(), image.copy()
            above[row, column] += up * nudge
            below[row, column] -= down * nudge
            found[row, column] = (score(above) - score(below)) / (run * nudge)
    return found


def slopes_that_pile_up(score, image, nudge):
    found, tried = np.zeros_like(image), image.copy()
    for place in np.ndindex(image.shape):
        tried[place] += nudge
        above = score(tried)
        tried[place] -= 2 * nudge
        found[place] = (above - score(tried)) / (2 * nudge)
    return found


def slopes_in_place(score, image, nudge):
    for place in np.ndindex(image.shape):
        image[place] += nudge
        above = score(image)
        image[place] -= 2 * nudge
        image[place] = (above - score(image)) / (2 * nudge)
    return image


# 3. What do the maps answer to?


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


def by_class(model, layer, images, labels, places=np.max, digits=np.mean):
    strongest = places(maps_of(model, layer, images), axis=(1, 2))
    return np.array([digits(strongest[labels == digit], axis=0) for digit in range(10)])


def favorites(model, layer, images, labels):
    return by_class(model, layer, images, labels).argmax(axis=0)


# 4. Occlusion


def occlude_by_masks(logits, image, digit, size):
    rows, columns = np.indices(image.shape)
    copies = [
        np.where((abs(rows - row) <= size // 2) & (abs(columns - column) <= size // 2), 0, image)
        for row, column in zip(rows.ravel(), columns.ravel(), strict=True)
    ]
    return (logits(np.stack([image]))[:, digit] - logits(np.stack(copies))[:, digit]).reshape(
        image.shape
    )


def occlude_by_padding(logits, image, digit, size):
    reach, falls = size // 2, np.zeros(image.shape)
    for row, column in np.ndindex(image.shape):
        padded = np.pad(image, reach)
        padded[row : row + size, column : column + size] = 0
        covered = padded[reach : reach + image.shape[0], reach : reach + image.shape[1]]
        before, after = logits(np.stack([image, covered]))[:, digit]
        falls[row, column] = before - after
    return falls


def occlude(
    logits, image, digit, size, first=None, last=None, low=0, cover=0.0, fresh=True, of=None
):
    first, last = size // 2 if first is None else first, size // 2 + 1 if last is None else last
    answer = of or (lambda numbers: numbers)
    falls, covered = np.zeros(image.shape), image.copy()
    for row, column in np.ndindex(image.shape):
        covered = image.copy() if fresh else covered
        covered[max(low, row - first) : row + last, max(low, column - first) : column + last] = (
            cover
        )
        before, after = answer(logits(np.stack([image, covered])))
        falls[row, column] = before[digit] - after[digit]
    return falls


def occlude_inside(logits, image, digit, size):
    reach = size // 2
    inside = np.zeros(image.shape, dtype=bool)
    inside[reach : image.shape[0] - reach, reach : image.shape[1] - reach] = True
    return np.where(inside, occlude(logits, image, digit, size), 0)


def occlude_the_winner(logits, image, digit, size):
    return occlude(logits, image, logits(image[np.newaxis]).argmax(), size)


def shares_of_powers(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def what_is_left(logits, image, digit, size):
    return logits(image[np.newaxis])[0, digit] - occlude(logits, image, digit, size)


# 5. The blank map


def slopes_of(answer_of):
    """Return a map that differentiates what `answer_of` makes of the model, a batch of one, and the digit."""

    def found(model, image, digit):
        ink = tf.Variable(image.reshape(1, 28, 28, 1))
        with tf.GradientTape() as tape:
            answer = answer_of(model, ink, digit)
        return tape.gradient(answer, ink)[0, :, :, 0]

    return found


def logit_of(model, ink, digit):
    return interpretation.logit_model(model)(ink)[0, digit]


def size_of_slopes(answer_of):
    return lambda *case: tf.abs(slopes_of(answer_of)(*case))


def saliency_by_numpy(model, image, digit):
    into, out = (
        np.float64(layer.kernel) for layer in model.layers if isinstance(layer, keras.layers.Dense)
    )
    awake = image.ravel() @ into > 0
    return abs(into[:, awake] @ out[awake, digit]).reshape(28, 28)


def saliency_by_relu(model, image, digit):
    last = model.layers[-1]
    last.activation = keras.activations.linear  # in place, which nobody forbids
    return size_of_slopes(lambda model, ink, digit: model(ink)[0, digit])(model, image, digit)


def saliency_of_winner(model, image, digit):
    return size_of_slopes(logit_of)(
        model, image, int(np.argmax(model(image.reshape(1, 28, 28, 1))))
    )


# 6. Integrated gradients


def integrate(score, gradient, image, baseline, steps, ends="middle", **change):
    way, total = image - baseline, np.zeros_like(image)
    for step in range(steps):
        part = {"middle": (step + 0.5) / steps, "left": step / steps, "right": (step + 1) / steps,
                "both": step / (steps - 1), "image": 1}[ends]  # fmt: skip
        total += gradient(change.get("start", baseline) + part * way)
    shares = total / change.get("divide", steps) * change.get("factor", way)
    return shares, shares.sum() + score(baseline) - score(image)


def integrate_on_the_way_from_paper(score, gradient, image, baseline, steps):
    return integrate(score, gradient, image, 0 * baseline, steps)


def with_gap(of):
    """Return integrated gradients in which `of` makes the gap out of score, image, baseline and shares."""

    def found(score, gradient, image, baseline, steps):
        shares, _ = integrate(score, gradient, image, baseline, steps)
        return shares, of(score, image, baseline, shares)

    return found


# 7. Grad-CAM


def cam(maps, gradients, field, jump, middle=None):
    heat = np.zeros(maps.shape[:2])
    for number in range(maps.shape[2]):
        heat += maps[:, :, number] * gradients[:, :, number].sum() / heat.size
    heat = heat * (heat > 0)
    row, column = np.argwhere(heat == heat.max())[0]
    if middle:
        return heat, middle(row, column)
    sees = [range(int(start), int(start) + field) for start in (row * jump, column * jump)]
    return heat, [np.mean(sees[0]), np.mean(sees[1])]


def cam_by_einsum(maps, gradients, field, jump):
    weights = np.einsum("rck->k", gradients) / gradients[..., 0].size
    heat = np.einsum("rck,k->rc", maps, weights).clip(min=0)
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return heat, (row * jump + (field - 1) / 2, column * jump + (field - 1) / 2)


def cam_with_heat(heat_of):
    return lambda *case: (heat_of(*case), cam(*case)[1])


def cam_with_middle(middle_of):
    """Return Grad-CAM in which `middle_of` places a row or column of the map on the image."""
    return lambda maps, gradients, field, jump: cam(
        maps,
        gradients,
        field,
        jump,
        lambda *place: [middle_of(number, field, jump) for number in place],
    )


def stretched(maps, gradients, field, jump):
    rows, columns = (field + jump * (places - 1) for places in maps.shape[:2])
    return cam(maps, gradients, field, jump,
               lambda row, column: ((row + 0.5) * rows / 6 - 0.5, (column + 0.5) * columns / 4 - 0.5))  # fmt: skip


# 8. A defence


def hardened(
    network,
    images,
    labels,
    epsilon,
    rounds,
    sign=np.sign,
    low=0,
    high=1,
    first=None,
    labels_of=None,
):
    """Harden a network. `first` attacks another one, `labels_of` names the attacked digits anew."""
    for _ in range(rounds):
        attacked = images + epsilon * sign((first or network).loss_gradient(images, labels))
        attacked = np.minimum(np.maximum(attacked, low), high)
        names = labels_of(network, attacked) if labels_of else labels
        network.fit(np.vstack([attacked, images]), np.hstack([names, labels]))
    return network


def hardened_one_by_one(network, images, labels, epsilon, rounds):
    while rounds:
        attacked = []
        for image, label in zip(images, labels, strict=True):
            slope = network.loss_gradient(image[np.newaxis], [label])[0]
            attacked.append(
                [
                    min(1, max(0, p + epsilon * np.sign(s)))
                    for p, s in zip(image, slope, strict=True)
                ]
            )
        network.fit([*images, *attacked], np.tile(labels, 2))
        rounds -= 1
    return network


def attacked_once(network, images, labels, epsilon, rounds, clip=True, clean=True):
    attacked = images + epsilon * np.sign(network.loss_gradient(images, labels))
    attacked = np.clip(attacked, 0, 1) if clip else attacked
    for _ in range(rounds):
        if clean:
            network.fit(np.concatenate([images, attacked]), np.concatenate([labels, labels]))
        else:
            network.fit(attacked, labels)
    return network


def fitted_on(parts):
    """Return a defence that fits, one after the other, the parts that it is told, clean or attacked."""

    def defence(network, images, labels, epsilon, rounds):
        for _ in range(rounds):
            shown = {"clean": images}
            shown["attacked"] = np.clip(
                images + epsilon * np.sign(network.loss_gradient(images, labels)), 0, 1
            )
            for part in parts:
                network.fit(shown[part], labels)
        return network

    return defence


def without_return(network, images, labels, epsilon, rounds):
    hardened(network, images, labels, epsilon, rounds)


BANK = {
    "q1": Entry(
        right=[("a", "d", "c", "e"), [" A ", "D", "C", "E"]],
        wrong={
            "a rival rises": ["C", "D", "C", "E"],
            "becomes *stronger*": ["D", "A", "C", "E"],
            "argues *for* the": ["A", "A", "C", "E"],
            "the map shows nothing": ["A", "E", "C", "E"],
            "fall by the same": ["A", "D", "A", "E"],
            "a close race": ["A", "D", "E", "E"],
            "that hides it": ["A", "D", "C", "A"],
            "falls as well": ["A", "D", "C", "C"],
            "`hidden` is not B": ["A", "D", "C", "B"],
            "from A to E, got": [5, "D", "C", "E"],
            "expected four letters": "ADCE",
        },
    ),
    "q2": Entry(
        right=[slopes_by_batch, slopes],
        wrong={
            "nudge up only": lambda *case: slopes(*case, down=0, run=1),
            "nudge down only": lambda *case: slopes(*case, up=0, run=1),
            "twice too steep": lambda *case: slopes(*case, run=1),
            "that is the rise": lambda score, image, nudge: slopes(
                score, image, nudge, run=1 / nudge
            ),
            "all signs": lambda *case: slopes(*case, up=-1, down=-1),
            "the signs are lost": lambda *case: np.abs(slopes(*case)),
            "pile up": slopes_that_pile_up,
            "all pixels at once": lambda score, image, nudge: (
                (score(image + nudge) - score(image - nudge)) / 2 / nudge
            ),
            "changes what it is given": slopes_in_place,
        },
    ),
    "q3": Entry(
        right=[by_feature_maps, by_class],
        wrong={
            "the mean over all places": lambda *case: by_class(*case, places=np.mean),
            "add up over all places": lambda *case: by_class(*case, places=np.sum),
            "frequent class": lambda *case: by_class(*case, digits=np.sum),
            "strongest digit stands": lambda *case: by_class(*case, digits=np.max),
            "the layer before": lambda model, layer, *rest: by_class(model, layer - 1, *rest),
            "the layer after": lambda model, layer, *rest: by_class(model, layer + 1, *rest),
            "exchanged": lambda *case: by_class(*case).T,
            "each digit by itself": lambda model, layer, images, labels: maps_of(
                model, layer, images
            ).max(axis=(1, 2)),
            "expected shape (10, 4), got (4,)": favorites,
        },
    ),
    "q4": Entry(
        right=[occlude_by_masks, occlude_by_padding],
        wrong={
            "signs are turned": lambda *case: -occlude(*case),
            "what is left": what_is_left,
            "made probabilities": lambda *case: occlude(*case, of=shares_of_powers),
            "that the network reads": occlude_the_winner,
            "upper left corner": lambda *case: occlude(*case, first=0, last=case[3]),
            "ends *before*": lambda *case: occlude(*case, last=case[3] // 2),
            "too large": lambda *case: occlude(*case, first=case[3], last=case[3] + 1),
            "counts from the end": lambda *case: occlude(*case, low=-9),
            "the rim is missing": occlude_inside,
            "fresh copy": lambda *case: occlude(*case, fresh=False),
            "of ink": lambda *case: occlude(*case, cover=1.0),
            "always of 5 x 5": lambda logits, image, digit, size: occlude(logits, image, digit, 5),
        },
    ),
    "q5": Entry(
        right=[size_of_slopes(logit_of), saliency_by_numpy, saliency_by_relu],
        wrong={
            "of the *probability*": size_of_slopes(lambda model, ink, digit: model(ink)[0, digit]),
            "of the *log* of": size_of_slopes(
                lambda model, ink, digit: tf.nn.log_softmax(interpretation.logit_model(model)(ink))[
                    0, digit
                ]
            ),
            "has no logarithm": size_of_slopes(
                lambda model, ink, digit: tf.math.log(model(ink)[0, digit])
            ),
            "signs are still there": slopes_of(logit_of),
            "that the network reads": saliency_of_winner,
            "all ten logits": size_of_slopes(
                lambda model, ink, digit: interpretation.logit_model(model)(ink)
            ),
            "multiplied by the ink": lambda model, image, digit: (
                image * saliency_by_numpy(model, image, digit)
            ),
            "divided by the largest": lambda *case: (
                saliency_by_numpy(*case) / saliency_by_numpy(*case).max()
            ),
            "expected shape (28, 28), got (1, 28, 28, 1)": lambda *case: saliency_by_numpy(
                *case
            ).reshape(1, 28, 28, 1),
        },
    ),
    "q6": Entry(
        right=[integrate],
        wrong={
            "each step begins where": lambda *case: integrate(*case, ends="left"),
            "each step ends where": lambda *case: integrate(*case, ends="right"),
            "`linspace` from 0 to 1": lambda *case: integrate(*case, ends="both"),
            "mean slopes": lambda *case: integrate(*case, factor=1),
            "not by the image": lambda *case: integrate(*case, factor=case[2]),
            "begins on paper": integrate_on_the_way_from_paper,
            "add the baseline": lambda *case: integrate(*case, start=0),
            "add the gradients of all steps": lambda *case: integrate(*case, divide=1),
            "at the image only": lambda *case: integrate(*case, ends="image"),
            "cannot balance": lambda *case: (np.abs(integrate(*case)[0]), 0),
            "left out its score": with_gap(
                lambda score, image, baseline, shares: shares.sum() - score(image)
            ),
            "sign is turned": with_gap(
                lambda score, image, baseline, shares: score(image) - score(baseline) - shares.sum()
            ),
            "its sign is lost": lambda *case: (integrate(*case)[0], abs(integrate(*case)[1])),
            "that is the sum": with_gap(lambda score, image, baseline, shares: shares.sum()),
            "how far the score rose": with_gap(
                lambda score, image, baseline, shares: score(image) - score(baseline)
            ),
            "in the unit of": with_gap(
                lambda score, image, baseline, shares: (
                    shares.sum() / (score(image) - score(baseline)) - 1
                )
            ),
            "return shares, gap": lambda *case: integrate(*case)[0],
        },
    ),
    "q7": Entry(
        right=[cam, cam_by_einsum],
        wrong={
            "below 0": cam_with_heat(
                lambda maps, gradients, *_: maps @ gradients.mean(axis=(0, 1))
            ),
            "before you add": cam_with_heat(
                lambda maps, gradients, *_: (maps * gradients.mean(axis=(0, 1))).clip(0).sum(axis=2)
            ),
            "not the sum": cam_with_heat(
                lambda maps, gradients, *_: (maps @ gradients.sum(axis=(0, 1))).clip(0)
            ),
            "not the largest": cam_with_heat(
                lambda maps, gradients, *_: (maps @ gradients.max(axis=(0, 1))).clip(0)
            ),
            "place by place": cam_with_heat(
                lambda maps, gradients, *_: (maps * gradients).sum(axis=2).clip(0)
            ),
            "not weighed": cam_with_heat(lambda maps, *_: maps.sum(axis=2)),
            "average over the maps": cam_with_heat(lambda *case: cam(*case)[0] / 3),
            "how strongly": cam_with_heat(lambda *case: cam(*case)[0] / cam(*case)[0].max()),
            "stretched": stretched,
            "left corner": cam_with_middle(lambda number, field, jump: number * jump),
            "too far": cam_with_middle(lambda number, field, jump: number * jump + field / 2),
            "rounded down": cam_with_middle(
                lambda number, field, jump: number * jump + (field - 1) // 2
            ),
            "exchanged": lambda *case: (cam(*case)[0], cam(*case)[1][::-1]),
            "the place in the map": cam_with_middle(lambda number, field, jump: number),
            "pixels further on": cam_with_middle(
                lambda number, field, jump: number + (field - 1) / 2
            ),
            "return heat, middle": lambda *case: cam(*case)[0],
        },
    ),
    "q8": Entry(
        right=[hardened, hardened_one_by_one],
        wrong={
            "the colleague's": lambda *case: attacked_once(*case, clip=False, clean=False),
            "as it was at first": attacked_once,
            "there is no such ink": lambda *case: hardened(*case, low=-9, high=9),
            "no ink beyond 1": lambda *case: hardened(*case, high=9),
            "no paper beyond 0": lambda *case: hardened(*case, low=-9),
            "easier to read": lambda *case: hardened(*case, sign=lambda slopes: -np.sign(slopes)),
            "the gradient itself": lambda *case: hardened(*case, sign=lambda slopes: slopes),
            "forget the clean": fitted_on(["attacked"]),
            "never shown": fitted_on(["clean"]),
            "true labels": lambda *case: hardened(
                *case,
                labels_of=lambda network, images: network.probabilities(images).argmax(axis=1),
            ),
            "in one step": fitted_on(["clean", "attacked"]),
            "ever called": lambda network, *rest: network,
            "only None": without_return,
            "expected": lambda *case: hardened(*case[:4], case[4] - 1),
        },
    ),
}

BATCH_OF_ONE = "in a batch of one the first is the last"
EQUIVALENT = {
    ("q4", "line 3: 0 becomes -1"): BATCH_OF_ONE,
    ("q4", "line 7: 0 becomes -1"): BATCH_OF_ONE,
}
