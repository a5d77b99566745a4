"""Take digits through each file format and back, and refuse what isn't one."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.test_data import some_digits
from utils import data, files

pytestmark = pytest.mark.filterwarnings("error")


# Writing


def test_failed_writing_leaves_what_was_there(tmp_path, monkeypatch):
    images, labels = some_digits(12)
    path = tmp_path / "train.csv"
    path.write_text("as it was")

    def full_disk(self, file, **options):
        Path(file).write_text("label,pix")
        raise OSError("No space left on device")

    monkeypatch.setattr("pandas.DataFrame.to_csv", full_disk)
    with pytest.raises(OSError, match="No space left"):
        files.write_kaggle_csv(path, images, labels)
    assert path.read_text() == "as it was" and list(tmp_path.iterdir()) == [path]

    monkeypatch.setattr(Image.Image, "save", lambda self, file, **options: full_disk(None, file))
    with pytest.raises(OSError, match="No space left"):
        files.write_image_folder(tmp_path / "digits", images, labels)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (np.zeros((2, 28, 28), np.float32), [1, 2], "got float32"),
        (np.zeros((2, 28, 28, 1), np.uint8), [1, 2], r"got \(2, 28, 28, 1\)"),
        (np.zeros((2, 20, 20), np.uint8), [1, 2], r"got \(2, 20, 20\)"),
        (np.zeros((0, 28, 28), np.uint8), [1, 2], "n >= 1"),
        (np.zeros((2, 28, 28), np.uint8), [1, 2, 3], r"shape \(2,\), got shape \(3,\)"),
        (np.zeros((2, 28, 28), np.uint8), [1, 10], "row 2: expected a label from 0 to 9, got 10"),
        (np.zeros((2, 28, 28), np.uint8), [-1, 1], "row 1: expected a label from 0 to 9, got -1"),
        (np.zeros((2, 28, 28), np.uint8), [1.0, 2.0], "whole-number labels"),
        (
            np.zeros((2, 28, 28), np.uint8),
            np.eye(10)[:2].astype(int),
            r"shape \(2,\), got shape \(2, 10\)",
        ),
    ],
)
def test_nothing_but_digits_is_written(tmp_path, images, labels, message):
    for write, name in (
        (files.write_kaggle_csv, "train.csv"),
        (files.write_image_folder, "digits"),
    ):
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            write(tmp_path / name, images, labels)
    assert list(tmp_path.iterdir()) == []


# idx


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_idx_round_trip(tmp_path, name):
    for array in some_digits(30):
        files.write_idx(tmp_path / "new" / name, array)
        back = files.read_idx(tmp_path / "new" / name)
        np.testing.assert_array_equal(back, array)
        assert back.dtype == np.uint8 and back.flags.writeable
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_idx_has_the_bytes_of_the_original_format(tmp_path):
    images, labels = some_digits(3)
    files.write_idx(tmp_path / "images", images)
    files.write_idx(tmp_path / "labels", labels)
    assert (tmp_path / "images").read_bytes() == struct.pack(
        ">4I", 2051, 3, 28, 28
    ) + images.tobytes()
    assert (tmp_path / "labels").read_bytes() == struct.pack(">2I", 2049, 3) + bytes([0, 1, 2])


def test_idx_gz_is_known_by_its_content_and_packed_alike(tmp_path):
    images, _ = some_digits(3)
    files.write_idx(tmp_path / "packed.gz", images)
    packed = (tmp_path / "packed.gz").read_bytes()
    assert packed.startswith(b"\x1f\x8b")
    (tmp_path / "no-suffix").write_bytes(packed)
    (tmp_path / "unpacked.gz").write_bytes(gzip.decompress(packed))
    np.testing.assert_array_equal(files.read_idx(tmp_path / "no-suffix"), images)
    np.testing.assert_array_equal(files.read_idx(tmp_path / "unpacked.gz"), images)


def idx(*header, data=b""):
    return struct.pack(f">{len(header)}I", *header) + data


BAD_IDX = {
    "empty": (b"", "magic number 2049.*got 0"),
    "text": (b"label,pixel0", "magic number"),
    "floats": (idx(0x0D03, 1, 28, 28), "got 3331"),
    "cut header": (idx(2051, 5, 28), "expected 16 bytes for shape"),
    "cut images": (
        idx(2051, 2, 28, 28, data=bytes(1000)),
        r"expected 1,584 bytes for shape \(2, 28, 28\), got 1,016",
    ),
    "too long": (idx(2049, 2, data=bytes(3)), "expected 10 bytes .* got 11"),
    "image size": (idx(2051, 2, 20, 20, data=bytes(800)), r"got \(2, 20, 20\)"),
    "no images": (idx(2051, 0, 28, 28), "n >= 1"),
    "no labels": (idx(2049, 0), r"got shape \(0,\)"),
    "label": (idx(2049, 3, data=bytes([3, 4, 12])), "row 3: expected a label from 0 to 9, got 12"),
    "cut gz": (gzip.compress(idx(2049, 3, data=bytes(3)))[:-6], "cut or damaged"),
    "half gz": (gzip.compress(bytes(range(256)) * 9)[:40], "cut or damaged"),
    "changed gz": (gzip.compress(bytes(50))[:-8] + bytes(8), "cut or damaged"),
}


@pytest.mark.parametrize("content, message", BAD_IDX.values(), ids=BAD_IDX)
def test_bad_idx_is_one_clear_error(tmp_path, content, message):
    (tmp_path / "digits.idx").write_bytes(content)
    with pytest.raises(ValueError, match=rf"digits\.idx.*{message}"):
        files.read_idx(tmp_path / "digits.idx")


def peak_memory(step):
    """Return the most bytes that Python held while it took a step that is refused, and what was said."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as refused:
            step()
        return tracemalloc.get_traced_memory()[1], str(refused.value)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("head", [b"", idx(2049, 10), idx(2051, 2, 28, 28)])
def test_idx_is_unpacked_only_as_far_as_its_header_says(tmp_path, head):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(head + bytes(30_000_000), 1))
    memory, said = peak_memory(lambda: files.read_idx(path))
    assert memory < 2_000_000 and "bomb.gz: expected" in said


def test_idx_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(2049, 4_000_000_000) + bytes(30_000_000), 1))
    memory, said = peak_memory(lambda: files.read_idx(path))
    assert (
        memory < 2_000_000
        and "bomb.gz: cut or damaged (more than 500,000,000 bytes: unpack" in said
    )


# Kaggle's CSV


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.zip"])
def test_csv_round_trip(tmp_path, name):
    images, labels = some_digits(40)
    files.write_kaggle_csv(tmp_path / name, images, labels)
    back, back_labels = files.read_kaggle_csv(tmp_path / name)
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)
    assert back.dtype == back_labels.dtype == np.uint8
    assert back[0].flags.c_contiguous, "the pixels of an image lie side by side in memory"
    files.write_kaggle_csv(tmp_path / "test.csv", images)
    back, back_labels = files.read_kaggle_csv(tmp_path / "test.csv")
    np.testing.assert_array_equal(back, images)
    assert back_labels is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["test.csv", name])


def test_csv_has_kaggles_form(tmp_path):
    images, labels = some_digits(2)
    files.write_kaggle_csv(tmp_path / "train.csv", images, labels)
    header, first, _ = (tmp_path / "train.csv").read_text().splitlines()
    assert header.startswith("label,pixel0,pixel1,") and header.endswith(",pixel783")
    assert first == ",".join(map(str, [0, *images[0].ravel()]))


def test_csv_longer_than_a_chunk(tmp_path, monkeypatch):
    """Rows keep their numbers beyond the first chunk that is read."""
    monkeypatch.setattr(files, "CSV_CHUNK", 8)
    images, labels = some_digits(30)
    path = tmp_path / "train.csv"
    files.write_kaggle_csv(path, images, labels)
    back, back_labels = files.read_kaggle_csv(path)
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)
    lines = path.read_text().splitlines()
    lines[25] = lines[25].rpartition(",")[0] + ",256"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"row 25 \(line 26\), column pixel783: .* got '256'"):
        files.read_kaggle_csv(path)


@pytest.mark.parametrize("name", ["train[1].csv", "train?.csv", "train*.csv"])
def test_csv_path_is_no_pattern(tmp_path, name):
    images, labels = some_digits(3)
    files.write_kaggle_csv(
        tmp_path / "train1.csv", 255 - images, labels
    )  # which each of the names matches as a pattern
    with pytest.raises(FileNotFoundError):
        files.read_kaggle_csv(tmp_path / name)
    files.write_kaggle_csv(tmp_path / name, images, labels)
    np.testing.assert_array_equal(files.read_kaggle_csv(tmp_path / name)[0], images)


CSV_COLUMNS = ("label", *files.PIXEL_COLUMNS)


def csv_of(*rows, columns=CSV_COLUMNS):
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def row(label=7, **pixels):
    """Return a row of a CSV file, black but for the pixels named."""
    return [label, *(pixels.get(name, 0) for name in files.PIXEL_COLUMNS)]


SAME_CSV = {
    "Windows line ends": csv_of(row(), row(pixel5=200)).replace("\n", "\r\n"),
    "old Mac line ends": csv_of(row(), row(pixel5=200)).replace("\n", "\r"),
    "CR only after the header": csv_of(row(), row(pixel5=200)).replace("\n", "\r", 1),
    "no last line end": csv_of(row(), row(pixel5=200)).removesuffix("\n"),
    "byte-order mark": "\ufeff" + csv_of(row(), row(pixel5=200)),
    "quoted": '"'
    + csv_of(row(), row(pixel5=200)).strip().replace(",", '","').replace("\n", '"\n"')
    + '"\n',
}


@pytest.mark.parametrize("text", SAME_CSV.values(), ids=SAME_CSV)
def test_csv_written_in_other_ways_is_read_alike(tmp_path, text):
    (tmp_path / "train.csv").write_bytes(text.encode())
    images, labels = files.read_kaggle_csv(tmp_path / "train.csv")
    assert (
        labels.tolist() == [7, 7]
        and np.argwhere(images).tolist() == [[1, 0, 5]]
        and images[1, 0, 5] == 200
    )


BAD_CSV = {
    "empty": ("", "a header"),
    "header only": (csv_of(), "rows of digits below the header, got none"),
    "no header": (
        "\n".join([",".join(map(str, row()))] * 3),
        "expected the columns .* got 785: column 1 is '7', not 'pixel0'",
    ),
    "columns": (
        csv_of([1, 2], columns=("label", "pixel0")),
        "expected the columns .* got 2: column 3 is '', not 'pixel1'",
    ),
    "order": (csv_of(row(), columns=(*files.PIXEL_COLUMNS, "label")), "expected the columns"),
    "another name": (
        csv_of(row(), columns=("digit", *files.PIXEL_COLUMNS)),
        "got 785: column 1 is 'digit', not 'pixel0'",
    ),
    "label": (csv_of(row(), row(label=10)), "row 2: expected a label from 0 to 9, got 10"),
    "label 300": (
        csv_of(row(), row(label=300)),
        r"row 2 \(line 3\), column label: .* 0 to 9, got '300'",
    ),
    "negative": (
        csv_of(row(), row(pixel5=-1)),
        r"row 2 \(line 3\), column pixel5: .* 0 to 255, got '-1'",
    ),
    "too bright": (csv_of(row(pixel783=256)), r"row 1 \(line 2\), column pixel783: .* got '256'"),
    "wraps round": (csv_of(row(pixel783=65536)), "column pixel783: .* got '65536'"),
    "endless": (csv_of(row(pixel4="9" * 23)), "row 1 .* column pixel4: .* got '9{23}'"),
    "fraction": (
        csv_of(row(), row(), row(pixel9=0.5)),
        r"row 3 \(line 4\), column pixel9: .* got '0.5'",
    ),
    "text": (csv_of(row(pixel0="black")), "row 1 .* column pixel0: .* got 'black'"),
    "infinite": (csv_of(row(pixel0="inf")), "row 1 .* column pixel0: .* got 'inf'"),
    "missing": (csv_of(row(), row(pixel3="")), "row 2 .* column pixel3: .* got nothing"),
    "missing first": (csv_of(row(pixel3="")), "row 1 .* column pixel3: .* got nothing"),
    "short": (csv_of(row(), row()[:-1]), "row 2 .* column pixel783: .* got nothing"),
    "short first": (csv_of(row()[:-1], row()), "row 1 .* column pixel783: .* got nothing"),
    "long": (csv_of(row(), [*row(), 0]), "Expected 785 fields in line 3, saw 786"),
    "long first": (csv_of([*row(), 0], row()), "Expected 785 fields in line 2, saw 786"),
    "all long": (csv_of([*row(), 0], [*row(), 0]), "Expected 785 fields in line 2, saw 786"),
    "blank line": (csv_of(row(), [], row()), "row 2 .* column label: .* got nothing"),
    "blank first": (csv_of([], row()), "row 1 .* column label: .* got nothing"),
    "bytes": (b"\xff\xfe\x00\x01" * 50, "CSV in UTF-8 with a header, plain, gzip"),
    "UTF-16": (csv_of(row()).encode("utf-16"), "CSV in UTF-8 with a header"),
    "semicolons": (csv_of(row()).replace(",", ";"), "with commas .* got 1: column 1 is 'label;"),
    "one name twice": (
        csv_of(row()).replace("pixel782", "pixel783"),
        "got 785: column 784 is 'pixel783', not 'pixel782'",
    ),
    "one column more": (csv_of(row(), columns=(*CSV_COLUMNS, "x")), "column 786 is 'x', not ''"),
    "a long cell": (csv_of(row(pixel4="9" * 999)), "column pixel4: .* got '9{12}'?...9"),
}


@pytest.mark.parametrize("content, message", BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv_is_one_clear_error(tmp_path, capfd, content, message):
    (tmp_path / "train.csv").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    with pytest.raises(ValueError, match=rf"train\.csv.*{message}") as caught:
        files.read_kaggle_csv(tmp_path / "train.csv")
    said = str(caught.value)
    assert "\n" not in said and len(said) < 400 and capfd.readouterr().err == ""


def in_zip(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", content)
    return packed.getvalue()


def in_tar(content, mode="w:gz"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        member = tarfile.TarInfo("train.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


PACKERS = {
    "gz": gzip.compress,
    "zip": in_zip,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "tar.gz": in_tar,
    "tar": lambda content: in_tar(content, "w"),
}


@pytest.mark.parametrize("kind", [*PACKERS, "zst"])
def test_csv_packing_is_known_by_content(tmp_path, kind):
    """Browsers unpack a file and keep its name, and people name packed files .csv."""
    plain = csv_of(row(), row(pixel5=200)).encode()
    packed = {"train.csv": PACKERS[kind](plain)} if kind in PACKERS else {}
    for name, content in {f"train.csv.{kind}": plain, **packed}.items():
        (tmp_path / name).write_bytes(content)
        images, labels = files.read_kaggle_csv(tmp_path / name)
        assert labels.tolist() == [7, 7] and images[1, 0, 5] == 200


def encrypted(content):
    """Return a zip file that says its content is encrypted."""
    packed = bytearray(in_zip(content))
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(start) + flags] |= 1
    return bytes(packed)


def changed(packed):
    return packed[:200] + bytes(50) + packed[250:]


BAD_PACKED = {
    "encrypted": (encrypted, "is encrypted, password required"),
    "zst": (lambda content: b"\x28\xb5\x2f\xfd\x04\x00" + content, "plain, gzip, .*decode byte"),
    **{
        f"cut {kind}": (lambda c, pack=pack: pack(c)[: len(pack(c)) // 2], "")
        for kind, pack in PACKERS.items()
    },
    **{
        f"changed {kind}": (lambda c, pack=PACKERS[kind]: changed(pack(c)), "")
        for kind in PACKERS
        if kind != "tar"
    },
}


@pytest.mark.parametrize("pack, message", BAD_PACKED.values(), ids=BAD_PACKED)
def test_bad_packed_csv_is_one_clear_error(tmp_path, pack, message):
    content = csv_of(*np.random.default_rng(0).integers(0, 10, (8, 785)).tolist()).encode()
    for name in ("train.csv", "train.tar.gz"):
        (tmp_path / name).write_bytes(pack(content))
        expected = rf"{name}.*(cut or damaged|a header|row \d+ ).*{message}"
        with pytest.raises(ValueError, match=expected):
            files.read_kaggle_csv(tmp_path / name)


@pytest.mark.parametrize("kind", [*PACKERS, "plain"])
def test_csv_with_an_endless_line_is_refused(tmp_path, kind):
    """Of a million columns, which are two kilobytes if they're packed, pandas would make gigabytes."""
    path = tmp_path / "train.csv"
    path.write_bytes(PACKERS.get(kind, bytes)(b"0," * 1_000_000))
    memory, said = peak_memory(lambda: files.read_kaggle_csv(path))
    assert memory < 20_000_000 and "its lines are too long" in said


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind != "tar"])
def test_csv_that_unpacks_to_gigabytes_is_refused(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED", 50_000)
    path = tmp_path / "train.csv"
    path.write_bytes(PACKERS[kind](csv_of(*[row()] * 50).encode()))
    with pytest.raises(ValueError, match="too many: unpack it, and look"):
        files.read_kaggle_csv(path)


def test_csv_that_is_a_folder_or_missing_is_no_damage(tmp_path):
    (tmp_path / "train.csv").mkdir()
    for name in ("train.csv", "nowhere.csv.gz"):
        with pytest.raises(OSError, match=name):
            files.read_kaggle_csv(tmp_path / name)


# A folder for each class


def test_png_folder_round_trip(tmp_path):
    images, labels = some_digits(120)
    (tmp_path / "digits").mkdir()
    files.write_image_folder(tmp_path / "digits", images, labels)
    back, back_labels = files.read_image_folder(tmp_path / "digits")
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)
    assert back.dtype == back_labels.dtype == np.uint8
    assert sorted(path.name for path in (tmp_path / "digits").iterdir()) == [
        str(digit) for digit in range(10)
    ]
    assert (tmp_path / "digits" / "3" / "003.png").is_file() and len(list(tmp_path.iterdir())) == 1


def test_jpg_folder_keeps_within_the_stated_tolerance(tmp_path):
    mnist = data.load_mnist("sample")
    noise, noise_labels = some_digits(100)
    images, labels = (
        np.concatenate([mnist.x_test, noise]),
        np.concatenate([mnist.y_test, noise_labels]),
    )
    files.write_image_folder(tmp_path / "digits", images, labels, suffix=".jpg")
    back, back_labels = files.read_image_folder(tmp_path / "digits")
    np.testing.assert_array_equal(back_labels, labels)
    difference = np.abs(back.astype(int) - images)
    assert 0 < difference.max() <= 3


def test_foreign_folder_is_read(tmp_path):
    """Color, palette, capital letters, missing classes and stray files are no trouble."""
    image = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    for folder in ("2", "7", ".ipynb_checkpoints"):
        (tmp_path / folder).mkdir()
    Image.fromarray(image).convert("RGB").save(tmp_path / "7" / "a.PNG")
    Image.fromarray(image).convert("P").save(tmp_path / "2" / "b.png")
    Image.fromarray(image > 99).save(tmp_path / "2" / "c.png")
    for stray in ("README.md", "2/notes.txt", "2/.hidden.png"):
        (tmp_path / stray).write_text("stray")
    back, labels = files.read_image_folder(tmp_path)
    assert labels.tolist() == [7, 2, 2]
    np.testing.assert_array_equal(back, [image, image, (image > 99) * 255])


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        files.read_image_folder(tmp_path / "nowhere")


def picture(size=(28, 28), mode="L", format="PNG"):
    """Return the bytes of a black picture."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, format)
    return file.getvalue()


BAD_FOLDER = {
    "empty": ({}, "digits: expected a folder for each class"),
    "flat": ({"a.png": picture()}, "digits: expected a folder for each class"),
    "empty class": ({"1/a.png": picture(), "4/": b""}, "4: expected .png"),
    "label 10": (
        {"1/a.png": picture(), "10/a.png": picture()},
        "expected a folder named 0 to 9, got '10'",
    ),
    "label cat": ({"cat/a.png": picture()}, "expected a folder named 0 to 9, got 'cat'"),
    "size": (
        {"1/a.png": picture(), "2/b.png": picture((30, 28))},
        r"b\.png: expected 28 x 28 .* got 30 x 28",
    ),
    "transparent": ({"1/a.png": picture(mode="RGBA")}, r"a\.png: expected .* mode RGBA"),
    "16 bits": ({"1/a.png": picture(mode="I;16")}, r"a\.png: expected .* mode I;16"),
    "cut": ({"1/a.png": picture()[:50]}, r"a\.png: expected a PNG or JPG image"),
    "text": ({"1/a.jpg": b"no picture"}, r"a\.jpg: expected a PNG or JPG image"),
    "other ending": (
        {"1/a.png": picture(), "1/b.BMP": picture(format="BMP")},
        r"b\.BMP: expected a PNG or JPG image",
    ),
    "GIF": ({"1/a.png": picture(format="GIF")}, r"a\.png: expected a PNG or JPG image"),
}


@pytest.mark.parametrize("contents, message", BAD_FOLDER.values(), ids=BAD_FOLDER)
def test_bad_folder_is_one_clear_error(tmp_path, contents, message):
    root = tmp_path / "digits"
    root.mkdir()
    for name, content in contents.items():
        (root / name if name.endswith("/") else (root / name).parent).mkdir(exist_ok=True)
        if not name.endswith("/"):
            (root / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        files.read_image_folder(root)
    assert str(root) in str(caught.value)


def test_transparent_palette_is_refused(tmp_path):
    """A palette's transparency would be dropped: black strokes on a transparent ground would turn all black."""
    (tmp_path / "5").mkdir()
    Image.new("P", (28, 28)).save(tmp_path / "5" / "a.png", transparency=0)
    with pytest.raises(ValueError, match="without transparency"):
        files.read_image_folder(tmp_path)


def test_image_folder_never_mixes_old_and_new(tmp_path):
    images, labels = some_digits(12)
    files.write_image_folder(tmp_path / "digits", images, labels)
    with pytest.raises(ValueError, match="digits: expected a new or empty folder"):
        files.write_image_folder(tmp_path / "digits", images, labels)
    with pytest.raises(ValueError, match=r'expected "\.png" or "\.jpg", got .\.gif'):
        files.write_image_folder(tmp_path / "gifs", images, labels, suffix=".gif")
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]
