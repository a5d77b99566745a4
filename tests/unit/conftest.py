"""What the unit tests share."""

import os

# Windows has no make; README lists the commands for it, and tests/setup runs them.
collect_ignore = ["test_makefile.py"] if os.name == "nt" else []
