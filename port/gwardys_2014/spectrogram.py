"""A clip to three pictures: its spectrogram, the harmonic and the percussive part of it.

Published: spectrogram images, harmonic and percussive separation. Ours, for the paper's numbers are not known here:
22,050 Hz, Hann window 1024, hop 512, decibels from 80 below the picture's maximum up, as grey from 0 to 255, and the
separation by median filters (Fitzgerald 2010) with librosa 0.4.1's constants.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041.mel import power_spectra

RATE = 22050  # Hz
N_FFT, HOP = 1024, 512
SECONDS = 10.0  # heard, from the middle: longer is no better here, and the median filters take most of the time
KERNEL = 31  # bins or frames of the median
RANGE = 80.0  # dB
TINY = 1e-10  # of magnitude, above silence
SMALL = 1e-20  # what librosa 0.4.1 takes as nothing
KINDS = ("full", "harmonic", "percussive")
Picture = NDArray[np.float32]


def magnitude(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (513, n_frames) float32 of the middle SECONDS of samples at 22,050 Hz; raises InputError on too few."""
    wanted = round(SECONDS * RATE)
    first = max(0, (len(samples) - wanted) // 2)
    middle = samples[first : first + wanted]
    if len(middle) <= N_FFT // 2:
        raise InputError(f"the clip has {len(middle)} samples: at least {N_FFT // 2 + 1} are needed")
    power: NDArray[np.float32] = np.concatenate(list(power_spectra(middle, N_FFT, HOP)))
    return np.asarray(np.sqrt(power).T)


def separated(spectrum: NDArray[np.float32]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the harmonic and the percussive part of a magnitude spectrum, each of its shape; they add up to it.

    Each bin is shared by the squares of two medians: along time, which notes survive, and along frequency, which
    strokes survive. Where both are nothing the halves are equal.
    """
    along_time = median_filter(spectrum, size=(1, KERNEL), mode="reflect") ** 2
    along_frequency = median_filter(spectrum, size=(KERNEL, 1), mode="reflect") ** 2
    shares = [np.where(median < SMALL, 0, median) for median in (along_time, along_frequency)]
    nothing = (shares[0] == 0) & (shares[1] == 0)
    harmonic, percussive = (np.where(nothing, spectrum.dtype.type(0.5), share) for share in shares)
    both = harmonic + percussive
    return spectrum * (harmonic / both), spectrum * (percussive / both)


def decibels(spectrum: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return dB of a magnitude, any shape, silence at -200."""
    return np.asarray((20 * np.log10(np.maximum(spectrum, TINY))).astype(np.float32))


def picture(spectrum: NDArray[np.floating]) -> Picture:
    """Return a magnitude spectrum as grey from 0 to 255, (n_bins, n_frames), high frequencies on top."""
    shown = decibels(spectrum)
    return np.ascontiguousarray(np.clip((shown - shown.max()) / RANGE + 1, 0, 1)[::-1] * np.float32(255))


def pictures(samples: NDArray[np.float32]) -> dict[str, Picture]:
    """Return the picture of each of KINDS."""
    whole = magnitude(samples)
    return dict(zip(KINDS, map(picture, (whole, *separated(whole))), strict=True))


def trivial(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mean and standard deviation of the log spectrum, (1026,): the baseline that no picture is needed for."""
    shown = decibels(magnitude(samples))
    return np.asarray(np.concatenate([shown.mean(axis=1), shown.std(axis=1)]))
