"""Serve the reader over HTTP: `POST /predict` for programs, and the built front end for people.

Start it with `python -m apps.web`, which also hangs up on clients that never finish their headers, or with
`uvicorn apps.web.server:app`. The environment variable MODEL chooses the network: a name in data/models, or the path of
an .onnx file. No upload is ever written to a disk.

The server validates every upload, but it doesn't limit how often a client asks. If strangers can reach it, put a proxy
in front that limits requests and connections per address (nginx: `limit_req`, `limit_conn`) and adds TLS.
"""

import asyncio
import contextlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
from fastapi import FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from PIL import Image
from pillow_heif import register_heif_opener
from pydantic import BaseModel, Field
from starlette.formparsers import MultiPartParser

from apps.web.guard import LARGEST_BODY, GuardedAPI
from utils.paper import Ink
from utils.photos import FORMATS, UnreadableImage
from utils.prediction import MODELS, DigitReader, UnreadableModel

DIST = Path(__file__).parent / "dist"  # the front end, built by `make web`
MOST_FILES = 100  # in one request
MOST_PIXELS = 16_000_000  # of a picture that is decoded whole, which takes up to 16 bytes a pixel
MOST_IN_HEIC = (
    25_000_000  # a phone's own format has 12 or 24 million, at 10 bytes each (23 with alpha)
)
LARGE = 1_000_000  # pixels, from which on reading takes much longer than for a drawing
MOST_WAITING = 20  # large pictures

register_heif_opener()
MultiPartParser.spool_max_size = LARGEST_BODY + 1  # a larger file would be written to disk


class Reading(BaseModel):
    """Report what was read in one file; without a digit, it has a reason instead."""

    name: str
    digit: int | None = Field(ge=0, le=9)
    confidence: float = Field(ge=0, le=1)
    probabilities: list[float] = Field(min_length=10, max_length=10)
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


def load_reader(model: str) -> DigitReader:
    """Open a model for ONNX Runtime: a name in data/models, or the path of an .onnx file.

    Raises FileNotFoundError and UnreadableModel.
    """
    path = Path(model) if Path(model).suffix else MODELS / f"{model}.onnx"
    if path.suffix != ".onnx":
        raise UnreadableModel(
            f"{path}: the server reads .onnx files only; lesson 13 shows how to export one"
        )
    return DigitReader(path)


@contextlib.asynccontextmanager
async def lifespan(app):
    """Open the model before the first request, and finish what is being read after the last."""
    app.state.reader = load_reader(os.environ.get("MODEL") or "robust")
    # Drawings wait only for drawings, and no two large pictures are in memory at once. One file is one job, so no
    # client waits for all of another client's hundred files.
    with ThreadPoolExecutor(2) as app.state.pool, ThreadPoolExecutor(1) as app.state.pool_for_large:
        app.state.waiting = 0  # large pictures
        shadow = np.tile(np.linspace(100, 200, 100), (100, 1)).astype("uint8")
        app.state.pool.submit(app.state.reader.read, shadow)  # this imports what only photos need
        yield


app = GuardedAPI(
    title="Reading handwritten digits",
    description="Reads the digit in a drawing, a scan or a photo.",
    version="1.0.0",
    lifespan=lifespan,
    docs_url=None,  # its page would load scripts from another host
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
    ink: Annotated[Ink, Form(description="how the ink differs from the paper")] = "auto",
) -> Readings:
    """Read the digit in each of the files: PNG, JPEG, GIF, BMP, TIFF, WebP or HEIC, whatever their names say."""
    state = request.app.state
    return Readings(predictions=[await read_in_turn(state, file, ink) for file in files])


async def read_in_turn(state, file: UploadFile, ink: Ink) -> Reading:
    """Read a file in a thread; large pictures share a single one."""
    loop, content = asyncio.get_running_loop(), await file.read()
    task = read, state.reader, file.filename or "", content, ink
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
    """Return whether a picture takes long to read, judging by its header; a phone's HEIC always does."""
    try:
        width, height = Image.open(io.BytesIO(content), formats=FORMATS).size
    except Exception:  # HEIC, or no picture at all, which is refused soon
        return content[4:8] == b"ftyp"
    return width * height > LARGE


def read(reader: DigitReader, name: str, content: bytes, ink: Ink = "auto") -> Reading:
    """Read one file's content; raise HTTPException with the file's name if it isn't a picture."""
    name = name.encode(errors="replace").decode()  # a client may claim a broken encoding
    try:
        _check_size(content)
        prediction = reader.read(content, ink)
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
    """Raise UnreadableImage for a picture that would fill the memory; a JPEG is only partly decoded."""
    try:
        page = Image.open(io.BytesIO(content), formats=[*FORMATS, "HEIF"])
    except Exception:  # whatever it is, opening it for real will say
        return
    most = MOST_IN_HEIC if page.format == "HEIF" and "A" not in page.mode else MOST_PIXELS
    if page.format not in ("JPEG", "MPO") and page.width * page.height > most:
        size = f"{page.width} x {page.height}"
        raise UnreadableImage(
            f"it has {size} pixels, at most {most:,} are read: make it smaller, or a JPEG"
        )


@app.get("/health")
async def health() -> Health:
    """Report that the server runs."""
    return Health(status="ok")


@app.get("/ready")
async def ready(request: Request) -> Readiness:
    """Report that the model is open; earlier requests get no answer at all."""
    return Readiness(status="ready", model=request.app.state.reader.path.stem)


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
