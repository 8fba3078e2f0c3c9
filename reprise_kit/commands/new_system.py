"""A new system's folder, written from a skeleton that runs at once."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from reprise_kit.compare import registry
from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program

SKELETONS = Path(__file__).parents[1] / "skeletons"
PYTHON = (sys.executable, "-B")


def write(name: str, to: Path, fill: Callable[[Path], None]) -> Path:
    """Write the folder `to`/`name` and return it; raises InputError on a name that cannot be, or is taken.

    fill: puts everything into the folder that it is given, which becomes this one only when it is whole.
    """
    folder = to / name
    if not re.fullmatch(r"[A-Za-z][\w.-]*", name):
        raise InputError(f"{name!r}: a name of letters, digits, _, - and . is wanted, such as my_system")
    if name in registry.names():
        raise InputError(f"there is a system {name} already; give another name")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not empty, and nothing is written over; give another name, or --to FOLDER")
    with atomic_folder(folder, "new-system") as made:
        fill(made)
    return folder


def letters(folder: Path) -> None:
    """The made-up example: a text's language by its letters. Its old program makes the weights and is recorded."""
    copy("letters", folder)
    weights, backend = folder / "weights.json", "tensorflow"
    _run(folder / "old" / "letters.py", weights)
    for path in sorted((folder / "inputs").iterdir()):
        out = folder / "recorded" / backend / path.name
        _run(folder / "trace.py", "--weights", weights, "--backend", backend, "--clip", path, "--out", out)


def copy(skeleton: str, folder: Path) -> None:
    """Copy a skeleton's files, and the half of a trace.py that is common to all."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SKELETONS / skeleton, folder, dirs_exist_ok=True, ignore=ignored)
    shutil.copy(SKELETONS / "adapter.py", folder)


def _run(script: Path, *arguments: object) -> None:
    done = run_program([*PYTHON, script, *arguments])
    if done.returncode:
        raise InputError(f"{script.name} failed: {done.stderr.strip().rpartition(chr(10))[2]}")
