"""An environment of an old Python (2.7, 3.6, 3.7), built once from its lock into the user's cache."""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reprise_kit.compare.atomic import atomic_folder, refuse_full
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.lock import held
from reprise_kit.compare.patience import patience
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.seal import check_seal, is_sealed, seal
from reprise_kit.compare.system import ROOT
from reprise_kit.compare.walk import at_home

PYTHON = (sys.executable, "-P")  # -P: `-m` would import what lies in the folder that the user stands in
BUILD_SECONDS = 3600.0  # how long another run may build the same before this one gives up; hours are no build
SAYS = 1 << 12  # bytes in which an interpreter says which it is
VIRTUALENV_LOCK = ROOT / "original" / "eras" / "virtualenv.lock"


def find_interpreter(version: str = "2.7") -> Path | None:
    """Find a Python of this version: REPRISE_PYTHON27 (or 36, 37), then PATH, then pyenv's versions."""
    named = os.environ.get("REPRISE_PYTHON" + version.replace(".", ""))
    if named:
        return Path(named) if _is_python(Path(named), version) else None
    pyenv = at_home(os.environ.get("PYENV_ROOT", "~/.pyenv")) / "versions"
    candidates = [Path(p) for p in (shutil.which(f"python{version}"), shutil.which("python2")) if p]
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    return next((path for path in candidates if _is_python(path, version)), None)


def _is_python(path: Path, version: str) -> bool:
    # A pyenv shim exists whether or not its version is switched on: only running it tells.
    try:
        done = run_program([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], 30, most=SAYS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == version


def environment_folder(interpreter: Path, lock: Path) -> Path:
    """Where the environment of this interpreter and lock lives."""
    identity = hashlib.sha256(lock.read_bytes() + str(interpreter).encode()).hexdigest()[:12]
    return cache() / "environments" / f"{lock.stem.removeprefix('requirements-')}-{identity}"


def environment(  # type: ignore[no-untyped-def]
    interpreter: Path,
    lock: Path,
    say=lambda line: None,
    variables: dict[str, str] | None = None,
    boxed: Callable[[list[str], Path], list[str]] = lambda command, folder: command,
) -> Path:
    """Return the environment's interpreter, building the environment first where it is not there yet.

    say: called with a line before long work. variables: what pip is run with, None for the user's. boxed: turns pip's
    command line into one that keeps what it runs in a box where the environment's folder is writable. Raises InputError
    with pip's last line where the build fails, and naming the file where one was altered, added or deleted since.
    """
    folder = environment_folder(interpreter, lock)
    if not is_sealed(folder):  # what is there waits for no other that is built
        with _alone(folder):
            if not is_sealed(folder):
                _build(interpreter, folder, lock, say, variables, boxed)
    check_seal(folder)
    return folder / "bin" / "python"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold what belongs to one folder of the cache, whose lock lies beside it; say who is waited for."""
    busy = f"{folder}: another run is building it; wait for it"
    with ExitStack() as stack:
        with patience(lambda: f"waiting for another run that builds {folder.name}"):
            stack.enter_context(held(folder.with_name(f"{folder.name}.lock"), busy, BUILD_SECONDS))
        yield


def _build(  # type: ignore[no-untyped-def]
    interpreter: Path, folder: Path, lock: Path, say, variables: dict[str, str] | None, boxed
) -> None:
    say(f"building the environment of {lock.name} with {interpreter} (once, under a minute) ...")
    # Virtual environments do not survive a rename: this one is built in place and sealed when whole.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        make_virtualenv(interpreter, folder)
        _pip_install(folder, lock, variables, lambda command: boxed(command, folder))
        seal(folder)
    except BaseException:  # stopped, or a full disk: half an environment would keep it full
        shutil.rmtree(folder, ignore_errors=True)
        raise


def private_settings(folder: Path, backend: str) -> dict[str, str]:
    """Environment variables that keep Keras' and Theano's settings and compile cache inside the cache folder.

    folder: where they live. Keras 1 would read $HOME/.keras/keras.json, Theano $HOME/.theanorc. Raises OSError where
    the disk is full: Theano would wait for ever for the lock that it writes there.
    """
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    refuse_full(folder)
    _refuse_shared(folder)
    # TensorFlow 2 leaves TF2_BEHAVIOR behind, with which 1.15 computes eagerly: no Keras of its time runs so.
    ours = ("PYTHON", "THEANO", "KERAS", "VIRTUAL_ENV", "TF2_BEHAVIOR")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {
        **kept,
        "HOME": str(home),
        "KERAS_BACKEND": backend,
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "THEANORC": "",
        "THEANO_FLAGS": f"floatX=float32,device=cpu,base_compiledir={folder / 'theano'}",
    }


def _refuse_shared(folder: Path) -> None:
    """Raise InputError where others could have written what Theano compiled earlier, which it loads and runs."""
    state = folder.stat()
    if state.st_uid not in (os.geteuid(), 0) or state.st_mode & stat.S_IWOTH:
        raise InputError(f"{folder} is another user's or open to all; delete it, or name a folder in REPRISE_CACHE")


def make_virtualenv(interpreter: Path, folder: Path) -> None:
    """Make an empty virtual environment of an old interpreter, by the last virtualenv that can."""
    tool = cache() / "environments" / f"virtualenv20-{hashlib.sha256(VIRTUALENV_LOCK.read_bytes()).hexdigest()[:12]}"
    if not is_sealed(tool):
        with _alone(tool):
            if not is_sealed(tool):
                _install_virtualenv(tool)
    check_seal(tool)
    # What virtualenv keeps in the user's folders is none of ours: it gets an empty place for it.
    with tempfile.TemporaryDirectory(prefix="reprise-virtualenv-") as own:
        options = ["-q", "-p", str(interpreter), "--no-periodic-update", "--app-data", own]
        _run(
            [*PYTHON, "-m", "virtualenv", *options, str(folder)],
            f"a virtual environment of {interpreter}",
            {**os.environ, "PYTHONPATH": str(tool), "PYTHONDONTWRITEBYTECODE": "1"},
        )


def _install_virtualenv(tool: Path) -> None:
    with atomic_folder(tool, "python27") as temporary:
        pip = [*PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "--no-deps"]
        _run(
            [*pip, "-r", str(VIRTUALENV_LOCK), "--target", str(temporary)],
            "virtualenv 20.15.1, the last for Python 2.7",
        )
        seal(temporary)


def _pip_install(
    folder: Path, lock: Path, variables: dict[str, str] | None, boxed: Callable[[list[str]], list[str]]
) -> None:
    # pip would build Theano's and Keras' sdists against whatever is newest: no isolation, the lock has the tools.
    # By its file: `-m` would import what lies in the folder that the user stands in.
    programs = [str(folder / "bin" / name) for name in ("python", "pip")]
    install = [*programs, "install", "-q", "--require-hashes", "--no-deps", "--no-build-isolation", "-r"]
    # pip asks every sdist's setup.py before it installs anything, and many import NumPy there.
    blocks = re.findall(r"^(?:numpy|setuptools|wheel|cython)==.*(?:\n +.*)*", lock.read_text(), flags=re.M | re.I)
    with tempfile.NamedTemporaryFile("w", prefix="reprise-", suffix=".lock") as first:
        first.write("\n".join(blocks) + "\n")
        first.flush()
        _run(boxed([*install, first.name]), f"NumPy of {lock.name}", variables)
    _run(boxed([*install, str(lock)]), f"the packages of {lock.name}", variables)


def _run(command: list[str], what: str, env: dict[str, str] | None = None) -> None:
    with patience(lambda: f"installing {what}"):
        done = run_program(command, env=env)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        # "ERROR: Exception:" heads a traceback, whose last line says what happened.
        errors = [line for line in lines if line.startswith("ERROR") and not line.endswith("Exception:")]
        errors = errors or lines[-1:] or ["no message"]
        raise InputError(f"cannot install {what}: {errors[-1].strip()}")
