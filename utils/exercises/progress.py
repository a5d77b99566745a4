"""Show what is done, and whether the learner's guesses deserve their confidence."""

import tomllib

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from utils import plots
from utils.exercises import quiz, record
from utils.exercises.lesson import ROOT


def table() -> pd.DataFrame:
    """Return for each lesson how many exercises and quizzes there are, and how many are done."""
    kept, rows = record.load(), {}
    for path in sorted((ROOT / "exercises" / "quizzes").glob("*.toml")):
        lesson = path.stem[3:]
        questions = ROOT / "exercises" / "questions" / path.name  # lesson 00 has none
        entries = tomllib.loads(questions.read_text("utf-8")) if questions.exists() else {}
        asked = [name for name in entries if name.startswith("q")]
        done = kept["exercises"][lesson]
        rows[path.stem] = {
            "exercises": len(asked),
            "correct": sum(done.get(name) == "correct" for name in asked),
            "quizzes": len(quiz.load(lesson)),
            "guessed": len(kept["guesses"][lesson]),
        }
    return pd.DataFrame(rows).T.rename_axis("lesson")


def guesses() -> pd.DataFrame:
    """Return, for each degree of sureness, how many guesses there were and which share was right."""
    kept = [guess for lesson in record.load()["guesses"].values() for guess in lesson.values()]
    frame = pd.DataFrame(kept, columns=["right", "sureness"])
    return frame.groupby("sureness")["right"].agg(count="size", right="mean")


def draw() -> Figure:
    """Draw what is done per lesson, and how often a guess was right against how confident it was."""
    done, sure = table(), guesses()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    bars = {"width": 0.7, "ax": left, "edgecolor": "gray", "legend": False}
    done[["exercises", "quizzes"]].plot.barh(color="none", **bars)
    done[["correct", "guessed"]].plot.barh(color=plots.COLORS[:2], **bars)
    left.invert_yaxis()
    left.set(xlabel="done (filled) of all (outlined): exercises above, quizzes below")
    right.plot([0, 1], [0, 1], color="gray", linestyle=":", label="well calibrated")
    right.plot(sure.index, sure["right"], "o", color=plots.COLORS[2], label="your guesses")
    right.set(xlim=(0, 1.02), xlabel="how confident you were")
    right.set(ylim=(-0.05, 1.05), ylabel="how often you were right")
    right.legend(loc="lower right", frameon=False)
    sns.despine(fig=figure)
    return figure


def progress() -> None:
    """Show what is done per lesson, as a figure and in words."""
    done = table()
    print(f"{done['correct'].sum()} of {done['exercises'].sum()} exercise questions are correct,")
    print(f"{done['guessed'].sum()} of {done['quizzes'].sum()} quizzes answered.")
    right = "how often guesses were right"
    plots.show(draw(), alt=f"Left: exercises and quizzes done in each lesson. Right: {right}.")
