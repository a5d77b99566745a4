"""Questions that answer back: correct, incorrect and why, not attempted, or uncheckable.

How a question is judged follows from its entry in `exercises/questions/NN_name.toml` and from the functions of its name
in `NN_name.py`; CONTRIBUTING.md shows how to write one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from IPython.display import Markdown, display

from utils.environment import is_strict
from utils.exercises import record
from utils.exercises.answers import is_untouched
from utils.exercises.compare import code
from utils.exercises.lesson import BEGIN, END, Lesson, Missing, load
from utils.exercises.limit import OutOfTime, Wrong, within
from utils.exercises.trial import Trial, Unfinished, in_words

SIGNS = {"correct": "✓", "incorrect": "✗", "not attempted": "◌", "uncheckable": "⚠"}


class CheckFailed(AssertionError):
    """Fail for the author: under DIGITS_STRICT=1 an answer that isn't correct is an error."""


@dataclass(frozen=True)
class Outcome:
    """Say how an answer was judged: Markdown in a notebook, plain text in a terminal."""

    kind: str
    message: str

    def __repr__(self):
        return f"{SIGNS[self.kind]} {self.kind}: {self.message}"

    def _repr_markdown_(self):
        sentence = self.message[:1].upper() + self.message[1:]
        return f"**{SIGNS[self.kind]} {self.kind.capitalize()}.** {sentence}"


def questions(lesson: str) -> list["Question"]:
    """Return the questions of an exercise, by the name of its lesson. Raises ValueError for an unknown lesson."""
    found = load(lesson)
    return [Question(found, name) for name in found.entries if name.startswith("q")]


def turns(lesson: str) -> list["Turn"]:
    """Return the small questions inside a lesson, by its name. Raises ValueError for an unknown lesson."""
    found = load(lesson)
    return [Turn(found, name) for name in found.entries if name.startswith("t")]


def material(lesson: str) -> ModuleType:
    """Return what an exercise works on: the module `exercises/questions/NN_name.py` of a lesson."""
    return load(lesson).material


class Question:
    """Ask one thing: check an answer, give hints one by one, and show the solution.

    After an incorrect answer, `case` holds the arguments of the case that was shown.
    """

    def __init__(self, lesson: Lesson, name: str):
        self.lesson, self.name, self.entry = lesson, name, lesson.entries[name]
        self.case: tuple = ()
        self.hints_given = 0

    def __repr__(self):
        return f"{self.name}: {self.entry['objective']}"

    def check(self, answer, points: int | None = None, seed: int | None = None) -> None:
        """Judge the answer, show the outcome, and keep it in the learner's record.

        `points` are those that you give yourself for a sentence; `seed` repeats the random cases of an earlier check.
        """
        self._show(self.judge(answer, points, seed))

    def _show(self, outcome: Outcome) -> None:
        record.keep_exercise(self.lesson.name, self.name, outcome.kind)
        display(outcome)
        if is_strict() and outcome.kind != "correct":
            raise CheckFailed(f"{self.lesson.name} {self.name}: {outcome!r}")

    def judge(self, answer, points: int | None = None, seed: int | None = None) -> Outcome:
        """Return the outcome. Whatever the answer is or does, nothing is raised."""
        if is_untouched(answer):
            hint = f"Replace the `...` with your code. Stuck? Run `{self.name}.hint()`."
            return Outcome("not attempted", hint)
        trial, seconds = Trial(self.lesson, self.name, seed), self.entry.get("seconds", 10)
        try:
            praise = within(seconds, lambda: trial.judge(answer, points))
        except Wrong as refusal:
            self.case = trial.shown
            return Outcome("incorrect", str(refusal))
        except Unfinished as gap:
            return Outcome("not attempted", str(gap))
        except OutOfTime:
            return Outcome("incorrect", trial.too_slow(seconds))
        except Exception as fault:
            return Outcome("uncheckable", _our_fault(fault))
        return Outcome("correct", praise or "Well done.")

    def hint(self) -> None:
        """Show the next hint, and say how many are left."""
        hints = self.entry["hints"]
        self.hints_given = min(self.hints_given + 1, len(hints))
        left = len(hints) - self.hints_given
        rest = f"{left} more" if left else f"the last one; `{self.name}.solution()` shows an answer"
        number = f"**Hint {self.hints_given} of {len(hints)}** ({rest})"
        display(Markdown(f"{number}: {hints[self.hints_given - 1]}"))

    def solution(self) -> None:
        """Show the answer of the course."""
        try:
            display(Markdown(f"```python\n{self.solution_source()}\n```"))
        except Missing as fault:
            display(Markdown(_our_fault(fault)))

    def solution_source(self) -> str:
        """Return the code of the course's answer. Raises Missing without the folder `solutions`."""
        lines = self.lesson.source(self.name).splitlines()
        lines = [line for line in lines if line.strip() not in (BEGIN, END)]
        return "\n".join(line for line in lines if not re.match(r"q\d+\.check\(", line)).strip()


class Turn(Question):
    """Ask for a line or two inside a lesson, and let the lesson go on either way."""

    def check(self, answer: Callable, points: int | None = None, seed: int | None = None):
        """Judge a function, and return it if it's right, or else the course's, and say which."""
        outcome = self.judge(answer, points, seed)
        correct, again = outcome.kind == "correct", "change yours, and run this cell again"
        rest = "your function" if correct else f"the course's function; {again}"
        shown = Outcome(outcome.kind, f"{outcome.message} The lesson goes on with {rest}.")
        if outcome.kind == "not attempted":
            display(shown)
        else:
            self._show(shown)
        return answer if correct else self.lesson.answer(self.name)


def _our_fault(fault: BaseException) -> str:
    """Say what the course lacks, so that nobody looks for a mistake of their own."""
    if isinstance(fault, Missing):
        needed = "the checks need its folders `exercises` and `solutions`"
        return f"{fault}. Get the whole course again: {needed}."
    if isinstance(fault, ImportError):
        return f"a package of the course is missing: {code(fault)}. `make lab` installs it."
    reason = "the check itself has a fault; your answer isn't judged"
    return f"{reason}. Please report it: {code(in_words(fault))}"
