"""A system with other pins than its system.toml names: for tests that bring files of their own."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from reprise_kit.compare import registry
from reprise_kit.compare.pins import blob_id
from reprise_kit.compare.system import PinnedFile, System

FILES = {"common.py": b"GENRES = []\n", "models/model.yaml": b"class_name: Model\n", "models/weights.h5": b"\x89HDF"}


def with_contents(contents: Mapping[str, bytes] = FILES) -> System:
    """Return a system of the kit that pins these contents by path; weights are optional."""
    return with_files(PinnedFile(p, blob_id(c), optional=p.endswith(".h5")) for p, c in contents.items())


def written(folder: Path, contents: Mapping[str, bytes] = FILES) -> Path:
    """Write contents by path below `folder`, and return it."""
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


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
