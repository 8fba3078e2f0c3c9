"""The recorded models of real Keras 1: what is kept in the repository, and the whole family where REPRISE_FAMILY is.

Kept: one archive a Keras version and backend in `recorded/`, packed by `family/run.py --record`. The whole family
is the folder that `python -m tests.port.keras_legacy.family.run OUT` makes.
"""

import json
import os
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
FAMILY = Path(os.environ["REPRISE_FAMILY"]) if "REPRISE_FAMILY" in os.environ else None


@cache
def indexes(generation: str = "1") -> dict[str, dict[str, Any]]:
    """Return each combination's index: versions, models made with their classes, and models Keras refused."""
    if FAMILY is not None:
        found = {
            path.parent.name: json.loads(path.read_text()) for path in sorted(FAMILY.glob(f"{generation}*/index.json"))
        }
    else:
        found = {path.stem: _index(path) for path in sorted(RECORDED.glob(f"{generation}*.zip"))}
    assert found, f"no recorded models in {FAMILY or RECORDED}"
    return found


def _index(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read("index.json")))


def names(generation: str = "1") -> list[str]:
    """Return every recorded model of Keras "1", "2" or "tf" as combination/name."""
    found = indexes(generation).items()
    return [f"{combination}/{name}" for combination, index in found for name in sorted(index["made"])]


def folder(name: str, scratch: Path) -> Path:
    """Return the folder of one recorded model, unpacked below `scratch` if it is kept in an archive."""
    if FAMILY is not None:
        return FAMILY / name
    combination, _, model = name.partition("/")
    target = scratch / combination / model
    if not target.is_dir():
        with zipfile.ZipFile(RECORDED / f"{combination}.zip") as archive:
            files = [file for file in archive.namelist() if file.startswith(f"{model}/")]
            archive.extractall(scratch / combination, files)
    return target
