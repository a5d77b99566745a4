"""Serve the reader over HTTP: `POST /predict` for programs, and the built front end for people.

Start it with `python -m apps.web`, which also hangs up on clients that never finish their headers, or with
`uvicorn apps.web.server:app`. The environment variable MODEL chooses the network: a name in data/models, or the path of
an .onnx file. No upload is ever written to a disk.

The server validates every upload, but it doesn't limit how often a client asks. If strangers can reach it, put a proxy
in front that limits requests and connections per address (nginx: `limit_req`, `limit_conn`) and adds TLS.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Literal, get_args

from fastapi import FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.formparsers import MultiPartParser

from apps.web.guard import LARGEST_BODY, GuardedAPI
from apps.web.line import Busy, Line

DIST = Path(__file__).parent / "dist"  # the front end, built by `make web`
MOST_FILES = 100  # in one request
LARGE = 1_000_000  # bytes, or pixels times scans, from which on a picture is no drawing
Ink = Literal["auto", "dark", "light"]

MultiPartParser.spool_max_size = LARGEST_BODY + 1  # a larger file would be written to disk


class Reading(BaseModel):
    """Report what was read in one file; without a digit, it has a reason instead."""

    name: str
    digit: int | None = Field(ge=0, le=9)
    confidence: float = Field(ge=0, le=1)
    probabilities: list[float] = Field(min_length=10, max_length=10)
    no_digit: float = Field(ge=0, le=1, description="the probability that it shows no digit")
    reason: str
    image28: list[list[int]] | None = Field(
        description="what the network saw: 28 rows of 28 levels, from 0 to 255"
    )


class Readings(BaseModel):
    """List one reading for each file, in their order."""

    predictions: list[Reading]


class Problem(BaseModel):
    """Explain what was wrong with a request."""

    detail: str


class Health(BaseModel):
    """Report that the server runs."""

    status: str


class Readiness(BaseModel):
    """Report that digits can be read, and which model reads them."""

    status: str
    model: str


@contextlib.asynccontextmanager
async def lifespan(app):
    """Open the model before the first request, and end the processes that read after the last."""
    model = os.environ.get("MODEL") or "robust"
    # Drawings wait only for drawings. One file is one job, so no client waits for all of another client's hundred.
    with Line(model, 2) as drawings, Line(model, 1, at_hand=0, max_tasks=20) as large:
        await asyncio.gather(drawings.open(), large.open())
        yield {"drawings": drawings, "large": large, "model": Path(model).stem}


app = GuardedAPI(
    title="Reading handwritten digits",
    description="Reads the digit in a drawing, a scan or a photo.",
    version="1.0.0",
    lifespan=lifespan,
    docs_url=None,  # its page would load scripts from another host
    redoc_url=None,
    redirect_slashes=False,  # a redirect would repeat whatever host the client has named
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
    response_model=Readings,
    responses={code: {"model": Problem, "description": text} for code, text in PROBLEMS.items()},
)
async def predict(
    request: Request,
    files: Annotated[
        list[UploadFile],
        File(min_length=1, max_length=MOST_FILES, description="pictures of one digit each"),
    ],
    ink: Annotated[Ink, Form(description="how the ink differs from the paper")] = "auto",
) -> Response:
    """Read the digit in each of the files: PNG, JPEG, GIF, BMP, TIFF, WebP or HEIC, whatever their names say."""
    readings = await while_connected(request, read_all(request.state, files, ink))
    return Response(readings.model_dump_json(), media_type="application/json")


async def while_connected(request: Request, work: Coroutine) -> Readings:
    """Do some work for as long as the client waits for it."""
    task = asyncio.create_task(work)

    async def watch():
        while (await request.receive())["type"] != "http.disconnect":
            pass
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        return await task
    except asyncio.CancelledError:  # nobody hears this
        raise HTTPException(408, "the client hung up") from None
    finally:
        task.cancel()
        watcher.cancel()


async def read_all(state, files: list[UploadFile], ink: Ink) -> Readings:
    """Read one file after the other; raise HTTPException with the name of one that isn't a picture."""
    try:
        return Readings(predictions=[await read(state, file, ink) for file in files])
    except Busy:
        raise HTTPException(
            503, "too many pictures at once: try again in a few seconds", {"Retry-After": "2"}
        ) from None


async def read(state, file: UploadFile, ink: Ink) -> Reading:
    """Read one file, where it waits least: a large picture waits for others of its kind, and holds up no drawing."""
    # A client may claim a broken encoding.
    name = (file.filename or "").encode(errors="replace").decode()
    content, found = await file.read(), None
    if len(content) < LARGE:
        found = await state.drawings.read(content, ink, LARGE)
    if found is None:
        found = await state.large.read(content, ink)
    if isinstance(found, str):
        raise HTTPException(422, f"{name}: {found}")
    return Reading(name=name, **found)


@app.get("/health")
async def health() -> Health:
    """Report that the server runs."""
    return Health(status="ok")


@app.get("/ready")
async def ready(request: Request) -> Readiness:
    """Report that the model is open; earlier requests get no answer at all."""
    return Readiness(status="ready", model=request.state.model)


@app.exception_handler(RequestValidationError)
async def wrong_form(request: Request, error: RequestValidationError) -> JSONResponse:
    """Explain in one sentence what is wrong with the form."""
    detail = f"expected one to {MOST_FILES} files in the form field `files`; send them as multipart/form-data"
    if all("ink" in problem["loc"] for problem in error.errors()):
        detail = f"expected {' or '.join(get_args(Ink))} in the form field `ink`"
    return JSONResponse({"detail": detail}, 422)


@app.exception_handler(Exception)
async def fault(request: Request, error: Exception) -> JSONResponse:
    """Keep what went wrong in the log, and out of the response."""
    return JSONResponse({"detail": "the server made a mistake: its log says which"}, 500)


def show_front_end(app: FastAPI, folder: Path) -> None:
    """Serve the built front end, or if there is none, a page that says how to build it."""
    if (folder / "index.html").is_file():
        return app.frontend("/", directory=folder, fallback=None)

    @app.get("/", include_in_schema=False)
    async def not_built() -> HTMLResponse:
        return HTMLResponse(NOT_BUILT, 503)


NOT_BUILT = """<!doctype html><html lang="en"><title>Not built yet</title>
<h1>The page is not built yet</h1>
<p>Run <code>make web</code>, which builds it and starts this server again. Programs can use <code>POST /predict</code>
already: <a href="openapi.json">openapi.json</a> describes it.</p></html>
"""

show_front_end(app, DIST)
