"""The reader: from any image to a digit, and from files to models."""

import pickle
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image, ImageDraw

from utils import data, prediction, training
from utils.models import softmax_regression
from utils.photos import UnreadableImage, to_mnist_form
from utils.prediction import MODELS, DigitReader, UnreadableModel
from utils.preprocessing import scale

import keras  # isort: skip  (after utils, which starts TensorFlow quietly)

ENDINGS = (".keras", ".onnx", ".tflite")


class Bomb:
    """Print, where a pickle is loaded."""

    def __reduce__(self):
        return print, ("BOOM",)


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


def test_a_drawn_seven_is_read_whatever_its_colors(reader):
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
    assert prediction.digit is None and prediction.image is None
    assert "blank" in prediction.reason


def eleven(digits, no_digit):
    """Return a reader whose network always gives the same probabilities: of the ten digits, then of no digit."""
    outputs = np.append(np.array(digits, "float32") * (1 - no_digit), np.float32(no_digit))
    return DigitReader(lambda images, training: np.tile(outputs, (len(images), 1)))


SEVEN = np.array([0, 0, 0, 0, 0, 0, 0, 0.9, 0, 0.1])


def test_an_eleventh_output_leaves_ten_probabilities():
    probabilities, doubt = eleven(SEVEN, 0.3).predict_or_reject(np.zeros((2, 28, 28), "uint8"))
    np.testing.assert_allclose(probabilities, [SEVEN, SEVEN], atol=1e-6)
    np.testing.assert_allclose(doubt, [0.3, 0.3])
    np.testing.assert_array_equal(
        eleven(SEVEN, 0.3).predict_batch(np.zeros((2, 28, 28), "uint8")), probabilities
    )


def test_what_is_surely_no_digit_still_has_ten_probabilities():
    probabilities, doubt = eleven(SEVEN, 1).predict_or_reject(np.zeros((1, 28, 28), "uint8"))
    assert probabilities.sum() == pytest.approx(1) and doubt == [1]


def test_a_network_of_ten_outputs_rejects_nothing(reader):
    network = DigitReader("compact")
    assert (network.predict_or_reject(np.zeros((3, 28, 28), "uint8"))[1] == 0).all()


@pytest.mark.parametrize(("no_digit", "digit"), [(0.0, 7), (0.5, 7), (0.51, None), (1.0, None)])
def test_a_digit_is_refused_if_it_is_more_likely_none(no_digit, digit):
    prediction = eleven(SEVEN, no_digit).read(drawing())
    assert prediction.digit == digit and prediction.no_digit == pytest.approx(no_digit)
    assert prediction.probabilities.sum() == pytest.approx(1) and prediction.image is not None
    assert ("doesn't look like a digit" in prediction.reason) == (digit is None)
    assert prediction.confidence == pytest.approx(0 if digit is None else 0.9)


def test_a_prediction_carries_what_the_network_saw(reader):
    prediction = reader.read(drawing())
    np.testing.assert_array_equal(prediction.image, to_mnist_form(drawing()))
    np.testing.assert_array_equal(
        reader.predict_batch(prediction.image[np.newaxis])[0], prediction.probabilities
    )
    assert "image" not in repr(prediction)


def test_what_is_no_picture_is_refused_by_name(reader, tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    with pytest.raises(UnreadableImage, match=r"notes\.png"):
        reader.read(path)


def test_batches_are_read_like_single_digits(reader, held_out):
    probabilities = reader.predict_batch(held_out[0][:20])
    assert probabilities.shape == (20, 10) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate(
        [reader.predict_batch(image[np.newaxis]) for image in held_out[0][:20]]
    )
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
        (np.full((3, 28, 28), np.nan), "uint8"),
        ([[1, 2], [3, 4]], "shape"),
    ],
)
def test_wrong_batches_are_refused(reader, images, message):
    with pytest.raises(ValueError, match=message):
        reader.predict_batch(images)


@pytest.mark.parametrize("ending", ENDINGS)
def test_threads_may_share_a_reader(ending, held_out):
    reader = DigitReader(MODELS / f"reference{ending}")
    images, results = held_out[0][:50], {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: reader.predict_batch(images)}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        np.testing.assert_allclose(result, results[0], atol=1e-6)
    assert len(results) == 4


@pytest.fixture(scope="module")
def ten_thousand():
    """Return the 5,000 digits of the sample, and the same moved down and to the right."""
    mnist = data.load_mnist("sample")
    images = np.concatenate([mnist.x_train, mnist.x_test])
    return np.concatenate([images, np.roll(images, (1, 2), axis=(1, 2))])


def test_onnx_runtime_answers_like_keras_on_ten_thousand_digits(ten_thousand):
    by_keras, by_onnx = (
        DigitReader(MODELS / f"reference{e}").predict_batch(ten_thousand)
        for e in (".keras", ".onnx")
    )
    assert by_onnx.shape == (10_000, 10) and by_onnx.dtype == np.float32
    np.testing.assert_allclose(by_onnx, by_keras, atol=1e-5)


def test_int8_predicts_nearly_like_keras_on_10000_digits(ten_thousand):
    readers = [DigitReader(MODELS / f"reference{ending}") for ending in (".keras", ".tflite")]
    by_keras, by_bits = (reader.predict_batch(ten_thousand) for reader in readers)
    assert by_bits.shape == (10_000, 10) and by_bits.dtype == np.float32
    assert np.mean(by_keras.argmax(axis=1) == by_bits.argmax(axis=1)) >= 0.998
    assert np.abs(by_keras - by_bits).mean() < 0.005


def test_name_loads_onnx_if_installed_else_keras(monkeypatch, held_out):
    assert DigitReader("reference").path.suffix == ".onnx"
    monkeypatch.setattr(prediction.importlib.util, "find_spec", lambda name: None)
    fallback = DigitReader("reference")
    assert fallback.path.suffix == ".keras"
    np.testing.assert_allclose(
        fallback.predict_batch(held_out[0][:9]),
        DigitReader(MODELS / "reference.onnx").predict_batch(held_out[0][:9]),
        atol=1e-5,
    )


def test_the_keras_model_behind_a_reader_is_there_to_look_into(reader, held_out):
    assert reader.path.stem == "robust" and reader.model.count_params() == 196_299
    outputs = np.asarray(reader.model(scale(held_out[0][:9])))
    probabilities, doubt = reader.predict_or_reject(held_out[0][:9])
    np.testing.assert_allclose(outputs[:, 10], doubt, atol=1e-5)
    np.testing.assert_allclose(
        outputs[:, :10] / outputs[:, :10].sum(axis=1, keepdims=True), probabilities, atol=1e-5
    )


def test_a_keras_model_in_memory_is_read_as_it_is(held_out):
    model = softmax_regression()
    np.testing.assert_allclose(
        DigitReader(model).predict_batch(held_out[0][:9]), model(scale(held_out[0][:9])), atol=1e-6
    )


def test_a_missing_model_says_what_may_be_named():
    with pytest.raises(FileNotFoundError, match=r"name from data/models \(.*reference.*\)"):
        DigitReader("no_such_model")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"not a model" * 100,
        lambda content: pickle.dumps(Bomb()),
    ],
    ids=["truncated", "empty", "text", "pickle"],
)
def test_damaged_or_foreign_file_is_refused_by_name(ending, spoil, tmp_path, capfd):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(spoil((MODELS / f"reference{ending}").read_bytes()))
    with pytest.raises(UnreadableModel, match=rf"mine\{ending}") as caught:
        DigitReader(path)
    assert "not found" not in str(caught.value)
    assert "BOOM" not in "".join(capfd.readouterr())


def test_a_model_file_that_brings_code_is_refused(tmp_path):
    marker = str(tmp_path / "ran")
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Lambda(lambda x: [open(marker, "w").close(), x[:, :10]][1], (10,))(flat)
    keras.Model(inputs, outputs).save(tmp_path / "code.keras")
    Path(marker).unlink(missing_ok=True)
    with pytest.raises(UnreadableModel, match=r"code\.keras"):
        DigitReader(tmp_path / "code.keras")
    assert not Path(marker).exists()


def stored_elsewhere(array, name=""):
    """Return a tensor of a model whose values are in the file secret.bin."""
    tensor = numpy_helper.from_array(array, name)
    onnx.external_data_helper.set_external_data(tensor, "secret.bin")
    tensor.ClearField("raw_data")
    return tensor


def constant_elsewhere(array, result):
    return helper.make_node("Constant", [], [result], value=stored_elsewhere(array))


def in_a_branch(array):
    """Return nodes that give a constant of a branch that's always taken."""
    result = helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, array.shape)
    branch = helper.make_graph([constant_elsewhere(array, "inner")], "branch", [], [result])
    always = numpy_helper.from_array(np.array(True))
    return [
        helper.make_node("Constant", [], ["always"], value=always),
        helper.make_node("If", ["always"], ["bias"], then_branch=branch, else_branch=branch),
    ]


def sparse_elsewhere(array):
    values = stored_elsewhere(array, "bias")
    places = numpy_helper.from_array(np.arange(len(array)))
    return helper.make_sparse_tensor(values, places, array.shape)


BIAS = np.arange(10, dtype="float32")
ELSEWHERE = {
    "initializer": ([], {"initializer": [stored_elsewhere(BIAS, "bias")]}),
    "constant": ([constant_elsewhere(BIAS, "bias")], {}),
    "branch": (in_a_branch(BIAS), {}),
    "sparse": ([], {"sparse_initializer": [sparse_elsewhere(BIAS)]}),
}


@pytest.mark.parametrize("first, weights", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_model_that_reads_other_files_is_refused(first, weights, tmp_path, monkeypatch, capfd):
    """Its probabilities would tell what is in a file of ours, at or below the folder we run in."""
    monkeypatch.chdir(tmp_path)
    Path("secret.bin").write_bytes(BIAS.tobytes())
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 28, 28, 1])
    answer = helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["n", 10])
    mean = helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2], keepdims=0)
    add = helper.make_node("Add", ["mean", "bias"], ["sum"])
    softmax = helper.make_node("Softmax", ["sum"], ["answer"])
    graph = helper.make_graph([*first, mean, add, softmax], "g", [image], [answer], **weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, "spy.onnx")
    with pytest.raises(UnreadableModel, match=r"spy\.onnx .* in other files.*save it as one file"):
        DigitReader("spy.onnx")
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize("answers, activation", [(9, "softmax"), (10, "relu")])
def test_a_network_that_reads_no_digits_is_refused(answers, activation, tmp_path):
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(answers, activation=activation, bias_initializer="ones")(flat)
    keras.Model(inputs, outputs).save(tmp_path / "other.keras")
    with pytest.raises(UnreadableModel, match="expected ten probabilities"):
        DigitReader(tmp_path / "other.keras")


def network_with(weight, layer):
    """Return a network in which one neuron of a layer has this weight for all its inputs."""
    inputs = keras.Input((28, 28, 1))
    hidden = keras.layers.Dense(2, activation="relu")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
    kernel = model.layers[layer].kernel
    kernel.assign(np.where(np.arange(kernel.shape[1]) == 1, weight, kernel))
    return model


@pytest.mark.parametrize(
    "ending, weight, layer",
    [
        (".keras", np.nan, 2),  # whose ReLU hides it from the outputs
        (".keras", 1e38, 2),  # finite, but no output is
        (".onnx", np.nan, 3),
        (".onnx", np.inf, 2),
        (".tflite", np.nan, 3),
        (".tflite", np.inf, 2),
    ],
)
def test_a_diverged_network_is_refused(ending, weight, layer, tmp_path):
    path, model = tmp_path / f"mine{ending}", network_with(weight, layer)
    save = {
        ".keras": model.save,
        ".onnx": partial(training.export_onnx, model),
        ".tflite": partial(model.export, format="litert", verbose=False),
    }
    save[ending](path)
    with pytest.raises(UnreadableModel, match=rf"mine\{ending} .*smaller learning rate"):
        DigitReader(path)


def test_outputs_that_are_not_finite_are_no_prediction():
    reader = DigitReader(softmax_regression())
    reader._network = lambda images: np.where(images.max() > 0.9, np.nan, np.full((1, 10), 0.1))
    assert reader.predict_batch(np.zeros((1, 28, 28), "uint8")).shape == (1, 10)
    with pytest.raises(UnreadableModel, match="got NaN or infinity"):
        reader.predict_batch(np.full((1, 28, 28), 255, "uint8"))
    with pytest.raises(UnreadableModel, match="got NaN or infinity"):
        reader.read(drawing())


def test_other_file_type_is_refused_with_the_accepted_ones(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(UnreadableModel, match=r"\.onnx, \.tflite, \.keras; Keras converts \.h5"):
        DigitReader(tmp_path / "model.h5")


def test_error_of_keras_is_told_by_its_cause(tmp_path):
    flat = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])
    flat.save(tmp_path / "flat.keras")
    with pytest.raises(UnreadableModel, match=r"\(Expected shape \(None, 784\), but input has"):
        DigitReader(tmp_path / "flat.keras")


def test_importing_the_reader_starts_no_tensorflow():
    code = (
        "import sys, utils.prediction; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert (output.stdout, output.stderr) == ("False False\n", "")
