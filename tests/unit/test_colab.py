"""Run a lesson's first cell as Google Colab would, with a clone of this tree and without the network."""

import re
import subprocess
import tomllib

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from tests.tree import ROOT, copy_repository

# What Colab is, as far as the cell can tell. Its pip only repeats what it is asked to do.
COLAB = """import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
get_ipython().register_magic_function(lambda line: print("pip", line), magic_name="pip")"""
LESSON = """from pathlib import Path
from utils import data
print(data.__file__, Path.cwd(), len(data.load_mnist("sample").x_train), Path("exercises").is_dir())"""
ON_COLAB = {
    "tensorflow", "tensorflow-cpu", "keras", "numpy", "pandas", "scikit-learn", "scipy", "pillow", "scikit-image",
    "pyarrow", "matplotlib", "seaborn", "plotly", "notebook", "ipykernel", "ipywidgets", "tqdm", "rich", "httpx",
    "cloudpickle", "psutil", "threadpoolctl",
}  # fmt: skip
NOT_IN_COLAB = {
    "jupyterlab",
    "streamlit",
    "streamlit-drawable-canvas",
}  # Colab is the notebook, and shows no app


def colab_cells():
    """Return the source of each lesson's Colab cell."""
    lessons = [
        nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    return [
        cell.source
        for lesson in lessons
        for cell in lesson.cells
        if "colab" in cell.metadata.get("tags", [])
    ]


def run_in_colab(folder, address, *cells):
    """Run the Colab cell of a lesson, and others after it, in a folder; return stdout and stderr of each."""
    fetch = re.sub(r'REPOSITORY = ".*"', f'REPOSITORY = "{address}"', colab_cells()[0])
    sources = [COLAB, *(fetch if cell is ... else cell for cell in (..., *cells))]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return ["".join(output.text for output in cell.outputs) for cell in notebook.cells[1:]]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Return the address of a repository that holds this tree, what is not yet committed included."""
    folder = copy_repository(tmp_path_factory.mktemp("repository"))
    git = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=Course",
        "-c",
        "user.email=course@example.org",
    ]
    for command in (
        ["init", "--quiet"],
        ["add", "--all", "--force"],
        ["commit", "--quiet", "--message", "The course"],
    ):
        subprocess.run([*git, *command], check=True)
    return folder.as_uri()


def test_lesson_finds_the_course_in_colab(repository, tmp_path):
    """The cell is run, run again, and run once more from the first folder, where a restarted kernel begins."""
    fetched, again, _, restarted, lesson = run_in_colab(
        tmp_path, repository, ..., "%cd -q ..", ..., LESSON
    )
    course = tmp_path / "course"
    assert fetched == restarted == "pip install --quiet -r requirements-colab.txt\n" and again == ""
    assert lesson.split() == [str(course / "utils" / "data.py"), str(course), "4000", "True"]
    assert list(tmp_path.rglob(".git")) == [course / ".git"]


@pytest.mark.parametrize("address, error, message", [
    ("", "AssertionError", "Set REPOSITORY to the course's address on GitHub."),
    ("file:///nowhere", "FileNotFoundError", "[Errno 2] No such file or directory: 'course'"),
])  # fmt: skip
def test_without_the_course_no_other_cell_runs(tmp_path, address, error, message):
    with pytest.raises(CellExecutionError) as caught:
        run_in_colab(tmp_path, address, "open('next', 'w')")
    assert (caught.value.ename, caught.value.evalue) == (error, message)
    assert list(tmp_path.iterdir()) == []


def test_every_lesson_has_the_same_short_cell():
    cells = colab_cells()
    assert len(cells) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    lines = {
        re.sub(r'REPOSITORY = ".*"', 'REPOSITORY = ""', cell) for cell in cells
    }.pop().splitlines()
    assert len(set(cells)) == 1 and len(lines) <= 10 and max(map(len, lines)) <= 80


def test_colab_gets_every_package_that_lessons_need():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project.get("optional-dependencies", {}).get("cloud", [])
    lines = (ROOT / "requirements-colab.txt").read_text(encoding="utf-8").splitlines()
    listed = {Requirement(line).name for line in lines if not line.startswith("#")}
    needed = {Requirement(line).name for line in wanted} - ON_COLAB - NOT_IN_COLAB
    assert listed == needed, (
        "list in requirements-colab.txt what pyproject.toml asks for and Colab does not have"
    )
