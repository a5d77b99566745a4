"""Practise asking cloud services without an account: a server on this machine that speaks as three of them do.

It takes what the SDKs of Google Vision, AWS Rekognition and Azure Vision send, and replies in their words; but what
reads the digits is the course's own CNN. Nothing that it answers tells how good a service is.

Start it with `python -m apps.cloud.practice`; its first line says where it listens. `PUT /fault` makes it fail as
services do, `{"service": "google", "kind": "429", "times": 2}`, with a kind out of FAULTS, and a service out of
"google", "amazon", "azure" and "all"; `DELETE /fault` ends that. `GET /` counts the requests to each service.
"""

import argparse
import asyncio
import base64
import binascii
import contextlib
import hmac
import io
import json
import os
import re
import signal
import socket
import sys
import threading
from collections import Counter
from typing import Literal

import uvicorn
from fastapi import FastAPI, Request, Response
from PIL import Image
from pydantic import BaseModel, Field

from utils.prediction import DigitReader, Prediction

LABEL = "practice server: the course's own CNN answers"
KEY = "practice"  # of all three services, and no secret
FAULTS = ("slow", "429", "403", "500", "malformed", "empty")
LARGEST_BODY = 10_000_000  # bytes
SMALLEST = {"google": 1, "amazon": 80, "azure": 50}  # pixels on a side

Service = Literal["google", "amazon", "azure"]


class Fault(BaseModel):
    """Say how a service, or all of them, shall fail: for ever, or so many times; slow ones wait that many seconds."""

    service: Service | Literal["all"] = "all"
    kind: Literal[FAULTS]
    times: int | None = Field(None, ge=1)
    seconds: float = Field(30, gt=0, le=600)


class Refused(Exception):
    """Carry a status, the service's code for what went wrong, and a sentence."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def create_app(reader: DigitReader) -> FastAPI:
    """Return the server's three services, in front of a reader, and what controls them."""
    app = FastAPI(title="Practice cloud", description=LABEL, docs_url=None, redoc_url=None)
    app.state.reader, app.state.faults, app.state.requests = reader, {}, Counter()

    @app.post("/v1/images:annotate")
    async def google(request: Request) -> Response:
        return await answer(request, "google", read_googles, google_reply, google_error)

    @app.post("/")
    async def amazon(request: Request) -> Response:
        return await answer(request, "amazon", read_amazons, amazon_reply, amazon_error)

    @app.post("/computervision/imageanalysis:analyze")
    async def azure(request: Request) -> Response:
        return await answer(request, "azure", read_azures, azure_reply, azure_error)

    @app.get("/")
    async def say_what_this_is() -> dict:
        return {"label": LABEL, "requests": app.state.requests, "faults": app.state.faults}

    @app.put("/fault")
    async def set_fault(fault: Fault) -> dict:
        names = SMALLEST if fault.service == "all" else [fault.service]
        app.state.faults.update({name: fault.model_copy() for name in names})
        return {"faults": app.state.faults}

    @app.delete("/fault")
    async def end_faults() -> dict:
        app.state.faults.clear()
        return {"faults": {}}

    return app


async def answer(request: Request, service: Service, read, to_reply, to_error) -> Response:
    """Answer one request as a service would, or fail as it was told to."""
    state = request.app.state
    state.requests[service] += 1
    kind, seconds = next_fault(state.faults, service)
    try:
        body = await take_body(request)
        fail(service, kind)
        if kind == "slow":
            await asyncio.sleep(seconds)
        picture = check_picture(read(request, body), service)
        found = await asyncio.to_thread(state.reader.read, picture)
        empty = kind == "empty" or found.digit is None
        content, status = to_reply([] if empty else [found], picture), 200
    except Refused as refused:
        content, status = to_error(refused), refused.status
    except (ValueError, KeyError, TypeError, IndexError) as mistake:  # of whoever wrote the request
        content, status = (
            to_error(Refused(400, "BadRequest", f"no such request: {type(mistake).__name__}")),
            400,
        )
    text = json.dumps(content)
    headers = {"X-Practice-Server": LABEL}
    return Response(
        text[: len(text) // 2] if kind == "malformed" else text,
        status,
        headers,
        kind_of_json(service),
    )


def next_fault(faults: dict[str, Fault], service: Service) -> tuple[str | None, float]:
    """Return the kind of a service's fault, and how many seconds it waits, and count it."""
    fault = faults.get(service)
    if fault is None:
        return None, 0
    if fault.times is not None:
        fault.times -= 1
        if fault.times == 0:
            del faults[service]
    return fault.kind, fault.seconds


async def take_body(request: Request) -> bytes:
    """Return the body of a request, of at most ten million bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise Refused(413, "RequestTooLarge", f"more than {LARGEST_BODY:,} bytes")
        parts.append(part)
    return b"".join(parts)


def fail(service: Service, kind: str | None) -> None:
    """Raise what the service says for a quota that is used up, refused credentials, and a mistake of its own."""
    said = {
        ("google", "429"): (
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Requests' (practice).",
        ),
        ("google", "403"): (
            403,
            "PERMISSION_DENIED",
            "Cloud Vision API is disabled in this project (practice).",
        ),
        ("google", "500"): (500, "INTERNAL", "Internal error encountered (practice)."),
        ("amazon", "429"): (
            400,
            "ProvisionedThroughputExceededException",
            "Provisioned rate exceeded (practice).",
        ),
        ("amazon", "403"): (
            400,
            "AccessDeniedException",
            "Not authorized for rekognition:DetectText (practice).",
        ),
        ("amazon", "500"): (500, "InternalServerError", "Internal server error (practice)."),
        ("azure", "429"): (
            429,
            "429",
            "Requests have exceeded the rate limit of the current tier (practice).",
        ),
        ("azure", "403"): (
            403,
            "403",
            "Access is denied by the network rules of the resource (practice).",
        ),
        ("azure", "500"): (500, "InternalServerError", "Internal server error (practice)."),
    }.get((service, kind))
    if said:
        raise Refused(*said)


def check_picture(content: bytes, service: Service) -> bytes:
    """Raise Refused unless a picture is one, and as large as the service wants it."""
    try:
        size = Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]).size
    except Exception:
        codes = {
            "google": "INVALID_ARGUMENT",
            "amazon": "InvalidImageFormatException",
            "azure": "InvalidImageFormat",
        }
        raise Refused(400, codes[service], "Bad image data.") from None
    if not SMALLEST[service] <= min(size) <= max(size) <= 10_000:
        code = "InvalidParameterException" if service == "amazon" else "InvalidImageSize"
        least = f"at least {SMALLEST[service]} are needed"
        raise Refused(
            400, code, f"The image has {size[0]} x {size[1]} pixels, {least} on each side."
        )
    return content


def box(picture: bytes) -> tuple[int, int]:
    """Return a picture's width and height: as the place of what was read, all of it is given."""
    return Image.open(io.BytesIO(picture)).size


def kind_of_json(service: Service) -> str:
    """Return the content type of a service's replies."""
    return "application/x-amz-json-1.1" if service == "amazon" else "application/json"


# Google Vision: https://cloud.google.com/vision/docs/reference/rest/v1/images/annotate


def read_googles(request: Request, body: bytes) -> bytes:
    """Return the picture in a request to Google."""
    [asked] = json.loads(body)["requests"]
    wanted = {feature["type"] for feature in asked["features"]}
    if not wanted & {1, 5, 11, "TEXT_DETECTION", "DOCUMENT_TEXT_DETECTION"}:
        raise Refused(
            400, "INVALID_ARGUMENT", f"This practice server detects text only, not {wanted}."
        )
    return from_base64(asked["image"]["content"])


def google_reply(found: list[Prediction], picture: bytes) -> dict:
    """Return what Google says of the digits found, one or none."""
    if not found:
        return {"responses": [{}]}
    [digit] = found
    text, place = str(digit.digit), google_place(picture)
    symbol = {"text": text, "confidence": digit.confidence, "boundingBox": place}
    word = {"symbols": [symbol], "confidence": digit.confidence, "boundingBox": place}
    paragraph = {"words": [word], "confidence": digit.confidence, "boundingBox": place}
    block = {
        "paragraphs": [paragraph],
        "blockType": "TEXT",
        "confidence": digit.confidence,
        "boundingBox": place,
    }
    width, height = box(picture)
    page = {"blocks": [block], "width": width, "height": height, "confidence": digit.confidence}
    seen = {"description": text, "boundingPoly": place}
    full = {"text": text, "pages": [page]}
    return {
        "responses": [
            {"textAnnotations": [{"locale": "und", **seen}, seen], "fullTextAnnotation": full}
        ]
    }


def google_place(picture: bytes) -> dict:
    """Return the four corners of a picture as Google names a place."""
    width, height = box(picture)
    return {"vertices": [{}, {"x": width}, {"x": width, "y": height}, {"y": height}]}


def google_error(refused: Refused) -> dict:
    """Return how Google refuses a request."""
    return {"error": {"code": refused.status, "message": refused.message, "status": refused.code}}


# AWS Rekognition: https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectText.html


def read_amazons(request: Request, body: bytes) -> bytes:
    """Return the picture in a request to Amazon, once its signature is found right."""
    check_signature(request, body)
    target = request.headers.get("X-Amz-Target")
    if target != "RekognitionService.DetectText":
        raise Refused(
            400,
            "UnknownOperationException",
            f"This practice server detects text only, not {target}.",
        )
    return from_base64(json.loads(body)["Image"]["Bytes"])


def check_signature(request: Request, body: bytes) -> None:
    """Sign a request again with the practice key, and raise Refused where that gives another signature."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    scope, rest = (
        r"([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request",
        r"SignedHeaders=(\S+), Signature=(\w+)",
    )
    parts = re.fullmatch(
        f"AWS4-HMAC-SHA256 Credential={scope}, {rest}", request.headers.get("Authorization", "")
    )
    if not parts:
        raise Refused(400, "MissingAuthenticationTokenException", "The request is not signed.")
    key, region, service, signed, signature = parts.groups()
    if key != KEY or service != "rekognition":
        raise Refused(
            400,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    headers = {name: request.headers.get(name, "") for name in signed.split(";")}
    again = AWSRequest(request.method, str(request.url), headers=headers, data=body)
    again.context["timestamp"] = headers.get("x-amz-date", "")
    signer = SigV4Auth(Credentials(KEY, KEY), service, region)
    expected = signer.signature(
        signer.string_to_sign(again, signer.canonical_request(again)), again
    )
    if not hmac.compare_digest(expected, signature):
        raise Refused(
            400, "InvalidSignatureException", "The signature is not the one that the key makes."
        )


def amazon_reply(found: list[Prediction], picture: bytes) -> dict:
    """Return what Amazon says of the digits found, one or none."""
    place = {"BoundingBox": {"Left": 0, "Top": 0, "Width": 1, "Height": 1}}
    texts = [
        {"DetectedText": str(digit.digit), "Confidence": 100 * digit.confidence, "Geometry": place}
        for digit in found
    ]
    lines = [{"Type": "LINE", "Id": 0, **text} for text in texts]
    words = [{"Type": "WORD", "Id": 1, "ParentId": 0, **text} for text in texts]
    return {"TextDetections": lines + words, "TextModelVersion": "practice"}


def amazon_error(refused: Refused) -> dict:
    """Return how Amazon refuses a request."""
    return {"__type": refused.code, "message": refused.message}


# Azure Vision: https://learn.microsoft.com/rest/api/computervision/image-analysis/analyze


def read_azures(request: Request, body: bytes) -> bytes:
    """Return the picture in a request to Azure, once its key is found right."""
    if not hmac.compare_digest(
        request.headers.get("Ocp-Apim-Subscription-Key", "").encode(), KEY.encode()
    ):
        raise Refused(
            401, "401", "Access denied due to invalid subscription key or wrong API endpoint."
        )
    if not request.query_params.get("api-version"):
        raise Refused(400, "InvalidRequest", "The query needs an api-version.")
    if "read" not in request.query_params.get("features", "").split(","):
        raise Refused(400, "InvalidRequest", "This practice server reads text only: features=read.")
    return body


def azure_reply(found: list[Prediction], picture: bytes) -> dict:
    """Return what Azure says of the digits found, one or none."""
    width, height = box(picture)
    corners = [{"x": x, "y": y} for x, y in [(0, 0), (width, 0), (width, height), (0, height)]]
    words = [
        {"text": str(digit.digit), "confidence": digit.confidence, "boundingPolygon": corners}
        for digit in found
    ]
    lines = [{"text": word["text"], "boundingPolygon": corners, "words": [word]} for word in words]
    read = {"blocks": [{"lines": lines}] if lines else []}
    return {
        "modelVersion": "practice",
        "metadata": {"width": width, "height": height},
        "readResult": read,
    }


def azure_error(refused: Refused) -> dict:
    """Return how Azure refuses a request."""
    return {"error": {"code": refused.code, "message": refused.message}}


def from_base64(text: str) -> bytes:
    """Return the bytes that a text of base64 stands for."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refused(400, "INVALID_ARGUMENT", "The image is no base64.") from None


# Running


@contextlib.contextmanager
def practice_cloud(reader: DigitReader | None = None):
    """Yield the address of a practice server that runs in a thread of this program."""
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
    listening.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )  # else each reply waits 40 ms to be sent whole
    return listening


def create_server(reader: DigitReader) -> uvicorn.Server:
    """Return a server that waits for nobody when it shall end."""
    options = {"access_log": False, "log_level": "critical", "ws": "none", "lifespan": "off"}
    return uvicorn.Server(
        uvicorn.Config(create_app(reader), timeout_graceful_shutdown=1, **options)
    )


def end_with_stdin() -> None:
    """End this program once its standard input ends, as it does when the program that started it is gone."""

    def wait():
        while sys.stdin.buffer.read(1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serve until Ctrl+C, SIGTERM, or where it was asked for, the end of standard input."""
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
