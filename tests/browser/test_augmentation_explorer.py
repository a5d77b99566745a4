"""In a real JupyterLab: the augmentation explorer answers to mouse and keyboard, and says what it shows."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell

SLIDERS = ["Rotation (°)", "Scale (%)", "Shear (°)", "Shift (px)"]


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view."""
    return run_cell(notebook, "AugmentationExplorer(images[:10])")


def test_it_begins_with_ten_digits_and_their_variants(notebook, explorer):
    expect(
        explorer.get_by_role("img", name="Originals in a row: 10. Below each 3 random variants")
    ).to_be_visible()
    notebook.screenshot(path="tests/artifacts/augmentation_explorer.png")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (SLIDERS[0], "turned by up to 15° either way"),
        (SLIDERS[1], "0.85 to 1.15 times as large"),
        (SLIDERS[2], "slanted by up to 10° either way"),
        (SLIDERS[3], "shifted across and down by up to 3 of 28 pixels"),
    ],
)
def test_a_slider_moves_by_keyboard_and_the_amount_is_told(explorer, name, said):
    slider, told = explorer.get_by_role("slider", name=name), explorer.get_by_role("status")
    expect(told).not_to_contain_text(said)
    slider.press("ArrowRight")
    expect(told).to_contain_text(said)
    expect(explorer.get_by_role("img", name=said)).to_be_visible()


def test_the_button_draws_anew_by_keyboard_and_mouse(explorer):
    button = explorer.get_by_role("button", name="New draw")
    told, image = explorer.get_by_role("status"), explorer.get_by_role("img")
    expect(told).to_contain_text("Draw 1.")
    for number, act in enumerate(
        [lambda: button.press("Enter"), lambda: button.press("Space"), button.click], start=2
    ):
        before = image.get_attribute("src")
        act()
        expect(told).to_contain_text(f"Draw {number}.")
        expect(image).not_to_have_attribute("src", before)


def test_with_all_sliders_at_0_the_variants_are_the_originals(explorer):
    for name in SLIDERS:
        explorer.get_by_role("slider", name=name).press("Home")
    expect(explorer.get_by_role("status")).to_contain_text("the same as its original")
    expect(explorer.get_by_role("img", name="the same as its original")).to_be_visible()
