"""A question answers whatever is thrown at it, says whose fault it is, and leaves nothing behind."""

import contextlib
import os
import shutil
import time

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from utils.exercises import lesson, limit, question, record
from utils.exercises.question import CheckFailed, questions, turns

ENTRIES = '''
q1 = {objective = "double numbers", hints = ["Add.", "x + x."], seconds = 1, edits = [
  ["2 * x", "x * x", "That's the square."],
  ["2 * x", "x", "You return what you were given."],
], functions = {too_late = "You add 1 on top."}}
q2 = {objective = "count", hints = ["One.", "Two."], values = [["TEN / 2", "That's one half of it."]]}
q3 = {objective = "measure", hints = ["One.", "Two."], values = [["right", "0.5", "Half of them aren't right."]]}
q4 = {objective = "interpret", hints = ["One.", "Two."], choices = {A = "No: the training loss.", C = "No: chance."}}
q5 = {objective = "explain", hints = ["One.", "Two."], rubric = ["It shares weights.", "So it has few."]}
q6 = {objective = "build", hints = ["One.", "Two."]}
q7 = {objective = "raise", hints = ["One.", "Two."], names = ["first", "rest"], raises = ["LookupError"]}

[t1]
objective = "divide"
hints = ["One.", "Two."]
answer = """
def half(x):
    result = x / 2
    return result
"""
edits = [["x / 2", "x", "Divide by 2."]]
'''
FILE = """
import numpy as np
from utils.exercises import Wrong

TEN = 10

def q1(rng):
    yield np.arange(3, dtype="uint8"),
    while True:
        yield rng.normal(size=4),

def too_late(x):
    return 2 * x + 1

def q6_judge(answer):
    if answer == "broken":
        import no_such_package
    if answer == "faulty":
        return answer.missing
    if answer != "right":
        raise Wrong("expected the right one.")
    return "Very nice."

def q7(rng):
    yield [],
    yield [3, 4, 5],

def t1(rng):
    return rng.normal(size=3),
"""
CELLS = [
    "import numpy as np\n\nfrom utils.exercises import questions\n\nq1, q2, q3, q4, q5, q6, q7 = questions('doubling')",
    "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n\n\nq1.check(double)",
    "### BEGIN SOLUTION\ncount = TEN\n### END SOLUTION\n\nq2.check(count)",
    "### BEGIN SOLUTION\nfacts = {'right': 0.75, 'wrong': 0.25}\n### END SOLUTION\n\nq3.check(facts)",
    "### BEGIN SOLUTION\nletter = 'B'\n### END SOLUTION\n\nq4.check(letter)",
    "### BEGIN SOLUTION\ntext = 'A kernel is shared, so it has few.'\n### END SOLUTION\n\nq5.check(text, points=2)",
    "### BEGIN SOLUTION\nthing = 'right'\n### END SOLUTION\n\nq6.check(thing)",
    "def split(x):\n    ### BEGIN SOLUTION\n    if not x: raise LookupError\n    return x[0], x[1:]\n"
    "    ### END SOLUTION\n\n\nq7.check(split)",
]  # fmt: skip


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return the questions of a lesson that was made up."""
    for folder in ("exercises/questions", "solutions", "runs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "exercises/questions/07_doubling.toml").write_text(ENTRIES)
    (tmp_path / "exercises/questions/07_doubling.py").write_text(FILE)
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "solutions/07_doubling.ipynb")
    monkeypatch.setattr(lesson, "ROOT", tmp_path)
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path / "runs"))
    lesson.load.cache_clear()
    yield questions("doubling")
    lesson.load.cache_clear()


@pytest.fixture
def shown(monkeypatch):
    """Return the list of all that is displayed."""
    found = []
    monkeypatch.setattr(question, "display", found.append)
    return found


def said(one, answer, **options):
    outcome = one.judge(answer, **options)
    return f"{outcome.kind}: {outcome.message}"


def test_function_is_compared_on_fresh_inputs(asked):
    q1 = asked[0]
    assert said(q1, lambda x: x + x) == "correct: Well done."
    assert said(q1, lambda x: (x + x).tolist()) == "correct: Well done."
    assert said(q1, lambda x: x**2) == "incorrect: That's the square."
    assert said(q1, lambda x: 1 + 2 * x) == "incorrect: You add 1 on top."
    assert said(q1, lambda x: x) == "incorrect: You return what you were given."


def test_facts_are_shown_if_no_mistake_fits(asked):
    q1 = asked[0]
    text = said(q1, lambda x: 3 * x, seed=4)
    facts = "incorrect: expected `[0, 2, 4]`, got `[0, 3, 6]`. Given: x = `[0, 1, 2]`."
    assert text.startswith(facts) and "seed=4" in text and q1.case[0].tolist() == [0, 1, 2]
    assert said(q1, lambda x: 3 * x, seed=4) == text
    assert "it stops with `ValueError: <b>no</b>`" in said(q1, stops)
    assert "expected an array of shape `(3,)`, got a single number, `1`" in said(q1, lambda x: 1)
    assert "is a `return` missing?" in said(q1, lambda x: print(end=""))
    assert "expected a function, got `3`" in said(q1, 3)


def stops(x):
    raise ValueError("<b>no</b>")


def test_changed_argument_is_noticed(asked):
    def doubles_in_place(x):
        x *= 2
        return x

    changed = "incorrect: your function changes what it is given. Work on a copy."
    assert said(asked[0], doubles_in_place) == changed


class Fragile:
    """Break when it's looked at as an array."""

    def __array__(self, *_, **__):
        raise RuntimeError


@pytest.mark.parametrize("number", range(6))
def test_object_that_breaks_is_the_learners_fault(number, asked):
    assert said(asked[number], Fragile()).startswith("incorrect")


def test_value_is_not_given_away(asked):
    q2 = asked[1]
    assert said(q2, 10.0) == said(q2, np.int8(10)) == "correct: Well done."
    assert said(q2, 5) == "incorrect: That's one half of it."
    assert said(q2, 11) == "incorrect: `11` isn't right."
    assert said(q2, "10") == "incorrect: expected a number, got `'10'`."
    assert said(q2, 10 + 1j).startswith("incorrect: expected a number")


def test_fields_are_judged_one_by_one(asked):
    q3 = asked[2]
    assert said(q3, {"right": 3 / 4, "wrong": 1 / 4}).startswith("correct")
    assert said(q3, {"right": 0.5, "wrong": 0.25}) == "incorrect: Half of them aren't right."
    assert said(q3, {"right": 0.75, "wrong": 0.5}) == "incorrect: `wrong`: `0.5` isn't right."
    assert "expected a dict with the keys `right, wrong`" in said(q3, {"right": 0.75})
    assert said(q3, {"right": 0.75, "wrong": ...}).startswith("not attempted")


def test_choice_has_a_sentence_for_each_wrong_letter(asked):
    q4 = asked[3]
    assert said(q4, " b ").startswith("correct")
    assert said(q4, np.str_("A")) == "incorrect: No: the training loss."
    assert said(q4, "D") == "incorrect: expected one of the letters A, B, C, got `'D'`."


def test_sentence_is_assessed_by_the_learner(asked):
    q5, text = asked[4], "It has few weights because each kernel is shared."
    short = "incorrect: expected at least eight words, got 3: say why, too."
    assert said(q5, "It shares weights.") == short
    outcome = q5.judge(text)
    assert outcome.kind == "not attempted" and "A kernel is shared" in outcome.message
    assert "- So it has few." in outcome.message
    assert said(q5, text, points=1).startswith("incorrect: 1 of 2 points")
    assert said(q5, text, points=2).startswith("correct")
    assert said(q5, text, points=7).startswith("incorrect: points: expected 0 to 2")


def test_our_own_faults_are_never_incorrect(asked, capsys, tmp_path):
    q1, q6 = asked[0], asked[5]
    assert said(q6, "right") == "correct: Very nice."
    assert said(q6, "wrong") == "incorrect: expected the right one."
    assert said(q6, "broken").startswith("uncheckable: a package of the course is missing: `No")
    assert "has a fault" in said(q6, "faulty") and "AttributeError" in said(q6, "faulty")
    q6.check("faulty")
    assert record.load()["exercises"] == {}
    shutil.rmtree(tmp_path / "solutions")
    missing = "uncheckable: there is no file `solutions/NN_doubling.ipynb`"
    assert said(q1, lambda x: 2 * x).startswith(missing)


def test_half_written_solutions_are_our_fault(asked, tmp_path, shown):
    (tmp_path / "solutions/07_doubling.ipynb").write_text('{"cells": [')
    assert "can't be read" in said(asked[0], lambda x: 2 * x)
    asked[0].solution()
    assert "can't be read" in shown[0].data


def test_error_may_be_the_right_result(asked):
    q7 = asked[6]

    def by_index(x):
        return [x[0], np.array(x[1:])]  # IndexError is a LookupError, but the task names that one

    def with_error(x):
        if not x:
            raise LookupError("nothing to split")
        return x[0], x[1:]

    assert said(q7, with_error).startswith("correct")
    assert "it stops with `IndexError" in said(q7, by_index)
    assert "expected it to raise `LookupError`, got" in said(q7, lambda x: (x[:1], x[1:]))


def test_loop_without_end_is_stopped_for_good(asked):
    turns_made = []

    def stubborn(x):
        while True:
            with contextlib.suppress(BaseException):
                turns_made.append(1)

    assert "loop that never ends?" in said(asked[0], stubborn)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        before = len(turns_made)
        time.sleep(0.2)
        if len(turns_made) == before:
            return
    raise AssertionError("it goes on in the background")


def test_slow_answer_is_called_slow(asked):
    slow = said(asked[0], lambda x: time.sleep(0.3) or 2 * x)
    assert "too slow, whether right or wrong: it answered" in slow


@pytest.mark.parametrize("fault, words", [
    (SystemExit(1), "ends the program: `SystemExit`"), (KeyboardInterrupt(), "ends the program"),
    (RecursionError(), "it stops with `RecursionError`"), (MemoryError(), "it stops with `MemoryError`"),
])  # fmt: skip
def test_answer_that_raises_is_told_so(fault, words, asked):
    def answer(x):
        raise fault

    assert words in said(asked[0], answer) and said(asked[0], answer).startswith("incorrect")


def test_answer_leaves_nothing_behind(asked, tmp_path):
    folder, figures = os.getcwd(), plt.get_fignums()

    def messy(x):
        os.chdir(tmp_path)
        plt.figure()
        return 2 * x

    assert said(asked[0], messy).startswith("correct")
    assert os.getcwd() == folder and plt.get_fignums() == figures
    assert "calls `input()`" in said(asked[0], lambda x: input("a number, please"))


def nothing(x): ...


def half_done(x):
    result = ...
    return result + x


def argument_open(x):
    return [x].append(...)


@pytest.mark.parametrize("answer", [..., [1, ...], {"a": ...}, nothing, half_done, argument_open])
def test_what_the_exercise_came_with_is_not_attempted(answer, asked):
    assert said(asked[0], answer).startswith("not attempted")


def test_ellipsis_that_indexes_is_no_gap(asked):
    def indexes(x):
        return 2 * x[..., :]

    assert said(asked[0], indexes).startswith("correct")


def test_turn_lets_the_lesson_go_on(asked, shown, monkeypatch):
    (t1,) = turns("doubling")

    def mine(x):
        return 0.5 * x

    monkeypatch.setenv("DIGITS_STRICT", "1")
    assert t1.check(mine) is mine and "with your function" in shown[-1].message
    assert t1.check(half_done)(8) == 4 and shown[-1].kind == "not attempted"
    with pytest.raises(CheckFailed, match="Divide by 2"):
        t1.check(lambda x: x)
    monkeypatch.delenv("DIGITS_STRICT")
    assert t1.check(lambda x: x)(8) == 4 and "course's function" in shown[-1].message


def test_strict_mode_raises_for_the_author_only(asked, shown, monkeypatch):
    asked[0].check(lambda x: 0 * x)
    monkeypatch.setenv("DIGITS_STRICT", "1")
    asked[0].check(lambda x: 2 * x)
    with pytest.raises(CheckFailed, match="doubling q1: ✗ incorrect"):
        asked[0].check(lambda x: 0 * x)
    with pytest.raises(CheckFailed, match="not attempted"):
        asked[0].check(...)


def test_hints_come_one_by_one_and_then_the_solution(asked, shown):
    for _ in range(3):
        asked[0].hint()
    assert "Hint 1 of 2** (1 more): Add." in shown[0].data
    assert "the last one" in shown[1].data and shown[1].data == shown[2].data
    asked[0].solution()
    assert shown[3].data == "```python\ndef double(x):\n    return 2 * x\n```"


def test_outcomes_are_markdown_and_plain_text(asked):
    outcome = asked[0].judge(lambda x: 2 * x)
    assert outcome._repr_markdown_().startswith("**✓ Correct.**")
    assert repr(outcome) == "✓ correct: Well done."


def test_learners_text_is_only_ever_code(asked):
    message = asked[0].judge(stops).message
    assert "`ValueError: <b>no</b>`" in message
    assert "`'<img>`" not in said(asked[1], "<img>`") and "`'<img>''`" in said(asked[1], "<img>`")


def test_unknown_lesson_is_named():
    with pytest.raises(ValueError, match=r"expected one of .*, got 'folding'"):
        questions("folding")


def test_call_of_c_that_ends_in_time_is_fine():
    assert limit.within(5, lambda: sum(range(10))) == 45
    with pytest.raises(limit.OutOfTime):
        limit.within(0.1, lambda: time.sleep(0.5))
