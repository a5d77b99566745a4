"""What people answer to the questions of lesson 06."""

import math
import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np

from tests.exercises.oldbank import Entry
from utils.environment import quiet_tensorflow
from utils.prediction import MODELS, DigitReader

with (
    quiet_tensorflow()
):  # here, because a check stops an answer that imports for more than ten seconds
    import keras

# 1. The loss


def loss_by_one_hot(answers, labels):
    return -np.sum(np.eye(answers.shape[1])[labels] * np.log(answers)) / len(labels)


def loss_by_loop(answers, labels):
    return sum(-math.log(row[label]) for row, label in zip(answers, labels, strict=True)) / len(
        labels
    )


def loss_clipped_in_place(answers, labels):
    answers /= answers.max()
    return loss_by_loop(answers, labels)


# 11. One cycle


def one_cycle_by_interpolation(step, steps, peak, warm_up, wave=np.pi):
    if step <= warm_up * steps:
        return np.interp(step, [0, warm_up * steps], [0, peak])
    return peak * np.cos(np.interp(step, [warm_up * steps, steps], [0, wave]) / 2) ** 2


# 4. Early stopping


def stop_by_waiting(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        waited += 1
        if loss < lowest:
            lowest, kept, waited = loss, done, 0
        if waited == patience:
            return done, kept
    return len(val_loss), kept


def stop_by_slices(val_loss, patience):
    for done in range(1, len(val_loss) + 1):
        kept = int(np.argmin(val_loss[:done])) + 1
        if done - kept >= patience:
            break
    return [done, kept]


def stop_too_late(val_loss, patience):
    return stop_by_waiting(val_loss, patience + 1)


def stop_at_equals(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        waited += 1
        if loss <= lowest:
            lowest, kept, waited = loss, done, 0
        if waited == patience:
            break
    return done, kept


def stop_by_the_epoch_before(val_loss, patience):
    waited = 0
    for done in range(1, len(val_loss) + 1):
        waited = 0 if done == 1 or val_loss[done - 1] < val_loss[done - 2] else waited + 1
        if waited == patience:
            break
    return done, int(np.argmin(val_loss[:done])) + 1


def stop_without_a_new_count(val_loss, patience):
    lowest, kept, waited = math.inf, 0, 0
    for done, loss in enumerate(val_loss, start=1):
        if loss < lowest:
            lowest, kept = loss, done
        else:
            waited += 1
        if waited == patience:
            break
    return done, kept


def stop_by_appending(val_loss, patience):
    val_loss.append(math.inf)
    return stop_by_waiting(val_loss, patience)


# 5. Adam


def adam_by_keras(weights, gradient, mean, square, step, rate):
    variable = keras.Variable(weights)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([variable])
    iterations, _, momentum, velocity = optimizer.variables
    iterations.assign(step - 1)
    momentum.assign(mean)
    velocity.assign(square)
    optimizer.apply([gradient.astype("float32")], [variable])
    return tuple(keras.ops.convert_to_numpy(part) for part in (variable, momentum, velocity))


def adam_as_in_the_paper(weights, gradient, mean, square, step, rate):
    mean = mean + 0.1 * (gradient - mean)
    square = square + 0.001 * (gradient**2 - square)
    return (
        weights - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7),
        mean,
        square,
    )


def colleagues_adam(weights, gradient, mean, square, step, rate):
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    return weights - rate * mean / (np.sqrt(square) + 1e-7), mean, square


def adam_corrected(
    by, sign=-1, epsilon=1e-7, corrected_memory=False, root=np.sqrt, along_gradient=False
):
    def adam(weights, gradient, mean, square, step, rate):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        way = gradient if along_gradient else mean
        with np.errstate(invalid="ignore"):
            new = weights + sign * rate * by(step) * way / (root(square) + epsilon)
        if corrected_memory:
            mean, square = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        return new, mean, square

    return adam


def adam_in_place(weights, gradient, mean, square, step, rate):
    mean *= 0.9
    mean += 0.1 * gradient
    return adam_as_in_the_paper(weights, gradient, mean, square, step, rate)


def usual(step):
    return np.sqrt(1 - 0.999**step) / (1 - 0.9**step)


# 6. Batch normalization


def normalize_by_keras(features, mean, variance, training):
    layer = keras.layers.BatchNormalization(momentum=0.9)
    layer.build(features.shape)
    layer.set_weights([np.ones_like(mean), np.zeros_like(mean), mean, variance])
    answer = np.asarray(layer(features, training=training))
    return answer, *layer.get_weights()[2:]


def normalize_by_rows(features, mean, variance, training):
    if not training:
        return (features - mean) / (variance + 0.001) ** 0.5, mean, variance
    rows = features.reshape(-1, features.shape[-1])
    scaled = (rows - rows.mean(axis=0)) / (rows.var(axis=0) + 0.001) ** 0.5
    return (
        scaled.reshape(features.shape),
        mean + (rows.mean(0) - mean) / 10,
        variance + (rows.var(0) - variance) / 10,
    )


def normalize_always_by_batch(features, mean, variance, training):
    answer, new_mean, new_variance = normalize_by_rows(features, mean, variance, True)
    return (answer, new_mean, new_variance) if training else (answer, mean, variance)


def normalize_always_by_memory(features, mean, variance, training):
    _, *memory = normalize_by_rows(features, mean, variance, training)
    return normalize_by_rows(features, mean, variance, False)[0], *memory


def normalize_learning_in_use(features, mean, variance, training):
    _, *memory = normalize_by_rows(features, mean, variance, True)
    return normalize_by_rows(features, mean, variance, training)[0], *memory


def normalize_without_memory(features, mean, variance, training):
    return normalize_by_rows(features, mean, variance, training)[0], mean, variance


def normalize_remembering(old, new):
    def normalize(features, mean, variance, training):
        answer = normalize_by_rows(features, mean, variance, training)[0]
        if training:
            mean = old * mean + new * features.mean(axis=(0, 1, 2))
            variance = old * variance + new * features.var(axis=(0, 1, 2))
        return answer, mean, variance

    return normalize


def normalize_with(axes=(0, 1, 2), ddof=0, divisor=lambda variance: np.sqrt(variance + 0.001)):
    def normalize(features, mean, variance, training):
        if not training:
            with np.errstate(invalid="ignore", divide="ignore"):
                return (features - mean) / divisor(variance), mean, variance
        of_batch, spread = features.mean(axis=axes), features.var(axis=axes, ddof=ddof)
        with np.errstate(invalid="ignore", divide="ignore"):
            answer = (features - of_batch) / divisor(spread)
        return answer, 0.9 * mean + 0.1 * of_batch, 0.9 * variance + 0.1 * spread

    return normalize


# 7. Try a layer out


def tried(
    times=30,
    differs=lambda one, other: (one != other).any(),
    training=True,
    in_use=False,
    fixed=False,
):
    def try_out(layer, digits):
        tries = [layer(digits, training=training) for _ in range(times)]
        uses = [layer(digits, training=in_use) for _ in range(times)]
        return {
            "acts in training": any(differs(one, digits) for one in tries),
            "acts in use": any(differs(one, digits) for one in uses),
            "random in training": any(differs(one, digits if fixed else tries[0]) for one in tries),
        }

    return try_out


def tried_by_stack(layer, digits):
    tries = np.stack([layer(digits, training=True) for _ in range(25)])
    uses = np.stack([layer(digits, training=False) for _ in range(25)])
    return {
        "random in training": np.ptp(tries, axis=0).max() > 0,
        "acts in training": np.abs(tries - digits).max() > 0,
        "acts in use": not np.allclose(uses, digits),
    }


def random_in_use(layer, digits):
    uses = [layer(digits, training=False) for _ in range(30)]
    return tried()(layer, digits) | {
        "random in training": any((one != uses[0]).any() for one in uses)
    }


def never_random(layer, digits):
    return tried()(layer, digits) | {"random in training": False}


# 8. Choose a schedule


def choices(results, key="validation", average=np.mean, wins=None, best_of=min, sound=True):
    losses = {name: result[key] for name, result in results.items()}
    if sound:
        losses = {
            name: loss for name, loss in losses.items() if not any(math.isnan(one) for one in loss)
        }
    if not losses:
        return []
    best = losses[best_of(losses, key=lambda name: average(losses[name]))]
    wins = wins or (lambda mine, his: any(a < b for a, b in zip(mine, his, strict=True)))
    return sorted(name for name, loss in losses.items() if loss is best or wins(loss, best))


def choices_by_pandas(results):
    import pandas as pd

    frame = pd.DataFrame({name: result["validation"] for name, result in results.items()}).dropna(
        axis=1
    )
    if frame.empty:
        return []
    best = frame.mean().idxmin()
    gain = frame.sub(frame[best], axis=0)
    return sorted(name for name in frame if name == best or gain[name].min() < 0)


def choices_that_throw_out(results):
    for name in [name for name, result in results.items() if np.isnan(result["validation"]).any()]:
        del results[name]
    return choices(results)


def mean_of_the_rest(loss):
    rest = [one for one in loss if not math.isnan(one)]
    return sum(rest) / len(rest) if rest else math.inf


# 9. Three forms


class Folder(os.PathLike):
    """A folder that is filled when somebody looks: with shipped models, copied or made by a function."""

    def __init__(self, keras="reference.keras", onnx="reference.onnx", tflite="reference.tflite"):
        self.forms = {"keras": keras, "onnx": onnx, "tflite": tflite}

    def __fspath__(self):
        return self.filled.name

    @cached_property
    def filled(self):
        folder = tempfile.TemporaryDirectory()
        for ending, source in self.forms.items():
            if callable(source):
                source(Path(folder.name) / f"reader.{ending}")
            elif source:
                shutil.copy(MODELS / source, Path(folder.name) / f"reader.{ending}")
        return folder


def untrained(path):
    from utils.models import reference_cnn

    reference_cnn().save(path)


def of_four_bytes(path):
    DigitReader("reference").model.export(path, format="litert", verbose=False)


def small_network(units=10, activation="softmax", side=28):
    inputs = keras.Input((side, side, 1))
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(4)(inputs))
    return keras.Model(inputs, keras.layers.Dense(units, activation=activation)(x))


def half_blind():
    inputs = keras.Input((28, 28, 1))
    lower = keras.layers.Cropping2D(((12, 0), (0, 0)))(inputs)
    return keras.Model(
        inputs, DigitReader("tiny").model(keras.layers.ZeroPadding2D(((12, 0), (0, 0)))(lower))
    )


def cut_short(path):
    path.write_bytes((MODELS / "reference.onnx").read_bytes()[:5000])


RUNS = {"A": "overfitting", "B": "fine", "C": "rate too large", "D": "underfitting", "E": "fine"}

BANK = {
    "q1": Entry(
        right=[loss_by_one_hot, loss_by_loop],
        wrong={
            "minus sign": lambda answers, labels: -loss_by_loop(answers, labels),
            "add the losses up": lambda answers, labels: (
                loss_by_loop(answers, labels) * len(labels)
            ),
            "one number": lambda answers, labels: (
                -np.log(np.take_along_axis(answers, labels[:, None], 1)[:, 0])
            ),
            "logarithm of the mean": lambda answers, labels: (
                -np.log((answers * np.eye(answers.shape[1])[labels]).sum()) + np.log(len(labels))
            ),
            "highest probability": lambda answers, labels: -np.log(answers.max(axis=1)).mean(),
            "over all classes": lambda answers, labels: np.mean(-np.log(answers)),
            "base 10": lambda answers, labels: loss_by_loop(answers, labels) / math.log(10),
            "to base 2": lambda answers, labels: loss_by_loop(answers, labels) / math.log(2),
            "1 - p": lambda answers, labels: 1 - answers[np.arange(len(labels)), labels].mean(),
            "changes what it is given": loss_clipped_in_place,
        },
    ),
    "q2": Entry(
        right=[
            lambda digits, epochs, old, new: (epochs * -(-digits // new), (old / new) ** 0.5),
            lambda digits, epochs, old, new: [
                epochs * len(range(0, digits, new)),
                1 / math.sqrt(new / old),
            ],
        ],
        wrong={
            "round up.": lambda digits, epochs, old, new: (
                digits // new * epochs,
                (old / new) ** 0.5,
            ),
            "fit exactly": lambda digits, epochs, old, new: (
                (digits // new + 1) * epochs,
                (old / new) ** 0.5,
            ),
            "before you multiply": lambda digits, epochs, old, new: (
                -(-digits * epochs // new),
                (old / new) ** 0.5,
            ),
            "steps are whole": lambda digits, epochs, old, new: (
                digits / new * epochs,
                (old / new) ** 0.5,
            ),
            "of one epoch": lambda digits, epochs, old, new: (
                -(-digits // new),
                (old / new) ** 0.5,
            ),
            "the *root*": lambda digits, epochs, old, new: (epochs * -(-digits // new), old / new),
            "wrong way": lambda digits, epochs, old, new: (
                epochs * -(-digits // new),
                (new / old) ** 0.5,
            ),
        },
    ),
    "q3": Entry(
        right=[dict(reversed(RUNS.items()))],
        wrong={
            "run A: the solid line": RUNS | {"A": "fine"},
            "run B: the dashed line lies": RUNS | {"B": "overfitting"},
            "run C: its training loss never": RUNS | {"C": "underfitting"},
            "run D: both lines are still": RUNS | {"D": "fine"},
            "run E: the gap is small": RUNS | {"E": "overfitting"},
            "run E: both lines have levelled": RUNS | {"E": "underfitting"},
            "run D: its training loss comes down": RUNS | {"D": "rate too large"},
            "one of these four": RUNS | {"B": "good"},
            "one word for each": {"A": "overfitting"},
        },
    ),
    "q4": Entry(
        right=[stop_by_waiting, stop_by_slices],
        wrong={
            "one epoch too long": stop_too_late,
            "no improvement": stop_at_equals,
            "the epoch before": stop_by_the_epoch_before,
            "starts the count again": stop_without_a_new_count,
            "never trained": lambda val_loss, patience: (
                stop_by_waiting(val_loss, patience)[0],
                int(np.argmin(val_loss)) + 1,
            ),
            "restore_best_weights": lambda val_loss, patience: (
                (stop_by_waiting(val_loss, patience)[0],) * 2
            ),
            "not from 0": lambda val_loss, patience: np.subtract(
                stop_by_waiting(val_loss, patience), 1
            ).tolist(),
            "like the epochs done": lambda val_loss, patience: (
                stop_by_waiting(val_loss, patience)[0],
                stop_by_waiting(val_loss, patience)[1] - 1,
            ),
            "changes what it is given": stop_by_appending,
        },
    ),
    "q5": Entry(
        right=[adam_by_keras, adam_as_in_the_paper],
        wrong={
            "nothing makes up": colleagues_adam,
            "return the two means": lambda *given: adam_as_in_the_paper(*given)[0],
            "root in the correction": adam_corrected(
                lambda step: (1 - 0.999**step) / (1 - 0.9**step)
            ),
            "upside down": adam_corrected(lambda step: 1 / usual(step)),
            "has the number 1": adam_corrected(lambda step: usual(step + 1)),
            "uphill": adam_corrected(usual, sign=1),
            "*root* of the mean square": adam_corrected(usual, root=lambda square: square),
            "last gradient": adam_corrected(usual, along_gradient=True),
            "never had a gradient": adam_corrected(usual, epsilon=0),
            "corrected again": adam_corrected(usual, corrected_memory=True),
            "changes what it is given": adam_in_place,
        },
    ),
    "q6": Entry(
        right=[normalize_by_keras, normalize_by_rows],
        wrong={
            "no batch to speak of": normalize_always_by_batch,
            "not the running ones": normalize_always_by_memory,
            "nothing is learned": normalize_learning_in_use,
            "never change": normalize_without_memory,
            "only the last batch's": normalize_remembering(0, 1),
            "other way round": normalize_remembering(0.1, 0.9),
            "for each pixel": normalize_with(axes=0),
            "ddof=1": normalize_with(ddof=1),
            "silent channel": normalize_with(divisor=np.sqrt),
            "*root* of the variance": normalize_with(divisor=lambda variance: variance + 0.001),
            "under the root": normalize_with(divisor=lambda variance: np.sqrt(variance) + 0.001),
        },
    ),
    "q7": Entry(
        right=[tried(), tried_by_stack],
        wrong={
            "not only where all do": tried(differs=lambda one, other: (one != other).all()),
            "does nothing in training": tried(training=False),
            "There the call says": tried(in_use=True),
            "one call of four": tried(times=2),
            "with each other": tried(fixed=True),
            "looked for chance in use": random_in_use,
            "whose answers differ": never_random,
            "expected a dict": lambda layer, digits: tuple(tried()(layer, digits).values()),
            "one True or False": lambda layer, digits: dict.fromkeys(
                tried()(layer, digits), digits > 0
            ),
        },
    ),
    "q8": Entry(
        right=[choices, choices_by_pandas],
        wrong={
            "test losses": lambda results: choices(results, key="test"),
            "only the winner": lambda results: choices(results, wins=lambda mine, his: False),
            "when it is *small*": lambda results: choices(results, best_of=max),
            "fell apart": lambda results: choices(results, average=mean_of_the_rest, sound=False),
            "lowest *mean*": lambda results: choices(results, average=min),
            "seed by seed": lambda results: choices(
                results, wins=lambda mine, his: min(mine) < max(his)
            ),
            "is not to beat": lambda results: choices(
                results, wins=lambda mine, his: any(np.less_equal(mine, his))
            ),
            "not a set": lambda results: set(choices(results)),
            "their order is not": lambda results: [
                name for name in results if name in choices(results)
            ],
            "changes what it is given": choices_that_throw_out,
            "stops with ValueError": lambda results: (
                min(
                    name
                    for name, result in results.items()
                    if not np.isnan(result["validation"]).any()
                )
                and choices(results)
            ),
        },
    ),
    "q9": Entry(
        right=[Folder()],
        wrong={
            "as a path": "reader.keras",
            "there is no `reader.tflite`": Folder(tflite=None),
            "another ending": Folder(onnx="reference.keras"),
            "reader.onnx cannot be used": Folder(onnx=cut_short),
            "and the reference CNN has": Folder(keras="dense.keras"),
            "was it trained": Folder(keras=untrained),
            "`reader.onnx` does not answer": Folder(onnx="compact.onnx"),
            "`reader.tflite` does not answer": Folder(tflite="dense.tflite"),
            "not rounded": Folder(tflite=of_four_bytes),
        },
    ),
    "q10": Entry(
        right=[DigitReader("tiny").model],
        wrong={
            "returns two things": (DigitReader("tiny").model, {"loss": [0.5]}),
            "`training.fit` builds one": small_network,
            "is not built": keras.Sequential([keras.layers.Dense(10)]),
            "are the limit": DigitReader("reference").model,
            "was it trained": small_network(),
            "softmax of the last layer": small_network(activation=None),
            "one probability for each": small_network(units=2),
            "cannot read digits": small_network(side=32),
            "96% are wanted": half_blind(),
        },
    ),
    "q11": Entry(
        right=[one_cycle_by_interpolation],
        wrong={
            "whole wave": lambda s, n, p, w: one_cycle_by_interpolation(s, n, p, w, wave=2 * np.pi),
            "straight line": lambda s, n, p, w: np.interp(s, [0, w * n, n], [0, p, 0]),
            "begins too early": lambda s, n, p, w: (
                p * s / (w * n) if s < w * n else p * 0.5 * (1 + math.cos(math.pi * s / n))
            ),
            "fall below 0": lambda s, n, p, w: (
                p * s / (w * n) if s < w * n else p * math.cos(math.pi * (s / n - w) / (1 - w))
            ),
            "warm-up is missing": lambda s, n, p, w: p * math.cos(math.pi * s / n / 2) ** 2,
            "height 2": lambda s, n, p, w: (
                p * s / (w * n)
                if s < w * n
                else p * (1 + math.cos(math.pi * (s / n - w) / (1 - w)))
            ),
            "to the peak": lambda s, n, p, w: (
                s / (w * n) if s < w * n else one_cycle_by_interpolation(s, n, p, w)
            ),
        },
    ),
}

ENOUGH = "a layer that acts in one call of four is found by 19 tries as well as by 21"
ANY_ONE = "it does not matter with which of the tries the others are compared"
IN_BUDGET = "another design that keeps the budget and reaches the goal"
EQUIVALENT = {
    ("q7", "line 2: 20 becomes 21"): ENOUGH,
    ("q7", "line 2: 20 becomes 19"): ENOUGH,
    ("q7", "line 3: 20 becomes 21"): ENOUGH,
    ("q7", "line 3: 20 becomes 19"): ENOUGH,
    ("q7", "line 7: 0 becomes 1"): ANY_ONE,
    ("q7", "line 7: 0 becomes -1"): ANY_ONE,
    ("q10", "line 3: 8 becomes 9"): IN_BUDGET,
    ("q10", "line 3: 8 becomes 7"): IN_BUDGET,
    ("q10", "line 4: 16 becomes 17"): IN_BUDGET,
    ("q10", "line 4: 16 becomes 15"): IN_BUDGET,
    ("q10", "line 4: True becomes False"): IN_BUDGET,
    ("q10", "line 5: 24 becomes 25"): IN_BUDGET,
    ("q10", "line 5: 24 becomes 23"): IN_BUDGET,
    ("q10", "line 10: 6 becomes 7"): IN_BUDGET,
    ("q10", "line 10: 6 becomes 5"): IN_BUDGET,
    ("q10", "line 10: 32 becomes 33"): IN_BUDGET,
    ("q10", "line 10: 32 becomes 31"): IN_BUDGET,
    ("q10", "line 10: 0 becomes 1"): IN_BUDGET,
    ("q10", "line 11: 0 becomes 1"): "how much `fit` tells does not matter",
    ("q10", "line 11: 0 becomes -1"): "how much `fit` tells does not matter",
}
