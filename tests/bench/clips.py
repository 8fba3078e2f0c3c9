"""Music-like clips of any length and number, made by script."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

RATE = 44_100  # Hz
LOOP_SECONDS = 60


@lru_cache(maxsize=1)
def loop(seed: int = 2016) -> np.ndarray:
    """Return a minute of beating partials over noise, (n,) int16."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE * LOOP_SECONDS) / RATE
    pitches, beats = rng.uniform(80, 9000, 24), rng.uniform(0.1, 3, 24)
    sound = sum(
        np.sin(2 * np.pi * f * t) * (1 + np.sin(2 * np.pi * t * g)) for f, g in zip(pitches, beats, strict=True)
    )
    return (sound / 48 * 20_000 + rng.normal(0, 200, len(t))).astype("<i2")


def write(path: Path, seconds: float, start: int = 0) -> Path:
    """Write a mono clip, 44.1 kHz, in the format of its suffix (.mp3: 112 kbit/s), from sample `start` of the loop."""
    import av

    with av.open(str(path), "w") as container:
        mp3 = path.suffix == ".mp3"
        options = {"compression_level": "9"} if mp3 else {}  # LAME at its quickest
        stream = container.add_stream("mp3" if mp3 else "pcm_s16le", rate=RATE, layout="mono", options=options)
        stream.bit_rate = 112_000
        form = "s16p" if mp3 else "s16"
        for samples in _minutes(round(seconds * RATE), start):
            frame = av.AudioFrame.from_ndarray(samples[None], format=form, layout="mono")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _minutes(n: int, start: int) -> Iterator[np.ndarray]:
    sound = np.roll(loop(), -start)
    for at in range(0, n, len(sound)):
        yield sound[: n - at]
