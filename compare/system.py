"""A system: what its folder in original/ pins (upstream, weights, environments, stages), found by scanning."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import Stage

# What holds original/ and port/: the checkout, or the package in an installation.
ROOT = Path(__file__).resolve().parents[1]
ORIGINAL = ROOT / "original"
CLIPS = Path(__file__).absolute().parents[1] / "clips"


@dataclass(frozen=True)
class PinnedFile:
    """A file of the upstream: its path there, its git blob id, and whether the code runs without it.

    url, commit: given where it is of another repository, one that upstream needs and no package index has.
    """

    path: str
    blob: str
    optional: bool = False
    note: str = ""
    url: str = ""
    commit: str = ""


@dataclass(frozen=True)
class System:
    """One old system, as its system.toml pins it."""

    name: str
    folder: Path
    title: str
    licence: str
    labels: tuple[str, ...]
    upstream_url: str
    upstream_commit: str
    files: tuple[PinnedFile, ...]
    stages: tuple[Stage, ...]
    row: dict[str, Any]

    @property
    def recorded(self) -> Path:
        """Folder of the traces recorded from the real original."""
        return self.folder / "recorded"

    @property
    def default_weights(self) -> Path | None:
        """The checkpoint that ships with the kit, where one does."""
        name = self.row.get("fixture", {}).get("weights")
        return self.folder / name if name else None


def names() -> list[str]:
    """Return the names of all systems: every folder of original/ with a system.toml."""
    return sorted(path.parent.name for path in ORIGINAL.glob("*/system.toml"))


def load(name: str) -> System:
    """Read a system's system.toml; raises InputError on an unknown name or an unreadable file."""
    path = ORIGINAL / name / "system.toml"
    if name not in names():
        raise InputError(f"no system {name!r}; there are: {', '.join(names())}")
    try:
        row = tomllib.loads(path.read_text())
        upstream = row["upstream"]
        return System(
            name=name,
            folder=path.parent,
            title=row["title"],
            licence=row["licence"],
            labels=tuple(row["labels"]),
            upstream_url=upstream["url"],
            upstream_commit=upstream["commit"],
            files=tuple(PinnedFile(**f) for f in upstream["files"]),
            stages=tuple(Stage.from_row(stage) for stage in row["stage"]),
            row=row,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path.name} of {name} is not complete: {type(error).__name__} {error}") from None
