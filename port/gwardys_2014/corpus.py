"""Clips to tell apart: their genres, and what clips of a genre have in common beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.shared.tracks import columns, find_tracks


@dataclass(frozen=True)
class Clips:
    """A corpus of sub-folders: files, genre numbers, (n_clips,), the genres' names, and groups, (n_clips,) numbers."""

    files: tuple[Path, ...]
    genres: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[np.int64] | None


def read(folder: Path, groups: Path | None = None) -> Clips:
    """Read what a folder holds; raises InputError on one genre, or a clip that the table of groups leaves out."""
    found = find_tracks(folder)
    names, numbers = np.unique([genre for genre, _ in found], return_inverse=True)
    if len(names) < 2:
        raise InputError(f"{folder}: one genre, {names[0]}, is nothing to tell apart; give sub-folders of two at least")
    files = tuple(file for _, file in found)
    of_files = None if groups is None else _groups(groups, [file.relative_to(folder).as_posix() for file in files])
    return Clips(files, numbers, tuple(map(str, names)), of_files)


def _groups(table: Path, tracks: Sequence[str]) -> NDArray[np.int64]:
    known = columns(table, "track", "group")
    absent = [track for track in tracks if track not in known]
    if absent:
        raise InputError(f"{table}: no group of {absent[0]} ({len(absent)} of {len(tracks)} clips)")
    return np.unique([known[track] for track in tracks], return_inverse=True)[1]
