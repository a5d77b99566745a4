"""The course's helper package: each function is introduced in a lesson before later lessons import it."""

from utils.threads import set_threads

set_threads()  # here, since every lesson imports something of it, and most of them NumPy before
