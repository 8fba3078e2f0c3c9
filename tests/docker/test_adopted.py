"""docker compose up of an adopted repository: its entry point answers in a container of its lock, as it did at home."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from reprise_kit.apps.adopt import container
from reprise_kit.compare import registry
from reprise_kit.compare.container_engine import compose_command, engine_problem
from reprise_kit.compare.system import ROOT
from tests.apps.adopt.conftest import Old, old
from tests.docker.compose_up import check
from tests.docker.kit import docker
from tests.require import require

__all__ = ["old"]  # a fixture
ENTRY = "python predict.py 0.txt 1.txt"


def test_compose_up_says_what_the_program_said_at_home(old: Old, tmp_path: Path) -> None:
    problem = engine_problem() or (None if compose_command() else "no compose beside the engine")
    if problem:
        require("docker", problem)
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
    named = f"python -c 'import getpass; getpass.getuser()' && {ENTRY}"  # as Flask's debugger asks
    container.write(out, "2.7", named, old.variables, ["keras", "numpy"], False, stand_in)
    shutil.copytree(out / "source", tmp_path / "home")
    shutil.copytree(stand_in, tmp_path / "home", dirs_exist_ok=True)
    words, home = [old.python, *ENTRY.split()[1:]], tmp_path / "home"
    done = subprocess.run(words, cwd=home, env=old.variables, capture_output=True, text=True, check=True)
    (out / "run.log").write_text(done.stdout)
    try:
        assert ": 2 lines" in check(out)
    finally:
        docker("builder", "prune", "--all", "--force")  # layers that no other test wants, a gigabyte of memory
