"""What people answer to the questions of lesson 11."""

import io
import math
import statistics

import numpy as np
from PIL import Image

from tests.exercises.oldbank import Entry

# 1. Ready for a service


def form_by_repeat(digit, times, margin, ink=lambda pixels: ~pixels, paper=255, both=True):
    large = np.repeat(ink(digit), times, axis=0)
    large = np.repeat(large, times, axis=1) if both else large
    page = np.full((large.shape[0] + 2 * margin, large.shape[1] + 2 * margin), paper, dtype="uint8")
    page[margin : margin + large.shape[0], margin : margin + large.shape[1]] = large
    return page


def form_by_pillow(digit, times, margin):
    large = Image.fromarray(255 - digit).resize((28 * times, 28 * times), Image.Resampling.NEAREST)
    page = Image.new("L", (large.width + 2 * margin, large.height + 2 * margin), 255)
    page.paste(large, (margin, margin))
    return np.asarray(page)


def form_tiled(digit, times, margin):
    return np.pad(np.tile(255 - digit, (times, times)), margin, constant_values=255)


def form_with_large_margin(digit, times, margin):
    page = np.pad(255 - digit, margin, constant_values=255)
    return page.repeat(times, 0).repeat(times, 1)


def form_smoothed(digit, times, margin):
    return np.pad(
        np.asarray(
            Image.fromarray(255 - digit).resize((28 * times, 28 * times), Image.Resampling.BICUBIC)
        ),
        margin,
        constant_values=255,
    )


# 2. A letter that looks like a digit


def letters_by_loop(text, lookalikes):
    characters = [character for character in text if not character.isspace()]
    if len(text.split()) != 1 or len(characters) != 1:
        return None
    known = {str(digit): digit for digit in range(10)} | lookalikes
    return known.get(characters[0])


def letters_by_try(text, lookalikes):
    text = text.strip()
    if len(text) > 1:
        return None
    try:
        return int(text)
    except ValueError:
        return lookalikes.get(text)


def letters_strictly(text, lookalikes):
    text = text.strip()
    return int(text) if text.isdigit() and len(text) == 1 else lookalikes[text]


def letters_or(text, lookalikes):
    text = text.strip()
    if len(text) != 1:
        return None
    return lookalikes.get(text) or (int(text) if text.isdigit() else 0) or None


def letters_after(change):
    return lambda text, lookalikes: letters_by_try(change(text), lookalikes)


def letters_without_strip(text, lookalikes):
    return int(text) if text in list("0123456789") else lookalikes.get(text)


def letters_of_all_digits(text, lookalikes):
    text = "".join(text.split())
    return int(text) if text.isdigit() else lookalikes.get(text)


def letters_as_text(text, lookalikes):
    digit = letters_by_try(text, lookalikes)
    return digit if digit is None else f"{digit}"


OWN_TABLE = dict(
    O=0, o=0, Q=0, D=0, l=1, I=1, i=1, Z=2, z=2, S=5, s=5, b=6, G=6, T=7, B=8, g=9, q=9
) | {"|": 1}

# 3. What now?


def action_by_table(status, text):
    if status is None:
        return "again"
    if status // 100 == 5:
        return "again"
    special = {
        429: "again",
        401: "credentials",
        403: "credentials",
        200: "person" if text is None else "use",
    }
    return special.get(status, "request")


def action_but(**change):
    """Return an answer that says something else for some of its own answers, or for a status such as `s403`."""

    def action(status, text):
        usual = action_by_table(status, text)
        return change.get(f"s{status}", change.get(usual, usual))

    return action


def action_without_none(status, text):
    if status >= 500 or status == 429:
        return "again"
    return action_by_table(status, text)


# 4. Three replies


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
    best = (None, 0.0)
    for word in words_in(reply):
        if word[1] > best[1]:
            best = word
    return list(best)


def reply_but(change):
    return lambda service, reply: change(service, reply, words_in(reply))


def reply_without_empty(service, reply):
    return sorted(words_in(reply), key=lambda word: word[1])[-1]


def reply_with_lines(service, reply):
    if service != "amazon" or not words_in(reply):
        return reply_by_search(service, reply)
    best = max(reply["TextDetections"], key=lambda item: item["Confidence"])
    return best["DetectedText"], best["Confidence"] / 100


def surest(words):
    return max(words, key=lambda word: word[1]) if words else (None, 0.0)


# 5. Side by side


def judged(answers, labels, seconds, **change):
    hits = sum(
        1
        for number, answer in enumerate(answers)
        if answer is not None and answer == labels[number]
    )
    unread = answers.count(None) / len(answers)
    ordered = sorted(seconds[1:])
    slow = 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]
    parts = {"right": hits / len(labels), "unread": unread, "slow": slow}
    parts |= {
        name: of(answers, np.array(labels), np.array(seconds), parts) for name, of in change.items()
    }
    return tuple(parts.values())


def judged_but(**change):
    return lambda *case: judged(*case, **change)


def percentile_of(percent, first=1):
    return lambda answers, labels, seconds, parts: 1000 * np.percentile(seconds[first:], percent)


# 6. Nothing but the digit


def cut_out(photo, box):
    return Image.open(io.BytesIO(photo)).convert("RGB").crop(box)


def sent(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_new_image(photo, box):
    cut = cut_out(photo, box)
    clean = Image.new("RGB", cut.size)
    clean.paste(cut)
    return sent(clean)


def by_slices(photo, box):
    left, upper, right, lower = box
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("L"))
    return sent(Image.fromarray(np.ascontiguousarray(pixels[upper:lower, left:right])))


def without_info(photo, box):
    cut = cut_out(photo, box)
    cut.info.clear()
    return sent(cut, optimize=True)


def with_transposed_box(photo, box):
    left, upper, right, lower = box
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("L"))
    return sent(Image.fromarray(np.ascontiguousarray(pixels[left:right, upper:lower])))


def inverted(photo, box):
    return sent(Image.fromarray(255 - np.asarray(cut_out(photo, box))))


def of_pixels(image):
    return Image.fromarray(np.asarray(image))


# 7. From how many on?


def own_or_rented(images, free, price, machine, hours, wage, **change):
    paid = images - free if images > free else 0
    own = machine + hours * wage
    least = free
    least += math.ceil(1000 * own / price)
    least += 1 if (least - free) * price == 1000 * own else 0
    parts = {"rented": paid / 1000 * price, "own": own, "least": least}
    case = dict(images=images, free=free, price=price, machine=machine, hours=hours, wage=wage)
    parts |= {name: of(case, parts) for name, of in change.items()}
    return tuple(parts.values())


def month_but(**change):
    return lambda *case: own_or_rented(*case, **change)


def by_counting(images, free, price, machine, hours, wage):
    own = machine + hours * wage
    least = free + int(1000 * own / price) - 2
    while max(0, least - free) * price / 1000 <= own:
        least += 1
    return [max(0, images - free) * price / 1000, own, least]


# 8. Patience


def passes(status):
    return status is None or status == 429 or status >= 500


def patient(call, sleep, attempts, **change):
    """Ask patiently. What is in `change` is done otherwise."""
    waits = change.get("waits", lambda number: 2**number)
    join = change.get("join", lambda own, asked: max(own, asked or 0))
    stop = change.get("stop", lambda status: not passes(status))
    number = 0
    while True:
        status, answer, asked = call()
        number += 1
        if status == 200:
            return answer
        over = number >= attempts + change.get("more", 0)
        if (stop(status) or over) and not (over and change.get("sleeps_at_end")):
            break
        sleep(join(waits(number - 1), asked))
        if over:
            break
    return change.get("fail", fail)(status)


def fail(status):
    raise RuntimeError(f"no answer, status {status}")


def fail_of_another_kind(status):
    raise ValueError(f"no answer, status {status}")


def fail_without_a_name(status):
    raise RuntimeError("no answer")


def patient_but(**change):
    return lambda *case: patient(*case, **change)


def patient_by_itself(call, sleep, attempts, number=0):
    status, answer, wait = call()
    if status == 200:
        return answer
    if not passes(status) or number + 1 == attempts:
        raise RuntimeError(str(status))
    own = 2**number
    sleep(wait if wait is not None and wait > own else own)
    return patient_by_itself(call, sleep, attempts, number + 1)


def asks_twice(call, sleep, attempts):
    patient(call, sleep, attempts)
    return call()[1]


def never_waits(call, sleep, attempts):
    return patient(call, lambda seconds: None, attempts)


def sleeps_first(call, sleep, attempts):
    sleep(1)
    return patient(call, sleep, attempts)


def own_wait_starts_anew(call, sleep, attempts):
    number = 0
    for attempt in range(attempts):
        status, answer, wait = call()
        if status == 200:
            return answer
        if not passes(status) or attempt + 1 == attempts:
            raise RuntimeError(str(status))
        if wait and wait > 2**number:
            sleep(wait)
        else:
            sleep(2**number)
            number += 1


def doubles_the_asked_wait(call, sleep, attempts):
    own = 1
    for attempt in range(attempts):
        status, answer, wait = call()
        if status == 200:
            return answer
        if not passes(status) or attempt + 1 == attempts:
            raise RuntimeError(str(status))
        own = max(own, wait or 0)
        sleep(own)
        own *= 2


def hurries_at_the_end(call, sleep, attempts):
    number = iter(range(attempts))
    return patient(
        call, lambda seconds: sleep(seconds) if next(number) + 2 < attempts else None, attempts
    )


def trusts_the_first(call, sleep, attempts):
    status, answer, wait = call()
    if status != 200 and not passes(status):
        raise RuntimeError(str(status))
    replies = iter([(status, answer, wait)])
    return patient(
        lambda: next(replies, None) or call(), sleep, attempts, stop=lambda status: False
    )


BANK = {
    "q1": Entry(
        right=[form_by_repeat, form_by_pillow],
        wrong={
            "still light on black. Services": lambda *case: form_by_repeat(
                *case, ink=np.array, paper=0
            ),
            "only the margin is white": lambda *case: form_by_repeat(*case, ink=np.array),
            "the margin is black": lambda *case: form_by_repeat(*case, paper=0),
            "there is no margin": lambda digit, times, margin: form_by_repeat(digit, times, 0),
            "the margin was enlarged, too": form_with_large_margin,
            "not enlarged": lambda digit, times, margin: form_by_repeat(digit, 1, margin),
            "many times beside itself": form_tiled,
            "the pixels are float64": lambda *case: form_by_repeat(*case) / 1.0,
            "expected shape": lambda *case: form_by_repeat(*case, both=False),
            "expected ": form_smoothed,
            "your function changes what it is given": lambda digit, *rest: (
                np.subtract(255, digit, out=digit)
                if form_by_repeat(digit, *rest) is not None
                else None
            ),
        },
    ),
    "q2": Entry(
        right=[letters_by_loop, letters_by_try],
        wrong={
            "makes your function stop with KeyError": letters_strictly,
            "makes your function stop with IndexError": letters_after(lambda text: text.strip()[0]),
            "take the first": letters_after(lambda text: text.strip()[:1]),
            "a number of several digits": letters_of_all_digits,
            "a 0 becomes None": letters_or,
            "letters are never mapped": lambda text, _: letters_by_try(text, {}),
            "digits are never found": lambda text, lookalikes: lookalikes.get(text.strip()),
            "that is a text": letters_as_text,
            "it is always None": lambda text, lookalikes: [letters_by_try(text, lookalikes), None][
                1
            ],
            "the text '0' means 0": lambda text, lookalikes: (
                None if text == "0" else letters_by_try(text, lookalikes)
            ),
            "do not change capitals": letters_after(str.lower),
            "leave capitals": letters_after(str.upper),
            "`strip` it first": letters_without_strip,
            "a table of your own": lambda text, _: letters_by_try(text, OWN_TABLE),
        },
    ),
    "q3": Entry(
        right=[action_by_table, lambda status, text: action_by_table(int(status or 500), text)],
        wrong={
            "too many, too fast": action_but(s429="request"),
            "403 is not cured by waiting": action_but(s403="again"),
            "401 and 403 are not cured": action_but(credentials="again"),
            "403 is about credentials as well": action_but(s403="request"),
            "not about the picture": action_but(credentials="request"),
            "fault is on the *service's* side": action_but(
                s500="request", s502="request", s503="request", s504="request"
            ),
            "a whole range begins at 500": action_but(
                s502="request", s503="request", s504="request"
            ),
            "no answer in time may pass": action_but(sNone="request"),
            "no answer in time is no reading": action_but(sNone="person"),
            "a bad request stays bad": action_but(request="again"),
            "There is nothing to use": action_but(person="use"),
            "A person should look": action_but(person="again"),
            "whatever is not 200": lambda status, text: action_by_table(
                status if status == 200 else 500, text
            ),
            "status of None stops your function": action_without_none,
            "your function stops with TypeError": lambda status: action_by_table(status, None),
            "given 404": lambda status, text: (
                "again" if status == 404 else action_by_table(status, text)
            ),
            "given 504": lambda status, text: (
                "request" if status == 504 else action_by_table(status, text)
            ),
            "expected one of use, person": lambda status, text: action_by_table(
                status, text
            ).title(),
        },
    ),
    "q4": Entry(
        right=[reply_by_search, reply_but(lambda service, reply, words: surest(words))],
        wrong={
            "where nothing was read, your function stops": reply_without_empty,
            "amazon: here the confidence is in percent": reply_but(
                lambda service, reply, words: (
                    surest(words)[0],
                    surest(words)[1] * (100 if service == "amazon" else 1),
                )
            ),
            "google: that is a hundredth": reply_but(
                lambda service, reply, words: (
                    surest(words)[0],
                    surest(words)[1] / (1 if service == "amazon" else 100),
                )
            ),
            "take the first": reply_but(
                lambda service, reply, words: words[0] if words else (None, 0.0)
            ),
            "take the last": reply_but(
                lambda service, reply, words: words[-1] if words else (None, 0.0)
            ),
            "you also take the LINE": reply_with_lines,
            "that is all that was read": reply_but(
                lambda service, reply, words: (
                    " ".join(w for w, _ in words) or None,
                    surest(words)[1],
                )
            ),
            "changed places": reply_but(lambda service, reply, words: surest(words)[::-1]),
            "expected (None, 0.0)": reply_but(
                lambda service, reply, words: surest(words) if words else None
            ),
            "not an empty one": reply_but(
                lambda service, reply, words: surest(words) if words else ("", 0.0)
            ),
            "only the text is there": reply_but(lambda service, reply, words: surest(words)[0]),
            "Join them all": reply_but(
                lambda service, reply, words: (
                    (
                        (surest(words)[0] or "")[:1] or None
                        if service == "google"
                        else surest(words)[0]
                    ),
                    surest(words)[1],
                )
            ),
            "the line break at the end": reply_but(
                lambda service, reply, words: (
                    (surest(words)[0] + "\n", surest(words)[1])
                    if service == "google" and words
                    else surest(words)
                )
            ),
        },
    ),
    "q5": Entry(
        right=[
            judged,
            judged_but(
                slow=lambda answers, labels, seconds, parts: 1e3 * np.quantile(seconds[1:], 0.95)
            ),
        ],
        wrong={
            "divide by all": judged_but(
                right=lambda *case: case[3]["right"] / (1 - case[3]["unread"])
            ),
            "that is how many are right": judged_but(
                right=lambda *case: case[3]["right"] * len(case[0])
            ),
            "share of errors": judged_but(right=lambda *case: 1 - case[3]["right"]),
            "in percent": judged_but(right=lambda *case: 100 * case[3]["right"]),
            "you count as right": judged_but(
                right=lambda *case: case[3]["right"] + case[3]["unread"]
            ),
            "Its answer counts": judged_but(
                right=lambda answers, labels, *_: np.mean(
                    [a == b for a, b in zip(answers[1:], labels[1:], strict=True)]
                )
            ),
            "the share that was read": judged_but(unread=lambda *case: 1 - case[3]["unread"]),
            "how many were left unread": judged_but(unread=lambda *case: case[0].count(None)),
            "a 0 is an answer": judged_but(
                unread=lambda *case: np.mean([not answer for answer in case[0]])
            ),
            "wrong answers are no unread": judged_but(unread=lambda *case: 1 - case[3]["right"]),
            "the first call prepares": judged_but(slow=percentile_of(95, first=0)),
            "these are seconds": judged_but(slow=lambda *case: case[3]["slow"] / 1000),
            "that is the median": judged_but(slow=percentile_of(50)),
            "that is the mean": judged_but(slow=lambda *case: 1000 * case[2][1:].mean()),
            "the slowest of all": judged_but(slow=percentile_of(100)),
            "the fifth percentile": judged_but(slow=percentile_of(5)),
            "`statistics.quantiles` allows": judged_but(
                slow=lambda answers, labels, seconds, parts: (
                    1000 * statistics.quantiles(seconds[1:], n=20)[-1]
                )
            ),
            "`np.percentile` wants 95": judged_but(slow=percentile_of(0.95)),
            "expected `return right, unread, slow`": lambda *case: judged(*case)[0],
        },
    ),
    "q6": Entry(
        right=[
            by_new_image,
            by_slices,
            without_info,
            lambda photo, box: bytearray(by_new_image(photo, box)),
        ],
        wrong={
            "as it came": lambda photo, box: photo,
            "EXIF is still there: it names the phone, and where": lambda photo, box: sent(
                cut_out(photo, box), exif=Image.open(io.BytesIO(photo)).getexif()
            ),
            "the comment": lambda photo, box: sent(cut_out(photo, box), "JPEG"),
            "the whole photo leaves": lambda photo, box: sent(
                of_pixels(Image.open(io.BytesIO(photo)))
            ),
            "The box is left, upper": with_transposed_box,
            "expected a PNG, got JPEG": lambda photo, box: sent(
                of_pixels(cut_out(photo, box)), "JPEG"
            ),
            "a color profile": lambda photo, box: sent(cut_out(photo, box)),
            "other pixels": inverted,
            "more than pixels leaves: the file also holds pHYs": lambda photo, box: sent(
                of_pixels(cut_out(photo, box)), dpi=(300, 300)
            ),
            "expected the bytes of a PNG file": lambda photo, box: cut_out(photo, box),
            "no picture": lambda photo, box: np.asarray(cut_out(photo, box)).tobytes(),
            "only None": lambda photo, box: by_slices(photo, box) and None,
        },
    ),
    "q7": Entry(
        right=[own_or_rented, by_counting],
        wrong={
            "Take them off": month_but(
                rented=lambda case, parts: case["images"] * case["price"] / 1000
            ),
            "does not pay *you*": month_but(
                rented=lambda case, parts: (case["images"] - case["free"]) / 1000 * case["price"]
            ),
            "not for one": month_but(rented=lambda case, parts: 1000 * parts["rented"]),
            "only whole thousands": month_but(
                rented=lambda case, parts: (
                    max(case["images"] - case["free"], 0) // 1000 * case["price"]
                )
            ),
            "still has those free": month_but(
                rented=lambda case, parts: (
                    case["images"] * case["price"] / 1000 if parts["rented"] else 0
                )
            ),
            "cost more than the machine": month_but(own=lambda case, parts: case["machine"]),
            "the machine is missing": month_but(
                own=lambda case, parts: parts["own"] - case["machine"]
            ),
            "the wage is for each hour": month_but(
                own=lambda case, parts: case["machine"] + case["wage"]
            ),
            "does not depend on how many": month_but(
                own=lambda case, parts: parts["own"] * case["images"] / 1000
            ),
            "From the *next* one": month_but(
                least=lambda case, parts: (
                    case["free"] + math.ceil(1000 * parts["own"] / case["price"])
                )
            ),
            "both cost the same: the next one": month_but(
                least=lambda case, parts: (
                    case["free"] + math.floor(1000 * parts["own"] / case["price"])
                )
            ),
            "the lines cross later": month_but(
                least=lambda case, parts: parts["least"] - case["free"]
            ),
            "must be added": month_but(least=lambda case, parts: parts["least"] - 2 * case["free"]),
            "a number of images is whole": month_but(
                least=lambda case, parts: case["free"] + 1000 * parts["own"] / case["price"]
            ),
            "before the point": month_but(
                least=lambda case, parts: case["free"] + 1000 * parts["own"] / case["price"] + 1
            ),
            "in thousands of images": month_but(
                least=lambda case, parts: case["free"] + parts["own"] / case["price"]
            ),
            "the people's hours": month_but(
                least=lambda case, parts: (
                    case["free"] + int(1000 * case["machine"] / case["price"]) + 1
                )
            ),
            "expected `return rented, own, least`": lambda *case: own_or_rented(*case)[2],
        },
    ),
    "q8": Entry(
        right=[patient, patient_by_itself],
        wrong={
            "there is no answer, only None": lambda *case: [patient(*case), None][1],
            "expected the second of the three": lambda call, sleep, attempts: call(),
            "each call costs money": asks_twice,
            "you sleep all the same": sleeps_first,
            "does not pass by waiting, and yet": patient_but(stop=lambda status: False),
            "after a 400 your function returns": patient_but(fail=lambda status: None),
            "does not name the status": patient_but(fail=fail_without_a_name),
            "may pass: wait": patient_but(stop=lambda status: True),
            "502 may pass": patient_but(
                stop=lambda status: status not in (429, 500, 503, 504, None)
            ),
            "504 may pass": patient_but(
                stop=lambda status: status not in (429, 500, 502, 503, None)
            ),
            "should raise a RuntimeError": patient_but(fail=fail_of_another_kind),
            "without waiting": never_waits,
            "you wait 1 s each time": patient_but(waits=lambda number: 1),
            "you begin with 2 s": patient_but(waits=lambda number: 2 ** (number + 1)),
            "a second more each time": patient_but(waits=lambda number: number + 1),
            "expected waits of 1, 2, 4 s": patient_but(waits=lambda number: 3**number),
            "and you came back after 1": patient_but(join=lambda own, asked: own),
            "it asked for 1 s when": patient_but(join=lambda own, asked: asked or own),
            "you add both waits": patient_but(join=lambda own, asked: own + (asked or 0)),
            "counts as well": own_wait_starts_anew,
            "Double your own": doubles_the_asked_wait,
            "the first call is an attempt, too": patient_but(more=1),
            "you ask 2 times": patient_but(more=-1),
            "expected waits of 1, 2 s, got 1 s": hurries_at_the_end,
            "nothing comes any more": patient_but(sleeps_at_end=True),
            "Look at each answer anew": trusts_the_first,
        },
    ),
}

EQUIVALENT = {
    ("q3", "line 6: 400 becomes 399"): "no service answers 399",
    ("q4", "line 3: 0 becomes -1"): "there is one response",
    ("q5", "line 2: True becomes False"): "both are of the same length",
    ("q8", "line 10: 0 becomes 1"): "one's own wait is never less",
    ("q8", "line 10: 0 becomes -1"): "one's own wait is never less",
}
