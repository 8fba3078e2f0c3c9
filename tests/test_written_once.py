"""The house's limits: functions of at most forty lines, files of at most 300, and nothing written twice."""

import ast
import statistics
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from reprise_kit.compare.system import ROOT

TOPS = ("reprise_kit", "port", "compare", "original", "docker")
LINES = 6  # of code that stand in two places: a near copy
ALONE = (  # each of these is carried away from here, and cannot import what it shares
    "original/eras/adapter.py",  # into an old environment
    "reprise_kit/skeletons/",  # into a person's own folder
    "tests/apps/adopt/programs/",  # strangers' repositories
)


def files(*tops: str) -> list[Path]:
    found = chain.from_iterable((ROOT / top).rglob("*.py") for top in tops)
    return sorted(path for path in found if not any(folder.is_symlink() for folder in path.parents))


SOURCES = files(*TOPS)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTION))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last, docstring and all; decorators are none."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_functions_and_files_are_short() -> None:
    lengths = {(str(path), f.name, f.lineno): length(f) for path in SOURCES for f in functions(path)}
    assert len(lengths) > 2000
    assert {where: n for where, n in lengths.items() if n > 40} == {}
    assert statistics.median(lengths.values()) <= 8
    assert [path for path in SOURCES if len(path.read_text().splitlines()) > 300] == []


def code(text: str) -> list[tuple[int, str]]:
    """The lines of a file that do something, with their numbers: no imports, docstrings, comments, lone brackets."""
    tree = ast.parse(text)
    passed = set[int]()
    for node in ast.walk(tree):
        said = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if said or isinstance(node, ast.Import | ast.ImportFrom):
            passed |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if number not in passed)
    return [(n, line) for n, line in lines if any(map(str.isalnum, line)) and not line.startswith("#")]


def copies(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of places (file:line) from which LINES lines of code are the same."""
    places: dict[tuple[str, ...], list[tuple[str, int, int]]] = defaultdict(list)
    for name, text in texts.items():
        lines = code(text)
        for first in range(len(lines) - LINES + 1):
            run = tuple(line for _, line in lines[first : first + LINES])
            places[run].append((name, first, lines[first][0]))
    found = []
    for many in places.values():
        (one, place, line), *others = many
        found += [(f"{one}:{line}", f"{o}:{n}") for o, p, n in others if o != one or p >= place + LINES]
    return found


def shapes(texts: dict[str, str]) -> list[list[str]]:
    """Groups of functions of LINES lines and more that are alike but for their names, strings and numbers."""
    known = defaultdict(list)
    for name, text in texts.items():
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, FUNCTION) and length(function) > LINES:
                known[shape(function)].append(f"{name}:{function.lineno}")
    return [group for group in known.values() if len(group) > 1]


def shape(function: ast.AST) -> str:
    kinds = []
    for node in ast.walk(function):
        kinds.append(type(node).__name__)
    return " ".join(kinds)


def texts_of(*tops: str) -> dict[str, str]:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in files(*tops)}
    return {name: text for name, text in texts.items() if not name.startswith(ALONE)}


def test_nothing_is_written_twice() -> None:
    assert copies(texts_of(*TOPS, "tests")) == []


def test_no_two_functions_are_alike() -> None:
    assert shapes(texts_of(*TOPS)) == []


def test_a_copy_is_seen() -> None:
    body = "".join(f"    x{n} = work(x{n - 1})\n" for n in range(1, 7))
    one, other = f"def a(x0):\n{body}", f"def b(x0):\n    # said otherwise\n{body}    return x6\n"
    assert copies({"one.py": one, "other.py": other}) == [("one.py:2", "other.py:3")]
    assert copies({"one.py": one, "other.py": other.replace("x3 = work", "x3 = walk")}) == []
    assert shapes({"one.py": one, "other.py": one.replace("work", "walk")}) == [["one.py:1", "other.py:1"]]
