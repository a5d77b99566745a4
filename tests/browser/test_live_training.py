"""In a real JupyterLab: the training shows itself while it goes on, in one place."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import LAST_CELL, add_cell, run_last_cell

TRAINING = """
from utils.models import softmax_regression
from utils.training import Recipe, fit
from utils.widgets import live

live.SHARE = float("inf")  # of the time, for drawing: as often as it may, however fast the machine is
recipe = Recipe(softmax_regression, epochs=3, batch_size=50)
some = mnist.x_train[:2000], mnist.y_train[:2000]
_ = fit(recipe, some, (images, labels), callbacks=[live.LiveTraining()], verbose=0)
"""
# Notes every picture and line that the cell shows in turn, also while it is out of view.
WATCH_THE_TRAINING = f"""() => {{
    const outputs = {LAST_CELL}.model.outputs;
    window.seen = {{"image/png": [], "text/markdown": []}};
    outputs.changed.connect(() => {{
        Object.entries(window.seen).forEach(([kind, seen], place) => {{
            const shown = outputs.get(place)?.data[kind];
            if (shown && shown !== seen.at(-1)) seen.push(shown);
        }});
    }});
}}"""


@pytest.fixture(scope="module")
def training(notebook):
    """Return the cell of a training that was watched."""
    add_cell(notebook, TRAINING)
    notebook.evaluate(WATCH_THE_TRAINING)
    return run_last_cell(notebook)


def test_the_training_shows_itself_while_it_goes_on(notebook, training):
    pictures, lines = notebook.evaluate("Object.values(window.seen)")
    assert len(pictures) >= 10 and len(lines) >= 10
    assert all(line.startswith("Epoch ") for line in lines[:-1]) and any(
        "s left: " in line for line in lines
    )
    assert (
        lines[-1].startswith("Finished after 3 of 3 epochs, in ")
        and "validation accuracy 0." in lines[-1]
    )


def test_its_last_picture_stays_with_its_line(notebook, training):
    expect(training.get_by_text("Finished after 3 of 3 epochs")).to_be_visible()
    expect(training.locator(".jp-OutputArea-output img")).to_have_count(1)
    notebook.screenshot(path="tests/artifacts/live_training.png")
