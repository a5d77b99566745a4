"""Start worker processes, hear from them, and let none outlive the process that started it."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cloudpickle

Event = dict  # what a worker tells: {"event": "step", "rank": 1, …}
Tell = Callable[..., None]
START = "from apps.scaling.workers import _work; _work()"
# Workers of one machine are its threads: with more in each, they would only wait for each other's cores.
ONE_THREAD = {
    name: "1" for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
}


class WorkerLost(RuntimeError):
    """Say that a worker process died, or went silent, more often than may be."""


class Crew:
    """Hold worker processes that carry out `task(rank, tell)`, one process for each rank, until the block is left.

    What a task tells arrives through `events`. Each worker has one thread, or as many as its host has cores. A worker
    ends itself when this process is gone, whatever the reason: its standard input ends then.
    """

    def __init__(
        self, task: Callable[[int, Tell], None], ranks: Sequence[int], one_thread: bool = True
    ):
        self.heard, self.processes = queue.Queue(), {}
        self.folder = tempfile.TemporaryDirectory(prefix="digits-crew-", ignore_cleanup_errors=True)
        self.job = Path(self.folder.name) / "job"
        self.job.write_bytes(cloudpickle.dumps(task))  # which also takes functions of a notebook
        self.settings = os.environ | (ONE_THREAD if one_thread else {})
        for rank in ranks:
            self.start(rank)

    def start(self, rank: int) -> None:
        """Start one more worker."""
        with open(f"{self.job}.{rank}.log", "wb") as log:
            command = [sys.executable, "-c", START, str(self.job), str(rank)]
            process = self.processes[rank] = subprocess.Popen(
                command,
                env=self.settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._listen, args=(rank, process), daemon=True).start()

    def pids(self) -> list[int]:
        """Return the process numbers of those that run."""
        return [process.pid for process in self.processes.values() if process.poll() is None]

    def _listen(self, rank: int, process: subprocess.Popen) -> None:
        for line in process.stdout:
            with contextlib.suppress(ValueError):  # what a library prints is no message
                self.heard.put({**json.loads(line), "rank": rank})
        self.heard.put({"event": "ended", "rank": rank, "code": process.wait()})

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what the workers tell, and {"event": "ended", "rank", "code"} for each that ends; stop when all have.

        Raises TimeoutError after so many seconds in which nobody told anything; and the error that ended a worker, as
        OSError, ValueError or RuntimeError, since to start it again would be no help.
        """
        ended = set()
        while ended < set(self.processes):  # more may have been started meanwhile
            try:
                event = self.heard.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError(f"no worker told anything for {timeout:g} s") from None
            if event["event"] == "failed":
                kind = {"OSError": OSError, "ValueError": ValueError}.get(
                    event["kind"], RuntimeError
                )
                raise kind(event["message"])
            if event["event"] == "ended":
                ended.add(event["rank"])
            if event["event"] != "starting":
                yield event

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_) -> None:
        for process in self.processes.values():
            process.kill()  # a worker in the middle of a collective operation does not hear anything gentler
        for process in self.processes.values():
            process.wait()
            process.stdin.close()
        self.folder.cleanup()


def how_it_ended(code: int) -> str:
    """Say in words what the exit code of a process means."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _work() -> None:
    """Carry out, in a worker process, the task that the command line names."""
    job, rank = sys.argv[1], int(sys.argv[2])
    channel, sys.stdout = sys.stdout, sys.stderr  # so that nothing else is taken for a message
    lock = threading.Lock()

    def tell(event: str, **details) -> None:
        with lock, contextlib.suppress(BrokenPipeError):
            channel.write(json.dumps({"event": event, **details}) + "\n")
            channel.flush()

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    begun = threading.Event()
    threading.Thread(target=_say_that_it_starts, args=(begun, tell), daemon=True).start()

    def tell_at_last(event: str, **details) -> None:
        begun.set()
        tell(event, **details)

    try:
        cloudpickle.loads(Path(job).read_bytes())(rank, tell_at_last)
    except Exception as fault:
        traceback.print_exc()
        if not type(fault).__module__.startswith("tensorflow"):  # those are about a lost connection
            kind = "OSError" if isinstance(fault, OSError) else type(fault).__name__
            tell("failed", kind=kind, message=str(fault) or kind)
        _leave(1)
    _leave(0)


def _say_that_it_starts(begun: threading.Event, tell: Tell) -> None:
    """Let nobody take a slow start for a hang: on a busy machine TensorFlow takes a minute to be imported."""
    while not begun.wait(1):
        tell("starting")


def _leave(code: int) -> None:
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's servers would wait here for peers that have gone already


def _end_with_the_parent() -> None:
    sys.stdin.read()
    time.sleep(0.1)
    os._exit(1)
