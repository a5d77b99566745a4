"""Start a real JupyterLab, and stop it."""

import contextlib
import json
import os
import socket
import subprocess
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

TOKEN = "a-token-of-the-tests"


def free_port():
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def lab_flags(port):
    """Return the flags by which a test reaches a JupyterLab, as root too."""
    flags = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    return flags + (["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else [])


@contextlib.contextmanager
def running(command, port, cwd, env=None, seconds=180):
    """Run a command that starts JupyterLab on a port; yield its address once it answers, then shut it down.

    Raises RuntimeError, with what the command printed, where it ends early or does not answer within `seconds`.
    """
    address = f"http://127.0.0.1:{port}"
    log = cwd / f"lab-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait_until_it_answers(process, address, seconds, log)
        yield address
        urlopen(Request(f"{address}/api/shutdown?token={TOKEN}", method="POST"), timeout=10).close()
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(process, address, seconds, log):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(URLError, ConnectionError, TimeoutError):
            with urlopen(f"{address}/api/status?token={TOKEN}", timeout=5) as answer:
                json.load(answer)
            return
        time.sleep(0.3)
    raise RuntimeError(f"no JupyterLab at {address} within {seconds} s:\n{log.read_text()[-3000:]}")
