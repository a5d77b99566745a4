"""Where many images come from: the digits of a file, or the pictures in a folder."""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from apps.pictures import is_hidden, is_picture
from utils.data import check_images
from utils.files import read_idx


class Source:
    """Cut images into partitions of `size`; `source[number]` returns the names and the images of one.

    `load(names)` returns images: an array, uint8 (n, 28, 28), or a list of anything `DigitReader.read` takes. Workers
    call it themselves, so only names are sent to them. `about` tells this source from others, and from an older state.
    """

    def __init__(self, names: Sequence, size: int, load: Callable, about: dict):
        self.names, self.size, self.load, self.about = names, size, load, about

    def part(self, number: int) -> Sequence:
        """Return the names of one partition's images."""
        first = range(0, len(self.names), self.size)[number]
        return self.names[first : first + self.size]

    def describe(self) -> dict:
        """Return what has to be the same when a job goes on."""
        return self.about | {"images": len(self.names), "partition": self.size}

    def __len__(self) -> int:
        return math.ceil(len(self.names) / self.size)

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]:
        return self.part(number), self.load(self.part(number))


class DigitFile(Source):
    """Cut a file of digits, .npy or idx, uint8 (n, 28, 28); each worker opens it itself."""

    def __init__(self, path: str | Path, size: int = 10_000):
        path = str(Path(path).absolute())  # the workers of a cluster run in folders of their own
        changed = Path(path).stat().st_mtime_ns
        load, about = partial(_load_digits, path, changed), {"source": path, "changed": changed}
        super().__init__(range(len(_open(path, changed))), size, load, about)


def _load_digits(path: str, changed: int, numbers: range) -> np.ndarray:
    return np.asarray(_open(path, changed)[numbers.start : numbers.stop])


@lru_cache(maxsize=1)
def _open(path: str, changed: int) -> np.ndarray:
    images = np.load(path, mmap_mode="r") if Path(path).suffix == ".npy" else read_idx(path)
    check_images(images)
    return images


class PictureFolder(Source):
    """Cut the pictures in a folder and all folders below it that aren't hidden, sorted by name."""

    def __init__(self, path: str | Path, size: int = 1000):
        path = Path(path).absolute()
        found = [p.relative_to(path) for p in path.rglob("*") if is_picture(p)]
        names = sorted(p.as_posix() for p in found if not any(map(is_hidden, p.parents)))
        about = {"source": str(path), "pictures": _digest(path, names)}
        super().__init__(names, size, partial(_paths_in, path), about)


def _digest(folder: Path, names: list[str]) -> str:
    """Return a digest of the names, the sizes, and the times of the last change of the pictures in a folder."""
    paths = [folder / name for name in names]
    stats = [
        path.stat() if path.exists() else path.lstat() for path in paths
    ]  # a link may lead nowhere
    states = [(one.st_size, one.st_mtime_ns) for one in stats]
    return hashlib.sha256(repr([names, states]).encode()).hexdigest()[:16]


def _paths_in(folder: Path, names: list[str]) -> list[Path]:
    return [folder / name for name in names]
