"""In a real JupyterLab: the schedule explorer answers to mouse and keyboard, and says where the descent leads."""

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import run_cell, use_theme


@pytest.fixture
def explorer(notebook):
    """Return the explorer's cell, in view, as it is at the beginning."""
    cell = run_cell(notebook, "ScheduleExplorer(steps=378)")
    cell.get_by_role("combobox", name="Schedule").select_option("constant")
    cell.get_by_role("slider", name="Peak rate").fill("-1.3")
    cell.get_by_role("checkbox", name="Noise of the batches").check()
    expect(cell.get_by_role("status")).to_contain_text("constant, peak rate 0.05: it arrives.")
    return cell


def test_large_rate_diverges_and_small_rate_does_not_arrive(explorer):
    rate, told = explorer.get_by_role("slider", name="Peak rate"), explorer.get_by_role("status")
    for _ in range(4):
        rate.press("ArrowRight")
    expect(rate).to_have_value("-0.9")
    expect(told).to_contain_text("peak rate 0.13: it diverges.")
    rate.press("Home")
    expect(told).to_contain_text("peak rate 0.001: it has not arrived.")
    expect(explorer.get_by_role("img", name="peak rate 0.001")).to_be_visible()


def test_only_one_cycle_shows_its_warm_up_and_survives_the_peak(notebook, explorer):
    warm_up, told = explorer.get_by_role("slider", name="Warm-up"), explorer.get_by_role("status")
    expect(warm_up).to_be_hidden()
    explorer.get_by_role("slider", name="Peak rate").fill("-0.9")
    schedules = explorer.get_by_role("combobox", name="Schedule")
    for name in ("steps", "cosine", "one-cycle"):
        schedules.press("ArrowDown")
        expect(told).to_contain_text(f"{name}, peak rate 0.13: it arrives.")
    before = explorer.get_by_role("img").get_attribute("src")
    warm_up.press("ArrowRight")
    expect(warm_up).to_have_value("25")
    expect(explorer.get_by_role("img")).not_to_have_attribute("src", before)
    notebook.screenshot(path="tests/artifacts/schedule_explorer.png")


def test_the_noise_is_switched_by_keyboard_and_mouse(explorer):
    noise, told = (
        explorer.get_by_role("checkbox", name="Noise of the batches"),
        explorer.get_by_role("status"),
    )
    noisy = told.inner_text()
    noise.press("Space")
    expect(told).not_to_have_text(noisy)
    noise.click()
    expect(told).to_have_text(noisy)


def test_it_can_be_read_in_the_dark(notebook, explorer):
    use_theme(notebook, "JupyterLab Dark")
    expect(explorer.get_by_role("img")).to_be_visible()
    notebook.screenshot(path="tests/artifacts/schedule_explorer_dark.png")
    use_theme(notebook, "JupyterLab Light")
