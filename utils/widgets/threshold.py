"""The threshold explorer: choose the confidence a prediction needs, and see the accuracy and the cost."""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from utils import evaluation, plots
from utils.widgets.explorer import Explorer, Refused, Slider, View, to_png


class ThresholdExplorer(Explorer):
    """Move the confidence below which no answer is given, along the curve of accuracy against coverage.

    Takes probabilities, shape (n, 10), and labels, shape (n,), of validation digits, never of test digits.
    """

    def __init__(self, probabilities: np.ndarray, labels: np.ndarray):
        shapes = np.shape(probabilities), np.shape(labels)
        if len(labels) == 0 or shapes != ((len(labels), 10), (len(labels),)):
            raise ValueError(
                "expected probabilities of shape (n, 10) and labels of shape (n,), of the same digits, "
                f"got {shapes[0]} and {shapes[1]}: hand on what predict_batch returned"
            )
        self.confidence = probabilities.max(axis=1)
        self.correct = probabilities.argmax(axis=1) == labels
        self.curve = evaluation.coverage_curve(probabilities, labels)
        self.threshold = Slider("Threshold", 0, 1, value=0.9, step=0.01)
        super().__init__(self.threshold)

    def draw(self) -> View:
        """Draw the curve, and on it the point of the threshold with its interval."""
        threshold, total = self.threshold.value, len(self.correct)
        answers = self.confidence >= threshold
        answered, right = int(answers.sum()), int(self.correct[answers].sum())
        if not answered:
            raise Refused(f"Nothing is answered at {threshold:.2f}: move the slider down.")
        coverage, accuracy = answered / total, right / answered
        low, high = evaluation.accuracy_interval(right, answered)
        refused, spared = total - answered, int((~self.correct[~answers]).sum())
        alt = (
            f"Accuracy against coverage, with a point for the threshold {threshold:.2f} "
            f"at coverage {coverage:.2%} and accuracy {accuracy:.2%}."
        )
        remark = (
            f"Refuses {refused:,} of {total:,} digits, of which {spared:,} would have been wrong.\n"
            f"Answers {answered:,} (coverage {coverage:.2%}), {answered - right:,} wrong: "
            f"{accuracy:.2%} are right, 95 % interval {low:.2%} to {high:.2%}."
        )
        return View(to_png(self._figure(coverage, accuracy, low, high)), alt, remark)

    def _figure(self, coverage: float, accuracy: float, low: float, high: float) -> Figure:
        """Draw the part of the curve that the slider can reach, except for a threshold of 1."""
        figure = Figure(figsize=(9, 3))
        axes = figure.subplots()
        figure.subplots_adjust(left=0.1, right=0.75, bottom=0.17, top=0.95)
        curve = self.curve["coverage"], self.curve["accuracy"]
        axes.plot(*curve, color=plots.COLORS[0], label="all thresholds")
        axes.vlines(coverage, low, high, color="gray", label="95 % interval")
        name = f"threshold {self.threshold.value:.2f}"
        axes.plot(coverage, accuracy, "o", color="black", label=name)
        reach = min(0.99, np.mean(self.confidence >= 0.99))
        floor = evaluation.accuracy_interval(self.correct.sum(), len(self.correct))[0]
        axes.set_xlim(reach - 0.1 * (1 - reach), 1 + 0.05 * (1 - reach))
        axes.set_ylim(floor - 0.1 * (1 - floor), 1 + 0.05 * (1 - floor))
        axes.set(xlabel="coverage: share of digits answered", ylabel="accuracy on those")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        sns.despine(ax=axes)
        return figure
