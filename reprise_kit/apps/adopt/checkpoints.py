"""What the weights and architectures of a repository say of the Keras that wrote them; nothing is unpickled."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reprise_kit.compare.box import boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.port.keras_legacy import file_kinds, lambdas, read, safe

SUFFIXES = {".h5", ".hdf5", ".hdf", ".h5py", ".keras", ".weights", ".d5", ".hd5"}
LARGEST_CONFIG = 32 << 20
ORDERING = re.compile(r"[\"']?dim_ordering[\"']?\s*:\s*[\"']?(th|tf)\b")
MODEL = re.compile(r"[\"']?(class_name|name)[\"']?\s*:\s*[\"']?(Sequential|Model|Graph|Functional)\b")
DATA_FORMAT = re.compile(r"[\"']?data_format[\"']?\s*:\s*[\"']?(channels_first|channels_last)\b")


@dataclass(frozen=True)
class Checkpoint:
    """One file of weights.

    whole: an architecture is in it. legacy: Keras 0.x's layout. suffixed, arrays: of the weight names, how many end
    in ":0", and how many there are. pythons: those that marshalled its Lambdas. problem: why it cannot be read.
    """

    path: str
    version: str | None = None
    backend: str | None = None
    whole: bool = False
    legacy: bool = False
    suffixed: int = 0
    arrays: int = 0
    orderings: frozenset[str] = frozenset()
    pythons: frozenset[str] = frozenset()
    problem: str | None = None


def find(folder: Path, paths: Iterable[str]) -> list[Checkpoint]:
    """Return the files of weights among `paths`, in order; a data set in HDF5 is none."""
    found = []
    for path in paths:
        if PurePosixPath(path).suffix.lower() in SUFFIXES or file_kinds.is_hdf5(folder / path):
            checkpoint = _read(folder, path)
            if checkpoint is not None:
                found.append(checkpoint)
    return found


def _read(folder: Path, path: str) -> Checkpoint | None:
    try:
        (found,) = boxed(described_inside, folder / path, limits=read.HDF5)
    except InputError as error:
        return Checkpoint(path, problem=str(error).replace(f"{folder}/", ""))
    if found is None:
        return None
    version, backend, whole, legacy, suffixed, arrays, named, marshalled = found
    kinds = frozenset(named), frozenset(marshalled)
    return Checkpoint(path, version, backend, whole, legacy, suffixed, arrays, *kinds)


def described_inside(path: Path) -> Iterator[Any]:
    """In the box: the fields of a Checkpoint from `version` to `pythons`, or None of what is none."""
    with reading(path, "HDF5 file"), safe.open_hdf5(path) as file:
        yield _described(file)


def _described(file: Any) -> list[Any] | None:
    root = file.get("model_weights", file)
    attributes = {**root.attrs, **file.attrs}
    legacy = "nb_layers" in root.attrs
    if not legacy and "layer_names" not in root.attrs:
        return None
    names = [_text(n) for group in root.values() if hasattr(group, "keys") for n in group.attrs.get("weight_names", ())]
    config = _text(attributes.get("model_config", ""))
    version, backend = (_text(attributes[key]) if key in attributes else None for key in ("keras_version", "backend"))
    suffixed = sum(n.endswith(":0") for n in names)
    named = orderings(config) or (frozenset() if (version or "1").startswith("2") else _by_kernels(root))
    return [version, backend, bool(config), legacy, suffixed, len(names), sorted(named), sorted(pythons(config))]


def _by_kernels(root: Any) -> frozenset[str]:
    """Return the ordering that the kernels of convolutions show in Keras 1: (filters, channels, 3, 3) is "th"'s."""
    found = set()
    for group in root.values():
        for array in group.values() if hasattr(group, "values") else ():
            shape: tuple[int, ...] = getattr(array, "shape", ())
            if len(shape) == 4 and (shape[0] == shape[1]) != (shape[2] == shape[3]):
                found.add("tf" if shape[0] == shape[1] else "th")
    return frozenset(found)


def _text(value: Any) -> str:
    value = value.tobytes() if hasattr(value, "tobytes") and not isinstance(value, bytes) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def orderings(text: str) -> frozenset[str]:
    """Return the orderings of image dimensions that an architecture names, in Keras 1's words."""
    newer = {"channels_first": "th", "channels_last": "tf"}
    return frozenset(ORDERING.findall(text)) | {newer[word] for word in DATA_FORMAT.findall(text)}


def pythons(text: str) -> frozenset[str]:
    """Return the Pythons that marshalled the functions of an architecture's Lambdas; of YAML none is looked for."""
    try:
        stack = [json.loads(text)] if '"Lambda"' in text else []
    except (ValueError, RecursionError):
        return frozenset()
    found = set()
    while stack:
        item = stack.pop()
        if isinstance(item, dict) and isinstance(item.get("function"), str | list):
            first = item["function"][0] if isinstance(item["function"], list) and item["function"] else item["function"]
            found.add(lambdas.saved_by(first) if isinstance(first, str) else None)
        stack += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
    return frozenset(filter(None, found))


@dataclass(frozen=True)
class Architecture:
    """One architecture in JSON or YAML.

    version: as recorded. before_1: whether it has the form of Keras 0.x, which wrote a layer's settings beside its
    name. orderings: that it names. pythons: those that marshalled its Lambdas.
    """

    path: str
    version: str | None
    orderings: frozenset[str]
    pythons: frozenset[str] = frozenset()
    before_1: bool = False


def architectures(folder: Path, paths: Iterable[str]) -> list[Architecture]:
    """Return the files among `paths` that hold a Keras model's configuration."""
    found = []
    for path in paths:
        if PurePosixPath(path).suffix.lower() in (".json", ".yaml", ".yml"):
            file = folder / path
            text = file.read_text("utf-8", "replace") if file.stat().st_size <= LARGEST_CONFIG else ""
            text = _unwrapped(text)
            if MODEL.search(text) or ('"input_layers"' in text and '"output_layers"' in text):
                version = re.search(r"[\"']?keras_version[\"']?\s*:\s*[\"']?(\d[\w.]*)", text)
                before_1 = '"config"' not in text and '"class_name"' not in text and '"layers"' in text
                recorded = version[1] if version else None
                found.append(Architecture(path, recorded, orderings(text), pythons(text), before_1))
    return found


def _unwrapped(text: str) -> str:
    """Return the text inside a JSON string: json.dump(model.to_json()) wraps it once more."""
    if text.lstrip().startswith('"'):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return inner if isinstance(inner, str) else text
    return text
