"""The data path: clip -> native -> samples -> log_mel -> layers of the network -> factors. Weights: recommender.npz.

There is no original to compare with: the stages are there to be looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reprise_kit.compare import provenance
from reprise_kit.compare.contract import Array, Prediction, Traced, one_by_one
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.scipy017.resample import resample
from reprise_kit.port.dieleman_spotify_2014 import front_end, recommender, settings
from reprise_kit.port.shared.network import PACKAGES, AudioOptions, native

LAYERS = ("conv_1", "conv_2", "conv_3", "conv_4", "pooled", "dense_1", "dense_2")
FACTORS = tuple(f"factor {number}" for number in range(settings.of("blog")["factors"]))


@dataclass(frozen=True)
class Options(AudioOptions):
    """None of its own."""


class Pipeline:
    """The blog's network with one training loaded."""

    labels = FACTORS

    def __init__(self, weights: Path, options: Options) -> None:
        """Load a recommender.npz of mode blog; the paper's averages windows and has no stages of one clip."""
        self.weights, self.options, self.machine = weights, options, recommender.load(weights)
        if self.machine.mode != "blog":
            raise InputError(f"{weights}: of mode {self.machine.mode}; the stages are those of the blog's network")
        outputs = [self.machine.model.get_layer(name).output for name in (*LAYERS, "factors")]
        self._tapped = keras.Model(self.machine.model.input, outputs)

    def decode(self, path: Path) -> Traced:
        """Return `native`, (n_native,) float32 mono, and its rate."""
        return native(self.options.decode(path))

    def stage(self, name: str, source: Any, scalars: Mapping[str, float]) -> Array:
        """Compute one stage from its source; raises KeyError on an unknown one."""
        if name == "samples":
            rate = settings.of("blog")["rate"]
            return np.asarray(resample(np.ascontiguousarray(source, np.float32), int(scalars["native_rate"]), rate)[0])
        if name == "log_mel":
            return self.machine.scale.applied(front_end.windows(front_end.log_mel(source, "blog"), "blog")[0])
        model, order = self.machine.model, (*LAYERS, "factors")
        start = model.input if name == order[0] else model.get_layer(order[order.index(name) - 1]).output
        part = keras.Model(start, model.get_layer(name).output)
        return np.asarray(part(source[None], training=False)[0])

    def trace(self, path: Path) -> Traced:
        """Return every stage of a clip."""
        taken = self.decode(path)
        arrays = dict(taken.arrays)
        arrays["samples"] = self.stage("samples", arrays["native"], taken.scalars)
        arrays["log_mel"] = self.stage("log_mel", arrays["samples"], taken.scalars)
        left = self._tapped(arrays["log_mel"][None], training=False)
        arrays |= {name: np.asarray(array)[0] for name, array in zip((*LAYERS, "factors"), left, strict=True)}
        return Traced(arrays, taken.scalars, taken.provenance, taken.sha256)

    def predict(self, path: Path) -> Prediction:
        """Return the factors of a clip: no probabilities."""
        traced = self.trace(path)
        seconds = len(traced.arrays["native"]) / traced.scalars["native_rate"]
        return Prediction(FACTORS, None, settings.of("blog")["seconds"], traced.arrays["factors"], seconds)

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each clip, or why it cannot be taken."""
        return one_by_one(self.predict, paths)

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return provenance.of_port(sha256(self.weights), PACKAGES)


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the blog's network with a training."""
    return Pipeline(weights, options or Options())
