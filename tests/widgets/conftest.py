"""What the tests of the explorers share."""

import sys

import pytest


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the rendering of pictures, the slow part, where a test reads only what is said about many of them."""
    for name, module in list(sys.modules.items()):
        if name.startswith("utils.widgets.") and hasattr(module, "to_png"):
            monkeypatch.setattr(module, "to_png", lambda figure: b"")
