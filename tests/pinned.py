"""A system with other pins than its system.toml names: for tests that bring files of their own."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import msgspec

from reprise_kit.compare import registry
from reprise_kit.compare.pins import blob_id
from reprise_kit.compare.system import PinnedFile, System


def with_files(files: Iterable[PinnedFile], name: str = "deepsound_crnn") -> System:
    """Return a system of the kit that pins `files` instead of its own."""
    system = registry.load(name)
    upstream = msgspec.structs.replace(system.upstream, files=tuple(files))
    return dataclasses.replace(system, file=msgspec.structs.replace(system.file, upstream=upstream))


def pinned_to(folder: Path, name: str = "deepsound_crnn") -> System:
    """Return a system of the kit that pins every file of `folder` as it is now: nothing else is run."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert paths, f"{folder} is empty"
    return with_files(
        (PinnedFile(path.relative_to(folder).as_posix(), blob_id(path.read_bytes())) for path in paths), name
    )
