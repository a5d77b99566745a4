"""In a real JupyterLab: the steps follow the pen, the page and the shadow, and say what is read."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell

SEVEN = [
    (0.27, 0.2),
    (0.5, 0.2),
    (0.72, 0.2),
    (0.6, 0.45),
    (0.5, 0.65),
    (0.42, 0.85),
]  # as parts of the pad's side


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view, with an empty pad and a screen below it."""
    cell = run_cell(notebook, "PipelineExplorer(reader)")
    cell.get_by_role("combobox", name="Seen on").select_option("screen")
    cell.get_by_role("button", name="Clear").click()
    expect(remark(cell)).to_contain_text("No digit: the page is blank")
    return cell


def remark(cell):
    """Return what is told below the steps; the pad has a line of its own, named Prediction."""
    return cell.get_by_role("status").filter(has_text=re.compile("^(Read from|No digit)"))


def steps(cell):
    """Return the picture of the steps."""
    return cell.get_by_role("img", name="seen on the")


def draw_a_seven(page, cell):
    """Draw a seven with the mouse."""
    box = cell.get_by_role("application", name="Draw a digit").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_a_drawn_digit_is_read_from_every_page(notebook, explorer):
    draw_a_seven(notebook, explorer)
    for page in ("screen", "plain paper", "ruled paper"):
        explorer.get_by_role("combobox", name="Seen on").select_option(page)
        expect(remark(explorer)).to_contain_text(f"Read from the {page}: 7")
        expect(
            explorer.get_by_role("img", name=f"A digit, seen on the {page}, in 12 steps")
        ).to_be_visible()
    notebook.screenshot(path="tests/artifacts/pipeline_explorer.png")


def test_an_empty_pad_is_refused_with_the_reason(explorer):
    expect(explorer.get_by_role("alert").filter(visible=True)).to_have_count(0)
    expect(
        explorer.get_by_role("img", name="A page without a digit, seen on the screen, in 4 steps")
    ).to_be_visible()


def test_page_and_shadow_are_chosen_by_keyboard(notebook, explorer):
    draw_a_seven(notebook, explorer)
    page, shadow = (
        explorer.get_by_role("combobox", name="Seen on"),
        explorer.get_by_role("slider", name="Shadow"),
    )
    page.press("ArrowDown")
    expect(page).to_have_value("plain paper")
    expect(
        explorer.get_by_role("img", name="A digit, seen on the plain paper, in 12 steps")
    ).to_be_visible()
    shadow.press("End")
    expect(shadow).to_have_value("70")
    expect(remark(explorer)).to_contain_text("Read from the plain paper: 7")
