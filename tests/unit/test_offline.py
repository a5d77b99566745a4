"""Prove that the guard of tests/offline holds: in pytest, in the kernels of notebooks, and in what they start."""

import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest

from tests.offline.sitecustomize import is_local

ROOT = Path(__file__).parents[2]
ELSEWHERE = "http://192.0.2.1/"  # an address reserved for documentation: nobody is there

SERVE_AND_READ = """\
import http.server, threading, urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://localhost:{server.server_port}/").status == 200
server.shutdown()"""
FALL_BACK = f"""\
import urllib.request
try:
    urllib.request.urlopen("{ELSEWHERE}", timeout=1)
except Exception:
    print("swallowed")"""
LOOK_UP = """\
import socket
try:
    socket.getaddrinfo("example.org", 443)
except Exception:
    print("swallowed")"""
IN_A_CHILD = f"""\
import subprocess, sys
code = "import urllib.request as u\\ntry: u.urlopen('{ELSEWHERE}', timeout=1)\\nexcept Exception: pass"
subprocess.run([sys.executable, "-c", code], check=True)"""


def run_pytest(folder, **environment):
    """Run pytest with the project's own settings on a folder of scratch tests."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "pyproject.toml",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        str(folder),
        "--continue-on-collection-errors",
    ]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


def write_notebook(path, *sources):
    """Write a notebook of code cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_notebooks_reach_only_this_machine_and_the_sample(tmp_path):
    write_notebook(tmp_path / "leaves.ipynb", "1 + 1", FALL_BACK, LOOK_UP, IN_A_CHILD)
    write_notebook(tmp_path / "loopback.ipynb", SERVE_AND_READ)
    write_notebook(
        tmp_path / "source.ipynb", "import os\nassert os.environ['MNIST_SOURCE'] == 'sample'"
    )
    result = run_pytest(tmp_path, MNIST_SOURCE="full")
    assert result.returncode == 1 and "3 failed, 3 passed" in result.stdout, result.stdout
    assert re.findall(r"FAILED (\S+)", result.stdout) == ["leaves.ipynb::Cell"] * 3, result.stdout
    assert result.stdout.count("A test tried to leave the machine") >= 2, result.stdout


def test_python_that_leaves_the_machine_fails():
    with pytest.raises(BaseException, match=r"tried to leave the machine.*192\.0\.2\.1") as attempt:
        urlopen(ELSEWHERE, timeout=1)
    assert not isinstance(attempt.value, Exception), "a fallback could swallow it"
    with pytest.raises(BaseException, match=r"tried to leave the machine.*example\.org"):
        socket.create_connection(("example.org", 443), timeout=1)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        pytest.raises(BaseException, match="tried to leave the machine"),
    ):
        datagram.sendto(b"?", ("192.0.2.1", 53))


def test_loopback_stays_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        socket.create_connection(server.getsockname(), timeout=5).close()
        thread.join()


@pytest.mark.parametrize("host", ["localhost", b"127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", None])
def test_this_machine_is_local(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["example.org", b"192.0.2.1", "10.0.0.1", "169.254.169.254", "2001:db8::1"]
)
def test_other_machines_are_not_local(host):
    assert not is_local(host)


def test_a_skip_fails_in_ci_alone(tmp_path):
    (tmp_path / "test_function.py").write_text(
        "import pytest\ndef test_a(): pytest.skip('no browser')\n"
    )
    (tmp_path / "test_module.py").write_text(
        "import pytest\npytest.importorskip('no_such_module')\n"
    )
    at_home, in_ci = run_pytest(tmp_path, CI=""), run_pytest(tmp_path, CI="true")
    assert at_home.returncode == 0 and "2 skipped" in at_home.stdout, at_home.stdout
    assert in_ci.returncode != 0 and "1 failed, 1 error" in in_ci.stdout, in_ci.stdout
    assert in_ci.stdout.count("no CI run may do") >= 2, in_ci.stdout
