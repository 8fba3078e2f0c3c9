"""The bytes of a clip's file, opened once and read where they are asked for: a file may be larger than memory."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from reprise_kit.compare.errors import InputError

PLAYLISTS = (b"#EXTM3U", b"ffconcat")  # would make FFmpeg open other files
ZEROS = 64 << 20  # bytes: FFmpeg looks through any number of them for a frame, and nothing can stop it there
NOTHING = f"no sound in {ZEROS >> 20} MB of zeros; it was never written to its end, most likely"
MB = 1 << 20


class Content:
    """A file's bytes from `start` up to `stop`, by slices, as `bytes` would give them."""

    def __init__(self, file: BufferedReader, start: int, stop: int) -> None:
        """Show a stretch of an open file."""
        self.file, self.start, self.stop = file, start, max(start, stop)

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self.stop - self.start

    def __getitem__(self, part: slice) -> bytes:
        """Read a slice; raises InputError where the disk cannot."""
        first, last, _ = part.indices(len(self))
        try:
            self.file.seek(self.start + first)
            return self.file.read(max(last - first, 0))
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})") from None

    def sha256(self) -> str:
        """Return the SHA-256 of the whole file, read from the same opening as everything else."""
        try:
            raw: Any = self.file.raw  # what is kept of it in memory does not know that a box read on
            raw.seek(0)
            return hashlib.file_digest(raw, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})") from None

    @property
    def path(self) -> Path:
        """The file's path, as it was opened."""
        return Path(self.file.name)

    def rewound(self) -> BufferedReader:
        """Return the whole file at its first byte, for a decoder to read."""
        self.file.seek(0)
        return self.file

    def within(self, start: int, stop: int | None = None) -> "Content":
        """Return a stretch of this one, nothing read yet."""
        first, last, _ = slice(start, stop).indices(len(self))
        return Content(self.file, self.start + first, self.start + last)


class Pipe:
    """A file that is still arriving: its bytes can be read once, in order."""

    def __init__(self, file: BufferedReader) -> None:
        """Look at the first bytes; raises InputError on what is read when it is whole: Python's own formats."""
        self.file, self.first = file, file.read(len(max(PLAYLISTS, key=len)))
        if self.first.startswith((b"RIFF", b"FORM", b".snd", *PLAYLISTS)):
            raise InputError("not of a kind that can be heard before it is whole")

    def rewound(self) -> "Pipe":
        """Return it at its first byte: it has been at no other."""
        return self

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, as soon as there are any; none at the end."""
        first, self.first = self.first[:size], self.first[size:]
        return first or self.file.read1(size)


class Searched:
    """A file that is searched for sound, which ends in a long hole; `zeros`: how many since something was found."""

    def __init__(self, file: Any) -> None:
        """Read an open file."""
        self.file, self.zeros = file, 0

    def __getattr__(self, name: str) -> Any:
        """All else is the file's own."""
        return getattr(self.file, name)

    def read(self, size: int) -> bytes:
        """Read on; raises InputError once there were ZEROS bytes of nothing."""
        data: bytes = self.file.read(size)
        self.zeros = self.zeros + len(data) if data and not data.strip(b"\0") else 0
        if self.zeros > ZEROS:
            raise InputError(NOTHING)
        return data


@contextmanager
def opened(path: Path) -> Iterator[Content]:
    """Open a file, which must be there, be a file and hold something that is not a playlist; raises InputError."""
    if path.is_dir():
        raise InputError("a folder, not an audio file")
    if not path.is_file():
        raise InputError("no plain file, but a pipe or a device" if path.exists() else "no such file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from None
    with file:
        content = Content(file, 0, path.stat().st_size)
        if not len(content):
            raise InputError("the file is empty")
        if content[: max(map(len, PLAYLISTS))].startswith(PLAYLISTS):
            raise InputError("a playlist, not an audio file")
        if _begins_with_zeros(content):
            raise InputError(f"no sound: its first {ZEROS >> 20} MB are zeros; it was never written, most likely")
        yield content


def _begins_with_zeros(content: Content) -> bool:
    for at in range(0, ZEROS, MB):
        part = content[at : at + MB]
        if len(part) < MB or part.strip(b"\0"):
            return False
    return True
