"""What the browser did before the network: first channel -> 22,050 Hz by averaging -> power -> mel -> log of the log.

Its mel energies are logarithms already, and its worker takes their logarithm again: a power below 1 becomes ln(1e-6).
Its filter bank (mel(f) = 1125 ln(1 + f / 700), 300 to 8000 Hz) assumes 44,100 Hz: on samples at 22,050 Hz it covers
150 to 4000 Hz. Number types are the browser's: double precision, stored as float32.
"""

import math
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError

SAMPLE_RATE = 22_050  # Hz
N_FFT = 2048
HOP = 1024
N_BINS = N_FFT // 2  # of the spectrum that are kept: not the last
N_MELS = 128
ASSUMED_RATE = 44_100  # Hz, of the filter bank
LOWEST, HIGHEST = 300.0, 8000.0  # Hz at the assumed rate
ENERGY_FLOOR = math.exp(-10)  # added to a band's power before the first logarithm
LOG_FLOOR = 1e-6  # least value of the first logarithm before the second

# One weight for each of the last eleven steps, the latest last.
SMOOTHING = np.array([0.11, 0.13, 0.17, 0.21, 0.26, 0.33, 0.41, 0.51, 0.64, 0.8, 1.0])


def resample(native: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return (1 + ceil(1.01 n_native 22050 / rate),) float32: downwards means, upwards lines, then zeros.

    The resampler hands out its whole buffer, 1 % longer than what it filled. At 22,050 Hz the samples stay as they are.
    """
    if rate == SAMPLE_RATE:
        return native
    ratio = rate / SAMPLE_RATE
    resampled = np.zeros(math.ceil(len(native) * SAMPLE_RATE / rate * 1.01) + 1, np.float32)
    made = _means(native, ratio) if ratio > 1 else _lines(native, ratio)
    resampled[: len(made)] = made
    return resampled


def _means(native: NDArray[np.float32], ratio: float) -> NDArray[np.float64]:
    """Means over consecutive stretches of `ratio` samples, a last incomplete one left out."""
    edges = ratio * np.arange(math.floor(len(native) / ratio + 1e-9) + 1)
    edges = np.minimum(edges, len(native))
    whole = edges.astype(np.int64)
    sums = np.concatenate([[0.0], np.cumsum(native, dtype=np.float64)])
    following = np.append(native, np.float32(0)).astype(np.float64)
    array: NDArray[np.float64] = np.diff(sums[whole] + (edges - whole) * following[whole]) / ratio
    return array


def _lines(native: NDArray[np.float32], ratio: float) -> NDArray[np.float64]:
    """Linear interpolation at every `ratio` samples, up to the last sample but one."""
    positions = ratio * np.arange(math.ceil((len(native) - 1) / ratio))
    array: NDArray[np.float64] = np.interp(positions, np.arange(len(native)), native.astype(np.float64))
    return array


def log_log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n_frames, 128) float32, n_frames = 1 + (n_samples - 2048) // 1024; no padding at the ends."""
    if len(samples) < N_FFT:
        raise InputError(f"the clip has {len(samples)} samples at 22,050 Hz: at least {N_FFT} are needed")
    frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    spectrum = scipy.fft.rfft((frames * window()).astype(np.float64), axis=1)[:, :N_BINS].astype(np.complex64)
    re, im = spectrum.real.astype(np.float64), spectrum.imag.astype(np.float64)
    power = (re * re + im * im).astype(np.float32)
    energy = power.astype(np.float64) @ filter_bank().T.astype(np.float64)
    once = np.log(energy + ENERGY_FLOOR).astype(np.float32)
    array: NDArray[np.float32] = np.log(np.maximum(once.astype(np.float64), LOG_FLOOR)).astype(np.float32)
    return array


@lru_cache(maxsize=1)
def window() -> NDArray[np.float32]:
    """Return Hann's window, the symmetric one, (2048,) float32."""
    return (0.5 * (1 - np.cos(2 * np.pi * np.arange(N_FFT) / (N_FFT - 1)))).astype(np.float32)


@lru_cache(maxsize=1)
def filter_bank() -> NDArray[np.float32]:
    """Return triangles of height 1 between whole bins, (128, 1024) float32; bands no bin wide stay empty."""
    low, high = (1125 * math.log(1 + f / 700) for f in (LOWEST, HIGHEST))
    # Edges are spaced as if one more came at the end: the highest band ends below HIGHEST.
    mels = low + (high - low) / (N_MELS + 3) * np.arange(N_MELS + 2)
    bins = np.floor((N_BINS + 1) * (700 * (np.exp(mels / 1125) - 1)) / (ASSUMED_RATE / 2)).astype(int)
    bank = np.zeros((N_MELS, N_BINS), np.float32)
    for band, (start, centre, end) in enumerate(zip(bins[:-2], bins[1:-1], bins[2:], strict=True)):
        if centre > start:
            bank[band, start:centre] = np.arange(centre - start) / (centre - start)
        if end > centre:
            bank[band, centre:end] = 1 - np.arange(end - centre) / (end - centre)
    return bank


def smooth(step_probs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weighted mean of each genre over its last eleven steps, (n_steps, n_genres) float32."""
    total = np.zeros(step_probs.shape)
    weights = np.zeros((len(step_probs), 1))
    for age, weight in enumerate(SMOOTHING[::-1]):
        if age < len(step_probs):
            total[age:] += weight * step_probs[: len(step_probs) - age]
            weights[age:] += weight
    return (total / weights).astype(np.float32)
