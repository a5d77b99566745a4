"""Hold answers that people give: `bank_NAME.py` for the lesson of that name.

BANK has an Entry for each question with right answers that are written differently from the solution, and wrong ones
that no edit of it makes. A wrong answer is keyed by a few words of the message that it must get.
"""

import importlib
from dataclasses import dataclass, field

from tests.notebooks.rules import ROOT
from utils.exercises import lesson
from utils.exercises.question import Question

LESSONS = sorted(path.stem[5:] for path in (ROOT / "tests" / "exercises").glob("bank_[a-z]*.py"))


@dataclass(frozen=True)
class Entry:
    """Hold right answers, written differently from the solution, and wrong ones by what must be said to them."""

    right: list = field(default_factory=list)
    wrong: dict = field(default_factory=dict)


def questions(name):
    """Return the questions of a lesson by name, in order, without those of a "Your turn"."""
    found = lesson.load(name)
    return {one: Question(found, one) for one in found.entries if one.startswith("q")}


def entries(name):
    """Return the bank of a lesson."""
    return importlib.import_module(f"tests.exercises.bank_{name}").BANK


def equivalent_mutants(name):
    """Return the mutants that are right all the same: {(question, what was changed): why}."""
    return getattr(importlib.import_module(f"tests.exercises.bank_{name}"), "EQUIVALENT", {})
