"""The course's helper package: each function is introduced in a lesson before later lessons import it."""

import os

from utils.threads import set_threads

set_threads()  # here, since every lesson imports something of it, and most of them NumPy before
# Keras's settings are those of other projects, with another backend or order of axes, so ours has a folder of its own.
for name in [name for name in os.environ if name.startswith("KERAS_")]:
    del os.environ[name]
os.environ["KERAS_HOME"] = os.path.expanduser("~/.keras/reading-handwritten-digits")
