"""Command lines that a repository offers to be run by, the likeliest to predict first.

Commands of its README's code come before files with a main guard; a notebook is `python NAME.ipynb`.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from reprise_kit.apps.adopt.imports import Module, program

# At the start of a line or of code within one, as a README shows it; not in the middle of its prose.
COMMAND = re.compile(r"(?:^[ \t]*(?:[$>%*-][ \t]*)?|`|\$ )((?:[A-Z_]+=\S+ +)*i?python[\d.]* +[^\n`#|;&]+)", re.M)
PLACEHOLDER = re.compile(r"<[^>]*>|\[[^\]]*\]|\.\.\.")
# What a program that gives answers calls, and what one that makes a model calls; points are weighed, not proven.
ANSWERS = {"predict": 4, "predict_classes": 4, "predict_proba": 4, "predict_on_batch": 3, "load_weights": 4,
           "load_model": 4, "model_from_json": 4, "model_from_yaml": 4, "evaluate": 1}  # fmt: skip
TRAINS = {"fit": -3, "fit_generator": -3, "train_on_batch": -2, "save_weights": -1}
NAMES = re.compile(r"predict|test|demo|eval|drive|infer|classify|generate|serve|app\b|run|play|main|dqn", re.I)
NO_ENTRY = re.compile(r"(^|/)(tests?|docs?|setup|conftest|__init__)(/|\.py$)")


def find(readmes: list[str], modules: Mapping[str, Module], notebooks: list[str]) -> list[str]:
    """Return the command lines, the chosen one first; [] where nothing runs."""
    commands = dict.fromkeys(c for text in readmes for c in commands_of(text) if script(c, modules, notebooks))
    named = {script(c, modules, notebooks) for c in commands}
    scored = [
        (score(str(script(c, modules, notebooks)), modules) + (0 if PLACEHOLDER.search(c) else 2), c) for c in commands
    ]
    scored += [
        (score(path, modules), f"python {shlex.quote(path)}") for path in _runnable(modules) if path not in named
    ]
    scored += [(0, f"python {shlex.quote(path)}") for path in notebooks if path not in named | modules.keys()]
    scored.sort(key=lambda row: -row[0])  # stable: the README's order where they weigh the same
    return [command for _, command in scored]


def commands_of(text: str) -> Iterator[str]:
    """Yield the `python ...` commands that a README shows."""
    for match in COMMAND.finditer(text):
        yield " ".join(match[1].strip().rstrip(".,:*)").split())


def script(command: str, modules: Mapping[str, Module], notebooks: list[str]) -> str | None:
    """Return the repository's file that a command line runs, None where it runs none."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    while words and "=" in words[0]:
        words = words[1:]
    words = words[1:]
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[1:]
    if words[:1] == ["-m"]:
        words = [words[1].replace(".", "/") + ".py"] if len(words) > 1 else []
    path = str(PurePosixPath(words[0])) if words else ""
    if path in modules or path in notebooks:
        return path
    same = [p for p in modules if PurePosixPath(p).name == path]  # a README that stands in the script's folder
    return same[0] if len(same) == 1 else None


def score(path: str, modules: Mapping[str, Module]) -> int:
    """Weigh a file as an entry point: what it and what it imports call, and its name."""
    if path not in modules:
        return 0
    own = set(modules[path].calls)
    reached = {call for name in program(path, modules) for call in modules[name].calls}
    points = sum(worth for call, worth in ANSWERS.items() if call in own)
    points += sum(1 for call in ANSWERS if call in reached - own)
    points += sum(worth for call, worth in TRAINS.items() if call in own)
    return points + (2 if NAMES.search(PurePosixPath(path).stem) else 0) + (1 if modules[path].main else 0)


def _runnable(modules: Mapping[str, Module]) -> list[str]:
    """Return files that do something when they are run: a main guard, or a model's calls that nothing imports."""
    imported = {p for path in modules for p in program(path, modules)[1:]}
    calls = ANSWERS.keys() | TRAINS.keys()
    found = []
    for path in sorted(modules, key=lambda p: (p.count("/"), p)):
        module = modules[path]
        alone = path not in imported and calls & set(module.calls)
        if module.error is None and not NO_ENTRY.search(path) and (module.main or alone):
            found.append(path)
    return found
