"""What a program imports and calls, from its entry point on: read by the `ast` of the Python it was written for."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import ROOT

PROBE = ROOT / "original" / "eras" / "parsed.py"
SECONDS = 120
LARGEST = 4 << 20  # bytes of one source file


@dataclass(frozen=True)
class Module:
    """One source file as parsed. error: why it does not parse, None where it does.

    imports: (module, level, names). keywords: of calls, as NAME and, where a string is given, NAME=STRING.
    shapes: input shapes written out, None where an element is no number. signs: of Python 3 in what both parse.
    arguments: (flag or name, help) of those that it must be given.
    """

    error: str | None = None
    imports: list[tuple[str, int, list[str]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    shapes: list[list[int | None]] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)
    arguments: list[tuple[str, str]] = field(default_factory=list)
    main: bool = False

    def edits_path(self) -> bool:
        """Say whether it seems to add folders to sys.path."""
        return any(name == "sys" for name, _, _ in self.imports) and "path" in self.names


def parse(sources: Mapping[str, str], interpreter: Path | None = None) -> dict[str, Module]:
    """Parse sources by path with an interpreter (None: this one); raises InputError where that fails as a whole."""
    python = interpreter or Path(sys.executable)
    # -E -s -S: nothing of the user's environment is imported by it.
    command = [str(python), "-E", "-s", "-S", str(PROBE)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(dict(sources)).encode(),
            capture_output=True,
            timeout=SECONDS,
            cwd="/",
            check=False,
        )
        return msgspec.json.decode(done.stdout, type=dict[str, Module])
    except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
        raise InputError(f"{python} cannot parse the repository's Python ({type(error).__name__})") from None


def program(entry: str, modules: Mapping[str, Module]) -> list[str]:
    """Return the paths of the repository's own modules that `entry` reaches by imports, itself first."""
    reached = [entry]
    for path in reached:
        if path in modules:
            reached += sorted(set(_local(path, modules)) - set(reached))
    return [path for path in reached if path in modules]


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
    if not found and parts and not level and any(module.edits_path() for module in modules.values()):
        found = [p for p in modules if PurePosixPath(p).name == f"{parts[0]}.py"][:1]
    return found


def _module(path: PurePosixPath, modules: Mapping[str, Module]) -> list[str]:
    return [name for name in (f"{path}.py", f"{path}/__init__.py") if name in modules]


def foreign(paths: Iterable[str], modules: Mapping[str, Module], own: set[str], standard: set[str]) -> list[str]:
    """Return the top-level names that these modules import and that are neither the repository's nor Python's.

    own: names of the repository's folders that hold code beside its modules. standard: the standard libraries' names.
    """
    names = set()
    for path in paths:
        for name, level, extra in modules[path].imports:
            top = name.split(".")[0]
            if not level and top not in standard | own | {""} and not _files(path, top, level, extra, modules):
                names.add(top)
    return sorted(names)
