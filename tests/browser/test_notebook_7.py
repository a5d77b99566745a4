"""Every widget in Notebook 7: it shows up, answers a key, and stays quiet. (The lessons run in JupyterLab.)"""

import os
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.browser.front_end import run_all, scroll_to, write_notebook
from tests.lab import TOKEN, free_port, lab_flags, running
from tests.widgets.every import EVERY, SETUP

# Notebook 7.6 throws it while it loads its settings, on an empty notebook too.
OF_NOTEBOOK_ITSELF = "error: Cannot read properties of undefined (reading 'schema')"

KERNEL_IS_READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""


# What a cell shows and says: the addresses of its pictures, and its texts.
SEEN = """cell => JSON.stringify([
    ...[...cell.querySelectorAll("img")].map((image) => image.src),
    ...[...cell.querySelectorAll("[role=status], output")].map((status) => status.innerText),
])"""


@pytest.fixture(scope="module")
def notebook(browser, course):
    """Return a page of Notebook 7 on which every widget was made, each in a cell of its own."""
    write_notebook(course / "every.ipynb", SETUP, *EVERY)
    port = free_port()
    flags = ["--no-browser", "--ServerApp.root_dir=.", "--expose-app-in-browser", *lab_flags(port)]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(course / "jupyter")}
    command = [sys.executable, "-m", "notebook", *flags]
    served = running(command, port, course, environment)
    with served as address, watched_page(browser, known=OF_NOTEBOOK_ITSELF) as page:
        page.goto(f"{address}/notebooks/every.ipynb?token={TOKEN}")
        page.wait_for_function(KERNEL_IS_READY)
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
