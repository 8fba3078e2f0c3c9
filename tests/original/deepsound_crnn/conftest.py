"""The live original in Python 2.7, started once for all tests of this folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reprise_kit.compare import python27, registry, runners
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import ROOT
from tests.pinned import pinned_to
from tests.require import require

SYSTEM = registry.load("deepsound_crnn")
STAND_IN = ROOT / "tests/original/stand_in"


@pytest.fixture(scope="session")
def interpreter():
    found = python27.find_interpreter()
    if found is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    if shutil.which("ffmpeg") is None:
        require("ffmpeg", "no ffmpeg program on PATH, through which the original decodes")
    return found


def environment(interpreter, backend):
    lock = ROOT / SYSTEM.file.environments[backend].requirements
    return python27.environment(interpreter, lock)


@pytest.fixture(scope="session")
def upstream(interpreter, tmp_path_factory):
    if os.environ.get("REPRISE_UPSTREAM"):
        return Path(os.environ["REPRISE_UPSTREAM"])
    folder = tmp_path_factory.mktemp("upstream") / "stand_in"
    shutil.copytree(STAND_IN, folder)
    private = python27.private_settings(folder.parent / "settings", "theano")
    subprocess.run([environment(interpreter, "theano"), "make_model.py"], cwd=folder, env=private, check=True)
    return folder


@pytest.fixture(scope="session")
def pinned(upstream):
    """The system, its pins the stand-in's where that is run."""
    return pinned_to(upstream) if upstream.name == "stand_in" else SYSTEM


@pytest.fixture(scope="session")
def live(upstream, pinned):
    runner = runners.open_runner("python27", Settings(pinned, None, "theano", upstream))
    assert runner.unavailable_reason() is None
    yield runner
    runner.close()
