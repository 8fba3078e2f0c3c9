"""Killed at each of the five steps and started again it goes on; two at once on one folder are one line."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprise_kit.apps.adopt.steps import FILES, STEPS
from reprise_kit.compare.system import ROOT
from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_steps import images

pytestmark = pytest.mark.usefixtures("bwrap")
__all__ = ["images"]  # a fixture


def words(step: str, request: dict, out: Path, old: Old) -> list[str]:
    environment = json.dumps({"python": str(old.python), "variables": old.variables})
    return [sys.executable, "-m", "tests.apps.adopt.killed", step, json.dumps(request), str(out), environment]


def test_killed_at_each_step_it_goes_on(old: Old, images: Path, tmp_path: Path) -> None:
    source, out = old.repository("image_cnn", tmp_path, weights=True), tmp_path / "out"
    # A name of its own: other tests' programs run beside it.
    (source / "predict.py").rename(source / "predict_till_killed.py")
    request = {"source": str(source), "entry": "python predict_till_killed.py 0.txt 1.txt", "stand_in": str(images)}
    written: dict[str, int] = {}
    for number, step in enumerate(STEPS):
        done = subprocess.run(words(step, request, out, old), cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == -signal.SIGKILL, done.stderr
        there = [s for s in STEPS if (out / FILES[s]).exists()]
        assert there == list(STEPS[:number]), "what was done before is there, what was being done is not"
        written |= {s: (out / FILES[s]).stat().st_mtime_ns for s in there if s not in written}
        assert "predict_till_killed.py" not in subprocess.run(
            ["ps", "-ewwo", "args"], capture_output=True, text=True
        ).stdout.replace(json.dumps(request), "")
    done = subprocess.run(words("", request, out, old), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((out / FILES[s]).stat().st_mtime_ns == at for s, at in written.items() if s != "environment")
    assert not list(out.rglob("*.part")), "nothing half-written is left"


def test_two_at_once_on_one_folder_are_one_line(old: Old, tmp_path: Path) -> None:
    source, out = old.repository("rl_loop", tmp_path), tmp_path / "out"
    request = {"source": str(source), "entry": "python dqn.py", "until": "run"}
    first = subprocess.Popen(words("", request, out, old), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        while not (out / "adopt.json").exists() and first.poll() is None:
            time.sleep(0.05)
        command = [
            sys.executable,
            "-m",
            "reprise_kit",
            "adopt",
            str(source),
            "--entry",
            "python dqn.py",
            "-o",
            str(out),
        ]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert second.returncode == 2 and "another run is writing it" in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1, second.stderr
    finally:
        assert first.wait(180) == 0
