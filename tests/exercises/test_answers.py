"""Right answers are accepted however they are written, and wrong ones are told what is wrong with them."""

import re
import time

import numpy as np
import pytest

from tests.exercises.bank import LESSONS, entries, questions
from tests.notebooks.rules import ROOT, Notebook
from utils.environment import quiet_tensorflow
from utils.exercises.lesson import BEGIN, load

with quiet_tensorflow():
    import keras

QUESTIONS = [
    pytest.param(question, id=f"{lesson}-{name}")
    for lesson in LESSONS
    for name, question in questions(lesson).items()
]
RIGHT = [
    pytest.param(questions(lesson)[name], answer, id=f"{lesson}-{name}-{number}")
    for lesson in LESSONS
    for name, entry in entries(lesson).items()
    for number, answer in enumerate(entry.right)
]
WRONG = [
    pytest.param(questions(lesson)[name], words, answer, id=f"{lesson}-{name}-{words}")
    for lesson in LESSONS
    for name, entry in entries(lesson).items()
    for words, answer in entry.wrong.items()
]


def throws(*arguments):
    raise RuntimeError("out of ideas")


def leaves(*arguments):
    raise SystemExit


class Awkward:
    """Compare with nothing, and show nothing."""

    def __eq__(self, other):
        raise TypeError("don't compare me")

    __hash__ = None

    def __repr__(self):
        raise TypeError("don't print me")


NONSENSE = [
    None, "a string", float("nan"), np.full((2, 3, 4), np.nan), [], {}, set(), [None], object(), Awkward(), throws,
    leaves, lambda: 1, lambda *arguments: {}, lambda *arguments: "text", lambda *arguments: np.zeros((7, 7, 7)),
    type, np, lambda *arguments: Awkward(), keras.Sequential([keras.layers.Dense(3)]), keras.losses,
]  # fmt: skip


@pytest.mark.parametrize("question, answer", RIGHT)
def test_right_answer_is_accepted_soon(question, answer):
    taken = []
    for _ in range(3):  # the first one may have something to prepare
        start = time.process_time()  # of this process: others may keep the machine busy
        outcome = question.judge(answer, seed=len(taken))
        taken.append(time.process_time() - start)
        assert outcome.kind == "correct", outcome
        if taken[-1] < 3:  # on a quiet machine, the slowest takes 0.34
            return
    raise AssertionError(f"the quickest of three checks took {min(taken):.1f} CPU seconds")


@pytest.mark.parametrize("question, words, answer", WRONG)
def test_wrong_answer_is_told_what_is_wrong(question, words, answer):
    outcome = question.judge(answer, seed=0)
    assert outcome.kind == "incorrect" and words in outcome.message, outcome


@pytest.mark.long
@pytest.mark.parametrize("question, words, answer", WRONG)
def test_wrong_answer_is_refused_each_time(question, words, answer):
    for seed in range(200):
        assert question.judge(answer, seed=seed).kind == "incorrect", f"accepted with seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("question, answer", RIGHT)
def test_right_answer_is_accepted_each_time(question, answer):
    for seed in range(200):
        outcome = question.judge(answer, seed=seed)
        assert outcome.kind == "correct", f"seed {seed}: {outcome}"


@pytest.mark.parametrize("question", QUESTIONS)
def test_nonsense_is_no_answer(question):
    for answer in NONSENSE:
        outcome = question.judge(answer, seed=0)
        assert outcome.kind == "incorrect" and len(outcome.message) > 10, outcome
    assert question.judge(...).kind == "not attempted"


@pytest.mark.parametrize("lesson", LESSONS)
def test_solution_stands_in_the_cell_of_its_check(lesson):
    assert len(questions(lesson)) >= 5
    for question in questions(lesson).values():
        assert BEGIN in question.lesson.source(question.name), question
        assert question.solution_source() and "###" not in question.solution_source()


@pytest.mark.parametrize("lesson", LESSONS)
def test_bank_has_answers_to_what_is_judged_by_itself(lesson):
    judged = {n for n, q in questions(lesson).items() if hasattr(q.lesson.material, f"{n}_judge")}
    known = set(entries(lesson))
    assert judged <= known <= set(questions(lesson)), f"add or rename entries in bank_{lesson}.py"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_objective_of_the_lesson_is_examined(lesson):
    path = next((ROOT / "notebooks").glob(f"*_{lesson}.ipynb"))
    opening = Notebook.read(path).content.cells[0].source
    text = opening.split("## Objectives")[1].replace("\n  ", " ")
    listed = re.findall(r"^- (.+?)[;.]$", text, flags=re.MULTILINE)
    assert set(listed) == {entry["objective"] for entry in load(lesson).entries.values()}


@pytest.mark.parametrize("lesson", LESSONS)
def test_stars_rise(lesson):
    notebook = Notebook.read(next((ROOT / "solutions").glob(f"*_{lesson}.ipynb")))
    text = "\n".join(cell.source for cell in notebook.prose)
    stars = [len(marks) for marks in re.findall(r"^## \d+\. .*?(★+)$", text, flags=re.MULTILINE)]
    assert len(stars) == len(questions(lesson)) and stars == sorted(stars)
