"""Inputs and mistakes for the questions on read_digits_in_the_cloud."""

import io
from itertools import chain, repeat

import numpy as np
from PIL import Image, ImageCms

from utils.exercises import Wrong
from utils.exercises.compare import describe
from utils.preprocessing import SIDE


def q1(rng):
    for times, margin in chain([(3, 5), (1, 4), (2, 0), (11, 1)], repeat((0, 0))):
        ink = 255 * rng.uniform(size=(SIDE, SIDE)) * (rng.uniform(size=(SIDE, SIDE)) < 0.3)
        times, margin = (times, margin) if times else rng.integers(2, 20, 2).tolist()
        yield ink.astype("uint8"), times, margin


def q1_observe(function, digit, times, margin):
    answer = function(digit, times, margin)
    return {"pixels": answer, "dtype": str(getattr(answer, "dtype", type(answer).__name__))}


def q2(rng):
    edges = [
        "0",
        "7\n",
        "  3 ",
        "O",
        " O\n",
        "b",
        "B",
        "",
        " \n",
        "70",
        "07",
        "-7",
        "1 2",
        "Ob",
        "?",
        "Z",
    ]
    for text in chain(edges, iter(lambda: rng.choice([*"123456789ISglz"]), None)):
        table = {letter: int(rng.integers(10)) for letter in "ISglz" if rng.uniform() < 0.5}
        yield str(text), table | {"O": 0, "b": 6, "B": 8}  # and Z never


def q3(rng):
    for status in [None, 429, 401, 403, 500, 502, 503, 504, 599, 400, 404, 413, 415, 499]:
        yield status, None
    while True:
        yield 200, str(rng.integers(10))
        yield 200, None
        yield int(rng.choice([402, 405, 409, 410, 422, 431, *range(501, 512)])), None


def make_reply(service: str, *lines: list[tuple[str, float]]) -> dict:
    """Return the reply of "google", "amazon" or "azure" that has read these lines: lists of (word, confidence)."""
    lines = [line for line in lines if line]
    texts = [" ".join(word for word, _ in line) for line in lines]
    if service == "amazon":
        found = []
        for text, line in zip(texts, lines, strict=True):
            parent = {
                "Type": "LINE",
                "DetectedText": text,
                "Confidence": 100 * max(c for _, c in line) + 0.1,
            }
            words = [
                {"Type": "WORD", "DetectedText": word, "Confidence": 100 * c} for word, c in line
            ]
            found += [parent, *words]
        return {"TextDetections": [{"Id": number} | item for number, item in enumerate(found)]}
    if service == "google":
        key, parts = "paragraphs", []
        for line in lines:
            symbols = [[{"text": s, "confidence": c} for s in word] for word, c in line]
            words = [
                {"confidence": c, "symbols": s} for (_, c), s in zip(line, symbols, strict=True)
            ]
            parts.append({"words": words})
    else:
        key, parts = "lines", []
        for text, line in zip(texts, lines, strict=True):
            parts.append(
                {"text": text, "words": [{"text": word, "confidence": c} for word, c in line]}
            )
    blocks = [{key: part} for part in (parts[:2], parts[2:]) if part]
    if service == "azure":
        return {"modelVersion": "2023-10-01", "readResult": {"blocks": blocks}}
    page = {"text": "\n".join(texts) + "\n", "pages": [{"blocks": blocks}]}
    return {"responses": [{"fullTextAnnotation": page} if blocks else {}]}


def q4(rng):
    for sizes in chain([(1,), (), (3,), (1, 1, 2)], repeat(None)):
        sizes = rng.integers(1, 4, rng.integers(1, 5)) if sizes is None else sizes
        for service in ("google", "amazon", "azure"):
            texts = iter(rng.choice([*"0123456789OlSB", "70", "12"], 12, replace=False).tolist())
            sure = iter((rng.choice(np.arange(200, 990), 12, replace=False) / 1000).tolist())
            yield (
                service,
                make_reply(
                    service, *[[(next(texts), next(sure)) for _ in range(n)] for n in sizes]
                ),
            )


def q5(rng):
    for n in chain([302, 22, 42], repeat(102)):  # however percentiles are counted, they're the same
        labels = rng.integers(0, 10, n)
        answers = [int(label + (rng.uniform() < 0.2)) % 10 for label in labels]
        for place in rng.choice(np.arange(4, n), n // 10, replace=False):
            answers[place] = None
        labels[:3], labels[-2:] = answers[:3], 0  # the first are right
        answers[-2:] = [0, None]
        seconds = rng.uniform(0.1, 0.3, n)
        seconds[rng.choice(n, n // 9, replace=False)] *= rng.uniform(5, 9)
        seconds[0] = rng.choice([0.05, 0.4, 25])
        yield answers, labels, seconds


SECRET = "At Anna's desk"


def make_photo(seed: int | None = None) -> tuple[bytes, tuple[int, int, int, int]]:
    """Return a JPEG as a phone writes it, and the box (left, upper, right, lower) in it that holds the digit."""
    rng = np.random.default_rng(seed)
    width, height = (int(n) for n in rng.integers(130, 200, size=2))
    left, upper, wide, high = (
        int(rng.integers(*ends)) for ends in ((15, 50), (15, 50), (40, 50), (52, 62))
    )
    pixels = rng.integers(150, 250, size=(height // 10 + 1, width // 10 + 1, 3), dtype="uint8")
    pixels = np.kron(pixels, np.ones((10, 10, 1), "uint8"))[:height, :width]
    facts = Image.Exif()
    facts[0x010F], facts[0x0110] = "Phone", "Model 11"  # its maker and model
    place = facts.get_ifd(0x8825)  # where it was taken
    place[1], place[2], place[3], place[4] = "N", (48.0, 8.0, 14.0), "E", (11.0, 34.0, 31.0)
    colors = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", exif=facts, comment=SECRET.encode(), icc_profile=colors
    )
    return file.getvalue(), (left, upper, left + wide, upper + high)


def q6(rng):
    while True:
        yield make_photo(int(rng.integers(10**6)))


def q6_observe(function, photo, box):
    answer = function(photo, box)
    if not isinstance(answer, bytes | bytearray | memoryview):
        raise Wrong(
            f"expected the bytes of a PNG file, got {describe(answer)}. `file.getvalue()` gives them."
        )
    if (answer := bytes(answer)) == photo:
        raise Wrong("That's the photo as it came, with all that it knows.")
    try:
        sent = Image.open(io.BytesIO(answer))
        pixels = np.asarray(sent.convert("L"))
    except Exception:
        raise Wrong(
            "These bytes are no picture. `image.save(file, 'PNG')` writes one into a `BytesIO`."
        ) from None
    known = {
        "EXIF": sent.getexif(),
        "a comment": SECRET.encode() in answer,
        "a color profile": "icc_profile" in sent.info,
    }
    return {
        "what else is in the file": [name for name, there in known.items() if there]
        + more_chunks(answer),
        "format": sent.format,
        "size": list(sent.size),
        "pixels": pixels,
    }


def more_chunks(png):
    """Return the kinds of the parts of a PNG file that hold no pixels."""
    usual, kinds, place = ("IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "iCCP"), [], 8
    while place + 8 <= len(png) and png.startswith(b"\x89PNG"):
        kinds.append(png[place + 4 : place + 8].decode("latin-1"))
        place += 12 + int.from_bytes(png[place : place + 4])
    return [kind for kind in kinds if kind not in usual]


def q7(rng):
    yield 6000, 2000, 1.5, 10, 2, 25  # both cost the same for 42,000 images
    yield 2000, 2000, 1.5, 0, 0.5, 20.5
    yield 10, 1000, 0.75, 41, 1, 30
    yield 5000, 0, 1.75, 20, 3, 40
    while True:
        machine, hours, wage = (int(rng.integers(*ends)) for ends in ((5, 60), (1, 5), (20, 60)))
        free, price = int(rng.choice([1000, 2000, 5000])), float(rng.choice([0.75, 1.5, 1.75]))
        yield int(rng.integers(10, 900_000)), free, price, machine, hours, wage
