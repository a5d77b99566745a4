"""Lesson 07 in a real JupyterLab: the matrix opens by mouse and keyboard, the threshold follows its slider."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import contrast, scroll_to, use_theme


@pytest.fixture
def matrix(lesson):
    """Return the confusion explorer's cell, in view."""
    return scroll_to(lesson, "ConfusionExplorer(")


@pytest.fixture
def threshold(lesson):
    """Return the threshold explorer's cell, in view."""
    return scroll_to(lesson, "ThresholdExplorer(")


def cell(explorer, true, answer):
    """Return the button of a cell of the matrix."""
    return explorer.get_by_role("button", name=f"true {true}, read as {answer}: ")


def test_it_opens_at_the_most_frequent_confusion(matrix):
    expect(matrix.get_by_role("grid", name="Confusion matrix")).to_be_visible()
    expect(matrix.get_by_role("button", name=re.compile("^true ., read as .: "))).to_have_count(100)
    opened = matrix.get_by_role("button", pressed=True)
    expect(opened).to_have_count(1)
    true, answer, count = re.match(r"true (\d), read as (\d): (\d+) digit", opened.get_attribute("aria-label")).groups()
    assert true != answer
    expect(matrix.get_by_role("status")).to_contain_text(f"True {true}, read as {answer}: {count} digit")


def test_a_click_opens_a_cell(lesson, matrix):
    cell(matrix, 4, 4).click()
    expect(cell(matrix, 4, 4)).to_have_attribute("aria-pressed", "true")
    expect(matrix.get_by_role("button", pressed=True)).to_have_count(1)
    expect(matrix.get_by_role("status")).to_contain_text("True 4, read as 4")
    expect(matrix.get_by_role("img", name="True 4, read as 4")).to_be_visible()
    lesson.screenshot(path="tests/artefacts/confusion_explorer.png")


def test_arrow_keys_lead_through_the_cells_and_enter_and_space_open_them(lesson, matrix):
    cell(matrix, 2, 2).click()
    focused = lesson.locator("button:focus")
    for key, place in (("ArrowRight", (2, 3)), ("ArrowDown", (3, 3))):
        lesson.keyboard.press(key)
        expect(focused).to_have_attribute("aria-label", re.compile(f"true {place[0]}, read as {place[1]}: "))
    expect(cell(matrix, 2, 2)).to_have_attribute("aria-pressed", "true")
    lesson.keyboard.press("Enter")
    expect(matrix.get_by_role("status")).to_contain_text("True 3, read as 3")
    for key in ("ArrowUp", "ArrowLeft"):
        lesson.keyboard.press(key)
    lesson.keyboard.press("Space")
    expect(matrix.get_by_role("status")).to_contain_text("True 2, read as 2")
    expect(cell(matrix, 2, 2)).to_have_attribute("aria-pressed", "true")


def test_the_arrow_keys_stop_at_the_rim_and_the_tab_key_leaves_the_matrix(lesson, matrix):
    cell(matrix, 9, 9).click()
    focused = lesson.locator("button:focus")
    for key in ("ArrowRight", "ArrowDown"):
        lesson.keyboard.press(key)
        expect(focused).to_have_attribute("aria-label", re.compile("true 9, read as 9: "))
    lesson.keyboard.press("ArrowLeft")
    lesson.keyboard.press("Tab")
    expect(matrix.get_by_role("slider", name="Page")).to_be_focused()
    lesson.keyboard.press("Shift+Tab")
    expect(focused).to_have_attribute("aria-label", re.compile("true 9, read as 8: "))


def test_an_empty_cell_says_so_and_has_no_pages(matrix):
    empty = matrix.get_by_role("button", name=re.compile(": none$")).first
    true, answer = re.findall(r"\d", empty.get_attribute("aria-label"))
    empty.click()
    expect(matrix.get_by_role("alert")).to_contain_text(f"None of these digits is a {true} and was read as {answer}")
    expect(matrix.get_by_role("img")).to_be_hidden()
    expect(matrix.get_by_role("slider", name="Page")).to_be_hidden()
    cell(matrix, 6, 6).press("Enter")
    expect(matrix.get_by_role("img", name="True 6, read as 6")).to_be_visible()
    expect(matrix.get_by_role("alert")).to_be_hidden()


def test_the_pages_turn_by_keyboard(matrix):
    cell(matrix, 5, 5).click()
    page = matrix.get_by_role("slider", name="Page")
    page.press("ArrowRight")
    expect(page).to_have_value("2")
    expect(matrix.get_by_role("status")).to_contain_text("Shown: 21 to 40, page 2 of")
    expect(matrix.get_by_role("img", name="21 to 40 are shown")).to_be_visible()
    page.press("End")
    expect(page).to_have_value(page.get_attribute("max"))
    cell(matrix, 0, 0).click()
    expect(page).to_have_value("1")


def test_the_matrix_can_be_read_in_the_dark_theme(lesson, matrix):
    use_theme(lesson, "JupyterLab Dark")
    cell(matrix, 4, 4).click()
    expect(matrix.get_by_role("img", name="True 4, read as 4")).to_be_visible()
    readable = [contrast(cell(matrix, 4, 4)), contrast(matrix.get_by_text("Row: true digit."))]
    lesson.screenshot(path="tests/artefacts/confusion_explorer_dark.png")
    use_theme(lesson, "JupyterLab Light")
    assert min(readable) >= 4.5, readable


def test_the_threshold_moves_by_keyboard_and_its_cost_is_told(lesson, threshold):
    slider, told = threshold.get_by_role("slider", name="Threshold"), threshold.get_by_role("status")
    expect(slider).to_have_value("0.9")
    before = told.inner_text()
    for _ in range(8):
        slider.press("ArrowRight")
    expect(slider).to_have_value("0.98")
    expect(told).not_to_have_text(before)
    expect(threshold.get_by_role("img", name="a point for the threshold 0.98")).to_be_visible()
    lesson.screenshot(path="tests/artefacts/threshold_explorer.png")
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
