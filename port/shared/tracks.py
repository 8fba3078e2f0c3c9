"""A corpus on disk: a sub-folder for each genre, as GTZAN is laid out, and tables of what is known of its tracks."""

import csv
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


def columns(path: Path, key: str, value: str) -> dict[str, str]:
    """Return one column of a CSV by another, rows without a value left out; raises InputError where there is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row[key]: row[value] for row in csv.DictReader(file) if row[value]}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise InputError(f"{path}: no table with the columns {key},{value} ({error})") from None
