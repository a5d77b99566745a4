"""Measure the web server beside the straightforward one of many projects: a route that calls Keras `model.predict`.

Both get the same drawings on the same machine, by turns, with one worker each, over real connections. Then ours alone:
how long it takes at 100 requests a second, and how its memory grows over 60,000.
"""

import asyncio
import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

import numpy as np
import psutil
from fastapi import FastAPI, UploadFile
from PIL import Image

from benchmarks import readme, records
from utils import data
from utils.prediction import MODELS

OURS = [sys.executable, "-m", "apps.web"]
RIVAL = [
    sys.executable,
    "-m",
    "uvicorn",
    "benchmarks.serving:rival",
    "--factory",
    "--no-access-log",
]
ROUNDS = 5  # in each, both servers get their turn
SECONDS = 5  # of a turn
CLIENTS = 8  # that send their next request when the last is answered
RATE = 100  # requests a second, for the latency
SOAK = 60_000  # requests, for the memory
MEGABYTE = 1_000_000


def rival() -> FastAPI:
    """Return the server as many projects write it: it shrinks the drawing, and asks `model.predict`."""
    import keras

    model = keras.models.load_model(MODELS / "robust.keras", compile=False)
    app = FastAPI()

    @app.get("/ready")
    async def ready():
        return {"status": "ready"}

    @app.post("/predict")
    async def predict(files: UploadFile):
        image = Image.open(io.BytesIO(await files.read())).convert("L").resize((28, 28))
        pixels = 1 - np.asarray(image, "float32").reshape(1, 28, 28, 1) / 255
        probabilities = model.predict(pixels, verbose=0)[0]
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}

    return app


def drawing(digit: np.ndarray) -> bytes:
    """Return a digit, uint8 (28, 28), as the PNG that a drawing page sends: 280 x 280, dark on light."""
    file = io.BytesIO()
    Image.fromarray(255 - digit).resize((280, 280), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def request(content: bytes) -> bytes:
    """Return the bytes of a whole HTTP request that posts one file."""
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="digit.png"\r\n\r\n'
    body = part + content + b"\r\n--x--\r\n"
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + body


@contextlib.contextmanager
def serving(command: list[str]):
    """Start a server on a free port; yield its process, the port, and the seconds until it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = ["--port", str(port)] if "uvicorn" in command else []
    start = time.perf_counter()
    environment = os.environ | {"PORT": str(port)}
    process = subprocess.Popen([*command, *address], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not is_ready(port):
            if process.poll() is not None or time.perf_counter() - start > 120:
                raise RuntimeError(f"{' '.join(command)} did not start: run it by hand to see why")
            time.sleep(0.02)
        yield process, port, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait()


def is_ready(port: int) -> bool:
    """Tell whether the server answers /ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
            return True
    except OSError:
        return False


def megabytes(process: subprocess.Popen) -> float:
    """Return the memory that a process and those it started hold; what they share is counted once, on Linux."""
    server = psutil.Process(process.pid)
    held = [one.memory_full_info() for one in (server, *server.children(recursive=True))]
    return sum(getattr(one, "pss", one.rss) for one in held) / MEGABYTE


class Client:
    """Keep one connection, and ask one thing after the other on it."""

    def __init__(self, port):
        self.port, self.reader = port, None

    async def post(self, message: bytes) -> dict:
        """Send a request and return the answer."""
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(message)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"expected status 200, got {head.splitlines()[0]}: {body[:200]}")
        return json.loads(body)


async def count(port: int, messages: list[bytes], seconds: float) -> int:
    """Return how many requests are answered in that time, where each client asks again at once."""
    end, answered = time.perf_counter() + seconds, 0

    async def ask(client, number):
        nonlocal answered
        while time.perf_counter() < end:
            await client.post(messages[(number + answered) % len(messages)])
            answered += 1

    await asyncio.gather(*(ask(Client(port), number) for number in range(CLIENTS)))
    return answered


async def latencies(port: int, messages: list[bytes], rate: float, seconds: float) -> list[float]:
    """Return the seconds from when each request was due to its answer, whether or not the last one was back."""
    clients = asyncio.Queue()
    for _ in range(rate):
        clients.put_nowait(Client(port))
    start = time.perf_counter() + 0.1

    async def ask(number):
        due = start + number / rate
        await asyncio.sleep(due - time.perf_counter())
        client = await clients.get()
        await client.post(messages[number % len(messages)])
        clients.put_nowait(client)
        return time.perf_counter() - due

    return await asyncio.gather(*(ask(number) for number in range(int(rate * seconds))))


def throughput(ours: int, theirs: int, messages: list[bytes]) -> dict:
    """Return the requests a second of both servers, given their ports, and the ratio of the medians."""
    rates = {"ours": [], "model.predict": []}
    for _ in range(ROUNDS):
        for label, port in zip(rates, (ours, theirs), strict=True):
            rates[label].append(round(asyncio.run(count(port, messages, SECONDS)) / SECONDS, 1))
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["model.predict"])
    return {"requests_per_second": rates, "ratio": round(ratio, 1)}


def soak(process: subprocess.Popen, port: int, messages: list[bytes], requests: int = SOAK) -> dict:
    """Return the memory, in megabytes, after the first 2,000 requests and after all of them."""
    answered, held = 0, []
    while answered < requests:
        answered += asyncio.run(count(port, messages, SECONDS))
        held += [(answered, round(megabytes(process), 1))]
    before = next(memory for number, memory in held if number >= 2000)
    return {
        "requests": answered,
        "before_mb": before,
        "after_mb": held[-1][1],
        "growth_mb": round(held[-1][1] - before, 1),
    }


def main() -> None:
    """Measure everything, and record it."""
    digits = data.load_mnist("sample").x_test[:100]
    messages = [request(drawing(digit)) for digit in digits]
    record = {"machine": records.machine(), "start_to_ready_seconds": []}
    for _ in range(6):
        with serving(OURS) as (_, _, seconds):
            record["start_to_ready_seconds"].append(round(seconds, 2))
    del record["start_to_ready_seconds"][0]  # it only brought the files into the system's cache
    with serving(OURS) as (process, port, _):
        with serving(RIVAL) as (other, rivals_port, _):
            record |= throughput(port, rivals_port, messages)
            record["memory_mb"] = {
                "ours": round(megabytes(process)),
                "model.predict": round(megabytes(other)),
            }
        times = asyncio.run(latencies(port, messages, RATE, 60))
        p50, p99 = np.quantile(times, [0.5, 0.99])
        record["latency"] = {
            "requests_per_second": RATE,
            "p50_ms": round(1000 * p50, 1),
            "p99_ms": round(1000 * p99, 1),
        }
        records.save("serving", record)
        record["soak"] = soak(process, port, messages)
    records.save("serving", record)
    readme.write()
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
