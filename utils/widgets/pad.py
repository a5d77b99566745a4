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
STILL = Path(__file__).with_suffix(".png")  # of a pad in use, for readers without a kernel
ALT = (
    "A pad with a 4 whose top is nearly closed. Beside it are ten bars: "
    "the 4 and the 9 share the probability, and the other digits have none."
)
