"""What people answer to the questions of lesson 10."""

import io
import time

import numpy as np
from fastapi import FastAPI, File, HTTPException, Request, UploadFile
from PIL import Image

from tests.exercises.oldbank import Entry
from utils.exercises.lesson_10 import LIMIT
from utils.photos import UnreadableImage, to_mnist_form
from utils.prediction import DigitReader
from utils.preprocessing import scale

# 1. Was anything lost?


def both_of(model, path, save, load):
    save(model, path)
    return model.get_weights(), load(path).get_weights()


def lost_by(same):
    """Return an answer that compares the two lists of weights by `same`."""
    return lambda *case: same(*both_of(*case))


def lost_by_bytes(model, path, save, load):
    save(model, path)
    again = load(path)
    return [w.tobytes() for w in model.get_weights()] == [w.tobytes() for w in again.get_weights()]


def lost_by_loop(*case):
    before, after = both_of(*case)
    if len(before) != len(after):
        return False
    for number in range(len(before)):
        if np.any(before[number] != after[number]):
            return np.False_
    return np.True_


def never_loaded(model, path, save, load):
    save(model, path)
    return all(
        np.array_equal(a, b) for a, b in zip(model.get_weights(), model.get_weights(), strict=True)
    )


def with_itself(model, path, save, load):
    save(model, path)
    load(path)
    return all(
        np.array_equal(a, b) for a, b in zip(model.get_weights(), model.get_weights(), strict=True)
    )


def never_saved(model, path, save, load):
    return all(
        np.array_equal(*pair)
        for pair in zip(model.get_weights(), load(path).get_weights(), strict=True)
    )


def the_same_object(model, path, save, load):
    save(model, path)
    return load(path) is model


def in_pairs(same, strict=False):
    return lambda before, after: all(same(a, b) for a, b in zip(before, after, strict=strict))


# 2. Parity


def parity(wanted, found, labels, **change):
    gap = max(abs(a - b) for a, b in zip(np.ravel(wanted), np.ravel(found), strict=True))
    before, after = np.argmax(wanted, 1), np.argmax(found, 1)
    others = sum(before != after) / len(before)
    lost = [i for i in range(len(labels)) if before[i] == labels[i] != after[i]]
    answers = {"gap": gap, "others": others, "lost": lost}
    return tuple(
        change[name](wanted, found, labels) if name in change else answers[name] for name in answers
    )


def with_part(name, of):
    return lambda *case: parity(*case, **{name: of})


def errors(probabilities, labels):
    return np.mean(probabilities.argmax(axis=1) != labels)


def misread(probabilities, labels):
    return probabilities.argmax(axis=1) != labels


# 3. Time it fairly


def times_by_hand(
    ways, digits, rounds, clock, prepare=True, drop=0, turns=True, middle=np.median, factor=1000
):
    """Time the ways. `drop` leaves out that many calls at the start; without `turns`, one way comes after another."""
    taken = {name: [] for name in ways}
    if prepare:
        [way(digits) for way in ways.values()]
    order = (
        [name for _ in range(rounds) for name in ways]
        if turns
        else [n for n in ways for _ in range(rounds)]
    )
    for name in order:
        before = clock()
        ways[name](digits)
        taken[name].append((clock() - before) * factor)
    return {name: float(middle(times[drop:])) for name, times in taken.items()}


def times_by_sorting(ways, digits, rounds, clock):
    def call(way):
        start = clock()
        way(digits)
        return clock() - start

    measured = np.array([[call(way) for way in ways.values()] for _ in range(rounds + 1)])[1:]
    return dict(zip(ways, 1000 * np.percentile(measured, 50, axis=0), strict=True))


def one_clock_around_all(ways, digits, rounds, clock):
    taken = {}
    for name, way in ways.items():
        way(digits)
        start = clock()
        for _ in range(rounds):
            way(digits)
        taken[name] = 1000 * (clock() - start) / rounds
    return taken


def other_digits(ways, digits, rounds, clock):
    return times_by_hand(ways, digits[0], rounds, clock)


# 4. A step for each filter


def quantize(
    weights, bits, largest=None, count=lambda bits: 2 ** (bits - 1) - 1, finish=np.rint, dead=1.0
):
    rows = np.array([weights[..., number].ravel() for number in range(weights.shape[-1])])
    high = np.maximum(rows.max(axis=1), -rows.min(axis=1)) if largest is None else largest(rows)
    steps = np.array(
        [dead if value == 0 else value / count(bits) for value in np.broadcast_to(high, len(rows))]
    )
    with np.errstate(all="ignore"):
        return finish(weights / steps), steps


def quantize_into_bytes(weights, bits):
    numbers, steps = quantize(weights, bits)
    return numbers.astype("int8"), steps


def with_keepdims(weights, bits):
    numbers, steps = quantize(weights, bits)
    return numbers, steps.reshape([1] * (weights.ndim - 1) + [-1])


# 5. Find the mismatch


def mended(
    picture,
    light=True,
    rows_first=True,
    filter_=Image.Resampling.BOX,
    ready=lambda small: small / 255,
):
    page = Image.fromarray(picture.swapaxes(0, 1) if rows_first else picture).convert("L")
    small = np.asarray(page.resize((28, 28), filter_), dtype="float32")
    return ready(255 - small if light else small).reshape(1, 28, 28, 1)


def with_change(**change):
    return lambda picture: mended(picture, **change)


def mended_by_slices(picture):
    times = picture.shape[0] // 28
    gray = picture[times // 2 :: times, times // 2 :: times].mean(axis=2)
    return 1 - gray.T[None, :, :, None] / 255.0


def mended_by_blocks(picture):
    times = len(picture) // 28
    blocks = picture[..., 1].reshape(28, times, 28, times).astype(float)
    return ((255 - blocks.mean(axis=(1, 3)).T) / 255)[np.newaxis, ..., np.newaxis]


def always_ten(picture):
    return (255 - picture[::10, ::10, 0].T[np.newaxis, ..., np.newaxis]) / 255


def colleagues(picture):
    return mended(picture, False, False, None, lambda small: small / 127.5 - 1)


# 6. Quantize, and measure


def eight_bits(model, digits, images, path, export, open_reader, **change):
    """Quantize and measure. `examples` chooses them, `measures` makes the answer of what was measured."""
    examples = change.get("examples", lambda digits, images: np.random.permutation(digits)[:100])
    export(model, examples(digits, images), path)
    both = [
        np.argmax(open_reader(which).predict_batch(images), axis=1) for which in (model, str(path))
    ]
    same = sum(both[0] == both[1]) / len(images)
    measures = change.get("measures", lambda size, weights, same, count: [size / weights, same])
    return measures(len(path.read_bytes()), model.count_params(), same, len(images))


def by_the_network_itself(model, digits, images, path, export, open_reader):
    before = np.argmax(model(scale(images), training=False), axis=1)
    small = open_reader(export(model, digits[::2], path))
    after = np.concatenate(
        [small.predict_batch(images[i : i + 1]) for i in range(len(images))]
    ).argmax(axis=1)
    return path.stat().st_size / model.count_params(), 1 - np.mean(before != after)


def with_examples(of):
    return lambda *case: eight_bits(*case, examples=of)


def with_measures(of):
    return lambda *case: eight_bits(*case, measures=of)


def elsewhere(model, digits, images, path, *tools):
    return eight_bits(model, digits, images, path.with_name("mine.tflite"), *tools)


# 7. An endpoint


def app_with(look, fields=None, **options):
    """Return a maker of apps that answer what `look(reader, name, content)` makes of each picture."""

    def make_app(reader):
        app = FastAPI()

        @app.post(options.get("path", "/predict"))
        def predict(files: list[UploadFile]):
            found = [
                look(reader, file.filename, file.file.read())
                for file in options.get("pick", list)(files)
            ]
            return {"predictions": found} if fields is None else fields(found)

        return app

    return make_app


def seen_by(reader, name, content):
    seen = reader.read(content)
    return {
        "name": name,
        "digit": seen.digit,
        "reason": seen.reason,
        "sure": round(seen.confidence, 3),
    }


def checked(reader, name, content, errors=UnreadableImage, status=422, large=413, answer=seen_by):
    if len(content) > LIMIT:
        raise HTTPException(large, f"{name} is too large")
    try:
        return answer(reader, name, content)
    except errors as error:
        raise HTTPException(status, detail=f"{error} ({name})") from error


def checked_with(**change):
    return app_with(lambda *case: checked(*case, **change))


def app_that_awaits(reader):
    app = FastAPI()

    @app.post("/predict")
    async def look(files: list[UploadFile] = File()):  # noqa: B008 - as FastAPI writes it
        found = {file.filename: await file.read() for file in files}
        for name, content in found.items():
            if len(content) > LIMIT:
                raise HTTPException(status_code=413, detail=name + ": at most a million bytes")
        predictions = []
        for name, content in found.items():
            try:
                seen = reader.read(io.BytesIO(content))
            except UnreadableImage as error:
                raise HTTPException(status_code=400, detail=[name, str(error)]) from error
            predictions.append(dict(name=name, digit=seen.digit, reason=seen.reason))
        return {"predictions": predictions}

    return app


def app_for_one(reader):
    app = FastAPI()

    @app.post("/predict")
    def predict(file: UploadFile):
        return {"predictions": [checked(reader, file.filename, file.file.read())]}

    return app


def app_without_list(reader):
    app = FastAPI()

    @app.post("/predict")
    def predict(files: UploadFile):
        return {"predictions": [checked(reader, files.filename, files.file.read())]}

    return app


def app_by_get(reader):
    app = FastAPI()

    @app.get("/predict")
    def predict(request: Request):
        return {"predictions": []}

    return app


def app_that_forgets_to_wait(reader):
    app = FastAPI()

    @app.post("/predict")
    def predict(files: list[UploadFile]):
        return {"predictions": [checked(reader, file.filename, file.file) for file in files]}

    return app


def app_that_returns_errors(reader, name, content):
    try:
        return seen_by(reader, name, content)
    except UnreadableImage as error:
        return {"name": name, "error": str(error)}


def best_of(reader, name, content):
    seen = reader.read(content)
    return {"name": name, "digit": int(seen.probabilities.argmax()), "reason": seen.reason}


def all_probabilities(reader, name, content):
    seen = reader.read(content)
    return {
        "name": name,
        "digit": seen.digit,
        "reason": seen.reason,
        "probabilities": seen.probabilities,
    }


def blank_refused(reader, name, content):
    seen = seen_by(reader, name, content)
    if seen["digit"] is None:
        raise HTTPException(422, f"{name}: {seen['reason']}")
    return seen


def by_name(reader, name, content):
    if not name.endswith((".png", ".jpg")):
        raise HTTPException(415, f"{name} is no picture")
    return checked(reader, name, content)


def too_late(reader, name, content):
    found = checked(reader, name, content[:LIMIT])
    if len(content) > LIMIT:
        raise HTTPException(413, f"{name} is too large")
    return found


def raising(status, detail):
    def look(reader, name, content):
        try:
            return checked(reader, name, content)
        except HTTPException:
            raise HTTPException(status, detail(name)) from None

    return look


def never_too_large(reader, name, content):
    try:
        return seen_by(reader, name, content)
    except UnreadableImage as error:
        raise HTTPException(422, f"{name}: {error}") from error


BANK = {
    "q1": Entry(
        right=[lost_by_bytes, lost_by_loop],
        wrong={
            "never load": never_loaded,
            "with itself": with_itself,
            "save first": never_saved,
            "compare objects": the_same_object,
            "the shapes alone": lost_by(in_pairs(lambda a, b: a.shape == b.shape)),
            "*some* arrays": lost_by(
                lambda x, y: any(np.array_equal(a, b) for a, b in zip(x, y, strict=False))
            ),
            "changed places": lost_by(
                lambda x, y: (
                    len(x) == len(y) and {a.tobytes() for a in x} == {b.tobytes() for b in y}
                )
            ),
            "shorter list": lost_by(in_pairs(np.array_equal)),
            "is shorter than": lost_by(in_pairs(np.array_equal, strict=True)),
            "off by its last bit": lost_by(
                lambda x, y: len(x) == len(y) and in_pairs(np.allclose)(x, y)
            ),
            "only the last array": lost_by(
                lambda x, y: len(x) == len(y) and in_pairs(np.array_equal)(x[:-1], y)
            ),
            "are exchanged": lost_by(
                lambda x, y: len(x) != len(y) or not in_pairs(np.array_equal)(x, y)
            ),
            "expected True or False": lost_by(lambda x, y: sum(len(a) for a in x)),
        },
    ),
    "q2": Entry(
        right=[parity],
        wrong={
            "rises only": with_part("gap", lambda wanted, found, labels: np.max(found - wanted)),
            "falls only": with_part("gap", lambda wanted, found, labels: np.max(wanted - found)),
            "that is the mean": with_part(
                "gap", lambda wanted, found, labels: np.mean(abs(found - wanted))
            ),
            "two highest": with_part(
                "gap", lambda wanted, found, labels: max(abs(wanted.max(1) - found.max(1)))
            ),
            "gaps of each image": with_part(
                "gap", lambda wanted, found, labels: abs(wanted - found).max(1)
            ),
            "say the *same*": with_part(
                "others", lambda wanted, found, _: np.mean(wanted.argmax(1) == found.argmax(1))
            ),
            "others: that is their number": with_part(
                "others", lambda wanted, found, _: sum(wanted.argmax(1) != found.argmax(1))
            ),
            "the errors have grown": with_part(
                "others",
                lambda wanted, found, labels: errors(found, labels) - errors(wanted, labels),
            ),
            "the errors differ": with_part(
                "others",
                lambda wanted, found, labels: abs(errors(found, labels) - errors(wanted, labels)),
            ),
            "share of errors": with_part(
                "others", lambda wanted, found, labels: errors(found, labels)
            ),
            "of each column": with_part(
                "others", lambda wanted, found, _: np.mean(wanted.argmax(0) != found.argmax(0))
            ),
            "`np.flatnonzero` makes": with_part(
                "lost",
                lambda wanted, found, labels: ~misread(wanted, labels) & misread(found, labels),
            ),
            "*Which* are they": with_part(
                "lost",
                lambda wanted, found, labels: sum(
                    ~misread(wanted, labels) & misread(found, labels)
                ),
            ),
            "all on which the two differ": with_part(
                "lost", lambda wanted, found, _: np.flatnonzero(wanted.argmax(1) != found.argmax(1))
            ),
            "all errors of the exported": with_part(
                "lost", lambda wanted, found, labels: np.flatnonzero(misread(found, labels))
            ),
            "*gained*": with_part(
                "lost",
                lambda wanted, found, labels: np.flatnonzero(
                    misread(wanted, labels) & ~misread(found, labels)
                ),
            ),
            "expected `return gap, others, lost`": lambda wanted, found, labels: np.abs(
                wanted - found
            ).max(),
        },
    ),
    "q3": Entry(
        right=[times_by_hand, times_by_sorting],
        wrong={
            "that is the *mean* of the calls": lambda *case: times_by_hand(*case, middle=np.mean),
            "Make it apart, untimed": lambda ways, digits, rounds, clock: times_by_hand(
                ways, digits, rounds + 1, clock, prepare=False
            ),
            "missing at the end": lambda *case: times_by_hand(*case, prepare=False),
            "it counts the first call, and the last": lambda *case: times_by_hand(
                *case, prepare=False, middle=np.mean
            ),
            "the quickest call": lambda *case: times_by_hand(*case, middle=min),
            "the slowest call": lambda *case: times_by_hand(*case, middle=max),
            "these are seconds": lambda *case: times_by_hand(*case, factor=1),
            "thousandths of": lambda *case: times_by_hand(*case, factor=1e6),
            "sum of all calls": lambda *case: times_by_hand(*case, middle=sum),
            "take turns": lambda *case: times_by_hand(*case, turns=False),
            "and one before": lambda *case: times_by_hand(*case, prepare=False, drop=1),
            "never ask `clock()`": lambda ways, digits, rounds, clock: times_by_hand(
                ways, digits, rounds, time.perf_counter
            ),
            "did not get `digits`": other_digits,
            "expected a dict": lambda *case: list(times_by_hand(*case).values()),
        },
    ),
    "q4": Entry(
        right=[quantize, quantize_into_bytes],
        wrong={
            "one step serves all": lambda *case: quantize(
                *case, largest=lambda rows: np.abs(rows).max()
            ),
            "before the largest": lambda *case: quantize(
                *case, largest=lambda rows: rows.max(axis=1)
            ),
            "too many numbers": lambda *case: quantize(*case, count=lambda bits: 2**bits - 1),
            "there is no +128": lambda *case: quantize(*case, count=lambda bits: 2 ** (bits - 1)),
            "one too few": lambda *case: quantize(*case, count=lambda bits: 2 ** (bits - 1) - 2),
            "always 8 bits": lambda *case: quantize(*case, count=lambda bits: 127),
            "cut the whole range": lambda *case: quantize(
                *case, largest=lambda rows: np.ptp(rows, axis=1), count=lambda bits: 2**bits - 1
            ),
            "a whole step off": lambda *case: quantize(*case, finish=np.fix),
            "round down": lambda *case: quantize(*case, finish=np.floor),
            "not rounded to whole": lambda *case: quantize(*case, finish=np.asarray),
            "weights after rounding": lambda *case: (
                np.multiply(*quantize(*case)),
                quantize(*case)[1],
            ),
            "gives NaN": lambda *case: quantize(*case, dead=0.0),
            "nobody can divide": lambda *case: (quantize(*case)[0], quantize(*case, dead=0.0)[1]),
            "how many steps a weight": lambda *case: (quantize(*case)[0], 1 / quantize(*case)[1]),
            "these are the largest": lambda *case: (
                quantize(*case)[0],
                quantize(*case, count=lambda bits: 1)[1],
            ),
            "expected shape": with_keepdims,
            "expected `return numbers, steps`": lambda *case: quantize(*case)[0],
        },
    ),
    "q5": Entry(
        right=[
            mended,
            mended_by_slices,
            mended_by_blocks,
            with_change(filter_=Image.Resampling.NEAREST),
        ],
        wrong={
            "values go from -1 to 1": colleagues,
            "is the division missing": with_change(ready=lambda small: small),
            "divide twice": with_change(ready=lambda small: small / 255**2),
            "paper is light": with_change(light=False),
            "mirrored at their diagonal": with_change(rows_first=False),
            "turned or mirrored": lambda picture: np.rot90(mended(picture), axes=(1, 2)),
            "borrows a little": with_change(filter_=None),
            "expected 0.": with_change(ready=lambda small: (small / 255) ** 2),
            "center the digit anew": lambda picture: scale(
                to_mnist_form(picture.swapaxes(0, 1))[np.newaxis]
            ),
            "expected shape (1, 28, 28, 1), got (28, 28, 1)": lambda picture: mended(picture)[0],
            "28, 28, 1), got (1, ": always_ten,
        },
    ),
    "q6": Entry(
        right=[eight_bits, by_the_network_itself],
        wrong={
            "do not show every pencil": with_examples(lambda digits, images: digits[:100]),
            "on which you measure": with_examples(lambda digits, images: images),
            "examples are blank": with_examples(lambda digits, images: np.zeros_like(digits[:100])),
            "examples are few": with_examples(lambda digits, images: digits[::20]),
            "before scaling them": with_examples(lambda digits, images: digits[::3] / 255),
            "the whole file, in bytes": with_measures(
                lambda size, weights, same, count: (size, same)
            ),
            "weights in a byte": with_measures(
                lambda size, weights, same, count: (weights / size, same)
            ),
            "in kB": with_measures(
                lambda size, weights, same, count: (size / 1000 / weights, same)
            ),
            "in bits": with_measures(lambda size, weights, same, count: (8 * size / weights, same)),
            "share of 32 bits": with_measures(
                lambda size, weights, same, count: (size / 4 / weights, same)
            ),
            "what one expects": with_measures(lambda size, weights, same, count: (1, same)),
            "both read *differently*": with_measures(
                lambda size, weights, same, count: (size / weights, 1 - same)
            ),
            "in percent": with_measures(
                lambda size, weights, same, count: (size / weights, 100 * same)
            ),
            "same: that is their number": with_measures(
                lambda size, weights, same, count: (size / weights, count * same)
            ),
            "a network with itself": with_measures(
                lambda size, weights, same, count: (size / weights, 1.0)
            ),
            "no file at `path`": elsewhere,
            "expected two things": with_measures(lambda size, weights, same, count: size / weights),
        },
    ),
    "q7": Entry(
        right=[checked_with(), app_that_awaits, checked_with(status=415)],
        wrong={
            "breaks with UnreadableImage": app_with(seen_by),
            "breaks with ValueError": checked_with(answer=all_probabilities),
            "something else than `files`": app_for_one,
            "Is `files` a list": app_without_list,
            "there is no `POST /predict`": app_with(checked, path="/read"),
            "status 405": app_by_get,
            "in this order": app_with(
                checked, pick=lambda files: sorted(files, key=lambda file: file.filename)
            ),
            'expected {"predictions"': app_with(checked, fields=lambda found: found),
            "lacks digit": app_with(lambda *case: {"name": case[1], "reason": ""}),
            "a blank page is read as": checked_with(answer=best_of),
            "status 422 for a blank page": app_with(blank_refused),
            "and no reason either": app_with(lambda *case: checked(*case) | {"reason": ""}),
            "believe no name": app_with(by_name),
            "status 200 for a letter": app_with(app_that_returns_errors),
            "which is no fault of the server": checked_with(status=500),
            "does not name letter.png": app_with(raising(422, lambda name: "this is no picture")),
            "by its name alone": app_with(raising(422, lambda name: name)),
            "is read, one more": app_with(never_too_large),
            "The number for that is 413": checked_with(large=400),
            "before it is refused": app_with(too_late),
            "Catch `UnreadableImage` only": checked_with(errors=Exception),
            "only None": lambda reader: checked_with()(reader) and None,
            "that is an app": checked_with()(DigitReader("compact")),
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
