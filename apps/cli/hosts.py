"""What `digits scale train --addresses` does on each host: start a worker, watch it, and say what went wrong.

TensorFlow's server listens on every network interface and asks for no password, so use it only in a network you trust.
"""

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence

ABSENT = "no answer from {} in {:g} s: was the command started there?"
LOST = "a worker was lost: give the same command again on every host, and all go on after the last whole epoch"


def train_on_hosts(
    addresses: Sequence[str],
    index: int | None,
    job: tuple,
    timeout: float = 120,
    on_event: Callable[[dict], None] = lambda event: None,
) -> None:
    """Do the job as worker `index` of those at the addresses ("host:port"), together with the others.

    The job is what `multi_worker.work` takes from the recipe on. If anyone is lost, all give up; given again, the same
    commands resume. Raises ConnectionError if the others don't come, or all is silent, for `timeout` seconds;
    OSError if the port is taken or the disk is full; ValueError if the folder holds another run.
    """
    if index is None or not 0 <= index < len(addresses):
        place = f"the place of this host among the {len(addresses)} addresses, from 0"
        raise ValueError(f"index: expected {place}, got {index}")
    check_port(addresses[index])
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(theirs, list(addresses), index, job), daemon=True)
    worker.start()
    theirs.close()
    try:
        _listen(ours, addresses, index, timeout, on_event)
    finally:
        worker.kill()
        worker.join()


def _work(channel, addresses: list[str], index: int, job: tuple) -> None:
    """Do a worker's job in its own process, which can be killed even while TensorFlow waits."""
    try:
        from apps.cli.multi_worker import work

        channel.send({"event": "started"})
        work(channel.send, addresses, index, *job)
    except Exception as fault:
        if not type(fault).__module__.startswith("tensorflow"):  # those are about a lost worker
            known = isinstance(fault, OSError | ValueError)
            channel.send(fault if known else RuntimeError(f"{type(fault).__name__}: {fault}"))
    os._exit(1)  # at once, because TensorFlow would wait for those that are gone


def _listen(channel, addresses: Sequence[str], index: int, timeout: float, on_event) -> None:
    """Pass on what the worker tells until it has finished."""
    event, wait = {"event": "starting"}, None  # TensorFlow may take its time to start
    while event["event"] != "finished":
        try:
            said = channel.recv() if channel.poll(wait) else None
        except EOFError:
            said = None
        if isinstance(said, Exception):
            raise said
        if said is None:
            absent = _absent([*addresses[:index], *addresses[index + 1 :]])
            alone = event["event"] == "waiting" and absent
            raise ConnectionError(ABSENT.format(", ".join(absent), timeout) if alone else LOST)
        event, wait = said, timeout
        on_event(event)


def _absent(addresses: Sequence[str]) -> list[str]:
    """Return the addresses where nothing answers."""
    absent = []
    for address in addresses:
        try:
            socket.create_connection(split_address(address), timeout=2).close()
        except OSError:
            absent.append(address)
    return absent


def split_address(address: str) -> tuple[str, int]:
    """Return the host and port of an address like host:2222; raise ValueError for anything else."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        wanted = "an address like host:2222, with a port from 1 to 65535"
        raise ValueError(f"expected {wanted}, got {address!r}")
    return host, int(port)


def check_port(address: str) -> None:
    """Raise OSError if something listens already on the port of this host's worker."""
    host, port = split_address(address)
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            trial.bind(("", port))
        except OSError as fault:
            reason = f"port {port} is in use or not allowed here: give {host} another"
            raise OSError(fault.errno, reason) from None
