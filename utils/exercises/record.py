"""The learner's own record of what is done: one JSON file on this machine, which the course can do without."""

import json
from pathlib import Path

from utils.data import atomic_write, runs_folder


def path() -> Path:
    """Return where the record lies: data/runs/progress.json."""
    return runs_folder() / "progress.json"


def load() -> dict:
    """Return the record, {"exercises": {lesson: {name: outcome}}, "guesses": {lesson: {number: guess}}}.

    A damaged file is set aside with a message, and a new record begun.
    """
    empty = {"exercises": {}, "guesses": {}}
    file = path()
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if _is_sound(found):
            return found
    except FileNotFoundError:
        return empty
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    aside = file.with_suffix(".damaged.json")
    try:
        file.replace(aside)
        print(
            f"The record of your progress could not be read. It was set aside as {aside.name}, and a new one begun."
        )
    except OSError as error:
        print(
            f"The record of your progress could not be read ({error.strerror}): what you do now may not be kept."
        )
    return empty


def _is_sound(record: dict) -> bool:
    outcomes = [outcome for lesson in record["exercises"].values() for outcome in lesson.values()]
    guesses = [guess for lesson in record["guesses"].values() for guess in lesson.values()]
    return all(isinstance(o, str) for o in outcomes) and all(
        set(g) == {"right", "sureness"} for g in guesses
    )


def keep_exercise(lesson: str, name: str, outcome: str) -> None:
    """Note how an exercise was judged; what was correct once stays so, and an untouched one leaves no mark."""
    record = load()
    done = record["exercises"].setdefault(lesson, {})
    if outcome == "not attempted" or done.get(name) == "correct":
        return
    done[name] = outcome
    save(record)


def keep_guess(lesson: str, number: int, right: bool, sureness: float) -> None:
    """Note the first guess at a quiz question, and how sure it was; later ones teach, but are no guesses."""
    record = load()
    guesses = record["guesses"].setdefault(lesson, {})
    if str(number) not in guesses:
        guesses[str(number)] = {"right": right, "sureness": sureness}
        save(record)


def save(record: dict) -> None:
    """Write the record, whole or not at all. Where it cannot be written, say so and go on."""
    try:
        with atomic_write(path()) as part:
            part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    except OSError as error:
        print(f"Your progress could not be kept ({error.strerror}).")
