"""The command `digits train`."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from apps.cli.command import Mistake, Source, command, complain, mistakes, open_mnist, out

# The names in training.RECIPES, written out: looking there would start TensorFlow for a mere --help.
Recipes = Literal["fast", "reference", "compact", "robust", "tiny", "sample", "dense"]


@command(
    "digits train",
    "digits train compact --epochs 6 --seed 1",
    "digits train tiny --source sample --folder my_run",
)
def train(
    recipe: Annotated[
        Recipes, typer.Argument(help="A recipe of lesson 06, by its name.")
    ] = "reference",
    epochs: Annotated[
        float | None, typer.Option(min=0.01, help="How often to see every digit.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Digits in a step.")] = None,
    peak_rate: Annotated[
        float | None, typer.Option(min=0, help="The largest learning rate.")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="Certainty to spread.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the random numbers start.")] = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Where to keep the run, if not data/runs/RECIPE.")
    ] = None,
    source: Source = "auto",
) -> None:
    """Train a network by a recipe, all or part of which may be changed by options.

    A tenth of the training digits is held back, and tells how well the network reads; the test set is for
    `digits evaluate`. A run that was interrupted goes on from its last whole epoch when the same command is started
    again, and ends with the same network.
    """
    from utils.data import runs_folder

    folder = folder or runs_folder() / recipe
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "peak_rate": peak_rate,
        "label_smoothing": label_smoothing,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    try:
        mnist = open_mnist(source)
        changed = _change(recipe, changes, len(mnist.x_train))
        _claim(folder, {"recipe": recipe, "seed": seed, "data": mnist.source, **changes})
        if (folder / "model.keras").exists():
            model = escape(str(folder / "model.keras"))
            out.print(
                f"This run is finished: {model}. Another one needs another --folder.",
                soft_wrap=True,
            )
        else:
            _train(changed, seed, folder, mnist)
    except KeyboardInterrupt:
        from utils.training import epochs_done

        done = epochs_done(folder)
        complain(
            f"Interrupted after {done} whole epochs. Start the same command again: it goes on from there."
        )
        raise typer.Exit(130) from None


def _change(name: str, changes: dict, digits: int):
    """Return the changed recipe; raise Mistake where it cannot be followed."""
    from utils.training import RECIPES, check_epochs

    recipe = replace(RECIPES[name], **changes)
    with mistakes(ValueError):
        check_epochs(recipe, digits * 9 // 10)  # without those that are held back
    return recipe


def _claim(folder: Path, choices: dict) -> None:
    """Write into the folder which run it holds; raise Mistake where it holds something else."""
    from utils.data import atomic_write

    path = folder / "run.json"
    if path.is_file():
        held, asked = path.read_text(encoding="utf-8"), json.dumps(choices)
        if held != asked:
            raise Mistake(
                f"{folder} holds the run {held}, not {asked}: give another --folder, or delete that one"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Mistake(f"{folder} holds something else: give another --folder, new or empty")
    else:
        with atomic_write(path) as part:
            part.write_text(json.dumps(choices), encoding="utf-8")


def _train(recipe, seed: int, folder: Path, mnist) -> None:
    from utils.evaluation import accuracy_interval
    from utils.prediction import DigitReader
    from utils.preprocessing import split_train_validation
    from utils.training import epochs_done, fit

    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    out.print(
        f"Training on {len(x):,} digits, in [bold]{escape(str(folder))}[/bold]", soft_wrap=True
    )
    if done := epochs_done(folder):
        out.print(f"Going on after epoch {done}")
    with _stop_between_batches() as asked, _bar() as bar:
        network, _ = fit(
            recipe,
            (x, y),
            (x_held_back, y_held_back),
            seed,
            folder,
            callbacks=[_watch(bar, asked)],
            verbose=0,
        )
    correct = int(
        (DigitReader(network).predict_batch(x_held_back).argmax(axis=1) == y_held_back).sum()
    )
    low, high = accuracy_interval(correct, len(y_held_back))
    out.print(
        f"{correct / len(y_held_back):.2%} of the digits held back are read, 95 % from {low:.2%} to {high:.2%}"
    )
    saved = escape(str(folder / "model.keras"))
    out.print(
        f"Saved as {saved}: now try `digits evaluate` and `digits export` on it", soft_wrap=True
    )


@contextmanager
def _stop_between_batches() -> Iterator[list]:
    """Keep Ctrl-C until a batch is done, so that no backup is left half written; a second one ends the run at once."""
    asked = []

    def note(*_):
        asked.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    usual = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, usual)


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


def _watch(bar: Progress, asked: list):
    """Return a callback that moves the bar, prints a line for each epoch, and stops where it was asked to."""
    import keras

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.task = bar.add_task("starting", total=self.params["epochs"] * self.params["steps"])

        def on_epoch_begin(self, epoch, logs=None):
            self.before = epoch * self.params["steps"]
            bar.update(
                self.task,
                description=f"epoch {epoch + 1} of {self.params['epochs']}",
                completed=self.before,
            )

        def on_train_batch_end(self, batch, logs=None):
            bar.update(self.task, completed=self.before + batch + 1)
            if asked:
                raise KeyboardInterrupt

        def on_epoch_end(self, epoch, logs=None):
            figures = {name.replace("val_", "validation "): value for name, value in logs.items()}
            line = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            bar.console.print(
                f"epoch {epoch + 1:2} of {self.params['epochs']}: {line}", soft_wrap=True
            )

    return Watch()
