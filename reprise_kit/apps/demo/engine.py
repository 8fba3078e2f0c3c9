"""The systems of the kit, each loaded once, on first use, for every request.

Everything said about a system is read from its own files. A system is offered where a stage of it has the unit
"probability"; one that hears no sound is given the uploaded file as it is. It has a live path where it has
`port/<system>/live.py`, with `LiveNetwork(model)` and `LiveRecogniser(network, rate)` as in
port/deepsound_crnn/live.py; its pipeline then answers `recognise(decoded)` too, and it says STEP_SECONDS. The table
[demo] of its system.toml may hold `recommended = true` and `options` for its pipeline.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare import registry
from reprise_kit.compare.contract import Live, LiveRecogniser, Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import suffixes
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.system import System
from reprise_kit.compare.weights import Weights, find
from reprise_kit.port.audio.decode import Decoded

ALL_SHOWN = 12  # labels that are all listed in words
SHOWN_OF_MORE = 8
VERSION = version("reprise-kit")


def probabilities(system: System) -> list[Stage]:
    """Return the stages that hold probabilities, in order."""
    return [stage for stage in system.stages if stage.unit == "probability"]


@dataclass(frozen=True)
class Loaded:
    """A system in memory; all but the first only where it has a live path."""

    pipeline: Any
    step_seconds: float | None = None
    live: Live | None = None
    network: Any = None


class Engine:
    """One system; safe to use from several threads."""

    def __init__(
        self, system: System, given: Weights | None = None, exact: AbstractContextManager[Any] | None = None
    ) -> None:
        """Load nothing yet. given: instead of what is found. exact: shared by the engines of a server."""
        self.system, self.name, self.labels = system, system.name, system.labels
        self.has_live = registry.has_part(system, "live")
        self.demo = system.file.demo
        stages = [stage for stage in probabilities(system) if len(stage.axes) > 1]
        self.steps_stage = stages[-1].name if stages else ""  # none: one answer a clip
        self._given = self._weights = given
        self._loaded: Loaded | None = None
        self._loading = threading.Lock()
        # A whole-file answer takes about 2 MB of memory a second of sound: one at a time.
        self._exact = exact or threading.Lock()

    @property
    def weights(self) -> Weights | None:
        """The checkpoint, looked for until there is one: it may be fetched while the server runs."""
        if self._weights is None:
            with contextlib.suppress(InputError):  # altered: `ready` says so
                self._weights = find(self.system)
        return self._weights

    def ready(self) -> Weights:
        """The checkpoint; raises InputError, with the command that brings it, where there is none or it is altered."""
        found = self.weights or find(self.system)
        if found is None:
            raise InputError(f"{self.name} has no weights here; get them with: {self.fetch_command}")
        return found

    @property
    def fetch_command(self) -> str:
        """What brings upstream's weights; a container says how from outside (compose.yaml)."""
        return f"{os.environ.get('REPRISE_FETCH', 'reprise fetch')} {self.name}"

    @property
    def loaded(self) -> Loaded:
        """The system in memory; raises InputError where its weights are missing or another model's."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load(self.ready())
            return self._loaded

    def _load(self, weights: Weights) -> Loaded:
        try:
            pipeline: Any = registry.open_pipeline(self.system, weights, self.demo.options)
        except InputError as error:
            if self._given:
                raise
            raise InputError(str(error).replace(f"{weights.path.parent}/", "")) from None  # clients read it
        if not self.has_live:
            return Loaded(pipeline)
        live = registry.live(self.system)
        assert live is not None
        return Loaded(pipeline, live.STEP_SECONDS, live, live.LiveNetwork(pipeline.model))

    def warm_up(self) -> None:
        """Load it and build its graphs, so that the first visitor does not wait for them."""
        if not self.loaded.live:
            return
        self.live(22_050).push(np.zeros(1 << 16, np.float32))
        self.exact(np.zeros(1 << 16, np.float32), 22_050, ())

    def live(self, rate: int) -> LiveRecogniser:
        """Begin a stream of sound at `rate` Hz; raises InputError where the system hears whole files only."""
        loaded = self.loaded if self.has_live else None
        if loaded is None or loaded.live is None:
            raise InputError(f"{self.name} has no live path: it hears whole files only")
        return loaded.live.LiveRecogniser(loaded.network, rate)

    def exact(self, native: NDArray[np.float32], rate: int, notes: tuple[str, ...]) -> Prediction:
        """Return the whole-file answer on (n_native,) float32 samples; only with a live path."""
        with self._exact:
            answer: Prediction = self.loaded.pipeline.recognise(Decoded(native, rate, notes))
        return answer

    def predict(self, clip: Path) -> Prediction:
        """Return the pipeline's answer on a file, which it decodes in this process; raises InputError."""
        pipeline = self.loaded.pipeline
        try:
            with self._exact:
                answer: Prediction = pipeline.predict(clip)
        except InputError as error:
            raise InputError(str(error).removeprefix(f"{clip}: ")) from None
        return answer

    @cached_property
    def knows(self) -> str:
        """What the labels are, in words: "10 genres: blues, ..."; the noun is the answer's last axis."""
        noun = probabilities(self.system)[-1].axes[-1].removeprefix("n_")
        if len(self.labels) <= ALL_SHOWN:
            return f"{len(self.labels)} {noun}: {', '.join(self.labels)}"
        return f"{len(self.labels)} {noun}, such as {', '.join(self.labels[:SHOWN_OF_MORE])}"

    def identity(self) -> dict[str, Any]:
        """Return what is said with every answer; loads the system."""
        return {
            "system": self.name,
            "version": VERSION,
            "weights_sha256": self.weights_sha256,
            "step_seconds": self.loaded.step_seconds,
        }

    @cached_property
    def weights_sha256(self) -> str:
        """Hash of the checkpoint that answers."""
        return str(self.loaded.pipeline.provenance()["weights_sha256"])

    def about(self) -> dict[str, Any]:
        """Return what answers: system, version, labels, weights; loads the system."""
        return self.identity() | {
            "title": self.system.title,
            "labels": list(self.labels),
            "weights_know_genres": bool(self.ready().knows),
            "source_backend": self.ready().backend,
        }

    def offer(self) -> dict[str, Any]:
        """Return what a person chooses by; loads nothing."""
        weights = self.weights
        return {
            "system": self.name,
            "title": self.system.title,
            "knows": self.knows,
            "answers": "steps" if self.steps_stage else "clip",
            "live": self.has_live,
            "hears": self.demo.hears,
            "accepts": sorted(suffixes(self.system)),
            "recommended": self.recommended,
            "available": weights is not None,
            "weights_know_genres": weights.knows if weights else None,
            "fetch": self.fetch_command,
        }

    @property
    def recommended(self) -> bool:
        """Whether its own folder says so."""
        return self.demo.recommended


class Engines:
    """Every system that answers with probabilities, and the one that answers where none is named."""

    def __init__(self, weights: Path | None = None, backend: str | None = None) -> None:
        """Find the systems. weights, saved under `backend`: of the system whose checkpoint ships with the kit.

        The default system is that one where weights are given, else the recommended one where it has weights.
        """
        systems = [system for system in map(registry.load, registry.names()) if probabilities(system)]
        kept = [system for system in systems if system.default_weights]
        if not kept:
            raise InputError("no system ships a checkpoint: the kit is not complete")
        own = next((system for system in kept if system.name == registry.DEFAULT), kept[0])
        self.own_name, exact = own.name, threading.Lock()
        given = find(own, weights, backend) if weights else None
        engines = [Engine(system, given if system is own else None, exact) for system in systems]
        self._engines = {engine.name: engine for engine in sorted(engines, key=lambda e: (not e.recommended, e.name))}
        best = next((e for e in self if e.recommended and e.weights), None)
        self.default = best if best and not weights else self.own

    @property
    def own(self) -> Engine:
        """The system whose checkpoint ships with the kit."""
        return self._engines[self.own_name]

    def __iter__(self) -> Iterator[Engine]:
        """The engines, recommended ones first."""
        return iter(self._engines.values())

    def find(self, name: str | None) -> Engine:
        """Return the system of this name, the default one without; raises InputError on an unknown one."""
        if not name:
            return self.default
        if name not in self._engines:
            raise InputError(f"no system {name[:40]!r} here; there are: {', '.join(self._engines)}")
        return self._engines[name]
