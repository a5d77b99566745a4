"""The lessons that have been cut again keep their rules, and each rule finds its fault."""

import ast

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from benchmarks.lessons import FOLDED as FOLDED_LINE
from tests.notebooks import recut
from tests.notebooks.recut import PREDICT, RECUT, RULES, TURN
from tests.notebooks.rules import ROOT, Notebook
from utils.exercises.lesson import load

ALL = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = [path for path in ALL if path.stem[3:] in RECUT]
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@each_lesson
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_lesson_keeps_the_rule(path, rule):
    faults = list(rule(Notebook.read(path)))
    assert not faults, "\n".join(["", *faults])


@pytest.mark.parametrize("name", sorted(recut.TRUE))
def test_every_number_of_a_lesson_is_printed(name):
    (path,) = (ROOT / "notebooks").glob(f"??_{name}.ipynb")
    faults = list(recut.numbers_are_printed(Notebook.read(path)))
    assert not faults, "\n".join(["", *faults])


def turn_cells(path):
    """Yield the position and name of each cell in which a learner completes a function."""
    for place, cell in enumerate(Notebook.read(path).content.cells):
        if cell.cell_type == "code" and (found := recut.CHECKED.search(cell.source)):
            yield place, found["turn"]


def answers(path):
    """Return the whole function of each turn by the place of its cell."""
    return {
        place: load(path.stem[3:]).entries[turn]["answer"].strip()
        for place, turn in turn_cells(path)
    }


@each_lesson
def test_turn_is_its_answer_with_a_gap(path):
    cells, entries = Notebook.read(path).content.cells, load(path.stem[3:]).entries
    assert [turn for _, turn in turn_cells(path)] == [
        name for name in entries if name.startswith("t")
    ]
    for place, answer in answers(path).items():
        given = ast.get_source_segment(cells[place].source, ast.parse(cells[place].source).body[0])
        gaps = recut.gaps(given, answer)
        assert 1 <= len(gaps) <= 2, f"cell {place + 1}: {gaps}"
        folded = cells[place + 1].source
        assert "<details>" in folded and all(line in folded for line in gaps), gaps


# The slower ones take up to six minutes each, so `make test-long` runs them.
QUICK = [path for path in LESSONS if path.stem[:2] in ("00", "04")]


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=() if path in QUICK else pytest.mark.long) for path in ALL],
    ids=lambda path: path.stem,
)
def test_each_cell_runs_twice_with_every_turn_answered(path, tmp_path, monkeypatch):
    """Each cell is run twice in a row; then all run once more, as when a learner goes back."""
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))
    monkeypatch.setenv("DIGITS_STRICT", "1")
    notebook, filled = Notebook.read(path).content, answers(path)
    for place, answer in filled.items():
        cell = notebook.cells[place]
        cell.source = f"{answer}\n\n\n{recut.CHECKED.search(cell.source)[0]}"
    places = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    client = NotebookClient(notebook, resources={"metadata": {"path": path.parent}})
    with client.setup_kernel():
        for place in [place for place in places for _ in range(2)] + places:
            client.execute_cell(notebook.cells[place], place)
            if place in filled:
                assert "Correct." in str(notebook.cells[place].outputs)


# The rules

COLAB = new_code_cell("import utils\n" * 20, metadata={"tags": ["colab"]})
FOLDED = {"jupyter": {"outputs_hidden": True}, "tags": ["hide-output"]}


@pytest.fixture
def lesson(tmp_path):
    """Return a lesson that keeps every rule."""
    cells = [new_markdown_cell("# A title"), COLAB.copy()]
    for number in range(3):
        first = new_output("display_data", data={"text/plain": FOLDED_LINE})
        printed = new_output("stream", text=f"{number}, 12.34%, 0.567")
        cells += [
            new_markdown_cell(f"First some text.\n\n{PREDICT} How many will it be?"),
            new_code_cell("print(0.25)", metadata=FOLDED, outputs=[first, printed]),
            new_markdown_cell(
                "It's 12.3%, or 0.57. At 25%, or 0.25, `0.99` and $0.98$ don't matter."
            ),
            new_markdown_cell(f"{TURN} Complete the line."),
            new_code_cell("ratio = ..."),
        ]
    return Notebook(tmp_path / "04_a_lesson.ipynb", new_notebook(cells=cells))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_lesson_keeps_every_rule(lesson, rule):
    assert list(rule(lesson)) == []


def markdown(text):
    """Return a change that adds a Markdown cell."""
    return lambda lesson: lesson.content.cells.append(new_markdown_cell(text))


def code(source, **options):
    """Return a change that adds a code cell."""
    return lambda lesson: lesson.content.cells.append(new_code_cell(source, **options))


def shown(**kinds):
    """Return a change that adds a cell with such an output."""
    data = {kind.replace("_", "/"): text for kind, text in kinds.items()}
    return code("show()", outputs=[new_output("display_data", data=data)])


FAULTS = [
    (recut.is_short, lambda n: n.content.cells.extend(n.content.cells * 5), "102 cells"),
    (recut.is_short, lambda n: [code("1")(n) for _ in range(30)], "36 code cells"),
    (recut.is_short, markdown("word " * 2400), "words; a lesson has at most 2,400"),
    (recut.code_is_short, lambda n: [c.update(source="1\n" * 5) for c in n.code], "median"),
    (recut.code_is_short, code("1\n" * 11), "a tenth"),
    (recut.code_is_short, code("1\n" * 17), "17 lines"),
    (recut.code_is_short, code("x" * 81), "81 characters"),
    (recut.predictions_are_settled, lambda n: n.content.cells.pop(2), "2 predictions"),
    (recut.predictions_are_settled, markdown(f"{PREDICT} What?\n\nMore."), "last paragraph"),
    (
        recut.predictions_are_settled,
        lambda n: n.content.cells[4].update(cell_type="raw"),
        "its answer as",
    ),
    (recut.predictions_are_settled, code("1", metadata=FOLDED), "only these"),
    (
        recut.predictions_are_settled,
        lambda n: n.content.cells[3].metadata.pop("tags"),
        "only these",
    ),
    (recut.predictions_are_settled, lambda n: n.content.cells[3].outputs.pop(0), "its first line"),
    (recut.learner_writes_code, lambda n: n.content.cells.pop(5), '2 times "Your turn"'),
    (recut.learner_writes_code, lambda n: n.content.cells[-1].update(cell_type="raw"), "no code"),
    (recut.stills_are_kept, shown(text_plain="Explorer: run this cell to use it."), "picture"),
    (recut.stills_are_kept, shown(text_plain="Run this cell to answer."), "without its answer"),
    (recut.numbers_are_printed, markdown("It's 12.4%."), "no cell prints 12.4%"),
    (recut.numbers_are_printed, markdown("It's 0.58."), "no cell prints 0.58"),
    (recut.is_plain_english, markdown("Whoever reads this"), "'Whoever'"),
    (recut.is_plain_english, markdown("It's 12 %"), "before %"),
    (recut.is_plain_english, markdown("word " * 33), "33 words"),
]


@pytest.mark.parametrize("rule, spoil, message", FAULTS, ids=lambda p: getattr(p, "__name__", None))
def test_a_corrupted_lesson_is_told_its_fault(lesson, rule, spoil, message):
    spoil(lesson)
    faults = list(rule(lesson))
    assert any(message in fault for fault in faults), faults


def test_every_rule_is_proved():
    assert {rule for rule, _, _ in FAULTS} == {*RULES}


def test_gaps_are_the_lines_that_are_missing():
    answer = "def f(x):\n    y = x + 1\n    return y"
    assert recut.gaps("def f(x):\n    y = ...  # one more\n    return y", answer) == ["y = x + 1"]
    with pytest.raises(AssertionError, match="y - 1"):
        recut.gaps("def f(x):\n    y = ...\n    return y - 1", answer)
