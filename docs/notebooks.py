"""Turn notebooks into pages, on which nothing runs: so answers are folded, and quizzes work in the page."""

import base64
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
COLORS = re.compile(r"(text-decoration-)?color: #\w+;? ?")  # of Keras's tables: too faint
ANSWER = '<details class="prediction"><summary>Show the answer</summary>'
STILL = '<p class="still">This is a picture. {}.</p>'
RUN = 'To use it, <a href="../run.html">run this lesson</a>'
RUN_OR_BINDER = 'To use it, run this lesson in <a href="../run.html">JupyterLab</a> or on <a href="{}">Binder</a>'
# What a page of the website does in the place of an explorer, or besides.
DRAW = 'Draw on the page <a href="../try/index.html">Draw a digit</a>, or <a href="../run.html">run this lesson</a>'
TRAIN = 'Or change a learning rate on the page <a href="../train/index.html">Train a network</a>'
# What runs only for its output, which would say nothing about the reader.
INSTEAD = {
    "check_environment()": "On this website, there's nothing to check.",
    "progress()": "On this website, [the page of quizzes](../quizzes/index.md) counts your answers.",
}
NOTHING_RUNS = (
    "Nothing runs on this website. Do each **Your turn** on paper, then open the answer. "
    "To run the code: [Run it yourself](../run.md)."
)
SAMPLE = re.compile(r"\n\n\*The numbers (?:in the text )?come from full MNIST\.[^*]*\*")
# Sentences of an exercise for those who run it.
SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")
RUN_IT = re.compile(
    r"run\s+the\s+(cell|experiment)|It\s+takes\s+a\s+few\s+seconds"
    r"|The\s+check\s+(then\s+shows|shows|tells)|q1\.solution\("
)
APOSTROPHE = re.compile(r"(<code>.*?</code>)|(?<=\w)'")
PLOT = """<div id="{id}" class="plot" role="group" aria-label="{title}" style="height:{height}px"></div>
<script src="../_static/plotly.min.js"></script>
<script>Plotly.newPlot("{id}", {{...{figure}, config: {{responsive: true, displaylogo: false}}}});</script>"""
FORM = (
    '<form class="quiz" data-key="{key}">'
    "<fieldset><legend><b>Quiz {number}.</b> {question}</legend>{options}</fieldset>"
    '<fieldset class="confidence"><legend>How confident are you?</legend>{confidence}</fieldset>'
    '<button type="submit">Check</button><p class="verdict" role="status"></p>'
    "<noscript><details><summary>Answer</summary>{answer}</details></noscript></form>"
)


def fold(title: str, text: str) -> str:
    """Return Markdown that stays folded until a reader opens it."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def hints(entry: dict) -> list[str]:
    """Return a question's hints, each folded."""
    return [fold(f"Hint {n}", text) for n, text in enumerate(entry.get("hints", []), start=1)]


# Lessons


def lesson(
    notebook: NotebookNode, entries: dict, figures: Path, binder: str | None
) -> list[NotebookNode]:
    """Return the cells of a lesson's page, with its pictures written into the folder `figures`.

    `entries` are the lesson's questions, and `binder` is where its explorers run, if that's known.
    """
    cells, folded = [], False
    for cell in [*notebook.cells[:1], new_markdown_cell(NOTHING_RUNS), *notebook.cells[1:]]:
        tags = cell.metadata.get("tags", [])
        asked, turn = ASK.search(cell.source), CHECK.search(cell.source)
        if folded:
            answer, cell.source = split(cell)
            cells.append(new_markdown_cell(f"{answer}\n\n</details>"))
        folded = "hide-output" in tags
        if cell.cell_type == "markdown":
            cells.append(cell)
        elif asked:
            cells += [part(cell, "output")] if cell.source != asked[0] else []
            cells.append(new_markdown_cell(form(load_quizzes(asked[1])[int(asked[2]) - 1])))
        elif folded:
            show(cell, figures, binder)
            cells += [part(cell, "output"), new_markdown_cell(ANSWER), part(cell, "input")]
        elif "colab" not in tags:
            show(cell, figures, binder)
            cells += [cell, *map(new_markdown_cell, hints(entries[turn[1]]) if turn else [])]
            cells += instead_of_output(cell)
    return [*cells, new_markdown_cell("</details>")] if folded else cells


def instead_of_output(cell: NotebookNode) -> list[NotebookNode]:
    """Take away an output that is only about this machine; return what a page says in its place."""
    said = [text for call, text in INSTEAD.items() if cell.source.endswith(call)]
    if said:
        cell.outputs = []
    return [new_markdown_cell(text) for text in said]


def split(cell: NotebookNode) -> tuple[str, str]:
    """Return the answer to a prediction, which is the first paragraph below its output, and what follows."""
    answer, _, rest = cell.source.partition("\n\n")
    if cell.cell_type != "markdown" or answer.startswith(("#", "<", "**")):
        return "", cell.source
    return answer, rest


def part(cell: NotebookNode, removed: str) -> NotebookNode:
    """Return a code cell without its input, or without its output."""
    tags = NotebookNode(tags=[f"remove-{removed}"])
    return NotebookNode({**cell, "id": f"{cell.id}-{removed}", "metadata": tags})


def show(cell: NotebookNode, figures: Path, binder: str | None) -> None:
    """Give a code cell outputs that a page can show."""
    outputs = [it for it in cell.outputs if not as_text(it).startswith(NOTES)]
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if "image/png" in data:
            path = figures / f"{cell.id}-{number}.png"
            path.write_bytes(base64.b64decode(data["image/png"]))
            outputs[number] = as_html(picture(output, path) + below(as_text(output), binder))
        elif plot := data.get("application/vnd.plotly.v1+json"):
            outputs[number] = as_html(interactive(plot, f"plot-{cell.id}"))
        elif "text/html" in data:
            outputs[number] = as_html(COLORS.sub("", data["text/html"]))
    cell.outputs = outputs


def below(text: str, binder: str | None) -> str:
    """Return what stands below a picture whose text is `text`: if it's that of an explorer, how to use it."""
    explorer, _, run = text.partition(": ")
    if run != "run this cell to use it.":
        return ""
    use = DRAW if explorer == "Draw pad" else RUN_OR_BINDER.format(binder) if binder else RUN
    return STILL.format(f"{use}. {TRAIN}" if explorer == "Descent explorer" else use)


def as_text(output: NotebookNode) -> str:
    return output.get("data", {}).get("text/plain", "")


def as_html(text: str) -> NotebookNode:
    return new_output("display_data", {"text/html": text})


def picture(output: NotebookNode, path: Path) -> str:
    """Return a picture with its alternative text, and with its size, which keeps the page from moving."""
    about = output.metadata.get("image/png", {})
    size = " ".join(f'{side}="{about[side]}"' for side in ("width", "height") if side in about)
    alt = html.escape(about.get("alt", as_text(output)))
    return f'<img src="../_static/figures/{path.name}" alt="{alt}" {size} loading="lazy">'


def interactive(plot: dict, name: str) -> str:
    """Return a Plotly figure, drawn by the library that lies on the site."""
    layout = plot["layout"]
    figure = json.dumps({"data": plot["data"], "layout": layout}).replace("</", "<\\/")
    title = html.escape(layout.get("title", {}).get("text", "A figure to explore"))
    return PLOT.format(id=name, title=title, height=layout.get("height", 450), figure=figure)


# Quizzes


def form(quiz: Quiz) -> str:
    """Return a quiz as a form, which `site.js` makes work."""
    confidence = (radio("confidence", value, word) for word, value in SURENESS.items())
    return FORM.format(
        key=quiz_key(quiz),
        number=quiz.number,
        question=typeset(quiz.question),
        options="".join(option(quiz, number) for number in range(len(quiz.options))),
        confidence="".join(confidence),
        answer=typeset(f"{quiz.right} {quiz.why}"),
    )


def quiz_key(quiz: Quiz) -> str:
    """Return what a browser keeps an answer under: another one if the question changes."""
    return f"{quiz.lesson}/{quiz.number}/{zlib.crc32(quiz.question.encode())}"


def typeset(text: str) -> str:
    """Return a quiz's text as HTML, with the apostrophes that Sphinx gives to all other text."""
    return APOSTROPHE.sub(lambda found: found[1] or "’", _as_html(text))


def option(quiz: Quiz, number: int) -> str:
    text = quiz.options[number]
    right, reason = quiz.answer(text)
    data = f'data-right="{int(right)}" data-reason="{html.escape(typeset(reason))}"'
    return radio("answer", number, typeset(text), data)


def radio(name: str, value: float, label: str, data: str = "") -> str:
    return f'<label><input type="radio" name="{name}" value="{value}" {data}> {label}</label>'


# Exercises


def exercise(
    solution: NotebookNode, entries: dict, records: dict, figures: Path
) -> list[NotebookNode]:
    """Return the cells of an exercise's page: each question with its hints and its solution, folded.

    `records` are outputs by the ids of cells. Those below a question's solution are folded, too.
    """
    cells, is_solved = [], False
    for task, solved in zip(exercise_from(solution).cells, solution.cells, strict=True):
        regions, question = list(REGION.finditer(solved.source)), CHECK.search(task.source)
        if task.cell_type == "markdown":
            task.source = without_running(task.source)
        is_solved = is_solved and not task.source.startswith("## ")
        record = records.get(task.id, {})
        if record.get("mark") == mark(solved.source):
            task.outputs = [NotebookNode(output) for output in record["outputs"]]
            show(task, figures, None)
        if is_solved and task.get("outputs"):
            cells += [part(task, "output"), new_markdown_cell(ANSWER), part(task, "input")]
            cells.append(new_markdown_cell("</details>"))
        else:
            cells.append(task)
        if regions:
            is_solved = True
            entry = entries[question[1]] if question else {}
            code = "\n\n".join(textwrap.dedent(region[2]).strip() for region in regions)
            points = "\n".join(f"- {point}" for point in entry.get("rubric", []))
            rubric = f"\n\nA good answer says:\n\n{points}" if points else ""
            answer = fold("Solution", f"```python\n{code}\n```{rubric}")
            cells += map(new_markdown_cell, [*hints(entry), answer])
    return cells


def mark(source: str) -> int:
    """Return a number that changes with a cell's source, and so tells whether its recorded outputs are stale."""
    return zlib.crc32(source.encode())


def without_running(text: str) -> str:
    """Return Markdown without the sentences about running cells."""
    if not RUN_IT.search(text):
        return text
    paragraphs = [SENTENCES.split(paragraph) for paragraph in text.split("\n\n")]
    kept = [" ".join(it for it in some if not RUN_IT.search(it)) for some in paragraphs]
    return "\n\n".join(kept)
