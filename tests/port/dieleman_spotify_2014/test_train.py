"""Training: what can be heard is learnt, a killed run goes on bit by bit, tables that do not fit are one line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from reprise_kit.cli import cli
from reprise_kit.compare import npz, registry
from reprise_kit.compare.errors import InputError
from reprise_kit.port.dieleman_spotify_2014 import data, recommender, train
from reprise_kit.port.dieleman_spotify_2014 import songs as tables
from reprise_kit.port.dieleman_spotify_2014.pipeline import open_pipeline
from tests.port.dieleman_spotify_2014 import synthetic
from tests.port.stages import every_stage

SYSTEM = "dieleman_spotify_2014"
EPOCHS = 3


def words(corpus: Path, out: Path, *more: str) -> list[str]:
    given = ["--plays", str(corpus / "plays.tsv"), "--audio", str(corpus), "--groups", str(corpus / "groups.csv")]
    return ["train", "--system", SYSTEM, *given, "--epochs", str(EPOCHS), "-o", str(out), *more]


def in_process(corpus: Path, out: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "reprise_kit", *words(corpus, out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.corpus(tmp_path_factory.mktemp("songs") / "corpus")


@pytest.fixture(scope="module")
def run(corpus: Path) -> Path:
    out = corpus.parent / "run"
    process = in_process(corpus, out)
    said = process.communicate(timeout=600)[0].decode()
    assert process.returncode == 0, said
    assert "published" in said and "ours" in said and "factors from usage" in said
    return out


def test_what_is_heard_is_learnt(run: Path) -> None:
    """Listeners like one of two sounds: the network ranks new songs by it, and chance does not."""
    report = json.loads((run / "report.json").read_text())
    figures = report["new songs"]
    assert list(figures) == list(train.ROWS)
    assert figures["network"]["auc"] > figures["random"]["auc"] + 0.05  # of three epochs
    assert abs(figures["random"]["auc"] - 0.5) < 0.2
    tags = {row["tag"] for row in report["settings"]}
    assert tags == {"published", "ours"}


def test_a_killed_run_goes_on_bit_by_bit(corpus: Path, run: Path) -> None:
    out = corpus.parent / "killed"
    process = in_process(corpus, out)
    deadline = time.monotonic() + 300
    while not (out / "state.json").is_file():  # the first epoch is done
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "recommender.npz").exists()
    assert len(json.loads((out / "state.json").read_text())["history"]) < EPOCHS
    process = in_process(corpus, out)
    said = process.communicate(timeout=600)[0].decode()
    assert process.returncode == 0, said
    whole, resumed = (npz.load(folder / "recommender.npz") for folder in (run, out))
    assert whole.keys() == resumed.keys() and len(whole) > 10
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
    for name in ("report.json", "state.json"):
        assert (run / name).read_text() == (out / name).read_text()


def test_another_run_is_not_gone_on_with(corpus: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(run, out)
    done = CliRunner().invoke(cli, words(corpus, out, "--seed", "2"))
    assert isinstance(done.exception, InputError) and "another recipe" in str(done.exception)


def test_every_stage_of_a_clip(corpus: Path, run: Path) -> None:
    """Declared, finite, and alone as in the chain."""
    system, pipeline = registry.load(SYSTEM), open_pipeline(run / "recommender.npz", "none")
    clip = corpus / "03.wav"
    traced = every_stage(system, pipeline, clip)
    answer = pipeline.predict(clip)
    assert answer.labels == system.labels and np.array_equal(answer.clip_probs, traced.arrays["factors"])


def test_a_playlist_is_of_one_sound(corpus: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "playlist"
    given = ["--library", str(corpus), "--weights", str(run / "recommender.npz"), "-o", str(out)]
    done = CliRunner().invoke(cli, ["playlist", str(corpus / "03.wav"), *given], catch_exceptions=False)
    assert done.exit_code == 0
    tracks = [line for line in (out / "playlist.m3u").read_text().splitlines() if not line.startswith("#")]
    assert len(tracks) == 10 and Path(tracks[0]).name == "03.wav" and len(set(tracks)) == 10
    assert all((out / track).resolve().is_file() for track in tracks)
    assert sum(int(Path(track).stem) % 2 for track in tracks) >= 9
    assert (out / "index.html").read_text().count("<audio") == 10


def test_filters_of_the_first_layer(corpus: Path, run: Path, tmp_path: Path) -> None:
    few, out = tmp_path / "few", tmp_path / "filters"
    few.mkdir()
    for number in range(4):
        shutil.copy(corpus / f"{number:02}.wav", few)
    given = ["--system", SYSTEM, "--weights", str(run / "recommender.npz"), "-o", str(out), "--count", "2"]
    done = CliRunner().invoke(cli, ["filters", str(few), *given], catch_exceptions=False)
    assert done.exit_code == 0
    lines = (out / "filters.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 256 and (out / "filters.png").read_bytes()[:4] == b"\x89PNG"
    by_maximum = {line for line in lines if ",maximum," in line}
    assert len({line.split(",", 1)[1] for line in by_maximum}) > 1  # filters differ in what they like


BAD = {  # beside what tests/commands/test_papers.py runs as processes
    "a file that is not there": (
        "songs.csv",
        "song,file\n" + "".join(f"s{n},x{n}.wav\n" for n in range(72)),
        "no such file",
    ),
    "no table": ("songs.csv", "a;b\n", "columns song,file|no file of"),
    "no groups": ("groups.csv", "track,group\n00.wav,g\n", "no group of"),
    "too few songs": (
        "plays.tsv",
        "".join(f"u{u}\ts{s}\t1\n" for u in range(9) for s in range(9)),
        "too few|no 40 factors",
    ),
    "one song": ("plays.tsv", "u\ts1\t1\n", "too few"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_tables_are_one_line(fault: str, corpus: Path, tmp_path: Path) -> None:
    name, text, said = BAD[fault]
    here = tmp_path / "corpus"
    shutil.copytree(corpus, here)
    (here / name).write_text(text)
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, words(here, out))
    assert isinstance(done.exception, InputError) and "\n" not in str(done.exception)
    assert any(part in str(done.exception) for part in said.split("|")), str(done.exception)
    assert not (out / "recommender.npz").exists() and not (out / "state.json").exists()


def test_the_greatest_count(corpus: Path, tmp_path: Path) -> None:
    text = (corpus / "plays.tsv").read_text().splitlines()
    table = tmp_path / "plays.tsv"
    table.write_text("\n".join([text[0].rpartition("\t")[0] + "\t100000000", *text[1:]]) + "\n")
    songs = tables.read(table, corpus, corpus / "songs.csv", corpus / "groups.csv")
    found = train.targets(songs, data.split(songs, 1), "blog", 1)
    assert np.isfinite(found.songs).all() and np.isfinite(found.users).all()


def test_what_is_no_recommender(run: Path, tmp_path: Path) -> None:
    whole = (run / "recommender.npz").read_bytes()
    path = tmp_path / "recommender.npz"
    for content in (b"", whole[:1000], whole[:-100]):
        path.write_bytes(content)
        with pytest.raises(InputError):
            recommender.load(path)
    stored = npz.load(run / "recommender.npz")
    np.savez(path, **{name: array for name, array in stored.items() if name != "weights_03"})
    with pytest.raises(InputError, match="not those of the blog network"):
        recommender.load(path)
    np.savez(path, mode=np.array("other"))
    with pytest.raises(InputError, match="no recommender"):
        recommender.load(path)


@pytest.mark.parametrize("given", [["data.npz", "--plays", "x"], ["--plays", "x"], []])
def test_the_command_says_what_it_wants(given: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["train", "--system", SYSTEM, *given, "-o", str(tmp_path / "o")])
    assert done.exit_code == 2 and "is trained on --plays and --audio" in done.output
    assert not (tmp_path / "o").exists()
