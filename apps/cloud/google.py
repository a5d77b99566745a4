"""Read digits with Google Cloud Vision: how to connect, what to ask, and what its errors mean."""

import logging
import os
import re
from pathlib import Path

from apps.cloud.reader import ATTEMPTS, WHAT, CloudReader, quiet


class GoogleReader(CloudReader):
    """Read digits with Google Cloud Vision and the credentials of its own tools, or with a practice server.

    Raises CloudError if the package or the credentials are missing. `timeout` is the limit for one reading, in
    seconds. `practice` is True for an `endpoint` on this machine, which never receives real credentials.
    """

    name, package = "Google Vision", "google-cloud-vision"
    hint = "set GOOGLE_APPLICATION_CREDENTIALS to a key file's path, or run `gcloud auth application-default login`"

    @staticmethod
    def has_credentials():
        """Return whether a key file is named, or `gcloud` has stored credentials."""
        default = (
            Path(os.environ.get("APPDATA", "")) if os.name == "nt" else Path.home() / ".config"
        )
        folder = Path(os.environ.get("CLOUDSDK_CONFIG") or default / "gcloud")
        named = bool(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
        return named or (folder / "application_default_credentials.json").is_file()

    def _connect(self, endpoint):
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import vision

        quiet("google.auth", logging.ERROR)  # it warns of a project that isn't needed
        if not self.practice:
            return vision.ImageAnnotatorClient(transport="rest")
        client = vision.ImageAnnotatorClient(
            credentials=AnonymousCredentials(),
            transport="rest",
            client_options={"api_endpoint": endpoint},
        )
        # Otherwise the environment's proxy would be asked for this machine.
        client.transport._session.trust_env = False
        return client

    def _ask(self, picture):
        """Return the words that the service finds in a picture, each with its confidence."""
        from google.api_core.exceptions import from_grpc_status
        from google.cloud import vision

        # For handwriting, Google's pages recommend this feature over TEXT_DETECTION; both cost the same.
        feature = vision.Feature(type_=vision.Feature.Type.DOCUMENT_TEXT_DETECTION)
        image = vision.Image(content=picture)
        answer = self._client.batch_annotate_images(
            requests=[vision.AnnotateImageRequest(image=image, features=[feature])],
            retry=_retry(self.timeout),
            timeout=self.timeout,
        )
        reply = answer.responses[0]
        if reply.error.code:  # this one picture failed, inside a reply that is fine
            raise from_grpc_status(reply.error.code, reply.error.message)
        words = [
            word
            for page in reply.full_text_annotation.pages
            for block in page.blocks
            for paragraph in block.paragraphs
            for word in paragraph.words
        ]
        return [
            ("".join(symbol.text for symbol in word.symbols), word.confidence) for word in words
        ]

    def _explain(self, fault):
        """Return the kind of an error, and what happened."""
        import requests
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth import exceptions

        if isinstance(fault, RetryError) and fault.cause:
            return self._explain(fault.cause)
        if isinstance(fault, GoogleAPICallError):
            # The SDK puts the address in front of the service's own words.
            said = re.sub(r"^[A-Z]+ http\S+: ", "", fault.message)
            return self._of_status(int(fault.code or 500), said)
        if isinstance(fault, requests.exceptions.Timeout):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, (requests.exceptions.ConnectionError, exceptions.TransportError)):
            return "network", WHAT["network"]
        if isinstance(fault, exceptions.RefreshError):
            return "credentials", WHAT["credentials"]
        if isinstance(fault, exceptions.GoogleAuthError):
            return "setup", "the credentials cannot be used"
        return self._otherwise(fault)


def _retry(timeout):
    """Return a policy that asks once more: Google's own counts seconds, and would ask for ten minutes."""
    from google.api_core import exceptions, retry
    from google.auth.exceptions import TransportError
    from requests.exceptions import ConnectionError

    server_errors = exceptions.InternalServerError, exceptions.ServiceUnavailable
    passing = (*server_errors, ConnectionError, TransportError)
    left = iter(range(ATTEMPTS - 1))

    def again(fault):
        return isinstance(fault, passing) and next(left, None) is not None

    return retry.Retry(predicate=again, initial=0.2, maximum=1, timeout=timeout)
