"""A clip to mono samples at its own rate, as librosa 0.4.1 and audioread 2.1.4 gave them to the originals.

.wav, .aiff and .au that Python 2.7 could open came from its own readers (`rawread`), everything else from
the ffmpeg program as signed 16 bits (`decoders`). Then librosa divides by 32768 and, whatever the number of
channels above one, takes neighbouring samples in pairs and averages them (`stream`). What that does to a file with
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
from reprise_kit.port.audio.audioread214.coded import too_long
from reprise_kit.port.audio.audioread214.decoders import DECODERS
from reprise_kit.port.audio.content import Content, opened
from reprise_kit.port.audio.parts import FIRST, HEARD, MEANT, Incoming
from reprise_kit.port.audio.provenance import Origin
from reprise_kit.port.audio.stream import arriving

MAX_SECONDS = 1800.0  # at about 2 MB of working memory a second of 44.1 kHz
GROWTH = 1 << 18  # samples for which there is room beyond those that are expected
USUAL_RATE = 48_000  # Hz; at a higher rate a clip may last as many samples, not as many seconds


@dataclass(frozen=True)
class Decoded:
    """A clip as the original heard it."""

    native: NDArray[np.float32]  # (n_samples,) mono at its own rate, in [-1, 1)
    rate: int  # Hz
    notes: tuple[str, ...]  # one line for each habit of the original that changed what was decoded, and for any damage
    origin: Origin | None = None  # None of sound that came from no file
    sha256: str = ""  # of the file's bytes

    @property
    def provenance(self) -> dict[str, str]:
        """What a trace says of it."""
        return {} if self.origin is None else asdict(self.origin)


def decode(
    path: str | Path,
    decoder: str = "pyav",
    fix_quirks: bool = False,
    max_seconds: float = MAX_SECONDS,
    strict: bool = False,
) -> Decoded:
    """Decode a clip.

    Args:
        path: an audio file, in any format FFmpeg knows.
        decoder: "pyav", or "ffmpeg" for the program on PATH: bit-equal to an original that runs the same program.
        fix_quirks: decode the file as it is meant instead: every channel averaged, 8, 24 and 32 bits read right.
        max_seconds: refuse anything longer.
        strict: refuse whatever there would be a note on.

    Raises:
        InputError: not a file, empty, no audio, too long, or a form on which the original fails.
    """
    check_decoder(decoder)
    with _named(Path(path)) as content:
        with arriving(content, max_seconds, decoder, strict, MEANT if fix_quirks else HEARD) as clip:
            most = max_seconds if fix_quirks else seconds_at(clip.rate, max_seconds)
            if clip.expected > most:
                raise InputError(too_long(most))
            decoded = whole(clip, most)
        return replace(decoded, sha256=content.sha256())


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
        raise type(error)(f"{path}: {error}") from None


def seconds_at(rate: int, most: float) -> float:
    """Return how many seconds at `rate` Hz take the memory of `most` seconds at the usual rates."""
    return most * min(1.0, USUAL_RATE / rate)


def whole(clip: Incoming, max_seconds: float = math.inf) -> Decoded:
    """Gather a clip that is being decoded; raises InputError as reading its parts does, and past `max_seconds`."""
    native, n = np.empty(GROWTH + int(min(clip.expected * clip.rate, MAX_SECONDS * USUAL_RATE)), np.float32), 0
    for part in clip.parts:
        if n + len(part) > max_seconds * clip.rate:
            raise InputError(too_long(max_seconds))
        if n + len(part) > len(native):
            native.resize(n + len(part) + max(n // 4, GROWTH), refcheck=False)  # a long clip grows where it lies
        native[n : n + len(part)] = part
        n += len(part)
    return Decoded(native[:n], clip.rate, tuple(clip.notes), clip.origin)


def first_channel(
    path: str | Path, decoder: str = "pyav", max_seconds: float = MAX_SECONDS, strict: bool = False
) -> Decoded:
    """Decode a clip's first channel as it is meant; else as `decode`."""
    check_decoder(decoder)
    with _named(Path(path)) as content:
        with arriving(content, max_seconds, decoder, strict, FIRST) as clip:
            decoded = whole(clip)
        others = (f"only the first of {clip.channels} channels is heard",) if clip.channels > 1 else ()
        return replace(decoded, notes=(*others, *decoded.notes), sha256=content.sha256())
