"""Compare what a learner answers with what is right: values count, not types."""

from collections.abc import Mapping, Sequence

import numpy as np

NUMBERS = "biuf"  # kinds of NumPy's dtypes; complex numbers are no answer to anything here


class Raised(str):
    """Stand for an exception, by its class and text, where another answer has a value."""


class Unusable(str):
    """Stand for an answer of which a part is missing, and say what was expected."""


def plain(value):
    """Return a value as Python's own scalars, lists and dicts, and arrays of numbers, whatever library it's from."""
    if isinstance(value, Raised | Unusable):
        return value
    if isinstance(value, str):
        return str(value)  # also one of NumPy's
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
    if not all(isinstance(item, bool | int | float | np.ndarray) for item in items):
        return items
    try:
        array = np.asarray(items)
    except ValueError:  # of different shapes
        return items
    return array if items and array.dtype.kind in NUMBERS else items


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
    if isinstance(wanted, int | float | np.ndarray) and not isinstance(wanted, bool):
        return _same_numbers(answer, np.asarray(wanted), tolerance)
    if isinstance(answer, Raised) and isinstance(wanted, Raised):
        return answer.split(":")[0] == wanted.split(":")[0]
    return type(answer) is type(wanted) and bool(answer == wanted)


def _same_numbers(answer, wanted: np.ndarray, tolerance: float) -> bool:
    numbers = as_array(answer)
    if numbers is None or numbers.shape != wanted.shape:
        return isinstance(answer, list) and not answer and not wanted.size
    relative = tolerance if wanted.dtype.kind == "f" else 0
    return np.allclose(
        numbers.astype(float), wanted.astype(float), relative, tolerance, equal_nan=True
    )


def as_array(answer) -> np.ndarray | None:
    """Return an answer as an array of numbers, or None if it isn't one."""
    answer = plain(answer)
    if isinstance(answer, bool | int | float | np.ndarray):
        array = np.asarray(answer)
        return array if array.dtype.kind in NUMBERS else None
    return np.zeros(0) if isinstance(answer, list) and not answer else None


def difference(answer, wanted, tolerance: float = 1e-6) -> str:
    """Return in what an answer differs from what is wanted: "expected …, got …"."""
    if isinstance(answer, Unusable):
        return str(answer)
    if isinstance(answer, Raised):
        return f"it stops with {code(answer)}"
    if isinstance(wanted, Raised):
        return f"expected it to raise {code(wanted)}, got {describe(answer)}"
    if answer is None:
        return f"expected {describe(wanted)}, got `None`: is a `return` missing?"
    wanted = plain(wanted)
    if isinstance(wanted, int | float | np.ndarray) and not isinstance(wanted, bool):
        return _difference_of_numbers(answer, np.asarray(wanted), tolerance)
    return f"expected {describe(wanted)}, got {describe(answer)}"


def other_kind(answer, wanted) -> str | None:
    """Return how an answer differs in kind or shape from what is wanted, which isn't told, or None."""
    if isinstance(answer, Unusable):
        return str(answer)
    got, wanted = plain(answer), plain(wanted)
    if isinstance(wanted, int | float | np.ndarray) and not isinstance(wanted, bool):
        numbers = as_array(got)
        same = numbers is not None and numbers.shape == np.shape(wanted)
        return None if same else _difference_of_numbers(got, np.asarray(wanted), 0)
    names = {str: "text", bool: code("True or False"), dict: "a dict", list: "a list"}
    kind = names.get(type(wanted), f"a {type(wanted).__name__}")
    return None if type(got) is type(wanted) else f"expected {kind}, got {describe(got)}"


def _difference_of_numbers(answer, wanted: np.ndarray, tolerance: float) -> str:
    got = as_array(answer)
    kind = "a number" if not wanted.ndim else "numbers"
    if got is None:
        return f"expected {kind}, got {describe(answer)}"
    if got.shape != wanted.shape:
        return f"expected {_shape(wanted)}, got {_shape(got)}"
    if not wanted.ndim or wanted.size <= 6:
        return f"expected {describe(wanted)}, got {describe(got)}"
    relative = tolerance if wanted.dtype.kind == "f" else 0
    got, wanted = got.astype(float), wanted.astype(float)
    close = np.isclose(got, wanted, relative, tolerance, equal_nan=True)
    place = tuple(map(int, np.argwhere(~close)[0]))
    where = f"[{', '.join(map(str, place))}]"
    share = f"{np.sum(~close):,} of {close.size:,} numbers differ: "
    return f"{share}at `{where}`, expected {describe(wanted[place])}, got {describe(got[place])}"


def _shape(array: np.ndarray) -> str:
    if not array.ndim:
        return f"a single number, {describe(array)}"
    return f"an array of shape {code(array.shape)}"


def describe(value) -> str:
    """Name a value in a few words, as code in Markdown."""
    try:
        return _describe(plain(value))
    except Exception:  # of an object that can't even be shown
        return code(f"a {type(value).__name__}")


def _describe(value) -> str:
    if isinstance(value, np.ndarray):
        if not value.ndim or value.size > 24:
            return _describe(value.item()) if not value.ndim else _shape(value)
        rounded = np.round(value, 6) if value.dtype.kind == "f" else value
        return code(rounded.tolist())
    if isinstance(value, float):
        return code(f"{value:.6g}")
    if isinstance(value, bytes):
        return code(f"{len(value):,} bytes")
    text = f"a {type(value).__name__}" if callable(value) else repr(value)
    return code(text)


def code(text) -> str:
    """Return text as code in Markdown, on one line and with nothing in it that could end the code."""
    text = " ".join(str(text).split()).replace("`", "'")
    return f"`{text if len(text) <= 200 else text[:197] + '…'}`"
