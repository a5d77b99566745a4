"""Guard every request and response: limits on a body's size, time, and memory, and headers for the browser."""

import asyncio
import contextlib
import time

from fastapi import FastAPI, HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

MEGABYTE = 1_000_000
LARGEST_BODY = 10 * MEGABYTE  # a phone's photo has 2 to 8
STALL = 10  # seconds until the next piece of a body must arrive
WHOLE = 120  # seconds until all of it must: a photo takes that long over a slow connection
LINGER = 5  # seconds in which the rest of a refused body is received and discarded

# Everything comes from this server, and no other page may frame it. `blob:` and `data:` are pictures a visitor chose.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-cache"),  # the page asks for a newer one; no answer is stored
]


class Body:
    """Receive a request's body, if it's a form of files, unless it is too large, stalls, or takes too long.

    Any other form counts as empty: to parse nothing but separators would take half a minute.

    FastAPI's own `max_body_size` refuses a large body in plain text, but our API promises JSON.
    """

    def __init__(self, receive, is_form: bool = True):
        self.receive, self.is_form, self.size, self.complete = receive, is_form, 0, False
        self.end = time.monotonic() + WHOLE

    async def __call__(self):
        """Return the next message, as ASGI's `receive` does."""
        if self.complete:
            return await self.receive()  # which reports when the client leaves
        if not self.is_form:
            self.complete = True
            return {"type": "http.request", "body": b"", "more_body": False}
        try:
            async with asyncio.timeout(min(STALL, self.end - time.monotonic())):
                message = await self._next()
        except (TimeoutError, asyncio.CancelledError):  # it took too long, or the server ends
            self.complete = True  # we don't wait for the rest
            raise HTTPException(
                408, "the upload stalled: send it again", {"Connection": "close"}
            ) from None
        self.size += len(message.get("body", b""))
        if self.size > LARGEST_BODY:
            raise HTTPException(
                413,
                f"more than {LARGEST_BODY // MEGABYTE} MB: send a smaller picture, or fewer at a time",
            )
        return message

    async def drain(self):
        """Keep reading for a while: a client that is cut off while it still sends would miss the answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                discarded = 0
                while not self.complete and discarded < 3 * LARGEST_BODY:
                    discarded += len((await self._next()).get("body", b""))

    async def _next(self):
        message = await self.receive()
        self.complete = not message.get("more_body", False)
        return message


class GuardedAPI(FastAPI):
    """Add two things to FastAPI for every request: limits on its body, and the headers of its response."""

    async def __call__(self, scope, receive, send):
        """Answer one request, as ASGI defines it."""
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        kind = dict(scope["headers"]).get(b"content-type", b"")
        body = Body(receive, is_form=kind.lower().startswith(b"multipart/form-data"))

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
                if not body.complete:
                    await body.drain()
                if not body.complete:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        await super().__call__(scope, body, send_guarded)


def for_this_machine(app: FastAPI) -> TrustedHostMiddleware:
    """Return an app that answers only if its address names this machine, not a page that was led here by its DNS."""
    return TrustedHostMiddleware(app, ["localhost", "127.0.0.1", "[::1]"])
