"""The command `digits predict`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Column, Table

from apps.cli.command import (
    AsJson,
    Mistake,
    command,
    complain,
    escape,
    open_reader,
    out,
    progress,
)
from apps.pictures import PICTURES, is_picture


@command(
    "digits predict seven.png",
    "digits predict data/my_digits --model compact",
    "digits predict photo.jpg --ink dark --json",
    "curl --silent https://example.org/seven.png | digits predict -",
)
def predict(
    images: Annotated[
        list[str], typer.Argument(help="Picture files, folders of them, or - for standard input.")
    ],
    model: Annotated[
        str, typer.Option(help="A name in data/models, or the path of a model file.")
    ] = "robust",
    ink: Annotated[
        Literal["auto", "dark", "light"], typer.Option(help="How the ink differs from the paper.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Read the digit in each picture: drawings, scans or photos, one digit to a picture.

    If a picture doesn't hold a single digit, the answer is the reason. If a file can't be read as a picture, the others
    are still answered, and the exit code is 1.
    """
    from apps.untrusted import checked
    from utils.photos import UnreadableImage

    reader = open_reader(model)
    answers, unreadable = [], []
    for name, picture in progress(list(_pictures(images)), "reading"):
        try:
            answers.append((name, reader.read(checked(picture), ink)))
        except UnreadableImage as fault:
            unreadable.append({"name": name, "detail": str(fault).replace("this file", name)})
    if as_json:
        predictions = [_as_dict(*answer) for answer in answers]
        print(json.dumps({"predictions": predictions, "unreadable": unreadable}, indent=2))
    elif answers:
        out.print(_as_table(answers))
    for fault in unreadable:
        complain(f"Error: {fault['detail']}")
    if unreadable:
        raise typer.Exit(1)


def _pictures(names: list[str]) -> Iterator[tuple[str, Path | bytes]]:
    """Yield each picture's name and where to read it: a file, every picture in a folder, or standard input."""
    for name in names:
        if name == "-":
            yield "standard input", sys.stdin.buffer.read()
        elif name and Path(name).is_dir():
            yield from ((str(path), path) for path in _pictures_in(Path(name)))
        else:
            yield name, Path(name)


def _pictures_in(folder: Path) -> list[Path]:
    """Return the paths of the pictures in a folder, sorted by name."""
    found = sorted(path for path in folder.iterdir() if is_picture(path))
    if not found:
        raise Mistake(
            f"there is no picture in {folder}: expected files that end in {', '.join(sorted(PICTURES))}"
        )
    return found


def _as_dict(name: str, prediction) -> dict:
    """Return a prediction as plain values."""
    return {
        "name": name,
        "digit": prediction.digit,
        "confidence": round(prediction.confidence, 6),
        "probabilities": [round(float(p), 6) for p in prediction.probabilities],
        "no_digit": round(prediction.no_digit, 6),
        "reason": prediction.reason,
    }


def _as_table(answers: list) -> Table:
    """Return the answers as a table for the terminal."""
    table = Table(
        Column("picture", overflow="fold"), "digit", "confidence", "next best, or what is wrong"
    )
    for name, answer in answers:
        if answer.digit is None:
            table.add_row(escape(name), "none", "", escape(answer.reason))
        else:
            second = int(answer.probabilities.argsort()[-2])
            remark = f"{second} ({answer.probabilities[second]:.1%})"
            table.add_row(
                escape(name), f"[bold]{answer.digit}[/bold]", f"{answer.confidence:.1%}", remark
            )
    return table
