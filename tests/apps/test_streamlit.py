"""Run the Streamlit app without a browser: what it shows for each picture, model and mistake."""

import http.client
import io
import os
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from benchmarks.photos import photograph
from tests.lab import free_port, served
from tests.pictures import FAT_FIVE, cut_close
from tests.tree import ROOT
from utils import data
from utils.prediction import DigitReader

APP = ROOT / "apps" / "streamlit_app.py"


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """Put pytest's own `__main__` back, where AppTest leaves the app: other tests start processes that run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="module")
def digits():
    """Return digits that no shipped model was trained on, and their labels."""
    mnist = data.load_mnist("sample")
    return mnist.x_test, mnist.y_test


@pytest.fixture
def pad(monkeypatch):
    """Return what is on the pad, for a test to set. The real pad, which needs a browser, is in tests/browser."""
    drawn = SimpleNamespace(image_bytes=None)
    monkeypatch.setitem(
        sys.modules, "streamlit_drawable_canvas", SimpleNamespace(st_canvas=lambda **options: drawn)
    )
    return drawn


@pytest.fixture
def app(pad, monkeypatch):
    """Return the app, as it opens."""
    monkeypatch.delenv("MODEL", raising=False)
    return run(AppTest.from_file(APP, default_timeout=60))


def run(app):
    """Run the app to its end, which it must reach without an exception."""
    app.run()
    assert not app.exception, app.exception
    return app


def png(pixels):
    """Return pixels as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def upload(app, **files):
    """Upload files, given by name without their ending, and return the app."""
    app.file_uploader[0].set_value(
        [(f"{name}.png", content, "image/png") for name, content in files.items()]
    )
    return run(app)


def headings(app):
    """Return what the app says that it reads."""
    return [heading.value for heading in app.subheader]


def drawing(digit):
    """Return a digit as the pad sends it: dark ink on white, ten times as large."""
    return png(255 - np.kron(digit, np.ones((10, 10), "uint8")))


def test_it_opens_with_the_robust_model_and_nothing_read(app):
    assert app.sidebar.selectbox[0].value == "robust"
    assert set(app.sidebar.selectbox[0].options) == {
        "compact",
        "dense",
        "reference",
        "robust",
        "tiny",
    }
    assert [tab.label for tab in app.tabs] == ["Draw", "Upload"]
    assert not headings(app) and not app.dataframe and not app.error


def test_a_drawing_is_read_as_the_reader_reads_it(app, pad, digits):
    (images, labels), reader = digits, DigitReader()
    for number in range(5):
        pad.image_bytes = drawing(images[number])
        seen = reader.read(pad.image_bytes, ink="dark")
        assert seen.digit == labels[number]
        assert headings(run(app)) == [f"A {seen.digit}, {seen.confidence:.1%} sure"]


def test_a_drawing_shows_its_probabilities_and_steps(app, pad, digits):
    pad.image_bytes = drawing(digits[0][0])
    run(app)
    chart, pictures = app.get("vega_lite_chart")[0].proto, app.get("image")[0].proto.imgs
    seen = DigitReader().read(pad.image_bytes, ink="dark")
    assert all(
        f"{digit}: {value:.1%}" in chart.alt for digit, value in enumerate(seen.probabilities)
    ), chart.alt
    assert '"domain": [0, 1]' in chart.spec
    assert [picture.caption for picture in pictures][:2] == ["to gray", "shrink"]
    assert pictures[-1].caption == "center by mass" and all(picture.alt for picture in pictures)


def test_an_empty_pad_is_no_digit_but_no_error(app, pad):
    pad.image_bytes = png(np.full((280, 280, 3), 255, "uint8"))
    run(app)
    assert "blank" in app.info[0].value and not headings(app)


def test_uploads_become_a_table_and_details(app, digits):
    images, labels = digits
    upload(app, first=photograph(images[0], seed=1), second=png(images[1]))
    table = app.dataframe[0].value
    assert list(table.name) == ["first.png", "second.png"]
    assert list(table.digit) == list(labels[:2])
    probabilities = table[[f"p{digit}" for digit in range(10)]].to_numpy()
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    assert list(probabilities.argmax(axis=1)) == list(labels[:2])
    assert np.allclose(probabilities.max(axis=1), table.confidence)
    assert headings(app)[0].startswith(f"A {labels[0]},")
    app.tabs[1].selectbox[0].set_value(1)
    assert headings(run(app))[0].startswith(f"A {labels[1]},")


def test_file_that_is_no_picture_is_named_and_others_are_read(app, digits):
    images, labels = digits
    upload(app, good=png(images[0]), empty=b"", cut=png(images[0])[:60], text=b"no picture")
    assert [fault.value.partition("\\")[0] for fault in app.error] == [
        "empty.png",
        "cut.png",
        "text.png",
    ]
    table = app.dataframe[0].value
    assert table.digit[0] == labels[0] and table.digit[1:].isna().all()
    assert table.reason[0] == "" and all(table.reason[1:])


def test_more_than_a_hundred_files_are_refused_in_words(app):
    upload(app, **{f"picture {number}": b"" for number in range(101)})
    assert [fault.value for fault in app.error] == [
        "Expected at most 100 pictures at a time, got 101: remove some of them."
    ]
    assert not app.dataframe


def test_a_page_with_several_digits_says_so(app, digits):
    upload(app, two=photograph(np.hstack(digits[0][:2]), ("shadow", "blur"), seed=3))
    assert "2 digits" in app.dataframe[0].value.reason[0] and "2 digits" in app.info[0].value


def test_the_ink_of_uploads_can_be_named(app, digits):
    upload(app, five=png(cut_close(digits[0][FAT_FIVE])))
    assert not any(heading.startswith("A 5, ") for heading in headings(app))
    app.radio[0].set_value("light")
    assert headings(run(app))[0].startswith("A 5, ")


def test_the_name_of_a_file_is_shown_as_it_is(app):
    """As markup, such a name would have the visitor's browser ask another machine."""
    upload(app, **{"![a](http://example.org/b)": b"no picture"})
    shown = app.error[0].value.replace("\u2060", "")
    assert r"\!\[a\]\(http\:\/\/example.org\/b\)" in shown


def test_the_name_of_a_file_is_no_link_and_no_markup(app):
    """Streamlit makes links of addresses after it took the backslashes away."""
    names = "http://example.org", "WWW.example.org", "a@example.org", ":smile:", "a--b", "_a_"
    names = *names, "a\n\n# b", "1. b"
    upload(app, **dict.fromkeys(names, b"no picture"))
    for name, fault in zip(names, app.error, strict=True):
        assert not re.search(r"(?<!\\)_|(?<!\\)\. |\n", fault.value)
        shown = fault.value.replace("\\", "")
        assert not re.search(r"://|www\.|@\w|:\w+:|--", shown, re.IGNORECASE)
        assert shown.replace("\u2060", "").startswith(" ".join(f"{name}.png: this file".split()))


def test_the_name_of_a_file_is_no_formula(app):
    """A spreadsheet would work out such a cell of the CSV, whether our button or Streamlit's own saves it."""
    formulas = [f"{start}1+1" for start in ("=", "+", "-", "@", "\t=", "\t", "\r", " =")]
    others = "'=1+1", "7 = seven", "a-b"
    upload(app, **dict.fromkeys([*formulas, *others], b"no picture"))
    expected = [*(f"'{name}.png" for name in formulas), *(f"{name}.png" for name in others)]
    assert app.dataframe[0].value.name.tolist() == expected


def test_another_model_reads_anew(app, digits):
    picture = png(digits[0][3])
    upload(app, digit=picture)
    robust = app.dataframe[0].value.confidence[0]
    app.sidebar.selectbox[0].set_value("dense")
    assert run(app).dataframe[0].value.confidence[0] == pytest.approx(
        DigitReader("dense").read(picture).confidence, abs=1e-4
    )
    assert app.dataframe[0].value.confidence[0] != robust


@pytest.mark.usefixtures("pad")
def test_a_file_of_a_model_can_be_chosen_by_the_environment(monkeypatch):
    path = str(ROOT / "data" / "models" / "tiny.onnx")
    monkeypatch.setenv("MODEL", path)
    app = run(AppTest.from_file(APP, default_timeout=60))
    assert app.sidebar.selectbox[0].value == path and not app.error


def test_a_retrained_model_is_opened_again(pad, digits, monkeypatch, tmp_path):
    path, shipped = tmp_path / "mine.onnx", ROOT / "data" / "models"
    path.write_bytes((shipped / "tiny.onnx").read_bytes())
    monkeypatch.setenv("MODEL", str(path))
    pad.image_bytes = drawing(digits[0][3])
    app = run(AppTest.from_file(APP, default_timeout=60))
    seen = headings(app)
    path.write_bytes((shipped / "dense.onnx").read_bytes())
    dense = DigitReader("dense").read(pad.image_bytes, ink="dark")
    assert headings(run(app)) == [f"A {dense.digit}, {dense.confidence:.1%} sure"] != seen


@pytest.mark.usefixtures("pad")
@pytest.mark.parametrize(
    "content, expected", [(None, "there is no model"), (b"no model", "damaged")]
)
def test_a_model_that_cannot_be_used_is_an_error_in_words(monkeypatch, tmp_path, content, expected):
    path = tmp_path / "mine.onnx"
    if content:
        path.write_bytes(content)
    monkeypatch.setenv("MODEL", str(path))
    app = run(AppTest.from_file(APP, default_timeout=60))
    assert expected in app.error[0].value and "mine.onnx" in app.error[0].value
    assert not app.tabs


# The server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return the port of the app, started as `make streamlit` does, and the file of what it logs."""
    folder, port = tmp_path_factory.mktemp("streamlit"), free_port()
    command = [sys.executable, "-m", "apps.start_streamlit", "--server.headless=true"]
    health, log = f"http://127.0.0.1:{port}/_stcore/health", folder / "log"
    environment = {**os.environ, "HOME": str(folder)}  # not the settings of whoever tests
    with served([*command, f"--server.port={port}"], health, log, ROOT, environment):
        yield port, log


def shake_hands(port, host, origin):
    """Ask for a WebSocket as a browser does on a page of this origin, and return the answer's status."""
    headers = {
        "Host": f"{host}:{port}",
        "Origin": origin.format(port=port),
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "http://evil.example", 403),  # a page of another site
        (
            "evil.example",
            "http://evil.example:{port}",
            403,
        ),  # one whose name now means this machine
        ("127.0.0.1", "http://127.0.0.1:{port}", 101),
        ("localhost", "http://localhost:{port}", 101),
    ],
)
def test_only_pages_of_this_machine_are_answered(server, host, origin, status):
    """To find out what is of this machine, Streamlit would ask a server on the internet for its address."""
    port, log = server
    assert shake_hands(port, host, origin) == status
    text = log.read_text()
    assert "LeavesTheMachine" not in text and "Traceback" not in text, text
    assert f"http://127.0.0.1:{port}" in text and "External URL" not in text
