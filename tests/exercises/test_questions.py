"""Every question accepts its solution, names each of its mistakes, and draws inputs that reach the edges."""

import re

import numpy as np
import pytest

from tests.notebooks.rules import ROOT
from utils.exercises import lesson
from utils.exercises.compare import plain
from utils.exercises.question import Question
from utils.exercises.trial import Trial

LESSONS = sorted(path.stem[3:] for path in (ROOT / "exercises" / "questions").glob("*.toml"))
ALL = [(name, question) for name in LESSONS for question in lesson.load(name).entries]
SEEDS = range(3)


def is_judged_by_itself(name, question):
    """Return whether a function of its own, or a rubric, judges a question."""
    found = lesson.load(name)
    return "rubric" in found.entries[question] or hasattr(found.material, f"{question}_judge")


COMPARED = [pair for pair in ALL if not is_judged_by_itself(*pair)]
FUNCTIONS = [pair for pair in COMPARED if hasattr(lesson.load(pair[0]).material, pair[1])]


@pytest.mark.parametrize("name, question", COMPARED)
def test_solution_is_correct(name, question):
    found = lesson.load(name)
    for seed in SEEDS:
        outcome = Question(found, question).judge(found.answer(question), seed=seed)
        assert outcome.kind == "correct", outcome


@pytest.mark.parametrize("name, question", COMPARED)
def test_every_mistake_gets_its_own_sentence(name, question):
    found = lesson.load(name)
    source = found.source(question)
    edits = found.entries[question].get("edits", [])
    assert [old for old, *_ in edits if old not in source] == [], "no such place in the solution"
    mistakes = Trial(found, question).mistakes()
    for seed in SEEDS:
        for mistake in mistakes:
            answer = found.answer(question) if mistake.field else mistake.answer
            if mistake.field:
                answer = spoil_field(answer, mistake, found.entries[question].get("names"))
            outcome = Question(found, question).judge(answer, seed=seed)
            assert (outcome.kind, outcome.message) == ("incorrect", mistake.sentence)


MARKUP = "<b>__init__</b> and *args*"


def breaks(*_):
    raise ValueError(MARKUP)


@pytest.mark.parametrize("name", LESSONS)
def test_what_learners_give_never_turns_into_markup(name):
    """Shown as Markdown, `<lambda>` would vanish, and `__init__` would turn bold."""
    for question in lesson.load(name).entries:
        for answer in (MARKUP, breaks, lambda *_: MARKUP):
            message = Question(lesson.load(name), question).judge(answer, seed=0).message
            outside = re.sub(r"`[^`]*`", "", message)
            assert not re.search(r"<|__|\*args", outside), f"{question}: {message}"


def spoil_field(answer, mistake, names):
    """Return an answer with one part replaced."""
    if isinstance(answer, dict):
        return answer | {mistake.field: mistake.answer}
    pairs = zip(names, answer, strict=True)
    return [mistake.answer if name == mistake.field else part for name, part in pairs]


def arrays(case):
    """Return all arrays in a case; numbers, and lists of numbers, become some, too."""
    found = [plain(part) for part in (case.values() if isinstance(case, dict) else case)]
    numbers = [np.asarray(part) for part in found if isinstance(part, int | float | np.ndarray)]
    deeper = [part for part in found if isinstance(part, list | dict)]
    return numbers + [array for part in deeper for array in arrays(part)]


# What a solution could be right on alone, and a case that shows that it isn't right beyond.
EDGES = {
    "whole numbers": lambda all_: any(a.dtype.kind in "iu" for a in [a for a in all_ if a.ndim] or all_),
    "floats": lambda all_: any(a.dtype.kind == "f" for a in [a for a in all_ if a.ndim] or all_),
    "large": lambda all_: any(a.size and np.abs(np.nan_to_num(a.astype(float))).sum() > 255 for a in all_),
    "odd": lambda all_: any(size % 2 for a in all_ for size in a.shape) or any(not a.ndim and a % 2 for a in all_),
    "ties": lambda all_: any(a.size > np.unique(a).size for a in all_),
    "empty": lambda all_: any(not a.size for a in all_),
}  # fmt: skip


@pytest.mark.parametrize("name, question", FUNCTIONS)
def test_inputs_reach_the_edges(name, question):
    """A solution that's right on anything but an edge is refused, unless the entry says that there is no such edge."""
    found, missed = lesson.load(name), []
    never = found.entries[question].get("never", [])
    for seed in SEEDS:
        trial = Trial(found, question, seed)
        trial.draw()
        parts = [arrays(case) for case in trial.cases]
        missed += [edge for edge, there in EDGES.items() if not any(map(there, parts))]
    assert set(missed) == set(never), (
        "reach these edges, or list them as never, if the task rules them out"
    )


@pytest.mark.parametrize("name, question", ALL)
def test_entry_is_complete(name, question):
    entry = lesson.load(name).entries[question]
    assert entry["objective"] and len(entry["hints"]) >= 2
    sentences = [mistake[-1] for mistake in [*entry.get("edits", []), *entry.get("values", [])]]
    sentences += [*entry.get("functions", {}).values(), *entry.get("choices", {}).values()]
    assert all(len(sentence) > 15 and sentence[-1] in ".?" for sentence in sentences)
