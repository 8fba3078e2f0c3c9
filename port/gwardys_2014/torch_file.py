"""Arrays of an old PyTorch file (before 1.6), read without unpickling: nothing in the file is imported or called.

Source: torch/serialization.py, _legacy_save. Five pickles: a magic number, a version, sizes of types, the tensors (each
a call on a persistent id: storage, offset, shape, strides), the storages' keys; then each storage, its count and bytes.
"""

import math
import pickletools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading

MAGIC = 0x1950A86A20F9469CFC6C
LARGEST = 1 << 30  # bytes of a file
LIMITS = Limits(times=4, per_second=16 << 20)  # memory for a byte of it; bytes that a slow machine reads
DTYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
CALLED = ("collections OrderedDict", "torch._utils _rebuild_tensor_v2")
MARK = object()
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE")
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(str):
    """A global that the pickle mentions; never looked up."""


class _Walk:
    """A pickle's operations on a stack of plain values; any other operation, and any other name, is refused."""

    def __init__(self, file: BinaryIO) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        for operation, argument, _ in pickletools.genops(file):
            self._do(operation.name, argument)

    def _do(self, name: str, argument: Any) -> None:
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in NUMBERS:
            self.stack.append(argument)
        elif name in TUPLES:
            self.stack[-TUPLES[name] :] = [tuple(self.stack[-TUPLES[name] :])]
        elif name in OTHERS:
            OTHERS[name](self, argument)
        elif name not in ("PROTO", "STOP"):
            raise ValueError(f"operation {name} is not one that tensors need")

    def since_mark(self) -> list[Any]:
        at = len(self.stack) - 1 - self.stack[::-1].index(MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def name(self, name: str) -> None:
        if name not in (*CALLED, *DTYPES):
            raise ValueError(f"it names {name!r}, which no table of tensors needs")
        self.stack.append(_Name(name))

    def call(self) -> None:
        """A tensor becomes (storage, offset, shape, strides), an OrderedDict a dict."""
        arguments, name = self.stack.pop(), self.stack.pop()
        if name not in CALLED or not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of something that is no tensor")
        self.stack.append({} if name == CALLED[0] else arguments[:4])

    def fill(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise ValueError("values put into what is no table")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def identified(self) -> None:
        kind, storage, key, _, count, view = self.stack.pop()
        if kind != "storage" or view is not None:
            raise ValueError("a persistent id that is no storage")
        self.stack.append((storage, key, count))


OTHERS: dict[str, Callable[[_Walk, Any], Any]] = {
    "MARK": lambda walk, _: walk.stack.append(MARK),
    "EMPTY_DICT": lambda walk, _: walk.stack.append({}),
    "EMPTY_LIST": lambda walk, _: walk.stack.append([]),
    "BINPUT": lambda walk, place: walk.keep(place),
    "LONG_BINPUT": lambda walk, place: walk.keep(place),
    "BINGET": lambda walk, place: walk.stack.append(walk.memo[place]),
    "LONG_BINGET": lambda walk, place: walk.stack.append(walk.memo[place]),
    "GLOBAL": lambda walk, name: walk.name(name),
    "TUPLE": lambda walk, _: walk.stack.append(tuple(walk.since_mark())),
    "REDUCE": lambda walk, _: walk.call(),
    "BUILD": lambda walk, _: walk.stack.pop(),  # an OrderedDict's attributes: versions of the format
    "BINPERSID": lambda walk, _: walk.identified(),
    "SETITEM": lambda walk, _: walk.fill([walk.stack.pop(-2), walk.stack.pop()]),
    "SETITEMS": lambda walk, _: walk.fill(walk.since_mark()),
    "APPENDS": lambda walk, _: walk.stack.append([*walk.since_mark()]),
}


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict by name; raises InputError on anything else."""
    with reading(path, "state dict of an old PyTorch, before 1.6"):
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(f"{path} has {size} bytes; at most {LARGEST} are read of a PyTorch file")
        items = boxed(tensors_inside, path, limits=LIMITS)
        return {str(name): next(items) for name in items}


def tensors_inside(path: Path) -> Iterator[Any]:
    """In the box: each tensor's name and it."""
    with reading(path, "state dict of an old PyTorch, before 1.6"):
        with path.open("rb") as file:
            magic, version, _, tensors, keys = (_Walk(file).stack[-1] for _ in range(5))
            if (magic, version) != (MAGIC, 1001):
                raise ValueError("another magic number")
            left = path.stat().st_size - file.tell()
            wanted = {key: (storage, count) for (storage, key, count), *_ in tensors.values()}
            storages = {key: _storage(file, *wanted[key], left) for key in keys}
        for name, (at, *where) in tensors.items():
            yield str(name)
            yield _tensor(storages[at[1]], *where)


def _storage(file: BinaryIO, name: str, count: int, left: int) -> np.ndarray:
    dtype = np.dtype(DTYPES[name])
    held = int.from_bytes(file.read(8), "little")
    if held != count or held * dtype.itemsize > left:
        raise ValueError("cut short, or a storage of another size")
    data = file.read(held * dtype.itemsize)
    if len(data) < held * dtype.itemsize:
        raise ValueError("cut short")
    return np.frombuffer(data, dtype)


def _tensor(storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    whole = all(isinstance(n, int) and n >= 0 for n in (offset, *shape, *strides)) and len(shape) == len(strides)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=False))
    if not whole or math.prod(shape) > len(storage) or last >= max(1, len(storage)):
        raise ValueError(f"a tensor of shape {shape} and strides {strides} that its storage does not hold")
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
