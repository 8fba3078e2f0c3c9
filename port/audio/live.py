"""Resampling and log-mel of sound that is still arriving, as near to the whole-clip functions as a stream can be.

The originals resampled with one Fourier transform over the whole clip: a cut at half the new rate without any
transition band, which the networks hear. No filter that streams has that, but the same transform over overlapping
blocks has. The mel part is exact: given the same samples its frames are those of librosa041/mel.py.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041.mel import HOP, N_MELS, log_mel
from reprise_kit.port.audio.scipy017 import spectrum
from reprise_kit.port.audio.scipy017.resample import SAMPLE_RATE, output_length

MAX_BLOCK = 1 << 20  # native samples; a sampling rate with a large prime factor needs long blocks
MAX_OUT = 8 * MAX_BLOCK  # samples at 22,050 Hz: a file says any rate, and 1 Hz would make 22,050 samples of each of its
CONTEXT = 2  # hops of sound kept before the next mel frame


@dataclass(frozen=True)
class Blocks:
    """Transforms of at least so many native samples, of which the outermost at either end are not kept."""

    length: int
    edges: int  # a block is so many edges long: 4 keep the middle half, 8 the middle three quarters


# Of the steps of four songs, 99.4 % (QUICK) and 99.7 % (LONG) keep their genre (tests/port/deepsound_crnn/test_live).
QUICK = Blocks(1 << 15, 4)  # 0.74 s at 44.1 kHz: for sound as it comes in
LONG = Blocks(1 << 18, 8)  # 5.9 s: for files, at half the cost


class LiveResampler:
    """Blocks that overlap; of each, all but its edges is kept. State: the samples that no kept middle holds yet."""

    def __init__(self, rate: int, blocks: Blocks = QUICK) -> None:
        """Prepare for samples at `rate` Hz; raises InputError on a rate that no block fits."""
        if rate < 1:
            raise InputError(f"cannot resample from {rate} Hz: rates must be positive")
        self.rate = rate
        edge = rate // math.gcd(rate, SAMPLE_RATE)
        while blocks.edges * edge < blocks.length:
            edge *= 2
        if blocks.edges * edge > MAX_BLOCK or blocks.edges * edge * SAMPLE_RATE > MAX_OUT * rate:
            raise InputError(f"{rate} Hz cannot be resampled live; give a shorter clip, or 44100 or 48000 Hz")
        self.edge, self.edge_out = edge, edge * SAMPLE_RATE // rate
        self.block, self.block_out = blocks.edges * edge, blocks.edges * self.edge_out
        self.head = np.empty(0, np.float32)  # the first samples: what a whole-clip transform wraps round to
        self.waiting = np.zeros(edge, np.float32)
        self.n_in = self.n_out = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take (n,) float32 at the native rate, return what is settled by now: (m,) float32 at 22,050 Hz."""
        self.n_in += len(samples)
        if self.rate == SAMPLE_RATE:
            return samples
        if len(self.head) < self.block:
            self.head = np.concatenate([self.head, samples[: self.block - len(self.head)]])
        return self._settle(samples)

    def finish(self) -> NDArray[np.float32]:
        """Return the rest, so that the total is that of the whole-clip resampler."""
        if self.rate == SAMPLE_RATE or not self.n_in:
            return np.empty(0, np.float32)
        missing = output_length(self.n_in, self.rate) - self.n_out
        return self._settle(np.resize(self.head, self.block + self.edge))[:missing]

    def _settle(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        settled = []
        waiting = np.concatenate([self.waiting, samples])
        at = 0
        while at + self.block <= len(waiting):
            bins = spectrum.forward(waiting[at : at + self.block], min(self.block, self.block_out) // 2 + 1)
            settled.append(spectrum.resampled(bins, self.block, self.block_out)[self.edge_out : -self.edge_out])
            at += self.block - 2 * self.edge
        self.waiting = waiting[at:]
        out = np.concatenate(settled) if settled else np.empty(0, np.float32)
        self.n_out += len(out)
        return out


class LiveLogMel:
    """Log-mel frames as their samples arrive. State: two hops of sound before the next frame."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self.waiting = np.empty(0, np.float32)
        self.context = 0  # frames of `waiting` that have been given out

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Take (n,) float32 at 22,050 Hz, return the frames whose window is full: (n_frames, 128) float64."""
        self.waiting = np.concatenate([self.waiting, samples])
        n_whole = len(self.waiting) // HOP  # frame j is centred on sample j * HOP and reaches one hop further
        if n_whole <= self.context + 1:
            return np.empty((0, N_MELS))
        frames = log_mel(self.waiting)[self.context : n_whole]
        kept = max(n_whole - CONTEXT, 0)
        self.waiting, self.context = self.waiting[kept * HOP :], n_whole - kept
        return frames

    def finish(self) -> NDArray[np.float64]:
        """Return the last frames, whose windows reach past the end and are reflected there."""
        if not len(self.waiting):
            return np.empty((0, N_MELS))
        return log_mel(self.waiting)[self.context :]
