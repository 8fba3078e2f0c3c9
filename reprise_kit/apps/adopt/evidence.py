"""What a stranger's repository shows about the environment that its model lived in, each conclusion with its reasons.

Nothing of the repository is run or imported: files are read, Python is parsed, checkpoints are opened as HDF5.
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError


@dataclass(frozen=True)
class Requirement:
    """A stated requirement: the package's name, its version specifier ("" for any) and the file that states it.

    binding: False for a conda package, which says a version and not that the program needs it.
    """

    name: str
    spec: str
    file: str
    binding: bool = True


@dataclass(frozen=True)
class Evidence:
    """What was seen and what follows. `why` gives, for each of the other fields by name, the lines it follows from.

    date: ISO day of the environment. python: "2.7", "3.5" or "3.6". keras_version: None where only the date tells.
    backend: "theano" or "tensorflow". dim_ordering: "th" or "tf". imports: top-level modules that are neither of the
    repository nor of Python. calls: names of functions that the program calls. checkpoints, architectures: their
    paths in it. entry_points: command lines, the chosen one first. refused: what no later step can do, each a
    line; empty where adoption can go on.
    """

    source: str
    commit: str | None
    date: str
    why_date: str
    python: str
    keras_version: str | None
    backend: str
    dim_ordering: str
    why: dict[str, list[str]]
    requirements: list[Requirement] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    architectures: list[str] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with atomic_file(path) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load(path: Path) -> Evidence:
    """Read evidence back; raises InputError on a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: no evidence of `reprise adopt` ({error}); delete it, it is gathered anew") from None
