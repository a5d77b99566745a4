"""Write what the page for trying it loads: the robust network, and the pad of the lessons, as scripts.

    python docs/try/export.py

The page opens from a folder, where a browser loads classic scripts and nothing else. So the weights travel as
text: base64 of 16-bit floats, layer by layer, each kernel (rows, columns, inputs, outputs) before its bias.
"""

import argparse
import base64
import json
import re
from pathlib import Path

import numpy as np

from utils.data import atomic_write
from utils.environment import quiet_tensorflow
from utils.prediction import MODELS, MOST_DOUBT

with quiet_tensorflow():
    import keras

HERE = Path(__file__).parent
PAD = HERE.parents[1] / "utils" / "widgets" / "pen.js"


def fold(model: keras.Model) -> list[dict]:
    """Return a network's layers, in order, each with its `kernel`, its `bias`, and the size of its max pooling.

    Batch normalization multiplies and adds, so it becomes a part of the convolution before it. Raises
    ValueError if the page can't run the network.
    """
    folded = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Conv2D", "Dense"):
            kernel, *bias = layer.get_weights()
            bias = bias[0] if bias else np.zeros(kernel.shape[-1])
            folded.append({"kernel": kernel, "bias": bias, "pool": 1})
        elif kind == "MaxPooling2D":
            folded[-1]["pool"] = layer.pool_size[0]
        elif kind == "BatchNormalization":
            _fold_normalization(folded[-1], layer)
        elif kind not in ("InputLayer", "ReLU", "GlobalAveragePooling2D"):
            raise ValueError(f"{layer.name}: the page has no {kind}, so train a network without it")
    return folded


def _fold_normalization(convolution, layer):
    gamma, beta, mean, variance = layer.get_weights()
    scale = gamma / np.sqrt(variance + layer.epsilon)
    if convolution["pool"] > 1 and scale.min() <= 0:
        raise ValueError(
            f"{layer.name}: a negative scale turns the largest value of a block into its smallest"
        )
    convolution["kernel"] = convolution["kernel"] * scale
    convolution["bias"] = (convolution["bias"] - mean) * scale + beta


def network_script(model: keras.Model, card: dict) -> str:
    """Return a script that holds a network, its weights in 16 bits, and what its card says."""
    layers = fold(model)
    weights = [layer[part].ravel() for layer in layers for part in ("kernel", "bias")]
    content = np.concatenate(weights).astype("<f2").tobytes()
    network = {
        "layers": [{"shape": layer["kernel"].shape, "pool": layer["pool"]} for layer in layers],
        "abstainBelow": card["abstain_below"],
        "mostDoubt": MOST_DOUBT,
        "weights": base64.b64encode(content).decode(),
    }
    return f"// Written by export.py: a network that reads digits.\nconst NETWORK = {json.dumps(network)};\n"


def pad_script() -> str:
    """Return the pad of the lessons, a module, as a script that makes one object of what it exports."""
    source = PAD.read_text(encoding="utf-8")
    names = ", ".join(re.findall(r"^export (?:const|function) (\w+)", source, re.MULTILINE))
    body = re.sub("^export ", "", source, flags=re.MULTILINE)
    note = "// Written by export.py from utils/widgets/pen.js."
    return f"{note}\nconst pad = (() => {{\n{body}\nreturn {{ {names} }};\n}})();\n"


def main() -> None:
    """Write both scripts, beside the page or into another folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="robust", help="its name in data/models")
    parser.add_argument("--output", type=Path, default=HERE, help="the folder to write to")
    chosen = parser.parse_args()
    model = keras.models.load_model(MODELS / f"{chosen.model}.keras", compile=False)
    card = json.loads((MODELS / f"{chosen.model}.json").read_text(encoding="utf-8"))
    scripts = {"network.js": network_script(model, card), "pad.js": pad_script()}
    for name, script in scripts.items():
        with atomic_write(chosen.output / name) as part:
            part.write_text(script, encoding="utf-8")


if __name__ == "__main__":
    main()
