"""What `reprise evaluate` does: features of a corpus, kept as they come, and the table of accuracies."""

import hashlib
from pathlib import Path

from rich.table import Table

from reprise_kit.compare.bar import tracked
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.patience import loading
from reprise_kit.compare.screen import console
from reprise_kit.port.gwardys_2014 import corpus, package

NOTE = "all but the pictures, the separation and the SVMs is ours: docs/gwardys_2014.md; no paper's figure"


def evaluate(folder: Path, n_folds: int, groups: Path | None, weights: Path | None) -> None:
    """Print the table of a corpus; raises InputError on one that cannot be cross-validated."""
    clips = corpus.read(folder, groups)
    path = weights or package.weights()
    with loading():  # after a bad folder is refused
        from reprise_kit.port.gwardys_2014 import evaluation, extractors, machines

        extractor = extractors.load(path)
    kept = cache() / "gwardys_2014" / _identity(path)
    kept.mkdir(parents=True, exist_ok=True)
    found = evaluation.features(tracked(clips.files, "features"), extractor, kept)
    columns = {"random folds": evaluation.accuracies(found, clips, n_folds, held_out=False)}
    if clips.groups is not None:
        columns["groups held out"] = evaluation.accuracies(found, clips, n_folds, held_out=True)
    table = Table(f"{extractor.name}: {len(clips.files)} clips, {len(clips.names)} genres")
    for column, shares in columns.items():
        table.add_column(f"{column} ({len(next(iter(shares.values())))})", justify="right")
    for row in machines.ROWS:
        table.add_row(row, *(f"{shares[row].mean():.3f} ± {shares[row].std():.3f}" for shares in columns.values()))
    screen = console()
    screen.print(table)
    if clips.groups is None:
        screen.print("clips of one album may be on both sides of a fold: give --groups CSV to hold them out")
    screen.print(NOTE, soft_wrap=True)


def _identity(weights: Path) -> str:
    """What decides a clip's features: the weights, and how a picture is made."""
    from reprise_kit.port.gwardys_2014 import spectrogram

    made = [getattr(spectrogram, name) for name in ("RATE", "N_FFT", "HOP", "SECONDS", "KERNEL", "RANGE", "TINY")]
    return hashlib.sha256(weights.read_bytes() + repr(made).encode()).hexdigest()[:16]
