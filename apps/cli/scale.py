"""The commands `digits scale train`, `digits scale sweep` and `digits scale read`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apps.cli.command import Source, app, command, complain, mistakes, open_mnist, out
from apps.cli.train import Recipes

scale = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", context_settings=app.info.context_settings
)
app.add_typer(
    scale, name="scale", help="Train, search or read with several processes, or on a cluster."
)

Recipe = Annotated[Recipes, typer.Argument(help="A recipe of lesson 06, by its name.")]
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
    workers: Workers = 2,
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
        Path | None, typer.Option(help="Where the first worker keeps the run.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds of silence after which workers are lost.")
    ] = 120,
    source: Source = "auto",
) -> None:
    """Train one network by several workers, each of which works on its share of every batch.

    On a cluster, give the same command on every host, each with its own index. A tenth of the training digits is held
    back, and tells how well the network reads. When a worker is lost, all go on from the last whole epoch; so does the
    same command, given again.
    """
    from apps.scaling.training import split_address, train_data_parallel
    from utils.data import runs_folder
    from utils.preprocessing import split_train_validation

    places = [place.strip() for place in addresses.split(",")] if addresses else None
    changes = {"epochs": epochs, "batch_size": batch_size, "max_lr": peak_rate}
    changes = {name: value for name, value in changes.items() if value is not None}
    folder = folder or runs_folder() / f"{recipe}_by_{len(places or range(workers))}"
    with mistakes(ValueError):
        for place in places or []:
            split_address(place)
    mnist = open_mnist(source)
    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    with (
        _resumable("It goes on from the last whole epoch"),
        _bar() as bar,
        mistakes(ValueError, RuntimeError),
    ):
        run = train_data_parallel(
            recipe,
            (x, y),
            (x_held_back, y_held_back),
            seed=seed,
            folder=folder,
            workers=workers,
            addresses=places,
            index=index,
            changes=changes,
            timeout=timeout,
            on_event=_say_training(bar),
        )
    if run.history:
        right = f"{run.history[-1]['validation_accuracy']:.2%} of the digits held back are read."
        out.print(f"{right} Saved as {escape(str(run.path))}", soft_wrap=True)
    else:
        out.print("Finished: the first worker has the network.")


def _say_training(bar: Progress):
    task = bar.add_task("starting", total=None)

    def say(event: dict) -> None:
        kind = event["event"]
        if kind == "step" and event["rank"] == 0:
            bar.update(
                task,
                description=f"epoch {event['epoch']}",
                total=event["steps"],
                completed=event["step"],
            )
        elif kind == "epoch":
            accuracy = f", validation accuracy {event['validation_accuracy']:.4f}"
            bar.console.print(
                f"epoch {event['epoch']:2}: loss {event['loss']:.4f}{accuracy}", soft_wrap=True
            )
        elif kind == "resumed" and event["rank"] == 0:
            bar.console.print(f"Going on after epoch {event['epoch']}")
        elif kind == "lost":
            complain(f"{event['reason']}: starting again from the last whole epoch")

    return say


@command(
    "digits scale sweep fast --workers 2 --trials 20",
    "digits scale sweep tiny --epochs 4 --source sample --storage my_sweep.journal",
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
        str, typer.Option(help="A journal file, or the URL of a database for many hosts.")
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
    from apps.scaling.sweep import RecipeObjective
    from apps.scaling.sweep import sweep as carry_out
    from utils.data import runs_folder
    from utils.preprocessing import split_train_validation

    storage = storage or str(runs_folder() / f"{recipe}_sweep.journal")
    mnist = open_mnist(source)
    x, x_held_back, y, y_held_back = split_train_validation(mnist.x_train, mnist.y_train)
    changes = {"epochs": epochs} if epochs else {}
    objective = RecipeObjective(recipe, (x, y), (x_held_back, y_held_back), changes=changes)
    with _resumable("It goes on where it was"), _bar() as bar, mistakes(ValueError, RuntimeError):
        found = carry_out(
            objective, storage, study, trials, workers, seed, on_event=_say_sweep(bar, trials)
        )
    out.print(
        f"Best of {len(found.trials)} trials: {found.best_value:.2%} of the digits held back are read, with"
    )
    for name, value in found.best_params.items():
        out.print(f"  {name} {value:.4g}")
    out.print(f"The study is kept in {escape(storage)}", soft_wrap=True)


def _say_sweep(bar: Progress, trials: int):
    task = bar.add_task("starting", total=trials)

    def say(event: dict) -> None:
        if event["event"] == "trial":
            value = "pruned" if event["pruned"] else f"{event['value']:.2%}"
            best = "" if event["best"] is None else f", best {event['best']:.2%}"
            bar.console.print(
                f"trial {event['trial']:3}: {value}   ({event['finished']} of {trials}{best})"
            )
            bar.update(task, description="trials", completed=event["finished"])
        elif event["event"] == "lost":
            complain(f"{event['reason']}: its trial is queued again")

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
        int | None, typer.Option(min=1, help="Images that are read and written together.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the cluster.")] = 30,
) -> None:
    """Read a great many images, partition by partition; what is read is written at once.

    The same command, given again, reads only what is missing. On a cluster all workers must see both folders.
    """
    from apps.scaling.reading import partitions, read_images

    with (
        _resumable("It goes on with the next partition"),
        _bar() as bar,
        mistakes(ValueError, RuntimeError),
    ):
        source = partitions(images, partition)
        report = read_images(
            source, results, model, workers, scheduler or None, timeout, _say_reading(bar)
        )
    if report.done_before:
        out.print(f"{report.done_before} of {len(source)} partitions were there already.")
    rate = f", {report.images / report.seconds:,.0f} a second" if report.images else ""
    out.print(f"Read {report.images:,} images{rate}: {escape(str(results))}", soft_wrap=True)


def _say_reading(bar: Progress):
    task = bar.add_task("starting", total=None)

    def say(event: dict) -> None:
        if event["event"] == "partition":
            bar.update(
                task, description="partitions", total=event["partitions"], completed=event["done"]
            )

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
    """Say what Ctrl-C has ended, and how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"Interrupted. {what} when you start the same command again.")
        raise typer.Exit(130) from None
