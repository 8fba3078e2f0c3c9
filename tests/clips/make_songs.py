"""Makes the kit's three songs of half a minute: a disco, a metal riff and a twelve-bar blues.

    python tests/clips/make_songs.py OUT_FOLDER

Composed for this kit and computed here from the voices of make_clips.py: no recording, no licence but ours. At
22,050 Hz, so that a trace of one stays under 5 MB. As with the short clips, the committed files are the songs.
"""

import sys
from pathlib import Path

import numpy as np
from make_clips import RNG, bell, distorted, encode, envelope, hat, kick, organ, piano, place, pluck, strings, tone

RATE = 22050  # Hz
SECONDS = 32


def pitch(semitones):
    """Hz of a note, in semitones from A3 (220 Hz)."""
    return 220.0 * 2.0 ** (semitones / 12.0)


def snare(n, rate):
    body = np.sin(2 * np.pi * 190 * np.arange(n) / rate) * np.exp(-np.arange(n) / rate * 25)
    return 0.6 * body + hat(n, rate, 18)


def crash(n, rate):
    return hat(n, rate, 3)


def bass(f, n, rate):
    return tone(f / 4, n, rate, (1, 0.7, 0.4, 0.25, 0.15)) * envelope(n, 60, rate * 0.35)


def lead(f, n, rate):
    return tone(2 * f, n, rate, (1, 0, 0.33, 0, 0.2, 0, 0.14), 0.2) * envelope(n, 200, rate * 0.6)


class Song:
    """Half a minute of samples, written to by beats."""

    def __init__(self, tempo):
        self.beat = RATE * 60 / tempo
        self.bars = round(SECONDS * tempo / 240)
        self.out = np.zeros(SECONDS * RATE)

    def at(self, bar, beat):
        return round((4 * bar + beat) * self.beat)

    def play(self, voice, bar, beat, semitones, beats, gain):
        sound = voice(pitch(semitones), round(beats * self.beat), RATE)
        place(self.out, sound * envelope_end(len(sound)), self.at(bar, beat), gain)

    def hit(self, drum, bar, pattern, gain, swing=0.0):
        """Strike a drum on the x of a pattern of one bar; `swing` delays every second place, in beats."""
        for i, sign in enumerate(pattern):
            if sign == "x":
                late = swing if i % 2 else 0.0
                place(self.out, drum(round(self.beat), RATE), self.at(bar, i * 4 / len(pattern) + late), gain)


def envelope_end(n):
    """Fade of 5 ms at the end, against clicks."""
    return np.minimum(1.0, np.arange(n, 0, -1) / (0.005 * RATE))


def night_drive():
    """Disco, 120 beats a minute: bass alone, strings, lead, a break, all of it."""
    song = Song(120)
    chords = [(0, (0, 3, 7)), (-4, (0, 4, 7)), (3, (0, 4, 7)), (-2, (0, 4, 7))]  # Am F C G
    tune = [(0, 12, 1), (1, 15, 0.5), (1.5, 14, 0.5), (2, 12, 1), (3, 10, 1)], [(0, 8, 1.5), (1.5, 12, 0.5), (2, 15, 2)]
    for bar in range(song.bars):
        root, shape = chords[bar % 4]
        for eighth in range(8):
            song.play(bass, bar, eighth / 2, root + 12 * (eighth % 2), 0.5, 0.5)
        if bar not in (8, 9):
            song.hit(kick, bar, "x.x.x.x.", 0.9)
            song.hit(hat, bar, ".x.x.x.x", 0.3)
        if bar >= 2:
            song.hit(snare, bar, "..x...x.", 0.4)
            for step in shape:
                song.play(strings, bar, 0, root + step, 4, 0.05)
        if 4 <= bar < 8 or bar >= 10:
            for beat, note, beats in tune[bar % 2]:
                song.play(lead, bar, beat, note, beats, 0.16)
        if bar >= 12:
            for sixteenth in range(16):
                song.play(bell, bar, sixteenth / 4, root + shape[sixteenth % 3] + 12, 0.5, 0.07)
        if bar in (4, 10):
            song.hit(crash, bar, "x", 0.5)
    return song.out


def iron_morning():
    """Metal, 150 beats a minute: a riff of fifths, double kick, a slow middle, a solo."""
    song = Song(150)
    riffs = [(0, 0, 0, 3, 0, 0, 5, 3), (0, 0, 0, 6, 5, 0, 3, 1)]
    scale = (0, 3, 5, 6, 7, 10, 12, 15)
    for bar in range(song.bars):
        slow = 8 <= bar < 12
        if slow:
            for step in (0, 7, 12):
                song.play(distorted, bar, 0, (-5, -4, -7, -2)[bar % 4] + step, 4, 0.15)
            song.hit(kick, bar, "x...x...", 0.9)
        else:
            for eighth, note in enumerate(riffs[bar // 2 % 2]):
                for step in (-5, 2):
                    song.play(distorted, bar, eighth / 2, note + step, 0.45, 0.2)
            song.hit(kick, bar, "xxxxxxxxxxxxxxxx" if bar >= 4 else "x.xx..x.x.xx..x.", 0.6)
        song.hit(snare, bar, "....x..." if slow else "..x...x.", 0.7)
        song.hit(crash, bar, "x.x.x.x.", 0.2)
        if bar >= 14:
            for i, degree in enumerate(RNG.integers(0, len(scale), 8)):
                song.play(distorted, bar, i / 2, scale[degree] + 19, 0.5, 0.12)
    return song.out


def blue_room():
    """Twelve bars of blues at 90, swung: walking bass, brushes, piano, a plucked melody in the middle."""
    song = Song(90)
    roots = (0, 5, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7)
    walk = (0, 4, 7, 9)
    blue = (0, 3, 5, 6, 7, 10, 12)
    for bar in range(song.bars):
        root = roots[bar]
        for beat, step in enumerate(walk):
            song.play(bass, bar, beat, root + step, 1, 0.6)
        song.hit(hat, bar, "x.xxx.xx", 0.14, swing=0.17)
        song.hit(snare, bar, "..x...x.", 0.12)
        for beat in (0.67, 2.67) if bar % 2 else (1, 2.67, 3.67):
            for step in (4, 10, 14):
                song.play(piano, bar, beat, root + step, 0.6, 0.1)
        if bar >= 8:
            song.play(organ, bar, 0, root + 7, 4, 0.05)
        if 2 <= bar < 11:
            beat = 0.0
            while beat < 3.5:
                beats = RNG.choice([0.33, 0.67, 1.0])
                song.play(pluck, bar, beat, RNG.choice(blue) + 12, beats + 0.5, 0.4)
                beat += beats
    return song.out


SONGS = {
    "night_drive.mp3": (night_drive, "-c:a libmp3lame -b:a 96k"),
    "iron_morning.mp3": (iron_morning, "-c:a libmp3lame -q:a 3"),
    "blue_room.flac": (blue_room, "-c:a flac"),
}


def main(folder):
    for name, (song, arguments) in SONGS.items():
        samples = np.tanh(song())  # a limiter
        fade = np.minimum(1.0, np.arange(len(samples), 0, -1) / RATE)
        mono = np.round(samples * fade * 0.6 / np.abs(samples).max() * 32767).astype(np.int16)
        encode(mono[:, None], RATE, arguments, folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
