"""Songs to learn from: plays, which file each is, which belong together. All that is known before one is heard."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.shared.tracks import columns
from reprise_kit.port.wmf_2014 import plays
from reprise_kit.port.wmf_2014.plays import Plays


@dataclass(frozen=True)
class Songs:
    """plays: of the songs that have a file, in their order. groups: (n_songs,) numbers, of songs kept together."""

    plays: Plays
    files: tuple[Path, ...]
    groups: NDArray[np.int64]


def read(table: Path, audio: Path, of_songs: Path, groups: Path | None = None) -> Songs:
    """Read plays and which file each song is.

    of_songs: CSV of song,file (relative to `audio`). groups: CSV of track,group, track as file. Raises InputError where
    a song has no file, a file is not there, or a file has no group.
    """
    played = plays.read(table)
    files = columns(of_songs, "song", "file")
    absent = [song for song in played.songs if song not in files]
    if absent:
        raise InputError(f"{of_songs}: no file of {absent[0]} ({len(absent)} songs of {table.name} have none)")
    paths = tuple(audio / files[song] for song in played.songs)
    gone = [path for path in paths if not path.is_file()]
    if gone:
        raise InputError(f"{gone[0]}: no such file ({len(gone)} of {len(paths)} songs of {of_songs.name})")
    if groups is None:
        return Songs(played, paths, np.arange(len(paths)))
    known = columns(groups, "track", "group")
    without = [song for song in played.songs if files[song] not in known]
    if without:
        raise InputError(f"{groups}: no group of {files[without[0]]} ({len(without)} songs)")
    return Songs(played, paths, np.unique([known[files[song]] for song in played.songs], return_inverse=True)[1])
