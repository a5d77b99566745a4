"""The live view of a training run: how far it is, how long it will take, and its learning curves so far."""

import time
import uuid

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import plots
from utils.environment import quiet_tensorflow
from utils.widgets.explorer import to_png

with quiet_tensorflow():
    import keras

SHARE = 1 / 20  # of the time at most goes into drawing, which is about one picture a second


class LiveTraining(keras.callbacks.Callback):
    """Show a training run while it lasts: its progress, the time left, and loss and accuracy by epoch.

    It is one picture with a line below it, redrawn in place; the last ones stay in the notebook.
    """

    def __init__(self, name: str = "network"):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start empty, in a display of its own."""
        self.history, self.pace = {}, None
        self.display_id, self.displayed = uuid.uuid4().hex, False
        self.start, self.next = time.perf_counter(), 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Note where the run is; a resumed one doesn't begin with epoch 0."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Show this epoch's running means if it is time for a new picture."""
        steps = self.params["steps"]  # None if the number of batches is unknown
        self._note(self.epoch + ((batch + 1) / steps if steps else 0), logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add this epoch to the curves."""
        for metric in {**self.history, **logs}:
            earlier = [np.nan] * epoch  # not measured then, or in an earlier run
            self.history.setdefault(metric, earlier).append(logs.get(metric, np.nan))
        self._note(epoch + 1, logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Show the whole run, and how long it took."""
        if self.pace:  # otherwise no epoch was left to do
            took = _in_words(time.perf_counter() - self.start)
            self._show(
                f"Finished after {self.done:.0f} of {self.params['epochs']} epochs, in {took}"
            )

    def _note(self, done: float, latest: dict) -> None:
        self.done, self.latest, now = done, latest, time.perf_counter()
        # Measured from here on, because the very first step takes longer than all others.
        self.pace = self.pace or (now, done)
        if now >= self.next:
            self._show(f"Epoch {self.epoch + 1} of {self.params['epochs']}, {self._time_left(now)}")
            after = time.perf_counter()
            self.next = after + (after - now) / SHARE

    def _time_left(self, now: float) -> str:
        since, first = self.pace
        if self.done == first:
            return "time left not known yet"
        return f"about {_in_words((now - since) / (self.done - first) * (self.params['epochs'] - self.done))} left"

    def _show(self, state: str) -> None:
        numbers = ", ".join(
            f"{m.replace('val_', 'validation ')} {value:.4f}" for m, value in self.latest.items()
        )
        self.remark = f"{state}: {numbers}"
        self.alt = f"Progress and learning curves of the {self.name}. {self.remark}"
        self.png = self._draw()
        self._display(
            {"image/png": plots.to_base64(self.png), "text/plain": self.alt},
            {"image/png": {"alt": self.alt}},
        )
        self._display({"text/markdown": self.remark, "text/plain": self.remark}, {})
        self.displayed = True

    def _display(self, bundle: dict, metadata: dict) -> None:
        place = f"{self.display_id} {next(iter(bundle))}"  # one for the picture, one for the line
        display(bundle, metadata=metadata, raw=True, display_id=place, update=self.displayed)

    def _draw(self) -> bytes:
        figure = Figure(figsize=(9, 3.2))
        figure.subplots_adjust(left=0.07, right=0.98, bottom=0.16, top=0.88, wspace=0.2)
        metrics = [metric for metric in ("loss", "accuracy") if metric in self.latest]
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            self._draw_curves(axes, metric)
        share_done = self.done / self.params["epochs"]
        for share, color in ((1, "lightgray"), (share_done, plots.COLORS[0])):
            figure.add_artist(Rectangle((0.07, 0.93), 0.91 * share, 0.04, color=color))
        return to_png(figure)

    def _draw_curves(self, axes: Axes, metric: str) -> None:
        plots.learning_curves(axes, {self.name: {metric: [], **self.history}}, metric)
        now = self.done, self.latest[metric]
        axes.plot(*now, "s", color=plots.COLORS[1])
        axes.set_xlim(0, self.params["epochs"] + 0.2)
        axes.get_legend().set_loc("upper right" if metric == "loss" else "lower right")


def _in_words(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
