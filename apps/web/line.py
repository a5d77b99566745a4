"""Let pictures wait in line for processes that can be ended: what strangers send may be made to take minutes.

Only these processes load the model and decode pictures. The server itself stays small and always answers.
"""

import asyncio
import math
import multiprocessing
import time
from concurrent.futures.process import BrokenProcessPool

from pebble import ProcessExpired, ProcessPool

MOST_WALL = 20  # seconds for one picture, on a machine that's busy with other things
PATIENCE = 1  # seconds that a picture waits for its turn
MOST_WAITING = 64  # drawings: a quarter of a second's work
TOO_COSTLY = "it takes too long or too much memory to decode: save it as a plain PNG or JPEG"

# A forked process starts within milliseconds; Windows has none.
METHODS = multiprocessing.get_all_start_methods()
CONTEXT = multiprocessing.get_context("forkserver" if "forkserver" in METHODS else "spawn")


class Busy(Exception):
    """Report that the line is too long for one more picture to be read soon."""


class Line:
    """Read pictures in a few processes, first come, first served, as long as none has to wait for long.

    Each process has some pictures at hand while it reads another: they cost no time between two drawings, but nothing
    gives up on them, so they would be answered late behind a large picture.
    """

    def __init__(self, model: str, workers: int, at_hand: int = 1, **options):
        self.options = {"max_workers": workers, "initializer": _start, "initargs": [model]}
        self.options |= options
        self.pool = ProcessPool(**self.options, context=CONTEXT)
        self.free = asyncio.Semaphore((1 + at_hand) * workers)
        self.waiting = {}  # when each picture in line came

    @property
    def is_full(self) -> bool:
        """Return whether one more would wait for too long: many do already, or the first has for half its patience."""
        first = next(iter(self.waiting.values()), math.inf)
        return len(self.waiting) >= MOST_WAITING or time.monotonic() - first > PATIENCE / 2

    async def read(self, content: bytes, ink: str, most: float = math.inf) -> dict | str | None:
        """Return what `worker.read` does; raise Busy if it can't be soon."""
        await self._take_turn()
        try:
            reading = asyncio.wrap_future(self._schedule(content, ink, most))
        except BaseException:
            self.free.release()
            raise
        reading.add_done_callback(lambda _: self.free.release())
        try:  # to cancel what is being read would cost more than to finish it
            return await asyncio.shield(reading)
        except (ProcessExpired, BrokenProcessPool, TimeoutError):
            return TOO_COSTLY

    def _schedule(self, *arguments):
        if not self.pool.active:  # since a process was ended while it did nothing
            self.pool = ProcessPool(**self.options, context=CONTEXT)
        return self.pool.schedule(_read, args=arguments, timeout=MOST_WALL)

    async def _take_turn(self):
        if self.is_full:
            raise Busy
        self.waiting[ticket := object()] = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.free.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            del self.waiting[ticket]

    async def open(self) -> None:
        """Wait until the model is open; raise RuntimeError if it can't be."""
        if fault := await asyncio.wrap_future(self.pool.schedule(_fault)):
            raise RuntimeError(f"MODEL: {fault}")

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.pool.stop()
        self.pool.join()


def preload() -> None:
    """Have everything imported where processes are forked: for a program that forks no others."""
    CONTEXT.set_forkserver_preload(["apps.web.worker"])


def check_model(model: str) -> str | None:
    """Return why a model can't be used, or None if it can."""
    with ProcessPool(1, initializer=_start, initargs=[model], context=CONTEXT) as pool:
        return pool.schedule(_fault).result()


# What the processes run. The server itself doesn't import `worker`, which would make it three times as large.


def _start(model):
    from apps.web import worker

    worker.start(model)


def _fault():
    from apps.web import worker

    return worker.fault


def _read(content, ink, most):
    from apps.web import worker

    return worker.read(content, ink, most)
