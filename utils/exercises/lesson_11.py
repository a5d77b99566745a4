"""Questions on lesson 11: read digits in the cloud."""

import io
import math
import time
from fractions import Fraction

import numpy as np
from PIL import Image, ImageCms

from utils.exercises.checks import (
    behaves_like,
    call,
    describe,
    equal,
    in_turn,
    need_a_function,
    parts,
)
from utils.exercises.core import Question, Wrong
from utils.preprocessing import SIDE

LESSON = "11"
PREPARE = "prepare a digit for a service, and read its reply"
LETTERS = "map letters that look like digits, and say what that costs"
ERRORS = "tell the errors of a service apart, and try again only where that helps"
COMPARE = (
    "compare readers fairly: by accuracy with its interval, by latency, by what they leave unread"
)
COST = "work out from how many images on a network of your own is cheaper"
PRIVACY = "see to it that nothing leaves your machine but the digit"


# 1. Ready for a service


def _for_service(digit, times, margin, turn=lambda pixels: 255 - pixels, enlarge=None, paper=255):
    enlarge = enlarge or (lambda pixels: np.kron(pixels, np.ones((times, times), "uint8")))
    return np.pad(enlarge(turn(digit)), margin, constant_values=paper)


def _margin_first(digit, times, margin):
    return np.kron(
        np.pad(255 - digit, margin, constant_values=255), np.ones((times, times), "uint8")
    )


def _a_digit_times_margin(rng):
    digit = (255 * rng.uniform(size=(SIDE, SIDE)) * (rng.uniform(size=(SIDE, SIDE)) < 0.3)).astype(
        "uint8"
    )
    return digit, int(rng.integers(2, 6)), int(rng.integers(5, 20))


def _examine_form(function):
    answer = call(function, *_a_digit_times_margin(np.random.default_rng()))
    if isinstance(answer, np.ndarray) and answer.dtype != np.uint8 and answer.ndim == 2:
        raise Wrong(
            f"the pixels are {answer.dtype}: a picture is made of bytes, uint8, from 0 to 255."
        )
    _FORM(function)


_FORM = behaves_like(
    _for_service,
    _a_digit_times_margin,
    {
        "the ink is still light on black. Services are used to dark ink on white paper.": (
            lambda digit, times, margin: _for_service(digit, times, margin, lambda pixels: pixels, paper=0)
        ),
        "the ink is still light on black, and only the margin is white.": (
            lambda digit, times, margin: _for_service(digit, times, margin, lambda pixels: pixels)
        ),
        "the margin is black: it is paper, so it has to be 255.": (
            lambda digit, times, margin: _for_service(digit, times, margin, paper=0)
        ),
        "there is no margin.": lambda digit, times, margin: _for_service(digit, times, 0),
        "the margin was enlarged, too. It has `margin` pixels of the *large* picture: enlarge first, then add it.": (
            _margin_first
        ),
        "the picture is not enlarged.": lambda digit, times, margin: _for_service(digit, 1, margin),
        "that is the whole digit many times beside itself (`np.tile`). Each *pixel* becomes a block.": (
            lambda digit, times, margin: _for_service(digit, times, margin, enlarge=lambda p: np.tile(p, [times] * 2))
        ),
    },
)  # fmt: skip

q1 = Question(
    LESSON,
    "q1",
    PREPARE,
    _examine_form,
    hints=(
        "Three steps: `255 - digit`, enlarge, add the margin.",
        "`np.kron(pixels, np.ones((times, times), 'uint8'))` makes a block of every pixel. So does `repeat` along "
        "both axes.",
        "`np.pad(large, margin, constant_values=255)` adds white paper on all four sides.",
    ),
)


# 2. Letters that look like digits

_ALIKE = {
    "O": 0, "o": 0, "Q": 0, "D": 0, "l": 1, "I": 1, "|": 1, "i": 1, "Z": 2, "z": 2, "S": 5, "s": 5, "b": 6, "G": 6,
    "T": 7, "B": 8, "g": 9, "q": 9,
}  # fmt: skip


def _digit_from(text, lookalikes):
    text = text.strip()
    return int(text) if text in list("0123456789") else lookalikes.get(text)


def _a_text(kind):
    """Return a maker of a text of a kind, and of a part of the usual table, so that none of one's own will do."""

    def case(rng):
        gone = _any_of(rng, [letter for letter in _ALIKE if letter not in "ObBlS"])
        table = {
            letter: digit
            for letter, digit in _ALIKE.items()
            if letter != gone and (rng.uniform() < 0.8 or letter in "ObBlS")
        }
        return kind(rng, table), table

    return case


def _any_of(rng, choices):
    choices = list(choices)
    return choices[int(rng.integers(len(choices)))]


_TEXTS = [
    _a_text(lambda rng, table: _any_of(rng, "123456789")),
    _a_text(lambda rng, table: _any_of(rng, "0123456789") + "\n"),
    _a_text(lambda rng, table: f"  {_any_of(rng, '123456789')} "),
    _a_text(lambda rng, table: "O"),
    _a_text(lambda rng, table: "b"),
    _a_text(lambda rng, table: "B\n"),
    _a_text(lambda rng, table: _any_of(rng, "lS")),
    _a_text(lambda rng, table: _any_of(rng, "xK?w%")),
    _a_text(lambda rng, table: _any_of(rng, sorted(set(_ALIKE) - set(table)))),
    _a_text(lambda rng, table: f"{rng.integers(1, 10)}{rng.integers(0, 10)}"),
    _a_text(lambda rng, table: f"{_any_of(rng, '123456789')} {_any_of(rng, '0123456789')}"),
    _a_text(lambda rng, table: _any_of(rng, ["Sl", "lO", "BO", "bS"])),
    _a_text(lambda rng, table: _any_of(rng, ["", "\n", " "])),
    _a_text(lambda rng, table: "0"),
]


def _first_character(text, lookalikes):
    return _digit_from(text.strip()[:1], lookalikes)


def _or_none(text, lookalikes):
    return _digit_from(text, lookalikes) or None


def _only_letters(text, lookalikes):
    return lookalikes.get(text.strip())


def _no_letters(text, lookalikes):
    return _digit_from(text, {})


def _whole_number(text, lookalikes):
    number = text.strip().replace(" ", "")
    return int(number) if number.isdigit() else lookalikes.get(number)


LETTER_SLIPS = {
    "of several characters you take the first. A service that reads “70” has not read a 7: None.": _first_character,
    "you make a number of several digits. One digit was sent, so that is no answer: None.": _whole_number,
    "a 0 becomes None: `or`, and `if digit`, take 0 for nothing. Ask `is None`, or `in`.": _or_none,
    "letters are never mapped: look them up in `lookalikes`.": _no_letters,
    "digits are never found: a “7” is a 7, and stands in no table.": _only_letters,
    "“B” and “b” are not alike (an 8 and a 6): do not change capitals.": (
        lambda text, lookalikes: _digit_from(text.lower(), lookalikes)
    ),
    "“B” and “b” are not alike, an 8 and a 6: leave capitals as they are.": (
        lambda text, lookalikes: _digit_from(text.upper(), lookalikes)
    ),
    "what stands around the character disturbs you: services end a text with a line break. `strip` it first.": (
        lambda text, lookalikes: _digit_from(text, lookalikes) if text == text.strip() else None
    ),
    "you use a table of your own: take `lookalikes`, which may be a shorter one.": (
        lambda text, lookalikes: _digit_from(text, _ALIKE)
    ),
}


def _examine_letters(function):
    need_a_function(function)
    rng = np.random.default_rng()
    for text in ("x", ""):
        try:
            function(text, dict(_ALIKE))
        except Exception as error:
            raise Wrong(
                f"{text!r} makes your function stop with {type(error).__name__}. A service may read anything: None "
                "says that it was no digit."
            ) from error
    cases = [case(rng) for case in _TEXTS]
    answers = [call(function, *case) for case in cases]
    if all(answer is None for answer in answers):
        raise Wrong("it is always None: is a `return` missing?")
    if any(isinstance(answer, str) for answer in answers):
        raise Wrong("that is a text, such as '7'. A digit is a number: `int`.")
    wanted = [_digit_from(*case) for case in cases]
    if equal(answers, wanted):
        return
    for sentence, slip in LETTER_SLIPS.items():
        if equal(answers, [slip(*case) for case in cases]):
            raise Wrong(sentence)
    for (text, lookalikes), answer, digit in zip(cases, answers, wanted, strict=True):
        if not equal(answer, digit):
            raise Wrong(
                f"with {lookalikes} the text {text!r} means {digit}, and you say {describe(answer)}."
            )


q2 = Question(
    LESSON,
    "q2",
    LETTERS,
    _examine_letters,
    hints=(
        "First `text.strip()`, since some services end what they read with a line break.",
        "A digit is one of the ten characters in `'0123456789'`. Beware: `'' in '0123456789'` is True, and so is "
        "`'12' in '0123456789'`.",
        "`lookalikes.get(text)` is None for whatever is not in the table, also for several characters.",
    ),
)


# 3. What now?

ACTIONS = "use", "person", "again", "credentials", "request"


def _action(status, text):
    if status is None or status == 429 or status >= 500:
        return "again"
    if status in (401, 403):
        return "credentials"
    if status >= 400:
        return "request"
    return "person" if text is None else "use"


def _reply_of(status, text=None):
    return lambda rng: (status, text(rng) if text else None)


_REPLIES = [
    _reply_of(200, text=lambda rng: str(rng.integers(10))), _reply_of(200), _reply_of(429), _reply_of(401),
    _reply_of(403), _reply_of(None), _reply_of(500), _reply_of(502), _reply_of(503), _reply_of(504), _reply_of(400),
    _reply_of(404), _reply_of(413), _reply_of(415), _reply_of(499), _reply_of(200, text=lambda rng: "0"),
]  # fmt: skip


def _action_but(status, say, also=None):
    """Return a slip: for one status, or where `also` is true of it, something else is said."""
    return lambda got, text: (
        say if got == status or (also and got is not None and also(got)) else _action(got, text)
    )


def _examine_action(function):
    need_a_function(function)
    said = call(function, 200, None)  # before the other: a TypeError for two reasons is told apart
    try:
        function(None, None)
    except TypeError as error:
        raise Wrong(
            "a status of None stops your function. It means that no answer came in time: ask for it first, before you "
            "compare numbers."
        ) from error
    if isinstance(said, str) and said not in ACTIONS:
        raise Wrong(f"expected one of {', '.join(ACTIONS)}, got {describe(said)}.")
    _ACTIONS_CHECK(function)


_ACTIONS_CHECK = behaves_like(
    _action,
    in_turn(*_REPLIES),
    {
        "429 says “too many, too fast”. Nothing is wrong with the request: later it will be taken.": _action_but(
            429, "request"
        ),
        "403 is not cured by waiting. Who sends refused credentials again and again is locked out in the end.": (
            _action_but(403, "again")
        ),
        "401 and 403 are not cured by waiting: somebody has to look at the credentials.": (
            lambda status, text: "again" if status in (401, 403) else _action(status, text)
        ),
        "403 is about credentials as well: they are known (else 401), but may not do this.": _action_but(
            403, "request"
        ),
        "401 and 403 are about credentials, not about the picture.": (
            lambda status, text: "request" if status in (401, 403) else _action(status, text)
        ),
        "5xx says that the fault is on the *service's* side. Mostly it passes: again, later.": _action_but(
            500, "request", lambda status: status >= 500
        ),
        "a whole range begins at 500: 502, 503 and 504 pass as well.": (
            lambda status, text: "request" if status in (502, 503, 504) else _action(status, text)
        ),
        "no answer in time may pass: again, later.": lambda status, text: (
            "request" if status is None else _action(status, text)
        ),
        "no answer in time is no reading that a person could check. It may pass: again, later.": lambda status, text: (
            "person" if status is None else _action(status, text)
        ),
        "a bad request stays bad. 400, 404, 413 are refused again, as often as you ask.": (
            lambda status, text: "again" if _action(status, text) == "request" else _action(status, text)
        ),
        "200 and no text: the service works, and has read nothing. There is nothing to use.": (
            lambda status, text: "use" if status == 200 else _action(status, text)
        ),
        "200 and no text: the service has read nothing, and would read nothing again. A person should look.": (
            lambda status, text: "again" if status == 200 and text is None else _action(status, text)
        ),
        "whatever is not 200 you try again. Half of the faults do not pass by waiting.": (
            lambda status, text: _action(status, text) if status == 200 else "again"
        ),
    },
    rounds=2 * len(_REPLIES),
)  # fmt: skip

q3 = Question(
    LESSON,
    "q3",
    ERRORS,
    _examine_action,
    hints=(
        "Begin with `status is None`: no number can be compared with it.",
        "Then the special ones, 429 and 401 and 403, before the ranges from 500 and from 400 on.",
        "What is left is a 200: `text is None` tells its two cases apart.",
    ),
)


# 4. Three replies


def _google(words):
    if not words:
        return {"responses": [{}]}
    items = [
        {"confidence": confidence, "symbols": [{"text": c, "confidence": confidence} for c in text]}
        for text, confidence in words
    ]
    text = " ".join(word for word, _ in words) + "\n"
    page = {"blocks": [{"paragraphs": [{"words": items}]}]}
    return {"responses": [{"fullTextAnnotation": {"text": text, "pages": [page]}}]}


def _amazon(words):
    line = {"Type": "LINE", "Id": 0, "DetectedText": " ".join(word for word, _ in words)}
    line["Confidence"] = 100 * max([confidence for _, confidence in words], default=0) + 0.1
    found = [
        {
            "Type": "WORD",
            "Id": number,
            "ParentId": 0,
            "DetectedText": text,
            "Confidence": 100 * confidence,
        }
        for number, (text, confidence) in enumerate(words, start=1)
    ]
    return {"TextDetections": [line, *found] if words else []}


def _azure(words):
    found = [{"text": text, "confidence": confidence} for text, confidence in words]
    line = {"text": " ".join(word for word, _ in words), "words": found}
    return {
        "modelVersion": "2023-10-01",
        "readResult": {"blocks": [{"lines": [line]}] if words else []},
    }


_FORMS = {"google": _google, "amazon": _amazon, "azure": _azure}


def make_reply(service: str, words: list[tuple[str, float]]) -> dict:
    """Return the reply of a service, "google", "amazon" or "azure", that has read words, each with a confidence."""
    return _FORMS[service](words)


def _words_of(service, reply):
    """Return (text, confidence from 0 to 1) of every word in a reply."""
    if service == "google":
        pages = reply["responses"][0].get("fullTextAnnotation", {}).get("pages", [])
        words = [
            w for page in pages for b in page["blocks"] for p in b["paragraphs"] for w in p["words"]
        ]
        return [
            ("".join(symbol["text"] for symbol in word["symbols"]), word["confidence"])
            for word in words
        ]
    if service == "amazon":
        found = [item for item in reply["TextDetections"] if item["Type"] == "WORD"]
        return [(item["DetectedText"], item["Confidence"] / 100) for item in found]
    words = [
        w
        for block in reply["readResult"]["blocks"]
        for line in block["lines"]
        for w in line["words"]
    ]
    return [(word["text"], word["confidence"]) for word in words]


def _surest(service, reply):
    return max(_words_of(service, reply), key=lambda word: word[1], default=(None, 0.0))


def _reply_case(service, count, choices=(*"0123456789OlSB", "70", "12")):
    def case(rng):
        texts = rng.choice(choices, size=count, replace=False)
        confidence = np.sort(rng.uniform(0.2, 0.9, size=count))
        if count > 1:
            confidence = confidence[[0, 2, 1]]  # neither the first nor the last is the surest
        words = [(str(text), round(float(c), 3)) for text, c in zip(texts, confidence, strict=True)]
        return service, make_reply(service, words)

    return case


def _in_per_cent(service, reply):
    text, confidence = _surest(service, reply)
    return text, 100 * confidence if service == "amazon" else confidence


def _always_a_hundredth(service, reply):
    text, confidence = _surest(service, reply)
    return text, confidence if service == "amazon" else confidence / 100


def _everything(service, reply):
    words = _words_of(service, reply)
    return (" ".join(text for text, _ in words), max(c for _, c in words)) if words else (None, 0.0)


def _lines_too(service, reply):
    if service != "amazon" or not reply["TextDetections"]:
        return _surest(service, reply)
    best = max(reply["TextDetections"], key=lambda item: item["Confidence"])
    return best["DetectedText"], best["Confidence"] / 100


def _first_symbol(service, reply):
    text, confidence = _surest(service, reply)
    return text[:1] if text and service == "google" else text, confidence


def _at(place):
    return lambda service, reply: (_words_of(service, reply) or [(None, 0.0)])[place]


def _examine_reply(function):
    need_a_function(function)
    for service in _FORMS:
        try:
            function(service, make_reply(service, []))
        except Exception as error:
            raise Wrong(
                f"{service}: where nothing was read, your function stops with {type(error).__name__}. Then the lists "
                "are empty, or keys are missing: answer (None, 0.0)."
            ) from error
        behaves_like(
            _surest,
            in_turn(*[_reply_case(service, count) for count in (1, 3, 0)], _reply_case(service, 1, ("70", "12"))),
            {
                f"{service}: here the confidence is in percent. For all three from 0 to 1, please.": _in_per_cent,
                f"{service}: that is a hundredth of the confidence, which is no percent here.": _always_a_hundredth,
                f"{service}: of several words you take the first. Take the surest.": _at(0),
                f"{service}: of several words you take the last. Take the surest.": _at(-1),
                f"{service}: you also take the LINE, which repeats what its words say: `Type` is WORD.": _lines_too,
                f"{service}: that is all that was read. Take the one word of which the service is surest.": _everything,
                f"{service}: text and confidence have changed places.": lambda *case: _surest(*case)[::-1],
                f"{service}: where nothing was read, expected (None, 0.0).": lambda *case: (
                    _surest(*case) if _words_of(*case) else None
                ),
                f"{service}: where nothing was read the text is None, not an empty one.": lambda *case: (
                    _surest(*case) if _words_of(*case) else ("", 0.0)
                ),
                f"{service}: only the text is there. Return both, `text, confidence`.": lambda *case: _surest(*case)[0],
                f"{service}: of a word of several symbols you take the first. Join them all.": _first_symbol,
                f"{service}: the line break at the end belongs to no word: put the symbols of each word together.": (
                    lambda *case: (f"{_surest(*case)[0]}\n" if _words_of(*case) else None, _surest(*case)[1])
                ),
            },
            rounds=8,
        )(function)  # fmt: skip


q4 = Question(
    LESSON,
    "q4",
    PREPARE,
    _examine_reply,
    hints=(
        "Collect (text, confidence) of every word in a list, in a way of its own for each service. Then one line takes "
        "the surest.",
        "`max(words, key=lambda word: word[1], default=(None, 0.0))` also answers for an empty list.",
        "google: `reply['responses'][0].get('fullTextAnnotation', {}).get('pages', [])`, then blocks, paragraphs and "
        "words; `''.join` the symbols. amazon: items whose `Type` is 'WORD', and their `Confidence / 100`.",
    ),
)


# 5. Side by side


def _readings(rng):
    """Return answers, labels and seconds of 102 calls: the first slow, a few others slow, so that no mean serves."""
    labels = rng.integers(0, 10, size=102)
    answers = [int(label) if rng.uniform() < 0.8 else int((label + 1) % 10) for label in labels]
    answers[:4] = [
        int(label) for label in labels[:4]
    ]  # so that who leaves the first digit out is told apart
    for place in rng.choice(np.arange(4, 102), size=int(rng.integers(5, 15)), replace=False):
        answers[place] = None
    zero = next(i for i in range(4, 102) if answers[i] is not None)
    labels[zero], answers[zero] = 0, 0  # a 0 is an answer
    seconds = rng.uniform(0.1, 0.3, size=102)
    seconds[rng.choice(np.arange(1, 102), size=12, replace=False)] *= rng.uniform(5, 9, size=12)
    seconds[0] = rng.uniform(20, 30)
    return answers, labels, seconds


def _right(answers, labels, seconds=None):
    return float(np.mean([answer == label for answer, label in zip(answers, labels, strict=True)]))


def _unread(answers, *_):
    return float(np.mean([answer is None for answer in answers]))


def _slow(answers, labels, seconds, of=lambda times: np.percentile(times, 95)):
    return 1000 * float(of(seconds[1:]))


q5 = Question(
    LESSON,
    "q5",
    COMPARE,
    parts(
        "right, unread, slow",
        behaves_like(
            _right,
            _readings,
            {
                "right: you count only the digits that were read. Who leaves the hard ones out would seem better: "
                "divide by all.": lambda answers, labels, seconds: _right(answers, labels) / (1 - _unread(answers)),
                "right: that is how many are right. Divide by how many digits there are.": (
                    lambda *case: len(case[0]) * _right(*case)
                ),
                "right: that is the share of errors.": lambda *case: 1 - _right(*case),
                "right: that is in percent: expected a share, from 0 to 1.": lambda *case: 100 * _right(*case),
                "right: what was left unread you count as right.": lambda *case: _right(*case) + _unread(*case),
                "right: only the time of the first call is left out. Its answer counts.": (
                    lambda answers, labels, seconds: _right(answers[1:], labels[1:])
                ),
            },
            rounds=3,
        ),
        behaves_like(
            _unread,
            _readings,
            {
                "unread: that is the share that was read.": lambda *case: 1 - _unread(*case),
                "unread: that is how many were left unread. Divide by how many digits there are.": (
                    lambda *case: len(case[0]) * _unread(*case)
                ),
                "unread: a 0 is an answer, not None: `answer is None`.": (
                    lambda answers, *_: float(np.mean([not answer for answer in answers]))
                ),
                "unread: wrong answers are no unread ones.": lambda *case: 1 - _right(*case),
            },
            rounds=3,
        ),
        behaves_like(
            _slow,
            _readings,
            {
                "slow: the first call prepares things, and is no usual one: leave it out.": (
                    lambda *case: 1000 * float(np.percentile(case[2], 95))
                ),
                "slow: these are seconds. A millisecond is a thousandth of one.": lambda *case: _slow(*case) / 1000,
                "slow: that is the median. Half of all visitors wait longer.": lambda *case: _slow(*case, of=np.median),
                "slow: that is the mean, which is no visitor's time.": lambda *case: _slow(*case, of=np.mean),
                "slow: that is the slowest of all: one disturbed call makes it.": lambda *case: _slow(*case, of=np.max),
                "slow: that is the fifth percentile: 95 in 100 calls take *longer*.": (
                    lambda *case: _slow(*case, of=lambda times: np.percentile(times, 5))
                ),
                "slow: `statistics.quantiles` allows for slower calls than any measured. Say `method='inclusive'`, or "
                "take `np.percentile`.": (
                    lambda *case: _slow(*case, of=lambda times: np.percentile(times, 95, method="weibull"))
                ),
                "slow: `np.percentile` wants 95, `np.quantile` 0.95.": (
                    lambda *case: _slow(*case, of=lambda times: np.percentile(times, 0.95))
                ),
            },
            rounds=3,
        ),
    ),
    hints=(
        "A digit that was left unread is None, and None equals no label: so it counts as wrong by itself.",
        "`np.mean([answer is None for answer in answers])` is the share that was left unread.",
        "`1000 * np.percentile(seconds[1:], 95)`: 95 of 100 calls take at most that many milliseconds.",
    ),
)  # fmt: skip


# 6. Nothing but the digit

SECRET = "At Anna's desk"


def make_photo(seed: int | None = None) -> tuple[bytes, tuple[int, int, int, int]]:
    """Return a JPEG as a phone writes it, and the box (left, upper, right, lower) in it that holds the digit."""
    rng = np.random.default_rng(seed)
    width, height = (int(n) for n in rng.integers(130, 200, size=2))
    left, upper = (int(n) for n in rng.integers(15, 50, size=2))
    box = (
        left,
        upper,
        left + int(rng.integers(40, 50)),
        upper + int(rng.integers(52, 62)),
    )  # not square
    pixels = rng.integers(150, 250, size=(height // 10 + 1, width // 10 + 1, 3), dtype="uint8")
    pixels = np.kron(pixels, np.ones((10, 10, 1), "uint8"))[:height, :width]
    facts = Image.Exif()
    facts[0x010F], facts[0x0110] = "Phone", "Model 11"  # its maker and model
    place = facts.get_ifd(0x8825)  # where it was taken
    place[1], place[2], place[3], place[4] = "N", (48.0, 8.0, 14.0), "E", (11.0, 34.0, 31.0)
    colors = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", exif=facts, comment=SECRET.encode(), icc_profile=colors
    )
    return file.getvalue(), box


def _kinds_of_chunks(png):
    kinds, place = [], 8
    while place + 8 <= len(png):
        kinds.append(png[place + 4 : place + 8].decode("latin-1"))
        place += 12 + int.from_bytes(png[place : place + 4])
    return kinds


def _examine_photo(function):
    need_a_function(function)
    for _ in range(3):
        photo, box = make_photo()
        answer = call(function, photo, box)
        if answer is None:
            raise Wrong("there is no answer, only None: is a `return` missing?")
        if not isinstance(answer, bytes | bytearray | memoryview):
            raise Wrong(
                f"expected the bytes of a PNG file, got {describe(answer)}. `file.getvalue()` has them."
            )
        _examine_leaving(bytes(answer), photo, box)


def _examine_leaving(answer, photo, box):
    if answer == photo:
        raise Wrong("that is the photo as it came, with all that it knows.")
    try:
        sent = Image.open(io.BytesIO(answer))
        pixels = np.asarray(sent.convert("L"), dtype=float)
    except Exception as error:
        raise Wrong(
            "these bytes are no picture. `image.save(file, 'PNG')` writes one into a `BytesIO`."
        ) from error
    whole = Image.open(io.BytesIO(photo))
    wanted = np.asarray(whole.convert("L").crop(box), dtype=float)
    if sent.getexif():
        where = ", and where it was taken" if sent.getexif().get_ifd(0x8825) else ""
        raise Wrong(f"EXIF is still there: it names the phone{where}. Do not hand it on.")
    if SECRET.encode() in answer:
        raise Wrong(
            "the comment that the photographer wrote is still there. Make a new image of the pixels alone."
        )
    if sent.size == whole.size:
        raise Wrong("the whole photo leaves, with all that lies around the digit: `crop` the box.")
    if pixels.shape != wanted.shape:
        sizes = "expected {1} x {0} pixels, got {3} x {2}".format(*wanted.shape, *pixels.shape)
        raise Wrong(f"{sizes}. The box is left, upper, right, lower.")
    if sent.format != "PNG":
        raise Wrong(
            f"expected a PNG, got {sent.format}: a second JPEG loses some of what the first one had left."
        )
    extra = [
        kind
        for kind in _kinds_of_chunks(answer)
        if kind not in ("IHDR", "PLTE", "tRNS", "IDAT", "IEND")
    ]
    if "iCCP" in extra:
        raise Wrong("a color profile travels along (`iCCP`): Pillow keeps it through `crop` and `convert`. Make a new "
                    "image of the pixels alone.")  # fmt: skip
    if extra:
        raise Wrong(f"more than pixels leaves: the file also holds {', '.join(extra)}.")
    if np.abs(pixels - wanted).max() > 2:
        raise Wrong("these are other pixels than those in the box.")


q6 = Question(
    LESSON,
    "q6",
    PRIVACY,
    _examine_photo,
    hints=(
        "`Image.open(io.BytesIO(photo))` opens it, and `.crop(box)` cuts the digit out. But the cut-out remembers "
        "where it comes from: look at its `.info`.",
        "An array knows pixels only: `Image.fromarray(np.asarray(cut))` is an image without a past.",
        "`file = io.BytesIO()`, then `clean.save(file, 'PNG')`, and `file.getvalue()` are the bytes.",
    ),
)


# 7. From how many on?


def _rented(images, free, price, *_):
    return max(0, images - free) * price / 1000


def _own(images, free, price, machine, hours, wage):
    return machine + hours * wage


def _from_images(images, free, price, machine, hours, wage):
    """Return the least number of images for which renting costs more."""
    paid = Fraction(machine + hours * wage) * 1000 / Fraction(price)
    return free + math.floor(paid) + 1


def _a_month(few, even=False):
    def case(rng):
        free = int(rng.choice([1000, 2000, 5000]))
        price = float(rng.choice([0.75, 1.5, 1.75]))
        machine, hours, wage = (int(rng.integers(*ends)) for ends in ((5, 60), (1, 5), (20, 60)))
        own = machine + hours * wage
        while (own * 4000 % int(4 * price) == 0) != even:
            machine, own = machine + 1, own + 1
        images = int(rng.integers(10, free - 100) if few else rng.integers(3 * free, 900_000))
        return images, free, price, machine, hours, wage

    return case


MONTHS = in_turn(_a_month(False), _a_month(True), _a_month(False, even=True))

q7 = Question(
    LESSON,
    "q7",
    COST,
    parts(
        "rented, own, least",
        behaves_like(
            _rented,
            MONTHS,
            {
                "rented: the first `free` images cost nothing. Take them off.": (
                    lambda images, free, price, *_: images * price / 1000
                ),
                "rented: with fewer images than the free ones the service does not pay *you*: at least 0.": (
                    lambda images, free, price, *_: (images - free) * price / 1000
                ),
                "rented: `price` is for 1,000 images, not for one.": lambda *case: 1000 * _rented(*case),
                "rented: only whole thousands are counted. Each image costs a thousandth of `price`.": (
                    lambda images, free, price, *_: max(0, images - free) // 1000 * price
                ),
                "rented: whoever sends more than the free images still has those free.": (
                    lambda images, free, price, *_: images * price / 1000 if images > free else 0.0
                ),
            },
            rounds=6,
        ),
        behaves_like(
            _own,
            MONTHS,
            {
                "own: the hours of the people who mind it cost more than the machine. Add them.": (
                    lambda images, free, price, machine, hours, wage: machine
                ),
                "own: the machine is missing.": lambda images, free, price, machine, hours, wage: hours * wage,
                "own: the wage is for each hour.": lambda images, free, price, machine, hours, wage: machine + wage,
                "own: it does not depend on how many images come: machine and people cost the same each month.": (
                    lambda *case: _own(*case) * case[0] / 1000
                ),
            },
            rounds=6,
        ),
        behaves_like(
            _from_images,
            MONTHS,
            {
                "least: for so many both cost the same. From the *next* one on your own is cheaper.": (
                    lambda *case: _from_images(*case) - 1 if _is_even(*case) else _from_images(*case)
                ),
                "least: for so many the service is still cheaper, or both cost the same: the next one.": (
                    lambda *case: _from_images(*case) - 1
                ),
                "least: the free images are missing. For those nobody pays, so the lines cross later.": (
                    lambda *case: _from_images(*case) - case[1]
                ),
                "least: you take the free images off where they must be added.": (
                    lambda *case: _from_images(*case) - 2 * case[1]
                ),
                "least: a number of images is whole. Which is the first that is over?": (
                    lambda *case: case[1] + 1000 * _own(*case) / case[2]
                ),
                "least: that is no whole number. Take what stands before the point, and then the next one.": (
                    lambda *case: case[1] + 1000 * _own(*case) / case[2] + 1
                ),
                "least: that is in thousands of images.": lambda *case: case[1] + _own(*case) / case[2],
                "least: the people's hours are missing.": lambda *case: _from_images(*case[:4], 0, 0),
            },
            tolerance=1e-9,
            rounds=6,
        ),
    ),
    hints=(
        "`max(0, images - free)` images are paid for, each with a thousandth of `price`.",
        "Both cost the same for `free + 1000 * own / price` images, if that is a whole number.",
        "`math.floor(...) + 1` is the next whole number above, whether it was whole or not.",
    ),
)  # fmt: skip


def _is_even(*case):
    return Fraction(_own(*case)) * 1000 % Fraction(case[2]) == 0


# 8. Patience

_PASSES = 429, 500, 502, 503, 504, None
_STAYS = 400, 401, 403, 404, 413, 499


class _Service:
    """Stand for a service that answers by a script, and for the clock that a patient caller sleeps by."""

    def __init__(self, script):
        self.script, self.calls, self.slept = script, 0, []

    def call(self):
        self.calls += 1
        if self.calls > 50:
            raise Wrong("you ask again and again, 50 times already: stop after `attempts`.")
        return self.script[min(self.calls, len(self.script)) - 1]

    def sleep(self, seconds):
        self.slept.append(seconds)


def _a_fault(rng, wait=None):
    return _PASSES[int(rng.integers(len(_PASSES)))], None, wait


def _try_out(function, script, attempts):
    """Return what came of a script: ("answer", it) or ("error", its words), and the service."""
    service = _Service(script)
    start = time.perf_counter()
    try:
        answer = "answer", function(service.call, service.sleep, attempts)
    except RuntimeError as error:
        answer = "error", str(error)
    except Wrong:
        raise
    except Exception as error:
        what = f"your function stops with {type(error).__name__}: {error}"
        raise Wrong(f"{what}. Where it gives up, it should raise a RuntimeError.") from error
    if time.perf_counter() - start > 0.9 and not service.slept:
        raise Wrong(
            "you really wait. Use the `sleep` that you are given: then waiting can be tested, in no time."
        )
    return answer, service


def _examine_patience(function):
    need_a_function(function)
    rng = np.random.default_rng()
    digit = int(rng.integers(10))
    _examine_first_call(function, digit)
    _examine_hopeless(function)
    _examine_waits(function, rng, digit)
    _examine_asked_wait(function, rng, digit)
    _examine_end(function, rng)


def _examine_first_call(function, digit):
    (kind, answer), service = _try_out(function, [(200, digit, None)], 4)
    if answer is None and kind == "answer":
        raise Wrong("there is no answer, only None: is a `return` missing?")
    if kind == "error":
        raise Wrong("a call that is answered at once, with 200, raises an error.")
    if not equal(answer, digit):
        raise Wrong(f"expected the second of the three, {digit}, got {describe(answer)}.")
    if service.calls > 1:
        raise Wrong("it was answered at once, and you ask again: each call costs money.")
    if service.slept:
        raise Wrong("it was answered at once, and you sleep all the same.")


def _examine_hopeless(function):
    for status in _STAYS:
        (kind, answer), service = _try_out(function, [(status, None, None), (200, 7, None)], 4)
        if service.calls > 1:
            raise Wrong(
                f"{status} does not pass by waiting, and yet you ask again. Raise the error at once."
            )
        if kind == "answer":
            raise Wrong(
                f"after a {status} your function returns {describe(answer)}: raise RuntimeError."
            )
        if str(status) not in answer:
            raise Wrong(
                f"the error does not name the status, {status}. Who reads it must know what to do."
            )
        if service.slept:
            raise Wrong(f"you sleep after a {status}, although you will not ask again.")


def _examine_waits(function, rng, digit):
    for status in _PASSES:
        (kind, answer), service = _try_out(
            function, [(status, None, None)] * 3 + [(200, digit, None)], 5
        )
        name = "no answer in time" if status is None else status
        if service.calls == 1:
            raise Wrong(f"{name} may pass: wait, and ask again.")
        if kind == "error" or not equal(answer, digit):
            raise Wrong(
                f"after three times {name} came a 200, and you did not return what it brought."
            )
        _compare_waits(service.slept, [1, 2, 4])


def _compare_waits(slept, wanted):
    if not slept:
        raise Wrong(
            "you ask again at once, without waiting: many clients that do so keep a service down."
        )
    if len(slept) == len(wanted) and equal(slept, wanted):
        return
    if len(set(slept)) == 1 and len(slept) > 1:
        raise Wrong(
            f"you wait {slept[0]:g} s each time. Double it, 1, 2, 4: a service in trouble needs a rest."
        )
    if equal(slept, [2 * w for w in wanted]):
        raise Wrong("you begin with 2 s. The first wait is 1 s.")
    if equal(slept, list(range(1, len(wanted) + 1))):
        raise Wrong("you wait a second more each time: 1, 2, 3. Double it: 1, 2, 4.")
    raise Wrong(
        f"expected waits of {', '.join(map(str, wanted))} s, got {', '.join(f'{s:g}' for s in slept)} s."
    )


def _examine_asked_wait(function, rng, digit):
    long = int(rng.integers(20, 40))
    script = [(429, None, long), (503, None, None), (429, None, 1), (200, digit, None)]
    (kind, _), service = _try_out(function, script, 6)
    if kind == "answer" and equal(service.slept, [long, 2, 4]):
        return
    if equal(service.slept, [1, 2, 4]):
        raise Wrong(
            f"the service asked for {long} s, and you came back after 1: wait at least as long as it says."
        )
    if equal(service.slept, [long, 2, 1]):
        raise Wrong(
            "it asked for 1 s when your own wait had grown to 4: take the longer of the two."
        )
    if equal(service.slept, [long + 1, 2, 5]):
        raise Wrong("you add both waits. The longer of the two is enough.")
    if equal(service.slept, [long, 1, 2]):
        raise Wrong(
            "a wait that the service asked for counts as well: after it your own wait is 2 s, and then 4."
        )
    if equal(service.slept, [long, 2 * long, 4 * long]):
        raise Wrong("you double the wait that the service asked for. Double your own: 1, 2, 4.")
    _compare_waits(service.slept, [long, 2, 4])


def _examine_end(function, rng):
    for attempts in (3, 1, 4):
        fault = _a_fault(rng)
        (kind, answer), service = _try_out(function, [fault], attempts)
        if service.calls == attempts + 1:
            raise Wrong(
                f"with attempts={attempts} you ask {attempts + 1} times: the first call is an attempt, too."
            )
        if service.calls != attempts:
            raise Wrong(f"with attempts={attempts} you ask {service.calls} times.")
        if len(service.slept) >= attempts:
            raise Wrong("you sleep after the last attempt, although nothing comes any more.")
        if attempts > 1:
            _compare_waits(service.slept, [2**number for number in range(attempts - 1)])
        if kind == "answer":
            raise Wrong(
                f"after {attempts} failures your function returns {describe(answer)}: raise RuntimeError."
            )
        if str(fault[0]) not in answer:
            raise Wrong(f"the error at the end does not name the last status, {fault[0]}.")
    (kind, answer), service = _try_out(
        function, [(429, None, None), (403, None, None), (200, 7, None)], 5
    )
    if kind == "answer" or service.calls != 2 or "403" not in answer:
        raise Wrong(
            "first came a 429, then a 403: that one does not pass by waiting. Look at each answer anew."
        )


q8 = Question(
    LESSON,
    "q8",
    ERRORS,
    _examine_patience,
    hints=(
        "`for attempt in range(attempts):`, and `2**attempt` is 1, 2, 4, …",
        "In the loop: return at 200; raise at once what does not pass; and where another attempt is left, sleep "
        "`max(2**attempt, wait or 0)`.",
        "After the loop: `raise RuntimeError(f'given up after {attempts} attempts, the last status was {status}')`.",
    ),
)
