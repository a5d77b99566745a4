"""Start the kernels of notebooks warm: forked from a process that has imported what most lessons import.

pytest loads this plugin (`-p tests.warm` in pyproject.toml). Without it, each of forty notebooks would spend seconds
importing TensorFlow. It works on Linux only: elsewhere, a process that has imported TensorFlow doesn't fork reliably.
"""

import gc
import multiprocessing
import os
import sys
import tempfile
import traceback
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from tests.offline import runs

ROOT = str(Path(__file__).parents[1])
# Whatever reads a notebook would build a parser of web addresses first, for seconds, and never use it.
sys.modules["rfc3987_syntax"] = None
# Nothing of the course itself: each lesson must find `utils` on its own.
PACKAGES = [
    "ipykernel.kernelapp", "ipywidgets", "anywidget", "pandas", "matplotlib.pyplot", "seaborn", "plotly.graph_objects",
    "sklearn", "skimage.filters", "skimage.morphology", "onnxruntime", "keras",
]  # fmt: skip

# Where this plugin starts kernels, their server, which has imported TensorFlow, starts other processes too.
PROCESSES = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")


class WarmKernel:
    """Look like the `subprocess.Popen` of a kernel that was started on its own."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess):
        self.process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel is running."""
        return self.process.exitcode

    def wait(self) -> int:
        """Wait until the kernel ends, and return its exit code."""
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.process.terminate()

    def kill(self) -> None:
        """End the kernel."""
        self.process.kill()


def pytest_configure():
    """Let every kernel of this process start warm."""
    if sys.platform == "linux":
        from jupyter_client.provisioning import local_provisioner

        multiprocessing.set_forkserver_preload(PACKAGES)
        local_provisioner.launch_kernel = launch_warm
        local_provisioner.LocalProvisioner.pre_launch = _listen_on_files(
            local_provisioner.LocalProvisioner.pre_launch
        )


def pytest_collection_finish():
    """Let the search for garbage pass over the tests and all that they have imported: they stay to the end."""
    gc.freeze()


def launch_warm(command, cwd=None, env=None, **_):
    """Fork a kernel instead of running the command `python -m ipykernel_launcher …`."""
    arguments = command[command.index("ipykernel_launcher") + 1 :]
    started, writer = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_run_kernel, args=(arguments, cwd, env, writer))
    # A fork first runs the file of the `__main__` module: none for a kernel, whatever a test has left there.
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    writer.close()  # so that a kernel that dies ends the wait below, with EOFError
    if error := started.recv():
        raise RuntimeError(f"The kernel died at its start.\n{error}")
    return WarmKernel(process)


def _listen_on_files(pre_launch):
    """Let kernels listen on files: a port that was free may belong to another test by the time a kernel listens."""

    async def wrapped(provisioner, **options):
        manager = provisioner.parent
        if manager.transport == "tcp":
            manager.transport = "ipc"
            manager.ip = os.path.join(tempfile.mkdtemp(dir=runs().name), "kernel")
        return await pre_launch(provisioner, **options)

    return wrapped


def _run_kernel(arguments, cwd, env, started):
    # Here, because in pytest's own process importing a kernel would change what widgets send.
    import keras
    import matplotlib
    import tensorflow as tf
    from ipykernel.kernelapp import IPKernelApp

    # In a training of seconds, to optimize TensorFlow's graphs takes longer than it saves.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    # `make lessons` runs all epochs of a lesson. The networks of a solution must be good ones.
    if Path(cwd).name == "notebooks":
        keras.config.set_max_epochs(3)
    gc.freeze()  # what it shares with all other kernels is no garbage, and is not copied for a look at it
    os.setsid()  # killing a kernel kills its group: what it started, but not the tests
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:] = [
        path for path in sys.path if path != ROOT
    ]  # the tests' way to the course; a lesson has its own
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    kernel = IPKernelApp.instance(parent_handle=os.getppid())
    try:
        kernel.initialize(arguments)
    except BaseException:
        started.send(traceback.format_exc())
        raise
    started.send(None)
    kernel.start()
