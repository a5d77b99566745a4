"""Hold every notebook, the helper package and the repository to the rules of the course."""

import re

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.notebooks.rules import (
    EXERCISE,
    LESSON,
    ROOT,
    Notebook,
    links_lead_somewhere,
    numbers_have_no_gap,
)
from tests.tree import repository_files

MAX_REPOSITORY_BYTES = 20_000_000
TEXT = {
    ".py",
    ".md",
    ".ipynb",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".lock",
    ".js",
    ".css",
    ".html",
    ".svg",
    ".txt",
    "",
}
# Written in two parts, so that this file does not hold what it forbids.
NO_HOST = re.compile(
    "|".join(["pypi\\.org", "pythonhosted\\.org", "npmjs\\.org", "deb\\.debian\\.org"])
)
NO_PATH = re.compile(r"(?<![\w.:/~$}-])/(?:root|work|tmp|Users)/[\w.]")


def cases(folder, rules):
    """Return a test case for each notebook of a folder and each rule."""
    paths = sorted((ROOT / folder).glob("*.ipynb"))
    return [
        pytest.param(path, rule, id=f"{folder}/{path.stem}-{rule.__name__}")
        for path in paths
        for rule in rules
    ]


def assert_none(faults):
    """Fail with one line for each fault."""
    faults = list(faults)
    assert not faults, "\n  " + "\n  ".join(faults)


@pytest.mark.parametrize(
    "path, rule",
    cases("notebooks", LESSON) + cases("solutions", EXERCISE) + cases("exercises", EXERCISE),
)
def test_notebook_keeps_the_rule(path, rule):
    assert_none(f"{path.relative_to(ROOT)}: {fault}" for fault in rule(Notebook.read(path)))


# The website's pages stand elsewhere when it's built; tests/browser/test_site.py follows their links.
PAGES = [path for path in repository_files() if path.suffix == ".md" and path.parts[0] != "docs"]


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_pages_keep_the_rules_of_links(path):
    cell = new_markdown_cell((ROOT / path).read_text(encoding="utf-8"))
    assert_none(
        f"{path}: {fault}"
        for fault in links_lead_somewhere(Notebook(ROOT / path, new_notebook(cells=[cell])))
    )


def test_lessons_are_numbered_without_a_gap():
    assert_none(numbers_have_no_gap([path.name for path in (ROOT / "notebooks").glob("*.ipynb")]))


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_each_exercise_has_its_lesson(folder):
    names = {path.name for path in (ROOT / folder).glob("*.ipynb")}
    assert names <= {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_the_repository_is_small():
    sizes = {str(path): (ROOT / path).stat().st_size for path in repository_files()}
    largest = sorted(sizes, key=sizes.get)[-5:]
    assert 0 < sum(sizes.values()) < MAX_REPOSITORY_BYTES, (
        f"{sum(sizes.values()):,} bytes; the largest: {largest}"
    )


def test_the_repository_names_no_machine():
    def faults():
        for path in repository_files():
            if path.suffix in TEXT:
                text = (ROOT / path).read_text(encoding="utf-8", errors="ignore")
                for found in [*NO_HOST.finditer(text), *NO_PATH.finditer(text)]:
                    line = text.count("\n", 0, found.start()) + 1
                    yield f"{path}:{line} names {found[0]!r}"

    assert_none(faults())


def test_the_search_for_machines_finds_them():
    assert NO_HOST.search("https://" + "pypi" + ".org/simple") and NO_PATH.search(
        "open('/" + "root/x')"
    )
    assert not NO_PATH.search("https://example.org/work/1")
