"""A short form of the long run, and that what must not happen is seen."""

import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.json_lines import rows
from tests.kills import run, warm
from tests.kills.__main__ import Stops, in_turn, table
from tests.kills.jobs import Job
from tests.kills.run import Place


def test_fetch_is_stopped_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "done.jsonl"
    in_turn([Stops("fetch", (2, 2), 7, log, tmp_path / "fetch")])
    assert Counter(row["signal"] for row in rows(log)) == {"SIGKILL": 2, "SIGINT": 2}
    assert table(log) == 0, capsys.readouterr().out


def test_what_is_at_hand_was_imported_as_silently_as_the_kit_does() -> None:
    variables = Path(f"/proc/{warm.interpreter().pid}/environ").read_bytes().split(b"\0")
    assert b"TF_CPP_MIN_LOG_LEVEL=3" in variables


# A command that writes `out`, a name a line; it is stopped in `wait`, where the undisturbed run does not stay.
COMMAND = """
import os, pathlib, signal, subprocess, sys, time
out = pathlib.Path(sys.argv[1])
ready, first = out.parent / "cache" / "ready", not pathlib.Path(sys.argv[2]).exists()
def wait():
    ready.parent.mkdir(exist_ok=True)
    ready.touch()
    first or time.sleep(60)
def trace(number, frame):
    reprise
again = out.exists()
out.write_text("a\\n")
{code}
out.write_text("a\\nb\\n")
"""
BAD = {
    "lost": ("again and out.write_text(''); wait()", "lost: ['a']"),
    "twice": ("out.write_text('a\\na\\n'); wait()", "twice, or wrong: ['a']"),
    "a stray file": ("out.with_name('x').touch(); wait(); out.with_name('x').unlink()", "stray: ['x']"),
    "a process": (
        "first or subprocess.Popen(['sleep', '99']); wait()",
        "lives on: b'sleep 99 '",
    ),
    "a trace": ("signal.signal(2, trace); wait()", "Ctrl-C: code 1, said 'Traceback"),
    "another answer": ("wait()\nif again: out.write_text('b'); sys.exit()", "another answer than that of"),
}


def stop(place: Place, number: signal.Signals) -> None:
    """Begin, and stop where the command waits."""
    ready = place.place / "cache" / "ready"
    ready.unlink(missing_ok=True)
    process = place.begin()
    while not ready.exists():
        assert process.poll() is None, place.errors()
        time.sleep(0.02)
    assert place.stopped(process, number)


@pytest.mark.parametrize("name", BAD)
def test_what_must_not_happen_is_seen(name: str, tmp_path: Path) -> None:
    code, words = BAD[name]
    lines = lambda out: Counter(out.read_text().splitlines() if out.exists() else [])  # noqa: E731
    second = tmp_path / "second"
    command = (sys.executable, "-c", COMMAND.format(code=code))
    job = Job("bad", lambda given: None, lambda given, out: (*command, out, second), lines, lines)
    place = Place(job, tmp_path / "bad", warm=False)
    second.touch()
    for _ in range(2 if name == "lost" else 1):
        stop(place, signal.SIGINT if name == "a trace" else signal.SIGKILL)
    if name == "another answer":
        second.unlink()
        place.check_end(place.finish())
    assert place.found and place.found[0].startswith(words), place.found


@pytest.mark.parametrize(("code", "words"), [("time.sleep(60)", "hangs, "), ("while time.process_time() < 2: 0", "")])
def test_a_run_is_waited_for_as_long_as_it_gets_on(code, words, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "IDLE", 0.5)
    command = (sys.executable, "-c", COMMAND.format(code=f"if not first: {code}" if words else code))
    lines = lambda out: Counter(out.read_text().splitlines())  # noqa: E731
    place = Place(
        Job("x", lambda given: None, lambda given, out: (*command, out, tmp_path / "x"), lines, lines),
        tmp_path / "p",
        warm=False,
    )
    (tmp_path / "x").touch()
    place.finish()
    assert "".join(place.found).startswith(words) and bool(words) == bool(place.found)
