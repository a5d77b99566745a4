"""In a real JupyterLab: the kernel explorer answers to mouse and keyboard, and says what it shows."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import contrast, run_cell, use_theme


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view."""
    return run_cell(notebook, "KernelExplorer(images[0] / 255)")


def test_the_window_moves_by_keyboard_and_the_sum_is_told(notebook, explorer):
    row, told = explorer.get_by_role("slider", name="Row"), explorer.get_by_role("status")
    before, place = told.inner_text(), int(row.input_value())
    row.press("ArrowRight")
    expect(row).to_have_value(str(place + 1))
    expect(told).not_to_have_text(before)
    expect(explorer.get_by_role("img", name=f"window at row {place + 1}")).to_be_visible()
    notebook.screenshot(path="tests/artifacts/kernel_explorer.png")


def test_the_button_steps_the_window(explorer):
    column = explorer.get_by_role("slider", name="Column")
    place = int(column.input_value())
    for key in ("Enter", "Space"):
        explorer.get_by_role("button", name="Next window").press(key)
        place += 1
        expect(column).to_have_value(str(place))


def test_a_preset_fills_the_table_and_a_number_changes_the_sum(explorer):
    presets = explorer.get_by_role("combobox", name="Kernel")
    presets.select_option("blur")
    center = explorer.get_by_label("Row 2, column 2")
    expect(center).to_have_value("0.11")
    presets.press("ArrowDown")
    expect(presets).to_have_value("leave as it is")
    expect(center).to_have_value("1")
    told = explorer.get_by_role("status")
    before = told.inner_text()
    center.fill("-7")
    expect(told).not_to_have_text(before)
    expect(told).to_contain_text("(-7)")
    presets.select_option("blur, 5 x 5")
    expect(explorer.get_by_role("spinbutton")).to_have_count(25)


def test_controls_keep_their_contrast_in_both_themes(notebook, explorer):
    texts = [explorer.get_by_text("Row", exact=True), explorer.get_by_text("Kernel", exact=True),
             explorer.get_by_role("status"), explorer.get_by_role("button", name="Next window")]  # fmt: skip
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        use_theme(notebook, theme)
        notebook.screenshot(path=f"tests/artifacts/kernel_explorer_{theme.split()[1].lower()}.png")
        for text in texts:
            assert contrast(text) >= 4.5, (theme, text)
