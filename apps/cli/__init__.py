"""The `digits` command: train, evaluate, use, and export models in a terminal, with one file per command.

Each command imports what it needs when it runs, so neither `digits --help` nor `digits predict` waits for TensorFlow.
"""

from apps.cli import train, evaluate, predict, draw, export, report, submit, scale  # noqa: F401, I001  (in the order of the help)
from apps.cli.command import app

__all__ = ["app"]
