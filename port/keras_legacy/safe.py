"""Checked reading of files of old Keras from anywhere, for the box (`compare/box.py`): no code in them runs.

What a C library or its time and memory make of a damaged file is the box's to bound; here it is what a file may hold.
`load_architecture` reads model.json, model.yaml or a `model_config` attribute; `open_hdf5` opens a weights or
whole-model file after its shape has been looked over. Both raise InputError for everything they refuse.
"""

import json
import math
from pathlib import Path
from typing import Any

import h5py

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import file_kinds
from reprise_kit.port.keras_legacy.file_kinds import HDF5_SIGNATURE
from reprise_kit.port.keras_legacy.safe_yaml import MAX_DEPTH, MAX_NODES, load_yaml

MAX_TEXT = 16 * 2**20  # bytes of an architecture; the largest real ones are below 1 MB
MAX_NUMBER = 2.0**63  # infinity and NaN are not below it either
MAX_OBJECTS = 100_000  # groups and datasets, and as many attributes, in one HDF5 file
MAX_ATTRIBUTES = 256  # of one object; lists of names take one for every 64 kB
MAX_HDF5_DEPTH = 64
MAX_EXPANSION = 20  # declared bytes per byte of file: Keras 1 wrote uncompressed, re-packed reach 10
SMALL = 16 * 2**20  # declared bytes that are always allowed
_WANTED = "an old Keras model is a mapping with class_name and config"
_GIVE = "give the file of to_json() or to_yaml()"
# Other filters are plug-ins, which HDF5 would load as code from a search path.
_FILTERS = {
    *(h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32),
    *(h5py.h5z.FILTER_LZF, h5py.h5z.FILTER_SCALEOFFSET),  # built into h5py and the library
}


def load_architecture(source: str | Path | bytes) -> dict[str, Any]:
    """Return an architecture `{"class_name": ..., "config": ..., ...}` of plain dicts, lists, scalars.

    `source` is the path of a model.json or model.yaml, or the bytes of either (a `model_config` attribute). A
    document that is a string holding another document (JSON or YAML encoded twice) is opened up to two times.
    A Lambda's marshalled function stays the string it is. Raises InputError: not JSON or YAML, refused tags,
    sizes beyond the limits of this module, a file of Keras 3 or later, or no class_name and config.
    """
    tree: Any = _text(source)
    for _ in range(3):
        if not isinstance(tree, str):
            break
        tree = _parse(tree)
    if not isinstance(tree, dict):
        kind = type(tree).__name__
        raise InputError(f"the architecture is a {kind}; an old Keras model is a mapping with class_name and config")
    _check_version(tree)
    return tree


def _text(source: str | Path | bytes) -> str:
    raw = source if isinstance(source, bytes) else _read(Path(source))
    if len(raw) > MAX_TEXT:
        raise InputError(f"the architecture has {len(raw)} bytes; at most {MAX_TEXT} are read")
    if raw.startswith(HDF5_SIGNATURE):
        raise InputError("the architecture file is HDF5; give it as the weights or whole-model file")
    if not isinstance(source, bytes):
        said = file_kinds.known(Path(source))
        if said and said != file_kinds.ARCHITECTURE:
            raise InputError(f"the architecture {source}: {said}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the architecture is not UTF-8 text; give the file of to_json() or to_yaml()") from error


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: {file_kinds.describe(path)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; {_GIVE}")
    with path.open("rb") as stream:
        return stream.read(MAX_TEXT + 1)


def _parse(text: str) -> Any:
    """JSON where it is JSON, else YAML; the counts bound memory before anything is built."""
    if sum(text.count(mark) for mark in "[{,:") > 2 * MAX_NODES:
        raise InputError(f"the architecture holds more than {2 * MAX_NODES} marks; no old Keras model does")
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise InputError(f"the JSON is nested more than {MAX_DEPTH} deep; no old Keras model is") from error
    except ValueError as error:
        if not text.strip():
            raise InputError(f"the architecture is empty; {_GIVE}") from error
        try:
            tree = load_yaml(text)
        except InputError as yaml_error:
            if text.lstrip()[:1] == "{" and "the YAML cannot be read" in str(yaml_error):
                raise InputError(f"the JSON cannot be read: {str(error)[:200]}") from error
            raise
    check_tree(tree)
    return tree


def check_tree(tree: Any) -> None:
    """Bound depth, count and numbers of a parsed tree, without recursion."""
    level, count = [tree], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_NODES:
            raise InputError(f"the JSON holds more than {MAX_NODES} values; no old Keras model does")
        inner: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                inner.extend(node.values())
            elif isinstance(node, list):
                inner.extend(node)
            elif isinstance(node, (int, float)) and not abs(node) < MAX_NUMBER:
                raise InputError(f"the architecture holds the number {str(node)[:20]}; no old Keras model does")
        level = inner
        if not level:
            return
    raise InputError(f"the JSON is nested more than {MAX_DEPTH} deep; no old Keras model is")


def _check_version(tree: dict[str, Any]) -> None:
    if "class_name" not in tree and "name" in tree and any(key in tree for key in ("layers", "nodes", "node_config")):
        return  # Keras 0.3's words, see dialects/keras0.py
    if "class_name" not in tree or "config" not in tree:
        raise InputError("the architecture has no class_name and config; give the file of to_json() or to_yaml()")
    refuse_version(tree.get("keras_version"))


def refuse_version(version: object) -> None:
    """Raise InputError if `version`, a file's `keras_version` or None, names no Keras before 3."""
    if version is None:
        return
    text = version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version)
    if not text.startswith(("0.", "1.", "2.")):
        raise InputError(f"the file was written by Keras {text[:40]!a}; only Keras before 3 is read")


def open_hdf5(path: str | Path) -> h5py.File:
    """Open an old weights or whole-model file for reading, after a bounded look at everything it declares.

    Use as `with open_hdf5(path) as file`. Raises InputError: not HDF5, damaged, links other than plain ones,
    objects reached twice, virtual or external storage, plug-in filters, types other than numbers, declared
    sizes far beyond the file's, too many or too deeply nested objects, and files of Keras 3 or later.
    """
    path = Path(path)
    _check_signature(path)
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: damaged HDF5 file: {one_line(error)}") from error
    try:
        _Survey(path).check(file)
        refuse_version(file.attrs.get("keras_version"))
    except InputError:
        file.close()
        raise
    except Exception as error:  # h5py turns the C library's errors into many types
        file.close()
        raise InputError(f"{path}: damaged HDF5 file: {one_line(error)}") from error
    return file


def one_line(error: BaseException) -> str:
    """Return an error's text as at most 200 ASCII characters: it may quote a hostile file."""
    return ascii(" ".join(str(error).split()))[1:-1][:200]


def _check_signature(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: {file_kinds.describe(path)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a file of save_weights() or save()")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: empty file; give a file of save_weights() or save()")
    with path.open("rb") as stream:
        stream.seek(file_kinds.superblock(path) or 0)
        head = stream.read(len(HDF5_SIGNATURE))
    if head != HDF5_SIGNATURE:
        raise InputError(f"{path}: {file_kinds.describe(path)}")


class _Survey:
    """Walks a file's links with a stack of its own and adds up what it declares."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.seen: set[tuple[int, object]] = set()
        self.attributes = 0
        self.declared = 0

    def check(self, file: h5py.File) -> None:
        pending: list[tuple[Any, int]] = [(file, 0)]
        self._visit(file)
        while pending:
            group, depth = pending.pop()
            if depth > MAX_HDF5_DEPTH:
                raise self._error(f"groups nested more than {MAX_HDF5_DEPTH} deep")
            if len(group) + len(self.seen) > MAX_OBJECTS:
                raise self._error(f"more than {MAX_OBJECTS} objects")
            for name in group:
                if not name.isprintable():
                    raise self._error(f"a name with control characters, {ascii(name)[:80]}")
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise self._error(f"a {type(link).__name__} named {ascii(name)[:80]}")
                child = group[name]
                self._visit(child)
                if isinstance(child, h5py.Group):
                    pending.append((child, depth + 1))
                elif isinstance(child, h5py.Dataset):
                    self._dataset(child)
                else:
                    raise self._error(f"a {type(child).__name__} named {ascii(name)[:80]}")

    def _error(self, what: str) -> InputError:
        return InputError(f"{self.path}: the HDF5 file holds {what}; old Keras never wrote that, and it is refused")

    def _visit(self, node: Any) -> None:
        """Note an object and its attributes; one that is reached twice would be a cycle or a bomb."""
        info = h5py.h5o.get_info(node.id)
        if (info.fileno, info.addr) in self.seen:
            raise self._error(f"an object under two names ({ascii(node.name)[:80]})")
        self.seen.add((info.fileno, info.addr))
        self.attributes += info.num_attrs
        if info.num_attrs > MAX_ATTRIBUTES:  # HDF5 takes the square of their number
            raise self._error(f"more than {MAX_ATTRIBUTES} attributes at {ascii(node.name)[:80]}")
        if self.attributes > MAX_OBJECTS:
            raise self._error(f"more than {MAX_OBJECTS} attributes")
        for index in range(info.num_attrs):
            self._attribute(h5py.h5a.open(node.id, index=index))

    def _attribute(self, attribute: Any) -> None:
        count = math.prod(attribute.shape)
        self._declare(count * attribute.dtype.itemsize)
        kind = attribute.get_type().get_class()
        if kind not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
            raise self._error(f"the attribute {ascii(attribute.name)[:80]} of type {attribute.dtype}")

    def _dataset(self, dataset: h5py.Dataset) -> None:
        name = ascii(dataset.name)[:80]
        creation = dataset.id.get_create_plist()
        if creation.get_layout() == h5py.h5d.VIRTUAL or creation.get_external_count():
            raise self._error(f"the dataset {name} whose values lie in another file")
        for index in range(creation.get_nfilters()):
            if creation.get_filter(index)[0] not in _FILTERS:
                raise self._error(f"the dataset {name} behind an unknown filter")
        if creation.get_layout() == h5py.h5d.CHUNKED:
            self._declare(math.prod(creation.get_chunk()) * dataset.dtype.itemsize)
        if dataset.dtype.kind not in "fiub":
            raise self._error(f"the dataset {name} of type {dataset.dtype}")
        if dataset.shape is None:
            raise self._error(f"the dataset {name} without a shape")
        self._declare(dataset.size * dataset.dtype.itemsize)

    def _declare(self, n_bytes: int) -> None:
        self.declared += n_bytes
        if self.declared > max(SMALL, MAX_EXPANSION * self.size):
            raise self._error(f"at least {self.declared} declared bytes in a file of {self.size}")
