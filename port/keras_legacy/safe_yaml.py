"""YAML of Keras 1, read without running anything in it: a tree of dicts, lists and scalars, bounded in size.

Keras 1 wrote its YAML with PyYAML's unsafe dumper, so files hold Python tags. The inert ones (tuple, unicode,
numpy scalars) are decoded from their text; every tag that would call something is refused by name. Only the
event parser of PyYAML is used; no constructor that could import or call is ever reached.
"""

import base64
import binascii
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from reprise_kit.compare.errors import InputError

MAX_NODES = 1_000_000  # values in one document, every alias counted as often as it is used
MAX_ARRAY = 256  # bytes of a numpy value: Keras wrote single numbers, and an alias could repeat a long one
MAX_DEPTH = 100  # nested models of real files stay below 30

_CORE = "tag:yaml.org,2002:"
_PYTHON = _CORE + "python/"
_PLAIN = {_CORE + kind for kind in ("null", "bool", "int", "float")}
_TEXT = {_CORE + "str", _PYTHON + "unicode", _PYTHON + "str"}
_AS_CORE = {
    _PYTHON + kind: _CORE + core
    for kind, core in {"int": "int", "long": "int", "float": "float", "bool": "bool", "none": "null"}.items()
}
_LISTS = {None, "!", _CORE + "seq", _PYTHON + "list", _PYTHON + "tuple"}
_MAPS = {None, "!", _CORE + "map", _PYTHON + "dict"}
_DTYPE = _PYTHON + "object/apply:numpy.dtype"
_SCALAR = _PYTHON + "object/apply:numpy.core.multiarray.scalar"
_ARRAY = _PYTHON + "object/apply:numpy.core.multiarray._reconstruct"
_ARRAY_NAME = _PYTHON + "name:numpy.ndarray"  # only ever its first argument
_DTYPE_CODES = {"b1", "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}

# The C parser is about ten times faster; both give the same events.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Binary(str):
    """Bytes of a `!!binary` scalar, one character a byte."""

    __slots__ = ()


class _Dtype(str):
    """The numpy code of an inert `numpy.dtype` tag, such as `<f4`."""

    __slots__ = ()


@dataclass
class _Open:
    """A collection under construction; `items` of a mapping alternate keys and values."""

    tag: str | None
    anchor: str | None
    is_map: bool
    items: list[Any] = field(default_factory=list)
    size: int = 1


def load_yaml(text: str) -> Any:
    """Return the one document of `text` as dicts, lists, str, int, float, bool and None.

    Tuples come back as lists, Python-2 strings as str, numpy scalars as int, float or bool, `!!binary` as a
    str of one character a byte. Raises InputError for any other tag (by name), a cycle, an alias bomb,
    nesting beyond MAX_DEPTH, more than MAX_NODES values, several documents, or text that is not YAML.
    """
    try:
        return _Composer().compose(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"the YAML cannot be read: {reason}") from error
    except (ValueError, OverflowError) as error:  # 0b without digits, integers of thousands of digits
        raise InputError(f"the YAML holds a value that cannot be read: {str(error)[:200]!r}") from error


class _Composer:
    """Builds the tree from parser events with a stack of its own, so depth is counted and never recursed."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.root: list[Any] = []
        self.total = 0
        self.scalars = yaml.SafeLoader("")

    def compose(self, text: str) -> Any:
        documents = 0
        for event in yaml.parse(text, Loader=_Parser):
            if isinstance(event, yaml.ScalarEvent):
                self._put(self._scalar(event), 1, event.anchor)
            elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                self._open(event)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise InputError("the YAML holds several documents; an old Keras model is one")
        if not self.root:
            raise InputError("the YAML is empty; an old Keras model is a mapping with class_name and config")
        return self.root[0]

    def _open(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise InputError(f"the YAML is nested more than {MAX_DEPTH} deep; no old Keras model is")
        self.stack.append(_Open(event.tag, event.anchor, isinstance(event, yaml.MappingStartEvent)))
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)

    def _close(self) -> None:
        done = self.stack.pop()
        self._put(_collection(done), done.size, done.anchor)

    def _alias(self, anchor: str | None) -> None:
        if any(open_.anchor == anchor for open_ in self.stack):
            raise InputError(f"the YAML alias *{_short(anchor)} stands inside what it names: a cycle")
        if anchor is None or anchor not in self.anchors:
            raise InputError(f"the YAML alias *{_short(anchor)} has no anchor before it")
        value, size = self.anchors[anchor]
        self._put(value, size, None)

    def _put(self, value: Any, size: int, anchor: str | None) -> None:
        """Add a finished value to the innermost open collection; `size` counts with aliases expanded."""
        self.total += 1
        parent = self.stack[-1] if self.stack else None
        expanded = size + (parent.size if parent else 0)
        if self.total > MAX_NODES or expanded > MAX_NODES:
            raise InputError(f"the YAML holds more than {MAX_NODES} values with its aliases expanded")
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if parent is None:
            self.root.append(value)
        else:
            parent.items.append(value)
            parent.size = expanded

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.scalars.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
            if tag == _CORE + "merge":
                raise InputError("the YAML uses a merge key (<<), which old Keras never wrote")
            # Dates, = and the like are text: PyYAML's guesses about them mean nothing in a layer's config.
            tag = tag if tag in _PLAIN else _CORE + "str"
        tag = _AS_CORE.get(tag, tag)
        if tag in _TEXT:
            return event.value
        if tag in _PLAIN:
            return self._plain(tag, event.value)
        if tag == _CORE + "binary":
            return _binary(event.value)
        if tag == _ARRAY_NAME:
            return "numpy.ndarray"
        raise _refused(tag)

    def _plain(self, tag: str, value: str) -> Any:
        if len(value) > 400:
            raise InputError(f"the YAML holds a number of {len(value)} characters")
        try:
            return self.scalars.construct_object(yaml.ScalarNode(tag, value))
        except (KeyError, IndexError) as error:  # !!bool "neither", !!int ""
            raise InputError(f"the YAML tags {_short(value)!r} as {tag[len(_CORE) :]}, which it is not") from error


def _collection(done: _Open) -> Any:
    if done.is_map:
        if done.tag == _DTYPE:
            return _dtype(_mapping(done.items))
        if done.tag == _ARRAY:
            return _numpy_array(_mapping(done.items))
        if done.tag not in _MAPS:
            raise _refused(done.tag)
        return _mapping(done.items)
    if done.tag == _DTYPE:
        return _dtype({"args": done.items})
    if done.tag == _SCALAR:
        return _numpy_scalar(done.items)
    if done.tag not in _LISTS:
        raise _refused(done.tag)
    return done.items


def _mapping(items: list[Any]) -> dict[Any, Any]:
    keys, values = items[::2], items[1::2]
    for key in keys:
        if isinstance(key, list | dict):
            raise InputError("the YAML uses a list or mapping as a key; old Keras only wrote names")
    return dict(zip(keys, values, strict=True))


def _dtype(parts: dict[Any, Any]) -> _Dtype:
    """`args: [f4, 0, 1]`, `state: [3, <, ...]` -> `<f4`, from the text alone."""
    args, state = parts.get("args"), parts.get("state")
    code = args[0] if isinstance(args, list) and args else None
    order = state[1] if isinstance(state, list) and len(state) > 1 else "|"
    if not isinstance(code, str) or code not in _DTYPE_CODES or order not in ("<", ">", "|", "="):
        raise InputError(f"the YAML holds the numpy type {_short(code)!r}; allowed: {sorted(_DTYPE_CODES)}")
    return _Dtype(("<" if order in "|=" else order) + code)


def _numpy_scalar(items: list[Any]) -> Any:
    if len(items) != 2:
        raise InputError("the YAML holds a numpy scalar that is not [dtype, bytes]")
    return _values(items[0], items[1], ())


def _numpy_array(parts: dict[Any, Any]) -> Any:
    """`state: [1, shape, dtype, is_fortran, bytes]` -> a number (Keras 1.0.6 wrote those) or nested lists."""
    state = parts.get("state")
    if not isinstance(state, list) or len(state) != 5 or not isinstance(state[1], list) or state[3] is not False:
        raise InputError("the YAML holds a numpy array whose state is not [1, shape, dtype, false, bytes]")
    if len(state[1]) > 8 or not all(type(size) is int and 0 <= size <= MAX_NODES for size in state[1]):
        raise InputError("the YAML holds a numpy array whose shape is not a few sizes")
    return _values(state[2], state[4], tuple(state[1]))


def _values(code: Any, text: Any, shape: tuple[int, ...]) -> Any:
    """Decode numbers of the numpy type `code` from their bytes; nothing is called that the text names."""
    if not isinstance(code, _Dtype) or not isinstance(text, str):
        raise InputError("the YAML holds numpy values without a type or bytes")
    try:
        raw = text.encode("latin-1" if isinstance(text, _Binary) else "utf-8")
    except UnicodeEncodeError as error:
        raise InputError("the YAML holds numpy values whose bytes are not bytes") from error
    dtype = np.dtype(str(code))
    if len(raw) != dtype.itemsize * math.prod(shape) or len(raw) > MAX_ARRAY:
        raise InputError(f"the YAML holds {len(raw)} bytes for numpy {dtype.name} of shape {list(shape)}")
    return np.frombuffer(raw, dtype).reshape(shape).tolist()


def _binary(text: str) -> _Binary:
    try:
        return _Binary(base64.b64decode(text).decode("latin-1"))
    except (binascii.Error, ValueError) as error:
        raise InputError("the YAML holds a !!binary that is not base64") from error


def _refused(tag: str | None) -> InputError:
    name = str(tag)
    name = "!!" + name[len(_CORE) :] if name.startswith(_CORE) else name
    return InputError(
        f"the YAML holds the tag {_short(name)}, which builds a Python object or calls something; nothing in "
        "a file is ever run: replace that value in the file by plain text or numbers"
    )


def _short(value: object) -> str:
    return ascii(str(value))[1:-1][:100]
