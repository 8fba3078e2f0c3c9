"""A clip to mono samples part by part, decoded in a box; the whole of it at once is `port/audio/decode.py`.

A decoder may take long, ask for much memory or crash, and a file may be made so that it does worse: only the box ends.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare import box_pool
from reprise_kit.compare.box import MB, Limits, boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio import parts
from reprise_kit.port.audio.audioread214.decoders import open_by_program
from reprise_kit.port.audio.content import Content, opened
from reprise_kit.port.audio.parts import HEARD, Incoming
from reprise_kit.port.audio.provenance import Origin

# An hour of mp3, 60 MB, takes about ten seconds; what lies in memory waits to be taken, more of it in the pipe.
LIMITS = Limits(memory=4096 * MB, seconds=300, answer=1 << 45, shared=64 * MB, silence=600.0)
SMALL = 20 * MB  # bytes of a clip that a box takes which stays for the next; a larger one gets more time, in its own
PER_SECOND = 100_000  # bytes
ARRIVING = Limits(memory=4096 * MB, seconds=120, answer=1 << 45, shared=64 * MB, silence=86_400.0)


@contextmanager
def incoming(path: Path, max_seconds: float, decoder: str = "pyav", strict: bool = False) -> Iterator[Incoming]:
    """Decode a clip part by part; raises InputError as `decode` does, at once or while the parts are read."""
    with opened(path) as content, arriving(content, max_seconds, decoder, strict) as clip:
        yield clip


@contextmanager
def arriving(
    content: Content, max_seconds: float, decoder: str = "pyav", strict: bool = False, form: str = HEARD
) -> Iterator[Incoming]:
    """Decode an open clip part by part, as `incoming`; nobody else may read it meanwhile. form: one of `parts`'s."""
    arguments = (parts.heard, content.path, content.file.fileno(), max_seconds, decoder, strict, form)
    large = replace(LIMITS, per_second=PER_SECOND).grown([content.path], [])
    limits = LIMITS if len(content) <= SMALL else large
    with box_pool.asked(*arguments, limits=limits) as asked, _told(asked, content.path) as (first, items):
        if isinstance(first, dict):
            yield _begun(first, items)
            return
    why, notes = first if isinstance(first, list) and len(first) == 2 else _odd()
    with open_by_program(content.path, max_seconds, str(why), _lines(notes)) as coded:
        yield parts.strictly(parts.from_coded(coded, max_seconds, form), strict)


@dataclass(frozen=True)
class Fed:
    """A clip that is still arriving. feed: writes its bytes into the pipe that it is given; size: about how many."""

    feed: Callable[[IO[bytes]], None]
    size: int


@contextmanager
def overheard(clip: Fed, max_seconds: float) -> Iterator[Incoming]:
    """Decode a clip that is still arriving, a foretaste: only `incoming` on the whole file can tell that it is whole.

    Raises InputError as `incoming`.
    """
    taken, given = os.pipe()
    threading.Thread(target=clip.feed, args=(os.fdopen(given, "wb"),), daemon=True).start()
    path = Path("what is arriving")
    try:
        asked = boxed(parts.fed, path, clip.size, max_seconds, limits=ARRIVING, handed=taken)
        with closing(asked), _told(asked, path) as (first, items):
            yield _begun(first, items)
    finally:
        os.close(taken)


@contextmanager
def _told(asked: Iterator[Any], path: Path) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The first of a box's items and the others; a refusal does not name the file, whoever asked does."""
    items = _nameless(asked, path)
    yield next(items, None), items


def _nameless(items: Iterator[Any], path: Path) -> Iterator[Any]:
    try:
        yield from items
    except InputError as error:
        raise type(error)(str(error).removeprefix(f"{path}: ")) from None


def _begun(said: Any, items: Iterator[Any]) -> Incoming:
    try:
        origin = Origin(str(said["origin"]["decoder"]), str(said["origin"]["codec"]))
        clip = Incoming(int(said["rate"]), float(said["expected"]), iter(()), origin, int(said["channels"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        _odd()
    if min(clip.rate, clip.channels) < 1 or not 0 <= clip.expected < math.inf:
        _odd()
    clip.parts = _parts(items, clip.notes)
    return clip


def _parts(items: Iterator[Any], notes: list[str]) -> Iterator[NDArray[np.float32]]:
    for item in items:
        if isinstance(item, np.ndarray) and item.dtype == np.float32 and item.ndim == 1:
            yield item
        else:
            notes += _lines(item)


def _lines(said: Any) -> list[str]:
    return [str(line) for line in said] if isinstance(said, list) else _odd()


def _odd() -> NoReturn:
    raise InputError("its decoder answered what it may not; refused")
