"""Step 2 of `reprise adopt`: evidence in, its environment out, resolved as on its day, locked, installed afresh.

pip resolves in a real interpreter of the time against a dated index on loopback, and can reach nothing else: what a
setup.py fetches for itself comes from there too. The lock holds the hash of every file of each release.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name

from reprise_kit.apps.adopt.asked import has_images, roots, used
from reprise_kit.apps.adopt.dated_index import DatedIndex, served
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.apps.adopt.pip_box import PipBox
from reprise_kit.compare import facts
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.python27 import environment, environment_folder, find_interpreter, make_virtualenv
from reprise_kit.compare.seal import is_sealed
from reprise_kit.compare.walk import followed

FROZEN = 20  # pins: a list of all that a machine had
TRIES = 12  # resolutions, each with one requirement less or one release more
LOCAL = {"3.5": ("3.6", "3.7"), "3.6": ("3.6", "3.7"), "2.7": ("2.7",)}
UNSATISFIED = re.compile(r"satisfies the requirement ([A-Za-z0-9._-]+)(\[[^\]]*\])?([=<>!~][^\s(;]*)?")
UNBUILT = re.compile(
    r"(?:Failed building wheel for |/pip-[\w-]+/)([A-Za-z][A-Za-z0-9._-]*?)(?:_[0-9a-f]{32})?(?:/|\n|$)"
)
CONFLICT = re.compile(r"Cannot install (.+?) because these package versions")  # before it stands all that was tried


@dataclass(frozen=True)
class Environment:
    """python: its interpreter. variables: what a run must set beside it, HOME among them (with .keras/keras.json).

    lock: OUT/environment.lock. notes: what was decided, a line each.
    """

    python: Path
    variables: dict[str, str]
    lock: Path
    notes: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The interpreter's own version, like "2.7"."""
        folders = sorted((self.python.parent.parent / "lib").glob("python[23].*"))
        return folders[0].name.removeprefix("python") if folders else "2.7"


def make(evidence: Evidence, out: Path, say: Callable[[str], None] = lambda line: None) -> Environment:
    """Return the environment of the evidence, with its lock in `out`; a lock made from the same evidence is kept.

    Raises InputError where there is no interpreter, the index does not answer, or pip cannot resolve or build.
    """
    if evidence.refused:
        raise InputError(evidence.refused[0])
    interpreter, notes = _interpreter(evidence.python)
    out.mkdir(parents=True, exist_ok=True)
    lock = out / "environment.lock"
    head = f"# reprise adopt: {evidence.date}, Python {evidence.python}, {_identity(evidence)}\n"
    kept = _known(lock, head)
    if kept:
        _write(lock, kept)
    if kept and is_sealed(environment_folder(interpreter, lock)):
        python = environment(interpreter, lock, say)
    else:
        kept, python = _made(evidence, interpreter, lock, head, say)
    notes += re.findall(r"^# note: (.*)$", kept, flags=re.M)
    settings, said = _settings(evidence, python, out, interpreter)
    return Environment(python, settings, lock, [*notes, *said])


def _made(evidence: Evidence, interpreter: Path, lock: Path, head: str, say: Callable[[str], None]) -> tuple[str, Path]:
    """Write the lock where it is none of this evidence, install it; return its text and the interpreter."""
    with tempfile.TemporaryDirectory(prefix="reprise-resolve-") as folder:
        make_virtualenv(interpreter, Path(folder, "env"))
        index = DatedIndex(evidence.date, _tags(Path(folder, "env")))
        with served(index) as at:
            pip = PipBox(Path(folder), at)
            text = _known(lock, head)
            if not text:
                say(f"resolving the environment of {evidence.date} for Python {evidence.python} ...")
                rows, notes = _resolved(evidence, index, Path(folder, "env"), pip)
                text = head + "".join(f"# note: {note}\n" for note in notes) + rows
                _write(_shared(head), text)
            _write(lock, text)
            _prime(index, text)
            return text, environment(interpreter, lock, say, pip.variables, pip.command)


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text)


def _shared(head: str) -> Path:
    """Where the lock of an environment is kept for other repositories that ask for the same."""
    return cache() / "resolved" / f"{hashlib.sha256(head.encode()).hexdigest()[:16]}.lock"


def _known(lock: Path, head: str) -> str:
    """Return the text of a lock that was made for this head, "" where there is none."""
    texts = (path.read_text() for path in (lock, _shared(head)) if path.is_file())
    return next((text for text in texts if text.startswith(head)), "")


def _identity(evidence: Evidence) -> str:
    asked = [evidence.keras_version, evidence.backend, evidence.imports, evidence.requirements]
    table = facts.load()
    decided = [table.modules, table.system, table.release, table.same, table.wheels]
    decided.append(facts.fits_of(evidence.newest_keras))
    rarer = {module: package for module, package in table.rarer.items() if module in evidence.imports}
    broken = [rule for rule in table.broken if rule.package in evidence.imports]
    decided += [found for found in (rarer, broken) if found]
    also = [True, has_images(evidence)]  # h5py is always among them
    return hashlib.sha256(msgspec.json.encode([asked, decided, also])).hexdigest()[:16]


def _interpreter(version: str) -> tuple[Path, list[str]]:
    for local in LOCAL[version]:
        found = find_interpreter(local)
        if found:
            return found, [f"Python {local} is here and {version} is not: it stands in"] if local != version else []
    wanted = LOCAL[version][0]
    raise InputError(f"the repository needs Python {wanted}, which is not here; pyenv install {wanted}, or name one in "
                     f"REPRISE_PYTHON{wanted.replace('.', '')}")  # fmt: skip


def _tags(env: Path) -> frozenset[Tag]:
    """Ask the interpreter's own pip which wheels it takes."""
    words = [str(env / "bin" / "python"), str(env / "bin" / "pip"), "debug", "--verbose"]
    done = run_program(words, 120, env=os.environ | {"PIP_CONFIG_FILE": os.devnull})
    lines = done.stdout.partition("Compatible tags:")[2].splitlines()[1:]
    tags = frozenset(tag for line in lines if line.count("-") >= 2 for tag in parse_tag(line.strip()))
    if not tags:
        raise InputError(f"{env}: its pip does not say which wheels it takes")
    return tags


def _resolved(evidence: Evidence, index: DatedIndex, env: Path, pip: PipBox) -> tuple[str, list[str]]:
    """Install by the index until pip is content; return the lock's rows and the notes."""
    asked, notes = roots(evidence, index)
    spare = asked.keys() - used(evidence)
    notes += _not_built(asked, spare, index)
    python = [str(env / "bin" / name) for name in ("python", "pip")]
    # It is thrown away: nothing of it is worth compiling.
    install = [*python, "install", "--no-build-isolation", "--no-compile"]
    said = pip.tried([*install, "--upgrade", "setuptools==44.1.1", "wheel==0.37.1"], env)
    if said:
        raise InputError(f"pip cannot install setuptools: {_last(said)}")
    for _ in range(TRIES):
        lines = [name + spec for name, spec in asked.items()]
        first = [line for line in lines if canonicalize_name(re.split("[=<>!~]", line)[0]) in ("numpy", "cython")]
        said = pip.tried([*install, *first], env) or pip.tried([*install, *lines], env)
        if said is None:
            break
        notes.append(_yielded(said, asked, spare, index, evidence))
    else:
        raise InputError(f"pip cannot resolve the environment of {evidence.date}: {notes[-1]}")
    rows = dict(_rows(index, python, pip.variables))
    return "".join(rows.values()), notes + sorted(line for pin, line in index.moved.items() if pin in rows)


def _not_built(asked: dict[str, str], spare: set[str], index: DatedIndex) -> list[str]:
    """Leave out, of a long list of pins (pip freeze), what is not imported and would be built, for hours or in vain."""
    if sum(spec.startswith("==") for spec in asked.values()) < FROZEN:
        return []
    built = sorted(name for name in spare & asked.keys() if not index.has_wheel(name, SpecifierSet(asked[name])))
    for name in built:
        del asked[name]
        index.wanted.pop(name, None)
    return [f"stated, not imported, and without a wheel: {', '.join(built)}: left out"] if built else []


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR") and "Command errored" not in line]
    return (errors or lines or ["no message"])[-1][:300]


def _yielded(said: str, asked: dict[str, str], spare: set[str], index: DatedIndex, evidence: Evidence) -> str:
    """Change one thing after pip failed, and say what; raises InputError where nothing is left to change.

    spare: what is stated and not imported. A list of all that a machine had (pip freeze) fails for one of these.
    """
    name: str
    unmet = UNSATISFIED.search(said)
    missing, spec = (canonicalize_name(unmet[1]), unmet[3] or "") if unmet else ("", "")
    if unmet and index.everything(missing) and index.wanted.get(missing) != SpecifierSet(spec):
        index.wanted[missing] = SpecifierSet(spec)
        return f"{missing}{spec}: no release of {index.day} meets it, the first later one that does is taken"
    unbuilt = [canonicalize_name(found) for found in reversed(UNBUILT.findall(said))]
    between = CONFLICT.search(said)
    at_odds = between[1] if between else said
    conflicting = [name for name, spec in asked.items() if spec and name != "keras" and f"{name}{spec}" in at_odds]
    blamed = next((name for name in [missing, *unbuilt, *conflicting[-1:]] if name in asked), "")
    if (left := spare & asked.keys()) and (not blamed or blamed in left):
        for name in left:
            del asked[name]
            index.wanted.pop(name, None)
        return f"what is stated cannot all be had, and the program does not import {', '.join(sorted(left))}: left out"
    needed = {"keras", "numpy", evidence.backend}
    if missing in asked and missing not in needed:
        del asked[missing]
        return f"{missing}{spec} cannot be had for this Python: left out; what imports it fails"
    for name in unbuilt:
        if asked.get(name) and name != "keras":
            _let_the_day_decide(name, asked, index, evidence)
            return f"{name} as stated does not build here: the day decides its version"
        if name in asked and name not in needed:
            del asked[name]
            return f"{name} does not build here ({_last(said)}): left out; what imports it fails"
    if conflicting:
        name = conflicting[-1]
        spec = asked[name]
        _let_the_day_decide(name, asked, index, evidence)
        return f"{name}{spec} contradicts the others: the day decides its version"
    raise InputError(f"pip cannot make the environment of {evidence.date}: {_last(said)}")


def _let_the_day_decide(name: str, asked: dict[str, str], index: DatedIndex, evidence: Evidence) -> None:
    """Ask for any release of the day; of what Keras runs on for those that it does, where that is not what failed."""
    need = facts.need(evidence.newest_keras, name)
    asked[name] = need if asked[name] != need else ""
    index.wanted.pop(name, None)
    if asked[name]:
        index.wanted[canonicalize_name(name)] = SpecifierSet(need)


def _rows(index: DatedIndex, python: list[str], variables: dict[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the lock's row of each installed package and version; each must be one that the index offered."""
    done = run_program([*python, "list", "--format=json"], env=variables)
    done.check_returncode()
    for row in sorted(json.loads(done.stdout), key=lambda row: row["name"].lower()):
        name, version = canonicalize_name(row["name"]), row["version"]
        if name != "pip":
            hashes = [f"    --hash=sha256:{sha256}" for sha256 in index.hashes(name, version)]
            yield (name, version), " \\\n".join([f"{name}=={version}", *hashes]) + "\n"


def _prime(index: DatedIndex, lock: str) -> None:
    """Let the index offer the lock's releases, whatever moved them when it was made."""
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.M):
        index.wanted[name] = SpecifierSet(f"=={version}")


def _settings(evidence: Evidence, python: Path, out: Path, interpreter: Path) -> tuple[dict[str, str], list[str]]:
    """Write the settings that Keras and Theano read, and return the variables of a run with a line on each."""
    home = out / "home"
    (home / ".keras").mkdir(parents=True, exist_ok=True)
    words = {"backend": evidence.backend, "image_dim_ordering": evidence.dim_ordering, "floatx": "float32",
             "image_data_format": "channels_first" if evidence.dim_ordering == "th" else "channels_last",
             "epsilon": 1e-07}  # fmt: skip
    with atomic_file(home / ".keras" / "keras.json") as temporary:
        temporary.write_text(json.dumps(words, indent=1, sort_keys=True))
    variables = {"HOME": str(followed(home)), "KERAS_BACKEND": evidence.backend, "MPLBACKEND": "Agg",
                 "PYTHONDONTWRITEBYTECODE": "1", "THEANORC": ""}  # fmt: skip
    flags = ["floatX=float32", "device=cpu", f"base_compiledir={followed(home) / 'theano'}"]
    notes = [f"keras.json: {evidence.backend}, {evidence.dim_ordering}"]
    blas = sorted(python.parent.parent.glob("lib/python*/site-packages/numpy/.libs/libopenblas*.so*"))
    if evidence.backend == "theano" and blas:
        flags.append(f"blas.ldflags=-L{blas[0].parent} -l:{blas[0].name}")
        variables["LD_LIBRARY_PATH"] = str(blas[0].parent)  # no rpath: Theano's flags are split at commas
        notes.append(f"Theano multiplies with the OpenBLAS of NumPy's wheel ({blas[0].name})")
    elif evidence.backend == "theano":
        notes.append(
            "NumPy's wheel brings no OpenBLAS: Theano needs one of the system (apt-get install libopenblas-dev)"
        )
    if evidence.backend == "theano":
        # Before 0.8 Theano looks for libpython in the virtual environment, which has none.
        variables["LIBRARY_PATH"] = str(followed(interpreter).parents[1] / "lib")
    keras = evidence.newest_keras
    if evidence.backend == "tensorflow" and facts.numbers(keras) < (1, 2):
        notes.append(f"Keras {keras} reads tensorflow.python.control_flow_ops, which TensorFlow 0.12 moved: "
                     "original/eras/shims/control_flow_ops.py answers it")  # fmt: skip
    display = facts.load().display
    shown = sorted(set(display.modules) & set(evidence.imports) | set(display.calls) & set(evidence.calls))
    if shown:
        notes.append(f"it may open windows ({', '.join(shown)}): a display is needed (Xvfb)")
    return variables | {"THEANO_FLAGS": ",".join(flags)}, notes
