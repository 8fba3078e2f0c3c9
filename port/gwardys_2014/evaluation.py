"""The table: how many clips each machine names rightly, in random folds and with whole groups held out.

A group is what clips have in common beside their genre: an album, an artist, a recording, a groove. Clips of one group
on both sides of a fold are half known; a table without the second column misleads.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from reprise_kit.compare import npz
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import decode
from reprise_kit.port.audio.scipy017.resample import resample
from reprise_kit.port.gwardys_2014 import machines, spectrogram
from reprise_kit.port.gwardys_2014.corpus import Clips
from reprise_kit.port.gwardys_2014.extractors import Extractor
from reprise_kit.port.gwardys_2014.machines import Features

SEED = 0
TRIVIAL = "trivial"


def features(files: Iterable[Path], extractor: Extractor, kept: Path) -> Features:
    """Return the features of every clip, in order; each is kept in a folder under its hash: a stopped run goes on."""
    rows = []
    for file in files:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        place = kept / f"{digest}.npz"
        if not place.is_file():
            decoded = decode(file)
            samples = resample(decoded.native, decoded.rate, spectrogram.RATE)[0]
            found = extractor.of_grey(spectrogram.pictures(samples)) | {TRIVIAL: spectrogram.trivial(samples)}
            with atomic_file(place) as temporary, temporary.open("wb") as opened:
                np.savez(opened, **found)  # type: ignore[arg-type]
        rows.append(npz.load(place))
    of_kinds = {kind: np.array([row[kind] for row in rows]) for kind in spectrogram.KINDS}
    return Features(of_kinds, np.array([row[TRIVIAL] for row in rows]))


def accuracies(found: Features, clips: Clips, n_folds: int, held_out: bool) -> dict[str, NDArray[np.floating]]:
    """Return the share of clips named rightly by each row of `machines.ROWS` in each fold, (n_folds,).

    held_out: whole groups. Raises InputError where the corpus has too few clips of a genre, or too few groups.
    """
    counts = np.bincount(clips.genres)
    if counts.min() < n_folds:
        name = clips.names[int(counts.argmin())]
        raise InputError(f"{counts.min()} clips of {name} for {n_folds} folds; give fewer --folds, or more clips")
    if held_out and clips.groups is not None:
        n_folds = min(n_folds, *(len(np.unique(clips.groups[clips.genres == g])) for g in range(len(clips.names))))
        if n_folds < 2:
            raise InputError("a genre whose clips are all of one group cannot be held out; give more groups")
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=SEED)
    else:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=SEED)
    right: dict[str, list[float]] = {name: [] for name in machines.ROWS}
    for learned, asked in folds.split(clips.genres, clips.genres, clips.groups if held_out else None):
        for name, said in machines.answers(found, clips.genres, learned, asked).items():
            right[name].append(float(np.mean(said == clips.genres[asked])))
    return {name: np.array(shares) for name, shares in right.items()}
