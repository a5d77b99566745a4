"""Evaluate a classifier of digits: how often it is right, where it errs, and whether to trust its confidence."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from sklearn import metrics

from utils.data import atomic_write

DIGITS = range(10)

# Images of the MNIST test set whose label at most two of five people agreed with, counted from the answers published
# with Northcutt, Athalye & Mueller (2021), "Pervasive Label Errors in Test Sets Destabilize Machine Learning
# Benchmarks", arXiv:2103.14749 (data: github.com/cleanlab/label-errors, mturk/mnist_mturk.json).
CONTESTED_TEST_LABELS = (
    947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729,
)  # fmt: skip


def accuracy_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson interval for the true accuracy, given `correct` predictions out of `total`.

    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Count how often each digit (column) was predicted for each true digit (row): shape (10, 10)."""
    return metrics.confusion_matrix(labels, predictions, labels=DIGITS)


def per_class_report(labels: np.ndarray, predictions: np.ndarray) -> pd.DataFrame:
    """Return a table of precision, recall, F1, and support for each digit, with the averages in the row "macro"."""
    columns = metrics.precision_recall_fscore_support(
        labels, predictions, labels=DIGITS, zero_division=0
    )
    report = pd.DataFrame(
        dict(zip(("precision", "recall", "F1", "support"), columns, strict=True)), index=DIGITS
    )
    report.loc["macro"] = [*report[["precision", "recall", "F1"]].mean(), report["support"].sum()]
    return report.astype({"support": int}).rename_axis("digit")


def calibration_table(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 10
) -> pd.DataFrame:
    """Group predictions by confidence in bins of equal width, and compare confidence with accuracy in each bin."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int), 1, bins)
    table = pd.DataFrame({"bin": which, "confidence": confidence, "accuracy": correct})
    return table.groupby("bin").agg(
        count=("confidence", "size"),
        confidence=("confidence", "mean"),
        accuracy=("accuracy", "mean"),
    )


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 10
) -> float:
    """Return the gap between confidence and accuracy, averaged over all predictions (ECE).

    Source: Guo et al. (2017), "On Calibration of Modern Neural Networks", arXiv:1706.04599.
    """
    table = calibration_table(probabilities, labels, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float(np.average(gaps, weights=table["count"]))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities, shape (n, 10), that the softmax gives after dividing the logits by the temperature.

    A temperature above 1 moves the probabilities closer together, one below 1 further apart. Their order stays.
    """
    powers = np.clip(probabilities, 1e-30, 1).astype(float) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature from 0.05 to 20 that gives the lowest log loss on the labels.

    Source: Guo et al. (2017), "On Calibration of Modern Neural Networks", arXiv:1706.04599.
    """
    search = minimize_scalar(
        lambda power: log_loss(apply_temperature(probabilities, np.exp(power)), labels),
        bounds=np.log([0.05, 20]),
    )
    return float(np.exp(search.x))


def coverage_curve(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return a table with the share of images answered, and the accuracy on those, for every confidence threshold."""
    confidence = probabilities.max(axis=1)
    surest_first = np.argsort(-confidence, kind="stable")
    correct = (probabilities.argmax(axis=1) == labels)[surest_first]
    answered = np.arange(1, len(labels) + 1)
    return pd.DataFrame(
        {
            "threshold": confidence[surest_first],
            "coverage": answered / len(labels),
            "accuracy": np.cumsum(correct) / answered,
        }
    )


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log p, where p is the probability that the model gave the true digit."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    # Clipped, because a single 0 would make the mean infinite.
    return float(-np.log(np.clip(likelihood, 1e-7, 1)).mean())


def summarize(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the figures that compare models: accuracy, its interval, errors, log loss, and calibration error."""
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    low, high = accuracy_interval(correct, len(labels))
    return {
        "accuracy": correct / len(labels),
        "95 % from": low,
        "95 % to": high,
        "errors": len(labels) - correct,
        "log loss": log_loss(probabilities, labels),
        "calibration error": expected_calibration_error(probabilities, labels),
    }


def write_report(
    path: str | Path, title: str, tables: Mapping[str, pd.DataFrame], figures: Mapping[str, str]
) -> Path:
    """Write tables, and figures (base64 PNGs by the sentence that describes each), as one HTML page."""
    parts = [
        f"<h2>{name}</h2>\n{table.rename_axis(None).to_html(float_format='%.4f', border=0)}"
        for name, table in tables.items()
    ]
    parts += [
        f'<figure><img alt="{alt}" src="data:image/png;base64,{png}"><figcaption>{alt}</figcaption></figure>'
        for alt, png in figures.items()
    ]
    page = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font-family:sans-serif;max-width:60rem;margin:2rem auto}"
        "table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:right;border-bottom:1px solid lightgray}"
        "img{max-width:100%}</style></head>\n"
        f"<body>\n<h1>{title}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )
    with atomic_write(path) as part:
        part.write_text(page, encoding="utf-8", errors="backslashreplace")
    return Path(path)
