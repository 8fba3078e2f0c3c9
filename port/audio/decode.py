"""A clip to mono samples at its own rate, as librosa 0.4.1 and audioread 2.1.4 gave them to the originals.

.wav, .aiff and .au that Python 2.7 could open came from its own readers (`rawread`), everything else from
the ffmpeg program as signed 16 bits (`decoders`). Then librosa divides by 32768 and, whatever the number of
channels above one, takes neighbouring samples in pairs and averages them. What that does to a file with
other than one or two channels, with 8 bits or with a layout audioread cannot parse is kept, and said in
`Decoded.notes`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio import mp3
from reprise_kit.port.audio.audioread214 import rawread
from reprise_kit.port.audio.audioread214.decoders import Stream, decode_ffmpeg, decode_pyav, too_long
from reprise_kit.port.audio.content import Content, opened
from reprise_kit.port.audio.provenance import Origin, ffmpeg_version, pyav_version
from reprise_kit.port.audio.stream import FULL_SCALE, Incoming, arriving, channel_notes, from_raw, mixed, refuse_less

DECODERS = {"pyav": decode_pyav, "ffmpeg": decode_ffmpeg}
MAX_SECONDS = 1800.0  # at about 2 MB of working memory a second of 44.1 kHz
USUAL_RATE = 48_000  # Hz; at a higher rate a clip may last as many samples, not as many seconds


@dataclass(frozen=True)
class Decoded:
    """A clip as the original heard it."""

    native: NDArray[np.float32]  # (n_samples,) mono at its own rate, in [-1, 1)
    rate: int  # Hz
    notes: tuple[str, ...]  # one line for each habit of the original that changed what was decoded
    origin: Origin | None = None  # None of sound that came from no file
    sha256: str = ""  # of the file's bytes

    @property
    def provenance(self) -> dict[str, str]:
        """What a trace says of it."""
        return {} if self.origin is None else asdict(self.origin)


def decode(
    path: str | Path, decoder: str = "pyav", fix_quirks: bool = False, max_seconds: float = MAX_SECONDS
) -> Decoded:
    """Decode a clip.

    Args:
        path: an audio file, in any format FFmpeg knows.
        decoder: "pyav", or "ffmpeg" for the program on PATH: bit-equal to an original that runs the same program.
        fix_quirks: decode the file as it is meant instead: every channel averaged, 8, 24 and 32 bits read right.
        max_seconds: refuse anything longer.

    Raises:
        InputError: not a file, empty, no audio, cut short, too long, or a form on which the original fails.
    """
    check_decoder(decoder)
    with _named(Path(path)) as content:
        return replace(_decode(content, decoder, fix_quirks, max_seconds), sha256=content.sha256())


def first_channel(path: Path, decoder: str = "pyav", fix_quirks: bool = False) -> Decoded:
    """Decode a clip's first channel alone, at its own rate, as it is meant; takes and refuses what `decode` does."""
    check_decoder(decoder)
    with _named(path) as content:
        heard = _decode(content, decoder, fix_quirks, MAX_SECONDS)
        stream = DECODERS[decoder](content, MAX_SECONDS)
        first = stream.samples[:: stream.channels].astype(np.float32) / np.float32(FULL_SCALE)
        notes = (f"only the first of {stream.channels} channels is heard",) if stream.channels > 1 else ()
        return Decoded(first, stream.rate, notes, heard.origin, content.sha256())


def check_decoder(decoder: str) -> None:
    """Raise InputError on a decoder that there is not."""
    if decoder not in DECODERS:
        raise InputError(f"decoder {decoder!r}: choose one of {', '.join(DECODERS)}")


@contextmanager
def _named(path: Path) -> Iterator[Content]:
    """Open a clip; whatever is wrong with it is said with its path in front."""
    try:
        with opened(path) as content:
            yield content
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _decode(content: Content, decoder: str, fix_quirks: bool, max_seconds: float) -> Decoded:
    if decoder == "pyav" and not fix_quirks:
        with arriving(content, max_seconds) as clip:
            most = seconds_at(clip.rate, max_seconds)
            if clip.expected > most:
                raise InputError(too_long(most))
            return whole(clip, most)
    raw = None if fix_quirks else rawread.read(content)
    if raw is not None:
        return whole(from_raw(raw, max_seconds))
    mp3.refuse_cut(content)
    stream = DECODERS[decoder](content, max_seconds)
    seconds = stream.samples.size / stream.channels / stream.rate
    refuse_less(stream.promised, seconds)
    origin = Origin(pyav_version() if decoder == "pyav" else ffmpeg_version(), stream.codec)
    return replace(_as_meant(stream) if fix_quirks else _as_heard(stream), origin=origin)


def seconds_at(rate: int, most: float) -> float:
    """Return how many seconds at `rate` Hz take the memory of `most` seconds at the usual rates."""
    return most * min(1.0, USUAL_RATE / rate)


def whole(clip: Incoming, max_seconds: float = math.inf) -> Decoded:
    """Gather a clip that is being decoded; raises InputError as reading its parts does, and past `max_seconds`."""
    parts, left = [], max_seconds * clip.rate
    for part in clip.parts:
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise InputError(too_long(max_seconds))
    return Decoded(np.concatenate(parts), clip.rate, tuple(clip.notes), clip.origin)


def _as_heard(stream: Stream) -> Decoded:
    """Channels as audioread counted them, and the rate it read."""
    counted = stream.counted_channels
    notes = stream.notes + channel_notes(stream.channels, counted)
    if stream.described_rate != stream.rate:
        notes.append(f"{stream.rate} Hz taken for {stream.described_rate}, the rate of the first audio stream")
    return Decoded(mixed(stream.samples, counted), stream.described_rate, tuple(notes))


def _as_meant(stream: Stream) -> Decoded:
    frames = stream.samples.reshape(-1, stream.channels)
    mono = frames.mean(axis=1, dtype=np.float64) / FULL_SCALE
    return Decoded(mono.astype(np.float32), stream.rate, tuple(stream.notes))
