"""A table of plays: lines of user, song and count with tabs between, as the Taste Profile has them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError

LONGEST = 4096  # characters of a line: ids are short
FORM = "lines of user, song and count with tabs between are wanted"
MOST = 1e8  # plays of one song by one user: 600 years of it; a time stamp is above 1e9


@dataclass(frozen=True)
class Plays:
    """Who played what how often.

    users, songs: ids in order of appearance. entries: (n_plays, 3) float64: index of the user, of the song, and the
    count, by users and then songs; a pair that came twice is added up.
    """

    users: tuple[str, ...]
    songs: tuple[str, ...]
    entries: NDArray[np.float64]

    def of_songs(self, kept: NDArray[np.int64]) -> "Plays":
        """Return the plays of some songs, (n_kept,) indices in their new order; users who played none of them go."""
        place = np.full(len(self.songs), -1)
        place[kept] = np.arange(len(kept))
        left = self.entries[place[self.entries[:, 1].astype(int)] >= 0].copy()
        left[:, 1] = place[left[:, 1].astype(int)]
        who, left[:, 0] = np.unique(left[:, 0].astype(int), return_inverse=True)
        users, songs = tuple(self.users[i] for i in who), tuple(self.songs[i] for i in kept)
        return Plays(users, songs, left[np.lexsort((left[:, 1], left[:, 0]))])


def read(path: Path) -> Plays:
    """Read a table; raises InputError with the line at fault: another form, or a count that is no number of plays."""
    users: dict[str, int] = {}
    songs: dict[str, int] = {}
    rows: list[tuple[int, int, float]] = []
    try:
        for user, song, count in _fields(path):
            rows.append((users.setdefault(user, len(users)), songs.setdefault(song, len(songs)), count))
    except UnicodeDecodeError:
        raise InputError(f"{path}: no UTF-8 text; {FORM}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not rows:
        raise InputError(f"{path}: no plays in it; {FORM}")
    return Plays(tuple(users), tuple(songs), _added(np.array(rows)))


def _fields(path: Path) -> Iterator[tuple[str, str, float]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), ""), 1):
            fields = line.rstrip("\r\n").split("\t")
            if len(line) > LONGEST or len(fields) != 3 or not all(fields):
                raise InputError(f"{path}, line {number}: {len(fields)} fields; {FORM}")
            yield fields[0], fields[1], _count(fields[2], f"{path}, line {number}")


def _count(text: str, where: str) -> float:
    try:
        count = float(text)
    except ValueError:
        raise InputError(f"{where}: count {text[:40]!r} is no number; {FORM}") from None
    if not (math.isfinite(count) and count > 0):
        raise InputError(f"{where}: count {text[:40]} is not above 0 and finite; leave out what was not played")
    if count > MOST:
        raise InputError(f"{where}: count {text[:40]} is no number of plays (1e8 at most); is it a time stamp?")
    return count


def _added(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Order by users and songs; a pair that is there twice becomes one, its counts added."""
    pairs, which = np.unique(rows[:, :2], axis=0, return_inverse=True)
    counts = np.zeros(len(pairs))
    np.add.at(counts, which.reshape(-1), rows[:, 2])
    if counts.max() > MOST:
        raise InputError(f"counts of one user and song add up to {counts.max():g}; 1e8 plays are the most")
    return np.column_stack([pairs, counts])
