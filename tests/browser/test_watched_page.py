"""The browser tests notice what they are meant to notice."""

import pytest

from tests.browser.conftest import watched_page


@pytest.mark.parametrize("script, fault", [
    ("fetch('http://192.0.2.1/').catch(() => 0)", "request to http://192.0.2.1/"),
    ("console.error('broken')", "console: broken"),
    ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
])
def test_a_page_that_errs_or_leaves_the_machine_fails(browser, script, fault):
    with pytest.raises(AssertionError, match=fault), watched_page(browser) as page:
        page.set_content(f"<script>{script}</script>")
        page.wait_for_timeout(300)
