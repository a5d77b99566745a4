"""The page's pen draws as the pen of the lessons does: a widget is one file, so the two cannot share their code."""

import re

import pytest

from tests.tree import ROOT

PAGE, LESSONS = (
    (ROOT / path).read_text() for path in ("apps/web/frontend/src/pen.js", "utils/widgets/pad.js")
)


@pytest.mark.parametrize(
    "part", [r"function drawLine\(.*?^}", r"SIDE = (\d+)", r"RADIUS = ([\d.]+)"]
)
def test_the_pen_of_the_page_is_the_pen_of_the_lessons(part):
    page, lessons = (re.search(part, text, re.DOTALL | re.MULTILINE) for text in (PAGE, LESSONS))
    assert page.group(page.re.groups) == lessons.group(lessons.re.groups)
