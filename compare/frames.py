"""Values and arrays from one who may lie: sizes are bounded before room is made, nothing is unpickled.

A frame is its kind (one byte), the length of a JSON text (4 bytes, little-endian) and that text, through a pipe. An
array's text is [dtype, shape, where]: its numbers, in C order, follow in the pipe, or, of a large one, begin at the
byte `where` of memory that both sides have. That memory has one size for good, so that reading it is safe; what is
changed in it later changes numbers, and any number may come.
"""

import fcntl
import json
import math
import mmap
import os
import re
import resource
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError

HEAD = struct.Struct("<cI")
VALUE, ARRAY, DONE, REFUSED, FAULT = b"V", b"A", b"D", b"R", b"F"
TEXT_BYTES = 64 << 20  # of one JSON text
TEXT_DEPTH = 200
MAX_AXES = 32
PIPED = 1 << 16  # bytes of an array above which it goes through memory
PLAIN = re.compile(r"[<>|=](?:[fiubc]\d{1,2}|[SU]\d{1,9})")  # types without objects in them


class FrameError(Exception):
    """What arrived is no frame, or more than was agreed."""


class Room:
    """Memory that a box has too, of a size that neither can change: what the box puts in it is taken out here."""

    def __init__(self, size: int, anew: bool = False) -> None:
        """Make one of so many bytes, or as many as a file may have; they are there once they are used.

        anew: a box fills it from its beginning again and again, so what is taken out is a copy.
        """
        allowed = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        self.size = size if allowed == resource.RLIM_INFINITY else min(size, allowed)
        self.descriptor = os.memfd_create("reprise", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.size)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        self.mapped = mmap.mmap(self.descriptor, self.size, prot=mmap.PROT_READ) if anew else None

    def take(self, at: int, size: int) -> np.ndarray:
        """Return the bytes of an array: ours alone, or, where none will be put in its place, once they are written."""
        if not size or at % mmap.PAGESIZE or at + size > self.size:
            raise FrameError("an array that is not there")
        if self.mapped:
            return np.frombuffer(self.mapped, np.uint8, size, at).copy()
        return np.frombuffer(mmap.mmap(self.descriptor, size, access=mmap.ACCESS_COPY, offset=at), np.uint8)

    def close(self) -> None:
        """Give it up; what was taken out stays."""
        if self.mapped:
            self.mapped.close()
        os.close(self.descriptor)


class RoomInside:
    """The same memory in the box."""

    def __init__(self, descriptor: int) -> None:
        """Begin at its beginning."""
        self.mapped, self.end = mmap.mmap(descriptor, os.fstat(descriptor).st_size), 0

    def put(self, raw: memoryview) -> int | None:
        """Put a large array behind the last one, and return where; None of one that is small, or has no place."""
        at = self.end + -self.end % mmap.PAGESIZE
        if len(raw) <= PIPED or at + len(raw) > len(self.mapped):
            return None
        self.end = at + len(raw)
        self.mapped[at : self.end] = raw
        return at


def message(kind: bytes, value: Any = None) -> bytes:
    """Return a frame that is no array's; raises InputError on a value that is not JSON's."""
    try:
        text = json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"it holds a value of an odd kind ({error})") from None
    return HEAD.pack(kind, len(text)) + text


def array(numbers: np.ndarray, shared: RoomInside) -> tuple[bytes, memoryview]:
    """Return the frame of an array and what follows it in the pipe: nothing of one that has been put in memory.

    Raises InputError on one that is not of numbers or text.
    """
    if not PLAIN.fullmatch(numbers.dtype.str):
        raise InputError(f"it holds an array of {numbers.dtype}; only numbers and text are read")
    raw = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8).data if numbers.size else memoryview(b"")
    where = shared.put(raw)
    return message(ARRAY, [numbers.dtype.str, numbers.shape, where]), raw if where is None else memoryview(b"")


def receive(fill: Callable[[memoryview], None], shared: Room, left: int) -> tuple[bytes, Any, int]:
    """Return the next frame: its kind, its value or array, and its bytes.

    fill: reads as many bytes as its argument holds, or raises. left: how many bytes a frame may have.
    """
    kind, n_text = HEAD.unpack(_bytes(fill, HEAD.size))
    if kind not in (VALUE, ARRAY, DONE, REFUSED, FAULT) or n_text > TEXT_BYTES:
        raise FrameError("not a frame")
    if n_text > left:
        raise FrameError("more than may come")
    value = _value(bytes(_bytes(fill, n_text)))
    if kind != ARRAY:
        return kind, value, n_text
    numbers = _array(value, fill, shared, left - n_text)
    return kind, numbers, n_text + numbers.nbytes


def _bytes(fill: Callable[[memoryview], None], size: int) -> bytearray:
    room = bytearray(size)
    fill(memoryview(room))
    return room


def _value(text: bytes) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise FrameError("not JSON") from None
    level = [value]
    for _ in range(TEXT_DEPTH):
        level = [inner for node in level for inner in _parts(node)]
        if not level:
            return value
    raise FrameError("JSON nested too deep")


def _parts(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _array(value: Any, fill: Callable[[memoryview], None], shared: Room, left: int) -> np.ndarray:
    """The array that a text describes."""
    dtype, shape, where = _form(value)
    size = dtype.itemsize * math.prod(shape)
    if dtype.itemsize * math.prod(max(n, 1) for n in shape) > left:
        raise FrameError("more than may come")
    if where is None:
        raw = np.empty(size, np.uint8)
        fill(raw.data)
        return raw.view(dtype).reshape(shape) if size else np.empty(shape, dtype)
    return shared.take(where, size).view(dtype).reshape(shape)


def _form(value: Any) -> tuple[np.dtype[Any], tuple[int, ...], int | None]:
    try:
        code, shape, where = value
        numbers = [*shape, 0 if where is None else where]
        fits = PLAIN.fullmatch(code) and len(shape) <= MAX_AXES and all(type(n) is int and n >= 0 for n in numbers)
        dtype = np.dtype(code) if fits else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.hasobject or not dtype.itemsize:
        raise FrameError("an array of no known form")
    return dtype, tuple(shape), where
