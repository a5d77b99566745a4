"""Start the server: `python -m apps.web`. HOST, PORT, and MODEL in the environment set where, and with which model."""

import contextlib
import os
import socket
import sys

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from apps.web import server
from utils.prediction import UnreadableModel

# Seconds for the headers of a request, from when the connection opens or is free again.
PATIENCE = 10


class ImpatientProtocol(H11Protocol):
    """Close a connection on which no whole request arrives in time: uvicorn itself waits for headers forever."""

    patience = None

    def connection_made(self, transport):
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self):
        """Start to wait for the next request."""
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc):
        """Stop waiting."""
        super().connection_lost(exc)
        self.patience.cancel()

    def _wait(self):
        if self.patience:
            self.patience.cancel()
        self.patience = self.loop.call_later(PATIENCE, self._give_up)

    def _give_up(self):
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


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
    try:
        server.load_reader(os.environ.get("MODEL") or "robust")
    except (FileNotFoundError, UnreadableModel) as error:
        sys.exit(f"MODEL: {error}")
    port = os.environ.get("PORT", "8000")
    if not (port.isdecimal() and int(port) < 65536):
        sys.exit(f"PORT: expected a number from 0 to 65535, got {port!r}: try PORT=8000")
    host = os.environ.get("HOST", "127.0.0.1")
    check_place(host, int(port))
    allow_connections()
    uvicorn.run(
        server.app,
        host=host,
        port=int(port),
        http=ImpatientProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
