"""How soon each widget answers in JupyterLab: `make test-long`, with nothing else to do for the machine.

The limits hold where a plain figure, drawn between the measurements, takes QUIET milliseconds. On a slower or busier
machine they are longer by the factor by which that figure takes longer.
"""

import statistics
import time

import pytest
from matplotlib.figure import Figure
from playwright.sync_api import expect

from tests.browser.front_end import run_cell
from tests.widgets.every import EVERY
from utils.widgets.explorer import to_png

pytestmark = pytest.mark.long

QUIET = 85  # milliseconds of one core that `plain_figure` needs at least, where nothing else disturbs it
SLIDERS = {
    "DigitBrowser(": ["Page"],
    "AugmentationExplorer(": ["Rotation", "Scale", "Shear", "Shift"],
    "NearestDigitExplorer(": ["Query", "Neighbors", "Shift right", "Shift down"],
    "KernelExplorer(": ["Row", "Column"],
    "ArchitectureExplorer(": ["Convolutions", "First filters", "Halvings", "Dense units"],
    "ScheduleExplorer(": ["Peak rate", "Warm-up"],
    "ConfusionExplorer(": ["Page"],
    "ThresholdExplorer(": ["Threshold"],
    "PipelineExplorer(": ["Shadow"],
    "FeatureMapBrowser(": ["Digit"],
    "AdversarialExplorer(": ["Epsilon", "Digit"],
}
# What must be chosen first, so that every slider changes the picture.
CHOICES = {
    "ArchitectureExplorer(": ("Padding", "same"),
    "ScheduleExplorer(": ("Schedule", "one-cycle"),
    "PipelineExplorer(": ("Seen on", "ruled paper"),
    "FeatureMapBrowser(": ("Layer", "3 Conv2D"),
}
MOVE_SLIDER = """(range, image) => new Promise((done, failed) => {
    setTimeout(() => failed(new Error("no new picture within 10 s")), 10000);
    const start = performance.now();
    const shown = () => requestAnimationFrame(() => done(performance.now() - start));
    image.addEventListener("load", shown, {once: true});
    range.value === range.max || range.dataset.back ? range.stepDown() : range.stepUp();
    range.dataset.back = range.dataset.back ? "" : "yes";
    range.dispatchEvent(new Event("input", {bubbles: true}));
})"""
# Notes in window.taken how long after a move of the pen the element changes, or its picture is loaded.
WATCH_THE_PEN = """element => {
    window.taken = [];
    let moved = null;
    document.addEventListener("pointermove", () => { moved ??= performance.now(); }, true);
    const answered = () => {
        if (moved !== null) window.taken.push(performance.now() - moved);
        moved = null;
    };
    element.addEventListener("load", answered);
    const all = {subtree: true, attributes: true, characterData: true, childList: true};
    if (element.tagName !== "IMG") new MutationObserver(answered).observe(element, all);
}"""


def plain_figure():
    """Return how many milliseconds a plain figure with three axes takes, drawn as an explorer draws."""
    start = time.perf_counter()
    figure = Figure(figsize=(9, 3))
    for axes in figure.subplots(1, 3):
        axes.plot(range(10))
    to_png(figure)
    return 1000 * (time.perf_counter() - start)


def assert_in_time(measure, limit, tries=5):
    """Fail unless `measure`, which returns milliseconds and beside them plain figures', meets the limit in a try."""
    told = []
    for _ in range(tries):
        taken, plain = (statistics.median(times) for times in measure())
        allowed = limit * max(1, plain / QUIET)
        told.append(f"{taken:.0f} ms of {allowed:.0f} (a plain figure: {plain:.0f} ms)")
        if taken <= allowed:
            print("; ".join(told))
            return
    raise AssertionError("; ".join(told))


def made_by(name):
    """Return the code that makes a widget."""
    return next(code for code in EVERY if code.startswith(name))


def chosen(page, name):
    """Return the cell of a widget, in view, with what must be chosen there first."""
    cell = run_cell(page, made_by(name))
    if name in CHOICES:
        label, value = CHOICES[name]
        cell.get_by_role("combobox", name=label).select_option(value)
    if name == "PipelineExplorer(":
        draw(page, cell, moves=8)
    if name == "ConfusionExplorer(":
        cell.get_by_role("button", name="true 8, read as 8").click()
    return cell


def draw(page, cell, moves, pause=0, meanwhile=lambda: None):
    """Draw a line with the mouse on the pad in a cell."""
    box = cell.get_by_role("application", name="Draw a digit").bounding_box()
    page.mouse.move(box["x"] + 90, box["y"] + 60)
    page.mouse.down()
    for step in range(moves):
        page.mouse.move(box["x"] + 90 + 90 * step / moves, box["y"] + 60 + 150 * step / moves)
        page.wait_for_timeout(pause)
        meanwhile()
    page.mouse.up()


@pytest.mark.parametrize(
    "name, slider", [(name, slider) for name, sliders in SLIDERS.items() for slider in sliders]
)
def test_the_picture_follows_the_slider_at_once(notebook, name, slider):
    cell = chosen(notebook, name)
    handle, picture = cell.get_by_role("slider", name=slider), cell.get_by_role("img").last
    expect(picture).to_be_visible()

    def measure():
        pairs = []
        for _ in range(9):
            notebook.wait_for_timeout(100)  # until all is quiet
            pairs.append((handle.evaluate(MOVE_SLIDER, picture.element_handle()), plain_figure()))
        return zip(*pairs, strict=True)

    assert_in_time(measure, limit=150)


@pytest.mark.parametrize("name, page, limit", [
    ("DrawPad(", None, 100), ("PipelineExplorer(", "screen", 150), ("PipelineExplorer(", "ruled paper", 150),
])  # fmt: skip
def test_the_answer_follows_the_pen_at_once(notebook, name, page, limit):
    cell = run_cell(notebook, made_by(name))
    if page:
        cell.get_by_role("combobox", name="Seen on").select_option(page)
        answer = cell.get_by_role("img", name=f"seen on the {page}")
        expect(answer).to_be_visible()
    else:
        answer = cell.get_by_role("list", name="Probability of each digit")

    def measure():
        cell.get_by_role("button", name="Clear").click()
        notebook.wait_for_timeout(300)
        answer.evaluate(WATCH_THE_PEN)
        plain = []
        draw(notebook, cell, moves=20, pause=200, meanwhile=lambda: plain.append(plain_figure()))
        taken = notebook.evaluate("window.taken")
        assert len(taken) >= 15, taken
        return taken, plain

    assert_in_time(measure, limit)
