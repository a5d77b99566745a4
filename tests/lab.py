"""Start real servers, a JupyterLab above all, and stop them."""

import contextlib
import os
import random
import socket
import subprocess
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

TOKEN = "a-token-of-the-tests"


def free_port():
    """Return a port that nobody uses now, nor will soon: below those that systems hand out to any connection."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", random.randrange(20_000, 30_000))) as server,
        ):
            return server.getsockname()[1]


def lab_flags(port):
    """Return the flags by which a test reaches a JupyterLab, as root too."""
    flags = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    # Kernels listen on files: nobody else can take them, as happens to ports.
    flags.append("--KernelManager.transport=ipc")
    return flags + (["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else [])


@contextlib.contextmanager
def running(command, port, cwd, env=None, seconds=180):
    """Run a command that starts JupyterLab on a port; yield its address once it answers, then shut it down."""
    address = f"http://127.0.0.1:{port}"
    with served(
        command, f"{address}/api/status?token={TOKEN}", cwd / f"lab-{port}.log", cwd, env, seconds
    ) as process:
        yield address
        urlopen(Request(f"{address}/api/shutdown?token={TOKEN}", method="POST"), timeout=60).close()
        process.wait(timeout=120)


@contextlib.contextmanager
def served(command, health, log, cwd, env=None, seconds=180):
    """Run a command that starts a server; yield its process once the address `health` answers, then end it.

    Raises RuntimeError, with what the command wrote into its log, where it ends early or does not answer in time.
    """
    with log.open("a") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait_until_it_answers(process, health, seconds, log)
        yield process
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
    finally:
        process.kill()  # Streamlit at times waits on for its visitors; that ours ends well is tested in tests/apps
        process.wait()


def _wait_until_it_answers(process, health, seconds, log):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with (
            contextlib.suppress(URLError, ConnectionError, TimeoutError),
            urlopen(health, timeout=5),
        ):
            return
        time.sleep(0.2)
    raise RuntimeError(f"no answer from {health} within {seconds} s:\n{log.read_text()[-3000:]}")
