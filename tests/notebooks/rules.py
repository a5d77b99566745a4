"""The rules of a lesson. Each rule takes a `Notebook` and yields one clear sentence for every fault it finds."""

import re
import statistics
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
MAX_BYTES = 2_500_000
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])(?:/(?:root|home|tmp|work|Users|mnt|private)/\w|[A-Z]:\\\w)"
)
LOG_LINE = re.compile(
    r"^[IWEF]\d{4} |^\d{4}-\d\d-\d\d .*: [IWEF] |oneDNN|cpu_feature_guard|WARNING:", re.MULTILINE
)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]+)>?[^)]*\)")


@dataclass
class Notebook:
    """A notebook and where it lies."""

    path: Path
    content: nbformat.NotebookNode

    @classmethod
    def read(cls, path):
        return cls(path, nbformat.read(path, as_version=nbformat.NO_CONVERT))

    @property
    def number(self):
        return int(self.path.name[:2])

    @property
    def code(self):
        return [cell for cell in self.content.cells if cell.cell_type == "code"]

    @property
    def prose(self):
        return [cell for cell in self.content.cells if cell.cell_type == "markdown"]

    def outputs(self):
        """Yield each code cell's number, as a reader counts them, and each of its outputs."""
        for number, cell in enumerate(self.code, start=1):
            for output in cell.outputs:
                yield number, output


def without_code(markdown):
    """Return Markdown without its code, whose # and [] are no headings and links."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^(```|~~~).*?^\1", "", markdown, flags=re.DOTALL | re.MULTILINE)
    )


def headings(notebook):
    """Return (level, text) of every heading."""
    text = "\n".join(without_code(cell.source) for cell in notebook.prose)
    return [
        (len(marks), title.strip())
        for marks, title in re.findall(r"^(#{1,6}) (.+)$", text, flags=re.MULTILINE)
    ]


def text_of(output):
    """Return all that an output says in words."""
    data = output.get("data", {})
    return "\n".join(
        [
            output.get("text", ""),
            *(data[kind] for kind in ("text/plain", "text/html") if kind in data),
        ]
    )


# Rules of every notebook


def has_one_title(notebook):
    titles = [text for level, text in headings(notebook) if level == 1]
    if len(titles) != 1:
        yield f"expected one H1 heading, got {len(titles)}: {titles}"
    first = notebook.content.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell must be Markdown that starts with the title, `# …`"


def cells_have_ids(notebook):
    ids = [cell.get("id") for cell in notebook.content.cells]
    if None in ids or len(set(ids)) != len(ids):
        yield "every cell needs an id of its own (nbformat 4.5): save the notebook again in JupyterLab"


def has_no_empty_cell(notebook):
    for position, cell in enumerate(notebook.content.cells, start=1):
        if not cell.source.strip():
            yield f"cell {position} is empty: delete it"


def metadata_is_clean(notebook):
    if "widgets" in notebook.content.metadata:
        yield "metadata.widgets holds saved widget state, which GitHub cannot show: clear it"
    kernel = notebook.content.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"the kernelspec must be python3, got {kernel!r}"


def is_small(notebook):
    size = notebook.path.stat().st_size
    if size >= MAX_BYTES:
        yield f"{size:,} bytes; a notebook stays under {MAX_BYTES:,}: smaller figures, fewer Plotly points"


def has_no_machine_path(notebook):
    texts = [cell.source for cell in notebook.content.cells] + [
        text_of(output) for _, output in notebook.outputs()
    ]
    for text in texts:
        for found in MACHINE_PATH.finditer(text):
            yield f"a path of one machine: {text[max(0, found.start() - 20) : found.end() + 20]!r}"


def imports_plainly(notebook):
    installs = [
        cell.source
        for cell in notebook.code
        if re.search(r"\b(pip|conda|uv)\b.*\binstall\b", cell.source)
    ]
    if len(installs) > 1 or any("google.colab" not in source for source in installs):
        yield "only one cell may install packages: the one that runs in Colab alone (it names google.colab)"
    for cell in notebook.code:
        if "sys.path" in cell.source:
            yield "sys.path: the project is installed, `import utils` just works"
        if re.search(r"^\s*from \S+ import \*", cell.source, flags=re.MULTILINE):
            yield "import *: name what you import"


def cells_are_short(notebook):
    lengths = [
        len([line for line in cell.source.splitlines() if line.strip()]) for cell in notebook.code
    ]
    if not lengths:
        return
    if statistics.median(lengths) > 6:
        yield f"the median code cell has {statistics.median(lengths):.0f} lines, at most 6 are right"
    long = sum(length > 14 for length in lengths)
    if long > 0.1 * len(lengths):
        yield f"{long} of {len(lengths)} code cells have more than 14 lines, at most a tenth may"
    for number, length in enumerate(lengths, start=1):
        if length > 20:
            yield f"code cell {number} has {length} lines, at most 20 are allowed: build it in steps"


def nothing_is_hidden_from_the_tests(notebook):
    """nbval passes a cell tagged raises-exception when it raises nothing, and cannot compare a time."""
    for number, cell in enumerate(notebook.code, start=1):
        marks = set(cell.metadata.get("tags", [])) | set(re.findall(r"# (NBVAL_\w+)", cell.source))
        for mark in marks & {
            "raises-exception",
            "nbval-raises-exception",
            "nbval-skip",
            "NBVAL_SKIP",
            "NBVAL_RAISES_EXCEPTION",
        }:
            yield f"code cell {number} is marked {mark}: show an error with try/except, and run every cell"
        if re.match(r"%%time", cell.source) and re.search(
            r"^\s*assert ", cell.source, flags=re.MULTILINE
        ):
            yield f"code cell {number} asserts in a %%time cell: check results, not the clock"


def links_lead_somewhere(notebook):
    for cell in notebook.prose:
        source = without_code(cell.source)
        for bang, text, target in LINK.findall(source):
            if bang and not text.strip():
                yield f"the picture {target} has no alt text"
            if not re.match(r"[a-z]+:", target) and not _resolves(notebook, target):
                yield f"the link [{text}]({target}) leads nowhere"
        for tag in re.findall(r"<img\b[^>]*>", source):
            if not re.search(r"""\balt=["'][^"']+""", tag):
                yield f"no alt text: {tag}"


def _resolves(notebook, target):
    file, _, anchor = target.partition("#")
    path = notebook.path.parent / file if file else notebook.path
    if not path.exists() or not anchor:
        return path.exists()
    if path.suffix == ".ipynb":
        titles = [text for _, text in headings(Notebook.read(path))]
        return anchor in {
            title.replace(" ", "-") for title in titles
        }  # as JupyterLab and nbviewer make them
    slugs = re.findall(
        r"^#{1,6} (.+)$", without_code(path.read_text(encoding="utf-8")), flags=re.MULTILINE
    )
    return anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in slugs}


# Rules of a lesson


def has_the_frame(notebook):
    opening = notebook.content.cells[0].source
    if not re.search(r"\*\*Time\b.*\*\*(Prerequisites|Before you start)\b", opening):
        yield "the first cell needs a line with **Time** and **Before you start** under the title"
    sections = [text for level, text in headings(notebook) if level == 2]
    frame = ["Questions", "Objectives", "Key points"]
    if [title for title in sections if title in frame] != frame:
        yield f"expected the H2 sections {frame} once each, in this order, got {sections}"


def ends_with_the_way_on(notebook):
    cells = notebook.content.cells
    ending = "\n".join(cell.source for cell in cells[-3:] if cell.cell_type == "markdown")
    if "## Key points" not in ending:
        yield "`## Key points` must stand in the last cells"
    following = [
        path.name for path in notebook.path.parent.glob(f"{notebook.number + 1:02d}_*.ipynb")
    ]
    exercise = (
        [f"../exercises/{notebook.path.name}"]
        if (ROOT / "exercises" / notebook.path.name).exists()
        else []
    )
    for target in following + exercise:
        if f"]({target})" not in ending:
            yield f"the last cells must link to {target}"


def was_run_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in notebook.code if cell.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the code cells must have been run once, in order (`make lessons`), but they are numbered {counts[:4]} …"
    if counts and not any(cell.outputs for cell in notebook.code):
        yield "no output is stored: run `make lessons`"


def outputs_are_quiet(notebook):
    for number, output in notebook.outputs():
        if output.output_type == "error":
            yield f"code cell {number} ended in {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"code cell {number} wrote to stderr: {output.text[:100]!r}"
        elif found := LOG_LINE.search(text_of(output)):
            yield f"code cell {number} shows a log line: {text_of(output)[found.start() :][:100]!r}"


def stores_no_widget(notebook):
    for number, output in notebook.outputs():
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            yield f"code cell {number} stores a widget, which hides its text from who only reads: run `make lessons`"


def outputs_need_no_network(notebook):
    for number, output in notebook.outputs():
        if found := re.search(
            r"""(?:src|href)=["']?(?:https?:)?//[^"'\s>]+|import\(["']https?://""", text_of(output)
        ):
            yield f"code cell {number} shows HTML that loads {found[0]!r} from elsewhere: it is blank without a network"


def figures_have_alt_text(notebook):
    for number, output in notebook.outputs():
        for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
            alt = output.metadata.get(kind, {}).get("alt", "")
            if len(alt) < 20:
                yield f"code cell {number} shows a figure with alt text {alt!r}: use `plots.show(figure, alt=…)`"
    for number, cell in enumerate(notebook.code, start=1):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        if any("plotly" in kind for kind in kinds) and len(printed) < 20:
            yield f"code cell {number} shows a Plotly figure and prints nothing a reader who cannot see it could use"


def figures_are_spoken_of(notebook):
    cells = notebook.content.cells
    for place, cell in enumerate(cells):
        kinds = [kind for output in cell.get("outputs", []) for kind in output.get("data", {})]
        neighbors = cells[max(0, place - 1) : place] + cells[place + 1 : place + 2]
        if any(kind.startswith("image/") for kind in kinds) and not any(
            c.cell_type == "markdown" for c in neighbors
        ):
            yield f"no text stands before or after the figure of cell {place + 1}: {cell.source[:60]!r}"


# Rules of an exercise and its solution


def has_no_outputs(notebook):
    if any(cell.outputs or cell.execution_count for cell in notebook.code):
        yield "outputs are stored; exercises and solutions are committed without: clear them"


# Rules of the folders


def numbers_have_no_gap(names):
    """Yield a fault where lessons are not named 00_name.ipynb, 01_name.ipynb, …"""
    for name in names:
        if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name):
            yield f"{name}: a notebook is named like 06_convolution_by_hand.ipynb"
    numbers = sorted(name[:2] for name in names)
    if numbers != [f"{n:02d}" for n in range(len(numbers))]:
        yield f"the lessons must be numbered from 00 without a gap, got {numbers}"


EVERY_NOTEBOOK = [
    has_one_title,
    cells_have_ids,
    has_no_empty_cell,
    metadata_is_clean,
    is_small,
    has_no_machine_path,
    imports_plainly,
    cells_are_short,
    nothing_is_hidden_from_the_tests,
    links_lead_somewhere,
]
LESSON = [
    *EVERY_NOTEBOOK,
    has_the_frame,
    ends_with_the_way_on,
    was_run_from_top_to_bottom,
    outputs_are_quiet,
    stores_no_widget,
    outputs_need_no_network,
    figures_have_alt_text,
    figures_are_spoken_of,
]
EXERCISE = [*EVERY_NOTEBOOK, has_no_outputs]
