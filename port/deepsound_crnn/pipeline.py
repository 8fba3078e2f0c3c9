"""The data path of the DeepSound CRNN: clip -> native -> samples -> log_mel -> network -> step_probs -> clip_probs.

Stage names, axes and tolerances are those of the system's system.toml. A *frame* is one mel column (1024 samples at
22,050 Hz, 46.4 ms), a *step* one answer of the network (8 frames, 371.5 ms).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.ahead import ahead
from reprise_kit.port.audio.decode import MAX_SECONDS, Decoded, seconds_at, whole
from reprise_kit.port.audio.librosa041.mel import N_MELS, log_mel
from reprise_kit.port.audio.parts import Incoming
from reprise_kit.port.audio.scipy017.resample import SAMPLE_RATE, Transformed, resample, transform
from reprise_kit.port.audio.scipy017.transform_time import too_slow
from reprise_kit.port.audio.stream import incoming
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.shared.gtzan import GENRES
from reprise_kit.port.shared.network import AudioOptions, NetworkPipeline, graph, named

STREAM_OVER = 1200.0  # seconds beyond which a clip is streamed instead
STREAM_SECONDS = 86_400.0  # of a clip that is answered as it is decoded
BATCH_FRAMES = 12_000  # frames that the network takes at once: about 16 clips of 30 s

# Stage: the layer that it leaves, and the layer that its source stage left.
LAYERS = {
    "convolution_1": ("convolution_1", "input"),
    "convolution_2": ("convolution_2", "convolution_1"),
    "convolution_3": ("convolution_3", "convolution_2"),
    "lstm_1": ("lstm_1", "convolution_3"),
    "step_probs": ("output_realtime", "lstm_1"),
    "clip_probs": ("output_merged", "output_realtime"),
}


@dataclass(frozen=True)
class Options(AudioOptions):
    """stream_over: seconds beyond which a clip is streamed, its resampling approximated; its notes say so.

    At more than 48 kHz as many samples count, not as many seconds: memory is what is bounded.
    """

    stream_over: float = STREAM_OVER


@dataclass(frozen=True)
class Heard:
    """What the network is asked about: log-mel frames (n_frames, 128) float32, n_frames >= 36; seconds; notes."""

    frames: np.ndarray
    duration: float
    notes: tuple[str, ...]


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Sort clips of so many frames into groups, longest first, that take at most BATCH_FRAMES frames when padded."""
    groups: list[list[int]] = []
    for k in sorted(range(len(lengths)), key=lambda k: -lengths[k]):
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= BATCH_FRAMES:
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


class Pipeline(NetworkPipeline):
    """The CRNN with one checkpoint loaded."""

    labels = GENRES

    def __init__(self, weights: Path, source_backend: str, options: Options) -> None:
        """Load a Keras-1 weights file whose convolution kernels have the order of `source_backend`."""
        super().__init__(crnn.load(weights, source_backend), LAYERS, weights, source_backend, options)
        self.stream_over = options.stream_over

    def predict_many(self, clips: Sequence[Path]) -> list[Prediction | InputError]:
        """Return the answer on each clip, or why it cannot be taken; the network runs over several clips at once.

        Every clip's answer is the one it gets alone (measured: bit for bit): what pads a shorter clip comes after
        its last step, and neither convolutions without padding nor the LSTM look ahead.
        """
        heard = [self._heard(clip, taken) for clip, taken in zip(clips, ahead(self._taken, clips), strict=True)]
        answers = iter(self._answers([one for one in heard if isinstance(one, Heard)]))
        return [next(answers) if isinstance(one, Heard) else one for one in heard]  # a streamed one is answered already

    def recognise(self, decoded: Decoded) -> Prediction:
        """Return the answer on a clip that is decoded already; raises InputError where it is too short."""
        half_way = transform(decoded.native, decoded.rate)
        return self._answers([self._features(half_way, decoded.notes)])[0]

    def _take(self, clip: Path) -> list[Decoded]:
        """Decode a clip; an empty list where it is so long that it is streamed."""
        if self.fix_quirks:  # only what the original heard streams
            return [self._read(clip)]
        with incoming(clip, STREAM_SECONDS, self.decoder, self.strict) as opened:
            return [] if self._is_streamed(opened) else [whole(opened, self._longest)]

    def _heard(self, clip: Path, taken: list[Decoded] | InputError) -> Heard | Prediction | InputError:
        """Return a clip's features, or its answer where it is streamed; what was decoded goes with them."""
        if isinstance(taken, InputError):
            return taken
        try:
            if not taken:
                return self._streamed(clip)
            decoded = taken.pop()
            half_way, notes = transform(decoded.native, decoded.rate), decoded.notes
            del decoded  # a long clip's memory serves the way back
            return self._features(half_way, notes)
        except InputError as error:
            return named(clip, error)

    def _streamed(self, clip: Path) -> Prediction:
        from reprise_kit.port.deepsound_crnn import live

        with incoming(clip, STREAM_SECONDS, self.decoder, self.strict) as opened:
            return live.predict(self.model, opened)

    def _is_streamed(self, clip: Incoming) -> bool:
        return clip.expected > seconds_at(clip.rate, self.stream_over)

    def _features(self, half_way: Transformed, notes: tuple[str, ...]) -> Heard:
        samples = half_way.samples()
        return Heard(crnn.frames(log_mel(samples)), len(samples) / SAMPLE_RATE, notes)

    def _answers(self, heard: Sequence[Heard]) -> list[Prediction]:
        """Run the network on clips of like length together."""
        answers: dict[int, Prediction] = {}
        for group in batches([len(one.frames) for one in heard]):
            padded = np.zeros((len(group), len(heard[group[0]].frames), N_MELS), np.float32)
            for row, k in zip(padded, group, strict=True):
                row[: len(heard[k].frames)] = heard[k].frames
            for k, probs in zip(group, self._step_probs(padded).numpy(), strict=True):
                answers[k] = self._prediction(heard[k], probs[: crnn.steps(len(heard[k].frames))])
        return [answers[k] for k in range(len(heard))]

    def _prediction(self, one: Heard, step_probs: np.ndarray) -> Prediction:
        clip_probs = step_probs.mean(axis=0)
        return Prediction(self.labels, step_probs, crnn.STEP_SECONDS, clip_probs, one.duration, one.notes)

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end."""
        decoded = self._read(clip)
        samples, way = resample(decoded.native, decoded.rate)
        features = log_mel(samples)
        try:
            outputs = self._taps(crnn.frames(features)[None])
        except InputError as error:
            raise InputError(f"{clip}: {error}") from None
        arrays: dict[str, np.ndarray] = {"native": decoded.native, "samples": samples, "log_mel": features}
        arrays |= {name: output.numpy()[0] for name, output in zip(LAYERS, outputs, strict=True)}
        scalars = {"native_rate": decoded.rate, "duration": len(samples) / SAMPLE_RATE}
        return Traced(arrays, scalars, {"resampler": way, **decoded.provenance}, decoded.sha256)

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            return resample(np.ascontiguousarray(source, np.float32), int(scalars["native_rate"]))[0]
        if name == "log_mel":
            return log_mel(np.ascontiguousarray(source, np.float32))
        array: np.ndarray = np.asarray(self._part(name)(source[None].astype(np.float32), training=False))[0]
        return array

    @cached_property
    def _step_probs(self) -> Any:
        return graph(keras.Model(self.model.input, self.model.get_layer("output_realtime").output))

    def _read(self, clip: Path) -> Decoded:
        return self.options.decode(clip, self._longest)

    @property
    def _longest(self) -> float:
        """Seconds of a clip that is transformed as a whole."""
        return max(MAX_SECONDS, self.stream_over)


def open_pipeline(weights: Path, source_backend: str, options: Options | None = None) -> Pipeline:
    """Open the CRNN."""
    return Pipeline(weights, source_backend, options or Options())


def original_refuses(clip: Path) -> str | None:
    """Say why the live original would not end on a clip, or return None."""
    return too_slow(clip, SAMPLE_RATE)
