"""Measure how long Kaggle's train.csv, 42,000 x 785, takes to be read, by `read_kaggle_csv` and by well-kept readers.

Each reader gives arrays of bytes. Each reading is done in a process of its own, whose peak memory counts all that it
imports; the clock runs for the reading alone. The readers take turns.
"""

import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from apps.kaggle import split_like_kaggle
from benchmarks import records
from utils import data, files

ROUNDS = 7
OURS = "read_kaggle_csv"
COLUMNS = ["label", *files.PIXEL_COLUMNS]


def as_rows(found: np.ndarray | tuple) -> np.ndarray:
    """Return what a reader found as one array: of images and labels, the labels stand before the pixels."""
    return (
        np.column_stack([found[1], found[0].reshape(-1, 784)])
        if isinstance(found, tuple)
        else found
    )


def read_pandas(path: str, **options) -> np.ndarray:
    """Read with pandas."""
    import pandas

    return pandas.read_csv(path, **options).to_numpy(np.uint8)


def read_pyarrow(path: str) -> np.ndarray:
    """Read with pyarrow, whole."""
    import pyarrow
    from pyarrow import csv

    types = dict.fromkeys(COLUMNS, pyarrow.uint8())
    table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types))
    return np.concatenate([batch.to_tensor().to_numpy() for batch in table.to_batches()])


READERS = {
    OURS: files.read_kaggle_csv,
    "pandas": read_pandas,
    "pandas, uint8": lambda path: read_pandas(path, dtype=np.uint8),
    "pandas, engine pyarrow": lambda path: read_pandas(path, engine="pyarrow"),
    "pyarrow, uint8": read_pyarrow,
}


def read_here(name: str, path: str) -> dict:
    """Read once in this process, and return the seconds, the peak memory, and a hash of what was read."""
    warm_up(name)
    start = time.perf_counter()
    found = READERS[name](path)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    rows = as_rows(found)
    digits = hashlib.sha256(np.ascontiguousarray(rows)).hexdigest()
    return {"seconds": seconds, "peak_mb": peak / 1e6, "dtype": str(rows.dtype), "sha256": digits}


def warm_up(name: str) -> None:
    """Read a tiny file, so that imports do not count."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tiny.csv")
        files.write_kaggle_csv(path, np.zeros((2, 28, 28), np.uint8), np.zeros(2, int))
        READERS[name](path)


def read_apart(name: str, path: str) -> dict:
    """Read once in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.csv_reading", name, path]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def summary(runs: dict[str, list[dict]]) -> dict:
    """Return medians and peaks, and how many times as long as the fastest other reader ours takes, round by round."""
    if len({(run["dtype"], run["sha256"]) for rows in runs.values() for run in rows}) != 1:
        raise RuntimeError("the readers did not read the same digits")
    seconds = {name: [run["seconds"] for run in rows] for name, rows in runs.items()}
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    fastest = min((name for name in runs if name != OURS), key=medians.get)
    ratio = statistics.median(a / b for a, b in zip(seconds[OURS], seconds[fastest], strict=True))
    rows = {
        name: {
            "median_seconds": round(medians[name], 3),
            "peak_mb": round(max(run["peak_mb"] for run in runs[name])),
        }
        for name in runs
    }
    return {"fastest": fastest, "ratio": round(ratio, 2), "readers": rows}


def main() -> None:
    """Measure all readers in turns, record what came out, and print it."""
    x_train, y_train, _, _ = split_like_kaggle(data.load_mnist("full"))
    runs = {name: [] for name in READERS}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "train.csv")
        files.write_kaggle_csv(path, x_train, y_train)
        for _ in tqdm(range(ROUNDS), unit="round", file=sys.stdout):
            for name in READERS:
                runs[name].append(read_apart(name, path))
    result = {"rows": len(y_train), "columns": 785, "rounds": ROUNDS, **summary(runs)}
    records.save("csv_reading", {"machine": records.machine(), **result})
    for name, row in result["readers"].items():
        print(f"{name:24} {row['median_seconds']:6.2f} s {row['peak_mb']:6,} MB")
    print(
        f"ours takes {result['ratio']:.2f} times as long as the fastest other, {result['fastest']}"
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(read_here(*sys.argv[1:])))
    else:
        main()
