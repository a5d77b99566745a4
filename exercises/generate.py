"""Make the exercises out of the solutions: `make exercises`.

What stands between the markers of a solution is replaced by `...`; names that it defines stay defined, as `...`.
"""

import ast
import copy
import re
import symtable
import textwrap

import nbformat

from utils.data import atomic_write
from utils.exercises.lesson import BEGIN, END, ROOT

REGION = re.compile(rf"^([ \t]*){BEGIN}\n(.*?)^[ \t]*{END}(?:\n|\Z)", re.DOTALL | re.MULTILINE)
LIKE_A_MARKER = re.compile(
    r"#\s*(BEGIN|END)\b.*\bSOLUTION|#\s*(BEGIN|END)\s*$", re.IGNORECASE | re.M
)
NAME = re.compile(r"\d\d_\w+\.ipynb")


def stub(region: re.Match) -> str:
    """Return what the learner finds in place of a solution. Raises ValueError if it imports something."""
    indent, code = region[1], textwrap.dedent(region[2])
    lines = [] if indent else [f"{name} = ...  # your answer" for name in _bound(code)]
    return "".join(f"{indent}{line}\n" for line in lines or ["...  # your code"])


def _bound(code: str) -> list[str]:
    """Return the public names that code binds, however it does."""
    symbols = symtable.symtable(code, "solution", "exec").get_symbols()
    if imported := [symbol.get_name() for symbol in symbols if symbol.is_imported()]:
        raise ValueError(f"a solution can't import {', '.join(imported)}: import it above\n{code}")
    bound = {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
    order = re.findall(r"\w+", ast.unparse(ast.parse(code)))
    return [name for name in dict.fromkeys(order) if name in bound and name[0] != "_"]


def without_solution(source: str) -> str:
    """Return a cell as the exercise has it. Raises ValueError unless the markers alternate and are spelled right."""
    markers = [line.strip() for line in source.splitlines() if LIKE_A_MARKER.search(line)]
    if markers != [BEGIN, END] * (len(markers) // 2):
        wanted = f"{BEGIN} and {END} must stand in turn, each on a line of its own"
        raise ValueError(f"{wanted}:\n{source}")
    return REGION.sub(stub, source).rstrip("\n")


def exercise_from(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the exercise: the same cells with the same ids, without solutions and outputs."""
    exercise = copy.deepcopy(solution)
    for cell in exercise.cells:
        if cell.cell_type == "code":
            cell.source = without_solution(cell.source)
            cell.outputs, cell.execution_count = [], None
        elif LIKE_A_MARKER.search(cell.source):
            raise ValueError(f"a marker in Markdown hides nothing:\n{cell.source}")
        else:
            cell.source = cell.source.replace("# Solution:", "# Exercise:", 1)
    return exercise


def main() -> None:
    """Write every exercise anew."""
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        if not NAME.fullmatch(path.name):
            print(f"left out: solutions/{path.name}, which isn't named NN_name.ipynb")
            continue
        exercise = exercise_from(nbformat.read(path, as_version=4))
        with atomic_write(ROOT / "exercises" / path.name) as part:
            nbformat.write(exercise, part)
        print(f"exercises/{path.name}")


if __name__ == "__main__":
    main()
