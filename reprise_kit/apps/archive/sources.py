"""The clips of an archive: a folder, a list, a manifest, or a folder of an object store; each file met in turn."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from reprise_kit.apps.archive.rows import Row, Task, named, stamp
from reprise_kit.apps.archive.stores import LARGEST, is_address, opened
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import suffixes
from reprise_kit.compare.system import System
from reprise_kit.compare.walk import followed, walk

LISTS = (".txt", ".parquet")
COLUMN = "path"  # of a manifest

Accepts = Callable[[str], bool]


@dataclass(frozen=True)
class Entry:
    """A file before it is read: its name in the source, where a worker finds it, and what a change of it changes."""

    name: str
    location: str
    version: tuple[object, ...]  # time and size, or nothing that is known
    failure: str | None = None  # why it cannot be looked at

    @property
    def fingerprint(self) -> bytes:
        """16 bytes of where it is and its version."""
        text = "\0".join([self.location, *map(str, self.version)])
        return hashlib.blake2b(os.fsencode(text), digest_size=16).digest()

    @property
    def columns(self) -> Row:
        """Its columns in the table of files."""
        return {**named(self.name), "fingerprint": self.fingerprint}

    def task(self) -> Task:
        """Return what a worker is asked; a local file's bytes are hashed here, so that none is answered twice.

        Raises OSError where it cannot be read, or is far larger than a clip.
        """
        if is_address(self.location):
            return Task(self.location)
        with open(self.location, "rb") as content:  # noqa: PTH123
            found = stamp(os.fstat(content.fileno()))
            if found[1] > LARGEST:
                raise OSError(errno.EFBIG, f"{found[1] >> 30} GB; at most {LARGEST >> 30} are read of a clip")
            return Task(self.location, hashlib.file_digest(content, "sha256").hexdigest(), found)


@dataclass(frozen=True)
class Source:
    """Files in a fixed order, met anew at every call of `entries`; `count` says how many, where that costs little."""

    entries: Callable[[], Iterator[Entry]]
    count: Callable[[], int | None]

    def shard(self, index: int, n: int) -> "Source":
        """Return the share of one of `n` runs (index from 0), by name; all shares together are the whole."""

        def mine(entry: Entry) -> bool:
            return int.from_bytes(hashlib.blake2b(os.fsencode(entry.name), digest_size=8).digest()) % n == index

        return Source(lambda: filter(mine, self.entries()), lambda: None)


def source(where: str, system: System | None = None) -> Source:
    """Return the clips that `where` names: a folder, an address of one, a list (.txt: a path or an address a line) or
    a Parquet manifest with a column `path`; raises InputError where it is none of these or holds nothing.

    system: whose clips they are, for the files that count in a folder; None: sounds.
    """
    allowed = suffixes(system)
    if PurePosixPath(where).suffix.lower() in LISTS and not Path(where).is_dir():
        return _first_checked(_listed(where), f"{where}: names no clips")
    accepts: Accepts = lambda name: not allowed or PurePosixPath(name).suffix.lower() in allowed  # noqa: E731
    missing = f"a folder without files that count; allowed: {' '.join(sorted(allowed)) or 'any'}"
    if is_address(where):
        return _first_checked(_bucket(where, accepts), f"{where}: {missing}")
    if not Path(where).is_dir():
        raise InputError(f"{where}: no such folder; --recursive wants a folder, an address, a .txt or a .parquet")
    return _first_checked(_folder(followed(Path(where)), accepts), f"{where}: {missing}")


def _first_checked(found: Source, words: str) -> Source:
    if not list(islice(found.entries(), 1)):
        raise InputError(words)
    return found


def _folder(root: Path, accepts: Accepts) -> Source:
    def entries() -> Iterator[Entry]:
        for path, failure in _walk(str(root), accepts):
            name = os.path.relpath(path, root)
            yield Entry(name, path, (), failure) if failure else _local(name, path)

    return Source(entries, lambda: sum(1 for _ in _walk(str(root), accepts)))


def _walk(folder: str, accepts: Accepts) -> Iterator[tuple[str, str | None]]:
    """Yield files, and what cannot be looked at with the reason, depth first and by name."""
    for met in walk(folder):
        if isinstance(met, OSError):
            yield os.fsdecode(met.filename), met.strerror
        elif accepts(met.name):
            try:
                plain, failure = met.is_file(), None
            except OSError as error:  # a link in a circle, or into a folder that is closed
                plain, failure = True, error.strerror
            if plain:
                yield met.path, failure


def _local(name: str, path: str) -> Entry:
    try:
        return Entry(name, path, stamp(os.stat(path)))  # noqa: PTH116
    except (OSError, ValueError) as error:  # ValueError: a zero byte in a name, as in a list in UTF-16
        return Entry(name, path, (), getattr(error, "strerror", None) or str(error))


def _bucket(address: str, accepts: Accepts) -> Source:
    files, root = opened(address)
    scheme, _, rest = address.partition("://")
    question = rest.partition("?")[2]

    def entries() -> Iterator[Entry]:
        for info in _walk_objects(files, root, accepts):
            location = f"{scheme}://{info.path}" + (f"?{question}" if question else "")
            yield Entry(info.path.removeprefix(f"{root}/"), location, (info.mtime_ns, info.size))

    return Source(entries, lambda: None)


def _walk_objects(files: fs.FileSystem, folder: str, accepts: Accepts) -> Iterator[fs.FileInfo]:
    try:
        inside = sorted(files.get_file_info(fs.FileSelector(folder)), key=lambda info: info.base_name)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: cannot be listed ({str(error).splitlines()[0][:200]})") from None
    for info in inside:
        if info.type == fs.FileType.Directory:
            yield from _walk_objects(files, info.path, accepts)
        elif accepts(info.base_name):
            yield info


def _listed(where: str) -> Source:
    """Names of a list that is a file here: addresses, or paths relative to the folder that it is in."""
    path = Path(where)
    if not path.is_file():
        raise InputError(f"{where}: no such file")

    def entries() -> Iterator[Entry]:
        for name in _names(path):
            yield Entry(name, name, ()) if is_address(name) else _local(name, str(path.parent / name))

    return Source(entries, lambda: sum(1 for _ in _names(path)))


def _names(path: Path) -> Iterator[str]:
    if path.suffix.lower() == ".txt":
        with path.open("rb") as lines:
            yield from (os.fsdecode(line).strip() for line in lines if line.strip())
        return
    try:
        with pq.ParquetFile(path) as manifest:
            if COLUMN not in manifest.schema_arrow.names:
                raise InputError(f"{path}: a manifest without the column `{COLUMN}`")
            for batch in manifest.iter_batches(columns=[COLUMN]):
                yield from map(_name, _as_bytes(batch.column(0).drop_null()).to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0][:200]})") from None


def _as_bytes(names: pa.Array) -> pa.Array:
    """Text as its bytes: a name in it need not be UTF-8, whatever its type says."""
    text = pa.types.is_string(names.type) or pa.types.is_large_string(names.type)
    return names.cast(pa.large_binary()) if text else names


def _name(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
