"""The `digits` command: train, judge, use and export readers of digits in a terminal.

Each command imports what it needs when it runs: `digits --help` must not wait for TensorFlow, nor must `predict`.
"""

from apps.cli import train, evaluate, predict, draw, export, report, submit, scale  # noqa: F401, I001  (in the order of the help)
from apps.cli.command import app

__all__ = ["app"]
