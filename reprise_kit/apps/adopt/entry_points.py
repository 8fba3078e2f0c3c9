"""Command lines that a repository offers to be run by, the likeliest to predict first.

Commands of its README's code come before files with a main guard; a notebook is `python NAME.ipynb`. Where a script
wants to stand in its own folder the command begins with `cd FOLDER &&`.
"""

import functools
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from reprise_kit.apps.adopt import arguments, imports
from reprise_kit.apps.adopt.arguments import DEVICES, PLACEHOLDER
from reprise_kit.apps.adopt.imports import Module, Modules, program

# At the start of a line or of code within one, as a README shows it; not in the middle of its prose.
COMMAND = re.compile(r"(?:^[ \t]*(?:[$>%*-][ \t]*)?|`|\$ )((?:[A-Z_]+=\S+ +)*i?python[\d.]* +[^\n`#|;&]+)", re.M)
CONTINUED = re.compile(r"[ \t]*\\[ \t]*\n[ \t]*")  # a line that goes on in the next
ASIDE = re.compile(r"\s\((?=[a-z])")  # prose behind a command: python a.py (or python b.py)
UNCLOSED = re.compile(r"\s[\[<][^\]>]*$")  # an argument described with a sign that ends a command: [# of epochs]
OWN_WORDS = re.compile(r"\"[^\"]*\"|'[^']*'|\S*[./]\S*|\b\d+\b")  # of a command: what is given, not what is done
# What a program that gives answers calls, and what one that makes a model calls; points are weighed, not proven.
ANSWERS = {"predict": 4, "predict_classes": 4, "predict_proba": 4, "predict_on_batch": 3, "load_weights": 4,
           "load_model": 4, "model_from_json": 4, "model_from_yaml": 4, "evaluate": 1}  # fmt: skip
TRAINS = {"fit": -3, "fit_generator": -3, "train_on_batch": -2, "save_weights": -1}
TEACHES = {"fit", "fit_generator", "train_on_batch"}
MAKES = {"Sequential", "Model", "Graph"} | TEACHES
LOADS = {"load_weights", "load_model", "model_from_json", "model_from_yaml"}
SAVES = {"save", "save_weights", "ModelCheckpoint"}
WITHOUT_KERAS = -20
MAKERS = 12  # files
ROUTED, OWN_SERVERS = {"flask", "bottle"}, {"BaseHTTPServer", "http.server"}
ALTERNATIVES = 2  # of each sort, beside the chosen one
NAMES = re.compile(r"predict|test|demo|eval|drive|infer|classify|generate|serve|app\b|run|play|main|dqn", re.I)
ASKING = re.compile(r"predict|infer|eval|classify|test|generate")
TOLD = re.compile(r"(?:\.py|-m [\w.]+) ([a-z]\w+)(?=\s|$)")
SHOWN = re.compile(r"readme(\.\w+)?\.py", re.I)  # see readme_code.py
NO_ENTRY = re.compile(r"(^|/)(tests?|docs?|setup|conftest|__init__)(/|\.py$)")


def find(readmes: list[str], modules: Mapping[str, Module], paths: list[str]) -> list[str]:
    """Return the command lines, the chosen one first; [] where nothing runs.

    modules: what parses, notebooks too. paths: of every file of the repository.
    """
    modules = Modules.of(modules)
    shown = (DEVICES.sub("", _named(c, paths)) for text in readmes for c in commands_of(text))
    known = [(standing(c, modules), str(path)) for c in shown if (path := script(c, modules))]
    commands = dict.fromkeys(_filled(c, path, modules, paths) for c, path in known)
    named = {script(c, modules) for c in commands}
    scored = [(score(str(script(c, modules)), modules) + _asks(c) + (0 if PLACEHOLDER.search(c) else 2), c)
              for c in commands]  # fmt: skip
    scored += [(score(path, modules), _command(path, modules, paths)) for path in _runnable(modules)
               if path not in named]  # fmt: skip
    scored.sort(key=lambda row: -row[0])  # stable: the README's order where they weigh the same
    return _each_first([command for _, command in scored], modules)


def _asks(command: str) -> int:
    """Weigh what a program of several is told to do: the word behind it, as in `python -m net predict --input x`."""
    return 1 if (told := TOLD.search(command)) and ASKING.match(told[1]) else 0


def _each_first(commands: list[str], modules: Mapping[str, Module]) -> list[str]:
    """Put last what only gives a script, or a copy of it, something else than an earlier command does."""
    first = {(_content(script(c, modules), modules), OWN_WORDS.sub("", c)): c for c in reversed(commands)}
    return sorted(commands, key=lambda command: command not in first.values())


def _content(path: str | None, modules: Mapping[str, Module]) -> tuple[str, bytes]:
    return PurePosixPath(path or "").name, msgspec.json.encode(modules.get(path or ""))


def commands_of(text: str) -> Iterator[str]:
    """Yield the `python ...` commands that a README shows."""
    for match in COMMAND.finditer(CONTINUED.sub(" ", text)):
        words = UNCLOSED.sub("", ASIDE.split(match[1])[0])
        yield " ".join(words.strip().rstrip(".,:*)").split())


def _named(command: str, paths: list[str]) -> str:
    """Return a command whose placeholders that are a file's own name, as <model.json>, are that name."""
    return PLACEHOLDER.sub(lambda found: found[0][1:-1] if found[0][1:-1] in paths else found[0], command)


def script(command: str, modules: Mapping[str, Module]) -> str | None:
    """Return the repository's file that a command line runs, None where it runs none."""
    folder = PurePosixPath()
    for part in re.split(r"&&|\|\||[;&|\n]", command):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        if words[:1] == ["cd"] and len(words) == 2:
            folder = folder / words[1]
        elif found := _script(words, folder, modules):
            return found
    return None


def _script(words: list[str], folder: PurePosixPath, modules: Mapping[str, Module]) -> str | None:
    while words and "=" in words[0]:
        words = words[1:]
    if not words or not re.search(r"python[\d.]*$|\.py$", words[0]):
        return None
    words = words if words[0].endswith(".py") else words[1:]
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[1:]
    names = words[:1]
    if names == ["-m"]:
        place = words[1].replace(".", "/") if len(words) > 1 else ""
        names = [f"{place}.py", f"{place}/__main__.py"]
    tried = [os.path.normpath(folder / name) for name in names]
    # Else a README may stand in the script's folder.
    there = [path for path in tried if path in modules]
    ends = tuple(f"/{path}" for path in tried)
    found = there[:1] or [path for path in modules if ends and path.endswith(ends)]
    return found[0] if len(found) == 1 else None


def standing(command: str, modules: Mapping[str, Module]) -> str:
    """Return a command that goes first where its script lies, where a README leaves that unsaid."""
    path = script(command, modules)
    if path is None or path in command or "cd " in command:
        return command
    written = next((w for w in command.split() if path.endswith(f"/{w}")), None)
    return f"cd {shlex.quote(path.removesuffix(f'/{written}'))} && {command}" if written else command


def _filled(command: str, path: str, modules: Modules, paths: list[str]) -> str:
    """Return a README's command of the file `path` with what it leaves open and must be given."""
    parser = imports.parser(path, modules)
    return arguments.given(arguments.without_blanks(command, path, parser, paths), path, parser, paths)


def _command(path: str, modules: Modules, paths: list[str]) -> str:
    """Return the command for a file that no README shows: from its own folder where the files it names lie there."""
    return arguments.given(_bare(path, modules[path], paths), path, imports.parser(path, modules), paths)


def _bare(path: str, module: Module, paths: list[str]) -> str:
    folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
    is_named = all(map(str.isidentifier, PurePosixPath(path).with_suffix("").parts))
    if is_named and f"{folder}/__init__.py" in paths and any(level for _, level, _ in module.imports):
        return _as_module(path, paths)
    there = _places(tuple(paths))
    named = [text for text in module.strings if len(text) > 1 and not text.startswith("/")]
    here, above = (sum(os.path.normpath(base / text) in there for text in named) for base in (folder, PurePosixPath()))
    if here > above or (folder != PurePosixPath() and path.endswith(".ipynb")):
        return f"cd {shlex.quote(str(folder))} && python {shlex.quote(name)}"
    return f"python {shlex.quote(path)}"


@functools.lru_cache(maxsize=1)
def _places(paths: tuple[str, ...]) -> frozenset[str]:
    """Return how a program may name its files and folders: "../models/net", too, to which it adds ".json"."""
    files = [PurePosixPath(path) for path in paths]
    stems = (str(file.with_suffix("")) for file in files if file.suffix != ".py")
    return frozenset(paths).union(stems, (str(parent) for file in files for parent in file.parents))


def _as_module(path: str, paths: list[str]) -> str:
    """Return the command for a file of a package that imports the package's own relative to itself: no script may."""
    package = PurePosixPath(path).parent
    while package.parent != PurePosixPath() and f"{package.parent}/__init__.py" in paths:
        package = package.parent
    base = package.parent
    name = ".".join(PurePosixPath(path).relative_to(base).with_suffix("").parts)
    return f"python -m {name}" if base == PurePosixPath() else f"cd {shlex.quote(str(base))} && python -m {name}"


def score(path: str, modules: Mapping[str, Module]) -> int:
    """Weigh a file as an entry point: what it and what it imports call, and its name."""
    if path not in modules:
        return 0
    own, whole = set(modules[path].calls), program(path, modules)
    reached = {call for name in whole for call in modules[name].calls}
    points = 0 if _has_keras(path, modules) else WITHOUT_KERAS
    points += sum(worth for call, worth in ANSWERS.items() if call in own)
    points += sum(1 for call in ANSWERS if call in reached - own)
    points += sum(worth for call, worth in TRAINS.items() if call in own)
    return points + (2 if NAMES.search(PurePosixPath(path).stem) else 0) + (1 if modules[path].main else 0)


def others(commands: list[str], may_run: list[str], modules: Mapping[str, Module]) -> tuple[list[str], ...]:
    """Return of the command lines beside the chosen one those that are worth a try.

    may_run: those of them that its environment can run. Of these what answers and what makes a model; of the rest one.
    """
    alternatives = _answering(may_run, modules)[:ALTERNATIVES]
    makers = builders([c for c in may_run if c not in alternatives], modules)[:ALTERNATIVES]
    may_not = [c for c in commands if c not in may_run]
    elsewhere = [*_answering(may_not, modules), *builders(may_not, modules)][:1]
    return alternatives, makers, elsewhere


def _answering(commands: list[str], modules: Mapping[str, Module]) -> list[str]:
    return [command for command in commands if score(str(script(command, modules)), modules) > 0]


def builders(commands: Iterable[str], modules: Mapping[str, Module]) -> list[str]:
    """Return of command lines, in their order, those whose own script makes a model of Keras: builds or teaches it."""
    found = []
    for command in commands:
        path = script(command, modules)
        if path and MAKES & set(modules[path].calls) and _has_keras(path, modules):
            found.append(command)
    return found


def makers(program_files: Iterable[str], modules: Mapping[str, Module]) -> list[str]:
    """Return the files whose own code makes a model of Keras, those of the program first."""
    first = [path for path in program_files if path in modules]
    found = dict.fromkeys([*first, *sorted(modules, key=lambda path: (path.count("/"), path))])
    return [path for path in found if {"Sequential", "Model", "Graph"} & set(modules[path].calls)
            and _imports_keras(modules[path]) and not NO_ENTRY.search(path)][:MAKERS]  # fmt: skip


def callers(commands: Iterable[str], made_in: list[str], modules: Mapping[str, Module]) -> list[str]:
    """Return the scripts of command lines that make no model themselves and import what does."""
    scripts = dict.fromkeys(filter(None, (script(command, modules) for command in commands)))
    return [path for path in scripts if path not in made_in and set(made_in) & set(program(path, modules))]


def only_reads(command: str, modules: Mapping[str, Module]) -> bool:
    """Say whether what a command line runs takes its model from files and makes none itself."""
    calls = _called(command, modules)
    return bool(LOADS & calls) and not MAKES & calls


def serving(command: str, modules: Modules) -> list[str]:
    """Return the files in which what a command line runs says what it answers over HTTP; [] where it is no server.

    A command that begins a client too has one; a simulator's socket is none that can be asked.
    """
    path = script(command, modules)
    if path is None or re.search(r"(?<!&)&(?!&)", command):
        return []
    whole = {part: {name for name, _, _ in modules[part].imports} for part in program(path, modules)}
    if any("socketio" in names for names in whole.values()):
        return []
    routed = {part for part in whole if "route" in modules[part].calls}
    return [part for part, names in whole.items() if OWN_SERVERS & names or (ROUTED & names and part in routed)]


def untrained(commands: list[str], modules: Mapping[str, Module]) -> list[str]:
    """Say which of the other command lines trains and saves what the chosen one reads, where no file holds it.

    [] where none does, or the chosen one reads no model from a file, or teaches one itself.
    """
    calls = _called(commands[0], modules) if commands else set()
    if not LOADS & calls or TEACHES & calls:
        return []
    for command in commands[1:]:
        if TEACHES & (calls := _called(command, modules)) and SAVES & calls:
            both = shlex.quote(f"{command} && {commands[0]}")
            return [f"no file holds what `{commands[0]}` reads; to train before it: --entry {both}"]
    return []


def _called(command: str, modules: Mapping[str, Module]) -> set[str]:
    """Return what the script of a command line, and what it imports, calls."""
    path = script(command, modules)
    return {call for name in program(path, modules) for call in modules[name].calls} if path else set()


def _has_keras(path: str, modules: Mapping[str, Module]) -> bool:
    return any(_imports_keras(modules[part]) for part in program(path, modules))


def _imports_keras(module: Module) -> bool:
    return any(name.split(".")[0] == "keras" for name, _, _ in module.imports)


def _runnable(modules: Mapping[str, Module]) -> list[str]:
    """Return files that do something when they are run: a main guard, or a model's calls that nothing imports.

    Of a README its Python, where that imports the repository's own.
    """
    known = Modules.of(modules)
    imported = {other for path in known for other in known.linked(path) if other != path}
    calls = ANSWERS.keys() | TRAINS.keys()
    found = []
    for path in sorted(modules, key=lambda p: (p.count("/"), p)):
        module = modules[path]
        alone = module.acts and path not in imported and calls & set(module.calls)
        runs = module.main or alone or path.endswith(".ipynb")
        if SHOWN.fullmatch(path):
            runs = len(program(path, modules)) > 1
        if module.error is None and not NO_ENTRY.search(path) and runs:
            found.append(path)
    return found
