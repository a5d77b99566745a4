"""Every widget in Notebook 7: it shows up, answers a key, and stays quiet. (The lessons run in JupyterLab.)"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OF_NOTEBOOK_7, watched_page
from tests.browser.front_end import open_in_notebook_7, run_all, scroll_to, write_notebook
from tests.widgets.every import EVERY, SETUP

# What a cell shows and says: the addresses of its pictures, and its texts.
SEEN = """cell => JSON.stringify([
    ...[...cell.querySelectorAll("img")].map((image) => image.src),
    ...[...cell.querySelectorAll("[role=status], output")].map((status) => status.innerText),
])"""


@pytest.fixture(scope="module")
def notebook(browser, notebook_7, course):
    """Return a page of Notebook 7 on which every widget was made, each in a cell of its own."""
    write_notebook(course / "every.ipynb", SETUP, *EVERY)
    with watched_page(browser, known=OF_NOTEBOOK_7) as page:
        open_in_notebook_7(page, notebook_7, "every.ipynb")
        run_all(page)
        yield page


@pytest.mark.parametrize("code", EVERY)
def test_a_widget_shows_up_and_answers(notebook, code):
    role, name, key = EVERY[code]
    cell = scroll_to(notebook, code)
    control = cell.get_by_role(role, name=name)
    control.wait_for()
    expect(cell.get_by_role("alert").filter(has_text=" ")).to_have_count(0)
    before = cell.evaluate(SEEN)
    control.press(key)
    notebook.wait_for_function(
        f"([cell, before]) => ({SEEN})(cell) !== before", arg=[cell.element_handle(), before]
    )
    notebook.screenshot(path=f"tests/artifacts/notebook_7_{code.partition('(')[0]}.png")
