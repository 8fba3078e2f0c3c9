"""How far an archive is: counts of its runs, in a small file beside the parts that `reprise status` reads."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

from reprise_kit.apps.archive.stores import Store
from reprise_kit.compare.errors import InputError

FOLDER = "status"


@dataclass
class Counts:
    """Files met by a run: answered now, known from before, second copies, not readable; of how many, None: unknown."""

    answered: int = 0
    known: int = 0
    duplicates: int = 0
    unreadable: int = 0
    total: int | None = None
    began: float = 0.0  # seconds since 1970
    updated: float = 0.0
    finished: bool = False

    @property
    def met(self) -> int:
        """Files that are done with."""
        return self.answered + self.known + self.duplicates + self.unreadable

    @property
    def rate(self) -> float:
        """Clips answered a second."""
        return self.answered / max(self.updated - self.began, 1e-9)


class Status:
    """The counts of one run, kept in its file."""

    def __init__(self, store: Store, prefix: str, total: int | None, advance: Callable[[int], None]) -> None:
        """Begin; advance is called with a number of files whenever so many are done."""
        self._store, self._name, self._advance = store, f"{FOLDER}/{prefix}run.json", advance
        self.counts = Counts(total=total, began=time.time())

    def count(self, answered: int = 0, known: int = 0, duplicates: int = 0, unreadable: int = 0) -> None:
        """Add to the counts."""
        self.counts.answered += int(answered)
        self.counts.known += known
        self.counts.duplicates += duplicates
        self.counts.unreadable += int(unreadable)
        self._advance(int(answered) + known + duplicates + int(unreadable))

    def finish(self) -> None:
        """Say that the run came to its end."""
        self.counts.finished = True
        self.write()

    def write(self) -> None:
        """Write the file."""
        self.counts.updated = time.time()
        self._store.write(self._name, json.dumps(asdict(self.counts)).encode())


def read_all(store: Store) -> dict[str, Counts]:
    """Return the counts of every run that wrote into a store, by file; raises InputError where there are none."""
    found = {name: _read(store.read(name), name) for name in store.names(FOLDER, ".json")}
    if not found:
        raise InputError("no status of an archive here; give the --out of `reprise predict --recursive`")
    return found


def _read(content: bytes, name: str) -> Counts:
    try:
        found = json.loads(content)
        counts = Counts(**{field.name: found[field.name] for field in fields(Counts)})
        if not all(isinstance(value, float | int) and math.isfinite(value) for value in _numbers(counts)):
            raise ValueError("a count that is no number")
        return counts
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise InputError(f"{name}: no status of an archive; the next run of `reprise predict` writes it anew") from None


def _numbers(counts: Counts) -> list[object]:
    """Every count; that of all files may be unknown."""
    return [value for name, value in asdict(counts).items() if name != "total" or value is not None]
