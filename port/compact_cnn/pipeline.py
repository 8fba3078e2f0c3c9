"""The data path of the compact tagger: clip -> native -> samples -> network -> melgram, blocks, features, tags.

Arrays have the original's order of axes, channels before mels before frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded
from reprise_kit.port.audio.scipy017.transform_time import too_slow
from reprise_kit.port.compact_cnn import front_end, model
from reprise_kit.port.shared.choi.front_end import SAMPLE_RATE
from reprise_kit.port.shared.choi.tagger import channels_first, channels_last
from reprise_kit.port.shared.choi.tags import TAGS
from reprise_kit.port.shared.network import AudioOptions, NetworkPipeline

N_BLOCKS = len(model.POOLS)
# Stage: the layer that it leaves, and the layer that its source stage left.
LAYERS = {"melgram": ("melgram", "input")}
LAYERS |= {f"block_{i}": (f"block_{i}", f"block_{i - 1}" if i else "melgram") for i in range(N_BLOCKS)}
HEAD = {"tags": ("dense_1", f"block_{N_BLOCKS - 1}")}
FEATURES = {f"feature_{i}": f"block_{i}" for i in range(N_BLOCKS)}


@dataclass(frozen=True)
class Options(AudioOptions):
    """resampler: "fourier" or "sinc_best"."""

    resampler: str = "fourier"


class Pipeline(NetworkPipeline):
    """The compact tagger with one checkpoint loaded."""

    labels: tuple[str, ...] = TAGS

    def __init__(self, weights: Path, source_backend: str, options: Options) -> None:
        """Load a weights_layer4 file."""
        network = model.load(weights, source_backend)
        self.has_head = "dense_1" in {layer.name for layer in network.layers}
        super().__init__(network, LAYERS | HEAD if self.has_head else LAYERS, weights, source_backend, options)
        self.resampler = options.resampler

    def _answer(self, taken: list[Decoded]) -> Prediction:
        """Return the tags' probabilities; raises InputError without a head."""
        if not self.has_head:
            raise InputError(f"{self.weights.name}: no dense_1 in it, so there are no tags; give the _theano file")
        decoded = taken.pop()
        tags = np.asarray(self._network(self._samples(decoded)[None]))[0]
        seconds = len(decoded.native) / decoded.rate
        return Prediction(TAGS, None, front_end.SECONDS, tags, seconds, front_end.notes(decoded))

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end; no tags where the file has no head."""
        decoded = self._read(clip)
        native, samples = front_end.beginning(decoded), self._samples(decoded)
        outputs = self._taps(samples[None])
        arrays: dict[str, np.ndarray] = {"native": native, "samples": samples}
        arrays |= {name: channels_first(np.asarray(o)) for name, o in zip(self.layers, outputs, strict=True)}
        arrays |= {name: _mean(arrays[block]) for name, block in FEATURES.items()}
        scalars = {"native_rate": decoded.rate, "duration": len(native) / decoded.rate}
        about = {"resampler": self.resampler, **decoded.provenance}
        return Traced(arrays, scalars, about, decoded.sha256)

    def decode(self, clip: Path) -> Traced:
        """Return `native`, (n_native,) float32 mono, the first 29 s as the original's decoder gave them."""
        decoded = self._read(clip)
        scalars = {"native_rate": float(decoded.rate)}
        return Traced({"native": front_end.beginning(decoded)}, scalars, decoded.provenance, decoded.sha256)

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            native = np.ascontiguousarray(source, np.float32)
            return front_end.to_input(native, int(scalars["native_rate"]), self.resampler)
        if name in FEATURES:
            return _mean(np.asarray(source, np.float32))
        entering = source[None].astype(np.float32) if name == "melgram" else channels_last(source, 4)
        return channels_first(np.asarray(self._part(name)(entering, training=False)))

    def _samples(self, decoded: Decoded) -> np.ndarray:
        return front_end.to_input(front_end.beginning(decoded), decoded.rate, self.resampler)


def _mean(block: np.ndarray) -> np.ndarray:
    array: np.ndarray = block.mean(axis=(1, 2), dtype=np.float32)
    return array


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the compact tagger."""
    return Pipeline(weights, source_backend, options or Options())


def original_refuses(clip: Path) -> str | None:
    """Say why the live original would not end on a clip, or return None."""
    return too_slow(clip, SAMPLE_RATE)
