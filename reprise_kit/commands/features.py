"""`reprise features`: the 160 features of clips as a file, or the published table reproduced."""

from pathlib import Path

import numpy as np
from rich.table import Table

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.bar import tracked
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.screen import console as screen
from reprise_kit.compare.shown import shown as as_shown

SUFFIXES = (".npy", ".csv")


def write(clips: list[Path], out: Path, weights: Path, source_backend: str, decoder: str) -> None:
    """Write (n_clips, 160) float32, rows in the clips' order: .npy as upstream does, .csv with the clips' names."""
    if out.suffix not in SUFFIXES:
        raise InputError(f"{out}: name a file that ends in {' or '.join(SUFFIXES)}")
    if not clips:
        raise InputError("no clips: name at least one sound file, or --gtzan FOLDER")
    from reprise_kit.port.transfer_learning_music.pipeline import Options, open_pipeline

    pipeline = open_pipeline(weights, source_backend, Options(decoder=decoder))
    features = np.array([pipeline.features(clip) for clip in tracked(clips, "features")])
    with atomic_file(out) as temporary:
        if out.suffix == ".npy":
            np.save(temporary, features)
        else:
            rows = zip(clips, features, strict=True)
            lines = [
                ",".join([f'"{as_shown(clip.name)}"', *(repr(float(value)) for value in row)]) for clip, row in rows
            ]
            header = ",".join(["clip", *(f"layer{i // 32}_{i % 32}" for i in range(features.shape[1]))])
            temporary.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    screen().print(f"{out}: {features.shape[0]} clips, {features.shape[1]} features each", soft_wrap=True)


def gtzan(folder: Path) -> None:
    """Print the published accuracies on GTZAN, reproduced and honest."""
    from reprise_kit.port.transfer_learning_music import svm

    shown = Table("layers", "published", "reproduced", "unheard artists, faults left out")
    for row, reproduced, honest in svm.table(folder):
        name = " ".join(map(str, row.layers))
        shown.add_row(name, f"{row.published:.3f}", f"{reproduced:.3f}", f"{honest:.3f}")
    screen().print(shown)
