"""Keras 2.0 to 2.3 and tf.keras in the words of Keras 1: one row per class, one word per key.

Source: `get_config` of keras/layers and keras/engine in 2.0.9, 2.1.6, 2.2.4 and 2.3.1, and of tf.keras 1.13 to 2.15.
A class that is not in CLASSES is refused by name; a key that its class never had is kept aside (UNKNOWN), and refused
by name in config_keys.py unless a person says that it means nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects import operations
from reprise_kit.port.keras_legacy.dialects.calls import called
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS, UNKNOWN, Dialect
from reprise_kit.port.keras_legacy.dialects.keras2_classes import ANY, CLASSES, LATER, Row

Config = dict[str, Any]

_MODELS = {"Sequential": "Sequential", "Model": "Model", "Functional": "Model"}
_SYNONYMS = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"} | {
    f"{kind}{version}": kind for kind in ("LSTM", "GRU") for version in ("V1", "V2")
}
_IGNORED = {"batch_norm_version", "build_input_shape"}
ROLES = {
    **{"kernel": "W", "recurrent_kernel": "U", "bias": "b", "embeddings": "W", "alpha": "alphas"},
    **{"moving_mean": "running_mean", "moving_variance": "running_std"},
}


def architecture(document: Config, dialect: Dialect) -> Config:
    """Return a Keras-2 document (`to_json`, `model_config`) in Keras 1's words. Raises InputError."""
    class_name, config = _said(document, dialect)
    if class_name == "RNN" and "written" not in document:
        return architecture(_of_cells(document, config), dialect)
    if class_name in operations.CLASSES:
        return operations.operation(document)
    if class_name in _MODELS:
        words = {"class_name": _MODELS[class_name], "config": _model(class_name, config, dialect)}
    elif class_name in CLASSES:
        config = _config(class_name, CLASSES[class_name], config, dialect)
        words = {"class_name": CLASSES[class_name].to, "written": class_name, "config": config}
    else:
        words = {"written": class_name}  # refused by name when built
    sources, added = called(document, class_name)
    if added:
        words["config"] |= added
    return {**document, **words, "inbound_nodes": sources}


def _said(document: Any, dialect: Dialect) -> tuple[str, Any]:
    """Return a layer's class and its config, a mapping; a Sequential's may be a list."""
    class_name = document.get("class_name") if isinstance(document, dict) else None
    if not isinstance(class_name, str) or not isinstance(
        document.get("config"), (dict, list) if class_name in _MODELS else dict
    ):
        raise InputError(f"a layer without class_name and config: {str(document)[:80]!r}; is this {dialect.name}?")
    return _SYNONYMS.get(class_name, class_name), document["config"]


CELLS = {f"{kind}Cell": kind for kind in ("SimpleRNN", "GRU", "LSTM")}


def _of_cells(document: Config, config: Config) -> Config:
    """Return an RNN of a known cell as its layer, and one of stacked cells as layers one after the other.

    One of a person's own cells stays an RNN.
    """
    cell = config.get("cell") or {}
    kind, inner = cell.get("class_name"), cell.get("config") or {}
    shared = {key: value for key, value in config.items() if key not in ("cell", "name", *ANY)}
    top = {key: config[key] for key in (*ANY, "name") if key in config}
    name = config.get("name", "rnn")
    if kind in CELLS:
        return {**document, "class_name": CELLS[kind], "config": {**_own(inner), **shared, **top}}
    cells = inner.get("cells", []) if kind == "StackedRNNCells" else []
    if not cells or any(one.get("class_name") not in CELLS for one in cells):
        return {**document, "written": "RNN"}
    if config.get("return_state"):
        raise InputError(f"layer {name}: an RNN with return_state of stacked cells is not supported")
    layers = []
    for i, one in enumerate(cells):
        last = i == len(cells) - 1
        flags = {**shared, "go_backwards": config.get("go_backwards", False) and i == 0}
        flags["return_sequences"] = config.get("return_sequences", False) if last else True
        own = {**_own(one["config"]), **flags, "name": f"{name}_{i}"}
        layers.append({"class_name": CELLS[one["class_name"]], "config": {**own, **({} if i else _sized(top))}})
    return {**document, "class_name": "Sequential", "config": {"name": name, "layers": layers}, "name": name}


def _own(cell: Config) -> Config:
    return {key: value for key, value in cell.items() if key not in ANY}


def _sized(top: Config) -> Config:
    return {key: value for key, value in top.items() if key != "name"}


def _model(class_name: str, config: Any, dialect: Dialect) -> Any:
    if class_name == "Sequential":
        layers = config if isinstance(config, list) else config.get("layers", [])
        translated = [architecture(layer, dialect) for layer in layers]
        if isinstance(config, dict) and config.get("build_input_shape") and translated:
            _first(translated[0]).setdefault("batch_input_shape", config["build_input_shape"])
        return translated if isinstance(config, list) else {**config, "layers": translated}
    layers = [architecture(layer, dialect) for layer in config.get("layers", [])]
    ends = {key: _pointers(config.get(key)) for key in ("input_layers", "output_layers")}
    return {**config, "layers": layers, **ends}


def _first(layer: Config) -> Config:
    """Return the config that may record a Sequential's input; a nested model records its own."""
    return layer["config"] if layer.get("class_name") not in _MODELS and isinstance(layer["config"], dict) else {}


def _pointers(ends: Any) -> Any:
    """Return [[name, call, tensor], ...]; tf.keras writes a single one without the outer list."""
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        return [ends]
    return ends


def _config(class_name: str, row: Row, config: Config, dialect: Dialect) -> Config:
    name = config.get("name", class_name.lower())
    later = LATER if dialect is not TF_KERAS else set()
    known = {key for key in row.words if key not in later or config.get(key) in (None, False, 1)} | ANY | _IGNORED
    unknown = [key for key in config if key not in known]
    found: Config = {key: config[key] for key in ("name", "trainable", "batch_input_shape") if key in config}
    if unknown:
        found[UNKNOWN] = {key: config[key] for key in unknown}
    for key, word in row.words.items():
        if key in config and word is not None and key not in unknown:
            found[word] = config[key]
    if "dtype" in config:
        found["input_dtype"] = _dtype(config["dtype"])
    found |= {word: value for word, value in row.fixed.items() if word not in found}
    if isinstance(found.get("layer"), dict):
        found["layer"] = architecture(found["layer"], dialect)
        if class_name == "Bidirectional" and found["layer"]["class_name"] == "RNN":
            raise InputError(f"layer {name}: a Bidirectional of an RNN with a cell of your own is not supported")
    if "dim_ordering" in found:
        found["dim_ordering"] = _ordering(found["dim_ordering"], name)
    for edit in (_spread(row), _EDITS.get(class_name)):
        if edit:
            edit(found)
    return found


def _dtype(value: Any) -> Any:
    """Return a type's name; tf.keras's policies are mappings that hold it."""
    if isinstance(value, dict):
        return (value.get("config") or {}).get("name")
    return value


def _ordering(value: Any, name: Any) -> str:
    try:
        return {"channels_first": "th", "channels_last": "tf", None: "tf"}[value]
    except (KeyError, TypeError):
        raise InputError(f"layer {name}: data_format {value!r}; allowed: channels_first, channels_last") from None


_KERNEL_KEYS = {1: ("filter_length",), 2: ("nb_row", "nb_col"), 3: ("kernel_dim1", "kernel_dim2", "kernel_dim3")}


def _spread(row: Row) -> Callable[[Config], None] | None:
    """Return what turns lists of one number per dimension into Keras 1's keys."""
    if not row.dimensions:
        return None

    def edit(found: Config) -> None:
        if "kernel_size" in found:
            sizes = _list(found.pop("kernel_size"), row.dimensions)
            found |= dict(zip(_KERNEL_KEYS[row.dimensions], sizes, strict=True))
        for key in ("subsample", "atrous_rate", "pool_size", "strides"):
            if found.get(key) is not None:
                found[key] = _list(found[key], row.dimensions)
        if row.dimensions == 1:
            for key, word in _ONE.items():
                if isinstance(found.get(key), list):
                    found[word] = found.pop(key)[0]

    return edit


_ONE = {
    **{"subsample": "subsample_length", "atrous_rate": "atrous_rate", "pool_size": "pool_length", "strides": "stride"},
}


def _list(value: Any, length: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * length


def _causal(found: Config) -> None:
    if found.get("border_mode") == "causal":
        found |= {"border_mode": "valid", "left_padded": True}


def _one_axis(found: Config) -> None:
    """tf.keras writes the axis of a BatchNormalization as a list."""
    axis = found.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        found["axis"] = axis[0]


_EDITS: dict[str, Callable[[Config], None]] = {
    **{"Conv1D": _causal, "SeparableConv1D": _causal},
    "BatchNormalization": _one_axis,
}


def weight_name(name: str) -> str:
    """Return a Keras-2 array's name in Keras 1's words: dense_1/kernel:0 -> W:0; its place tells whose it is."""
    last, colon, number = name.rpartition("/")[2].partition(":")
    role = re.sub(r"_\d+$", "", last)
    return f"{ROLES.get(role, role)}{colon}{number}"
