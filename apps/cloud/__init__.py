"""Read digits by Google's, Amazon's and Microsoft's services, each through its own SDK, imported when it is needed."""

import io
import logging
import os
import re
import threading
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from utils.data import check_images
from utils.photos import Ink, NoDigitFound, Picture, to_mnist_form
from utils.prediction import Prediction

# What text readers take a digit for, and the digit that was meant where it is known that there is one.
LOOKALIKES = {
    **dict.fromkeys("OoQD", 0),
    **dict.fromkeys("lI|i", 1),
    **dict.fromkeys("Zz", 2),
    **dict.fromkeys("Ss", 5),
    **dict.fromkeys("bG", 6),
    "B": 8,
    **dict.fromkeys("gq", 9),
}

SMALLEST = 80  # pixels on each side, for Rekognition; Azure asks for 50, Google for none
# At an answer: the SDK asks once more after a lost connection or a mistake of the service, Amazon's also after a 429.
ATTEMPTS = 2

# Dollars for 1,000 pictures from the first paid one on (less from a million on), and pictures that are free each month.
# List prices, noted on the date given, not looked up live: they differ by region, and change.
PRICES = {
    "google": {
        "per_1000": 1.50,
        "free": 1_000,
        "date": "2026-11-27",
        "source": "list price of document text detection; check cloud.google.com/vision/pricing",
    },
    "amazon": {
        "per_1000": 1.00,
        "free": 1_000,
        "date": "2026-11-27",
        "source": "list price of DetectText (group 2), free in the first year only; "
        "check aws.amazon.com/rekognition/pricing",
    },
    "azure": {
        "per_1000": 1.50,
        "free": 5_000,
        "date": "2026-11-27",
        "source": "list price of Read in tier S1, not confirmed when it was noted, and free in tier F0 only; "
        "check azure.microsoft.com/pricing/details/cognitive-services/computer-vision",
    },
}
AZURE_RETIRES = (
    "2028-09-25"  # says learn.microsoft.com, "Image Analysis SDK Overview"; calls fail from then on
)

WHAT = {
    "credentials": "the credentials were refused",
    "quota": "too many requests, or the quota is used up",
    "network": "the service could not be reached",
    "timeout": "no answer in time",
    "server": "the service failed",
    "reply": "the reply is not understood",
    "request": "the request was refused",
}
ADVICE = {
    "setup": "{hint}",
    "credentials": "check them, and that the service is switched on for your account ({hint})",
    "quota": "wait a minute before you ask again, or raise the quota in your account",
    "network": "check the connection to the internet, and what a proxy or firewall lets through",
    "timeout": "check the connection, ask again later, or give the reader a larger timeout",
    "server": "that is not your fault: ask again later",
    "reply": "check the address that you ask, and update the service's package",
    "request": "check the address that you ask, and the picture that you send",
}


class CloudError(RuntimeError):
    """Say in a sentence why a service gave no answer, and what to do; never with a key in it.

    `kind` is one of "setup" (a package, credentials or region missing), "credentials" (refused), "quota", "network",
    "timeout", "server" (a fault of theirs), "reply" (not understood), and "request" (a picture that they refuse).
    """

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


def digit_from_text(text: str) -> int | None:
    """Return the digit that a reader of text saw: a digit, or a letter of LOOKALIKES; None for anything else."""
    mark = text.strip()
    return int(mark) if re.fullmatch("[0-9]", mark) else LOOKALIKES.get(mark)


def to_service_form(digit: np.ndarray, side: int = 280) -> Image.Image:
    """Return a digit in MNIST's form, uint8 (28, 28), as a grey picture for text readers: dark on white, enlarged.

    Its sides measure `side` pixels; MNIST's own margin, a seventh of that, stays around the digit. Raises ValueError
    for a side below 80 pixels, the least that Rekognition takes.
    """
    check_images(np.asarray(digit)[np.newaxis])
    if side < SMALLEST:
        raise ValueError(
            f"expected a side of at least {SMALLEST} pixels, got {side}: smaller pictures are refused"
        )
    picture = ImageOps.invert(Image.fromarray(digit))
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def has_credentials(service: str) -> bool:
    """Tell whether the environment, or the files of the service's own tool, hold credentials; asks no network.

    `service` is "google", "amazon" or "azure". Whether they are valid, only the service can tell. The address at which
    a machine in the cloud would be told its credentials is not asked: elsewhere that costs seconds.
    """
    return _reader(service)._has_credentials()


def _reader(service):
    if service not in READERS:
        raise ValueError(f"expected a service out of {', '.join(READERS)}, got {service!r}")
    return READERS[service]


class _CloudReader:
    """What the three readers share: `read`, a limit on the time, and one kind of error."""

    name = hint = package = ""

    def __init__(self, endpoint: str | None = None, timeout: float = 10):
        if endpoint is not None and not re.fullmatch(
            r"http://(127\.0\.0\.1|localhost):\d+/?", endpoint
        ):
            expected = "expected the address of a practice server, such as http://127.0.0.1:8000"
            raise ValueError(
                f"{expected}, got {endpoint!r}: without an endpoint, {self.name} itself is asked"
            )
        self.practice, self.timeout = endpoint is not None, timeout
        if not (self.practice or self._has_credentials()):
            raise self._error("setup", "no credentials were found")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python versions and projects, on stderr
            self._client = self._guard(self._connect, endpoint and endpoint.rstrip("/"))

    def read(self, image: Picture, ink: Ink = "auto") -> Prediction:
        """Read the one digit in a picture as DigitReader does, but let the service find it.

        What is sent is the digit alone, in MNIST's form, inverted and enlarged; a page without a digit is not sent. A
        service names one text and how sure it is: the other nine probabilities share the rest evenly. Where that text
        is no digit, or nothing was read, the prediction has a reason instead. Raises UnreadableImage and CloudError.
        """
        try:
            seen = to_mnist_form(image, ink)
        except NoDigitFound as nothing:
            return Prediction(None, 0.0, np.full(10, 0.1, "float32"), reason=str(nothing))
        file = io.BytesIO()
        to_service_form(seen).save(file, "PNG")
        words = self._guard(self._within_time, file.getvalue())
        return self._to_prediction(words, seen)

    def _to_prediction(self, words, seen):
        text = " ".join(word for word, _ in words)
        digit = digit_from_text(text)
        if digit is None:
            found = (
                f"read {text[:50]!r}, which is no single digit" if text.strip() else "read nothing"
            )
            return Prediction(
                None, 0.0, np.full(10, 0.1, "float32"), reason=f"{self.name} {found}", image=seen
            )
        confidence = float(np.clip(min(confidence for _, confidence in words), 0, 1))
        probabilities = np.full(10, (1 - confidence) / 9, "float32")
        probabilities[digit] = confidence
        return Prediction(digit, confidence, probabilities, image=seen)

    def _within_time(self, picture):
        """Return what `_ask` does, but in time: no SDK limits how long it may take to find a name's address."""
        outcome = []

        def work():
            try:
                outcome.append((self._ask(picture), None))
            except BaseException as fault:  # handed on, whatever it is
                outcome.append((None, fault))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self.timeout + 1)  # the SDK itself knows the limit too, and says more
        if not outcome:
            raise self._error("timeout", f"no answer within {self.timeout:g} seconds")
        words, fault = outcome[0]
        if fault:
            raise fault
        return words

    def _guard(self, step, *arguments):
        """Take a step, and turn whatever the SDK raises into a CloudError, without the trace, which may hold keys."""
        try:
            return step(*arguments)
        except CloudError:
            raise
        except ImportError:
            error = CloudError(
                f"{self.name}: its package is missing; run `pip install {self.package}`", "setup"
            )
        except Exception as fault:
            error = self._error(*self._explain(fault))
        raise error from None

    def _error(self, kind, what):
        return CloudError(f"{self.name}: {what}; {ADVICE[kind].format(hint=self.hint)}.", kind)

    def _of_status(self, status, detail):
        """Return the kind of a fault, and what happened, from the status of an HTTP response."""
        kinds = {
            401: "credentials",
            403: "credentials",
            408: "timeout",
            429: "quota",
            504: "timeout",
        }
        kind = kinds.get(
            status, "server" if status >= 500 else "request" if status >= 400 else "reply"
        )
        return kind, f"{WHAT[kind]} (HTTP {status}{', ' if detail else ''}{_one_line(detail)})"

    def _otherwise(self, fault):
        """Return the kind of a fault that no SDK has a name for; its text is not shown, since it may hold a key."""
        return "reply", f"{WHAT['reply']} ({type(fault).__name__})"


def _one_line(text, most=200):
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[:most] + " …"


def _quiet(logger, level=logging.INFO):
    """Keep an SDK from writing down what it sends, which holds tokens."""
    logging.getLogger(logger).setLevel(level)


class GoogleReader(_CloudReader):
    """Read digits by Google Cloud Vision, with the credentials that its own tools use, or by a practice server.

    Raises CloudError where the package or the credentials are missing. `timeout` is in seconds, for one reading.
    `practice` tells whether an `endpoint` was given, on this machine, which never gets to see real credentials.
    """

    name, package = "Google Vision", "google-cloud-vision"
    hint = "set GOOGLE_APPLICATION_CREDENTIALS to a key file's path, or run `gcloud auth application-default login`"

    @staticmethod
    def _has_credentials():
        default = (
            Path(os.environ.get("APPDATA", "")) if os.name == "nt" else Path.home() / ".config"
        )
        folder = Path(os.environ.get("CLOUDSDK_CONFIG") or default / "gcloud")
        return bool(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")) or _is_file(
            folder / "application_default_credentials.json"
        )

    def _connect(self, endpoint):
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import vision

        _quiet("google.auth", logging.ERROR)  # it warns of a project that is not needed
        if not self.practice:
            return vision.ImageAnnotatorClient(transport="rest")
        nobody, options = AnonymousCredentials(), {"api_endpoint": endpoint}
        client = vision.ImageAnnotatorClient(
            credentials=nobody, transport="rest", client_options=options
        )
        client.transport._session.trust_env = (
            False  # else a proxy of the environment is asked for this machine
        )
        return client

    def _ask(self, picture):
        from google.api_core.exceptions import from_grpc_status
        from google.cloud import vision

        # For handwriting, Google's pages recommend this feature over TEXT_DETECTION; both cost the same.
        feature = vision.Feature(type_=vision.Feature.Type.DOCUMENT_TEXT_DETECTION)
        request = vision.AnnotateImageRequest(
            image=vision.Image(content=picture), features=[feature]
        )
        answer = self._client.batch_annotate_images(
            requests=[request], retry=self._retry(), timeout=self.timeout
        )
        reply = answer.responses[0]
        if reply.error.code:  # a fault of this one picture, inside a reply that is fine
            raise from_grpc_status(reply.error.code, reply.error.message)
        pages = reply.full_text_annotation.pages
        words = [
            word
            for page in pages
            for block in page.blocks
            for part in block.paragraphs
            for word in part.words
        ]
        return [
            ("".join(symbol.text for symbol in word.symbols), word.confidence) for word in words
        ]

    def _retry(self):
        from google.api_core import exceptions, retry
        from google.auth.exceptions import TransportError
        from requests.exceptions import ConnectionError

        passing = (
            exceptions.InternalServerError,
            exceptions.ServiceUnavailable,
            ConnectionError,
            TransportError,
        )
        left = iter(
            range(ATTEMPTS - 1)
        )  # Google's own policy counts seconds, and would ask for ten minutes

        def again(fault):
            return isinstance(fault, passing) and next(left, None) is not None

        return retry.Retry(predicate=again, initial=0.2, maximum=1, timeout=self.timeout)

    def _explain(self, fault):
        import requests
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth import exceptions

        if isinstance(fault, RetryError) and fault.cause:
            return self._explain(fault.cause)
        if isinstance(fault, GoogleAPICallError):
            # Google's SDK puts the address in front of what the service says.
            return self._of_status(
                int(fault.code or 500), re.sub(r"^[A-Z]+ http\S+: ", "", fault.message)
            )
        if isinstance(fault, requests.exceptions.Timeout):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, (requests.exceptions.ConnectionError, exceptions.TransportError)):
            return "network", WHAT["network"]
        if isinstance(fault, exceptions.RefreshError):
            return "credentials", WHAT["credentials"]
        if isinstance(fault, exceptions.GoogleAuthError):
            return "setup", "the credentials cannot be used"
        return self._otherwise(fault)


class AmazonReader(_CloudReader):
    """Read digits by AWS Rekognition, with the credentials and region that its own tools use, or by a practice server.

    Raises CloudError where the package, credentials or region are missing. `timeout` is in seconds, for one reading.
    `practice` tells whether an `endpoint` was given, on this machine, which never gets to see real credentials.
    """

    name, package = "AWS Rekognition", "boto3"
    hint = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION, or run `aws configure`"

    @staticmethod
    def _has_credentials():
        if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
            return True
        others = "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        if any(
            os.environ.get(name) for name in (*others, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        ):
            return True
        folder = Path.home() / ".aws"
        if _is_file(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials"):
            return True
        return _names_credentials(os.environ.get("AWS_CONFIG_FILE") or folder / "config")

    def _connect(self, endpoint):
        import boto3
        import botocore.session
        from botocore.config import Config

        _quiet("botocore")
        once_more = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(connect_timeout=self.timeout, read_timeout=self.timeout, retries=once_more)
        if self.practice:
            session = boto3.Session("practice", "practice", region_name="us-east-1")
            config = config.merge(Config(proxies={}))
            return session.client("rekognition", endpoint_url=endpoint, config=config)
        core = botocore.session.get_session()
        core.get_component("credential_provider").remove(
            "iam-role"
        )  # would ask an address outside this machine
        return boto3.Session(botocore_session=core).client("rekognition", config=config)

    def _ask(self, picture):
        answer = self._client.detect_text(Image={"Bytes": picture})
        words = [found for found in answer["TextDetections"] if found["Type"] == "WORD"]
        return [(word["DetectedText"], word["Confidence"] / 100) for word in words]

    def _explain(self, fault):
        from botocore import exceptions

        if isinstance(fault, exceptions.ClientError):
            code = fault.response.get("Error", {}).get("Code", "")
            status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return self._of_status(AMAZONS_CODES.get(code, status), code)
        if isinstance(fault, (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, (exceptions.HTTPClientError, exceptions.ConnectionError)):
            return "network", WHAT["network"]
        if isinstance(
            fault, exceptions.BotoCoreError
        ):  # a region, profile or login that is missing
            return "setup", f"it is not set up ({type(fault).__name__})"
        return self._otherwise(fault)


# Amazon answers 400 to nearly everything, and says what is wrong in words.
AMAZONS_CODES = {
    **dict.fromkeys(
        ["ThrottlingException", "ProvisionedThroughputExceededException", "LimitExceededException"],
        429,
    ),
    **dict.fromkeys(
        ["AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException"], 403
    ),
    **dict.fromkeys(
        ["ExpiredTokenException", "SignatureDoesNotMatch", "InvalidClientTokenId"], 403
    ),
    **dict.fromkeys(["IncompleteSignatureException", "MissingAuthenticationTokenException"], 403),
    "InternalServerError": 500,
}


class AzureReader(_CloudReader):
    """Read digits by Azure Vision, with VISION_ENDPOINT and VISION_KEY in the environment, or by a practice server.

    Raises CloudError where the package or the credentials are missing. `timeout` is in seconds, for one reading.
    `practice` tells whether an `endpoint` was given, on this machine, which never gets to see real credentials.
    """

    name, package = "Azure Vision", "azure-ai-vision-imageanalysis"
    hint = "set VISION_ENDPOINT and VISION_KEY to what the page of your Azure resource shows under Keys and Endpoint"

    @staticmethod
    def _has_credentials():
        return bool(os.environ.get("VISION_ENDPOINT") and os.environ.get("VISION_KEY"))

    def _connect(self, endpoint):
        from azure.ai.vision.imageanalysis import ImageAnalysisClient
        from azure.core.credentials import AzureKeyCredential

        _quiet("azure")
        settings = {
            "connection_timeout": self.timeout,
            "read_timeout": self.timeout,
            "retry_policy": _azure_retry(),
        }
        if self.practice:
            credential = AzureKeyCredential("practice")
            return ImageAnalysisClient(endpoint, credential, use_env_settings=False, **settings)
        address, key = (
            os.environ["VISION_ENDPOINT"].strip().rstrip("/"),
            os.environ["VISION_KEY"].strip(),
        )
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost):", address):
            raise self._error("setup", "VISION_ENDPOINT is no address that starts with https://")
        return ImageAnalysisClient(address, AzureKeyCredential(key), **settings)

    def _ask(self, picture):
        from azure.ai.vision.imageanalysis.models import VisualFeatures

        answer = self._client.analyze(picture, visual_features=[VisualFeatures.READ])
        words = [
            word for block in answer.read.blocks for line in block.lines for word in line.words
        ]
        return [(word.text, word.confidence) for word in words]

    def _explain(self, fault):
        from azure.core import exceptions

        if isinstance(fault, exceptions.DecodeError):
            return self._otherwise(fault)
        if isinstance(fault, exceptions.HttpResponseError):
            code = getattr(fault.error, "code", "") or ""
            return self._of_status(
                fault.status_code or 500, "" if code == str(fault.status_code) else code
            )
        if isinstance(
            fault, (exceptions.ServiceRequestTimeoutError, exceptions.ServiceResponseTimeoutError)
        ):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, (exceptions.ServiceRequestError, exceptions.ServiceResponseError)):
            return "network", WHAT["network"]
        return self._otherwise(fault)


def _azure_retry():
    from azure.core.pipeline.policies import RetryPolicy

    class Brief(RetryPolicy):
        """Ask once more, but not where the service says when to come back: that may be in an hour."""

        def is_retry(self, settings, response):
            """Tell whether to ask again."""
            return "Retry-After" not in response.http_response.headers and super().is_retry(
                settings, response
            )

    return Brief(retry_total=ATTEMPTS - 1)


def _is_file(path):
    return Path(path).is_file()


def _names_credentials(path):
    """Tell whether Amazon's config file says where credentials come from, not only the region."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        return False
    return bool(
        re.search(
            r"^\s*(aws_access_key_id|credential_process|role_arn|sso_\w+|login_session)\s*=",
            text,
            re.M,
        )
    )


READERS = {"google": GoogleReader, "amazon": AmazonReader, "azure": AzureReader}
