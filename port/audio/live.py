"""Resampling and log-mel of sound that is still arriving, as near to the whole-clip functions as a stream can be.

The originals resampled with one Fourier transform over the whole clip: a cut at half the new rate without any
transition band, which the networks hear. No filter that streams has that, but the same transform over overlapping
blocks has. The mel part is exact: given the same samples its frames are those of `port.audio.mel`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from port.audio.mel import HOP, N_MELS, log_mel
from port.audio.resample import SAMPLE_RATE, output_length, resample
from port.errors import InputError

BLOCK = 1 << 15  # native samples in a transform (0.74 s at 44.1 kHz); longer ones agree to within a step in 80, and lag
MAX_BLOCK = 1 << 20  # native samples; a sampling rate with a large prime factor needs long blocks
CONTEXT = 2  # hops of sound kept before the next mel frame


class LiveResampler:
    """Blocks that overlap by half; of each, the middle half is kept. State: the samples not yet in a middle half."""

    def __init__(self, rate: int) -> None:
        """Prepare for samples at `rate` Hz; raises InputError on a rate that no block fits."""
        if rate < 1:
            raise InputError(f"cannot resample from {rate} Hz: rates must be positive")
        self.rate = rate
        quarter = rate // math.gcd(rate, SAMPLE_RATE)
        while 4 * quarter < BLOCK:
            quarter *= 2
        if 4 * quarter > MAX_BLOCK:
            raise InputError(f"{rate} Hz cannot be resampled live; give the whole file, or 44100 or 48000 Hz")
        self.quarter, self.quarter_out = quarter, quarter * SAMPLE_RATE // rate
        self.head = np.empty(0, np.float32)  # the first samples: what a whole-clip transform wraps round to
        self.waiting = np.zeros(quarter, np.float32)
        self.n_in = self.n_out = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take (n,) float32 at the native rate, return what is settled by now: (m,) float32 at 22,050 Hz."""
        self.n_in += len(samples)
        if self.rate == SAMPLE_RATE:
            return samples
        if len(self.head) < 3 * self.quarter:
            self.head = np.concatenate([self.head, samples[: 3 * self.quarter - len(self.head)]])
        return self._settle(samples)

    def finish(self) -> NDArray[np.float32]:
        """Return the rest, so that the total is that of the whole-clip resampler."""
        if self.rate == SAMPLE_RATE or not self.n_in:
            return np.empty(0, np.float32)
        missing = output_length(self.n_in, self.rate) - self.n_out
        wrapped = np.resize(self.head, 4 * self.quarter)
        return self._settle(wrapped)[:missing]

    def _settle(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        quarter, settled = self.quarter, []
        waiting = np.concatenate([self.waiting, samples])
        at = 0
        while at + 4 * quarter <= len(waiting):
            block, _ = resample(waiting[at : at + 4 * quarter], self.rate)
            settled.append(block[self.quarter_out : 3 * self.quarter_out])
            at += 2 * quarter
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
