"""What a command line must be given, filled in with the repository's files of the kind that its words name."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from reprise_kit.apps.adopt.imports import Module

# What an argument's name and help say, and how the files end that they ask for; the first that fits.
KINDS = (
    (re.compile(r"json|definition|architecture", re.I), (".json",)),
    (re.compile(r"yaml", re.I), (".yaml", ".yml")),
    (re.compile(r"model|weight|network|checkpoint|h(df)?5", re.I), (".h5", ".hdf5", ".hdf", ".keras", ".json")),
    (re.compile(r"image|img|picture|photo", re.I), (".jpg", ".jpeg", ".png", ".bmp")),
    (re.compile(r"audio|sound|wav|song|track", re.I), (".wav", ".mp3", ".ogg", ".flac")),
    (re.compile(r"video|movie", re.I), (".mp4", ".avi", ".mov")),
    (re.compile(r"text|corpus", re.I), (".txt",)),
)
NOT_TYPED = ("image", "audio", "video")  # how the patterns begin of what nobody can type
# A list of numbers is a value: --layers [64,32,16,8]. /path/to/weights.h5 is nobody's.
PLACEHOLDER = re.compile(r"<[^>]*>|\[(?![\d\s.,-]+\])[^\]]*\]|\.\.\.|/?\bpath/to/[^\s'\"]+", re.I)
DEVICES = re.compile(r"(?<!\S)(THEANO_FLAGS|CUDA_VISIBLE_DEVICES)=('[^']*'|\"[^\"]*\"|\S+)\s+")  # its makers' own
OPTION = re.compile(rf" +(--?[a-zA-Z][\w-]*)[ =]+({PLACEHOLDER.pattern})")
OPTIONAL = re.compile(r" +\[(-[^\]]*|(options?|args|flags)\b[^\]]*)\]", re.I)  # as in a usage line
WRITTEN = re.compile(r"^-*(results?|out(put)?|save|saved?_to|log)([_-]?(file|name|path|prefix))?$", re.I)
FOLDERS = re.compile(r"\bdir(ectory)?\b|folder|_dir|output", re.I)


def given(command: str, path: str, module: Module, paths: list[str]) -> str:
    """Return the command with what it must be given, where it ends with its script: the file `path`, as parsed.

    A number or a choice is one that it takes, a file to write has its argument's name; what no file of the repository
    can be is left open as <name>. A program of subcommands is left as it is.
    """
    words = command.split()
    if "add_subparsers" in module.calls or words[-1].strip("'\"") not in (path, PurePosixPath(path).name):
        return command
    folder = PurePosixPath(path).parent
    stands = folder if command.startswith("cd ") else PurePosixPath()
    return " ".join([command, *_filled(module.arguments, folder, stands, paths)])


def without_blanks(command: str, path: str, module: Module, paths: list[str]) -> str:
    """Return a README's command without the options whose value it leaves open and the program does not demand.

    Of what else it leaves open, a file of the repository's is filled in. path: the script, as parsed in `module`.
    """
    folder = PurePosixPath(path).parent
    stands = folder if command.startswith("cd ") else PurePosixPath()

    def file_for(words: str, blank: str) -> str:
        ending = PurePosixPath(blank.strip("<>[]")).suffix.lower()
        found = _file(words, folder, [p for p in paths if p.lower().endswith(ending)] if ending else paths)
        return shlex.quote(os.path.relpath(found, stands)) if found else blank

    def option(found: re.Match[str]) -> str:
        value = file_for(f"{found[1]} {found[2]}", found[2])
        demanded = "add_argument" not in module.calls or any(row[0] == found[1] for row in module.arguments)
        return f" {found[1]} {value}" if demanded or value != found[2] else ""

    return PLACEHOLDER.sub(lambda found: file_for(found[0], found[0]), OPTION.sub(option, OPTIONAL.sub("", command)))


def _filled(
    wanted: list[tuple[str, str, str]], folder: PurePosixPath, stands: PurePosixPath, paths: list[str]
) -> Iterator[str]:
    for name, says, value in wanted:
        if name.startswith("-"):
            yield name
        found = None if value or WRITTEN.match(name) else _file(f"{name} {says}", folder, paths)
        own = value or (name.lstrip("-") if WRITTEN.match(name) else f"<{name.lstrip('-')}>")
        yield shlex.quote(os.path.relpath(found, stands)) if found else own


def by_kind(paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a program's question says that asks for a file, as a pattern, and the repository's file of that kind.

    Words like "text" and "model" ask for a file where they say so, those of what no keyboard types where they end.
    """
    for says, endings in KINDS:
        if found := _likeliest(endings, PurePosixPath(), paths):
            ends = rf"|({says.pattern})s?(\s*name)?\W*$" if says.pattern.startswith(NOT_TYPED) else ""
            yield rf"(?=.*(file|path))(?=.*({says.pattern})){ends}", found


def _file(words: str, folder: PurePosixPath, paths: list[str]) -> str | None:
    """Return the repository's file of the kind that words ask for."""
    if FOLDERS.search(words):
        return None
    for says, endings in KINDS:
        if says.search(words):
            return _likeliest(endings, folder, paths)
    return None


def _likeliest(endings: tuple[str, ...], folder: PurePosixPath, paths: list[str]) -> str | None:
    """Return the file of an ending that comes earlier in its kind, one beside the script before elsewhere."""
    found = [[path for path in paths if path.lower().endswith(ending)] for ending in endings]
    likeliest = next(filter(None, found), [])
    return min(likeliest, key=lambda p: (PurePosixPath(p).parent != folder, p.count("/"), p), default=None)
