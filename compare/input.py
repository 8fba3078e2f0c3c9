"""An input: a file whose identity is the hash of its bytes. What it holds is its system's affair."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.profiles.audio import SUFFIXES
from reprise_kit.compare.system import System
from reprise_kit.compare.walk import walk


@dataclass(frozen=True)
class Input:
    """A file and the SHA-256 of its bytes; known: that hash, where it is known already."""

    path: Path
    known: str = ""

    @classmethod
    def open(cls, path: Path) -> "Input":
        """Take a file; raises InputError where there is no such file."""
        if not path.is_file():
            what = "a folder, a pipe or a device" if path.exists() else "no such file"
            raise InputError(f"{path}: {what}; give the path of a file")
        return cls(path)

    @cached_property
    def sha256(self) -> str:
        """The hash, taken when it is first asked for; raises InputError where the file cannot be read."""
        try:
            return self.known or sha256(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None


@dataclass(frozen=True)
class Found:
    """What some paths named: files to take, and files of their folders that were passed over."""

    files: list[Path]
    passed_over: list[Path]


def suffixes(system: System | None) -> frozenset[str]:
    """Return the suffixes, lower case with the dot, of the files that a folder holds for a system; empty: of any."""
    if system is None or system.file.input == "sound":
        return SUFFIXES
    return frozenset(system.file.suffixes)


def find(paths: Iterable[Path], system: System | None = None, recursive: bool = False) -> Found:
    """Return the inputs named by `paths`, folders searched by file name; raises InputError on an empty set.

    system: whose inputs they are to be; None: sounds. Raises OSError where a folder cannot be listed.
    """
    allowed, files, passed_over = suffixes(system), [], []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in (_below(path) if recursive else path.iterdir()) if p.is_file())
        taken = [p for p in inside if not allowed or p.suffix.lower() in allowed]
        if not taken:
            raise InputError(f"{path}: a folder without {_wanted(allowed)}")
        files += taken
        passed_over += [p for p in inside if p not in set(taken)]
    if not files:
        raise InputError("no clips: name at least one file, or a folder that holds some")
    return Found(files, passed_over)


def _below(folder: Path) -> Iterator[Path]:
    for met in walk(folder):
        if isinstance(met, OSError):
            raise met
        yield Path(met.path)


def _wanted(allowed: frozenset[str]) -> str:
    if allowed == SUFFIXES:
        return f'sound files; allowed: {" ".join(sorted(allowed))} (others: input = "file" in system.toml)'
    return f"files; allowed: {' '.join(sorted(allowed)) or 'any'} (suffixes in system.toml)"
