"""The data path of the DeepSound CRNN: clip -> native -> samples -> log_mel -> network -> step_probs -> clip_probs.

Stage names, axes and tolerances are those of the system's system.toml. A *frame* is one mel column (1024 samples at
22,050 Hz, 46.4 ms), a *step* one answer of the network (8 frames, 371.5 ms).
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from port.audio.decode import MAX_SECONDS, Decoded, decode, whole
from port.audio.mel import HOP, log_mel
from port.audio.provenance import decoded_by
from port.audio.resample import SAMPLE_RATE, resample
from port.audio.stream import incoming
from port.deepsound_crnn import model as crnn
from port.errors import InputError
from port.pipeline import Prediction, Traced

LABELS = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
STREAM_OVER = 1200.0  # seconds beyond which a clip is streamed instead
STREAM_SECONDS = 86_400.0  # of a clip that is answered as it is decoded
STEP_SECONDS = crnn.FRAMES_PER_STEP * HOP / SAMPLE_RATE

# Stage: the layer that it leaves, and the layer that its source stage left.
LAYERS = {
    "convolution_1": ("convolution_1", "input"),
    "convolution_2": ("convolution_2", "convolution_1"),
    "convolution_3": ("convolution_3", "convolution_2"),
    "lstm_1": ("lstm_1", "convolution_3"),
    "step_probs": ("output_realtime", "lstm_1"),
    "clip_probs": ("output_merged", "output_realtime"),
}


class Pipeline:
    """The CRNN with one checkpoint loaded."""

    labels = LABELS

    def __init__(
        self,
        weights: Path,
        source_backend: str,
        decoder: str = "pyav",
        fix_quirks: bool = False,
        stream_over: float = STREAM_OVER,
    ) -> None:
        """Load a Keras-1 weights file whose convolution kernels have the order of `source_backend`.

        stream_over: seconds beyond which a clip is streamed, its resampling approximated; its notes say so.
        """
        self.weights, self.source_backend = weights, source_backend
        self.decoder, self.fix_quirks, self.stream_over = decoder, fix_quirks, stream_over
        self.model = crnn.load(weights, source_backend)

    def predict(self, clip: Path) -> Prediction:
        """Return per-step and clip probabilities of a clip; raises InputError on a clip it cannot take."""
        decoded = None if self._hears_parts else self._decoded(clip)
        try:
            return self.recognise(decoded) if decoded else self._heard(clip)
        except InputError as error:
            raise InputError(f"{clip}: {error}") from None

    @property
    def _hears_parts(self) -> bool:
        """Whether a clip is heard while it is decoded: only with PyAV's decoder, and as the original heard it."""
        return self.decoder == "pyav" and not self.fix_quirks

    def _heard(self, clip: Path) -> Prediction:
        """Answer while the clip is decoded where it is long by its own account, else when it is."""
        with incoming(clip, STREAM_SECONDS) as opened:
            if opened.expected <= self.stream_over:
                return self.recognise(whole(opened, self._longest))
            from port.deepsound_crnn import live

            return live.predict(self.model, opened)

    def recognise(self, decoded: Decoded) -> Prediction:
        """Return the answer on a clip that is decoded already; raises InputError where it is too short."""
        samples, _ = resample(decoded.native, decoded.rate)
        step_probs, clip_probs = self._answer(self._framed(log_mel(samples)))
        duration = len(samples) / SAMPLE_RATE
        return Prediction(self.labels, step_probs, STEP_SECONDS, clip_probs, duration, decoded.notes)

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end."""
        decoded = self._decoded(clip)
        samples, way = resample(decoded.native, decoded.rate)
        features = log_mel(samples)
        try:
            outputs = self._taps(self._framed(features))
        except InputError as error:
            raise InputError(f"{clip}: {error}") from None
        arrays: dict[str, np.ndarray] = {"native": decoded.native, "samples": samples, "log_mel": features}
        arrays |= {name: output.numpy()[0] for name, output in zip(LAYERS, outputs, strict=True)}
        scalars = {"native_rate": decoded.rate, "duration": len(samples) / SAMPLE_RATE}
        return Traced(arrays, scalars, {"resampler": way, **decoded_by(clip, self.decoder)})

    def decode(self, clip: Path) -> np.ndarray:
        """Return `native`: (n_native,) float32 mono samples as the original's decoder gave them."""
        return self._decoded(clip).native

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            return resample(np.ascontiguousarray(source, np.float32), int(scalars["native_rate"]))[0]
        if name == "log_mel":
            return log_mel(np.ascontiguousarray(source, np.float32))
        leaves, enters = LAYERS[name]
        part = keras.Model(self.model.get_layer(enters).output, self.model.get_layer(leaves).output)
        return np.asarray(part(source[None].astype(np.float32), training=False))[0]

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        packages = ("av", "keras", "numpy", "scipy", "tensorflow")
        return {
            "side": "port",
            "source_backend": self.source_backend,
            "weights_sha256": hashlib.sha256(self.weights.read_bytes()).hexdigest(),
            "packages": {name: version(name) for name in packages},
            "floatx": keras.config.floatx(),
        }

    @cached_property
    def _answer_function(self) -> Any:
        outputs = [self.model.get_layer(name).output for name in ("output_realtime", "output_merged")]
        return self._function(outputs)

    @cached_property
    def _taps(self) -> Any:
        return self._function([self.model.get_layer(leaves).output for leaves, _ in LAYERS.values()])

    def _function(self, outputs: list[Any]) -> Any:
        part = keras.Model(self.model.input, outputs)
        # One graph for every length: without the signature each new clip length would be traced anew.
        signature = [tf.TensorSpec((1, None, crnn.N_MELS), tf.float32)]
        return tf.function(lambda x: part(x, training=False), input_signature=signature, autograph=False)

    def _answer(self, framed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        step_probs, clip_probs = self._answer_function(framed)
        return step_probs.numpy()[0], clip_probs.numpy()[0]

    def _decoded(self, clip: Path) -> Decoded:
        return decode(clip, self.decoder, self.fix_quirks, self._longest)

    @property
    def _longest(self) -> float:
        """Seconds of a clip that is transformed as a whole."""
        return max(MAX_SECONDS, self.stream_over)

    @staticmethod
    def _framed(features: np.ndarray) -> np.ndarray:
        if len(features) < crnn.MIN_FRAMES:
            seconds = (crnn.MIN_FRAMES - 1) * HOP / SAMPLE_RATE
            raise InputError(
                f"too short, {len(features)} frames of the {crnn.MIN_FRAMES} that one answer needs; "
                f"give at least {seconds:.2f} s"
            )
        return features[None].astype(np.float32)


def open_pipeline(weights: Path, source_backend: str, **options: Any) -> Pipeline:
    """Open the CRNN; options: decoder ("pyav" or "ffmpeg"), fix_quirks, stream_over (seconds)."""
    return Pipeline(weights, source_backend, **options)
