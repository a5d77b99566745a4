"""Who imports whom: a module uses only what lies below it, and what must start fast stays light."""

import graphlib
import subprocess
import sys

import pytest

from tests.imports import IMPORTS, imports_of
from tests.tree import ROOT

# Top first. A module imports from the layers below its own, and from its own folder.
LAYERS = [
    ["apps"],
    ["utils.exercises"],
    ["utils.widgets"],
    ["utils.interpretation", "utils.prediction"],
    ["utils.training", "utils.evaluation"],
    ["utils.models", "utils.checkpoint"],
    ["utils.augmentation", "utils.camera", "utils.plots"],
    ["utils.photos"],
    ["utils.paper"],
    ["utils.preprocessing"],
    ["utils.files"],
    ["utils.environment"],
    ["utils.data"],
    ["utils.threads"],
]


def layer_of(name):
    """Return the layer of a module, counted from the top, and the entry that places it."""
    places = [(n, entry) for n, layer in enumerate(LAYERS) for entry in layer]
    return next((place for place in places if f"{name}.".startswith(f"{place[1]}.")), None)


def points_up(name, target):
    """Tell whether an import leads to a layer above, or to a neighbor in the same layer."""
    (above, own), (below, other) = layer_of(name), layer_of(target)
    return below < above or (below == above and own != other)


@pytest.mark.parametrize("name", [name for name in IMPORTS if name != "utils"])
def test_module_imports_only_from_below(name):
    assert layer_of(name), f"{name} has no place in LAYERS"
    # Until the questions move to exercises/, a lesson's checks may use what their lesson uses.
    if not name.startswith("utils.exercises.lesson_"):
        faults = [
            target for target in IMPORTS[name] if target != "utils" and points_up(name, target)
        ]
        assert not faults, f"{name} imports {', '.join(faults)}: imports point down only"


def test_no_imports_run_in_a_circle():
    graph = {name: IMPORTS[name] - {name} for name in IMPORTS}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("name", "source", "bad"),
    [
        ("utils.plots", "from utils.data import load_mnist", False),
        ("utils.plots", "import utils.training", True),
        ("utils.plots", "from utils import augmentation", True),
        ("utils.models", "def f():\n    from utils import training", True),
        ("utils.widgets.pad", "from utils.widgets import explorer", False),
        ("utils.widgets.pad", "from apps.cli import command", True),
        ("apps.cli.draw", "from apps.web import server", False),
    ],
)
def test_import_that_points_up_is_found(name, source, bad):
    assert any(points_up(name, target) for target in imports_of(source)) == bad


LIGHT = [
    "utils.data", "utils.files", "utils.photos", "utils.plots", "utils.prediction", "utils.environment",
    "utils.widgets.pad", "apps.cli", "apps.cloud", "apps.kaggle", "apps.scaling",
]  # fmt: skip
IMPORT_ALL = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    if {"tensorflow", "keras"} & set(sys.modules):
        sys.exit(f"`import {module}` costs seconds: it imports TensorFlow")
"""


def test_light_modules_do_not_import_tensorflow():
    command = [sys.executable, "-c", IMPORT_ALL, *LIGHT]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
