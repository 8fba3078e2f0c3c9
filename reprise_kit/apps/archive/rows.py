"""The tables of an archive: their schemas, and a clip's row made of its answer."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.shown import shown, utf8

_ANSWER = [
    ("error", pa.string()),
    ("duration", pa.float64()),
    ("label", pa.string()),
    ("clip_probs", pa.list_(pa.float32())),
    ("step_probs", pa.list_(pa.list_(pa.float32()))),
    ("step_seconds", pa.float64()),
    ("notes", pa.list_(pa.string())),
]
# A row for each distinct clip, written once.
ROWS = pa.schema(
    [("sha256", pa.string()), ("path", pa.string()), ("path_bytes", pa.binary()), *_ANSWER, ("again", pa.bool_())]
)
# A row for each file met; its clip's row has the same sha256.
FILES = pa.schema(
    [("path", pa.string()), ("path_bytes", pa.binary()), ("sha256", pa.string()), ("fingerprint", pa.binary(16))]
)
# Both joined, in a single file.
JOINED = pa.schema(
    [("sha256", pa.string()), ("paths", pa.list_(pa.string())), ("path_bytes", pa.list_(pa.binary())), *_ANSWER]
)

CHANGED = "changed or removed while it was read"
NO_MEMORY = "memory ran out"

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A clip still to be answered.

    path: of a file, or an address. sha256: of its bytes, None where the worker is to find it. stamp: the file's time
    (ns) and size when it was hashed.
    """

    path: str
    sha256: str | None = None
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


def named(name: str) -> Row:
    """Return the columns that name one file; `path_bytes` only where `path` does not hold the name exactly."""
    text, raw = utf8(name)
    return {"path": text, "path_bytes": raw}


def all_named(files: Iterable[Row]) -> Row:
    """Return the columns that name all files of a clip."""
    found = list(files)
    exact = all(file["path_bytes"] is None for file in found)
    raws = None if exact else [file["path_bytes"] or file["path"].encode() for file in found]
    return {"paths": [file["path"] for file in found], "path_bytes": raws}
