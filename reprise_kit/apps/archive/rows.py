"""The rows of an archive's table and of its parts: their schema, and one made of a clip and its answer."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.shown import shown, utf8

SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("paths", pa.list_(pa.string())),
        ("path_bytes", pa.list_(pa.binary())),
        ("error", pa.string()),
        ("duration", pa.float64()),
        ("label", pa.string()),
        ("clip_probs", pa.list_(pa.float32())),
        ("step_probs", pa.list_(pa.list_(pa.float32()))),
        ("step_seconds", pa.float64()),
        ("notes", pa.list_(pa.string())),
    ]
)
# What a part holds: `again` is true where the next run is to try once more.
PART_SCHEMA = SCHEMA.append(pa.field("again", pa.bool_()))

CHANGED = "changed or removed while it was read"
NO_MEMORY = "memory ran out"

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A clip still to be answered: the hash of its bytes, one of its files, and that file's time (ns) and size."""

    sha256: str
    path: str
    stamp: tuple[int, int] | None = None

    @property
    def changed(self) -> bool:
        """Whether the file is no longer the one that was hashed."""
        try:
            return self.stamp is not None and tuple(self.stamp) != stamp(os.stat(self.path))  # noqa: PTH116
        except OSError:
            return True


def stamp(found: os.stat_result) -> tuple[int, int]:
    """Return what a change of a file's content changes."""
    return found.st_mtime_ns, found.st_size


def row(task: Task, answer: Prediction | Exception) -> Row:
    """Return the row of a clip that was asked about."""
    if task.changed:
        return failed(task, CHANGED, again=True)
    if isinstance(answer, MemoryError):
        return failed(task, NO_MEMORY, again=True)
    if isinstance(answer, Exception):
        return failed(task, str(answer).removeprefix(f"{task.path}: "))
    steps = answer.step_probs
    return {
        "sha256": task.sha256,
        "error": None,
        "duration": float(answer.duration),
        "label": answer.labels[int(np.argmax(answer.clip_probs))],
        "clip_probs": answer.clip_probs.tolist(),
        "step_probs": None if steps is None else steps.tolist(),
        "step_seconds": float(answer.step_seconds),
        "notes": list(map(shown, answer.notes)),
        "again": False,
    }


def failed(task: Task, reason: str, again: bool = False) -> Row:
    """Return the row of a clip that could not be answered; again: it may be another time."""
    return {"sha256": task.sha256, "error": shown(reason), "notes": [], "again": again}


def named(files: Iterable[Path], folder: Path) -> Row:
    """Return the columns of a row that name its files, relative to `folder`."""
    names = [utf8(file.relative_to(folder).as_posix()) for file in files]
    exact = all(raw is None for _, raw in names)
    raws = None if exact else [raw or text.encode() for text, raw in names]
    return {"paths": [text for text, _ in names], "path_bytes": raws}
