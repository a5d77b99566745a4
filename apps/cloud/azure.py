"""Read digits with Azure Vision: how to connect, what to ask, and what its errors mean."""

import os

from apps.cloud.reader import ATTEMPTS, WHAT, CloudReader, keeps_keys_safe, quiet


class AzureReader(CloudReader):
    """Read digits with Azure Vision and VISION_ENDPOINT and VISION_KEY, or with a practice server.

    Raises CloudError if the package or the credentials are missing. `timeout` is the limit for one reading, in
    seconds. `practice` is True for an `endpoint` on this machine, which never receives real credentials.
    """

    name, package = "Azure Vision", "azure-ai-vision-imageanalysis"
    hint = "set VISION_ENDPOINT and VISION_KEY to what the page of your Azure resource shows under Keys and Endpoint"

    @staticmethod
    def has_credentials():
        """Return whether the environment holds both the endpoint and the key."""
        return bool(os.environ.get("VISION_ENDPOINT") and os.environ.get("VISION_KEY"))

    def _connect(self, endpoint):
        from azure.ai.vision.imageanalysis import ImageAnalysisClient
        from azure.core.credentials import AzureKeyCredential

        quiet("azure")
        settings = {
            "connection_timeout": self.timeout,
            "read_timeout": self.timeout,
            "retry_policy": _retry(),
            "permit_redirects": False,  # the key would go along
        }
        if self.practice:
            credential = AzureKeyCredential("practice")
            return ImageAnalysisClient(endpoint, credential, use_env_settings=False, **settings)
        address = os.environ["VISION_ENDPOINT"].strip().rstrip("/")
        key = os.environ["VISION_KEY"].strip()
        if not keeps_keys_safe(address):
            raise self._error("setup", "VISION_ENDPOINT is no address that starts with https://")
        return ImageAnalysisClient(address, AzureKeyCredential(key), **settings)

    def _ask(self, picture):
        """Return the words that the service finds in a picture, each with its confidence."""
        from azure.ai.vision.imageanalysis.models import VisualFeatures

        answer = self._client.analyze(picture, visual_features=[VisualFeatures.READ])
        words = [
            word for block in answer.read.blocks for line in block.lines for word in line.words
        ]
        return [(word.text, word.confidence) for word in words]

    def _explain(self, fault):
        """Return the kind of an error, and what happened."""
        from azure.core import exceptions

        late = exceptions.ServiceRequestTimeoutError, exceptions.ServiceResponseTimeoutError
        lost = exceptions.ServiceRequestError, exceptions.ServiceResponseError
        if isinstance(fault, exceptions.DecodeError):
            return self._otherwise(fault)
        if isinstance(fault, exceptions.HttpResponseError):
            code = getattr(fault.error, "code", "") or ""
            detail = "" if code == str(fault.status_code) else code
            return self._of_status(fault.status_code or 500, detail)
        if isinstance(fault, late):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, lost):
            return "network", WHAT["network"]
        return self._otherwise(fault)


def _retry():
    from azure.core.pipeline.policies import RetryPolicy

    class Brief(RetryPolicy):
        """Ask once more, but not if the service says when to come back: that may be in an hour."""

        def is_retry(self, settings, response):
            """Return whether to ask again."""
            told = "Retry-After" in response.http_response.headers
            return not told and super().is_retry(settings, response)

    return Brief(retry_total=ATTEMPTS - 1)
