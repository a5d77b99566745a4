"""Keep every test run on this machine and on the embedded digits.

pytest loads this plugin (`-p tests.offline` in pyproject.toml) in the main process and in each of its workers, before
any test is collected. Kernels that run notebooks, and all other Python processes, inherit the environment set here.
"""

import os
import signal
import tempfile
from functools import cache
from pathlib import Path

import matplotlib
import pytest

from tests.offline import sitecustomize  # importing it blocks the network in this process

GUARD = str(Path(sitecustomize.__file__).parent)
IN_CI = bool(os.environ.get("CI"))


@cache
def runs() -> tempfile.TemporaryDirectory:
    """Return the folder of all that lessons and tests make; only pytest's own processes have one."""
    return tempfile.TemporaryDirectory(prefix="digits-runs-", ignore_cleanup_errors=True)


def pytest_configure():
    """Prepare this process and what it starts: the guard, the embedded digits, figures without a window."""
    paths = [
        path
        for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if path not in ("", GUARD)
    ]
    # Python imports `sitecustomize` from its path at start-up: so the guard stands in every kernel too.
    os.environ["PYTHONPATH"] = os.pathsep.join([GUARD, *paths])
    os.environ["MNIST_SOURCE"] = "sample"
    os.environ["DIGITS_RUNS"] = runs().name
    # One thread for each worker's kernel: with more, their threads wait for each other and scikit-learn crawls.
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")
    # A shell starts a job in the background deaf to Ctrl-C, and so would be all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not through MPLBACKEND, which kernels would inherit: there, figures must appear as they do for a learner.
    matplotlib.use("agg")


def pytest_unconfigure():
    """Leave nothing behind of what lessons and tests have made."""
    runs().cleanup()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Let what goes wrong in a lesson or a solution raise; an exercise that nobody has answered yet must not."""
    is_notebook = item.path.suffix == ".ipynb"
    strict = is_notebook and item.path.parent.name != "exercises"
    os.environ["DIGITS_STRICT"] = "1" if strict else "0"
    # No notebook finds what another one has made: which of them ran before it is chance.
    own = os.path.join(runs().name, item.path.parent.name, item.path.stem)
    os.environ["DIGITS_RUNS"] = own if is_notebook else runs().name


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    """Turn a skipped test into a failed one where CI is set."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    """Turn a skipped module into a failed one where CI is set."""
    return _refuse_skip((yield))


def _refuse_skip(report):
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which no CI run may do: install or provide what is missing.\n{report.longrepr}"
    return report
