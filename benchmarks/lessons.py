"""Run the lessons again, in place, and record what each run took: `make lessons`.

Name lessons to run only those: `python -m benchmarks.lessons 01 06`. A lesson in which a cell fails keeps its outputs.
"""

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from benchmarks import readme, records
from utils import data

FOLDED = "Predict first, then run this cell."
WIDGET = "application/vnd.jupyter.widget-view+json"
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def source_hash(notebook: nbformat.NotebookNode) -> str:
    """Return the sha256 of the code cells, without the Colab cell: editing prose needs no new run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in code if "colab" not in cell.metadata.get("tags", [])]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()


def run(path: Path) -> dict:
    """Execute one lesson, put its outputs in place, and return seconds and peak memory."""
    # As for a learner who begins, not for whoever runs this.
    os.environ["DIGITS_RUNS"] = tempfile.mkdtemp()
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    start = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(
            tqdm(notebook.cells, desc=path.stem, unit="cell", file=sys.stdout, leave=False)
        ):
            client.execute_cell(cell, index)
        memory = peak_memory(client.km.provisioner.process.pid)
    seconds = time.perf_counter() - start
    notebook.metadata = metadata  # without the version of this machine's Python
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        # Without a kernel, it would hide the text that stands for it.
        output.get("data", {}).pop(WIDGET, None)
    for cell in notebook.cells:
        # While an output is folded, JupyterLab shows its first line: that must not be the answer.
        if cell.metadata.get("jupyter", {}).get("outputs_hidden"):
            line = nbformat.v4.new_output("display_data", data={"text/plain": FOLDED})
            cell.outputs.insert(0, line)
    with data.atomic_write(path) as part:
        nbformat.write(notebook, part)
    return {"source": source_hash(notebook), "seconds": round(seconds), "peak_memory_mb": memory}


def peak_memory(pid: int) -> int | None:
    """Return the most memory, in MB, that a process ever held, or None where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next(round(int(line.split()[1]) / 1000) for line in lines if line.startswith("VmHWM"))


def main(names: list[str]) -> None:
    """Run the named lessons, or all, and record them."""
    paths = [p for p in sorted(NOTEBOOKS.glob("*.ipynb")) if not names or p.stem[:2] in names]
    source = data.load_mnist().source
    stamps = records.load("lessons").get("lessons", {})
    for path in tqdm(paths, desc="lessons", unit="lesson", file=sys.stdout):
        try:
            stamps[path.stem] = {"data": source, **run(path)}
        except CellExecutionError as error:
            sys.exit(f"{path.name}: a cell failed, so its outputs stay as they were.\n{error}")
        records.save(
            "lessons", {"machine": records.machine(), "lessons": dict(sorted(stamps.items()))}
        )
        readme.write()


if __name__ == "__main__":
    main(sys.argv[1:])
