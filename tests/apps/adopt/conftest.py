"""A real Python 2.7 with Keras 1.1.0 on Theano, as the environment of strangers' repositories."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import box
from reprise_kit.compare import python27, registry
from reprise_kit.compare.system import ROOT
from tests.require import require

REPOSITORIES = Path(__file__).parent / "programs"
# Random weights may be dead on an input (2 of 60 were on a ramp), and what is dead proves nothing.
SEEDED = "import numpy; numpy.random.seed(6); "
SETTINGS = {"backend": "theano", "image_dim_ordering": "th", "floatx": "float32", "epsilon": 1e-07}


@dataclass(frozen=True)
class Old:
    """An environment of the time: its interpreter and what a run must set."""

    python: Path
    variables: dict[str, str]

    def repository(self, name: str, folder: Path, weights: bool = False) -> Path:
        """A copy of one of our repositories, with weights that its own code saved."""
        made = folder / name
        shutil.copytree(REPOSITORIES / name, made)
        if weights:
            self.run("from model import get_model; get_model().save_weights('weights.h5')", made)
        return made

    def run(self, code: str, folder: Path) -> None:
        """Run code in a repository; the weights it draws are the same each time."""
        asked = [self.python, "-c", SEEDED + code]
        subprocess.run(asked, cwd=folder, env=self.variables, check=True, capture_output=True)


@pytest.fixture(scope="session")
def bwrap() -> None:
    problem = box.boxing_problem()
    if problem is not None:
        require("bwrap", problem)


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Old:
    interpreter = python27.find_interpreter()
    if interpreter is None:
        require("python27", "no Python 2.7 found (REPRISE_PYTHON27, PATH, pyenv)")
    lock = registry.load("deepsound_crnn").file.environments["theano"].requirements
    python = python27.environment(interpreter, ROOT / lock)
    home = tmp_path_factory.mktemp("home")
    (home / ".keras").mkdir()
    (home / ".keras" / "keras.json").write_text(json.dumps(SETTINGS))
    # Without a compiler Theano computes in NumPy: slow for a large model, at once for ours.
    flags = "floatX=float32,device=cpu,optimizer=fast_compile,cxx="
    # The environment is sealed: no byte code beside its modules.
    kept = {"PYTHONDONTWRITEBYTECODE": "1", "KERAS_BACKEND": "theano", "THEANO_FLAGS": flags}
    return Old(python, {"HOME": str(home), **kept})
