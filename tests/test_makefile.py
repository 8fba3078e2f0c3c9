"""`make` says how far an installation is, since pip is silent while it unpacks, and ends as pip does."""

import shutil
import subprocess
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
