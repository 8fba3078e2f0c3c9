"""The sounds that excite each convolution filter most, as extract_filters.py of the pinned commit finds them.

A filter's answer to a track is the largest of its outputs over time, before the ReLU. Its winners are the tracks with
the largest answers, 4 in the first layer, half as many in each next. A winner is mapped back to the samples that it
came from: `as_original` repeats the original's arithmetic, `receptive_field` is the exact answer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
import scipy.io.wavfile

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.librosa041.mel import HOP, N_FFT
from reprise_kit.port.audio.numpy110.argpartition import largest
from reprise_kit.port.audio.scipy017.resample import SAMPLE_RATE, resample
from reprise_kit.port.deepsound_crnn import model as crnn

LAYERS = tuple(f"convolution_{i}" for i in range(1, crnn.N_CONVOLUTIONS + 1))
COUNT = 4  # winners of a filter of the first layer
BATCH = 32  # tracks
MEL = (N_FFT, HOP)  # (length, stride) of a window
CONVOLUTION, POOLING = (crnn.FILTER_LENGTH, 1), (crnn.POOL, crnn.POOL)

Span = tuple[int, int]


@dataclass(frozen=True)
class Winners:
    """layer: its name. tracks, frames: (n_filters, count) int64, rows of the corpus and outputs in time."""

    layer: str
    tracks: np.ndarray
    frames: np.ndarray


def winners(network: keras.Model, x: np.ndarray, count: int = COUNT) -> Iterator[Winners]:
    """Yield each layer's winners among x (n_tracks, n_frames, 128) float32, in the original's order.

    Raises InputError where the last layer would get none, or there are fewer tracks than winners.
    """
    least = 2 ** (len(LAYERS) - 1)
    if not least <= count <= len(x):
        raise InputError(f"{count} winners in the first layer; from {least} to the number of tracks, {len(x)}")
    for at, layer in enumerate(LAYERS):
        part = keras.Model(network.input, network.get_layer(layer).output)
        values, frames = [], []
        for first in range(0, len(x), BATCH):
            output = np.asarray(part(x[first : first + BATCH], training=False))
            values.append(output.max(axis=1))
            frames.append(output.argmax(axis=1))
        tracks = largest(np.concatenate(values), count >> at)
        best = np.take_along_axis(np.concatenate(frames), tracks, axis=0)
        yield Winners(layer, tracks.T, best.T)


def _back(span: Span, layers: Sequence[tuple[int, int]]) -> Span:
    """Inputs [first, last) that outputs [first, last) of (length, stride) layers came from, applied in turn."""
    first, last = span
    for length, stride in layers:
        first, last = stride * first, stride * (last - 1) + length
    return first, last


def as_original(depth: int, frame: int) -> Span:
    """Samples [first, last) that the original cuts out for a frame of convolution `depth` (1, 2, 3).

    It undoes the layers in the wrong order, the mel windows first: the sound starts half a window late and is only
    2,052, 4,108 or 8,220 samples long, a third to a quarter of what the filter heard.
    """
    return _back((frame, frame + 1), [MEL, *[CONVOLUTION, POOLING] * (depth - 1), CONVOLUTION])


def receptive_field(depth: int, frame: int) -> Span:
    """Samples [first, last) that a frame of convolution `depth` depends on; first may lie before the clip's start."""
    first, last = _back((frame, frame + 1), [*[CONVOLUTION, POOLING] * (depth - 1), CONVOLUTION, MEL])
    return first - N_FFT // 2, last - N_FFT // 2


@lru_cache(maxsize=32)
def _samples(path: str) -> np.ndarray:
    decoded = decode(path)
    return resample(decoded.native, decoded.rate)[0]


def sounds(won: Winners, paths: Sequence[str], span: Callable[[int, int], Span]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (filter, samples): its winners' sounds one after another, float32 at 22,050 Hz, loudest sample at 1.

    A winner inside a track's zero-padding has no samples; where all of a filter's are, the original stops with an error
    and this gives an empty sound.
    """
    depth = LAYERS.index(won.layer) + 1
    for number, (tracks, frames) in enumerate(zip(won.tracks, won.frames, strict=True)):
        parts = []
        for track, frame in zip(tracks, frames, strict=True):
            first, last = span(depth, int(frame))
            parts.append(_samples(paths[track])[max(0, first) : last])
        joined = np.concatenate(parts)
        loudest = np.abs(joined).max(initial=0.0)
        # librosa 0.4.1 leaves alone what is quieter than its smallest float.
        yield number, joined if loudest < np.finfo(np.float32).tiny else joined / loudest


def write_wavs(
    folder: Path, found: Sequence[Winners], paths: Sequence[str], span: Callable[[int, int], Span]
) -> Iterator[dict[int, np.ndarray]]:
    """Write LAYER/FILTER.wav for every filter; yield each layer's samples by filter."""
    for won in found:
        (folder / won.layer).mkdir(parents=True, exist_ok=True)
        by_filter = dict(sounds(won, paths, span))
        for number, samples in by_filter.items():
            scipy.io.wavfile.write(folder / won.layer / f"{number}.wav", SAMPLE_RATE, samples)
        yield by_filter
