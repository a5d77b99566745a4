"""Lesson 06 in a real JupyterLab: the training shows itself while it goes on, and the schedule explorer answers."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.browser.front_end import (
    CURRENT_NOTEBOOK,
    open_in_lab,
    run_all,
    save_when_finished,
    scroll_to,
    use_theme,
)

NOTEBOOK = "notebooks/06_train_the_cnn.ipynb"
WATCHED = "live = LiveTraining("
# Notes every picture and line that the cell shows in turn, also while it is out of view.
WATCH_THE_TRAINING = f"""text => {{
    const cell = {CURRENT_NOTEBOOK}.widgets.find((cell) => cell.model.sharedModel.source.includes(text));
    const outputs = cell.model.outputs;
    window.seen = {{"image/png": [], "text/markdown": []}};
    outputs.changed.connect(() => {{
        Object.entries(window.seen).forEach(([kind, seen], place) => {{
            const shown = outputs.get(place)?.data[kind];
            if (shown && shown !== seen.at(-1)) seen.push(shown);
        }});
    }});
}}"""


@pytest.fixture(scope="module")
def lesson(browser, lab, course):
    """Return a page on which lesson 06 has been run, and its training watched."""
    with watched_page(browser) as page:
        open_in_lab(page, lab, NOTEBOOK)
        page.evaluate(WATCH_THE_TRAINING, WATCHED)
        run_all(page)
        save_when_finished(page, course / NOTEBOOK, seconds=600)
        yield page


@pytest.fixture
def explorer(lesson):
    """Return the explorer's cell, in view, as it is at the beginning."""
    cell = scroll_to(lesson, "ScheduleExplorer(")
    cell.get_by_role("combobox", name="Schedule").select_option("constant")
    cell.get_by_role("slider", name="Peak rate").fill("-1.3")
    cell.get_by_role("checkbox", name="Noise of the batches").check()
    expect(cell.get_by_role("status")).to_contain_text("constant, peak rate 0.05: it arrives.")
    return cell


def test_the_training_shows_itself_while_it_goes_on(lesson):
    pictures, lines = lesson.evaluate("Object.values(window.seen)")
    assert len(pictures) >= 4 and len(lines) >= 4
    assert all(line.startswith("Epoch ") for line in lines[:-1]) and any("s left: " in line for line in lines)
    assert lines[-1].startswith("Finished after 12 of 12 epochs, in ") and "validation accuracy 0.9" in lines[-1]


def test_its_last_picture_stays_with_its_line(lesson):
    cell = scroll_to(lesson, WATCHED)
    expect(cell.get_by_text("Finished after 12 of 12 epochs")).to_be_visible()
    expect(cell.locator(".jp-OutputArea-output img")).to_have_count(1)
    lesson.screenshot(path="tests/artefacts/live_training.png")


def test_a_rate_too_large_diverges_and_one_too_small_does_not_arrive(explorer):
    rate, told = explorer.get_by_role("slider", name="Peak rate"), explorer.get_by_role("status")
    for _ in range(4):
        rate.press("ArrowRight")
    expect(rate).to_have_value("-0.9")
    expect(told).to_contain_text("peak rate 0.13: it diverges.")
    rate.press("Home")
    expect(told).to_contain_text("peak rate 0.001: it has not arrived.")
    expect(explorer.get_by_role("img", name="peak rate 0.001")).to_be_visible()


def test_only_one_cycle_shows_its_warm_up_and_survives_the_peak(lesson, explorer):
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
    lesson.screenshot(path="tests/artefacts/schedule_explorer.png")


def test_the_noise_is_switched_by_keyboard_and_mouse(explorer):
    noise, told = explorer.get_by_role("checkbox", name="Noise of the batches"), explorer.get_by_role("status")
    noisy = told.inner_text()
    noise.press("Space")
    expect(told).not_to_have_text(noisy)
    noise.click()
    expect(told).to_have_text(noisy)


def test_it_can_be_read_in_the_dark(lesson, explorer):
    use_theme(lesson, "JupyterLab Dark")
    expect(explorer.get_by_role("img")).to_be_visible()
    lesson.screenshot(path="tests/artefacts/schedule_explorer_dark.png")
    use_theme(lesson, "JupyterLab Light")
