"""The schedule explorer: choose how the learning rate changes, and watch a descent into a valley."""

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from utils import plots
from utils.environment import quiet_tensorflow
from utils.training import one_cycle
from utils.widgets.explorer import Choice, Explorer, Slider, View, to_png

with quiet_tensorflow():
    import keras
    from keras.optimizers import schedules as of_keras

STEEPNESS = np.array([1.0, 16.0])  # along the valley and across it
START = np.array([-9.0, 1.5])
LOST = 1000.0  # a descent that is this far from the goal has ended
WARM_UP_STEP = 5  # percent


def descend(rates: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Walk down the valley loss = (x² + 16 y²) / 2, and return the positions, shape (steps + 1, 2).

    Each step has its own learning rate, and two random numbers, shape (steps, 2), that are added to its gradient. A
    descent that leaves the valley ends there, so its path is shorter.
    """
    places = [START]
    for rate, error in zip(rates, noise, strict=True):
        places.append(places[-1] - rate * (STEEPNESS * places[-1] + error))
        if np.abs(places[-1]).max() > LOST:
            break
    return np.array(places)


class ScheduleExplorer(Explorer):
    """Choose a schedule and its peak, and follow a descent of `steps` steps with noisy gradients into a valley."""

    def __init__(self, steps: int):
        if not isinstance(steps, int | np.integer) or not 10 <= steps <= 1000:
            raise ValueError(f"expected 10 to 1000 steps, a whole number, got {steps!r}")
        self.shapes = _shapes(int(steps))
        # The noise of batches, the same in every descent.
        self.errors = np.random.default_rng(0).normal(0, 3, (steps, 2))
        self.schedule = Choice("Schedule", ["constant", "steps", "cosine", "one-cycle"])
        self.exponent = Slider("Peak rate, log₁₀", -3, -0.5, value=-1.3, step=0.1)
        self.warm_up = Slider("Warm-up, %", 0, 50, value=20, step=WARM_UP_STEP)
        self.noise = widgets.Checkbox(True, description="Noise of the batches", indent=False)
        super().__init__(self.schedule, self.exponent, self.warm_up, self.noise)

    @property
    def rates(self) -> np.ndarray:
        """Return the learning rate of every step for the chosen controls."""
        warm_up = WARM_UP_STEP * round(self.warm_up.value / WARM_UP_STEP)
        name = self.schedule.value
        return 10**self.exponent.value * self.shapes[warm_up if name == "one-cycle" else name]

    def draw(self) -> View:
        """Draw the learning rates, the path down the valley, and the loss on the way."""
        has_warm_up = self.schedule.value == "one-cycle"
        self.warm_up.layout.display = "" if has_warm_up else "none"
        places = descend(self.rates, self.noise.value * self.errors)
        losses = places**2 @ STEEPNESS / 2
        figure = Figure(figsize=(9, 2.8))
        figure.subplots_adjust(left=0.07, right=0.99, bottom=0.18, top=0.9, wspace=0.3)
        left, middle, right = figure.subplots(1, 3)
        _draw_rates(left, self.rates)
        _draw_path(middle, places)
        _draw_losses(right, losses, len(self.rates))
        peak = f"{self.schedule.value}, peak rate {10**self.exponent.value:.2g}"
        alt = f"Learning rate by step ({peak}), the path it makes down a valley, and the loss: {_told(losses)}"
        return View(to_png(figure), alt, f"{peak}: {_told(losses)}")


def _shapes(steps: int) -> dict[str | int, np.ndarray]:
    """Return each schedule's learning rates for a peak of 1, with one-cycle under each warm-up in percent."""
    schedules = {
        "constant": of_keras.ExponentialDecay(1.0, steps, decay_rate=1.0),
        "steps": of_keras.PiecewiseConstantDecay([steps // 2, 3 * steps // 4], [1.0, 0.25, 0.05]),
        "cosine": of_keras.CosineDecay(1.0, steps),
        **{percent: one_cycle(1.0, steps, percent / 100) for percent in range(0, 51, WARM_UP_STEP)},
    }

    def at(step):
        return keras.ops.stack([schedule(step) for schedule in schedules.values()])

    # All at once: step by step, this would take seconds.
    rates = keras.ops.vectorized_map(at, np.arange(steps))
    return dict(zip(schedules, keras.ops.convert_to_numpy(rates).T.astype(float), strict=True))


def _told(losses: np.ndarray) -> str:
    """Return how a descent went, judged by its last tenth, because a single step is down to luck."""
    start, end = losses[0], losses[-len(losses) // 10 :].mean()
    if losses[-1] > start:
        return f"it diverges. The loss is {start:.0f} at the start and {losses[-1]:.2g} after {len(losses) - 1} steps."
    arrives = "it arrives" if end < start / 100 else "it has not arrived"
    return f"{arrives}. The loss is {start:.0f} at the start and {end:.2g} over the last tenth."


def _draw_rates(axes: Axes, rates: np.ndarray) -> None:
    limit = 2 / STEEPNESS.max()
    axes.plot(rates, color=plots.COLORS[0], linewidth=2)
    axes.axhline(limit, color="gray", linestyle=":")
    place = {"ha": "right", "va": "bottom", "clip_on": True}
    axes.text(0.98 * len(rates), limit, "above: swings grow", color="dimgray", **place)
    axes.set(xlabel="step", xlim=(0, len(rates)), ylim=(0, 1.15 * rates.max()))
    _set_title(axes, "learning rate")


def _draw_path(axes: Axes, places: np.ndarray) -> None:
    for loss in (0.5, 5, 20, 60, 150):
        width, height = 2 * np.sqrt(2 * loss / STEEPNESS)
        axes.add_patch(Ellipse((0, 0), width, height, fill=False, edgecolor="lightgray"))
    axes.plot(*places.T, ".-", color=plots.COLORS[1], linewidth=1, markersize=4)
    axes.plot(*START, "ko")
    axes.plot(0, 0, "k+", markersize=12)
    axes.set(xlim=(-11, 5), ylim=(-4, 4), xticks=[], yticks=[])
    _set_title(axes, "path, from the dot to the cross")


def _draw_losses(axes: Axes, losses: np.ndarray, steps: int) -> None:
    axes.semilogy(losses, color=plots.COLORS[2], linewidth=1)
    axes.set(xlabel="step", xlim=(0, steps), ylim=(1e-5, 1e5))
    # Plain text is drawn faster than powers of ten.
    axes.set_yticks([1e-4, 0.01, 1, 100, 1e4], ["0.0001", "0.01", "1", "100", "10,000"])
    axes.minorticks_off()
    _set_title(axes, "loss")


def _set_title(axes: Axes, title: str) -> None:
    # Without y, Matplotlib searches for a place, which takes as long as the rest.
    axes.set_title(title, fontsize=10, y=1)
