"""The rules of the lessons that have been cut again: short, with predictions and turns, and true to their outputs."""

import re
import statistics

from benchmarks.lessons import FOLDED
from tests.notebooks.rules import text_of, without_code

RECUT = {
    "start_here",
    "visualize_digits",
    "preprocess_digits",
    "baseline_classifiers",
    "learn_by_gradient",
    "dense_network",
}
# Lessons that aren't cut again yet, in which every number is printed by a cell all the same.
TRUE = {
    "convolution_by_hand",
    "build_a_cnn",
    "train_the_cnn",
    "train_it_well",
    "evaluate_the_cnn",
    "predict_your_own_digits",
    "look_inside_the_cnn",
    "deploy_the_cnn",
    "read_digits_in_the_cloud",
    "scale_out",
    "kaggle_capstone",
}
# What a lesson may have at most, and must have at least; the first one is short.
MOST = {"cells": 75, "code cells": 35, "words": 2400}
LEAST = {"predictions": 3, "turns": 3}
FIRST = "start_here"
MOST_IN_FIRST = {"cells": 40, "code cells": 35, "words": 1200}
LEAST_IN_FIRST = {"predictions": 1, "turns": 1}
PREDICT, TURN = "**Predict first.**", "**Your turn.**"
# Numbers that no cell prints: options of a prediction, numbers of an earlier lesson, and what an explorer shows.
ASSUMED = {
    "preprocess_digits": "25%",
    "baseline_classifiers": "25% 85% 92% 60% 0.95%",
    "learn_by_gradient": "-0.5 0.69 4.6 2.303 60% 90% 25% 97.2% 0.896 0.37 0.895",
    "dense_network": "95% 75% 55% 65% 85% 99% 97% 80% 11% 90% 60% 30% 10% 92.1% 24.2% 99.7%",
    "convolution_by_hand": "10% 50% 90% 0% 100%",
    "build_a_cnn": "97.2% 28.3% 35.1% 95% 55% 25%",
    "train_the_cnn": "80% 90% 99% 51% 96%",
    "evaluate_the_cnn": "0.91",
    "predict_your_own_digits": "99% 71%",
    "look_inside_the_cnn": "60%",
    "deploy_the_cnn": "0.1 0.001 90% 50% 10%",
    "scale_out": "1.5 1.2",
    "kaggle_capstone": "98%",
}
CHECKED = re.compile(r"^\w+ = (?P<turn>t\d+)\.check\(\w+\).*$", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.:/-])-?\d[\d,]*(?:\.\d+)?(%?)")
# Words that a learner would have to decode, and what the field says instead.
PRIVATE = {
    r"\bwhoever\b|\bwhomever\b": "you",
    r"\bone (?:can|could|may|might|must|should|would|has to)\b|\bone's\b": "you",
    r"\bnobody\b|\bsomebody\b|\bno one\b": "you, or who it is",
    r"\banew\b": "again",
    r"\blest\b": "so that … not",
    r"\bmend(?:ed|s)?\b": "fix",
    r"\bby heart\b": "memorized",
    r"\bsureness\b": "confidence",
    r"\bslips?\b": "mistake",
    r"\bremed(?:y|ies)\b": "fix",
    r"\bspoil[st]?\b|\bspoilt\b": "corrupt",
    r"\bby lot\b": "at random",
    r"\d %": "no space before %",
    r"\b(?:colour|centre|neighbour|behaviour|favour)\w*": "the American spelling",
}


def is_colab(cell):
    return "colab" in cell.metadata.get("tags", [])


def own_code(notebook):
    """Return the code cells that belong to the lesson: all but the one for Colab."""
    return [cell for cell in notebook.code if not is_colab(cell)]


def is_first(notebook):
    return notebook.path.stem[3:] == FIRST


def least(notebook):
    return LEAST_IN_FIRST if is_first(notebook) else LEAST


def is_short(notebook):
    words = sum(len(prose_alone(cell.source).split()) for cell in notebook.prose)
    cells = {"cells": len(notebook.content.cells), "code cells": len(own_code(notebook))}
    limits = MOST_IN_FIRST if is_first(notebook) else MOST
    for name, count in (cells | {"words": words}).items():
        if count > limits[name]:
            most = f"a lesson has at most {limits[name]:,}"
            yield f"{count:,} {name}; {most}: cut, or make two lessons of it"


def code_is_short(notebook):
    cells = [cell.source.splitlines() for cell in own_code(notebook)]
    lengths = [sum(bool(line.strip()) for line in lines) for lines in cells]
    if statistics.median(lengths) > 4:
        yield f"the median code cell has {statistics.median(lengths):g} lines; at most 4 are right"
    if sum(length > 10 for length in lengths) > 0.1 * len(lengths):
        yield "more than a tenth of the code cells have more than 10 lines"
    for lines, length in zip(cells, lengths, strict=True):
        if length > 16:
            yield f"a code cell has {length} lines, at most 16 may: {lines[0]}"
        for line in lines:
            if len(line) > 80:
                yield f"{len(line)} characters, at most 80 fit on the website: {line}"


def predictions_are_settled(notebook):
    cells = notebook.content.cells
    asks = [
        place
        for place, cell in enumerate(cells)
        if cell.cell_type == "markdown" and PREDICT in cell.source
    ]
    if not (few := least(notebook)["predictions"]) <= len(asks) <= 6:
        yield f"{len(asks)} predictions; a lesson has {few} to 6"
    for place in asks:
        last = [part for part in cells[place].source.split("\n\n") if part.strip()][-1]
        if not last.startswith(PREDICT):
            yield f"a prediction is the last paragraph of its cell: {last[:60]}"
        kinds = [cell.cell_type for cell in cells[place + 1 : place + 3]]
        if kinds != ["code", "markdown"]:
            yield f"after a prediction come one code cell, then its answer as Markdown: {last[:60]}"
    for place in asks:
        outputs = [out for cell in cells[place + 1 : place + 2] for out in cell.get("outputs", [])]
        if outputs and outputs[0].get("data", {}).get("text/plain") != FOLDED:
            yield f"folded, the output shows its first line, so that must be {FOLDED!r}: `make lessons`"
    folded = {place for place, cell in enumerate(cells) if is_folded(cell)}
    if folded != {place + 1 for place in asks}:
        yield f"the cells after predictions, and only these, are folded: {sorted(folded)}"


def is_folded(cell):
    """Return whether a cell's output stays folded until it's run."""
    marks = (
        cell.metadata.get("jupyter", {}).get("outputs_hidden", False),
        ("hide-output" in cell.metadata.get("tags", [])),
    )
    return all(marks)


def learner_writes_code(notebook):
    cells = notebook.content.cells
    turns = [place for place, cell in enumerate(cells) if cell.source.startswith(TURN)]
    if len(turns) < (few := least(notebook)["turns"]):
        yield f'{len(turns)} times "Your turn"; a lesson has at least {few}'
    for place in turns:
        if cells[place + 1].cell_type != "code":
            yield f"no code cell after: {cells[place].source[:60]}"


def gaps(given, answer):
    """Return the lines of an answer that a function in a lesson leaves open with `...`; all others must be the same."""
    found = []
    for line, full in zip(given.splitlines(), answer.splitlines(), strict=True):
        if "..." in line:
            found.append(full.strip())
        else:
            assert line.partition("  # ")[0] == full.partition("  # ")[0], (line, full)
    return found


def stills_are_kept(notebook):
    """A reader without a kernel sees a picture of each explorer, and each quiz with its answer folded."""
    for number, output in notebook.outputs():
        kinds = output.get("data", {})
        if "run this cell to use it" in kinds.get("text/plain", "") and "image/png" not in kinds:
            yield f"code cell {number} shows an explorer without a picture of it: run `make lessons`"
        if "Run this cell to answer" in kinds.get(
            "text/plain", ""
        ) and "<details>" not in kinds.get("text/markdown", ""):
            yield f"code cell {number} shows a quiz without its answer: run `make lessons`"


def numbers_are_printed(notebook):
    """Every number with a decimal point or a percent sign is printed by a cell, or stands in the code."""
    printed, coded = printed_numbers(notebook), coded_numbers(notebook)
    assumed = ASSUMED.get(notebook.path.stem[3:], "").split()
    for cell in notebook.prose:
        for number in numbers_in(prose_alone(cell.source)):
            if number not in assumed and not is_known(number, printed, coded):
                yield f"no cell prints {number}: {' '.join(cell.source.split())[:70]}"


def prose_alone(markdown):
    """Return Markdown without code, math, and where links lead."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]*\$", " ", without_code(markdown), flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)|arXiv:[\d.]+", " ", text)


def numbers_in(text):
    """Return the numbers in a text that have a decimal point or a percent sign."""
    found = (match[0].rstrip(".,") for match in NUMBER.finditer(text))
    return [number for number in found if "." in number or "%" in number]


def as_floats(text):
    """Return all numbers in a text; 5% is 0.05."""
    found = {match[0].replace(",", "") for match in NUMBER.finditer(text)}
    return {float(number.rstrip("%")) / (100 if "%" in number else 1) for number in found}


def printed_numbers(notebook):
    outputs = [output for _, output in notebook.outputs()]
    pictures = [any(kind.startswith("image/") for kind in o.get("data", {})) for o in outputs]
    texts = [text_of(o) for o, drawn in zip(outputs, pictures, strict=True) if not drawn]
    return as_floats("\n".join(texts))


def coded_numbers(notebook):
    return as_floats("\n".join(cell.source for cell in own_code(notebook)))


def is_known(number, printed, coded):
    """Return whether a number in the prose equals a known one, rounded to its digits."""
    value, digits = number.rstrip("%").replace(",", ""), len(number.rstrip("%").partition(".")[2])
    known = printed | coded
    if number.endswith("%"):
        known = {100 * one for one in known} | coded  # the code may call 5% of something just 5
    return any(round(one, digits) == float(value) for one in known)


def is_plain_english(notebook):
    for cell in notebook.prose:
        text = prose_alone(cell.source)
        for pattern, better in PRIVATE.items():
            for found in re.finditer(pattern, text, re.IGNORECASE):
                yield f"{found[0]!r}: say {better}"
        for paragraph in re.split(r"\n\n|\n(?=- |\|)", text):
            for sentence in re.split(r"(?<=[.!?:])\s+", " ".join(paragraph.split())):
                if len(sentence.split()) > 32:
                    yield f"{len(sentence.split())} words in one sentence: {sentence[:70]} …"


RULES = [
    is_short,
    code_is_short,
    predictions_are_settled,
    learner_writes_code,
    stills_are_kept,
    numbers_are_printed,
    is_plain_english,
]
