"""Makes a corpus shaped like GTZAN, ten folders of .au files, from seeded oscillators and noise; it is not music.

    python tests/port/deepsound_crnn/make_corpus.py OUT_FOLDER [TRACKS_PER_GENRE]

A genre is a tempo, a register, a spectrum and a share of drums; an artist moves all of them, a track the notes. Every
tenth track is a sixth shorter than the rest, so that it is zero-padded. artists.csv says who played what.
"""

import csv
import sys
from pathlib import Path

import numpy as np

RATE = 22_050  # Hz, as GTZAN
SECONDS = 3.0
TRACKS = 30  # in a genre
TRACKS_OF_ARTIST = 5
AU_HEADER = b".snd" + np.array([24, 0xFFFFFFFF, 3, RATE, 1], ">u4").tobytes()  # 16-bit linear, one channel

# genre: (beats a minute, lowest note in Hz, decay of a note in 1/s, fall of the partials, drums, drive)
GENRES = {
    "blues": (75, 110, 2.0, 1.2, 0.15, 1.0),
    "classical": (60, 260, 0.6, 2.2, 0.0, 0.0),
    "country": (100, 392, 14.0, 0.5, 0.0, 0.0),
    "disco": (122, 220, 3.0, 1.0, 1.2, 0.0),
    "hiphop": (90, 50, 4.0, 2.5, 0.9, 0.0),
    "jazz": (140, 165, 3.5, 1.8, 0.25, 0.0),
    "metal": (170, 82, 1.0, 0.2, 0.7, 14.0),
    "pop": (112, 440, 2.5, 1.1, 0.3, 0.0),
    "reggae": (70, 98, 9.0, 1.5, 0.3, 0.0),
    "rock": (130, 147, 1.5, 1.0, 0.15, 1.5),
}
SCALE = np.array([0, 2, 4, 7, 9, 12, 14, 16])  # semitones


def track(genre: str, artist: int, number: int, seed: int = 2016) -> np.ndarray:
    """Return one track, (n_samples,) float64 in [-1, 1]."""
    at = list(GENRES).index(genre)
    own = np.random.default_rng([seed, at, artist])
    tempo, base, decay, fall, drums, drive = GENRES[genre]
    tempo, base, decay, drums = (
        own.uniform(*around) * value
        for value, around in ((tempo, (0.93, 1.07)), (base, (0.9, 1.12)), (decay, (0.8, 1.25)), (drums, (0.7, 1.2)))
    )
    random = np.random.default_rng([seed, at, artist, number])
    n = int(SECONDS * RATE * (5 / 6 if number % 10 == 9 else 1))
    out, beat = np.zeros(n), int(60 / tempo * RATE)
    for start in range(0, n, beat // 2):
        length = min(beat * 2, n - start)
        pitch = base * 2 ** (random.choice(SCALE) / 12)
        out[start : start + length] += note(pitch, length, decay, fall, random)
    out += drums * 2 * beats(n, beat, random)
    out = np.tanh(drive * out) if drive else out
    return 0.7 * out / np.abs(out).max() + random.normal(0, 3e-4, n)


def note(pitch: float, n: int, decay: float, fall: float, random: np.random.Generator) -> np.ndarray:
    """Partials of a plucked or held note, (n,) float64."""
    t = np.arange(n) / RATE
    partials = np.arange(1, max(2, int(RATE / 2 / pitch)))[:24]
    phases = random.uniform(0, 2 * np.pi, len(partials))
    waves = np.sin(2 * np.pi * pitch * np.outer(partials, t) + phases[:, None])
    return (partials**-fall) @ waves * np.exp(-decay * t) * np.minimum(1, t * 200)


def beats(n: int, beat: int, random: np.random.Generator) -> np.ndarray:
    """Kick on the beat, noise between, (n,) float64."""
    out = np.zeros(n)
    for i, start in enumerate(range(0, n, beat // 2)):
        t = np.arange(min(beat // 2, n - start)) / RATE
        kick = np.sin(2 * np.pi * (50 * t + 3 * (1 - np.exp(-25 * t)))) * np.exp(-9 * t)
        out[start : start + len(t)] += kick if i % 2 == 0 else random.normal(0, 0.5, len(t)) * np.exp(-30 * t)
    return out


def make(folder: Path, tracks: int = TRACKS) -> None:
    """Write GENRE/GENRE.000NN.au for `tracks` of each genre, and artists.csv."""
    rows = []
    for genre in GENRES:
        (folder / genre).mkdir(parents=True)
        for number in range(tracks):
            artist, name = number // TRACKS_OF_ARTIST, f"{genre}.{number:05d}"
            samples = np.clip(np.round(track(genre, artist, number) * 32767), -32768, 32767)
            (folder / genre / f"{name}.au").write_bytes(AU_HEADER + samples.astype(">i2").tobytes())
            rows.append({"track": name, "artist": f"{genre} player {artist}"})
    with (folder / "artists.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ("track", "artist"))
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    make(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:3]))
