"""Whether a file is an mp3, and all there: decoders play what is left of a cut file without a word."""

import struct
from functools import lru_cache

from reprise_kit.port.audio.content import Content

SAMPLES = {1: 1152, 2: 576}  # samples a frame by MPEG version (2 stands for 2 and 2.5), layer III
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz
KILOBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KILOBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
JUNK = 1 << 16  # bytes searched for the first frame
WINDOW = 1 << 20  # bytes read at once
ID3V1 = 128  # bytes of the tag at the end
PLAIN = 10_000  # bytes of frames that leave no doubt
XING_FRAMES, XING_BYTES = 1, 2  # flags of the fields present


def is_plain(content: Content | bytes) -> bool:
    """Whether a file is frames from its tags in front to its end, or to the tag there: an mp3 beyond doubt."""
    start = after_tags(content)
    end = _end_of_frames(content, start)
    return end - start >= PLAIN and len(content) - end in (0, ID3V1)


def missing(content: Content | bytes) -> str | None:
    """What an mp3's own headers promise and the file does not hold, in words; None if nothing (or no mp3)."""
    start = _first_frame(content)
    if start is None:
        return None
    promised = _promised_bytes(content, start)
    if promised and len(content) - start < promised:
        return f"its header promises {promised} bytes of audio, {len(content) - start} are there"
    end = _end_of_frames(content, start)
    if end > len(content):
        return f"it ends inside a frame, {end - len(content)} bytes short"
    return None


def _end_of_frames(content: Content | bytes, start: int) -> int:
    """Position after the last of the frames that follow each other from `start`."""
    while True:
        window, at = content[start : start + WINDOW], 0
        while size := frame_size(window, at):
            at += size
        if not at:
            return start
        start += at


def frame_size(content: Content | bytes, start: int) -> int | None:
    """Bytes of the layer III frame that begins at `start`; None if none does (or of free format)."""
    return _size(content[start : start + 4])


@lru_cache(maxsize=1024)
def _size(header: bytes) -> int | None:
    bits = int.from_bytes(header)
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    kilobits, rate = bits >> 12 & 15, bits >> 10 & 3
    if len(header) < 4 or bits >> 21 != 0x7FF or layer != 1 or version == 1 or rate == 3 or kilobits in (0, 15):
        return None
    table, samples = (KILOBITS_1, SAMPLES[1]) if version == 3 else (KILOBITS_2, SAMPLES[2])
    return samples // 8 * table[kilobits] * 1000 // RATES[version][rate] + (bits >> 9 & 1)


def _first_frame(content: Content | bytes) -> int | None:
    """Position of the first of two frames in a row, after tags and whatever else is in front; or None."""
    start = after_tags(content)
    junk = content[start : start + JUNK]
    at = junk.find(0xFF)
    while at >= 0:
        size = frame_size(content, start + at)
        if size and frame_size(content, start + at + size):
            return start + at
        at = junk.find(0xFF, at + 1)
    return None


def after_tags(content: Content | bytes) -> int:
    """Position after the ID3 tags in front, of either version."""
    start = 0
    while (mark := content[start : start + 10])[:3] in (b"ID3", b"TAG") and len(mark) == 10:
        a, b, c, d = mark[6:]
        start += 10 + (a << 21 | b << 14 | c << 7 | d) if mark[:3] == b"ID3" else ID3V1
    return start


def _promised_bytes(content: Content | bytes, start: int) -> int:
    """Bytes of audio that a Xing, Info or VBRI header in the first frame promises; 0 if there is none."""
    frame = content[start : start + 200]
    if frame[36:40] == b"VBRI" and len(frame) >= 50:
        return int(struct.unpack_from(">L", frame, 46)[0])
    for name in (b"Xing", b"Info"):
        at = frame.find(name, 4, 48)
        if at < 0:
            continue
        flags = struct.unpack_from(">L", frame, at + 4)[0]
        if flags & XING_BYTES:
            return int(struct.unpack_from(">L", frame, at + (12 if flags & XING_FRAMES else 8))[0])
    return 0
