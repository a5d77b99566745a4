"""What the explorers are built from: controls with names, a picture with alt text, and errors that show.

Some controls of ipywidgets fall short here: its slider has no name for screen readers, its list loses the arrow keys in
JupyterLab, and its picture has no alt text. Those are small anywidgets of our own; everything else is ipywidgets.
"""

import io
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import anywidget
import ipywidgets as widgets
import traitlets
from matplotlib.figure import Figure

from utils import plots
from utils.environment import is_strict

HERE = Path(__file__).parent


class Refused(ValueError):
    """Explain why a choice has no picture: the learner tried something, and the program is fine."""


class View(NamedTuple):
    """Describe what an explorer shows: the bytes of a PNG file, its alt text, and a remark below it."""

    png: bytes
    alt: str
    remark: str = ""


def _number() -> traitlets.TraitType:
    return traitlets.Union([traitlets.Int(), traitlets.Float()])


class Slider(anywidget.AnyWidget):
    """Choose a number with a slider whose name a screen reader can read; the slider of ipywidgets has none."""

    _esm = HERE / "slider.js"
    value, min, max, step = (_number().tag(sync=True) for _ in range(4))  # whole numbers stay whole
    description = traitlets.Unicode().tag(sync=True)

    def __init__(self, description: str, low: float, high: float, value: float, step: float = 1):
        super().__init__(description=description, min=low, max=high, step=step, value=value)

    @traitlets.validate("value")
    def _within(self, proposal):
        return min(max(proposal["value"], self.min), self.max)


class Choice(anywidget.AnyWidget):
    """Choose one of several texts from a list; in JupyterLab, the list of ipywidgets loses the arrow keys."""

    _esm = HERE / "choice.js"
    value = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)

    def __init__(self, description: str, options: Sequence[str], value: str | None = None):
        options = list(options)
        super().__init__(description=description, options=options, value=value or options[0])

    @traitlets.validate("value")
    def _among_options(self, proposal):
        if proposal["value"] not in self.options:
            raise traitlets.TraitError(
                f"expected one of {', '.join(self.options)}, got {proposal['value']!r}"
            )
        return proposal["value"]


class NumberTable(anywidget.AnyWidget):
    """Edit a small table of numbers, each in a field named after its row and column."""

    _esm = HERE / "number_table.js"
    value = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)


class Picture(anywidget.AnyWidget):
    """Show a picture with alt text, a remark that is read aloud when it changes, and any error."""

    _esm = HERE / "picture.js"
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)
    fault = traitlets.Unicode().tag(sync=True)

    def show(self, view: View) -> None:
        """Show a view, in one message to the browser."""
        with self.hold_sync():
            self.png, self.alt, self.remark, self.fault = *view, ""


class Explorer(widgets.VBox):
    """Redraw a picture whenever a control changes; an error in `draw` is shown in place of the picture."""

    def __init__(self, *controls: widgets.DOMWidget, rows: list[widgets.DOMWidget] | None = None):
        self.picture = Picture()
        # The kernel handles a control's first change in a different thread than later ones.
        self.lock = threading.RLock()
        super().__init__([*(rows or controls), self.picture])
        for control in controls:
            control.observe(self.redraw, "value")
        self.redraw()

    def draw(self) -> View:
        """Return the view that the controls ask for, or raise Refused with the reason why there is none."""
        raise NotImplementedError

    def redraw(self, _=None) -> None:
        """Show what the controls ask for now, one picture at a time, so that the last shows the last change."""
        with self.lock:
            try:
                self.picture.show(self.draw())
            except Refused as reason:
                self.picture.fault = str(reason)
            except Exception as fault:
                self.picture.fault = in_words(fault)
                if is_strict():
                    raise

    def _repr_mimebundle_(self, **options):
        """Return the widget and, for readers without a kernel, its picture."""
        bundle, picture = super()._repr_mimebundle_(**options), self.picture
        if not picture.png:
            return bundle
        still = {"image/png": plots.to_base64(picture.png)}
        return bundle | still, {"image/png": {"alt": picture.alt}}

    def __repr__(self) -> str:
        return invitation(self)


def to_png(figure: Figure) -> bytes:
    """Render a figure as the bytes of a PNG file, in a third of the time that a lesson's figure takes.

    The layout is what takes time, so an explorer's figure has fixed margins (`figure.subplots_adjust`).
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def invitation(widget: widgets.DOMWidget) -> str:
    """Return the text that stands in for a widget while no kernel runs."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(widget).__name__)
    return f"{name.capitalize()}: run this cell to use it."


def in_words(fault: Exception) -> str:
    """Return an error as one line for the learner."""
    return f"{type(fault).__name__}: {fault}. Run the cell again; if it stays, please report it."
