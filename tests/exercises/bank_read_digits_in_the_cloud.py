"""What people answer to the questions on read_digits_in_the_cloud."""

import io
import math

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.exercises.bank import Entry
from utils.exercises.lesson import load

NAMES = "q1", "q2", "q3", "q4", "q5", "q7"
for_service, digit_from, what_now, read_reply, judged, own_or_rented = map(
    load("read_digits_in_the_cloud").answer, NAMES
)


def form_by_repeat(digit, times, margin):
    large = np.repeat(np.repeat(~digit, times, axis=0), times, axis=1)
    page = np.full((large.shape[0] + 2 * margin, large.shape[1] + 2 * margin), 255, dtype="uint8")
    page[margin : margin + large.shape[0], margin : margin + large.shape[1]] = large
    return page


def form_by_pillow(digit, times, margin, filter_=Image.Resampling.NEAREST):
    large = Image.fromarray(255 - digit).resize((28 * times, 28 * times), filter_)
    page = Image.new("L", (large.width + 2 * margin, large.height + 2 * margin), 255)
    page.paste(large, (margin, margin))
    return np.asarray(page)


def form_in_place(digit, times, margin):
    np.subtract(255, digit, out=digit)
    return for_service(255 - digit, times, margin)


def letters_by_loop(text, lookalikes):
    known = {str(digit): digit for digit in range(10)} | lookalikes
    return known.get("".join(text.split())) if len(text.split()) == 1 else None


def letters_by_int(text, lookalikes):
    try:
        return int(text)
    except ValueError:
        return lookalikes.get(text.strip())


def action(status, text):
    usual = {429: "again", 401: "credentials", 403: "credentials"}
    usual[200] = "person" if text is None else "use"
    answer = usual.get(status, "request")
    return np.str_("again" if status is None or status // 100 == 5 else answer)


def action_but(**change):
    """Return the right answer, but to one status, as `s403`."""
    return lambda status, text: change.get(f"s{status}", what_now(status, text))


def words_in(reply):
    """Find the words in any of the replies by their shape."""
    if isinstance(reply, list):
        return [word for part in reply for word in words_in(part)]
    if not isinstance(reply, dict):
        return []
    if "symbols" in reply:
        return [("".join(symbol["text"] for symbol in reply["symbols"]), reply["confidence"])]
    if reply.get("Type") == "WORD":
        return [(reply["DetectedText"], reply["Confidence"] / 100)]
    if set(reply) == {"text", "confidence"}:
        return [(reply["text"], reply["confidence"])]
    return [word for part in reply.values() for word in words_in(part)]


def reply_by_search(service, reply):
    return max(words_in(reply), key=lambda word: word[1], default=(None, 0.0))


def reply_by_reversed_pairs(service, reply):
    confidence, text = max([(c, text) for text, c in words_in(reply)], default=(0.0, None))
    return [np.str_(text) if text else None, tf.constant(confidence)]


def reply_of_first_blocks(service, reply):
    try:
        if service == "google":
            block = reply["responses"][0]["fullTextAnnotation"]["pages"][0]["blocks"][0]
            return reply_by_search(service, block["paragraphs"][0])
        first = reply["readResult"]["blocks"][0]["lines"][0] if service == "azure" else reply
    except (KeyError, IndexError):
        return None, 0.0
    return reply_by_search(service, first)


def judged_by_sorting(answers, labels, seconds):
    hits = sum(1 for place, answer in enumerate(answers) if answer == labels[place])
    ordered = sorted(seconds[1:])
    time = 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]
    return np.array([hits / len(labels), answers.count(None) / len(answers), time])


def cut_out(photo, box):
    return Image.open(io.BytesIO(photo)).convert("RGB").crop(box)


def sent(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_slices(photo, box):
    left, upper, right, lower = box
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("L"))
    return bytearray(sent(Image.fromarray(pixels[upper:lower, left:right])))


def without_info(photo, box):
    cut = cut_out(photo, box)
    cut.info.clear()
    return memoryview(sent(cut, optimize=True))


def clean(photo, box):
    return Image.fromarray(np.asarray(cut_out(photo, box)))


def by_counting(images, free, price, machine, hours, wage):
    own = machine + hours * wage
    least = free + max(0, int(1000 * own / price) - 2)
    while max(0, least - free) * price / 1000 <= own:
        least += 1
    return [max(0, images - free) * price / 1000, own, least]


BANK = {
    "q1": Entry(
        right=[form_by_repeat, form_by_pillow],
        wrong={
            "changes what it is given": form_in_place,
            "numbers differ": lambda *case: form_by_pillow(*case, Image.Resampling.BICUBIC),
            "expected `'uint8'`, got `'list'`": lambda *case: for_service(*case).tolist(),
            "expected an array of shape": lambda digit, _, margin: for_service(digit, 3, margin),
        },
    ),
    "q2": Entry(
        right=[letters_by_loop, lambda *case: np.array(digit_from(*case))],
        wrong={
            "stops with `KeyError": lambda text, known: digit_from(text, {}) or known[text],
            "expected `None`, got": letters_by_int,
        },
    ),
    "q3": Entry(
        right=[action],
        wrong={
            "stops with `TypeError": lambda status, *text: status < 500 and what_now(status, *text),
            "status = `404`": action_but(s404="again"),
            "status = `504`": action_but(s504="request"),
            "status = `599`": action_but(s599="request"),
            "got `'Again'`": lambda *case: what_now(*case).title(),
        },
    ),
    "q4": Entry(
        right=[reply_by_search, reply_by_reversed_pairs],
        wrong={
            "stops with `IndexError": lambda service, reply: sorted(words_in(reply))[-1],
            "`text`: expected": reply_of_first_blocks,
            "expected 2 things": lambda *case: read_reply(*case)[0] and read_reply(*case),
            "`confidence`: expected": lambda *case: (read_reply(*case)[0], 1.0),
        },
    ),
    "q5": Entry(
        right=[judged_by_sorting],
        wrong={
            "`slow`: expected": lambda answers, labels, s: judged(answers, labels, 1000 * s),
            "expected 3 things": lambda *case: judged(*case)[0],
        },
    ),
    "q6": Entry(
        right=[by_slices, without_info],
        wrong={
            "'exif', 'icc_profile', 'jfif'": lambda photo, box: photo,
            "['exif', 'icc_profile']": lambda photo, box: sent(
                cut_out(photo, box), exif=Image.open(io.BytesIO(photo)).getexif()
            ),
            "'a comment'": lambda photo, box: sent(cut_out(photo, box), "JPEG"),
            "['dpi']": lambda photo, box: sent(clean(photo, box), dpi=(300, 300)),
            "numbers differ": lambda *case: sent(Image.fromarray(255 - np.asarray(clean(*case)))),
            "expected the bytes of a PNG file": cut_out,
            "cannot identify": lambda photo, box: clean(photo, box).tobytes(),
        },
    ),
    "q7": Entry(
        right=[by_counting],
        wrong={
            "`least`: expected": lambda *case: (*own_or_rented(*case)[:2], 0),
            "expected 3 things": lambda *case: own_or_rented(*case)[2],
        },
    ),
}

EQUIVALENT = {
    ("q3", "line 6: 400 becomes 399"): "no service answers 399",
    ("q4", "line 3: 0 becomes -1"): "there is one response",
    ("q5", "line 2: True becomes False"): "both are of the same length",
}
