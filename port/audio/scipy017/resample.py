"""Resampling as librosa 0.4.1 got it from SciPy 0.17: one Fourier transform over the whole clip.

Its single-precision rounding is a noise floor near 3e-5 of full scale. It fills the top mel bands, which an
mp3 leaves empty, and the networks trained on it hear it: that is why precision is kept low here exactly
where it was.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.scipy017 import fftpack, spectrum

SAMPLE_RATE = 22_050  # Hz; librosa's default

NONE = "none"
SINGLE = "fftpack float32"
EXACT = "fftpack double with complex64 spectrum"
DOUBLE = "double with complex64 spectrum"

AFFORDABLE = 7e9  # length times largest factor: about 10 s of FFTPACK in double
SILENCE = 1024  # samples of a block of zeros that counts as digital silence


def resample(samples: NDArray[np.float32], rate: int, target: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], str]:
    """Resample a whole clip to `target` Hz, as `transform` and then `samples`.

    Args:
        samples: (n_samples,) float32, mono, full scale 1.0.
        rate: sampling rate of `samples`, Hz.
        target: sampling rate wanted, Hz.

    Returns:
        (ceil(n_samples * target / rate),) float32, and the way taken: NONE (the rates are equal), SINGLE
        (lengths 2^a 3^b 5^c: FFTPACK in single precision), EXACT (FFTPACK in double) or DOUBLE (a modern
        transform).

    Raises:
        InputError: no samples, or a rate that is not positive.
    """
    half_way = transform(samples, rate, target)
    return half_way.samples(), half_way.way


@dataclass(frozen=True)
class Transformed:
    """A clip half way: whoever lets go of its samples now has their memory for the way back."""

    bins: NDArray[Any]  # (min(n_in, n_out) // 2 + 1,) complex64; float32 samples where there is no way back to go
    n_in: int
    n_out: int
    way: str

    def samples(self) -> NDArray[np.float32]:
        """Return (n_out,) float32."""
        return self.bins if self.bins.dtype == np.float32 else spectrum.resampled(self.bins, self.n_in, self.n_out)


def transform(samples: NDArray[np.float32], rate: int, target: int = SAMPLE_RATE) -> Transformed:
    """Go half the way of `resample`, which see."""
    if rate <= 0 or target <= 0:
        raise InputError(f"cannot resample from {rate} Hz to {target} Hz: rates must be positive")
    if rate == target:
        return Transformed(samples, len(samples), len(samples), NONE)
    n_in = len(samples)
    n_out = output_length(n_in, rate, target)
    if min(n_in, n_out) < 2:
        raise InputError(f"the clip has {n_in} samples at {rate} Hz: too short to resample")
    noise_heard = rate < target or has_silence(samples)
    bins, way = forward(samples, n_bins=min(n_in, n_out) // 2 + 1, noise_heard=noise_heard)
    return Transformed(bins, n_in, n_out, way)


def output_length(n_samples: int, rate: int, target: int = SAMPLE_RATE) -> int:
    """Samples after resampling, rounded up from a double product as librosa 0.4.1 does."""
    return math.ceil(n_samples * float(target) / rate)


def forward(samples: NDArray[np.float32], n_bins: int, noise_heard: bool) -> tuple[NDArray[np.complex64], str]:
    """The lowest `n_bins` of a spectrum of real samples, (n_bins,) complex64, and the way it was computed.

    SciPy 0.17 trusts single-precision FFTPACK only with lengths 2^a 3^b 5^c; any other length goes to double
    precision and the result is rounded to complex64. A modern double transform rounds a few bins another
    way, more of them with a large prime factor. Where something sounds in every band that is 1e-4 of
    log-mel at most; where rounding noise is all there is (digital silence, bands above the old rate's) it
    was 0.4 at a factor of 1187 and 2.4 at a prime length. With `noise_heard` it is FFTPACK's own transform,
    as long as that is affordable.
    """
    n = len(samples)
    single = fftpack.is_five_smooth(n)
    if single or (noise_heard and n * max(fftpack.factors(n)) <= AFFORDABLE):
        exact = fftpack.rfft(samples.astype(np.float32 if single else np.float64, copy=False))
        return exact[:n_bins].astype(np.complex64, copy=False), SINGLE if single else EXACT
    return spectrum.forward(samples, n_bins), DOUBLE


def has_silence(samples: NDArray[np.float32]) -> bool:
    """Whether a whole block of SILENCE samples is zero."""
    blocks = samples[: len(samples) // SILENCE * SILENCE].reshape(-1, SILENCE)
    return bool((~blocks.any(axis=1)).any())
