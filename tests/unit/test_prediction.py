"""The reader: from any image to a digit, and from files to models."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw

from utils import data
from utils.prediction import DigitReader
from utils.preprocessing import UnreadableImage


@pytest.fixture(scope="module")
def reader():
    return DigitReader()


@pytest.fixture(scope="module")
def held_out():
    mnist = data.load_mnist("sample")
    return mnist.x_test, mnist.y_test


def drawing(ink="black", paper="white"):
    page = Image.new("RGB", (280, 280), paper)
    ImageDraw.Draw(page).line([(60, 60), (215, 60), (120, 240)], fill=ink, width=22, joint="curve")
    return page


def test_a_drawn_seven_is_read_whatever_its_colours(reader):
    for page in (drawing(), drawing("white", "black"), drawing("navy", "lightyellow")):
        prediction = reader.read(page)
        assert prediction.digit == 7
        assert prediction.confidence == pytest.approx(prediction.probabilities.max())
        assert prediction.reason == ""


def test_path_bytes_array_and_image_give_the_same_answer(reader, tmp_path):
    path = tmp_path / "seven.png"
    drawing().save(path)
    forms = (drawing(), path, str(path), path.read_bytes(), np.asarray(drawing()))
    answers = [reader.read(form).probabilities for form in forms]
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], atol=1e-6)


def test_a_blank_page_gives_a_reason_instead_of_a_digit(reader):
    prediction = reader.read(Image.new("L", (100, 100), "white"))
    assert prediction.digit is None
    assert "blank" in prediction.reason


def test_what_is_no_picture_is_refused_by_name(reader, tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    with pytest.raises(UnreadableImage, match=r"notes\.png"):
        reader.read(path)


def test_batches_are_read_like_single_digits(reader, held_out):
    probabilities = reader.predict_batch(held_out[0][:20])
    assert probabilities.shape == (20, 10) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([reader.predict_batch(image[np.newaxis]) for image in held_out[0][:20]])
    np.testing.assert_allclose(probabilities, one_by_one, atol=1e-5)


def test_a_batch_larger_than_its_parts_keeps_its_order(reader, held_out):
    images = np.concatenate([held_out[0], held_out[0][:300]])
    probabilities = reader.predict_batch(images)
    assert len(probabilities) == 1300
    np.testing.assert_allclose(probabilities[1000:], probabilities[:300], atol=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 28, 28), "float32"), "uint8"),
        (np.zeros((28, 28), "uint8"), "shape"),
        (np.zeros((0, 28, 28), "uint8"), "n >= 1"),
    ],
)
def test_wrong_batches_are_refused(reader, images, message):
    with pytest.raises(ValueError, match=message):
        reader.predict_batch(images)


def test_threads_may_share_a_reader(reader, held_out):
    images, results = held_out[0][:50], {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: reader.predict_batch(images)})) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        np.testing.assert_allclose(result, results[0], atol=1e-6)
    assert len(results) == 4


def test_a_missing_model_says_what_may_be_named():
    with pytest.raises(FileNotFoundError, match="name from data/models"):
        DigitReader("no_such_model")


def test_importing_the_reader_starts_no_tensorflow():
    code = "import sys, utils.prediction; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (output.stdout, output.stderr) == ("False False\n", "")
