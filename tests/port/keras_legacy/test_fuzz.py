"""Mutated Keras-1 files through the readers: no crash, no hang, no code run, memory bounded."""

import os
import random
from pathlib import Path

import pytest

from tests.port.keras_legacy import fuzz, recorded

# 100,000 and more in all; HDF5 files are the slow ones. REPRISE_FUZZ multiplies the counts.
COUNTS = {"texts": 50_000, "lambdas": 48_000, "hdf5": 4_000}
assert sum(COUNTS.values()) >= 100_000
TIMES = int(os.environ.get("REPRISE_FUZZ", "1"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    scratch = tmp_path_factory.mktemp("recorded")
    return [recorded.folder(name, scratch) for name in recorded.names()]


@pytest.mark.parametrize("kind", COUNTS)
def test_mutated_files(kind: str, folders: list[Path], tmp_path: Path) -> None:
    tally = fuzz.fuzz(kind, folders, COUNTS[kind] * TIMES, tmp_path)
    print(tally)
    assert not tally.faults
    assert tally.tried == COUNTS[kind] * TIMES
    # Mutations that are all refused at the door, or all harmless, would test little.
    assert tally.accepted > tally.tried / 50 and tally.refused > tally.tried / 50
    assert tally.peak < 512 * 2**20
    assert not list(tmp_path.rglob("pwned")) and not Path("pwned").exists()


def _raise(data: bytes, scratch: Path) -> None:
    raise KeyError("not an InputError")


def _crash(data: bytes, scratch: Path) -> None:
    if len(data) % 7 == 0:
        os.abort()


def _run(data: bytes, scratch: Path) -> None:
    exec("1")


def _swallow(data: bytes, scratch: Path) -> list[bytes]:
    return [bytes(2**28) for _ in range(40)]


@pytest.mark.parametrize(
    ("reader", "seen"), [(_raise, "KeyError"), (_crash, "ended with -6"), (_run, "ended with 77"), (_swallow, "Memory")]
)
def test_a_fault_is_seen(reader, seen: str, folders: list[Path], tmp_path: Path) -> None:
    tally = fuzz.fuzz("texts", folders[:20], 30, tmp_path, read=reader)
    assert tally.faults and all(seen in fault for fault in tally.faults)


def test_a_hang_is_seen(folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = fuzz.fuzz("texts", folders[:20], 1, tmp_path, read=_hang, seconds=1)
    assert tally.faults == ["texts 0: the process ended with -14"]


def _hang(data: bytes, scratch: Path) -> None:
    while True:
        pass


def test_inputs_are_the_same_each_time() -> None:
    one, two = (fuzz.mutate(b"a: [1, 2]" * 9, [b"x" * 99], random.Random("1/texts/5")) for _ in range(2))
    assert one == two
