"""What the browser tests do in JupyterLab and in Notebook 7: open a notebook, run it, find a cell."""

import re

import nbformat

from tests.lab import TOKEN

SECOND = 1000
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CURRENT_NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
LAST_CELL = f"{CURRENT_NOTEBOOK}.widgets.at(-1)"
CODE_CELLS = f"[...{CURRENT_NOTEBOOK}.model.cells].filter((cell) => cell.type === 'code')"
KERNEL_IS_READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""
HAS_ENDED = """cells.every((cell) => cell.executionCount)
    || cells.some(({outputs}) => outputs.length && outputs.get(outputs.length - 1).type === "error")"""


def write_notebook(path, *cells):
    """Write a notebook of code cells, for a test that needs less than a lesson."""
    content = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=content, metadata=KERNEL), path)


def open_in_lab(page, address, name):
    """Open a notebook of the course in JupyterLab, and wait for its kernel."""
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def open_in_notebook_7(page, address, name):
    """Open a notebook of the course in Notebook 7, and wait for its kernel."""
    page.goto(f"{address}/notebooks/{name}?token={TOKEN}")
    page.wait_for_function(KERNEL_IS_READY)


def run_all(page):
    """Choose Run > Run All Cells."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def wait_until_all_ran(page):
    """Wait until every code cell has run; raise AssertionError if one fails, or writes to stderr."""
    page.wait_for_function(
        f"() => {{ const cells = {CODE_CELLS}; return {HAS_ENDED}; }}", timeout=600 * SECOND
    )
    outputs = page.evaluate(f"{CODE_CELLS}.flatMap((cell) => cell.outputs.toJSON())")
    faults = [
        output
        for output in outputs
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert not faults, faults


def scroll_to(page, text):
    """Bring the cell whose source holds `text` into view, and return the locator of its outputs."""
    find = f"""text => {{
        const index = {CURRENT_NOTEBOOK}.widgets.findIndex((cell) => cell.model.sharedModel.source.includes(text));
        if (index < 0) throw new Error(`no cell holds ${{text}}`);
        return index;
    }}"""
    return _in_view(page, page.evaluate(find, text))


def run_cell(page, source):
    """Add a cell to the open notebook, run it, and return the locator of its outputs, in view."""
    add_cell(page, source)
    return run_last_cell(page)


def add_cell(page, source):
    """Add a code cell to the end of the open notebook."""
    page.evaluate(
        f"source => {CURRENT_NOTEBOOK}.model.sharedModel.addCell({{cell_type: 'code', source}})",
        source,
    )


def run_last_cell(page):
    """Run the last cell of the open notebook, and return the locator of its outputs, in view."""
    index = page.evaluate(
        f"{CURRENT_NOTEBOOK}.activeCellIndex = {CURRENT_NOTEBOOK}.widgets.length - 1"
    )
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-cell')")
    wait_until_all_ran(page)
    return _in_view(page, index)


def _in_view(page, index):
    page.evaluate(f"index => {CURRENT_NOTEBOOK}.scrollToItem(index, 'start')", index)
    outputs = page.locator(
        f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell[data-windowed-list-index='{index}']"
    )
    outputs.locator(".jp-OutputArea-output").first.wait_for()
    return outputs


def use_theme(page, name):
    """Switch to "JupyterLab Dark" or "JupyterLab Light"."""
    page.evaluate(
        "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name
    )
    page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")


def contrast(text):
    """Return the contrast of a text's color with the nearest background behind it, from 1 to 21 (WCAG 2)."""
    colors = """element => {
        const color = getComputedStyle(element).color;
        const seen = () => getComputedStyle(element).backgroundColor;
        while (element.parentElement && /, 0\\)$/.test(seen())) element = element.parentElement;
        return [color, seen()];
    }"""
    light, dark = sorted((_luminance(color) for color in text.evaluate(colors)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    parts = [float(number) / 255 for number in re.findall(r"[\d.]+", color)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
