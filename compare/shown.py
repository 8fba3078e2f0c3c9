"""Names and messages from elsewhere as a terminal may show them: nothing in them is obeyed.

A file's name, a layer's, an error's text may hold terminal codes, line ends, direction marks or bytes that are not
UTF-8. Every place that prints such text prints `shown` of it, on a rich console one of `console`: it reads no markup.
"""

import os
import unicodedata
from typing import Any

from rich.console import Console

JOINS_EMOJI = "\N{ZERO WIDTH JOINER}"


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


def console(stderr: bool = False) -> Console:
    """Return a console that takes text as it is: style is given beside it, not in it."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def write_line(line: str, file: Any) -> None:
    """Print one line of text from elsewhere."""
    print(shown(line), file=file, flush=True)


def _shown(character: str) -> str:
    if character.isprintable() or character == JOINS_EMOJI or unicodedata.category(character) == "Zs":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
