"""In a real JupyterLab: the matrix opens by mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import contrast, run_cell, use_theme


@pytest.fixture
def matrix(notebook):
    """Return the confusion explorer's cell, in view."""
    return run_cell(notebook, "ConfusionExplorer(images, labels, probabilities)")


def cell(explorer, true, answer):
    """Return the button of a cell of the matrix."""
    return explorer.get_by_role("button", name=f"true {true}, read as {answer}: ")


def test_it_opens_at_the_most_frequent_confusion(matrix):
    expect(matrix.get_by_role("grid", name="Confusion matrix")).to_be_visible()
    expect(matrix.get_by_role("button", name=re.compile("^true ., read as .: "))).to_have_count(100)
    opened = matrix.get_by_role("button", pressed=True)
    expect(opened).to_have_count(1)
    true, answer, count = re.match(
        r"true (\d), read as (\d): (\d+) digit", opened.get_attribute("aria-label")
    ).groups()
    assert true != answer
    expect(matrix.get_by_role("status")).to_contain_text(
        f"True {true}, read as {answer}: {count} digit"
    )


def test_a_click_opens_a_cell(notebook, matrix):
    cell(matrix, 4, 4).click()
    expect(cell(matrix, 4, 4)).to_have_attribute("aria-pressed", "true")
    expect(matrix.get_by_role("button", pressed=True)).to_have_count(1)
    expect(matrix.get_by_role("status")).to_contain_text("True 4, read as 4")
    expect(matrix.get_by_role("img", name="True 4, read as 4")).to_be_visible()
    notebook.screenshot(path="tests/artifacts/confusion_explorer.png")


def test_arrow_keys_move_between_cells_and_enter_opens_them(notebook, matrix):
    cell(matrix, 2, 2).click()
    focused = notebook.locator("button:focus")
    for key, place in (("ArrowRight", (2, 3)), ("ArrowDown", (3, 3))):
        notebook.keyboard.press(key)
        expect(focused).to_have_attribute(
            "aria-label", re.compile(f"true {place[0]}, read as {place[1]}: ")
        )
    expect(cell(matrix, 2, 2)).to_have_attribute("aria-pressed", "true")
    notebook.keyboard.press("Enter")
    expect(matrix.get_by_role("status")).to_contain_text("True 3, read as 3")
    for key in ("ArrowUp", "ArrowLeft"):
        notebook.keyboard.press(key)
    notebook.keyboard.press("Space")
    expect(matrix.get_by_role("status")).to_contain_text("True 2, read as 2")
    expect(cell(matrix, 2, 2)).to_have_attribute("aria-pressed", "true")


def test_arrow_keys_stop_at_the_edge_and_tab_leaves_the_matrix(notebook, matrix):
    cell(matrix, 9, 9).click()
    expect(
        matrix.get_by_role("slider", name="Page")
    ).to_be_visible()  # this cell has pages; the first one had none
    focused = notebook.locator("button:focus")
    for key in ("ArrowRight", "ArrowDown"):
        notebook.keyboard.press(key)
        expect(focused).to_have_attribute("aria-label", re.compile("true 9, read as 9: "))
    notebook.keyboard.press("ArrowLeft")
    notebook.keyboard.press("Tab")
    expect(matrix.get_by_role("slider", name="Page")).to_be_focused()
    notebook.keyboard.press("Shift+Tab")
    expect(focused).to_have_attribute("aria-label", re.compile("true 9, read as 8: "))


def test_an_empty_cell_says_so_and_has_no_pages(matrix):
    empty = matrix.get_by_role("button", name=re.compile(": none$")).first
    true, answer = re.findall(r"\d", empty.get_attribute("aria-label"))
    empty.click()
    expect(matrix.get_by_role("alert")).to_contain_text(f"No {true} here was read as {answer}")
    expect(matrix.get_by_role("img")).to_be_hidden()
    expect(matrix.get_by_role("slider", name="Page")).to_be_hidden()
    cell(matrix, 6, 6).press("Enter")
    expect(matrix.get_by_role("img", name="True 6, read as 6")).to_be_visible()
    expect(matrix.get_by_role("alert")).to_be_hidden()


def test_the_pages_turn_by_keyboard(matrix):
    cell(matrix, 5, 5).click()
    page = matrix.get_by_role("slider", name="Page")
    expect(page).to_be_visible()
    page.press("ArrowRight")
    expect(page).to_have_value("2")
    expect(matrix.get_by_role("status")).to_contain_text("Shown: 21 to 40, page 2 of")
    expect(matrix.get_by_role("img", name="21 to 40 are shown")).to_be_visible()
    page.press("End")
    expect(page).to_have_value(page.get_attribute("max"))
    cell(matrix, 0, 0).click()
    expect(page).to_have_value("1")


def test_the_matrix_can_be_read_in_the_dark_theme(notebook, matrix):
    use_theme(notebook, "JupyterLab Dark")
    cell(matrix, 4, 4).click()
    expect(matrix.get_by_role("img", name="True 4, read as 4")).to_be_visible()
    readable = [contrast(cell(matrix, 4, 4)), contrast(matrix.get_by_text("Row: true digit."))]
    notebook.screenshot(path="tests/artifacts/confusion_explorer_dark.png")
    use_theme(notebook, "JupyterLab Light")
    assert min(readable) >= 4.5, readable
