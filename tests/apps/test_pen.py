"""The pad is one source: the lessons, the web app, and the website draw with the same pen."""

import re

from tests.tree import ROOT, repository_files
from utils.widgets.pad import DrawPad

PEN = (ROOT / "utils/widgets/pen.js").read_text()


def test_only_one_file_holds_the_pen():
    scripts = [path for path in repository_files() if path.suffix in (".js", ".vue")]
    assert len(scripts) > 10
    found = [path.as_posix() for path in scripts if "RADIUS" in (ROOT / path).read_text()]
    assert found == ["utils/widgets/pen.js"]


def test_the_pad_of_the_lessons_is_one_module():
    """anywidget sends a single file to the browser, which has nowhere to import another from."""
    assert PEN in DrawPad._esm
    assert not re.search(r"^import ", DrawPad._esm, re.MULTILINE)
