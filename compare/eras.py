"""Which old Keras runs in which environment (original/eras/eras.toml), and the hashed lock of one, extended at will."""

import datetime
import hashlib
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.python27 import find_interpreter
from reprise_kit.compare.system import ROOT, Backend, Row

ERAS = ROOT / "original" / "eras"
# A package of an index, pinned or not; nothing that names a place to fetch from.
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.+!-]+)?")


class Era(Row, frozen=True):
    """A row of eras.toml: an environment without its Keras, and the versions of Keras that run in it."""

    name: str
    backend: Backend
    keras: tuple[str, ...]
    python: tuple[str, ...]
    until: datetime.date
    image: str
    packages: tuple[str, ...]

    def interpreter(self) -> Path | None:
        """Find a Python for it on this machine."""
        return next((path for path in map(find_interpreter, self.python) if path is not None), None)


def load() -> list[Era]:
    """Return every environment offered."""
    return msgspec.convert(tomllib.loads((ERAS / "eras.toml").read_text())["environment"], list[Era])


def choose(keras: str, backend: str) -> Era:
    """Return the environment of a Keras version on a backend; raises InputError listing what is offered."""
    eras = load()
    found = [era for era in eras if era.backend == backend and keras in era.keras]
    if found:
        return found[0]
    by_backend: dict[str, list[str]] = {}
    for era in eras:
        by_backend.setdefault(era.backend, []).extend(era.keras)
    offered = "; on ".join(f"{name}: {' '.join(versions)}" for name, versions in by_backend.items())
    raise InputError(f"Keras {keras} on {backend} is not offered. Offered are, on {offered}")


def lock(era: Era, keras: str, extras: Sequence[str] = ()) -> Path:
    """Return the hashed lock of `era` with one Keras and more packages, kept in the user's cache.

    extras: NAME, the newest release of the era's last day, or NAME==VERSION; their own dependencies are not followed.
    """
    text = (ERAS / f"record-{era.name}.lock").read_text() + _keras_block(keras)
    if extras:
        text += _extra_blocks(era, extras)
    identity = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = cache() / "locks" / f"requirements-keras{keras}-{era.name}-{identity}.lock"
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_text(text)
    return path


def _keras_block(version: str) -> str:
    text = (ERAS / "record-keras.lock").read_text()
    found = re.search(rf"^keras=={re.escape(version)} \\\n(?:    --hash=\S+(?: \\)?\n)+", text, flags=re.M)
    assert found, f"record-keras.lock lacks Keras {version}: make lock-py27"
    return found[0]


def _extra_blocks(era: Era, extras: Sequence[str]) -> str:
    """Pin and hash packages as of the era, by uv."""
    for name in extras:
        if not PACKAGE.fullmatch(name):
            raise InputError(f"--with {name}: write NAME, or NAME==VERSION")
    ours = {re.split("==", pin)[0].lower() for pin in era.packages} | {"keras"}
    taken = [name for name in extras if re.split("==", name)[0].lower().replace("_", "-") in ours]
    if taken:
        raise InputError(f"--with {taken[0]}: the environment pins it already")
    return "".join(_extra_block(era, name) for name in extras)


def _extra_block(era: Era, name: str) -> str:
    # 3.6 is the oldest Python that uv takes: pip refuses what the older one cannot run.
    options = ["--generate-hashes", "--no-annotate", "--no-header", "--no-deps", "--quiet", "--python-version", "3.6"]
    if "==" not in name:
        options += ["--exclude-newer", f"{era.until}T23:59:59Z"]
    command = [sys.executable, "-P", "-m", "uv", "pip", "compile", "-", *options]
    done = run_program(command, given=name + "\n")
    if "No module named uv" in done.stderr:
        raise InputError("--with needs uv to pin and hash packages of the era: pip install uv")
    if done.returncode or not done.stdout:
        said = " ".join(done.stderr.split())[:200]
        raise InputError(f"--with {name}: no such release up to {era.until} ({said})")
    return done.stdout
