"""A corpus that anyone can make: Debian's mma and fluidsynth play ten genres, made-up listeners choose among the clips.

    apt-get install mma fluidsynth timgm6mb-soundfont
    python -m tests.corpus.make_grooves FOLDER [--clips 1000] [--seed 1]

FOLDER gets GENRE/NAME.wav (30 s, 22,050 Hz, mono), groups.csv (track,group: the groove it was made of), songs.csv
(song,file) and plays.tsv (user, song, count). Synthetic: nothing measured on it compares with any paper. The packages
are GPL, and what they made is for the machine that made it: none of it is kept with the kit. A stopped run goes on.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from tests.corpus import midi

SECONDS, RATE = 30, 22050
LIBRARY = Path("/usr/share/mma/lib/stdlib")
FONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
GENRES = {
    "ballad": "ballad ballad128 guitarballad pianoballad rockballad popballad folkballad",
    "blues": "blues blues128 fastblues slowblues countryblues boggiewoggie shuffleboggie",
    "country": "bluegrass countryswing countrywaltz hillcountry slowcountry westernswing zydeco",
    "jazz": "bebop jazzcombo jazzguitar mellowjazz modernjazz nitejazz slowjazz",
    "latin": "bossanova samba mambo salsa chacha rhumba merengue",
    "march": "march 68march bwmarch dixiemarch polka ragtime dixie",
    "rock": "50srock 60srock basicrock folkrock softrock rock-128 twist",
    "soul": "rb rb-ballad dsoul bvfunk ska jive strut",
    "swing": "swing easyswing fastswing bigband charleston foxtrot quickstep",
    "waltz": "waltz vienesewaltz jazzwaltz fastwaltz frenchwaltz rockwaltz latinwaltz",
}
TURNS = ("I vi IV V", "I IV V I", "ii V I I", "I V vi IV", "I I IV V", "vi ii V I", "I iii IV V", "I bVII IV I")
DEGREES = {
    "I": (0, ""),
    "ii": (2, "m7"),
    "iii": (4, "m"),
    "IV": (5, ""),
    "V": (7, "7"),
    "vi": (9, "m"),
    "bVII": (10, ""),
}
KEYS = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]
LISTENERS, SHARE = 3000, 0.03  # of the songs that one plays


def missing() -> str | None:
    """Name what this machine lacks, or return None."""
    programs = [name for name in ("mma", "fluidsynth") if not shutil.which(name)]
    places = [str(path) for path in (LIBRARY, FONT) if not path.exists()]
    return (
        f"no {(programs + places)[0]}: apt-get install mma fluidsynth timgm6mb-soundfont" if programs + places else None
    )


def groove(name: str) -> str:
    """Return the first groove that a library file defines."""
    found = re.search(r"^\s*DefGroove\s+(\S+)", (LIBRARY / f"{name}.mma").read_text("latin1"), re.M | re.I)
    assert found, name
    return found[1]


def score(name: str, random: np.random.Generator) -> str:
    """Return an mma file of a groove: tempo, key and chords drawn."""
    key, tempo = int(random.integers(12)), int(random.integers(84, 168))
    chords: list[str] = []
    while len(chords) < SECONDS * tempo / 60 / 2:  # bars, of two beats at least
        for degree in random.choice(TURNS).split():
            step, kind = DEGREES[degree]
            chords.append(KEYS[(key + step) % 12] + kind)
    return f"Tempo {tempo}\nGroove {groove(name)}\n" + "".join(f"{i} {c}\n" for i, c in enumerate(chords, 1))


def play(text: str, out: Path) -> np.ndarray:
    """Write a clip of a score and return the features of its groove."""
    with tempfile.TemporaryDirectory() as folder:
        source, notes, sound = (Path(folder, f"x.{kind}") for kind in ("mma", "mid", "wav"))
        source.write_text(text)
        quiet = {"check": True, "capture_output": True, "timeout": 120}
        subprocess.run(["mma", str(source), "-f", str(notes)], **quiet)
        subprocess.run(["fluidsynth", "-ni", "-q", "-r", str(RATE), "-F", sound, "-T", "wav", FONT, notes], **quiet)
        with wave.open(str(sound)) as file:
            stereo = np.frombuffer(file.readframes(SECONDS * RATE), "<i2").reshape(-1, file.getnchannels())
        assert len(stereo) == SECONDS * RATE, f"{len(stereo)} samples of {text.splitlines()[1]}"
        part = out.with_suffix(".part")
        with wave.open(str(part), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((stereo.astype(int).mean(axis=1)).astype("<i2").tobytes())
        part.rename(out)
        return midi.features(notes.read_bytes())


def listened(features: np.ndarray, random: np.random.Generator) -> list[tuple[int, int, int]]:
    """Return (listener, song, count): each has a taste over the grooves' features and plays what suits it most."""
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    wish = random.normal(size=(LISTENERS, scaled.shape[1])) @ scaled.T + random.normal(size=(LISTENERS, len(scaled)))
    bar = np.quantile(wish, 1 - SHARE, axis=1, keepdims=True)
    return [(int(u), int(s), 1 + int(random.poisson(2 * (wish[u, s] - bar[u, 0])))) for u, s in np.argwhere(wish > bar)]


def make(folder: Path, n_clips: int, seed: int) -> None:
    """Make the corpus, or what is missing of it."""
    grooves = [(genre, name) for genre, names in GENRES.items() for name in names.split()]
    rows, features = [], []
    for number in range(n_clips):
        genre, name = grooves[number % len(grooves)]
        out, about = folder / genre / f"{name}.{number:05}.wav", folder / "features" / f"{number:05}.npy"
        out.parent.mkdir(parents=True, exist_ok=True)
        about.parent.mkdir(exist_ok=True)
        if not (out.is_file() and about.is_file()):
            found = play(score(name, np.random.default_rng([seed, number])), out)
            with about.open("wb") as file:
                np.save(file, found)
        rows.append((out.relative_to(folder).as_posix(), f"{genre}/{name}"))
        features.append(np.load(about))
    plays = listened(np.array(features), np.random.default_rng(seed))
    (folder / "groups.csv").write_text("track,group\n" + "".join(f"{track},{group}\n" for track, group in rows))
    (folder / "songs.csv").write_text("song,file\n" + "".join(f"song{i:05},{row[0]}\n" for i, row in enumerate(rows)))
    (folder / "plays.tsv").write_text("".join(f"listener{u:05}\tsong{s:05}\t{count}\n" for u, s, count in plays))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if missing():
        raise SystemExit(missing())
    make(options.folder, options.clips, options.seed)
