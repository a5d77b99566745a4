"""The page for training a network, opened from a folder: it learns, it dies of a high learning rate, and it says so."""

import base64
import functools
import gzip
import json
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import watched_page
from tests.browser.test_try_it import PLAIN, SHIFTS, serious_faults
from tests.tree import ROOT
from utils.data import load_mnist

TRAIN, TRY = ROOT / "docs" / "train", ROOT / "docs" / "try"
SCRIPTS = ("learner.js", "worker.js", "page.js")
WITHIN = 300 * 1000  # ms until training counts as one that never gets there
GRADIENT = """([pixels, labels]) => {
  const { random, create, zeros, inked, addGradient } = learner();
  const network = create(8, random(7));
  const gradient = zeros(network);
  const digits = inked(Uint8Array.from(pixels), Uint8Array.from(labels));
  const losses = labels.map((_, digit) => addGradient(network, gradient, digits, digit));
  const plain = (parts) => Object.fromEntries(Object.entries(parts).map(([name, values]) => [name, [...values]]));
  return { losses, network: plain(network), gradient: plain(gradient) };
}"""


@pytest.fixture(scope="module")
def sample():
    return load_mnist("sample")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a copy of the page's folder, and of the one whose style it shares, as the site has them."""
    assert (TRAIN / "digits.js").is_file(), "the page isn't built: make docs/train/digits.js"
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(TRY, site / "try")
    shutil.copytree(TRAIN, site / "train")
    return site


@pytest.fixture
def train_it(page, site):
    """Return the page, opened from its folder; the test fails if it asks for anything that isn't there."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "train" / "index.html").as_uri())
    expect(button(page, "Start")).to_be_enabled()
    yield page
    outside = [url for url in asked if not url.startswith((site.as_uri(), "blob:"))]
    assert not outside


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def set_slider(page, name, text):
    """Move a slider by its keys until it shows a value."""
    slider = page.get_by_role("slider", name=name)
    slider.press("Home")
    for _ in range(12):
        if slider.get_attribute("aria-valuetext") == text:
            return
        slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == text


def shown(page, name):
    return float(re.match(r"[\d.]+", page.locator(f"#{name}-shown").inner_text())[0])


def plain_loops(page):
    return sum(page.evaluate(PLAIN)[0] for _ in range(25)) / 1000


def test_page_is_small():
    assert sum(len((TRAIN / name).read_text().splitlines()) for name in SCRIPTS) <= 370
    assert sum(path.stat().st_size for path in TRAIN.iterdir() if path.is_file()) <= 1_500_000


def test_digits_are_those_of_the_course(sample):
    script = (TRAIN / "digits.js").read_text()
    assert "LeCun, Corinna Cortes, and Christopher Burges" in script and "by-sa/3.0" in script
    digits = json.loads(script.partition("const DIGITS = ")[2].rstrip(";\n"))
    pixels = np.frombuffer(gzip.decompress(base64.b64decode(digits["pixels"])), np.uint8)
    images = pixels.reshape(-1, 28, 28)
    np.testing.assert_array_equal(images[: digits["train"]], sample.x_train)
    np.testing.assert_array_equal(images[digits["train"] :], sample.x_test)
    labels = [*sample.y_train, *sample.y_test]
    assert digits["labels"] == "".join(map(str, labels))


def test_gradient_is_that_of_numpy(train_it, sample):
    pixels, labels = sample.x_train[:20], sample.y_train[:20]
    found = train_it.evaluate(GRADIENT, [pixels.ravel().tolist(), labels.tolist()])
    weights = {name: np.array(values) for name, values in found["network"].items()}
    x, y = pixels.reshape(20, 784) / 255, np.eye(10)[labels]
    hidden_kernel, kernel = (
        weights["hiddenKernel"].reshape(784, 8),
        weights["kernel"].reshape(8, 10),
    )
    hidden = np.maximum(x @ hidden_kernel + weights["hiddenBias"], 0)
    powers = np.exp(hidden @ kernel + weights["bias"])
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    wrong = probabilities - y
    back = (wrong @ kernel.T) * (hidden > 0)
    expected = {
        "hiddenKernel": x.T @ back,
        "hiddenBias": back.sum(axis=0),
        "kernel": hidden.T @ wrong,
        "bias": wrong.sum(axis=0),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found["gradient"][name], values.ravel(), rtol=0, atol=1e-4)
    losses = -np.log(probabilities[np.arange(20), labels])
    np.testing.assert_allclose(found["losses"], losses, rtol=0, atol=1e-4)


def test_network_reaches_95_percent(train_it):
    """It may take 30 seconds, or on a busy machine 15 times as long as plain loops of half its arithmetic."""
    plain = plain_loops(train_it)
    button(train_it, "Start").click()
    reached = train_it.get_by_text(re.compile(r"It reads 9[5-9]\.\d% of the unseen digits"))
    expect(reached).to_be_visible(timeout=WITHIN)
    sentence = reached.inner_text()
    expect(train_it.get_by_text("Paused after 10 epochs")).to_be_visible(timeout=WITHIN)
    expect(button(train_it, "Continue")).to_be_enabled()
    plain += plain_loops(train_it)
    seconds = float(re.search(r"and ([\d.]+) seconds", sentence)[1])
    print(f"{sentence} The plain loops took {plain:.1f} seconds.")
    assert seconds <= max(30, 15 * plain)
    assert train_it.locator("#accuracy .now").get_attribute("points").count(",") > 10
    expect(train_it.get_by_role("img", name=re.compile("Curve: accuracy 9"))).to_be_visible()
    expect(train_it.get_by_role("list").get_by_role("img")).to_have_count(10)
    train_it.screenshot(path="tests/artifacts/train_it.png", full_page=True)


def test_too_high_a_learning_rate_kills_it(train_it):
    set_slider(train_it, "Learning rate", "2")
    button(train_it, "Start").click()
    why = train_it.get_by_text(
        re.compile("The learning rate is too high: large steps switched off 6")
    )
    expect(why).to_be_visible(timeout=WITHIN)
    expect(why).to_contain_text("Choose a lower one, then press Start over.")
    expect(button(train_it, "Continue")).to_be_disabled()
    assert shown(train_it, "accuracy") < 30 and shown(train_it, "loss") > 2
    train_it.screenshot(path="tests/artifacts/train_it_dead.png", full_page=True)
    set_slider(train_it, "Learning rate", "0.2")
    button(train_it, "Start over").click()
    expect(train_it.locator("#accuracy-shown")).to_have_text(re.compile("[89]"), timeout=WITHIN)
    assert train_it.locator("#accuracy .before").get_attribute("points")


def test_page_says_what_high_rates_cost(train_it):
    set_slider(train_it, "Learning rate", "1")
    button(train_it, "Start").click()
    cost = re.compile(r"switched off \d\d of the 64 hidden neurons, so only the others still learn")
    expect(train_it.get_by_text(cost)).to_be_visible(timeout=WITHIN)


def test_browser_that_cannot_unpack_the_digits_is_told(page, site):
    broken = shutil.copytree(site, site.with_name("broken"))
    script = broken / "train" / "digits.js"
    script.write_text(re.sub('"pixels": "....', '"pixels": "AAAA', script.read_text()))
    page.goto((broken / "train" / "index.html").as_uri())
    expect(page.get_by_text("This browser can’t unpack the digits")).to_be_visible()


def test_pause_stops_and_keeps_the_network(train_it):
    button(train_it, "Start").click()
    expect(train_it.locator("#epochs-shown")).not_to_have_text("0.0", timeout=WITHIN)
    button(train_it, "Pause").click()
    train_it.wait_for_timeout(500)  # a report may be on its way
    epochs = shown(train_it, "epochs")
    train_it.wait_for_timeout(1500)
    assert shown(train_it, "epochs") == epochs
    button(train_it, "Continue").click()
    expect(train_it.locator("#epochs-shown")).not_to_have_text(f"{epochs:.1f}", timeout=WITHIN)
    assert shown(train_it, "epochs") > epochs


def test_keyboard_alone_trains(train_it):
    train_it.keyboard.press("Tab")
    train_it.keyboard.press("Tab")
    train_it.keyboard.press("Enter")
    expect(train_it.locator("#epochs-shown")).not_to_have_text("0.0", timeout=WITHIN)
    train_it.keyboard.press("Enter")
    expect(train_it.get_by_role("status").filter(has_text="Paused after")).to_be_visible()


def test_nothing_moves_on_the_page(train_it):
    button(train_it, "Start").click()
    expect(train_it.locator("#epochs-shown")).not_to_have_text("0.0", timeout=WITHIN)
    assert sum(train_it.evaluate(SHIFTS)) == 0


def test_page_works_from_a_server_too(browser, site):
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, watched_page(browser) as page:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/train/index.html")
        button(page, "Start").click()
        expect(page.locator("#accuracy-shown")).to_have_text(re.compile("[789]"), timeout=WITHIN)
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_serious_fault(train_it, scheme, width):
    train_it.emulate_media(color_scheme=scheme)
    train_it.set_viewport_size({"width": width, "height": 900})
    button(train_it, "Start").click()
    for summary in train_it.get_by_text("Show the answer").all():
        summary.click()
    expect(train_it.locator("#epochs-shown")).not_to_have_text("0.0", timeout=WITHIN)
    button(train_it, "Pause").click()
    assert serious_faults(train_it) == []
    assert train_it.evaluate("document.documentElement.scrollWidth") == width
    train_it.screenshot(path=f"tests/artifacts/train_it_{scheme}_{width}.png", full_page=True)
