"""Build the website into docs/_build/html: `make site`. It takes the notebooks as they are; nothing runs."""

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
from sphinx.application import Sphinx

from apps.cli import app
from docs import glossary, notebooks
from tests.setup.badges import launchers, repository, website
from utils.exercises.quiz import load as load_quizzes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STAGED, BUILT = DOCS / "_build" / "source", DOCS / "_build" / "html"
PARTS = {"Look": 4, "Learn": 2, "Convolve": 4, "Judge": 3, "Use": 4}  # with how many lessons
# Files that lessons link to. Links of theirs that lead to no page lead to the repository.
OTHERS = ["data/README.md", "data/my_digits/README.md", "apps/kubernetes/README.md", "SECURITY.md"]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def write(name: str, text: str) -> None:
    path = STAGED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(folder: str) -> dict[str, nbformat.NotebookNode]:
    """Return the notebooks of a folder by their names, such as "04_learn_by_gradient"."""
    paths = sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def title_of(notebook: nbformat.NotebookNode) -> str:
    return re.search(r"^# (.+)", notebook.cells[0].source)[1]


def entries_of(name: str) -> dict:
    text = (ROOT / "exercises" / "questions" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def relink(text: str, folder: str, pages: set[str], address: str | None) -> str:
    """Return Markdown whose links lead to pages of the site, or to the repository, or are only text."""

    def change(link: re.Match) -> str:
        target = os.path.normpath(os.path.join(folder, link[2]))
        if target in pages:
            return link[0]
        return f"[{link[1]}]({address}/blob/main/{target})" if address else link[1]

    return LINK.sub(change, text)


def save(path: str, cells: list, notebook, change) -> None:
    """Write a page of cells, with the links of its text changed."""
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = change(cell.source, os.path.dirname(path))
    page = nbformat.from_dict({**notebook, "cells": cells})
    write(path, nbformat.writes(page))


def stage_lessons(lessons: dict, terms: list, name: str | None, change) -> None:
    figures = STAGED / "_static" / "figures"
    figures.mkdir(parents=True)
    for stem, notebook in lessons.items():
        mine = [term for term in terms if term.lesson == stem]
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = glossary.with_anchors(cell.source, mine)
        binder = launchers(name, f"notebooks/{stem}.ipynb")["Binder"] if name else "../run.html"
        run = (
            '<p class="still">This is a picture. To use it, run this lesson in '
            f'<a href="../run.html">JupyterLab</a> or on <a href="{binder}">Binder</a>.</p>'
        )
        cells = notebooks.lesson(notebook, entries_of(stem), figures, run)
        save(f"notebooks/{stem}.ipynb", cells, notebook, change)


def stage_exercises(change) -> None:
    note = "Read the questions here. To have your answers checked, [run the exercise](../run.md)."
    for stem, notebook in read("solutions").items():
        first, *others = notebooks.exercise(notebook, entries_of(stem))
        cells = [first, new_markdown_cell(note), *others]
        save(f"exercises/{stem}.ipynb", cells, notebook, change)


def stage_quizzes(titles: dict[str, str]) -> None:
    rows = []
    for stem, title in titles.items():
        quizzes = load_quizzes(stem[3:])
        forms = "\n\n".join(notebooks.form(quiz) for quiz in quizzes)
        write(f"quizzes/{stem}.md", f"# Quiz {title}\n\nFrom [lesson {title}](../notebooks/{stem}.ipynb).\n\n{forms}\n")
        score = f'<span data-lesson="{stem[3:]}" data-count="{len(quizzes)}">{len(quizzes)} quizzes</span>'
        rows.append(f"| [{title}]({stem}.md) | {score} |")
    table = "\n".join(["| lesson | answered |", "|---|---|", *rows])
    fill("quizzes/index.md", {"quizzes": table, "toctree": toctree({f"{s[:2]} {s[3:].replace('_', ' ').capitalize()}": s for s in titles})})


def toctree(pages: dict[str, str], caption: str = "") -> str:
    lines = [f":caption: {caption}"] if caption else []
    lines += [f"{title} <{page}>" for title, page in pages.items()]
    return "\n".join(["```{toctree}", ":hidden:", *lines, "```"])


def fill(name: str, parts: dict[str, str]) -> None:
    """Write a page of docs/pages, its parts in the place of their marks, as <!-- lessons -->."""
    text = (DOCS / "pages" / name).read_text(encoding="utf-8")
    for part, content in parts.items():
        assert f"<!-- {part} -->" in text, f"docs/pages/{name} has no mark for {part}"
        text = text.replace(f"<!-- {part} -->", content)
    write(name, text)


def stage_home(lessons: dict, exercises: list[str]) -> None:
    stems, trees, lists = iter(lessons), [], []
    for letter, (part, count) in zip("ABCDE", PARTS.items(), strict=True):
        mine = [next(stems) for _ in range(count)]
        short = {f"{stem[:2]} {title_of(lessons[stem]).partition(':')[0]}": f"notebooks/{stem}" for stem in mine}
        trees.append(toctree(short, f"{letter} {part}"))
        rows = [f"- {stem[:2]} [{title_of(lessons[stem])}](notebooks/{stem}.ipynb)" for stem in mine]
        lists.append(f"### {part}\n\n" + "\n".join(rows))
    fill("index.md", {"lessons": "\n\n".join(lists), "toctrees": "\n\n".join(trees)})
    pages = {stem: title_of(lessons[stem]) for stem in exercises}
    rows = "\n".join(f"- {stem[:2]} [{title}]({stem}.ipynb)" for stem, title in pages.items())
    fill("exercises/index.md", {"exercises": rows, "toctree": toctree({f"{s[:2]} {t.partition(':')[0]}": s for s, t in pages.items()})})


def stage_reference() -> None:
    paths = sorted((ROOT / "utils").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths if path.name != "__init__.py"]
    for name in names:
        write(f"reference/{name}.md", f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n")
    write("reference/digits.md", command_line())
    fill("reference/index.md", {
        "modules": "\n".join(f"- [{name}]({name}.md)" for name in names),
        "toctree": toctree({name: name for name in ["digits", *names]}),
    })


def command_line() -> str:
    """Return what `digits --help` says, with that of its subcommands, as Markdown."""
    command = typer.main.get_command(app)
    text = typer.cli.get_docs_for_click(obj=command, ctx=typer.Context(command), name="digits", title="digits")
    text = re.sub(r"\[bold\](.+?)\[/bold\]", r"**\1**", text)
    # A list of commands would cut what they do.
    text = re.sub(r"^\* `([\w-]+)`: .+\.\.\.$", r"* `\1`", text, flags=re.MULTILINE)
    return re.sub(r"^(digits .+)$", r"`\1`", text, flags=re.MULTILINE)


def stage_static() -> None:
    shutil.copytree(DOCS / "static", STAGED / "_static", dirs_exist_ok=True)
    shutil.copy(DOCS / "try" / "icon.svg", STAGED / "_static")
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", STAGED / "_static")
    mathjax = DOCS / "node_modules" / "mathjax"
    shutil.copy(mathjax / "es5" / "tex-svg.js", STAGED / "_static" / "mathjax.js")
    shutil.copy(mathjax / "LICENSE", STAGED / "_static" / "mathjax-license.txt")
    shutil.copytree(ROOT / "images", STAGED / "images")


def stage(name: str | None) -> None:
    """Write all that Sphinx builds into docs/_build/source."""
    shutil.rmtree(STAGED, ignore_errors=True)
    lessons, exercises = read("notebooks"), read("solutions")
    titles = {stem: f"{stem[:2]}: {title_of(notebook)}" for stem, notebook in lessons.items()}
    pages = {f"notebooks/{stem}.ipynb" for stem in lessons} | {f"exercises/{stem}.ipynb" for stem in exercises}
    pages |= {"run.md", *OTHERS}
    address = f"https://github.com/{name}" if name else None
    change = functools.partial(relink, pages=pages, address=address)
    texts = {stem: [cell.source for cell in it.cells if cell.cell_type == "markdown"] for stem, it in lessons.items()}
    terms = glossary.collect(texts)
    stage_static()
    stage_lessons(lessons, terms, name, change)
    stage_exercises(change)
    stage_quizzes(titles)
    stage_home(lessons, list(exercises))
    stage_reference()
    fill("glossary.md", {"terms": glossary.page(terms)})
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tables = re.findall(r"<!-- (\w+): written by `make benchmark` -->\n(.+?)<!-- /", readme, re.DOTALL)
    fill("benchmarks.md", dict(tables))
    links = "\n".join(f"- [{title}]({url})" for title, url in launchers(name).items()) if name else ""
    fill("run.md", {"address": f"{address}.git" if name else "ADDRESS", "links": links})
    for path in OTHERS:
        write(path, change((ROOT / path).read_text(encoding="utf-8"), os.path.dirname(path)))


def main() -> None:
    """Stage the pages, build them, and add the page that reads digits."""
    name = repository((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stage(name)
    shutil.rmtree(BUILT, ignore_errors=True)
    settings = {}
    if name:
        settings["html_baseurl"] = website(name)
        settings["html_theme_options.repository_url"] = f"https://github.com/{name}"
    sphinx = Sphinx(STAGED, DOCS, BUILT, DOCS / "_build" / "doctrees", "html", settings, freshenv=True, warningiserror=True)
    sphinx.build()
    shutil.copytree(DOCS / "try", BUILT / "try", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    raise SystemExit(sphinx.statuscode)


if __name__ == "__main__":
    main()
