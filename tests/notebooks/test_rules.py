"""Prove that each rule of a lesson accepts a good lesson, and names the fault of a bad one."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import rules
from tests.notebooks.rules import LESSON, Notebook

OPENING = """\
# A first lesson

**Time** 5 minutes · **Prerequisites** none

## Questions

- What is a digit? See [the next lesson](01_second.ipynb#A-heading), [the figure below](#Objectives), `[no](link)`.

## Objectives

- Draw one.

```python
# not a title
```
"""
ENDING = "## Key points\n\n- A digit is a picture.\n\nNext: [the second lesson](01_second.ipynb)"
ALT = {"image/png": {"alt": "A handwritten seven, white on black"}}


def figure(alt=ALT):
    """Return the output of a cell that shows a picture."""
    return new_output(
        "display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Image>"}, metadata=alt
    )


def printed(text, name="stdout"):
    """Return the output of a cell that prints."""
    return new_output("stream", name=name, text=text)


@pytest.fixture
def lesson(tmp_path):
    """Return a lesson that keeps every rule."""
    second = new_notebook(cells=[new_markdown_cell("# Second\n\n## A heading")])
    nbformat.write(second, tmp_path / "01_second.ipynb")
    cells = [
        new_markdown_cell(OPENING),
        new_code_cell("import utils", execution_count=1),
        new_code_cell("utils.show()", execution_count=2, outputs=[figure()]),
        new_markdown_cell("The figure shows a seven."),
        new_code_cell("print(7)", execution_count=3, outputs=[printed("7\n")]),
        new_markdown_cell(ENDING),
    ]
    content = new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    nbformat.write(content, tmp_path / "00_first.ipynb")
    return Notebook.read(tmp_path / "00_first.ipynb")


@pytest.mark.parametrize("rule", LESSON, ids=lambda rule: rule.__name__)
def test_a_good_lesson_keeps_every_rule(lesson, rule):
    assert list(rule(lesson)) == []


def prose(text):
    """Return a change that puts a Markdown cell in the middle."""
    return lambda lesson: lesson.content.cells.insert(3, new_markdown_cell(text))


def code(source, **options):
    """Return a change that puts another source, and outputs, into the last code cell."""
    return lambda lesson: lesson.code[-1].update(source=source, **options)


def output(*outputs):
    """Return a change that gives the last code cell other outputs."""
    return lambda lesson: lesson.code[-1].update(outputs=list(outputs))


def opening(old, new):
    """Return a change of the first cell."""
    return lambda lesson: lesson.content.cells[0].update(source=OPENING.replace(old, new))


def tag(name):
    """Return a change that tags the last code cell."""
    return lambda lesson: lesson.code[-1].metadata.update(tags=[name])


HOME = "/" + "home/someone/digits"
PLOTLY = new_output(
    "display_data", data={"application/vnd.plotly.v1+json": {}, "text/html": "<div></div>"}
)
REMOTE = new_output(
    "display_data", data={"text/html": '<script src="https://cdn.example.org/x.js"></script>'}
)
WIDGET = new_output(
    "display_data", data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a quiz"}
)
FAULTS = [
    (rules.has_one_title, prose("# Another title"), "got 2"),
    (rules.has_one_title, opening("# A first lesson", "Hello"), "starts with the title"),
    (rules.has_no_empty_cell, lambda n: n.content.cells[3].update(source=" \n"), "cell 4 is empty"),
    (
        rules.cells_have_ids,
        lambda n: n.content.cells[1].update(id=n.content.cells[2].id),
        "id of its own",
    ),
    (rules.metadata_is_clean, lambda n: n.content.metadata.update(widgets={}), "widget state"),
    (
        rules.metadata_is_clean,
        lambda n: n.content.metadata.kernelspec.update(name="mine"),
        "'mine'",
    ),
    (rules.is_small, lambda n: n.path.write_bytes(b" " * rules.MAX_BYTES), "2,500,000 bytes"),
    (rules.has_no_machine_path, code(f"open('{HOME}')"), "someone"),
    (rules.has_no_machine_path, output(printed(f"saved in {HOME}")), "someone"),
    (rules.has_no_machine_path, prose(r"Look at C:\Users\someone"), "one machine"),
    (rules.imports_plainly, code("%pip install keras"), "google.colab"),
    (rules.imports_plainly, code("import sys\nsys.path.append('..')"), "sys.path"),
    (rules.imports_plainly, code("from utils.data import *"), "name what you import"),
    (rules.cells_are_short, code("\n".join(["x = 1"] * 21)), "code cell 3 has 21 lines"),
    (rules.cells_are_short, code("\n".join(["x = 1"] * 15)), "more than 14 lines"),
    (
        rules.cells_are_short,
        lambda n: [cell.update(source="x = 1\n" * 7) for cell in n.code],
        "median",
    ),
    (rules.nothing_is_hidden_from_the_tests, tag("raises-exception"), "raises-exception"),
    (rules.nothing_is_hidden_from_the_tests, tag("nbval-skip"), "nbval-skip"),
    (rules.nothing_is_hidden_from_the_tests, code("# NBVAL_SKIP\n1 / 0"), "NBVAL_SKIP"),
    (rules.nothing_is_hidden_from_the_tests, code("%%time\nassert seconds < 1"), "not the clock"),
    (rules.links_lead_somewhere, prose("[gone](gone.ipynb)"), "gone.ipynb"),
    (rules.links_lead_somewhere, prose("[gone](01_second.ipynb#Gone)"), "#Gone"),
    (rules.links_lead_somewhere, prose("[gone](#Gone)"), "#Gone"),
    (rules.links_lead_somewhere, prose("![](01_second.ipynb)"), "no alt text"),
    (rules.links_lead_somewhere, prose('<img src="https://example.org/a.png">'), "no alt text"),
    (rules.has_the_frame, opening("**Time**", "Time"), "**Time**"),
    (rules.has_the_frame, opening("## Objectives", "### Objectives"), "Objectives"),
    (
        rules.ends_with_the_way_on,
        lambda n: n.content.cells[-1].update(source="## Key points"),
        "link to 01_second",
    ),
    (
        rules.ends_with_the_way_on,
        lambda n: n.content.cells[-1].update(source="The end"),
        "Key points",
    ),
    (rules.was_run_from_top_to_bottom, code("print(7)", execution_count=7), "[1, 2, 7]"),
    (
        rules.was_run_from_top_to_bottom,
        lambda n: [cell.update(outputs=[]) for cell in n.code],
        "no output",
    ),
    (rules.outputs_are_quiet, output(printed("careful", "stderr")), "stderr"),
    (
        rules.outputs_are_quiet,
        output(new_output("error", ename="ValueError", evalue="no", traceback=[])),
        "ValueError",
    ),
    (
        rules.outputs_are_quiet,
        output(printed("2026-01-01 10:00:00.1: I tensorflow/core/x.cc:1] oneDNN")),
        "log line",
    ),
    (rules.stores_no_widget, output(WIDGET), "stores a widget"),
    (rules.outputs_need_no_network, output(REMOTE), "cdn.example.org"),
    (rules.figures_have_alt_text, output(figure(alt={})), "alt text ''"),
    (rules.figures_have_alt_text, output(PLOTLY), "Plotly"),
    (
        rules.figures_are_spoken_of,
        lambda n: [n.content.cells.pop(3), n.code[0].update(outputs=[])],
        "utils.show()",
    ),
    (rules.has_no_outputs, lambda n: None, "clear them"),
]


@pytest.mark.parametrize(
    "rule, spoil, message", FAULTS, ids=lambda part: getattr(part, "__name__", None)
)
def test_a_corrupted_lesson_is_told_its_fault(lesson, rule, spoil, message):
    spoil(lesson)
    faults = list(rule(lesson))
    assert any(message in fault for fault in faults), faults


def test_every_rule_is_proved():
    assert {rule for rule, _, _ in FAULTS} >= {*LESSON, *rules.EXERCISE}


@pytest.mark.parametrize(
    "names", [["00_a.ipynb", "02_b.ipynb"], ["01_a.ipynb"], ["00_a.ipynb", "1_b.ipynb"]]
)
def test_a_gap_in_the_numbers_is_found(names):
    assert list(rules.numbers_have_no_gap(names))
    assert not list(rules.numbers_have_no_gap(["00_a.ipynb", "01_b.ipynb"]))
