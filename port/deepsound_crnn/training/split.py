"""Which tracks are learned from and which are only asked: the original's way, and one that tells what was learned."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from reprise_kit.compare.errors import InputError

SEED = 42  # the original's
VALIDATION = 0.3  # of all tracks, the original's
PARTS = ("train", "val", "test")
FOLDS = 5  # one for val, one for test, three for train


@dataclass(frozen=True)
class Split:
    """Rows of a corpus by part, each (n,) int64; `how`: one line that says how they were chosen."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    how: str


def as_original(n_tracks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the original's 70/30 rows, train and validation: drawn at random whatever the artist or genre."""
    train, val = train_test_split(np.arange(n_tracks), test_size=VALIDATION, random_state=SEED)
    return train, val


def by_artist(labels: np.ndarray, artists: Sequence[str], seed: int = SEED) -> Split:
    """Split 60/20/20 so that no artist is in two parts and each genre is in all.

    labels: (n_tracks,) genre numbers or names. artists: one name for each track; an empty name is an artist of its own.
    Raises InputError where a genre has too few artists for that.
    """
    few = [label for label, count in zip(*np.unique(labels, return_counts=True), strict=True) if count < FOLDS]
    if few:
        raise InputError(f"fewer than {FOLDS} tracks of {', '.join(map(str, few))}: too few to split")
    groups = np.array([name or f"track {i}" for i, name in enumerate(artists)])
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels, groups)
    parts = [np.sort(asked) for _, asked in folds]
    known = sum(1 for name in artists if name)
    how = f"60/20/20 by artist ({known} of {len(artists)} tracks with a known artist)"
    split = Split(np.sort(np.concatenate(parts[2:])), parts[0], parts[1], how if known else "60/20/20, artists unknown")
    for part in PARTS:
        missing = sorted(set(labels) - set(labels[getattr(split, part)]))
        if missing:
            raise InputError(
                f"no track of {', '.join(map(str, missing))} for the part {part}: too few artists to keep the parts "
                "apart; give the parts with --split"
            )
    return split


def read_artists(table: Path, paths: Sequence[str]) -> list[str]:
    """Read a CSV of `track,artist` rows (track: file name without suffix); unknown tracks get an empty name."""
    rows = _rows(table, ("track", "artist"))
    artists = {row["track"]: row["artist"] for row in rows}
    found = [artists.get(PurePosixPath(path).stem, "") for path in paths]
    if not any(found):
        raise InputError(f"{table}: names no track of the corpus; its tracks are file names without suffix")
    return found


def read_split(table: Path, paths: Sequence[str]) -> Split:
    """Read a published split: a CSV of `track,part` rows, part train, val or test; tracks it leaves out are left out.

    A fault-filtered list leaves out repeats, mislabels and distortions.
    """
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    named = {row["track"]: row["part"] for row in _rows(table, ("track", "part"))}
    for i, path in enumerate(paths):
        part = named.get(PurePosixPath(path).stem)
        if part is None:
            continue
        if part not in parts:
            raise InputError(f"{table}: part {part!r}; allowed: {', '.join(PARTS)}")
        parts[part].append(i)
    if not all(parts.values()):
        sizes = ", ".join(f"{part} {len(rows)}" for part, rows in parts.items())
        raise InputError(f"{table}: a part without a track of the corpus ({sizes})")
    left_out = len(paths) - sum(map(len, parts.values()))
    train, val, test = (np.array(parts[part]) for part in PARTS)
    return Split(train, val, test, f"{table.name} ({left_out} tracks left out)")


def _rows(table: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not table.is_file():
        raise InputError(f"{table}: no such file; give a CSV with the columns {','.join(columns)}")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: not a CSV in UTF-8 ({error})") from None
    if not rows or not set(columns) <= set(rows[0]):
        raise InputError(f"{table}: no rows with the columns {','.join(columns)}")
    return rows
