"""Whatever the web server is sent, it refuses with a reason or hangs up, and goes on answering everybody else."""

import asyncio
import contextlib
import http.client
import io
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib

import pillow_heif
import psutil
import pytest
import schemathesis
from fastapi import HTTPException
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from PIL import Image

from apps.untrusted import Size
from apps.web import guard, server, worker
from apps.web.__main__ import allow_connections
from apps.web.line import Busy, Line
from benchmarks.serving import drawing, megabytes, request, serving
from tests.apps import dying
from tests.tree import ROOT
from utils import data
from utils.paper import UnreadableImage

HANGS = 60  # seconds, after which a server counts as one that never answers
DIGIT = data.load_mnist("sample").x_test[0]
HONEST = request(drawing(DIGIT))
# The server as it is, but for its patience, in seconds: a test cannot wait for minutes.
IMPATIENT = """
from apps.web import __main__, guard, protocol
guard.STALL, guard.WHOLE, guard.LINGER, protocol.PATIENCE = {0}, 2 * {0}, 1, {0}
__main__.main()
"""
# The server as it is when a long line of pictures waits.
BUSY = """
from apps.web import __main__, line
line.MOST_WAITING = 0
__main__.main()
"""
FORM = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
CHUNK = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))


@pytest.fixture(scope="module")
def running():
    """Yield the process and the port of a server; at the end, it must still answer."""
    with serving([sys.executable, "-c", IMPATIENT.format(2)]) as (process, port, _):
        yield process, port
        honest(port)


@pytest.fixture
def port(running):
    return running[1]


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=HANGS)


def answer(connection):
    """Return the status of the response and its body, or None where the server hung up."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return response.status, response.read().decode()
    except (ConnectionError, http.client.HTTPException):
        return None, ""


def send(port, message):
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(message)
        return answer(connection)


def honest(port):
    """Send an honest request, which must be answered."""
    status, body = send(port, HONEST)
    assert status == 200, body


def seconds_used(process):
    """Return the processor time that a server has taken, which is the same however busy the machine is."""
    server = psutil.Process(process.pid)
    used = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return sum(one.user + one.system for one in used)


# Any request that the description of the API allows, and many that it does not

# Not `from_asgi`, which starts the server in threads while pytest still imports tests.
API = schemathesis.openapi.from_dict(server.app.openapi())
API.app = server.app


@pytest.fixture(scope="module")
def reader():
    with TestClient(server.app):
        yield


@pytest.mark.usefixtures("reader")
@API.parametrize()
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_promises_of_the_api(case):
    # No schema can say which bytes are a picture: so most of what it allows is refused, with a reason.
    case.call_and_validate(
        excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
    )


# Files


def png(width, height, pixels=bytes(1_000_000)):
    """Return a PNG that says how large it is, and holds these black or white pixels."""

    def block(kind, content):
        checksum = zlib.crc32(kind + content).to_bytes(4)
        return len(content).to_bytes(4) + kind + content + checksum

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([1, 0, 0, 0, 0])
    content = block(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + content + block(b"IEND", b"")


def gif(width, height):
    file = io.BytesIO()
    Image.new("P", (8, 8)).save(file, "GIF")
    content = bytearray(file.getvalue())
    content[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return bytes(content)


def tall_jpeg():
    file = io.BytesIO()
    Image.new("L", (64, 64), "white").save(file, "JPEG")
    content = bytearray(file.getvalue())
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = b"\xff\xdc\xff\xdc"  # 65,500 x 65,500 pixels
    return bytes(content)


def heic(mode, width, said=None):
    """Return a white HEIC; one that only says how large it is takes a moment, a real one seconds."""
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new(mode, (width, width), "white")).save(file, quality=10)
    size, content = width.to_bytes(4) * 2, file.getvalue()
    assert size in content
    return content.replace(size, (said or width).to_bytes(4) * 2)


BAD = {
    "nothing": b"",
    "one byte": b"\x89",
    "text": b"Dear Sir,\n" * 100,
    "a page that runs a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "an archive": b"PK\x03\x04" + bytes(1000),
    "half a PNG": drawing(DIGIT)[:2000],
    "only the start of a PNG": drawing(DIGIT)[:40],
    "a PNG bomb": png(60_000, 60_000),
    "a PNG of 49 million pixels, sound but for its size": png(
        7000, 7000, (b"\0" + bytes(875)) * 7000
    ),
    "a GIF bomb": gif(65_535, 65_535),
    "a JPEG bomb": tall_jpeg(),
    "a picture without pixels": png(0, 0),
    "a HEIC that is none": b"\x00\x00\x00\x18ftypheic" + bytes(500),
    "a TIFF that points to itself": b"II*\x00\x08\x00\x00\x00" + b"\x08\x00\x00\x00" * 20,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_and_costs_little(running, name):
    process, port = running
    honest(port)
    before, start = megabytes(process), seconds_used(process)
    status, body = send(port, request(BAD[name]))
    assert status == 422 and "digit.png" in body, body
    assert "Traceback" not in body and ".py" not in body
    assert seconds_used(process) - start <= 1
    assert megabytes(process) - before <= 50


@pytest.mark.parametrize(
    ("mode", "width", "expected"), [("L", 4500, 200), ("L", 5100, 422), ("RGBA", 4500, 422)]
)
def test_a_heic_is_read_unless_it_would_fill_the_memory(port, mode, width, expected):
    status, body = send(
        port, request(heic(mode, width) if expected == 200 else heic(mode, 64, said=width))
    )
    assert status == expected
    assert ("blank" if status == 200 else f"{width} x {width} pixels, at most ") in body


@pytest.mark.parametrize(
    ("scans", "side", "expected"), [(3, 5000, 0), (12, 4000, 0), (100, 1400, 0), (100, 1500, 2)]
)
def test_the_more_scans_the_fewer_pixels(scans, side, expected):
    """A decoder's work is their product."""
    fault = pytest.raises(UnreadableImage, match=f"at most {expected},000,000 are read")
    with fault if expected else contextlib.nullcontext():
        worker._check_pixels(b"\xff\xd8", Size(side, side, scans))


def test_a_webp_may_have_13_million_pixels_and_a_png_16_million():
    worker._check_pixels(b"\x89PNG", Size(4000, 4000))
    worker._check_pixels(b"RIFF", Size(3600, 3600))
    with pytest.raises(UnreadableImage, match="4000 x 4000 pixels, at most 13,000,000"):
        worker._check_pixels(b"RIFF", Size(4000, 4000))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\\\boot.ini", "a\x00b", "🖋.png", "<b>", "x" * 500]
)
def test_a_name_is_only_a_name(port, name):
    part = PART.replace(b"a.png", name.encode())
    body = part + drawing(DIGIT) + b"\r\n--x--\r\n"
    status, text = send(port, FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status in (200, 400), text


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "punycode", "undefined", "utf-16", "hex", "nonsense"]
)
def test_no_charset_of_a_form_is_a_fault(port, charset):
    body = PART.replace(b"a.png", b"\\ud800") + b"text\r\n--x--\r\n"
    form = FORM.replace(b"boundary=x", b"boundary=x; charset=" + charset.encode())
    status, text = send(port, form + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status in (400, 422), text


def test_too_many_files_and_fields_are_refused(port):
    for part in (PART, PART.replace(b'; filename="a.png"', b"")):
        body = (part + b"a\r\n") * 200 + b"--x--\r\n"
        status, text = send(port, FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert status == 400 and "Too many" in text, text


def test_a_form_of_separators_is_not_parsed(running):
    process, port = running
    before = seconds_used(process)
    form = FORM.replace(b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded")
    status, text = send(port, form + b"Content-Length: 9000000\r\n\r\n" + b"&" * 9_000_000)
    assert status == 422 and "multipart/form-data" in text
    assert seconds_used(process) - before <= 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:80", 200), ("digits.example.org", 400)],
)
def test_only_addresses_of_this_machine_are_answered(port, host, expected):
    status, _ = send(port, f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert status == expected


def test_a_redirect_never_names_another_host(port):
    with connect(port) as connection:
        connection.sendall(b"GET /health/ HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 404 and response.headers["location"] is None


# Bytes that are no request


@pytest.mark.parametrize(
    "message",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,  # a greeting in TLS
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        FORM + b"Content-Length: -1\r\n\r\n",
        FORM + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        FORM + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
        FORM + b"Transfer-Encoding: gzip\r\n\r\nabc",
        FORM.replace(b"; boundary=x", b"") + b"Content-Length: 3\r\n\r\nabc",
        FORM + b"Content-Length: 3\r\n\r\nabc",
        FORM + b"Content-Length: %d\r\n\r\n" % (len(PART) + 1) + PART + b"a",  # the form never ends
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused(port, message):
    status, body = send(port, message)
    assert status is None or 400 <= status < 500 or status == 501, (status, body)
    assert "root:" not in body and "Traceback" not in body
    honest(port)


# Bodies that are too large, too slow, too many


@pytest.mark.parametrize(
    "head", [b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 1073741824\r\n\r\n"]
)
def test_a_gigabyte_is_given_up_early(running, head):
    process, port = running
    honest(port)
    before = megabytes(process)
    with connect(port) as connection:
        connection.sendall(
            FORM + head + (b"%x\r\n%s\r\n" % (len(PART), PART) if b"chunked" in head else PART)
        )
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 1 << 30:
                connection.sendall(CHUNK)
                sent += len(CHUNK)
                if sent % (100 << 20) == 0:
                    honest(port)
        assert answer(connection)[0] in (413, None)
    assert sent < 1 << 30
    assert megabytes(process) - before <= 60


def test_body_a_little_too_large_is_drained_and_explained(port):
    with connect(port) as connection:
        connection.sendall(request(bytes(25_000_000)))
        status, body = answer(connection)
    assert (status, "more than 10 MB" in body) == (413, True)


def test_a_body_that_stalls_is_given_up(port):
    start = time.perf_counter()
    status, body = send(port, HONEST[:-50])
    assert (status, "stalled" in body) == (408, True)
    assert time.perf_counter() - start >= 1.5


@pytest.mark.parametrize(("limit", "pause"), [("STALL", 3600), ("WHOLE", 0)])
def test_either_limit_on_a_body_is_enough(monkeypatch, limit, pause):
    async def receive():
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def take_in():
        body = guard.Body(receive)
        while True:
            await body()

    monkeypatch.setattr(guard, "STALL", 3600)
    monkeypatch.setattr(guard, "WHOLE", 3600)
    monkeypatch.setattr(guard, limit, 0.2)
    with pytest.raises(HTTPException) as refusal:
        asyncio.run(asyncio.wait_for(take_in(), HANGS))
    assert refusal.value.status_code == 408


@pytest.mark.parametrize("message", [b"", b"GET /hea", HONEST[:50]])
def test_headers_that_stall_are_given_up(port, message):
    start = time.perf_counter()
    assert send(port, message) == (None, "")
    assert time.perf_counter() - start >= 1.5


def test_a_connection_may_be_used_again_but_not_kept_for_ever(port):
    with connect(port) as used, connect(port) as idle:
        while not select.select([idle], [], [], 0.2)[
            0
        ]:  # until the server hangs up on the idle one
            used.sendall(HONEST)
            assert answer(used)[0] == 200
        used.sendall(b"GET /hea")
        assert answer(used)[0] is None


@pytest.mark.parametrize("message", [HONEST, b"GET /health HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_request_that_drips_is_given_up(port, message):
    start = time.perf_counter()
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = message.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in message else 10
        connection.sendall(message[:begun])
        with contextlib.suppress(ConnectionError):
            for byte in message[begun:] * 10:
                connection.sendall(bytes([byte]))
                time.sleep(0.5)
                if time.perf_counter() - start > HANGS:
                    pytest.fail("the server still listens")
        assert answer(connection)[0] in (408, None)


def test_a_thousand_slow_connections_keep_nobody_waiting():
    allow_connections()
    starts = [
        b"",
        b"POST /predict HTTP/1.1\r\nHo",
        HONEST[:200],
        HONEST[:-50],
        FORM + b"Content-Length: 9000000\r\n\r\n",
    ]
    with (
        serving([sys.executable, "-c", IMPATIENT.format(15)]) as (process, port, _),
        contextlib.ExitStack() as stack,
    ):
        honest(port)
        before = megabytes(process)
        connections = [stack.enter_context(connect(port)) for _ in range(1000)]
        for number, connection in enumerate(connections):
            connection.sendall(starts[number % len(starts)])
        for _ in range(6):  # the first tells that the server has taken them all in
            honest(port)
        assert len(psutil.Process(process.pid).net_connections()) > 1000
        assert {answer(connection)[0] for connection in connections} == {
            None,
            408,
        }  # each is given up, by and by
        honest(port)
        assert megabytes(process) - before <= 100


def test_large_pictures_of_one_visitor_do_not_block_another(port):
    picture = io.BytesIO()
    Image.new("RGB", (3000, 3000), "white").save(picture, "PNG")
    part = PART + picture.getvalue() + b"\r\n"
    body = part * 12 + b"--x--\r\n"
    greedy = threading.Thread(
        target=send, args=(port, FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    )
    greedy.start()
    drawings = 0
    while greedy.is_alive():
        honest(port)
        drawings += 1
    assert drawings > 2 * 12  # with one wait for each picture, it would be 12


def test_many_large_pictures_delay_no_drawing_and_fit_in_memory(running):
    process, port = running
    picture = io.BytesIO()
    Image.new("RGBA", (4000, 4000), "white").save(picture, "PNG")
    body = PART + picture.getvalue() + b"\r\n--x--\r\n"
    message = FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body
    greedy = [threading.Thread(target=send, args=(port, message)) for _ in range(6)]
    for visitor in greedy:
        visitor.start()
    held = []
    while any(visitor.is_alive() for visitor in greedy):
        honest(port)
        held.append(megabytes(process))
    assert len(held) > 2 * 6  # with one wait for each picture, it would be 6
    assert max(held) <= 700


# More than can be done


@pytest.fixture
def line():
    """Yield a line that has one process."""
    with Line("tiny", 1) as line:
        yield line


@pytest.mark.parametrize("at_hand", [0, 1])
def test_a_line_that_is_too_long_refuses_at_once(at_hand, monkeypatch):
    monkeypatch.setattr("apps.web.line.MOST_WAITING", 3)

    async def rush(line):
        await line.open()
        return await asyncio.gather(
            *(line.read(drawing(DIGIT), "auto") for _ in range(20)), return_exceptions=True
        )

    with Line("tiny", 1, at_hand) as line:
        answers = asyncio.run(rush(line))
    refused = [answer for answer in answers if isinstance(answer, Busy)]
    assert len(refused) == 20 - 1 - at_hand - 3  # one is being read, and three may wait
    assert all(answer["digit"] == 5 for answer in answers if not isinstance(answer, Busy))


def test_what_waits_for_too_long_is_put_off(line, monkeypatch):
    monkeypatch.setattr("apps.web.line.PATIENCE", 0.2)

    async def wait():
        await line.free.acquire()
        await line.free.acquire()
        await line.read(drawing(DIGIT), "auto")

    with pytest.raises(Busy):
        asyncio.run(wait())
    assert not line.waiting


def test_pictures_of_clients_that_left_are_not_read(line, monkeypatch):
    begun, schedule = [], line.pool.schedule
    monkeypatch.setattr(line.pool, "schedule", lambda *a, **k: begun.append(a) or schedule(*a, **k))

    async def leave():
        tasks = [asyncio.create_task(line.read(drawing(DIGIT), "auto")) for _ in range(20)]
        await asyncio.sleep(0)  # so that all are in line
        for task in tasks[:-1]:
            task.cancel()
        return await tasks[-1]

    assert asyncio.run(leave())["digit"] == 5
    assert len(begun) == 2 + 1  # what was at hand, and the last


def test_a_process_that_dies_is_replaced(line, monkeypatch):
    async def read():
        return await line.read(drawing(DIGIT), "auto")

    async def kill_an_idle_one():
        await line.open()
        for process in psutil.Process().children(recursive=True):
            if not process.children() and "resource_tracker" not in str(process.cmdline()):
                process.kill()
        while line.pool.active:
            await asyncio.sleep(0.05)

    monkeypatch.setattr("apps.web.line._read", dying.die)
    assert "takes too long or too much memory" in asyncio.run(read())
    monkeypatch.undo()
    assert asyncio.run(read())["digit"] == 5
    asyncio.run(kill_an_idle_one())
    assert asyncio.run(read())["digit"] == 5


def test_a_process_ends_itself_when_a_picture_takes_too_long():
    loop = "worker.MOST_SECONDS = 0.05\nwith worker._limited_time():\n    while True: pass"
    ended = subprocess.run([sys.executable, "-c", f"from apps.web import worker\n{loop}"], cwd=ROOT)
    assert ended.returncode == -signal.SIGPROF


def test_while_many_wait_more_are_refused_before_they_are_parsed():
    with serving([sys.executable, "-c", BUSY]) as (_, port, _):
        assert send(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200
        for message in (HONEST, request(bytes(9_000_000))):
            with connect(port) as connection:
                connection.sendall(message)
                response = http.client.HTTPResponse(connection)
                response.begin()
                assert response.status == 503 and response.headers["retry-after"] == "1"
                assert "default-src 'none'" in response.headers["content-security-policy"]
                assert "try again" in json.loads(response.read())["detail"]


def test_large_bodies_that_are_never_whole_fill_no_memory(running):
    process, port = running
    before = megabytes(process)
    part = request(bytes(9_500_000))[:9_000_000]
    with contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(connect(port)) for _ in range(20)]
        for connection in greedy:
            with contextlib.suppress(ConnectionError):
                connection.sendall(part)
            honest(port)
        assert megabytes(process) - before <= 200
        assert answer(greedy[0])[0] in (503, 408)
    honest(port)
