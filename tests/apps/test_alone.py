"""A folder belongs to one process at a time, and to nobody after that process has died."""

import subprocess
import sys

import pytest

from apps.alone import alone_in

HOLD = """
import sys
from apps.alone import alone_in
with alone_in(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_folder_is_refused_until_its_process_is_killed(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(BlockingIOError, match="another process is training in"),
            alone_in(tmp_path),
        ):
            pass
        holder.kill()
    for _ in range(2):
        with alone_in(tmp_path):
            assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_folder_that_cannot_be_locked_is_named(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(OSError, match=r"lock can't be locked"), alone_in(tmp_path):
        pass
