"""Deterministic test signals and tiny audio files, the same in Python 2.7 (recording) and Python 3 (testing)."""

import struct

import numpy as np

# name: (bits, channels) of a plain PCM .wav
WAVS = {
    "8mono.wav": (8, 1),
    "8stereo.wav": (8, 2),
    "16mono.wav": (16, 1),
    "16stereo.wav": (16, 2),
    "16three.wav": (16, 3),
    "16four.wav": (16, 4),
    "24mono.wav": (24, 1),
    "32stereo.wav": (32, 2),
}
# name: (encoding, bytes a sample, channels) of an .au
AUS = {
    "8.au": (2, 1, 1),
    "16.au": (3, 2, 1),
    "16stereo.au": (3, 2, 2),
    "32.au": (5, 4, 1),
    "ulaw.au": (1, 1, 1),
    "alaw.au": (27, 1, 1),
}
AIFFS = {"8.aiff": (8, 1), "16.aiff": (16, 2), "32.aiff": (32, 1)}
RATE = 11025  # Hz
N_FRAMES = 300
N_ODD = 299  # with three channels an odd number of samples


def scrambled(n):
    """(n,) float32 in [-1, 1) from a linear congruence."""
    state = (np.arange(n, dtype=np.int64) * 1103515245 + 12345) * 69069 % 4294967296
    return ((state >> 16) - 32768).astype(np.float32) / np.float32(32768)


def chord(n, rate):
    """(n,) float32, a few tones below 4 kHz, exact in float32: the bands above hold rounding noise."""
    t = np.arange(n) / float(rate)
    tones = sum(np.sin(2 * np.pi * f * t) / (k + 2) for k, f in enumerate((110.0, 523.25, 1174.66, 3520.0)))
    return (np.round(tones * 0.3 * 1048576) / 1048576).astype(np.float32)


def phrase(n, rate):
    """(n,) float32, a third of 16-bit tones, then silence, which resampling fills with rounding noise."""
    samples = (np.round(chord(n, rate) * 32768) / 32768).astype(np.float32)
    samples[n // 3 :] = 0
    return samples


def wav(samples, rate):
    """Content of a 16-bit .wav of samples (n,) or (n, n_channels)."""
    data = np.round(samples * 32767).astype("<i2").tobytes()
    return _wav(16, samples.size // len(samples), data, rate=rate)


def _bytes(n):
    return ((np.arange(n, dtype=np.int64) * 1103515245 + 12345) % 2147483648 >> 15).astype(np.uint8).tobytes()


def _wav(bits, channels, data, tag=1, extra=b"", rate=RATE):
    width = bits // 8
    head = struct.pack("<HHLLHH", tag, channels, rate, rate * channels * width, channels * width, bits) + extra
    body = b"WAVEfmt " + struct.pack("<L", len(head)) + head + b"data" + struct.pack("<L", len(data)) + data
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _extensible(channels, mask):
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    extra = struct.pack("<HHL", 22, 16, mask) + guid
    return _wav(16, channels, _bytes(2 * channels * N_FRAMES), 0xFFFE, extra)


def _aiff(bits, channels):
    data = _bytes(N_FRAMES * channels * bits // 8)
    rate = struct.pack(">HQ", 16383 + 13, RATE << (63 - 13))
    common = struct.pack(">hLh", channels, N_FRAMES, bits) + rate
    body = b"AIFFCOMM" + struct.pack(">L", 18) + common
    body += b"SSND" + struct.pack(">LLL", len(data) + 8, 0, 0) + data
    return b"FORM" + struct.pack(">L", len(body)) + body


def files():
    """Name to content of every tiny file: what Python 2.7's readers take, and layouts that go on to ffmpeg."""
    made = {}
    for name, (bits, channels) in WAVS.items():
        n = N_ODD if channels == 3 else N_FRAMES
        made[name] = _wav(bits, channels, _bytes(n * channels * bits // 8))
    for name, (encoding, width, channels) in AUS.items():
        data = _bytes(N_FRAMES * channels * width)
        made[name] = b".snd" + struct.pack(">5L", 24, len(data), encoding, RATE, channels) + data
    for name, (bits, channels) in AIFFS.items():
        made[name] = _aiff(bits, channels)
    made["quad.wav"] = _extensible(4, 0x33)
    made["4.0.wav"] = _extensible(4, 0x107)
    made["5.1.wav"] = _extensible(6, 0x3F)
    made["stereo_extensible.wav"] = _extensible(2, 0x3)
    return made
