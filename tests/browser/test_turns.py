"""How a lesson works in JupyterLab and Notebook 7: a "Your turn", a folded output, and the descent explorer."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import expect

from benchmarks.lessons import FOLDED
from tests.browser.conftest import OF_NOTEBOOK_7, watched_page
from tests.browser.front_end import (
    KERNEL,
    open_in_lab,
    open_in_notebook_7,
    run_all,
    run_cell,
    wait_until_all_ran,
)

SETUP = """
import numpy as np
from utils.exercises import turns
from utils.widgets.descent import DescentExplorer

t1, *_ = turns("learn_by_gradient")

def probability(w, ink):
    return np.clip(1 / (1 + np.exp(-w * (ink - 12))), 1e-12, 1 - 1e-12)
"""
TURN = """
def loss(w, ink, is_zero):
    p = probability(w, ink)
    correct = {}
    return -np.log(correct).mean()

loss = t1.check(loss)
print("loss at 0:", loss(0, np.array([5.0, 20.0]), np.array([False, True])).round(3))
"""
ANSWERS = {
    "...": ("Not attempted.", "with the course's function"),
    "p": ("Incorrect.", "You used the probability of a 0 for every image."),
    "np.where(is_zero, p, 1 - p)": ("Correct.", "with your function"),
}
EXPLORER = "DescentExplorer(np.array([5.0, 8, 11, 13, 20]), np.array([0, 0, 1, 0, 1]))"


@pytest.fixture(scope="module", params=["lab", "notebook_7"])
def lesson(request, browser, course):
    """Return a page with the beginning of a lesson, whose second cell has a folded output."""
    folded = new_code_cell(
        "print('the answer is', 40 + 2)",
        metadata={"jupyter": {"outputs_hidden": True}, "tags": ["hide-output"]},
        outputs=[
            new_output("display_data", data={"text/plain": FOLDED}),
            new_output("stream", text="the answer is 41, saved long ago\n"),
        ],
        execution_count=1,
    )
    content = new_notebook(cells=[new_code_cell(SETUP), folded], metadata=KERNEL)
    nbformat.write(content, course / "turns.ipynb")
    address = request.getfixturevalue(request.param)
    with watched_page(browser, known=OF_NOTEBOOK_7) as page:
        open_it = open_in_lab if request.param == "lab" else open_in_notebook_7
        open_it(page, address, "turns.ipynb")
        yield page


def test_folded_output_opens_when_its_cell_is_run(lesson):
    expect(lesson.locator(".jp-OutputPlaceholder")).to_contain_text(FOLDED)
    expect(lesson.get_by_text("saved long ago")).to_be_hidden()
    run_all(lesson)
    wait_until_all_ran(lesson)
    expect(lesson.get_by_text("the answer is 42")).to_be_visible()


@pytest.mark.parametrize("line", ANSWERS)
def test_turn_is_judged_and_the_lesson_goes_on(lesson, line):
    said, goes_on = ANSWERS[line]
    cell = run_cell(lesson, TURN.format(line))
    for text in (said, goes_on, "loss at 0: 0.693"):
        expect(cell.get_by_text(text).first).to_be_visible()


def test_explorer_steps_by_mouse_and_keyboard(lesson):
    cell = run_cell(lesson, EXPLORER)
    told, step = cell.get_by_role("status"), cell.get_by_role("button", name="Take a step")
    expect(told).to_contain_text("0 steps: w = 0.000, loss 0.693")
    step.click()
    expect(told).to_contain_text("1 step: w = ")
    rate = cell.get_by_role("slider", name="Learning rate")
    rate.press("End")
    expect(told).to_contain_text("subtracts 3.00")
    step.press("Enter")
    expect(told).to_contain_text("2 steps: w = ")
    cell.get_by_role("button", name="Start over").press("Space")
    expect(told).to_contain_text("0 steps: w = 0.000")
    expect(cell.get_by_role("img", name="0 steps")).to_be_visible()
    lesson.screenshot(path="tests/artifacts/descent_explorer.png")
