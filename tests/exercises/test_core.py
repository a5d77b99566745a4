"""A question answers whatever is thrown at it; the generator and the record keep what they promise."""

import json
import os
import time

import nbformat
import numpy as np
import pytest

from utils.exercises import core, generate, record
from utils.exercises.checks import behaves_like, call, compare, is_value
from utils.exercises.core import CheckFailed, Question, Wrong
from utils.exercises.generate import without_solution

ROOT = generate.ROOT
DOUBLE = behaves_like(
    lambda x: 2 * x, lambda rng: (rng.normal(size=3),), {"that is the square": np.square}
)


@pytest.fixture
def question():
    return Question("99", "q1", "double a number", DOUBLE, ("Add.", "x + x."), seconds=0.5)


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))


def test_three_outcomes(question):
    assert question.judge(...).kind == "not attempted"
    assert question.judge(lambda x: x + x).kind == "correct"
    assert question.judge(lambda x: x * x).message == "that is the square"
    assert "expected" in question.judge(lambda x: 3 * x).message


def stub(x): ...


def stub_with_text(x):
    """Double it."""
    ...


def one_pass(x):
    pass


@pytest.mark.parametrize(
    "answer", [..., [...], (1, ...), {"a": ...}, stub, stub_with_text, one_pass]
)
def test_what_the_exercise_came_with_is_not_attempted(question, answer):
    assert question.judge(answer).kind == "not attempted"


def test_a_loop_without_end_is_stopped(question):
    turns = []

    def loop(x):
        while True:
            turns.append(1)

    start = time.perf_counter()
    outcome = question.judge(loop)
    assert outcome.kind == "incorrect" and "never ends" in outcome.message
    assert time.perf_counter() - start < 5
    time.sleep(0.3)
    before = len(turns)
    time.sleep(0.3)
    assert len(turns) == before  # it does not go on in the background


def test_a_sleeping_answer_does_not_hold_the_learner_up(question):
    start = time.perf_counter()
    assert "never ends" in question.judge(lambda x: time.sleep(3)).message
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(1), KeyboardInterrupt(), RecursionError(), MemoryError()]
)
def test_an_answer_that_raises_is_told_so(question, error):
    def answer(x):
        raise error

    outcome = question.judge(answer)
    assert outcome.kind == "incorrect" and type(error).__name__ in outcome.message


def test_a_check_with_a_fault_of_its_own_does_not_raise():
    question = Question("99", "q1", "", lambda answer: answer.missing, ("a", "b"))
    assert "AttributeError" in question.judge(3).message


def test_changing_the_input_is_noticed():
    def doubles_in_place(x):
        x *= 2
        return x

    with pytest.raises(Wrong, match="changes what it is given"):
        call(doubles_in_place, np.ones(3))


@pytest.mark.parametrize(
    "answer, words",
    [
        (None, "return"), (np.zeros(3), r"expected shape \(2,\), got \(3,\)"), (np.array([1, np.nan]), "NaN"),
        ("ab", "expected numbers"), ([1, 3], r"expected 2, got 3 at \(1,\)"), ({}, "expected numbers"),
    ],
)  # fmt: skip
def test_a_difference_is_described(answer, words):
    with pytest.raises(Wrong, match=words):
        compare(answer, np.array([1, 2]))


def test_values_have_their_slips():
    examine = is_value(lambda: 6, {5: "one too few"})
    examine(6.0)
    with pytest.raises(Wrong, match="one too few"):
        examine(5)


def test_hints_come_one_by_one_and_say_how_many_are_left(question, capsys):
    shown = []
    core_display, core.display = core.display, lambda markdown: shown.append(markdown.data)
    try:
        for _ in range(3):
            question.hint()
    finally:
        core.display = core_display
    assert "1 of 2" in shown[0] and "1 more" in shown[0] and "Add." in shown[0]
    assert "the last one" in shown[1] and shown[1] == shown[2]


def test_strict_mode_raises_for_the_author_only(question, monkeypatch):
    question.check(lambda x: 0 * x)
    monkeypatch.setenv("DIGITS_STRICT", "1")
    question.check(lambda x: 2 * x)
    with pytest.raises(CheckFailed, match="99 q1: ✗ incorrect"):
        question.check(lambda x: 0 * x)
    with pytest.raises(CheckFailed, match="not attempted"):
        question.check(...)


def test_outcomes_are_markdown_and_plain_text(question):
    outcome = question.judge(lambda x: 2 * x)
    assert (
        outcome._repr_markdown_().startswith("**✓ Correct.**")
        and repr(outcome) == "✓ correct: Well done."
    )


# The generator


def test_a_function_keeps_its_head_and_loses_its_body():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    y = x\n    return y\n    ### END SOLUTION\n\n\nq1.check(f)"
    assert without_solution(source) == "def f(x):\n    ...  # your code\n\n\nq1.check(f)"


def test_names_stay_defined():
    source = "### BEGIN SOLUTION\n_help = 3\na, b = _help, 4\n\n\ndef f():\n    c = 1\n### END SOLUTION\nq1.check(a)"
    stub = "a = ...  # your answer\nb = ...  # your answer\nf = ...  # your answer\nq1.check(a)"
    assert without_solution(source) == stub


@pytest.mark.parametrize("source", ["### BEGIN SOLUTION\na = 1", "a = 1\n### END SOLUTION"])
def test_a_lone_marker_is_an_error(source):
    with pytest.raises(ValueError, match="in pairs"):
        without_solution(source)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_the_exercise_is_the_one_its_solution_makes(path):
    wanted = generate.exercise_from(nbformat.read(path, as_version=4))
    assert nbformat.read(ROOT / "exercises" / path.name, as_version=4) == wanted, (
        "run `make exercises`"
    )


def test_every_exercise_has_a_solution():
    names = [
        sorted(path.name for path in (ROOT / folder).glob("*.ipynb"))
        for folder in ("solutions", "exercises")
    ]
    assert names[0] == names[1]


# The record


def test_correct_answer_stays_correct():
    for outcome in ("not attempted", "incorrect", "correct", "incorrect"):
        record.keep_exercise("04", "q1", outcome)
    record.keep_exercise("04", "q2", "not attempted")
    assert record.load()["exercises"] == {"04": {"q1": "correct"}}


def test_only_the_first_guess_counts():
    record.keep_guess("04", 1, False, 0.95)
    record.keep_guess("04", 1, True, 0.95)
    assert record.load()["guesses"] == {"04": {"1": {"right": False, "sureness": 0.95}}}


DAMAGED = [
    "", "{", "[]", "3", "\x00", '{"exercises": 3, "guesses": {}}', '{"exercises": {"04": 3}}',
    '{"exercises": {}, "guesses": {"04": {"1": 3}}}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_is_set_aside_with_a_message(content, capsys):
    record.path().write_text(content)
    record.keep_exercise("04", "q1", "correct")
    assert "set aside" in capsys.readouterr().out
    assert record.load()["exercises"] == {"04": {"q1": "correct"}}
    assert record.path().with_suffix(".damaged.json").read_text() == content


def test_a_record_that_cannot_be_written_stops_nobody(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path / "file"))
    record.keep_exercise("04", "q1", "correct")
    assert "could not be" in capsys.readouterr().out


def test_the_record_is_whole_json_and_leaves_nothing_beside(tmp_path):
    record.keep_exercise("04", "q1", "correct")
    assert json.loads(record.path().read_text())["exercises"]
    assert os.listdir(tmp_path) == ["progress.json"]
