"""Read a TensorFlow.js "layers model": model.json beside the binary files that its manifest names.

The manifest lists groups of files; the files of a group, joined, hold the group's arrays one after another, in the
order listed, little-endian float32. Kernels are TensorFlow's: nothing is flipped.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.errors import InputError

LIMITS = Limits(times=3, per_second=4 << 20)  # of all files beside it; a slow machine reads 4 MB a second


def read(path: Path) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return the layers' configurations in order, and the arrays by name; raises InputError on anything else."""
    layers, *named = boxed(model_inside, path, limits=LIMITS, also=[path.parent])
    return layers, {str(name): array for name, array in zip(named[::2], named[1::2], strict=True)}


def sha256(path: Path) -> str:
    """Return the hash of model.json and of the binary files it names, in order; raises InputError as `read`."""
    (found,) = boxed(digest_inside, path, limits=LIMITS, also=[path.parent])
    return str(found)


def model_inside(path: Path) -> Iterator[Any]:
    """In the box: the layers, then each array's name and it."""
    layers, arrays = _read(path)
    yield layers
    for name, array in arrays.items():
        yield name
        yield array


def digest_inside(path: Path) -> Iterator[str]:
    """In the box: the hash."""
    with _reading(path):
        content = path.read_bytes()
        digest = hashlib.sha256(content)
        for group in json.loads(content)["weightsManifest"]:
            for name in group["paths"]:
                digest.update(_file(path, name))
    yield digest.hexdigest()


def _read(path: Path) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    with _reading(path):
        document = json.loads(path.read_bytes())
        layers = document["modelTopology"]["model_config"]["config"]["layers"]
        arrays: dict[str, np.ndarray] = {}
        for group in document["weightsManifest"]:
            arrays |= _arrays(group["weights"], b"".join(_file(path, name) for name in group["paths"]))
    return layers, arrays


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        OSError,
        UnicodeDecodeError,
        ValueError,
        LookupError,
        ArithmeticError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise InputError(
            f"{path}: not a TensorFlow.js layers model ({type(error).__name__}: {' '.join(str(error).split())[:120]}); "
            "give its model.json, with the binary files beside it"
        ) from None


def _file(model: Path, name: str) -> bytes:
    if Path(name).name != name or name in ("", ".", ".."):
        raise InputError(f"{model.name} names the file {name!r}, which is not beside it: refused")
    path = model.parent / name
    if not path.is_file():
        raise InputError(f"{path}: no such file, but {model.name} names it; fetch both")
    return path.read_bytes()


def _arrays(weights: list[dict[str, Any]], content: bytes) -> dict[str, np.ndarray]:
    arrays, at = {}, 0
    for weight in weights:
        name, shape = weight["name"], [int(n) for n in weight["shape"]]
        if weight["dtype"] != "float32" or "quantization" in weight:
            raise ValueError(f"{name} is {weight['dtype']} or quantised; only float32 is read")
        if min(shape, default=1) < 0:
            raise ValueError(f"{name} has the shape {shape}")
        size = math.prod(shape) * 4
        if at + size > len(content):
            raise ValueError(f"the binary files end inside {name}")
        arrays[name] = np.frombuffer(content, "<f4", size // 4, at).reshape(shape)
        at += size
    if at != len(content):
        raise ValueError(f"the binary files hold {len(content) - at} bytes more than the manifest lists")
    return arrays
