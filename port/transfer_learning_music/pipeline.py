"""The data path: clip -> native -> samples -> features (160) -> a support vector machine's vote on ten genres.

The network is compact_cnn's, its files byte for byte. The machine is trained anew, in under a second, on upstream's
published features of GTZAN, which `reprise fetch` brings beside the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.walk import followed
from reprise_kit.port.audio.decode import Decoded
from reprise_kit.port.compact_cnn import front_end, model
from reprise_kit.port.compact_cnn.pipeline import Options as CompactOptions
from reprise_kit.port.compact_cnn.pipeline import Pipeline as CompactPipeline
from reprise_kit.port.compact_cnn.pipeline import original_refuses
from reprise_kit.port.shared.gtzan import GENRES
from reprise_kit.port.shared.network import graph
from reprise_kit.port.transfer_learning_music import svm

__all__ = ["Options", "open_pipeline", "original_refuses"]


@dataclass(frozen=True)
class Options(CompactOptions):
    """gtzan: folder of the published features, by default upstream's around the weights."""

    gtzan: Path | None = None


class Pipeline(CompactPipeline):
    """The feature extractor with one checkpoint loaded."""

    labels = GENRES

    def __init__(self, weights: Path, source_backend: str, options: Options) -> None:
        """Load a weights_layer4 file."""
        super().__init__(weights, source_backend, options)
        self.extractor = graph(model.feature_extractor(self.model))
        self.gtzan = options.gtzan or followed(weights).parents[1]

    @cached_property
    def machine(self) -> SVC:
        """The machine on the published features."""
        return svm.train(self.gtzan)

    def features(self, clip: Path) -> np.ndarray:
        """Return the 160 features of a clip, from the lowest layer's to the highest's, float32."""
        return self._features(self._samples(self._read(clip)))

    def _answer(self, taken: list[Decoded]) -> Prediction:
        """Return each genre's share of votes; raises InputError without GTZAN."""
        machine, decoded = self.machine, taken.pop()
        shares = svm.vote_shares(machine, self._features(self._samples(decoded)))
        notes = (*front_end.notes(decoded), "shares of the 45 pairwise votes, not probabilities")
        return Prediction(self.labels, None, front_end.SECONDS, shares, len(decoded.native) / decoded.rate, notes)

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end."""
        traced = super().trace(clip)
        arrays = {name: traced.arrays[name] for name in ("native", "samples")}
        arrays["features"] = self._features(arrays["samples"])
        return Traced(arrays, traced.scalars, traced.provenance)

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "features":
            return self._features(np.asarray(source, np.float32))
        return super().stage(name, source, scalars)

    def _features(self, samples: np.ndarray) -> np.ndarray:
        array: np.ndarray = np.asarray(self.extractor(samples[None]))[0]
        return array


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the feature extractor."""
    return Pipeline(weights, source_backend, options or Options())
