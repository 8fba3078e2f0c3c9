"""The ways of obtaining a trace; each module of this folder is one kind, opened by name.

A kind's module has `open_runner(settings) -> Runner`.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reprise_kit.compare.clip import Clip
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import System
from reprise_kit.compare.trace import Trace


@dataclass(frozen=True)
class Settings:
    """What a runner is told. weights: None takes the kit's own checkpoint. backend: whose kernel order it has."""

    system: System
    weights: Path | None
    backend: str
    upstream: Path | None = None
    decoder: str = "pyav"
    time_limit: float = 900.0

    @property
    def weights_file(self) -> Path:
        """The checkpoint to use: the one given, the kit's own, or the fetched upstream's; raises InputError."""
        from reprise_kit.compare.fetch import upstream_folder

        upstream = self.upstream or upstream_folder(self.system)
        path = self.weights or self.system.default_weights or upstream / self.system.row["weights"]["path"]
        if path is None or not path.is_file():
            raise InputError(
                f"{path or self.system.name}: no such weights file; give one with --weights, "
                f"or get upstream's with: reprise fetch {self.system.name}"
            )
        return path


class Runner(Protocol):
    """One way of obtaining a trace."""

    def unavailable_reason(self) -> str | None:
        """Say in one line why this runner cannot run here, or return None."""
        ...

    def trace(self, clip: Clip, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip; with `given`, compute each stage from that trace's arrays instead of its own (isolated)."""
        ...


def kinds() -> list[str]:
    """Return the names of all kinds of runner."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_runner(kind: str, settings: Settings) -> Runner:
    """Open a runner by the name of its kind, or a folder of traces; raises InputError on an unknown one."""
    if kind not in kinds():
        if Path(kind).is_dir():
            return importlib.import_module("reprise_kit.compare.runners.recorded").RecordedRunner(settings, Path(kind))
        raise InputError(f"no runner {kind!r}; there are: {', '.join(kinds())}, or give a folder of traces")
    runner: Runner = importlib.import_module(f"reprise_kit.compare.runners.{kind}").open_runner(settings)
    return runner
