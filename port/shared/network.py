"""What pipelines that are one Keras network do alike: decode, read the layers, run one stage, say what decided it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from reprise_kit.compare import provenance
from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.ahead import ahead
from reprise_kit.port.audio.decode import MAX_SECONDS, Decoded, decode

PACKAGES = ("av", "keras", "numpy", "scipy", "tensorflow")
Layers = Mapping[str, tuple[str, str]]  # stage: the layer that it leaves, and the layer that its source stage left


@dataclass(frozen=True)
class AudioOptions:
    """Options of every pipeline that hears. decoder: "pyav" or "ffmpeg". fix_quirks: decode a file as it is meant.

    strict: refuse a file whose decoding would need a note.
    """

    decoder: str = "pyav"
    fix_quirks: bool = False
    strict: bool = False

    def decode(self, clip: Path, max_seconds: float = MAX_SECONDS) -> Decoded:
        """Return a clip as the original's decoder gave it; raises InputError on one that it cannot take."""
        return decode(clip, self.decoder, self.fix_quirks, max_seconds, self.strict)


def native(decoded: Decoded) -> Traced:
    """Return the stage `native`, (n_native,) float32 mono samples, and native_rate in Hz."""
    return Traced({"native": decoded.native}, {"native_rate": decoded.rate}, decoded.provenance, decoded.sha256)


def graph(part: keras.Model) -> Any:
    """Return a network as one graph for every shape that it takes: a third of the CPU time of calling its layers.

    Clips go through it one by one, or padded to one length where a system says that this changes no bit: a batch of
    other clips of the same length moves the convolutions' last bits (6e-7) and saves less than a tenth beside it.
    """
    signature = [tf.TensorSpec(part.inputs[0].shape, part.inputs[0].dtype)]
    return tf.function(lambda x: part(x, training=False), input_signature=signature, autograph=False)


def named(clip: Path, error: InputError) -> InputError:
    """Return an error that says which clip it is about."""
    return type(error)(f"{clip}: {str(error).removeprefix(f'{clip}: ')}")


class NetworkPipeline:
    """A network with one checkpoint loaded; a system adds its front end, `_answer`, `trace` and `stage`."""

    labels: tuple[str, ...]

    def __init__(
        self, model: keras.Model, layers: Layers, weights: Path, source_backend: str, options: AudioOptions
    ) -> None:
        """Take a loaded network and the stages that leave its layers, in order."""
        self.model, self.layers = model, layers
        self.weights, self.source_backend = weights, source_backend
        self.options = options
        self.decoder, self.fix_quirks, self.strict = options.decoder, options.fix_quirks, options.strict
        self._tapped = keras.Model(model.input, [model.get_layer(leaves).output for leaves, _ in layers.values()])

    @cached_property
    def _network(self) -> Any:
        return graph(self.model)

    @cached_property
    def _taps(self) -> Any:
        return graph(self._tapped)

    def predict(self, clip: Path) -> Prediction:
        """Return the system's answer on a clip; raises InputError on a clip it cannot take."""
        (answer,) = self.predict_many([clip])
        if isinstance(answer, InputError):
            raise answer
        return answer

    def predict_many(self, clips: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each clip, or why it cannot be taken; the next is decoded meanwhile."""
        return [self._answered(clip, taken) for clip, taken in zip(clips, ahead(self._taken, clips), strict=True)]

    def decode(self, clip: Path) -> Traced:
        """Return `native`, (n_native,) float32 mono samples as the original's decoder gave them, native_rate in Hz."""
        return native(self._read(clip))

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        more = {"source_backend": self.source_backend, "floatx": keras.config.floatx()}
        return provenance.of_port(self._weights_sha256(), PACKAGES, **more)

    def _weights_sha256(self) -> str:
        return sha256(self.weights)

    def _taken(self, clip: Path) -> list[Decoded] | InputError:
        try:
            return self._take(clip)
        except InputError as error:
            return named(clip, error)

    def _take(self, clip: Path) -> list[Decoded]:
        """Decode a clip; a list, so that who takes it out decides how long it lives."""
        return [self._read(clip)]

    def _answered(self, clip: Path, taken: list[Decoded] | InputError) -> Prediction | InputError:
        if isinstance(taken, InputError):
            return taken
        try:
            return self._answer(taken)
        except InputError as error:
            return named(clip, error)

    def _answer(self, taken: list[Decoded]) -> Prediction:
        """Take a decoded clip out of its list and return the answer on it; raises InputError where there is none."""
        raise NotImplementedError

    def _read(self, clip: Path) -> Decoded:
        return self.options.decode(clip)

    def _part(self, stage: str) -> keras.Model:
        """Return what lies between the layer that the source of `stage` left and the one that it leaves."""
        leaves, enters = self.layers[stage]
        return keras.Model(self.model.get_layer(enters).output, self.model.get_layer(leaves).output)
