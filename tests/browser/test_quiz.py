"""Answer a quiz in a real JupyterLab, by keyboard and by mouse."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell
from utils.exercises import quiz


@pytest.fixture
def cell(notebook):
    """Return the cell of the first quiz of convolution_by_hand."""
    return run_cell(
        notebook, 'from utils.exercises.quiz import ask\n\nask("convolution_by_hand", 1)'
    )


@pytest.fixture
def asked():
    """Return that quiz with its answers."""
    return quiz.load("convolution_by_hand")[0]


def tab_to(page, label):
    """Press the Tab key until the focus is on the button with this label."""
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent.trim()") == label:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {label!r} by keyboard")


def test_a_quiz_is_answered_by_mouse(notebook, cell, asked):
    wrong, diagnosis = next(iter(asked.wrong.items()))
    cell.get_by_role("button", name="Answer").click()
    expect(cell.get_by_role("status").filter(has_text="Choose an answer first")).to_be_visible()
    cell.get_by_role("radio", name=wrong).check()
    cell.get_by_role("button", name="certain").click()
    cell.get_by_role("button", name="Answer").click()
    said = cell.get_by_role("status").filter(has_text="No.")
    expect(said).to_contain_text(diagnosis.split(":")[0][:30])
    notebook.screenshot(path="tests/artifacts/quiz.png")


def test_a_quiz_is_answered_by_keyboard(notebook, cell, asked):
    cell.get_by_role("radio").first.focus()
    for _ in range(asked.options.index(asked.right)):
        notebook.keyboard.press("Tab")
    notebook.keyboard.press("Space")
    for label in ("certain", "Answer"):
        tab_to(notebook, label)
        notebook.keyboard.press("Space")
    expect(cell.get_by_role("status").filter(has_text="Right.")).to_be_visible()
