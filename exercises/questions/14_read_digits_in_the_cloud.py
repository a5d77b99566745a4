"""Inputs and mistakes for the questions on read_digits_in_the_cloud."""

import io
from itertools import chain, islice, repeat

import numpy as np
from PIL import Image, ImageCms

from utils.exercises import Wrong
from utils.exercises.compare import describe
from utils.preprocessing import SIDE


def q1(rng):
    for times, margin in [(3, 5), (1, 4), (2, 0), (11, 1), *rng.integers(2, 20, (300, 2)).tolist()]:
        ink = 255 * rng.uniform(size=(SIDE, SIDE)) * (rng.uniform(size=(SIDE, SIDE)) < 0.3)
        yield ink.astype("uint8"), times, margin


def q1_observe(function, digit, times, margin):
    answer = function(digit, times, margin)
    return {"pixels": answer, "dtype": str(getattr(answer, "dtype", type(answer).__name__))}


def q2(rng):
    edges = [*"0ObB?Z", "", " \n", "7\n", "  3 ", " O\n", "70", "07", "-7", "1 2", "Ob"]
    for text in [*edges, *rng.choice([*"123456789ISglz"], 300).tolist()]:
        table = {letter: int(rng.integers(10)) for letter in "ISglz" if rng.uniform() < 0.5}
        yield text, table | {"O": 0, "b": 6, "B": 8}  # and Z never


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
            found.append(("LINE", text, 100 * max(c for _, c in line) + 0.1))
            found += [("WORD", word, 100 * c) for word, c in line]
        keys = "Id", "Type", "DetectedText", "Confidence"
        items = [dict(zip(keys, (n, *one), strict=True)) for n, one in enumerate(found)]
        return {"TextDetections": items}
    if service == "google":
        parts = [{"words": [_spelled(word, c) for word, c in line]} for line in lines]
    else:
        words = [[{"text": word, "confidence": c} for word, c in line] for line in lines]
        parts = [{"text": t, "words": found} for t, found in zip(texts, words, strict=True)]
    key = "paragraphs" if service == "google" else "lines"
    blocks = [{key: part} for part in (parts[:2], parts[2:]) if part]
    if service == "azure":
        return {"modelVersion": "2023-10-01", "readResult": {"blocks": blocks}}
    page = {"text": "\n".join(texts) + "\n", "pages": [{"blocks": blocks}]}
    return {"responses": [{"fullTextAnnotation": page} if blocks else {}]}


def _spelled(word, c):
    return {"confidence": c, "symbols": [{"text": symbol, "confidence": c} for symbol in word]}


def q4(rng):
    more = iter(lambda: rng.integers(1, 4, rng.integers(1, 5)).tolist(), None)
    for sizes in chain([(1,), (), (3,), (1, 1, 2)], more):
        for service in ("google", "amazon", "azure"):
            texts = rng.choice([*"0123456789OlSB", "70", "12"], 12, replace=False).tolist()
            sure = (rng.choice(np.arange(200, 990), 12, replace=False) / 1000).tolist()
            words = zip(texts, sure, strict=True)
            yield service, make_reply(service, *[list(islice(words, n)) for n in sizes])


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
    (width, height), (left, upper) = rng.integers((130, 15), (200, 50), (2, 2)).T.tolist()
    box = left, upper, left + int(rng.integers(40, 50)), upper + int(rng.integers(52, 62))
    pixels = rng.integers(150, 250, size=(20, 20, 3), dtype="uint8")
    facts = Image.Exif()
    facts[0x010F], facts[0x0110] = "Phone", "Model 11"  # its maker and model
    place = facts.get_ifd(0x8825)  # where it was taken
    place |= {1: "N", 2: (48.0, 8.0, 14.0), 3: "E", 4: (11.0, 34.0, 31.0)}
    colors = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file, picture = io.BytesIO(), Image.fromarray(pixels).resize((width, height), Image.NEAREST)
    picture.save(file, "JPEG", exif=facts, comment=SECRET.encode(), icc_profile=colors)
    return file.getvalue(), box


def q6(rng):
    return make_photo(int(rng.integers(10**6)))


def q6_observe(function, photo, box):
    answer = function(photo, box)
    if not isinstance(answer, bytes | bytearray | memoryview):
        wanted = "the bytes of a PNG file, as `file.getvalue()` gives them"
        raise Wrong(f"expected {wanted}, got {describe(answer)}.")
    sent = Image.open(io.BytesIO(answer))
    pixels = np.asarray(sent.convert("L"))  # this reads the file to its end
    comment = ["a comment"] if SECRET.encode() in bytes(answer) else []
    return {
        "what else is in the file": sorted({*sent.info} - {"transparency"}) + comment,
        "format": sent.format,
        "size": sent.size,
        "pixels": pixels,
    }


def q7(rng):
    yield 6000, 2000, 1.5, 10, 2, 25  # both cost the same for 42,000 images
    yield 2000, 2000, 1.5, 0, 0.5, 20.5
    yield 10, 1000, 0.75, 41, 1, 30
    yield 5000, 0, 1.75, 20, 3, 40
    while True:
        machine, hours, wage = rng.integers((5, 1, 20), (60, 5, 60)).tolist()
        free, price = int(rng.choice([1000, 2000, 5000])), float(rng.choice([0.75, 1.5, 1.75]))
        yield int(rng.integers(10, 900_000)), free, price, machine, hours, wage
