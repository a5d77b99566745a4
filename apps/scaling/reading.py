"""Read many images with several processes or hosts: Dask hands out partitions, and each becomes a Parquet file.

A partition is done if its file is whole, so a job that was stopped reads only the others when it starts again.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.lib
import pyarrow.parquet

from apps.models import fingerprint
from apps.scaling.sources import Source
from apps.untrusted import checked
from utils.data import atomic_write, claim_folder
from utils.photos import UnreadableImage
from utils.prediction import DigitReader


@lru_cache(maxsize=1)  # opened once in each process
def _reader(model: str, state: str) -> DigitReader:
    """Open a model; raise ValueError if its file is no longer in the state in which the job began."""
    if fingerprint(model) != state:
        raise ValueError(f"the model {model} has changed since the job began: name another folder")
    return DigitReader(model)


class Report(NamedTuple):
    """List what `read_images` did: images and partitions it read, those done before, and its seconds."""

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
    on_event: Callable[[dict], None] = lambda event: None,
) -> Report:
    """Read the partitions of a source that have no whole Parquet file in the folder, and write one for each.

    The `workers` are processes of this machine, or those of the Dask `scheduler` with this address ("tcp://host:8786"),
    which need the same folders and this course. A partition is read again if its worker dies.
    """
    from apps.scaling.cluster import connect

    folder, begin = Path(folder).absolute(), time.perf_counter()
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    DigitReader(model)  # a model that can't be used is found here, not in each worker
    state = fingerprint(model)
    claim_folder(folder, source.describe() | {"model": model, "model_sha256": state})
    to_do = remaining(source, folder)
    if not to_do:
        return Report(0, 0, len(source), 0.0, 0.0)
    with connect(workers, scheduler, timeout, memory_limit="1GB") as client:
        on_event({"event": "started", "pids": sorted(client.run(os.getpid).values())})
        start = time.perf_counter()
        read = partial(_read, source.load, model, state)
        jobs = [source.part(number) for number in to_do], [part_path(folder, n) for n in to_do]
        images = _gather(client, client.map(read, *jobs, pure=False), on_event)
        seconds = time.perf_counter() - start
    return Report(images, len(to_do), len(source) - len(to_do), start - begin, seconds)


def _gather(client, futures: list, on_event: Callable[[dict], None]) -> int:
    """Return how many images were read, and tell of each partition that is done and each worker that is lost."""
    from distributed import as_completed

    images, crew = 0, set(client.scheduler_info(-1)["workers"])
    for done, future in enumerate(as_completed(futures, loop=client.loop), start=1):
        images += future.result()
        present = set(client.scheduler_info(-1)["workers"])
        if not crew <= present:
            on_event({"event": "lost"})
        crew = present
        on_event({"event": "partition", "done": done, "partitions": len(futures)})
    return images


def read_partition(source: Source, number: int, folder: str | Path, model: str) -> int:
    """Read the images of one partition, write the results, and return how many there are."""
    state = fingerprint(model)
    return _read(source.load, model, state, source.part(number), part_path(folder, number))


def _read(load: Callable, model: str, state: str, names: Sequence, path: Path) -> int:
    """Do what `read_partition` says: what a worker does."""
    reader, images = _reader(model, state), load(names)
    if isinstance(images, np.ndarray):
        probabilities = reader.predict_batch(images)
        digits, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
        results = pd.DataFrame({"digit": digits.astype("int8"), "confidence": confidences})
    else:
        rows = [_read_picture(reader, image) for image in images]
        results = pd.DataFrame(rows, columns=["digit", "confidence", "reason"])
        results = results.astype({"digit": "Int8", "confidence": "float32"})
    results.insert(0, "image", [_printable(name) for name in names])
    with atomic_write(path) as part:
        results.to_parquet(part, index=False)
    return len(names)


def _read_picture(reader: DigitReader, picture) -> tuple:
    try:
        found = reader.read(checked(picture))
    except UnreadableImage as fault:  # one broken file mustn't stop a million
        return None, 0.0, _printable(str(fault))
    return found.digit, found.confidence, found.reason


def _printable(name: str | int) -> str | int:
    """Return a name as UTF-8 can hold it: on Linux, a file's name can be any bytes."""
    return name.encode(errors="backslashreplace").decode() if isinstance(name, str) else name


def remaining(source: Source, folder: str | Path) -> list[int]:
    """Return the numbers of the partitions without a whole file that has a row for each of their images."""

    def is_whole(number: int) -> bool:
        try:  # the count of the rows stands at the end of the file
            rows = pyarrow.parquet.read_metadata(part_path(folder, number)).num_rows
        except (OSError, pyarrow.lib.ArrowInvalid):
            return False
        return rows == len(source.part(number))

    return [number for number in range(len(source)) if not is_whole(number)]


def part_path(folder: str | Path, number: int) -> Path:
    """Return the path of a partition's results."""
    return Path(folder) / f"part-{number:05}.parquet"


def load_results(folder: str | Path) -> pd.DataFrame:
    """Return all results in a folder as one table, in the order of the partitions."""
    paths = sorted(path for path in Path(folder).glob("part-*.parquet") if "." not in path.stem)
    if not paths:
        hint = "expected files named part-00000.parquet …"
        raise FileNotFoundError(f"there are no results in {folder}: {hint}")
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
