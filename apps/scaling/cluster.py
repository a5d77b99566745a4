"""Connect to Dask's workers: those of a cluster, or processes started on this machine."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator

import dask
from distributed import Client, KilledWorker, Nanny, Scheduler, Security, SpecCluster, Worker

SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "1GB",  # a worker may be sent all of MNIST
    "distributed.scheduler.allowed-failures": 3,  # workers that one piece of work may bring down
    "distributed.worker.multiprocessing-method": "spawn",
}


class QuietScheduler(Scheduler):
    """Open no port for web pages, which Dask does even if its dashboard is off."""

    start_http_server = staticmethod(lambda *_, **__: None)


class QuietWorker(Worker):
    """Open no port for web pages, either."""

    start_http_server = staticmethod(lambda *_, **__: None)


def start_workers(workers: int, memory_limit: str | None = None) -> SpecCluster:
    """Return a cluster of processes on 127.0.0.1, closed to all who lack its certificate, which replaces the dead."""
    security, quiet = Security.temporary(), logging.CRITICAL  # we say ourselves what matters
    shared = {"host": "127.0.0.1", "protocol": "tls://", "security": security}
    worker = {
        "nthreads": 1,
        "env": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
        "worker_class": QuietWorker,
        "local_directory": tempfile.gettempdir(),
        "memory_limit": memory_limit,
        "silence_logs": quiet,
        # Ctrl-C reaches every process of a terminal, but the first process ends the workers.
        "preload": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    }
    crew = {number: {"cls": Nanny, "options": shared | worker} for number in range(workers)}
    scheduler = {"cls": QuietScheduler, "options": shared | {"dashboard": False}}
    return SpecCluster(crew, scheduler, security=security, silence_logs=quiet)


@contextlib.contextmanager
def connect(
    workers: int, scheduler: str | None = None, timeout: float = 60, **options
) -> Iterator[Client]:
    """Yield a client of workers started here, or of the cluster whose scheduler has this address."""
    with dask.config.set(SETTINGS), contextlib.ExitStack() as stack:
        cluster = scheduler or stack.enter_context(start_workers(workers, **options))
        try:
            client = Client(cluster, timeout=timeout, set_as_default=False)
            stack.enter_context(client).wait_for_workers(1 if scheduler else workers, timeout)
        except (OSError, TimeoutError) as fault:
            raise ConnectionError(f"no cluster at {cluster} in {timeout:g} s: {fault}") from fault
        try:
            yield client
        except KilledWorker as fault:
            reason = "the same work brought down worker after worker: is there enough memory?"
            raise RuntimeError(f"{reason} What is finished is kept") from fault
