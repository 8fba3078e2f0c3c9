"""The data path of the taggers: clip -> native -> samples -> melgram -> network -> tags.

Stage names, axes and tolerances are those of each system's system.toml; arrays have the originals' order of axes,
channels before mels before frames.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from reprise_kit.compare.contract import Prediction, Traced
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded
from reprise_kit.port.audio.scipy017.transform_time import too_slow
from reprise_kit.port.shared.choi import front_end
from reprise_kit.port.shared.choi.blocks import Statistics
from reprise_kit.port.shared.choi.tags import TAGS
from reprise_kit.port.shared.network import AudioOptions, NetworkPipeline

INPUTS = ("raw", "standardised")


def channels_last(array: np.ndarray, rank: int) -> np.ndarray:
    """Return a stage's array as a layer takes it: (1, mels, frames, channels) where `rank` is 4, else a batch of 1."""
    if rank == 4:
        array = array[None] if array.ndim == 2 else array
        array = np.moveaxis(array, 0, -1)
    return np.ascontiguousarray(array[None], np.float32)


def channels_first(array: np.ndarray) -> np.ndarray:
    """Return a layer's output, a batch of 1, as the stage it is: (channels, mels, frames) where it has those axes."""
    return np.moveaxis(array[0], -1, 0) if array.ndim == 4 else array[0]


@dataclass(frozen=True)
class Options(AudioOptions):
    """resampler: "fourier" or "sinc_best". window_shift: samples at 12 kHz by which the window starts later.

    network_input: "raw" decibels, as the original, or "standardised", with which the stored statistics agree.
    """

    resampler: str = "fourier"
    window_shift: int = 0
    network_input: str = "raw"


class TaggerPipeline(NetworkPipeline):
    """A tagger with one checkpoint loaded."""

    labels = TAGS

    def __init__(
        self,
        model: keras.Model,
        layers: tuple[str, ...],
        statistics: Statistics,
        weights: Path,
        source_backend: str,
        options: Options,
    ) -> None:
        """Take a loaded network and the layers that stages leave, from the first one to "output"."""
        if options.network_input not in INPUTS:
            raise InputError(f"network_input {options.network_input!r}: choose one of {', '.join(INPUTS)}")
        chain = {
            "tags" if leaves == "output" else leaves: (leaves, enters)
            for enters, leaves in pairwise(("input", *layers))
        }
        super().__init__(model, chain, weights, source_backend, options)
        self.statistics, self.resampler = statistics, options.resampler
        self.window_shift, self.network_input = options.window_shift, options.network_input

    def _answer(self, taken: list[Decoded]) -> Prediction:
        """Return the tags' probabilities."""
        decoded = taken.pop()
        half_way, notes = front_end.half_way_to_12k(decoded.native, decoded.rate, self.resampler), decoded.notes
        del decoded  # a long clip's memory serves the way back
        samples = half_way.samples()
        tags = self._network(self._entering(front_end.melgram(samples, self.window_shift))).numpy()[0]
        seconds = len(samples) / front_end.SAMPLE_RATE
        heard = front_end.N_SAMPLES / front_end.SAMPLE_RATE
        if seconds > heard:
            notes += (f"only the middle {heard:.2f} of {seconds:.2f} s are heard",)
        elif seconds < heard:
            notes += (f"{heard - seconds:.2f} s of silence are appended",)
        return Prediction(TAGS, None, heard, tags, seconds, notes)

    def trace(self, clip: Path) -> Traced:
        """Return every stage of a clip, end to end."""
        decoded = self._read(clip)
        samples, way = front_end.to_12k(decoded.native, decoded.rate, self.resampler)
        melgram = front_end.melgram(samples, self.window_shift)
        outputs = self._taps(self._entering(melgram))
        arrays: dict[str, np.ndarray] = {"native": decoded.native, "samples": samples, "melgram": melgram}
        arrays |= {name: channels_first(np.asarray(o)) for name, o in zip(self.layers, outputs, strict=True)}
        scalars = {"native_rate": decoded.rate, "duration": len(samples) / front_end.SAMPLE_RATE}
        return Traced(arrays, scalars, {"resampler": way, **decoded.provenance}, decoded.sha256)

    def stage(self, name: str, source: np.ndarray, scalars: Mapping[str, float]) -> np.ndarray:
        """Compute one stage from its source stage's array; raises KeyError on an unknown stage."""
        if name == "samples":
            native = np.ascontiguousarray(source, np.float32)
            return front_end.to_12k(native, int(scalars["native_rate"]), self.resampler)[0]
        if name == "melgram":
            return front_end.melgram(np.ascontiguousarray(source, np.float32), self.window_shift)
        part = self._part(name)
        first = self.layers[name][1] == "input"
        entering = self._entering(source) if first else channels_last(source, len(part.input.shape))
        return channels_first(np.asarray(part(entering, training=False)))

    def provenance(self) -> dict[str, Any]:
        """Return what decided the numbers."""
        return {
            **super().provenance(),
            "running_std": f"read as a {self.statistics.reading}, epsilon {self.statistics.epsilon:g}",
            "window_shift": self.window_shift,
            "network_input": self.network_input,
        }

    def _entering(self, melgram: np.ndarray) -> np.ndarray:
        if self.network_input == "standardised":
            melgram = front_end.standardised(melgram)
        return channels_last(melgram, 4)


class Opener(Protocol):
    """A tagger's `open_pipeline`."""

    def __call__(
        self, weights: Path, source_backend: str, options: Options | None = None, statistics: Statistics | None = None
    ) -> TaggerPipeline:
        """Open the tagger; statistics: how running_std is read, by default as the live original read it."""
        ...


def opener(load: Callable[..., keras.Model], layers: tuple[str, ...], original: Statistics) -> Opener:
    """Return what opens a tagger. load: of a model's weights, backend and statistics. layers: that stages leave."""

    def open_pipeline(
        weights: Path, source_backend: str, options: Options | None = None, statistics: Statistics | None = None
    ) -> TaggerPipeline:
        network = load(weights, source_backend, statistics or original)
        return TaggerPipeline(network, layers, statistics or original, weights, source_backend, options or Options())

    return open_pipeline


def original_refuses(clip: Path) -> str | None:
    """Say why the live original would not end on a clip, or return None."""
    return too_slow(clip, front_end.SAMPLE_RATE)
