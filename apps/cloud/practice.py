"""Practice asking cloud services without an account: a server on this machine that speaks as three of them do.

It takes what the SDKs of Google Vision, AWS Rekognition, and Azure Vision send, and replies in their formats. The
course's own CNN reads the digits, so the answers don't show how good a service is.

Start it with `python -m apps.cloud.practice`; its first line says where it listens. `PUT /fault` makes it fail as
services do, `{"service": "google", "kind": "429", "times": 2}`, with a kind from FAULTS and a service from "google",
"amazon", "azure", and "all". `DELETE /fault` ends that. `GET /` counts the requests to each service.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal

import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import State

from apps.cloud.practice_services import SERVICES, Refused, Service, size_of
from utils.prediction import DigitReader, Prediction

LABEL = "practice server: the course's own CNN answers"
FAULTS = ("slow", "429", "403", "500", "malformed", "empty")
LARGEST_BODY = 10_000_000  # bytes
MOST_HELD = 40_000_000  # bytes, by all requests that aren't answered yet
MOST_READINGS = 16  # at once


class Fault(BaseModel):
    """Describe how a service, or all of them, should fail: always, or a number of times; slow ones wait first."""

    service: Literal["google", "amazon", "azure", "all"] = "all"
    kind: Literal[FAULTS]
    times: int | None = Field(None, ge=1)
    seconds: float = Field(30, gt=0, le=600)


class LimitedAPI(FastAPI):
    """Limit the bytes of each request, and of all that aren't answered yet: what exceeds this raises Refused."""

    held = 0

    async def __call__(self, scope, receive, send):
        """Answer one request, as ASGI defines it."""
        size = 0

        async def receive_limited():
            nonlocal size
            message = await receive()
            part = len(message.get("body", b""))
            size, self.held = size + part, self.held + part
            if size > LARGEST_BODY:
                raise Refused(413, "RequestTooLarge", f"more than {LARGEST_BODY:,} bytes")
            if self.held > MOST_HELD:
                said = "too many requests at once: try again in a second"
                raise Refused(503, "ServiceUnavailable", said)
            return message

        try:
            await super().__call__(scope, receive_limited, send)
        finally:
            self.held -= size


def create_app(reader: DigitReader) -> FastAPI:
    """Return an app with the three services, which answer with a reader, and the routes that control them."""
    app = LimitedAPI(title="Practice cloud", description=LABEL, docs_url=None, redoc_url=None)
    app.state.reader, app.state.faults, app.state.requests = reader, {}, Counter()
    app.state.readings = 0
    for name, service in SERVICES.items():
        app.post(service.path, name=name)(answer_as(name))

    @app.get("/")
    async def describe() -> dict:
        return {"label": LABEL, "requests": app.state.requests, "faults": app.state.faults}

    @app.put("/fault")
    async def set_fault(fault: Fault) -> dict:
        names = SERVICES if fault.service == "all" else [fault.service]
        app.state.faults.update({name: fault.model_copy() for name in names})
        return {"faults": app.state.faults}

    @app.delete("/fault")
    async def end_faults() -> dict:
        app.state.faults.clear()
        return {"faults": {}}

    return app


def answer_as(name: str) -> Callable:
    """Return a route that answers a request as a service would, or fails as it was told to."""
    service = SERVICES[name]

    async def answer(request: Request) -> Response:
        state = request.app.state
        state.requests[name] += 1
        kind, seconds = next_fault(state.faults, name)
        try:
            body = await request.body()
            if kind in service.failures:
                raise Refused(*service.failures[kind])
            if kind == "slow":
                await asyncio.sleep(seconds)
            picture = service.take(request, body)
            size = size_of(picture, service)
            found = await read(state, picture, service)
            empty = kind == "empty" or found.digit is None
            content, status = service.reply([] if empty else [found], size), 200
        except Refused as refused:
            content, status = service.error(refused), refused.status
        except (ValueError, LookupError, TypeError, RecursionError) as mistake:  # in the request
            said = f"no such request: {type(mistake).__name__}"
            content, status = service.error(Refused(400, "BadRequest", said)), 400
        text = json.dumps(content)
        text = text[: len(text) // 2] if kind == "malformed" else text
        headers = {"X-Practice-Server": LABEL} | ({"Retry-After": "1"} if status == 503 else {})
        return Response(text, status, headers, service.content_type)

    return answer


async def read(state: State, picture: bytes, service: Service) -> Prediction:
    """Return what is read in a picture; raise Refused, in the service's words, if many are being read at the moment."""
    if state.readings >= MOST_READINGS:
        raise Refused(*service.failures["429"])
    state.readings += 1
    try:
        return await asyncio.to_thread(state.reader.read, picture)
    finally:
        state.readings -= 1


def next_fault(faults: dict[str, Fault], name: str) -> tuple[str | None, float]:
    """Return the kind of a service's fault and the seconds that it waits, and count it."""
    fault = faults.get(name)
    if fault is None:
        return None, 0
    if fault.times is not None:
        fault.times -= 1
        if fault.times == 0:
            del faults[name]
    return fault.kind, fault.seconds


@contextlib.contextmanager
def practice_cloud(reader: DigitReader | None = None):
    """Run a practice server in a thread of this program, and yield its address."""
    listening = listen(0)
    server = create_server(reader or DigitReader())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()


def listen(port: int) -> socket.socket:
    """Return a socket that only this machine can reach."""
    listening = socket.create_server(("127.0.0.1", port))
    # Without this, each reply waits 40 ms to be sent whole.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def create_server(reader: DigitReader) -> uvicorn.Server:
    """Return a server that ends at once when it is told to, whoever is still connected."""
    options = {"access_log": False, "log_level": "critical", "ws": "none", "lifespan": "off"}
    return uvicorn.Server(
        uvicorn.Config(create_app(reader), timeout_graceful_shutdown=1, **options)
    )


def end_with_stdin() -> None:
    """End this program when its standard input ends, as it does once the program that started it is gone."""

    def wait():
        while sys.stdin.buffer.read(1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serve until Ctrl+C, SIGTERM, or with --until-stdin-ends, the end of standard input."""
    parser = argparse.ArgumentParser("python -m apps.cloud.practice", description=LABEL)
    parser.add_argument(
        "--port", type=int, default=0, help="0, the default, takes any that is free"
    )
    parser.add_argument(
        "--until-stdin-ends", action="store_true", help="end with the program that started this one"
    )
    options = parser.parse_args()
    try:
        listening = listen(options.port)
    except (OSError, OverflowError) as fault:
        sys.exit(f"--port {options.port} cannot be had ({fault}): try another one, or leave it out")
    server = create_server(DigitReader())
    if options.until_stdin_ends:
        end_with_stdin()
    print(f"http://127.0.0.1:{listening.getsockname()[1]} ({LABEL})", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
