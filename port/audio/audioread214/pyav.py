"""Compressed audio to 16-bit samples by the FFmpeg inside PyAV, as the `ffmpeg` program gives them."""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.audioread214 import described
from reprise_kit.port.audio.audioread214.coded import EXACT, Coded, none_decoded, too_long
from reprise_kit.port.audio.content import Content, Pipe, Searched
from reprise_kit.port.audio.provenance import Origin, pyav_version

Opened = tuple[Any, Searched]  # a container and its file
Form = tuple[str, str, int]  # sample format, layout, Hz of a frame
CHANGES = "rate or channels change midway: the original hears it in the first form throughout"
ALONE = {"protocol_whitelist": "none"}  # what is open is read, whatever it refers to
PART_SAMPLES = 1 << 16  # of each channel, converted and handed on at once
# Codecs that FFmpeg 8 decodes to other samples than FFmpeg 4 to 7 (measured: 4.2.2, 5.1.9, 7.0.2 against PyAV 18).
CHANGED = {"adpcm_ima_wav": "IMA ADPCM"}
OWN_VORBIS = r"Lavc[\d.]+ vorbis"  # tag of FFmpeg's own Vorbis encoder: 0.023 of full scale off, likewise


class DecodedOtherwiseError(InputError):
    """A file that this FFmpeg cannot decode, or decodes to other samples than the program of the original's time."""


@contextmanager
def open_pyav(content: Content | Pipe, max_seconds: float, form: str | None = None) -> Iterator[Coded]:
    """Decode an open file part by part. FFmpeg may open no other file.

    form: the container's name in FFmpeg where it is known already; otherwise FFmpeg guesses.

    Raises:
        InputError: no audio in it, not decodable, or (while parts are read) longer than `max_seconds`.
        DecodedOtherwiseError: the program would give other samples.
    """
    import av

    try:
        file = Searched(content.rewound())
        container = av.open(file, "r", format=form, options=ALONE, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise InputError(f"no audio file that can be decoded ({_reason(error)})") from None
    with container:
        if not container.streams.audio:
            raise InputError("no audio stream in it")
        _refuse_changed(container)
        first = container.streams.audio[0]
        layouts = {stream: _layout(stream) for stream in container.streams.audio}
        stream = max(layouts, key=lambda stream: (_is_default(stream), layouts[stream][1]))
        exact = container.format.name.split(",")[0] in EXACT
        coded = Coded(
            iter(()),
            stream.codec_context.sample_rate,
            layouts[stream][1],
            first.codec_context.sample_rate,
            described.counted_channels(described.guessed(layouts[first][0])),
            Origin(pyav_version(), stream.codec_context.codec.canonical_name),
            float(stream.duration * (stream.time_base or 0)) if exact and stream.duration else 0.0,
            (container.duration or 0) / av.time_base,
            stream.codec_context.bit_rate or 0,
        )
        coded.parts = _decoded_parts((container, file), stream, first, coded, max_seconds)
        yield coded


def _refuse_changed(container: Any) -> None:
    """Raise DecodedOtherwiseError where the program, or audioread by the program's log, would hear something else."""
    if any(stream.codec_context is None for stream in container.streams.audio):
        raise DecodedOtherwiseError("its audio has a codec that PyAV cannot decode")
    first = container.streams.audio[0]
    changed = CHANGED.get(first.codec_context.name)
    if first.codec_context.name == "vorbis" and re.fullmatch(OWN_VORBIS, _encoder(container, first)):
        changed = "Vorbis by FFmpeg's own encoder"
    if changed:
        raise DecodedOtherwiseError(f"{changed}, which PyAV decodes to other samples than the ffmpeg of the time")
    if described.is_misleading(" ".join(f"{key}: {value}" for key, value in container.metadata.items())):
        raise DecodedOtherwiseError("its tags hold words of ffmpeg's log, which the original takes for the log itself")


def _encoder(container: Any, stream: Any) -> str:
    tags = {key.lower(): value for key, value in {**container.metadata, **stream.metadata}.items()}
    return str(tags.get("encoder", ""))


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
        raise DecodedOtherwiseError(f"channel layout {name!r} is more than PyAV can hold")
    return name, layout.nb_channels


def _is_default(stream: Any) -> bool:
    """ffmpeg takes the default audio stream, then the one with the most channels, then the first."""
    return bool(stream.disposition & stream.disposition.__class__.default)


class _Converter:
    """Frames of one form to interleaved int16, in that form or as ffmpeg's graph turns it into an earlier one."""

    def __init__(self, form: Form, wanted: Form | None = None) -> None:
        """Take frames of `form`; wanted: whose layout and rate the samples get, None for their own."""
        import av

        # Frames are short (an mp3's has 1152 samples) and a call costs as much as converting one: gather them first.
        self.form, self.gathered = form, av.AudioFifo()
        self.resampler = av.AudioResampler("s16", *(wanted[1:] if wanted else ()))

    def take(self, last: bool = False) -> NDArray[np.int16]:
        """Convert what was gathered; last: and what the resampler kept."""
        frames = self.resampler.resample(self.gathered.read()) if self.gathered.samples else []
        frames += self.resampler.resample(None) if last else []
        return np.concatenate([np.empty(0, np.int16), *(frame.to_ndarray().ravel() for frame in frames)])


def _decoded_parts(
    opened: Opened, stream: Any, first: Any, coded: Coded, max_seconds: float
) -> Iterator[NDArray[np.int16]]:
    """Interleaved int16 parts in order; where the form changes midway they keep the first, as the program's do."""
    converter: _Converter | None = None
    wanted: Form | None = None
    total = 0
    for frame in _frames(opened, stream, coded.notes):
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if converter is None:
            converter, wanted = _Converter(form), form
            coded.rate, coded.described_rate = frame.sample_rate, first.codec_context.sample_rate
        elif form != converter.form:
            yield converter.take()
            converter = _Converter(form, wanted)
            if CHANGES not in coded.notes:
                coded.notes.append(CHANGES)
        converter.gathered.write(frame)
        total += frame.samples
        if total > max_seconds * form[2]:
            raise InputError(too_long(max_seconds))
        if converter.gathered.samples >= PART_SAMPLES:
            yield converter.take()
    if converter is None:
        raise none_decoded()
    yield converter.take(last=True)


def _frames(opened: Opened, stream: Any, notes: list[str]) -> Iterator[Any]:
    """Decoded frames; packets that cannot be decoded are left out, and counted in the notes at the end."""
    import av

    broken = 0
    for packet in _packets(opened, stream, notes):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            broken += 1
            continue
        for frame in frames:
            frame.pts = None  # gaps in time stamps are not filled
            yield frame
    if broken:
        notes.append(f"{broken} broken packets were left out, as in the original")


def _packets(opened: Opened, stream: Any, notes: list[str]) -> Iterator[Any]:
    """Packets up to the end or to the first that cannot be read, then the one that empties the decoder."""
    import av

    container, file = opened
    try:
        for packet in container.demux(stream):
            file.zeros = 0
            yield packet
    except av.error.FFmpegError:
        notes.append("it cannot be read to its end: heard as far as it goes, as in the original")
        last = av.Packet()
        last.stream = stream
        yield last
    except OSError as error:  # of reading the file, which is not FFmpeg's
        raise InputError(f"cannot be read ({error.strerror})") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
