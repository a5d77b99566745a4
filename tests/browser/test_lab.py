"""Open lessons in a real JupyterLab, run them as a learner does, and look at what is shown."""

import time

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.lab import TOKEN

SECOND = 1000
OUTPUT = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output"


def open_and_run(page, lab, lesson):
    """Open a lesson, wait for its kernel, and choose Run > Run All Cells."""
    page.goto(f"{lab}/lab/tree/notebooks/{lesson}?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60 * SECOND)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def save_when_finished(page, path, seconds=120):
    """Save until every code cell of the file has run, and return its outputs; the browser shows only those in view."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(SECOND)
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        outputs = [output for cell in cells for output in cell.outputs]
        faults = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
        assert not faults, faults
        if all(cell.execution_count for cell in cells):
            return outputs
    raise AssertionError(f"{path.name} did not finish within {seconds} s")


def test_lesson_00_shows_a_sound_environment(page, lab, course):
    open_and_run(page, lab, "00_start_here.ipynb")
    checks = page.locator(OUTPUT, has_text="[ OK ]").first
    expect(checks).to_contain_text("TensorFlow", timeout=60 * SECOND, ignore_case=True)
    expect(checks).not_to_contain_text("[FAIL]")
    assert save_when_finished(page, course / "notebooks/00_start_here.ipynb")


def test_lesson_01_shows_its_first_figure(page, lab, course):
    open_and_run(page, lab, "01_visualize_digits.ipynb")
    figure = page.locator(f"{OUTPUT} img").first
    figure.wait_for(state="attached", timeout=60 * SECOND)
    figure.scroll_into_view_if_needed()
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert save_when_finished(page, course / "notebooks/01_visualize_digits.ipynb")


@pytest.mark.parametrize("script, fault", [
    ("fetch('http://192.0.2.1/').catch(() => 0)", "request to http://192.0.2.1/"),
    ("console.error('broken')", "console: broken"),
    ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
])
def test_a_page_that_errs_or_leaves_the_machine_fails(browser, script, fault):
    with pytest.raises(AssertionError, match=fault), watched_page(browser) as page:
        page.set_content(f"<script>{script}</script>")
        page.wait_for_timeout(300)
