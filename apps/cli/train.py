"""The command `digits train`."""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from apps.alone import alone_in
from apps.cli.command import Mistake, Source, command, complain, escape, mistakes, open_mnist, out

# The names in training.RECIPES, written out: looking there would start TensorFlow for a mere --help.
Recipes = Literal["fast", "reference", "compact", "robust", "tiny", "sample", "dense"]


@command(
    "digits train",
    "digits train compact --epochs 6 --seed 1",
    "digits train tiny --source sample --folder my_run",
)
def train(
    recipe: Annotated[
        Recipes, typer.Argument(help="A recipe of lesson 09, by its name.")
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
    """Train a network by a recipe, which options can change in part.

    A tenth of the training digits is held back to measure how well the network reads; the test set is for
    `digits evaluate`. If a run is interrupted, start the same command again: it resumes after the last whole epoch and
    ends with the same network.
    """
    from utils.data import runs_folder

    folder = folder or runs_folder() / recipe
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "max_lr": peak_rate,
        "label_smoothing": label_smoothing,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    try:
        _train(chosen_recipe(recipe, changes), seed, folder, open_mnist(source))
    except KeyboardInterrupt:
        from utils.checkpoint import epochs_done

        done = epochs_done(folder)
        complain(
            f"Interrupted after {done} whole epochs. Start the same command again: it goes on from there."
        )
        raise typer.Exit(130) from None


def chosen_recipe(name: str, changes: dict | None = None):
    """Return the recipe with this name, with parts replaced; `build` may be the name of a function in utils.models."""
    from utils import models
    from utils.training import RECIPES

    if name not in RECIPES:
        raise ValueError(f"recipe: expected one of {', '.join(RECIPES)}, got {name!r}")
    changes = dict(changes or {})
    if isinstance(changes.get("build"), str):
        changes["build"] = getattr(models, changes["build"])
    return replace(RECIPES[name], **changes)


def _train(recipe, seed: int, folder: Path, mnist) -> None:
    from utils.data import claim_folder
    from utils.preprocessing import split_train_validation
    from utils.training import check_epochs, describe_run

    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    run = recipe, (x, y), (x_held_back, y_held_back), seed
    with mistakes(ValueError):
        check_epochs(recipe, len(x))
        claim_folder(folder, describe_run(*run))
    saved = escape(str(folder / "model.keras"))
    if (folder / "model.keras").exists():
        out.print(
            f"This run is finished: {saved}. Another one needs another --folder.", soft_wrap=True
        )
        return
    with alone_in(folder):
        network = _fit(run, folder)
    _report(network, x_held_back, y_held_back)
    out.print(
        f"Saved as {saved}: now try `digits evaluate` and `digits export` on it", soft_wrap=True
    )


def _fit(run: tuple, folder: Path):
    """Train, or resume a run that was interrupted, say how it goes, and return the network."""
    from utils.checkpoint import epochs_done
    from utils.training import fit

    where = f"in [bold]{escape(str(folder))}[/bold]"
    out.print(f"Training on {len(run[1][0]):,} digits, {where}", soft_wrap=True)
    if done := epochs_done(folder):
        out.print(f"Going on after epoch {done}")
    with _stop_between_batches() as asked, _bar() as bar, mistakes(ValueError):
        return fit(*run, folder, callbacks=[_watch(bar, asked)], verbose=0)[0]


def _report(network, images, labels) -> None:
    """Print the accuracy on the digits that were held back."""
    from utils.evaluation import accuracy_interval
    from utils.prediction import DigitReader

    correct = int((DigitReader(network).predict_batch(images).argmax(axis=1) == labels).sum())
    low, high = accuracy_interval(correct, len(labels))
    out.print(
        f"{correct / len(labels):.2%} of the digits held back are read, 95 % from {low:.2%} to {high:.2%}"
    )


@contextmanager
def _stop_between_batches() -> Iterator[list]:
    """Collect Ctrl-C until a batch is done, so that the command can end in words; a second one ends the run at once."""
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
    """Return a callback that moves the bar, prints a line for each epoch, and stops when it is asked to."""
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
            if not math.isfinite(logs["loss"]):
                raise Mistake(
                    "the training diverged, so it can't succeed anymore: try a smaller --peak-rate and another --folder"
                )

    return Watch()
