"""The commands `digits scale train`, `digits scale sweep` and `digits scale read`."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apps.cli.command import Source, app, command, complain, escape, mistakes, open_mnist, out
from apps.cli.train import Recipes, chosen_recipe
from apps.pictures import PICTURES

scale = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", context_settings=app.info.context_settings
)
app.add_typer(
    scale, name="scale", help="Train, search or read with several processes, or on a cluster."
)

Recipe = Annotated[Recipes, typer.Argument(help="A recipe of lesson 09, by its name.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes on this machine, one thread each.")]
Seed = Annotated[int, typer.Option(min=0, help="Where the random numbers start.")]
Epochs = Annotated[float | None, typer.Option(min=0.01, help="How often to see every digit.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Digits in a step, of all workers together.")
]


@command(
    "digits scale train compact --workers 2",
    "digits scale train fast --workers 2 --batch-size 128 --source sample",
    "digits scale train compact --addresses host0:2222,host1:2222 --index 0   (on the first host)",
    "digits scale train compact --addresses host0:2222,host1:2222 --index 1   (on the second)",
    group=scale,
)
def train(
    recipe: Recipe = "compact",
    workers: Annotated[
        int, typer.Option(min=1, help="Devices: graphics cards, or else parts of this CPU.")
    ] = 2,
    addresses: Annotated[
        str, typer.Option(help="The host:port of every worker of a cluster, with commas.")
    ] = "",
    index: Annotated[
        int | None,
        typer.Option(
            min=0, envvar="JOB_COMPLETION_INDEX", help="Which of the addresses this host is."
        ),
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    peak_rate: Annotated[
        float | None, typer.Option(min=0, help="The largest learning rate.")
    ] = None,
    seed: Seed = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Where the first worker saves the run.")
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, help="With --addresses: how long to wait for the others, in seconds."),
    ] = 120,
    source: Source = "auto",
) -> None:
    """Train one network on several devices, or on several hosts, each of which works on its share of every batch.

    For several hosts, give the same command on each of them, with its own index. They must be in a network you trust:
    TensorFlow listens on every network interface and asks for no password, so anyone who reaches the port can run
    code. A tenth of the training digits is held back, and shows how well the network reads. If the training ends
    early, the same command resumes it after the last whole epoch.
    """
    from apps.cli.hosts import split_address
    from utils.data import runs_folder
    from utils.preprocessing import split_train_validation

    places = [place.strip() for place in addresses.split(",")] if addresses else []
    changes = {"epochs": epochs, "batch_size": batch_size, "max_lr": peak_rate}
    changes = {name: value for name, value in changes.items() if value is not None}
    folder = folder or runs_folder() / f"{recipe}_by_{len(places) or workers}"
    with mistakes(ValueError):
        for place in places:
            split_address(place)
    mnist = open_mnist(source)
    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    data = (x, y), (x_held_back, y_held_back)
    with (
        _resumable("It goes on from the last whole epoch"),
        _bar() as bar,
        mistakes(ValueError, RuntimeError),
    ):
        if places:
            job = recipe, changes, *data, seed, str(folder)
            accuracy = _train_on_hosts(places, index, job, timeout, _Epochs(bar))
        else:
            accuracy = _train_here(recipe, data, seed, folder, workers, changes, _Epochs(bar))
    if accuracy is None:
        out.print("Finished: the first worker has the network.")
    else:
        right = f"{accuracy:.2%} of the digits held back are read."
        out.print(f"{right} Saved as {escape(str(folder / 'model.keras'))}", soft_wrap=True)


def _train_here(recipe, data, seed, folder, workers, changes, epochs: "_Epochs") -> float:
    """Train on devices of this machine, and return the validation accuracy."""
    from apps.scaling.training import train_on_devices
    from utils.training import keras

    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.begin(epoch),
        on_train_batch_end=lambda step, logs: epochs.step(watch.params["steps"]),
        on_epoch_end=lambda epoch, logs: epochs.end(logs),
    )
    recipe = chosen_recipe(recipe, changes)
    _, history = train_on_devices(recipe, *data, seed, folder, workers, [watch])
    return history.history["val_accuracy"][-1]


def _train_on_hosts(places, index, job, timeout, epochs: "_Epochs") -> float | None:
    """Train together with other hosts, and return the validation accuracy, or None if another host saves the run."""
    from apps.cli.hosts import train_on_hosts

    def hear(event: dict) -> None:
        if event["event"] == "epoch":
            epochs.begin(event["epoch"])
        elif event["event"] == "step":
            epochs.step(event["steps"])
        elif event["event"] == "end" and index == 0:
            epochs.end(event)
        accuracies.append(event.get("val_accuracy"))

    accuracies = []
    train_on_hosts(places, index, job, timeout, hear)
    return accuracies[-1]


class _Epochs:
    """Show how a training goes: a bar for each epoch, and a line at its end."""

    def __init__(self, bar: Progress):
        self.bar, self.task, self.epoch = bar, bar.add_task("starting", total=None), None

    def begin(self, epoch: int) -> None:
        """Begin with an epoch, counted from 0, which isn't the first one if a run is resumed."""
        if self.epoch is None and epoch:
            self.bar.console.print(f"Going on after epoch {epoch}")
        self.epoch = epoch + 1
        self.bar.reset(self.task, description=f"epoch {self.epoch}")

    def step(self, steps: int) -> None:
        """Move the bar by one of so many steps."""
        self.bar.update(self.task, total=steps, advance=1)

    def end(self, logs: dict) -> None:
        """Print how well the network reads after the epoch."""
        accuracy = f"validation accuracy {logs['val_accuracy']:.4f}"
        line = f"epoch {self.epoch:2}: loss {logs['loss']:.4f}, {accuracy}"
        self.bar.console.print(line, soft_wrap=True)


@command(
    "digits scale sweep fast --workers 2 --trials 20",
    "digits scale sweep tiny --epochs 4 --source sample --storage my_sweep.db",
    "digits scale sweep compact --storage postgresql://user@host/studies   (on as many hosts as you like)",
    group=scale,
)
def sweep(
    recipe: Recipe = "fast",
    trials: Annotated[
        int, typer.Option(min=1, help="Finished trials that the study is to have.")
    ] = 20,
    workers: Workers = 2,
    storage: Annotated[
        str, typer.Option(help="An SQLite file, or the URL of a database for many hosts.")
    ] = "",
    study: Annotated[str, typer.Option(help="The name of the study.")] = "digits",
    epochs: Epochs = None,
    seed: Seed = 0,
    source: Source = "auto",
) -> None:
    """Search for a good peak rate, batch size and label smoothing of a recipe, several trials at a time.

    A trial that lags behind is pruned. Hosts that name the same database work on the same study. The same command,
    given again, goes on; more trials may be asked for then.
    """
    from apps.cli.search import RecipeObjective, database_url, shown
    from apps.scaling.sweep import FINISHED, queued
    from apps.scaling.sweep import sweep as carry_out
    from utils.data import runs_folder
    from utils.preprocessing import split_train_validation

    with mistakes(ValueError):
        url = database_url(storage or runs_folder() / f"{recipe}_sweep.db")
    mnist = open_mnist(source)
    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    changes = {"epochs": epochs} if epochs else {}
    objective = RecipeObjective(recipe, (x, y), (x_held_back, y_held_back), changes=changes)
    with _resumable("It goes on where it was"), _bar() as bar, mistakes(ValueError, RuntimeError):
        say = _say_sweep(bar, trials)
        found = carry_out(objective, url, study, trials, workers, seed, on_trial=say)
    count = len(queued(found, *FINISHED))
    out.print(
        f"Best of {count} trials: {found.best_value:.2%} of the digits held back are read, with"
    )
    for name, value in found.best_params.items():
        name = "peak_rate" if name == "max_lr" else name  # by which an option sets it
        out.print(f"  {name} {value:.4g}")
    out.print(f"The study is kept in {escape(shown(url))}", soft_wrap=True)


def _say_sweep(bar: Progress, trials: int):
    from apps.scaling.sweep import FINISHED, TrialState, queued

    task = bar.add_task("starting", total=trials)

    def say(study, trial) -> None:
        if trial.state == TrialState.FAIL:
            complain(f"A worker was lost with trial {trial.number}: its trial is queued again")
            return
        finished = queued(study, *FINISHED)
        finished = [one for one in finished if one.datetime_complete <= trial.datetime_complete]
        whole = [one.value for one in finished if one.state == TrialState.COMPLETE]
        best = f", best {max(whole):.2%}" if whole else ""
        value = "pruned" if trial.state == TrialState.PRUNED else f"{trial.value:.2%}"
        bar.console.print(f"trial {trial.number:3}: {value}   ({len(finished)} of {trials}{best})")
        bar.update(task, description="trials", completed=len(finished))

    return say


@command(
    "digits scale read my_scans results --workers 2",
    "digits scale read digits.npy results --model compact --partition 10000",
    "digits scale read /shared/scans /shared/results --scheduler tcp://host:8786",
    group=scale,
)
def read(
    images: Annotated[
        Path,
        typer.Argument(help="A folder of pictures, or a file of 28 x 28 digits (.npy or idx)."),
    ],
    results: Annotated[Path, typer.Argument(help="The folder for the results, as Parquet files.")],
    model: Annotated[
        str, typer.Option(help="A name in data/models, or the path of a model file.")
    ] = "robust",
    workers: Workers = 2,
    scheduler: Annotated[
        str, typer.Option(help="The address of a Dask scheduler, for a cluster.")
    ] = "",
    partition: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Images that are read and written together; by default a quarter of what a worker reads.",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the cluster.")] = 30,
) -> None:
    """Read a great many images, partition by partition; what is read is written at once.

    The same command, given again, reads only what is missing. On a cluster all workers must see both folders.
    """
    from apps.scaling.reading import read_images

    with (
        _resumable("It goes on with the next partition"),
        _bar() as bar,
        mistakes(ValueError, RuntimeError),
    ):
        source = partitions(images, partition, workers, results)
        report = read_images(
            source, results, model, workers, scheduler or None, timeout, _say_reading(bar)
        )
    if report.done_before:
        out.print(f"{report.done_before} of {len(source)} partitions were there already.")
    rate = f", {report.images / report.seconds:,.0f} a second" if report.images else ""
    out.print(f"Read {report.images:,} images{rate}: {escape(str(results))}", soft_wrap=True)


def partitions(path: Path, size: int | None = None, workers: int = 2, folder: Path = Path()):
    """Return the source that a path means, cut into partitions of `size`.

    Without a size, a job that has begun in `folder` keeps its own, and a new one gets four partitions for each worker.
    Raises ValueError if there is nothing to read.
    """
    from apps.scaling.sources import DigitFile, PictureFolder

    if size is not None and size < 1:
        raise ValueError(f"size: expected at least one image in a partition, got {size}")
    source = PictureFolder(path) if path.is_dir() else DigitFile(path)
    if not source.names:
        endings = ", ".join(sorted(PICTURES))
        raise ValueError(f"there is no picture in {path}: expected files that end in {endings}")
    if size is None:
        size = min(source.size, math.ceil(len(source.names) / (4 * workers)))
        with suppress(OSError, ValueError, KeyError):
            size = json.loads((folder / "run.json").read_text())["partition"]
    source.size = size
    return source


def _say_reading(bar: Progress):
    task = bar.add_task("starting", total=None)

    def say(event: dict) -> None:
        if event["event"] == "partition":
            bar.update(
                task, description="partitions", total=event["partitions"], completed=event["done"]
            )
        elif event["event"] == "lost":
            complain("A worker was lost: its partition is read again")

    return say


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


@contextmanager
def _resumable(what: str) -> Iterator[None]:
    """Turn Ctrl-C into a message that says how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"Interrupted. {what} when you start the same command again.")
        raise typer.Exit(130) from None
