"""Names and messages from elsewhere as a terminal may show them: nothing in them is obeyed.

A file's name, a layer's, an error's text may hold terminal codes, line ends, direction marks or bytes that are not
UTF-8. Every place that prints such text prints `shown` of it, on a rich console the one of `compare/screen.py`.
"""

import os
import shutil
import sys
import textwrap
import unicodedata

JOINS_EMOJI = "\N{ZERO WIDTH JOINER}"
HANG = 2  # columns by which the rest of a line that a terminal cannot hold is indented


def shown(text: object) -> str:
    r"""Return text on one line, unprintable characters escaped: \x1b, \n, \u202e, \xff for a byte that is not UTF-8."""
    return "".join(map(_shown, str(text)))


def utf8(path: str | os.PathLike[str]) -> tuple[str, bytes | None]:
    r"""Return a path as text, bytes that are not UTF-8 as \xff, and its bytes where it has any of those."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8"), None
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), raw


def say(text: object, error: bool = False) -> None:
    """Print one line on standard output, or on standard error; a terminal gets it cut between its words."""
    stream, line = sys.stderr if error else sys.stdout, shown(text)
    lines = wrapped(line, shutil.get_terminal_size().columns) if stream.isatty() else [line]
    print(*lines, sep="\n", file=stream, flush=True)


def wrapped(line: str, width: int) -> list[str]:
    """Cut a line between its words; what goes on is indented further, and a path or a URL is never cut."""
    indent = " " * (len(line) - len(line.lstrip()) + HANG)
    lines = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [line]


def _shown(character: str) -> str:
    if character.isprintable() or character == JOINS_EMOJI or unicodedata.category(character) == "Zs":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
