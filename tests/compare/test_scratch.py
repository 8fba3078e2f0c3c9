"""Temporary files of a run are in one folder, which goes with the run, or with the next one after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reprise_kit.compare import scratch

PROGRAM = """
import os, subprocess, sys, tempfile
from pathlib import Path
from reprise_kit.compare.scratch import leave, outer, scratch
with scratch():
    tempfile.mkdtemp(), tempfile.mkstemp()
    subprocess.run([sys.executable, "-c", "import tempfile; tempfile.mkdtemp()"], check=True)
    (outer() / "kept").touch()
    print(len(list(Path(tempfile.gettempdir()).iterdir())), flush=True)
    {end}
"""


def run(end: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PROGRAM.format(end=end)]
    return subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "end",
    [
        *("pass", "1 / 0", "leave(3)", "os.open(outer() / 'kept', os.O_RDONLY)"),
    ],
)
def test_nothing_is_left_however_a_run_ends(end: str, tmp_path: Path) -> None:
    done = run(end, tmp_path)
    assert done.stdout == "4\n" and ("Error" in done.stderr) == ("0" in end), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    assert run("os.kill(os.getpid(), 9)", tmp_path).returncode == -signal.SIGKILL
    (left,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for name in ("reprise-thesis", "reprise-0123456789", "reprise-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chapter").touch()
    (tmp_path / "reprise-abc" / scratch.LOCK).touch()
    (tmp_path / "reprise-aaaaaaaaaa").symlink_to(tmp_path / "reprise-abc")
    before = {path.name for path in tmp_path.iterdir()}
    assert run("pass", tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == before - {left.name}
    assert len(list((tmp_path / "reprise-abc").iterdir())) == 2


def test_one_that_lives_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.scratch():
        mine = Path(tempfile.mkdtemp())
        assert run("pass", tmp_path).returncode == 0
        assert mine.is_dir() and scratch.outer() == tmp_path
    assert (
        not mine.parent.exists()
        and tempfile.gettempdir() == str(tmp_path)
        and "reprise-" not in os.environ.get("TMPDIR", "")
    )


def test_a_folder_is_locked_before_another_run_can_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    locked = scratch.try_lock

    def slowly(path: Path) -> int | None:
        path.touch()  # made and not locked yet, while others begin and remove what was abandoned
        assert run("pass", tmp_path).returncode == 0
        return locked(path)

    monkeypatch.setattr(scratch, "try_lock", slowly)
    with scratch.scratch():
        assert Path(tempfile.mkdtemp()).parent.parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
