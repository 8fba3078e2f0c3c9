"""The data path as the browser ran it: clip -> native -> samples -> log_mel -> network -> step_probs -> smoothed.

Two front ends. "browser": the one that served it. "librosa": the one that the network was trained with, in the form of
the 2016 system (both channels, port/audio); upstream's training used a newer librosa, whose resampler differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded, check_decoder, decode, first_channel
from reprise_kit.port.audio.librosa041 import mel
from reprise_kit.port.audio.scipy017 import resample as legacy
from reprise_kit.port.deepsound_cnn_2018 import front_end, model, tfjs
from reprise_kit.port.shared.gtzan import GENRES
from reprise_kit.port.shared.network import AudioOptions, NetworkPipeline, graph

STEP_SECONDS = model.FRAMES_PER_STEP * front_end.HOP / front_end.SAMPLE_RATE
FRONT_ENDS = ("browser", "librosa")

# Stage: the layer that it leaves, and the layer that its source stage left.
LAYERS = {
    "activation": ("activation", "input"),
    "activation_1": ("activation_1", "activation"),
    "activation_2": ("activation_2", "activation_1"),
    "step_probs": ("output_realtime", "activation_2"),
}


@dataclass(frozen=True)
class Options(AudioOptions):
    """front: "browser" or "librosa", the one that the network was trained with; by default the latter with fix_quirks.

    smoothing: smooth the steps in `predict`, as served.
    """

    front: str | None = None
    smoothing: bool = True


class Pipeline(NetworkPipeline):
    """The network of 2018 with its weights loaded."""

    labels = GENRES

    def __init__(self, weights: Path, source_backend: str, options: Options) -> None:
        """Load a TensorFlow.js model."""
        if source_backend != "tensorflow":
            raise InputError(
                f"source backend {source_backend}: TensorFlow.js holds TensorFlow's kernels, give tensorflow"
            )
        super().__init__(model.load(weights), LAYERS, weights, source_backend, options)
        self.front = options.front or ("librosa" if self.fix_quirks else "browser")
        if self.front not in FRONT_ENDS:
            raise InputError(f"front end {self.front!r}: choose one of {', '.join(FRONT_ENDS)}")
        check_decoder(self.decoder)
        self.smoothing = options.smoothing

    def recognise(self, decoded: Decoded) -> Prediction:
        """Return `predict`'s answer on a clip that is decoded already; raises InputError, always for "browser"."""
        if self.front == "browser":
            raise InputError("the browser's front end hears the first channel of a file: give the file to predict")
        return self._answer([decoded])

    def _answer(self, taken: list[Decoded]) -> Prediction:
        """Return per-step answers, smoothed as served, and the clip's as trained."""
        decoded = taken.pop()
        log_mel = model.frames(self._log_mel(self._samples(decoded.native, decoded.rate)))
        logits, step_probs = (np.asarray(output)[0] for output in self._answering(log_mel[None]))
        if self.smoothing:
            step_probs = front_end.smooth(step_probs)
        seconds = len(decoded.native) / decoded.rate
        return Prediction(GENRES, step_probs, STEP_SECONDS, model.clip_probs(logits), seconds, decoded.notes)

    @cached_property
    def _answering(self) -> Any:
        logits = self.model.get_layer("time_distributed").output
        return graph(keras.Model(self.model.input, [logits, self.model.output]))

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end."""
        decoded = self._read(clip)
        samples = self._samples(decoded.native, decoded.rate)
        try:
            log_mel = model.frames(self._log_mel(samples))
        except InputError as error:
            raise InputError(f"{clip}: {error}") from None
        arrays: dict[str, np.ndarray] = {"native": decoded.native, "samples": samples, "log_mel": log_mel}
        outputs = self._taps(log_mel[None])
        arrays |= {name: np.asarray(output)[0] for name, output in zip(LAYERS, outputs, strict=True)}
        arrays["smoothed"] = front_end.smooth(arrays["step_probs"])
        scalars = {"native_rate": decoded.rate, "duration": len(decoded.native) / decoded.rate}
        return Traced(arrays, scalars, {"front_end": self.front, **decoded.provenance}, decoded.sha256)

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            return self._samples(np.ascontiguousarray(source, np.float32), int(scalars["native_rate"]))
        if name == "log_mel":
            return self._log_mel(np.ascontiguousarray(source, np.float32))
        if name == "smoothed":
            return front_end.smooth(source)
        array: np.ndarray = np.asarray(self._part(name)(source[None].astype(np.float32), training=False))[0]
        return array

    def _weights_sha256(self) -> str:
        return tfjs.sha256(self.weights)

    def _read(self, clip: Path) -> Decoded:
        """With the browser's front end, the first channel at the file's own rate."""
        if self.front == "librosa":
            return decode(clip, self.decoder, self.fix_quirks, strict=self.strict)
        return first_channel(clip, self.decoder, strict=self.strict)

    def _samples(self, native: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        return front_end.resample(native, rate) if self.front == "browser" else legacy.resample(native, rate)[0]

    def _log_mel(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.front == "browser":
            return front_end.log_log_mel(samples)
        return mel.log_mel(samples).astype(np.float32)


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the network of 2018."""
    return Pipeline(weights, source_backend, options or Options())
