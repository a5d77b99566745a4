"""Start the server: `python -m apps.web`. HOST, PORT, and MODEL in the environment set where, and with which model."""

import contextlib
import os
import socket
import sys

import uvicorn

from apps.web import line, server
from apps.web.guard import for_this_machine
from apps.web.protocol import GuardedProtocol

GRACE = (
    10  # seconds for the requests in flight when the server is told to end; Kubernetes grants 30
)


def allow_connections() -> None:
    """Raise the limit on open files, and so on connections, as far as the system allows: it often starts at 1,024."""
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        granted = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, granted))


def check_place(host: str, port: int) -> None:
    """Exit with advice if we can't listen there: the port is taken, or the host isn't on this machine."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # Without this, a port that was closed a moment ago would count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        sys.exit(
            f"HOST={host} PORT={port} cannot be had ({error.strerror}): try another PORT, and HOST=127.0.0.1"
        )


def main() -> None:
    """Serve until Ctrl+C or SIGTERM, and then finish the requests in flight."""
    line.preload()
    if fault := line.check_model(os.environ.get("MODEL") or "robust"):
        sys.exit(f"MODEL: {fault}")
    port = os.environ.get("PORT", "8000")
    if not (port.isdecimal() and int(port) < 65536):
        sys.exit(f"PORT: expected a number from 0 to 65535, got {port!r}: try PORT=8000")
    host = os.environ.get("HOST", "127.0.0.1")
    check_place(host, int(port))
    allow_connections()
    is_local = host in ("localhost", "127.0.0.1", "::1")
    uvicorn.run(
        for_this_machine(server.app) if is_local else server.app,
        host=host,
        port=int(port),
        http=GuardedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        backlog=4096,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE,
    )


if __name__ == "__main__":
    main()
