"""Scripts that measure the course, and the results they recorded."""

import utils  # noqa: F401  (before NumPy and Keras, for which it sets threads and settings)
