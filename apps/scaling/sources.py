"""Where many images come from: the digits of a file, the pictures in a folder, or digits made on the spot."""

import contextlib
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from apps.pictures import PICTURES, is_picture
from utils.data import check_images, load_mnist
from utils.files import read_idx


class Source:
    """Cut `count` images into partitions of `size`; `source[number]` returns the names and images of one.

    A subclass loads a range of images: an array, uint8 (n, 28, 28), or a list of anything `DigitReader.read` takes.
    """

    def sizes(self) -> list[int]:
        """Return how many images each partition has."""
        return [min(self.size, self.count - first) for first in range(0, self.count, self.size)]

    def describe(self) -> dict:
        """Return what tells this source from others, and from what it was before it changed."""
        return {"images": self.count, "partition": self.size}

    def part(self, number: int) -> "Source | dict":
        """Return what a worker needs for one partition: the source itself, if that is small."""
        return self

    def __len__(self) -> int:
        return len(self.sizes())

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]:
        first = range(0, self.count, self.size)[number]
        return self.load(range(first, min(self.count, first + self.size)))


@dataclass(frozen=True)
class MadeDigits(Source):
    """Make `count` digits from MNIST's test digits, each shifted and in its own ink, in the worker that reads them."""

    count: int
    size: int = 10_000
    seed: int = 0

    def describe(self) -> dict:
        """Return what tells these digits from others."""
        return {"source": "made digits", "seed": self.seed} | super().describe()

    def load(self, numbers: range) -> tuple[np.ndarray, np.ndarray]:
        """Return the digits with these numbers: digit i comes from test digit i modulo their number."""
        rng, names = np.random.default_rng([self.seed, numbers.start]), np.array(numbers)
        ink = rng.integers(160, 257, (len(names), 1, 1), "uint16")
        images = (_test_digits()[names % len(_test_digits())] * ink >> 8).astype(np.uint8)
        shifts = rng.integers(-1, 2, (len(names), 2))
        for shift in np.unique(shifts, axis=0):  # all of one shift at once
            chosen = (shifts == shift).all(axis=1)
            images[chosen] = np.roll(images[chosen], shift, axis=(1, 2))
        return names, images


@lru_cache(maxsize=1)
def _test_digits() -> np.ndarray:
    with contextlib.redirect_stdout(io.StringIO()):  # a worker needn't say which data it has
        return load_mnist().x_test


@dataclass(frozen=True)
class DigitFile(Source):
    """Cut a file of digits, .npy or idx, uint8 (n, 28, 28); each worker opens it itself."""

    path: str
    size: int = 10_000
    count = property(lambda self: len(_digits_in(self.path, self._changed)))
    _changed = property(lambda self: Path(self.path).stat().st_mtime_ns)

    def describe(self) -> dict:
        """Return what tells this file from others, and from what it was before it changed."""
        return {"source": self.path, "changed": self._changed} | super().describe()

    def load(self, numbers: range) -> tuple[range, np.ndarray]:
        """Return the digits with these numbers."""
        digits = _digits_in(self.path, self._changed)
        return numbers, np.asarray(digits[numbers.start : numbers.stop])


@lru_cache(maxsize=1)  # outside of the source, so that no digits are sent along with it
def _digits_in(path: str, changed: int) -> np.ndarray:
    images = np.load(path, mmap_mode="r") if Path(path).suffix == ".npy" else read_idx(path)
    check_images(images)
    return images


@dataclass(frozen=True)
class PictureFolder(Source):
    """Cut the pictures in a folder and all folders below it, sorted by name."""

    path: str
    size: int = 1000
    count = property(lambda self: len(self._names))

    @cached_property
    def _names(self) -> list[str]:
        found = (path for path in Path(self.path).rglob("*") if is_picture(path))
        return sorted(path.relative_to(self.path).as_posix() for path in found)

    def describe(self) -> dict:
        """Return what tells this folder from others, and from what it was before pictures came or went."""
        names = hashlib.sha256("\n".join(self._names).encode()).hexdigest()[:16]
        return {"source": self.path, "names": names} | super().describe()

    def load(self, numbers: range) -> tuple[list[str], list[Path]]:
        """Return the names and paths of the pictures with these numbers."""
        names = self._names[numbers.start : numbers.stop]
        return names, [Path(self.path, name) for name in names]

    def part(self, number: int) -> dict:
        """Return the paths of one partition: a folder is listed only once, and its names are many."""
        return {number: self[number]}


def partitions(
    path: str | Path, size: int | None = None, workers: int = 2, folder: str | Path = ""
) -> DigitFile | PictureFolder:
    """Return the source that a path means, cut into partitions of `size`.

    Without a size, a job that has begun in `folder` keeps its own, and a new one gets four partitions for each worker.
    Raises ValueError if there is nothing to read.
    """
    if size is not None and size < 1:
        raise ValueError(f"size: expected at least one image in a partition, got {size}")
    path = Path(path).absolute()  # the workers of a cluster run in folders of their own
    source = PictureFolder(str(path)) if path.is_dir() else DigitFile(str(path))
    if not source.count:
        endings = ", ".join(sorted(PICTURES))
        raise ValueError(f"there is no picture in {path}: expected files that end in {endings}")
    if size is None:
        size = min(source.size, math.ceil(source.count / (4 * workers)))
        with contextlib.suppress(OSError, ValueError, KeyError):
            size = json.loads(Path(folder, "run.json").read_text())["partition"]
    return type(source)(source.path, size)
