"""Python code objects taken out of marshalled bytes (Python 2.7, and 3.3 to 3.10) without unmarshalling them.

A bounded parser of its own for the few types that a small function needs; everything else gives None.
"""

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 65_536
MAX_ITEMS = 5_000
MAX_DEPTH = 16


class Unreadable(Exception):
    """Anything that is not a plain small function."""


@dataclass(frozen=True)
class Code:
    """The parts of a code object that are looked at."""

    n_arguments: int
    python: int
    code: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]
    variables: tuple[str, ...]
    free: tuple[str, ...]
    filename: str
    name: str
    since_38: bool = False  # of Python 3.8 or later


def parse_code(data: bytes) -> Code | None:
    """Return the code object marshalled in `data`, or None where it is not one or holds anything unusual."""
    if len(data) > MAX_BYTES:
        return None
    for more_counts in (0, 1):  # Python 3.8 counts what may be given by place only, too
        try:
            value = _Reader(data, more_counts).value(0)
        except (Unreadable, struct.error, IndexError, ValueError, UnicodeError):
            continue
        if isinstance(value, Code):
            return value
    return None


def code_in(text: str) -> Code | None:
    """Return the function's code: marshalled bytes, which Keras writes in base64 since 2.1, and before as a text."""
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: base64.b64decode("".join(text.split()), validate=True),
        lambda: text.encode("raw_unicode_escape"),
    )
    for way in ways:
        try:
            code = parse_code(way())
        except ValueError:  # also of binascii and of Unicode
            continue
        if code is not None:
            return code
    return None


class _Reader:
    """Marshal, versions 2 to 4, for the types a small code object needs."""

    def __init__(self, data: bytes, more_counts: int = 0) -> None:
        self.data = data
        self.more_counts = more_counts
        self.at = 0
        self.items = 0
        self.interned: list[Any] = []  # Python 2: 't' entries; Python 3: everything flagged

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise Unreadable
        self.at += count
        return self.data[self.at - count : self.at]

    def long(self) -> int:
        return int(struct.unpack("<i", self.take(4))[0])

    def value(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise Unreadable
        byte = self.take(1)[0]
        flagged, kind = bool(byte & 0x80), chr(byte & 0x7F)
        slot = len(self.interned)
        if flagged:
            self.interned.append(None)
        result = self.code(depth, flagged) if kind == "c" else self.plain(kind, depth)
        if flagged:
            self.interned[slot] = result
        return result

    def plain(self, kind: str, depth: int) -> Any:
        singles = {"N": None, "T": True, "F": False, ".": Ellipsis}
        if kind in singles:
            return singles[kind]
        if kind in "iIfgl":
            return self.number(kind)
        if kind in "stuaAzZ":
            return self.text(kind)
        if kind in "Rr":
            index = self.long()
            if not 0 <= index < len(self.interned):
                raise Unreadable
            return self.interned[index]
        if kind in "()":
            count = self.take(1)[0] if kind == ")" else self.long()
            if not 0 <= count <= MAX_ITEMS:
                raise Unreadable
            return tuple(self.value(depth + 1) for _ in range(count))
        raise Unreadable

    def number(self, kind: str) -> int | float:
        if kind == "i":
            return self.long()
        if kind == "I":
            return int(struct.unpack("<q", self.take(8))[0])
        if kind == "g":
            return float(struct.unpack("<d", self.take(8))[0])
        if kind == "f":
            return float(self.take(self.take(1)[0]).decode("ascii"))
        count = self.long()  # 'l': 15-bit digits, the count's sign is the number's
        if abs(count) > 8:
            raise Unreadable
        digits = struct.unpack(f"<{abs(count)}H", self.take(2 * abs(count)))
        size = sum(digit << (15 * place) for place, digit in enumerate(digits))
        number: int | float = size if count >= 0 else -size
        return number

    def text(self, kind: str) -> str | bytes:
        raw = self.take(self.take(1)[0] if kind in "zZ" else self.long())
        if kind == "s":
            return raw
        result = raw.decode("utf-8" if kind in "tu" else "latin-1")
        if kind == "t" and not self.flags_in_use:
            self.interned.append(result)
        return result

    @property
    def flags_in_use(self) -> bool:
        return bool(self.data[0] & 0x80)

    def code(self, depth: int, flagged: bool) -> Code:
        python = 3 if self.flags_in_use else 2
        counts = [self.long() for _ in range(5 + self.more_counts if python == 3 else 4)]
        fields = [self.value(depth + 1) for _ in range(8)]
        self.long()
        self.value(depth + 1)
        code, constants, names, variables, free, cells, filename, name = fields
        if counts[-1] & 0x2C or (python == 3 and (counts[-4] or counts[1])) or cells or not isinstance(code, bytes):
            raise Unreadable  # *args, **kwargs, generators, keyword-only arguments, closures
        names, variables, free = (_texts(part) for part in (names, variables, free))
        if not isinstance(constants, tuple) or not 0 < counts[0] <= len(variables):
            raise Unreadable
        of_file = _text(filename), _text(name)
        return Code(counts[0], python, code, constants, names, variables, free, *of_file, bool(self.more_counts))


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, tuple):
        raise Unreadable
    return tuple(_text(part) for part in value)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise Unreadable
    return value
