"""Read pictures, in a process of their own, with limits on its time and memory."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif

from apps.untrusted import check_picture
from utils.photos import LARGEST, WORKING, UnreadableImage, open_image
from utils.prediction import MODELS, DigitReader, UnreadableModel

# A picture that's decoded whole takes up to 8 bytes a pixel. A phone's HEIC has 12 or 24 million pixels.
MOST_PIXELS = 16_000_000
MOST_IN_HEIC = 25_000_000
MOST_IN_WEBP = 13_000_000  # it's held several times while it's decoded
MOST_DECODED = 200_000_000  # pixels times scans: a progressive JPEG has about 10
ALPHA = rb"auxid:1|auxiliary:alpha"  # what HEIC calls it
MOST_SECONDS = 1.5  # of the processor
MOST_MEMORY = 240_000_000  # bytes beyond those of a process that has read a photo

reader = fault = None


def open_model(model: str) -> DigitReader:
    """Open a model for ONNX Runtime: a name in data/models, or the path of an .onnx file.

    Raises FileNotFoundError and UnreadableModel.
    """
    path = Path(model) if Path(model).suffix else MODELS / f"{model}.onnx"
    if path.suffix != ".onnx":
        raise UnreadableModel(
            f"{path}: the server reads .onnx files only; lesson 13 shows how to export one"
        )
    return DigitReader(path)


def start(model: str) -> None:
    """Open the model, read a photo to import what only photos need, and limit the memory from then on.

    If the model can't be used, `fault` says why.
    """
    global reader, fault
    pillow_heif.register_heif_opener()
    pillow_heif.options.DECODE_THREADS = 1  # each thread would need memory of its own
    try:
        reader = open_model(model)
    except (FileNotFoundError, UnreadableModel) as error:
        fault = str(error)
        return
    reader.read(np.tile(np.linspace(100, 200, 100), (100, 1)).astype("uint8"))
    with contextlib.suppress(ImportError, OSError):  # systems other than Linux
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + MOST_MEMORY, used + MOST_MEMORY))


def read(content: bytes, ink: str, most: float) -> dict | str | None:
    """Return what is read in a picture, or why it can't be, or None if it has more than `most` pixels times scans."""
    try:
        with _limited_time():
            size = check_picture(content)
            if size.width * size.height * size.scans > most:
                return None
            _check_pixels(content, size)
            seen = reader.read(_open(content), ink)
    except UnreadableImage as error:
        return str(error)
    except MemoryError:
        os._exit(1)  # another process takes its place, with all its memory
    return {
        "digit": seen.digit,
        "confidence": seen.confidence,
        "probabilities": seen.probabilities.tolist(),
        "no_digit": seen.no_digit,
        "reason": seen.reason,
        "image28": None if seen.image is None else seen.image.tolist(),
    }


def _open(content):
    """Open a picture, and shrink a large one right away: the later steps take 16 bytes for each of its pixels."""
    page = open_image(content)
    factor = max(page.size) // (2 * WORKING)
    return page.reduce(factor) if factor > 1 and page.mode in ("L", "RGB", "RGBA") else page


def _check_pixels(content, size):
    """Raise UnreadableImage for a picture that would fill the memory; a JPEG of few scans is only partly decoded."""
    most = MOST_PIXELS
    if content[4:8] == b"ftyp" and not re.search(ALPHA, content[:100_000]):
        most = MOST_IN_HEIC
    if content[:4] == b"RIFF":
        most = MOST_IN_WEBP
    if content[:2] == b"\xff\xd8":
        most = LARGEST if size.scans <= 3 else min(most, MOST_DECODED // size.scans)
    if size.width * size.height > most:
        size = f"{size.width} x {size.height}"
        raise UnreadableImage(
            f"it has {size} pixels, at most {most:,} are read: make it smaller, or a JPEG"
        )


@contextlib.contextmanager
def _limited_time() -> Iterator[None]:
    """End this process if what is done here takes too long, however busy the machine is."""
    timer = getattr(signal, "ITIMER_PROF", None)  # Windows has none
    if timer is None:
        yield
        return
    signal.setitimer(timer, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
