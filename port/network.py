"""What pipelines that are one Keras network do alike: decode, read the layers, run one stage, say what decided it."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded, decode
from reprise_kit.port.pipeline import Prediction

PACKAGES = ("av", "keras", "numpy", "scipy", "tensorflow")
Layers = Mapping[str, tuple[str, str]]  # stage: the layer that it leaves, and the layer that its source stage left


class NetworkPipeline:
    """A network with one checkpoint loaded; a system adds its front end, `predict`, `trace` and `stage`."""

    labels: tuple[str, ...]

    def __init__(
        self,
        model: keras.Model,
        layers: Layers,
        weights: Path,
        source_backend: str,
        decoder: str = "pyav",
        fix_quirks: bool = False,
    ) -> None:
        """Take a loaded network and the stages that leave its layers, in order.

        decoder: "pyav" or "ffmpeg". fix_quirks: decode a file as it is meant.
        """
        self.model, self.layers = model, layers
        self.weights, self.source_backend = weights, source_backend
        self.decoder, self.fix_quirks = decoder, fix_quirks
        self._tapped = keras.Model(model.input, [model.get_layer(leaves).output for leaves, _ in layers.values()])

    def predict(self, clip: Path) -> Prediction:
        """Return the system's answer on a clip; raises InputError on a clip it cannot take."""
        raise NotImplementedError

    def predict_many(self, clips: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each clip, or why it cannot be taken; one by one where a system has no better way."""
        answers: list[Prediction | InputError] = []
        for clip in clips:
            try:
                answers.append(self.predict(clip))
            except InputError as error:
                answers.append(error)
        return answers

    def decode(self, clip: Path) -> np.ndarray:
        """Return `native`: (n_native,) float32 mono samples as the original's decoder gave them."""
        return self._read(clip).native

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return {
            "side": "port",
            "source_backend": self.source_backend,
            "weights_sha256": hashlib.sha256(self.weights.read_bytes()).hexdigest(),
            "packages": {name: version(name) for name in PACKAGES},
            "floatx": keras.config.floatx(),
        }

    def _read(self, clip: Path) -> Decoded:
        return decode(clip, self.decoder, self.fix_quirks)

    def _part(self, stage: str) -> keras.Model:
        """Return what lies between the layer that the source of `stage` left and the one that it leaves."""
        leaves, enters = self.layers[stage]
        return keras.Model(self.model.get_layer(enters).output, self.model.get_layer(leaves).output)
