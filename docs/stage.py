"""Write what Sphinx builds into docs/_build/source: pages made of the notebooks as they are, and of the code."""

import ast
import functools
import os
import re
import shutil
import tomllib
from pathlib import Path

import nbformat
import plotly
import typer.cli
from nbformat.v4 import new_markdown_cell

from apps.cli import app
from docs import glossary, notebooks
from docs.outputs import recorded
from tests.setup.badges import launchers
from utils.exercises.quiz import load as load_quizzes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STAGED = DOCS / "_build" / "source"
FIGURES = STAGED / "_static" / "figures"
# Files that lessons link to. Links to others lead to the repository.
OTHERS = ["data/README.md", "data/my_digits/README.md", "apps/kubernetes/README.md"]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")
TABLE = re.compile(r"<!-- (\w+): written by `make benchmark` -->\n(.+?)<!-- /", re.DOTALL)
TABLED = ["README.md", "benchmarks/README.md"]  # the pages with the tables of benchmarks
FOR_LEARNERS = [
    "utils.exercises.quiz",
    "utils.exercises.progress",
]  # the rest is the engine of checks
ON_TRAINING = ("05", "08")  # lessons to which the page for training a network adds something
TRAIN = (
    'On the page <a href="../train/index.html">Train a network</a> you can watch one learn, with a learning rate '
    "and a batch size of your choice."
)
UNKNOWN = "This copy of the website doesn't know where the course's files are. Ask whoever gave you its address.\n"
NOTE = (
    "On this website, write your answer down, then open the hints and the solution below each question. "
    "To have answers checked, [run the exercise](../run.md)."
)


def stage(name: str | None) -> None:
    """Write all sources anew; `name` is that of the repository, "owner/name", if it's known."""
    shutil.rmtree(STAGED, ignore_errors=True)
    shutil.copytree(DOCS / "pages", STAGED)
    lessons, exercises = read("notebooks"), read("solutions")
    pages = {"run.md", "quizzes/index.md", *OTHERS} | {
        f"notebooks/{stem}.ipynb" for stem in lessons
    }
    pages |= {f"exercises/{stem}.ipynb" for stem in exercises}
    address = f"https://github.com/{name}" if name else None
    change = functools.partial(relink, pages=pages, address=address)
    copy_static()
    stage_quizzes(lessons)  # before the lessons' cells become those of a page
    stage_lessons(lessons, name, change)
    stage_exercises(exercises, change)
    stage_reference()
    fill("index.md", {f"time {stem[:2]}": time_of(it) for stem, it in lessons.items()})
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in TABLED]
    fill("benchmarks.md", {name: table for text in texts for name, table in TABLE.findall(text)})
    stage_run(name, address)
    for path in OTHERS:
        text = (ROOT / path).read_text(encoding="utf-8")
        write(path, change(text, os.path.dirname(path)))


def stage_run(name: str | None, address: str | None) -> None:
    """Say how to run the course, or that this copy doesn't know where its files are."""
    if not name:
        return write(
            "run.md", (DOCS / "pages" / "run.md").read_text("utf-8").partition("## ")[0] + UNKNOWN
        )
    places = launchers(name)
    links = "\n".join(f"- [Open the first lesson in {place}]({places[place]})" for place in places)
    fill("run.md", {"address": f"{address}.git", "links": links})


def write(name: str, text: str) -> None:
    path = STAGED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def fill(name: str, parts: dict[str, str]) -> None:
    """Put each part into a page in the place of its mark, as <!-- links -->."""
    text = (STAGED / name).read_text(encoding="utf-8")
    for part, content in parts.items():
        assert f"<!-- {part} -->" in text, f"docs/pages/{name} has no mark for {part}"
        text = text.replace(f"<!-- {part} -->", content)
    write(name, text)


def read(folder: str) -> dict[str, nbformat.NotebookNode]:
    """Return the notebooks of a folder by their names, such as "04_learn_by_gradient"."""
    paths = sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def time_of(lesson: nbformat.NotebookNode) -> str:
    """Return how long a lesson takes, as it says itself."""
    return re.search(r"\*\*Time\*\* (.+?)(?: with the exercise)? ·", lesson.cells[0].source)[1]


def entries_of(stem: str) -> dict:
    path = ROOT / "exercises" / "questions" / f"{stem}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def relink(text: str, folder: str, pages: set[str], address: str | None) -> str:
    """Return Markdown whose links lead to pages of the site, or to the repository, or are only text."""

    def change(link: re.Match) -> str:
        target = os.path.normpath(os.path.join(folder, link[2]))
        if target in pages:
            return link[0]
        return f"[{link[1]}]({address}/blob/main/{target})" if address else link[1]

    return LINK.sub(change, text)


def save(path: str, notebook, cells: list, change) -> None:
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = change(cell.source, os.path.dirname(path))
    write(path, nbformat.writes(nbformat.from_dict({**notebook, "cells": cells})))


def stage_lessons(lessons: dict, name: str | None, change) -> None:
    """Write the lessons' pages and pictures, and the glossary."""
    texts = {
        stem: [cell for cell in it.cells if cell.cell_type == "markdown"]
        for stem, it in lessons.items()
    }
    terms = glossary.collect({stem: [it.source for it in texts[stem]] for stem in lessons})
    fill("glossary.md", {"terms": glossary.page(terms)})
    for stem, notebook in lessons.items():
        head = texts[stem][0]
        head.source = re.sub("^# ", f"# Lesson {stem[:2]}: ", notebooks.SAMPLE.sub("", head.source))
        for cell in texts[stem]:
            cell.source = glossary.with_anchors(
                cell.source, [it for it in terms if it.lesson == stem]
            )
        binder = launchers(name, f"notebooks/{stem}.ipynb")["Binder"] if name else None
        cells = notebooks.lesson(notebook, entries_of(stem), FIGURES, binder)
        cells += [new_markdown_cell(TRAIN)] if stem[:2] in ON_TRAINING else []
        save(f"notebooks/{stem}.ipynb", notebook, cells, change)


def stage_exercises(exercises: dict, change) -> None:
    for stem, solution in exercises.items():
        title, *others = notebooks.exercise(solution, entries_of(stem), recorded(stem), FIGURES)
        title.source = title.source.replace("# Exercise:", f"# Exercise {stem[:2]}:", 1)
        save(f"exercises/{stem}.ipynb", solution, [title, new_markdown_cell(NOTE), *others], change)


def stage_quizzes(lessons: dict) -> None:
    """Write a page with the quizzes of each lesson, and the list of them with the place for what's answered."""
    entries = []
    for stem, notebook in lessons.items():
        title = re.search(r"^# (.+)", notebook.cells[0].source)[1]
        quizzes = load_quizzes(stem[3:])
        keys = " ".join(map(notebooks.quiz_key, quizzes))
        entries.append(
            f'- [Quiz {stem[:2]}: {title}]({stem}.md) <span data-quizzes="{keys}"></span>'
        )
        head = (
            f"# Quiz {stem[:2]}: {title}\n\nFrom [lesson {stem[:2]}](../notebooks/{stem}.ipynb).\n"
        )
        write(f"quizzes/{stem}.md", "\n".join([head, *map(notebooks.form, quizzes)]))
    fill("quizzes/index.md", {"quizzes": "\n".join(entries)})


def stage_reference() -> None:
    """Write a page for each module, and the list of them with the first sentence of each."""
    entries = ["- [digits](digits.md): the command, for a terminal."]
    for path in sorted((ROOT / "utils").rglob("[!_]*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if module.startswith("utils.exercises.") and module not in FOR_LEARNERS:
            continue
        text = f"# {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"
        write(f"reference/{module}.md", text)
        about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        sentence = " ".join(re.split(r"(?<=\.)\s", about, maxsplit=1)[0].split())
        entries.append(f"- [{module}]({module}.md): {sentence}")
    write("reference/digits.md", command_line())
    fill("reference/index.md", {"modules": "\n".join(entries)})


def command_line() -> str:
    """Return what `digits --help` says, with that of its subcommands, as Markdown."""
    command = typer.main.get_command(app)
    context = typer.Context(command)
    text = typer.cli.get_docs_for_click(obj=command, ctx=context, name="digits", title="digits")
    text = re.sub(r"\[bold\](.+?)\[/bold\]", r"**\1**", text)
    # A list of commands would cut what they do.
    text = re.sub(r"^\* `([\w-]+)`: .+\.\.\.$", r"* `\1`", text, flags=re.MULTILINE)
    return re.sub(r"^(digits .+)$", r"`\1`", text, flags=re.MULTILINE)


def copy_static() -> None:
    mathjax, static = DOCS / "node_modules" / "mathjax", STAGED / "_static"
    shutil.copytree(DOCS / "static", static)
    FIGURES.mkdir()
    shutil.copytree(ROOT / "images", STAGED / "images")
    shutil.copy(DOCS / "try" / "icon.svg", static)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", static)
    shutil.copy(mathjax / "es5" / "tex-svg.js", static / "mathjax.js")
    shutil.copy(mathjax / "LICENSE", static / "mathjax-license.txt")
