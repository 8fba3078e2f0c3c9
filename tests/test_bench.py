"""The record of speed: ratios are added, found again beside a new run, and drawn."""

import sys

from tests.bench import history
from tests.bench.subjects import peer_subject


def test_a_run_is_beside_the_last_of_its_machine(tmp_path):
    file = tmp_path / "history.jsonl"
    history.append("one", {"original": 20.0, "decode": 0.25}, 3, 7, file)
    history.append("two", {"original": 10.0}, 3, 7, file)
    history.append("one", {"original": 30.0}, 1, 3, file)
    runs = history.read(file)
    assert [run["machine"] for run in runs] == ["one", "two", "one"]
    cells = {
        machine: [
            list(column.cells) for column in history.beside_the_last(machine, {"original": 21.0}, 3, runs).columns
        ]
        for machine in ("one", "two", "three")
    }
    assert cells["one"] == [["original"], ["21.00 x"], ["20.00 x"]]
    assert cells["two"] == cells["three"] == [["original"], ["21.00 x"], ["10.00 x"]]
    assert "on two" in str(history.beside_the_last("three", {}, 3, runs).title)
    assert history.beside_the_last("one", {"original": 1.0}, 3, []).row_count == 1
    assert str(history.beside_the_last("two", {}, 1, runs).title).endswith(" on one")
    assert str(history.beside_the_last("one", {}, 2, runs).title).endswith(", of 1 clips")
    history.draw(runs, tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes()[:4] == b"\x89PNG"


def test_a_peer_that_cannot_be_asked_is_said():
    close = []
    assert "give --peer musicnn=PYTHON" in peer_subject("musicnn", {}, close)
    assert peer_subject("unknown", {"unknown": sys.executable}, close).endswith("lacks it")
    for end in close:
        end()
