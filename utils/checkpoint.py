"""Save the state of a training run after each epoch, so that a run that was killed can resume."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from utils.data import atomic_write
from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras

NAME = "checkpoint.npz"
# What Keras's callbacks, such as EarlyStopping, remember from one epoch to the next.
REMEMBERED = ("best", "best_epoch", "best_weights", "wait", "stopped_epoch", "cooldown_counter")


class Checkpoint(keras.callbacks.History):
    """Save everything a run needs after each epoch, and restore it when training begins again.

    That is every variable of the model and the optimizer, including averaged weights and the random seeds of dropout;
    the history; and what the other `callbacks` remember. Place it after them in the list, so that it acts last.
    """

    def __init__(self, folder: str | Path, callbacks: Sequence[keras.callbacks.Callback] = ()):
        super().__init__()
        self.path = Path(folder) / NAME
        for part in self.path.parent.glob(".*.part.*"):  # left by a process killed while it saved
            part.unlink(missing_ok=True)
        self.callbacks = {f"{i} {type(one).__name__}": one for i, one in enumerate(callbacks)}
        self.saved = read_checkpoint(self.path) or {"epoch": [], "history": {}, "stopped": False}
        self.epoch, self.history = self.saved["epoch"], self.saved["history"]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Restore the saved state, now that the other callbacks have reset themselves."""
        if not self.epoch:
            return
        for variable, value in zip(self._variables(), self.saved["variables"], strict=True):
            variable.assign(value)
        for name, memory in self.saved["callbacks"].items():
            if name in self.callbacks:
                vars(self.callbacks[name]).update(memory)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Save the state after this epoch in place of the one before."""
        super().on_epoch_end(epoch, logs)
        memories = {
            name: {key: value for key, value in vars(one).items() if key in REMEMBERED}
            for name, one in self.callbacks.items()
        }
        state = {
            "epoch": self.epoch,
            "history": self.history,
            "stopped": self.model.stop_training,
            "callbacks": memories,
            "variables": [variable.numpy() for variable in self._variables()],
        }
        write_checkpoint(self.path, state)

    def _variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]


def write_checkpoint(path: str | Path, state: dict) -> None:
    """Write nested dicts and lists of numbers, strings, and arrays to one npz file, in a single atomic step."""
    arrays, content = [], io.BytesIO()

    def set_aside(array):
        arrays.append(array)
        return {"array": len(arrays) - 1}

    text = json.dumps(state, default=set_aside)
    np.savez(content, *arrays, state=text)
    with atomic_write(path) as part:
        part.write_bytes(content.getbuffer())


def read_checkpoint(path: str | Path) -> dict | None:
    """Load the state that `write_checkpoint` wrote, or return None if there is no whole checkpoint."""
    try:
        with np.load(path) as file:

            def put_back(node):
                return file[f"arr_{node['array']}"] if node.keys() == {"array"} else node

            return json.loads(str(file["state"]), object_hook=put_back)
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def epochs_done(folder: str | Path) -> int:
    """Return how many whole epochs the run in a folder has completed."""
    state = read_checkpoint(Path(folder) / NAME)
    return len(state["epoch"]) if state else 0
