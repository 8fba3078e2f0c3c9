"""The table: machines that learn what can be learnt, folds that keep groups apart, corpora that are none."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from reprise_kit.cli import cli
from reprise_kit.compare.errors import InputError
from reprise_kit.port.gwardys_2014 import corpus as corpora
from reprise_kit.port.gwardys_2014 import evaluation, machines
from reprise_kit.port.gwardys_2014.corpus import Clips
from reprise_kit.port.gwardys_2014.machines import Features
from reprise_kit.port.gwardys_2014.spectrogram import KINDS
from tests.port.gwardys_2014.test_pictures import weights

N_GENRES, N_GROUPS, OF_GROUP = 3, 4, 6


def made(of_genre: float, of_group: float, seed: int = 0) -> tuple[Features, Clips]:
    """Features that say so much of a clip's genre, and so much of its group."""
    random = np.random.default_rng(seed)
    genres = np.repeat(np.arange(N_GENRES), N_GROUPS * OF_GROUP)
    groups = np.repeat(np.arange(N_GENRES * N_GROUPS), OF_GROUP)

    def drawn() -> np.ndarray:
        centres = of_genre * random.normal(size=(N_GENRES, 20))[genres]
        return (centres + of_group * random.normal(size=(groups.max() + 1, 20))[groups]
                + random.normal(size=(len(genres), 20))).astype(np.float32)  # fmt: skip

    files = tuple(Path(f"{number}.wav") for number in range(len(genres)))
    names = tuple(f"genre{number}" for number in range(N_GENRES))
    return Features({kind: drawn() for kind in KINDS}, drawn()), Clips(files, genres, names, groups)


def both(of_genre: float, of_group: float) -> tuple[dict[str, float], dict[str, float]]:
    found, clips = made(of_genre, of_group)
    columns = (evaluation.accuracies(found, clips, 4, held_out) for held_out in (False, True))
    random, held = ({name: float(shares.mean()) for name, shares in column.items()} for column in columns)
    return random, held


def test_what_a_genre_sounds_like_is_learnt() -> None:
    for column in both(of_genre=3, of_group=0):
        assert list(column) == list(machines.ROWS) and min(column.values()) > 0.95


def test_what_a_group_sounds_like_is_no_knowledge_of_genres() -> None:
    """The second column bites: all is known in random folds, nothing with groups held out."""
    random, held = both(of_genre=0, of_group=6)
    assert min(random.values()) > 0.9 and max(held.values()) < 0.6


def test_no_group_is_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    found, clips = made(1, 1)
    seen = []

    def answers(features, genres, learned, asked):
        seen.append(set(clips.groups[learned]) & set(clips.groups[asked]))
        return dict.fromkeys(machines.ROWS, genres[asked])

    monkeypatch.setattr(machines, "answers", answers)
    shares = evaluation.accuracies(found, clips, 10, held_out=True)
    assert len(seen) == N_GROUPS == len(shares["full"]) and not any(seen)  # no more folds than a genre has groups
    evaluation.accuracies(found, clips, 4, held_out=False)
    assert any(seen[N_GROUPS:])


def test_merging() -> None:
    scores = np.array([[[4.0, 0.0, 0.0]], [[-1.6, 0.5, 0.49]], [[-1.6, 0.5, 0.49]]])
    won = {name: int(merge(scores).argmax()) for name, merge in machines.MERGED.items()}
    assert won == {"sum of scores": 1, "product of probabilities": 1, "mean of probabilities": 0, "vote": 1}


def corpus(folder: Path, genres: tuple[str, ...] = ("a", "b"), clips: int = 3) -> Path:
    for genre in genres:
        (folder / genre).mkdir(parents=True)
        for number in range(clips):
            (folder / genre / f"{number}.wav").write_bytes(b"RIFF")
    return folder


def test_bad_corpora(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one genre, a, is nothing to tell apart"):
        corpora.read(corpus(tmp_path / "one", ("a",)))
    with pytest.raises(InputError, match="no such folder"):
        corpora.read(tmp_path / "none")
    folder, table = corpus(tmp_path / "two"), tmp_path / "groups.csv"
    table.write_text("track,group\na/0.wav,x\n")
    with pytest.raises(InputError, match=r"no group of a/1.wav \(5 of 6 clips\)"):
        corpora.read(folder, table)
    table.write_text("song;artist\n")
    with pytest.raises(InputError, match="no group of a/0"):
        corpora.read(folder, table)
    found, clips = made(1, 1)
    with pytest.raises(InputError, match="24 clips of genre0 for 30 folds"):
        evaluation.accuracies(found, clips, 30, held_out=False)


@pytest.mark.parametrize("words", [["--system", "compact_cnn"], ["--folds", "1"]])
def test_the_command_refuses(words: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["evaluate", str(corpus(tmp_path / "c")), *words])
    assert done.exit_code != 0 and "Traceback" not in done.output


def test_the_command_prints_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of sounds that are easy: low and high notes."""
    import wave

    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "corpus"
    for genre, pitch in (("high", 3000), ("low", 200)):
        (folder / genre).mkdir(parents=True)
        for number in range(4):
            time = np.arange(11025) / 22050
            sound = 0.5 * np.sin(2 * np.pi * (pitch + 10 * number) * time)
            with wave.open(str(folder / genre / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 22050, 0, "NONE", ""))
                file.writeframes((sound * 32767).astype("<i2").tobytes())
    groups = tmp_path / "groups.csv"
    tracks = [f"{genre}/{number}.wav" for genre in ("high", "low") for number in range(4)]
    groups.write_text(
        "track,group\n" + "".join(f"{track},{track[:-5]}{i % 4 // 2}\n" for i, track in enumerate(tracks))
    )
    words = ["evaluate", str(folder), "--folds", "2", "--groups", str(groups), "--weights", str(weights())]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if "│" in line]
    assert "random folds" in done.output and "groups held out" in done.output
    assert len([line for line in lines if "1.000" in line]) >= 6
    assert "no picture" in lines[-1] or "no picture" in lines[-2]  # the baseline is the last row
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 8
