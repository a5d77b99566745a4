"""The nearest-digit explorer: move a digit by a few pixels, and see which neighbors k-NN finds now."""

from functools import cache
from itertools import zip_longest

import numpy as np
from matplotlib.figure import Figure

from utils import plots
from utils.data import check_images, check_labels
from utils.preprocessing import one_hot, scale
from utils.widgets.explorer import Explorer, Slider, View, to_png

MOST = 9  # neighbors that can vote
FARTHEST = 4  # pixels that a query can be moved: MNIST leaves about that many empty around a digit
SLOT = 30  # pixels from one picture of the row to the next
# Query, row and votes: left, bottom, width, height as shares of the figure. The row has two dots for each pixel.
PLACES = (0.01, 0.1, 0.19, 0.75), (0.22, 0.58, 600 / 780, 56 / 240), (0.3, 0.1, 0.69, 0.3)


class NearestDigitExplorer(Explorer):
    """Move a query digit, see the nearest training digits, and let them vote; images are uint8 (n, 28, 28).

    All queries are moved and read the same way, so that the remark can count them: with a few thousand training digits
    and a hundred queries, that is instant. Distances are between pixels from 0 to 1.
    """

    def __init__(
        self, x_train: np.ndarray, y_train: np.ndarray, x_query: np.ndarray, y_query: np.ndarray
    ):
        for images, labels in ((x_train, y_train), (x_query, y_query)):
            check_images(images)
            check_labels(labels, len(images))
        self.x_train, self.y_train = x_train, np.asarray(y_train)
        self.x_query, self.y_query = x_query, np.asarray(y_query)
        if len(x_train) < MOST:
            raise ValueError(f"expected {MOST} or more training digits, got {len(x_train)}")
        self.ballots = one_hot(self.y_train)  # the vote of each training digit
        self.train = _flat(x_train)
        self.squares = np.einsum("ij,ij->i", self.train, self.train)
        self.find = cache(self._find)  # a search takes milliseconds, but only on an idle machine
        self.chart = _Chart()
        self.query = Slider("Query", 0, len(x_query) - 1, value=0)
        self.k = Slider("Neighbors", 1, MOST, value=5)
        self.right = Slider("Shift right", -FARTHEST, FARTHEST, value=0)
        self.down = Slider("Shift down", -FARTHEST, FARTHEST, value=0)
        super().__init__(self.query, self.k, self.right, self.down)

    def draw(self) -> View:
        """Draw the moved query, the original query, its nearest digits, and their vote."""
        query, right, down = self.query.value, self.right.value, self.down.value
        moved = _move(self.x_query[[query]], right, down)
        nearest = self.find(right, down)[:, : self.k.value]
        votes = self.ballots[nearest].sum(axis=1).astype(int)  # (queries, 10)
        is_right = votes.argmax(axis=1) == self.y_query  # argmax gives a tie to the smallest digit

        label, neighbors = self.y_query[query], self.y_train[nearest[query]]
        pictures = np.concatenate([self.x_query[[query]], self.x_train[nearest[query]]])
        distances = np.linalg.norm(_flat(pictures) - _flat(moved), axis=1)
        pairs = [*zip(["not moved", *neighbors], distances, strict=True)]
        titles = [f"{name}\n{far:.1f} away" for name, far in pairs]
        self.chart.show_query(moved[0], f"query, label {label}")
        self.chart.show_row(pictures, titles)
        self.chart.show_votes(votes[query], is_right[query])

        listed = ", ".join(f"{name} ({far:.1f})" for name, far in pairs[1:])
        alt = (
            f"A digit, label {label}, moved right by {right} and down by {down}; labels and distances of its nearest "
            f"digits: {listed}; distance to the digit itself, not moved: {distances[0]:.1f}."
        )
        return View(to_png(self.chart.figure), alt, _remark(votes[query], label, is_right))

    def _find(self, right: int, down: int) -> np.ndarray:
        """Return the positions of the training digits nearest to each moved query, (queries, MOST), nearest first."""
        queries = _flat(_move(self.x_query, right, down))
        # The query's own square is left out, because it is the same for all.
        squared_distances = self.squares - 2 * queries @ self.train.T
        return np.argpartition(squared_distances, range(MOST), axis=1)[:, :MOST]


class _Chart:
    """Draw on a figure that is built once: building it takes as long as rendering it."""

    def __init__(self):
        self.figure = Figure(figsize=(9.75, 3))
        self.query, self.row, self.votes = (self.figure.add_axes(place) for place in PLACES)
        for axes, width in ((self.query, 28), (self.row, SLOT * (MOST + 1))):
            plots.digit(axes, np.zeros((28, width)), interpolation="nearest", vmin=0, vmax=255)
        places = SLOT * (np.arange(MOST + 1) + 0.5)
        style = {"ha": "center", "va": "bottom", "fontsize": 9}
        self.titles = [self.row.text(place, -2, "", **style) for place in places]
        self.row.axvline(SLOT, color="gray", linestyle=":")
        self.row.set_axis_off()
        self.bars = self.votes.bar(range(10), 0, edgecolor="black")
        self.votes.set(xticks=range(10), xlim=(-0.6, 9.6), ylabel="votes")
        self.votes.spines[["right", "top"]].set_visible(False)

    def show_query(self, image: np.ndarray, title: str) -> None:
        self.query.images[0].set_data(image)
        self.query.set_title(title, fontsize=10)

    def show_row(self, images: np.ndarray, titles: list[str]) -> None:
        row = np.zeros((28, SLOT * (MOST + 1)), dtype=np.uint8)
        row[:, : SLOT * len(images)] = np.hstack(np.pad(images, ((0, 0), (0, 0), (1, 1))))
        self.row.images[0].set_data(row)
        for text, title in zip_longest(self.titles, titles, fillvalue=""):
            text.set_text(title)

    def show_votes(self, votes: np.ndarray, is_right: bool) -> None:
        """Show the votes for each digit, with the winner's bar colored, and hatched if it is wrong."""
        for bar, height in zip(self.bars, votes, strict=True):
            bar.set(height=height, facecolor="lightgray", hatch="")
        color, hatch = (plots.COLORS[0], "") if is_right else (plots.COLORS[1], "///")
        self.bars[votes.argmax()].set(facecolor=color, hatch=hatch)
        self.votes.set(ylim=(0, votes.sum()), yticks=[0, votes.sum()])


def _remark(votes: np.ndarray, label: int, is_right: np.ndarray) -> str:
    """Return how the vote went for one query, and how many of all queries are read correctly."""
    verdict = "right" if votes.argmax() == label else "wrong"
    tie = " (a tie, which the smallest digit wins)" if np.sum(votes == votes.max()) > 1 else ""
    return (
        f"{votes.max()} of {votes.sum()} vote for {votes.argmax()}{tie}, the label says {label}: {verdict}.\n"
        f"Of all {len(is_right)} queries, moved in the same way, {np.sum(is_right)} are read correctly."
    )


def _flat(images: np.ndarray) -> np.ndarray:
    return scale(images).reshape(len(images), -1)


def _move(images: np.ndarray, right: int, down: int) -> np.ndarray:
    """Move images by up to FARTHEST pixels; what leaves the paper is lost, and empty paper moves in."""
    top, left = FARTHEST - down, FARTHEST - right
    padded = np.pad(images, ((0, 0), (FARTHEST, FARTHEST), (FARTHEST, FARTHEST)))
    return padded[:, top : top + images.shape[1], left : left + images.shape[2]]
