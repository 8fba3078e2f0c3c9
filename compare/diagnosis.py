"""Explains the errors of an environment of old Keras by what is installed in it: symptom, cause, cure.

The rules are rows of original/eras/facts.toml. An environment is judged by its own files: a system's own rows are told
only where that system is asked for.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from reprise_kit.compare import facts
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.seal import is_sealed
from reprise_kit.compare.walk import at_home

SAYS = 16 << 20  # bytes in which an interpreter names its packages
# Runs inside the environment, on Python 2.7 or 3: looks, imports nothing of it.
PROBE = r"""
import json, os, re, sys
try:
    from importlib.metadata import distributions
    found = dict((d.metadata["Name"], d.version) for d in reversed(list(distributions())))  # the first one counts
except ImportError:
    import pkg_resources
    found = dict((d.project_name, d.version) for d in pkg_resources.working_set)
default = None
for folder in sys.path:
    source = os.path.join(folder, "keras", "backend", "__init__.py")
    if os.path.isfile(source):
        match = re.search(r"^_BACKEND = '(\w+)'", open(source).read(), re.M)
        default = match.group(1) if match else None
        break
print(json.dumps({"python": sys.version.split()[0], "packages": found, "default_backend": default}))
"""


class _Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the probe prints."""

    python: str
    packages: dict[str, str | None]
    default_backend: str | None


@dataclass(frozen=True)
class Environment:
    """What is installed: Python's version, packages by lower-case name, and what Keras would take from its settings.

    ordering: "th" or "tf" as keras.json says, "newer" where that was left by Keras 2, None where nothing says.
    """

    python: str
    packages: dict[str, str]
    backend: str | None
    ordering: str | None = None


@dataclass(frozen=True)
class Finding:
    """One explained error. symptom: what a person sees (or "no error: ..."), cause and cure in words."""

    symptom: str
    cause: str
    cure: str


def inspect(path: Path) -> Environment:
    """Look into an environment (its folder or its interpreter); raises InputError where there is no Python."""
    candidates = [path] if path.is_file() else [path / "bin" / "python", path / "python"]
    interpreter = next((p for p in candidates if p.is_file()), None)
    if interpreter is None:
        raise InputError(f"{path}: no Python in it; give a virtual environment's folder or an interpreter")
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # which would break the seal of the kit's own
    try:
        done = run_program([interpreter, "-c", PROBE], 60, most=SAYS, env=variables)
        found = msgspec.json.decode(done.stdout, type=_Found)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise InputError(f"{interpreter}: does not run as a Python interpreter") from None
    packages = {name.lower(): version for name, version in found.packages.items() if version}
    # The kit runs its own environments with a HOME and a KERAS_BACKEND of their own.
    ours = is_sealed(interpreter.parent.parent)
    settings = {} if ours else _settings()
    default = _only_one(packages) if ours else found.default_backend
    backend = os.environ.get("KERAS_BACKEND") or settings.get("backend") or default
    newer = "newer" if "image_data_format" in settings else None
    return Environment(found.python, packages, backend, settings.get("image_dim_ordering", newer))


def _only_one(packages: dict[str, str]) -> str | None:
    return next((name for name in ("tensorflow", "theano") if name in packages), None)


def settings_file() -> Path:
    """Return where this user's Keras keeps its settings."""
    return at_home("~/.keras/keras.json")


def _settings() -> dict[str, str]:
    try:
        found = json.loads(settings_file().read_text()) if settings_file().is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def explain(environment: Environment, system: str | None = None) -> list[Finding]:
    """Return every error that this environment leads to, loud ones first; `system`: those of its program too."""
    if "keras" not in environment.packages:
        cure = "install a lock of original/eras with pip --require-hashes"
        return [Finding("ImportError: No module named keras", "Keras is not installed here", cure)]
    words = environment.packages | {"python": environment.python, "settings": str(settings_file())}
    rows = [row for row in facts.load().symptom if row.system in (None, system) and _applies(row, environment)]
    findings = [Finding(row.symptom, row.cause.format_map(words), row.remedy) for row in rows]
    return sorted(findings, key=lambda finding: finding.symptom.startswith("no error"))


def _applies(row: facts.Symptom, environment: Environment) -> bool:
    installed = environment.packages
    wanted = {"keras": row.keras} | row.packages if row.keras else row.packages
    return (
        _within(environment.python, row.python)
        and all(name in installed and _within(installed[name], spec) for name, spec in wanted.items())
        and not any(name in installed for name in row.absent)
        and row.backend in (None, environment.backend)
        and row.ordering in (None, environment.ordering)
    )


def _within(version: str, spec: str) -> bool:
    try:
        return SpecifierSet(spec).contains(version, prereleases=True)
    except InvalidVersion:
        return False
