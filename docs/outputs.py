"""Record what the given cells of the exercises show, for the website: `python -m docs.outputs [NUMBER ...]`.

Solutions are committed without outputs, and building the website runs nothing. So this runs them, on the sample.
"""

import base64
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from docs.notebooks import REGION, mark
from utils.data import atomic_write

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "docs" / "outputs"
KINDS = ("image/png", "text/html", "text/plain")
LOADED = re.compile(r"^Loaded the sample, .+\n", re.MULTILINE)  # what load_mnist says of its source
NEVER = ("application/vnd.jupyter.widget-view+json",)  # what needs a kernel to be of use


def recorded(stem: str) -> dict:
    """Return the outputs of an exercise's cells by their ids, each with the mark of the source that made them."""
    path = RECORDED / f"{stem}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def run(path: Path) -> dict:
    """Run a notebook of solutions; return the outputs of the cells that the learner is given."""
    notebook = nbformat.read(path, as_version=4)
    # As for a learner who begins, not for whoever runs this.
    os.environ |= {"MNIST_SOURCE": "sample", "DIGITS_RUNS": tempfile.mkdtemp()}
    NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
    given = [it for it in notebook.cells if it.cell_type == "code" and not REGION.search(it.source)]
    shown = {it.id: [small(output) for output in it.outputs if is_shown(output)] for it in given}
    return {
        it.id: {"mark": mark(it.source), "outputs": shown[it.id]} for it in given if shown[it.id]
    }


def is_shown(output: dict) -> bool:
    data = output.get("data", {})
    if output.output_type == "stream":
        return output.name == "stdout" and bool(LOADED.sub("", output.text))
    return any(kind in data for kind in KINDS) and not any(kind in data for kind in NEVER)


def small(output: dict) -> dict:
    """Return an output with what a page shows, and a picture with 64 colors."""
    data = {kind: content for kind, content in output.get("data", {}).items() if kind in KINDS}
    if "image/png" in data:
        opened = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        file = io.BytesIO()
        opened.quantize(64).save(file, "PNG", optimize=True)
        data["image/png"] = base64.b64encode(file.getvalue()).decode()
    if data:
        return {"output_type": "display_data", "data": data, "metadata": output.metadata}
    return {"output_type": "stream", "name": "stdout", "text": LOADED.sub("", output.text)}


def main() -> None:
    """Record all exercises, or those whose numbers are given."""
    numbers = sys.argv[1:] or ["*"]
    RECORDED.mkdir(exist_ok=True)
    for path in sorted(
        path for it in numbers for path in (ROOT / "solutions").glob(f"{it}_*.ipynb")
    ):
        found = run(path)
        with atomic_write(RECORDED / f"{path.stem}.json") as part:
            text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
            part.write_text(text, encoding="utf-8")
        print(f"{path.stem}: {len(found)} cells")


if __name__ == "__main__":
    main()
