"""Run the command as `python -m utils.cli`."""

from utils.cli import app

app(prog_name="digits")
