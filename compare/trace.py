"""A trace: what left every stage of one system on one clip, as two files that outlive the process that made them.

`trace.npz` holds one array per stage name (no batch axis, no pickles); `trace.json` the rest: system, clip, scalars
and provenance.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import npz
from reprise_kit.compare.atomic import atomic_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading


@dataclass(frozen=True)
class Trace:
    """Arrays by stage name, scalars (native_rate in Hz, duration in s), and where they came from."""

    system: str
    input_name: str
    input_sha256: str
    arrays: Mapping[str, np.ndarray]
    scalars: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write trace.npz and trace.json into `folder`, whole or not at all; raises InputError as `atomic_folder`."""
        with atomic_folder(folder, "trace") as temporary:
            np.savez_compressed(temporary / "trace.npz", **self.arrays)  # type: ignore[arg-type]
            about = {
                "system": self.system,
                "clip": {"name": self.input_name, "sha256": self.input_sha256},
                "scalars": dict(self.scalars),
                "provenance": dict(self.provenance),
            }
            (temporary / "trace.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n", "utf-8")


def load(folder: Path) -> Trace:
    """Read a trace from a folder; raises InputError naming what is missing or unreadable."""
    for name in ("trace.npz", "trace.json"):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: no {name}; a trace is a folder that `reprise trace` wrote")
    with reading(folder, "trace"):
        about = json.loads((folder / "trace.json").read_text("utf-8"))
        arrays = npz.load(folder / "trace.npz", "trace")
        name, clip = about["system"], about["clip"]
        tables = about.get("scalars", {}), about.get("provenance", {})
        texts = (name, clip["name"], clip["sha256"])
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(table, dict) for table in tables):
            raise InputError(f"{folder}: not a readable trace (trace.json has values of other kinds than it should)")
        return Trace(name, clip["name"], clip["sha256"], arrays, *tables)
