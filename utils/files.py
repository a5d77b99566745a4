"""Read and write digits in three common formats: MNIST's idx, Kaggle's CSV, and folders of images."""

import gzip
import math
import reprlib
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pandas.io.common import get_handle
from PIL import Image

from utils.data import MOST_UNPACKED, atomic_write, check_images, check_labels

PIXEL_COLUMNS = [f"pixel{i}" for i in range(784)]
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic")
LONGEST_LINE = 100_000  # characters of a CSV: of a million columns, pandas makes gigabytes
CSV_CHUNK = 4096  # rows at a time: reading all 42,000 of Kaggle's at once takes 300 MB more
PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bz2", b"\xfd7": "xz"}  # by how they begin


def read_idx(path: str | Path) -> np.ndarray:
    """Return the uint8 array of an idx or idx.gz file of MNIST: images (n, 28, 28) or labels (n,).

    Raises ValueError, which names the file and the row (counted from 1), if it holds anything else.
    """
    content = Path(path).read_bytes()
    try:
        # The content decides, not the name: some browsers unpack a .gz and keep its name.
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(path) as file:
                head = file.read(1 << 16)
                # A bomb goes on for gigabytes after the images, or labels, that its header states.
                most = 784 * int.from_bytes(head[4:8], "big") if head[:3] == b"\0\0\x08" else 0
                if most > MOST_UNPACKED:
                    raise ValueError(f"more than {MOST_UNPACKED:,} bytes: unpack it yourself")
                content = head + file.read(most)
    except Exception as error:  # each packing has errors of its own, if it's damaged or encrypted
        raise ValueError(f"{path}: cut or damaged ({error}): download it again.") from error
    magic = int.from_bytes(content[:4], "big")
    if magic not in (2049, 2051):
        expected = "expected an idx file of labels (magic number 2049) or images (2051)"
        raise ValueError(f"{path}: {expected}, got {magic}.")
    data = 4 * (magic - 2047)
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, data, 4))
    if len(content) != data + math.prod(shape):
        expected = f"expected {data + math.prod(shape):,} bytes for shape {shape}"
        raise ValueError(f"{path}: {expected}, got {len(content):,}: download it again.")
    array = np.frombuffer(content, np.uint8, offset=data).reshape(shape)
    _check(array, path)
    return array.copy()


def write_idx(path: str | Path, array: np.ndarray) -> None:
    """Write images (n, 28, 28) or labels (n,) as an idx file, compressed if its name ends in .gz."""
    _check(array, path)
    array = np.asarray(array, np.uint8)
    content = np.array([2048 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()
    with atomic_write(path) as part:
        part.write_bytes(
            gzip.compress(content, compresslevel=6, mtime=0) if part.suffix == ".gz" else content
        )


def _check(array, path):
    if np.ndim(array) == 1:
        check_labels(array, where=path)
    else:
        check_images(array, path)


def read_kaggle_csv(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images (n, 28, 28) and labels (n,), or None without labels, from a Kaggle CSV.

    The columns are label (train.csv only) and pixel0 … pixel783, whole numbers up to 255; the file may
    be packed. Raises ValueError, which names the file and the row (counted from 1) of a wrong cell.
    """
    path = Path(path)  # pandas would download a string that starts with http://
    path.open("rb").close()  # so that a file that isn't there is never called damaged
    try:
        _check_lines(path)
        head = _open_csv(path, dtype=str, nrows=2)
    except Exception as error:  # each packing has errors of its own, if it's damaged or encrypted
        expected = "expected a CSV in UTF-8 with a header, plain, gzip, zip, bz2, xz, or tar"
        raise ValueError(f"{path}: {expected} ({str(error).strip()[:200]}).") from error
    columns = head.iloc[0].fillna("").tolist()
    names = ["label", *PIXEL_COLUMNS] if columns[0] == "label" else PIXEL_COLUMNS
    if columns != names:
        pairs = enumerate(zip([*columns, ""], [*names, ""], strict=False), start=1)
        place, (found, name) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
        expected = "expected the columns (label,) pixel0 … pixel783, with commas between them"
        got = f"got {len(columns)}: column {place} is {reprlib.repr(found)}, not {name!r}"
        raise ValueError(f"{path}: {expected}, {got}.")
    if len(head) < 2:
        raise ValueError(f"{path}: expected rows of digits below the header, got none.")
    if head.iloc[1].isna().any():
        raise ValueError(_bad_cell(path, 1, columns[head.iloc[1].isna().argmax()], "nothing"))
    rows = _read_rows(path, columns)
    images, labels = rows[:, -784:].reshape(-1, 28, 28), None
    if columns[0] == "label":
        labels = rows[:, 0].copy()
        check_labels(labels, where=path)
    return images, labels


def _read_rows(path, columns):
    """Return the rows, uint8 (n, columns), or raise ValueError, which names the wrong cell."""
    parts = []
    try:
        # Without na_filter, an empty cell is as wrong as any other, and reading takes a sixth less time.
        chunks = _open_csv(path, dtype=np.uint8, chunksize=CSV_CHUNK, skiprows=1, na_filter=False)
        # A cell with "inf" is reported below, not by a warning.
        with np.errstate(invalid="ignore"), chunks:
            for chunk in chunks:
                # pandas stores columns together, but the pixels of an image belong side by side.
                parts.append(np.ascontiguousarray(chunk))
    except Exception as error:
        raise ValueError(_why_unreadable(path, columns, sum(map(len, parts)), error)) from error
    return np.concatenate(parts)


def _check_lines(path):
    """Raise ValueError if a line never ends, or if a packed file, however small, holds gigabytes."""
    with path.open("rb") as file:
        packing, size = PACKED.get(file.read(2)), 0
    with get_handle(path, "r", encoding="latin-1", compression=packing) as opened:
        while line := opened.handle.readline(LONGEST_LINE):
            size += len(line)
            if len(line) == LONGEST_LINE or (packing and size > MOST_UNPACKED):
                raise ValueError("its lines are too long, or too many: unpack it, and look inside")


def _open_csv(path, **options):
    with path.open("rb") as file:  # its name may mislead: some browsers unpack a file and keep it
        packing = "tar" if tarfile.is_tarfile(path) else PACKED.get(file.read(2))
    # With a header, pandas would take one value too many for an index and shift the row.
    return pd.read_csv(path, header=None, skip_blank_lines=False, compression=packing, **options)


def _why_unreadable(path, columns, done, error):
    """Return which cell stopped the fast reader, or what the reader said if it wasn't a single cell."""
    if not isinstance(error, pd.errors.ParserError):  # a ParserError names the line itself
        with suppress(Exception):
            chunk = _open_csv(path, names=columns, dtype=str, skiprows=1 + done, nrows=CSV_CHUNK)
            cells = chunk.to_numpy().ravel()
            values = pd.to_numeric(pd.Series(cells), errors="coerce")
            wrong = np.flatnonzero(~(values.between(0, 255) & (values % 1 == 0)))
            if len(wrong):
                row, column = divmod(int(wrong[0]), len(columns))
                got = "nothing" if pd.isna(cells[wrong[0]]) else reprlib.repr(cells[wrong[0]])
                return _bad_cell(path, 1 + done + row, columns[column], got)
    return f"{path}: cut or damaged ({str(error).strip()[:200]})."


def _bad_cell(path, row, column, got):
    expected = f"expected a whole number from 0 to {9 if column == 'label' else 255}, got {got}."
    return f"{path}, row {row} (line {row + 1}), column {column}: {expected}"


def write_kaggle_csv(
    path: str | Path, images: np.ndarray, labels: np.ndarray | None = None
) -> None:
    """Write images (n, 28, 28) as Kaggle's test.csv, or with labels (n,) as its train.csv."""
    check_images(images, path)
    table = pd.DataFrame(images.reshape(-1, 784), columns=PIXEL_COLUMNS)
    if labels is not None:
        check_labels(labels, len(images), where=path)
        table.insert(0, "label", labels)
    with atomic_write(path) as part:
        table.to_csv(part, index=False)


def read_image_folder(root: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 28, 28) and labels (n,) from PNG and JPG files in the folders root/0 … root/9.

    They come in the order of their file names, whatever their class. Files that aren't pictures, and
    names that start with a dot, are skipped. Raises ValueError, which names the file or folder, if
    one isn't a gray digit of 28 x 28 pixels, as PNG or JPG, with a class from 0 to 9.
    """
    folders = [path for path in Path(root).iterdir() if path.is_dir() and path.name[0] != "."]
    if not folders:
        raise ValueError(f"{root}: expected a folder for each class, named 0 … 9, got none.")
    paths = [path for folder in folders for path in _class_images(folder)]
    paths.sort(key=lambda path: (path.name, path.parent.name))
    images = np.stack([_read_image(path) for path in paths])
    return images, np.array([path.parent.name for path in paths], np.uint8)


def _class_images(folder):
    if folder.name not in map(str, range(10)):
        raise ValueError(f"{folder}: expected a folder named 0 to 9, got {folder.name!r}.")
    visible = [path for path in folder.iterdir() if path.name[0] != "."]
    paths = [path for path in visible if path.suffix.lower() in PICTURES]
    if not paths:
        expected = "expected .png or .jpg files, got none: add some, or delete it"
        raise ValueError(f"{folder}: {expected}.")
    return paths


def _read_image(path):
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            # Only these turn gray without loss: transparency or 16 bits would give another picture.
            plain = image.mode in ("1", "L", "P", "RGB") and "transparency" not in image.info
            if plain and image.size == (28, 28):
                return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: expected a PNG or JPG image ({error}).") from error
    width, height = image.size
    expected = "expected 28 x 28 pixels, gray or RGB, without transparency"
    got = f"got {width} x {height} pixels, mode {image.mode}"
    raise ValueError(f"{path}: {expected}, {got}: convert it with utils.photos.to_mnist_form.")


def write_image_folder(
    root: str | Path,
    images: np.ndarray,
    labels: np.ndarray,
    suffix: Literal[".png", ".jpg"] = ".png",
) -> None:
    """Write images (n, 28, 28) and labels (n,) as root/LABEL/NUMBER.png, or .jpg, to a new or empty folder.

    PNG keeps every pixel exactly; JPG, at its best quality, within 3 of 255 gray levels.
    """
    check_images(images, root)
    check_labels(labels, len(images), where=root)
    if suffix not in (".png", ".jpg"):
        raise ValueError(f'suffix: expected ".png" or ".jpg", got {suffix!r}.')
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(f"{root}: expected a new or empty folder: old and new digits would mix.")
    digits = len(str(len(images) - 1))
    with atomic_write(root) as part:
        for label in np.unique(labels):
            (part / str(label)).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(part / str(label) / f"{i:0{digits}}{suffix}", quality=100)
        if root.exists():
            root.rmdir()  # on Windows, a folder can't replace another one, even an empty one
