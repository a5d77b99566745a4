"""Find what the checks know of a lesson: `exercises/questions/NN_name.toml` and `.py`, and the solutions."""

import ast
import contextlib
import importlib.util
import io
import json
import symtable
import tomllib
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # the markers of nbgrader
GIVEN = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign


class Missing(Exception):
    """Say which file of the course a check lacks."""


def find(folder: str, name: str, ending: str) -> Path:
    """Return the file NN_name of a lesson in one of the course's folders. Raises Missing."""
    found = sorted((ROOT / folder).glob(f"[0-9][0-9]_{name}{ending}"))
    if not found:
        raise Missing(f"there is no file `{folder}/NN_{name}{ending}`")
    return found[0]


@lru_cache
def load(name: str) -> "Lesson":
    """Return a lesson by its name, such as "convolution_by_hand". Raises ValueError for a name that's unknown."""
    known = sorted(path.stem[3:] for path in (ROOT / "exercises" / "questions").glob("*.toml"))
    if name not in known:
        raise ValueError(f"lesson: expected one of {', '.join(known)}, got {name!r}")
    return Lesson(name)


class Lesson:
    """Hold the entries of a lesson's questions, the names of its Python file, and the cells of its solutions."""

    def __init__(self, name: str):
        self.name = name
        text = find("exercises/questions", name, ".toml").read_text(encoding="utf-8")
        self.entries: dict[str, dict] = tomllib.loads(text)
        self._names: dict[str, dict] = {}

    @cached_property
    def material(self):
        """Return the module of the lesson's Python file."""
        path = find("exercises/questions", self.name, ".py")
        spec = importlib.util.spec_from_file_location(f"questions_on_{self.name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @cached_property
    def cells(self) -> list[str]:
        """Return the code cells of the solutions. Raises Missing if there is no such notebook, or only half of it."""
        path = find("solutions", self.name, ".ipynb")
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise Missing(f"`solutions/{path.name}` can't be read") from fault

    def source(self, question: str) -> str:
        """Return the code that answers a question: its cell in the solutions, or the answer of a "Your turn"."""
        if "answer" in self.entries[question]:
            return self.entries[question]["answer"]
        return self.cells[self._place(question)]

    def _place(self, question: str) -> int:
        places = [n for n, cell in enumerate(self.cells) if f"{question}.check(" in cell]
        if not places:
            raise Missing(f"the solutions of {self.name} have no cell for {question}")
        return places[-1]

    def names(self, question: str) -> dict:
        """Return the names that a question's solution may use: of the Python file, and of the cells before its own.

        Of those cells, only what is needed is run: imports, definitions and assignments, and of solutions functions.
        """
        if question not in self._names:
            entry = self.entries[question]
            before = [] if "answer" in entry else self.cells[: self._place(question)]
            given = [statement for cell in before for statement in _given(cell)]
            self._names[question] = dict(vars(self.material))
            _run(_needed(given, self._code(question)), self._names[question])
        return self._names[question]

    def _code(self, question: str) -> list[str]:
        """Return a question's solution, what edits make of it, and its expressions: the sentences need no names."""
        entry, source = self.entries[question], self.source(question)
        edited = [source.replace(old, new) for old, new, _ in entry.get("edits", [])]
        return [source, *edited, *(expression for *_, expression, _ in entry.get("values", []))]

    def answer(self, question: str, source: str | None = None):
        """Return what the code of an answer, by default the solution, gives to the check."""
        source, answers = source or self.source(question), []
        catch = SimpleNamespace(check=lambda answer, *_, **__: answers.append(answer))
        names = self.names(question) | {question: catch}
        _run(source, names)
        if not answers:  # a "Your turn" is one function
            tree = ast.parse(source).body
            return names[next(node.name for node in tree if isinstance(node, ast.FunctionDef))]
        return answers[-1]


def _given(cell: str) -> list[str]:
    """Return the statements of a cell that define something; of a solution, only its functions."""
    kinds = ast.FunctionDef if BEGIN in cell else GIVEN
    return [ast.unparse(node) for node in ast.parse(cell).body if isinstance(node, kinds)]


def _needed(statements: list[str], code: list[str]) -> str:
    """Return those statements that define a name that the code uses, or one that these statements need."""
    wanted, chosen = {name for part in code for name in _names(part)[0]}, []
    for statement in reversed(statements):
        used, defined = _names(statement)
        if wanted & defined:
            chosen.insert(0, statement)
            wanted |= used
    return "\n".join(chosen)


def _names(code: str) -> tuple[set[str], set[str]]:
    """Return the names that code takes from outside its functions, and those that it defines."""
    tables = [symtable.symtable(code, "code", "exec")]
    top = tables[0].get_symbols()
    for table in tables:
        tables += table.get_children()
    symbols = [one for table in tables for one in table.get_symbols() if one.is_referenced()]
    defined = {one.get_name() for one in top if one.is_assigned() or one.is_imported()}
    return {one.get_name() for one in symbols if one.is_global()}, defined


def _run(code: str, names: dict) -> None:
    """Run code silently in these names."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
