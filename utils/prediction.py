"""Read digits: the one way from an image to a prediction, shared by notebooks, the command line, and the apps."""

import importlib.util
import os
import re
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from utils.data import check_images
from utils.environment import quiet_tensorflow
from utils.photos import NoDigitFound, to_mnist_form
from utils.preprocessing import scale

MODELS = Path(__file__).parents[1] / "data" / "models"
# Images at a time: the feature maps of the whole test set would need gigabytes.
CHUNK = 100
# What a network with an eleventh output may give to "no digit" while its digit still counts.
MOST_DOUBT = 0.5
# From floats (n, 28, 28, 1), n up to CHUNK, to probabilities (n, 10), or (n, 11) if the last one is "no digit".
Network = Callable[[np.ndarray], np.ndarray]


class UnreadableModel(ValueError):
    """Report that a file holds no network that reads digits."""


@dataclass(frozen=True)
class Prediction:
    """Describe what was read: the digit, the confidence, all ten probabilities, or the reason for no digit.

    `image` is the network's input, uint8 (28, 28), or None if the network wasn't asked. `no_digit` is the
    network's probability that the image shows no digit at all, or 0 if it can't tell.
    """

    digit: int | None
    confidence: float
    probabilities: np.ndarray
    reason: str = ""
    no_digit: float = 0.0
    image: np.ndarray | None = field(default=None, repr=False, compare=False)


class DigitReader:
    """Read handwritten digits with a trained model: a name in data/models, a file, or a Keras model.

    The default, *robust*, was trained on simulated paper, pens, and cameras. A name runs on ONNX Runtime if that is
    installed, and otherwise on Keras; a file's ending decides for it: `.onnx`, `.tflite` (LiteRT), or `.keras`.
    Threads may share a reader.
    """

    def __init__(self, model="robust"):
        if isinstance(model, (str, Path)):
            self.path = find_model(model)
            self._network = _open(self.path)
        else:
            self.model, self._network = model, _call_keras(model)

    @cached_property
    def model(self):
        """Return the Keras model behind the predictions, to look inside it or to train it further."""
        return _load_keras(find_model(self.path.with_suffix(".keras")))

    def read(self, image, ink: str = "auto") -> Prediction:
        """Read the one digit in a PIL image, array, path or the bytes of an image file.

        Raises UnreadableImage if it isn't a picture. If a page is blank, or shows several digits, noise, or, to
        a network that can tell, something else, the prediction has no digit but a reason.
        """
        try:
            seen = to_mnist_form(image, ink)
        except NoDigitFound as nothing:
            return Prediction(None, 0.0, np.full(10, 0.1, "float32"), reason=str(nothing))
        (probabilities,), (doubt,) = self.predict_or_reject(seen[np.newaxis])
        if doubt > MOST_DOUBT:
            reason = f"it doesn't look like a digit ({doubt:.0%} sure): write one digit, upright"
            return Prediction(None, 0.0, probabilities, reason, float(doubt), seen)
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return Prediction(best, confidence, probabilities, no_digit=float(doubt), image=seen)

    def predict_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 (n, 10), of digits in MNIST's form, uint8 (n, 28, 28).

        Raises UnreadableModel if they aren't finite.
        """
        return self.predict_or_reject(images)[0]

    def predict_or_reject(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of the ten digits, float32 (n, 10), and that of no digit, float32 (n,).

        The ten sum to 1: they say which digit it is, if it is one. The probability of no digit is 0 if the
        network has no eleventh output for it. `images` are in MNIST's form, uint8 (n, 28, 28). Raises
        UnreadableModel if the outputs aren't finite.
        """
        check_images(images)
        parts = [self._network(scale(images[i : i + CHUNK])) for i in range(0, len(images), CHUNK)]
        _check_finite(*parts)
        outputs = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if outputs.shape[1] == 10:
            return outputs, np.zeros(len(outputs), "float32")
        digits = outputs[:, :10] + np.float32(1e-9)  # in 8 bits, all ten may be 0
        return digits / digits.sum(axis=1, keepdims=True), outputs[:, 10]


def find_model(model: str | Path) -> Path:
    """Return the file that a name or path means."""
    path = Path(model)
    if not path.suffix:
        installed = importlib.util.find_spec("onnxruntime") is not None
        onnx = MODELS / f"{model}.onnx"
        path = onnx if installed and onnx.is_file() else MODELS / f"{model}.keras"
    if path.is_file():
        return path
    names = ", ".join(sorted(file.stem for file in MODELS.glob("*.keras")))
    hint = f"give a name from data/models ({names}), or the path of a file"
    raise FileNotFoundError(f"there is no model {path}: {hint}")


def _open(path: Path) -> Network:
    """Open a model file and try it on noise, so that a file with something else in it is found."""
    openers = {
        ".onnx": _open_onnx,
        ".tflite": _open_litert,
        ".keras": lambda path: _call_keras(_load_keras(path)),
    }
    if path.suffix not in openers:
        raise UnreadableModel(f"{path.name}: expected {', '.join(openers)}; Keras converts .h5")
    try:
        network = openers[path.suffix](path)
        probabilities = network(np.random.default_rng(0).random((1, 28, 28, 1), "float32"))
        _check_finite(probabilities)
    except Exception as fault:  # each runtime has errors of its own
        said = re.sub(r"\x1b\[\d*m|Exception encountered when calling .*", "", str(fault)).strip()
        found = re.findall("[Ee]xpected (?:shape|axis).*", said) or said.splitlines()
        reason = (found or [type(fault).__name__])[0][:200]
        problem = f"it is damaged or reads no digits ({reason})"
        if re.search("xternal|stored in ", said):  # the words of ONNX Runtime and Keras
            problem = "it has weights in other files, which are never read: save it as one file"
        raise UnreadableModel(f"{path.name} cannot be used: {problem}") from fault
    if probabilities.shape not in ((1, 10), (1, 11)) or abs(probabilities.sum() - 1) > 0.05:
        found = f"an answer of shape {probabilities.shape} with the sum {probabilities.sum():.2f}"
        raise UnreadableModel(f"{path.name}: expected ten probabilities for an image, got {found}")
    return network


def _check_finite(*arrays: np.ndarray) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise UnreadableModel("got NaN or infinity: train again with a smaller learning rate")


def _open_onnx(path: Path) -> Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # for a network this small, threads cost more than they gain
    # Otherwise a stranger's model could read our files as its weights. None lies below this one.
    folder = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(folder, os.devnull)
    content, cpu = path.read_bytes(), ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, options, providers=cpu)
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def _open_litert(path: Path) -> Network:
    from ai_edge_litert.interpreter import Interpreter

    with quiet_tensorflow():
        interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
        interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    answer = interpreter.get_output_details()[0]["index"]
    lock = threading.Lock()  # an interpreter holds one image at a time

    def read_one(image):
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(answer)[0]

    def network(images):
        with lock:
            return np.stack([read_one(image) for image in images])

    return network


def _load_keras(path: Path):
    with quiet_tensorflow():
        import keras  # only here, because TensorFlow takes seconds to start
    if not zipfile.is_zipfile(path):  # of such a file, Keras says that it isn't found
        raise ValueError("it isn't a whole .keras file: save it or download it again")
    # Keras refuses files that contain code of their own.
    model = keras.models.load_model(path, compile=False)
    _check_finite(*model.get_weights())  # since a ReLU may hide NaN from the outputs
    return model


def _call_keras(model) -> Network:
    return lambda images: np.asarray(model(images, training=False))
