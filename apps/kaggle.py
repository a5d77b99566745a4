"""Kaggle's Digit Recognizer: files in its form, overlap between two sets of digits, and checked submissions."""

import os
from pathlib import Path

import numpy as np

from utils.data import (
    CACHE,
    Mnist,
    atomic_write,
    check_images,
    check_labels,
    load_mnist,
    runs_folder,
)
from utils.files import write_kaggle_csv

HEADER = "ImageId,Label"
HIDDEN = "hidden_labels.csv"  # only in generated folders: Kaggle doesn't publish its own
TRAIN_SHARE = 0.6  # Kaggle cut MNIST's 70,000 digits into 42,000 to train on and 28,000 to test on


def split_like_kaggle(
    mnist: Mnist, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Shuffle all digits together, and split them 3 : 2 into x_train, y_train, x_test, y_test.

    Images are uint8 (n, 28, 28), labels uint8 (n,): 42,000 and 28,000 of full MNIST, 3,000 and 2,000 of the sample.
    """
    images = np.concatenate([mnist.x_train, mnist.x_test])
    labels = np.concatenate([mnist.y_train, mnist.y_test])
    order = np.random.default_rng(seed).permutation(len(labels))
    train, test = np.split(order, [round(TRAIN_SHARE * len(labels))])
    return images[train], labels[train], images[test], labels[test]


def write_kaggle_files(folder: str | Path, mnist: Mnist, seed: int = 0) -> None:
    """Write train.csv and test.csv in Kaggle's form, and hidden_labels.csv, to a new or empty folder.

    The hidden labels have a submission's form, so `read_submission` reads them. Raises ValueError if the folder isn't
    empty, because Kaggle's own files must never be overwritten.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"{folder}: expected a new or empty folder, so that nothing is overwritten: name another."
        )
    x_train, y_train, x_test, y_test = split_like_kaggle(mnist, seed)
    # All three files appear at once, so test.csv and the labels can't come from different runs.
    with atomic_write(folder) as part:
        part.mkdir()
        write_kaggle_csv(part / "train.csv", x_train, y_train)
        write_kaggle_csv(part / "test.csv", x_test)
        write_submission(part / HIDDEN, y_test)
        if folder.exists():
            folder.rmdir()  # on Windows, a folder can't replace even an empty one


def kaggle_folder() -> Path:
    """Return the folder with train.csv and test.csv: data/kaggle if Kaggle's own are there, or a generated one.

    It is generated once from `load_mnist()`, in `runs_folder()`: "kaggle" from full MNIST, "kaggle_sample" from the
    sample. With MNIST_SOURCE=sample in the environment, data/kaggle isn't used.
    """
    own = CACHE.parent / "kaggle"
    if os.environ.get("MNIST_SOURCE") != "sample" and all(
        (own / name).is_file() for name in ("train.csv", "test.csv")
    ):
        return own
    mnist = load_mnist()
    folder = runs_folder() / ("kaggle" if mnist.source == "full" else "kaggle_sample")
    if not (folder / HIDDEN).is_file():
        try:
            write_kaggle_files(folder, mnist)
        except OSError:
            if not (
                folder / HIDDEN
            ).is_file():  # or another notebook was faster with the same files
                raise
    return folder


def find_overlap(x_train: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Return the indices, (m,), of the test images that are also training images, pixel for pixel.

    Both are uint8 (n, 28, 28). If there are any, a score on the test set is partly memorized.
    """
    check_images(x_train)
    check_images(x_test)
    seen = {image.tobytes() for image in x_train}
    return np.array([i for i, image in enumerate(x_test) if image.tobytes() in seen], dtype=int)


def write_submission(path: str | Path, digits: np.ndarray) -> None:
    """Write digits, whole numbers (n,), as a submission: ImageId from 1 in the order of the test file, and Label.

    Raises ValueError for anything else, such as probabilities, and if it would overwrite anything but a submission.
    """
    check_free(path)
    check_labels(digits)
    digits = np.asarray(digits)
    lines = [HEADER, *(f"{row},{digit}" for row, digit in enumerate(digits.tolist(), start=1))]
    with atomic_write(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def check_free(path: str | Path) -> None:
    """Raise ValueError if there is a file that isn't a submission, such as Kaggle's train.csv."""
    target = Path(path).resolve()
    if target.is_file() and target.stat().st_size:
        with target.open("rb") as file:
            first = file.readline(100)
        if b"ImageId" not in first:
            raise ValueError(
                f"{path}: expected a new file or an earlier submission, got something else: name another file."
            )


def read_submission(path: str | Path, rows: int) -> np.ndarray:
    """Check a submission for a test file with this many rows, and return its digits, uint8 (rows,).

    Raises ValueError at the first fault, naming its row (counted from 1, below the header), its line, and the fault.
    """
    digits = []
    # Invalid UTF-8 becomes a character that no cell may hold, and is refused with its row like everything else.
    with open(path, encoding="utf-8", errors="replace") as file:
        _check_header(path, file.readline())
        for row, line in enumerate(file, start=1):
            cells = [
                cell.removeprefix('"').removesuffix('"') for cell in line.rstrip("\n").split(",")
            ]
            fault = _fault_of_row(cells, row, rows)
            if fault:
                raise ValueError(f"{path}, row {row} (line {row + 1}): {fault}.")
            digits.append(int(cells[1]))
    if len(digits) < rows:
        row = len(digits) + 1
        missing = f"expected {rows:,} rows, one for each test image, got {len(digits):,}: this one is missing"
        raise ValueError(f"{path}, row {row} (line {row + 1}): {missing}.")
    return np.array(digits, np.uint8)


def _check_header(path, line):
    found = line.rstrip("\n")
    if found.replace('"', "") == HEADER:
        return
    hint = ""
    if found.startswith("\ufeff"):
        hint = ' with a byte-order mark: save it as plain UTF-8, in pandas by encoding="utf-8"'
    elif not line:
        hint = " in an empty file"
    elif found.replace(";", ",").replace("\t", ",") == HEADER:
        hint = ": separate the values by commas"
    elif found.endswith(HEADER):
        hint = ": leave the index out, in pandas by index=False"
    elif found.replace(",", "").isdigit():
        hint = ": the header is missing"
    elif found.replace(" ", "").lower() == HEADER.lower():
        hint = ": capitals and spaces count"
    raise ValueError(f"{path}, header (line 1): expected {HEADER}, got {_short(found)}{hint}.")


def _fault_of_row(cells, row, rows):
    """Return what is wrong with the cells of a row, or None."""
    if row > rows:
        return (
            f"expected {rows:,} rows, one for each test image, got more: {_short(','.join(cells))}"
        )
    if cells == [""]:
        return "expected ImageId and Label, got a blank line: delete it"
    if len(cells) != 2:
        return f"expected 2 values, ImageId and Label, got {len(cells)}: {_short(','.join(cells))}"
    image_id, label = cells
    if image_id != str(row):
        return f"expected ImageId {row}, got {_short(image_id)}{_why_id(image_id, row, rows)}"
    if len(label) != 1 or label not in "0123456789":
        return f"expected a Label from 0 to 9, got {_short(label)}{_why_label(label)}"
    return None


def _why_id(image_id, row, rows):
    if not (image_id.isascii() and image_id.isdigit()):
        return ": write a whole number"
    number = int(image_id[:20])
    if number == row:
        return ": write it without zeros before it"
    if number == 0:
        return ": count from 1"
    if number < row:
        return ": it has a row already"
    if number > rows:
        return f": the test file has {rows:,} rows"
    return ": a row is missing, or they are not in the order of the test file"


def _why_label(label):
    whole, point, fraction = label.partition(".")
    if point and whole.isdigit() and not fraction.strip("0"):
        return ": write whole numbers, in NumPy by astype(int)"
    return ": write the digit alone, without spaces" if label.strip() in tuple("0123456789") else ""


def _short(text):
    """Return a text in quotes, cut if it is long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…") if text else "nothing"
