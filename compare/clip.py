"""A clip: a sound file whose identity is the hash of its bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.compare.errors import InputError

AUDIO_SUFFIXES = {
    ".aac", ".aif", ".aifc", ".aiff", ".au", ".flac", ".m4a", ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".snd",
    ".wav", ".webm", ".wma",
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """A sound file and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    @classmethod
    def open(cls, path: Path) -> "Clip":
        """Hash a file; raises InputError where there is no such file."""
        if not path.is_file():
            raise InputError(f"{path}: no such file; give the path of a sound file")
        with path.open("rb") as file:
            return cls(path, hashlib.file_digest(file, "sha256").hexdigest())


def find_clips(paths: list[Path], recursive: bool = False) -> list[Path]:
    """Return the sound files named by `paths`, folders searched by file name; raises InputError on an empty set."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(
            p
            for p in (path.rglob("*") if recursive else path.iterdir())
            if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file()
        )
        if not inside:
            raise InputError(f"{path}: a folder without sound files; allowed: {' '.join(sorted(AUDIO_SUFFIXES))}")
        found += inside
    if not found:
        raise InputError("no clips: name at least one sound file or a folder that holds some")
    return found
