"""Every question accepts right answers however they are written, and names the slip in wrong ones."""

import re
import time

import numpy as np
import pytest

from tests.exercises.oldbank import LESSONS, entries, questions
from tests.notebooks.rules import ROOT, Notebook
from utils.environment import quiet_tensorflow
from utils.exercises.core import BEGIN, SOLUTIONS, code_cells

with quiet_tensorflow():
    import keras

pytestmark = pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # wrong answers divide by zero, and are meant to
ALL = [
    pytest.param(question, id=f"{n}-{name}")
    for n in LESSONS
    for name, question in questions(n).items()
]
RIGHT = [
    pytest.param(questions(n)[name], answer, id=f"{n}-{name}-{number}")
    for n in LESSONS for name, entry in entries(n).items() for number, answer in enumerate(entry.right)
]  # fmt: skip
WRONG = [
    pytest.param(questions(n)[name], words, answer, id=f"{n}-{name}-{words}")
    for n in LESSONS for name, entry in entries(n).items() for words, answer in entry.wrong.items()
]  # fmt: skip


def throws(*arguments):
    raise RuntimeError("out of ideas")


def leaves(*arguments):
    raise SystemExit


class Awkward:
    """Compare with nothing, and show nothing."""

    def __eq__(self, other):
        raise TypeError("do not compare me")

    __hash__ = None

    def __repr__(self):
        raise TypeError("do not print me")


NONSENSE = [
    None, "a string", float("nan"), np.full((2, 3, 4), np.nan), [], {}, set(), [None], object(), Awkward(), throws,
    leaves, lambda: 1, lambda *arguments: None, lambda *arguments: "text", lambda *arguments: np.zeros((7, 7, 7)),
    type, np, lambda *arguments: Awkward(), keras.Sequential([keras.layers.Dense(3)]), keras.losses,
]  # fmt: skip


@pytest.mark.parametrize("question, answer", RIGHT)
def test_a_right_answer_is_accepted_within_a_second(question, answer):
    taken = []
    for _ in range(3):  # the first one may have something to prepare
        start = (
            time.process_time()
        )  # of this process alone: other processes may keep the machine busy
        outcome = question.judge(answer)
        taken.append(time.process_time() - start)
        assert outcome.kind == "correct", outcome
        if taken[-1] < 1:
            return
    raise AssertionError(f"the quickest of three checks took {min(taken):.1f} CPU seconds")


@pytest.mark.parametrize("question, words, answer", WRONG)
def test_a_wrong_answer_is_told_what_is_wrong_with_it(question, words, answer):
    outcome = question.judge(answer)
    assert outcome.kind == "incorrect" and words in outcome.message, outcome


@pytest.mark.long
@pytest.mark.parametrize("question, words, answer", WRONG)
def test_the_sentence_is_the_same_for_all_random_inputs(question, words, answer):
    for _ in range(10):
        test_a_wrong_answer_is_told_what_is_wrong_with_it(question, words, answer)


@pytest.mark.parametrize("question", ALL)
def test_nothing_that_is_answered_raises(question):
    for answer in NONSENSE:
        outcome = question.judge(answer)
        assert outcome.kind != "correct" and len(outcome.message) > 10
    assert question.judge(...).kind == "not attempted"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_question_has_its_bank_hints_and_solution(lesson):
    assert len(questions(lesson)) >= 6
    assert list(entries(lesson)) == list(questions(lesson))
    for name, entry in entries(lesson).items():
        question = questions(lesson)[name]
        assert len(entry.wrong) >= 3 and entry.right, (
            f"{lesson} {name}: the bank needs more answers"
        )
        assert len(question.hints) >= 2
        assert question.solution_source() and "###" not in question.solution_source()
        cell = next(
            source for source in code_cells(SOLUTIONS, lesson) if f"{name}.check(" in source
        )
        assert BEGIN in cell, f"{lesson} {name}: the solution must stand in the cell of its check"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_objective_of_the_lesson_is_examined(lesson):
    opening = (
        Notebook.read(next((ROOT / "notebooks").glob(f"{lesson}_*.ipynb"))).content.cells[0].source
    )
    listed = re.findall(
        r"^- (.+?)[;.]$", opening.split("## Objectives")[1].replace("\n  ", " "), flags=re.MULTILINE
    )
    assert set(listed) == {question.objective for question in questions(lesson).values()}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_stars_rise(lesson):
    notebook = Notebook.read(next((ROOT / "solutions").glob(f"{lesson}_*.ipynb")))
    text = "\n".join(cell.source for cell in notebook.prose)
    stars = [len(marks) for marks in re.findall(r"^## \d+\. .*?(★+)$", text, flags=re.MULTILINE)]
    assert (
        len(stars) == len(questions(lesson)) and stars == sorted(stars) and set(stars) == {1, 2, 3}
    )
