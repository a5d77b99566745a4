"""Find the questions of every lesson, and the bank of wrong and right answers to them.

`bank_NN.py` holds BANK: for each question's name an Entry. A wrong answer is keyed by a few words of the message that
it must get, so each has a message of its own.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path

from utils import exercises
from utils.exercises.core import Question

LESSONS = sorted(path.stem[-2:] for path in Path(exercises.__file__).parent.glob("lesson_??.py"))


@dataclass(frozen=True)
class Entry:
    """Hold right answers, written differently from the solution, and wrong ones by what must be said to them."""

    right: list
    wrong: dict


def questions(lesson):
    """Return the questions of a lesson by name, in order."""
    module = importlib.import_module(f"utils.exercises.lesson_{lesson}")
    found = {name: value for name, value in vars(module).items() if isinstance(value, Question)}
    assert all(
        name == question.name and question.lesson == lesson for name, question in found.items()
    )
    return found


def entries(lesson):
    """Return the bank of a lesson."""
    return importlib.import_module(f"tests.exercises.bank_{lesson}").BANK


def equivalent_mutants(lesson):
    """Return the mutants that are right all the same: {(question, what was changed): why}."""
    return getattr(importlib.import_module(f"tests.exercises.bank_{lesson}"), "EQUIVALENT", {})
