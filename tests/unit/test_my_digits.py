"""The example pictures are what their page says: small, drawn by draw.py, and read as their names begin."""

import runpy

import numpy as np
import pytest
from PIL import Image

from tests.tree import ROOT
from utils.photos import split_digits
from utils.prediction import DigitReader

FOLDER = ROOT / "data" / "my_digits"
PENS = {"roller", "marker", "fineliner", "pencil", "chalk", "photo"}


def examples(folder=FOLDER):
    """Return the pictures that come with the course; a learner's own lie beside them."""
    return [
        *sorted(path for path in folder.glob("?_*") if path.stem[2:] in PENS),
        folder / "3192_photo.jpg",
    ]


def test_the_examples_are_small_and_show_every_digit_and_pen():
    assert sum(path.stat().st_size for path in examples()) < 300_000
    assert {path.name[0] for path in examples()} == set("0123456789")
    assert {path.stem.split("_")[1] for path in examples()} == PENS


@pytest.mark.parametrize("path", examples()[:-1], ids=lambda path: path.stem)
def test_an_example_is_read_as_its_name_begins(path):
    assert DigitReader("compact").read(path).digit == int(path.name[0])


def test_the_row_is_refused_as_one_digit_and_read_as_four():
    reader, row = DigitReader("compact"), examples()[-1]
    assert "4 digits" in reader.read(row).reason
    assert reader.predict_batch(np.stack(split_digits(row))).argmax(axis=1).tolist() == [3, 1, 9, 2]


def test_the_program_draws_the_pictures_again(tmp_path):
    main = runpy.run_path(str(FOLDER / "draw.py"))["main"]
    main.__globals__["FOLDER"] = tmp_path
    main()
    drawn = examples(tmp_path)
    assert [path.name for path in drawn] == [path.name for path in examples()]
    for again, shipped in zip(drawn, examples(), strict=True):
        difference = np.asarray(Image.open(again), int) - np.asarray(Image.open(shipped), int)
        assert np.abs(difference).mean() < 1, shipped.name
