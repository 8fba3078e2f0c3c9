"""Makes the kit's clips: short synthesised music in every form the original may meet.

    python tests/clips/make_clips.py OUT_FOLDER

Everything is computed here from seeded oscillators, plucked strings and drums: no recording, no licence but ours.
Encoding needs the `ffmpeg` program with its usual encoders (5.1.9 made the committed files); another version may
write other bytes, so the committed files are the clips, and this script says how they came about.
"""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(2016)
NOTE = 440.0 * 2.0 ** (np.arange(-36, 37) / 12.0)  # Hz, three octaves around A4
MINOR, MAJOR = (0, 3, 7), (0, 4, 7)


def envelope(n, attack, decay):
    """Linear attack, exponential decay; both in samples."""
    t = np.arange(n)
    return np.minimum(1.0, t / max(1, attack)) * np.exp(-t / decay)


def tone(frequency, n, rate, partials, vibrato=0.0):
    """Harmonic tone; partials: amplitudes of the harmonics. Harmonics above the Nyquist frequency are left out."""
    t = np.arange(n) / rate
    phase = 2 * np.pi * frequency * t + vibrato * np.sin(2 * np.pi * 5.5 * t)
    kept = [(k, a) for k, a in enumerate(partials, 1) if k * frequency < rate / 2]
    return sum(a * np.sin(k * phase) for k, a in kept)


def pluck(frequency, n, rate):
    """Karplus-Strong string."""
    period = int(rate / frequency)
    line = RNG.uniform(-1, 1, period)
    out = np.empty(n)
    for start in range(0, n, period):
        out[start : start + period] = line[: min(period, n - start)]
        line = 0.498 * (line + np.roll(line, 1))
    return out


def kick(n, rate):
    t = np.arange(n) / rate
    return np.sin(2 * np.pi * (45 * t + 20 * (1 - np.exp(-t * 30)))) * np.exp(-t * 9)


def hat(n, rate, decay=60):
    return np.diff(RNG.normal(0, 0.4, n + 1)) * np.exp(-np.arange(n) / rate * decay)


def place(out, sound, at, gain=1.0):
    n = min(len(sound), len(out) - at)
    if n > 0:
        out[at : at + n] += gain * sound[:n]


def drums(n, rate, tempo):
    out, beat = np.zeros(n), int(rate * 60 / tempo)
    for i, at in enumerate(range(0, n, beat // 2)):
        place(out, hat(beat // 3, rate), at, 0.35)
        if i % 4 == 0:
            place(out, kick(beat, rate), at, 0.9)
        if i % 4 == 2:
            place(out, hat(beat // 2, rate, 22), at, 0.8)
    return out


def chords(n, rate, roots, shape, voice, tempo):
    out, bar = np.zeros(n), int(rate * 120 / tempo)
    for i, at in enumerate(range(0, n, bar)):
        for step in shape:
            place(out, voice(NOTE[36 + roots[i % len(roots)] + step], min(bar, n - at), rate), at, 0.25)
    return out


def organ(f, n, rate):
    return tone(f, n, rate, (1, 0.6, 0.3, 0.5, 0, 0.2)) * envelope(n, 200, 1e9)


def bell(f, n, rate):
    t = np.arange(n) / rate
    return np.sin(2 * np.pi * f * t + 3 * np.exp(-3 * t) * np.sin(2 * np.pi * 3.53 * f * t)) * np.exp(-3 * t)


def strings(f, n, rate):
    return tone(f, n, rate, 1.0 / np.arange(1, 40), 0.15) * envelope(n, rate // 8, 1e9)


def distorted(f, n, rate):
    return np.tanh(6 * tone(f / 2, n, rate, 1.0 / np.arange(1, 30))) * envelope(n, 50, rate)


def piano(f, n, rate):
    return tone(f, n, rate, (1, 0.5, 0.35, 0.2, 0.12, 0.08)) * envelope(n, 60, rate * 0.4)


# name: (samples, rate, channels, roots, chord, voice, tempo, drum level, ffmpeg arguments)
CLIPS = {
    "chords_stereo_cbr.mp3": (98_111, 44100, 2, (0, 5, 7), MAJOR, organ, 120, 0.4, "-c:a libmp3lame -b:a 128k"),
    "drums_mono_vbr.mp3": (90_000, 44100, 1, (0,), MINOR, bell, 132, 1.0, "-c:a libmp3lame -q:a 5"),
    "metal_mono_cbr.mp3": (87_654, 44100, 1, (-5, -7, -4), (0, 7), distorted, 150, 0.8, "-c:a libmp3lame -b:a 64k"),
    "bells.ogg": (92_000, 44100, 2, (3, 8), MAJOR, bell, 90, 0.0, "-c:a libvorbis -q:a 3"),
    "organ_48k.opus": (100_000, 48000, 2, (-2, 3), MINOR, organ, 80, 0.2, "-c:a libopus -b:a 64k"),
    "disco.m4a": (95_000, 44100, 2, (2, 0), MINOR, piano, 126, 0.7, "-c:a aac -b:a 96k"),
    "strings_96k.flac": (170_000, 96000, 1, (-9, -4), MAJOR, strings, 70, 0.0, "-c:a flac"),
    "piano_22050.wav": (46_000, 22050, 1, (0, -3), MAJOR, piano, 100, 0.0, "-c:a pcm_s16le"),
    "guitar_22050.au": (48_000, 22050, 1, (-12, -7), MAJOR, pluck, 95, 0.3, "-c:a pcm_s16be"),
    "lofi_8bit_11025.wav": (22_000, 11025, 1, (0, 5), MINOR, organ, 110, 0.5, "-c:a pcm_u8"),
    "quad_4channels.wav": (24_000, 22050, 4, (0, 7), MAJOR, strings, 105, 0.3, "-c:a pcm_s16le"),
    "shortest.wav": (35_840, 22050, 1, (0, 3), MINOR, pluck, 120, 0.5, "-c:a pcm_s16le"),
    "prime_length.wav": (79_999, 44100, 1, (5, 0), MAJOR, bell, 115, 0.6, "-c:a pcm_s16le"),
    "five_to_the_seventh.flac": (78_125, 44100, 1, (-4, 1), MINOR, strings, 128, 0.5, "-c:a flac"),
    "silence.wav": (75_600, 44100, 1, (0,), MAJOR, None, 60, 0.0, "-c:a pcm_s16le"),
}


def compose(n, rate, channels, roots, shape, voice, tempo, drum_level):
    """Return (n, channels) int16; channels differ in level and by a short delay."""
    if voice is None:
        return np.zeros((n, channels), np.int16)
    mono = chords(n, rate, roots, shape, voice, tempo) + drum_level * drums(n, rate, tempo)
    mono *= 0.7 / np.abs(mono).max()
    columns = [np.roll(mono, 40 * c) * (1 - 0.15 * c) for c in range(channels)]
    return np.round(np.stack(columns, 1) * 32767).astype(np.int16)


def encode(samples, rate, arguments, file):
    """Write (n, channels) int16 samples as ffmpeg encodes them."""
    source, channels = file.with_name("source.wav"), samples.shape[1]
    with wave.open(str(source), "wb") as wav:
        wav.setparams((channels, 2, rate, 0, "NONE", ""))
        wav.writeframes(samples.tobytes())
    layout = ["-channel_layout", "4.0"] if channels == 4 else []
    command = ["ffmpeg", "-v", "error", "-y", *layout, "-i", source, "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    subprocess.run([*command, *arguments.split(), file], check=True)
    source.unlink()


def main(folder):
    for name, (n, rate, channels, *music, arguments) in CLIPS.items():
        encode(compose(n, rate, channels, *music), rate, arguments, folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
