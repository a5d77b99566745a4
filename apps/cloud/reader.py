"""What the three cloud readers share: the form a picture is sent in, a time limit, and one kind of error."""

import io
import logging
import re
import threading
import warnings
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageOps

from utils.data import check_images
from utils.paper import Ink, NoDigitFound
from utils.photos import Picture, to_mnist_form
from utils.prediction import Prediction

# What text readers mistake a digit for, and the digit that was meant if we know that there is one.
LOOKALIKES = {
    **dict.fromkeys("OoQD", 0),
    **dict.fromkeys("lI|i", 1),
    **dict.fromkeys("Zz", 2),
    **dict.fromkeys("Ss", 5),
    **dict.fromkeys("bG", 6),
    "B": 8,
    **dict.fromkeys("gq", 9),
}

SMALLEST = 80  # pixels on each side, for Rekognition; Azure needs 50, Google any
# An SDK asks once more after a lost connection or a server error, and Amazon's after a 429 too.
ATTEMPTS = 2

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
KINDS = {401: "credentials", 403: "credentials", 408: "timeout", 429: "quota", 504: "timeout"}


class CloudError(RuntimeError):
    """Explain in a sentence why a service gave no answer and what to do; the sentence never contains a key.

    `kind` is one of "setup" (a package, credentials, or the region are missing), "credentials" (refused), "quota",
    "network", "timeout", "server" (their fault), "reply" (not understood), and "request" (they refuse the picture).
    """

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


def digit_from_text(text: str) -> int | None:
    """Return the digit that a text stands for: a digit itself, or a letter of LOOKALIKES; None for anything else."""
    mark = text.strip()
    return int(mark) if re.fullmatch("[0-9]", mark) else LOOKALIKES.get(mark)


def to_service_form(digit: np.ndarray, side: int = 280) -> Image.Image:
    """Return a digit in MNIST's form, uint8 (28, 28), as a gray picture for text readers: dark on white, enlarged.

    Its sides measure `side` pixels, and MNIST's own margin, a seventh of that, stays around the digit. Raises
    ValueError for a side below 80 pixels, the smallest picture that Rekognition takes.
    """
    check_images(np.asarray(digit)[np.newaxis])
    if side < SMALLEST:
        raise ValueError(
            f"expected a side of at least {SMALLEST} pixels, got {side}: smaller pictures are refused"
        )
    picture = ImageOps.invert(Image.fromarray(digit))
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def keeps_keys_safe(address: str) -> bool:
    """Return whether keys may be sent to an address: over https or to this machine, and without a user's name in it."""
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.port != 0 else ""  # reading a wrong port raises ValueError
    except ValueError:
        return False
    plain = re.fullmatch(r"[!-~]+", address) and not re.search(r"[@\\?#]", address)
    local = parts.scheme == "http" and host in ("127.0.0.1", "localhost", "::1")
    return bool(plain and host and (local or parts.scheme == "https"))


class CloudReader:
    """Read a digit with a service; each subclass says how to connect, how to ask, and what an error means."""

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
        if not (self.practice or self.has_credentials()):
            raise self._error("setup", "no credentials were found")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about Python versions and projects, on stderr
            self._client = self._guard(self._connect, endpoint and endpoint.rstrip("/"))

    def read(self, image: Picture, ink: Ink = "auto") -> Prediction:
        """Read the one digit in a picture as DigitReader does, but let the service recognize it.

        Only the digit is sent, in MNIST's form, inverted and enlarged; a page without a digit isn't sent at all. A
        service returns one text and its confidence, so the other nine digits share the rest equally. If that text is
        no digit, or nothing was read, the prediction gives the reason. Raises UnreadableImage and CloudError.
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
        """Return what `_ask` does, but in time: no SDK limits how long it looks up the address of a name."""
        outcome = []

        def work():
            try:
                outcome.append((self._ask(picture), None))
            except BaseException as fault:  # raised again below, whatever it is
                outcome.append((None, fault))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self.timeout + 1)  # the SDK knows the limit too, and its error says more
        if not outcome:
            raise self._error("timeout", f"no answer within {self.timeout:g} seconds")
        words, fault = outcome[0]
        if fault:
            raise fault
        return words

    def _guard(self, step, *arguments):
        """Take a step, and turn what the SDK raises into a CloudError without its trace, which may hold keys."""
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
        """Return the kind of an error and what happened, from the status of an HTTP response."""
        other = "server" if status >= 500 else "request" if status >= 400 else "reply"
        kind = KINDS.get(status, other)
        return kind, f"{WHAT[kind]} (HTTP {status}{', ' if detail else ''}{_one_line(detail)})"

    def _otherwise(self, fault):
        """Return the kind of an error that no SDK has a name for; its text may hold a key, so it isn't shown."""
        return "reply", f"{WHAT['reply']} ({type(fault).__name__})"


def _one_line(text, most=200):
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[:most] + " …"


def quiet(logger, level=logging.INFO):
    """Keep an SDK from logging what it sends, which holds tokens."""
    logging.getLogger(logger).setLevel(level)
