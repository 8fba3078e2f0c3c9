"""Trees written as files of a format: whatever the tree says that the format can hold is in the file."""

import contextlib
import io
import json
import math
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

LARGEST = 1 << 14  # numbers of an array that are written; more are only declared
LARGEST_MEMBER = 1 << 20  # bytes of a member of an .npz
KINDS = ("plain", "gzip", "lzf", "soft", "external link", "again", "compound", "null", "vlen", "external", "group")


def hdf5_tree(path: Path) -> dict[str, Any]:
    """Return what an HDF5 file holds as a tree: attributes and names, of a dataset its form."""
    with h5py.File(path) as file:
        return _tree(file)


def _tree(node: Any) -> dict[str, Any]:
    attributes = {name: _plain(value) for name, value in node.attrs.items()}
    if isinstance(node, h5py.Dataset):
        return {"attrs": attributes, "as": "plain", "dtype": node.dtype.str, "shape": list(node.shape)}
    return {"attrs": attributes, "in": {name: _tree(child) for name, child in node.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and text.startswith("{"):
        return json.loads(text)
    return text if isinstance(text, str) else text.item() if hasattr(text, "item") else str(text)


def write_hdf5(path: Path, tree: Any) -> None:
    """Write a tree of `hdf5_tree`; a part that HDF5 cannot hold is left out."""
    with h5py.File(path, "w") as file:
        _fill(file, tree, file)


def _fill(node: Any, tree: Any, root: Any) -> None:
    if not isinstance(tree, dict):
        return
    attributes, inside = tree.get("attrs"), tree.get("in")
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        with contextlib.suppress(Exception):
            node.attrs[str(name)] = _attribute(value)
    for name, child in inside.items() if isinstance(inside, dict) else ():
        with contextlib.suppress(Exception):
            _add(node, str(name), child, root)


def _attribute(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None:
        return h5py.Empty("f4")
    if isinstance(value, list):
        texts = value and all(isinstance(one, str) for one in value)
        return np.array([one.encode() for one in value]) if texts else np.array(value)
    return value.encode() if isinstance(value, str) else value


def _add(node: Any, name: str, tree: Any, root: Any) -> None:
    kind = tree.get("as", "group") if isinstance(tree, dict) else "plain"
    if kind == "soft":
        node[name] = h5py.SoftLink("/")
    elif kind == "external link":
        node[name] = h5py.ExternalLink("/etc/hostname", "/")
    elif kind == "again":
        node[name] = root
    elif kind == "group" or "shape" not in tree:
        _fill(node.create_group(name), tree, root)
    else:
        _fill(_dataset(node, name, kind, tree), tree, root)


def _dataset(node: Any, name: str, kind: Any, tree: Any) -> Any:
    shape, dtype = tuple(tree["shape"]), np.dtype(tree.get("dtype", "<f4"))
    if kind == "null":
        return node.create_dataset(name, data=h5py.Empty(dtype))
    if kind == "vlen":
        return node.create_dataset(name, shape, h5py.string_dtype())
    if kind == "compound":
        return node.create_dataset(name, shape, np.dtype([("a", "<f4"), ("b", "<i8")]))
    if kind == "external":
        return node.create_dataset(name, shape, dtype, external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])
    if math.prod(shape) > LARGEST:
        return node.create_dataset(name, shape, dtype, chunks=tuple(min(n, 16) for n in shape), compression="gzip")
    packed = kind if kind in ("gzip", "lzf") and shape else None
    return node.create_dataset(name, data=np.full(shape, 0.25).astype(dtype), compression=packed)


def write_npz(path: Path, tree: Any) -> None:
    """Write [[name, header, bytes of data, method], ...]; a header is a mapping that .npy writes as Python's text."""
    with zipfile.ZipFile(path, "w") as archive:
        rows = tree if isinstance(tree, list) else []
        for name, header, data, method in (row for row in rows if isinstance(row, list) and len(row) == 4):
            text = (repr(header) + " " * 20 + "\n").encode("utf-8", "replace")[:65000]
            size = 64 if not isinstance(data, int) else data if 0 <= data <= LARGEST_MEMBER else data % LARGEST
            packed = method if method in (0, 8, 12, 14) else 8
            with contextlib.suppress(Exception):
                content = bytes.fromhex(data.removeprefix("hex:")) if isinstance(data, str) else bytes(size)
                member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content
                archive.writestr(str(name), member, packed)


def npz_tree(arrays: dict[str, np.ndarray]) -> list[Any]:
    """Return arrays of numbers or text as the tree of `write_npz`; their numbers are lost, their forms are not."""
    return [
        [f"{name}.npy", {"descr": a.dtype.str, "fortran_order": False, "shape": tuple(a.shape)}, a.nbytes, 8]
        for name, a in arrays.items()
    ]


def toml(value: Any, top: bool = True) -> str:
    """Return a tree as TOML."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(str(k))} = {toml(v, top=False)}" for k, v in value.items() if v is not None]
        return "\n".join(pairs) + "\n" if top else "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one, top=False) for one in value if one is not None) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def packed(fields: Any) -> bytes:
    """Return [[form, value], ...] in bytes, forms of `struct`; "bytes" and "zeros" give a number of them."""
    out = io.BytesIO()
    for row in fields if isinstance(fields, list) else ():
        with contextlib.suppress(Exception):
            form, value = row
            out.write(_field(form, value))
    return out.getvalue()


def _field(form: str, value: Any) -> bytes:
    if form == "zeros":
        return bytes(int(value) % (1 << 16))
    if form == "hex":
        return bytes.fromhex(value)
    if form == "text":
        return str(value).encode("utf-8", "replace")[:5000]
    if form == "nested":
        inner = packed(value)
        return _varint(len(inner)) + inner
    if form == "varint":
        return _varint(int(value) % (1 << 64))
    size = struct.calcsize(form)
    if form.endswith("d"):
        return struct.pack(form, float(value))
    return (int(value) % (1 << 8 * size)).to_bytes(size, "big" if form[0] == ">" else "little")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def operations(data: bytes) -> list[bytes]:
    """Return a pickle, or several one after another, cut into its operations; what follows the last is left out."""
    stream, cut = io.BytesIO(data), [0]
    with contextlib.suppress(Exception):
        while True:
            for _, _, at in pickletools.genops(stream):
                cut.append(at)
            cut.append(stream.tell())
    return [piece for a, b in pairwise(cut) if (piece := data[a:b])]


def git_object(kind: str, content: bytes) -> bytes:
    """Return a loose object of git."""
    return zlib.compress(f"{kind} {len(content)}".encode() + b"\0" + content)


def places(tree: Any) -> Iterator[Any]:
    """Every node of a tree, from the outermost."""
    yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from places(part)
