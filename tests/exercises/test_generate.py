"""Exercises are made of solutions, and nothing of a solution stays in them."""

import nbformat
import pytest

from exercises import generate
from exercises.generate import without_solution
from tests.notebooks.rules import ROOT


def test_function_keeps_its_head_and_loses_its_body():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    y = x\n    return y\n    ### END SOLUTION\n\n\nq1.check(f)"
    assert without_solution(source) == "def f(x):\n    ...  # your code\n\n\nq1.check(f)"


def test_names_stay_defined_however_they_are_bound():
    code = (
        "_help = 3\na, b = _help, 4\n\n\ndef f():\n    c = 1\n\n\nclass C:\n    d = 1\n\n\nfor e in 'x':\n    g = e\n"
        "with open(h) as i:\n    pass\nif (j := 3):\n    k = [m for m in 'x']\n"
    )
    source = f"### BEGIN SOLUTION\n{code}### END SOLUTION\nq1.check(a)"
    lines = [line.split(" =")[0] for line in without_solution(source).splitlines()]
    assert lines == ["a", "b", "f", "C", "e", "g", "i", "j", "k", "q1.check(a)"]


@pytest.mark.parametrize("source", [
    "### BEGIN SOLUTION\na = 1", "a = 1\n### END SOLUTION", "## BEGIN SOLUTION\na = 1\n## END SOLUTION",
    "###BEGIN SOLUTION\na = 1\n###END SOLUTION", "### begin solution\na = 1\n### end solution",
    "### BEGIN SOLUTION\na = 1\n\nb = 2\n### BEGIN SOLUTION\nc = 3\n### END SOLUTION",
    "### END SOLUTION\na = 1\n### BEGIN SOLUTION", "a = 1  ### BEGIN SOLUTION\nb = 2\n### END SOLUTION",
])  # fmt: skip
def test_marker_out_of_place_is_an_error(source):
    with pytest.raises(ValueError, match="must stand in turn"):
        without_solution(source)


def test_import_in_a_solution_is_an_error():
    with pytest.raises(ValueError, match="can't import keras"):
        without_solution("### BEGIN SOLUTION\nimport keras\na = 1\n### END SOLUTION")


def test_marker_in_markdown_is_an_error():
    cell = nbformat.v4.new_markdown_cell("### BEGIN SOLUTION\nIt's 3.\n### END SOLUTION")
    with pytest.raises(ValueError, match="in Markdown"):
        generate.exercise_from(nbformat.v4.new_notebook(cells=[cell]))


def test_copy_of_a_notebook_becomes_no_exercise(tmp_path, monkeypatch, capsys):
    (tmp_path / "exercises").mkdir()
    (tmp_path / "solutions").mkdir()
    for name in ("01_look.ipynb", "01_look-Copy1.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / "solutions" / name)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    generate.main()
    assert [path.name for path in (tmp_path / "exercises").iterdir()] == ["01_look.ipynb"]
    assert "left out: solutions/01_look-Copy1.ipynb" in capsys.readouterr().out


SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_exercise_is_the_one_its_solution_makes(path):
    wanted = generate.exercise_from(nbformat.read(path, as_version=4))
    found = nbformat.read(ROOT / "exercises" / path.name, as_version=4)
    assert found == wanted, "run `make exercises`"


def test_every_exercise_has_a_solution():
    names = [path.name for path in sorted((ROOT / "exercises").glob("*.ipynb"))]
    assert names == [path.name for path in SOLUTIONS]
