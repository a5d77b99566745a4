"""The command `digits submit`."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import (
    Mistake,
    check_output,
    command,
    complain,
    err,
    escape,
    files_of,
    mistakes,
    open_reader,
    out,
    progress,
)

AT_A_TIME = 500  # images between two steps of the progress bar


@command(
    "digits submit --test data/kaggle/test.csv --out submission.csv --model my_model.keras",
    "digits submit --test data/kaggle/test.csv --out submission.csv",
    "digits submit --test data/kaggle/test.csv --check submission.csv",
)
def submit(
    test: Annotated[Path, typer.Option(help="Kaggle's test.csv, or a file of its form.")],
    output: Annotated[Path | None, typer.Option("--out", help="The submission to write.")] = None,
    check: Annotated[Path | None, typer.Option(help="A submission to check instead.")] = None,
    model: Annotated[
        str, typer.Option(help="A name in data/models, or the path of a model file.")
    ] = "robust",
) -> None:
    """Read the digits of Kaggle's test.csv into a submission, or check an existing submission.

    A submission has one row for each row of the test file, in the same order: ImageId, counted from 1, and Label, from
    0 to 9. If a submission has a fault, the message names the row and the fault, and the exit code is 1.
    """
    if (output is None) == (check is None):
        raise typer.BadParameter(
            "give either --out, to write a submission, or --check, to check one"
        )
    if check:
        rows = len(_read_test(test))
        _check(check, rows)
        out.print(f"[bold]{escape(str(check))}[/bold]: no fault in {rows:,} rows", soft_wrap=True)
    else:
        _write(output, test, model)


def _read_test(path: Path):
    """Return the images of a test file, uint8 (n, 28, 28)."""
    from utils.files import read_kaggle_csv

    with err.status(f"reading {escape(path.name)}"), mistakes(ValueError):
        images, labels = read_kaggle_csv(path)
    if labels is not None:
        raise Mistake(f"{path} has labels, as train.csv has: give the file without them, test.csv")
    return images


def _check(path: Path, rows: int):
    """Return the digits of a submission, uint8 (rows,)."""
    from apps.kaggle import read_submission

    with mistakes(ValueError):
        return read_submission(path, rows)


def _write(path: Path, test: Path, model: str) -> None:
    """Write the submission, and read it back as Kaggle would."""
    import numpy as np

    from apps.kaggle import check_free, write_submission
    from utils.prediction import MODELS

    reader = open_reader(model)
    check_output(path, test, *files_of(reader), option="--out")
    with mistakes(ValueError):
        check_free(path)
    images = _read_test(test)
    parts = progress(
        [images[i : i + AT_A_TIME] for i in range(0, len(images), AT_A_TIME)], "reading digits"
    )
    write_submission(
        path, np.concatenate([reader.predict_batch(part).argmax(axis=1) for part in parts])
    )
    _check(path, len(images))
    out.print(f"[bold]{escape(str(path))}[/bold]: {len(images):,} rows, checked", soft_wrap=True)
    if reader.path.parent == MODELS:
        complain(
            "Note: the models in data/models learned from MNIST, which Kaggle's test images come from. "
            "Their score there would be partly a memory."
        )
