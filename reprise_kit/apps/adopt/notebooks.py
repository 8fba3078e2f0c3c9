"""Notebooks: the Python of their code cells, and a script of it that runs without Jupyter."""

import json
import re
from pathlib import Path

from reprise_kit.compare.atomic import atomic_file

LARGEST = 32 << 20  # bytes
ENDING = ".ipynb"
KEPT_MAGICS = ("%%time", "%%timeit", "%%capture")  # what follows them is the notebook's own Python
SHELL = re.compile(r"^(\s*)(?:%{1,2}[a-zA-Z].*|!\S.*|\?.*|[\w.]+\?\??\s*)$", re.M)
ASSIGNED = re.compile(r"^(\s*[\w, ]+=\s*)(?:%[a-zA-Z]|!).*$", re.M)
FUTURE = re.compile(r"^\s*from __future__ import .*$", re.M)
PRELUDE = """
class _Shell(object):
    def __getattr__(self, name):
        return lambda *given, **named: None


def get_ipython():
    return _Shell()


def display(*things):
    for thing in things:
        print(thing)
"""


def read(path: Path) -> tuple[str | None, str | None]:
    """Return the version of Python that a notebook names and its code, None for what it does not have."""
    if path.stat().st_size > LARGEST:
        return None, None
    try:
        book = json.loads(path.read_bytes())
        version = book.get("metadata", {}).get("language_info", {}).get("version")
        sheets = book.get("cells") or [cell for sheet in book.get("worksheets", []) for cell in sheet.get("cells", [])]
        cells = ["".join(c.get("source", c.get("input", ""))) for c in sheets if c.get("cell_type") == "code"]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None, None
    known = isinstance(version, str) and re.match(r"\d\.\d", version)
    return version if known else None, "\n".join(map(_python, cells))


def script(path: Path) -> Path:
    """Write a notebook's code beside it, as NAME.ipynb.py; return that."""
    code = read(path)[1] or ""
    futures = "\n".join(line.strip() for line in FUTURE.findall(code))
    made = path.with_name(f"{path.name}.py")
    with atomic_file(made) as temporary:
        temporary.write_text(f"# -*- coding: utf-8 -*-\n{futures}\n{PRELUDE}\n{FUTURE.sub('', code)}\n", "utf-8")
    return made


def _python(cell: str) -> str:
    """Return a cell without what only IPython reads; a cell in another language is none."""
    first = cell.lstrip().split(None, 1)[:1]
    if first and first[0].startswith("%%") and first[0] not in KEPT_MAGICS:
        return ""
    return SHELL.sub(r"\1pass", ASSIGNED.sub(r"\1[]", cell))
