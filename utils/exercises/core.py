"""Questions that answer back: "not attempted", "incorrect" with the likely slip, or "correct"."""

import ctypes
import dis
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

from IPython.display import Markdown, display

from utils.environment import is_strict
from utils.exercises import record

SOLUTIONS = Path(__file__).parents[2] / "solutions"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # the markers of nbgrader
SIGNS = {"not attempted": "◌", "incorrect": "✗", "correct": "✓"}


class Wrong(Exception):
    """Refuse an answer, with the sentence that the learner reads."""


class CheckFailed(AssertionError):
    """Fail for the author: under DIGITS_STRICT=1 an answer that is not correct is an error."""


class _Stopped(BaseException):
    """End a thread of which nobody expects anything any more."""


@dataclass(frozen=True)
class Outcome:
    """Say how an answer was judged: Markdown in a notebook, plain text in a terminal."""

    kind: str
    message: str

    def __repr__(self):
        return f"{SIGNS[self.kind]} {self.kind}: {self.message}"

    def _repr_markdown_(self):
        return f"**{SIGNS[self.kind]} {self.kind.capitalize()}.** {self.message}"


@dataclass
class Question:
    """Ask one thing: check an answer, give hints one by one, and show the solution.

    `examine` takes the learner's answer and raises Wrong, or returns a sentence of praise or None. `objective` is the
    lesson's objective that the question examines, word for word.
    """

    lesson: str
    name: str
    objective: str
    examine: Callable
    hints: tuple[str, ...]
    seconds: float = 10
    _given: int = field(default=0, repr=False)

    def check(self, answer) -> None:
        """Judge the answer, show the outcome, and keep it in the learner's record."""
        outcome = self.judge(answer)
        record.keep_exercise(self.lesson, self.name, outcome.kind)
        display(outcome)
        if is_strict() and outcome.kind != "correct":
            raise CheckFailed(f"{self.lesson} {self.name}: {outcome!r}")

    def judge(self, answer) -> Outcome:
        """Return the outcome. Whatever the answer is or does, nothing is raised."""
        if is_untouched(answer):
            return Outcome(
                "not attempted", f"Put your answer where the `...` is. `{self.name}.hint()` helps."
            )
        try:
            praise = within(self.seconds, self.examine, answer)
        except Wrong as refusal:
            return Outcome("incorrect", str(refusal))
        except Exception as error:
            return Outcome("incorrect", f"this could not be checked: {in_words(error)}")
        return Outcome("correct", praise or "Well done.")

    def hint(self) -> None:
        """Show the next hint, and say how many are left."""
        self._given = min(self._given + 1, len(self.hints))
        left = len(self.hints) - self._given
        rest = f"{left} more" if left else f"the last one; `{self.name}.solution()` shows an answer"
        display(
            Markdown(
                f"**Hint {self._given} of {len(self.hints)}** ({rest}): {self.hints[self._given - 1]}"
            )
        )

    def solution(self) -> None:
        """Show the answer that the folder `solutions` holds."""
        display(Markdown(f"```python\n{self.solution_source()}\n```"))

    def solution_source(self) -> str:
        """Return the solution's code, read from the notebook in `solutions`."""
        cells = code_cells(SOLUTIONS, self.lesson)
        return without_marks(next(source for source in cells if f"{self.name}.check(" in source))


def code_cells(folder: Path, lesson: str) -> list[str]:
    """Return the sources of a lesson's code cells in `folder`."""
    path = next(folder.glob(f"{lesson}_*.ipynb"))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def without_marks(source: str) -> str:
    """Return a cell without the markers and without the call of the check."""
    lines = [line for line in source.splitlines() if line.strip() not in (BEGIN, END)]
    return "\n".join(line for line in lines if not re.match(r"q\d+\.check\(", line)).strip()


def is_untouched(answer) -> bool:
    """Tell whether an answer still is what the exercise came with: `...`, or a function that does nothing."""
    if answer is ...:
        return True
    if isinstance(answer, list | tuple):
        return any(part is ... for part in answer)
    if isinstance(answer, dict):
        return any(part is ... for part in answer.values())
    return isinstance(answer, FunctionType) and _does_nothing(answer)


def _does_nothing(function: FunctionType) -> bool:
    steps = [
        step
        for step in dis.get_instructions(function)
        if step.opname not in ("RESUME", "NOP", "POP_TOP")
    ]
    nothing = {("LOAD_CONST", None), ("RETURN_VALUE", None), ("RETURN_CONST", None)}
    return {(step.opname, step.argval) for step in steps} <= nothing


def within(seconds: float, function: Callable, *arguments):
    """Call a function in a thread and return its result. Raise Wrong where it does not end in time.

    A thread, since signals do not exist on Windows and a process could not see what the learner defined.
    """
    result, raised = [], []

    def work():
        try:
            result.append(function(*arguments))
        except BaseException as error:  # also exit() in an answer
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:
        if thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(_Stopped)
            )
    if not result and not raised:
        raise Wrong(f"it did not end within {seconds:g} seconds. Is there a loop that never ends?")
    if raised and isinstance(raised[0], Exception):
        raise raised[0]
    if raised:
        raise Wrong(f"it ended in {in_words(raised[0])}, where an answer was expected")
    return result[0]


def in_words(error: BaseException) -> str:
    """Return kind and text of an error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
