"""The learner's own record of what is done: a small database on this machine, which the course can do without."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from utils.data import runs_folder

TABLES = """
create table if not exists exercises (lesson text, name text, outcome text, primary key (lesson, name));
create table if not exists guesses (lesson text, number int, right int, sureness real, primary key (lesson, number));
"""
KEEP = """
insert into exercises values (?, ?, ?)
on conflict do update set outcome = excluded.outcome where outcome <> 'correct'
"""
PATIENCE = 10  # seconds, if other processes write


def path() -> Path:
    """Return where the record lies: data/runs/progress.sqlite."""
    return runs_folder() / "progress.sqlite"


def load() -> dict:
    """Return the record, {"exercises": {lesson: {name: outcome}}, "guesses": {lesson: {number: (right, sureness)}}}.

    It's empty, after a message, if it can't be read.
    """
    found = {"exercises": defaultdict(dict), "guesses": defaultdict(dict)}

    def read(database: sqlite3.Connection) -> None:
        for lesson, name, outcome in database.execute("select * from exercises"):
            found["exercises"][lesson][name] = outcome
        for lesson, number, *guess in database.execute("select * from guesses"):
            found["guesses"][lesson][number] = bool(guess[0]), guess[1]

    if path().exists() or _older().exists():
        _use(read)
    return found


def keep_exercise(lesson: str, name: str, outcome: str) -> None:
    """Note how an exercise was judged; what was correct once stays so, and only a judgment leaves a mark."""
    if outcome in ("correct", "incorrect"):
        _use(lambda database: database.execute(KEEP, (lesson, name, outcome)))


def keep_guess(lesson: str, number: int, right: bool, sureness: float) -> None:
    """Note the first guess at a quiz, and how sure it was; later ones teach, but are no guesses."""
    row = lesson, number, right, sureness
    _use(lambda db: db.execute("insert or ignore into guesses values (?, ?, ?, ?)", row))


def _older() -> Path:
    return runs_folder() / "progress.json"


def _use(work: Callable[[sqlite3.Connection], object]) -> None:
    """Do something with the database, all or nothing. If that fails, say so and go on."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        if _older().exists():
            _set_aside(_older(), "The record of your progress is of an older kind")
        with contextlib.closing(_connect()) as database, database:
            work(database)
    except (OSError, sqlite3.Error) as fault:
        print(f"Your progress can't be read or saved now ({fault}). The check isn't affected.")


def _connect() -> sqlite3.Connection:
    database = sqlite3.connect(path(), timeout=PATIENCE)
    try:
        database.executescript(TABLES)
    except sqlite3.DatabaseError as fault:
        database.close()
        if isinstance(fault, sqlite3.OperationalError):  # it can't be opened or written just now
            raise
        _set_aside(path(), "The record of your progress is damaged")
        return _connect()
    return database


def _set_aside(file: Path, reason: str) -> None:
    """Rename a file to a name that's free, and say so."""
    number = 1
    while (aside := file.with_name(f"{file.stem}.old-{number}{file.suffix}")).exists():
        number += 1
    file.rename(aside)
    print(f"{reason}. It was kept as {aside.name}, and a new record begins.")
