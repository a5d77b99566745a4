"""Read digits with AWS Rekognition: how to connect, what to ask, and what its errors mean."""

import os
import re
from pathlib import Path

from apps.cloud.reader import ATTEMPTS, WHAT, CloudReader, keeps_keys_safe, quiet

# Amazon answers 400 to nearly everything, and its code says what is wrong.
STATUSES = {
    "ThrottlingException": 429,
    "ProvisionedThroughputExceededException": 429,
    "LimitExceededException": 429,
    "AccessDeniedException": 403,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "ExpiredTokenException": 403,
    "SignatureDoesNotMatch": 403,
    "InvalidClientTokenId": 403,
    "IncompleteSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "InternalServerError": 500,
}


class AmazonReader(CloudReader):
    """Read digits with AWS Rekognition and the credentials and region of its own tools, or with a practice server.

    Raises CloudError if the package, the credentials, or the region are missing. `timeout` is the limit for one
    reading, in seconds. `practice` is True for an `endpoint` on this machine, which never receives real credentials.
    """

    name, package = "AWS Rekognition", "boto3"
    hint = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION, or run `aws configure`"

    @staticmethod
    def has_credentials():
        """Return whether the environment or the files of the `aws` tool hold credentials."""
        if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
            return True
        others = (
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        )
        if any(os.environ.get(name) for name in others):
            return True
        folder = Path.home() / ".aws"
        if Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials").is_file():
            return True
        return _names_credentials(os.environ.get("AWS_CONFIG_FILE") or folder / "config")

    def _connect(self, endpoint):
        import boto3
        import botocore.session
        from botocore.config import Config

        quiet("botocore")
        once_more = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(connect_timeout=self.timeout, read_timeout=self.timeout, retries=once_more)
        if self.practice:
            config = config.merge(Config(proxies={}))
            return practice_session().client("rekognition", endpoint_url=endpoint, config=config)
        core = botocore.session.get_session()
        # This provider would ask an address outside this machine.
        core.get_component("credential_provider").remove("iam-role")
        client = boto3.Session(botocore_session=core).client("rekognition", config=config)
        if not keeps_keys_safe(client.meta.endpoint_url):
            raise self._error("setup", "AWS_ENDPOINT_URL is no address that starts with https://")
        return client

    def _ask(self, picture):
        """Return the words that the service finds in a picture, each with its confidence."""
        answer = self._client.detect_text(Image={"Bytes": picture})
        words = [found for found in answer["TextDetections"] if found["Type"] == "WORD"]
        return [(word["DetectedText"], word["Confidence"] / 100) for word in words]

    def _explain(self, fault):
        """Return the kind of an error, and what happened."""
        from botocore import exceptions

        if isinstance(fault, exceptions.ClientError):
            code = fault.response.get("Error", {}).get("Code", "")
            status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return self._of_status(STATUSES.get(code, status), code)
        if isinstance(fault, (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)):
            return "timeout", f"no answer within {self.timeout:g} seconds"
        if isinstance(fault, exceptions.EndpointConnectionError) and not self.practice:
            place = fault.kwargs["endpoint_url"]
            return "network", f"{WHAT['network']} at {place}, where your region leads"
        if isinstance(fault, (exceptions.HTTPClientError, exceptions.ConnectionError)):
            return "network", WHAT["network"]
        if isinstance(fault, exceptions.ConfigParseError):
            named = "its config file, ~/.aws/config or what AWS_CONFIG_FILE names,"
            return "setup", f"{named} isn't in UTF-8, or has a broken line: save it again"
        if isinstance(fault, exceptions.BotoCoreError):  # a missing region, profile, or login
            return "setup", f"it is not set up ({type(fault).__name__})"
        return self._otherwise(fault)


def practice_session():
    """Return a boto3 session for a practice server, without an account and the files of the `aws` tool."""
    import boto3
    import botocore.session

    core = botocore.session.get_session({"profile": (None, None, None, None)})
    for name in ("config_file", "credentials_file"):  # the user's own may be broken
        core.set_config_variable(name, os.devnull)
    return boto3.Session("practice", "practice", None, "us-east-1", core)


def _names_credentials(path):
    """Return whether the config file says where credentials come from, and not only the region."""
    try:
        # Of any encoding, to find its ASCII: UTF-16 has a zero byte beside each letter.
        text = Path(path).read_bytes().replace(b"\0", b"").decode("latin-1")
    except OSError:
        return False
    sources = r"aws_access_key_id|credential_process|role_arn|sso_\w+|login_session"
    return bool(re.search(rf"^\s*({sources})\s*=", text, re.MULTILINE))
