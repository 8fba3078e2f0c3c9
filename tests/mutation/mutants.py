"""The mutants of a file: one small thing changed in each, in code that runs and decides (no docstring, no message)."""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """A file with one change: line (from 1), what was changed in words, and the whole changed source.

    in_function: whether that line runs when a function is called, not when the module is imported.
    """

    line: int
    change: str
    source: str
    in_function: bool


def places(source: str) -> list[tuple[int, int]]:
    """Return where a source can be changed: (number of the node, number of the change)."""
    nodes = enumerate(_deciding(ast.parse(source)))
    return [(k, n) for k, node in nodes for n, _ in enumerate(_changes(node))]


def mutant(source: str, place: tuple[int, int]) -> Mutant:
    """Return a source changed at one of its places."""
    tree = ast.parse(source)
    node = next(islice(_deciding(tree), place[0], None))
    before = ast.unparse(node)
    list(_changes(node))[place[1]]()
    change = f"{_short(before)}  ->  {_short(ast.unparse(node))}"
    line = getattr(node, "lineno", 1)
    functions = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = any(f.body[0].lineno <= line <= (f.end_lineno or 0) for f in functions)
    return Mutant(line, change, ast.unparse(tree), inside)


def drawn(sources: dict[str, str], n: int, seed: int) -> Iterator[tuple[str, Mutant]]:
    """Yield n mutants of several files, each mutant as likely as any other, in an order of chance."""
    every = [(path, place) for path in sorted(sources) for place in places(sources[path])]
    for path, place in random.Random(seed).sample(every, min(n, len(every))):
        yield path, mutant(sources[path], place)


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 90 else line[:87] + "..."


def _deciding(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that decides something, annotations, docstrings and what is said in an error left out."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            yield node
            yield from _deciding(node)


def _changes(node: ast.AST) -> Iterator:
    """What can be done to a node, each a call that does it."""
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            if type(operator) in COMPARED:
                yield lambda i=i, o=operator: node.ops.__setitem__(i, COMPARED[type(o)]())
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED and not isinstance(node.left, ast.JoinedStr):
        yield lambda: setattr(node, "op", COMPUTED[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield lambda: setattr(node, "op", ast.UAdd()) if isinstance(node.op, ast.USub) else _negate_twice(node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield lambda: setattr(node, "value", node.value + 1)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield lambda: setattr(node, "value", ast.Constant(None))


def _negate_twice(node: ast.UnaryOp) -> None:
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
