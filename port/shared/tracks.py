"""A corpus on disk: a sub-folder for each genre, as GTZAN is laid out."""

from pathlib import Path

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.profiles.audio import SUFFIXES


def find_tracks(folder: Path) -> list[tuple[str, Path]]:
    """Return (genre, file) in the order of genre and file names; raises InputError where there is no such corpus."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with a sub-folder for each genre")
    found = [
        (genre.name, file)
        for genre in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        for file in sorted(genre.iterdir())
        if file.suffix.lower() in SUFFIXES and file.is_file()
    ]
    if not found:
        raise InputError(f"{folder}: no sound files in its sub-folders; give one with a sub-folder for each genre")
    return found
