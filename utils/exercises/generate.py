"""Make the exercises out of the solutions: `make exercises`.

What stands between the markers of a solution is replaced by `...`; names that it defines stay defined, as `...`.
"""

import ast
import copy
import re
import textwrap
from pathlib import Path

import nbformat

from utils.data import atomic_write
from utils.exercises.core import BEGIN, END

ROOT = Path(__file__).parents[2]
REGION = re.compile(rf"^([ \t]*){BEGIN}\n(.*?)^[ \t]*{END}(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def stub(region: re.Match) -> str:
    """Return what the learner finds in place of a solution."""
    indent, code = region[1], textwrap.dedent(region[2])
    names = [] if indent else [name for node in ast.parse(code).body for name in _assigned(node)]
    lines = [f"{name} = ...  # your answer" for name in dict.fromkeys(names)] or [
        "...  # your code"
    ]
    return "".join(f"{indent}{line}\n" for line in lines)


def _assigned(node: ast.stmt) -> list[str]:
    """Return the public names that a statement defines."""
    if isinstance(node, ast.Assign):
        found = [
            part.id
            for target in node.targets
            for part in ast.walk(target)
            if isinstance(part, ast.Name)
        ]
    else:
        found = [node.name] if isinstance(node, ast.FunctionDef) else []
    return [name for name in found if not name.startswith("_")]


def without_solution(source: str) -> str:
    """Return a cell as the exercise has it; ValueError where the markers do not pair."""
    exercise = REGION.sub(stub, source)
    if BEGIN in exercise or END in exercise:
        raise ValueError(
            f"{BEGIN} and {END} must stand in pairs, each on a line of its own:\n{source}"
        )
    return exercise.rstrip("\n")


def exercise_from(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the exercise: the same cells with the same ids, without solutions and outputs."""
    exercise = copy.deepcopy(solution)
    for cell in exercise.cells:
        if cell.cell_type == "code":
            cell.source = without_solution(cell.source)
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = cell.source.replace("# Solution:", "# Exercise:", 1)
    return exercise


def main() -> None:
    """Write every exercise anew."""
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        exercise = exercise_from(nbformat.read(path, as_version=4))
        with atomic_write(ROOT / "exercises" / path.name) as part:
            nbformat.write(exercise, part)
        print(f"exercises/{path.name}")


if __name__ == "__main__":
    main()
