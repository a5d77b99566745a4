"""The command `digits export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from apps.cli.command import (
    Mistake,
    check_output,
    command,
    err,
    escape,
    files_of,
    open_mnist,
    open_reader,
    out,
)

ENDINGS = {"onnx": ".onnx", "int8": ".tflite"}
EXAMPLES = 500  # digits by which the 8-bit form is calibrated
LARGEST_GAP = 1e-4  # between two probabilities in 32 bits, where only the order of sums differs
LEAST_AGREEMENT = 0.98  # share of digits that 8 bits must read as the original does


@command(
    "digits export data/runs/reference/model.keras",
    "digits export data/runs/reference/model.keras --format int8",
    "digits export compact --output my_reader.onnx",
)
def export(
    model: Annotated[
        str, typer.Argument(help="The path of a .keras file, or a name in data/models.")
    ],
    form: Annotated[
        Literal["onnx", "int8"],
        typer.Option(
            "--format",
            help="ONNX for servers and most tools, or LiteRT in 8 bits for small devices.",
        ),
    ] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option(help="The file to write: beside the model, or here for a name, if not given."),
    ] = None,
) -> None:
    """Write a model in another format, and check that it predicts what the original predicts.

    An export that predicts something else is deleted.
    """
    if Path(model).suffix not in ("", ".keras"):
        raise Mistake(
            f"expected a .keras file or a name in data/models, got {model}: other forms cannot be converted"
        )
    ending = ENDINGS[form]
    path = output or (
        Path(model).with_suffix(ending) if Path(model).suffix else Path(f"{model}{ending}")
    )
    if path.suffix != ending:
        raise Mistake(
            f"expected an output that ends in {ending}, got {path}: name it so, or give another --format"
        )
    reader = open_reader(model)
    check_output(path, *files_of(reader))
    with err.status(f"writing {escape(path.name)}"):
        remark = _write_checked(reader.model, form, path)
    out.print(
        f"[bold]{escape(str(path))}[/bold], {path.stat().st_size / 1000:,.0f} kB: {remark}",
        soft_wrap=True,
    )


def _write_checked(model, form: str, path: Path) -> str:
    from utils.data import atomic_write
    from utils.prediction import DigitReader
    from utils.training import export_int8, export_onnx, tf

    mnist = open_mnist("sample")
    wanted = DigitReader(model).predict_batch(mnist.x_test)
    with atomic_write(path) as part:  # takes its place only after the check
        try:
            if form == "onnx":
                export_onnx(model, part)
            else:
                export_int8(model, mnist.x_train[:EXAMPLES], part)
        except tf.errors.OpError as error:  # TensorFlow's way to say that a disk is full
            raise Mistake(f"{path} is not written: {error.message.splitlines()[0]}") from error
        return _parity(wanted, DigitReader(part).predict_batch(mnist.x_test), exact=form == "onnx")


def _parity(wanted, found, exact: bool) -> str:
    """Describe how closely two arrays of probabilities, (n, 10), agree; raise Mistake if they don't."""
    agreement = float((wanted.argmax(axis=1) == found.argmax(axis=1)).mean())
    gap = float(abs(wanted - found).max())
    remark = f"reads {agreement:.1%} of {len(wanted):,} digits as the original does, largest gap {gap:.1e}"
    if agreement < LEAST_AGREEMENT or (exact and gap > LARGEST_GAP):
        raise Mistake(f"the export is not kept, because it {remark}")
    return remark
