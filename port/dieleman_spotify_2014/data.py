"""Songs to learn from: plays, a table of songs and files, and the log-mel of each, kept as it comes."""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare import npz
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.port.dieleman_spotify_2014 import front_end
from reprise_kit.port.wmf_2014 import plays
from reprise_kit.port.wmf_2014.plays import Plays

PARTS = (0.7, 0.1)  # of the songs, or groups of songs, to learn from and to validate on; the rest is new


@dataclass(frozen=True)
class Songs:
    """plays: of the songs that have a file, in their order. groups: (n_songs,) numbers, of songs kept together."""

    plays: Plays
    files: tuple[Path, ...]
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of songs: learnt from, validated on, and new, (n,) each."""

    train: NDArray[np.intp]
    val: NDArray[np.intp]
    test: NDArray[np.intp]


def songs(table: Path, audio: Path, of_songs: Path, groups: Path | None = None) -> Songs:
    """Read plays and which file each song is.

    of_songs: CSV of song,file (relative to `audio`). groups: CSV of track,group, track as file. Raises InputError where
    a song has no file, a file is not there, or a file has no group.
    """
    played = plays.read(table)
    files = _columns(of_songs, "song", "file")
    absent = [song for song in played.songs if song not in files]
    if absent:
        raise InputError(f"{of_songs}: no file of {absent[0]} ({len(absent)} songs of {table.name} have none)")
    paths = tuple(audio / files[song] for song in played.songs)
    gone = [path for path in paths if not path.is_file()]
    if gone:
        raise InputError(f"{gone[0]}: no such file ({len(gone)} of {len(paths)} songs of {of_songs.name})")
    if groups is None:
        return Songs(played, paths, np.arange(len(paths)))
    known = _columns(groups, "track", "group")
    without = [song for song in played.songs if files[song] not in known]
    if without:
        raise InputError(f"{groups}: no group of {files[without[0]]} ({len(without)} songs)")
    return Songs(played, paths, np.unique([known[files[song]] for song in played.songs], return_inverse=True)[1])


def _columns(path: Path, key: str, value: str) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row[key]: row[value] for row in csv.DictReader(file) if row[value]}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise InputError(f"{path}: no table with the columns {key},{value} ({error})") from None


def log_mels(files: Iterable[Path], mode: str, kept: Path) -> NDArray[np.float32]:
    """Return (n_songs, n_frames, 128) of files in order, each kept under its hash so that a stopped run goes on."""
    found = []
    for path in files:
        with path.open("rb") as opened:
            place = kept / f"{mode}-{hashlib.file_digest(opened, 'sha256').hexdigest()}.npz"
        if not place.is_file():
            frames = front_end.of_file(path, mode)
            with atomic_file(place) as temporary, temporary.open("wb") as opened:
                np.savez(opened, frames=frames.astype(np.float16))
        found.append(npz.load(place)["frames"].astype(np.float32))
    return np.array(found)


def split(given: Songs, seed: int, parts: tuple[float, float] = PARTS) -> Split:
    """Return songs by groups at random: no group is both learnt from and asked about; raises InputError on too few."""
    groups = np.random.default_rng(seed).permutation(np.unique(given.groups))
    ends = [max(1, round(parts[0] * len(groups))), max(2, round(sum(parts) * len(groups)))]
    of_parts = [np.flatnonzero(np.isin(given.groups, part)) for part in np.split(groups, ends)]
    if min(len(rows) for rows in of_parts) < 1 or len(of_parts[2]) < 2:
        raise InputError(f"{len(given.files)} songs in {len(groups)} groups are too few to learn from and to ask about")
    return Split(*of_parts)
