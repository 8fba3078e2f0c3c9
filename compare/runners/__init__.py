"""The ways of obtaining a trace; each module of this folder is one kind, opened by name.

A kind's module has `open_runner(settings) -> Runner`.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import System
from reprise_kit.compare.trace import Trace
from reprise_kit.compare.weights import Weights, needed


@dataclass(frozen=True)
class Settings:
    """What a runner is told.

    given: a checkpoint instead of the one that `compare/weights.py` finds. backend: whose kernel order it has. options:
    of the port's pipeline. time_limit: seconds that the original may take for one input.
    """

    system: System
    given: Path | None
    backend: str
    upstream: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    time_limit: float = 900.0

    @cached_property
    def weights(self) -> Weights:
        """The checkpoint to use; raises InputError where there is none."""
        return needed(self.system, self.given, self.backend, self.upstream)


class Runner(Protocol):
    """One way of obtaining a trace."""

    def unavailable_reason(self) -> str | None:
        """Say in one line why this runner cannot run here, or return None."""
        ...

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip; with `given`, compute each stage from that trace's arrays instead of its own (isolated)."""
        ...


@contextmanager
def decoding_alike(reference: str, settings: Settings) -> Iterator[Settings]:
    """Settings for a port beside a live original: unless a person chose, it decodes with the original's own ffmpeg."""
    if reference not in kinds() or "decoder" in settings.options or settings.system.file.input != "sound":
        yield settings
        return
    ffmpeg = getattr(importlib.import_module(f"reprise_kit.compare.runners.{reference}"), "ffmpeg_on_path", None)
    if ffmpeg is None:
        yield settings
        return
    with ffmpeg(settings):
        yield replace(settings, options={**settings.options, "decoder": "ffmpeg"})


def kinds() -> list[str]:
    """Return the names of all kinds of runner."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_runner(kind: str, settings: Settings) -> Runner:
    """Open a runner by the name of its kind, or a folder of traces; raises InputError on an unknown one."""
    if kind not in kinds():
        if Path(kind).is_dir():
            return _opened("recorded", settings, Path(kind))
        raise InputError(f"no runner {kind!r}; there are: {', '.join(kinds())}, or give a folder of traces")
    return _opened(kind, settings)


@contextmanager
def running(kind: str, settings: Settings) -> Iterator[Runner]:
    """Open a runner as `open_runner`, and end what it started (an old Python, a container) when it is done with."""
    runner = open_runner(kind, settings)
    try:
        yield runner
    finally:
        getattr(runner, "close", lambda: None)()


def _opened(kind: str, settings: Settings, *folder: Path) -> Runner:
    runner: Runner = importlib.import_module(f"{__name__}.{kind}").open_runner(settings, *folder)
    return runner
