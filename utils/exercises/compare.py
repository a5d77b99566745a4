"""Compare what a learner answers with what is right: values count, not types."""

from collections.abc import Mapping, Sequence

import numpy as np

NUMBER = bool | int | float | np.ndarray
NUMBERS = "biuf"  # kinds of NumPy's dtypes; complex numbers are no answer to anything here


class Raised(str):
    """Stand for an exception, by its class and text, where another answer has a value."""


class Unusable(str):
    """Stand for an answer of which a part is missing, and say what was expected."""


def plain(value):
    """Return a value as Python's own scalars, lists and dicts, and arrays of numbers, whatever library it's from."""
    if isinstance(value, str):  # also one of NumPy's
        return value if isinstance(value, Raised | Unusable) else str(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return {plain(item) for item in value}
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if not array.ndim:
            return array.item()
        return array if array.dtype.kind in NUMBERS else plain(array.tolist())
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return _as_numbers([plain(item) for item in value])
    return value


def _as_numbers(items: list) -> list | np.ndarray:
    """Return an array if the items are numbers, or arrays of one shape."""
    numbers = all(isinstance(item, NUMBER) for item in items)
    if not numbers or len(set(map(np.shape, items))) != 1:
        return items
    array = np.asarray(items)
    return array if array.dtype.kind in NUMBERS else items


def as_array(answer) -> np.ndarray | None:
    """Return an answer as an array of numbers, or None if it isn't one."""
    answer = plain(answer)
    if isinstance(answer, NUMBER):
        array = np.asarray(answer)
        return array if array.dtype.kind in NUMBERS else None
    return np.zeros(0) if isinstance(answer, list) and not answer else None


def equal(answer, wanted, tolerance: float = 1e-6) -> bool:
    """Return whether two values are the same: numbers within the tolerance, whole ones and all else exactly."""
    if isinstance(wanted, Mapping) and hasattr(answer, "to_dict"):
        answer = answer.to_dict()  # a Series
    answer, wanted = plain(answer), plain(wanted)
    if isinstance(wanted, dict):
        same = isinstance(answer, dict) and answer.keys() == wanted.keys()
        return same and all(equal(answer[key], wanted[key], tolerance) for key in wanted)
    if isinstance(wanted, list):
        same = isinstance(answer, list | np.ndarray) and len(answer) == len(wanted)
        return same and all(map(equal, answer, wanted, [tolerance] * len(wanted)))
    if isinstance(wanted, NUMBER) and not isinstance(wanted, bool):
        numbers = as_array(answer)
        if numbers is None or numbers.shape != np.shape(wanted):
            return isinstance(answer, list) and not answer and not np.size(wanted)
        return bool(_close(numbers, np.asarray(wanted), tolerance).all())
    if isinstance(answer, Raised) and isinstance(wanted, Raised):
        return answer.split(":")[0] == wanted.split(":")[0]
    return type(answer) is type(wanted) and bool(answer == wanted)


def _close(numbers: np.ndarray, wanted: np.ndarray, tolerance: float) -> np.ndarray:
    relative = tolerance if wanted.dtype.kind == "f" else 0
    pair = numbers.astype(float), wanted.astype(float)
    return np.isclose(*pair, relative, tolerance, equal_nan=True)


def difference(answer, wanted, tolerance: float = 1e-6, told: bool = True) -> str:
    """Return in what an answer differs from what is wanted, which is told or not: "expected …, got …"."""
    if isinstance(answer, Unusable):
        return str(answer)
    if isinstance(answer, Raised):
        return f"it stops with {code(answer)}"
    if isinstance(wanted, Raised):
        return f"expected it to raise {code(wanted)}, got {describe(answer)}"
    if answer is None and told:
        return f"expected {describe(wanted)}, got `None`: is a `return` missing?"
    wanted = plain(wanted)
    if isinstance(wanted, NUMBER) and not isinstance(wanted, bool):
        return _difference_of_numbers(answer, np.asarray(wanted), tolerance, told)
    if told:
        return f"expected {describe(wanted)}, got {describe(answer)}"
    if type(plain(answer)) is type(wanted):
        return f"{describe(answer)} isn't right"
    names = {str: "text", bool: code("True or False"), dict: "a dict", list: "a list"}
    kind = names.get(type(wanted), f"a {type(wanted).__name__}")
    return f"expected {kind}, got {describe(answer)}"


def _difference_of_numbers(answer, wanted: np.ndarray, tolerance: float, told: bool) -> str:
    got = as_array(answer)
    if got is None:
        return f"expected {'numbers' if wanted.ndim else 'a number'}, got {describe(answer)}"
    if got.shape != wanted.shape:
        return f"expected {_shape(wanted, told)}, got {_shape(got)}"
    if not told:
        return f"{describe(answer)} isn't right"
    if wanted.size <= 6:
        return f"expected {describe(wanted)}, got {describe(got)}"
    close = _close(got, wanted, tolerance)
    place = tuple(map(int, np.argwhere(~close)[0]))
    where = f"[{', '.join(map(str, place))}]"
    share = f"{np.sum(~close):,} of {close.size:,} numbers differ: "
    values = f"expected {describe(float(wanted[place]))}, got {describe(float(got[place]))}"
    return f"{share}at `{where}`, {values}"


def _shape(array: np.ndarray, told: bool = True) -> str:
    if array.ndim:
        return f"an array of shape {code(array.shape)}"
    return f"a single number, {describe(array)}" if told else "a single number"


def describe(value) -> str:
    """Name a value in a few words, as code in Markdown."""
    try:
        value = plain(value)
        if isinstance(value, np.ndarray) and value.size > 24:
            return _shape(value)
        if isinstance(value, np.ndarray):
            value = (np.round(value, 6) if value.dtype.kind == "f" else value).tolist()
        elif isinstance(value, float):
            return code(f"{value:.6g}")
        elif isinstance(value, bytes):
            return code(f"{len(value):,} bytes")
        return code(f"a {type(value).__name__}" if callable(value) else repr(value))
    except Exception:  # of an object that can't even be shown
        return code(f"a {type(value).__name__}")


def code(text) -> str:
    """Return text as code in Markdown, on one line and with nothing in it that could end the code."""
    text = " ".join(str(text).split()).replace("`", "'")
    return f"`{text if len(text) <= 200 else text[:197] + '…'}`"
