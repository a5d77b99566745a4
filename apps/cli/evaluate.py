"""The command `digits evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from apps.cli.command import (
    AsJson,
    Mistake,
    Source,
    command,
    complain,
    err,
    escape,
    mistakes,
    open_mnist,
    open_reader,
    out,
    progress,
)
from apps.pictures import PICTURES, is_hidden, is_picture

REFUSED = -1  # the "digit" of a picture in which the model found none


@command(
    "digits evaluate",
    "digits evaluate data/runs/reference/model.keras",
    "digits evaluate compact --folder data/my_digits",
    "digits evaluate --csv data/my_digits/my_digits.csv",
    "digits evaluate tiny --source sample --json",
)
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A name in data/models, or the path of a model file.")
    ] = "robust",
    folder: Annotated[
        Path | None,
        typer.Option(help="Pictures named after their digit, as 7_desk.jpg, or in folders 0 to 9."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="A table of digits with labels, as Kaggle's train.csv.")
    ] = None,
    source: Source = "auto",
    as_json: AsJson = False,
) -> None:
    """Evaluate a model on MNIST's test set, or on a folder or a table of your own digits.

    Prints the accuracy, its 95% interval, and the confusion matrix. A picture in which no digit is found counts as an
    error. A file that can't be read as a picture doesn't count, but the exit code is 1. Files and folders that are left
    out are named. The digits of a table are in MNIST's form already: 28 x 28 pixels, light ink on black, and centered.
    """
    if folder and csv:
        raise typer.BadParameter("give either --folder or --csv")
    reader = open_reader(model)
    if folder:
        labels, predictions, unreadable = _read_folder(reader, folder)
    elif csv:
        labels, predictions, unreadable = *_read_table(reader, csv), []
    else:
        mnist = open_mnist(source)
        with err.status(f"reading {len(mnist.y_test):,} digits"):
            predictions = reader.predict_batch(mnist.x_test).argmax(axis=1)
        labels, unreadable = mnist.y_test, []
    result = {
        "model": model,
        "data": str(folder or csv or f"MNIST, {mnist.source}"),
        **_judge(labels, predictions),
    }
    if as_json:
        print(json.dumps(result | {"unreadable": unreadable}))
    else:
        _show(result)
    for fault in unreadable:
        complain(f"Error: {fault}")
    if unreadable:
        raise typer.Exit(1)


def _judge(labels, predictions) -> dict:
    """Return the accuracy with its interval, and the confusion matrix, as plain values."""
    from utils.evaluation import accuracy_interval, confusion_matrix

    correct, total = int((labels == predictions).sum()), len(labels)
    return {
        "images": total,
        "correct": correct,
        "accuracy": correct / total,
        "interval": accuracy_interval(correct, total),
        "refused": int((predictions == REFUSED).sum()),
        "confusion": confusion_matrix(labels, predictions).tolist(),
    }


def _read_table(reader, path: Path):
    """Return labels and predictions, arrays (n,), for the digits of a Kaggle CSV."""
    import numpy as np

    from utils.files import read_kaggle_csv
    from utils.prediction import MOST_DOUBT

    with err.status(f"reading {escape(path.name)}"), mistakes(ValueError):
        images, labels = read_kaggle_csv(path)
    if labels is None:
        raise Mistake(f"{path} has no labels, as test.csv has none: give one like train.csv")
    probabilities, no_digit = reader.predict_or_reject(images)
    return labels, np.where(no_digit > MOST_DOUBT, REFUSED, probabilities.argmax(axis=1))


def _read_folder(reader, folder: Path):
    """Return labels and predictions, arrays (n,), for the pictures of a folder, and what was wrong with the others."""
    import numpy as np

    from apps.untrusted import checked
    from utils.photos import UnreadableImage

    pairs, unreadable = [], []
    for path, label in progress(_named_digits(folder), "reading"):
        try:
            digit = reader.read(checked(path)).digit
            pairs.append((label, REFUSED if digit is None else digit))
        except UnreadableImage as fault:
            unreadable.append(str(fault))
    if not pairs:
        raise Mistake(f"none of the pictures in {folder} can be read: {unreadable[0]}")
    return *np.array(pairs).T, unreadable


def _named_digits(folder: Path) -> list[tuple[Path, int]]:
    """Return the pictures of a folder, and of folders 0 to 9 in it, with the digit that each is named after.

    Everything else is named on standard error, unless it is hidden.
    """
    if not folder.is_dir():
        raise Mistake(f"there is no folder {folder}: check its name")
    places = [place for place in map(folder.joinpath, "0123456789") if place.is_dir()]
    found = {path for place in [folder, *places] for path in place.iterdir() if not is_hidden(path)}
    named = []
    for path in sorted(found.difference(places)):
        if reason := _why_left_out(path, folder):
            complain(f"Left out: {path}, {reason}")
        else:
            named.append((path, _true_digit(path, folder)))
    if not named:
        raise Mistake(
            f"{folder}: expected pictures named after their digit, as 7_desk.jpg, or in folders 0 to 9"
        )
    return named


def _why_left_out(path: Path, folder: Path) -> str | None:
    """Return why a file or folder isn't evaluated, or None if it is."""
    if path.is_dir():
        return f"because in {folder} only the folders 0 to 9 are read, without those inside them"
    if not is_picture(path):
        return f"because pictures end in {', '.join(sorted(PICTURES))}"
    if _true_digit(path, folder) is None:
        return "whose name does not begin with one digit, as 7_desk.jpg does"
    return None


def _true_digit(path: Path, folder: Path) -> int | None:
    """Return the digit that a picture is named after: by its own folder, or by the first letter of its name."""
    if path.parent != folder:
        return int(path.parent.name)
    first, second = (path.stem + "_")[:2]
    return int(first) if first in "0123456789" and second not in "0123456789" else None


def _show(result: dict) -> None:
    """Print a result for people."""
    low, high = result["interval"]
    errors = result["images"] - result["correct"]
    out.print(
        f"{escape(result['model'])} on {escape(result['data'])}: {result['images']:,} digits",
        soft_wrap=True,
    )
    out.print(
        f"accuracy [bold]{result['accuracy']:.2%}[/bold], 95 % interval from {low:.2%} to {high:.2%}"
    )
    out.print(f"{errors:,} errors, {result['refused']} of them refused")
    table = Table(
        "true",
        *map(str, range(10)),
        title="Confusion matrix: a row for each true digit",
        title_justify="left",
    )
    for digit, row in enumerate(result["confusion"]):
        # Errors are marked by their weight as well, since color alone says nothing to many readers.
        cells = [
            str(n) if i == digit else f"[bold red]{n}[/bold red]" if n else "·"
            for i, n in enumerate(row)
        ]
        table.add_row(str(digit), *cells)
    out.print(table)
