"""Start workers from a process that has imported TensorFlow, which takes 7 CPU seconds each time otherwise."""

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait

from utils.scaling import workers

WARM = multiprocessing.get_context("forkserver")
WARM.set_forkserver_preload(["utils.scaling.replica"])  # imported there, never run: so its forks are safe


class WarmProcess:
    """Stand for `subprocess.Popen` in a Crew: the same worker, with the same pipes, as a fork of the warm process."""

    def __init__(self, command, env, stdin, stdout, stderr, text):
        (hears, self.stdin), (self._told, tells) = WARM.Pipe(duplex=False), WARM.Pipe(duplex=False)
        self._lock, self.stdout = threading.Lock(), os.fdopen(self._told.fileno(), closefd=False)
        self._process = WARM.Process(target=_be_a_worker, args=(command[-2:], env, hears, tells))
        self._process.start()
        self.pid = self._process.pid
        hears.close()
        tells.close()

    def poll(self):
        """Return the exit code, or None while it runs."""
        with self._lock:
            return self._process.exitcode

    def wait(self):
        """Return the exit code once it has ended."""
        wait([self._process.sentinel])
        return self.poll()

    def kill(self):
        """End it at once."""
        self._process.kill()


def _be_a_worker(arguments, settings, hears, tells):
    job, rank = arguments
    os.environ.update(settings)
    log = os.open(f"{job}.{rank}.log", os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((hears.fileno(), tells.fileno(), log)):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    sys.argv = ["-c", job, rank]
    workers._work()


def warmly(function, *arguments):
    """Return what a function returns, which runs in a fork of the warm process."""
    with ProcessPoolExecutor(1, mp_context=WARM) as pool:
        return pool.submit(function, *arguments).result()
