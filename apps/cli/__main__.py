"""Run the command as `python -m apps.cli`."""

from apps.cli import app

app(prog_name="digits")
