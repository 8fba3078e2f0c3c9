"""Make original/eras/keras_names.txt: which Keras has which module and which name in it, from their sources.

    python -m tests.apps.adopt.keras_names FOLDER > original/eras/keras_names.txt

FOLDER holds each release unpacked as keras-VERSION. The sources are parsed, never run: what a module defines, assigns
or imports from Keras at its top, whatever condition that stands under. A line holds what some releases have and
others have not; what a module has for as long as it is there is not written. NAME() is written of what is a module in
some releases and can be called in others.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from reprise_kit.apps.adopt.readme_code import PRINTED

Names = dict[str, set[str]]  # of a module by its dotted name


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from _statements(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _parsed(path: Path) -> ast.Module:
    """Parse a module; what Python 2 alone reads in a few of them is a print."""
    text = path.read_text("utf-8")
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(PRINTED.sub(r"\1pass", text))


def _module(path: Path, folder: Path) -> str:
    return ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")


def _imported(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    """Return the dotted name of the module that an import is from."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def release(folder: Path) -> Names:
    """Return the modules of one release and the public names of each."""
    trees = {_module(p, folder): (p, _parsed(p)) for p in sorted(folder.glob("keras/**/*.py"))}
    found: Names = {}

    def names(module: str) -> set[str]:
        if module not in found:
            found[module] = set()  # two that import each other
            path, tree = trees[module]
            for node in _statements(tree.body):
                found[module] |= set(_given(node, module, path.stem == "__init__"))
        return found[module]

    def _given(node: ast.stmt, module: str, is_package: bool) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from (node.name, f"{node.name}()")
        elif isinstance(node, ast.Assign):
            yield from (n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.ImportFrom) and (of := _imported(node, module, is_package)).startswith("keras"):
            for alias in node.names:
                stars = alias.name == "*" and of in trees
                name = alias.asname or alias.name
                called = [f"{name}()"] if f"{of}.{alias.name}" not in trees else []
                yield from (n for n in names(of) if n[0] != "_") if stars else [name, *called]

    for module in trees:
        names(module)
        package, _, name = module.rpartition(".")
        if package:
            names(package).add(name)
    return found


def spans(held: list[bool], versions: list[str]) -> str:
    """Return the releases that hold something as FIRST-LAST, several where it was gone in between."""
    runs: list[list[str]] = []
    for k, (is_held, version) in enumerate(zip(held, versions, strict=True)):
        if is_held and k and held[k - 1]:
            runs[-1][1] = version
        elif is_held:
            runs.append([version, version])
    return ",".join("-".join(run) for run in runs)


def _dotted(names: Names) -> Iterator[str]:
    for module, inner in names.items():
        yield module
        yield from (f"{module}.{name}" for name in inner if name[0] != "_")


def _held(name: str, releases: list[Names]) -> list[bool]:
    module, _, inner = name.rpartition(".")
    return [name in names or inner in names.get(module, ()) for names in releases]


def table(folder: Path) -> str:
    """Return a line each span: the span and what has it, sorted."""
    versions = sorted((p.name.removeprefix("keras-") for p in folder.glob("keras-*")), key=Version)
    releases = [release(folder / f"keras-{version}") for version in versions]
    lines: dict[str, list[str]] = {}
    modules = {module for names in releases for module in names}
    dotted = {name for names in releases for name in _dotted(names)}
    for name in sorted(n for n in dotted if not n.endswith("()") or n.removesuffix("()") in modules):
        held = _held(name, releases)
        if not all(held) and held != _held(name.rpartition(".")[0], releases):
            lines.setdefault(spans(held, versions), []).append(name)
    head = f"# Keras {versions[0]} to {versions[-1]}, made by tests/apps/adopt/keras_names.py; do not edit\n"
    return head + "".join(f"{span}: {' '.join(lines[span])}\n" for span in sorted(lines))


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1])))
