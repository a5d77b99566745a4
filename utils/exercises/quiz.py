"""Quizzes in the lessons: choose an answer, say how sure you are, hear why."""

import html
import random
import re
import tomllib
from dataclasses import dataclass

import ipywidgets as widgets
from IPython.display import display

from utils.exercises import record
from utils.exercises.lesson import find

SURENESS = {"guessing": 0.25, "leaning": 0.5, "fairly sure": 0.75, "certain": 0.95}
SIGNS = {True: "✓ Right.", False: "✗ No."}


@dataclass(frozen=True)
class Quiz:
    """Hold a question, the right answer with its reason, and wrong answers, each with what it tells of the learner."""

    lesson: str
    number: int
    question: str
    right: str
    why: str
    wrong: dict[str, str]

    @property
    def options(self) -> list[str]:
        """Return all answers, in an order that tells nothing and is always the same."""
        options = [self.right, *self.wrong]
        random.Random(self.question).shuffle(options)
        return options

    def answer(self, option: str) -> tuple[bool, str]:
        """Return whether an option is right, and what to say to it."""
        if option == self.right:
            return True, self.why
        return False, self.wrong[option]

    def as_text(self) -> str:
        """Return the quiz for a reader who has no kernel running."""
        options = "\n".join(f"( ) {option}" for option in self.options)
        return f"Quiz {self.number}. {self.question}\n{options}\nRun this cell to answer."

    def as_markdown(self) -> str:
        """Return the quiz for a page, with its answer folded."""
        question = html.escape(self.as_text(), quote=False).replace("\n", "  \n")
        answer = html.escape(f"{self.right} {self.why}", quote=False)
        return f"{question}\n\n<details><summary>Answer</summary>\n\n{answer}\n\n</details>"


def load(lesson: str) -> list[Quiz]:
    """Return the quizzes of a lesson, such as "convolution_by_hand"."""
    text = find("exercises/quizzes", lesson, ".toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)["quiz"]
    return [Quiz(lesson, number, **entry) for number, entry in enumerate(entries, start=1)]


class QuizView(widgets.VBox):
    """Ask a quiz with radio buttons, which work by mouse, touch and keyboard."""

    def __init__(self, quiz: Quiz):
        self.quiz = quiz
        wide = widgets.Layout(width="auto")
        title = widgets.HTMLMath(f"<b>Quiz {quiz.number}.</b> {_as_html(quiz.question)}")
        labels = [(option.replace("`", ""), option) for option in quiz.options]  # without marks
        self.choice = widgets.RadioButtons(
            options=labels, value=None, layout=wide, tooltip="Your answer"
        )
        self.sureness = widgets.ToggleButtons(
            options=SURENESS, value=None, description="You are", tooltips=[""] * 4
        )
        self.button = widgets.Button(description="Answer", tooltip="Answer this quiz")
        self.feedback = widgets.HTMLMath()
        self.button.on_click(lambda _: self.respond())
        super().__init__([title, self.choice, self.sureness, self.button, self.feedback])

    def respond(self) -> None:
        """Say what the chosen answer deserves, and keep the first guess."""
        if self.choice.value is None or self.sureness.value is None:
            missing = "an answer" if self.choice.value is None else "how sure you are"
            self._say(f"Choose {missing} first.")
            return
        right, reason = self.quiz.answer(self.choice.value)
        record.keep_guess(self.quiz.lesson, self.quiz.number, right, self.sureness.value)
        self._say(f"<b>{SIGNS[right]}</b> {_as_html(reason)}")

    def _say(self, text: str) -> None:
        self.feedback.value = f'<div role="status" aria-live="polite">{text}</div>'


def _as_html(text: str) -> str:
    """Return text with `code` and *emphasis* as HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"(?<![\w`])\*(\S[^*]*?)\*(?!\w)", r"<em>\1</em>", text)


def ask(lesson: str, number: int) -> None:
    """Show a quiz from a lesson, as a widget if a kernel is running and as text otherwise."""
    quizzes = load(lesson)
    if not 1 <= number <= len(quizzes):
        raise ValueError(f"{lesson} has quizzes 1 to {len(quizzes)}, not {number}")
    quiz = quizzes[number - 1]
    view = {"version_major": 2, "version_minor": 0, "model_id": QuizView(quiz).model_id}
    texts = {"text/plain": quiz.as_text(), "text/markdown": quiz.as_markdown()}
    display({"application/vnd.jupyter.widget-view+json": view, **texts}, raw=True)
