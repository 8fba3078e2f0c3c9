"""Clip to 29 s at 12 kHz, as prepare_audio.py tells its reader to: librosa's load with duration=29, cut or padded."""

import numpy as np
from numpy.typing import NDArray

from reprise_kit.port.audio.decode import Decoded
from reprise_kit.port.compact_cnn.model import N_SAMPLES
from reprise_kit.port.shared.choi.front_end import fixed_length, to_12k

SECONDS = 29.0


def beginning(decoded: Decoded) -> NDArray[np.float32]:
    """Return the first 29 s of a clip at its own rate: what is cut off is never resampled."""
    return decoded.native[: round(decoded.rate * SECONDS)]


def to_input(native: NDArray[np.float32], rate: int, resampler: str = "fourier") -> NDArray[np.float32]:
    """Return (348000,) float32 at 12 kHz, shorter clips followed by silence."""
    return fixed_length(to_12k(native, rate, resampler)[0], N_SAMPLES)


def notes(decoded: Decoded) -> tuple[str, ...]:
    """Say what of a clip is not heard, or what is heard that is not in it."""
    seconds = len(decoded.native) / decoded.rate
    if seconds > SECONDS:
        return (*decoded.notes, f"only the first {SECONDS:.0f} of {seconds:.2f} s are heard")
    if seconds < SECONDS:
        return (*decoded.notes, f"{SECONDS - seconds:.2f} s of silence are appended")
    return decoded.notes
