"""What a trained network knows: confusion matrix, figures per genre and learning curves, as JSON and as pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.pictures import plain


def figures(labels: np.ndarray, answers: np.ndarray, genres: Sequence[str]) -> dict[str, Any]:
    """Return accuracy, confusion (row: true genre, column: answer) and precision, recall, f1, tracks per genre.

    labels, answers: (n_tracks,) int genre numbers. Raises ValueError on no tracks: nothing was measured.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    if not len(labels):
        raise ValueError("no tracks to report on")
    every = range(len(genres))
    measured = precision_recall_fscore_support(labels, answers, labels=every, zero_division=0)
    names = ("precision", "recall", "f1", "tracks")
    per_genre = {
        genre: {name: float(column[i]) for name, column in zip(names, measured, strict=True)}
        for i, genre in enumerate(genres)
    }
    return {
        "accuracy": float(np.mean(labels == answers)),
        "tracks": len(labels),
        "confusion": confusion_matrix(labels, answers, labels=every).tolist(),
        "genres": per_genre,
    }


def write(
    folder: Path, figure: Mapping[str, Any], history: Sequence[Mapping[str, float]], about: Mapping[str, Any]
) -> None:
    """Write report.json, confusion.png, genres.png and curves.png."""
    with atomic_file(folder / "report.json") as temporary:
        report = {**about, **figure, "history": list(history)}
        temporary.write_text(json.dumps(report, indent=1) + "\n")
    draw_confusion(folder / "confusion.png", np.array(figure["confusion"]), list(figure["genres"]))
    draw_genres(folder / "genres.png", figure["genres"])
    curves = {name: [epoch[name] for epoch in history] for name in ("loss", "val_loss")}
    draw_curves(folder / "curves.png", curves, "epoch", "cross-entropy (nats)")


@plain()
def draw_confusion(path: Path, confusion: np.ndarray, genres: Sequence[str]) -> None:
    """Draw (n_genres, n_genres) counts, shaded by share of the true genre's tracks."""
    figure, axes = _figure(7, 6)
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(genres)), genres, rotation=45, ha="right")
    axes.set_yticks(range(len(genres)), genres)
    axes.set(xlabel="answer", ylabel="true genre", title="Tracks by true genre and answer")
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    _save(figure, path)


@plain()
def draw_genres(path: Path, genres: Mapping[str, Mapping[str, float]]) -> None:
    """Draw precision, recall and f1 per genre as a table."""
    figure, axes = _figure(6, 0.35 * (len(genres) + 2))
    axes.axis("off")
    columns = ("precision", "recall", "f1", "tracks")
    cells = [[f"{g[c]:.0f}" if c == "tracks" else f"{g[c]:.2f}" for c in columns] for g in genres.values()]
    table = axes.table(cells, rowLabels=list(genres), colLabels=columns, loc="center")
    table.scale(1, 1.3)
    _save(figure, path)


@plain()
def draw_curves(path: Path, curves: Mapping[str, Sequence[float]], x: str, y: str) -> None:
    """Draw named curves over 1, 2, 3 ...; later ones dashed, so that one under another stays visible."""
    figure, axes = _figure(8, 4.5)
    for number, (name, values) in enumerate(curves.items()):
        axes.plot(range(1, len(values) + 1), values, "--" if number else "-", linewidth=2.5 - number, label=name)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path) -> None:
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=110)
