"""The systems of papers as processes: what does not fit is one line and exit code 2, and nothing is left of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.port.gwardys_2014 import caffe
from tests.port.wmf_2014 import movielens

PLAYS = {
    "no plays": ("", "no plays in it"),
    "NaN plays": ("anna\ts0\tnan\n", "line 1: count nan"),
    "10^9 plays": ("anna\ts0\t1000000000\n", "line 1: count 1000000000 is no number of plays"),
    "a song without a file": ("anna\ts0\t3\nanna\tnew\t1\n", "no file of new (1 songs of plays.tsv have none)"),
}


def reprise(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "reprise_kit", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def refused(folder: Path, *words: object) -> str:
    """Run what is to be refused and return its one line; what the folder holds must be as it was."""
    before = sorted(folder.rglob("*"))
    done = reprise(*words)
    assert done.returncode == 2, done.stderr
    assert not done.stdout and sorted(folder.rglob("*")) == before
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("reprise: ")
    return line


@pytest.mark.parametrize("fault", PLAYS)
def test_tables_of_plays(fault: str, tmp_path: Path) -> None:
    text, said = PLAYS[fault]
    (tmp_path / "s0.wav").touch()
    (tmp_path / "songs.csv").write_text("song,file\ns0,s0.wav\n")
    (tmp_path / "plays.tsv").write_text(text)
    given = ("--plays", tmp_path / "plays.tsv", "--audio", tmp_path, "-o", tmp_path / "run")
    assert said in refused(tmp_path, "train", "--system", "dieleman_spotify_2014", *given)


def test_one_class(tmp_path: Path) -> None:
    (tmp_path / "blues").mkdir()
    (tmp_path / "blues/a.wav").touch()
    assert "one genre, blues, is nothing to tell apart" in refused(tmp_path, "evaluate", tmp_path)


def test_a_caffemodel_cut_short(tmp_path: Path) -> None:
    for genre in ("blues", "rock"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "a.wav").touch()
    weights = tmp_path / "cut.caffemodel"
    weights.write_bytes(caffe.caffemodel({"fc6": [np.ones((3, 4), "<f4"), np.ones(3, "<f4")]})[:-7])
    assert "cut short" in refused(tmp_path, "evaluate", tmp_path, "--weights", weights)


def test_counts_of_a_billion_of_a_trace(tmp_path: Path) -> None:
    table, out = tmp_path / "billion.tsv", tmp_path / "trace"
    table.write_text("a\tx\t1000000000\nb\ty\t1\na\ty\t2\n")
    settings = movielens.settings(tmp_path, factors=1)
    said = refused(tmp_path, "trace", table, "--system", "wmf_2014", "--weights", settings, "--out", out)
    assert "is it a time stamp?" in said
