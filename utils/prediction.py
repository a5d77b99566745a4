"""Read digits: the one way from an image to an answer that notebooks, command line and apps share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.preprocessing import NoDigitFound, scale, to_mnist_form

MODELS = Path(__file__).parents[1] / "data" / "models"


@dataclass(frozen=True)
class Prediction:
    """Hold what was read: the digit, how sure the network is, all ten probabilities, or the reason for no digit.

    Taught in notebooks/00_start_here.ipynb
    """

    digit: int | None
    confidence: float
    probabilities: np.ndarray
    reason: str = ""


class DigitReader:
    """Read handwritten digits with a trained model: a name in data/models, the path of a `.keras` file, or a model.

    Taught in notebooks/00_start_here.ipynb
    """

    def __init__(self, model="reference"):
        self.model = _load(model) if isinstance(model, (str, Path)) else model

    def read(self, image, ink: str = "auto") -> Prediction:
        """Read the one digit in a PIL image, array, path or the bytes of an image file.

        Raises UnreadableImage where there is no picture; a blank page gives a prediction without a digit.
        Taught in notebooks/00_start_here.ipynb
        """
        try:
            digit = to_mnist_form(image, ink)
        except NoDigitFound as nothing:
            return Prediction(None, 0.0, np.full(10, 0.1, "float32"), reason=str(nothing))
        probabilities = self.predict_batch(digit[np.newaxis])[0]
        best = int(probabilities.argmax())
        return Prediction(best, float(probabilities[best]), probabilities)

    def predict_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 (n, 10), of digits in MNIST's form, uint8 (n, 28, 28).

        Taught in notebooks/07_evaluate_the_cnn.ipynb
        """
        # A thousand at a time: as floats the whole test set with its feature maps would need gigabytes.
        parts = [self.model(scale(images[i : i + 1000]), training=False) for i in range(0, max(1, len(images)), 1000)]
        return np.concatenate([np.asarray(part) for part in parts])


def _load(model: str | Path):
    path = Path(model) if Path(model).suffix else MODELS / f"{model}.keras"
    if not path.is_file():
        raise FileNotFoundError(f"there is no model {path}: give a name from data/models, or the path of a .keras file")
    from utils.environment import quiet_tensorflow  # only here, because TensorFlow takes seconds to start

    with quiet_tensorflow():
        import keras
    return keras.models.load_model(path)
