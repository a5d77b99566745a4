"""Answer a quiz in a real JupyterLab, by keyboard and by mouse."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import SECOND, open_in_lab, run_all, write_notebook
from utils.exercises import quiz


@pytest.fixture
def asked(page, lab, course):
    """Open a notebook that asks the first quiz of lesson 04, run it, and return the quiz."""
    write_notebook(course / "quiz.ipynb", 'from utils.exercises.quiz import ask\n\nask("04", 1)')
    open_in_lab(page, lab, "quiz.ipynb")
    run_all(page)
    page.get_by_role("button", name="Answer").wait_for(timeout=60 * SECOND)
    return quiz.load("04")[0]


def tab_to(page, label):
    """Press the Tab key until the focus is on the button with this label."""
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent.trim()") == label:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {label!r} by keyboard")


def test_a_quiz_is_answered_by_mouse(page, asked):
    wrong, diagnosis = next(iter(asked.wrong.items()))
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("status").filter(has_text="Choose an answer first")).to_be_visible()
    page.get_by_role("radio", name=wrong).check()
    page.get_by_role("button", name="certain").click()
    page.get_by_role("button", name="Answer").click()
    said = page.get_by_role("status").filter(has_text="No.")
    expect(said).to_contain_text(diagnosis.split(":")[0][:30])
    page.screenshot(path="tests/artefacts/quiz.png")


def test_a_quiz_is_answered_by_keyboard(page, asked):
    page.get_by_role("radio").first.focus()
    for _ in range(asked.options.index(asked.right)):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for label in ("certain", "Answer"):
        tab_to(page, label)
        page.keyboard.press("Space")
    expect(page.get_by_role("status").filter(has_text="Right.")).to_be_visible()
