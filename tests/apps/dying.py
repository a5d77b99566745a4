"""What a process of the web server does in a test in which it dies."""

import os
import signal


def die(*arguments):
    """End this process as its own limit on time does."""
    os.kill(os.getpid(), signal.SIGPROF)
