"""Inputs and mistakes for the questions on deploy_the_cnn."""

import asyncio
import io
import re
import tempfile
from functools import cache
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
from PIL import Image
from scipy.special import softmax

from utils import data
from utils.exercises import Wrong
from utils.exercises.compare import code
from utils.exercises.trial import in_words
from utils.prediction import DigitReader
from utils.preprocessing import SIDE, scale

LIMIT = 1_000_000  # bytes of a picture
compact = cache(lambda: DigitReader("compact"))
FILES = {  # what a file makes of five arrays
    "all of them": lambda w: w,
    "only the first array as it was": lambda w: [w[0], *(array + 1 for array in w[1:])],
    "two arrays exchanged": lambda w: [*w[:2], w[3], w[2], w[4]],
    "no last array": lambda w: w[:-1],
    "one array more": lambda w: [*w, w[-1]],
    "another last array": lambda w: [*w[:-1], w[-1] + 1],
    "one array of another shape": lambda w: [w[0], w[1][np.newaxis], *w[2:]],
    "the next smaller floats": lambda w: [*w[:2], np.nextafter(w[2], np.float32(-9)), *w[3:]],
}


def need(right, sentence):
    if not right:
        raise Wrong(sentence)


class Network:
    """Stand for a Keras model, and for its reader: it reads a digit by its sum of pixels."""

    def __init__(self, weights, errs=False):
        self.weights, self.errs = weights, errs

    def get_weights(self):
        return [array.copy() for array in self.weights]

    def count_params(self):
        return sum(array.size for array in self.weights)

    def __call__(self, images, training=False):
        sums = np.rint(255 * np.reshape(images, (len(images), -1)).sum(axis=1)).astype(int)
        return np.eye(10)[(sums + self.errs * (sums % 7 == 0)) % 10]

    def predict_batch(self, images):
        return self(scale(images))


def q1(rng):
    for number, what in enumerate([*FILES] * 3):
        shapes = [(3, 3, 1, 4), (4,), (20, 20), (20, 20), (6,)]
        weights = [rng.normal(size=shape).round(1).astype("float32") for shape in shapes]
        yield what, weights, f"network_{number}.keras"


def q1_observe(function, what, weights, path):
    files = {}

    def save(model, path):
        files[str(path)] = FILES[what](model.get_weights())

    answer = function(Network(weights), path, save, lambda path: Network(files[str(path)]))
    return {"answer": answer, "there's a file at path": path in files}


def q3(rng):
    for noise in cycle([1, 0, 1]):
        logits = rng.normal(size=(71, 10), scale=2)
        labels = np.where(rng.uniform(size=71) < 0.8, logits.argmax(1), rng.integers(0, 10, 71))
        labels[rng.permutation(71)[:10]] = range(10)  # each digit occurs
        others = logits + rng.normal(size=(71, 10), scale=noise)
        yield *(softmax(z, axis=1).astype("float32") for z in (logits, others)), labels


def q4(rng):
    for rounds, ways in cycle([(7, 3), (10, 2), (1, 11)]):
        times = rng.uniform(0.001, 0.02, (ways, rounds + 1))
        times[:, 0] += 0.5  # the first one prepares
        times[:, rng.integers(1, rounds + 1)] *= 30  # the machine was disturbed
        digits = rng.integers(0, 256, (3, SIDE, SIDE), "uint8")
        yield dict(zip("abcdefghijk", times.tolist(), strict=False)), digits, rounds


def q4_observe(function, seconds, digits, rounds):
    now, calls, count = [100.0], [], len(seconds)

    def way(name, given):
        need(np.array_equal(given, digits), "A way didn't get `digits`. Call it as `way(digits)`.")
        now[0] += seconds[name][min(calls.count(name), rounds)]
        calls.append(name)
        return np.full((len(digits), 10), 0.1)

    ways = {name: lambda given, name=name: way(name, given) for name in seconds}
    medians = function(ways, digits, rounds, lambda: now[0])
    turns = [len(set(calls[i : i + count])) for i in range(0, len(calls), count)]
    return {"medians": medians, "different ways in each round, with the untimed one": turns}


def q5(rng):
    for shape, bits in cycle([((3, 3, 4, 6), 8), ((20, 5), 4), ((300, 11), 16), ((2, 3, 12), 2)]):
        most = 2 ** (bits - 1) - 1
        numbers = rng.integers(1 - most, most, shape) + rng.uniform(-0.4, 0.4, shape)  # never a tie
        numbers.reshape(-1, shape[-1])[0] = most * (-1) ** np.arange(shape[-1])
        weights = numbers * rng.uniform(0.1, 3, shape[-1]) / most
        weights[..., 2:3] = 0  # a filter that has died
        yield weights, bits


def from_tablet(digit: np.ndarray, times: int = 10) -> np.ndarray:
    """Return what the tablet sends for a digit, uint8 (28, 28): uint8 (x, y, 3), dark on white, squares enlarged."""
    return np.stack([255 - np.kron(digit, np.ones((times, times), "uint8")).T] * 3, axis=-1)


def q6(rng):
    mnist = data.load_mnist("sample")
    digits = mnist.x_test[np.isin(mnist.y_test, (2, 4, 5, 7))]  # none is its own mirror image
    for times in cycle((10, 6, 11, 1, 3)):
        yield (from_tablet(rng.choice(digits), times),)


def q6_observe(function, picture):
    pixels, times = np.asarray(function(picture), dtype=float), len(picture) // SIDE
    need(pixels.shape == (1, SIDE, SIDE, 1), f"expected shape (1, 28, 28, 1), got {pixels.shape}.")
    image, digit = pixels[0, ..., 0], picture[::times, ::times, 0].T
    return {
        "lowest and highest value, rounded": np.round([image.min(), image.max()]),
        "upright": abs(np.corrcoef(image.ravel(), digit.ravel())[0, 1]) > 0.8,
        "pixels": pixels,
    }


def q7(rng):
    while True:
        ink = np.append(np.linspace(25, 230, 10).repeat(rng.integers(20, 90)), np.full(71, 127))
        pages = (ink * (rng.uniform(size=(SIDE, SIDE, len(ink))) < 0.25)).T.astype("uint8")
        yield pages[:-71], pages[-71:], int(rng.integers(10_000, 12_000))


def q7_observe(function, digits, images, size):
    model, made = Network([np.ones((784, 10)), np.zeros(10)]), {}

    def export(model, examples, path):
        data.check_images(examples)
        made[str(path)] = examples.max(axis=(1, 2))
        Path(path).write_bytes(bytes(size))
        return Path(path)

    def open_reader(which):
        return model if which is model else Network([], errs=True)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.tflite"
        answer = function(model, digits, images, path, export, open_reader)
    need(str(path) in made, "There's no file at `path`. `export(model, examples, path)` writes it.")
    count, pencils = len(made[str(path)]), np.intersect1d(made[str(path)], digits.max(axis=(1, 2)))
    return {
        "pencils in the examples (8 or more)": min(len(pencils), 8),
        "examples": "about a hundred" if 50 <= count <= 150 else count,
        "per_weight, same": answer,
    }


def drawing(digit, room=0):
    file = io.BytesIO()
    Image.fromarray(255 - digit).resize((140, 140)).save(file, "PNG")
    return file.getvalue().ljust(room, b"\0")  # what comes after the end isn't looked at


async def post(make_app, reader, files):
    try:
        transport = httpx.ASGITransport(make_app(reader))
        async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
            return await client.post("/predict", files=[("files", file) for file in files])
    except Exception as fault:
        return httpx.Response(500, text=in_words(fault))  # so that the learner sees it


def rows(response):
    try:
        answer = response.json()["predictions"]
        return [[one[key] for key in ("name", "digit", "reason")] for one in answer]
    except (ValueError, TypeError, LookupError):
        return response.text


def q8_judge(make_app):
    digits, opened = data.load_mnist("sample").x_test[:4], []
    reader = SimpleNamespace(read=lambda *page: opened.append(page) or compact().read(*page))
    one, two, three, large = map(drawing, digits, (0, LIMIT, LIMIT, LIMIT + 1))
    for what, status, files in [  # it's the last one of the files that is refused
        ("a blank page", "200", [("a.txt", drawing(0 * digits[0]))]),
        ("three files", "200", [("seven.png", one), ("a.png", two), ("a.png", three)]),
        ("a letter", "4xx", [("a.png", one), ("letter.png", b"Dear Sir or Madam")]),
        ("a large file", "413", [("a.png", one), ("large.png", large)]),
    ]:
        opened.clear()
        response, name = asyncio.run(post(make_app, reader, files)), files[-1][0]
        got = code(f"{response.status_code}, {response.text}")
        fine = re.fullmatch(status.replace("x", "."), str(response.status_code))
        need(fine, f"{what} ({name}): expected status {status}, got {got}.")
        if status == "200":
            answers = [(name, compact().read(content)) for name, content in files]
            wanted = [[name, seen.digit, seen.reason] for name, seen in answers]
            need(rows(response) == wanted, f"{what}: expected {code(wanted)}, got {got}.")
            continue
        detail = response.text.partition('"detail":')[2]
        fine = name in detail and re.search("[a-z]{3}", detail.replace(name, ""))
        need(fine, f"{what}: expected the name {name} and a reason in the `detail`, got {got}.")
        need(status != "413" or len(opened) < 2, f"{what}: You opened it before you refused it.")
    bug = asyncio.run(post(make_app, SimpleNamespace(read=None), [("a.png", one)])).status_code
    need(
        bug >= 500, "You blamed the visitor for a bug in the reader. Catch `UnreadableImage` only."
    )
