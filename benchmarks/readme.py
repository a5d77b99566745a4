"""Write the README's tables from what was recorded: `python -m benchmarks.readme`."""

import re
import statistics
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
        rows.append(
            f"| {link} | {your_time} | {stamp['seconds']} s | {stamp['peak_memory_mb']:,} MB |"
        )
    return "\n".join(rows)


def accuracy_table() -> str:
    """Return a row per recipe: its parameters, its test accuracy over the recorded seeds, and minutes on one core."""
    rows = [
        "| recipe | parameters | MNIST test accuracy | one training | trainings |",
        "|---|---|---|---|---|",
    ]
    recipes = records.load("accuracy")["recipes"]
    for name in sorted(recipes, key=lambda name: -recipes[name]["mean_test_accuracy"]):
        result = recipes[name]
        spread = (
            "" if result["standard_deviation"] is None else f" ± {result['standard_deviation']:.2%}"
        )
        accuracy = f"{result['mean_test_accuracy']:.2%}{spread}"
        minutes = f"{result['mean_seconds'] / 60:.1f} min"
        rows.append(
            f"| {name} | {result['recipe']['parameters']:,} | {accuracy} | {minutes} | {len(result['runs'])} |"
        )
    return "\n".join(rows)


def speed_table() -> str:
    """Return a row per contender for the time to 99 %."""
    record = records.load("speed")
    rows = ["| to 99 % | seconds | MNIST test accuracy | trainings |", "|---|---|---|---|"]
    for name in ("keras.io", "fast"):
        result = record[name]
        accuracy = f"{result['mean_test_accuracy']:.2%} ± {result['standard_deviation']:.2%}"
        rows.append(
            f"| {name} | {result['mean_seconds']:.1f} | {accuracy} | {len(result['runs'])} |"
        )
    return "\n".join(
        [
            *rows,
            "",
            f"*fast* is {record['ratio']:.0f} times faster, ± {record['ratio_deviation']:.0f}.",
        ]
    )


def latency_table() -> str:
    """Return a row per way to read one digit, and how long whole pictures take."""
    record = records.load("latency")
    rows = ["| one digit by | median, ms | times faster |", "|---|---|---|"]
    for name, row in record["rows"].items():
        rows.append(f"| {name} | {row['p50_ms']:.3g} | {row['times_faster']:,.0f} |")
    whole = "; ".join(f"{name}: {row['p50_ms']:.0f} ms" for name, row in record["pictures"].items())
    return "\n".join([*rows, "", f"From the picture to the answer, prepared and read: {whole}."])


def robustness_table() -> str:
    """Return a row per kind of picture, and a column per model."""
    models = records.load("robustness")["models"]
    columns = {
        "MNIST's test set, clean": lambda it: it["clean"],
        "corrupted, all families": lambda it: it["means"]["all"],
        "corrupted, families that no training has met": lambda it: it["means"]["withheld"],
        "scikit-learn's `load_digits`": lambda it: it["load_digits"],
        "photos: ruled paper, shadow, blur and pens": lambda it: it["photos"]["all together"],
    }
    rows = [f"| read rightly | {' | '.join(models)} |", "|---|" + "---|" * len(models)]
    for label, pick in columns.items():
        rows.append(
            f"| {label} | "
            + " | ".join(f"{pick(it)['accuracy']:.2%}" for it in models.values())
            + " |"
        )
    errors = models["robust"]["errors_against_keras_io"]
    families = [errors[name] for name in models["robust"]["corruptions"]]
    summary = (
        f"Of the example's errors on corrupted digits, *robust* makes {errors['mean, all']:.2f} over all families, "
        f"{errors['mean, withheld']:.2f} over the withheld ones, and from {min(families):.2f} to {max(families):.2f} "
        "in a single family."
    )
    return "\n".join([*rows, "", summary])


def serving_table() -> str:
    """Return a row per server, and what was measured of ours alone."""
    record = records.load("serving")
    rows = ["| one worker, two cores | requests a second | memory |", "|---|---|---|"]
    for name, rates in record["requests_per_second"].items():
        rows.append(f"| {name} | {statistics.median(rates):.0f} | {record['memory_mb'][name]} MB |")
    latency, soak = record["latency"], record["soak"]
    start = statistics.median(record["start_to_ready_seconds"])
    alone = (
        f"Ours answers {record['ratio']:.1f} times as many. At {latency['requests_per_second']} requests a second, "
        f"99 % are answered within {latency['p99_ms']:.0f} ms. It is ready {start:.1f} s after its start, and its "
        f"memory changed by {soak['growth_mb']:+.1f} MB over {soak['requests']:,} drawings."
    )
    return "\n".join([*rows, "", alone])


def filled(text: str) -> str:
    """Return README's text with each marked table replaced by the recorded one."""
    for name, write_table in TABLES.items():
        if not records.load(name):
            continue
        between = re.compile(rf"(<!-- {name}[^>]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = between.sub(rf"\g<1>\n{write_table()}\n\n\g<2>", text)
    return text


TABLES = {
    "lessons": lesson_table,
    "accuracy": accuracy_table,
    "speed": speed_table,
    "latency": latency_table,
    "robustness": robustness_table,
    "serving": serving_table,
}


def write() -> None:
    """Put the recorded tables into README.md."""
    with atomic_write(README) as part:
        part.write_text(filled(README.read_text()))


if __name__ == "__main__":
    write()
