"""A clip to mono samples at its own rate, as librosa 0.4.1 and audioread 2.1.4 gave them to the originals.

.wav, .aiff and .au that Python 2.7 could open came from its own readers (`rawread`), everything else from
the ffmpeg program as signed 16 bits (`decoders`). Then librosa divides by 32768 and, whatever the number of
channels above one, takes neighbouring samples in pairs and averages them. What that does to a file with
other than one or two channels, with 8 bits or with a layout audioread cannot parse is kept, and said in
`Decoded.notes`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from port.audio import mp3, rawread
from port.audio.decoders import Stream, decode_ffmpeg, decode_pyav, too_long
from port.errors import InputError

DECODERS = {"pyav": decode_pyav, "ffmpeg": decode_ffmpeg}
MAX_SECONDS = 1800.0  # at about 0.5 MB of working memory a second
MAX_BYTES = 1 << 30  # of a file
ROUNDING = 0.25  # seconds by which a header's promise may be off in a whole file
FULL_SCALE = 32768  # of signed 16-bit samples
PLAYLISTS = (b"#EXTM3U", b"ffconcat")  # would make FFmpeg open other files


@dataclass(frozen=True)
class Decoded:
    """A clip as the original heard it."""

    native: NDArray[np.float32]  # (n_samples,) mono at its own rate, in [-1, 1)
    rate: int  # Hz
    notes: tuple[str, ...]  # one line for each habit of the original that changed what was decoded


def decode(
    path: str | Path, decoder: str = "pyav", fix_quirks: bool = False, max_seconds: float = MAX_SECONDS
) -> Decoded:
    """Decode a clip.

    Args:
        path: an audio file, in any format FFmpeg knows.
        decoder: "pyav", or "ffmpeg" for the program on PATH: bit-equal to an original that runs the same
        program. fix_quirks: decode the file as it is meant instead: every channel averaged, 8, 24 and 32
        bits read right. max_seconds: refuse anything longer.

    Raises:
        InputError: not a file, empty, no audio, cut short, too long, or a form on which the original fails.
    """
    if decoder not in DECODERS:
        raise InputError(f"decoder {decoder!r}: choose one of {', '.join(DECODERS)}")
    try:
        content = content_of(Path(path))
        raw = None if fix_quirks else rawread.read(content)
        if raw is not None:
            return _from_raw(raw, max_seconds)
        lost = mp3.missing(content)
        if lost:
            raise InputError(f"truncated mp3, {lost}; get the whole file")
        stream = DECODERS[decoder](str(Path(path).resolve()), max_seconds)
        seconds = stream.samples.size / stream.channels / stream.rate
        if seconds < stream.promised - ROUNDING:
            raise InputError(f"truncated or damaged: {stream.promised:.2f} s promised, {seconds:.2f} s decoded")
        return _as_meant(stream) if fix_quirks else _as_heard(stream)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def content_of(path: Path) -> bytes:
    """The bytes of a file, which must be there, be a file and hold something, but not too much."""
    if path.is_dir():
        raise InputError("a folder, not an audio file")
    if not path.is_file():
        raise InputError("no such file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES >> 20} MiB, the limit; cut it")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from None
    if not content:
        raise InputError("the file is empty")
    if content.startswith(PLAYLISTS):
        raise InputError("a playlist, not an audio file")
    return content


def _from_raw(raw: rawread.RawAudio, max_seconds: float) -> Decoded:
    n_bytes = len(raw.data)
    if n_bytes < raw.promised:
        raise InputError(f"truncated {raw.kind}: {raw.promised} bytes of samples promised, {n_bytes} there")
    if n_bytes > max_seconds * raw.rate * raw.channels * raw.width:
        raise InputError(too_long(max_seconds))
    samples = raw.samples()
    if not samples.size:
        raise InputError("no samples in it")
    notes = raw.notes() + channel_notes(raw.channels, raw.channels)
    return Decoded(mixed(samples, raw.channels), raw.rate, tuple(notes))


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


def channel_notes(channels: int, counted: int) -> list[str]:
    """What it does to a file that audioread counted another number of channels, or more than two, in words."""
    if channels == counted <= 2:
        return []
    if counted == 1:
        return [f"{channels} channels: the original takes them for one, {channels} times as long"]
    return [f"{channels} channels: the original averages neighbouring samples, {channels / 2:g} times as long"]


def mixed(samples: NDArray[np.int16], counted: int) -> NDArray[np.float32]:
    """To float32, pairs averaged if more than one channel was counted: librosa 0.4.1, exact in float32."""
    scaled = samples.astype(np.float32) * np.float32(1 / FULL_SCALE)
    if counted == 1:
        return scaled
    if scaled.size % 2:
        raise InputError(f"{counted} channels and an odd number of samples, on which the original fails")
    return (scaled[0::2] + scaled[1::2]) * np.float32(0.5)
