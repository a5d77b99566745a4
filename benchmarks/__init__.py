"""Scripts that measure the course, and the results they recorded."""
