"""Measure how long one digit takes, by every way the course knows, in turns within one process.

And how long a drawing and a phone's photo take, from the picture to the answer.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks import readme, records
from benchmarks.photos import photograph
from utils import data
from utils.prediction import MODELS, DigitReader
from utils.preprocessing import scale

ROUNDS = 30  # in each, every way gets its turn


def ways(name: str) -> dict[str, tuple[Callable, int]]:
    """Return, for each way to read raw digits, a function and how often it is called in a round."""
    import tensorflow as tf

    network = DigitReader(MODELS / f"{name}.keras").model
    graph = tf.function(network)
    return {
        "model.predict": (lambda digits: network.predict(scale(digits), verbose=0), 2),
        "model(x)": (lambda digits: network(scale(digits), training=False), 5),
        "tf.function": (lambda digits: graph(scale(digits), training=False), 20),
        "DigitReader, ONNX": (DigitReader(MODELS / f"{name}.onnx").predict_batch, 100),
        "DigitReader, LiteRT int8": (DigitReader(MODELS / f"{name}.tflite").predict_batch, 100),
    }


def pictures(digit: np.ndarray) -> dict[str, bytes | np.ndarray]:
    """Return a digit, uint8 (28, 28), as a drawing and as a JPEG of 12 megapixels, with all that makes photos hard."""
    drawing = Image.fromarray(255 - digit).resize((280, 280), Image.Resampling.BICUBIC)
    page = Image.open(io.BytesIO(photograph(digit)))
    file = io.BytesIO()
    page.resize((4000, 3000), Image.Resampling.BICUBIC).save(file, "JPEG")
    return {"drawing, 280 x 280": np.asarray(drawing), "JPEG photo, 12 megapixels": file.getvalue()}


def seconds(way: Callable, digits: np.ndarray | bytes) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    way(digits)
    return time.perf_counter() - start


def summary(taken: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds."""
    p50, p95 = np.quantile(taken, [0.5, 0.95])
    return {"p50_ms": round(1000 * p50, 4), "p95_ms": round(1000 * p95, 4)}


def main(name: str = "reference") -> None:
    """Measure all ways, and record the median and the 95th percentile in milliseconds."""
    digit = data.load_mnist("sample").x_test[:1]
    contenders = ways(name)
    for way, _ in contenders.values():
        way(digit)  # the first call prepares
    times = {label: [] for label in contenders}
    for _ in tqdm(range(ROUNDS), unit="round", file=sys.stdout):
        for label, (way, calls) in contenders.items():
            times[label] += [seconds(way, digit) for _ in range(calls)]
    slowest = statistics.median(times["model.predict"])
    rows = {
        label: summary(taken) | {"times_faster": round(slowest / statistics.median(taken), 1)}
        for label, taken in times.items()
    }
    reader = DigitReader()
    whole = {
        label: summary([seconds(reader.read, picture) for _ in range(ROUNDS)])
        for label, picture in pictures(digit[0]).items()
    }
    records.save(
        "latency", {"machine": records.machine(), "model": name, "rows": rows, "pictures": whole}
    )
    readme.write()


if __name__ == "__main__":
    main()
