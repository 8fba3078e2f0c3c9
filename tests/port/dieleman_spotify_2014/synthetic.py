"""A corpus of seconds: songs of two kinds of sound, listeners who like one of them."""

import wave
from pathlib import Path

import numpy as np

RATE = 16000


def corpus(folder: Path, n_songs: int = 72, n_users: int = 150) -> Path:
    """Write songs.csv, plays.tsv, groups.csv and a wav of 3 s for each song."""
    random = np.random.default_rng(4)
    folder.mkdir(parents=True)
    time = np.arange(RATE * 3) / RATE
    for number in range(n_songs):
        pitch = random.uniform(200, 400) if number % 2 else random.uniform(2000, 4000)
        sound = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.01 * random.normal(size=len(time))
        with wave.open(str(folder / f"{number:02}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((sound * 32767).astype("<i2").tobytes())
    lines = []
    for user in range(n_users):
        wish = random.normal(size=n_songs) + 2.0 * ((np.arange(n_songs) + user) % 2)
        lines += [f"u{user}\ts{song}\t{1 + random.poisson(3)}" for song in np.argsort(-wish)[:14]]
    (folder / "plays.tsv").write_text("\n".join(lines) + "\n")
    (folder / "songs.csv").write_text("song,file\n" + "".join(f"s{n},{n:02}.wav\n" for n in range(n_songs)))
    (folder / "groups.csv").write_text("track,group\n" + "".join(f"{n:02}.wav,g{n // 2}\n" for n in range(n_songs)))
    return folder
