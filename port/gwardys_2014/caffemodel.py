"""The weights of a .caffemodel: a reader of its few protocol-buffer fields, which trusts no length in the file.

Source: caffe.proto. NetParameter: layers = 2 (V1LayerParameter: name = 4, blobs = 6), layer = 100 (LayerParameter:
name = 1, blobs = 7). BlobProto: num, channels, height, width = 1 to 4, data = 5, shape = 7 (BlobShape: dim = 1).
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading

LARGEST = 1 << 30  # bytes of a file; CaffeNet's has 244 MB
LIMITS = Limits(times=4, per_second=16 << 20)  # memory for a byte of it; bytes that a slow machine reads
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
LAYER_FIELDS = {2: (4, 6), 100: (1, 7)}  # field of a layer in the net: fields of its name and its blobs
Blobs = dict[str, list[NDArray[np.float32]]]


def read(path: Path) -> Blobs:
    """Return the blobs of every layer that has some, by its name; raises InputError on what is no whole .caffemodel."""
    with reading(path, "whole .caffemodel"):
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(f"{path} has {size} bytes; at most {LARGEST} are read of a .caffemodel")
        items = boxed(blobs_inside, path, limits=LIMITS)
        return {str(name): [next(items) for _ in range(count)] for name, count in items}


def blobs_inside(path: Path) -> Iterator[Any]:
    """In the box: of each layer [name, number of blobs], then its blobs."""
    with reading(path, "whole .caffemodel"):
        for name, blobs in _read(path).items():
            yield [name, len(blobs)]
            yield from blobs


def _read(path: Path) -> Blobs:
    found: Blobs = {}
    for field, kind, value in _fields(memoryview(path.read_bytes())):
        if field in LAYER_FIELDS and kind == BYTES:
            name, blobs = _layer(value, *LAYER_FIELDS[field])
            if blobs and name in found:
                raise ValueError(f"two layers are called {name!r}")
            found |= {name: blobs} if blobs else {}
    if not found:
        raise ValueError("no layer with weights in it")
    return found


def _layer(message: memoryview, name_field: int, blob_field: int) -> tuple[str, list[NDArray[np.float32]]]:
    name, blobs = "", []
    for field, kind, value in _fields(message):
        if field == name_field and kind == BYTES:
            name = bytes(value).decode()
        elif field == blob_field and kind == BYTES:
            blobs.append(_blob(value))
    return name, blobs


def _blob(message: memoryview) -> NDArray[np.float32]:
    old = [1, 1, 1, 1]
    shape: list[int] | None = None
    parts = []
    for field, kind, value in _fields(message):
        if field in (1, 2, 3, 4) and kind == VARINT:
            old[field - 1] = value
        elif field == 7 and kind == BYTES:
            shape = _dims(value)
        elif field == 5 and kind in (BYTES, FIXED32):
            parts.append(bytes(value))
    data = np.frombuffer(b"".join(parts), "<f4")
    dims = old if shape is None else shape
    if math.prod(dims) != len(data):
        raise ValueError(f"a blob of {len(data)} numbers that is said to be {'x'.join(map(str, dims))}")
    return data.reshape(dims)


def _dims(message: memoryview) -> list[int]:
    dims: list[int] = []
    for field, kind, value in _fields(message):
        if field == 1 and kind == VARINT:
            dims.append(value)
        elif field == 1 and kind == BYTES:
            at = 0
            while at < len(value):
                dim, at = _varint(value, at)
                dims.append(dim)
    if len(dims) > 8:
        raise ValueError(f"a blob of {len(dims)} axes")
    return dims


def _fields(message: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Yield (field, wire type, value): an integer of a VARINT, else its bytes, never copied."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, kind = key >> 3, key & 7
        if kind == VARINT:
            number, at = _varint(message, at)
            yield field, kind, number
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        else:
            length = {FIXED64: 8, FIXED32: 4}.get(kind, -1)
        if not 0 <= length <= len(message) - at:
            raise ValueError("cut short, or of another kind")
        yield field, kind, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("cut short, or of another kind")
        byte, at = message[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number of more than 64 bits")
