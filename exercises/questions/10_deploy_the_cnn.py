"""Inputs and mistakes for the questions on deploy_the_cnn."""

import asyncio
import io
import re
import tempfile
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
from PIL import Image
from scipy.special import softmax

from utils import data
from utils.exercises import Wrong
from utils.exercises.compare import as_array, code, describe, equal, plain
from utils.exercises.trial import in_words
from utils.prediction import DigitReader
from utils.preprocessing import SIDE, scale

LIMIT = 1_000_000  # bytes of a picture
FILES = {  # what a file makes of five arrays
    "all of them": lambda w: w,
    "other numbers": lambda w: [array + 1 for array in w],
    "only the first array as it was": lambda w: [w[0], *(array + 1 for array in w[1:])],
    "two arrays exchanged": lambda w: [*w[:2], w[3], w[2], w[4]],
    "no last array": lambda w: w[:-1],
    "one array more": lambda w: [*w, w[-1]],
    "another last array": lambda w: [*w[:-1], w[-1] + 1],
    "one array of another shape": lambda w: [w[0], w[1][np.newaxis], *w[2:]],
    "the next smaller floats": lambda w: [*w[:2], np.nextafter(w[2], np.float32(-9)), *w[3:]],
}


class Network:
    """Stand for a Keras model: its weights, and probabilities by its first array."""

    def __init__(self, weights):
        self.weights = weights

    def get_weights(self):
        return [array.copy() for array in self.weights]

    def count_params(self):
        return sum(array.size for array in self.weights)

    def __call__(self, images, training=False):
        return softmax(np.reshape(images, (len(images), -1)) @ self.weights[0], axis=1)


def q1(rng):
    shapes = [(3, 3, 1, 4), (4,), (20, 20), (20, 20), (6,)]
    for number, what in enumerate([*FILES] * 3):
        weights = [rng.normal(size=shape).astype("float32") for shape in shapes]
        weights[1] *= 0  # as biases are at the start
        yield what, weights, f"network_{number}.keras"


def q1_observe(function, what, weights, path):
    files, loaded = {}, []

    def save(model, path):
        files[str(path)] = FILES[what](model.get_weights())

    def load(path):
        if str(path) not in files:
            raise FileNotFoundError(f"there is no file {path}: save first")
        loaded.append(path)
        return Network(files[str(path)])

    answer = function(Network(weights), path, save, load)
    if not loaded:
        raise Wrong("You never load. Only what you load shows what the file holds.")
    if path not in files:
        raise Wrong("There is no file at `path`: save the model there.")
    return answer


def q2(rng):
    for number, n in enumerate(chain([300, 41], repeat(40))):
        logits = rng.normal(size=(n, 10), scale=2)
        labels = np.where(rng.uniform(size=n) < 0.8, logits.argmax(axis=1), rng.integers(0, 10, n))
        both = [softmax(logits + noise, axis=1) for noise in (0, rng.normal(size=(n, 10)))]
        wanted, found = (part.astype("float32") for part in both[:: 1 if number % 2 else -1])
        yield wanted, wanted.copy() if number == 1 else found, labels


def q3(rng):
    for rounds, ways in chain([(7, 3), (10, 2), (1, 11)], repeat((0, 3))):
        rounds, seconds = rounds or int(rng.integers(2, 12)), {}
        for name in [*"abcdefgh", "litert", "keras", "onnx"][-ways:]:
            times = rng.uniform(0.001, 0.02) * rng.uniform(0.8, 1.2, rounds)
            times[rng.integers(rounds)] *= 30 if rounds > 1 else 1  # the machine was disturbed
            seconds[name] = [rng.uniform(0.5, 1), *map(float, times)]  # the first one prepares
        yield seconds, rng.integers(0, 256, (int(rng.integers(2, 6)), SIDE, SIDE), "uint8"), rounds


def q3_observe(function, seconds, digits, rounds):
    now, asked, calls = [100.0], [], []

    def clock():
        asked.append(now[0])
        return now[0]

    def way(name, given):
        if not equal(given, digits, 0):
            raise Wrong("A way doesn't get `digits`: call it as `way(digits)`.")
        now[0] += seconds[name][min(calls.count(name), rounds)]
        calls.append(name)
        return np.full((len(digits), 10), 0.1)

    ways = {name: lambda given, name=name: way(name, given) for name in seconds}
    medians, count = function(ways, digits, rounds, clock), len(seconds)
    if not asked:
        raise Wrong(
            "You never ask `clock()`. Use the clock that you're given, not one of your own."
        )
    later = [name for place, name in enumerate(calls) if name in calls[:place]]
    turns = [set(later[i : i + count]) for i in range(0, len(later), count)]
    return {
        "the dict of medians": medians,
        "calls of each way": {name: calls.count(name) for name in seconds},
        "every round holds each way": all(len(turn) == count for turn in turns),
    }


def q4(rng):
    shapes = [((3, 3, 4, 6), 8), ((20, 5), 4), ((300, 11), 16), ((2, 3, 3), 12), ((5, 1), 2)]
    for shape, bits in chain(shapes, repeat(((3, 4), 0))):
        bits = bits or int(rng.integers(2, 17))
        most = 2 ** (bits - 1) - 1
        numbers = rng.integers(1 - most, most, shape) + rng.uniform(-0.4, 0.4, shape)  # never a tie
        numbers.reshape(-1, shape[-1])[0] = most * (-1) ** np.arange(shape[-1])
        weights = numbers * rng.uniform(0.1, 3, shape[-1]) / most
        weights[..., 2:3] = 0  # a filter that has died
        yield weights, bits


def from_tablet(digit: np.ndarray, times: int = 10) -> np.ndarray:
    """Return what the tablet sends for a digit, uint8 (28, 28): uint8 (x, y, 3), dark on white, squares enlarged."""
    page = 255 - np.kron(digit, np.ones((times, times), "uint8"))
    return np.stack([page.T] * 3, axis=-1)


def q5(rng):
    mnist = data.load_mnist("sample")
    digits = mnist.x_test[np.isin(mnist.y_test, (2, 4, 5, 7))]  # none is its own mirror image
    for times in chain((10, 6, 11, 1), repeat(0)):
        yield (from_tablet(rng.choice(digits), times or int(rng.integers(2, 13))),)


def q5_observe(function, picture):
    answer = function(picture)
    pixels, times = as_array(answer), len(picture) // SIDE
    if pixels is None or pixels.shape != (1, SIDE, SIDE, 1):
        raise Wrong(f"expected an array of shape `(1, 28, 28, 1)`, got {describe(answer)}.")
    image, digit = pixels[0, ..., 0].astype(float), 1 - picture[::times, ::times, 0].T / 255
    sides = [np.rot90(side, turns) for side in (digit, digit.T) for turns in range(4)]
    alike = [abs(np.corrcoef(image.ravel(), side.ravel())[0, 1]) for side in sides]
    places = {0: "as it was", 4: "mirrored at its diagonal"}
    return {
        "lowest and highest value, rounded": np.round([image.min(), image.max()]),
        "border, rounded": np.round(np.mean([image[[0, -1]], image[:, [0, -1]].T])),
        "side of the digit": places.get(int(np.argmax(alike)), "turned or mirrored"),
        "pixels": pixels,
    }


def q6(rng):
    def pages(darkness):
        ink = rng.uniform(size=(len(darkness), SIDE, SIDE)) < 0.25
        return (255 * ink * np.reshape(darkness, (-1, 1, 1))).astype("uint8")

    for each in chain([30, 52], repeat(0)):
        pencils = np.linspace(0.1, 0.9, 10).repeat(each or rng.integers(20, 90))
        images = pages(np.full(2 * rng.integers(30, 50) + 1, 0.5))
        yield pages(pencils), images, int(rng.integers(10**6))


def q6_observe(function, digits, images, seed):
    rng, made = np.random.default_rng(seed), {}
    weights = np.repeat(rng.normal(size=(SIDE * SIDE, 5), scale=0.2), 2, axis=1)
    weights += rng.normal(size=weights.shape, scale=0.01)  # torn between two digits each time
    model = Network([weights, np.zeros(10)])
    small = Network([weights + rng.normal(size=weights.shape, scale=0.004)])

    def export(given, examples, path):
        data.check_images(examples)
        if given is not model:
            raise TypeError("export(model, examples, path): the first must be the network")
        Path(path).write_bytes(rng.bytes(rng.integers(10_000, 12_000)))
        made[str(path)] = np.array(examples)
        return Path(path)

    def open_reader(which):
        if which is not model and str(which) not in made:
            raise FileNotFoundError(f"there is no model {which}")
        network = model if which is model else small
        return SimpleNamespace(model=network, predict_batch=lambda images: network(scale(images)))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.tflite"
        answer = plain(function(model, digits, images, path, export, open_reader))
        examples = made.get(str(path))
    if examples is None:
        raise Wrong("There is no file at `path`: `export(model, examples, path)` writes it.")
    if not isinstance(answer, list | np.ndarray) or len(answer) != 2:
        raise Wrong(f"expected two things, `per_weight, same`, got {describe(answer)}.")
    shown = {page.max() for page in examples} & {page.max() for page in digits}
    known = {page.tobytes() for page in images}
    return {
        "examples that are among `images`": sum(page.tobytes() in known for page in examples),
        "pencils in the examples (8 or more)": "blank"
        if not examples.any()
        else min(len(shown), 8),
        "examples": "about a hundred" if 50 <= len(examples) <= 150 else len(examples),
        "per_weight": answer[0],
        "same": answer[1],
    }


compact = cache(lambda: DigitReader("compact"))
read = cache(lambda content: compact().read(content))


class Watched:
    """Stand for a DigitReader: read like one, remember what was read, or have a bug."""

    def __init__(self, bug=False):
        self.bug, self.seen = bug, []

    def read(self, image, ink="auto"):
        if self.bug:
            raise RuntimeError("a bug of the server")
        content = image.read() if hasattr(image, "read") else image
        if not isinstance(content, bytes):
            return compact().read(content, ink)
        self.seen.append(content[:999])
        return read(content)


@cache
def requests():
    """Return by name what is sent to a server: pictures, [(name, content)], the one to refuse, and a hint."""

    def drawing(digit, room=0):
        file = io.BytesIO()
        Image.fromarray(255 - digit).resize((140, 140)).save(file, "PNG")
        return file.getvalue().ljust(room, b"\0")  # what comes after the end isn't looked at

    digits = data.load_mnist("sample").x_test[:5]
    one, two, three, full = map(drawing, digits[:4], (0, 0, 0, LIMIT))
    blank, large = drawing(0 * digits[0]), drawing(digits[4], LIMIT + 1)
    mend = "Catch `UnreadableImage`, and *raise* an HTTPException with a 4xx."
    return {
        "three files": ([("seven.png", one), ("a.png", two), ("b.png", three)], "", "In order."),
        "two files of one name": ([("a.png", one), ("a.png", two)], "", "Answer both."),
        "a blank page": ([("a.png", blank)], "", "The reader says None, and why: hand that on."),
        "a drawing": ([("drawing.txt", one)], "", "Believe no name: read what's in the file."),
        "a letter": ([("letter.png", b"Dear Sir or Madam")], "letter.png", mend),
        "an empty file": ([("nothing.png", b"")], "nothing.png", mend),
        "half a picture": ([("a.png", one), ("half.png", two[:-200])], "half.png", mend),
        "two files": ([("full.png", full), ("b.png", full)], "", "Each may have `LIMIT` bytes."),
        "a large file": ([("a.png", one), ("large.png", large)], "large.png", "Raise a 413."),
    }


async def post(app, files):
    """Return the response of a server, or how it breaks."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
        try:
            return await client.post("/predict", files=[("files", file) for file in files])
        except Exception as fault:
            return in_words(fault)


def q7_judge(make_app):
    reader = Watched()
    if not callable(make_app) or hasattr(make_app, "openapi"):
        raise Wrong("expected the function that makes an app: its name alone, without parentheses.")
    try:
        app, broken = make_app(reader), make_app(Watched(bug=True))
    except Exception as fault:
        raise Wrong(f"your function stops with {code(in_words(fault))}.") from None
    if app is None:
        raise Wrong("there's no app, only None: is `return app` missing?")
    for what, (files, culprit, hint) in requests().items():
        reader.seen.clear()
        response, what = asyncio.run(post(app, files)), f"{what} ({files[-1][0]})"
        if isinstance(response, str):
            raise Wrong(f"{what}: your server breaks with {code(response)}. {hint}")
        if response.status_code in (404, 405) and not culprit:
            raise Wrong(f"status {response.status_code}: there's no `POST /predict` in this app.")
        if response.status_code == 422 and "Field required" in response.text:
            raise Wrong("Your endpoint asks for something else than `files`, or for more.")
        wanted = range(400, 500) if culprit else [200]
        if response.status_code not in wanted:
            status = f"expected status {'4xx' if culprit else 200}, got {response.status_code}"
            raise Wrong(f"{what}: {status}. {hint}")
        (need_refusal if culprit else need_predictions)(response, files, f"{what}: ", hint)
        if len(files[-1][1]) > LIMIT and response.status_code != 413:
            raise Wrong(f"{what}: it's refused with {response.status_code}, and not with 413.")
        if any(content[:999] in reader.seen for _, content in files if len(content) > LIMIT):
            raise Wrong(f"{what}: it's opened before it's refused. Measure first.")
    response = asyncio.run(post(broken, files[:1]))
    if not isinstance(response, str) and response.status_code < 500:
        reason = f"The reader had a bug, and the status was {response.status_code}"
        raise Wrong(f"{reason}: the visitor is blamed. Catch `UnreadableImage` only.")


def need_predictions(response, files, what, hint):
    """Raise Wrong unless a response says what the reader does."""
    try:
        answer = list(response.json()["predictions"])
        rows = [[one[key] for one in answer] for key in ("name", "digit", "reason")]
    except (ValueError, TypeError, KeyError, AttributeError):
        shape = '{"predictions": [{"name": …, "digit": …, "reason": …}, …]}'
        raise Wrong(f"{what}expected {code(shape)}, got {code(response.text)}.") from None
    seen = [read(content) for _, content in files]
    wanted = [name for name, _ in files], [s.digit for s in seen], [s.reason for s in seen]
    for key, row, right in zip(("names", "digits", "reasons"), rows, wanted, strict=True):
        if row != right:
            raise Wrong(f"{what}expected the {key} {code(right)}, got {code(row)}. {hint}")


def need_refusal(response, files, what, hint):
    """Raise Wrong unless a response refuses the last file by name, and says why."""
    name = files[-1][0]
    try:
        detail = str(response.json()["detail"])
    except (ValueError, TypeError, KeyError):
        detail = ""
    if name not in detail:
        raise Wrong(f"{what}it's refused, but the `detail` doesn't name it. Which of many was it?")
    if not re.search("[A-Za-z]{3}", detail.replace(name, "")):
        raise Wrong(f"{what}the `detail` names it, but gives no reason.")
