"""No solution that was made slightly wrong is still called correct."""

import contextlib
import textwrap

import pytest

from exercises.generate import REGION
from tests.exercises.bank import LESSONS, equivalent_mutants, questions
from tests.exercises.mutants import mutants


def test_mutants_are_made_of_every_kind_of_place():
    code = "def f(x):\n    y = x + 1\n    if y > 2 and True:\n        y = -y\n    return y"
    changes = [what.split(": ")[1] for what, _ in mutants(code)]
    for wanted in ("Add becomes Sub", "1 becomes 2", "1 becomes 0", "Gt becomes LtE", "And becomes Or",
                   "True becomes False", "USub becomes UAdd", "dropped `y = x + 1`", "dropped `return y`"):  # fmt: skip
        assert wanted in changes
    for _, program in mutants(code):
        compile(program, "mutant", "exec")


@pytest.mark.long
@pytest.mark.parametrize("lesson, name", [(n, name) for n in LESSONS for name in questions(n)])
def test_no_mutant_of_the_solution_is_called_correct(lesson, name):
    question = questions(lesson)[name]
    source, survivors, made = question.lesson.source(name), [], 0
    question.entry["seconds"] = 20
    for region in REGION.finditer(source):
        for what, program in mutants_of_region(region[2], region[1]):
            made += 1
            with contextlib.suppress(Exception):  # a mutant that breaks is no answer
                changed = source[: region.start(2)] + program + source[region.end(2) :]
                outcome = question.judge(question.lesson.answer(name, changed))
                survivors += [what] if outcome.kind == "correct" else []
    survivors = [what for what in survivors if (name, what) not in equivalent_mutants(lesson)]
    assert made and not survivors, f"{len(survivors)} of {made} mutants are right: {survivors}"


def mutants_of_region(code, indent):
    """Yield the mutants of a region, indented as it was."""
    wrapped = "def region():\n" + textwrap.indent(textwrap.dedent(code), "    ") if indent else code
    for what, program in mutants(wrapped):
        if indent:
            program = textwrap.indent(textwrap.dedent(program.partition("\n")[2]), indent)
        yield what, program + "\n"
