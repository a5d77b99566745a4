"""Hold every notebook, the helper package and the repository to the rules of the course."""

import re
import subprocess
import sys

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.notebooks.rules import (
    EXERCISE,
    LESSON,
    ROOT,
    Notebook,
    helpers_are_taught,
    imports_point_down,
    links_lead_somewhere,
    numbers_have_no_gap,
)
from tests.tree import repository_files

# Top first; modules on one line stand beside each other.
ORDER = [
    ["cloud"],
    ["prediction", "interpretation"],
    ["training", "evaluation"],
    ["models"],
    ["augmentation", "plots"],
    ["preprocessing", "kaggle"],
    ["environment"],
    ["data"],
]
# What only sets the stage, and no lesson needs to explain.
INFRASTRUCTURE = {"environment", "explorer", "command", "__main__"}
MAX_REPOSITORY_BYTES = 20_000_000
TEXT = {".py", ".md", ".ipynb", ".toml", ".yml", ".yaml", ".json", ".lock", ".js", ".css", ".html", ".svg", ".txt", ""}
# Written in two parts, so that this file does not hold what it forbids.
NO_HOST = re.compile("|".join(["py" "pi\\.org", "python" "hosted\\.org", "npm" "js\\.org", "deb\\.debian" "\\.org"]))
NO_PATH = re.compile(r"(?<![\w.:/~$}-])/(?:root|work|tmp|Users)/[\w.]")


def cases(folder, rules):
    """Return a test case for each notebook of a folder and each rule."""
    paths = sorted((ROOT / folder).glob("*.ipynb"))
    return [pytest.param(path, rule, id=f"{folder}/{path.stem}-{rule.__name__}") for path in paths for rule in rules]


def assert_none(faults):
    """Fail with one line for each fault."""
    faults = list(faults)
    assert not faults, "\n  " + "\n  ".join(faults)


@pytest.mark.parametrize(
    "path, rule", cases("notebooks", LESSON) + cases("solutions", EXERCISE) + cases("exercises", EXERCISE)
)
def test_notebook_keeps_the_rule(path, rule):
    assert_none(f"{path.relative_to(ROOT)}: {fault}" for fault in rule(Notebook.read(path)))


@pytest.mark.parametrize("path", [path for path in repository_files() if path.suffix == ".md"], ids=str)
def test_pages_keep_the_rules_of_links(path):
    cell = new_markdown_cell((ROOT / path).read_text(encoding="utf-8"))
    assert_none(f"{path}: {fault}" for fault in links_lead_somewhere(Notebook(ROOT / path, new_notebook(cells=[cell]))))


def test_lessons_are_numbered_without_a_gap():
    assert_none(numbers_have_no_gap([path.name for path in (ROOT / "notebooks").glob("*.ipynb")]))


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_each_exercise_has_its_lesson(folder):
    names = {path.name for path in (ROOT / folder).glob("*.ipynb")}
    assert names <= {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def modules(folder="utils"):
    """Return the modules of `utils`, or of a folder in it."""
    return sorted(path for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")


FOLDERS = "utils", "utils/widgets", "apps/cli", "apps/scaling"
TAUGHT = [path for folder in FOLDERS for path in modules(folder) if path.stem not in INFRASTRUCTURE]


@pytest.mark.parametrize("path", TAUGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_helpers_say_where_they_are_taught(path):
    assert_none(helpers_are_taught(path.name, path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_imports_point_down(path):
    assert_none(imports_point_down(path.stem, path.read_text(encoding="utf-8"), ORDER))


@pytest.mark.parametrize(
    "module", ["data", "preprocessing", "plots", "prediction", "environment", "widgets.pad", "cli", "cloud", "kaggle",
               "scaling"]
)
def test_light_modules_do_not_import_tensorflow(module):
    code = f"import sys, utils.{module}; print(*{{'tensorflow', 'keras'}} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [], f"`import utils.{module}` costs seconds: it imports {result.stdout}"


def test_the_repository_is_small():
    sizes = {str(path): (ROOT / path).stat().st_size for path in repository_files()}
    largest = sorted(sizes, key=sizes.get)[-5:]
    assert 0 < sum(sizes.values()) < MAX_REPOSITORY_BYTES, f"{sum(sizes.values()):,} bytes; the largest: {largest}"


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
    assert NO_HOST.search("https://" + "pypi" + ".org/simple") and NO_PATH.search("open('/" + "root/x')")
    assert not NO_PATH.search("https://example.org/work/1")
