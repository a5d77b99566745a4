"""In a real JupyterLab: the threshold follows its slider, and says what it costs."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell


@pytest.fixture
def threshold(notebook):
    """Return the threshold explorer's cell, in view."""
    return run_cell(notebook, "ThresholdExplorer(reader.predict_batch(images), labels)")


def test_the_threshold_moves_by_keyboard_and_its_cost_is_told(notebook, threshold):
    slider, told = (
        threshold.get_by_role("slider", name="Threshold"),
        threshold.get_by_role("status"),
    )
    expect(slider).to_have_value("0.9")
    before = told.inner_text()
    for _ in range(8):
        slider.press("ArrowRight")
    expect(slider).to_have_value("0.98")
    expect(told).not_to_have_text(before)
    expect(threshold.get_by_role("img", name="a point for the threshold 0.98")).to_be_visible()
    notebook.screenshot(path="tests/artifacts/threshold_explorer.png")
    slider.press("Home")
    expect(slider).to_have_value("0")
    expect(told).to_contain_text("Refuses 0 of")


def test_a_threshold_that_answers_nothing_says_so(threshold):
    slider = threshold.get_by_role("slider", name="Threshold")
    slider.press("End")
    expect(threshold.get_by_role("alert")).to_contain_text("Nothing is answered at 1.00")
    expect(threshold.get_by_role("img")).to_be_hidden()
    slider.press("ArrowLeft")
    expect(threshold.get_by_role("img", name="a point for the threshold 0.99")).to_be_visible()
