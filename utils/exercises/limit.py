"""Run an answer for a limited time, and leave nothing of it behind."""

import builtins
import contextlib
import ctypes
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator


class Wrong(Exception):
    """Refuse an answer, with the sentence that the learner reads."""


class OutOfTime(Exception):
    """Say that an answer took longer than it may."""


def within(seconds: float, function: Callable):
    """Call a function in a thread, and return its result or raise what it raises. Raises OutOfTime and Wrong.

    A thread, because Windows has no signals, and a process couldn't see what the learner defined. Python code is
    stopped if it takes too long; a call of C that holds the interpreter can only be interrupted from outside.
    """
    ended = []

    def work() -> None:
        try:
            ended.append((function(), None))
        except BaseException as fault:  # also exit() in an answer
            ended.append((None, fault))

    thread = threading.Thread(target=work, daemon=True)
    with _nothing_left_behind():
        thread.start()
        try:
            thread.join(seconds)
        finally:
            if late := thread.is_alive():
                threading.Thread(target=_stop, args=(thread,), daemon=True).start()
    if late:
        raise OutOfTime
    result, fault = ended[0]
    if isinstance(fault, SystemExit | KeyboardInterrupt):
        raise Wrong(f"your answer ends the program: `{type(fault).__name__}`.")
    if fault is not None:
        raise fault
    return result


def _stop(thread: threading.Thread) -> None:
    """Stop a thread, again and again if it catches what stops it."""
    while thread.is_alive():
        ident, stop = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)  # dies in silence
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, stop)
        time.sleep(0.02)


@contextlib.contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Close figures that an answer opens, go back to the working directory, hide warnings, and refuse `input()`."""

    def refuse(*_):
        hint = "take what it needs from its arguments"
        raise Wrong(f"your answer calls `input()`, and nobody types here: {hint}.")

    pyplot = sys.modules.get("matplotlib.pyplot")
    figures = set(pyplot.get_fignums()) if pyplot else set()
    usual, builtins.input = builtins.input, refuse
    try:
        with contextlib.chdir("."), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        builtins.input = usual
        for number in set(pyplot.get_fignums()) - figures if pyplot else ():
            pyplot.close(number)
