"""Serve the reader over HTTP: `POST /predict` for programs, and the built front end for people.

Start it with `python -m apps.web`, which also hangs up on clients that never finish their headers, or with
`uvicorn apps.web.server:app`. The environment variable MODEL chooses the network: a name in data/models, or the path of
an .onnx file. Nothing that comes in is ever written to a disk.

It knows no visitors, so it cannot tell one who asks too often from many who ask once: where strangers reach it, put a
proxy before it that limits requests and connections per address (nginx: `limit_req`, `limit_conn`) and brings TLS.
"""

import asyncio
import contextlib
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, File, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from PIL import Image
from pillow_heif import register_heif_opener
from pydantic import BaseModel, Field
from starlette.formparsers import MultiPartParser

from utils.photos import FORMATS, UnreadableImage
from utils.prediction import MODELS, DigitReader, UnreadableModel

DIST = Path(__file__).parent / "dist"  # the front end, built by `make web`
MEGABYTE = 1_000_000
LARGEST_BODY = 10 * MEGABYTE  # a phone's photo has 2 to 8
MOST_FILES = 100  # in one request
MOST_PIXELS = (
    16_000_000  # of a picture that has to be decoded whole, which takes up to 16 bytes each
)
MOST_IN_HEIC = 25_000_000  # a phone's own format has 12 or 24 million, and takes 10 bytes each (with alpha, 23)
LARGE = 1_000_000  # pixels, from which reading takes much longer than a drawing does
MOST_WAITING = 20  # large pictures
STALL = 10  # seconds until the next piece of a body must arrive
WHOLE = 120  # seconds until all of it must: a photo takes that long over a poor line
LINGER = 5  # seconds in which the rest of a refused body is taken in, and thrown away
MOST_HELD = (
    200 * MEGABYTE
)  # of all unfinished bodies together, beyond which only small ones are taken
SMALL = MEGABYTE // 4

# Everything comes from this server, and nothing may frame it. `blob:` and `data:` are pictures that a visitor chose.
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
    (
        b"cache-control",
        b"no-cache",
    ),  # the page asks whether there is a newer one; no answer is kept
]

register_heif_opener()
MultiPartParser.spool_max_size = LARGEST_BODY + 1  # a larger file would go to the disk


class Reading(BaseModel):
    """Say what was read in one file; without a digit there is a reason instead."""

    name: str
    digit: int | None = Field(ge=0, le=9)
    confidence: float = Field(ge=0, le=1)
    probabilities: list[float] = Field(min_length=10, max_length=10)
    reason: str
    image28: list[list[int]] | None = Field(
        description="what the network saw: 28 rows of 28 levels, from 0 to 255"
    )


class Readings(BaseModel):
    """Hold one reading for each file, in their order."""

    predictions: list[Reading]


class Problem(BaseModel):
    """Say what was wrong with a request."""

    detail: str


class Health(BaseModel):
    """Say that the server runs."""

    status: str


class Readiness(BaseModel):
    """Say that digits can be read, and by which model."""

    status: str
    model: str


class Body:
    """Take in a request's body as it arrives, unless it is too large, stalls, dawdles, or too much is held already.

    FastAPI's own `max_body_size` refuses a large body in plain text, which is not what the API promises.
    """

    held = 0  # bytes of all bodies in memory

    def __init__(self, receive):
        self.receive, self.size, self.complete, self.end = (
            receive,
            0,
            False,
            time.monotonic() + WHOLE,
        )

    async def __call__(self):
        """Return the next message, as ASGI's `receive` does."""
        if self.complete:
            return await self.receive()  # which tells when the client leaves
        try:
            async with asyncio.timeout(min(STALL, self.end - time.monotonic())):
                message = await self._next()
        except TimeoutError:
            self.complete = True  # nobody waits for the rest
            raise HTTPException(
                408, "the upload stalled: send it again", {"Connection": "close"}
            ) from None
        self.size += len(message.get("body", b""))
        Body.held += len(message.get("body", b""))
        if self.size > LARGEST_BODY:
            raise HTTPException(
                413,
                f"more than {LARGEST_BODY // MEGABYTE} MB: send a smaller picture, or fewer at a time",
            )
        if Body.held > MOST_HELD and self.size > SMALL:
            raise HTTPException(
                503, "too many uploads at once: try again in a minute", {"Retry-After": "60"}
            )
        return message

    async def drain(self):
        """Read on for a while: a client that is cut off while it still sends would not hear the answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                thrown_away = 0
                while not self.complete and thrown_away < 3 * LARGEST_BODY:
                    thrown_away += len((await self._next()).get("body", b""))

    async def _next(self):
        message = await self.receive()
        self.complete = not message.get("more_body", False)
        return message


class GuardedAPI(FastAPI):
    """Add to FastAPI what concerns every request: limits on its body, and the headers of its response."""

    async def __call__(self, scope, receive, send):
        """Answer one request, as ASGI defines it."""
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        body = Body(receive)

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
                if not body.complete:
                    await body.drain()
                if not body.complete:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            return await super().__call__(scope, body, send_guarded)
        finally:
            Body.held -= body.size


def load_reader(model: str) -> DigitReader:
    """Open a model for ONNX Runtime: a name in data/models, or the path of an .onnx file.

    Raises FileNotFoundError and UnreadableModel.
    """
    path = Path(model) if Path(model).suffix else MODELS / f"{model}.onnx"
    if path.suffix != ".onnx":
        raise UnreadableModel(
            f"{path}: the server reads .onnx files only; lesson 10 shows how to export one"
        )
    return DigitReader(path)


@contextlib.asynccontextmanager
async def lifespan(app):
    """Open the model before the first request, and finish what is being read after the last."""
    app.state.reader = load_reader(os.environ.get("MODEL") or "robust")
    # Drawings wait for drawings only, and of large pictures no two are in memory. One file is one job, so that nobody
    # waits until all the hundred files of somebody else are read.
    with ThreadPoolExecutor(2) as app.state.pool, ThreadPoolExecutor(1) as app.state.pool_for_large:
        app.state.waiting = 0  # large pictures
        shadow = np.tile(np.linspace(100, 200, 100), (100, 1)).astype("uint8")
        app.state.pool.submit(app.state.reader.read, shadow)  # which imports what only photos need
        yield


app = GuardedAPI(
    title="Reading handwritten digits",
    description="Reads the digit in a drawing, a scan or a photo.",
    version="1.0.0",
    lifespan=lifespan,
    docs_url=None,  # its page would come from another host
    redoc_url=None,
    form_limits={"max_files": MOST_FILES, "max_fields": 10, "max_part_size": 1000},
)


PROBLEMS = {
    400: "The body is no form.",
    408: "The body stalled.",
    413: "The body is larger than 10 MB.",
    422: "There is no file, or one of them, which `detail` names, cannot be read as a picture.",
    503: "There are too many uploads, or large pictures, at once.",
}


@app.post(
    "/predict",
    responses={code: {"model": Problem, "description": text} for code, text in PROBLEMS.items()},
)
async def predict(
    request: Request,
    files: Annotated[
        list[UploadFile],
        File(min_length=1, max_length=MOST_FILES, description="pictures of one digit each"),
    ],
) -> Readings:
    """Read the digit in each of the files: PNG, JPEG, GIF, BMP, TIFF, WebP or HEIC, whatever their names say."""
    return Readings(predictions=[await read_in_turn(request.app.state, file) for file in files])


async def read_in_turn(state, file: UploadFile) -> Reading:
    """Have a file read by a thread; a large picture by the only one for these."""
    loop, task = (
        asyncio.get_running_loop(),
        (read, state.reader, file.filename or "", content := await file.read()),
    )
    if not is_large(content):
        return await loop.run_in_executor(state.pool, *task)
    if state.waiting >= MOST_WAITING:
        raise HTTPException(
            503, "too many large pictures at once: try again in a few seconds", {"Retry-After": "5"}
        )
    state.waiting += 1
    try:
        return await loop.run_in_executor(state.pool_for_large, *task)
    finally:
        state.waiting -= 1


def is_large(content: bytes) -> bool:
    """Tell from the head of a picture whether it takes long to read; a phone's HEIC always does."""
    try:
        width, height = Image.open(io.BytesIO(content), formats=FORMATS).size
    except Exception:  # HEIC, or no picture at all, which is soon refused
        return content[4:8] == b"ftyp"
    return width * height > LARGE


def read(reader: DigitReader, name: str, content: bytes) -> Reading:
    """Read one file's content. Raises HTTPException with the file's name where it is no picture."""
    name = name.encode(
        errors="replace"
    ).decode()  # a client may say that it writes in a broken encoding
    try:
        _check_size(content)
        prediction = reader.read(content)
    except UnreadableImage as error:
        raise HTTPException(422, f"{name}: {error}") from None
    return Reading(
        name=name,
        digit=prediction.digit,
        confidence=prediction.confidence,
        probabilities=prediction.probabilities.tolist(),
        reason=prediction.reason,
        image28=None if prediction.image is None else prediction.image.tolist(),
    )


def _check_size(content):
    """Raise UnreadableImage for a picture that would fill the memory; of a JPEG only a part is decoded."""
    try:
        page = Image.open(io.BytesIO(content), formats=[*FORMATS, "HEIF"])
    except Exception:  # whatever it is, opening it in earnest will tell
        return
    most = MOST_IN_HEIC if page.format == "HEIF" and "A" not in page.mode else MOST_PIXELS
    if page.format not in ("JPEG", "MPO") and page.width * page.height > most:
        size = f"{page.width} x {page.height}"
        raise UnreadableImage(
            f"it has {size} pixels, at most {most:,} are read: make it smaller, or a JPEG"
        )


@app.get("/health")
async def health() -> Health:
    """Say that the server runs."""
    return Health(status="ok")


@app.get("/ready")
async def ready(request: Request) -> Readiness:
    """Say that the model is open; requests before that are not answered at all."""
    return Readiness(status="ready", model=request.app.state.reader.path.stem)


@app.exception_handler(RequestValidationError)
async def no_files(request: Request, error: RequestValidationError) -> JSONResponse:
    """Say in one sentence what the form lacks."""
    detail = f"expected one to {MOST_FILES} files in the form field `files`; send them as multipart/form-data"
    return JSONResponse({"detail": detail}, 422)


@app.exception_handler(Exception)
async def fault(request: Request, error: Exception) -> JSONResponse:
    """Keep what went wrong in the log, and out of the response."""
    return JSONResponse({"detail": "the server made a mistake: its log says which"}, 500)


def show_front_end(app: FastAPI, folder: Path) -> None:
    """Serve the built front end, or where there is none, a page that says how to build it."""
    if (folder / "index.html").is_file():
        return app.frontend("/", directory=folder, fallback=None)

    @app.get("/", include_in_schema=False)
    async def not_built() -> HTMLResponse:
        return HTMLResponse(NOT_BUILT, 503)


NOT_BUILT = """<!doctype html><html lang="en"><title>Not built yet</title>
<h1>The page is not built yet</h1>
<p>Run <code>make web</code>, which builds it and starts this server anew. Programs can use <code>POST /predict</code>
already: <a href="openapi.json">openapi.json</a> describes it.</p></html>
"""

show_front_end(app, DIST)
