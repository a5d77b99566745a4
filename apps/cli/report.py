"""The command `digits report`."""

import html
import itertools
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import (
    Source,
    check_output,
    command,
    err,
    escape,
    files_of,
    mnist_files,
    open_mnist,
    open_reader,
    out,
)

MOST_ERRORS = 20  # pictures of errors for each reader


@command(
    "digits report",
    "digits report --cnn data/runs/reference/model.keras --output mine.html",
    "digits report --ann dense --cnn tiny --source sample",
)
def report(
    ann: Annotated[
        str, typer.Option(help="The ANN: a name in data/models, or the path of a .keras file.")
    ] = "dense",
    cnn: Annotated[str, typer.Option(help="The CNN, likewise.")] = "reference",
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("ann_against_cnn.html"),
    source: Source = "auto",
) -> None:
    """Compare two models on MNIST's test set, in one self-contained HTML page.

    It shows the accuracies with their intervals, the parameters, the digits on which only one model errs, both
    confusion matrices, and the most confident errors of each.
    """
    names = {"ANN": ann, "CNN": cnn}
    readers = {f"{kind} ({Path(model).stem})": open_reader(model) for kind, model in names.items()}
    check_output(output, *itertools.chain(mnist_files(), *map(files_of, readers.values())))
    mnist = open_mnist(source)
    with err.status("reading, twice"):
        answers = {name: reader.predict_batch(mnist.x_test) for name, reader in readers.items()}
        parameters = [reader.model.count_params() for reader in readers.values()]
    with err.status("writing"):
        _write(output, answers, parameters, mnist)
    out.print(f"[bold]{escape(str(output))}[/bold]: open it in any browser", soft_wrap=True)


def _write(output: Path, answers: dict, parameters: list[int], mnist) -> None:
    import matplotlib

    matplotlib.use("agg")  # no window
    from utils.evaluation import per_class_report, write_report

    images, labels = mnist.x_test, mnist.y_test
    predictions = {name: probabilities.argmax(axis=1) for name, probabilities in answers.items()}
    comparison = _comparison(answers, parameters, labels)
    tables = {"Both readers": comparison, "On the same digits": _compare_pairs(labels, predictions)}
    tables |= {
        f"{html.escape(name)}, digit by digit": per_class_report(labels, p)
        for name, p in predictions.items()
    }
    figures = [_accuracies(comparison, labels, predictions)]
    figures += [_confusion(name, labels, p) for name, p in predictions.items()]
    figures += [_surest_errors(name, images, labels, p) for name, p in answers.items()]
    title = f"ANN against CNN on {len(labels):,} handwritten digits (MNIST, {mnist.source})"
    write_report(output, title, tables, dict(figure for figure in figures if figure))


def _comparison(answers: dict, parameters: list[int], labels):
    import pandas as pd

    from utils.evaluation import summarize

    table = pd.DataFrame({name: summarize(p, labels) for name, p in answers.items()}).T
    table.insert(0, "parameters", parameters)
    return table.astype({"errors": int})


def _compare_pairs(labels, predictions: dict):
    """Count the digits that both, one, or neither of two models misread, with the p-value of McNemar's test.

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated proportions".
    """
    import pandas as pd
    from scipy.stats import binomtest

    first, second = (p != labels for p in predictions.values())
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    uneven = (
        binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    )
    one, other = predictions
    rows = {
        "both err": str((first & second).sum()),
        f"only {one} errs": str(only_first),
        f"only {other} errs": str(only_second),
        "both are right": str((~first & ~second).sum()),
        "chance that a fair coin is as uneven (McNemar's test)": f"{uneven:.2g}",
    }
    return pd.DataFrame({"digits": rows})


def _accuracies(comparison, labels, predictions: dict) -> tuple[str, str]:
    """Return a figure in two parts: accuracy with its interval, and errors for each digit."""
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns

    from utils import plots

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), width_ratios=(2, 3))
    accuracy = comparison["accuracy"]
    margins = [accuracy - comparison["95 % from"], comparison["95 % to"] - accuracy]
    left.errorbar(accuracy, [1, 0], xerr=margins, fmt="o", capsize=5, color="black")
    left.set(
        yticks=[1, 0],
        yticklabels=comparison.index,
        ylim=(-0.5, 1.5),
        xlabel="test accuracy, 95 % interval",
    )
    wrong = pd.DataFrame({name: p != labels for name, p in predictions.items()})
    errors = 100 * wrong.groupby(labels).mean()
    looks = {"color": plots.COLORS[1::-1], "rot": 0, "edgecolor": "black"}
    errors.plot.bar(ax=right, xlabel="digit", ylabel="errors, %", **looks)
    for bar in right.containers[0]:
        bar.set_hatch("//")  # told apart without color too
    right.legend()
    sns.despine(fig=figure)
    figure.tight_layout()
    return _packed(
        figure,
        "Left: test accuracy of both readers with 95 % intervals. Right: errors for each digit.",
    )


def _confusion(name: str, labels, predictions) -> tuple[str, str]:
    import matplotlib.pyplot as plt

    from utils import evaluation, plots

    figure, axes = plt.subplots(figsize=(6, 5.5))
    plots.confusion(axes, evaluation.confusion_matrix(labels, predictions))
    return _packed(
        figure, f"Confusion matrix of the {name}: true digits in rows, answers in columns."
    )


def _surest_errors(name: str, images, labels, probabilities) -> tuple[str, str] | None:
    import numpy as np

    from utils import plots

    confidence, answer = probabilities.max(axis=1), probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answer != labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_ERRORS]
    if not len(surest):
        return None
    titles = [f"{labels[i]} as {answer[i]}\n{confidence[i]:.0%} sure" for i in surest]
    figure = plots.digit_grid(images[surest], titles, size=1.05)
    return _packed(
        figure, f"The errors of which the {name} was surest: true digit, answer and confidence."
    )


def _packed(figure, sentence: str) -> tuple[str, str]:
    from utils import plots

    return html.escape(sentence), plots.to_base64(plots.to_png(figure))
