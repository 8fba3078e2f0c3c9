"""Clips meant to take memory: small files of long sound, at every rate's limit, and all that test_hostile sends."""

import numpy as np

from tests.apps.demo.test_api import wav
from tests.apps.demo.test_hostile import HOSTILE, flac_of_silence
from tests.shared import SHARED

SOUND = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".au", ".aiff", ".aac", ".wma", ".opus")


def every() -> dict[str, bytes]:
    """Return the clips by name."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3000, 1190 * 48_000).astype("<i2")
    long = {"1190 s of noise at 48 kHz, 114 MB": wav(noise, 48_000)}
    long |= {
        f"{seconds} s of silence at {rate} Hz": flac_of_silence(seconds, rate)
        for rate, seconds in ((192_000, 299), (192_000, 1500), (8000, 7100), (48_000, 1500))
    }
    shared = {p.name: p.read_bytes() for p in sorted((SHARED / "cases").rglob("*")) if p.suffix in SOUND}
    return {**long, **HOSTILE, **shared}
