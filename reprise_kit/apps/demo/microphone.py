"""Live sound from browsers: one stream of raw samples each, forgotten when it falls silent."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reprise_kit.apps.demo.analysis import rounded
from reprise_kit.apps.demo.engine import Engine
from reprise_kit.apps.demo.picture import Picture
from reprise_kit.apps.demo.refusal import Code, later
from reprise_kit.compare.contract import LiveRecogniser
from reprise_kit.compare.errors import InputError

IDLE_SECONDS = 15.0
RATES = range(8_000, 192_001)  # Hz
MAX_SECONDS_AT_ONCE = 5


@dataclass
class Stream:
    """One microphone."""

    recogniser: LiveRecogniser
    rate: int
    identity: dict[str, Any]
    picture: Picture = field(default_factory=Picture)
    lock: threading.Lock = field(default_factory=threading.Lock)
    touched: float = field(default_factory=time.monotonic)
    n_native: int = 0
    n_steps: int = 0


class Microphones:
    """The open streams, by an unguessable id."""

    def __init__(self, most: int) -> None:
        """Open none yet; at most `most` at a time."""
        self.most = most
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are open."""
        self._forget_idle()
        return len(self._streams)

    def open(self, engine: Engine, rate: int) -> str:
        """Begin a stream at `rate` Hz.

        Raises Refusal past the limit, InputError on a system without a live path or a rate that it cannot resample.
        """
        recogniser = engine.live(rate)
        self._forget_idle()
        with self._lock:
            if len(self._streams) >= self.most:
                raise later(Code.BUSY, "all microphone places are taken", round(IDLE_SECONDS))
            name = secrets.token_urlsafe(16)
            self._streams[name] = Stream(recogniser, rate, engine.identity())
        return name

    def push(self, name: str, content: bytes) -> dict[str, Any] | None:
        """Take little-endian float32 samples, return the steps they settle; None on an unknown stream."""
        self._forget_idle()
        stream = self._streams.get(name)
        if stream is None:
            return None
        if len(content) % 4 or len(content) > 4 * MAX_SECONDS_AT_ONCE * stream.rate:
            raise InputError(f"send float32 samples, at most {MAX_SECONDS_AT_ONCE} s at once")
        samples = np.clip(np.nan_to_num(np.frombuffer(content, "<f4")), -1, 1).astype(np.float32)
        with stream.lock:
            stream.touched = time.monotonic()
            steps = stream.recogniser.push(samples)
            first, stream.n_steps = stream.n_steps, stream.n_steps + len(steps.step_probs)
            stream.n_native += len(samples)
            return stream.identity | {
                "first": first,
                "step_probs": rounded(steps.step_probs, 4),
                "picture": stream.picture.draw(steps.log_mel),
                "seconds": stream.n_native / stream.rate,
            }

    def close(self, name: str) -> bool:
        """End a stream; return whether there was one."""
        with self._lock:
            return self._streams.pop(name, None) is not None

    def _forget_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            for name in [n for n, s in self._streams.items() if now - s.touched > IDLE_SECONDS]:
                del self._streams[name]
