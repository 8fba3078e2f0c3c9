"""Results that are whole or absent, written where nothing of the user's is lost.

A file or folder is made in a hidden folder beside it, `.NAME.reprise`, which one process at a time holds, and renamed
when it is whole; whatever a library leaves there goes with the hidden folder, on every exit. What a killed process left
is put right by the next one that writes the same name. A folder is only replaced where it is empty or holds nothing but
what the same command wrote, as its `.reprise.json` lists it. A link is followed: what it points at is written.
"""

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.lock import PAUSE_SECONDS, try_lock
from reprise_kit.compare.walk import followed, walk

MARKER = ".reprise.json"
MARKER_BYTES = 16 << 20  # a longer one is none of ours
ROOM_BYTES = 1 << 16  # a disk with less is full
WAIT_SECONDS = 60.0  # for another process that writes the same name


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path of the same name; the file made there becomes `path` only if the block ends without an error.

    Raises InputError where `path` is a folder, or another process holds its name.
    """
    path = followed(path)
    refuse_folder(path)
    with _workshop(path) as room:
        made = room / "new" / path.name
        yield made
        made.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text whole or not at all; what is no UTF-8 in it is written as an escape."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, "utf-8", "backslashreplace")


@contextmanager
def atomic_folder(path: Path, command: str) -> Iterator[Path]:
    """Yield an empty folder; it takes the place of `path` only if the block ends without an error.

    command: of this kit, whose name the folder keeps. Raises InputError as `refuse_foreign`, and where another process
    holds the name.
    """
    refuse_foreign(path, command)
    path = followed(path)
    with _workshop(path) as room:
        made = room / "new" / path.name
        made.mkdir()
        yield made
        _mark(made, command, _files(made))
        _swap(made, path, room, command)


def refuse_folder(path: Path) -> None:
    """Raise InputError where a file is to be written and a folder is in its place."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; name the file to write")


def refuse_foreign(path: Path, command: str) -> None:
    """Raise InputError unless `path` is new, an empty folder, or holds what `command` wrote and nothing else."""
    real = followed(path)
    if Path.cwd().is_relative_to(real):
        raise InputError(f"{path}: the folder that you are in; name a new one inside it")
    _refuse_unlisted(real, path, command)


def refuse_inputs(out: Path, inputs: Iterable[Path]) -> None:
    """Raise InputError where writing `out` would replace something that is read, or the folder that it is in."""
    written = followed(out)
    for path in inputs:
        read = followed(path)
        same = written.exists() and read.exists() and written.samefile(read)
        if same or written == read or (written.is_dir() and read.is_relative_to(written)):
            raise InputError(f"{out}: would replace {path}, which is read; name another place")


def claim_folder(path: Path, command: str) -> Path:
    """Make a folder that results are put into one by one, or go on with one that the same command made.

    Nothing in it is removed. Raises InputError where it is a file, or holds what the command did not begin.
    """
    path = followed(path)
    _listed(path, command)
    if _read_marker(path) is None:
        if foreign := _files(path):
            raise InputError(
                f"{path}: holds {foreign[0]} and was not begun by `reprise {command}`; give a new or empty folder"
            )
        path.mkdir(parents=True, exist_ok=True)
        _mark(path, command, [])
    return path


@contextmanager
def held_folder(path: Path, command: str) -> Iterator[Path]:
    """Claim a folder as `claim_folder` does and hold it; raises InputError where another run of the command has it.

    A folder in which nothing was begun when the input is refused is as it was before: not there, or empty.
    """
    was_there = path.exists()
    while True:
        folder = claim_folder(path, command)
        with suppress(FileNotFoundError):  # removed by the one that was before us
            lock = try_lock(folder / MARKER)
            if lock is None:
                raise InputError(f"{path}: another run is writing it; wait for it, or name another place")
            if _read_marker(folder) is not None:
                break
            os.close(lock)
    try:
        yield folder
    except InputError:
        _unclaim(folder, was_there)
        raise
    finally:
        os.close(lock)


def _unclaim(folder: Path, was_there: bool) -> None:
    """Take the marker out of a folder that holds nothing else, and the folder away where it was made for it."""
    if [path.name for path in folder.iterdir()] == [MARKER]:
        (folder / MARKER).unlink()
        if not was_there:
            with suppress(OSError):  # another run may have claimed it meanwhile
                folder.rmdir()


def discard_folder(path: Path, patterns: Iterable[str]) -> None:
    """Remove a claimed folder's files that match `patterns`; the folder goes where nobody put anything else into it."""
    for name in _files(path):
        if any(fnmatch(name, pattern) for pattern in patterns):
            (path / name).unlink()
    for room in path.rglob(".*.reprise"):
        if (room / MARKER).is_file():
            shutil.rmtree(room)
    if not _files(path):
        shutil.rmtree(path)


def _files(folder: Path) -> list[str]:
    """Every file and link below a folder, relative to it, but for the marker; none where there is no folder.

    Raises OSError on a folder in it that cannot be listed: what it holds may be the user's.
    """
    if not os.path.lexists(folder):
        return []
    found = []
    for met in walk(folder):
        if isinstance(met, OSError):
            raise met
        found.append(os.path.relpath(met.path, folder))
    return sorted(name for name in found if name != MARKER)


def _mark(folder: Path, command: str, files: list[str]) -> None:
    (folder / MARKER).write_text(json.dumps({"command": f"reprise {command}", "files": files}) + "\n", "ascii")


def _read_marker(folder: Path) -> tuple[str, set[str]] | None:
    """The command that a folder's marker names and the files that it lists, or None where it has none that can be."""
    try:
        with (folder / MARKER).open("rb") as file:
            about = json.loads(file.read(MARKER_BYTES))
        return str(about["command"]).removeprefix("reprise "), set(map(str, about["files"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _listed(path: Path, command: str) -> set[str]:
    """The files of `path` that `command` wrote; raises InputError where it is no folder or another command's."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: a file; a folder is to be written there, so give another name")
    marker = _read_marker(path)
    if marker is not None and marker[0] != command:
        raise InputError(f"{path}: holds what `reprise {marker[0]}` wrote; give another folder")
    return marker[1] if marker else set()


def _refuse_unlisted(folder: Path, path: Path, command: str) -> None:
    """Raise InputError where `folder`, which stands or stood at `path`, holds what `command` did not write."""
    listed = _listed(folder, command)
    foreign = [name for name in _files(folder) if name not in listed]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InputError(
            f"{path}: holds {foreign[0]}{more}, which `reprise {command}` did not write and would remove; "
            "give a new folder, or move what is yours"
        )


def _swap(made: Path, path: Path, room: Path, command: str) -> None:
    """Move what is at `path` aside, look at it once more where nobody can reach it, and move `made` there."""
    if path.exists():
        try:
            path.rename(room / "old")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            raise InputError(f"{path}: a disk or a container's folder begins here; name a folder inside it") from None
        _refuse_unlisted(room / "old", path, command)
    made.rename(path)


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """Hold the hidden folder of `path`: `new` in it is empty, `old` is what stood at `path` until it is replaced."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    room = path.with_name(f".{path.name}.reprise")
    try:
        lock = _held(room, path)
        try:
            _put_right(room, path)
            (room / "new").mkdir()
            yield room
        except InputError:
            raise
        except Exception as error:
            if says_full(error) and getattr(error, "errno", None) != errno.ENOSPC:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise
        finally:
            _put_right(room, path)
            (room / MARKER).unlink()
            with suppress(OSError):  # the next one may have begun in it
                room.rmdir()
            os.close(lock)
    finally:
        with suppress(OSError):  # folders on the way to a file that did not come about
            for folder in missing:
                folder.rmdir()


def says_full(words: object) -> bool:
    """Whether a program or library says in its own words that the disk is full; NumPy only counts what it wrote."""
    text = str(words)
    return os.strerror(errno.ENOSPC) in text or bool(re.search(r"\b\d+ requested and \d+ written", text))


def refuse_full(folder: Path, *said: object) -> None:
    """Raise OSError where a program that wrote into `folder` found the disk full: by its words, or by what is left."""
    if any(map(says_full, said)) or shutil.disk_usage(folder).free < ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _put_right(room: Path, path: Path) -> None:
    """Bring back what was moved aside and not replaced, and empty the room."""
    if (room / "old").exists() and not os.path.lexists(path):
        (room / "old").rename(path)
    for name in ("new", "old"):
        if (room / name).exists():
            shutil.rmtree(room / name)


def _held(room: Path, path: Path) -> int:
    """Make or take over the room and hold its lock; return the lock's descriptor. Raises InputError."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        with suppress(FileExistsError):
            room.mkdir(mode=0o700)
        _refuse_foreign_room(room)
        try:
            lock = try_lock(room / MARKER)
        except FileNotFoundError:  # removed by the one that was before us
            continue
        if lock is not None:
            return lock
        if time.monotonic() > until:
            raise InputError(f"{path}: another run is writing it; wait for it, or name another place")
        time.sleep(PAUSE_SECONDS)


def _refuse_foreign_room(room: Path) -> None:
    """The hidden name may be somebody else's: a link, another user's folder, or one with other things in it."""
    with suppress(FileNotFoundError):
        found = room.lstat()
        ours = room.is_dir() and not room.is_symlink() and found.st_uid == os.geteuid()
        if not ours or {entry.name for entry in room.iterdir()} - {MARKER, "new", "old"}:
            raise InputError(f"{room}: in the way, and not this kit's; move it")
