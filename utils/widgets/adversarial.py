"""The adversarial explorer: change a digit a little, pixel by pixel, and see what the network predicts."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import interpretation, plots
from utils.data import check_labels
from utils.preprocessing import scale
from utils.widgets.explorer import Choice, Explorer, Refused, Slider, View, to_png

ANY = "any other digit"
LARGEST = 0.3  # the epsilon at which people begin to have trouble too


class AdversarialExplorer(Explorer):
    """Attack a network with the fast gradient sign method, on raw digits, uint8 (n, 28, 28), with labels (n,)."""

    def __init__(self, model, images: np.ndarray, labels: np.ndarray):
        check_labels(labels, len(images))
        self.model, self.images, self.labels = model, scale(images), labels
        self._directions = {}  # for each digit and goal that was asked for
        self.epsilon = Slider("Epsilon", 0, LARGEST, value=0.1, step=0.01)
        self.digit = Slider("Digit", 0, len(images) - 1, value=0)
        self.goal = Choice("To be read as", [ANY, *map(str, range(10))])
        super().__init__(self.epsilon, self.digit, self.goal)

    @property
    def adversarial(self) -> np.ndarray:
        """Return the changed digit, shape (1, 28, 28, 1)."""
        wish = self.digit.value, self.goal.value
        if wish not in self._directions:
            self._directions[wish] = self._direction(*wish)
        image = self.images[self.digit.value]
        return np.clip(image + np.float32(self.epsilon.value) * self._directions[wish], 0, 1)

    def _direction(self, number: int, goal: str) -> np.ndarray:
        """Return -1, 0, or 1 for each pixel: epsilon changes only how far a pixel moves, not which way."""
        image, label = self.images[number : number + 1], self.labels[number : number + 1]
        if goal == str(label[0]):
            raise Refused(f"This digit is a {goal} already: choose another for it to be read as.")
        digits = label if goal == ANY else np.array([int(goal)])
        return np.sign(
            interpretation.fgsm(self.model, image, digits, epsilon=1, targeted=goal != ANY) - image
        )

    def draw(self) -> View:
        """Draw the digit, the change, their sum, and the network's probabilities for the sum."""
        number, epsilon, label = self.digit.value, self.epsilon.value, self.labels[self.digit.value]
        before, after = self.images[number, ..., 0], self.adversarial
        probabilities = np.asarray(self.model(after))[0]
        read, sure = int(probabilities.argmax()), probabilities.max()
        reached = read != label if self.goal.value == ANY else str(read) == self.goal.value
        figure = Figure(figsize=(9, 2.6))
        figure.subplots_adjust(left=0.01, right=0.98, bottom=0.2, top=0.9, wspace=0.1)
        pictures, bars = figure.subplots(1, 2, width_ratios=(3, 1))
        _draw_sum(
            pictures,
            before,
            after[0, ..., 0],
            titles=(f"digit {number}: a {label}", "change", f"read as {read}"),
        )
        plots.probability_bars(bars, probabilities)
        alt = (
            f"Digit {number}, a {label}; a change of at most {epsilon:.2f}; "
            f"the sum, read as {read}; ten probabilities."
        )
        remark = (
            f"The {label}, each pixel changed by at most {epsilon:.2f}, is read as {read}, {sure:.1%} sure.\n"
            f"The attack {'succeeds' if reached else 'fails'}."
        )
        return View(to_png(figure), alt, remark)


def _draw_sum(axes, before: np.ndarray, after: np.ndarray, titles: tuple[str, str, str]) -> None:
    """Draw the digit, the change, and their sum on one axes: three would take twice the time."""
    ink, change = (
        {"cmap": plots.INK, "vmin": 0, "vmax": 1},
        {"cmap": "PuOr_r", "vmin": -LARGEST, "vmax": LARGEST},
    )
    pictures = (before, ink), (after - before, change), (after, ink)
    for place, ((picture, colors), title) in enumerate(zip(pictures, titles, strict=True)):
        left = 30 * place
        axes.imshow(picture, extent=(left, left + 28, 28, 0), **colors)
        axes.add_patch(
            Rectangle((left, 0), 28, 28, fill=False, edgecolor="black", linewidth=1, clip_on=False)
        )
        axes.text(left + 14, -0.7, title, ha="center", va="bottom")
    axes.set(xlim=(0, 88), ylim=(28, 0))
    axes.axis("off")
