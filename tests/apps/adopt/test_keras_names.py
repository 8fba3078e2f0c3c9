"""The table of what each Keras has, against a real one."""

import json
import subprocess
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import keras_names
from tests.apps.adopt.conftest import Old
from tests.apps.adopt.keras_names import table
from tests.original.test_record import Old as Recorded

ASKED = """
import importlib, json, sys
def has(name):
    module, _, inner = name.rpartition(".")
    if inner.endswith("()"):
        return callable(getattr(importlib.import_module(module), inner[:-2], None))
    for step in (lambda: importlib.import_module(name), lambda: getattr(importlib.import_module(module), inner)):
        try:
            step()
            return True
        except (ImportError, AttributeError):
            pass
    return False
print(json.dumps([name for name in json.load(sys.stdin) if has(name)]))
"""
# What is there only beside another package (TensorFlow, pytest, scikit-learn, pydot), or in a wheel and no sdist.
BESIDE = ("keras.backend.", "keras.utils.test_utils", "keras.wrappers", "keras.utils.visualize_util",
          "keras.utils.training_utils")  # fmt: skip


@pytest.mark.parametrize("version", ["1.1.0", "2.2.4"])
def test_a_real_keras_has_what_the_table_says(old: Old, tmp_path: Path, version: str) -> None:
    """Asked of fifteen by hand, too: h5py within 1.0's io_utils and BESIDE's last differ."""
    python = old.python if version == "1.1.0" else Recorded(version).python
    names = sorted(name for name in keras_names.table() if not name.startswith(BESIDE))
    asked = {"input": json.dumps(names), "capture_output": True, "text": True, "check": True, "timeout": 120}
    done = subprocess.run([python, "-c", ASKED], cwd=tmp_path, env=old.variables, **asked)
    has, lacks = set(json.loads(done.stdout.splitlines()[-1])), keras_names.lacking(version, names)
    assert len(names) > 500 and len(lacks) > 100
    assert sorted(set(names) - has) == lacks


def release(folder: Path, version: str, files: dict[str, str]) -> None:
    for path, code in files.items():
        at = folder / f"keras-{version}" / "keras" / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(code)


def test_the_table_is_made_of_what_stands_at_the_top(tmp_path: Path) -> None:
    release(
        tmp_path, "1.0.0", {"__init__.py": "", "a.py": "def f(): pass\ng = 1\n", "b/__init__.py": "from ..a import *\n"}
    )
    release(tmp_path, "1.10.0", {"__init__.py": "from . import a\n", "a.py": "if 1:\n    def f(): pass\nprint 'two'\n"})
    release(tmp_path, "1.9.0", {"__init__.py": "", "a.py": "f = 1\n"})
    lines = table(tmp_path).splitlines()[1:]
    assert lines == ["1.0.0-1.0.0: keras.a.g keras.b"]


def test_what_is_a_function_and_later_a_module_is_told_by_its_call(tmp_path: Path) -> None:
    older = {"__init__.py": "", "b/__init__.py": "from ..a import merge\n", "a.py": "def merge(): pass\n"}
    release(tmp_path, "1.0.0", older)
    release(
        tmp_path, "2.0.0", older | {"b/__init__.py": "from . import merge\n", "b/merge.py": "", "a.py": "merge = 1\n"}
    )
    assert table(tmp_path).splitlines()[1:] == ["1.0.0-1.0.0: keras.b.merge()"]
