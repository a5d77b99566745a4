"""The command: what it answers, what it refuses and how, and runs that are interrupted and resumed, for real."""

import contextlib
import errno
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from apps import kaggle
from apps.alone import alone_in
from apps.cli import app, command, draw, export, predict, report, train
from apps.web.guard import GuardedAPI
from benchmarks import capstone
from utils import data, evaluation, files, training
from utils.prediction import MODELS, DigitReader, UnreadableModel

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)

COMMANDS = ("train", "evaluate", "predict", "draw", "export", "report", "submit")
HEAVY = {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "fastapi"}
DIGITS = [sys.executable, "-m", "apps.cli"]


@pytest.fixture(autouse=True)
def wide_window(monkeypatch):
    """Let a window have room for whole names: by default it has 80 columns."""
    monkeypatch.setattr(command.out, "width", 200)


def digits(*arguments, code=0, **options):
    """Run the command in this process, and return what it says; fail where it ends in another way than expected."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], **options)
    assert result.exit_code == code, f"exit code {result.exit_code}: {result.output}"
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def seven(tmp_path):
    page = Image.new("RGB", (280, 280), "white")
    ImageDraw.Draw(page).line(
        [(60, 60), (215, 60), (120, 240)], fill="black", width=22, joint="curve"
    )
    path = tmp_path / "7_[bold]desk.png"  # a name that looks like rich's markup
    page.save(path)
    return path


@pytest.fixture
def blank(tmp_path):
    path = tmp_path / "0_blank.png"
    Image.new("L", (100, 100), "white").save(path)
    return path


# Help, version, usage


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_examples(name):
    text = digits(name, "--help").stdout
    examples = re.findall(
        rf"^ *(?:curl .*)?digits {name}", text.partition("Examples")[2], re.MULTILINE
    )
    assert len(examples) >= 3, text
    assert digits(name, "-h").stdout == text


def test_help_lists_all_commands_and_the_packages_version():
    text = digits("--help").stdout
    assert all(re.search(rf"^\W+{name} ", text, re.MULTILINE) for name in COMMANDS)
    assert re.fullmatch(r"digits \d+\.\d+\.\d+\n", digits("--version").stdout)


@pytest.mark.parametrize("arguments", [
    [], ["guess"], ["predict"], ["predict", "x.png", "--ink", "blue"], ["train", "nothing"], ["train", "--epochs", "0"],
    ["evaluate", "--source", "elsewhere"], ["evaluate", "--csv", "t.csv", "--folder", "t"],
    ["export", "reference", "--format", "h5"], ["draw", "--port", "70000"],
    ["submit", "--test", "t.csv"], ["submit", "--out", "s.csv"], ["submit", "--test=t", "--out", "s", "--check", "c"],
])  # fmt: skip
def test_wrong_usage_ends_with_2(arguments):
    assert "sage:" in digits(*arguments, code=2).output


EVIL = "\x1b]0;mine\x07\x1b[31m\x9b2J\u202e\r\nError: all is lost\x7f"  # a window's title, colors, a line of its own
SHOWN = r"\x1b]0;mine\x07\x1b[31m\x9b2J\u202e\r\nError: all is lost\x7f"


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "{folder}/7{evil}.png"],
        ["predict", "{folder}"],
        ["predict", "{folder}/7{evil}.txt"],
        ["predict", "{folder}/none{evil}.png"],
        ["predict", "{folder}/7{evil}.png", "--model", "none{evil}"],
        ["evaluate", "--folder", "{folder}"],
        ["evaluate", "--folder", "{folder}/none{evil}"],
        ["evaluate", "none{evil}"],
        ["evaluate", "{folder}/model{evil}.onnx"],
        ["export", "none{evil}.keras"],
        ["export", "none{evil}.h5"],
        ["report", "--cnn", "none{evil}"],
        ["submit", "--test", "none{evil}.csv", "--check", "none{evil}"],
        ["scale", "read", "{folder}", "{folder}/out", "--model", "none{evil}"],
        ["scale", "sweep", "--storage", "{folder}/7{evil}.txt"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_no_control_character_reaches_the_terminal(arguments, seven, tmp_path):
    """The names of files, in which codes for the terminal hide, are shown with the codes written out."""
    folder = tmp_path / "scans"
    folder.mkdir()
    shutil.copy(seven, folder / f"7{EVIL}.png")
    for name in (f"7{EVIL}.txt", f"8{EVIL}.png", f"model{EVIL}.onnx"):
        (folder / name).write_text("no picture")
    result = CliRunner().invoke(app, [part.format(folder=folder, evil=EVIL) for part in arguments])
    printed = result.stdout + result.stderr
    assert "Traceback" not in printed
    assert SHOWN in re.sub(r"[\n│ ]+", " ", printed)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed), ascii(printed)
    assert "\nError: all is lost" not in printed


def modules_after(*arguments):
    """Return the modules that a fresh Python holds after it ran the command."""
    code = f"""
import sys
from apps.cli import app
try:
    app({[str(argument) for argument in arguments]})
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_waits_for_nothing_heavy(arguments):
    loaded = modules_after(*arguments)
    assert "rich" in loaded or "typer" in loaded
    assert not loaded & (HEAVY | {"numpy", "PIL"})


def test_predict_by_onnx_starts_no_tensorflow(seven):
    loaded = modules_after("predict", seven, "--model", MODELS / "compact.onnx")
    assert "onnxruntime" in loaded and not loaded & {"tensorflow", "keras"}


def test_command_works_from_another_folder(seven):
    command = [str(Path(sys.executable).with_name("digits")), "predict", seven.name, "--json"]
    run = subprocess.run(command, cwd=seven.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["predictions"][0]["digit"] == 7


# predict


def test_predict_shows_a_table(seven, blank):
    text = digits("predict", seven, blank).stdout
    assert re.search(r"7_\[bold\]desk\.png \W+ 7 \W+ \d+\.\d%", text)
    assert re.search(r"0_blank\.png \W+ none .* blank", text)


def test_json_is_what_the_reader_says(seven, blank):
    answers = json.loads(digits("predict", seven, blank, "--json", "--model", "reference").stdout)
    assert answers["unreadable"] == []
    one, other = answers["predictions"]
    wanted = DigitReader("reference").read(seven)
    assert one["name"] == str(seven) and one["digit"] == wanted.digit == 7
    assert one["confidence"] == pytest.approx(wanted.confidence, abs=1e-5)
    np.testing.assert_allclose(one["probabilities"], wanted.probabilities, atol=1e-5)
    assert other["digit"] is None and "blank" in other["reason"]


def test_the_model_and_the_ink_can_be_chosen(seven, monkeypatch):
    seen = {}

    class Spy(DigitReader):
        def __init__(self, model):
            seen["model"] = model
            super().__init__(model)

        def read(self, image, ink):
            seen["ink"] = ink
            return super().read(image, ink)

    monkeypatch.setattr("utils.prediction.DigitReader", Spy)
    digits("predict", seven, "--model", MODELS / "tiny.tflite", "--ink", "dark")
    assert seen == {"model": str(MODELS / "tiny.tflite"), "ink": "dark"}


def test_a_folder_is_read_in_order_and_only_its_pictures(seven, blank):
    (seven.parent / "notes.txt").write_text("not a picture")
    (seven.parent / ".hidden.png").write_text("not a picture")
    answers = json.loads(digits("predict", seven.parent, "--json").stdout)["predictions"]
    assert [answer["name"] for answer in answers] == [str(blank), str(seven)]


@pytest.mark.parametrize("charset", ["cp932", "cp1252", "ascii", "utf-8"])
def test_no_name_is_too_strange_for_the_terminal(seven, tmp_path, charset):
    """On Linux, a file's name can be any bytes."""
    undecodable = [os.fsdecode(b"7_\xe9\xff.png")] if sys.platform == "linux" else []
    folder = tmp_path / "ä日✓"
    folder.mkdir()
    for name in ("7_ä.png", "7_日.png", "7_✓.png", *undecodable):
        shutil.copy(seven, folder / name)
        (folder / name.replace("7_", "8_")).write_bytes(b"no picture")
    count = 3 + len(undecodable)
    for arguments, found in (
        (["predict", folder], r"(7).* 100.0%"),
        (["predict", folder, "--json"], r'"digit": (7)'),
        (["evaluate", "--folder", folder], f"accuracy 100.00%.*interval|({count}) digits"),
    ):
        run = CliRunner(charset=charset).invoke(app, [*map(str, arguments)])
        assert run.exit_code == 1 and isinstance(run.exception, SystemExit), run.exception
        assert len(re.findall(found, run.stdout)) == (2 if "evaluate" in arguments else count)
        assert run.stderr.count("Error: ") == count, run.stderr


def test_standard_input_is_read(seven):
    answers = json.loads(digits("predict", "-", "--json", input=seven.read_bytes()).stdout)[
        "predictions"
    ]
    assert [(answer["name"], answer["digit"]) for answer in answers] == [("standard input", 7)]


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_standard_input_that_is_no_picture_is_refused(content):
    assert "standard input" in digits("predict", "-", input=content, code=1).stderr


def test_the_others_are_answered_where_one_cannot_be_read(seven, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    result = digits(
        "predict", tmp_path / "notes.png", tmp_path / "nowhere.png", seven, "--json", code=1
    )
    answers = json.loads(result.stdout)
    assert [answer["digit"] for answer in answers["predictions"]] == [7]
    assert [fault["name"] for fault in answers["unreadable"]] == [
        str(tmp_path / n) for n in ("notes.png", "nowhere.png")
    ]
    assert "Error: there is no file" in result.stderr and len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("arguments, message", [
    (["predict", "{folder}"], "no picture in"),
    (["predict", "x.png", "--model", "nothing"], "give a name from data/models"),
    (["predict", "x.png", "--model", "{folder}/model.onnx"], "no model"),
    (["predict", "x.png", "--model", "{folder}/../notes.onnx"], "damaged"),
    (["evaluate", "--folder", "{folder}"], "7_desk.jpg"),
    (["evaluate", "--folder", "{folder}/nowhere"], "there is no folder"),
    (["evaluate", "--csv", "{folder}/nowhere.csv"], "No such file"),
    (["evaluate", "--csv", "{folder}/../notes.onnx"], "expected the columns"),
    (["export", "reference.onnx"], "expected a .keras file"),
    (["export", "reference", "--output", "model.tflite"], "ends in .onnx"),
    (["export", "nothing"], "give a name from data/models"),
    (["report", "--cnn", "nothing", "--source", "sample"], "give a name from data/models"),
])  # fmt: skip
def test_a_mistake_is_told_in_one_line_and_ends_with_1(arguments, message, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.onnx").write_text("not a model")
    result = digits(*(argument.format(folder=tmp_path / "empty") for argument in arguments), code=1)
    assert message in result.stderr and len(result.stderr.splitlines()) == 1 and result.stdout == ""


def test_mnist_that_cannot_be_had_is_a_mistake(monkeypatch, tmp_path):
    (tmp_path / "notes.npz").write_text("not MNIST")
    for name in ("notes.npz", "nowhere.npz"):
        monkeypatch.setenv("MNIST_PATH", str(tmp_path / name))
        assert f"{name}, but" in digits("evaluate", "--source", "full", code=1).stderr


def test_an_error_of_ours_keeps_its_traceback(monkeypatch, seven):
    monkeypatch.setattr(predict, "open_reader", lambda model: 1 / 0)
    assert isinstance(CliRunner().invoke(app, ["predict", str(seven)]).exception, ZeroDivisionError)


def test_a_reader_of_the_answers_may_leave_early(seven):
    run = subprocess.Popen(
        [*DIGITS, "predict", *[seven] * 200, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    run.stdout.readline()
    run.stdout.close()
    assert run.stderr.read() == b"" and run.wait() == 1
    run.stderr.close()


# evaluate


def test_evaluate_agrees_with_the_measures_of_lesson_10():
    mnist = data.load_mnist("sample")
    answers = DigitReader("tiny").predict_batch(mnist.x_test).argmax(axis=1)
    result = json.loads(digits("evaluate", "tiny", "--source", "sample", "--json").stdout)
    assert result["images"] == 1000 and result["correct"] == (answers == mnist.y_test).sum()
    np.testing.assert_allclose(
        result["interval"], evaluation.accuracy_interval(result["correct"], 1000)
    )
    np.testing.assert_array_equal(
        result["confusion"], evaluation.confusion_matrix(mnist.y_test, answers)
    )
    text = digits("evaluate", "tiny", "--source", "sample").stdout
    assert (
        f"accuracy {result['accuracy']:.2%}" in text
        and f"{1000 - result['correct']} errors" in text
    )
    assert len(re.findall(r"^\W+\d \W.*\d", text, re.MULTILINE)) == 10, "a row for each digit"


def test_evaluate_says_on_standard_error_which_digits_it_takes():
    result = digits("evaluate", "tiny", "--json")
    assert (
        "MNIST_SOURCE=sample" in result.stderr
        and json.loads(result.stdout)["data"] == "MNIST, sample"
    )


def test_evaluate_a_folder_counts_what_is_refused_as_an_error(seven, blank, tmp_path):
    (tmp_path / "7").mkdir()
    seven.rename(tmp_path / "7" / "0012.png")  # named by its folder
    Image.open(tmp_path / "7" / "0012.png").save(tmp_path / "1_wrong.png")
    Image.open(blank).save(tmp_path / "3192_row.png")
    (tmp_path / "5_notes.png").write_text("not a picture")
    result = digits("evaluate", "--folder", tmp_path, "--json", code=1)
    answer = json.loads(result.stdout)
    assert (answer["images"], answer["correct"], answer["refused"]) == (3, 1, 1)
    assert (
        answer["confusion"][7][7]
        == answer["confusion"][1][7]
        == np.sum(answer["confusion"]) - 1
        == 1
    )
    assert (
        "Left out" in result.stderr
        and "3192_row.png" in result.stderr
        and "5_notes.png" in result.stderr
    )


def test_evaluate_names_all_that_it_leaves_out(seven, tmp_path):
    folder = tmp_path / "mine"
    names = [
        "7/a.png",
        "7/sub/b.png",
        "7/7/c.png",
        "00/d.png",
        "zero/e.png",
        "17/f.png",
        "7_/g.png",
        "3_h.png/i.png",
    ]
    left_out = [
        "7/sub",
        "7/7",
        "7/j.jfif",
        "00",
        "zero",
        "17",
        "7_",
        "3_h.png",
        "k.avif",
        "seven.png",
        "12_l.png",
    ]
    files = [*names, "7/j.jfif", "k.avif", "7_m.png", "seven.png", "12_l.png"]
    hidden = [".ipynb_checkpoints/7_n.png", "7/.ipynb_checkpoints/o.png", "7/._a.png", ".DS_Store"]
    for name in files + hidden:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(seven.read_bytes())
    result = digits("evaluate", "--folder", folder, "--json")
    assert json.loads(result.stdout)["images"] == 2
    said = [re.fullmatch(r"Left out: (.*?), .*", line)[1] for line in result.stderr.splitlines()]
    assert sorted(said) == sorted(str(folder / name) for name in left_out)


def test_evaluate_reads_a_table(tmp_path):
    mnist = data.load_mnist("sample")
    images, labels = mnist.x_test[:20], mnist.y_test[:20].copy()
    answers = DigitReader("tiny").predict_batch(images).argmax(axis=1)
    labels[0] = (answers[0] + 1) % 10
    files.write_kaggle_csv(tmp_path / "mine.csv", images, labels)
    result = json.loads(digits("evaluate", "tiny", "--csv", tmp_path / "mine.csv", "--json").stdout)
    assert (result["images"], result["correct"]) == (20, (answers == labels).sum())
    assert result["confusion"][labels[0]][answers[0]] >= 1
    files.write_kaggle_csv(tmp_path / "test.csv", images)
    refused = digits("evaluate", "tiny", "--csv", tmp_path / "test.csv", code=1)
    assert "has no labels" in refused.stderr


class Doubter:
    """Doubt that anything is a digit."""

    def predict_or_reject(self, images):
        return np.full((len(images), 10), 0.1, "float32"), np.full(len(images), 0.9, "float32")


def test_evaluate_counts_what_is_refused_in_a_table(monkeypatch, tmp_path):
    mnist = data.load_mnist("sample")
    files.write_kaggle_csv(tmp_path / "mine.csv", mnist.x_test[:5], mnist.y_test[:5])
    monkeypatch.setattr("apps.cli.evaluate.open_reader", lambda model: Doubter())
    result = json.loads(digits("evaluate", "--csv", tmp_path / "mine.csv", "--json").stdout)
    assert (result["images"], result["correct"], result["refused"]) == (5, 0, 5)


def test_evaluate_reads_the_pictures_of_the_course():
    result = json.loads(
        digits("evaluate", "--folder", data.CACHE.parent / "my_digits", "--json").stdout
    )
    assert result["correct"] == result["images"] >= 10


# train


def test_the_recipes_are_those_of_the_package():
    assert get_args(train.Recipes) == tuple(training.RECIPES)


SHORT = (
    "train",
    "reference",
    "--epochs",
    "3",
    "--source",
    "sample",
    "--batch-size",
    "200",
)  # with dropout, augmented


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, digits(*SHORT, "--folder", folder).stdout


def test_train_reports_every_epoch_and_saves_the_model(whole_run):
    folder, text = whole_run
    assert re.findall(r"^epoch +(\d) of 3: accuracy", text, re.MULTILINE) == ["1", "2", "3"]
    assert "validation accuracy" in text and re.search(
        r"\d% of the digits held back are read, 95 % from", text
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock", "checkpoint.npz", "model.keras", "run.json"
    ]  # fmt: skip
    assert DigitReader(folder / "model.keras").predict_batch(
        data.load_mnist("sample").x_test[:5]
    ).shape == (5, 10)


def test_options_change_the_recipe(monkeypatch, tmp_path):
    class Enough(Exception):
        pass

    def fit(recipe, digits, held_back, seed, folder, **options):
        assert (recipe.epochs, recipe.batch_size, recipe.max_lr, recipe.label_smoothing) == (
            2,
            10,
            0.5,
            0.2,
        )
        assert recipe.build is training.RECIPES["tiny"].build and seed == 3
        assert len(digits[0]) == 3600 and len(held_back[0]) == 400
        raise Enough

    monkeypatch.setattr(training, "fit", fit)
    changes = {
        "epochs": "2",
        "batch-size": "10",
        "peak-rate": "0.5",
        "label-smoothing": "0.2",
        "seed": "3",
    }
    options = [f"--{name}={value}" for name, value in changes.items()]
    run = CliRunner().invoke(
        app, ["train", "tiny", *options, "--source=sample", f"--folder={tmp_path / 'run'}"]
    )
    assert isinstance(run.exception, Enough), run.output


def test_a_finished_run_is_not_done_again_and_another_is_refused(whole_run):
    folder, _ = whole_run
    before = (folder / "model.keras").stat()
    assert "This run is finished" in digits(*SHORT, "--folder", folder).stdout
    said = digits(*SHORT, "--seed", "1", "--folder", folder, code=1).stderr
    assert "holds a run with seed 0, but now it is 1" in said and "name another folder" in said
    assert (folder / "model.keras").stat() == before


def test_a_second_process_in_the_same_folder_is_refused(monkeypatch, tmp_path):
    def fit(*run, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", fit)
    job = ["train", "dense", "--source", "sample", "--folder", tmp_path / "run"]
    digits(*job, code=130)
    with alone_in(tmp_path / "run"):
        said = digits(*job, code=1)
    assert said.stderr.startswith("Error: another process is training in ") and not said.stdout
    digits(*job, code=130)


def test_impossible_epochs_are_refused_and_leave_nothing(tmp_path):
    for wrong in (["--epochs", "2.5"], ["--epochs", "0.4", "--batch-size", "9000"]):
        said = digits(
            "train", "tiny", *wrong, "--source", "sample", "--folder", tmp_path / "run", code=1
        ).stderr
        assert "epochs: expected a whole number, or a fraction of one" in said
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges_says_so_and_saves_nothing(tmp_path):
    job = ["train", "dense", "--epochs", "5", "--peak-rate", "inf", "--source", "sample"]
    said = digits(*job, "--folder", tmp_path / "run", code=1)
    assert "Error: the training diverged" in said.stderr and "--peak-rate" in said.stderr
    assert "Saved" not in said.stdout and said.stdout.count("epoch ") == 1
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "run.json"]


def test_folder_with_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "something else" in digits(*SHORT, "--folder", tmp_path, code=1).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def weights(folder):
    return keras.models.load_model(folder / "model.keras", compile=False).get_weights()


def test_run_stopped_by_ctrl_c_resumes_to_the_same_network(whole_run, tmp_path):
    folder = tmp_path / "run"
    command = [*DIGITS, *SHORT, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {
        "PYTHONUNBUFFERED": "1"
    }) as run:  # fmt: skip
        for line in run.stdout:
            if line.startswith("epoch  1"):
                run.send_signal(signal.SIGINT)
        said = run.stderr.read()
    assert (
        run.returncode == 130 and "Start the same command again" in said and "Traceback" not in said
    )
    assert (
        re.search(r"Interrupted after [12] whole epochs", said)
        and not (folder / "model.keras").exists()
    )

    text = digits(*SHORT, "--folder", folder).stdout
    assert "Going on after epoch" in text and "epoch  1" not in text and "epoch  3" in text
    for one, other in zip(weights(whole_run[0]), weights(folder), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_ctrl_c_waits_for_the_batch_and_a_second_one_does_not():
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), train._stop_between_batches() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == usual


# export


@pytest.mark.parametrize("form, ending", [("onnx", ".onnx"), ("int8", ".tflite")])
def test_export_reads_like_the_model_and_lies_beside_it(form, ending, tmp_path):
    model = tmp_path / "mine.keras"
    model.write_bytes((MODELS / "tiny.keras").read_bytes())
    text = digits("export", model, "--format", form).stdout
    assert re.search(rf"mine\{ending}, +\d+ kB: reads \d+\.\d% of 1,000 digits", text)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["mine.keras", f"mine{ending}"]
    )
    images = data.load_mnist("sample").x_test
    readers = DigitReader(model), DigitReader(tmp_path / f"mine{ending}")
    answers = [reader.predict_batch(images).argmax(axis=1) for reader in readers]
    assert np.mean(answers[0] == answers[1]) > 0.98


def test_an_export_that_reads_differently_is_not_kept(monkeypatch, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_text("the old file")
    monkeypatch.setattr(
        training,
        "export_onnx",
        lambda model, part: part.write_bytes((MODELS / "tiny.onnx").read_bytes()),
    )
    assert "is not kept" in digits("export", "reference", "--output", path, code=1).stderr
    assert path.read_text() == "the old file" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_under_tensorflow_is_one_line(monkeypatch, tmp_path):
    def full(model, images, part):
        part.write_bytes(b"half")
        raise training.tf.errors.ResourceExhaustedError(None, None, "no space left\non the device")

    (tmp_path / "mine.tflite").write_text("the old file")
    monkeypatch.setattr(training, "export_int8", full)
    job = ["export", "tiny", "--format", "int8", "--output", tmp_path / "mine.tflite"]
    said = digits(*job, code=1)
    assert said.stderr == f"Error: {tmp_path / 'mine.tflite'} is not written: no space left\n"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old file"]


def test_parity_is_strict_for_onnx_and_lets_eight_bits_round():
    wanted = np.eye(10)[np.arange(1000) % 10]
    rounded = wanted * 0.9 + 0.01
    assert "100.0% of 1,000" in export._parity(wanted, rounded, exact=False)
    with pytest.raises(command.Mistake, match="largest gap"):
        export._parity(wanted, rounded, exact=True)
    with pytest.raises(command.Mistake, match=r"90\.0%"):
        export._parity(wanted, np.concatenate([wanted[:900], wanted[:100][:, ::-1]]), exact=False)


@pytest.mark.parametrize("command", [
    ["predict", "{seven}", "--json", "--model", "{model}"], ["evaluate", "{model}"], ["export", "{model}"],
    ["export", "{model}", "--format", "int8"], ["report", "--cnn", "{model}", "--output", "{folder}/page.html"],
    ["submit", "--test", "{test}", "--out", "{folder}/s.csv", "--model", "{model}"],
    ["scale", "read", "{test}.npy", "{folder}/out", "--model", "{model}"],
])  # fmt: skip
def test_no_command_uses_a_diverged_network(command, diverged, seven, test_csv, tmp_path):
    folder = tmp_path / "new"
    np.save(f"{test_csv}.npy", data.load_mnist("sample").x_test[:5])
    before = sorted(tmp_path.iterdir())
    names = {"seven": seven, "model": diverged, "folder": folder, "test": test_csv}
    said = digits(*(part.format(**names) for part in command), code=1)
    assert "smaller learning rate" in said.stderr and said.stdout == ""
    assert said.stderr.count("Error: ") == 1 and sorted(tmp_path.iterdir()) == before


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """Return the path of a network whose weights are NaN."""
    path = tmp_path_factory.mktemp("diverged") / "diverged.keras"
    model = keras.models.load_model(MODELS / "tiny.keras", compile=False)
    model.set_weights([weights * np.nan for weights in model.get_weights()])
    model.save(path)
    return path


def test_a_late_output_that_is_not_finite_is_one_line(monkeypatch, seven):
    def fails(self, images):
        raise UnreadableModel("got NaN")

    monkeypatch.setattr(DigitReader, "predict_or_reject", fails)
    for job in (["predict", seven], ["evaluate", "--source", "sample"]):
        assert digits(*job, code=1).stderr == "Error: got NaN\n"


# report


class Page(HTMLParser):
    """Collect what a page shows, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.pictures, self.addresses, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [
            v for k, v in attributes.items() if k in ("src", "href") and not v.startswith("data:")
        ]
        if tag == "img":
            self.pictures.append(attributes["alt"])

    def handle_data(self, text):
        self.words.append(text.strip())


def test_the_report_is_one_page_that_fetches_nothing(tmp_path):
    mine = tmp_path / "<b>mine.keras"
    mine.write_bytes((MODELS / "tiny.keras").read_bytes())
    path = tmp_path / "page.html"
    digits("report", "--cnn", mine, "--output", path, "--source", "sample")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.addresses == [] and "<b>" not in text and html.escape("<b>mine") in text
    assert len(page.pictures) == 5 and all(len(alt) > 20 for alt in page.pictures)
    assert sum("Confusion matrix" in alt for alt in page.pictures) == 2
    assert sum("errors of which" in alt for alt in page.pictures) == 2
    for word in ("accuracy", "95 % from", "parameters", "93025", "5954", "both err"):
        assert word in page.words
    assert sorted(file.name for file in tmp_path.iterdir()) == [mine.name, path.name]


def test_the_paired_comparison_by_hand():
    labels = np.zeros(10, int)
    one, other = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    table = report._compare_pairs(labels, {"A": one, "B": other})["digits"]
    assert [int(n) for n in table.iloc[:4]] == [1, 4, 0, 5]
    assert float(table.iloc[4]) == pytest.approx(
        2 / 2**4, rel=0.1
    )  # four heads of four, or four tails
    assert float(report._compare_pairs(labels, {"A": one, "B": one})["digits"].iloc[4]) == 1


def test_a_reader_without_an_error_has_no_picture_of_them():
    labels = np.arange(10)
    assert report._surest_errors("CNN", np.zeros((10, 28, 28), "uint8"), labels, np.eye(10)) is None


# draw


@pytest.fixture
def page(monkeypatch, tmp_path):
    monkeypatch.setattr(draw, "PAGE", tmp_path / "index.html")
    (tmp_path / "index.html").write_text("a page")
    monkeypatch.setenv("MODEL", "tiny")  # which draw sets, and which is then set back
    return tmp_path / "index.html"


def test_draw_serves_the_app_on_a_free_port_of_this_machine(page, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "uvicorn.run", lambda app, **options: calls.append((app, options, os.environ["MODEL"]))
    )
    text = digits("draw", "--no-browser", "--model", "compact").stdout
    ((application, options, model),) = calls
    assert isinstance(application.app, GuardedAPI) and options["host"] == "127.0.0.1"
    assert f"http://127.0.0.1:{options['port']}/" in text and model == str(MODELS / "compact.onnx")


def test_draw_refuses_what_it_cannot_do(page, monkeypatch):
    assert "`digits export mine.keras`" in digits("draw", "--model", "mine.keras", code=1).stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} cannot be had" in digits("draw", "--port", port, code=1).stderr
    page.unlink()
    assert "make web" in digits("draw", code=1).stderr


def test_the_browser_is_opened_once_the_server_answers(monkeypatch):
    opened = []
    monkeypatch.setattr(draw.webbrowser, "open", opened.append)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        waiting = threading.Thread(
            target=draw._open_browser, args=("the page", server.getsockname()[1])
        )
        waiting.start()
        waiting.join(timeout=0.3)
        assert opened == []
        server.listen()
        waiting.join()
    assert opened == ["the page"]


def test_the_drawing_page_is_served_until_ctrl_c(tmp_path):
    port = draw._free_port(0)
    code = (  # the front end may not be built where the tests run; the server answers without it
        "import pathlib, sys; from apps.cli import app, draw; draw.PAGE = pathlib.Path(sys.executable); "
        f"app(['draw', '--no-browser', '--port', '{port}'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert f":{port}/" in server.stdout.readline()
            assert answer_of(f"http://127.0.0.1:{port}/ready", server) == 200
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait() == 0 and "Traceback" not in server.stderr.read()


def answer_of(address, server):
    """Return the status of an answer, waiting for a server that starts."""
    while server.poll() is None:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(address, timeout=60).status
        time.sleep(0.2)
    raise ConnectionError(f"the server of {address} has ended")


# submit


@pytest.fixture
def test_csv(tmp_path):
    files.write_kaggle_csv(tmp_path / "test.csv", data.load_mnist("sample").x_test[:600])
    return tmp_path / "test.csv"


def test_submit_writes_what_the_reader_says_and_checks_it(test_csv, tmp_path):
    path = tmp_path / "new" / "[bold]submission.csv"
    result = digits("submit", "--test", test_csv, "--out", path, "--model", "tiny")
    assert result.stdout == f"{path}: 600 rows, checked\n"
    answers = (
        DigitReader("tiny").predict_batch(data.load_mnist("sample").x_test[:600]).argmax(axis=1)
    )
    np.testing.assert_array_equal(kaggle.read_submission(path, 600), answers)
    assert (
        digits("submit", "--test", test_csv, "--check", path).stdout
        == f"{path}: no fault in 600 rows\n"
    )
    path.write_text(path.read_text().replace("\n17,", "\n18,"))
    said = digits("submit", "--test", test_csv, "--check", path, code=1)
    assert (
        said.stdout == ""
        and f"{path}, row 17 (line 18): expected ImageId 17, got '18'" in said.stderr
    )


def test_submit_says_where_a_shipped_model_has_seen_the_test(test_csv, tmp_path):
    arguments = ["submit", "--test", test_csv, "--out", tmp_path / "submission.csv", "--model"]
    assert "partly a memory" in digits(*arguments, "tiny").stderr
    own = tmp_path / "own.onnx"
    own.write_bytes((MODELS / "tiny.onnx").read_bytes())
    assert digits(*arguments, own).stderr == ""


def test_submit_by_onnx_starts_no_tensorflow(test_csv, tmp_path):
    own = tmp_path / "own.onnx"
    own.write_bytes((MODELS / "tiny.onnx").read_bytes())
    loaded = modules_after(
        "submit", "--test", test_csv, "--out", tmp_path / "submission.csv", "--model", own
    )
    assert "onnxruntime" in loaded and not loaded & {"tensorflow", "keras"}


@pytest.mark.parametrize("options, message", [
    (["--check", "{folder}/nowhere.csv"], "nowhere.csv"),
    (["--check", "{folder}/empty.csv"], "header (line 1): expected ImageId,Label, got nothing"),
    (["--check", "{folder}/test.csv"], "header (line 1): expected ImageId,Label, got 'pixel0"),
    (["--test", "{folder}/train.csv", "--out", "{folder}/submission.csv"], "train.csv has labels"),
    (["--test", "{folder}/nowhere.csv", "--out", "{folder}/submission.csv"], "nowhere.csv"),
    (["--test", "{folder}/empty.csv", "--out", "{folder}/submission.csv"], "expected a CSV in UTF-8"),
    (["--out", "{folder}/submission.csv", "--model", "nothing"], "give a name from data/models"),
    (["--out", "{folder}/test.csv"], "give another --out"),
    (["--out", "{folder}/deeper/../link.csv"], "give another --out"),
    (["--out", "{folder}/own.keras", "--model", "{folder}/own.keras"], "give another --out"),
    (["--out", "{folder}/own.keras", "--model", "{folder}/own.onnx"], "give another --out"),
    (["--out", "{folder}/train.csv"], "expected a new file or an earlier submission"),
    (["--out", "{folder}"], "expected a file to write, got the folder"),
])  # fmt: skip
def test_submit_refuses_in_one_line_and_changes_no_file(test_csv, tmp_path, options, message):
    (tmp_path / "empty.csv").touch()
    files.write_kaggle_csv(
        tmp_path / "train.csv", *(array[:5] for array in data.load_mnist("sample")[:2])
    )
    for ending in (".keras", ".onnx"):
        (tmp_path / f"own{ending}").write_bytes((MODELS / f"tiny{ending}").read_bytes())
    (tmp_path / "link.csv").symlink_to(test_csv)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = digits(
        "submit",
        "--test",
        test_csv,
        *(option.format(folder=tmp_path) for option in options),
        code=1,
    )
    assert message in result.stderr and len(result.stderr.splitlines()) == 1 and result.stdout == ""
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert (tmp_path / "link.csv").is_symlink()


def test_submit_may_replace_an_earlier_submission(test_csv, tmp_path):
    path = tmp_path / "s.csv"
    kaggle.write_submission(path, np.zeros(9, int))
    digits("submit", "--test", test_csv, "--out", path, "--model", "tiny")
    assert len(kaggle.read_submission(path, 600)) == 600


@pytest.mark.parametrize("command", [
    ["report", "--ann", "{own}", "--output", "{own}"], ["report", "--cnn", "{own}", "--output", "{link}"],
    ["report", "--cnn", "{onnx}", "--output", "{own}"], ["report", "--output", "{own.parent}"],
    ["report", "--output", "{mnist}"], ["export", "{own}", "--output", "{link}"],
    ["export", "{own}", "--format", "int8", "--output", "{int8}"],
])  # fmt: skip
def test_no_command_writes_over_a_file_that_it_reads(command, monkeypatch, tmp_path):
    own = tmp_path / "own.keras"
    own.write_bytes((MODELS / "tiny.keras").read_bytes())
    own.with_suffix(".onnx").write_bytes((MODELS / "tiny.onnx").read_bytes())
    names = {
        "own": own,
        "onnx": own.with_suffix(".onnx"),
        "link": tmp_path / "x.onnx",
        "int8": tmp_path / "x.tflite",
    }
    names["mnist"] = tmp_path / "mnist.npz"
    names["mnist"].write_bytes(b"MNIST")
    monkeypatch.setenv("MNIST_PATH", str(names["mnist"]))
    names["link"].symlink_to(own)
    names["int8"].hardlink_to(own)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    said = digits(*(part.format(**names) for part in command), code=1)
    assert re.search("give another --output|got the folder", said.stderr) and said.stdout == ""
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert names["link"].is_symlink()


def test_export_beside_the_shipped_models_keeps_them(monkeypatch, tmp_path):
    for ending in (".keras", ".onnx"):
        (tmp_path / f"tiny{ending}").write_bytes((MODELS / f"tiny{ending}").read_bytes())
    monkeypatch.setattr("utils.prediction.MODELS", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "give another --output" in digits("export", "tiny", code=1).stderr


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_place_that_is_read_only_is_told_with_what_to_do(monkeypatch, test_csv, number):
    def read_only(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(kaggle, "atomic_write", read_only)
    said = digits("submit", "--test", test_csv, "--out", "s.csv", "--model", "tiny", code=1).stderr
    assert re.search(r"Error: .*'s\.csv': .* so name another file or folder\n", said), said


def test_the_capstone_benchmark_goes_from_train_csv_to_a_score(monkeypatch, tmp_path):
    """The training is done elsewhere; here a shipped network stands for what it makes."""
    sample = data.load_mnist("sample")
    few = data.Mnist(*(array[:300] for array in sample[:4]), "sample")
    kaggle.write_kaggle_files(tmp_path / "kaggle", few)
    seen = []

    def trained(recipe, digits, seed):
        seen.append((recipe, len(digits[0]), seed))
        return keras.models.load_model(MODELS / "tiny.keras", compile=False), 1.5

    monkeypatch.setattr(capstone, "timed_fit", trained)
    run = capstone.measure(str(tmp_path / "kaggle"), 4)
    assert seen == [(training.RECIPES["compact"], 324, 4)] and run["trained_on"] == 324
    _, _, images, labels = kaggle.split_like_kaggle(few)
    wrong = (DigitReader("tiny").predict_batch(images).argmax(axis=1) != labels).sum()
    assert (run["test_errors"], run["overlap"], run["seed"]) == (wrong, 0, 4)
    assert (
        run["test_accuracy"] == pytest.approx(1 - wrong / 240, abs=1e-5)
        and run["validation_accuracy"] > 0.9
    )
