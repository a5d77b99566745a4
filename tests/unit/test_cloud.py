"""The readers of the three services read by the vendors' own SDKs, and say in one sentence what stands in the way."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps import cloud
from apps.cloud import (
    LOOKALIKES,
    READERS,
    CloudError,
    digit_from_text,
    has_credentials,
    to_service_form,
)
from apps.cloud.practice import practice_cloud
from apps.cloud.reader import keeps_keys_safe
from utils.data import load_mnist
from utils.photos import UnreadableImage, to_mnist_form
from utils.prediction import DigitReader

DIGITS = load_mnist("sample").x_test
CNN = DigitReader()
SERVICES = list(READERS)
each_service = pytest.mark.parametrize("service", SERVICES)
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAHUSHHUSHHUSHHUSH",
    "AWS_SECRET_ACCESS_KEY": "hush/secret/access/key",
    "AWS_SESSION_TOKEN": "hush-session-token",
    "VISION_KEY": "hush0key0of0azure",
}
OTHERS = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "VISION_ENDPOINT": "https://reader.cognitiveservices.azure.com",
}


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    """Hide the accounts of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(("AWS_", "GOOGLE_", "VISION_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture(scope="module")
def address():
    with practice_cloud(CNN) as address:
        yield address


@pytest.fixture(scope="module")
def readers(address):
    return {service: reader(address, timeout=60) for service, reader in READERS.items()}


@pytest.fixture
def failing(address):
    """Return a function that makes a service of the practice server fail, until the test is over."""

    def fail(service, kind, **more):
        httpx.put(
            f"{address}/fault", json={"service": service, "kind": kind, **more}
        ).raise_for_status()

    yield fail
    httpx.delete(f"{address}/fault")


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key.private_bytes(*form).decode()


@pytest.fixture
def account(monkeypatch, tmp_path, private_key):
    """Put credentials of all three services, which nobody has, into the environment."""
    file = tmp_path / "account.json"
    content = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": private_key,
    }
    places = {
        "token_uri": "https://oauth2.googleapis.com/token",
        "client_email": "a@p.iam.gserviceaccount.com",
    }
    file.write_text(json.dumps(content | places))
    for name, value in {**SECRETS, **OTHERS, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}.items():
        monkeypatch.setenv(name, value)


@contextmanager
def answering(status, content, headers=()):
    """Yield a server on this machine that gives the same answer to everything, and the headers that came in."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            server.seen.append({name.lower(): value for name, value in self.headers.items()})
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in [
                ("Content-Length", str(len(content))),
                ("Content-Type", "application/json"),
                *headers,
            ]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            """Keep stderr empty."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(address, service):
    """Return how many requests a service of the practice server has had."""
    return httpx.get(address).json()["requests"].get(service, 0)


def refusal(reader, image=DIGITS[0]):
    """Return the CloudError that reading raises, which is one sentence that names the service and says what to do."""
    with pytest.raises(CloudError) as caught:
        reader.read(image)
    message = str(caught.value)
    assert message.startswith(f"{reader.name}: ") and message.count("\n") == 0 and "; " in message
    return caught.value


# Words into digits, digits into pictures


def test_lookalike_letter_is_read_as_its_digit():
    assert [digit_from_text(f" {digit}\n") for digit in range(10)] == list(range(10))
    meant = {
        "O": 0,
        "o": 0,
        "Q": 0,
        "D": 0,
        "l": 1,
        "I": 1,
        "|": 1,
        "i": 1,
        "Z": 2,
        "z": 2,
        "S": 5,
        "s": 5,
    }
    assert {**meant, "b": 6, "G": 6, "B": 8, "g": 9, "q": 9} == LOOKALIKES
    assert {mark: digit_from_text(mark) for mark in LOOKALIKES} == LOOKALIKES


@pytest.mark.parametrize("text", ["", " ", "17", "7.", "1 7", "OO", "x", "²", "٧", "７", "-1"])
def test_what_is_no_single_digit_is_none(text):
    assert digit_from_text(text) is None


def test_the_service_form_is_dark_on_white_and_large_enough():
    picture = to_service_form(DIGITS[0])
    gray = np.asarray(picture)
    assert (picture.mode, picture.size) == ("L", (280, 280))
    assert np.all(gray[:20] == 255) and gray.min() == 0, "paper white, ink black"
    back = 255 - np.asarray(picture.reduce(10)).astype(int)
    assert np.abs(back - DIGITS[0]).mean() < 3 < np.abs(back - DIGITS[1]).mean(), (
        "the same digit, enlarged"
    )
    assert to_service_form(DIGITS[0], 80).size == (80, 80)
    with pytest.raises(ValueError, match="at least 80 pixels, got 79"):
        to_service_form(DIGITS[0], 79)
    with pytest.raises(ValueError, match="uint8"):
        to_service_form(DIGITS[0] / 255)


def test_the_end_of_azures_service_is_a_date():
    assert time.strptime(cloud.AZURE_RETIRES, "%Y-%m-%d").tm_year == 2028


# Reading


@each_service
def test_a_service_reads_as_its_engine_does(readers, service):
    assert readers[service].practice
    for digit in DIGITS[:12]:
        expected = CNN.read(to_service_form(to_mnist_form(digit)))
        found = readers[service].read(digit)
        assert found.digit == expected.digit == found.probabilities.argmax()
        assert found.confidence == pytest.approx(expected.confidence, abs=1e-3)
        others = np.delete(found.probabilities, found.digit)
        np.testing.assert_allclose(others, (1 - found.confidence) / 9, rtol=1e-5)
        assert (found.reason, found.probabilities.dtype) == ("", np.float32)
        np.testing.assert_array_equal(found.image, to_mnist_form(digit))


@each_service
def test_pages_without_a_digit_stay_here(readers, service, address):
    before = asked(address, service)
    blank = readers[service].read(np.full((100, 100), 255, "uint8"))
    assert blank.digit is None and "blank" in blank.reason
    with pytest.raises(UnreadableImage):
        readers[service].read(b"no picture")
    light = 255 - np.asarray(to_service_form(DIGITS[0]))
    assert readers[service].read(light, "light").digit == CNN.read(light, "light").digit
    assert asked(address, service) == before + 1


@each_service
def test_a_service_may_read_nothing(readers, service, failing):
    failing(service, "empty")
    found = readers[service].read(DIGITS[0])
    assert (found.digit, found.confidence) == (None, 0)
    assert found.reason == f"{readers[service].name} read nothing"
    np.testing.assert_array_equal(found.image, to_mnist_form(DIGITS[0]))
    np.testing.assert_allclose(found.probabilities, 0.1)


@pytest.mark.parametrize(
    "words, digit, confidence, reason",
    [
        ([("O", 0.8)], 0, 0.8, ""),
        ([("7", 1.2)], 7, 1.0, ""),
        ([("17", 0.9)], None, 0, "Google Vision read '17', which is no single digit"),
        ([("1", 0.9), ("7", 0.8)], None, 0, "Google Vision read '1 7', which is no single digit"),
        ([("x" * 500, 0.9)], None, 0, f"Google Vision read '{'x' * 50}', which is no single digit"),
    ],
)
def test_what_was_read_is_told(readers, monkeypatch, words, digit, confidence, reason):
    monkeypatch.setattr(readers["google"], "_ask", lambda picture: words)
    found = readers["google"].read(DIGITS[0])
    assert (found.digit, found.confidence, found.reason) == (digit, confidence, reason)


# Faults


@each_service
@pytest.mark.parametrize(
    "fault, kind, says",
    [
        ("429", "quota", "quota is used up (HTTP 429"),
        ("403", "credentials", "the credentials were refused (HTTP 403"),
        ("500", "server", "the service failed (HTTP 500"),
        ("malformed", "reply", "the reply is not understood"),
    ],
)
def test_each_fault_is_told_after_two_requests_at_most(
    readers, service, failing, address, fault, kind, says
):
    failing(service, fault)
    before = asked(address, service)
    error = refusal(readers[service])
    assert error.kind == kind and says in str(error)
    assert asked(address, service) - before == 1 + (
        fault == "500" or (service, fault) == ("amazon", "429")
    )
    assert error.__cause__ is None and error.__suppress_context__, "the SDK's trace may hold keys"


@each_service
def test_a_mistake_that_passes_is_not_even_noticed(readers, service, failing, address):
    failing(service, "500", times=1)
    before = asked(address, service)
    assert readers[service].read(DIGITS[0]).digit is not None
    assert asked(address, service) == before + 2


@each_service
def test_a_slow_service_is_given_up(address, service, failing):
    failing(service, "slow", seconds=600)
    start = time.monotonic()
    error = refusal(READERS[service](address, timeout=0.4))
    assert error.kind == "timeout" and "no answer within 0.4 seconds" in str(error)
    assert time.monotonic() - start < 60


def test_google_may_refuse_a_picture_inside_a_good_reply():
    content = b'{"responses": [{"error": {"code": 7, "message": "Not allowed."}}]}'
    with answering(200, content) as server:
        error = refusal(cloud.GoogleReader(server.url))
    assert error.kind == "credentials" and "Not allowed." in str(error)


@each_service
def test_service_that_asks_for_an_hour_is_not_awaited(service):
    content = b'{"error": {"code": "429", "message": "slow down"}, "__type": "ThrottlingException"}'
    with answering(429, content, [("Retry-After", "3600")]) as server:
        start = time.monotonic()
        assert refusal(READERS[service](server.url)).kind == "quota"
    assert time.monotonic() - start < 60


@each_service
@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b'{"responses": [], "TextDetections": [{}], "readResult": {}}']
)
def test_replies_of_another_kind_are_not_understood(service, content):
    with answering(200, content) as server:
        assert refusal(READERS[service](server.url)).kind == "reply"


@each_service
def test_nobody_at_the_address(service):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    start = time.monotonic()
    assert refusal(READERS[service](f"http://127.0.0.1:{port}")).kind == "network"
    assert time.monotonic() - start < 60


@each_service
def test_without_a_network_an_account_fails_soon(account, service, monkeypatch):
    def no_such_name(*arguments, **options):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    start = time.monotonic()
    reader = READERS[service]()
    assert not reader.practice
    assert refusal(reader).kind == "network"
    assert time.monotonic() - start < 60


@each_service
def test_a_name_server_that_never_answers_is_given_up(account, service, monkeypatch):
    over = threading.Event()

    def wait(*arguments, **options):
        over.wait(600)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    start = time.monotonic()
    try:
        assert refusal(READERS[service](timeout=0.2)).kind == "timeout"
    finally:
        over.set()
    assert time.monotonic() - start < 60


@each_service
def test_the_guard_of_the_tests_reaches_through(account, service):
    with pytest.raises(BaseException, match="tried to leave the machine") as attempt:
        READERS[service](timeout=3).read(DIGITS[0])
    assert not isinstance(attempt.value, Exception)


# Credentials


@each_service
def test_without_credentials_a_reader_says_what_to_set(service):
    assert not has_credentials(service)
    with pytest.raises(
        CloudError, match=r"no credentials were found; set (GOOGLE_APP|AWS_ACC|VISION_END)"
    ) as caught:
        READERS[service]()
    assert caught.value.kind == "setup"


def test_half_of_the_credentials_is_none(monkeypatch, account):
    assert all(has_credentials(service) for service in SERVICES)
    for name in ("AWS_SECRET_ACCESS_KEY", "VISION_KEY"):
        monkeypatch.delenv(name)
    assert [has_credentials(service) for service in SERVICES] == [True, False, False]


def test_credentials_are_found_where_the_services_keep_them(monkeypatch, tmp_path):
    files = {
        "google": ".config/gcloud/application_default_credentials.json",
        "amazon": ".aws/credentials",
    }
    monkeypatch.setattr(os, "name", "posix")
    for service, name in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}")
        assert has_credentials(service)
        (tmp_path / name).unlink()
        assert not has_credentials(service)
    config = tmp_path / ".aws/config"
    config.write_text("[default]\nregion = eu-west-1\n")
    assert not has_credentials("amazon"), "a region is no credential"
    config.write_text("[default]\nregion = eu-west-1\nsso_session = school\n")
    assert has_credentials("amazon")
    with pytest.raises(ValueError, match="google, amazon, azure, got 'ibm'"):
        has_credentials("ibm")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_aws_config_of_another_encoding_is_explained(monkeypatch, tmp_path, encoding):
    """Editors on Windows write such files. The practice server needs none of them."""
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "nobody")
    for source, found in (("", False), ("credential_process = nothing", True)):
        config.write_bytes(f"[profile schön]\nregion = eu-west-1\n{source}\n".encode(encoding))
        assert has_credentials("amazon") == found
        assert cloud.AmazonReader("http://127.0.0.1:9").practice
    with pytest.raises(CloudError, match=r"config file, .* isn't in UTF-8, .*; set AWS_") as caught:
        cloud.AmazonReader()
    assert caught.value.kind == "setup"


def test_no_address_in_the_cloud_is_asked_for_credentials(monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text("[somebody-else]\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    error = refusal(cloud.AmazonReader())  # the guard of the tests would raise something else
    assert error.kind == "setup" and "NoCredentialsError" in str(error)


def test_a_region_that_is_missing_is_named(account, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(CloudError, match=r"NoRegionError.*AWS_DEFAULT_REGION") as caught:
        cloud.AmazonReader()
    assert caught.value.kind == "setup"


def test_a_region_that_does_not_exist_is_shown(account, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "mars-1")

    def no_such_name(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    error = refusal(cloud.AmazonReader())
    assert error.kind == "network" and "mars-1.amazonaws.com/, where your region leads" in str(
        error
    )


def test_an_address_of_azure_that_is_none_is_refused(account, monkeypatch):
    for wrong in (
        "reader.cognitiveservices.azure.com",
        "http://reader.cognitiveservices.azure.com",
        "hush0key",
    ):
        monkeypatch.setenv("VISION_ENDPOINT", wrong)
        with pytest.raises(CloudError, match="starts with https://; set VISION_ENDPOINT") as caught:
            cloud.AzureReader()
        assert caught.value.kind == "setup" and wrong not in str(caught.value), (
            "it may be the key, in the wrong place"
        )


ELSEWHERE = [
    "http://localhost:x@other.example",
    "http://127.0.0.1:80@other.example",
    "http://user@localhost:80",
    "http://127.0.0.1.other.example:80",
    "http://localhost.other.example:80",
    "http://127.0.0.1:80\\@other.example",
    "https://user:word@other.example",
    "https://@other.example",
    "https://good.example\\@other.example",
    "https://good.example@other.example",
    "https://good.ex ample",
    "https://good.ex\tample",
    "https://good.example:port",
    "https://good.example:99999",
    "https://good.example?other",
    "https://good.example#other",
    "https://",
    "https:///path",
    "https:good.example",
    "https://[::1",
    "ftp://localhost",
    "//localhost",
]


def test_keys_go_only_to_an_address_that_is_safe(account, monkeypatch):
    assert [address for address in ELSEWHERE if keeps_keys_safe(address)] == []
    for address in (ELSEWHERE[0], "https://user:word@other.example", "https://good.example:port"):
        monkeypatch.setenv("VISION_ENDPOINT", address)
        with pytest.raises(CloudError, match="VISION_ENDPOINT is no address that") as caught:
            cloud.AzureReader()
        assert caught.value.kind == "setup" and "example" not in str(caught.value)


@pytest.mark.parametrize("address", [ELSEWHERE[0], "http://other.example", "https://a@b.example"])
def test_amazon_is_asked_only_where_it_is_safe(address, account, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", address)
    with pytest.raises(CloudError, match="AWS_ENDPOINT_URL is no address") as caught:
        cloud.AmazonReader()
    assert caught.value.kind == "setup"


@pytest.mark.parametrize("address", ["http://[::1]:80", "http://localhost", "HTTPS://A.example/a/"])
def test_addresses_that_are_safe_are_taken(address, account, monkeypatch):
    monkeypatch.setenv("VISION_ENDPOINT", address)
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", address)
    assert not cloud.AzureReader().practice and not cloud.AmazonReader().practice


def test_a_redirection_gets_no_key(account, monkeypatch):
    to_other = []
    with answering(200, b"{}") as other, answering(307, b"", to_other) as server:
        to_other.append(("Location", f"{other.url}/elsewhere"))
        monkeypatch.setenv("VISION_ENDPOINT", server.url)
        assert refusal(cloud.AzureReader()).kind == "reply"
    assert not other.seen


def test_a_key_file_that_is_none_is_refused(monkeypatch, tmp_path):
    for content in (None, "{", '{"type": "service_account"}'):
        if content:
            (tmp_path / "key.json").write_text(content)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
        with pytest.raises(CloudError, match="credentials cannot be used") as caught:
            cloud.GoogleReader()
        assert caught.value.kind == "setup"


@each_service
def test_an_account_never_reaches_a_practice_server(account, service):
    with answering(500, b"{}") as server:
        reader = READERS[service](server.url)
        refusal(reader)
    heard = str(server.seen)
    assert reader.practice and len(server.seen) == 2
    assert not [name for name, value in SECRETS.items() if value in heard]
    if service == "google":
        assert not [headers for headers in server.seen if "authorization" in headers], (
            "it is asked without any key"
        )
    else:
        assert "practice" in heard


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://vision.googleapis.com",
        "8000",
        "http://127.0.0.1",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1:80\n",
        *(address for address in ELSEWHERE if address.startswith("http:")),
    ],
)
def test_only_this_machine_is_a_practice_server(endpoint):
    with pytest.raises(ValueError, match="practice server"):
        cloud.GoogleReader(endpoint)


@each_service
def test_keys_are_never_shown(service, account, address, monkeypatch, caplog, capfd, private_key):
    """What refuses them is on this machine: so requests are really made, with the keys in them."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("VISION_ENDPOINT", address)
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", address)
    hidden = [*SECRETS.values(), *private_key.splitlines()[1:-1]]
    send = requests.Session.request  # no setting leads Google's SDK to this machine with an account
    with answering(401, b'{"error": {"code": 401, "message": "invalid"}}') as server:

        def send_here(session, method, url, **more):
            return send(
                session, method, url.replace("https://vision.googleapis.com", server.url), **more
            )

        monkeypatch.setattr(requests.Session, "request", send_here)
        reader = READERS[service]()
        try:
            reader.read(DIGITS[0])
            raise AssertionError("these keys are none")
        except CloudError as error:
            assert error.kind == "credentials" and not reader.practice
            shown = [
                str(error),
                repr(error),
                traceback.format_exc(),
                repr(reader),
                caplog.text,
                *capfd.readouterr(),
            ]
        hidden += [headers["authorization"].split()[1] for headers in server.seen]
    assert len(hidden) > len(SECRETS) + 10 and bool(server.seen) == (service == "google")
    assert "credentials were refused" in "".join(shown)
    assert not [secret for secret in hidden if secret in "".join(shown)]


def test_credentials_that_are_right_are_used(account, address, monkeypatch):
    for name, value in {"VISION_ENDPOINT": f"{address}/ ", "VISION_KEY": "practice\n"}.items():
        monkeypatch.setenv(name, value)
    for name, value in {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "practice"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "practice")
    for service in ("amazon", "azure"):
        assert READERS[service]().read(DIGITS[0]).digit == CNN.read(DIGITS[0]).digit


# The packages


def test_import_from_any_folder_loads_no_sdk(tmp_path):
    code = "import sys, apps.cloud as c; c.has_credentials('amazon'); print(*sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    heavy = {
        "google.cloud",
        "google.auth",
        "boto3",
        "botocore",
        "azure",
        "azure.core",
        "tensorflow",
        "keras",
        "grpc",
    }
    assert "apps.cloud" in result.stdout.split() and not heavy & set(result.stdout.split())


@pytest.mark.parametrize(
    "service, module, package",
    [
        ("google", "google.cloud.vision", "google-cloud-vision"),
        ("amazon", "boto3", "boto3"),
        ("azure", "azure.ai.vision.imageanalysis", "azure-ai-vision-imageanalysis"),
    ],
)
def test_a_package_that_is_missing_is_named(service, module, package, monkeypatch, address):
    monkeypatch.setitem(sys.modules, module, None)
    if service == "google":
        import google.cloud

        monkeypatch.delattr(google.cloud, "vision", raising=False)
    with pytest.raises(CloudError, match=f"pip install {package}`") as caught:
        READERS[service](address)
    assert caught.value.kind == "setup"
