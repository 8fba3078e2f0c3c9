"""What a MIDI file says of its groove: tempo, density, drums, pitch, loudness, instruments. Standard MIDI File 1.0."""

import struct
from collections.abc import Iterator

import numpy as np

DRUMS = 9  # the channel
FEATURES = ("tempo", "notes a beat", "share of drums", "mean pitch", "mean loudness", "instruments", "pitch range")


def _variable(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value, byte, at = value << 7 | data[at] & 127, data[at], at + 1
        if byte < 128:
            return value, at


def _events(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (ticks since the start, status, data) of a track."""
    at = ticks = status = 0
    while at < len(track):
        wait, at = _variable(track, at)
        ticks += wait
        if track[at] >= 128:
            status, at = track[at], at + 1
        if status in (0xFF, 0xF0, 0xF7):
            kind, at = (track[at : at + 1], at + 1) if status == 0xFF else (b"", at)
            length, at = _variable(track, at)
            yield ticks, status, kind + track[at : at + length]
            at += length
        else:
            length = 1 if status >> 4 in (0xC, 0xD) else 2
            yield ticks, status, track[at : at + length]
            at += length


def features(data: bytes) -> np.ndarray:
    """Return the FEATURES of a file, (7,)."""
    division, at, tempo, programs, notes = struct.unpack(">H", data[12:14])[0], 14, 120.0, set(), []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at + 4 : at + 8])
        for ticks, status, payload in _events(data[at + 8 : at + 8 + length]):
            if status == 0xFF and payload[:1] == b"\x51":
                tempo = 60e6 / int.from_bytes(payload[1:4], "big")
            elif status >> 4 == 0xC:
                programs.add((status & 15, payload[0]))
            elif status >> 4 == 9 and payload[1]:
                notes.append((ticks, status & 15, payload[0], payload[1]))
        at += 8 + length
    ticks, channels, pitches, loud = (np.array(column) for column in zip(*notes, strict=True))
    tuned = pitches[channels != DRUMS]
    tuned = tuned if len(tuned) else np.array([60])
    beats = max(1.0, ticks.max() / division)
    low, high = np.percentile(tuned, [10, 90])
    return np.array([tempo, len(notes) / beats, np.mean(channels == DRUMS), tuned.mean(), loud.mean(),
                     len(programs), high - low])  # fmt: skip
