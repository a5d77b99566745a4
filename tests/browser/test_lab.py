"""Open lessons in a real JupyterLab, run them as a learner does, and look at what is shown."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.browser.front_end import OUTPUT, SECOND, open_in_lab, run_all, save_when_finished


def test_lesson_00_shows_a_sound_environment(page, lab, course):
    open_in_lab(page, lab, "notebooks/00_start_here.ipynb")
    run_all(page)
    checks = page.locator(OUTPUT, has_text="[ OK ]").first
    expect(checks).to_contain_text("TensorFlow", timeout=60 * SECOND, ignore_case=True)
    expect(checks).not_to_contain_text("[FAIL]")
    assert save_when_finished(page, course / "notebooks/00_start_here.ipynb")


def test_lesson_01_shows_its_first_figure(page, lab, course):
    open_in_lab(page, lab, "notebooks/01_visualize_digits.ipynb")
    run_all(page)
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
