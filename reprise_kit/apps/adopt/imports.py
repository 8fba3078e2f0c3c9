"""What a program imports and calls, from its entry point on: read by the `ast` of the Python it was written for."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import msgspec

from reprise_kit.compare import facts
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program
from reprise_kit.compare.system import ROOT

PROBE = ROOT / "original" / "eras" / "parsed.py"
SECONDS = 120
LARGEST = 4 << 20  # bytes of one source file


@dataclass(frozen=True)
class Module:
    """One source file as parsed. error: why it does not parse, None where it does.

    imports: (module, level, names). attributes: what is read of them, as MODULE.NAME, or called, MODULE.NAME().
    keywords: of calls, as NAME and, where a string is given, NAME=STRING.
    shapes: input shapes written out, None where an element is no number. signs: of Python 3 in what both parse.
    arguments: (flag or name, help, a value of its choices or type or "") of those that it must be given.
    acts: whether it calls anything when it is run.
    """

    error: str | None = None
    imports: list[tuple[str, int, list[str]]] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    shapes: list[list[int | None]] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)
    arguments: list[tuple[str, str, str]] = field(default_factory=list)
    main: bool = False
    acts: bool = True

    def edits_path(self) -> bool:
        """Say whether it seems to add folders to sys.path."""
        return any(name == "sys" for name, _, _ in self.imports) and "path" in self.names


class Modules(dict[str, Module]):
    """Parsed files by path, which look up once what each imports of the others."""

    @classmethod
    def of(cls, modules: Mapping[str, Module]) -> "Modules":
        """Return them as they are where they are such already."""
        return modules if isinstance(modules, cls) else cls(modules)

    @cached_property
    def links(self) -> dict[str, list[str]]:
        """By path, the files that it imports; filled as it is asked for."""
        return {}

    def linked(self, path: str) -> list[str]:
        """Return the files that a file imports, sorted."""
        if path not in self.links:
            self.links[path] = sorted(set(_local(path, self)))
        return self.links[path]

    @cached_property
    def named(self) -> dict[str, str]:
        """By a file's name, the first path that has it."""
        return {path.rpartition("/")[2]: path for path in reversed(self)}

    @cached_property
    def edit_path(self) -> bool:
        """Say whether one of them seems to add folders to sys.path."""
        return any(module.edits_path() for module in self.values())


def parse(sources: Mapping[str, str], interpreter: Path | None = None) -> dict[str, Module]:
    """Parse sources by path with an interpreter (None: this one); raises InputError where that fails as a whole."""
    python = interpreter or Path(sys.executable)
    # -E -s -S: nothing of the user's environment is imported by it.
    command = [str(python), "-E", "-s", "-S", str(PROBE)]
    try:
        done = run_program(command, SECONDS, json.dumps(dict(sources)), cwd="/")
        return msgspec.json.decode(done.stdout, type=dict[str, Module])
    except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{python} cannot parse the repository's Python ({why})") from None


def program(entry: str, modules: Mapping[str, Module]) -> list[str]:
    """Return the paths of the repository's own modules that `entry` reaches by imports, itself first."""
    known, reached = Modules.of(modules), {entry: None}
    waiting = [entry]
    for path in waiting:
        if path in known:
            new = [other for other in known.linked(path) if other not in reached]
            reached |= dict.fromkeys(new)
            waiting += new
    return [path for path in reached if path in known]


def parser(path: str, modules: Mapping[str, Module]) -> Module:
    """Return the file that reads a program's command line: itself, else the one of those that it imports which does."""
    own = modules[path]
    if own.arguments or "add_argument" in own.calls:
        return own
    reached = [modules[p] for p in program(path, modules)[1:]]
    others = [module for module in reached if "add_argument" in module.calls and not module.main]
    return others[0] if len(others) == 1 else own


def _local(path: str, modules: Mapping[str, Module]) -> Iterable[str]:
    for name, level, names in modules[path].imports:
        yield from _files(path, name, level, names, modules)


def _files(path: str, name: str, level: int, names: list[str], modules: Mapping[str, Module]) -> list[str]:
    """Return the repository's files that one import of the file `path` loads."""
    here = PurePosixPath(path).parent
    for _ in range(max(level - 1, 0)):
        here = here.parent
    # Python 2 looks beside the file first, a script's own folder is on sys.path, and so is where one stands; folders
    # between (src/) are put there by the program itself or by who runs it.
    tried = [here] if level else [here, PurePosixPath(), *here.parents]
    parts = [part for part in name.split(".") if part]
    found = []
    for base in tried:
        for length in range(1, len(parts) + 1):
            found += _module(base.joinpath(*parts[:length]), modules)
        for extra in names:
            found += _module(base.joinpath(*parts, extra), modules) if parts or level else []
        if found:
            break
    known = Modules.of(modules)
    if not found and parts and not level and known.edit_path and f"{parts[0]}.py" in known.named:
        found = [known.named[f"{parts[0]}.py"]]
    return found


def _module(path: PurePosixPath, modules: Mapping[str, Module]) -> list[str]:
    return [name for name in (f"{path}.py", f"{path}/__init__.py") if name in modules]


def foreign(paths: Iterable[str], modules: Mapping[str, Module], own: set[str], standard: set[str]) -> list[str]:
    """Return the top-level names that these modules import and that are neither the repository's nor Python's.

    own: names of the repository's folders that hold code beside its modules. standard: the standard libraries' names.
    """
    table = facts.load()
    known = {"keras", *table.modules, *table.rarer}  # an installed package comes before such a folder
    names, own, modules = set(), set(own), Modules.of(modules)
    for path in paths:
        for name, level, extra in modules[path].imports:
            top = name.split(".")[0]
            if level or top in standard | {""} or _files(path, top, level, extra, modules):
                continue
            names.add(top)
            if top not in known and _files(path, name, level, [], modules):
                own.add(top)  # in Python 3 a folder is a package without __init__.py, too
    return sorted(names - own)
