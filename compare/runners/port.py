"""Traces of the modern port, run in this process."""

import importlib
from collections.abc import Sequence

from reprise_kit.compare.clip import Clip
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import Stage
from reprise_kit.compare.trace import Trace


class PortRunner:
    """Opens `port.<system>.pipeline` on first use, so that TensorFlow is imported only when it is needed."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to open."""
        self.settings = settings
        self._pipeline = None

    def unavailable_reason(self) -> str | None:
        """The port needs nothing that the kit does not install."""
        return None

    def trace(self, clip: Clip, stages: Sequence[Stage], given: Trace | None = None) -> Trace:
        """Trace a clip; with `given`, each stage from that trace's own arrays."""
        pipeline = self._open()
        if given is None:
            traced = pipeline.trace(clip.path)
            arrays, scalars = traced.arrays, traced.scalars
            provenance = {**pipeline.provenance(), **traced.provenance}
        else:
            from reprise_kit.port.audio.provenance import decoded_by

            arrays = {stage.name: self._isolated(stage, clip, given) for stage in stages}
            scalars = dict(given.scalars)
            # What starts from the clip is decoded here in this mode too.
            decoded = decoded_by(clip.path, self.settings.decoder)
            provenance = {**pipeline.provenance(), **decoded, "given": "the reference's arrays"}
        wanted = {stage.name: arrays[stage.name] for stage in stages if arrays.get(stage.name) is not None}
        return Trace(self.settings.system.name, clip.path.name, clip.sha256, wanted, scalars, provenance)

    def _isolated(self, stage: Stage, clip: Clip, given: Trace):  # type: ignore[no-untyped-def]
        pipeline = self._open()
        if stage.source == "clip":
            return pipeline.decode(clip.path)
        if stage.source not in given.arrays:
            return None  # the verdict on this stage will be `missing`
        return pipeline.stage(stage.name, given.arrays[stage.source], given.scalars)

    def _open(self):  # type: ignore[no-untyped-def]
        if self._pipeline is None:
            name = self.settings.system.name
            try:
                module = importlib.import_module(f"reprise_kit.port.{name}.pipeline")
            except ModuleNotFoundError as error:
                if error.name not in (f"reprise_kit.port.{name}", f"reprise_kit.port.{name}.pipeline"):
                    raise
                raise InputError(f"system {name} has no port yet: port/{name}/pipeline.py is missing") from None
            self._pipeline = module.open_pipeline(
                self.settings.weights_file, self.settings.backend, decoder=self.settings.decoder
            )
        return self._pipeline


def open_runner(settings: Settings) -> PortRunner:
    """Open the port of a system."""
    return PortRunner(settings)
