"""What the browser tests do in JupyterLab and in Notebook 7: open a notebook, run it, find a cell."""

import re
import time

import nbformat

from tests.lab import TOKEN

SECOND = 1000
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CURRENT_NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


def write_notebook(path, *cells):
    """Write a notebook of code cells, for a test that needs less than a lesson."""
    content = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=content, metadata=KERNEL), path)


def open_in_lab(page, address, name):
    """Open a notebook of the course in JupyterLab, and wait for its kernel."""
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60 * SECOND)


def run_all(page):
    """Choose Run > Run All Cells."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def save_when_finished(page, path, seconds=240):
    """Save until every code cell of the file has run, and return its outputs; the browser shows only those in view."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(SECOND)
        try:
            cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        except nbformat.reader.NotJSONError:
            continue  # JupyterLab is writing it just now
        outputs = [output for cell in cells for output in cell.outputs]
        faults = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
        assert not faults, faults
        if all(cell.execution_count for cell in cells):
            return outputs
    raise AssertionError(f"{path.name} did not finish within {seconds} s")


def run_lesson(page, address, course, lesson):
    """Open a lesson, such as "04", in JupyterLab, run all its cells, and wait until they are done."""
    path = next((course / "notebooks").glob(f"{lesson}_*.ipynb"))
    open_in_lab(page, address, f"notebooks/{path.name}")
    run_all(page)
    save_when_finished(page, path)


def scroll_to(page, text):
    """Bring the cell whose source holds `text` into view, and return the locator of its outputs."""
    find = f"""text => {{
        const notebook = {CURRENT_NOTEBOOK};
        const index = notebook.widgets.findIndex((cell) => cell.model.sharedModel.source.includes(text));
        if (index < 0) throw new Error(`no cell holds ${{text}}`);
        notebook.activeCellIndex = index;
        return notebook.scrollToItem(index, "start").then(() => index);
    }}"""
    index = page.evaluate(find, text)
    outputs = page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell[data-windowed-list-index='{index}']")
    outputs.locator(".jp-OutputArea-output").first.wait_for(timeout=120 * SECOND)
    return outputs


def use_theme(page, name):
    """Switch to "JupyterLab Dark" or "JupyterLab Light"."""
    page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
    page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")


def contrast(text):
    """Return the contrast of a text's colour with the nearest background behind it, from 1 to 21 (WCAG 2)."""
    colours = """element => {
        const colour = getComputedStyle(element).color;
        const seen = () => getComputedStyle(element).backgroundColor;
        while (element.parentElement && /, 0\\)$/.test(seen())) element = element.parentElement;
        return [colour, seen()];
    }"""
    light, dark = sorted((_luminance(colour) for colour in text.evaluate(colours)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [float(number) / 255 for number in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
