"""Notebooks as scripts: what only IPython reads is left out, the rest is as it was."""

import ast
import json
from pathlib import Path

from reprise_kit.apps.adopt import notebooks

CELLS = [
    "%matplotlib inline\nfrom __future__ import print_function\nimport math",
    "%%bash\nrm -rf /",
    "%%time\nx = math.floor(\n    7\n    % 4)\n!ls\nfiles = !ls *.h5",
    "x?\n?x\nprint('is it x?')\ndisplay(x)\nget_ipython().magic('time')",
]


def written(folder: Path, cells: list[str], **metadata: object) -> Path:
    path = folder / "a b.ipynb"
    rows = [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]
    path.write_text(json.dumps({"cells": [*rows, {"cell_type": "markdown", "source": "%no"}], "metadata": metadata}))
    return path


def test_its_code_runs_without_jupyter(tmp_path: Path, capsys) -> None:
    path = written(tmp_path, CELLS, language_info={"version": "2.7.12"})
    version, code = notebooks.read(path)
    assert version == "2.7.12" and code is not None and "rm -rf" not in code and "matplotlib" not in code
    made = notebooks.script(path)
    assert made == tmp_path / "a b.ipynb.py"
    tree = ast.parse(made.read_text())
    assert isinstance(tree.body[0], ast.ImportFrom) and tree.body[0].module == "__future__"
    names: dict = {}
    exec(compile(tree, str(made), "exec"), names)
    assert names["x"] == 3 and names["files"] == []
    assert capsys.readouterr().out == "is it x?\n3\n"


def test_what_is_no_notebook_has_no_code(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    for text in ("", "[1]", '{"cells": 3}', '{"cells": [{"cell_type": "code", "source": 5}]}'):
        path.write_text(text)
        assert notebooks.read(path) == (None, None), text
