"""In a real JupyterLab: maps are browsed by mouse and keyboard, and the browser says what it shows."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell


@pytest.fixture
def maps(notebook):
    """Return the feature-map browser's cell, in view."""
    return run_cell(notebook, "FeatureMapBrowser(reader.model, images)")


def test_layers_are_chosen_by_mouse_and_keyboard(notebook, maps):
    layers, told = maps.get_by_role("combobox", name="Layer"), maps.get_by_role("status")
    expect(told).to_contain_text("32 maps of 26 x 26")
    layers.select_option("3 Conv2D")
    expect(told).to_contain_text("64 maps of 11 x 11")
    notebook.screenshot(path="tests/artifacts/feature_map_browser.png")
    layers.press("ArrowDown")
    expect(layers).to_have_value("4 MaxPooling2D")
    expect(told).to_contain_text("64 maps of 5 x 5")
    expect(
        maps.get_by_role("img", name="the 64 maps that layer 4 MaxPooling2D makes of it")
    ).to_be_visible()


def test_another_digit_has_other_maps(maps):
    digit, told = maps.get_by_role("slider", name="Digit"), maps.get_by_role("status")
    before = told.inner_text()
    digit.press("ArrowRight")
    expect(digit).to_have_value("1")
    expect(told).not_to_have_text(before)
    expect(maps.get_by_role("img", name="Digit 1, and the")).to_be_visible()
