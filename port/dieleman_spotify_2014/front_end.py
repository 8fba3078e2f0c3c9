"""A clip to log-mel frames, in either mode."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.librosa041.mel import mel_power
from reprise_kit.port.audio.scipy017.resample import resample
from reprise_kit.port.dieleman_spotify_2014 import settings

Frames = NDArray[np.float32]


def middle(samples: NDArray[np.float32], seconds: float, rate: int) -> NDArray[np.float32]:
    """Return (seconds * rate,) samples from the middle, silence around what is shorter."""
    wanted = round(seconds * rate)
    first = max(0, (len(samples) - wanted) // 2)
    cut = samples[first : first + wanted]
    before = (wanted - len(cut)) // 2
    return np.pad(cut, (before, wanted - len(cut) - before))


def scaled(power: NDArray[np.float64]) -> Frames:
    """Return log(1 + 10000 power), any shape, float32."""
    return np.log1p(10000 * power).astype(np.float32)


def log_mel(samples: NDArray[np.float32], mode: str) -> Frames:
    """Return (n_frames, 128) of samples at the mode's rate: 601 frames by the blog's settings, 1249 by the paper's."""
    given = settings.of(mode)
    cut = middle(samples, given["seconds"], given["rate"])
    return scaled(mel_power(cut, given["rate"], given["window"], given["hop"], given["bands"]))


def of_file(path: Path, mode: str) -> Frames:
    """Return the log-mel of a clip; raises InputError on one that cannot be read."""
    decoded = decode(path)
    return log_mel(resample(decoded.native, decoded.rate, settings.of(mode)["rate"])[0], mode)


def windows(frames: Frames, mode: str) -> Frames:
    """Return what the network is shown of a clip, (n_windows, n_frames, 128): the middle, or consecutive windows."""
    wanted = settings.of(mode)["frames"]
    if len(frames) < wanted:
        raise InputError(f"a clip of {len(frames)} frames; {wanted} are wanted")
    if mode == "blog":
        first = (len(frames) - wanted) // 2
        return frames[None, first : first + wanted]
    count = len(frames) // wanted
    return frames[: count * wanted].reshape(count, wanted, frames.shape[1])
