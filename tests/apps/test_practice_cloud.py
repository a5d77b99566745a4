"""The practice server speaks as the three services do, says that it is none of them, and fails when it is told to."""

import asyncio
import base64
import io
import signal
import socket
import subprocess
import sys
import threading
import time
from unittest.mock import MagicMock

import httpx
import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastapi.testclient import TestClient
from PIL import Image

from apps.cloud import READERS, practice, to_service_form
from apps.cloud.practice import FAULTS, LABEL, LARGEST_BODY, MOST_READINGS
from tests.tree import ROOT
from utils.data import load_mnist
from utils.prediction import DigitReader

DIGITS = load_mnist("sample").x_test
CNN = DigitReader()
READ = {"Ocp-Apim-Subscription-Key": "practice"}
ANALYZE = "/computervision/imageanalysis:analyze?features=read&api-version=2023-10-01"
COMMAND = [sys.executable, "-m", "apps.cloud.practice"]


@pytest.fixture
def client():
    with TestClient(practice.create_app(CNN), "http://127.0.0.1:8000") as client:
        yield client


def to_png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


PNG = to_png(to_service_form(DIGITS[0]))
DIGIT = CNN.read(PNG)
BLANK = to_png(Image.new("L", (280, 280), "white"))


def ask_google(client, picture=PNG, kind="DOCUMENT_TEXT_DETECTION"):
    image = {"content": base64.b64encode(picture).decode()}
    return client.post(
        "/v1/images:annotate", json={"requests": [{"image": image, "features": [{"type": kind}]}]}
    )


def ask_amazon(
    client, picture=PNG, key="practice", secret="practice", operation="DetectText", spoil=None
):
    """Send what boto3 sends, signed by botocore; `spoil` may change the headers afterwards."""
    content = b'{"Image": {"Bytes": "%s"}}' % base64.b64encode(picture)
    headers = {
        "X-Amz-Target": f"RekognitionService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    request = AWSRequest("POST", "http://127.0.0.1:8000/", headers=headers, data=content)
    SigV4Auth(Credentials(key, secret), "rekognition", "eu-west-1").add_auth(request)
    headers = dict(request.headers)
    if spoil:
        spoil(headers)
    return client.post("/", content=content, headers=headers)


def ask_azure(client, picture=PNG, url=ANALYZE, headers=READ):
    return client.post(url, content=picture, headers=headers)


ASK = {"google": ask_google, "amazon": ask_amazon, "azure": ask_azure}
each_service = pytest.mark.parametrize("service", ASK)


def test_google_finds_the_digit_down_its_tree(client):
    answer = ask_google(client)
    [reply] = answer.json()["responses"]
    word = reply["fullTextAnnotation"]["pages"][0]["blocks"][0]["paragraphs"][0]["words"][0]
    assert (
        reply["textAnnotations"][0]["description"]
        == reply["fullTextAnnotation"]["text"]
        == str(DIGIT.digit)
    )
    assert word["symbols"][0]["text"] == str(DIGIT.digit) and word["confidence"] == pytest.approx(
        DIGIT.confidence
    )
    assert ask_google(client, kind="TEXT_DETECTION").json() == answer.json()
    assert ask_google(client, kind="FACE_DETECTION").status_code == 400
    assert ask_google(client, BLANK).json() == {"responses": [{}]}


def test_amazon_finds_the_digit_as_a_line_and_as_a_word(client):
    answer = ask_amazon(client)
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    found = answer.json()["TextDetections"]
    assert [text["Type"] for text in found] == ["LINE", "WORD"]
    assert [text["DetectedText"] for text in found] == [str(DIGIT.digit)] * 2
    assert found[1]["Confidence"] == pytest.approx(100 * DIGIT.confidence)
    assert ask_amazon(client, BLANK).json() == {
        "TextDetections": [],
        "TextModelVersion": "practice",
    }


def test_azure_finds_the_digit_in_a_block_in_a_line(client):
    answer = ask_azure(client).json()
    [word] = answer["readResult"]["blocks"][0]["lines"][0]["words"]
    assert (word["text"], answer["modelVersion"]) == (str(DIGIT.digit), "practice")
    assert word["confidence"] == pytest.approx(DIGIT.confidence)
    assert answer["metadata"] == {"width": 280, "height": 280}
    assert ask_azure(client, BLANK).json()["readResult"] == {"blocks": []}


@each_service
def test_every_answer_says_whose_it_is(client, service):
    assert ASK[service](client).headers["X-Practice-Server"] == LABEL
    assert ASK[service](client, b"no picture").headers["X-Practice-Server"] == LABEL
    assert client.get("/").json() == {"label": LABEL, "requests": {service: 2}, "faults": {}}


@pytest.mark.parametrize(
    "options, code",
    [
        ({"key": "AKIAREAL"}, "UnrecognizedClientException"),
        ({"secret": "guessed"}, "InvalidSignatureException"),
        (
            {"spoil": lambda headers: headers.pop("Authorization")},
            "MissingAuthenticationTokenException",
        ),
        (
            {"spoil": lambda headers: headers.update({"X-Amz-Date": "20200101T000000Z"})},
            "InvalidSignatureException",
        ),
        ({"operation": "DetectFaces"}, "UnknownOperationException"),
    ],
)
def test_amazons_signature_is_checked(client, options, code):
    answer = ask_amazon(client, **options)
    assert (answer.status_code, answer.json()["__type"]) == (400, code)


def test_amazons_signature_covers_the_body(client):
    signed = ask_amazon(client).request
    answer = client.post(
        "/", content=signed.content.replace(b"Bytes", b"bytes"), headers=signed.headers
    )
    assert answer.json()["__type"] == "InvalidSignatureException"


def test_azures_key_and_question_are_checked(client):
    assert ask_azure(client, headers={}).status_code == 401
    assert (
        ask_azure(client, headers={"Ocp-Apim-Subscription-Key": "guessed"}).json()["error"]["code"]
        == "401"
    )
    assert ask_azure(client, url=ANALYZE.replace("read", "tags")).status_code == 400
    assert ask_azure(client, url=ANALYZE.partition("&")[0]).status_code == 400


@each_service
def test_what_is_no_picture_is_refused(client, service):
    for picture in (b"", b"no picture", PNG[:300]):
        assert ASK[service](client, picture).status_code == 400


def test_what_is_too_small_for_a_service_is_refused(client):
    small = {
        side: to_png(Image.fromarray(255 - DIGITS[0]).resize((side, side))) for side in (28, 50, 80)
    }
    taken = {
        service: [ask(client, small[side]).status_code == 200 for side in small]
        for service, ask in ASK.items()
    }
    assert taken == {
        "google": [True] * 3,
        "amazon": [False, False, True],
        "azure": [False, True, True],
    }


def test_what_is_too_large_is_refused(client):
    assert ask_azure(client, b"0" * LARGEST_BODY).status_code == 400, (
        "no picture, but not too large"
    )
    assert ask_azure(client, b"0" * (LARGEST_BODY + 1)).status_code == 413


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"requests": [{}]}', b'{"requests": [{"features": 1}]}']
)
def test_what_makes_no_sense_is_refused(client, content):
    answer = client.post("/v1/images:annotate", content=content)
    assert answer.status_code == answer.json()["error"]["code"] == 400


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"requests":' * 200_000])
def test_what_is_deeply_nested_is_refused(client, deep):
    answer = client.post("/v1/images:annotate", content=deep)
    assert answer.status_code == answer.json()["error"]["code"] == 400
    assert client.put("/fault", content=deep).status_code in (400, 422)


def post(service):
    """Return the path of a service, and a request that it answers."""
    client = MagicMock()
    ASK[service](client)
    [[path], options] = client.post.call_args
    return path, options


def ask_at_once(service, taken, refused):
    """Return the answers to so many requests at once, of which some must be refused, and to one afterwards."""
    go_on = threading.Event()

    class Slow:
        def read(self, picture):
            go_on.wait(20)
            return DIGIT

    async def ask_all():
        app = httpx.ASGITransport(practice.create_app(Slow()))
        async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8000") as client:
            path, options = post(service)
            asked = [client.post(path, **options) for _ in range(taken + refused)]
            answers = []
            for answer in asyncio.as_completed(asked):
                answers.append(await answer)
                if len(answers) == refused:
                    go_on.set()
            return answers, await client.post(path, **options)

    answers, later = asyncio.run(ask_all())
    assert [answer.status_code for answer in answers[refused:]] == [200] * taken
    assert later.status_code == 200
    return answers[:refused]


@each_service
def test_more_readings_at_once_than_it_takes_are_refused(service):
    status, _, said = practice.SERVICES[service].failures["429"]
    for answer in ask_at_once(service, MOST_READINGS, 3):
        assert answer.status_code == status and said in answer.text


@each_service
def test_more_bytes_at_once_than_it_holds_are_refused(service, monkeypatch):
    path, options = post(service)
    size = len(httpx.Request("POST", f"http://127.0.0.1{path}", **options).read())
    monkeypatch.setattr(practice, "MOST_HELD", 4 * size + 100)
    for answer in ask_at_once(service, 4, 3):
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
        assert "try again" in answer.text


def test_a_fault_has_no_more_bytes_than_a_picture(client):
    assert client.put("/fault", content=b" " * LARGEST_BODY + b"{}").status_code == 400


# Faults


@each_service
def test_a_fault_meets_one_service_and_ends(client, service):
    client.put("/fault", json={"service": service, "kind": "500"})
    assert [ask(client).status_code for name, ask in ASK.items() if name != service] == [200, 200]
    assert ASK[service](client).status_code == 500
    client.delete("/fault")
    assert ASK[service](client).status_code == 200


def test_faults_say_what_each_service_says(client):
    answers = {}
    for kind in ("429", "403", "500"):
        client.put("/fault", json={"kind": kind})
        answers[kind] = {service: ask(client).status_code for service, ask in ASK.items()}
    assert answers["429"] == {"google": 429, "amazon": 400, "azure": 429}, "Amazon says it in words"
    assert answers["403"] == {"google": 403, "amazon": 400, "azure": 403}
    assert ask_amazon(client).json()["__type"] == "InternalServerError"


def test_a_fault_may_pass(client):
    client.put("/fault", json={"service": "google", "kind": "429", "times": 2})
    assert [ask_google(client).status_code for _ in range(3)] == [429, 429, 200]
    client.put("/fault", json={"service": "all", "kind": "403", "times": 1})
    for ask in ASK.values():
        assert [ask(client).status_code >= 400 for _ in range(2)] == [True, False]


@each_service
def test_slow_empty_and_malformed(client, service):
    client.put("/fault", json={"service": service, "kind": "slow", "seconds": 0.2})
    start = time.monotonic()
    assert ASK[service](client).status_code == 200 and time.monotonic() - start >= 0.2
    client.put("/fault", json={"service": service, "kind": "empty"})
    assert ASK[service](client).json() == ASK[service](client, BLANK).json()
    client.put("/fault", json={"service": service, "kind": "malformed"})
    with pytest.raises(ValueError):
        ASK[service](client).json()


def test_only_known_faults_are_taken(client):
    assert FAULTS == ("slow", "429", "403", "500", "malformed", "empty")
    for fault in (
        {"kind": "418"},
        {"kind": "429", "service": "ibm"},
        {"kind": "429", "times": 0},
        {},
    ):
        assert client.put("/fault", json=fault).status_code == 422
    assert client.get("/").json()["faults"] == {}


# Running


def start(*options):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *options], cwd=ROOT, text=True, **pipes)


def test_it_says_where_it_listens_and_ends_when_it_shall():
    """Both servers have a request in hand that takes a minute."""
    with start("--until-stdin-ends") as follower, start() as server:
        for process in (follower, server):
            address, _, label = process.stdout.readline().partition(" ")
            assert address.startswith("http://127.0.0.1:") and label == f"({LABEL})\n"
            found = psutil.Process(process.pid).net_connections()
            listening = {one.laddr for one in found if one.status == psutil.CONN_LISTEN}
            assert {f"http://{ip}:{port}" for ip, port in listening} == {address}
            httpx.put(f"{address}/fault", json={"kind": "slow", "seconds": 60}).raise_for_status()
            with pytest.raises(httpx.ReadTimeout):
                ask_google(httpx.Client(base_url=address, timeout=0.3))
        follower.stdin.close()
        server.send_signal(signal.SIGTERM)
        follower.wait(30)
        server.wait(30)
        assert [
            process.stderr.read() + process.stdout.read() for process in (follower, server)
        ] == ["", ""]


def test_a_port_that_is_taken_is_named(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for wrong in (port, "70000"):
            monkeypatch.setattr(sys, "argv", ["practice", "--port", wrong])
            with pytest.raises(SystemExit, match=f"--port {wrong} cannot be had"):
                practice.main()


@each_service
def test_a_reader_finds_it_past_a_proxy(service, monkeypatch):
    """A proxy would look for the address on its own machine; this one refuses all."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken, practice.practice_cloud(CNN) as address:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        proxy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)
        assert READERS[service](address, timeout=5).read(DIGITS[0]).digit == DIGIT.digit


def test_a_program_may_hold_one_for_itself():
    with practice.practice_cloud(CNN) as address:
        assert httpx.get(address).json()["label"] == LABEL
        client = httpx.Client(base_url=address)
        replies = [
            ask_google(client, to_png(to_service_form(digit))).json()["responses"][0]
            for digit in DIGITS[:5]
        ]
        found = [reply["fullTextAnnotation"]["text"] for reply in replies]
        assert found == [str(CNN.read(digit).digit) for digit in DIGITS[:5]]
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
