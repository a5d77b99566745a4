"""No solution that was made slightly wrong is still called correct."""

import contextlib
import io
import textwrap

import pytest

from tests.exercises.mutants import mutants
from tests.exercises.oldbank import LESSONS, equivalent_mutants, questions
from tests.notebooks.rules import ROOT
from utils.exercises.core import BEGIN, code_cells
from utils.exercises.generate import REGION


def test_mutants_are_made_of_every_kind_of_place():
    code = "def f(x):\n    y = x + 1\n    if y > 2 and True:\n        y = -y\n    return y"
    changes = [what.split(": ")[1] for what, _ in mutants(code)]
    for wanted in ("Add becomes Sub", "1 becomes 2", "1 becomes 0", "Gt becomes LtE", "And becomes Or",
                   "True becomes False", "USub becomes UAdd", "dropped `y = x + 1`", "dropped `return y`"):  # fmt: skip
        assert wanted in changes
    for _, program in mutants(code):
        compile(program, "mutant", "exec")


def cells_of(lesson, name):
    """Return the sources of a lesson's solution up to the check of a question, and that cell's own."""
    sources = code_cells(ROOT / "solutions", lesson)
    last = next(number for number, source in enumerate(sources) if f"{name}.check(" in source)
    return sources[:last], sources[last]


@pytest.mark.long
@pytest.mark.parametrize("lesson, name", [(n, name) for n in LESSONS for name in questions(n)])
def test_no_mutant_of_the_solution_is_called_correct(lesson, name, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))
    before, source = cells_of(lesson, name)
    assert BEGIN in source, f"{lesson} {name}: the solution must stand in the cell of its check"
    answered = []
    question = questions(lesson)[name]
    question.seconds = 20
    start = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in before:
            exec(cell, start)
    start[name] = type(
        "Catch", (), {"check": staticmethod(lambda *answers: answered.append(answers))}
    )
    survivors, made = [], 0
    for region in REGION.finditer(source):
        head = source[: region.start(2)]
        tail = source[region.end(2) :]
        code = region[2]
        for what, program in mutants_of_region(code, region[1]):
            made += 1
            answered.clear()
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                exec(head + program + tail, dict(start))
            if answered and question.judge(*answered[0]).kind == "correct":
                survivors.append(what)
    survivors = [what for what in survivors if (name, what) not in equivalent_mutants(lesson)]
    assert made and not survivors, (
        f"{len(survivors)} of {made} mutants are called correct: {survivors}"
    )


def mutants_of_region(code, indent):
    """Yield the mutants of a region, indented as it was."""
    wrapped = "def region():\n" + textwrap.indent(textwrap.dedent(code), "    ") if indent else code
    for what, program in mutants(wrapped):
        if indent:
            program = textwrap.indent(textwrap.dedent(program.partition("\n")[2]), indent)
        yield what, program + "\n"
