"""Upstream's files held to their pins: what is checked is what is run.

A folder is never run where it lies: beside the pinned files it may hold others that Python or Node would import first,
and a file may change between the look and the run. The pinned bytes are read once, checked, and copied to a private
folder; that copy is run.
"""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import PinnedFile, System
from reprise_kit.compare.walk import followed

LARGEST = 128 << 20  # bytes of one pinned file; the largest of the kit's systems has 5.4 MB


def blob_id(content: bytes) -> str:
    """Return git's blob id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def read_inside(folder: Path, name: str) -> bytes | None:
    """Return the content of a file of a folder, None where there is none.

    Raises InputError on what is no plain file inside that folder (a link out of it, a pipe, a device), on more than
    LARGEST bytes, before they are read, and on a file that this user may not read.
    """
    path = folder / name
    try:
        real = Path(os.path.realpath(path, strict=True))
        if not real.is_relative_to(followed(folder)):
            raise InputError(f"{path} leads out of {folder}; put the file itself there")
        # Opening a pipe would wait for its writer.
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"{path} is no plain file")
            if state.st_size > LARGEST:
                raise InputError(f"{path} has {state.st_size} bytes; at most {LARGEST} are read of an upstream's file")
            return file.read(state.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


@dataclass(frozen=True)
class Check:
    """What a folder holds of a system's pinned files, by path."""

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    missing_optional: tuple[str, ...]

    @property
    def pinned(self) -> bool:
        """True where every file the code needs is there and is the pinned one."""
        return not self.altered and not self.missing


def check(system: System, folder: Path) -> Check:
    """Compare a folder with a system's pins, blob by blob; what cannot be read counts as altered."""
    altered: list[str] = []
    missing: list[str] = []
    optional: list[str] = []
    for file in system.files:
        try:
            content = read_inside(folder, file.path)
        except InputError:
            altered.append(file.path)
            continue
        if content is None:
            (optional if file.optional else missing).append(file.path)
        elif blob_id(content) != file.blob:
            altered.append(file.path)
    return Check(tuple(altered), tuple(missing), tuple(optional))


def problem(system: System, folder: Path) -> str | None:
    """Say in one line, with what mends it, why a folder is not the pinned upstream; None where it is."""
    if not system.files:
        return None
    if not folder.is_dir():
        return f"upstream is not here yet; get it with: reprise fetch {system.name} --no-weights"
    for file in system.files:
        try:
            pinned_content(system, folder, file)
        except InputError as error:
            return str(error)
    return None


def pinned_content(system: System, folder: Path, file: PinnedFile) -> bytes | None:
    """Return a file's bytes, None for an optional one that is not there; raises InputError where it is not pinned."""
    content = read_inside(folder, file.path)
    if content is None and file.optional:
        return None
    if content is not None and blob_id(content) == file.blob:
        return content
    found = "is missing" if content is None else f"is altered (blob {blob_id(content)[:12]}, not {file.blob[:12]})"
    raise InputError(
        f"{file.path} of {system.name} {found} in {folder}, which is not run so; "
        f"bring it anew: reprise fetch {system.name} --no-weights, or take commit {system.upstream.commit[:12]}"
    )


def checked_copy(system: System, folder: Path) -> "tempfile.TemporaryDirectory[str]":
    """Copy the pinned files, and nothing else, to `upstream` in a private folder that lives as long as the result.

    Raises InputError naming the first file that is missing or altered.
    """
    copy = tempfile.TemporaryDirectory(prefix="reprise-upstream-")
    home = Path(copy.name, "upstream")
    home.mkdir()
    try:
        for file in system.files:
            content = pinned_content(system, folder, file)
            if content is not None:
                write(home, file, content)
        for path in (home, *home.rglob("*")):  # a container's user is another one; the folder above keeps others out
            path.chmod(0o755 if path.is_dir() else 0o644)
    except BaseException:
        copy.cleanup()
        raise
    return copy


def write(folder: Path, file: PinnedFile, content: bytes) -> None:
    """Write a pinned file's content to its place under a folder."""
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def refuse_altered_weights(system: System, upstream: Path) -> None:
    """Raise InputError where a pinned file beside upstream's weights, or they themselves, are there and altered."""
    assert system.file.weights is not None
    folder = Path(system.file.weights.path).parent
    for file in system.files:
        if Path(file.path).parent == folder and read_inside(upstream, file.path) is not None:
            pinned_content(system, upstream, file)
