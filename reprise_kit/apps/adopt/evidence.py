"""What a stranger's repository shows about the environment that its model lived in, each conclusion with its reasons.

Nothing of the repository is run or imported: files are read, Python is parsed, checkpoints are opened as HDF5.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import msgspec

from reprise_kit.apps.adopt import (
    checkpoints,
    conclusions,
    entry_points,
    imports,
    keras_version,
    notebooks,
    readme_code,
    requirements,
    telling,
)
from reprise_kit.apps.adopt.findings import Findings
from reprise_kit.apps.adopt.imports import Module, Modules
from reprise_kit.apps.adopt.repository import Checkout, checkout, lay_over
from reprise_kit.apps.adopt.requirements import Requirement
from reprise_kit.compare import facts
from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.python27 import find_interpreter
from reprise_kit.compare.shown import utf8

LARGEST_TEXT = 4 << 20  # bytes of a file that is read as text
STATES = re.compile(
    r"(^|/)(readme[^/]*|[^/]*req[^/]*\.(txt|pip|in)|setup\.py|setup\.sh|install\.sh|dockerfile[^/]*|"
    r"(environment|env)\.ya?ml|\.travis\.yml|keras\.json)$",
    re.I,
)


@dataclass(frozen=True)
class Evidence:
    """What was seen and what follows. `why` gives, for each of the other fields by name, the lines it follows from.

    date: ISO day of the environment. python: "2.7", "3.5" or "3.6". keras_version: None where only the date tells.
    backend: "theano" or "tensorflow". dim_ordering: "th" or "tf". imports: top-level modules that are neither of the
    repository nor of Python. calls: names of functions that the program calls. checkpoints, architectures: their
    paths in it. entry_points: command lines, the chosen one first. alternatives, builders: of the others those that
    run in the same environment and may show a model too, or make one. elsewhere: those that may show one in another
    environment, since they import what the chosen one does not. makers: paths of code that makes a model. callers: of
    scripts that call it. refused: what no later step can do, each a line; empty where adoption can go on. earlier: the
    commit that is taken where the newest has no Keras. newest_day: the newest commit's, where the environment's is
    another. servers: by command line, of those that serve over HTTP, the files that say what they answer.
    """

    source: str
    commit: str | None
    date: str
    why_date: str
    python: str
    keras_version: str | None
    backend: str
    dim_ordering: str
    why: dict[str, list[str]]
    requirements: list[Requirement] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    architectures: list[str] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    builders: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    makers: list[str] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    earlier: str | None = None
    newest_day: str | None = None
    servers: dict[str, list[str]] = field(default_factory=dict)

    @property
    def newest_keras(self) -> str:
        """The version that is known, else the newest of that day; "" before the first."""
        return self.keras_version or facts.keras_of(self.date) or ""

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with atomic_file(path) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load(path: Path) -> Evidence:
    """Read evidence back; raises InputError on a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: no evidence of `reprise adopt` ({error}); delete it, it is gathered anew") from None


def gather(
    source: Path | str,
    commit: str | None = None,
    entry: str | None = None,
    keras: str | None = None,
    stand_in: str | None = None,
) -> Evidence:
    """Return the evidence of a repository: a folder, a git directory or a URL.

    commit: default HEAD. entry: a command line instead of the likeliest. keras: a version instead of what its files
    show. stand_in: a folder whose files count as the repository's. Raises InputError where there is no such source,
    commit, entry, Keras or folder, or nothing tells a date.
    """
    if keras is not None and facts.keras_day(keras) is None:
        known = ", ".join(version for version, _ in facts.load().keras.releases)
        raise InputError(f"--keras {keras!r}: no release of Keras that is known here; allowed: {known}")
    with tempfile.TemporaryDirectory(prefix="reprise-adopt-") as folder:
        files = checkout(source, commit, Path(folder), telling.paths)
        if stand_in:
            lay_over(Path(stand_in), files.folder)
        return of(files, utf8(str(source))[0], entry, keras)


def of(files: Checkout, source: str, entry: str | None = None, keras: str | None = None) -> Evidence:
    """Return the evidence of files that are checked out."""
    paths, (here, copies) = files.paths(), telling.own(files.here())
    kernels, cells = _notebooks(files.folder, here)
    texts = {p: _text(files.folder / p) for p in here if STATES.search(p)}
    shown = readme_code.scripts(texts)
    sources = shown | {p: _text(files.folder / p) for p in here if p.endswith(".py")} | cells
    parsed, only_2, only_3, notes = _parsed(sources)
    modules = Modules(parsed)
    readmes = [text for path, text in texts.items() if PurePosixPath(path).name.lower().startswith("readme")]
    entries = _entries(entry_points.find(readmes, modules, paths), modules, source, entry)
    weights = checkpoints.find(files.folder, here)
    reached = _reached(entries, modules, named := bool(entry) or any(c.problem is None for c in weights))
    stated, unfollowed = requirements.stated(texts)
    seen = Findings(
        modules={p: modules[p] for p in reached},
        only_3=[p for p in reached if p in only_3],
        only_2=[p for p in reached if p in only_2],
        texts=texts | {p: sources[p] for p in reached},
        paths=paths,
        kernels=kernels,
        checkpoints=_ranked(weights, [modules[p] for p in reached], files),
        architectures=checkpoints.architectures(files.folder, here),
        requirements=stated,
        days=files.days,
        head_day=files.head_day,
        entry=entries[0] if entries else "",
        asked_keras=keras,
        makers=entry_points.makers(reached, modules),
        disagreements=[] if named else entry_points.untrained(entries, modules),
    )
    own, standard = {PurePosixPath(p).parts[0] for p in sources if "/" in p}, _standard()
    foreign = imports.foreign(reached, modules, own, standard)
    told = [*files.notes, *copies, *telling.left_out(files.unread), *notes, *unfollowed]
    found = _concluded(seen, files, source, entries, foreign, told)
    servers = {e: routes for e in entries if (routes := entry_points.serving(e, modules))}
    newest_day = seen.head_day if seen.head_day != found.date else None
    wants = {e: set(_foreign(e, modules, own, standard)) for e in entries[1:] if not entry}
    return _with_others(replace(found, newest_day=newest_day, servers=servers), wants, modules)


def _with_others(found: Evidence, wants: Mapping[str, set[str]], modules: Modules) -> Evidence:
    """Return the evidence with what else is worth a try; wants: what other command lines import, by these."""
    may_run = [command for command, imported in wants.items() if imported <= set(found.imports)]
    alternatives, builders, elsewhere = entry_points.others(list(wants), may_run, modules)
    callers = entry_points.callers([*found.entry_points[:1], *alternatives, *builders], found.makers, modules)
    return replace(found, alternatives=alternatives, builders=builders, elsewhere=elsewhere, callers=callers)


def _foreign(command: str, modules: Modules, own: set[str], standard: set[str]) -> list[str]:
    return imports.foreign(imports.program(str(entry_points.script(command, modules)), modules), modules, own, standard)


def _reached(entries: list[str], modules: Modules, has_weights: bool) -> list[str]:
    """Return the files of the program: what the entry point reaches by imports; every file where there is none.

    Where nothing holds the model that it reads from a file, what makes one is of the program too.
    """
    if not entries:
        return sorted(modules)
    commands = entries[:1]
    if not has_weights and entry_points.only_reads(entries[0], modules):
        commands += entry_points.builders(entries[1:], modules)[:1]
    starts = [entry_points.script(command, modules) for command in commands]
    return list(dict.fromkeys(p for start in starts if start for p in imports.program(start, modules)))


def _standard() -> set[str]:
    return set(sys.stdlib_module_names) | set(facts.load().standard_2)


def _entries(found: list[str], modules: Mapping[str, Module], source: str, given: str | None) -> list[str]:
    """Put first the entry point that is given; raises InputError where it is none."""
    if not given:
        return found
    entry = entry_points.standing(given, modules)
    if entry_points.script(entry, modules) is None:
        raise InputError(f"--entry {entry!r} runs no Python file of {source}; give one, as: python predict.py x.png")
    return [entry, *(e for e in found if e != entry)]


def _concluded(
    seen: Findings, files: Checkout, source: str, entries: list[str], foreign: list[str], notes: list[str]
) -> Evidence:
    day, why_date = conclusions.date(seen)
    python, why_python = conclusions.python(seen, day)
    keras, why_keras = keras_version.keras(seen, day)
    version = keras or facts.keras_of(day) or "0.2.0"
    backend, why_backend = conclusions.backend(seen, version)
    if keras is None and backend == "tensorflow":
        keras, why_keras = keras_version.fitting(seen, day) or (keras, why_keras)
        version = keras or version
    ordering, why_ordering = conclusions.ordering(seen, version, backend)
    return Evidence(
        source=source,
        commit=files.commit,
        date=day,
        why_date=why_date,
        python=python,
        keras_version=keras,
        backend=backend,
        dim_ordering=ordering,
        why={"python": why_python, "keras_version": why_keras, "backend": why_backend, "dim_ordering": why_ordering},
        requirements=seen.requirements,
        imports=foreign,
        calls=sorted({call for m in seen.modules.values() for call in m.calls}),
        checkpoints=[c.path for c in seen.checkpoints],
        architectures=[a.path for a in seen.architectures],
        entry_points=entries,
        disagreements=seen.disagreements,
        makers=seen.makers,
        notes=[*notes, *_looks(seen, day), *(c.problem for c in seen.checkpoints if c.problem)],
        refused=conclusions.refused(seen, version, keras is not None, day, entries, foreign),
    )


def _looks(seen: Findings, day: str) -> list[str]:
    """Return lines on what a person should know: code younger than its checkpoint, a Keras in the repository."""
    lines = []
    if seen.head_day and seen.head_day[:7] > day[:7]:
        lines.append(f"the newest commit is of {seen.head_day}, the environment of {day}; --commit takes older code")
    own = [p for p in seen.paths if p.endswith("keras/layers/core.py")]
    if own:
        lines.append(
            f"the repository carries a Keras of its own ({own[0]}): if the program imports that, it is what runs"
        )
    return lines


def _ranked(
    found: list[checkpoints.Checkpoint], program: Iterable[Module], files: Checkout
) -> list[checkpoints.Checkpoint]:
    """Put first the checkpoints that the program names, of these the newest."""
    strings = {text for module in program for text in module.strings}
    named = {c.path for c in found if any(PurePosixPath(c.path).name in text for text in strings)}
    newest = sorted(found, key=lambda c: files.days.get(c.path, ""), reverse=True)
    return sorted(newest, key=lambda c: c.path not in named)


def _parsed(sources: Mapping[str, str]) -> tuple[dict[str, Module], list[str], list[str], list[str]]:
    """Parse with both Pythons: the modules, the paths that only 2 parses, those that only 3 parses, and notes."""
    three = imports.parse(sources)
    interpreter = find_interpreter()
    if interpreter is None:
        return three, [p for p, m in three.items() if m.error], [], ["no Python 2.7 is here to parse with: only 3 was"]
    two = imports.parse(sources, interpreter)
    only_2 = [p for p in sources if three[p].error and not two[p].error]
    only_3 = [p for p in sources if two[p].error and not three[p].error]
    neither = [f"{p} does not parse: {three[p].error}" for p in sources if two[p].error and three[p].error]
    return {p: three[p] if p in only_3 else two[p] for p in sources}, only_2, only_3, neither


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_TEXT:
        return ""
    text = path.read_bytes().decode("utf-8", "replace").replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _notebooks(folder: Path, paths: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the Pythons that notebooks name, and their code, by path."""
    books = [path for path in paths if path.endswith(notebooks.ENDING) and ".ipynb_checkpoints" not in path]
    read = {path: notebooks.read(folder / path) for path in books}
    return (
        {path: version for path, (version, _) in read.items() if version},
        {path: code for path, (_, code) in read.items() if code is not None},
    )
