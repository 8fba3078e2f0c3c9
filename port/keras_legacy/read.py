"""Read a Keras-1 model from its files, without building anything and without running anything in them.

A weights file holds, at its root, the attribute `layer_names`; each layer is a group whose attribute
`weight_names` lists its datasets. The attributes give the order: HDF5's own is alphabetical. A whole-model
file keeps the same under `model_weights` and adds the attributes `model_config` and, from Keras 1.0.7,
`keras_version`; optimizer slots beside them are left out.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import reading
from reprise_kit.port.keras_legacy import safe
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1, Dialect, dialect_of
from reprise_kit.port.keras_legacy.dialects.translated import translated


@dataclass(frozen=True)
class LayerWeights:
    """One group of a weights file: a layer's name and its arrays in Keras-1 order.

    `legacy`: the file has Keras 0.x's layout, which names neither layers nor arrays and numbers both.
    """

    layer_name: str
    arrays: list[tuple[str, np.ndarray]]
    legacy: bool = False


@dataclass(frozen=True)
class Keras1Model:
    """What the files of one model hold: the architecture, the weights, and where each came from.

    `config` is the document of `to_json()`: class_name, config and, if recorded, keras_version. `whole` says
    that the weights file was a whole model; `version` is the recorded Keras version or None, `backend` the
    recorded backend (Keras 1 recorded none). Config and names of weights are in the words of Keras 1, whatever
    `dialect` they were written in.
    """

    config: dict[str, Any]
    weights: list[LayerWeights]
    version: str | None
    whole: bool
    notes: list[str] = field(default_factory=list)
    backend: str | None = None
    dialect: Dialect = KERAS1


def read(architecture: Path | None, weights: Path) -> Keras1Model:
    """Return the model of an architecture file and a weights file, or of one whole-model file.

    Raises InputError if there is no architecture anywhere, or if a file is damaged, hostile or not Keras 1.
    """
    with reading(weights, "Keras model"):
        return _read(architecture, weights)


def _read(architecture: Path | None, weights: Path) -> Keras1Model:
    config, version, backend, whole = None, None, None, False
    with _opened(weights) as file:
        whole = "model_weights" in file
        places = [file.attrs, file.get("model_weights", file).attrs]
        version, backend = (
            next((_text(attributes[key]) for attributes in places if key in attributes), None)
            for key in ("keras_version", "backend")
        )
        if "model_config" in file.attrs:
            config = safe.load_architecture(_bytes(file.attrs["model_config"]))
        groups = _groups(file, weights)
    notes = []
    if architecture is not None:
        if config is not None:
            notes.append("both files hold an architecture; the architecture file is used")
        config = safe.load_architecture(architecture)
    if config is None:
        raise InputError(f"{weights} holds weights but no architecture; add --architecture model.json")
    version, backend = config.get("keras_version") or version, config.get("backend") or backend
    notes += _other_precision(config)
    wrote = dialect_of(config, version)
    config, groups = translated(config, groups, wrote)
    return Keras1Model(config, groups, version, whole, notes, backend, wrote)


def _other_precision(config: dict[str, Any]) -> list[str]:
    """Return a note where layers computed in another precision than float32, which is what is built."""
    said = sorted(set(re.findall(r"'(mixed_\w+|b?float16|float64)'", str(config))))
    return (
        [f"not carried: layers computed in {', '.join(said)}; here in float32, so answers differ by its rounding"]
        if said
        else []
    )


def is_whole(path: Path) -> bool:
    """Return whether an HDF5 file holds an architecture beside its weights."""
    with _opened(path) as file:
        return "model_config" in file.attrs


def architecture_of(path: Path) -> dict[str, Any] | None:
    """Return the architecture that a whole model holds, in its own words, or None."""
    with _opened(path) as file:
        return safe.load_architecture(_bytes(file.attrs["model_config"])) if "model_config" in file.attrs else None


def weights(path: Path) -> list[LayerWeights]:
    """Return the layers of a weights file or whole-model file in Keras-1 order, layers without arrays too."""
    with _opened(path) as file:
        return _groups(file, path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a checked file; what the HDF5 library still finds broken while reading is an InputError too."""
    with safe.open_hdf5(path) as file:
        try:
            yield file
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged HDF5 file: {safe.one_line(error)}") from error


def _groups(file: Any, path: Path) -> list[LayerWeights]:
    root = file.get("model_weights", file)
    if "nb_layers" in root.attrs:
        return list(_legacy_groups(root, path))
    names = _texts(root, "layer_names")
    if names is None:
        raise InputError(f"{path} has no attribute layer_names; give a file of Keras 1's save_weights or save")
    groups, taken = [], set[int]()
    for name in names:
        if name not in root:
            raise InputError(f"{path}: layer_names lists {name!r}, but there is no such group")
        group = _once(root[name], taken, path)
        arrays = []
        for weight in _texts(group, "weight_names") or []:
            if weight not in group or not hasattr(group[weight], "dtype"):
                raise InputError(f"{path}: layer {name!r} lists the weight {weight!r}, but there is none")
            arrays.append((weight, np.asarray(_once(group[weight], taken, path)[()])))
        groups.append(LayerWeights(name, arrays))
    return groups


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
