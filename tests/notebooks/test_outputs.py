"""What the repository shows, outputs, times and tables, belongs to what it contains."""

import nbformat
import pytest

from benchmarks import readme, records
from benchmarks.lessons import NOTEBOOKS, peak_memory, run, source_hash

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
STAMPS = records.load("lessons").get("lessons", {})


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_outputs_are_as_new_as_their_lesson(path):
    stamp = STAMPS.get(path.stem, {})
    assert stamp.get("source") == source_hash(nbformat.read(path, as_version=4)), (
        "its code changed: run make lessons"
    )
    assert stamp["data"] == "full", (
        "its outputs are from the sample: run make lessons with data/mnist.npz in place"
    )


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_fits_into_six_minutes_and_1600_mb(path):
    assert STAMPS[path.stem]["seconds"] <= 360
    assert STAMPS[path.stem]["peak_memory_mb"] <= 1600  # Binder grants 2,000


def test_no_stamp_without_a_lesson():
    assert sorted(STAMPS) == [path.stem for path in LESSONS]


def test_the_readmes_tables_are_the_recorded_ones():
    texts = [page.read_text(encoding="utf-8") for page in readme.PAGES]
    for name in readme.TABLES:
        assert sum(f"<!-- {name}:" in text for text in texts) == 1, name
    assert [readme.filled(text) for text in texts] == texts, "run python -m benchmarks.readme"


def test_hash_follows_the_code_not_prose_or_outputs():
    notebook = nbformat.read(LESSONS[0], as_version=4)
    before = source_hash(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
        else:
            cell.source += " changed"
    assert source_hash(notebook) == before
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[-1].source += "  # changed"
    assert source_hash(notebook) != before


def test_a_run_puts_outputs_in_place_and_measures(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = [nbformat.v4.new_code_cell("print('one')\nprint('two')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    facts = run(path)
    executed = nbformat.read(path, as_version=4)
    assert executed.cells[0].outputs[0].text == "one\ntwo\n"
    assert facts["source"] == source_hash(executed) and facts["seconds"] >= 0
    assert facts["peak_memory_mb"] is None or 10 < facts["peak_memory_mb"] < 1000
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_lesson_that_fails_keeps_its_old_outputs(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), path)
    before = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        run(path)
    assert path.read_bytes() == before


def test_memory_of_a_process_that_is_gone_is_unknown():
    assert peak_memory(2**22 + 1) is None
