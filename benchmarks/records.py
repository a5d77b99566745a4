"""Write and read the recorded results: JSON files beside this one, with the machine and versions they come from."""

import datetime
import importlib.metadata
import json
import platform
from pathlib import Path

from utils.data import atomic_write
from utils.environment import available_cpus, available_memory

FOLDER = Path(__file__).parent


def load(name: str) -> dict:
    """Return the record `name`, or an empty one where nothing was recorded yet."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save(name: str, record: dict) -> Path:
    """Write the record beside its old version, then put it in its place."""
    path = FOLDER / f"{name}.json"
    with atomic_write(path) as part:
        part.write_text(json.dumps(record, indent=2) + "\n")
    return path


def machine() -> dict:
    """Describe what a record was measured on."""
    packages = ("tensorflow", "tensorflow-cpu", "keras", "numpy")
    installed = {found.name.replace("_", "-") for found in importlib.metadata.distributions()}
    return {
        "date": datetime.date.today().isoformat(),
        "cores": available_cpus(),
        "memory_gb": round((available_memory() or 0) / 1e9, 1),
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages if name in installed},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
