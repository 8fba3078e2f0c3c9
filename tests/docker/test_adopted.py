"""docker compose up of an adopted repository: its entry point answers in a container of its lock, as it did at home."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.apps.adopt import container
from reprise_kit.compare import registry
from reprise_kit.compare.engine import compose_command, engine_problem
from reprise_kit.compare.system import ROOT
from tests.apps.adopt.conftest import Old, old
from tests.docker.base_image import import_base
from tests.docker.kit import BASES, docker
from tests.require import require

__all__ = ["old"]  # a fixture
PROJECT = "adopted-test"
ENTRY = "python predict.py 0.txt 1.txt"


@pytest.fixture
def base() -> str:
    problem = engine_problem() or (None if compose_command() else "no compose beside the engine")
    if problem:
        require("docker", problem)
    version, tag = BASES["PY27_BASE"]
    if "PY27_BASE" not in os.environ and not docker("image", "ls", "-q", tag):
        import_base(version, tag)
    return os.environ.get("PY27_BASE", tag)


def test_compose_up_runs_the_entry_point(base: str, old: Old, tmp_path: Path) -> None:
    out, stand_in = tmp_path / "out", tmp_path / "stand-in"
    out.mkdir()
    lock = registry.load("deepsound_crnn").file.environments["theano"].requirements
    # Without librosa, which wants ffmpeg of Debian's: the stand-in base has no apt.
    text = re.sub(r"^librosa==(?:.*\\\n)*.*\n", "", (ROOT / lock).read_text(), flags=re.M)
    (out / "environment.lock").write_text(text)
    old.repository("image_cnn", tmp_path, weights=True).rename(out / "source")
    stand_in.mkdir()
    for i in range(2):
        np.savetxt(stand_in / f"{i}.txt", np.random.default_rng(i).integers(0, 256, (12, 12)))
    container.write(out, "2.7", ENTRY, old.variables, ["keras", "numpy"], False, stand_in)
    command = compose_command()
    assert command is not None
    words = [*command, "-p", PROJECT, "-f", str(out / "compose.yaml")]
    try:
        done = subprocess.run(
            [*words, "up", "--build", "--abort-on-container-exit"],
            env=os.environ | {"BASE": base},
            capture_output=True,
            text=True,
            timeout=900,
        )
        answers = re.findall(r"(\d\.txt) (\d)\s*$", done.stdout, flags=re.M)
        assert done.returncode == 0 and [name for name, _ in answers] == ["0.txt", "1.txt"], done.stdout + done.stderr
    finally:
        subprocess.run([*words, "down", "--rmi", "all", "--volumes"], capture_output=True, check=False)
        docker("builder", "prune", "--all", "--force")  # layers that no other test wants, a gigabyte of memory
    for path in stand_in.iterdir():
        shutil.copyfile(path, out / "source" / path.name)
    at_home = subprocess.run(
        [old.python, *ENTRY.split()[1:]],
        cwd=out / "source",
        env=old.variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"(\d\.txt) (\d)", at_home.stdout) == answers
