"""Questions that answer back, quizzes, and the record of what is done."""

from utils.exercises.question import material, questions, turns
from utils.exercises.trial import Wrong

__all__ = ["Wrong", "material", "questions", "turns"]
