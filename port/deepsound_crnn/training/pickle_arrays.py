"""Pickles of arrays, read without unpickling and written so that Python 2.7 with NumPy 1.10 takes them.

The original keeps its data set in a pickle, and a pickle is a program. Here its operations are walked through by an
interpreter that can build dicts, lists, tuples, text, numbers and arrays of numbers and nothing else: it imports and
calls nothing, and any other name in the file is refused. Source: the opcode table of Python's pickletools.
"""

import codecs
import os
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from reprise_kit.compare.errors import InputError

NAMES = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy ndarray",
    "numpy dtype",
}
NUMBERS = re.compile(r"[fiub][1248]|b1")  # type codes of arrays that can be read
MAX_DEPTH = 16  # of dicts and tuples; the original nests two
MARK = object()


class _Name(str):
    """A global that the pickle mentions; never looked up."""


class _Array:
    """An array or a dtype on its way: first empty, then given its state."""

    def __init__(self, code: str | None = None) -> None:
        self.code, self.value = code, None  # type: str | None, np.ndarray | None

    def build(self, state: tuple[Any, ...]) -> None:
        """Take a dtype's (version, byte order, ...) or an array's (version, shape, dtype, order, data)."""
        if self.code is not None:
            self.code = {"|": "|", "<": "<", ">": ">", "=": "<"}[_ascii(state[1])] + self.code
            return
        _, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else data
        flat = np.frombuffer(raw, np.dtype(dtype.code))
        self.value = flat.reshape(shape, order="F" if fortran else "C")


class _Reader:
    """The interpreter: one method for each kind of operation, a stack, and a memo."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.stack, self.memo = file, [], {}  # type: BinaryIO, list[Any], dict[int, Any]
        self.size = os.fstat(file.fileno()).st_size

    def read(self) -> Any:
        while (code := self.file.read(1)) != b".":
            if not code:
                raise ValueError("it ends before its end mark")
            if code not in OPERATIONS:
                raise ValueError(f"operation {code!r} is not one that an array needs")
            OPERATIONS[code](self)
        return self.stack.pop()

    def take(self, n: int) -> bytes:
        if not 0 <= n <= self.size - self.file.tell():  # before room is made for what is not there
            raise ValueError("cut short")
        return self.file.read(n)

    def number(self, layout: str) -> int:
        return int(struct.unpack("<" + layout, self.take(struct.calcsize(layout)))[0])

    def line(self) -> bytes:
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ValueError("cut short")
        return line[:-1]

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        at = next(i for i in range(len(self.stack) - 1, -2, -1) if i < 0 or self.stack[i] is MARK)
        if at < 0:
            raise ValueError("a container without a beginning")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def string(self) -> None:
        quoted = self.line()
        if len(quoted) < 2 or quoted[:1] != quoted[-1:] or quoted[:1] not in (b"'", b'"'):
            raise ValueError("a text without quotes")
        self.push(codecs.escape_decode(quoted[1:-1])[0])

    def integer(self) -> None:
        line = self.line().rstrip(b"L")
        self.push({b"00": False, b"01": True}.get(line) if line in (b"00", b"01") else int(line))

    def name(self) -> None:
        name = f"{self.line().decode()} {self.line().decode()}"
        if name not in NAMES:
            raise ValueError(f"it names {name!r}, which no array of numbers needs")
        self.push(_Name(name))

    def reduce(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of something that is no array")
        if name.endswith(" dtype"):
            code = _ascii(arguments[0])
            if not NUMBERS.fullmatch(code):
                raise ValueError(f"an array of {code!r}, not of numbers")
            self.push(_Array(code))
        elif name.endswith(" _reconstruct"):
            self.push(_Array())
        else:
            raise ValueError(f"a call of {name!r}")

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array) or not isinstance(state, tuple):
            raise ValueError("state for something that is no array")
        self.stack[-1].build(state)

    def set_items(self, items: list[Any]) -> None:
        self.stack[-1].update(_keyed(items))

    def put(self, key: int) -> None:
        self.memo[key] = self.stack[-1]

    def tuple_of(self, n: int) -> None:
        self.stack[-n:] = [tuple(self.stack[-n:])]

    def dict_of(self, items: list[Any]) -> None:
        self.push(_keyed(items))


# What protocols 0, 1 and 2 need for arrays, numbers, text and their containers.
OPERATIONS: Mapping[bytes, Callable[[_Reader], Any]] = {
    b"\x80": lambda r: r.number("B"),
    b"(": lambda r: r.push(MARK),
    b"N": lambda r: r.push(None),
    b"\x88": lambda r: r.push(True),
    b"\x89": lambda r: r.push(False),
    b"I": _Reader.integer,
    b"L": _Reader.integer,
    b"J": lambda r: r.push(r.number("i")),
    b"K": lambda r: r.push(r.number("B")),
    b"M": lambda r: r.push(r.number("H")),
    b"\x8a": lambda r: r.push(int.from_bytes(r.take(r.number("B")), "little", signed=True)),
    b"F": lambda r: r.push(float(r.line())),
    b"G": lambda r: r.push(struct.unpack(">d", r.take(8))[0]),
    b"S": _Reader.string,
    b"T": lambda r: r.push(r.take(r.number("i"))),
    b"U": lambda r: r.push(r.take(r.number("B"))),
    b"V": lambda r: r.push(r.line().decode("raw_unicode_escape")),
    b"X": lambda r: r.push(r.take(r.number("I")).decode()),
    b"t": lambda r: r.push(tuple(r.since_mark())),
    b")": lambda r: r.push(()),
    b"\x85": lambda r: r.tuple_of(1),
    b"\x86": lambda r: r.tuple_of(2),
    b"\x87": lambda r: r.tuple_of(3),
    b"d": lambda r: r.dict_of(r.since_mark()),
    b"}": lambda r: r.push({}),
    b"s": lambda r: r.set_items([r.stack.pop(-2), r.stack.pop()]),
    b"u": lambda r: r.set_items(r.since_mark()),
    b"p": lambda r: r.put(int(r.line())),
    b"q": lambda r: r.put(r.number("B")),
    b"r": lambda r: r.put(r.number("I")),
    b"g": lambda r: r.push(r.memo[int(r.line())]),
    b"h": lambda r: r.push(r.memo[r.number("B")]),
    b"j": lambda r: r.push(r.memo[r.number("I")]),
    b"c": _Reader.name,
    b"R": _Reader.reduce,
    b"b": _Reader.build,
}


def _ascii(value: bytes | str) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _keyed(items: list[Any]) -> dict[Any, Any]:
    """A dict of keys and values in turn; a key's hash walks all that a tuple repeats, so only text and numbers are."""
    if not all(isinstance(key, (str, bytes, int, float)) for key in items[::2]):
        raise ValueError("a key that is neither text nor a number")
    return dict(zip(items[::2], items[1::2], strict=True))


def _finished(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """Return a value with its texts decoded and arrays made; `done`, by identity: what stands often is made once."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep, or within itself")
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array without values")
        return value.value
    if isinstance(value, bytes):
        return value.decode("utf8", "surrogateescape")
    if isinstance(value, (dict, tuple)) and id(value) not in done:
        deeper = depth + 1
        if isinstance(value, dict):
            done[id(value)] = {_finished(key, done): _finished(item, done, deeper) for key, item in value.items()}
        else:
            done[id(value)] = tuple(_finished(item, done, deeper) for item in value)
    return done.get(id(value), value)


def read(path: Path) -> Any:
    """Return what a pickle of dicts, tuples, text, numbers and numeric arrays holds.

    Raises InputError on anything else, without having run any of it.
    """
    try:
        with path.open("rb") as file:
            return _finished(_Reader(file).read(), {})
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: not a pickle of plain arrays ({reason}); it was not run") from None


def write(path: Path, values: Mapping[str, np.ndarray | Mapping[int, str]]) -> None:
    """Write arrays, and texts by number, as a protocol 2 pickle for Python 2.7 and NumPy 1.10 (or any later)."""
    with path.open("wb") as file:
        file.write(b"\x80\x02}")
        for key, value in values.items():
            file.write(_text(key))
            if isinstance(value, np.ndarray):
                _write_array(file, value)
            else:
                file.write(b"}(" + b"".join(_integer(i) + _text(text) for i, text in value.items()) + b"u")
            file.write(b"s")
        file.write(b".")


def _write_array(file: BinaryIO, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    if not NUMBERS.fullmatch(array.dtype.str[1:]):
        raise InputError(f"an array of {array.dtype} cannot go into the original's pickle; only numbers can")
    kind, data = array.dtype.str, array.tobytes()
    file.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _integer(0) + b"\x85" + _text("b"))
    file.write(b"\x87R(" + _integer(1) + b"(" + b"".join(map(_integer, array.shape)) + b"t")
    file.write(b"cnumpy\ndtype\n" + _text(kind[1:]) + _integer(0) + _integer(1) + b"\x87R(")
    file.write(_integer(3) + _text(kind[0]) + b"NNN" + _integer(-1) + _integer(-1) + _integer(0) + b"tb\x89")
    file.write(b"T" + struct.pack("<i", len(data)) + data + b"tb")


def _integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _text(value: str) -> bytes:
    content = value.encode()
    return b"T" + struct.pack("<i", len(content)) + content
