"""`make` says how far an installation is, since pip is silent while it unpacks; ends as pip does, and when told to."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").touch()
    return tmp_path


def install(clone: Path, pip: str) -> subprocess.CompletedProcess[str]:
    """Run make's installation with a shell script in pip's place."""
    program = clone / ".venv/bin/pip"
    program.write_text(f"#!/bin/sh\n{pip}\n")
    program.chmod(0o755)
    command = ["make", ".venv/installed", "SAY_EVERY=0.2"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=60, check=False)


def test_a_silent_pip_is_spoken_for(clone: Path) -> None:
    done = install(clone, "sleep 2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("installing: ") >= 2 and "MB in .venv so far" in done.stdout
    assert (clone / ".venv/installed").exists()


def test_a_pip_that_fails_fails_make(clone: Path) -> None:
    done = install(clone, "exit 3")
    assert done.returncode == 2 and "Error 3" in done.stderr
    assert not (clone / ".venv/installed").exists()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize(("target", "program"), [("images-save", "docker"), (".venv/installed", ".venv/bin/pip")])
def test_make_told_to_stop_stops_what_it_runs_and_leaves_no_part(
    clone: Path, target: str, program: str, by: signal.Signals
) -> None:
    """Told alone, as by a supervisor; what a terminal sends goes to every program in front of it."""
    (clone / program).write_text('#!/bin/sh\n[ "$1" = image ] && exit\necho $$ > pid; exec sleep 60\n')
    (clone / program).chmod(0o755)
    environment = os.environ | {"PATH": f"{clone}:{os.environ['PATH']}"}
    make = subprocess.Popen(["make", target], cwd=clone, env=environment, stderr=subprocess.DEVNULL, process_group=0)
    try:
        until(lambda: (clone / "pid").exists() and (clone / "pid").read_text() != "")
        (os.kill if by == signal.SIGTERM else os.killpg)(make.pid, by)
        make.wait(20)
        until(lambda: not Path("/proc", (clone / "pid").read_text().strip()).exists())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(make.pid, signal.SIGKILL)
    assert not list(clone.glob("images.tar*")) and not (clone / ".venv/installed").exists()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true; fails where it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
