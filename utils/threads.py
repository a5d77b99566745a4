"""How many cores the course may use, and no more threads than that."""

import contextlib
import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_cpus(cgroup: Path = CGROUP) -> int:
    """Return how many CPU cores this process may really use, at least 1.

    A container's quota (cgroup v2, `cpu.max`) comes before the scheduler's affinity: Binder grants a fraction of a
    core on a machine that shows dozens.
    """
    visible = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    with contextlib.suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        if quota != "max":
            return max(1, min(visible, math.ceil(int(quota) / int(period))))
    return visible


def set_threads() -> int:
    """Set the number of threads of TensorFlow, before it starts, and of NumPy to the available cores, and return it.

    On a shared server, both see every core of the machine, and slow themselves down by using them all: with 16 threads
    on 2 cores, NumPy multiplies small matrices 200 times as slowly. Variables that are set already stay as they are.
    """
    cpus = str(available_cpus())
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, cpus)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", cpus))
    with contextlib.suppress(ImportError):  # the image of the web server has no threadpoolctl
        from threadpoolctl import threadpool_limits

        threadpool_limits(int(os.environ["OPENBLAS_NUM_THREADS"]), user_api="blas")
    return int(os.environ["TF_NUM_INTRAOP_THREADS"])
