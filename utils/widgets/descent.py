"""The descent explorer: choose a learning rate, and walk down the loss of one weight, step by step."""

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit

from utils import plots
from utils.widgets.explorer import Explorer, Slider, View, to_png

WEIGHTS = np.linspace(-1, 9, 201)


class DescentExplorer(Explorer):
    """Take steps down the loss of a sigmoid with one weight.

    Takes inputs and their labels, True or False. Raises ValueError unless both have the same shape (n,) with n >= 1.
    """

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, midpoint: float = 12):
        self.distances, self.labels = np.asarray(inputs) - midpoint, np.asarray(labels, bool)
        shapes = self.distances.shape, self.labels.shape
        if len(shapes[0]) != 1 or shapes[0] != shapes[1] or not shapes[0][0]:
            raise ValueError(f"expected inputs and labels of one shape (n,), n >= 1, got {shapes}")
        self.losses = np.array([self.at(weight)[0] for weight in WEIGHTS])
        self.rate = Slider("Learning rate", 0.01, 3, value=0.1, step=0.01)
        self.step = widgets.Button(description="Take a step")
        self.restart = widgets.Button(description="Start over")
        self.path = [0.0]
        self.step.on_click(lambda _: self.go([*self.path, self.next]))
        self.restart.on_click(lambda _: self.go([0.0]))
        buttons = widgets.HBox([self.step, self.restart])
        super().__init__(self.rate, rows=[self.rate, buttons])

    def at(self, weight: float) -> tuple[float, float]:
        """Return the loss and its slope for a weight."""
        p = expit(weight * self.distances).clip(1e-12, 1 - 1e-12)  # as in the lesson
        correct = np.where(self.labels, p, 1 - p)
        return -np.log(correct).mean(), np.mean((p - self.labels) * self.distances)

    @property
    def next(self) -> float:
        """Return the weight after one more step."""
        return self.path[-1] - self.rate.value * self.at(self.path[-1])[1]

    def go(self, path: list[float]) -> None:
        """Replace the path of weights and redraw the picture."""
        self.path = path
        self.redraw()

    def draw(self) -> View:
        """Draw the loss curve, the steps so far, and the slope at the current weight."""
        weight, (loss, slope) = self.path[-1], self.at(self.path[-1])
        figure = Figure(figsize=(7, 3))
        figure.subplots_adjust(left=0.09, right=0.98, bottom=0.17, top=0.88)
        axes = figure.subplots()
        axes.plot(WEIGHTS, self.losses, color="gray")
        near = np.array([weight - 0.6, weight + 0.6])
        axes.plot(near, loss + slope * (near - weight), "--", color=plots.COLORS[1])
        axes.plot(self.path, [self.at(one)[0] for one in self.path], "o-", color=plots.COLORS[0])
        axes.plot(weight, loss, "o", color=plots.COLORS[1], markersize=10)
        axes.set(xlabel="w", ylabel="loss", xlim=(-1, 9), ylim=(0, 1.1))
        steps = f"{len(self.path) - 1} step{'s' * (len(self.path) != 2)}"
        axes.set_title(f"{steps}: w = {weight:.3f}", fontsize=10, y=1)
        now = f"{steps}: w = {weight:.3f}, loss {loss:.3f}, slope {slope:.3f}"
        move = f"{self.rate.value:.2f} × {slope:.3f} = {self.rate.value * slope:.3f}"
        remark = f"{now}. The next step subtracts {move}, so w becomes {self.next:.3f}."
        return View(to_png(figure), f"The loss against w, with the steps so far. {now}.", remark)
