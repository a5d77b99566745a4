"""The web server reads what it is sent, refuses the rest with a reason, and starts and stops as a service should."""

import http.client
import io
import os
import re
import signal
import socket
import subprocess
import sys
from typing import get_args

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from apps.web import guard, server, worker
from benchmarks import records
from benchmarks.serving import OURS, drawing, megabytes, request, serving
from tests.lab import free_port, served
from tests.pictures import FAT_FIVE, cut_close
from tests.tree import ROOT
from utils import data, paper
from utils.photos import to_mnist_form
from utils.prediction import MODELS, DigitReader, UnreadableModel

DIGITS = data.load_mnist("sample")


@pytest.fixture(scope="module")
def client():
    with TestClient(server.app, raise_server_exceptions=False) as client:
        yield client


def post(client, *files, **fields):
    """Send files, each a name and its content, and other fields of the form."""
    return client.post("/predict", files=[("files", file) for file in files], data=fields)


def to_bytes(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


# Reading


def test_each_file_gets_the_readers_answer_in_order(client):
    drawings = [drawing(digit) for digit in DIGITS.x_test[:20]]
    answer = post(client, *((f"{number}.png", content) for number, content in enumerate(drawings)))
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    assert [each["name"] for each in predictions] == [f"{number}.png" for number in range(20)]
    reader = DigitReader()
    for each, content in zip(predictions, drawings, strict=True):
        expected = reader.read(content)
        assert (each["digit"], each["reason"]) == (expected.digit, "")
        assert (
            each["confidence"]
            == max(each["probabilities"])
            == pytest.approx(expected.confidence, abs=1e-6)
        )
        np.testing.assert_allclose(each["probabilities"], expected.probabilities, atol=1e-6)
        np.testing.assert_array_equal(each["image28"], to_mnist_form(content))
    assert np.mean([each["digit"] for each in predictions] == DIGITS.y_test[:20]) >= 0.95


def test_a_page_without_a_digit_gets_the_reason(client):
    [reading] = post(client, ("page.png", to_bytes(Image.new("L", (280, 280), "white")))).json()[
        "predictions"
    ]
    assert (reading["digit"], reading["image28"], reading["confidence"]) == (None, None, 0)
    assert "blank" in reading["reason"]
    assert reading["probabilities"] == pytest.approx([0.1] * 10)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_a_file_is_counts_and_not_what_it_is_called(client, kind):
    content = to_bytes(Image.open(io.BytesIO(drawing(DIGITS.x_test[0]))), kind)
    answer = client.post("/predict", files=[("files", ("notes.exe", content, "text/html"))])
    assert answer.json()["predictions"][0]["digit"] == DIGITS.y_test[0]


def test_the_ink_can_be_named(client):
    content = to_bytes(Image.fromarray(cut_close(DIGITS.x_test[FAT_FIVE])))
    assert server.Ink == paper.Ink
    read = {ink: post(client, ("five.png", content), ink=ink).json() for ink in get_args(paper.Ink)}
    digits = {ink: answer["predictions"][0]["digit"] for ink, answer in read.items()}
    assert digits["light"] == 5 and digits["auto"] == digits["dark"] != 5
    answer = post(client, ("five.png", content), ink="blue")
    assert answer.status_code == 422
    assert answer.json() == {"detail": "expected auto or dark or light in the form field `ink`"}


def test_a_file_that_cannot_be_read_is_named(client):
    answer = post(client, ("good.png", drawing(DIGITS.x_test[0])), ("letter.png", b"Dear Sir"))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("letter.png: ") and "good.png" not in answer.text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"json": {"files": []}},
        {"data": {"files": "text"}},
        {"files": {"file": ("a.png", b"x")}},
    ],
)
def test_a_form_without_files_is_told_what_is_expected(client, options):
    answer = client.post("/predict", **options)
    assert answer.status_code == 422
    assert "form field `files`" in answer.json()["detail"]


# The service


def test_health_and_readiness(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready", "model": "robust"}


def test_the_page_refuses_what_the_server_would():
    script = (ROOT / "apps/web/frontend/src/server.js").read_text()
    [largest] = re.findall(r"LARGEST = ([\d_]+);", script)
    assert int(largest) == guard.LARGEST_BODY


def test_every_response_carries_the_security_headers(client, monkeypatch):
    monkeypatch.setattr(server, "read", lambda *arguments: 1 / 0)
    answers = [
        client.get("/health"), client.get("/nowhere"), client.put("/predict"), post(client),
        post(client, ("large", bytes(guard.LARGEST_BODY))), post(client, ("a", b"a")),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 404, 405, 422, 413, 500]
    answers.append(client.get("/"))
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_the_server_shows_nothing_of_its_inside(client, monkeypatch):
    monkeypatch.setattr(server, "read", lambda *arguments: 1 / 0)
    answer = post(client, ("a.png", b"a"))
    assert answer.status_code == 500
    assert answer.json() == {"detail": "the server made a mistake: its log says which"}


def test_the_api_describes_itself(client):
    description = client.get("/openapi.json").json()
    answers = description["paths"]["/predict"]["post"]["responses"]
    assert set(answers) == {"200", "400", "408", "413", "422", "503"}
    assert {
        answers[code]["content"]["application/json"]["schema"]["$ref"]
        for code in set(answers) - {"200"}
    } == {"#/components/schemas/Problem"}
    reading = description["components"]["schemas"]["Reading"]["properties"]
    facts = {"name", "digit", "confidence", "probabilities", "no_digit", "reason", "image28"}
    assert set(reading) == facts


def front_end(folder):
    app = guard.GuardedAPI()
    server.show_front_end(app, folder)
    return TestClient(app)


def test_without_a_built_page_the_server_says_how_to_build_it(tmp_path):
    answer = front_end(tmp_path / "dist").get("/")
    assert answer.status_code == 503
    assert "make web" in answer.text


def test_the_built_page_is_served_and_nothing_beside_it(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("the page")
    (tmp_path / "dist" / "assets" / "a.js").write_text("the script")
    page = front_end(tmp_path / "dist")
    assert page.get("/").text == "the page"
    assert page.get("/assets/a.js").text == "the script"
    assert "javascript" in page.get("/assets/a.js").headers["content-type"]
    for path in (
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/%00",
    ):
        assert page.get(path).status_code == 404


# The model


def test_the_environment_chooses_the_model_by_name_or_by_path(monkeypatch, tmp_path):
    mine = tmp_path / "mine.onnx"
    mine.write_bytes((MODELS / "tiny.onnx").read_bytes())
    for model, name in [("compact", "compact"), (str(mine), "mine"), ("", "robust")]:
        monkeypatch.setenv("MODEL", model)
        with TestClient(server.app) as client:
            assert client.get("/ready").json()["model"] == name
            [reading] = post(client, ("digit.png", drawing(DIGITS.x_test[0]))).json()["predictions"]
            assert reading["digit"] == DIGITS.y_test[0]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nobody", r"no model .*nobody\.onnx: give a name from data/models \(compact, "),
        ("nobody.onnx", "no model nobody.onnx"),
        (
            str(MODELS / "robust.keras"),
            r"robust\.keras: the server reads \.onnx files only",
        ),  # it would need TensorFlow
        (str(ROOT / "README.md"), r"README\.md: the server reads \.onnx files only"),
    ],
)
def test_a_wrong_model_is_refused(model, message):
    with pytest.raises((FileNotFoundError, UnreadableModel), match=message):
        worker.open_model(model)


def test_a_diverged_model_is_refused_before_the_server_is_ready(monkeypatch, tmp_path):
    model = onnx.load(MODELS / "tiny.onnx")
    for weights in model.graph.initializer:
        if weights.data_type == onnx.TensorProto.FLOAT:
            nan = np.full_like(onnx.numpy_helper.to_array(weights), np.nan)
            weights.CopyFrom(onnx.numpy_helper.from_array(nan, weights.name))
    onnx.save(model, tmp_path / "mine.onnx")
    monkeypatch.setenv("MODEL", str(tmp_path / "mine.onnx"))
    with pytest.raises(RuntimeError, match="smaller learning rate"), TestClient(server.app):
        pass


@pytest.mark.parametrize("wrong", ["MODEL=nobody", "PORT=eight"])
def test_a_wrong_setting_stops_the_start_with_one_sentence(wrong, monkeypatch):
    name, value = wrong.split("=")
    monkeypatch.setenv(name, value)
    result = subprocess.run(OURS, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"{name}: ") and result.stderr.count("\n") == 1, result.stderr


def test_a_port_that_is_taken_is_said_with_what_to_do(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        monkeypatch.setenv("PORT", str(somebody.getsockname()[1]))
        result = subprocess.run(OURS, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "try another PORT" in result.stderr and result.stderr.count("\n") == 1, result.stderr


# The process


def test_serving_needs_no_tensorflow_and_little_memory():
    asks = "import sys, apps.web.server; sys.exit(bool({'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", asks], cwd=ROOT, check=True)
    with serving(OURS) as (process, port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for digit in DIGITS.x_test[:200]:
            connection.sock or connection.connect()
            connection.sock.sendall(request(drawing(digit)))
            answer = http.client.HTTPResponse(connection.sock)
            answer.begin()
            assert answer.status == 200 and answer.read()
        assert megabytes(process) <= 300


WITHOUT_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # from now on, writing a picture to a file fails
from apps.web.__main__ import main
main()
"""


def test_no_file_is_ever_written():
    photo = to_bytes(
        Image.open(io.BytesIO(drawing(DIGITS.x_test[0]))).convert("RGB").resize((1700, 1700)), "BMP"
    )
    assert 8e6 < len(photo) < guard.LARGEST_BODY
    with serving([sys.executable, "-c", WITHOUT_FILES]) as (_, port, _):
        status, answer = talk(port, request(photo))
    assert status == 200, answer
    assert b'"digit":%d' % DIGITS.y_test[0] in answer


def talk(port, message):
    """Send the bytes of a request, and return the status and the body of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(message)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


@pytest.mark.parametrize(
    "command", [OURS, [sys.executable, "-m", "uvicorn", "apps.web.server:app"]]
)
def test_a_request_in_flight_is_finished_before_the_server_stops(command):
    message = request(drawing(DIGITS.x_test[0]))
    with serving(command) as (process, port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(message[:-100])
            talk(
                port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )  # so the first one has been taken in
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionError):  # refused, or reset while the server hangs up
                while True:
                    socket.create_connection(("127.0.0.1", port)).close()
            connection.sendall(message[-100:])
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200 and b'"digit"' in answer.read()
        assert process.wait(60) in (0, -signal.SIGTERM)


HASTY = """
from apps.web import __main__
__main__.GRACE = 1
__main__.main()
"""


def test_an_upload_that_never_ends_holds_up_no_end(tmp_path):
    port, log = free_port(), tmp_path / "log"
    command, ready = [sys.executable, "-c", HASTY], f"http://127.0.0.1:{port}/ready"
    with (
        served(command, ready, log, ROOT, os.environ | {"PORT": str(port)}) as process,
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(request(drawing(DIGITS.x_test[0]))[:-100])
        talk(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")  # so it's taken in
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    assert "Cancel 1 running task" in log.read_text() and "Traceback" not in log.read_text()


def test_the_recorded_load_is_what_the_course_promises():
    record = records.load("serving")
    ours, rival = (
        np.median(record["requests_per_second"][name]) for name in ("ours", "model.predict")
    )
    assert record["ratio"] == pytest.approx(ours / rival, abs=0.06) and record["ratio"] >= 10
    assert record["latency"]["requests_per_second"] == 100 and record["latency"]["p99_ms"] <= 50
    assert record["soak"]["requests"] >= 60_000 and record["soak"]["growth_mb"] <= 20
    assert max(record["start_to_ready_seconds"]) <= 3
    assert max(record["memory_mb"]["ours"], record["soak"]["after_mb"]) <= 300
