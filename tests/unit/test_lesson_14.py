"""Lesson 14 says who answered, becomes real by credentials alone, and then fails clearly where there is no network."""

import json
import os
import socket
import sys
import time
import traceback
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

from apps import cloud
from apps.cloud.practice import practice_cloud
from utils import data
from utils.prediction import DigitReader

LESSON = Path(__file__).parents[2] / "notebooks" / "14_read_digits_in_the_cloud.ipynb"
CELLS = [cell for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
OPEN, READ = "def open_reader", "reader.read(images[0])"
NOBODYS = {  # as Amazon's documentation shows them
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def cell_with(text):
    """Return the one code cell that holds a text."""
    [found] = [cell for cell in CELLS if text in cell.source]
    return found


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch):
    """Take away what names an account, or a file that does."""
    for name in os.environ:
        if name.startswith(("AWS_", "GOOGLE_", "VISION_")):
            monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, os.devnull)


@pytest.fixture(scope="module")
def practice():
    """Yield the address of a practice server."""
    with practice_cloud(DigitReader("tiny")) as address:
        yield address


@pytest.fixture
def nowhere(monkeypatch):
    """Block the network as a firewall does: all goes through a proxy, which refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{taken.getsockname()[1]}")
        yield


def run_the_first_reading(practice):
    """Run the lesson's two cells that choose the readers, and have each read a digit."""
    mnist = data.load_mnist("sample")
    names = {
        "cloud": cloud,
        "practice": practice,
        "images": mnist.x_test[:1],
        "labels": mnist.y_test[:1],
    }
    for text in (OPEN, READ):
        exec(cell_with(text).source, names)


def test_without_credentials_the_lesson_says_practice(practice, capsys):
    run_the_first_reading(practice)
    said = capsys.readouterr().out
    assert (
        "practice server, our own CNN answers: Google Vision, AWS Rekognition, Azure Vision" in said
    )
    assert said.count("(practice): ") == 3


def test_lesson_without_network_fails_clearly_and_soon(practice, nowhere, monkeypatch, capsys):
    for name, value in NOBODYS.items():
        monkeypatch.setenv(name, value)
    start = time.perf_counter()
    with pytest.raises(
        cloud.CloudError, match="AWS Rekognition: the service could not be reached"
    ) as ending:
        run_the_first_reading(practice)
    assert time.perf_counter() - start <= 15
    said = str(capsys.readouterr()) + "".join(traceback.format_exception(ending.value))
    assert "practice server, our own CNN answers: Google Vision, Azure Vision\\n" in said
    assert NOBODYS["AWS_ACCESS_KEY_ID"] not in said and NOBODYS["AWS_SECRET_ACCESS_KEY"] not in said


def test_outputs_of_services_name_the_practice_server():
    opened, read = (json.dumps(cell_with(text).outputs) for text in (OPEN, READ))
    assert "practice server, our own CNN answers" in opened
    assert read.count("(practice): ") == 3


def test_a_missing_package_is_named_in_one_sentence(monkeypatch):
    monkeypatch.setattr(metadata, "distributions", lambda: [type("Package", (), {"name": "boto3"})])
    with pytest.raises(SystemExit) as ending:
        exec(
            cell_with("missing = needed").source, {"cloud": cloud, "metadata": metadata, "sys": sys}
        )
    assert "needs azure-ai-vision-imageanalysis, google-cloud-vision. README says" in str(
        ending.value
    )


def test_no_stored_output_names_an_address():
    assert "127.0.0.1" not in json.dumps([cell.outputs for cell in CELLS])
