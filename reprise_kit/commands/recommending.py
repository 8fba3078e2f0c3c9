"""What `reprise train`, `playlist` and `filters` do with a recommender."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from reprise_kit.compare.atomic import atomic_folder, held_folder, refuse_foreign
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import find
from reprise_kit.compare.patience import loading, patience
from reprise_kit.compare.screen import console
from reprise_kit.port.dieleman_spotify_2014 import settings
from reprise_kit.port.dieleman_spotify_2014 import songs as tables

Say = Callable[[str], None]


@dataclass(frozen=True)
class Given:
    """What is learnt from: a table of plays, a folder, a table of songs and files, and one of groups."""

    plays: Path
    audio: Path
    songs: Path
    groups: Path | None


def train(given: Given, out: Path, mode: str, loss: str, epochs: int | None, seed: int | None, say: Say) -> None:
    """Print the settings, train, or go on training, in folder `out`, and print what is known of new songs."""
    songs = tables.read(given.plays, given.audio, given.songs, given.groups)
    with loading():  # after a bad table is refused
        from reprise_kit.port.dieleman_spotify_2014 import train as trainer

    recipe = trainer.Recipe(mode, loss)
    changes = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    recipe = dataclasses.replace(recipe, **changes)  # type: ignore[arg-type]
    screen, table = console(), Table("setting", "value", "whose", "note", title=f"mode {mode}")
    for row in settings.TABLES[mode]:
        table.add_row(row.name, str(row.value), row.tag, row.note)
    screen.print(table)
    with held_folder(out, "train"):
        report = trainer.train(songs, recipe, out)
    answers = Table("new songs, by", "AUC", "mAP@500")
    for name, figures in report.items():
        answers.add_row(name, f"{figures['auc']:.3f}", f"{figures['map']:.3f}")
    screen.print(answers)
    say(f"{out}: recommender.npz, report.json; of your plays and clips, and no paper's figures")


def _refuse_missing(*paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")


@patience(lambda: "listening to the library")
def playlist(clip: Path, library: Path, weights: Path, out: Path, say: Say) -> None:
    """Write a playlist's folder."""
    _refuse_missing(clip, library, weights)
    from reprise_kit.port.dieleman_spotify_2014 import playlist as lists
    from reprise_kit.port.dieleman_spotify_2014 import recommender

    refuse_foreign(out, "playlist")
    tracks = lists.of(clip, library, recommender.load(weights))
    with atomic_folder(out, "playlist") as temporary:
        lists.write(temporary, tracks, out)
    say(f"{out}: {len(tracks)} tracks, playlist.m3u and index.html")


@patience(lambda: "looking for what excites each filter")
def filters(folder: Path, weights: Path, out: Path, count: int, say: Say) -> None:
    """Write the picture of the first layer's filters, and a table of the clips that excite each most."""
    _refuse_missing(folder, weights)
    from reprise_kit.port.dieleman_spotify_2014 import filters as first_layer
    from reprise_kit.port.dieleman_spotify_2014 import recommender

    refuse_foreign(out, "filters")
    machine = recommender.load(weights)
    clips = find([folder], recursive=True).files
    with atomic_folder(out, "filters") as temporary:
        number = first_layer.write(temporary, machine, clips, count)
    say(f"{out}: {number} filters of {len(clips)} clips, filters.png and filters.csv")
