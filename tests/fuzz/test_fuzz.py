"""A short run of the fuzzing of every reader, the inputs that once were findings, and that findings are seen."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reprise_kit.compare.errors import InputError
from tests.fuzz import run, watch
from tests.fuzz.readers import READERS
from tests.fuzz.readers.reader import Reader, Seeds

KEPT = sorted(Path(__file__).parent.glob("kept/*/*"))
assert KEPT
INPUTS = 25  # of a reader; the long run is `make fuzz`
LIGHT = [name for name, reader in READERS.items() if not reader.heavy]


@pytest.mark.parametrize("name", LIGHT)
def test_some_inputs(name: str, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "work").mkdir()
    reader = READERS[name]
    count = 4 if reader.allowed else INPUTS
    tally = run.batch(reader, reader.seeds(tmp_path / "seeds"), 7, 0, count, tmp_path / "work")
    assert not tally.findings
    assert tally.tried == count and sum(tally.verdicts.values()) == count


@pytest.mark.parametrize("case", KEPT, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_what_was_found_stays_mended(case: Path) -> None:
    (reader,) = (reader for reader in READERS.values() if reader.folder == case.parent.name)
    with pytest.raises(InputError):
        reader.ask(min(case.iterdir()))


def _hang(path: Path) -> None:
    while True:
        pass


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an exception": (lambda path: {}[path], "KeyError"),
    "a crash": (lambda path: os._exit(3), "ended with 3"),
    "a hang": (_hang, "more than 2 s"),
    "memory": (lambda path: bytearray(1 << 30), "MemoryError"),
    "a file written": (lambda path: Path("/tmp/never").open("a").close(), "did what it may not: open to write"),
    "a file removed": (lambda path: Path("/tmp/never").unlink(missing_ok=True), "did what it may not: os.remove"),
    "a connection": (lambda path: socket.socket().connect_ex(("127.0.0.1", 9)), "did what it may not: socket.connect"),
    "a program": (lambda path: subprocess.run(["true"], check=False), "did what it may not: subprocess.Popen"),
    "code": (lambda path: exec("1"), "did what it may not: exec"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_finding_is_seen(name: str, tmp_path: Path) -> None:
    ask, words = BAD[name]
    asked = lambda path: ask(path) if path.read_text() == "0" else None  # noqa: E731
    reader = Reader("bad", 1, lambda folder: [], _put_number, asked)
    tally = run.batch(reader, [], 1, 0, 3, tmp_path)
    assert [number for number, _ in tally.findings] == [0] and words in tally.findings[0][1]
    assert tally.verdicts == {watch.FINDING: 1, watch.ANSWERED: 2}


def _put_number(seeds: Seeds, random: Random, folder: Path) -> Path:
    """Write which of the inputs it is."""
    drawn = random.random()
    number = next(number for number in range(-1, 3) if Random(f"1/bad/{number}/0").random() == drawn)
    (folder / "input").write_text(str(number))
    return folder / "input"


@pytest.mark.parametrize("name", ["architecture, JSON", "data set, pickle"])
def test_inputs_are_the_same_each_time(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    (tmp_path / "seeds").mkdir()
    seeds = reader.seeds(tmp_path / "seeds")
    one, two = (run.put(reader, seeds, 1, 5, tmp_path / "input").read_bytes() for _ in range(2))
    assert one == two
