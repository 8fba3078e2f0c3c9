"""An uploaded clip to events: the live steps while it arrives and while it is decoded, then the answer."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.apps.demo.engine import Engine
from reprise_kit.apps.demo.picture import ROWS, Picture
from reprise_kit.apps.demo.refusal import Code
from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import seconds_at
from reprise_kit.port.audio.parts import Incoming
from reprise_kit.port.audio.stream import Fed, incoming, overheard

Event = tuple[str, dict[str, Any]]
Sound = NDArray[np.float32]  # (n_native,), mono
Probs = NDArray[np.float32]  # (n_labels,), or (n_steps, n_labels)


Wanted = Callable[[], None]  # returns while somebody waits for the answer; raises otherwise


@dataclass(frozen=True)
class Limits:
    """What a server takes. seconds: of sound. exact_seconds: up to which the whole-file answer is given.

    spool_bytes: of all uploads together. running: clips at work; waiting: in line; ears: clips heard as they arrive.
    allowed_hosts: names that the server is asked by, beside addresses and names without a dot."""

    upload_bytes: int = 128 << 20
    spool_bytes: int = 400 << 20
    seconds: float = 7200.0
    allowed_hosts: tuple[str, ...] = ()
    exact_seconds: float = 1200.0
    running: int = 2
    waiting: int = 64
    ears: int = 2
    microphones: int = 4

    @property
    def whole_file_seconds(self) -> float:
        """Longest song of a system without a live path."""
        return min(self.seconds, self.exact_seconds)


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def analyse(path: Path, engine: Engine, limits: Limits, wanted: Wanted, streaming: bool) -> Iterator[Event]:
    """Yield the events `start`, `steps`... (if streaming), `result`; or `error` with a message a person can use."""
    try:
        digest = sha256(path)
        for name, content in _answered_by_kind(path, engine, limits, wanted, streaming):
            yield name, content | ({"sha256": digest} if name == "result" else {})
    except InputError as error:
        yield "error", {"error": str(error), "code": Code.BAD_CLIP.value}


def overhear(arriving: Fed, engine: Engine, limits: Limits, wanted: Wanted) -> Iterator[Event]:
    """Yield `start` and `steps` of a clip that is still arriving: a foretaste, which ends at any trouble."""
    try:
        with overheard(arriving, limits.seconds) as clip:
            clip.parts = _while_wanted(clip.parts, wanted)
            yield "start", _start(engine, clip)
            for name, content in _listen(engine, clip, Kept(clip, 0.0)):
                if name == "steps":
                    yield name, content
    except InputError:
        return


class Told:
    """What a client was told by now: a clip that is heard twice, arriving and whole, is told once."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.system = ""
        self.steps = self.columns = self.column = 0  # column: of the picture, in this hearing

    def first_steps(self, event: Event) -> bool:
        """Whether an event holds the first steps of all."""
        return event[0] == "steps" and not self.steps and bool(event[1]["step_probs"])

    def news(self, event: Event) -> Event | None:
        """What of an event is new, or None."""
        name, content = event
        if name == "start":
            if content["system"] != self.system:
                self.system, self.steps, self.columns = content["system"], 0, 0
            self.column = 0
        return (name, steps) if name == "steps" and (steps := self._steps(content)) else self._other(event)

    @staticmethod
    def _other(event: Event) -> Event | None:
        return None if event[0] == "steps" else event

    def _steps(self, content: dict[str, Any]) -> dict[str, Any] | None:
        first, probs = content["first"], content["step_probs"]
        picture = base64.b64decode(content["picture"])
        probs = probs[max(self.steps - first, 0) :]
        old = max(self.columns - self.column, 0) * ROWS
        self.column += len(picture) // ROWS
        self.columns = max(self.columns, self.column)
        first = max(first, self.steps)
        self.steps = first + len(probs)
        picture = picture[old:]
        if not probs and not picture:
            return None
        return {"first": first, "step_probs": probs, "picture": base64.b64encode(picture).decode()}


def _answered_by_kind(path: Path, engine: Engine, limits: Limits, wanted: Wanted, streaming: bool) -> Iterator[Event]:
    if engine.system.file.input != "sound":
        yield "start", engine.identity() | {"labels": list(engine.labels)}
        yield "result", _answered(engine, engine.predict(path))
        return
    most = limits.seconds if engine.has_live else limits.whole_file_seconds
    with incoming(path, most) as clip:
        clip.parts = _while_wanted(clip.parts, wanted)
        yield "start", _start(engine, clip)
        kept = Kept(clip, seconds_at(clip.rate, limits.exact_seconds))
        if not engine.has_live:
            yield "result", _whole_file(engine, clip, path)
        elif not streaming and kept.read_all():
            yield "result", _exact(engine, clip, kept)
        else:
            yield from _listen(engine, clip, kept)


def _start(engine: Engine, clip: Incoming) -> dict[str, Any]:
    heard = {"expected_seconds": clip.expected, "rate": clip.rate, "labels": list(engine.labels)}
    return engine.identity() | heard


def _whole_file(engine: Engine, clip: Incoming, path: Path) -> dict[str, Any]:
    """Answer by the pipeline, which decodes again: the child has shown that the file is sound and harmless."""
    for _ in clip.parts:
        pass
    return _answered(engine, engine.predict(path))


def _answered(engine: Engine, answer: Prediction) -> dict[str, Any]:
    given = _answer(engine, "exact", answer.duration, answer.step_probs, answer.clip_probs, answer.notes)
    return given | {"step_seconds": answer.step_seconds or None}


def _while_wanted(parts: Iterator[Sound], wanted: Wanted) -> Iterator[Sound]:
    for part in parts:
        wanted()
        yield part


class Kept:
    """A clip's samples while they can still become a whole-file answer."""

    def __init__(self, clip: Incoming, seconds: float) -> None:
        """Keep at most `seconds` of sound, and none of a clip that says it is longer."""
        self.clip, self.most = clip, int(seconds * clip.rate)
        self.n_native = 0
        self.parts: list[Sound] | None = [] if clip.expected <= seconds else None

    @property
    def seconds(self) -> float:
        """Length of what was read."""
        return self.n_native / self.clip.rate

    def add(self, part: Sound) -> None:
        """Keep a part, or drop all once it is too much."""
        self.n_native += len(part)
        if self.parts is not None:
            self.parts.append(part)
            self.parts = self.parts if self.n_native <= self.most else None

    def read_all(self) -> bool:
        """Read the clip to its end; return False, with the clip as if unread, where it is too long for that."""
        if self.parts is None:
            return False
        read: list[Sound] = []
        for part in self.clip.parts:
            read.append(part)
            self.add(part)
            if self.parts is None:
                self.clip.parts, self.n_native = chain(read, self.clip.parts), 0
                return False
        return True


def _listen(engine: Engine, clip: Incoming, kept: Kept) -> Iterator[Event]:
    """Live steps as the parts arrive, and the exact answer at the end where all was kept."""
    picture = Picture()
    answers = [np.empty((0, len(engine.labels)), np.float32)]
    for steps, part in engine.live(clip.rate).listen(clip.parts):
        kept.add(part)
        shown = {"step_probs": rounded(steps.step_probs, 4), "picture": picture.draw(steps.log_mel)}
        if any(shown.values()):
            yield "steps", {"first": sum(map(len, answers)), **shown}
        answers.append(steps.step_probs)
    live = np.concatenate(answers)
    if not len(live):
        raise InputError(f"too short: {kept.seconds:.2f} s; give at least 1.63 s")
    if kept.parts is None:
        yield "result", _answer(engine, "live", kept.seconds, live, live.mean(axis=0), clip.notes)
        return
    result = _exact(engine, clip, kept)
    same = live.argmax(axis=1) == np.argmax(result["step_probs"], axis=1)
    yield "result", result | {"live_agreement": float(same.mean())}


def _exact(engine: Engine, clip: Incoming, kept: Kept) -> dict[str, Any]:
    native = np.concatenate([*(kept.parts or []), np.empty(0, np.float32)])
    exact = engine.exact(native, clip.rate, tuple(clip.notes))
    return _answer(engine, "exact", kept.seconds, exact.step_probs, exact.clip_probs, clip.notes)


def _answer(
    engine: Engine, mode: str, seconds: float, step_probs: Probs | None, clip_probs: Probs, notes: Sequence[str]
) -> dict[str, Any]:
    return engine.identity() | {
        "mode": mode,
        "duration": seconds,
        "labels": list(engine.labels),
        "top": engine.labels[int(clip_probs.argmax())],
        "clip_probs": rounded(clip_probs, 7),
        "step_probs": None if step_probs is None else rounded(step_probs, 7),
        "notes": list(notes),
    }


def rounded(array: NDArray[Any], digits: int) -> list[Any]:
    """Return an array as nested lists of short numbers."""
    values: list[Any] = np.asarray(array, np.float64).round(digits).tolist()
    return values
