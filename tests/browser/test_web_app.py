"""The web app as a visitor uses it: draw, choose, drop, paste; the server refuses, goes away, and comes back."""

import base64
import io
import os
import re
import sys
import time
from contextlib import contextmanager
from http import HTTPStatus
from urllib.request import urlopen

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from apps.web import guard
from tests.browser.conftest import watched_page
from tests.lab import free_port, served
from tests.pictures import FAT_FIVE, cut_close
from tests.tree import ROOT
from utils import data
from utils.photos import to_mnist_form

FRONT_END = ROOT / "apps" / "web" / "frontend"
SEVEN = [
    (0.27, 0.2),
    (0.5, 0.2),
    (0.72, 0.2),
    (0.6, 0.45),
    (0.5, 0.65),
    (0.42, 0.85),
]  # as parts of the pad's side
ONE = [(0.5, 0.15), (0.5, 0.85)]
LOGGED = "console: Failed to load resource:"  # by Chromium itself, where an answer is an error, or does not come
NO_ANSWER = f"{LOGGED} net::ERR_CONNECTION_REFUSED"
DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  return transfer;
}"""
COPY = """async (content) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""

FOCUS = """() => {
  const element = document.activeElement;
  const shown = element.matches("input") ? element.parentElement : element;
  return [element.tagName, parseFloat(getComputedStyle(shown).outlineWidth)];
}"""


@contextmanager
def serving(folder, port):
    """Run the server of the web app on a port; yield its address once it is ready, then end it."""
    assert (ROOT / "apps/web/dist/index.html").is_file(), (
        "the front end is not built: make apps/web/dist/index.html"
    )
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    environment.pop("MODEL", None)
    address = f"http://127.0.0.1:{port}"
    with served(
        [sys.executable, "-m", "apps.web"],
        f"{address}/ready",
        folder / "web.log",
        ROOT,
        environment,
    ):
        yield address


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Return the address of a running web app."""
    with serving(tmp_path_factory.mktemp("web"), free_port()) as address:
        yield address


@pytest.fixture
def app(page, address):
    """Return a page that shows the web app."""
    page.goto(address)
    return page


@pytest.fixture(scope="module")
def sample():
    return data.load_mnist("sample")


def png(pixels):
    """Return an array, uint8 (h, w), as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def in_base64(content):
    return base64.b64encode(content).decode()


def refused(status):
    """Return what Chromium logs of an answer that is an error."""
    return f"{LOGGED} the server responded with a status of {status} ({HTTPStatus(status).phrase})"


def zeros(path, size):
    """Write so many bytes into a file, and return its path: Playwright hands on a path faster than a content."""
    path.write_bytes(bytes(size))
    return path


def upload(name, content, kind="image/png"):
    """Return a file as Playwright hands it to a page."""
    return {"name": name, "mimeType": kind, "buffer": content}


def pad(page):
    return page.get_by_role("application", name="Draw a digit")


def places(page, digit):
    """Return where on the page the points of a digit lie."""
    box = pad(page).bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in digit]


def draw(page, digit):
    """Draw a digit with the mouse."""
    first, *others = places(page, digit)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def touch(page, digit):
    """Draw a digit with a finger."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    first, *others = [{"x": x, "y": y} for x, y in places(page, digit)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [first]})
    for point in others:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def prediction(page):
    return page.get_by_label("Prediction", exact=True)


def chooser(page):
    return page.get_by_label("Choose pictures")


def answer(page):
    return page.get_by_role("region", name="Answer")


def past(page):
    """Return the entries of the history."""
    return page.get_by_role("region", name="History").get_by_role("listitem")


def fault(page):
    return page.get_by_role("alert")


def shown_pixels(canvas):
    """Return the gray levels that a canvas shows, uint8 (h, w)."""
    read = (
        "c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    height, width, *levels = canvas.evaluate(read)
    return np.array(levels, "uint8").reshape(height, width, 4)[..., 0]


def serious_faults(page):
    """Return what axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


def test_a_digit_drawn_by_mouse_is_read(app):
    expect(answer(app)).to_contain_text("Nothing to read yet")
    draw(app, SEVEN)
    expect(prediction(app)).to_have_text("7")
    expect(answer(app)).to_contain_text(
        re.compile(r"Your drawing7 >?\d+% sure Top guesses: 7 \(>?\d+%\), \d")
    )
    bars = app.get_by_role("list", name="Probability of each digit").get_by_role("listitem")
    expect(bars).to_have_count(10)
    for digit in range(10):
        expect(bars.nth(digit)).to_have_text(re.compile(rf"^{digit}[<>]?\d+%$"))
    widths = [
        bars.nth(digit).locator("i").evaluate("bar => bar.offsetWidth") for digit in range(10)
    ]
    assert np.argmax(widths) == 7 and widths[7] > 100
    app.screenshot(path="tests/artifacts/web_app.png", full_page=True)


def test_the_page_shows_what_the_network_sees(app, sample):
    digit = sample.x_test[0]
    chooser(app).set_input_files([upload("digit.png", png(digit))])
    seen = app.get_by_role("img", name="The digit as the network sees it")
    expect(seen).to_be_visible()
    np.testing.assert_array_equal(shown_pixels(seen), to_mnist_form(png(digit)))


def test_undo_takes_back_a_stroke_and_clear_all_of_them(app):
    draw(app, ONE)
    expect(prediction(app)).to_have_text("1")
    one = shown_pixels(pad(app))
    draw(app, SEVEN)
    app.get_by_role("button", name="Undo").click()
    np.testing.assert_array_equal(shown_pixels(pad(app)), one)
    app.get_by_role("button", name="Clear").click()
    assert (shown_pixels(pad(app)) == 255).all()
    expect(answer(app)).to_contain_text("Nothing to read yet")
    app.get_by_role("button", name="Undo").click()
    np.testing.assert_array_equal(shown_pixels(pad(app)), one)
    expect(prediction(app)).to_have_text("1")


def test_a_digit_is_drawn_by_keyboard_alone(app):
    app.keyboard.press("Tab")
    expect(pad(app)).to_be_focused()
    assert pad(app).evaluate("pad => getComputedStyle(pad).outlineStyle") == "solid"
    app.keyboard.press("ArrowUp")
    expect(app.get_by_text("Pen up at 15, 7")).to_be_visible()
    app.keyboard.press("Space")
    expect(app.get_by_text("Pen down at 15, 7")).to_be_visible()
    for _ in range(18):
        app.keyboard.press("ArrowDown")
    expect(prediction(app)).to_have_text("1")
    app.keyboard.press("Space")
    expect(app.get_by_text("Pen up at 15, 25")).to_be_visible()
    app.keyboard.press("Tab")
    expect(app.get_by_role("button", name="Undo")).to_be_focused()
    app.keyboard.press("Enter")
    assert (shown_pixels(pad(app)) == 255).all()
    app.keyboard.press("Tab")
    app.keyboard.press("Tab")
    expect(chooser(app)).to_be_focused()


def test_every_control_shows_that_it_has_the_focus(app):
    for key in ("Tab", "Space", "ArrowDown"):
        app.keyboard.press(key)
    expect(past(app)).to_have_count(1)
    seen = []
    for _ in range(7):
        seen.append(app.evaluate(FOCUS))
        app.keyboard.press("Tab")
    assert [name for name, _ in seen] == [
        "CANVAS", "BUTTON", "BUTTON", "INPUT", "SELECT", "BUTTON", "BUTTON",
    ]  # fmt: skip
    assert all(width >= 2 for _, width in seen), seen


def test_a_screen_reader_is_told_once_the_drawing_rests(app):
    draw(app, SEVEN)
    told = answer(app).locator("[role=status]")
    expect(told).to_have_text(re.compile(r"^Your drawing: 7, >?\d+% sure$"))


def test_one_request_at_a_time_and_the_last_is_about_the_drawing(app):
    held = []
    app.clock.install()
    app.route("**/predict", lambda route: held.append(route))  # Playwright refuses a bound method
    draw(app, ONE)
    expect_soon(app, lambda: len(held) == 1)
    app.get_by_role("button", name="Clear").click()
    draw(app, SEVEN)
    app.clock.run_for(10_000)  # milliseconds, in which all that the page puts off is done
    assert len(held) == 1, "a second question left before the first was answered"
    held[0].continue_()
    expect_soon(app, lambda: len(held) == 2)
    held[1].continue_()
    expect(prediction(app)).to_have_text("7")
    expect(past(app)).to_have_text([re.compile("Your drawing: 7"), re.compile("Your drawing: 1")])


def expect_soon(page, happens, seconds=60):
    """Wait until something happens here, while the page goes on."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        page.wait_for_timeout(50)


def test_several_pictures_are_read_and_kept_in_the_history(app, sample):
    chosen = [int(np.flatnonzero(sample.y_test == digit)[0]) for digit in (2, 5, 8)]
    files = [
        upload(f"digit {sample.y_test[index]}.png", png(255 - sample.x_test[index]))
        for index in chosen
    ]
    chooser(app).set_input_files(files)
    wanted = [re.compile(rf"^digit {digit}\.png: {digit}, >?\d+% sure$") for digit in (8, 5, 2)]
    expect(past(app)).to_have_text(wanted)
    expect(prediction(app)).to_have_text("8")
    app.get_by_role("button", name="digit 2.png").click()
    expect(prediction(app)).to_have_text("2")
    expect(app.get_by_role("button", name="digit 2.png")).to_have_attribute("aria-current", "true")
    app.get_by_role("button", name="Forget all").click()
    expect(past(app)).to_have_count(0)
    expect(answer(app)).to_contain_text("Nothing to read yet")


def test_another_ink_is_chosen_and_the_pictures_are_read_again(app, sample):
    five = png(cut_close(sample.x_test[FAT_FIVE]))
    chooser(app).set_input_files([upload("five.png", five)])
    expect(answer(app)).to_contain_text("doesn't look like a digit")
    app.get_by_label("Ink").select_option("lighter than the paper")
    expect(prediction(app)).to_have_text("5")
    expect(past(app)).to_have_text([re.compile(r"^five\.png: 5, >?\d+% sure$")])


def test_a_drawing_has_one_place_in_the_history(app):
    draw(app, [(0.27, 0.2), (0.72, 0.2)])
    expect(past(app)).to_have_count(1)
    draw(app, [(0.72, 0.2), (0.42, 0.85)])
    expect(past(app)).to_have_text([re.compile("Your drawing: 7")])
    app.get_by_role("button", name="Clear").click()
    expect(answer(app)).to_contain_text("Nothing to read yet")
    app.get_by_role("button", name="Undo").click()
    expect(prediction(app)).to_have_text("7")
    expect(past(app)).to_have_count(1)
    app.get_by_role("button", name="Clear").click()
    draw(app, ONE)
    expect(past(app)).to_have_text([re.compile("Your drawing: 1"), re.compile("Your drawing: 7")])


def test_a_picture_is_dropped_on_the_page(app, sample):
    files = [
        {"name": "dropped.png", "type": "image/png", "content": in_base64(png(sample.x_test[3]))}
    ]
    transfer = app.evaluate_handle(DROP, files)
    app.dispatch_event("h1", "dragover", {"dataTransfer": transfer})
    expect(app.get_by_text("Drop them now.")).to_be_visible()
    app.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    expect(past(app)).to_have_text([re.compile(f"^dropped.png: {sample.y_test[3]}, ")])
    expect(app.get_by_text("Drop them now.")).to_have_count(0)


def test_what_is_dropped_and_is_no_file_is_refused(app):
    app.dispatch_event("h1", "drop", {"dataTransfer": app.evaluate_handle(DROP, [])})
    expect(fault(app)).to_contain_text("What was dropped is not a file")


def test_a_picture_is_pasted(app, address, sample):
    app.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    app.evaluate(COPY, in_base64(png(sample.x_test[4])))
    app.keyboard.press("Control+v")
    expect(past(app)).to_have_text([re.compile(f"^image.png: {sample.y_test[4]}, ")])


def test_picture_without_a_single_digit_gets_the_reason(app):
    two = np.full((100, 200), 255, "uint8")
    two[20:80, 50:58] = two[20:80, 140:148] = 0
    chooser(app).set_input_files([upload("two.png", png(two))])
    expect(answer(app)).to_contain_text("No digit: there are 2 digits, expected one")
    expect(past(app)).to_have_text([re.compile("^two.png: no digit, there are 2 digits")])


def test_file_that_is_no_picture_is_named_and_others_are_read(browser, address, sample):
    with watched_page(browser, known=refused(422)) as page:
        page.goto(address)
        files = [
            upload("notes.txt", b"no picture", "text/plain"),
            upload("digit.png", png(sample.x_test[0])),
        ]
        chooser(page).set_input_files(files)
        expect(fault(page)).to_contain_text("Not read. notes.txt: ")
        expect(fault(page)).not_to_contain_text(
            "status"
        )  # it is the server's reason, not only its number
        expect(past(page)).to_have_text([re.compile(r"^digit\.png: ")])
        page.screenshot(path="tests/artifacts/web_app_refusal.png", full_page=True)
        page.get_by_role("button", name="Dismiss").click()
        expect(fault(page)).to_be_empty()


def test_too_large_files_stay_on_the_page_and_others_are_read(app, sample, tmp_path):
    sent = []
    app.on(
        "request",
        lambda request: sent.append(request) if request.url.endswith("/predict") else None,
    )
    huge = [zeros(tmp_path / name, guard.LARGEST_BODY + 1) for name in ("huge.png", "vast.png")]
    (tmp_path / "digit.png").write_bytes(png(sample.x_test[0]))
    chooser(app).set_input_files([huge[0], tmp_path / "digit.png", huge[1]])
    for path in huge:
        expect(fault(app)).to_contain_text(f"Not read. {path.name}: it's larger than 10 MB.")
    expect(past(app)).to_have_text([re.compile(f"^digit.png: {sample.y_test[0]}, ")])
    expect(app.get_by_text("Reading")).to_have_count(0)  # the page is done with all three
    assert len(sent) == 1
    app.screenshot(path="tests/artifacts/web_app_too_large.png", full_page=True)


def test_too_large_file_is_refused_while_another_waits(browser, tmp_path):
    with watched_page(browser, known=NO_ANSWER) as page:
        with serving(tmp_path, free_port()) as address:
            page.goto(address)
        files = [
            zeros(tmp_path / "early.png", 9),
            zeros(tmp_path / "huge.png", guard.LARGEST_BODY + 1),
        ]
        chooser(page).set_input_files(files)
        expect(fault(page)).to_contain_text("Not read. huge.png: it's larger than 10 MB.")
        expect(page.get_by_text("Reading early.png …")).to_be_visible()


def test_what_only_the_server_finds_too_large_is_refused_by_name(browser, address, tmp_path):
    page = (
        browser.new_page()
    )  # not watched: the body would go through Playwright, which takes its time
    page.goto(address)
    chooser(page).set_input_files(
        zeros(tmp_path / "edge.png", guard.LARGEST_BODY)
    )  # with the form, it is too much
    expect(fault(page)).to_contain_text("Not read. edge.png: more than 10 MB")
    page.close()


def test_connection_that_keeps_breaking_is_named_after_tries(browser, address):
    with watched_page(browser, known=f"{LOGGED} net::ERR_FAILED") as page:
        page.goto(address)
        sent = []
        page.route("**/predict", lambda route: (sent.append(route), route.abort()))
        chooser(page).set_input_files([upload("photo.png", bytes(2_500_000))])
        expect(fault(page)).to_contain_text(
            "photo.png: the connection broke while it was sent. At 2.5 MB"
        )
        assert len(sent) == 3


def test_answer_that_is_no_json_is_reported_once(app):
    asked = []

    def answer_as_a_proxy(route):
        asked.append(route)
        route.fulfill(status=200, body="<html>a proxy</html>")

    app.route("**/predict", answer_as_a_proxy)
    draw(app, ONE)
    expect(fault(app)).to_contain_text("This page failed:")
    before = len(asked)
    draw(app, ONE)
    expect_soon(app, lambda: len(asked) > before)
    app.unroute("**/predict")
    draw(app, ONE)
    expect(prediction(app)).to_have_text("1")
    expect(fault(app).get_by_role("paragraph")).to_have_count(
        1
    )  # said once, though it happened several times


def test_the_server_goes_and_comes_back_and_the_drawing_is_kept(browser, tmp_path):
    port = free_port()
    with watched_page(browser, known=NO_ANSWER) as page:
        with serving(tmp_path, port) as address:
            page.goto(address)
            expect(page.get_by_text("The model that reads here: robust")).to_be_visible()
        place = pad(page).bounding_box()
        draw(page, SEVEN)
        expect(page.get_by_text("The server does not answer. Your drawing is kept")).to_be_visible()
        assert pad(page).bounding_box() == place, (
            "the message moved the pad, perhaps in the middle of a stroke"
        )
        drawn = shown_pixels(pad(page))
        page.screenshot(path="tests/artifacts/web_app_without_server.png", full_page=True)
        with serving(tmp_path, port):
            expect(page.get_by_text("The server is back.")).to_be_visible()
            expect(prediction(page)).to_have_text("7")
            expect(page.get_by_text("The server does not answer.")).to_have_count(0)
            np.testing.assert_array_equal(shown_pixels(pad(page)), drawn)


def test_a_picture_waits_for_the_server_too(browser, sample, tmp_path):
    port = free_port()
    with watched_page(browser, known=NO_ANSWER) as page:
        with serving(tmp_path, port) as address:
            page.goto(address)
        chooser(page).set_input_files([upload("early.png", png(sample.x_test[0]))])
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        expect(page.get_by_text("Reading early.png …")).to_be_visible()
        with serving(tmp_path, port):
            expect(past(page)).to_have_text([re.compile(f"^early.png: {sample.y_test[0]}, ")])


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_a_finger_draws_and_nothing_is_cut_off(page, address, width):
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(address)
    touch(page, SEVEN)
    expect(prediction(page)).to_have_text("7")
    assert page.evaluate("window.scrollY") == 0, "the finger scrolled the page instead of drawing"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    targets = page.locator("button:visible, .drop")
    heights = targets.evaluate_all(
        "all => all.map((target) => target.getBoundingClientRect().height)"
    )
    assert len(heights) >= 4 and min(heights) >= 44, heights  # what a fingertip hits
    page.screenshot(path=f"tests/artifacts/web_app_{width}.png", full_page=True)


def test_on_a_phone_an_earlier_answer_comes_into_view(page, address, sample):
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto(address)
    chooser(page).set_input_files(
        [upload(f"{index}.png", png(sample.x_test[index])) for index in range(6)]
    )
    expect(past(page)).to_have_count(6)
    page.get_by_role("button", name="0.png").click()
    expect(prediction(page)).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault(browser, address, sample, scheme, width):
    with watched_page(browser, known=refused(422)) as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        assert serious_faults(page) == []
        draw(page, SEVEN)
        files = [
            upload("notes.txt", b"no picture", "text/plain"),
            upload("digit.png", png(sample.x_test[0])),
        ]
        chooser(page).set_input_files(files)
        expect(past(page)).to_have_count(2)
        expect(fault(page)).to_contain_text("notes.txt")
        pad(page).press("ArrowUp")
        assert serious_faults(page) == []
        page.screenshot(path=f"tests/artifacts/web_app_{scheme}_{width}.png", full_page=True)


def test_axe_would_find_one(app):
    app.evaluate("document.querySelector('canvas').removeAttribute('aria-label')")
    app.evaluate("document.querySelector('h1').style.color = '#eee'")
    assert "color-contrast" in dict(serious_faults(app))


def test_light_and_dark_follow_the_system(app):
    brightness = {}
    for scheme in ("light", "dark"):
        app.emulate_media(color_scheme=scheme)
        shot = Image.open(io.BytesIO(app.screenshot())).convert("L")
        brightness[scheme] = shot.getpixel((2, 2))
    assert brightness["light"] > 230 and brightness["dark"] < 40
    assert (shown_pixels(pad(app)) == 255).all(), "paper is white in the dark too"


def test_the_page_allows_no_script_but_its_own(app, address):
    with urlopen(address) as response:
        policy, page = response.headers["Content-Security-Policy"], response.read().decode()
    assert "unsafe" not in policy and "script-src 'self'" in policy
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page) == []
    with pytest.raises(Exception, match="unsafe-eval"):
        app.evaluate(
            "new Promise((_, fail) => setTimeout(() => { try { eval('1') } catch (fault) { fail(fault) } }))"
        )


def test_the_lock_names_no_registry():
    lock = (FRONT_END / "package-lock.json").read_text()
    assert '"resolved"' not in lock and '"integrity"' in lock
