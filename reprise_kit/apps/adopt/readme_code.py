"""The Python that a README shows, as a script: how a library without a program of its own is used."""

import ast
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reprise_kit.compare.atomic import atomic_file

FENCED = re.compile(r"^[ \t]*```[ \t{.]*([^\n`]*)\n(.*?)^[ \t]*```[ \t]*$", re.M | re.S)
PRINTED = re.compile(r"^(\s*)print\s.*$", re.M)  # as Python 2 has it
FUTURE = re.compile(r"^from __future__ import .*\n", re.M)
DOES = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.ClassDef, ast.For)
PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?", re.M)
LARGEST = 1 << 20  # bytes of a README
ENDING = ".py"


def scripts(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the code of each README at the root, by the path of its script; one block goes on from another."""
    found = {path: _code(text) for path, text in texts.items() if _is_readme(path)}
    return {f"{path}{ENDING}": code for path, code in found.items() if code}


def write(folder: Path) -> None:
    """Write the scripts beside their READMEs, which the entry points name; a file of that name stays."""
    files = [path for path in sorted(folder.iterdir()) if _is_readme(path.name) and path.is_file()]
    texts = {path.name: path.read_text("utf-8", "replace") for path in files if path.stat().st_size <= LARGEST}
    for name, code in scripts(texts).items():
        if not (folder / name).exists():
            with atomic_file(folder / name) as temporary:
                temporary.write_text(code, "utf-8")


def _is_readme(path: str) -> bool:
    return "/" not in path and PurePosixPath(path).stem.lower() == "readme" and not path.endswith(ENDING)


def _code(text: str) -> str:
    # In a list all of a block is indented; one with what its reader is to write (...) would be no Python with the rest.
    fenced = [(language, textwrap.dedent(block)) for language, block in FENCED.findall(text)]
    blocks = [block for language, block in fenced if _is_python(language, block)]
    shown = [code for block in blocks if _parsed(code := _typed(block) if ">>>" in block else block) is not None]
    code = "\n".join(shown) + "\n"
    # What a block begins with is within the whole no beginning.
    return "# -*- coding: utf-8 -*-\n" + "".join(FUTURE.findall(code)) + FUTURE.sub("", code) if shown else ""


def _is_python(language: str, block: str) -> bool:
    """Say whether a block is Python: it says so, or nothing and reads as statements, not as a shell's or output."""
    if language.strip() or ">>>" in block:
        return not language.strip() or language.lower().startswith("py")
    return any(isinstance(statement, DOES) for statement in _parsed(block) or ())


def _parsed(code: str) -> list[ast.stmt] | None:
    """Return the statements of Python of either kind, None of what is none."""
    try:
        return ast.parse(PRINTED.sub(r"\1pass", code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _typed(session: str) -> str:
    """Return what is typed in a session of the interpreter."""
    return "\n".join(PROMPT.sub("", line) for line in session.splitlines() if PROMPT.match(line))
