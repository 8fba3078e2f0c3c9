"""An uploaded clip to events: the live steps while it is decoded, then the answer, then the original's."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from port.audio.stream import Incoming, incoming_from_child
from port.deepsound_crnn.pipeline import STREAM_OVER
from port.errors import InputError
from port.web.engine import Engine
from port.web.picture import Picture
from port.web.queue import Ticket

Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Limits:
    """What a server takes. seconds: of sound. exact_seconds: up to which the whole-file answer is given."""

    upload_bytes: int = 256 << 20
    seconds: float = 7200.0
    exact_seconds: float = STREAM_OVER
    running: int = 2
    waiting: int = 8
    microphones: int = 4


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def analyse(path: Path, engine: Engine, limits: Limits, ticket: Ticket, gone: Callable[[], bool]) -> Iterator[Event]:
    """Yield the events `start`, `steps`..., `result`; or `error` with a message a person can use."""
    try:
        if not ticket.wait(gone):
            raise ClientGoneError
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with incoming_from_child(path, limits.seconds) as clip:
            yield "start", {"labels": engine.labels, "expected_seconds": clip.expected, "rate": clip.rate}
            yield from _listen(clip, engine, limits, sha256, gone)
    except InputError as error:
        yield "error", {"error": str(error)}
    finally:
        ticket.step_aside()


def _listen(clip: Incoming, engine: Engine, limits: Limits, sha256: str, gone: Callable[[], bool]) -> Iterator[Event]:
    recogniser, picture = engine.live(clip.rate), Picture()
    kept: list[NDArray[np.float32]] | None = [] if clip.expected <= limits.exact_seconds else None
    answers: list[NDArray[np.float32]] = []
    n_native = 0
    for steps, part in recogniser.listen(clip.parts):
        if gone():
            raise ClientGoneError
        n_native += len(part)
        if kept is not None:
            kept.append(part)
            kept = kept if n_native <= limits.exact_seconds * clip.rate else None
        if len(steps.step_probs) or len(steps.log_mel):
            yield (
                "steps",
                {
                    "first": sum(map(len, answers)),
                    "step_probs": rounded(steps.step_probs, 4),
                    "picture": picture.draw(steps.log_mel),
                },
            )
            answers.append(steps.step_probs)
    live = np.concatenate(answers) if answers else np.empty((0, len(engine.labels)), np.float32)
    if not len(live):
        raise InputError(f"too short: {n_native / clip.rate:.2f} s; give at least 1.63 s")
    yield "result", _result(engine, clip, kept, live, n_native) | {"sha256": sha256}


def _result(
    engine: Engine, clip: Incoming, kept: list[NDArray[np.float32]] | None, live: NDArray[np.float32], n_native: int
) -> dict[str, Any]:
    if kept is not None:
        exact = engine.exact(np.concatenate(kept), clip.rate, tuple(clip.notes))
        assert exact.step_probs is not None
        mode, step_probs, clip_probs = "exact", exact.step_probs, exact.clip_probs
    else:
        mode, step_probs, clip_probs = "live", live, live.mean(axis=0)
    return {
        "mode": mode,
        "duration": n_native / clip.rate,
        "labels": list(engine.labels),
        "top": engine.labels[int(clip_probs.argmax())],
        "clip_probs": rounded(clip_probs, 7),
        "step_probs": rounded(step_probs, 7),
        "live_agreement": float((live.argmax(axis=1) == step_probs.argmax(axis=1)).mean()),
        "notes": clip.notes,
    }


def rounded(array: NDArray[Any], digits: int) -> list[Any]:
    """Return an array as nested lists of short numbers."""
    return np.asarray(array, np.float64).round(digits).tolist()
