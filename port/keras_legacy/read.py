"""Read a Keras-1 model from its files, without building anything and without running anything in them.

A weights file holds, at its root, the attribute `layer_names`; each layer is a group whose attribute
`weight_names` lists its datasets. The attributes give the order: HDF5's own is alphabetical. A whole-model
file keeps the same under `model_weights` and adds the attributes `model_config` and, from Keras 1.0.7,
`keras_version`; the optimizer and its slots beside them are named and left out.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from reprise_kit.compare.box import Limits, boxed
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.port.keras_legacy import safe, trained
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, Dialect
from reprise_kit.port.keras_legacy.dialects.translated import translated

ARCHITECTURE = Limits(answer=64 << 20, times=20, per_second=1 << 18)  # a slow machine parses 256 kB a second,
ABOUT, MAX_ABOUT = "about.json", 4 << 20
HDF5 = Limits(times=safe.MAX_EXPANSION, per_second=4 << 20)  # and reads 4 MB of arrays


@dataclass(frozen=True)
class LayerWeights:
    """One group of a weights file: a layer's name and its arrays in Keras-1 order.

    `legacy`: the file has Keras 0.x's layout, which names neither layers nor arrays and numbers both.
    """

    layer_name: str
    arrays: list[tuple[str, np.ndarray]]
    legacy: bool = False


@dataclass(frozen=True)
class OldModel:
    """What the files of one model hold: the architecture, the weights, and where each came from.

    `config` is the document of `to_json()`: class_name, config and, if recorded, keras_version. `whole` says
    that the weights file was a whole model; `version` is the recorded Keras version or None, `backend` the
    recorded backend (Keras 1 recorded none). Config and names of weights are in the words of Keras 1, whatever
    `dialect` they were written in; `written` is the document in its own words. `functions` is the code of the program's
    own activations by name, as a Lambda's config holds it, where whoever saved the model kept it beside.
    """

    config: dict[str, Any]
    weights: list[LayerWeights]
    version: str | None
    whole: bool
    notes: list[str] = field(default_factory=list)
    backend: str | None = None
    dialect: Dialect = KERAS1
    written: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)


def read(architecture: Path | None, weights: Path) -> OldModel:
    """Return the model of an architecture file and a weights file, or of one whole-model file.

    Raises InputError if there is no architecture anywhere, or if a file is damaged, hostile or not Keras 1.
    """
    found = _contents(weights)
    written, notes = found.config, []
    if architecture is not None:
        if written is not None:
            notes.append("both files hold an architecture; the architecture file is used")
        written = load_architecture(architecture)
    if written is None:
        raise InputError(f"{weights} holds weights but no architecture; add --architecture model.json")
    with reading(architecture or weights, "Keras model"):
        version, backend = written.get("keras_version") or found.version, written.get("backend") or found.backend
        notes += trained.not_carried(written, found.optimizer)
        config, groups, wrote = translated(written, found.weights, version)
    beside = functions_beside(architecture) if architecture is not None else {}
    return OldModel(config, groups, version, found.whole, notes, backend, wrote, written, beside)


def functions_beside(architecture: Path) -> dict[str, Any]:
    """Return the own functions that `reprise adopt` tells of in about.json beside an architecture, or none."""
    path = architecture.with_name(ABOUT)
    try:
        text = path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_ABOUT else b"{}"
        told = json.loads(text)["functions"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: {"function": code} for name, code in told}


def is_whole(path: Path) -> bool:
    """Return whether an HDF5 file holds an architecture beside its weights."""
    (found,) = boxed(facts_inside, path, limits=HDF5)
    return bool(found)


def weights(path: Path) -> list[LayerWeights]:
    """Return the layers of a weights file or whole-model file in Keras-1 order, layers without arrays too."""
    return _contents(path).weights


def load_architecture(path: Path) -> dict[str, Any]:
    """Return the architecture of a model.json or model.yaml, as `safe.load_architecture` reads it in a box."""
    (tree,) = boxed(architecture_inside, path, limits=ARCHITECTURE)
    return _checked(tree)


@dataclass(frozen=True)
class _Contents:
    """What one HDF5 file holds."""

    whole: bool
    version: str | None
    backend: str | None
    optimizer: str | None
    config: dict[str, Any] | None
    weights: list[LayerWeights]


def _contents(path: Path) -> _Contents:
    """Read a file in a box; what comes back is held to its form."""
    items = boxed(contents_inside, path, limits=HDF5)
    whole, version, backend, optimizer, config = next(items)
    groups = []
    for name, names, legacy in items:
        arrays = [(str(weight), next(items)) for weight in names]
        groups.append(LayerWeights(str(name), arrays, bool(legacy)))
    return _Contents(bool(whole), version, backend, optimizer, config and _checked(config), groups)


def _checked(tree: Any) -> dict[str, Any]:
    safe.check_tree(tree)
    return dict(tree)


def contents_inside(path: Path) -> Iterator[Any]:
    """In the box: [whole, version, backend, optimizer, architecture]; for each layer [name, names, legacy], arrays."""
    with reading(path, "Keras model"), _opened(path) as file:
        places = [file.attrs, file.get("model_weights", file).attrs]
        version, backend = (
            next((_text(attributes[key]) for attributes in places if key in attributes), None)
            for key in ("keras_version", "backend")
        )
        held = file.attrs.get("model_config")
        with _naming(path):
            config = None if held is None else safe.load_architecture(_bytes(held))
        yield ["model_weights" in file, version, backend, _optimizer(file.attrs.get("training_config")), config]
        for group in _groups(file, path):
            yield [group.layer_name, [name for name, _ in group.arrays], group.legacy]
            yield from (array for _, array in group.arrays)


def _optimizer(held: Any) -> str | None:
    """Return the class of the optimizer that a model was compiled with, as far as it is said."""
    try:
        named = json.loads(_bytes(held))["optimizer_config"]["class_name"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None if held is None else "unnamed"
    return ascii(str(named))[1:41].rstrip("'")


def facts_inside(path: Path) -> Iterator[bool]:
    """In the box: whether there is an architecture."""
    with reading(path, "Keras model"), _opened(path) as file:
        yield "model_config" in file.attrs


def architecture_inside(path: Path) -> Iterator[dict[str, Any]]:
    """In the box: the document."""
    with reading(path, "architecture of an old Keras"), _naming(path):
        yield safe.load_architecture(path)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Begin what is said of an architecture with the file that holds it, where it does not name that yet."""
    try:
        yield
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a checked file; what the HDF5 library still finds broken while reading is an InputError too."""
    with safe.open_hdf5(path) as file:
        try:
            yield file
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged HDF5 file: {safe.one_line(error)}") from error


def _groups(file: Any, path: Path) -> Iterator[LayerWeights]:
    root = file.get("model_weights", file)
    if "nb_layers" in root.attrs:
        yield from _legacy_groups(root, path)
        return
    names = _texts(root, "layer_names")
    if names is None and "nb_params" in getattr(root.get("graph"), "attrs", ()):
        raise InputError(
            f"{path}: weights of a Graph of Keras 0.x, one list of all its arrays that does not say whose each is; not "
            "supported: set_weights() them in a model of Keras 1 and save that"
        )
    if names is None:
        raise InputError(f"{path} has no attribute layer_names; give a file of Keras 1's save_weights or save")
    taken = set[int]()
    for name in names:
        if name not in root:
            raise InputError(f"{path}: layer_names lists {name!r}, but there is no such group")
        group = _once(root[name], taken, path)
        if not isinstance(group, h5py.Group):
            raise InputError(f"{path}: layer_names lists {name!r}, which is no group but a {type(group).__name__}")
        arrays = []
        for weight in _texts(group, "weight_names") or []:
            if weight not in group or not hasattr(group[weight], "dtype"):
                raise InputError(f"{path}: layer {name!r} lists the weight {weight!r}, but there is none")
            arrays.append((weight, np.asarray(_once(group[weight], taken, path)[()])))
        yield LayerWeights(name, arrays)


def _once(node: Any, taken: set[int], path: Path) -> Any:
    """Return a group or dataset that is listed for the first time: each time again would take its size again."""
    address = h5py.h5o.get_info(node.id).addr
    if address in taken:
        raise InputError(
            f"{path}: lists {ascii(node.name)[:80]} more than once: saving failed half-way, as Keras 2 on Theano "
            "does at StackedRNNCells, or the file is damaged"
        )
    taken.add(address)
    return node


def _legacy_groups(root: Any, path: Path) -> Iterator[LayerWeights]:
    """Yield the layers of Keras 0.x's layout, which Keras 1 reads too: layer_0 ... with param_0 ..."""
    for layer in range(int(root.attrs["nb_layers"])):
        name = f"layer_{layer}"
        if name not in root:
            raise InputError(f"{path}: nb_layers is {root.attrs['nb_layers']}, but there is no group {name}")
        params = [f"param_{i}" for i in range(int(root[name].attrs.get("nb_params", 0)))]
        for param in params:
            if param not in root[name] or not hasattr(root[name][param], "dtype"):
                raise InputError(f"{path}: {name} has nb_params {len(params)}, but there is no {param}")
        yield LayerWeights(name, [(param, np.asarray(root[name][param][()])) for param in params], legacy=True)


def _texts(node: Any, key: str) -> list[str] | None:
    """Return an attribute that lists names, its pieces key0, key1, ... (of one above 64 kB), or None."""
    if key in node.attrs:
        return [_text(name) for name in node.attrs[key]]
    if f"{key}0" not in node.attrs:
        return None
    pieces = itertools.takewhile(lambda name: name in node.attrs, (f"{key}{i}" for i in itertools.count()))
    return [_text(name) for piece in pieces for name in node.attrs[piece]]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    # h5py gives bytes that are no UTF-8 as lone surrogates, which it does not take back.
    return str(value).encode("utf-8", "replace").decode()


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
