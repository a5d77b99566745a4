"""Keep a folder to one process, so that two runs never write the same files."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone_in(folder: str | Path) -> Iterator[None]:
    """Hold a folder's lock, which ends with this process, however it ends.

    Raises BlockingIOError at once if another process holds it.
    """
    path = Path(folder) / ".lock"  # an empty file, which stays: removing it would let two in
    try:
        # SQLite knows how every system locks files, and how a killed process loses its lock.
        lock = sqlite3.connect(path, timeout=0, isolation_level=None)
        lock.execute("PRAGMA journal_mode = MEMORY")  # without a second file
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise OSError(f"{path} can't be locked: {fault}") from None
        raise BlockingIOError(
            f"another process is training in {folder}: wait until it ends, or name another folder"
        ) from None
    with contextlib.closing(lock):
        yield
