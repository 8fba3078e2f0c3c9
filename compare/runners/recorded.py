"""Traces recorded earlier from the real original, shipped with the kit or in a folder, found by the clip's hash."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace, load


class RecordedRunner:
    """Looks up `*/trace.json` in a folder; the kit's own is `recorded/<backend>` of a system."""

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        """Remember whose recordings to look in."""
        self.settings = settings
        self.folder = folder or settings.system.recorded / settings.backend

    def unavailable_reason(self) -> str | None:
        """Say so where the kit ships no recording of this system on this backend."""
        if any(self.folder.glob("*/trace.json")):
            return None
        if self.folder.is_relative_to(self.settings.system.recorded):
            return f"no trace.json of {self.settings.system.name} on {self.settings.backend} below {self.folder}"
        return f"{self.folder}: no */trace.json in this folder"

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Return the recording of this clip; raises InputError where there is none or its weights are others."""
        if given is not None:
            raise InputError("a recorded trace cannot be computed from given arrays; use --runner port")
        of_clip = [load(folder) for folder in self._of(clip)]
        for trace in of_clip:
            if trace.provenance.get("weights_sha256") == self._weights_sha256:
                return trace
        weights = self.settings.weights.path
        if of_clip and self.settings.given in (None, self.settings.system.default_weights):
            raise InputError(f"{weights}: the recorded traces are of other weights; put those back, or {self._remedy}")
        if of_clip:
            raise InputError(
                f"{weights.name}: the recorded traces were made with other weights; leave out "
                "--weights, or compare with --reference python27 or docker"
            )
        raise InputError(f"{clip.path}: no recorded trace of this file on {self.settings.backend}; {self._remedy}")

    def _of(self, clip: Input) -> list[Path]:
        """Folders of this clip's traces, the small file read alone."""
        return [about.parent for about in sorted(self.folder.glob("*/trace.json")) if _clip(about) == clip.sha256]

    @property
    def _remedy(self) -> str:
        if self.settings.system.file.environments:
            return "record one with --reference python27 (a live Python 2.7) or --reference docker"
        return f"record one with the system's trace adapter into {self.folder}"

    @cached_property
    def _weights_sha256(self) -> str:
        return sha256(self.settings.weights.path)


def _clip(about: Path) -> object:
    """The hash that a trace.json names; raises InputError on one that is none."""
    with reading(about, "trace"):
        return json.loads(about.read_text("utf-8"))["clip"]["sha256"]


def open_runner(settings: Settings, folder: Path | None = None) -> RecordedRunner:
    """Open the recordings of a system, or those of a folder."""
    return RecordedRunner(settings, folder)
