"""What the contract test is about: a system, inputs, weights, and what its pipeline makes of them, computed once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reprise_kit.compare import registry
from reprise_kit.compare.contract import Pipeline, Prediction, Traced
from reprise_kit.compare.input import find
from reprise_kit.compare.system import System
from reprise_kit.compare.weights import Weights, needed

Problems = Iterator[str]  # one line each


@dataclass(frozen=True)
class Subject:
    """A system on some inputs; what is computed is computed once.

    paths: inputs, or folders of them; none: the system's own. options: of its pipeline.
    """

    system: System
    paths: Sequence[Path] = ()
    given: Weights | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> list[Path]:
        """The files; raises InputError where there are none."""
        return find(self.paths or [self.system.inputs], self.system).files

    @cached_property
    def weights(self) -> Weights:
        """The checkpoint; raises InputError where there is none."""
        return self.given or needed(self.system)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The port with its weights loaded."""
        return registry.open_pipeline(self.system, self.weights, self.options)

    @cached_property
    def traced(self) -> list[Traced]:
        """Every input from the file on."""
        return [self.pipeline.trace(path) for path in self.inputs]

    @cached_property
    def answers(self) -> list[Prediction]:
        """The answer on every input."""
        return [self.pipeline.predict(path) for path in self.inputs]
