"""Write the digits that the page for training a network loads, as a script.

    python docs/train/export.py

They are the 5,000 digits of MNIST that come with the course: 4,000 to train on, then 1,000 to judge by. The
page opens from a folder, where a browser loads classic scripts and nothing else. So the pixels travel as text:
base64 of what gzip makes of the bytes.
"""

import argparse
import base64
import gzip
import json
from pathlib import Path

import numpy as np

from utils.data import Mnist, atomic_write, load_mnist

HERE = Path(__file__).parent
NOTE = """// Written by export.py. The digits are MNIST's, by Yann LeCun, Corinna Cortes, and Christopher Burges,
// under the Creative Commons license Attribution-ShareAlike 3.0 (https://creativecommons.org/licenses/by-sa/3.0/).
"""


def digits_script(mnist: Mnist) -> str:
    """Return a script that holds the digits of MNIST, those to train on first, with their source and license."""
    pixels = np.concatenate([mnist.x_train, mnist.x_test]).tobytes()
    labels = np.concatenate([mnist.y_train, mnist.y_test])
    digits = {
        "train": len(mnist.x_train),
        "labels": "".join(map(str, labels)),
        "pixels": base64.b64encode(gzip.compress(pixels, mtime=0)).decode(),
    }
    return f"{NOTE}const DIGITS = {json.dumps(digits)};\n"


def main() -> None:
    """Write the script, beside the page or into another folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE, help="the folder to write to")
    chosen = parser.parse_args()
    with atomic_write(chosen.output / "digits.js") as part:
        part.write_text(digits_script(load_mnist("sample")), encoding="utf-8")


if __name__ == "__main__":
    main()
