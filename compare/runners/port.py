"""Traces of the modern port, run in this process."""

from collections.abc import Sequence
from functools import cached_property

from reprise_kit.compare import registry
from reprise_kit.compare.contract import Array, Pipeline, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace


class PortRunner:
    """Opens a system's pipeline on first use, so that TensorFlow is imported only when it is needed."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to open."""
        self.settings = settings
        self._last: tuple[Input | None, Traced] = None, Traced({})

    def unavailable_reason(self) -> str | None:
        """Say why the pipeline cannot be opened: that is the matter of no input."""
        try:
            _ = self._pipeline
        except InputError as error:
            return str(error)
        return None

    def trace(self, clip: Input, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace an input; with `given`, each stage from that trace's own arrays."""
        traced = self._chained(clip) if given is None else self._isolated(clip, stages, given)
        provenance = {**self._pipeline.provenance(), **traced.provenance}
        wanted = {stage.name: traced.arrays[stage.name] for stage in stages if stage.name in traced.arrays}
        sha256 = traced.sha256 or clip.sha256  # of what was read, where the pipeline says it
        return Trace(self.settings.system.name, clip.path.name, sha256, wanted, traced.scalars, provenance)

    def _chained(self, clip: Input) -> Traced:
        self._last = clip, self._pipeline.trace(clip.path)
        return self._last[1]

    def _isolated(self, clip: Input, stages: Sequence[Stage], given: Trace) -> Traced:
        """What starts from the input is taken in here in this mode too, once for both modes."""
        last, traced = self._last
        first = traced if last is clip else self._pipeline.decode(clip.path)
        arrays = {stage.name: self._stage(stage, first, given) for stage in stages}
        made = {name: array for name, array in arrays.items() if array is not None}
        return Traced(made, dict(given.scalars), {**first.provenance, "given": "the reference's arrays"}, first.sha256)

    def _stage(self, stage: Stage, first: Traced, given: Trace) -> Array | None:
        """One stage's array, or None where it cannot be had: the verdict on it will be `missing`."""
        if stage.source == "clip":
            return first.arrays.get(stage.name)
        source = stage.taken(given.arrays)
        return None if source is None else self._pipeline.stage(stage.name, source, given.scalars)

    @cached_property
    def _pipeline(self) -> Pipeline:
        return registry.open_pipeline(self.settings.system, self.settings.weights, self.settings.options)


def open_runner(settings: Settings) -> PortRunner:
    """Open the port of a system."""
    return PortRunner(settings)
