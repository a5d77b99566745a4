"""Make small wrong programs out of a right one: an operator flipped, a constant shifted, a line dropped."""

import ast
from collections.abc import Iterator

FLIPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE,
    ast.GtE: ast.Lt, ast.And: ast.Or, ast.Or: ast.And, ast.USub: ast.UAdd, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """Yield what was changed, and the changed program, for every place where something can be."""
    places = list(ast.walk(ast.parse(code)))
    for number, place in enumerate(places):
        for change in _changes(place):
            tree = ast.parse(code)
            node = list(ast.walk(tree))[number]
            what = change(node)
            program = ast.unparse(ast.fix_missing_locations(tree))
            if program != ast.unparse(ast.parse(code)):
                yield f"line {getattr(node, 'lineno', '?')}: {what}", program


def _changes(node: ast.AST) -> Iterator:
    if (
        isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp | ast.AugAssign)
        and type(node.op) in FLIPS
    ):
        yield _flip
    if isinstance(node, ast.Compare) and type(node.ops[0]) in FLIPS:
        yield _flip_comparison
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    ):
        yield _shift(1)
        yield _shift(-1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _negate
    for name in ("body", "orelse"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            for position in range(len(statements)):
                yield _drop(name, position)


def _flip(node):
    old = type(node.op)
    node.op = FLIPS[old]()
    return f"{old.__name__} becomes {type(node.op).__name__}"


def _flip_comparison(node):
    old = type(node.ops[0])
    node.ops[0] = FLIPS[old]()
    return f"{old.__name__} becomes {type(node.ops[0]).__name__}"


def _shift(by):
    def change(node):
        old = node.value
        node.value = old + by
        return f"{old} becomes {node.value}"

    return change


def _negate(node):
    node.value = not node.value
    return f"{not node.value} becomes {node.value}"


def _drop(name, position):
    def change(node):
        statements = getattr(node, name)
        dropped = ast.unparse(statements[position])
        statements[position] = ast.Pass()
        return f"dropped `{dropped.splitlines()[0]}`"

    return change
