"""The three services of the practice server: where each listens, how it takes a picture, and how it replies."""

import base64
import binascii
import hmac
import json
import re

from fastapi import Request

from apps.untrusted import check_picture
from utils.paper import UnreadableImage
from utils.prediction import Prediction

KEY = "practice"  # for all three services, and no secret


class Refused(Exception):
    """Refuse a request with a status, the service's own code for what went wrong, and a sentence."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Google:
    """Speak as Google Vision: https://cloud.google.com/vision/docs/reference/rest/v1/images/annotate."""

    path, content_type = "/v1/images:annotate", "application/json"
    smallest = 1  # pixels on each side
    bad_picture, bad_size = "INVALID_ARGUMENT", "InvalidImageSize"
    failures = {
        "429": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Requests' (practice)."),
        "403": (403, "PERMISSION_DENIED", "Cloud Vision API is disabled in this project (practice)."),
        "500": (500, "INTERNAL", "Internal error encountered (practice)."),
    }  # fmt: skip

    def take(self, request: Request, body: bytes) -> bytes:
        """Return the picture in a request."""
        [asked] = json.loads(body)["requests"]
        wanted = {feature["type"] for feature in asked["features"]}
        if not wanted & {1, 5, 11, "TEXT_DETECTION", "DOCUMENT_TEXT_DETECTION"}:
            said = f"This practice server detects text only, not {wanted}."
            raise Refused(400, "INVALID_ARGUMENT", said)
        return _from_base64(asked["image"]["content"])

    def reply(self, found: list[Prediction], size: tuple[int, int]) -> dict:
        """Return the reply for the digits found, one or none, in a picture of this width and height."""
        if not found:
            return {"responses": [{}]}
        [digit] = found
        width, height = size
        text = str(digit.digit)
        place = {"vertices": [{}, {"x": width}, {"x": width, "y": height}, {"y": height}]}
        sure = {"confidence": digit.confidence}
        part = {**sure, "boundingBox": place}
        word = {"symbols": [{"text": text, **part}], **part}
        block = {"paragraphs": [{"words": [word], **part}], "blockType": "TEXT", **part}
        page = {"blocks": [block], "width": width, "height": height, **sure}
        seen = {"description": text, "boundingPoly": place}
        reply = {
            "textAnnotations": [{"locale": "und", **seen}, seen],
            "fullTextAnnotation": {"text": text, "pages": [page]},
        }
        return {"responses": [reply]}

    def error(self, refused: Refused) -> dict:
        """Return the reply that refuses a request."""
        said = {"code": refused.status, "message": refused.message, "status": refused.code}
        return {"error": said}


class Amazon:
    """Speak as AWS Rekognition: https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectText.html."""

    path, content_type = "/", "application/x-amz-json-1.1"
    smallest = 80
    bad_picture, bad_size = "InvalidImageFormatException", "InvalidParameterException"
    failures = {
        "429": (400, "ProvisionedThroughputExceededException", "Provisioned rate exceeded (practice)."),
        "403": (400, "AccessDeniedException", "Not authorized for rekognition:DetectText (practice)."),
        "500": (500, "InternalServerError", "Internal server error (practice)."),
    }  # fmt: skip

    def take(self, request: Request, body: bytes) -> bytes:
        """Return the picture in a request, once its signature is found right."""
        _check_signature(request, body)
        target = request.headers.get("X-Amz-Target")
        if target != "RekognitionService.DetectText":
            said = f"This practice server detects text only, not {target}."
            raise Refused(400, "UnknownOperationException", said)
        return _from_base64(json.loads(body)["Image"]["Bytes"])

    def reply(self, found: list[Prediction], size: tuple[int, int]) -> dict:
        """Return the reply for the digits found, one or none: each as a line and as a word."""
        place = {"BoundingBox": {"Left": 0, "Top": 0, "Width": 1, "Height": 1}}
        texts = [
            {"DetectedText": str(digit.digit), "Confidence": 100 * digit.confidence, "Geometry": place}
            for digit in found
        ]  # fmt: skip
        lines = [{"Type": "LINE", "Id": 0, **text} for text in texts]
        words = [{"Type": "WORD", "Id": 1, "ParentId": 0, **text} for text in texts]
        return {"TextDetections": lines + words, "TextModelVersion": "practice"}

    def error(self, refused: Refused) -> dict:
        """Return the reply that refuses a request."""
        return {"__type": refused.code, "message": refused.message}


class Azure:
    """Speak as Azure Vision: https://learn.microsoft.com/rest/api/computervision/image-analysis/analyze."""

    path, content_type = "/computervision/imageanalysis:analyze", "application/json"
    smallest = 50
    bad_picture, bad_size = "InvalidImageFormat", "InvalidImageSize"
    failures = {
        "429": (429, "429", "Requests have exceeded the rate limit of the current tier (practice)."),
        "403": (403, "403", "Access is denied by the network rules of the resource (practice)."),
        "500": (500, "InternalServerError", "Internal server error (practice)."),
    }  # fmt: skip

    def take(self, request: Request, body: bytes) -> bytes:
        """Return the picture in a request, once its key is found right."""
        key = request.headers.get("Ocp-Apim-Subscription-Key", "")
        if not hmac.compare_digest(key.encode(), KEY.encode()):
            said = "Access denied due to invalid subscription key or wrong API endpoint."
            raise Refused(401, "401", said)
        query = request.query_params
        if not query.get("api-version"):
            raise Refused(400, "InvalidRequest", "The query needs an api-version.")
        if "read" not in query.get("features", "").split(","):
            said = "This practice server reads text only: features=read."
            raise Refused(400, "InvalidRequest", said)
        return body

    def reply(self, found: list[Prediction], size: tuple[int, int]) -> dict:
        """Return the reply for the digits found, one or none, in a picture of this width and height."""
        width, height = size
        corners = [{"x": x, "y": y} for x, y in [(0, 0), (width, 0), (width, height), (0, height)]]
        lines = []
        for digit in found:
            seen = {"text": str(digit.digit), "boundingPolygon": corners}
            lines.append({**seen, "words": [{**seen, "confidence": digit.confidence}]})
        return {
            "modelVersion": "practice",
            "metadata": {"width": width, "height": height},
            "readResult": {"blocks": [{"lines": lines}] if lines else []},
        }

    def error(self, refused: Refused) -> dict:
        """Return the reply that refuses a request."""
        return {"error": {"code": refused.code, "message": refused.message}}


Service = Google | Amazon | Azure
SERVICES = {"google": Google(), "amazon": Amazon(), "azure": Azure()}


def size_of(content: bytes, service: Service) -> tuple[int, int]:
    """Return a picture's width and height; raise Refused unless it is one, and as large as the service needs."""
    try:
        width, height, _ = check_picture(content)
    except UnreadableImage:
        raise Refused(400, service.bad_picture, "Bad image data.") from None
    if not service.smallest <= min(width, height) <= max(width, height) <= 10_000:
        least = f"at least {service.smallest} are needed on each side"
        said = f"The image has {width} x {height} pixels, {least}."
        raise Refused(400, service.bad_size, said)
    return width, height


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refused(400, "INVALID_ARGUMENT", "The image is no base64.") from None


def _check_signature(request: Request, body: bytes) -> None:
    """Sign a request again with the practice key, and raise Refused if the signature differs."""
    scope = r"([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request"
    pattern = rf"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=(\S+), Signature=(\w+)"
    parts = re.fullmatch(pattern, request.headers.get("Authorization", ""))
    if not parts:
        raise Refused(400, "MissingAuthenticationTokenException", "The request is not signed.")
    key, region, service, signed, signature = parts.groups()
    if key != KEY or service != "rekognition":
        said = "The security token included in the request is invalid."
        raise Refused(400, "UnrecognizedClientException", said)
    headers = {name: request.headers.get(name, "") for name in signed.split(";")}
    if not hmac.compare_digest(_sign(request, headers, body, region), signature):
        said = "The signature is not the one that the key makes."
        raise Refused(400, "InvalidSignatureException", said)


def _sign(request: Request, headers: dict[str, str], body: bytes, region: str) -> str:
    """Return the signature that the practice key makes for a request."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    again = AWSRequest(request.method, str(request.url), headers=headers, data=body)
    again.context["timestamp"] = headers.get("x-amz-date", "")
    signer = SigV4Auth(Credentials(KEY, KEY), "rekognition", region)
    to_sign = signer.string_to_sign(again, signer.canonical_request(again))
    return signer.signature(to_sign, again)
