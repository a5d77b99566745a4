"""Measure what readers read beyond MNIST's test set, beside the example on keras.io.

Scored are: the clean test set; every corruption at five strengths; digits turned, shifted and resized more and more;
scikit-learn's digits, which other people wrote and a coarser scanner read; and synthetic photos. To spare time, the
test digits that are corrupted or photographed are a subset, drawn by a seed.
The test digits chose nothing. But two amounts in `robust_augmentation`, the width of bars and the rotation, were
settled on validation digits with these corruptions, withheld ones too, and on scikit-learn's digits.
The example is trained for the 15 epochs of its page, not for the fewer that speed.py needs. Its network is kept in
`RUNS`, so that later runs need not train it again.
"""

import hashlib
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from benchmarks import readme, records
from benchmarks.accuracy import RUNS, training_data
from benchmarks.corruptions import CORRUPTIONS, Corruption, resize, rotate, translate
from benchmarks.photos import PHOTOS, photograph
from benchmarks.speed import train_keras_io
from utils import data
from utils.evaluation import accuracy_interval
from utils.prediction import MODELS, DigitReader
from utils.training import export_onnx

RIVAL = "keras.io"
RIVAL_EPOCHS = 15  # as published
COMPARED = ("robust", "compact", "reference")
SEED = 0
DIGITS = 2000  # of the 10,000 test digits: each is corrupted in more than a hundred ways
PHOTOGRAPHED = 500  # of these: each photo is read one by one
CURVES = {
    "rotation": Corruption(rotate, tuple(range(0, 61, 10))),  # degrees, either way
    "shift": Corruption(translate, tuple(range(9))),  # pixels, in any direction
    "scale": Corruption(resize, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6)),
}
MIDDLE_STRENGTH = 3


def rival(train: tuple) -> Path:
    """Train the example on keras.io as its page does, unless an earlier run kept it, and return its file."""
    path = RUNS / f"{RIVAL}-{SEED}-{RIVAL_EPOCHS}.onnx"
    if not path.exists():
        print(f"training the example on keras.io for {RIVAL_EPOCHS} epochs", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        export_onnx(train_keras_io(*train, SEED, epochs=RIVAL_EPOCHS), path)
    return path


def contenders(names: list[str], mnist: data.Mnist) -> dict[str, Path]:
    """Return the model files to compare, the example on keras.io among them: the named ones, or those of the README."""
    return {RIVAL: rival(training_data(mnist)[0])} | {
        name: MODELS / f"{name}.onnx" for name in names or COMPARED
    }


def chance(name: str, step: int = 0) -> np.random.Generator:
    """Return a source of chance of its own for each name and step, the same in every run."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode()), step])


def subset(mnist: data.Mnist, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw test digits by the seed; the first of them are the same for every count."""
    chosen = np.random.default_rng(SEED).permutation(len(mnist.y_test))[:count]
    return mnist.x_test[chosen], mnist.y_test[chosen]


def score(correct: float, total: int) -> dict:
    """Return an accuracy with its 95 % interval."""
    low, high = accuracy_interval(round(correct), total)
    return {
        "images": total,
        "accuracy": round(float(correct / total), 5),
        "interval": [round(low, 5), round(high, 5)],
    }


def hits(reader: DigitReader, images: np.ndarray, labels: np.ndarray) -> int:
    """Count the digits in MNIST's form that are read rightly."""
    return int(np.sum(reader.predict_batch(images).argmax(axis=1) == labels))


def on_corrupted(
    readers: dict, corruptions: dict[str, Corruption], images: np.ndarray, labels: np.ndarray
) -> dict:
    """Return, for each reader and each way to corrupt digits, the accuracy at every strength."""
    found = {name: {} for name in readers}
    for what, corruption in tqdm(corruptions.items(), unit="corruption", file=sys.stdout):
        for step in range(1, len(corruption.amounts) + 1):
            corrupted = corruption(images, step, chance(what, step))
            for name, reader in readers.items():
                found[name].setdefault(what, []).append(
                    round(hits(reader, corrupted, labels) / len(labels), 5)
                )
    return found


def on_pictures(readers: dict, pictures: list, labels: np.ndarray, ink: str = "auto") -> dict:
    """Return each reader's accuracy on pictures of any form, and how often it found no digit, which counts as wrong."""
    found = {}
    for name, reader in readers.items():
        read = [reader.read(picture, ink).digit for picture in pictures]
        right = sum(digit == label for digit, label in zip(read, labels, strict=True))
        found[name] = score(right, len(labels)) | {"no_digit": read.count(None)}
    return found


def foreign_digits() -> tuple[list, np.ndarray]:
    """Return scikit-learn's 1,797 digits, light ink on black in 8 x 8 pixels and 17 shades, with their labels."""
    digits = load_digits()
    return list((digits.images * (255 / 16)).round().astype("uint8")), digits.target


def photos(images: np.ndarray) -> Iterator[tuple[str, list]]:
    """Yield each kind of photo with the photos of all digits."""
    for kind, hardships in PHOTOS.items():
        yield (
            kind,
            [
                photograph(digit, hardships, chance(kind, number))
                for number, digit in enumerate(images)
            ],
        )


def means(corrupted: dict[str, list[float]], digits: int) -> dict:
    """Return the mean accuracy at the middle strength over the families known to training, and over those withheld.

    The interval takes each digit for one trial, though it was tried once per family: so it is rather too wide.
    """
    groups = {"trained": False, "withheld": True}
    middle = {
        group: [
            corrupted[name][MIDDLE_STRENGTH - 1]
            for name, it in CORRUPTIONS.items()
            if it.withheld == withheld
        ]
        for group, withheld in groups.items()
    }
    middle["all"] = middle["trained"] + middle["withheld"]
    return {group: score(np.mean(values) * digits, digits) for group, values in middle.items()}


def accuracies(results: dict) -> dict[str, float]:
    """Return the accuracies by which models are compared, the corruptions at their middle strength."""
    return {
        "clean test set": results["clean"]["accuracy"],
        **{f"mean, {group}": it["accuracy"] for group, it in results["means"].items()},
        "load_digits": results["load_digits"]["accuracy"],
        **{f"photo, {kind}": it["accuracy"] for kind, it in results["photos"].items()},
        **{name: it[MIDDLE_STRENGTH - 1] for name, it in results["corruptions"].items()},
    }


def errors_against_rival(results: dict, rival_results: dict) -> dict[str, float | None]:
    """Return the errors of a model divided by those of the example on keras.io, or None where that made none."""
    theirs = accuracies(rival_results)
    return {
        what: round((1 - accuracy) / (1 - theirs[what]), 3) if theirs[what] < 1 else None
        for what, accuracy in accuracies(results).items()
    }


def measure(paths: dict[str, Path], mnist: data.Mnist, count: int = DIGITS) -> dict:
    """Score all models on everything, on `count` test digits where that takes long."""
    readers = {name: DigitReader(path) for name, path in paths.items()}
    images, labels = subset(mnist, count)
    corrupted, curves = (
        on_corrupted(readers, CORRUPTIONS, images, labels),
        on_corrupted(readers, CURVES, images, labels),
    )
    foreign = on_pictures(readers, *foreign_digits(), ink="light")
    few = min(count, PHOTOGRAPHED)
    photographed = {
        kind: on_pictures(readers, pictures, labels[:few])
        for kind, pictures in tqdm(
            photos(images[:few]), total=len(PHOTOS), unit="kind of photo", file=sys.stdout
        )
    }
    results = {
        name: {
            "sha256": hashlib.sha256(paths[name].read_bytes()).hexdigest(),
            "clean": score(hits(reader, mnist.x_test, mnist.y_test), len(mnist.y_test)),
            "means": means(corrupted[name], len(labels)),
            "load_digits": foreign[name],
            "photos": {kind: found[name] for kind, found in photographed.items()},
            "corruptions": corrupted[name],
            "curves": curves[name],
        }
        for name, reader in readers.items()
    }
    for name in results:
        if name != RIVAL:
            results[name]["errors_against_keras_io"] = errors_against_rival(
                results[name], results[RIVAL]
            )
    return results


def describe() -> dict:
    """Return what was measured and how, as plain values."""
    return {
        "digits": DIGITS,
        "photographed": PHOTOGRAPHED,
        "seed": SEED,
        "keras_io_epochs": RIVAL_EPOCHS,
        "corruptions": {
            name: {"amounts": it.amounts, "withheld": it.withheld}
            for name, it in CORRUPTIONS.items()
        },
        "curves": {name: it.amounts for name, it in CURVES.items()},
        "photos": PHOTOS,
    }


def table(results: dict) -> str:
    """Return the results as text: a row for each thing that was read, a column for each model."""
    columns = {name: accuracies(it) for name, it in results.items()}
    lines = [" " * 24 + "".join(f"{name:>12}" for name in columns)]
    for what in columns[RIVAL]:
        mark = " (withheld)" if what in CORRUPTIONS and CORRUPTIONS[what].withheld else ""
        lines.append(
            f"{what + mark:24}" + "".join(f"{column[what]:12.2%}" for column in columns.values())
        )
    return "\n".join(lines)


def main(names: list[str]) -> None:
    """Measure the named models, or those of the README, beside the example on keras.io, and record what came out."""
    mnist = data.load_mnist("full")
    results = measure(contenders(names, mnist), mnist)
    records.save(
        "robustness", {"machine": records.machine(), "settings": describe(), "models": results}
    )
    readme.write()
    print(table(results))


if __name__ == "__main__":
    main(sys.argv[1:])
