"""The browser tests notice what they are meant to notice."""

import pytest

from tests.browser.conftest import watched_page


@pytest.mark.parametrize(
    "script, event, fault",
    [
        (
            "fetch('http://192.0.2.1/').catch(() => 0)",
            "requestfailed",
            "request to http://192.0.2.1/",
        ),
        ("console.error('broken')", "console", "console: broken"),
        ("setTimeout(() => { throw new Error('thrown') })", "pageerror", "thrown"),
    ],
)
def test_a_page_that_errs_or_leaves_the_machine_fails(browser, script, event, fault):
    with (
        pytest.raises(AssertionError, match=fault),
        watched_page(browser) as page,
        page.expect_event(event),
    ):
        page.set_content(f"<script>{script}</script>")
