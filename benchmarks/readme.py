"""Write the README's tables from what was recorded: `python -m benchmarks.readme`."""

import re
from pathlib import Path

import nbformat

from benchmarks import records
from utils.data import atomic_write

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def lesson_table() -> str:
    """Return a row per lesson: its title, the time to work through it, and the recorded run time and memory."""
    rows = ["| lesson | your time | run time | memory |", "|---|---|---|---|"]
    for name, stamp in records.load("lessons")["lessons"].items():
        first = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells[0].source
        title = re.search(r"^# (.+)$", first, re.MULTILINE)[1]
        your_time = re.search(r"\*\*Time\*\* ([^·\n]+)", first)[1].strip()
        link = f"[{name[:2]}](notebooks/{name}.ipynb) {title}"
        rows.append(f"| {link} | {your_time} | {stamp['seconds']} s | {stamp['peak_memory_mb']:,} MB |")
    return "\n".join(rows)


def accuracy_table() -> str:
    """Return a row per recipe: its parameters, and its test accuracy over the recorded seeds."""
    rows = ["| network | parameters | MNIST test accuracy | trainings |", "|---|---|---|---|"]
    for name, result in records.load("accuracy")["recipes"].items():
        accuracy = f"{result['mean_test_accuracy']:.2%} ± {result['standard_deviation']:.2%}"
        rows.append(f"| {name} | {result['recipe']['parameters']:,} | {accuracy} | {len(result['runs'])} |")
    return "\n".join(rows)


def filled(text: str) -> str:
    """Return README's text with each marked table replaced by the recorded one."""
    for name, table in {"lessons": lesson_table(), "accuracy": accuracy_table()}.items():
        between = re.compile(rf"(<!-- {name}[^>]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = between.sub(rf"\g<1>\n{table}\n\n\g<2>", text)
    return text


def write() -> None:
    """Put the recorded tables into README.md."""
    with atomic_write(README) as part:
        part.write_text(filled(README.read_text()))


if __name__ == "__main__":
    write()
