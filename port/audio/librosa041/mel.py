"""Mel power spectrogram as librosa 0.4.1 computed it, with the number types it passed through.

Framing, window and transform in double precision, the spectrum stored as complex64, its power float32, the
filter bank and its product in double. The power of an empty band is rounding noise, and the logarithm shows
it: each of these types is part of the feature.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.scipy017.resample import SAMPLE_RATE

N_FFT = 2048  # samples in a window (93 ms)
HOP = 1024  # samples between windows (46.4 ms)
N_MELS = 128
PADDING: Literal["reflect", "constant"] = "reflect"  # half a window at either end
BLOCK = 64  # windows worked on at a time, so that they stay in the cache
SILENCE = 1e-6  # what a power of exactly zero becomes before the logarithm; any other power stays as it is

F_LINEAR = 200.0 / 3  # Slaney's scale: Hz per mel below 1 kHz
F_BREAK = 1000.0  # Hz, where the logarithmic part begins
LOG_STEP = np.log(6.4) / 27.0  # natural log of frequency per mel above


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Natural logarithm of `mel_power`, (n_frames, n_mels) float64; see `log_power`."""
    return log_power(mel_power(samples))


def log_power(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural logarithm with exact zeros taken as SILENCE and no other floor; any shape, float64."""
    return np.log(np.where(power == 0, SILENCE, power))


def mel_power(
    samples: NDArray[np.float32],
    sample_rate: int = SAMPLE_RATE,
    n_fft: int = N_FFT,
    hop: int = HOP,
    n_mels: int = N_MELS,
) -> NDArray[np.float64]:
    """Power in mel bands.

    Args:
        samples: (n_samples,) float32, mono, full scale 1.0.
        sample_rate: Hz.
        n_fft: window length in samples, even.
        hop: samples between windows.
        n_mels: bands between 0 Hz and half the sample rate.

    Returns:
        (1 + n_samples // hop, n_mels) float64, power (full scale squared, window not normalised).

    Raises:
        InputError: no samples, or fewer than reflection at the ends needs.
    """
    if len(samples) <= n_fft // 2:
        raise InputError(f"the clip has {len(samples)} samples: at least {n_fft // 2 + 1} are needed")
    bank = _sparse_bank(sample_rate, n_fft, n_mels)
    return np.concatenate([power.astype(np.float64) @ bank for power in power_spectra(samples, n_fft, hop)])


def power_spectra(samples: NDArray[np.float32], n_fft: int, hop: int) -> Iterator[NDArray[np.float32]]:
    """Squared magnitude of the centred short-time transform, (up to BLOCK frames, n_fft // 2 + 1) float32 at a time."""
    padded = np.pad(samples, n_fft // 2, mode=PADDING)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = scipy.signal.get_window("hann", n_fft)  # periodic, float64
    for first in range(0, len(frames), BLOCK):
        spectrum = scipy.fft.rfft(frames[first : first + BLOCK] * window, overwrite_x=True).astype(np.complex64)
        yield magnitude(spectrum) ** 2


def magnitude(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    """|z| as C's `hypotf` gives it: a double square root, rounded once, (any shape, contiguous) float32."""
    squares = spectrum.view(np.float32).astype(np.float64)  # real and imaginary parts in turn
    squares *= squares
    return np.sqrt(squares[..., 0::2] + squares[..., 1::2]).astype(np.float32)


@lru_cache(maxsize=8)
def filter_bank(sample_rate: int = SAMPLE_RATE, n_fft: int = N_FFT, n_mels: int = N_MELS) -> NDArray[np.float64]:
    """Triangles of area 1 on Slaney's mel scale, 0 Hz to half the rate: (n_mels, n_fft // 2 + 1) float64.

    librosa's `filters.mel` with its defaults gives the same values; this one keeps double precision in
    every version.
    """
    bins = np.linspace(0, sample_rate / 2, 1 + n_fft // 2)
    edges = mel_to_hz(np.linspace(0, hz_to_mel(sample_rate / 2), n_mels + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    weights = triangles * (2.0 / (high - low))
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=8)
def _sparse_bank(sample_rate: int, n_fft: int, n_mels: int) -> scipy.sparse.csc_array:
    """`filter_bank`, transposed: a bin lies in two bands at most."""
    return scipy.sparse.csc_array(filter_bank(sample_rate, n_fft, n_mels).T)


def hz_to_mel(frequency: float) -> float:
    """Slaney's mel scale: linear to 1 kHz, logarithmic above."""
    if frequency < F_BREAK:
        return frequency / F_LINEAR
    return float(F_BREAK / F_LINEAR + np.log(frequency / F_BREAK) / LOG_STEP)


def mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel` for an array."""
    break_mel = F_BREAK / F_LINEAR
    return np.where(mels < break_mel, F_LINEAR * mels, F_BREAK * np.exp(LOG_STEP * (mels - break_mel)))
