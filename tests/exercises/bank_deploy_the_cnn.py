"""What people answer to the questions on deploy_the_cnn."""

import io
import statistics
import time

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, File, HTTPException, UploadFile
from fastapi.responses import JSONResponse
from PIL import Image

from tests.exercises.bank import Entry
from utils.exercises import material
from utils.photos import UnreadableImage
from utils.prediction import DigitReader
from utils.preprocessing import scale

LIMIT = material("deploy_the_cnn").LIMIT


def both(model, path, save, load):
    save(model, path)
    return model.get_weights(), load(path).get_weights()


def lost_by_bytes(*case):
    before, after = ([(w.shape, w.tobytes()) for w in weights] for weights in both(*case))
    return before == after


def lost_by_loop(*case):
    before, after = both(*case)
    if len(before) != len(after):
        return False
    for one, other in zip(before, after, strict=True):
        if one.shape != other.shape or np.any(one != other):
            return np.False_
    return tf.constant(True)


def never_loaded(model, path, save, load):
    save(model, path)
    return True


def saved_elsewhere(model, path, save, load):
    return lost_by_loop(model, "mine.keras", save, load)


def parity(wanted, found, labels, gap=lambda gaps: max(map(max, gaps)), others=np.mean):
    before, after = np.argmax(wanted, 1), np.argmax(found, 1)
    lost = [i for i in range(len(labels)) if before[i] == labels[i] != after[i]]
    return gap(abs(wanted - found).tolist()), others(before != after), lost


def times_by_sorting(ways, digits, rounds, clock):
    def call(way):
        start = clock()
        way(digits)
        return clock() - start

    measured = np.array([[call(way) for way in ways.values()] for _ in range(rounds + 1)])[1:]
    return dict(zip(ways, 1000 * np.percentile(measured, 50, axis=0), strict=True))


def times(ways, digits, rounds, clock, more=0, median=statistics.median):
    taken = {name: [] for name in ways}
    for way in ways.values():
        way(digits)
    for _ in range(rounds + more):
        for name in reversed(ways):
            start = clock()
            ways[name](digits)
            taken[name].append((clock() - start) * 1000)
    return {name: median(list_[:rounds]) for name, list_ in taken.items()}


def one_clock_around_all(ways, digits, rounds, clock):
    taken = {}
    for name, way in ways.items():
        way(digits)
        start = clock()
        for _ in range(rounds):
            way(digits)
        taken[name] = 1000 * (clock() - start) / rounds
    return taken


def quantize(weights, bits, dead=1.0, largest=None):
    rows = weights.reshape(-1, weights.shape[-1]).T
    high = np.array([max(abs(row)) if largest is None else largest(row) for row in rows])
    steps = np.where(high == 0, dead, high / (2 ** (bits - 1) - 1))
    with np.errstate(all="ignore"):
        return np.rint(weights / steps), steps


def with_keepdims(weights, bits):
    numbers, steps = quantize(weights, bits)
    return numbers, steps.reshape([1] * (weights.ndim - 1) + [-1])


def mended_by_slices(picture):
    times = picture.shape[0] // 28
    gray = picture[times // 2 :: times, times // 2 :: times].mean(axis=2)
    return 1 - gray.T[None, :, :, None] / 255.0


def mended_by_blocks(picture):
    times = len(picture) // 28
    blocks = picture[..., 1].reshape(28, times, 28, times).astype(float)
    return ((255 - blocks.mean(axis=(1, 3)).T) / 255)[np.newaxis, ..., np.newaxis].tolist()


def half_mended(picture):
    small = np.asarray(Image.fromarray(picture).convert("L").resize((28, 28)))
    return scale(255 - small[np.newaxis])


def always_ten(picture):
    return (255 - picture[::10, ::10, 0].T[np.newaxis, ..., np.newaxis]) / 255


def colleagues(picture):
    small = np.asarray(Image.fromarray(picture).convert("L").resize((28, 28)), dtype="float32")
    return (small / 127.5 - 1).reshape(1, 28, 28, 1)


def eight_bits(model, digits, images, path, export, open_reader, choose=None, unit=1):
    """Quantize and measure: `choose` takes the examples, `unit` divides the bytes."""
    spread = np.linspace(0, len(digits) - 1, 100).astype(int)
    export(model, digits[spread] if choose is None else choose(digits), path)
    weights = sum(w.size for w in model.get_weights())
    before, after = (open_reader(one).predict_batch(images) for one in (model, str(path)))
    same = sum(before.argmax(axis=1) == after.argmax(axis=1)) / len(images)
    return [len(path.read_bytes()) / weights / unit, same]


def by_the_network_itself(model, digits, images, path, export, open_reader):
    before = np.argmax(model(scale(images), training=False), axis=1)
    small = open_reader(export(model, np.random.permutation(digits)[:120], path))
    after = [small.predict_batch(images[i : i + 1]).argmax() for i in range(len(images))]
    return path.stat().st_size / model.count_params(), 1 - np.mean(before != after)


def elsewhere(model, digits, images, path, *tools):
    return eight_bits(model, digits, images, path.with_name("mine.tflite"), *tools)


def checked(reader, name, content, errors=UnreadableImage, status=422, large=413, reason=True):
    if len(content) > LIMIT:
        raise HTTPException(large, f"{name} is too large")
    try:
        seen = reader.read(content)
    except errors as error:
        raise HTTPException(status, detail=f"{error} ({name})" if reason else name) from error
    confidence = round(seen.confidence, 3)
    return {"name": name, "digit": seen.digit, "reason": seen.reason, "confidence": confidence}


def app_with(look=checked, path="/predict", pick=list, wrap=lambda found: {"predictions": found}):
    """Return a maker of apps that answer what `look(reader, name, content)` makes of each picture."""

    def make_app(reader):
        app = FastAPI()

        @app.post(path)
        def predict(files: list[UploadFile]):
            found = [look(reader, file.filename, file.file.read()) for file in pick(files)]
            return wrap(found)

        return app

    return make_app


def checked_with(**change):
    return app_with(lambda *case: checked(*case, **change))


def answered_with(**parts):
    return app_with(lambda *case: checked(*case) | parts)


def app_that_awaits(reader):
    app = FastAPI()

    @app.post("/predict")
    async def look(files: list[UploadFile] = File()):  # noqa: B008 - as FastAPI writes it
        found = [(file.filename, await file.read()) for file in files]
        for name, content in found:
            if len(content) > LIMIT:
                raise HTTPException(status_code=413, detail=name + ": at most a million bytes")
        predictions = []
        for name, content in found:
            try:
                seen = reader.read(io.BytesIO(content))
            except UnreadableImage as error:
                raise HTTPException(status_code=400, detail=[name, str(error)]) from error
            predictions.append(dict(name=name, digit=seen.digit, reason=seen.reason))
        return {"predictions": predictions}

    return app


def app_for_one(reader):
    app = FastAPI()
    app.post("/predict")(lambda file: {"predictions": []})
    return app


def app_without_list(reader):
    app = FastAPI()

    @app.post("/predict")
    def predict(files: UploadFile):
        return {"predictions": [checked(reader, files.filename, files.file.read())]}

    return app


def app_that_adds_sizes(reader):
    def pick(files):
        if sum(file.size for file in files) > LIMIT:
            raise HTTPException(413, f"{files[0].filename}: too large")
        return files

    return app_with(pick=pick)(reader)


def app_that_names_an_error(reader):
    def look(reader, name, content):
        try:
            return checked(reader, name, content)
        except HTTPException as refusal:
            raise KeyError(refusal) from None

    app = app_with(look)(reader)
    answer = {"error": "letter.png and half.png are no pictures, nor is nothing.png"}
    app.add_exception_handler(KeyError, lambda *_: JSONResponse(answer, 422))
    return app


def looks_that(change):
    def look(reader, name, content):
        if change == "believes names" and not name.endswith((".png", ".jpg")):
            raise HTTPException(415, f"{name} is no picture")
        try:
            found = checked(reader, name, content)
        except HTTPException as refusal:
            if change == "returns refusals":
                return {"name": name, "digit": None, "reason": refusal.detail}
            raise
        if change == "refuses blank pages" and found["digit"] is None:
            raise HTTPException(422, f"{name}: {found['reason']}")
        if change == "takes the most probable":
            found["digit"] = int(reader.read(content).probabilities.argmax())
        return found

    return app_with(look)


def too_late(reader, name, content):
    found = checked(reader, name, content[:LIMIT])
    return checked(reader, name, content) if len(content) > LIMIT else found


def never_too_large(reader, name, content):
    return checked(reader, name, content[:LIMIT])


BANK = {
    "q1": Entry(
        right=[lost_by_bytes, lost_by_loop],
        wrong={
            "never load": never_loaded,
            "no file at `path`": saved_elsewhere,
            "save first": lambda model, path, save, load: load(path) == model,
            "compare objects": lambda model, path, save, load: (
                save(model, path) or load(path) is model
            ),
            "stops with `ValueError": lambda *case: all(
                np.array_equal(*pair) for pair in zip(*both(*case), strict=True)
            ),
            "expected `True`, got": lambda *case: sum(array.size for array in both(*case)[0]),
        },
    ),
    "q2": Entry(
        right=[parity],
        wrong={
            "`gap`: expected a single number": lambda *case: parity(
                *case, gap=lambda gaps: np.max(gaps, 1)
            ),
            "`others`: expected": lambda *case: parity(*case, others=lambda differ: 0.1),
            "expected 3 things": lambda *case: parity(*case)[0],
        },
    ),
    "q3": Entry(
        right=[times_by_sorting, times],
        wrong={
            "the *mean*": one_clock_around_all,
            "lies halfway": lambda *case: times(*case, median=statistics.median_high),
            "the dict of medians`: expected": lambda *case: times(
                *case, median=statistics.median_low
            ),
            "calls of each way`: expected": lambda *case: times(*case, more=1),
            "never ask `clock()`": lambda ways, digits, rounds, clock: times(
                ways, digits, rounds, time.perf_counter
            ),
            "doesn't get `digits`": lambda ways, digits, *rest: times(ways, digits[0], *rest),
            "got `[": lambda *case: list(times(*case).values()),
        },
    ),
    "q4": Entry(
        right=[quantize],
        wrong={
            "`steps`: expected": lambda *case: (quantize(*case)[0], quantize(*case, dead=0.0)[1]),
            "`numbers`: ": lambda *case: quantize(*case, largest=np.ptp),
            "expected an array of shape": with_keepdims,
            "expected 2 things": lambda *case: quantize(*case)[0],
        },
    ),
    "q5": Entry(
        right=[mended_by_slices, mended_by_blocks],
        wrong={
            "from -1 to 1": colleagues,
            "mirrored at their diagonal": half_mended,
            "turned or mirrored": lambda picture: np.rot90(mended_by_slices(picture), axes=(1, 2)),
            "highest value, rounded`: expected": lambda picture: mended_by_slices(picture) * 2,
            "`pixels`: ": lambda picture: mended_by_slices(picture) ** 2,
            "got an array of shape `(28, 28, 1)`": lambda picture: mended_by_slices(picture)[0],
            "expected an array of shape `(1, 28, 28, 1)`": always_ten,
        },
    ),
    "q6": Entry(
        right=[eight_bits, by_the_network_itself],
        wrong={
            "`examples`: expected": lambda *case: eight_bits(
                *case, choose=lambda d: d[:: len(d) // 20]
            ),
            "before scaling them": lambda *case: eight_bits(
                *case, choose=lambda digits: digits / 255
            ),
            "`per_weight`: expected": lambda *case: eight_bits(*case, unit=1000),
            "no file at `path`": elsewhere,
            "expected two things": lambda *case: eight_bits(*case)[0],
        },
    ),
    "q7": Entry(
        right=[app_with(), app_that_awaits, checked_with(status=415)],
        wrong={
            "breaks with `UnreadableImage": checked_with(errors=ZeroDivisionError),
            "breaks with `ValueError": answered_with(digit=np.arange(3)),
            "something else than `files`": app_for_one,
            "expected the names `['seven.png'": app_without_list,
            "there's no `POST /predict`": app_with(path="/read"),
            "got `['a.png', 'b.png', 'seven": app_with(
                pick=lambda files: sorted(files, key=lambda f: f.filename)
            ),
            "Answer both": app_with(pick=lambda files: {f.filename: f for f in files}.values()),
            "got `['seven.png']`": app_with(pick=lambda files: files[:1]),
            'expected `{"predictions"': app_with(wrap=lambda found: found),
            "expected the digits": answered_with(digit=7),
            "a blank page (a.png): expected the digits": looks_that("takes the most probable"),
            "a blank page (a.png): expected status 200": looks_that("refuses blank pages"),
            "expected the reasons": answered_with(reason=""),
            "Believe no name": looks_that("believes names"),
            "expected status 4xx, got 200": looks_that("returns refusals"),
            "expected status 4xx, got 500": checked_with(status=500),
            "doesn't name it": app_that_names_an_error,
            "gives no reason": checked_with(reason=False),
            "Each may have `LIMIT` bytes": app_that_adds_sizes,
            "Raise a 413": app_with(never_too_large),
            "and not with 413": checked_with(large=400),
            "opened before": app_with(too_late),
            "the visitor is blamed": checked_with(errors=Exception),
            "there's no app, only None": lambda reader: app_with()(reader) and None,
            "expected the function": app_with()(DigitReader("compact")),
        },
    ),
}

EQUIVALENT = {
    ("q1", "line 6: True becomes False"): "the lists are of the same length here",
    ("q6", "line 2: 100 becomes 101"): "about a hundred",
    ("q6", "line 2: 100 becomes 99"): "about a hundred",
    ("q7", "line 6: 1 becomes 2"): "one byte more is read than needed",
    ("q7", "line 14: 422 becomes 423"): "any 4xx says that the request is at fault",
    ("q7", "line 14: 422 becomes 421"): "any 4xx says that the request is at fault",
}
