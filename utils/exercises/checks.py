"""What the checks of the lessons are made of: call the learner's function safely, and compare with what is right."""

import copy
import itertools
from collections.abc import Callable, Mapping

import numpy as np

from utils.exercises.core import Wrong, in_words

ROUNDS = 5  # each with fresh random inputs


def call(function: Callable, *arguments):
    """Return what the learner's function makes of the arguments; Wrong where it breaks, or changes them."""
    if not callable(function):
        raise Wrong(
            f"expected a function, got {describe(function)}: give its name alone, without parentheses"
        )
    handed = copy.deepcopy(arguments)
    try:
        answer = function(*handed)
    except Exception as error:
        raise Wrong(
            f"your function stops with {in_words(error)} when it gets {_list(arguments)}"
        ) from error
    if not all(equal(a, b) for a, b in zip(handed, arguments, strict=True)):
        raise Wrong(
            "your function changes what it is given: afterwards the caller's array is another. Make a new one"
        )
    return answer


def behaves_like(
    right: Callable,
    inputs: Callable[[np.random.Generator], tuple],
    slips: Mapping[str, Callable] | None = None,
    tolerance: float = 1e-5,
    rounds: int = ROUNDS,
) -> Callable:
    """Return a check: on fresh random inputs a function must answer like `right`.

    `inputs` makes the arguments of one call. `slips` maps a sentence to a function that makes the mistake it names: an
    answer that behaves like it gets that sentence.
    """

    def examine(function: Callable) -> None:
        need_a_function(function)
        rng = np.random.default_rng()
        cases = [inputs(rng) for _ in range(rounds)]
        answers = [call(function, *case) for case in cases]
        wanted = [right(*copy.deepcopy(case)) for case in cases]
        if not all(equal(a, w, tolerance) for a, w in zip(answers, wanted, strict=True)):
            for sentence, slip in (slips or {}).items():
                if all(
                    equal(a, _try(slip, case), tolerance)
                    for a, case in zip(answers, cases, strict=True)
                ):
                    raise Wrong(sentence)
        for answer, value, case in zip(answers, wanted, cases, strict=True):
            compare(answer, value, tolerance, given=_list(case))

    return examine


def in_turn(*makers: Callable) -> Callable:
    """Return a source of inputs that goes round, so that no kind of case is left out of a check."""
    turns = itertools.cycle(makers)
    return lambda rng: next(turns)(rng)


def is_value(right, slips: Mapping | None = None, tolerance: float = 1e-6) -> Callable:
    """Return a check of a single value; `slips` maps wrong values that people give to a sentence each.

    `right` may be a function that works the value out, so that none is stored.
    """

    def examine(answer) -> None:
        for value, sentence in (slips or {}).items():
            if equal(answer, value, tolerance):
                raise Wrong(sentence)
        compare(answer, right() if callable(right) else right, tolerance)

    return examine


def compare(answer, wanted, tolerance: float = 1e-6, given: str = "") -> None:
    """Raise Wrong, with what differs, unless the answer is what is wanted."""
    when = f" (given {given})" if given else ""
    if answer is None:
        raise Wrong(f"there is no answer, only None{when}: is a `return` missing?")
    if isinstance(wanted, str | bool | tuple | list | dict | set):
        if not equal(answer, wanted, tolerance):
            raise Wrong(f"expected something else than {describe(answer)}{when}")
        return
    got, wanted = _numbers(answer, when), np.asarray(wanted, dtype=float)
    if got.shape != wanted.shape:
        raise Wrong(f"expected shape {wanted.shape}, got {got.shape}{when}")
    if np.isnan(got).any() and not np.isnan(wanted).any():
        raise Wrong(f"there is a NaN, not a number, in the answer{when}: was 0 divided by 0?")
    if not equal(got, wanted, tolerance):
        place = np.unravel_index(
            np.argmax(np.abs(np.nan_to_num(got - wanted, nan=np.inf))), got.shape
        )
        where = f" at {tuple(map(int, place))}" if got.ndim else ""
        raise Wrong(f"expected {wanted[place]:.6g}, got {got[place]:.6g}{where}{when}")


def need_a_function(answer) -> None:
    """Raise Wrong unless the answer can be called."""
    if not callable(answer):
        call(answer)  # which says what it is instead


def parts(names: str, *checks: Callable) -> Callable:
    """Return a check of a function that answers with several things: each by its own check, in order."""

    def examine(function):
        need_a_function(function)
        strange = []

        def part(number):
            def answer(*case):
                several = function(*case)
                if isinstance(several, tuple | list) and len(several) == len(checks):
                    return several[number]
                strange.append(several)

            return answer

        for number, check in enumerate(checks):
            try:
                check(part(number))
            except Wrong:
                if strange:
                    raise Wrong(f"expected `return {names}`, got {describe(strange[0])}.") from None
                raise

    return examine


def built(build: Callable, check: Callable) -> Callable:
    """Return a check in which a function gets what `build` makes of a case, since networks cannot be copied."""

    def examine(function):
        if not callable(function):
            check(function)  # which says what it is instead
        check(lambda *case: function(*build(*case)))

    return examine


def equal(answer, wanted, tolerance: float = 1e-6) -> bool:
    """Tell whether two values are the same: numbers and arrays within the tolerance, all else exactly."""
    if isinstance(wanted, tuple | list) and isinstance(answer, tuple | list):
        return len(answer) == len(wanted) and all(
            equal(a, w, tolerance) for a, w in zip(answer, wanted, strict=True)
        )
    if isinstance(wanted, bool):
        return isinstance(answer, bool | np.bool_) and bool(answer) == wanted
    if isinstance(wanted, str | dict | set) or wanted is None:
        return type(answer) is type(wanted) and bool(answer == wanted)
    try:
        answer, wanted = np.asarray(answer, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError):
        return answer is wanted
    return answer.shape == wanted.shape and np.allclose(
        answer, wanted, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def describe(answer) -> str:
    """Name a value in a few words."""
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    text = repr(answer)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(answer).__name__})"


def _numbers(answer, when: str) -> np.ndarray:
    try:
        return np.asarray(answer, dtype=float)
    except (TypeError, ValueError) as error:
        raise Wrong(f"expected numbers, got {describe(answer)}{when}") from error


def _list(arguments: tuple) -> str:
    return ", ".join(describe(argument) for argument in arguments)


def _try(function: Callable, case: tuple):
    try:
        return function(*copy.deepcopy(case))
    except Exception:
        return None  # a slip that breaks is nobody's answer
