"""What people answer to the questions on deploy_the_cnn."""

import io
import statistics

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, File, HTTPException, UploadFile
from fastapi.responses import JSONResponse
from PIL import Image

from tests.exercises.bank import Entry
from utils.exercises import material
from utils.photos import UnreadableImage
from utils.preprocessing import scale

LIMIT = material("deploy_the_cnn").LIMIT


def lost_by_loop(model, path, save, load):
    save(model, path)
    before, after = model.get_weights(), load(path).get_weights()
    if len(before) != len(after):
        return False
    for one, other in zip(before, after, strict=True):
        if one.shape != other.shape or np.any(one != other):
            return np.False_
    return tf.constant(True)


def parity(wanted, found, labels):
    before, after = np.argmax(wanted, 1), np.argmax(found, 1)
    lost = [i for i in range(len(labels)) if before[i] == labels[i] != after[i]]
    counts = np.bincount(labels, minlength=10)
    return np.bincount(labels, weights=before == after, minlength=10) / counts, lost


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


def quantize(weights, bits):
    rows = weights.reshape(-1, weights.shape[-1]).T
    high = np.array([max(abs(row)) for row in rows])
    steps = np.where(high == 0, 1.0, high / (2 ** (bits - 1) - 1))
    return np.rint(weights / steps), steps


def fixed_by_slices(picture):
    times = picture.shape[0] // 28
    gray = picture[times // 2 :: times, times // 2 :: times].mean(axis=2)
    return 1 - gray.T[None, :, :, None] / 255.0


def colleagues(picture):
    small = np.asarray(Image.fromarray(picture).convert("L").resize((28, 28)), dtype="float32")
    return (small / 127.5 - 1).reshape(1, 28, 28, 1)


def eight_bits(model, digits, images, path, export, open_reader, choose=None):
    spread = np.linspace(0, len(digits) - 1, 100).astype(int)
    export(model, digits[spread] if choose is None else choose(digits), path)
    weights = sum(w.size for w in model.get_weights())
    before, after = (open_reader(one).predict_batch(images) for one in (model, str(path)))
    same = sum(before.argmax(axis=1) == after.argmax(axis=1)) / len(images)
    return [len(path.read_bytes()) / weights, same]


def by_the_network_itself(model, digits, images, path, export, open_reader):
    before = np.argmax(model(scale(images), training=False), axis=1)
    small = open_reader(export(model, np.random.permutation(digits)[:120], path))
    after = [small.predict_batch(images[i : i + 1]).argmax() for i in range(len(images))]
    return path.stat().st_size / model.count_params(), 1 - np.mean(before != after)


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


def app_that_adds_sizes(reader):
    def pick(files):
        if sum(file.size for file in files) > LIMIT:
            raise HTTPException(413, f"{files[0].filename}: too large")
        return files

    return app_with(pick=pick)(reader)


def app_without_detail(reader):
    app = app_with()(reader)
    answer = {"error": "letter.png is no picture"}
    app.add_exception_handler(HTTPException, lambda *_: JSONResponse(answer, 422))
    return app


def returns_refusals(reader, name, content):
    try:
        return checked(reader, name, content)
    except HTTPException as refusal:
        return {"name": name, "digit": None, "reason": refusal.detail}


def too_late(reader, name, content):
    return checked(reader, name, content[:LIMIT]) and checked(reader, name, content)


BANK = {
    "q1": Entry(
        right=[lost_by_loop],
        wrong={
            "there's a file at path": lambda model, path, *both: lost_by_loop(model, "mine", *both),
            "stops with `KeyError": lambda model, path, save, load: load(path) == model,
        },
    ),
    "q2": Entry(
        wrong={"at least eight words": "Safe mode is no sandbox.", "as text": ["no", "sandbox"]},
    ),
    "q3": Entry(right=[parity], wrong={"expected 2 things": lambda *case: parity(*case)[1]}),
    "q4": Entry(
        right=[times_by_sorting, times],
        wrong={
            "`medians`: expected": lambda *case: times(*case, median=statistics.median_low),
            "different ways in each round": lambda *case: times(*case, more=1),
            "didn't get `digits`": lambda ways, digits, *rest: times(ways, digits[0], *rest),
        },
    ),
    "q5": Entry(right=[quantize]),
    "q6": Entry(
        right=[fixed_by_slices, lambda picture: fixed_by_slices(picture).tolist()],
        wrong={
            "from -1 to 1": colleagues,
            "aren't upright": lambda picture: (1 - colleagues(picture)) / 2,
            "highest value, rounded`: expected": lambda picture: fixed_by_slices(picture) * 2,
            "`pixels`: ": lambda picture: fixed_by_slices(picture) ** 2,
            "expected shape (1, 28, 28, 1)": lambda picture: fixed_by_slices(picture)[0],
        },
    ),
    "q7": Entry(
        right=[eight_bits, by_the_network_itself],
        wrong={
            "`examples`: expected": lambda *case: eight_bits(*case, choose=lambda d: d[::20]),
            "before scaling them": lambda *case: eight_bits(*case, choose=lambda d: d / 255),
            "no file at `path`": lambda m, d, i, path, *t: eight_bits(
                m, d, i, path.with_name("no"), *t
            ),
        },
    ),
    "q8": Entry(
        right=[app_with(), app_that_awaits, checked_with(status=415)],
        wrong={
            "UnreadableImage": checked_with(errors=ZeroDivisionError),
            "Not Found": app_with(path="/read"),
            "got `200, {": app_with(pick=lambda files: sorted(files, key=lambda f: f.filename)),
            "three files": app_with(pick=lambda files: {f.filename: f for f in files}.values()),
            "expected `[[": app_with(wrap=lambda found: found),
            ", None, ": answered_with(reason=""),
            "expected status 4xx, got `200": app_with(returns_refusals),
            "expected status 4xx, got `500": checked_with(status=500),
            "letter.png and a reason": app_without_detail,
            "a reason in the `detail`": checked_with(reason=False),
            "expected status 200, got `413": app_that_adds_sizes,
            "expected status 413, got `200": app_with(
                lambda *case: checked(*case[:2], case[2][:LIMIT])
            ),
            "expected status 413, got `400": checked_with(large=400),
            "opened it before": app_with(too_late),
            "blamed the visitor": checked_with(errors=Exception),
        },
    ),
}

EQUIVALENT = {
    ("q1", "line 6: True becomes False"): "the lists are of the same length here",
    ("q7", "line 2: 100 becomes 101"): "about a hundred",
    ("q7", "line 2: 100 becomes 99"): "about a hundred",
    ("q8", "line 6: 1 becomes 2"): "one byte more is read than needed",
    ("q8", "line 14: 422 becomes 423"): "any 4xx says that the request is at fault",
    ("q8", "line 14: 422 becomes 421"): "any 4xx says that the request is at fault",
}
