"""What all commands share: how they are registered, what they print, and how they report mistakes."""

import errno
import functools
import importlib.metadata
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich import markup
from rich.console import Console
from rich.progress import track

Source = Annotated[
    Literal["auto", "full", "sample"],
    typer.Option(help="Full MNIST, the 5,000 embedded digits, or full MNIST where it can be had."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
# What a terminal obeys instead of showing it: control characters, and those that turn the direction of writing.
CONTROLS = r"\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069"


def visible(text: str, controls: str = CONTROLS + r"\n") -> str:
    """Return a text, such as the name of a file, with its control characters written out, as \\x1b."""
    return re.sub(f"[{controls}]", lambda found: ascii(found[0])[1:-1], text)


def escape(text: str) -> str:
    """Return a text as it is to appear among rich's markup, with its control characters written out."""
    return markup.escape(visible(text))


class PlainConsole(Console):
    """Print no control characters but its own, whatever it is given."""

    def render(self, renderable, options=None):
        """Yield what a renderable consists of."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=visible(part.text, CONTROLS))


# Answers go to standard output, and everything else to standard error.
out, err = PlainConsole(highlight=False), PlainConsole(stderr=True, highlight=False)


class Mistake(Exception):
    """Report what the user can fix, without a traceback."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"digits {importlib.metadata.version('reading-handwritten-digits')}")
        raise typer.Exit


@app.callback(help="Read handwritten digits: train a network, judge it, use it, and hand it on.")
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    # An answer mustn't be lost because the terminal has no letter for a file's name.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def command(*examples: str, group: typer.Typer = app) -> Callable:
    """Register a function as a command, or as one of a group; its docstring and these examples are its help.

    A mistake of the user's or a problem with a file or a model is reported in one line, and the exit code is 1.
    """

    def register(function: Callable) -> Callable:
        @functools.wraps(function)
        def guarded(*args, **options):
            try:
                return function(*args, **options)
            except BrokenPipeError:
                raise  # `digits … | head`: typer ends quietly
            except (Mistake, OSError, ValueError) as error:
                if isinstance(error, ValueError) and not _is_of_model(error):
                    raise
                complain(f"Error: {error}{_advice(error)}")
                raise typer.Exit(1) from None

        # Typer would keep the line breaks inside a paragraph.
        paragraphs = [part.replace("\n", " ") for part in inspect.getdoc(function).split("\n\n")]
        epilog = "\n\n".join(["[bold]Examples[/bold]", *examples])
        return group.command(help="\n\n".join(paragraphs), epilog=epilog)(guarded)

    return register


def _is_of_model(error: ValueError) -> bool:
    from utils.prediction import UnreadableModel

    return isinstance(error, UnreadableModel)


def _advice(error: Exception) -> str:
    denied = getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS)
    return ": you may not read or write there, so name another file or folder" if denied else ""


def complain(message: str) -> None:
    """Write one line to standard error as it is, without markup and without wrapping."""
    err.print(visible(message), markup=False, soft_wrap=True)


@contextmanager
def mistakes(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds, whose messages say what to do, into user mistakes."""
    try:
        yield
    except kinds as error:
        raise Mistake(str(error)) from error


def check_output(path: Path, *inputs: Path, option: str = "--output") -> None:
    """Raise Mistake if the file to write is a folder, or one of the files to read, by whatever path."""
    if path.is_dir():
        raise Mistake(f"expected a file to write, got the folder {path}: try {path / 'new_file'}")
    target = path.resolve()  # new/../old exists only after the folder new does
    if target.exists() and any(one.exists() and target.samefile(one) for one in inputs):
        raise Mistake(f"{path} is a file that this command reads: give another {option}")


def files_of(reader) -> list[Path]:
    """Return the files that a reader may read: that of its name or path, and that of the Keras model behind it."""
    return [reader.path, reader.path.with_suffix(".keras")]


def mnist_files() -> list[Path]:
    """Return the files from which MNIST may be read."""
    from utils.data import CACHE

    return [CACHE, Path(os.environ.get("MNIST_PATH") or CACHE)]


def open_mnist(source: str):
    """Load MNIST, and print the messages about it on standard error."""
    from utils.data import load_mnist

    with mistakes(ValueError, RuntimeError), redirect_stdout(sys.stderr):
        return load_mnist(source)


def open_reader(model: str):
    """Open a model by its name in data/models or by the path of its file."""
    from utils.prediction import DigitReader

    return DigitReader(model)


def progress(things: list, what: str) -> Iterator:
    """Iterate over things, with a progress bar if there are several and standard error is a terminal."""
    return track(
        things, what, console=err, transient=True, disable=len(things) < 2 or not err.is_terminal
    )
