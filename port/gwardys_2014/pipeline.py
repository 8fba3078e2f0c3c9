"""The data path: clip -> native -> samples -> three pictures -> features of each. Machines need a corpus: `evaluate`.

There is no original to compare with: the stages are there to be looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare import provenance
from reprise_kit.compare.contract import Array, Prediction, Traced, one_by_one
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.scipy017.resample import resample
from reprise_kit.port.gwardys_2014 import extractors, spectrogram
from reprise_kit.port.shared.gtzan import GENRES
from reprise_kit.port.shared.network import PACKAGES, AudioOptions, native


@dataclass(frozen=True)
class Options(AudioOptions):
    """None of its own."""


class Pipeline:
    """The pictures and a frozen network."""

    labels = GENRES

    def __init__(self, weights: Path, options: Options) -> None:
        """Load a .caffemodel, or the state dict of efficientnet_lite0."""
        self.weights, self.options, self.extractor = weights, options, extractors.load(weights)

    def decode(self, path: Path) -> Traced:
        """Return `native`, (n_native,) float32 mono, and its rate."""
        return native(self.options.decode(path))

    def stage(self, name: str, source: Any, scalars: Mapping[str, float]) -> Array:
        """Compute one stage from its source; raises KeyError on an unknown one."""
        if name == "samples":
            return resample(np.ascontiguousarray(source, np.float32), int(scalars["native_rate"]), spectrogram.RATE)[0]
        kind, _, what = name.partition("_")
        if what == "picture":
            return spectrogram.pictures(source)[kind]
        return {"features": self.extractor.of_grey({kind: source})[kind]}[what]

    def trace(self, path: Path) -> Traced:
        """Return every stage of a clip."""
        taken = self.decode(path)
        arrays = dict(taken.arrays)
        arrays["samples"] = samples = self.stage("samples", arrays["native"], taken.scalars)
        pictures = spectrogram.pictures(samples)
        found = self.extractor.of_grey(pictures)
        for kind in spectrogram.KINDS:
            arrays |= {f"{kind}_picture": pictures[kind], f"{kind}_features": found[kind]}
        return Traced(arrays, taken.scalars, taken.provenance, taken.sha256)

    def predict(self, path: Path) -> Prediction:
        """Refuse: nothing is known of genres before a corpus has been learnt."""
        raise InputError(f"{path}: gwardys_2014 names the genres of a corpus: reprise evaluate FOLDER")

    def predict_many(self, paths: Sequence[Path]) -> list[Prediction | InputError]:
        """Refuse each."""
        return one_by_one(self.predict, paths)

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return provenance.of_port(sha256(self.weights), (*PACKAGES, "scikit-learn"), extractor=self.extractor.name)


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the pictures and a frozen network."""
    return Pipeline(weights, options or Options())
