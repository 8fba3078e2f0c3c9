"""A system with other pins than its system.toml names: for tests that bring files of their own."""

import dataclasses
from collections.abc import Iterable

import msgspec

from reprise_kit.compare import registry
from reprise_kit.compare.system import PinnedFile, System


def with_files(files: Iterable[PinnedFile], name: str = "deepsound_crnn") -> System:
    """Return a system of the kit that pins `files` instead of its own."""
    system = registry.load(name)
    upstream = msgspec.structs.replace(system.upstream, files=tuple(files))
    return dataclasses.replace(system, file=msgspec.structs.replace(system.file, upstream=upstream))
