"""A real browser, and a JupyterLab of the course's own .venv on a copy of the course."""

import os
import shutil
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.front_end import SECOND, open_in_lab, run_all, wait_until_all_ran, write_notebook
from tests.lab import free_port, lab_flags, running
from tests.tree import copy_repository
from tests.widgets.every import SETUP

LONGEST = (
    60 * SECOND
)  # until an event counts as one that never comes: no test should fail because a machine is busy
expect.set_options(timeout=LONGEST)

# Notebook 7.6 throws it while it loads its settings, on an empty notebook too.
OF_NOTEBOOK_7 = "error: Cannot read properties of undefined (reading 'schema')"

QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium, the machine's own."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "this test needs Chromium on the PATH: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """Return a page; the test fails where it logs an error, or asks for anything that is not on this machine."""
    with watched_page(browser) as page:
        yield page


@contextmanager
def watched_page(browser, known=None):
    """Yield a page, then raise AssertionError if it logged an error or asked for anything beyond this machine.

    A fault that is `known` to be none of ours may come.
    """
    faults = []
    context = browser.new_context(viewport={"width": 1280, "height": 1000})

    def allow_local(route):
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
            return route.continue_()
        faults.append(f"request to {route.request.url}")
        return route.abort()

    context.route(lambda url: url.startswith("http"), allow_local)
    context.set_default_timeout(LONGEST)
    page = context.new_page()
    page.on(
        "console",
        lambda message: (
            faults.append(f"console: {message.text}") if message.type == "error" else None
        ),
    )
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    yield page
    context.close()
    faults = [fault for fault in faults if fault != known]
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """Return a copy of the course whose notebooks hold no outputs: what a test sees there, it has run."""
    folder = copy_repository(tmp_path_factory.mktemp("course"))
    for path in (folder / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        nbformat.write(notebook, path)
    return folder


@pytest.fixture(scope="session")
def lab(course):
    """Return the address of a JupyterLab that serves the copy."""
    port = free_port()
    flags = ["--no-browser", "--ServerApp.root_dir=.", "--expose-app-in-browser", *lab_flags(port)]
    command = [sys.executable, "-m", "jupyterlab", *flags]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(course / "jupyter"),
    }  # not the settings of whoever tests
    with running(command, port, course, environment) as address:
        yield address
    # The server runs under the guard of tests/offline: what it logs tells whether it tried.
    assert "LeavesTheMachine" not in (course / f"lab-{port}.log").read_text()


@pytest.fixture(scope="session")
def notebook_7(course):
    """Return the address of a Notebook 7 that serves the copy."""
    port = free_port()
    flags = ["--no-browser", "--ServerApp.root_dir=.", "--expose-app-in-browser", *lab_flags(port)]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(course / "jupyter")}
    command = [sys.executable, "-m", "notebook", *flags]
    with running(command, port, course, environment) as address:
        yield address


@pytest.fixture(scope="session")
def notebook(browser, lab, course):
    """Return a page of JupyterLab on which the names that a widget needs are at hand, for cells that a test adds."""
    as_in_lessons = f'{SETUP}reader = DigitReader("reference")'
    write_notebook(course / "widgets.ipynb", as_in_lessons)
    with watched_page(browser) as page:
        open_in_lab(page, lab, "widgets.ipynb")
        run_all(page)
        wait_until_all_ran(page)
        yield page
