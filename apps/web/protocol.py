"""Guard every connection: the time it may take, and the bytes that all of them hold together."""

import functools
import json
import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from apps.web.guard import HEADERS, LARGEST_BODY, LINGER, MEGABYTE

PATIENCE = 10  # seconds for the headers of a request, from when the connection is open or free
LARGEST_HEAD = 64_000  # bytes of a request's headers
SOON = 0.5  # seconds in which most bodies are whole; until then, the app need not know of a request
MOST_HELD = 40 * MEGABYTE  # by all requests that aren't answered yet
MOST_CONNECTIONS = 2000
LENGTH = re.compile(rb"content-length: *(\d{1,9})\r.*?\r\n\r\n", re.IGNORECASE | re.DOTALL)


def _refusal() -> bytes:
    body = json.dumps({"detail": "too many requests at once: try again in a second"}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
        *HEADERS,
    ]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(b": ".join(header) for header in headers)]
    return b"\r\n".join([*lines, b"", body])


REFUSAL = _refusal()


class GuardedProtocol(HttpToolsProtocol):
    """Hang up where no whole request arrives in time, which uvicorn doesn't, and refuse what is too much at once.

    If all connections together hold too much, the one is refused that has been sending its request for the longest
    time: an honest one is done within moments. While too many pictures wait to be read, others are refused before
    they are parsed, since that would take the time in which those that wait are read. The app is started for a whole
    request, or for one that is still not whole after a moment: to start it is what costs most.
    """

    waiting: dict["GuardedProtocol", None] = {}  # by when they began to wait for a request
    total = 0  # bytes held by all connections

    def connection_made(self, transport):
        """Start to wait for the first request."""
        self.held, self.is_refused, self.patience, self.late = 0, False, None, None
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse_one()

    def data_received(self, data):
        """Hand data on to be parsed, or refuse it."""
        if self.is_refused:
            return
        if self._is_idle() and data.startswith(b"POST ") and self.app_state["drawings"].is_full:
            return self._refuse(data)
        held = min(len(data), LARGEST_BODY - self.held)  # what exceeds this isn't kept
        self.held += held
        GuardedProtocol.total += held
        super().data_received(data)
        if self._is_idle() and self.held > LARGEST_HEAD:
            self.transport.abort()
        while GuardedProtocol.total > MOST_HELD and not self.is_refused:
            self._refuse_one()

    def on_body(self, body):
        """Keep what comes, and let more come, until the app is started."""
        super().on_body(body)
        if self.late and self.held < LARGEST_BODY:
            self.flow.resume_reading()
        else:
            self._start_app()

    def on_message_complete(self):
        """Start the app for a request that is whole."""
        super().on_message_complete()
        self._start_app()

    def on_response_complete(self):
        """Start to wait for the next request."""
        self._let_go()
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc):
        """Stop waiting."""
        super().connection_lost(exc)
        self._let_go()
        self.waiting.pop(self, None)
        self.patience.cancel()
        self._forget_app()

    def _start_asgi_task(self, cycle, app):
        start = functools.partial(super()._start_asgi_task, cycle, app)
        if self.expect_100_continue or not cycle.more_body:
            return start()
        self.start, self.late = start, self.loop.call_later(SOON, self._start_app)

    def _start_app(self):
        if self.late:
            self._forget_app()
            self.start()

    def _forget_app(self):
        if self.late:
            self.late.cancel()
            self.late = None

    def _wait(self):
        self.waiting.pop(self, None)
        self.waiting[self] = None
        if self.patience:
            self.patience.cancel()
        self.patience = self.loop.call_later(PATIENCE, self._give_up)

    def _give_up(self):
        if self._is_idle():
            self.transport.abort()

    def _let_go(self):
        GuardedProtocol.total -= self.held
        self.held = 0

    def _is_idle(self):
        """Return whether no headers have come since the last answer."""
        return self.cycle is None or self.cycle.response_complete

    def _is_whole(self):
        return not self._is_idle() and not self.cycle.more_body

    def _refuse_one(self):
        """Refuse the connection that has been sending its request for the longest time."""
        senders = (other for other in self.waiting if not other._is_whole())
        next(senders, self)._refuse()

    def _refuse(self, data=b""):
        """Say that there is too much to do, and discard what still comes: a client that sends doesn't listen."""
        self.is_refused = True
        self._let_go()
        self.waiting.pop(self, None)
        self.patience.cancel()
        self._forget_app()
        if self.cycle:  # so that the app stops waiting for the rest
            self.cycle.body, self.cycle.disconnected = b"", True
            self.cycle.message_event.set()
        self.transport.write(REFUSAL)
        head = LENGTH.search(data, 0, LARGEST_HEAD)
        if head and len(data) >= head.end() + int(head[1]):
            return self.transport.close()
        self.flow.resume_reading()
        self.transport.write_eof()
        self.patience = self.loop.call_later(LINGER, self.transport.abort)
