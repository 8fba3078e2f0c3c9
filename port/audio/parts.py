"""A clip to mono samples part by part, as `port/audio/decode.py` gives them at once: what runs in the box.

Nothing here is called on a stranger's file outside of it, but what mixes the ffmpeg program's samples.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from io import BufferedReader, BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.audioread214 import rawread
from reprise_kit.port.audio.audioread214.coded import Coded, samples, too_long
from reprise_kit.port.audio.audioread214.decoders import ByProgramError, open_coded
from reprise_kit.port.audio.audioread214.pyav import open_pyav
from reprise_kit.port.audio.content import Content, Pipe
from reprise_kit.port.audio.provenance import Origin

SILENCE = (b"\xff\xfb\x90\x00" + bytes(413)) * 8  # frames of mp3
FULL_SCALE = 32768  # of signed 16-bit samples
PART_BYTES = 1 << 18  # of raw samples read in one part; a multiple of every sample's width times two
# How a clip is heard: as the original heard it; the same, channels counted as ffmpeg counts them; as it is meant,
# every channel averaged; as it is meant, its first channel alone.
HEARD, COUNTED, MEANT, FIRST = "heard", "counted", "meant", "first"


@dataclass
class Incoming:
    """A clip that is being decoded; `parts` can be read once, `notes` are complete when it has been."""

    rate: int  # Hz
    expected: float  # seconds, an estimate; 0 if the file does not say
    parts: Iterator[NDArray[np.float32]]  # (n,) mono, in [-1, 1); raises InputError as `decode` does
    origin: Origin
    channels: int = 1  # in the file
    notes: list[str] = field(default_factory=list)


@cache
def before_the_box() -> None:
    """Decode a silence of our own: what that loads and makes with the first clip is there for all others then."""
    with arriving(Content(BufferedReader(BytesIO(SILENCE)), 0, len(SILENCE)), 1.0) as clip:
        assert sum(map(len, clip.parts))


def heard(path: Path, file: int, max_seconds: float, decoder: str, strict: bool, form: str) -> Iterator[Any]:
    """In a box: a clip as `told` tells it, or [why, notes] of one that is the ffmpeg program's to decode."""
    with os.fdopen(file, "rb", closefd=False) as opened:
        content = Content(opened, 0, os.fstat(file).st_size)
        try:
            with arriving(content, max_seconds, decoder, strict, form) as clip:
                yield from told(clip)
        except ByProgramError as error:
            yield [error.why, error.notes]


def fed(path: Path, file: int, size: int, max_seconds: float) -> Iterator[Any]:
    """In a box: a clip that comes in by a pipe, as `told` tells it."""
    with os.fdopen(file, "rb", closefd=False) as pipe, overheard(Pipe(pipe), size, max_seconds) as clip:
        yield from told(clip)


def told(clip: Incoming) -> Iterator[Any]:
    """Say what it is, its parts and, in the end, its notes."""
    yield {"rate": clip.rate, "expected": clip.expected, "channels": clip.channels, "origin": asdict(clip.origin)}
    yield from clip.parts
    yield clip.notes


@contextmanager
def arriving(
    content: Content, max_seconds: float, decoder: str = "pyav", strict: bool = False, form: str = HEARD
) -> Iterator[Incoming]:
    """Decode an open clip part by part; raises ByProgramError besides, as `open_coded`."""
    raw = rawread.read(content) if form in (HEARD, COUNTED) else None
    if raw is not None:
        yield strictly(from_raw(raw, max_seconds), strict)
        return
    with open_coded(content, decoder, max_seconds) as coded:
        yield strictly(from_coded(coded, max_seconds, form), strict)


@contextmanager
def overheard(pipe: Pipe, size: int, max_seconds: float) -> Iterator[Incoming]:
    """Decode a clip that is still arriving, a foretaste: only `incoming` on the whole file can tell that it is whole.

    size: bytes that are to come, an estimate. Raises InputError as `incoming`.
    """
    with open_pyav(pipe, max_seconds) as coded:
        seconds = 8 * size / coded.bit_rate if coded.bit_rate else 0.0
        yield _as_heard(coded, max_seconds, coded.counted_channels, seconds)


def from_coded(coded: Coded, max_seconds: float, form: str) -> Incoming:
    """Make a clip of a compressed file, in one of the forms that there are."""
    if form in (HEARD, COUNTED):
        return _as_heard(coded, max_seconds, coded.counted_channels if form == HEARD else coded.channels)
    frames = samples(coded).reshape(-1, coded.channels)
    mono = frames[:, 0] if form == FIRST else frames.mean(axis=1, dtype=np.float64)
    part = (mono / FULL_SCALE).astype(np.float32)
    return Incoming(coded.rate, 0.0, iter([part]), coded.origin, coded.channels, coded.notes)


def _as_heard(coded: Coded, max_seconds: float, counted: int, expected: float = 0.0) -> Incoming:
    """What librosa made of a compressed file of so many channels. expected: seconds, where it has no estimate."""
    if coded.promised > max_seconds:
        raise InputError(too_long(max_seconds))
    first = next(coded.parts)  # a decoder may correct the rate with its first packet
    notes = coded.notes
    notes += channel_notes(coded.channels, counted)
    if coded.described_rate != coded.rate:
        notes.append(f"{coded.rate} Hz taken for {coded.described_rate}, as ffmpeg's words about it were read")
    heard = _paired(chain([first], coded.parts), counted)
    # A file that is taken for one of fewer channels, or of another rate, comes out longer or shorter.
    longer = coded.channels / min(counted, 2) * coded.rate / coded.described_rate
    seconds = (coded.expected or expected) * longer
    return Incoming(coded.described_rate, seconds, heard, coded.origin, coded.channels, notes)


def strictly(clip: Incoming, strict: bool) -> Incoming:
    """With `strict` the parts end in InputError where there is anything to note."""
    if strict:
        clip.parts = _refusing(clip.parts, clip.notes)
    return clip


def _refusing(parts: Iterator[NDArray[np.float32]], notes: list[str]) -> Iterator[NDArray[np.float32]]:
    yield from parts
    if notes:
        raise InputError(refusal(notes))


def refusal(notes: list[str]) -> str:
    """What `strict` says of a clip with notes."""
    return f"refused by --strict: {notes[0]}"


def from_raw(raw: rawread.RawAudio, max_seconds: float) -> Incoming:
    """Read a clip's samples part by part from its still open file."""
    n_bytes, notes = len(raw.data), raw.notes()
    if n_bytes < raw.promised:
        notes.append(f"cut {raw.kind}: {raw.promised} bytes of samples promised, {n_bytes} there, as in the original")
    seconds = n_bytes / (raw.rate * raw.channels * raw.width)
    if seconds > max_seconds:
        raise InputError(too_long(max_seconds))
    if not n_bytes:
        raise InputError("no samples in it")
    slices = (raw.data[at : at + PART_BYTES] for at in range(0, n_bytes, PART_BYTES))
    parts = _paired((raw.samples(data) for data in slices), raw.channels)
    longer = raw.channels / min(raw.channels, 2)
    notes += channel_notes(raw.channels, raw.channels)
    return Incoming(raw.rate, seconds * longer, parts, Origin("python", raw.codec), raw.channels, notes)


def _paired(parts: Iterator[NDArray[np.int16]], counted: int) -> Iterator[NDArray[np.float32]]:
    """Mix each part down; the odd sample at its end waits for the next."""
    left = np.empty(0, np.int16)
    for part in parts:
        whole = np.concatenate([left, part]) if left.size else part
        n_even = len(whole) - len(whole) % 2 if counted > 1 else len(whole)
        left = whole[n_even:]
        if n_even:
            yield mixed(whole[:n_even], counted)
    if left.size:
        mixed(left, counted)  # raises, as it does for the whole clip


def channel_notes(channels: int, counted: int) -> list[str]:
    """What it does to a file that audioread counted another number of channels, or more than two, in words."""
    if channels == counted <= 2:
        return []
    if counted == 1:
        return [f"{channels} channels: the original takes them for one, {channels} times as long"]
    return [f"{channels} channels: the original averages neighbouring samples, {channels / 2:g} times as long"]


def mixed(samples: NDArray[np.int16], counted: int) -> NDArray[np.float32]:
    """To float32, pairs averaged if more than one channel was counted: librosa 0.4.1, exact in float32."""
    if counted == 1:
        return samples * np.float32(1 / FULL_SCALE)
    if samples.size % 2:
        raise InputError(f"{counted} channels and an odd number of samples, on which the original fails")
    pairs = np.add(samples[0::2], samples[1::2], dtype=np.float32)
    pairs *= 0.5 / FULL_SCALE
    return pairs
