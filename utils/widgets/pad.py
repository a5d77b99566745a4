"""The draw pad: draw a digit with a mouse, a finger, or the arrow keys, and see what is read."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from utils import plots
from utils.environment import is_strict
from utils.prediction import DigitReader, Prediction
from utils.preprocessing import SIDE
from utils.widgets.explorer import in_words, invitation

EMPTY = bytes(SIDE * SIDE)
HERE = Path(__file__).parent
STILL = HERE / "pad.png"  # of a pad in use, for readers without a kernel
ALT = (
    "A pad with a 4 whose top is nearly closed. Beside it are ten bars: "
    "the 4 and the 9 share the probability, and the other digits have none."
)


def _one_module() -> str:
    """Return the pad as one module, since anywidget sends a single file to the browser."""
    pen, (_, pad) = (HERE / "pen.js").read_text(), (HERE / "pad.js").read_text().split("\n", 1)
    return pen + pad


class DrawPad(anywidget.AnyWidget):
    """Draw in MNIST's 28 x 28 pixels; with a reader, see its ten probabilities while you draw."""

    _esm = _one_module()
    # Row by row, 0 for paper and 255 for ink. The browser sends a view of its message, which is turned into bytes.
    pixels = traitlets.Bytes(EMPTY).tag(sync=True, from_json=lambda sent, _: bytes(sent))
    probabilities = traitlets.List(traitlets.Float()).tag(sync=True)
    prediction = traitlets.Unicode().tag(sync=True)
    fault = traitlets.Unicode().tag(sync=True)

    def __init__(self, reader: DigitReader | None = None):
        self.reader = reader
        super().__init__()
        self.observe(self._read, "pixels")
        self._read()

    @property
    def image(self) -> np.ndarray:
        """Return a copy of the drawing, uint8 (28, 28), light ink on black."""
        return np.frombuffer(self.pixels, "uint8").reshape(SIDE, SIDE).copy()

    def set_pixels(self, image: np.ndarray) -> None:
        """Draw an image, uint8 (28, 28), for tests and for readers without a mouse."""
        if np.shape(image) != (SIDE, SIDE) or getattr(image, "dtype", None) != np.uint8:
            found = f"{getattr(image, 'dtype', type(image).__name__)} of shape {np.shape(image)}"
            raise ValueError(f"expected uint8 of shape (28, 28), got {found}: use to_mnist_form()")
        self.pixels = image.tobytes()

    def clear(self) -> None:
        """Wipe the pad."""
        self.pixels = EMPTY

    def _read(self, _=None) -> None:
        if self.reader is None:
            return
        try:
            seen = self.reader.read(self.image, ink="light")
            with self.hold_sync():
                self.fault = ""
                self.probabilities = [] if seen.digit is None else seen.probabilities.tolist()
                self.prediction = _in_words(seen)
        except Exception as fault:
            self.fault = in_words(fault)
            if is_strict():
                raise

    def _repr_mimebundle_(self, **options):
        """Return the widget and, for readers without a kernel, a picture of a pad in use."""
        bundle, _ = super()._repr_mimebundle_(**options)
        size = {"width": 528, "height": 375}
        still = {"image/png": plots.to_base64(STILL.read_bytes())}
        return bundle | still, {"image/png": {"alt": ALT} | size}

    def __repr__(self) -> str:
        return invitation(self)


def _in_words(seen: Prediction) -> str:
    if seen.digit is not None:
        return f"{seen.digit}, {seen.confidence:.0%} sure"
    return "nothing yet" if seen.image is None else "no digit"
