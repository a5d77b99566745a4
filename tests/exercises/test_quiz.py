"""Quizzes diagnose every wrong answer, keep the first guess, and show what is done."""

import re

import pytest

from tests.notebooks.recut import RECUT
from tests.notebooks.rules import ROOT, Notebook
from utils.exercises import progress, questions, quiz, record
from utils.exercises.quiz import QuizView, ask

LESSONS = sorted(path.stem for path in (ROOT / "exercises" / "quizzes").glob("*.toml"))
ALL = [
    pytest.param(one, id=f"{one.lesson}-{one.number}")
    for lesson in LESSONS
    for one in quiz.load(lesson[3:])
]


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))


@pytest.mark.parametrize("one", ALL)
def test_every_distractor_has_a_diagnosis_of_its_own(one):
    assert len(one.wrong) >= 3 and one.right not in one.wrong
    diagnoses = [one.why, *one.wrong.values()]
    assert len(set(diagnoses)) == len(diagnoses) and all(len(text) > 20 for text in diagnoses)
    assert one.answer(one.right) == (True, one.why)
    assert all(one.answer(option) == (False, diagnosis) for option, diagnosis in one.wrong.items())
    assert sorted(one.options) == sorted([one.right, *one.wrong]) and one.options == one.options


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_asks_each_of_its_quizzes_once_and_in_order(lesson):
    notebook = Notebook.read(ROOT / "notebooks" / f"{lesson}.ipynb")
    code = "\n".join(cell.source for cell in notebook.code)
    asked = re.findall(r'^ask\("(\w+)", (\d)\)$', code, re.MULTILINE)
    assert asked == [(lesson[3:], str(one.number)) for one in quiz.load(lesson[3:])]
    assert len(asked) >= 4


def test_right_answer_is_not_always_in_the_same_position():
    places = [one.options.index(one.right) for lesson in LESSONS for one in quiz.load(lesson[3:])]
    assert len(set(places)) >= 3


@pytest.mark.parametrize("lesson", sorted(RECUT))
def test_neither_position_nor_length_gives_the_right_answer_away(lesson):
    quizzes = quiz.load(lesson)
    most = len(quizzes) // 2
    lengths = [([len(option) for option in one.options], len(one.right)) for one in quizzes]
    assert sum(right == max(all_) for all_, right in lengths) <= most, (
        "the right one is the longest"
    )
    assert sum(right == min(all_) for all_, right in lengths) <= most, (
        "the right one is the shortest"
    )
    places = [one.options.index(one.right) for one in quizzes]
    assert max(map(places.count, places)) <= most, places


def test_a_quiz_is_answered_and_its_first_guess_is_kept():
    one = quiz.load("convolution_by_hand")[0]
    view = QuizView(one)
    view.button.click()
    assert "Choose an answer first" in view.feedback.value
    view.choice.value = next(iter(one.wrong))
    view.button.click()
    assert "how sure you are" in view.feedback.value and record.load()["guesses"] == {}
    view.sureness.value = 0.75
    view.button.click()
    assert "No." in view.feedback.value and 'role="status"' in view.feedback.value
    view.choice.value = one.right
    view.button.click()
    assert "Right." in view.feedback.value
    assert record.load()["guesses"]["convolution_by_hand"] == {1: (False, 0.75)}


def test_marks_become_html_and_nothing_else_does():
    assert (
        quiz._as_html("`a * b` is *not* 3 * 4 * 5 < 6")
        == "<code>a * b</code> is <em>not</em> 3 * 4 * 5 &lt; 6"
    )


def test_a_reader_without_a_kernel_reads_the_quiz_as_text(monkeypatch):
    shown = []
    monkeypatch.setattr(quiz, "display", lambda bundle, raw: shown.append(bundle))
    ask("convolution_by_hand", 1)
    data = shown[0]
    one = quiz.load("convolution_by_hand")[0]
    for kind in ("text/plain", "text/markdown"):
        assert one.question in data[kind] and all(option in data[kind] for option in one.options)
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_quiz_that_is_not_there_is_an_error_that_says_so():
    with pytest.raises(ValueError, match=r"convolution_by_hand has quizzes 1 to 4, not 9"):
        ask("convolution_by_hand", 9)


def test_progress_counts_what_is_done_and_right():
    hand, start = "06_convolution_by_hand", "00_start_here"
    empty = progress.table()
    assert empty["correct"].sum() == 0 and empty.loc[hand, "exercises"] == len(questions(hand[3:]))
    record.keep_exercise(hand[3:], "q1", "correct")
    record.keep_exercise(hand[3:], "q2", "incorrect")
    record.keep_guess(hand[3:], 1, True, 0.95)
    record.keep_guess(hand[3:], 2, False, 0.95)
    record.keep_guess(start[3:], 1, False, 0.25)
    table = progress.table()
    assert table.loc[hand, ["correct", "guessed"]].tolist() == [1, 2]
    assert table.loc[start, "guessed"] == 1
    sure = progress.guesses()
    assert sure["right"].to_dict() == {0.25: 0.0, 0.95: 0.5}
    assert sure["count"].to_dict() == {0.25: 1, 0.95: 2}


def test_progress_is_shown_before_anything_was_done(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(progress.plots, "show", lambda figure, alt: shown.append(alt))
    progress.progress()
    assert capsys.readouterr().out.startswith("0 of ") and len(shown[0]) > 20
