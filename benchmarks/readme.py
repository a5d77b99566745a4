"""Write the tables of README.md and benchmarks/README.md from the records: `python -m benchmarks.readme`."""

import hashlib
import re
import statistics
from pathlib import Path

import nbformat

from benchmarks import records
from utils.data import atomic_write
from utils.prediction import MODELS

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "README.md", ROOT / "benchmarks" / "README.md"
# The records of a table, where they aren't the one of its name
NEEDED = {
    "headlines": ("speed", "latency", "serving", "robustness"),
    "accuracy": ("accuracy", "angles"),
}


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
        "| recipe | parameters | MNIST test accuracy | time per run | runs |",
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
    turned = ", and ".join(
        f"one *{name}* gets {_spread(found['test']['averaged']['each'])} "
        f"instead of {_spread(found['test']['upright']['each'])}"
        for name, found in records.load("angles")["networks"].items()
    )
    summary = (
        f"If each digit is read three times, upright and turned a little to either side, {turned}. "
        "(The *compact* networks were trained again for this, so they aren't those of the table.)"
    )
    return "\n".join([*rows, "", summary])


def headline_table() -> str:
    """Return a row for each of the other measurements, with its main result."""
    speed, latency, serving, robustness = map(records.load, NEEDED["headlines"])
    seconds = {name: speed[name]["mean_seconds"] for name in ("fast", "keras.io")}
    times = {name: row["p50_ms"] for name, row in latency["rows"].items()}
    rates = {name: statistics.median(it) for name, it in serving["requests_per_second"].items()}
    models = robustness["models"]
    accuracy = {name: it["means"]["all"]["accuracy"] for name, it in models.items()}
    rows = [
        ("", "our result", "compared with"),
        ("---",) * 3,
        (
            "training to 99%",
            f"{seconds['fast']:.1f} s with *fast*",
            f"{seconds['keras.io']:.1f} s with the example on keras.io",
        ),
        (
            "one prediction",
            f"{times['DigitReader, ONNX']:.3f} ms with ONNX Runtime",
            f"{times['model.predict']:.0f} ms with `model.predict`",
        ),
        (
            "requests a second",
            f"{rates['ours']:.0f} with the web app's server",
            f"{rates['model.predict']:.0f} with a server that calls `model.predict`",
        ),
        (
            "accuracy on corrupted digits",
            f"{accuracy['robust']:.2%} with *robust*",
            f"{accuracy['keras.io']:.2%} with the example on keras.io",
        ),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + _trained_since(models, "\n\nThe last row was")


def angles_table() -> str:
    """Return a row per recipe, and one for its networks together: read upright, and averaged over three angles."""
    rows = [
        "| MNIST test accuracy | upright | averaged | errors saved per network |",
        "|---|---|---|---|",
    ]
    for name, found in records.load("angles")["networks"].items():
        upright, averaged = found["test"]["upright"], found["test"]["averaged"]
        saved = found["saved"]
        rows.append(
            f"| {name}, one network | {_spread(upright['each'])} | {_spread(averaged['each'])} "
            f"| {saved['mean']:.1f} ± {saved['standard_deviation']:.1f} |"
        )
        rows.append(
            f"| {name}, five together | {_accuracy(upright['together'])} | {_accuracy(averaged['together'])} | |"
        )
    return "\n".join(rows)


def _accuracy(errors: float) -> str:
    return f"{1 - errors / 10_000:.2%}"


def _spread(errors: list[int]) -> str:
    return f"{_accuracy(statistics.mean(errors))} ± {statistics.stdev(errors) / 10_000:.2%}"


def speed_table() -> str:
    """Return a row per contender for the time to 99%."""
    record = records.load("speed")
    rows = ["| to 99% | seconds | MNIST test accuracy | runs |", "|---|---|---|---|"]
    for name in ("keras.io", "fast, float32", "fast"):
        result = record[name]
        accuracy = f"{result['mean_test_accuracy']:.2%} ± {result['standard_deviation']:.2%}"
        rows.append(
            f"| {name} | {result['mean_seconds']:.1f} | {accuracy} | {len(result['runs'])} |"
        )
    return "\n".join(
        [
            *rows,
            "",
            f"*fast* is {record['ratio']:.0f} times as fast, ± {record['ratio_deviation']:.0f}.",
        ]
    )


def latency_table() -> str:
    """Return a row per way to classify one digit, and how long whole pictures take."""
    record = records.load("latency")
    rows = ["| one digit | median, ms | times as fast |", "|---|---|---|"]
    for name, row in record["rows"].items():
        rows.append(f"| {name} | {row['p50_ms']:.3g} | {row['times_faster']:,.0f} |")
    whole = " or ".join(
        f"{row['p50_ms']:.0f} ms ({name})" for name, row in record["pictures"].items()
    )
    return "\n".join(
        [*rows, "", f"From a picture to a prediction, preprocessing included: {whole}."]
    )


def robustness_table() -> str:
    """Return a row per kind of picture, and a column per model."""
    models = records.load("robustness")["models"]
    columns = {
        "MNIST's test set, clean": lambda it: it["clean"],
        "corrupted, all 22 ways": lambda it: it["means"]["all"],
        "corrupted in the five ways left out of training": lambda it: it["means"]["withheld"],
        "scikit-learn's `load_digits`": lambda it: it["load_digits"],
        "photos: ruled paper, shadow, blur, and colored pens": lambda it: it["photos"][
            "all together"
        ],
    }
    rows = [f"| accuracy on | {' | '.join(models)} |", "|---|" + "---|" * len(models)]
    for label, pick in columns.items():
        rows.append(
            f"| {label} | "
            + " | ".join(f"{pick(it)['accuracy']:.2%}" for it in models.values())
            + " |"
        )
    errors = models["robust"]["errors_against_keras_io"]
    families = [errors[name] for name in models["robust"]["corruptions"]]
    summary = (
        f"For each error of the example on corrupted digits, *robust* makes {errors['mean, all']:.2f} on average over "
        f"all ways, {errors['mean, withheld']:.2f} over the five left out of training, and between "
        f"{min(families):.2f} and {max(families):.2f} in any single way."
    )
    return "\n".join([*rows, "", summary + _trained_since(models, " These numbers were")])


def _trained_since(models: dict, start: str) -> str:
    """Return a sentence that names the models whose file isn't the one that was scored, or nothing."""
    others = [
        f"*{name}*"
        for name, it in models.items()
        if (path := MODELS / f"{name}.onnx").exists()
        and hashlib.sha256(path.read_bytes()).hexdigest() != it["sha256"]
    ]
    return f"{start} measured before {' and '.join(others)} was trained again." if others else ""


def serving_table() -> str:
    """Return a row per server, and what was measured of ours alone."""
    record = records.load("serving")
    rows = ["| one worker, two cores | requests a second | memory |", "|---|---|---|"]
    for name, rates in record["requests_per_second"].items():
        rows.append(f"| {name} | {statistics.median(rates):.0f} | {record['memory_mb'][name]} MB |")
    latency, soak = record["latency"], record["soak"]
    start = statistics.median(record["start_to_ready_seconds"])
    alone = (
        f"Our server handles {record['ratio']:.1f} times as many. At {latency['requests_per_second']} requests a "
        f"second, 99% get their response within {latency['p99_ms']:.0f} ms. It's ready {start:.1f} s "
        f"after it starts, and its memory changed by {soak['growth_mb']:+.1f} MB over {soak['requests']:,} drawings."
    )
    return "\n".join([*rows, "", alone])


def filled(text: str) -> str:
    """Return a page's text with each marked table replaced by the recorded one."""
    for name, write_table in TABLES.items():
        needed = NEEDED.get(name, [name])
        if f"<!-- {name}" not in text or not all(map(records.load, needed)):
            continue
        between = re.compile(rf"(<!-- {name}[^>]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = between.sub(rf"\g<1>\n{write_table()}\n\n\g<2>", text)
    return text


TABLES = {
    "lessons": lesson_table,
    "accuracy": accuracy_table,
    "headlines": headline_table,
    "angles": angles_table,
    "speed": speed_table,
    "latency": latency_table,
    "robustness": robustness_table,
    "serving": serving_table,
}


def write() -> None:
    """Put the recorded tables into the pages."""
    for page in PAGES:
        text = filled(page.read_text(encoding="utf-8"))
        with atomic_write(page) as part:
            part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
