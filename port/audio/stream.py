"""A clip to mono samples part by part, as `port/audio/decode.py` gives them at once; and the same in a child process.

A file from a stranger is decoded in a child: it may take long, ask for much memory or crash the decoder, and only the
child ends. Messages on the child's output: a kind (one byte), a length (4 bytes, little-endian) and that many bytes.
"""

import json
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.workers import python
from reprise_kit.port.audio.audioread214 import rawread
from reprise_kit.port.audio.audioread214.coded import Coded, too_long
from reprise_kit.port.audio.audioread214.decoders import open_coded
from reprise_kit.port.audio.audioread214.pyav import open_pyav
from reprise_kit.port.audio.content import Content, Pipe, opened
from reprise_kit.port.audio.provenance import Origin

FULL_SCALE = 32768  # of signed 16-bit samples
PART_BYTES = 1 << 18  # of raw samples read in one part; a multiple of every sample's width times two
MAX_MEMORY = 4 << 30  # bytes of address space of the child
CPU_SECONDS = 120  # of the child; a one-hour mp3 takes about ten

HEADER, SAMPLES, REFUSED, DONE = b"H", b"S", b"R", b"D"


@dataclass
class Incoming:
    """A clip that is being decoded; `parts` can be read once, `notes` are complete when it has been."""

    rate: int  # Hz
    expected: float  # seconds, an estimate; 0 if the file does not say
    parts: Iterator[NDArray[np.float32]]  # (n,) mono, in [-1, 1); raises InputError as `decode` does
    origin: Origin
    notes: list[str] = field(default_factory=list)


@contextmanager
def incoming(path: Path, max_seconds: float, decoder: str = "pyav", strict: bool = False) -> Iterator[Incoming]:
    """Decode a clip part by part; raises InputError as `decode` does, at once or while the parts are read."""
    with opened(path) as content, arriving(content, max_seconds, decoder, strict) as clip:
        yield clip


@contextmanager
def arriving(content: Content, max_seconds: float, decoder: str = "pyav", strict: bool = False) -> Iterator[Incoming]:
    """Decode an open clip part by part, as `incoming`."""
    raw = rawread.read(content)
    if raw is not None:
        yield _strictly(from_raw(raw, max_seconds), strict)
        return
    with open_coded(content, decoder, max_seconds) as coded:
        yield _strictly(_from_coded(coded, max_seconds), strict)


@contextmanager
def overheard(pipe: Pipe, size: int, max_seconds: float) -> Iterator[Incoming]:
    """Decode a clip that is still arriving, a foretaste: only `incoming` on the whole file can tell that it is whole.

    size: bytes that are to come, an estimate. Raises InputError as `incoming`.
    """
    with open_pyav(pipe, max_seconds) as coded:
        yield _from_coded(coded, max_seconds, 8 * size / coded.bit_rate if coded.bit_rate else 0.0)


def _from_coded(coded: Coded, max_seconds: float, expected: float = 0.0) -> Incoming:
    """What librosa made of a compressed file. expected: seconds, where its container has no estimate."""
    if coded.promised > max_seconds:
        raise InputError(too_long(max_seconds))
    first = next(coded.parts)  # a decoder may correct the rate with its first packet
    notes, counted = coded.notes, coded.counted_channels
    notes += channel_notes(coded.channels, counted)
    if coded.described_rate != coded.rate:
        notes.append(f"{coded.rate} Hz taken for {coded.described_rate}, as ffmpeg's words about it were read")
    heard = _paired(chain([first], coded.parts), counted)
    # A file that is taken for one of fewer channels, or of another rate, comes out longer or shorter.
    longer = coded.channels / min(counted, 2) * coded.rate / coded.described_rate
    return Incoming(coded.described_rate, (coded.expected or expected) * longer, heard, coded.origin, notes)


def _strictly(clip: Incoming, strict: bool) -> Incoming:
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
    return Incoming(raw.rate, seconds * longer, parts, Origin("python", raw.codec), notes)


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


def main(path: str, max_seconds: float, size: int) -> None:
    """Be the child: limit itself, decode a file ("-": what comes in, of about `size` bytes), write messages."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with _overheard_here(size, max_seconds) if path == "-" else incoming(Path(path), max_seconds) as clip:
            header = {"rate": clip.rate, "expected": clip.expected, "origin": asdict(clip.origin)}
            _send(HEADER, json.dumps(header).encode())
            for part in clip.parts:
                _send(SAMPLES, part.tobytes())
            _send(DONE, json.dumps(clip.notes).encode())
    except InputError as error:
        _send(REFUSED, str(error).encode())
    except MemoryError:
        _send(REFUSED, b"decoding it takes more memory than is allowed here")


@contextmanager
def _overheard_here(size: int, max_seconds: float) -> Iterator[Incoming]:
    assert isinstance(sys.stdin.buffer, BufferedReader)
    with overheard(Pipe(sys.stdin.buffer), size, max_seconds) as clip:
        yield clip


def _send(kind: bytes, payload: bytes) -> None:
    sys.stdout.buffer.write(kind + struct.pack("<L", len(payload)) + payload)
    sys.stdout.buffer.flush()


@dataclass(frozen=True)
class Fed:
    """A clip that is still arriving. feed: writes its bytes into the pipe that it is given; size: about how many."""

    feed: Callable[[IO[bytes]], None]
    size: int


@contextmanager
def incoming_from_child(clip: Path | Fed, max_seconds: float) -> Iterator[Incoming]:
    """Decode as `incoming` or `overheard` does, in a child process that ends with the block whatever happened.

    Raises:
        InputError: as `incoming`; the child ran out of processor time or memory, or crashed.
    """
    fed = clip if isinstance(clip, Fed) else None
    command = python(f"from {__name__} import main; main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))")
    command += ["-" if fed else str(clip), str(max_seconds), str(fed.size if fed else 0)]
    stdin = subprocess.PIPE if fed else subprocess.DEVNULL
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        if fed:
            threading.Thread(target=fed.feed, args=(child.stdin,), daemon=True).start()
        try:
            _, payload = _receive(child, child.stdout)
            header = json.loads(payload)
            heard = Incoming(header["rate"], header["expected"], iter(()), Origin(**header["origin"]))
            heard.parts = _parts(child, child.stdout, heard.notes)
            yield heard
        finally:
            child.kill()


def _parts(child: "subprocess.Popen[bytes]", pipe: IO[bytes], notes: list[str]) -> Iterator[NDArray[np.float32]]:
    while True:
        kind, payload = _receive(child, pipe)
        if kind == DONE:
            notes += json.loads(payload)
            return
        yield np.frombuffer(payload, np.float32)


def _receive(child: "subprocess.Popen[bytes]", pipe: IO[bytes]) -> tuple[bytes, bytes]:
    """The next message; raises InputError on a refusal or where the child ended without one."""
    head = pipe.read(5)
    payload = pipe.read(struct.unpack("<L", head[1:])[0]) if len(head) == 5 else b""
    if len(head) < 5:
        slow = child.wait() == -signal.SIGXCPU or child.returncode == -signal.SIGKILL
        raise InputError(f"decoding it took longer than {CPU_SECONDS} s" if slow else "the decoder failed on it")
    if head[:1] == REFUSED:
        raise InputError(payload.decode())
    return head[:1], payload
