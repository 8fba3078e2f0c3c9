"""The data path of the compact tagger: clip -> native -> samples -> network -> melgram, blocks, features, tags.

Arrays have the original's order of axes, channels before mels before frames.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from port.audio.decode import decode
from port.audio.provenance import decoded_by
from port.choi.pipeline import PACKAGES, channels_first, channels_last
from port.choi.tags import TAGS
from port.compact_cnn import front_end, model
from port.errors import InputError
from port.pipeline import Prediction, Traced

N_BLOCKS = len(model.POOLS)
# Stage: the layer that it leaves, and the layer that its source stage left.
LAYERS = {"melgram": ("melgram", "input")}
LAYERS |= {f"block_{i}": (f"block_{i}", f"block_{i - 1}" if i else "melgram") for i in range(N_BLOCKS)}
FEATURES = {f"feature_{i}": f"block_{i}" for i in range(N_BLOCKS)}


class Pipeline:
    """The compact tagger with one checkpoint loaded."""

    labels = TAGS

    def __init__(
        self,
        weights: Path,
        source_backend: str,
        decoder: str = "pyav",
        fix_quirks: bool = False,
        resampler: str = "fourier",
    ) -> None:
        """Load a weights_layer4 file; see `open_pipeline` for the options."""
        self.weights, self.source_backend = weights, source_backend
        self.decoder, self.fix_quirks, self.resampler = decoder, fix_quirks, resampler
        self.model = model.load(weights, source_backend)
        self.has_head = "dense_1" in {layer.name for layer in self.model.layers}
        leaving = [self.model.get_layer(leaves).output for leaves, _ in LAYERS.values()]
        self._tapped = keras.Model(self.model.input, [*leaving, self.model.output])

    def predict(self, clip: Path) -> Prediction:
        """Return the tags' probabilities; raises InputError on a clip it cannot take, or without a head."""
        if not self.has_head:
            raise InputError(f"{self.weights.name}: no dense_1 in it, so there are no tags; give the _theano file")
        decoded = decode(clip, self.decoder, self.fix_quirks)
        samples = front_end.to_input(front_end.beginning(decoded), decoded.rate, self.resampler)
        tags = np.asarray(self.model(samples[None], training=False))[0]
        seconds = len(decoded.native) / decoded.rate
        return Prediction(TAGS, None, front_end.SECONDS, tags, seconds, front_end.notes(decoded))

    def features(self, clip: Path) -> np.ndarray:
        """Return the 160 features of a clip, from the first block's to the fifth's, float32."""
        arrays = self.trace(clip).arrays
        return np.concatenate([arrays[name] for name in FEATURES])

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end; no tags where the file has no head."""
        decoded = decode(clip, self.decoder, self.fix_quirks)
        native = front_end.beginning(decoded)
        samples = front_end.to_input(native, decoded.rate, self.resampler)
        *outputs, tags = self._tapped(samples[None], training=False)
        arrays: dict[str, np.ndarray] = {"native": native, "samples": samples}
        arrays |= {name: channels_first(np.asarray(o)) for name, o in zip(LAYERS, outputs, strict=True)}
        arrays |= {name: _mean(arrays[block]) for name, block in FEATURES.items()}
        if self.has_head:
            arrays["tags"] = np.asarray(tags)[0]
        scalars = {"native_rate": decoded.rate, "duration": len(native) / decoded.rate}
        return Traced(arrays, scalars, {"resampler": self.resampler, **decoded_by(clip, self.decoder)})

    def decode(self, clip: Path) -> np.ndarray:
        """Return `native`: (n_native,) float32 mono, the first 29 s as the original's decoder gave them."""
        return front_end.beginning(decode(clip, self.decoder, self.fix_quirks))

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            native = np.ascontiguousarray(source, np.float32)
            return front_end.to_input(native, int(scalars["native_rate"]), self.resampler)
        if name in FEATURES:
            return _mean(np.asarray(source, np.float32))
        leaves, enters = ("dense_1", f"block_{N_BLOCKS - 1}") if name == "tags" else LAYERS[name]
        entering = source[None].astype(np.float32) if name == "melgram" else channels_last(source, 4)
        part = keras.Model(self.model.get_layer(enters).output, self.model.get_layer(leaves).output)
        return channels_first(np.asarray(part(entering, training=False)))

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return {
            "side": "port",
            "source_backend": self.source_backend,
            "weights_sha256": hashlib.sha256(self.weights.read_bytes()).hexdigest(),
            "packages": {name: version(name) for name in PACKAGES},
            "floatx": keras.config.floatx(),
        }


def _mean(block: np.ndarray) -> np.ndarray:
    return block.mean(axis=(1, 2), dtype=np.float32)


def open_pipeline(weights: Path, source_backend: str, **options: Any) -> Pipeline:
    """Open the compact tagger; options: decoder, fix_quirks, resampler ("fourier" or "sinc_best")."""
    return Pipeline(weights, source_backend, **options)
