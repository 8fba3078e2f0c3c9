"""The log-mel of each song, kept as it comes, and which songs are learnt from and which asked about."""

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
from reprise_kit.port.dieleman_spotify_2014.songs import Songs

PARTS = (0.7, 0.1)  # of the songs, or groups of songs, to learn from and to validate on; the rest is new


@dataclass(frozen=True)
class Split:
    """Rows of songs: learnt from, validated on, and new, (n,) each."""

    train: NDArray[np.intp]
    val: NDArray[np.intp]
    test: NDArray[np.intp]


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
        few = f"{len(given.files)} songs in {len(groups)} groups are too few to learn from and to ask about"
        raise InputError(f"{few}; give 20 groups or more")
    return Split(*of_parts)
