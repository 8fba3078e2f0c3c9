"""Clip to mel spectrogram in decibels, as the taggers' audio_processor.py had it from librosa 0.4.1.

native -> 12 kHz -> the middle 29.12 s -> mel power, squared once more -> decibels. The second squaring is the
original's: its decibels are twice the usual ones.
"""

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041.mel import mel_power
from reprise_kit.port.audio.scipy017.resample import NONE, Transformed, output_length, transform

SAMPLE_RATE = 12_000  # Hz
N_FFT = 512  # samples in a window (43 ms)
HOP = 256  # samples between windows (21 ms)
N_MELS = 96
N_SAMPLES = 349_440  # 29.12 s
N_FRAMES = 1 + N_SAMPLES // HOP  # 1366
AMIN = 1e-10  # power below which decibels stop
TOP_DB = 80.0  # dB below a clip's maximum at which they are cut off

RESAMPLERS = ("fourier", "sinc_best")


def to_12k(native: NDArray[np.float32], rate: int, resampler: str = "fourier") -> tuple[NDArray[np.float32], str]:
    """Resample a whole clip to 12 kHz; return (n_samples,) float32 and the way taken.

    resampler: "fourier" is what librosa 0.4.1 does by itself (scipy.signal.resample), "sinc_best" what it does where
    scikits.samplerate is installed (libsamplerate; here from the package samplerate).
    """
    half_way = half_way_to_12k(native, rate, resampler)
    return half_way.samples(), half_way.way


def half_way_to_12k(native: NDArray[np.float32], rate: int, resampler: str) -> Transformed:
    """Go as far on the way of `to_12k` as needs the native samples."""
    if resampler == "fourier":
        return transform(native, rate, SAMPLE_RATE)
    if resampler != "sinc_best":
        raise InputError(f"resampler {resampler!r}: choose one of {', '.join(RESAMPLERS)}")
    if rate == SAMPLE_RATE:
        return Transformed(native, len(native), len(native), NONE)
    try:
        import samplerate
    except ModuleNotFoundError:
        raise InputError("resampler sinc_best needs the package samplerate: pip install samplerate") from None
    n_out = output_length(len(native), rate, SAMPLE_RATE)
    converted = fixed_length(samplerate.resample(native, SAMPLE_RATE / rate, "sinc_best"), n_out)
    return Transformed(converted, len(native), n_out, "libsamplerate sinc_best")


def fixed_length(samples: NDArray[np.float32], n_samples: int) -> NDArray[np.float32]:
    """Cut at the end or fill with zeros to (n_samples,)."""
    return np.pad(samples[:n_samples], (0, max(0, n_samples - len(samples))))


def middle(samples: NDArray[np.float32], shift: int = 0) -> NDArray[np.float32]:
    """Return the middle 29.12 s at 12 kHz, (349440,); shorter clips are followed by silence.

    shift: samples by which to start later; 144 gives the windows of the author's published arrays.
    """
    start = max(0, (len(samples) - N_SAMPLES) // 2) + shift
    return fixed_length(samples[start:], N_SAMPLES)


def melgram(samples: NDArray[np.float32], shift: int = 0) -> NDArray[np.float64]:
    """Return (96, 1366) float64 decibels of the middle of a clip at 12 kHz."""
    if not len(samples):
        raise InputError("the clip has no samples")
    power = mel_power(middle(samples, shift), SAMPLE_RATE, N_FFT, HOP, N_MELS).T
    return decibels(power**2)


def decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log10 of a power relative to 1.0, at most TOP_DB below its maximum; any shape."""
    level = 10.0 * np.log10(np.maximum(AMIN, power))
    array: NDArray[np.float64] = np.maximum(level, level.max() - TOP_DB)
    return array


def standardised(melgram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a clip's decibels with mean 0 and standard deviation 1, which the stored statistics agree with.

    A clip whose decibels are all the same, as silence, becomes zeros.
    """
    spread = melgram.std()
    array: NDArray[np.float64] = (melgram - melgram.mean()) / (spread if spread > 0 else 1.0)
    return array
