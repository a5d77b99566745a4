"""Lesson 00 in a real JupyterLab: the pad is drawn on by mouse, finger and keyboard, and read while the pen moves."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.browser.front_end import (
    contrast,
    open_in_lab,
    run_all,
    run_cell,
    scroll_to,
    use_theme,
    wait_until_all_ran,
)

# From point to point, as parts of the pad's side, with the digits that they make.
STROKES = {
    2: [
        (0.3, 0.25),
        (0.45, 0.15),
        (0.65, 0.2),
        (0.65, 0.4),
        (0.5, 0.6),
        (0.3, 0.8),
        (0.5, 0.8),
        (0.72, 0.8),
    ],
    7: [(0.27, 0.2), (0.5, 0.2), (0.72, 0.2), (0.6, 0.45), (0.5, 0.65), (0.42, 0.85)],
    1: [(0.52, 0.15), (0.51, 0.4), (0.5, 0.6), (0.49, 0.85)],
}


@pytest.fixture(scope="module")
def lesson(browser, lab, course):
    """Return a page on which the whole lesson has been run."""
    with watched_page(browser) as page:
        open_in_lab(page, lab, "notebooks/00_start_here.ipynb")
        run_all(page)
        wait_until_all_ran(page)
        yield page


@pytest.fixture
def pad(lesson):
    """Return the cell of the pad, in view and wiped."""
    cell = scroll_to(lesson, "pad = DrawPad(")
    cell.get_by_role("button", name="Clear").click()
    expect(prediction(cell)).to_have_text("nothing yet")
    return cell


def canvas(cell):
    """Return the place to draw on, by the name that a screen reader says."""
    return cell.get_by_role("application", name="Draw a digit")


def prediction(cell):
    """Return what is announced as the prediction."""
    return cell.get_by_role("status", name="Prediction")


def points(cell, digit):
    """Return the points of a stroke as places on the page."""
    box = canvas(cell).bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKES[digit]]


def draw_with_mouse(page, cell, digit):
    """Draw a digit in one stroke."""
    first, *others = points(cell, digit)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def draw_with_finger(page, cell, digit):
    """Draw a digit in one stroke on a touch screen."""
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    kinds = ["touchStart", *["touchMove"] * (len(STROKES[digit]) - 1)]
    for kind, (x, y) in zip(kinds, points(cell, digit), strict=True):
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def drawn(cell):
    """Return what a pad shows, as the text of a picture."""
    return canvas(cell).evaluate("canvas => canvas.toDataURL()")


@pytest.mark.parametrize("draw", [draw_with_mouse, draw_with_finger])
@pytest.mark.parametrize("digit", STROKES)
def test_a_drawn_digit_is_read(lesson, pad, draw, digit):
    draw(lesson, pad, digit)
    expect(prediction(pad)).to_contain_text(f"{digit}, ")
    expect(
        pad.get_by_role("list", name="Probability of each digit").get_by_role("listitem")
    ).to_have_count(10)
    lesson.screenshot(path=f"tests/artifacts/pad_{digit}.png")


def test_a_finger_on_the_pad_does_not_scroll_the_page(lesson, pad):
    before = canvas(pad).bounding_box()
    draw_with_finger(lesson, pad, 1)
    assert canvas(pad).bounding_box() == before


def test_the_arrow_keys_draw(lesson, pad):
    canvas(pad).focus()
    empty = drawn(pad)
    for key in ["Space", *["ArrowDown"] * 14, "Space"]:
        lesson.keyboard.press(key)
    expect(prediction(pad)).to_contain_text("1, ")
    canvas(pad).blur()
    assert drawn(pad) != empty


def test_the_environment_is_sound(lesson):
    checks = scroll_to(lesson, "ready = check_environment()")
    expect(checks).to_contain_text("TensorFlow", ignore_case=True)
    expect(checks).to_contain_text("[ OK ]")
    expect(checks).not_to_contain_text("[FAIL]")


def test_the_first_figure_is_shown(lesson):
    figure = scroll_to(lesson, "plots.").get_by_role("img").first
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_undo_takes_back_one_stroke_at_a_time(lesson, pad):
    seen = [drawn(pad)]
    for digit in (1, 7):
        draw_with_mouse(lesson, pad, digit)
        seen.append(drawn(pad))
    assert len(set(seen)) == 3
    for wanted in (seen[1], seen[0]):
        pad.get_by_role("button", name="Undo").press("Enter")
        lesson.wait_for_function("([canvas, wanted]) => canvas.toDataURL() === wanted",
                                 arg=[canvas(pad).element_handle(), wanted])  # fmt: skip
    expect(prediction(pad)).to_have_text("nothing yet")


def test_clear_can_be_undone(lesson, pad):
    draw_with_mouse(lesson, pad, 7)
    before = drawn(pad)
    pad.get_by_role("button", name="Clear").click()
    assert drawn(pad) != before
    pad.get_by_role("button", name="Undo").click()
    assert drawn(pad) == before


def test_drawing_survives_scrolling_out_of_view_and_back(lesson, pad):
    draw_with_mouse(lesson, pad, 2)
    expect(prediction(pad)).to_contain_text("2, ")
    before = drawn(pad)
    scroll_to(lesson, "import progress")
    expect(canvas(pad)).not_to_be_in_viewport()
    pad = scroll_to(lesson, "pad = DrawPad(")
    assert drawn(pad) == before
    expect(prediction(pad)).to_contain_text("2, ")


def test_texts_keep_their_contrast_in_both_themes(lesson, pad):
    draw_with_mouse(lesson, pad, 2)
    texts = [
        prediction(pad),
        pad.get_by_role("button", name="Undo"),
        pad.get_by_text("By keyboard"),
    ]
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        use_theme(lesson, theme)
        lesson.screenshot(path=f"tests/artifacts/pad_{theme.split()[1].lower()}.png")
        for text in texts:
            assert contrast(text) >= 4.5, (theme, text)


def test_two_views_of_one_pad_agree(notebook):
    run_cell(notebook, "pad = DrawPad(reader)\npad")
    lower = run_cell(notebook, "pad")
    upper = scroll_to(notebook, "pad = DrawPad(reader)")
    draw_with_mouse(notebook, upper, 7)
    expect(prediction(lower)).to_contain_text("7, ")
    assert drawn(upper) == drawn(lower)
    lower.get_by_role("button", name="Undo").click()
    for pad in (upper, lower):
        expect(prediction(pad)).to_have_text("nothing yet")
    assert drawn(upper) == drawn(lower)
