"""Turn notebooks into what the website shows: without a kernel, all that would run must be folded, or work in the page."""

import base64
import copy
import html
import json
import re
import textwrap
import zlib
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from exercises.generate import REGION, exercise_from
from utils.exercises.quiz import SURENESS, Quiz, _as_html
from utils.exercises.quiz import load as load_quizzes

ASK = re.compile(r'^ask\("(\w+)", (\d+)\)$', re.MULTILINE)
CHECK = re.compile(r"\b([qt]\d+)\.check\(")
NOTES = ("Predict first, then run this cell.", "◌ not attempted")  # for those who run the cell
COLORS = re.compile(r"(text-decoration-)?color: #\w+;? ?")  # of Keras's tables: too faint on a light page


def fold(title: str, text: str) -> str:
    """Return Markdown that stays folded until a reader opens it."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def hints(entry: dict) -> str:
    """Return a question's hints as Markdown, each folded."""
    found = enumerate(entry.get("hints", []), start=1)
    return "\n\n".join(fold(f"Hint {number}", text) for number, text in found)


# Lessons


def lesson(notebook: NotebookNode, entries: dict, figures: Path, run: str) -> list[NotebookNode]:
    """Return the cells of a lesson's page.

    `entries` are the lesson's questions. Its pictures are written into the folder `figures`. `run` is HTML that
    leads to where the lesson runs.
    """
    cells, folded = [], False
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if folded:
            cell, rest = split(cell)
            cells += [cell] if cell else []
            cells.append(new_markdown_cell("</details>"))
            cell, folded = rest, False
        if cell is None or "colab" in tags:
            continue
        if cell.cell_type == "markdown":
            cells.append(cell)
            continue
        asked = ASK.search(cell.source)
        if asked:
            cells += [part(cell, "output")] if cell.source != asked[0] else []
            cells.append(new_markdown_cell(form(load_quizzes(asked[1])[int(asked[2]) - 1])))
            continue
        cell = show(cell, figures, run)
        if "hide-output" in tags:
            summary = '<details class="prediction"><summary>Show the answer</summary>'
            cells += [part(cell, "output"), new_markdown_cell(summary), part(cell, "input")]
            folded = True
        else:
            cells += [cell, *turn(cell, entries)]
    return [*cells, new_markdown_cell("</details>")] if folded else cells


def split(cell: NotebookNode) -> tuple[NotebookNode | None, NotebookNode | None]:
    """Return the answer to a prediction, the first paragraph below its output, and what follows."""
    answer, _, rest = cell.source.partition("\n\n")
    if cell.cell_type != "markdown" or answer.startswith(("#", "<", "**")):
        return None, cell
    return new_markdown_cell(answer), new_markdown_cell(rest) if rest else None


def part(cell: NotebookNode, removed: str) -> NotebookNode:
    """Return a code cell without its input, or without its output."""
    found = copy.deepcopy(cell)
    found.metadata.tags = [f"remove-{removed}"]
    return found


def turn(cell: NotebookNode, entries: dict) -> list[NotebookNode]:
    """Return what follows a "Your turn" on the page."""
    found = CHECK.search(cell.source)
    return [new_markdown_cell(hints(entries[found[1]]))] if found else []


def show(cell: NotebookNode, figures: Path, run: str) -> NotebookNode:
    """Return a code cell with outputs that a page can show."""
    cell = copy.deepcopy(cell)
    outputs = [output for output in cell.outputs if not text_of(output).startswith(NOTES)]
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if "image/png" in data:
            name = f"{cell.id}-{number}.png"
            (figures / name).write_bytes(base64.b64decode(data["image/png"]))
            still = text_of(output).endswith("run this cell to use it.")
            outputs[number] = as_html(picture(output, figures.name + "/" + name) + still * run)
        elif plot := data.get("application/vnd.plotly.v1+json"):
            outputs[number] = as_html(interactive(plot, cell.id))
        elif "text/html" in data:
            outputs[number] = as_html(COLORS.sub("", data["text/html"]))
    cell.outputs = outputs
    return cell


def text_of(output: NotebookNode) -> str:
    return output.get("data", {}).get("text/plain", "")


def as_html(text: str) -> NotebookNode:
    return new_output("display_data", {"text/html": text})


def picture(output: NotebookNode, path: str) -> str:
    """Return a picture with its alternative text and its size, which keeps the page from moving."""
    about = output.metadata.get("image/png", {})
    size = " ".join(f'{side}="{about[side]}"' for side in ("width", "height") if side in about)
    alt = html.escape(about.get("alt", text_of(output)))
    return f'<img src="../_static/{path}" alt="{alt}" {size} loading="lazy">'


def interactive(plot: dict, name: str) -> str:
    """Return a Plotly figure, drawn by the library that lies on the site."""
    title = html.escape(plot["layout"].get("title", {}).get("text", "A figure to explore"))
    height = plot["layout"].get("height", 450)
    figure = json.dumps({"data": plot["data"], "layout": plot["layout"]}).replace("</", "<\\/")
    return (
        f'<div id="plot-{name}" class="plot" role="group" aria-label="{title}" style="height:{height}px"></div>'
        '<script src="../_static/plotly.min.js"></script>'
        f'<script>Plotly.newPlot("plot-{name}", {{...{figure}, config: {{responsive: true, displaylogo: false}}}});</script>'
    )


# Quizzes


def form(quiz: Quiz) -> str:
    """Return a quiz as a form, which `quiz.js` makes work."""
    options = "".join(option(quiz, number) for number in range(len(quiz.options)))
    confidence = "".join(
        f'<label><input type="radio" name="confidence" value="{value}"> {word}</label>'
        for word, value in SURENESS.items()
    )
    key = f"{quiz.lesson}/{quiz.number}/{zlib.crc32(quiz.question.encode())}"
    return (
        f'<form class="quiz" data-key="{key}"><fieldset><legend><b>Quiz {quiz.number}.</b> {_as_html(quiz.question)}'
        f"</legend>{options}</fieldset>"
        f'<fieldset class="confidence"><legend>How confident are you?</legend>{confidence}</fieldset>'
        '<button type="submit">Answer</button><p class="verdict" role="status"></p>'
        f"<noscript><details><summary>Answer</summary>{_as_html(f'{quiz.right} {quiz.why}')}</details></noscript></form>"
    )


def option(quiz: Quiz, number: int) -> str:
    text = quiz.options[number]
    right, reason = quiz.answer(text)
    data = f'data-right="{int(right)}" data-reason="{html.escape(_as_html(reason))}"'
    return f'<label><input type="radio" name="answer" value="{number}" {data}> {_as_html(text)}</label>'


# Exercises


def exercise(solution: NotebookNode, entries: dict) -> list[NotebookNode]:
    """Return the cells of an exercise's page: each question with its hints and its solution, folded."""
    cells = []
    for task, solved in zip(exercise_from(solution).cells, solution.cells, strict=True):
        cells.append(task)
        found = CHECK.search(task.source) if REGION.search(solved.source) else None
        if found:
            entry = entries[found[1]]
            code = "\n\n".join(textwrap.dedent(it[2]).strip() for it in REGION.finditer(solved.source))
            rubric = "".join(f"\n- {point}" for point in entry.get("rubric", []))
            good = f"\n\nA good answer says:\n{rubric}" if rubric else ""
            answer = fold("Solution", f"```python\n{code}\n```{good}")
            cells.append(new_markdown_cell(f"{hints(entry)}\n\n{answer}"))
    return cells
