"""The course's helper package: each function is introduced in a lesson before later lessons import it."""
