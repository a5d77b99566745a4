"""The record of what is done loses nothing, and survives whatever happens to its file."""

import os
import sqlite3
import subprocess
import sys

import pytest

from utils.exercises import record


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path))


def test_correct_answer_stays_correct():
    for outcome in ("not attempted", "incorrect", "correct", "incorrect", "uncheckable"):
        record.keep_exercise("convolution_by_hand", "q1", outcome)
    record.keep_exercise("convolution_by_hand", "q2", "not attempted")
    record.keep_exercise("convolution_by_hand", "q3", "uncheckable")
    assert record.load()["exercises"] == {"convolution_by_hand": {"q1": "correct"}}


def test_only_the_first_guess_counts():
    record.keep_guess("scale_out", 1, False, 0.95)
    record.keep_guess("scale_out", 1, True, 0.95)
    assert record.load()["guesses"] == {"scale_out": {1: (False, 0.95)}}


def test_nothing_is_written_by_reading(tmp_path):
    assert not any(record.load().values()) and os.listdir(tmp_path) == []


def test_twenty_processes_lose_nothing():
    code = "import sys; from utils.exercises import record; record.keep_exercise('scale_out', sys.argv[1], 'correct')"
    names = [f"q{number}" for number in range(20)]
    crew = [subprocess.Popen([sys.executable, "-c", code, name]) for name in names]
    assert [process.wait() for process in crew] == [0] * 20
    assert sorted(record.load()["exercises"]["scale_out"]) == sorted(names)


@pytest.mark.parametrize(
    "content", [b"{}" * 600, b"not a database" * 100, b"SQLite format 3\x00" + b"x" * 5000]
)
def test_damaged_record_is_set_aside_and_none_is_lost(content, tmp_path, capsys):
    for number in (1, 2):
        record.path().write_bytes(content)
        record.keep_exercise("scale_out", f"q{number}", "correct")
        assert "is damaged" in capsys.readouterr().out
        assert record.load()["exercises"] == {"scale_out": {f"q{number}": "correct"}}
        assert (tmp_path / f"progress.old-{number}.sqlite").read_bytes() == content


def test_empty_record_is_a_new_one(capsys):
    record.path().write_bytes(b"")
    record.keep_exercise("scale_out", "q1", "correct")
    assert record.load()["exercises"] == {"scale_out": {"q1": "correct"}}
    assert capsys.readouterr().out == ""


def test_older_record_is_kept_aside_with_a_sentence(tmp_path, capsys):
    (tmp_path / "progress.json").write_text(
        '{"exercises": {"04": {"q1": "correct"}}, "guesses": {}}'
    )
    assert not any(record.load().values())
    assert "of an older kind. It was kept as progress.old-1.json" in capsys.readouterr().out
    assert "04" in (tmp_path / "progress.old-1.json").read_text()


def test_record_that_is_locked_is_no_damage(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(record, "PATIENCE", 0.1)
    record.keep_exercise("scale_out", "q1", "correct")
    with sqlite3.connect(record.path()) as database:
        database.execute("begin exclusive")
        record.keep_exercise("scale_out", "q2", "correct")
        assert record.load()["exercises"] == {}
    assert "can't be read or saved now (database is locked)" in capsys.readouterr().out
    assert os.listdir(tmp_path) == ["progress.sqlite"]
    assert record.load()["exercises"] == {"scale_out": {"q1": "correct"}}


def test_record_that_cannot_be_written_stops_nobody(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path / "file"))
    record.keep_exercise("scale_out", "q1", "correct")
    assert "can't be read or saved now" in capsys.readouterr().out
