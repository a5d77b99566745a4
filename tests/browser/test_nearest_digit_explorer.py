"""In a real JupyterLab: the nearest-digit explorer answers to mouse and keyboard, and says what it shows."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view."""
    return run_cell(notebook, "NearestDigitExplorer(mnist.x_train, mnist.y_train, images, labels)")


def press(slider, key):
    """Press a key on a slider, check that it moved a step, and return where it now stands."""
    place = int(slider.input_value()) + (1 if key == "ArrowRight" else -1)
    slider.press(key)
    expect(slider).to_have_value(str(place))
    return place


def test_a_shift_by_keyboard_moves_the_query_and_is_told(notebook, explorer):
    told = explorer.get_by_role("status")
    before = told.inner_text()
    for name, text in (("Shift right", "moved right by"), ("Shift down", "and down by")):
        slider = explorer.get_by_role("slider", name=name)
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            place = press(slider, key)
            expect(explorer.get_by_role("img", name=f"{text} {place}")).to_be_visible()
    expect(told).not_to_have_text(before)
    notebook.screenshot(path="tests/artifacts/nearest_digit_explorer.png")


def test_more_neighbors_have_more_votes(explorer):
    voters = press(explorer.get_by_role("slider", name="Neighbors"), "ArrowRight")
    expect(explorer.get_by_role("status")).to_contain_text(f"of {voters} vote for")


def test_a_click_on_the_slider_asks_another_query(explorer):
    picture, query = explorer.get_by_role("img"), explorer.get_by_role("slider", name="Query")
    before = picture.get_attribute("alt")
    query.click()  # its middle
    expect(query).not_to_have_value("0")
    expect(picture).not_to_have_attribute("alt", before)
    expect(explorer.get_by_role("status")).to_contain_text("the label says")
