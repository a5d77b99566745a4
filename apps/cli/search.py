"""What `digits scale sweep` tries, and where it keeps what it found."""

import errno
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import optuna
import sqlalchemy

from apps.cli.train import chosen_recipe

# A tuple is a range (with "log": of powers), a list is a choice. The names are those of a recipe's parts.
SPACE = {
    "max_lr": (1e-4, 3e-2, "log"),
    "batch_size": [32, 64, 128],
    "label_smoothing": (0.0, 0.2),
}

# A database's URL with a part forgotten; as a file, it would become a folder that has the password in its name.
LIKE_URL = re.compile(
    r"[:@]|//|^(postgres|mysql|mariadb|oracle|mssql|sqlite)[\w+]*/", re.IGNORECASE
)


def suggest(trial: optuna.Trial, space: dict) -> dict:
    """Return a value for each name in the space: from a range (low, high), (low, high, "log"), or a list of choices."""
    chosen = {}
    for name, values in space.items():
        if isinstance(values, list):
            chosen[name] = trial.suggest_categorical(name, values)
        else:
            low, high, *scale = values
            whole = isinstance(low, int) and isinstance(high, int)
            pick = trial.suggest_int if whole else trial.suggest_float
            chosen[name] = pick(name, low, high, log=scale == ["log"])
    return chosen


@dataclass(frozen=True)
class RecipeObjective:
    """Train a recipe with parts chosen from a space, and return the validation accuracy.

    Each epoch's accuracy is reported, and a trial that lags behind is pruned.
    """

    recipe: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    space: dict = field(default_factory=SPACE.copy)
    changes: dict = field(default_factory=dict)
    seed: int = 0

    def describe(self) -> dict:
        """Return what makes this search, to compare with another."""
        digest = hashlib.sha256()
        for part in (*self.train, *self.validation):
            digest.update(np.ascontiguousarray(part))
        data = {"train_digits": len(self.train[0]), "data_sha256": digest.hexdigest()[:16]}
        return {"recipe": self.recipe, "changes": self.changes, "space": self.space, **data}

    def __call__(self, trial: optuna.Trial) -> float:
        """Return the accuracy of one trial."""
        # Here, in the worker, because TensorFlow takes seconds to start.
        from utils.training import fit, keras

        def report(epoch: int, logs: dict) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        keras.utils.clear_session()  # what the last trial has left
        recipe = chosen_recipe(self.recipe, {**self.changes, **suggest(trial, self.space)})
        watch = [keras.callbacks.LambdaCallback(on_epoch_end=report)]
        run = fit(recipe, self.train, self.validation, self.seed, callbacks=watch, verbose=0)
        return run[1].history["val_accuracy"][-1]


def database_url(storage: str | Path) -> str:
    """Return the URL of a database: the one given, or that of an SQLite file, whose folder is made.

    Raises ValueError if it's a file of another kind, or an address with a slip: a forgotten colon, say.
    """
    if _is_url(str(storage)):
        return str(storage)
    path = Path(storage)
    local = path.is_absolute() or str(storage).startswith(("./", ".\\", "../", "..\\"))
    if not local and LIKE_URL.search(str(storage)):  # not shown, as there may be a password in it
        expected = "expected a file like sweep.db, or a URL like postgresql://user@host/studies"
        raise ValueError(f"storage: {expected}; write a file with such a name as ./name")
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.is_file() else path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if path.is_file() and path.read_bytes()[:6] not in (b"", b"SQLite"):
        raise ValueError(
            f"{path} is no SQLite database: it may be the journal of an older sweep. Name another file"
        )
    # With its own signs for ? and %, which mean something else in a URL.
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()


def _is_url(storage: str) -> bool:
    try:
        return bool(sqlalchemy.make_url(storage))
    except (ValueError, sqlalchemy.exc.ArgumentError):  # a port that's no number, or no URL at all
        return False


def shown(url: str) -> str:
    """Return the URL of a database without its password and its options, or the path of its file."""
    parsed = sqlalchemy.make_url(url)
    if parsed.drivername == "sqlite":
        return parsed.database
    return parsed.set(query={}).render_as_string(hide_password=True)
