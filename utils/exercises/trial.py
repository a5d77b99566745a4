"""Judge one answer: draw cases, run the solution, the known mistakes and the answer on them, and compare."""

import copy
import inspect
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from utils.exercises.answers import Guard, fields_of, part, size_of
from utils.exercises.compare import Raised, Unusable, code, describe, difference, equal, plain
from utils.exercises.lesson import Lesson
from utils.exercises.limit import Wrong

EXTRA = 300  # cases drawn, at most, until each known mistake shows and differs from the others


class Unfinished(Exception):
    """Say what is still to do before an answer can be judged."""


@dataclass(frozen=True)
class Mistake:
    """Hold an answer that people give, or what it makes of each case, and a sentence on what is wrong with it."""

    answer: object
    sentence: str
    field: str = ""  # if it's about one part of the answer only


class Trial:
    """Judge one answer to the question of this name."""

    def __init__(self, lesson: Lesson, name: str, seed: int | None = None):
        self.lesson, self.name, self.entry = lesson, name, lesson.entries[name]
        self.seed = secrets.randbelow(10**6) if seed is None else seed
        self.tolerance = self.entry.get("tolerance", 1e-5)
        self.cases: list[tuple] = []
        self.done, self.shown = 0, ()

    def hook(self, ending: str = "") -> Callable | None:
        """Return a function of the lesson's Python file that belongs to this question."""
        return getattr(self.lesson.material, self.name + ending, None)

    def judge(self, answer, points: int | None = None) -> str | None:
        """Raise Wrong unless the answer is right, or return a word of praise."""
        try:
            plain(answer)
        except Exception:  # of an object of the learner's own
            raise Wrong(f"got {describe(answer)}, which is no value to compare.") from None
        if "rubric" in self.entry:
            return self._judge_sentence(answer, points)
        if judge := self.hook("_judge"):
            return judge(answer)
        if "choices" in self.entry:
            return self._judge_choice(answer)
        if self.hook():
            return self._judge_function(answer)
        return self._judge_value(answer)

    def _judge_sentence(self, answer, points: int | None) -> None:
        rubric = self.entry["rubric"]
        lines = "".join(f"\n- {point}" for point in rubric)
        if not isinstance(answer, str):
            raise Wrong(f"expected your answer as text, in quotes, got {describe(answer)}.")
        if (words := len(answer.split())) < 8:
            raise Wrong(f"expected at least eight words, got {words}: say why, too.")
        if points is None or points is ...:
            model = f"Compare it with this answer: *{self.lesson.answer(self.name)}*"
            how = f"How many of these points does yours make? Say so: `{self.name}.check(…, points=2)`"
            raise Unfinished(f"{model}\n\n{how}\n{lines}")
        if points not in range(len(rubric) + 1):
            raise Wrong(f"points: expected 0 to {len(rubric)}, got {describe(points)}.")
        if points < len(rubric):
            raise Wrong(f"{points} of {len(rubric)} points. Add what is missing:\n{lines}")

    def _judge_choice(self, answer) -> None:
        right, others = self.lesson.answer(self.name), self.entry["choices"]
        letter = plain(answer)
        letter = letter.strip().upper() if isinstance(letter, str) else None
        if letter in others:
            raise Wrong(others[letter])
        if letter != right:
            letters = ", ".join(sorted([right, *others]))
            raise Wrong(f"expected one of the letters {letters}, got {describe(answer)}.")

    def _judge_value(self, answer) -> None:
        observe = self.hook("_observe") or (lambda value: value)
        right = observe(self.lesson.answer(self.name))
        try:
            answer = observe(answer)
        except Wrong:
            raise
        except Exception:
            raise Wrong(f"got {describe(answer)}, which is no value to compare.") from None
        mistakes = self.mistakes()
        made = [one.answer if one.field else observe(one.answer) for one in mistakes]
        self.cases = [()]
        mistakes = [replace(one, answer=[row]) for one, row in zip(mistakes, made, strict=True)]
        self._compare([answer], [right], mistakes)

    def _judge_function(self, function) -> None:
        if not callable(function):
            hint = "give its name alone, without parentheses"
            raise Wrong(f"expected a function, got {describe(function)}: {hint}.")
        wanted, mistakes = self.draw()
        guard, answers = Guard(function), []
        for case in self.cases:
            answers.append(self.result(guard, case))
            if guard.changed:
                self.shown = copy.deepcopy(case)
                raise Wrong("your function changes what it is given. Work on a copy.")
            self.done += 1
        self._compare(answers, wanted, mistakes)

    def mistakes(self) -> list[Mistake]:
        """Return the known mistakes: edits of the solution, functions of the Python file, and values."""
        lesson, source, found = self.lesson, self.lesson.source(self.name), []
        for old, new, sentence in self.entry.get("edits", []):
            found.append(Mistake(lesson.answer(self.name, source.replace(old, new)), sentence))
        for function, sentence in self.entry.get("functions", {}).items():
            found.append(Mistake(getattr(lesson.material, function), sentence))
        for *field, expression, sentence in self.entry.get("values", []):
            value = eval(expression, dict(lesson.names(self.name)))
            found.append(Mistake(value, sentence, *field))
        return found

    def draw(self) -> tuple[list, list[Mistake]]:
        """Draw the cases, and return what the solution and each mistake make of them."""
        self.cases, wanted, mistakes = _drawn(self.lesson, self.name, self.seed)
        return wanted, mistakes

    def stream(self) -> Iterator[tuple]:
        """Return cases: those of a generator, or what a function makes, again and again."""
        maker, rng = self.hook(), np.random.default_rng(self.seed)
        if inspect.isgeneratorfunction(maker):
            return maker(rng)
        return map(maker, itertools.repeat(rng))

    def result(self, function: Callable, case: tuple, trusted: bool = False):
        """Return what a function makes of a case, as the question observes it; an error is a result, too."""
        case, observe = copy.deepcopy(case), self.hook("_observe")
        try:
            return plain(observe(function, *case) if observe else function(*case))
        except Wrong:
            raise
        except Exception as fault:
            if trusted and type(fault).__name__ not in self.entry.get("raises", []):
                raise
            return Raised(in_words(fault))

    def _compare(self, answers: list, wanted: list, mistakes: list[Mistake]) -> None:
        """Raise Wrong, with the sentence of the only mistake that fits, as a whole or in a part, or with the facts."""
        names = self.entry.get("names")
        fields = fields_of(wanted, names)
        for field in fields:
            cut = partial(part, field=field, fields=fields, by_place=bool(names))
            pick, right = [*map(cut, answers)], [*map(cut, wanted)]
            rows = [one.answer if one.field else [*map(cut, one.answer)] for one in mistakes]
            pairs = [*zip(mistakes, rows, strict=True)]
            if self._agree(pick, right):  # so a mistake that shows here wasn't made
                mistakes = [one for one, row in pairs if one.field or self._agree(row, right)]
                continue
            here = [(one, row) for one, row in pairs if one.field in ("", field)]
            whole = {one.sentence for one in mistakes if self._agree(answers, one.answer)}
            fitting = whole or {one.sentence for one, row in here if self._agree(pick, row)}
            raise Wrong(fitting.pop() if len(fitting) == 1 else self._facts(field, pick, right))

    def _agree(self, answers: list, wanted: list) -> bool:
        return all(equal(a, w, self.tolerance) for a, w in zip(answers, wanted, strict=True))

    def _facts(self, field: str, answers: list, wanted: list) -> str:
        """Say how the answer differs in the smallest case in which it does."""
        rows = zip(answers, wanted, self.cases, strict=True)
        failing = [row for row in rows if not equal(row[0], row[1], self.tolerance)]
        answer, right, case = min(failing, key=lambda row: size_of(row[2]))
        self.shown = copy.deepcopy(case)
        where = f"{code(field)}: " if field and not isinstance(answer, Unusable | Raised) else ""
        told = self.hook() is not None  # a value isn't given away
        facts = where + difference(answer, right, self.tolerance, told)
        end = "" if facts[-1] == "?" else "."
        return facts + end + (self._given(case) if told else "")

    def _given(self, case: tuple) -> str:
        names = list(inspect.signature(self.lesson.answer(self.name)).parameters)
        if len(names) != len(case):  # the question builds the arguments from the case
            names = [f"case[{number}]" for number in range(len(case))]
        given = ", ".join(f"{n} = {describe(value)}" for n, value in zip(names, case, strict=True))
        again = f"`seed={self.seed}` in the check repeats it"
        return f" Given: {given}. (`{self.name}.case` holds what was given; {again}.)"

    def too_slow(self, seconds: float) -> str:
        """Say that time ran out, and how far the answer came."""
        if self.done:
            done = f"{self.done} of {len(self.cases)} cases in {seconds:g} seconds"
            return f"too slow, whether right or wrong: it answered {done}."
        return f"no answer within {seconds:g} seconds. Is it very slow, or is there a loop that never ends?"


@lru_cache(maxsize=500)
def _drawn(lesson: Lesson, name: str, seed: int) -> tuple[list, list, list[Mistake]]:
    """Return cases, and what the solution and each mistake make of them.

    There are `rounds`, and more until each known mistake shows and gives other answers than all the others.
    """
    trial = Trial(lesson, name, seed)
    right, mistakes = lesson.answer(name), trial.mistakes()
    rounds, sentences = trial.entry.get("rounds", 5), [None, *(one.sentence for one in mistakes)]
    pairs = itertools.combinations(range(len(sentences)), 2)
    alike = {(a, b) for a, b in pairs if sentences[a] != sentences[b]}
    kept = []
    for number, case in enumerate(itertools.islice(trial.stream(), rounds + EXTRA)):
        if number >= rounds and not alike:
            break
        values = [trial.result(right, case, trusted=True)]
        values += [trial.result(one.answer, case) for one in mistakes]
        told = {(a, b) for a, b in alike if not equal(values[b], values[a], trial.tolerance)}
        if number < rounds or told:
            kept.append((case, *values))
            alike -= told
    cases, wanted, *rows = map(list, zip(*kept, strict=True))
    made = [replace(one, answer=row) for one, row in zip(mistakes, rows, strict=True)]
    return cases, wanted, made


def in_words(fault: BaseException) -> str:
    """Return kind and text of an error in one line."""
    return f"{type(fault).__name__}: {' '.join(str(fault).split())}".removesuffix(": ")
