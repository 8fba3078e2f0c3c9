"""Arrays of an .npz that may come from anywhere: what it declares is checked before anything of that size is made."""

import math
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading

LARGEST = 4 << 30  # bytes of all arrays, unpacked
LIMITS = Limits(times=8, per_second=4 << 20)  # a slow machine unpacks 4 MB a second
EXPANSION = 1100  # unpacked bytes per packed one: deflate's most is 1032


def load(path: Path, what: str = "whole .npz without pickles", largest: int = LARGEST) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz as it names them, never unpickled, read in a box.

    what: the file should be, for the error. Raises InputError where it is none, is damaged, or unpacks to more than
    `largest` bytes or than it can hold.
    """
    items = boxed(arrays_inside, path, what, largest, limits=LIMITS)
    return {str(name): next(items) for name in items}


def arrays_inside(path: Path, what: str, largest: int) -> Iterator[Any]:
    """In the box: each name and its array."""
    with reading(path, what):
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path, largest)
        with np.load(path, allow_pickle=False) as stored:
            for name in _unique(stored.files, path):
                yield name
                yield np.asarray(stored[name])


def _unique(names: Collection[str], path: Path) -> Collection[str]:
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two arrays of one name")
    return names


def _check_sizes(archive: zipfile.ZipFile, path: Path, largest: int) -> None:
    """Refuse a header that claims more than its member holds, and members that claim more than the file can hold."""
    members = archive.infolist()
    declared, held = sum(member.file_size for member in members), path.stat().st_size
    if declared > largest:
        raise InputError(f"{path} unpacks to more than {largest >> 30} GB; give fewer samples")
    if declared > EXPANSION * held:
        raise InputError(f"{path} claims {declared} bytes unpacked, more than a file of {held} can hold")
    for member in members:
        with archive.open(member) as stream:
            major, _ = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(stream)
        if not dtype.hasobject and dtype.itemsize * math.prod(shape) > member.file_size:
            raise InputError(f"{path}: {member.filename} claims the shape {shape}, more than the file holds")
