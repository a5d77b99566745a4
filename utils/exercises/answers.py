"""Look at an answer from outside: is it untouched, does it change its arguments, what are its parts?"""

import ast
import copy
import dis
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType

import numpy as np

from utils.exercises.compare import Raised, Unusable, code, describe, equal, plain


class Guard:
    """Call the learner's function, and notice if it changes an argument."""

    def __init__(self, function: Callable):
        self.function, self.changed = function, False

    def __call__(self, *arguments, **named):
        kinds = np.ndarray | list | tuple | dict | set  # what could be changed by accident
        before = [(one, copy.deepcopy(one)) for one in arguments if isinstance(one, kinds)]
        result = self.function(*arguments, **named)
        self.changed |= any(not equal(one, old, 0) for one, old in before)
        return result


def fields_of(wanted: list, names: list[str] | None) -> list[str]:
    """Return the names of the parts of the wanted answers, or one empty name if they are one thing."""
    if names:
        return names
    same = all(isinstance(one, dict) and one.keys() == wanted[0].keys() for one in wanted)
    return list(wanted[0]) if same else [""]


def part(value, field: str, fields: list[str], by_place: bool = False):
    """Return one part of an answer: of a dict by its key, or also of a tuple by the place of its name."""
    if not field or isinstance(value, Raised | Unusable):
        return value
    if hasattr(value, "to_dict") and set(value.keys()) == set(fields):
        value = value.to_dict()  # a Series with these names; one without is a list
    value = plain(value)
    if isinstance(value, dict) and value.keys() == set(fields):
        return value[field]
    if by_place and isinstance(value, list | np.ndarray) and len(value) == len(fields):
        return value[fields.index(field)]
    by_name = isinstance(value, dict) or not by_place
    wanted = "a dict with the keys " if by_name else f"{len(fields)} things, "
    return Unusable(f"expected {wanted}{code(', '.join(fields))}, got {describe(value)}")


def size_of(case) -> int:
    """Return how much there is to look at in a case."""
    if isinstance(case, np.ndarray):
        return 10 + case.size
    if isinstance(case, dict | list | tuple):
        return sum(map(size_of, case.values() if isinstance(case, dict) else case))
    return 1 + len(case) if isinstance(case, str | bytes) else 1


def is_untouched(answer) -> bool:
    """Return whether an answer still is what the exercise came with: `...`, or a function with `...` in it."""
    if answer is ...:
        return True
    if isinstance(answer, list | tuple | dict):
        parts = answer.values() if isinstance(answer, dict) else answer
        return any(one is ... for one in parts)
    return isinstance(answer, FunctionType) and (_does_nothing(answer) or _has_gap(answer))


def _does_nothing(function: FunctionType) -> bool:
    trivial = {"RESUME", "NOP", "POP_TOP"}
    steps = [step for step in dis.get_instructions(function) if step.opname not in trivial]
    nothing = {("LOAD_CONST", None), ("RETURN_VALUE", None), ("RETURN_CONST", None)}
    return {(step.opname, step.argval) for step in steps} <= nothing


def _has_gap(function: FunctionType) -> bool:
    """Return whether the source of a function has a `...` as a statement, a value, or an argument of a call."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    kinds = ast.Expr | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return
    held = [node.value for node in ast.walk(tree) if isinstance(node, kinds)]
    held += [one for node in ast.walk(tree) if isinstance(node, ast.Call) for one in node.args]
    return any(isinstance(value, ast.Constant) and value.value is ... for value in held)
