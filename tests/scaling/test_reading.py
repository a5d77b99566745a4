"""A batch job reads each image exactly once, whatever happens to its workers, and trusts only what is whole."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import psutil
import pytest
from distributed import LocalCluster
from PIL import Image

from apps.cli.scale import partitions
from apps.models import fingerprint
from apps.scaling.reading import (
    _read,
    load_results,
    part_path,
    read_images,
    read_partition,
    remaining,
)
from apps.scaling.sources import DigitFile, PictureFolder
from benchmarks.made_digits import made_digits
from utils.data import claim_folder, load_mnist
from utils.files import write_idx
from utils.prediction import MODELS, DigitReader

MODEL = "tiny"


@pytest.fixture
def npy(tmp_path, digits):
    """Return the path of a file with 450 digits: five partitions of 100, the last of 50."""
    path = tmp_path / "digits.npy"
    np.save(path, digits[0][0][:450])
    return path


def read_here(source, folder, numbers=None):
    """Read partitions in this process."""
    folder.mkdir(exist_ok=True)
    for number in range(len(source)) if numbers is None else numbers:
        read_partition(source, number, folder, MODEL)


def sizes(source):
    """Return how many images each partition has."""
    return [len(source.part(number)) for number in range(len(source))]


def slow(source):
    """Let a source take a while for each partition, so that there is time to kill a worker."""
    source.load = partial(load_slowly, source.load)
    return source


def load_slowly(load, names):
    """Do what a worker of a slow source does."""
    time.sleep(0.3)
    return load(names)


def listeners(pids):
    """Return the addresses on which these processes listen, and how many of them greet us as a web server does."""
    found = [connection for pid in pids for connection in psutil.Process(pid).net_connections()]
    return {one.laddr for one in found if one.status == psutil.CONN_LISTEN}


def test_killed_worker_is_replaced_and_each_image_read_once(npy, digits, tmp_path, events):
    ports = set()

    def kill(event):
        events.append(event)
        if event["event"] == "started":
            ports.update(listeners([os.getpid(), *event["pids"]]))
        elif event.get("done") == 2:
            os.kill(events.of("started")[0]["pids"][0], signal.SIGKILL)

    before = listeners([os.getpid()])
    report = read_images(slow(DigitFile(str(npy), 50)), tmp_path / "out", MODEL, on_event=kill)
    results = load_results(tmp_path / "out")
    assert (report.images, report.partitions, report.done_before) == (450, 9, 0)
    assert results["image"].tolist() == list(range(450)) and len(events.of("lost")) == 1
    expected = DigitReader(MODEL).predict_batch(digits[0][0][:450])
    np.testing.assert_array_equal(results["digit"], expected.argmax(axis=1))
    np.testing.assert_allclose(results["confidence"], expected.max(axis=1), atol=1e-6)
    assert read_images(slow(DigitFile(str(npy), 50)), tmp_path / "out", MODEL)[:3] == (0, 0, 9)
    # One port for the scheduler, and two for each worker: its own, and that of the process that replaces it.
    assert len(ports - before) == 5 and {address.ip for address in ports - before} == {"127.0.0.1"}


def test_full_disk_is_an_error_and_the_job_goes_on(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(56 * 1024))
    source, out = made_digits(6000, size=3000), small_disk / "out"
    with pytest.raises(OSError, match=r"space|large"):
        read_images(source, out, MODEL, workers=1)
    assert remaining(source, out) == [0, 1]
    assert [path.name for path in out.iterdir()] == ["run.json"]
    ballast.unlink()
    read_here(source, out, remaining(source, out)[:1])
    assert remaining(source, out) == [1]


def test_digits_of_a_file_are_not_sent_to_the_workers(npy):
    source = DigitFile(str(npy), 100)
    assert len(source[0][1]) == 100 and len(pickle.dumps([source.load, source.part(0)])) < 1000


def test_only_whole_partitions_count_as_done(npy, tmp_path):
    source, out = DigitFile(str(npy), 100), tmp_path / "out"
    read_here(source, out)
    assert remaining(source, out) == []
    content = part_path(out, 1).read_bytes()
    part_path(out, 0).unlink()
    part_path(out, 1).write_bytes(content[: len(content) // 2])
    part_path(out, 2).write_bytes(b"")
    pd.read_parquet(part_path(out, 3))[:99].to_parquet(part_path(out, 3))
    (out / "part-00004.123.part.parquet").write_bytes(content[:100])
    assert remaining(source, out) == [0, 1, 2, 3]
    read_here(source, out, remaining(source, out))
    assert load_results(out)["image"].tolist() == list(range(450))


def test_folder_of_something_else_is_refused(npy, tmp_path):
    source = DigitFile(str(npy), 100)
    claim_folder(tmp_path / "out", source.describe() | {"model": MODEL})
    with pytest.raises(ValueError, match="with model tiny, but now it is compact"):
        read_images(source, tmp_path / "out", "compact")
    with pytest.raises(ValueError, match="with partition 100, but now it is 50"):
        read_images(DigitFile(str(npy), 50), tmp_path / "out", MODEL)
    with pytest.raises(ValueError, match="holds something else"):
        read_images(source, tmp_path, MODEL)
    os.utime(npy, (1, 1))
    with pytest.raises(ValueError, match="with changed"):
        read_images(DigitFile(str(npy), 100), tmp_path / "out", MODEL)


def test_cluster_reads_by_its_schedulers_address(npy, tmp_path):
    options = {"n_workers": 1, "processes": False, "protocol": "tcp", "host": "127.0.0.1"}
    with LocalCluster(**options, dashboard_address=None, silence_logs=logging.CRITICAL) as cluster:
        source = DigitFile(str(npy), 100)
        report = read_images(source, tmp_path / "out", MODEL, scheduler=cluster.scheduler_address)
        (tmp_path / "in").mkdir()
        for name in "cab":
            Image.new("L", (28, 28), 255).save(tmp_path / "in" / f"{name}.png")
        pictures = partitions(tmp_path / "in", size=2)
        read_images(pictures, tmp_path / "pictures", MODEL, scheduler=cluster.scheduler_address)
    assert report.images == 450 and remaining(source, tmp_path / "out") == []
    assert load_results(tmp_path / "pictures")["image"].tolist() == ["a.png", "b.png", "c.png"]


def test_scheduler_that_does_not_answer_is_named(npy, tmp_path):
    address = "tcp://127.0.0.1:9"
    with pytest.raises(ConnectionError, match=address):
        read_images(DigitFile(str(npy)), tmp_path / "out", MODEL, scheduler=address, timeout=1)


def test_missing_model_is_found_before_any_worker_starts(npy, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model"):
        read_images(DigitFile(str(npy)), tmp_path / "out", "no_such_model")
    assert not (tmp_path / "out").exists()


def test_pictures_keep_their_names_and_a_broken_one_is_passed(tmp_path):
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    picture = Image.fromarray(255 - made_digits(1)[0][1][0]).resize((140, 140))
    picture.save(tmp_path / "in" / "b.png")
    picture.save(tmp_path / "in" / "deeper" / "a.JPG")
    Image.new("L", (100, 100), 255).save(tmp_path / "in" / "c.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"nothing")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    source = partitions(tmp_path / "in", size=3)
    assert isinstance(source, PictureFolder) and sizes(source) == [3, 1]
    read_here(source, tmp_path / "out")
    results = load_results(tmp_path / "out").set_index("image")
    assert results.index.tolist() == ["b.png", "broken.png", "c.png", "deeper/a.JPG"]
    assert results["digit"].isna().tolist() == [False, True, True, False]
    assert all(results["reason"][["broken.png", "c.png"]])
    assert results["digit"].iloc[0] == results["digit"].iloc[3]


@pytest.fixture
def pictures(tmp_path):
    """Return a folder with two pictures."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "ab":
        Image.new("L", (28, 28), 255).save(folder / f"{name}.png")
    return folder


def test_replaced_picture_begins_another_job(pictures, tmp_path):
    about = {"model": MODEL, "model_sha256": fingerprint(MODEL)}
    claim_folder(tmp_path / "out", partitions(pictures, 1).describe() | about)
    read_here(partitions(pictures, 1), tmp_path / "out")
    assert read_images(partitions(pictures, 1), tmp_path / "out", MODEL)[:3] == (0, 0, 2)
    old = (pictures / "a.png").stat()
    Image.new("L", (99, 99), 9).save(pictures / "a.png")
    for time_of_change in (old.st_mtime_ns + 1, old.st_mtime_ns):  # the size tells, too
        os.utime(pictures / "a.png", ns=(0, time_of_change))
        with pytest.raises(ValueError, match="with pictures"):
            read_images(partitions(pictures, 1), tmp_path / "out", MODEL)


def test_replaced_model_begins_another_job(npy, tmp_path):
    model, source, out = tmp_path / "mine.onnx", DigitFile(str(npy), 450), tmp_path / "out"
    model.write_bytes((MODELS / "tiny.onnx").read_bytes())
    about = source.describe() | {"model": str(model), "model_sha256": fingerprint(str(model))}
    claim_folder(out, about)
    read_partition(source, 0, out, str(model))
    assert read_images(source, out, str(model))[:3] == (0, 0, 1)
    model.write_bytes((MODELS / "dense.onnx").read_bytes())
    with pytest.raises(ValueError, match="with model_sha256"):
        read_images(source, out, str(model))
    with pytest.raises(ValueError, match=r"mine\.onnx has changed since the job began"):
        _read(source.load, str(model), about["model_sha256"][::-1], range(9), out / "x.parquet")
    read_partition(source, 0, out, str(model))  # in a process that has opened the old one
    expected = DigitReader(model).predict_batch(source[0][1])
    np.testing.assert_allclose(load_results(out)["confidence"], expected.max(axis=1), atol=1e-6)


def test_hidden_pictures_are_no_work(pictures):
    for hidden in (".ipynb_checkpoints", "deeper/.cache/deepest"):
        (pictures / hidden).mkdir(parents=True)
        Image.new("L", (28, 28)).save(pictures / hidden / "a-checkpoint.png")
    (pictures / "b.png").rename(pictures / "deeper" / "b.png")
    (pictures / "._a.png").write_bytes(b"what macOS leaves on other disks")
    (pictures / "nowhere.png").symlink_to(pictures / "gone.png")
    names = ["a.png", "deeper/b.png", "nowhere.png"]
    assert partitions(pictures).names == names
    assert partitions(pictures / ".." / "in").names == names
    assert partitions(pictures / ".ipynb_checkpoints").names == ["a-checkpoint.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_names_that_are_no_text_are_written_escaped(tmp_path):
    (tmp_path / "in").mkdir()
    for name in (b"a\xe9.png", b"b\xff.png"):
        (tmp_path / "in" / os.fsdecode(name)).write_bytes(b"no picture")
    source = partitions(tmp_path / "in")
    read_here(source, tmp_path / "out")
    results = load_results(tmp_path / "out")
    assert results["image"].tolist() == [r"a\udce9.png", r"b\udcff.png"]
    assert all(results["reason"])


def test_idx_file_is_cut_like_an_array(tmp_path, digits):
    write_idx(tmp_path / "digits.idx", digits[0][0][:250])
    source = partitions(tmp_path / "digits.idx", size=100)
    assert sizes(source) == [100, 100, 50]
    names, images = source[2]
    assert list(names) == list(range(200, 250))
    np.testing.assert_array_equal(images, digits[0][0][200:250])


def test_default_partitions_give_every_worker_some(npy, tmp_path):
    assert sizes(partitions(npy)) == [57] * 7 + [51]
    assert len(partitions(npy, workers=5)) == 20
    assert partitions(npy, size=100, workers=5).size == 100
    claim_folder(tmp_path / "out", partitions(npy).describe() | {"model": MODEL})
    assert partitions(npy, workers=5, folder=tmp_path / "out").size == 57, "a job keeps its cut"


def test_what_holds_no_digits_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no picture"):
        partitions(tmp_path)
    np.save(tmp_path / "floats.npy", np.zeros((3, 28, 28)))
    with pytest.raises(ValueError, match="uint8"):
        partitions(tmp_path / "floats.npy")
    with pytest.raises(FileNotFoundError):
        partitions(tmp_path / "nothing.npy")
    with pytest.raises(ValueError, match="size"):
        partitions(tmp_path, size=0)


def test_made_digits_are_the_same_every_time_and_still_digits():
    source = made_digits(2500, size=1000)
    assert sizes(source) == [1000, 1000, 500] and len(list(source)) == 3
    names, images = source[1]
    assert list(names) == list(range(1000, 2000))
    assert images.shape == (1000, 28, 28) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, made_digits(2500, size=1000)[1][1])
    assert (images != source[0][1]).any(axis=(1, 2)).mean() > 0.9
    labels = load_mnist("sample").y_test
    assert (DigitReader("compact").predict_batch(images).argmax(axis=1) == labels).mean() > 0.95


def test_no_engine_brings_tensorflow_into_its_caller():
    code = (
        "import sys; from apps.scaling import cluster, reading, sweep, training; "
        "from apps.cli import hosts, scale, search; print('tensorflow' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "False\n", ran.stderr
