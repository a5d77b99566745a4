"""In a real JupyterLab: the architecture explorer answers to mouse and keyboard, and says what cannot be."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell

SLIDERS = ("Convolutions", "First filters", "Halvings", "Dense units")


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view."""
    return run_cell(notebook, "ArchitectureExplorer()")


def test_it_shows_the_reference_cnn(notebook, explorer):
    expect(explorer.get_by_role("status")).to_contain_text(
        "93,322 parameters, 2,794,240 multiply-adds"
    )
    expect(
        explorer.get_by_role("img", name="conv 3: 3 x 3 x 64, 36,928 parameters")
    ).to_be_visible()
    notebook.screenshot(path="tests/artifacts/architecture_explorer.png")


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("Convolutions", "4", "conv 4: 1 x 1 x 64"),
        ("First filters", "36", "conv 1: 26 x 26 x 36"),
        ("Halvings", "3", "pool 3: 1 x 1 x 64"),
        ("Dense units", "80", "dense 1: 80"),
    ],
)
def test_each_slider_moves_by_keyboard_and_changes_the_network(explorer, name, value, told):
    slider, status = explorer.get_by_role("slider", name=name), explorer.get_by_role("status")
    before = status.inner_text()
    slider.press("ArrowRight")
    expect(slider).to_have_value(value)
    expect(explorer.get_by_role("img", name=told)).to_be_visible()
    expect(status).not_to_have_text(before)
    slider.press("ArrowLeft")
    expect(status).to_have_text(before)


def test_the_halvings_follow_the_convolutions(explorer):
    convolutions, halvings = (
        explorer.get_by_role("slider", name=name) for name in ("Convolutions", "Halvings")
    )
    convolutions.press("Home")
    expect(halvings).to_have_value("1")
    expect(halvings).to_have_attribute("max", "1")
    for key in ("ArrowRight", "ArrowRight"):
        convolutions.press(key)
    expect(halvings).to_have_attribute("max", "3")
    halvings.press("ArrowRight")
    expect(explorer.get_by_role("status")).to_contain_text("93,322 parameters")


@pytest.mark.parametrize(
    "name, chosen, told",
    [
        ("Kernel", "1 x 1", "conv 3: 7 x 7 x 64"),
        ("Padding", "same", "conv 3: 7 x 7 x 64"),
        ("Halve by", "stride 2", "conv 3: 4 x 4 x 64"),
    ],
)
def test_each_list_changes_the_network(explorer, name, chosen, told):
    choice, status = explorer.get_by_role("combobox", name=name), explorer.get_by_role("status")
    before, first = status.inner_text(), choice.input_value()
    choice.select_option(chosen)
    expect(explorer.get_by_role("img", name=told)).to_be_visible()
    choice.press("ArrowDown" if name == "Kernel" else "ArrowUp")
    expect(choice).to_have_value(first)
    expect(status).to_have_text(before)


def test_what_cannot_be_built_is_refused_with_the_reason(explorer):
    kernel, alert = explorer.get_by_role("combobox", name="Kernel"), explorer.get_by_role("alert")
    kernel.select_option("7 x 7")
    expect(alert).to_contain_text("conv 3: a kernel of 7 doesn't fit into 2 pixels")
    expect(explorer.get_by_role("img")).to_be_hidden()
    kernel.select_option("3 x 3")
    expect(alert).to_be_hidden()
    expect(explorer.get_by_role("img")).to_be_visible()
