"""Compressed audio to 16-bit samples, twice: by PyAV, and by the `ffmpeg` program that the originals ran.

Both give what `ffmpeg -i FILE -f s16le -` writes, and what audioread 2.1.4 read off ffmpeg's description of
the file: rate and channels of the first audio stream, where a layout it cannot parse counts as one channel.
"""

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.content import Content, Pipe

GUESSED = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
PART_SAMPLES = 1 << 16  # of each channel, converted and handed on at once
ALONE = {"protocol_whitelist": "none"}  # what is open is read, whatever it refers to
EXACT = ("flac", "mov", "wav", "aiff", "au", "caf", "wv")  # containers whose header gives the exact length


@dataclass(frozen=True)
class Stream:
    """Interleaved samples (n_samples * n_channels,) int16, and how they were described."""

    samples: NDArray[np.int16]
    rate: int  # Hz, of these samples
    channels: int  # in these samples
    described_rate: int  # Hz, of the first audio stream
    described_layout: str  # of the first audio stream, as ffmpeg names it
    codec: str  # of the first audio stream, as ffmpeg names it
    promised: float = 0.0  # seconds that the container's header promises exactly, 0 if it does not
    notes: list[str] = field(default_factory=list)

    @property
    def counted_channels(self) -> int:
        """Channels as audioread 2.1.4 counts them."""
        return counted_channels(self.described_layout)


def counted_channels(layout: str) -> int:
    """audioread's reading of a layout's name: "stereo" 2, "N channels" N, all else ("4.0", "5.1") 1."""
    if layout == "stereo":
        return 2
    match = re.match(r"(\d+) ", layout)
    return int(match.group(1)) if match else 1


def channels_of(layout: str) -> int:
    """Channels of a layout as ffmpeg means them."""
    import av

    match = re.match(r"(\d+) ", layout)
    try:
        return int(match.group(1)) if match else int(av.AudioLayout(layout).nb_channels)
    except ValueError:
        raise InputError(f"channel layout {layout!r} is not known here") from None


def decode_pyav(content: Content, max_seconds: float) -> Stream:
    """Decode an open file with the FFmpeg inside PyAV.

    Raises:
        InputError: no audio in it, not decodable, or longer than `max_seconds`.
    """
    with open_pyav(content, max_seconds) as opened:
        parts = list(opened.parts)
        samples = np.concatenate(parts) if parts else np.empty(0, np.int16)
        return Stream(
            samples,
            opened.rate,
            opened.channels,
            opened.described_rate,
            opened.described_layout,
            opened.codec,
            opened.promised,
            opened.notes,
        )


@dataclass(frozen=True)
class Opened:
    """A file that PyAV is decoding: its `parts` can be read once, as they are decoded; else as in `Stream`."""

    parts: Iterator[NDArray[np.int16]]  # interleaved; raises InputError on none at all and past the time limit
    stream: Any
    first: Any  # audio stream
    channels: int
    described_layout: str
    promised: float
    expected: float  # seconds, the container's own estimate, 0 if it has none
    notes: list[str]  # complete when the parts are read

    @property
    def rate(self) -> int:
        """Hz; decoding may correct what the header said."""
        return int(self.stream.codec_context.sample_rate)

    @property
    def described_rate(self) -> int:
        """Hz, of the first audio stream."""
        return int(self.first.codec_context.sample_rate)

    @property
    def counted_channels(self) -> int:
        """Channels as audioread 2.1.4 counts them."""
        return counted_channels(self.described_layout)

    @property
    def codec(self) -> str:
        """FFmpeg's name of what the first audio stream holds: its decoder's, "opus" of libopus, "mp3" of mp3float."""
        return str(self.first.codec_context.name).removesuffix("float").removeprefix("lib")


@contextmanager
def open_pyav(content: Content | Pipe, max_seconds: float, form: str | None = None) -> Iterator[Opened]:
    """Decode an open file part by part; raises InputError as `decode_pyav` does. FFmpeg may open no other file.

    form: the container's name in FFmpeg where it is known already; otherwise FFmpeg guesses.
    """
    import av

    try:
        container = av.open(content.rewound(), "r", format=form, options=ALONE, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise InputError(f"no audio file that can be decoded ({_reason(error)})") from None
    with container:
        if not container.streams.audio:
            raise InputError("no audio stream in it")
        if any(stream.codec_context is None for stream in container.streams.audio):
            raise InputError("its audio has a codec that this FFmpeg cannot decode; convert it")
        first = container.streams.audio[0]
        layouts = {stream: _layout(stream) for stream in container.streams.audio}
        stream = max(layouts, key=lambda stream: (_is_default(stream), layouts[stream][1]))
        exact = container.format.name.split(",")[0] in EXACT
        notes: list[str] = []
        yield Opened(
            _decoded_parts(container, stream, layouts[stream][1], max_seconds, notes),
            stream,
            first,
            layouts[stream][1],
            _described(layouts[first][0]),
            float(stream.duration * (stream.time_base or 0)) if exact and stream.duration else 0.0,
            (container.duration or 0) / av.time_base,
            notes,
        )


def _layout(stream: Any) -> tuple[str, int]:
    """Name and channels of a stream's layout, asked for once.

    PyAV up to 18 shares the memory of a custom layout among all its copies, and each frees it: such a file
    would end the process. The one copy made here is never freed, not even at exit, and the file refused.
    """
    layout = stream.codec_context.layout
    try:
        name = layout.name
    except UnicodeDecodeError:
        name = "ambisonic or custom"
    if re.match(r"ambisonic|\d+ channels \(", name):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
        raise InputError(f"channel layout {name!r} is more than PyAV can hold; decode with ffmpeg")
    return name, layout.nb_channels


def _described(layout: str) -> str:
    """The ffmpeg program guesses a layout where the file names none ("4 channels")."""
    match = re.fullmatch(r"(\d+) channels", layout)
    return GUESSED.get(int(match.group(1)), layout) if match else layout


def _is_default(stream: Any) -> bool:
    """ffmpeg takes the default audio stream, then the one with the most channels, then the first."""
    return bool(stream.disposition & stream.disposition.__class__.default)


def _decoded_parts(
    container: Any, stream: Any, channels: int, max_seconds: float, notes: list[str]
) -> Iterator[NDArray[np.int16]]:
    """Interleaved int16 parts in order; how many packets were broken is added to `notes` at the end."""
    import av

    # Frames are short (an mp3's has 1152 samples) and a call costs as much as converting one: gather them first.
    gathered, resampler = av.AudioFifo(), av.AudioResampler(format="s16")
    limit = max_seconds * stream.codec_context.sample_rate
    total = broken = 0
    for packet in _packets(container, stream):
        try:
            for frame in packet.decode():
                frame.pts = None  # gaps in time stamps are not filled
                gathered.write(frame)
                total += frame.samples
        except av.error.FFmpegError:
            broken += 1
            continue
        except ValueError:
            raise InputError("its rate or channels change midway; convert it, or decode with ffmpeg") from None
        if total > limit:
            raise InputError(too_long(max_seconds))
        if gathered.samples >= PART_SAMPLES:
            yield _as_int16(resampler, gathered)
    if not total:
        raise InputError("not one sample could be decoded")
    if gathered.samples:
        yield _as_int16(resampler, gathered)
    if broken:
        notes.append(f"{broken} broken packets were left out, as in the original")


def _as_int16(resampler: Any, gathered: Any) -> NDArray[np.int16]:
    """Empty a fifo of frames: (n_samples * n_channels,) int16, interleaved."""
    parts = [part.to_ndarray().ravel() for part in resampler.resample(gathered.read())]
    return np.asarray(np.concatenate(parts), np.int16)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets up to the end or to the first that cannot be read, then the one that empties the decoder."""
    import av

    try:
        yield from container.demux(stream)
    except av.error.FFmpegError:
        last = av.Packet()
        last.stream = stream
        yield last
    except OSError as error:  # of reading the file, which is not FFmpeg's
        raise InputError(f"cannot be read ({error.strerror})") from None


def decode_ffmpeg(content: Content, max_seconds: float) -> Stream:
    """Decode with the `ffmpeg` program on PATH, called as audioread 2.1.4 calls it: it opens the file itself.

    Raises:
        InputError: no such program, no audio, not decodable, or longer than `max_seconds`.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError("no ffmpeg program on PATH: install ffmpeg, or decode with pyav")
    command = [program, "-nostdin", "-i", str(content.path.resolve()), "-f", "s16le", "-"]
    limit = int(max_seconds * 192_000 * 8 * 2)
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
            assert process.stdout is not None
            data = process.stdout.read(limit + 1)
            if len(data) > limit:
                process.kill()
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").lower().splitlines()
    described = [found for line in lines if (found := re.search(r"stream #.* audio: (\w+).*?(\d+) hz, ([^,]+),", line))]
    if not described or not data:
        raise InputError("no audio file that can be decoded")
    (codec, rate, layout), (_, out_rate, out_layout) = described[0].groups(), described[-1].groups()
    samples = np.frombuffer(data, "<i2")
    channels = channels_of(out_layout)
    if samples.size > max_seconds * int(out_rate) * channels:
        raise InputError(too_long(max_seconds))
    return Stream(samples, int(out_rate), channels, int(rate), layout, codec, _promised_seconds("\n".join(lines)))


def _promised_seconds(log: str) -> float:
    """Length in seconds that ffmpeg read from the header of a container that is exact about it, else 0."""
    found = re.search(r"input #0, (\w+).*?duration: (\d+):(\d+):(\d+\.\d+)", log, re.DOTALL)
    if not found or found.group(1) not in EXACT:
        return 0.0
    hours, minutes, seconds = found.groups()[1:]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def too_long(max_seconds: float) -> str:
    """The message for a clip over the limit."""
    return f"longer than {max_seconds:g} seconds, the limit; cut it"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
