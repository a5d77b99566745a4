"""Kaggle's form: the split, the files, the overlap, and submissions with every fault that people make."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from apps import kaggle
from apps.kaggle import (
    find_overlap,
    kaggle_folder,
    read_submission,
    split_like_kaggle,
    write_submission,
)
from benchmarks import csv_reading, records
from utils import data, files

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def sample():
    return data.load_mnist("sample")


@pytest.fixture
def few(sample):
    """Return 35 digits as a small MNIST."""
    return data.Mnist(
        sample.x_train[:30], sample.y_train[:30], sample.x_test[:5], sample.y_test[:5], "sample"
    )


# The split and the files


def test_the_split_holds_each_digit_once_three_to_two(sample):
    x_train, y_train, x_test, y_test = split_like_kaggle(sample)
    assert x_train.shape == (3000, 28, 28) and x_test.shape == (2000, 28, 28)
    assert all(array.dtype == np.uint8 for array in (x_train, y_train, x_test, y_test))
    pairs = [*zip(x_train, y_train, strict=True), *zip(x_test, y_test, strict=True)]
    wanted = [
        *zip(sample.x_train, sample.y_train, strict=True),
        *zip(sample.x_test, sample.y_test, strict=True),
    ]
    assert {(x.tobytes(), y) for x, y in pairs} == {(x.tobytes(), y) for x, y in wanted}
    from_test = len(find_overlap(sample.x_test, x_test))
    assert 300 < from_test < 500, "MNIST's own two sets are mixed"


def test_the_seed_decides_the_split(sample):
    one, same, other = (split_like_kaggle(sample, seed)[3] for seed in (0, 0, 1))
    assert (one == same).all() and (one != other).any()


def test_full_mnist_gives_kaggles_numbers():
    zeros = np.zeros((70_000, 28, 28), np.uint8)
    mnist = data.Mnist(
        zeros[:60_000], zeros[:60_000, 0, 0], zeros[60_000:], zeros[60_000:, 0, 0], "full"
    )
    assert [len(array) for array in split_like_kaggle(mnist)] == [42_000, 42_000, 28_000, 28_000]


def test_the_files_have_kaggles_form_and_hold_the_split(few, tmp_path):
    kaggle.write_kaggle_files(tmp_path / "new", few, seed=3)
    x_train, y_train, x_test, y_test = split_like_kaggle(few, seed=3)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "hidden_labels.csv",
        "test.csv",
        "train.csv",
    ]
    images, labels = files.read_kaggle_csv(tmp_path / "new" / "train.csv")
    np.testing.assert_array_equal(images, x_train)
    np.testing.assert_array_equal(labels, y_train)
    images, labels = files.read_kaggle_csv(tmp_path / "new" / "test.csv")
    np.testing.assert_array_equal(images, x_test)
    assert labels is None
    np.testing.assert_array_equal(
        read_submission(tmp_path / "new" / "hidden_labels.csv", 14), y_test
    )
    columns = [
        len(path.read_text().splitlines()[0].split(","))
        for path in sorted((tmp_path / "new").iterdir())
    ]
    assert columns == [2, 784, 785]


def test_a_submission_replaces_submissions_only(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("label,pixel0\n7,0\n")
    with pytest.raises(ValueError, match="new file or an earlier submission"):
        write_submission(path, np.array([1, 2]))
    assert path.read_text() == "label,pixel0\n7,0\n"
    for earlier in ("", '"ImageId","Label"\n1,3\n', "ImageId,Label\n1,3\n"):
        path.write_text(earlier)
        write_submission(path, np.array([1, 2]))
        assert path.read_text() == "ImageId,Label\n1,1\n2,2\n"


def test_kaggles_own_files_are_never_overwritten(few, tmp_path):
    (tmp_path / "train.csv").write_text("Kaggle's own")
    with pytest.raises(ValueError, match="expected a new or empty folder"):
        kaggle.write_kaggle_files(tmp_path, few)
    with pytest.raises(ValueError, match="expected a new or empty folder"):
        kaggle.write_kaggle_files(tmp_path / "train.csv", few)
    assert (tmp_path / "train.csv").read_text() == "Kaggle's own" and len(
        list(tmp_path.iterdir())
    ) == 1


def test_files_that_cannot_be_written_whole_leave_nothing(few, tmp_path, monkeypatch):
    def full_disk(path, digits):
        raise OSError("No space left on device")

    monkeypatch.setattr(kaggle, "write_submission", full_disk)
    (tmp_path / "kaggle").mkdir()
    with pytest.raises(OSError, match="No space left"):
        kaggle.write_kaggle_files(tmp_path / "kaggle", few)
    assert [path.name for path in tmp_path.rglob("*")] == ["kaggle"]


@pytest.fixture
def places(few, tmp_path, monkeypatch):
    """Return where Kaggle's own files and the generated ones belong, both empty, with few digits as MNIST."""
    monkeypatch.setattr(kaggle, "CACHE", tmp_path / "data" / "mnist.npz")
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    monkeypatch.setattr(kaggle, "load_mnist", lambda: few)
    return tmp_path / "data" / "kaggle", tmp_path / "runs"


def test_the_folder_is_generated_once(places, few, monkeypatch):
    _, runs = places
    assert kaggle_folder() == runs / "kaggle_sample"
    before = (runs / "kaggle_sample" / "train.csv").stat()
    assert (
        kaggle_folder() == runs / "kaggle_sample"
        and (runs / "kaggle_sample" / "train.csv").stat() == before
    )
    monkeypatch.setattr(kaggle, "load_mnist", lambda: few._replace(source="full"))
    assert kaggle_folder() == runs / "kaggle"


def test_own_kaggle_files_come_first_unless_sample_is_asked_for(places, monkeypatch):
    own, runs = places
    own.mkdir(parents=True)
    (own / "train.csv").touch()
    assert kaggle_folder() == runs / "kaggle_sample", "half of Kaggle's files are not enough"
    (own / "test.csv").touch()
    assert kaggle_folder() == own
    monkeypatch.setenv("MNIST_SOURCE", "sample")
    assert kaggle_folder() == runs / "kaggle_sample"


def test_notebooks_that_ask_at_once_get_the_same_folder(places, few, monkeypatch):
    _, runs = places
    write = kaggle.write_kaggle_files

    def slow(folder, mnist):  # while this one looks, another notebook writes the files
        monkeypatch.setattr(kaggle, "write_kaggle_files", write)
        write(folder, mnist)
        raise OSError("Directory not empty")

    monkeypatch.setattr(kaggle, "write_kaggle_files", slow)
    assert kaggle_folder() == runs / "kaggle_sample"


# The overlap


def test_the_overlap_is_what_was_put_there(sample):
    x_test = sample.x_test[:20].copy()
    assert find_overlap(sample.x_train, x_test).tolist() == []
    x_train = np.concatenate([sample.x_train[:100], x_test[[3, 17, 3]]])
    x_test[17, 0, 0] ^= 1  # one pixel makes it another image
    assert find_overlap(x_train, x_test).tolist() == [3]
    assert find_overlap(x_test, x_test[[5, 5]]).tolist() == [0, 1]


def test_the_overlap_is_not_sought_in_scaled_images(sample):
    for train, test in (
        (sample.x_train / 255, sample.x_test),
        (sample.x_train, sample.x_test.reshape(-1, 784)),
    ):
        with pytest.raises(ValueError, match=r"expected (raw uint8 pixels|images of shape)"):
            find_overlap(train, test)


def test_the_overlap_of_whole_kaggle_takes_a_moment():
    images = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28), np.uint8)
    taken = []
    thread = threading.Thread(
        target=lambda: taken.append(len(find_overlap(images, images))), daemon=True
    )
    thread.start()
    thread.join(timeout=60)  # measured: 0.05 s; a comparison of all pairs takes minutes
    assert taken == [10_000]


# Submissions


def test_a_submission_comes_back_and_has_kaggles_form(tmp_path):
    digits = np.random.default_rng(0).integers(0, 10, 2000)
    write_submission(tmp_path / "new" / "submission.csv", digits)
    lines = (tmp_path / "new" / "submission.csv").read_bytes().split(b"\n")
    assert lines[:2] == [b"ImageId,Label", b"1,%d" % digits[0]] and lines[-2:] == [
        b"2000,%d" % digits[-1],
        b"",
    ]
    back = read_submission(tmp_path / "new" / "submission.csv", 2000)
    np.testing.assert_array_equal(back, digits)
    assert back.dtype == np.uint8 and [path.name for path in (tmp_path / "new").iterdir()] == [
        "submission.csv"
    ]


@pytest.mark.parametrize("digits, message", [
    (np.eye(10), r"got shape \(10, 10\): give the digits .* argmax\(axis=1\)"),
    (np.array([1.0, 2.0]), "whole-number labels, got float64"),
    (["1", "2"], "whole-number labels, got <U1"),
    ([], r"got shape \(0,\)"),
    (np.array([1, 10]), "row 2: expected a label from 0 to 9, got 10"),
    (np.array([-1, 1]), "row 1: expected a label from 0 to 9, got -1"),
])  # fmt: skip
def test_nothing_but_digits_is_submitted(tmp_path, digits, message):
    with pytest.raises(ValueError, match=message):
        write_submission(tmp_path / "submission.csv", digits)
    assert list(tmp_path.iterdir()) == []


GOOD = ["ImageId,Label", "1,7", "2,2", "3,1", "4,0", "5,4"]


SAME = {
    "plain": "\n".join(GOOD) + "\n",
    "no last line end": "\n".join(GOOD),
    "Windows": "\r\n".join(GOOD) + "\r\n",
    "old Mac": "\r".join(GOOD) + "\r",
    "quoted header": "\n".join(['"ImageId","Label"', *GOOD[1:]]),
    "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_other_ways_to_write_the_same_are_accepted(tmp_path, text):
    (tmp_path / "submission.csv").write_bytes(text.encode())
    assert read_submission(tmp_path / "submission.csv", 5).tolist() == [7, 2, 1, 0, 4]


def planted(line, text):
    """Return the good submission with one line changed, or left out where the text is None."""
    lines = list(GOOD)
    lines[line : line + 1] = [] if text is None else [text]
    return "\n".join(lines) + "\n"


HEADER, ROW_3 = r"header \(line 1\): expected ImageId,Label, got ", r"row 3 \(line 4\): expected "
FAULTS = {
    "empty file": ("", HEADER + "nothing in an empty file"),
    "no header": (planted(0, None), HEADER + "'1,7': the header is missing"),
    "another header": (planted(0, "id,digit"), HEADER + "'id,digit'"),
    "small letters": (planted(0, "imageid,label"), HEADER + "'imageid,label': capitals"),
    "columns swapped": (planted(0, "Label,ImageId"), HEADER + "'Label,ImageId'"),
    "semicolons": (
        planted(0, "ImageId;Label").replace(",", ";"),
        HEADER + "'ImageId;Label': separate .* commas",
    ),
    "byte-order mark": (
        "\ufeff" + "\n".join(GOOD),
        HEADER + ".* byte-order mark: save it as plain UTF-8",
    ),
    "an index column": (
        planted(0, ",ImageId,Label"),
        HEADER + "',ImageId,Label': leave the index out",
    ),
    "UTF-16": ("\n".join(GOOD).encode("utf-16"), HEADER),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, HEADER),
    "a row too few": (
        planted(5, None),
        r"row 5 \(line 6\): expected 5 rows, .* got 4: this one is missing",
    ),
    "header alone": ("ImageId,Label\n", r"row 1 \(line 2\): expected 5 rows, .* got 0"),
    "a row too many": (
        "\n".join([*GOOD, "6,1"]),
        r"row 6 \(line 7\): expected 5 rows, .* got more: '6,1'",
    ),
    "blank line at the end": (
        "\n".join([*GOOD, "", ""]),
        r"row 6 \(line 7\): expected 5 rows, .* got more: nothing",
    ),
    "blank line": (planted(3, ""), ROW_3 + ".* got a blank line: delete it"),
    "one value": (planted(3, "3"), ROW_3 + "2 values, ImageId and Label, got 1: '3'"),
    "three values": (
        planted(3, "3,1,0.98"),
        ROW_3 + "2 values, ImageId and Label, got 3: '3,1,0.98'",
    ),
    "a row missing": (
        planted(3, None),
        ROW_3 + "ImageId 3, got '4': a row is missing, or they are not in the order",
    ),
    "order changed": (
        planted(3, "5,1"),
        ROW_3 + "ImageId 3, got '5': a row is missing, or they are not in the order",
    ),
    "an id twice": (planted(3, "2,1"), ROW_3 + "ImageId 3, got '2': it has a row already"),
    "ids from 0": (
        planted(1, "0,7"),
        r"row 1 \(line 2\): expected ImageId 1, got '0': count from 1",
    ),
    "an id beyond": (
        planted(3, "28000,1"),
        ROW_3 + "ImageId 3, got '28000': the test file has 5 rows",
    ),
    "a fraction as id": (planted(3, "3.0,1"), ROW_3 + "ImageId 3, got '3.0': write a whole number"),
    "a negative id": (planted(3, "-3,1"), ROW_3 + "ImageId 3, got '-3': write a whole number"),
    "zeros before the id": (
        planted(3, "03,1"),
        ROW_3 + "ImageId 3, got '03': write it without zeros",
    ),
    "a file name as id": (
        planted(3, "3.png,1"),
        ROW_3 + "ImageId 3, got '3.png': write a whole number",
    ),
    "an endless id": (
        planted(3, "9" * 9999 + ",1"),
        ROW_3 + "ImageId 3, got '9{40}…': the test file has 5 rows",
    ),
    "label 10": (planted(3, "3,10"), ROW_3 + "a Label from 0 to 9, got '10'"),
    "label -1": (planted(3, "3,-1"), ROW_3 + "a Label from 0 to 9, got '-1'"),
    "label 7.0": (
        planted(3, "3,7.0"),
        ROW_3 + r"a Label from 0 to 9, got '7.0': write whole .* astype\(int\)",
    ),
    "label 7.5": (planted(3, "3,7.5"), ROW_3 + r"a Label from 0 to 9, got '7.5'\.$"),
    "a word": (planted(3, "3,seven"), ROW_3 + "a Label from 0 to 9, got 'seven'"),
    "no label": (planted(3, "3,"), ROW_3 + "a Label from 0 to 9, got nothing"),
    "nan": (planted(3, "3,nan"), ROW_3 + "a Label from 0 to 9, got 'nan'"),
    "a space": (planted(3, "3, 1"), ROW_3 + "a Label from 0 to 9, got ' 1': write the digit alone"),
    "a digit of another script": (planted(3, "3,٣"), ROW_3 + "a Label from 0 to 9, got '٣'"),
    "a superscript": (planted(3, "3,²"), ROW_3 + "a Label from 0 to 9, got '²'"),
    "Latin 1": (planted(3, "3,é").encode("latin-1"), ROW_3 + "a Label from 0 to 9, got"),
}


@pytest.mark.parametrize("text, message", FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_its_row(tmp_path, text, message):
    (tmp_path / "submission.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=rf"submission\.csv, {message}") as caught:
        read_submission(tmp_path / "submission.csv", 5)
    assert str(caught.value).isprintable() and len(str(caught.value)) < len(str(tmp_path)) + 200


def test_a_missing_submission_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_submission(tmp_path / "nowhere.csv", 5)


def test_kaggles_form_starts_no_tensorflow():
    code = "import sys, apps.kaggle; print({'tensorflow', 'keras'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert run.stdout == "set()\n" and run.stderr == ""


# What was recorded of reading


def test_recorded_csv_reading_is_within_twice_the_fastest():
    record = records.load("csv_reading")
    assert (record["rows"], record["columns"]) == (42_000, 785) and record["rounds"] >= 5
    readers = record["readers"]
    assert set(readers) == set(csv_reading.READERS) and record["fastest"] in readers
    others = {
        name: row["median_seconds"] for name, row in readers.items() if name != csv_reading.OURS
    }
    assert record["fastest"] == min(others, key=others.get)
    assert record["ratio"] <= 2
    assert readers[csv_reading.OURS]["peak_mb"] <= 600


def test_ratio_is_that_of_the_rounds_and_readers_agree():
    def run(seconds, **other):
        return {"seconds": seconds, "peak_mb": 1, "dtype": "uint8", "sha256": "a"} | other

    ours, pyarrow = [run(2), run(9), run(4)], [run(1), run(3), run(4)]
    runs = {csv_reading.OURS: ours, "pyarrow": pyarrow, "pandas": [run(5)] * 3}
    assert (
        csv_reading.summary(runs)["fastest"] == "pyarrow"
        and csv_reading.summary(runs)["ratio"] == 2
    )
    with pytest.raises(RuntimeError, match="same digits"):
        csv_reading.summary(runs | {"wrong": [run(5, sha256="b")] * 3})


@pytest.mark.parametrize("name", csv_reading.READERS)
def test_every_measured_reader_reads_the_same(name, few, tmp_path):
    path = str(tmp_path / "train.csv")
    files.write_kaggle_csv(path, few.x_train, few.y_train)
    rows = csv_reading.as_rows(csv_reading.READERS[name](path))
    np.testing.assert_array_equal(
        rows, np.column_stack([few.y_train, few.x_train.reshape(-1, 784)])
    )
    assert rows.dtype == np.uint8
