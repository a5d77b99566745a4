"""Use the Streamlit app as a visitor does: draw, upload, paste, get something wrong, lose the server."""

import base64
import contextlib
import os
import sys

import pandas as pd
import pytest
from playwright.sync_api import expect

from benchmarks.photos import photograph
from tests.browser.conftest import watched_page
from tests.lab import free_port, served
from tests.tree import ROOT
from utils import data
from utils.prediction import DigitReader

SEVEN = [(70, 60), (200, 60), (150, 140), (110, 240)]  # corners of a stroke, in pixels of the pad
PASTE = """(field, picture) => {
    const bytes = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "pasted.jpg", {type: "image/jpeg"}));
    field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


@contextlib.contextmanager
def serving(folder, port):
    """Start the app as `make streamlit` does, and yield its address once it answers."""
    command = [sys.executable, "-m", "apps.start_streamlit"]
    flags = [f"--server.port={port}", "--server.headless=true"]
    environment = {**os.environ, "HOME": str(folder)}  # not the settings of whoever tests
    environment.pop("MODEL", None)
    address, log = f"http://127.0.0.1:{port}", folder / "streamlit.log"
    with served([*command, *flags], f"{address}/_stcore/health", log, folder, environment):
        yield address
    # The server runs under the guard of tests/offline: what it logs tells whether it tried to leave the machine.
    assert "LeavesTheMachine" not in log.read_text() and "Traceback" not in log.read_text(), (
        log.read_text()
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return the address of the running app."""
    with serving(tmp_path_factory.mktemp("streamlit"), free_port()) as address:
        yield address


@pytest.fixture
def app(page, server):
    """Return the app's page; at the end, the test fails where it asked another machine for anything."""
    return opened(page, server)


@pytest.fixture(scope="module")
def photos():
    """Return photos of three digits, and the digits."""
    mnist = data.load_mnist("sample")
    return [photograph(mnist.x_test[number], seed=number + 1) for number in range(3)], mnist.y_test[
        :3
    ].tolist()


def opened(page, address):
    """Open the app and wait for its pad."""
    page.goto(address)
    expect(page.locator("canvas").last).to_be_visible()
    return page


def draw(page, corners):
    """Draw a stroke on the pad with the mouse."""
    pad = page.locator("canvas").last.bounding_box()
    points = [(pad["x"] + x, pad["y"] + y) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=10)
    page.mouse.up()


def expect_reading(page, digit):
    """Wait until the app says which digit it reads."""
    expect(page.locator("h3:visible")).to_contain_text(f"A {digit},")


def upload(page, *files):
    """Upload files, as pairs of a name and its bytes."""
    page.get_by_role("tab", name="Upload").click()
    payload = [
        {"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in files
    ]
    page.locator("input[type=file]").set_input_files(payload)


def test_a_drawn_seven_is_read_with_chart_and_steps(app):
    draw(app, SEVEN)
    expect_reading(app, 7)
    expect(app.get_by_alt_text("After: center by mass")).to_be_visible()
    expect(
        app.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    ).to_be_visible()
    artifacts = ROOT / "tests" / "artifacts"
    artifacts.mkdir(exist_ok=True)
    app.screenshot(path=artifacts / "streamlit_draw.png")


def test_uploads_are_read_and_downloaded_as_csv(app, photos):
    pictures, digits = photos
    upload(app, *[(f"photo {number}.jpg", picture) for number, picture in enumerate(pictures)])
    expect_reading(app, digits[0])
    with app.expect_download() as download:
        app.get_by_role("button", name="Download the results as CSV").click()
    table = pd.read_csv(download.value.path())
    assert download.value.suggested_filename == "digits.csv"
    assert table["digit"].tolist() == digits
    assert table["name"].tolist() == ["photo 0.jpg", "photo 1.jpg", "photo 2.jpg"]
    assert [f"p{digit}" in table for digit in range(10)] == [True] * 10


def test_a_pasted_picture_is_read(app, photos):
    pictures, digits = photos
    app.get_by_role("tab", name="Upload").click()
    field = app.locator("input[type=file]")
    field.focus()
    field.evaluate(PASTE, base64.b64encode(pictures[1]).decode())
    expect_reading(app, digits[1])


def test_a_wrong_file_is_named_and_the_others_are_read(app, photos):
    pictures, digits = photos
    upload(app, ("letter.jpg", b"Dear Sir or Madam"), ("photo.jpg", pictures[0]))
    expect(app.get_by_role("alert")).to_contain_text("letter.jpg")
    expect(app.get_by_role("alert")).to_contain_text("of a kind read here")
    app.get_by_role("combobox", name="Look at").click()
    app.get_by_role("option", name="photo.jpg").click()
    expect_reading(app, digits[0])


def test_a_file_that_is_too_large_is_refused(app):
    upload(app, ("large.jpg", bytes(11_000_000)))
    expect(app.get_by_text("File must be 10.0MB or smaller")).to_be_visible()
    expect(app.locator("h3:visible")).to_have_count(0)


def test_another_model_can_be_chosen(app):
    """On a photo of which the dense network makes another digit than the robust one, the answer must change."""
    robust, dense, images = (
        DigitReader().read,
        DigitReader("dense").read,
        data.load_mnist("sample").x_test,
    )
    photos = (photograph(image, seed=number + 1) for number, image in enumerate(images))
    telling = next(photo for photo in photos if robust(photo).digit != dense(photo).digit)
    upload(app, ("photo.jpg", telling))
    expect_reading(app, robust(telling).digit)
    app.get_by_role("combobox", name="Model").click()
    app.get_by_role("option", name="dense").click()
    expect_reading(app, dense(telling).digit)


def test_when_the_server_is_back_the_app_reads_again(browser, tmp_path):
    port = free_port()
    page = browser.new_page()  # whose console will tell that the server is gone
    with serving(tmp_path, port) as address:
        opened(page, address)
    expect(page.get_by_text("Connection error").first).to_be_visible()
    with serving(tmp_path, port):
        expect(page.get_by_text("Connection error")).to_have_count(0)
        expect(page.locator("canvas").last).to_be_visible()
        draw(page, SEVEN)
        expect_reading(page, 7)
        page.close()


def test_it_fits_a_phone(browser, server, photos):
    with watched_page(browser) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        opened(page, server)
        draw(page, SEVEN)
        expect_reading(page, 7)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"the page is {overflow} pixels wider than the phone"
