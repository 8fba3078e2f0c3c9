"""16-bit samples as audioread 2.1.4 got them from Python 2.7's own `aifc`, `wave` and `sunau` readers.

Every .wav, .aiff and .au that those modules can open goes this way and never meets ffmpeg. Three of their
habits change what is decoded: bytes are taken as signed (an 8-bit wav is unsigned), a big-endian file is
only right at 16 bits (other widths are cut down in the wrong byte order, then swapped), and 24 bits are an
error. The modules were removed from Python 3.13 and `wave` has grown since, so the few header fields are
read here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.content import Content

MAX_CHUNKS = 10_000  # a file has a dozen; a hole of zeros is one in eight bytes
STREAMED = 0x7FFF0000  # a size this large is a placeholder: the writer could not seek back
AU_MAGIC = b".snd"
AU_WIDTHS = {1: 2, 2: 1, 3: 2, 4: 3, 5: 4, 27: 2}  # encoding: bytes a sample as `sunau` counts them
AU_ULAW, AU_ALAW = 1, 27


@dataclass(frozen=True)
class RawAudio:
    """The sample bytes of an open file and how the old readers understood them."""

    data: Content
    rate: int  # Hz
    channels: int
    width: int  # bytes a sample
    swapped: bool  # big-endian file: audioread swaps the bytes of what it got
    kind: str  # for messages: "wav", "aiff", "au"
    encoding: str = "pcm"  # "ulaw" is expanded by the reader; "alaw" is not, its bytes are taken as they are
    promised: int = 0  # bytes of samples the header promises, 0 if it does not

    @property
    def codec(self) -> str:
        """FFmpeg's name of what the file holds."""
        if self.encoding != "pcm":
            return {"ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}[self.encoding]
        if self.width == 1:
            return "pcm_s8" if self.swapped else "pcm_u8"
        return f"pcm_s{8 * self.width}{'be' if self.swapped else 'le'}"

    def samples(self, data: bytes) -> NDArray[np.int16]:
        """Interleaved samples (n_samples * n_channels,) int16 with every habit of the old readers.

        Args:
            data: `self.data` or a stretch of it, of whole samples.

        Raises:
            InputError: the old readers fail on this file.
        """
        if self.width == 3:
            raise InputError(f"24-bit {self.kind}, on which the original fails; --fix-quirks reads it as it is meant")
        if self.encoding == "ulaw":
            pcm = _expand_ulaw(np.frombuffer(data, np.uint8))
        elif len(data) % self.width:
            raise InputError(f"cut {self.kind}: it ends inside a sample, on which the original fails; get it whole")
        elif self.width == 1:
            pcm = np.frombuffer(data, np.int8).astype(np.int16) << 8
        elif self.width == 4:
            pcm = (np.frombuffer(data, "<i4") >> 16).astype(np.int16)
        else:
            pcm = np.frombuffer(data, "<i2")
        return pcm.byteswap() if self.swapped else pcm

    def notes(self) -> list[str]:
        """One line for each habit that changed the samples."""
        if self.encoding != "pcm":
            return [f"{self.encoding} {self.kind}: the original takes its bytes in the wrong order: noise"]
        if self.width == 1 and not self.swapped:
            return ["8-bit wav: the original reads unsigned samples as signed, each is off by 1.0 (wrapped)"]
        if self.width != 2 and self.swapped:
            return [f"{8 * self.width}-bit {self.kind}: the original swaps the wrong bytes: noise"]
        return []


def read(content: Content) -> RawAudio | None:
    """Understand a file's bytes as Python 2.7's readers would; None if they refuse (ffmpeg is next)."""
    try:
        raw = _read_aiff(content) or _read_wav(content) or _read_au(content)
    except struct.error:  # a header that ends early
        return None
    if raw and (raw.channels < 1 or raw.rate < 1 or raw.width not in (1, 2, 3, 4)):
        raise InputError(f"{raw.kind} header: {raw.channels} channels at {raw.rate} Hz, {8 * raw.width} bits")
    return raw


def _chunks(content: Content, start: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and size of each chunk; sizes as written, positions even."""
    for _ in range(MAX_CHUNKS):
        if start + 8 > len(content):
            return
        name, size = struct.unpack(f"{order}4sL", content[start : start + 8])
        yield name, start + 8, size
        start += 8 + size + size % 2
    raise InputError(f"more than {MAX_CHUNKS:,} chunks in its header: made to be read for ever; refused")


def _read_wav(content: Content) -> RawAudio | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    content = content.within(0, 8 + int.from_bytes(content[4:8], "little"))  # the old reader stops at RIFF's own size
    layout: tuple[int, int, int] | None = None
    for name, start, size in _chunks(content, 12, "<"):
        if name == b"fmt ":
            tag, channels, rate, _, _, bits = struct.unpack("<HHLLHH", content[start : start + 16])
            if tag != 1:  # only plain PCM; "extensible" headers (24 bits, over 2 channels) are ffmpeg's
                return None
            layout = channels, rate, (bits + 7) // 8
        elif name == b"data":
            if layout is None:
                return None
            channels, rate, width = layout
            promised = 0 if size >= STREAMED else size
            return RawAudio(content.within(start, start + size), rate, channels, width, False, "wav", "pcm", promised)
    return None


def _read_aiff(content: Content) -> RawAudio | None:
    if content[:4] != b"FORM" or content[8:12] not in (b"AIFF", b"AIFC"):
        return None
    common, data, promised = None, None, 0
    for name, start, size in _chunks(content, 12, ">"):
        if name == b"COMM":
            common = struct.unpack(">hLh10s", content[start : start + 18])
            packing = content[start + 18 : start + 22] if content[8:12] == b"AIFC" else b"NONE"
        elif name == b"SSND":
            data, promised = content.within(start + 8, start + size), max(size - 8, 0)
    if common is None or data is None or packing not in (b"NONE", b"ULAW", b"ulaw"):
        return None
    channels, _, bits, rate = common
    ulaw = packing != b"NONE"
    width = 2 if ulaw else (bits + 7) // 8
    kind = "ulaw" if ulaw else "pcm"
    return RawAudio(data, _extended_to_int(rate), channels, width, True, "aiff", kind, promised)


def _extended_to_int(value: bytes) -> int:
    """Whole part of an 80-bit float (a sampling rate)."""
    exponent, mantissa = struct.unpack(">HQ", value)
    shift = 16383 + 63 - (exponent & 0x7FFF)
    return int(mantissa >> shift) if 0 <= shift < 64 else 0


def _read_au(content: Content) -> RawAudio | None:
    if content[:4] != AU_MAGIC:
        return None
    start, size, encoding, rate, channels = struct.unpack(">5L", content[4:24])
    if not 24 <= start <= 100 or encoding not in AU_WIDTHS:
        return None
    promised = 0 if size >= STREAMED else size
    packing = {AU_ULAW: "ulaw", AU_ALAW: "alaw"}.get(encoding, "pcm")
    return RawAudio(content.within(start), rate, channels, AU_WIDTHS[encoding], True, "au", packing, promised)


def _expand_ulaw(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """G.711 mu-law to 16 bits: (n,) uint8 -> (n,) int16."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int16), (code & 15).astype(np.int16)
    value = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -value, value).astype(np.int16)[codes]
