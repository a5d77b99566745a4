"""Read a great many images on several processes or hosts, with Dask, partition by partition, each into a Parquet file.

A partition whose file is there and whole is done. So a job that was stopped goes on where it was.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow.lib
import pyarrow.parquet

from utils.data import atomic_write, check_images, load_mnist
from utils.files import read_idx
from utils.photos import UnreadableImage
from utils.prediction import DigitReader

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif"}
# Ctrl-C goes to all processes of a terminal. The workers leave it to the one that ends them, lest each answer as well.
NO_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


class Source(Protocol):
    """Say what `read_images` reads: so many partitions, and for each the names of its images and the images.

    The images are an array, uint8 (n, 28, 28), of digits in MNIST's form, or a list of anything that
    `DigitReader.read` takes. It must be possible to send a source to another process.
    """

    def __len__(self) -> int: ...

    def sizes(self) -> list[int]: ...

    def describe(self) -> str: ...

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]: ...


@dataclass(frozen=True)
class DigitFile:
    """Cut a file of digits, .npy or idx, uint8 (n, 28, 28), into partitions; each worker opens it itself."""

    path: str
    size: int = 10_000

    @property
    def _images(self) -> np.ndarray:
        return _digits_in(self.path, self._changed)

    @property
    def _changed(self) -> int:
        return Path(self.path).stat().st_mtime_ns

    def sizes(self) -> list[int]:
        """Return how many images each partition has."""
        return _sizes(len(self._images), self.size)

    def describe(self) -> str:
        """Tell this source from all others, and from what it was before the file was changed."""
        return f"{self.path}, changed {self._changed}, {len(self._images)} digits in partitions of {self.size}"

    def __len__(self) -> int:
        return len(self.sizes())

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]:
        first = number * self.size
        images = np.asarray(self._images[first : first + self.size])
        return range(first, first + len(images)), images


@lru_cache(maxsize=1)  # beside the source and not in it, so that no digits are sent along with it
def _digits_in(path: str, changed: int) -> np.ndarray:
    images = np.load(path, mmap_mode="r") if Path(path).suffix == ".npy" else read_idx(path)
    check_images(images)
    return images


@dataclass(frozen=True)
class PictureFolder:
    """Cut the pictures of a folder and of all folders in it into partitions, in the order of their names."""

    path: str
    size: int = 1000

    @cached_property
    def _names(self) -> list[str]:
        found = (path for path in Path(self.path).rglob("*") if path.suffix.lower() in PICTURES)
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in found
            if not path.name.startswith(".")
        )

    def sizes(self) -> list[int]:
        """Return how many pictures each partition has."""
        return _sizes(len(self._names), self.size)

    def describe(self) -> str:
        """Tell this source from all others, and from what it was before pictures came or went."""
        names = hashlib.sha256("\n".join(self._names).encode()).hexdigest()[:16]
        return f"{self.path}, {len(self._names)} pictures ({names}) in partitions of {self.size}"

    def __len__(self) -> int:
        return len(self.sizes())

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]:
        names = self._names[number * self.size : (number + 1) * self.size]
        return names, [Path(self.path, name) for name in names]


@dataclass(frozen=True)
class MadeDigits:
    """Make `count` digits out of MNIST's test digits, each shifted and in its own ink; a worker makes its own.

    So a million of them need no disk. Digit i is made from test digit i modulo their number.
    """

    count: int
    size: int = 10_000
    seed: int = 0
    data: str = "auto"

    def sizes(self) -> list[int]:
        """Return how many digits each partition has."""
        return _sizes(self.count, self.size)

    def describe(self) -> str:
        """Tell this source from all others."""
        return repr(self)

    def __len__(self) -> int:
        return len(self.sizes())

    def __getitem__(self, number: int) -> tuple[Sequence, Sequence]:
        names = np.arange(number * self.size, min(self.count, (number + 1) * self.size))
        originals = _test_digits(self.data)
        random = np.random.default_rng([self.seed, number])
        images = originals[names % len(originals)]
        ink = random.integers(160, 257, (len(names), 1, 1), "uint16")
        images = (images * ink >> 8).astype(np.uint8)
        group = random.integers(0, 9, len(names))  # all of one shift at once
        for number_of_shift in range(9):
            chosen = group == number_of_shift
            shift = number_of_shift // 3 - 1, number_of_shift % 3 - 1
            images[chosen] = np.roll(images[chosen], shift, axis=(1, 2))
        return names, images


@lru_cache(maxsize=1)
def _test_digits(data: str) -> np.ndarray:
    with contextlib.redirect_stdout(
        io.StringIO()
    ):  # a worker need not say once more which data these are
        return load_mnist(data).x_test


def _sizes(count: int, size: int) -> list[int]:
    return [min(size, count - first) for first in range(0, count, size)]


def partitions(path: str | Path, size: int | None = None) -> DigitFile | PictureFolder:
    """Return the source that a path means: a folder of pictures, or a file of digits (.npy, idx).

    Raises ValueError where it holds nothing that could be read.
    """
    if size is not None and size < 1:
        raise ValueError(f"size: expected at least one image in a partition, got {size}")
    path = Path(path).absolute()  # workers of a cluster stand in folders of their own
    kind = PictureFolder if path.is_dir() else DigitFile
    source = kind(str(path), size) if size else kind(str(path))
    if not len(source):
        raise ValueError(
            f"there is no picture in {path}: expected files that end in {', '.join(sorted(PICTURES))}"
        )
    return source


class Report(NamedTuple):
    """Tell what `read_images` did: images and partitions read now, those done before, seconds to start and to read."""

    images: int
    partitions: int
    done_before: int
    start_seconds: float
    seconds: float


def read_images(
    source: Source,
    folder: str | Path,
    model: str = "compact",
    workers: int = 2,
    scheduler: str | None = None,
    timeout: float = 30,
    on_event: Callable[[dict], None] | None = None,
) -> Report:
    """Read all images of a source, and write a Parquet file for each partition into the folder.

    `workers` are processes of this machine, with one thread each; or a cluster's, where `scheduler` is the address of
    its Dask scheduler ("tcp://host:8786"): its workers must see the same folder, and have the same course installed.
    A worker that dies is replaced, and its partition read again. Started again, the job reads what `remaining` names.
    Raises ValueError where the folder holds results of something else, ConnectionError where no scheduler answers
    or it has no worker for `timeout` seconds, OSError where the disk is full, RuntimeError where a partition brings
    down worker after worker.
    """
    folder, on_event = Path(folder).absolute(), on_event or (lambda event: None)
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    DigitReader(model)  # a model that cannot be used is found here, not in each worker
    _claim(folder, source, model)
    to_do = remaining(source, folder)
    on_event({"event": "planned", "partitions": len(source), "to_do": len(to_do)})
    begin = time.perf_counter()
    if not to_do:
        return Report(0, 0, len(source), 0.0, 0.0)
    with _cluster(workers, scheduler, timeout) as client:
        on_event({"event": "started", "pids": pids(client)})
        start = time.perf_counter()
        images = sum(_in_turn(client, source, str(folder), model, to_do, on_event))
    return Report(
        images, len(to_do), len(source) - len(to_do), start - begin, time.perf_counter() - start
    )


def remaining(source: Source, folder: str | Path) -> list[int]:
    """Return the numbers of the partitions that have no whole file with a row for each of their images."""
    return [
        number
        for number, size in enumerate(source.sizes())
        if _rows(part_path(folder, number)) != size
    ]


def part_path(folder: str | Path, number: int) -> Path:
    """Return where the results of a partition are kept."""
    return Path(folder) / f"part-{number:05}.parquet"


def _rows(path: Path) -> int | None:
    """Return how many rows a Parquet file holds, or None where there is no whole one: its end names its parts."""
    try:
        return pyarrow.parquet.read_metadata(path).num_rows
    except (OSError, pyarrow.lib.ArrowInvalid):
        return None


def load_results(folder: str | Path) -> pd.DataFrame:
    """Return all results in a folder as one table, in the order of the partitions."""
    found = Path(folder).glob("part-*.parquet")
    paths = sorted(
        path for path in found if "." not in path.stem
    )  # without what a worker left half written
    if not paths:
        raise FileNotFoundError(
            f"there are no results in {folder}: expected files named part-00000.parquet …"
        )
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def read_partition(source: Source, folder: str, model: str, number: int) -> int:
    """Read the images of one partition, write the results, and return how many there are: the work of a worker."""
    names, images = source[number]
    reader = _reader(model)
    if isinstance(images, np.ndarray):
        probabilities = reader.predict_batch(images)
        results = {
            "digit": probabilities.argmax(axis=1).astype("int8"),
            "confidence": probabilities.max(axis=1),
        }
    else:
        results = _read_pictures(reader, images)
    with atomic_write(part_path(folder, number)) as part:
        pd.DataFrame({"image": names, **results}).to_parquet(part, index=False)
    return len(names)


def _read_pictures(reader: DigitReader, pictures: Sequence) -> dict:
    digits, confidences, reasons = [], [], []
    for picture in pictures:
        digit, confidence, reason = None, 0.0, ""
        try:
            answer = reader.read(picture)
            digit, confidence, reason = answer.digit, answer.confidence, answer.reason
        except UnreadableImage as fault:  # one broken file must not stop a million
            reason = str(fault)
        digits.append(digit), confidences.append(confidence), reasons.append(reason)
    return {
        "digit": pd.array(digits, "Int8"),
        "confidence": np.array(confidences, "float32"),
        "reason": reasons,
    }


@lru_cache(maxsize=1)
def _reader(model: str) -> DigitReader:
    return DigitReader(model)  # once for each process


def _claim(folder: Path, source: Source, model: str) -> None:
    """Write into the folder what its results are of; raise ValueError where they are of something else."""
    path, asked = folder / "job.json", {"source": source.describe(), "model": model}
    if path.is_file():
        held = json.loads(path.read_text(encoding="utf-8"))
        if held != asked:
            raise ValueError(
                f"{folder} holds results of {held}, not of {asked}: give another folder"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} holds something else: give another folder, new or empty")
    else:
        with atomic_write(path) as part:
            part.write_text(json.dumps(asked), encoding="utf-8")


@contextlib.contextmanager
def _cluster(workers: int, scheduler: str | None, timeout: float):
    """Yield a client of the cluster that the scheduler's address names, or of one started here."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.comm.timeouts.connect": timeout,
        "distributed.scheduler.allowed-failures": 3,  # workers that a partition may bring down until it is given up
        "distributed.worker.multiprocessing-method": "spawn",
    }
    with dask.config.set(settings), contextlib.ExitStack() as held:
        if scheduler:
            try:
                client = held.enter_context(
                    Client(scheduler, timeout=timeout, set_as_default=False)
                )
                client.wait_for_workers(1, timeout=timeout)
            except (OSError, TimeoutError) as fault:
                raise ConnectionError(
                    f"no cluster at {scheduler} within {timeout:g} s: {fault}"
                ) from fault
        else:
            local = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit="1GB",
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # any free port: the usual one may be taken
                local_directory=tempfile.gettempdir(),
                preload=NO_INTERRUPTS,
                silence_logs=logging.CRITICAL,  # what a learner is to know comes as an error
            )
            cluster = held.enter_context(local)
            client = held.enter_context(Client(cluster, set_as_default=False))
            client.wait_for_workers(workers, timeout=timeout)
        yield client


def pids(client) -> list[int]:
    """Return the process numbers of a cluster's workers."""
    return sorted(client.run(os.getpid).values())


def _in_turn(
    client, source: Source, folder: str, model: str, to_do: list[int], on_event: Callable
) -> Iterator[int]:
    """Hand out the partitions, and yield how many images each had, as they come back."""
    from distributed import KilledWorker, as_completed

    # A folder is listed once, here. With a partition go its own names, not those of all pictures.
    sources = [
        {number: source[number]} if isinstance(source, PictureFolder) else source
        for number in to_do
    ]
    futures = client.map(
        lambda source, number: read_partition(source, folder, model, number),
        sources,
        to_do,
        pure=False,
    )
    numbers = dict(zip(futures, to_do, strict=True))
    try:
        for done, future in enumerate(as_completed(futures, loop=client.loop), start=1):
            yield future.result()
            on_event(
                {
                    "event": "partition",
                    "number": numbers[future],
                    "done": done,
                    "partitions": len(to_do),
                }
            )
    except KilledWorker as fault:
        raise RuntimeError(
            "a partition has brought down worker after worker: is there enough memory?"
        ) from fault
    finally:
        client.cancel(futures)
