"""Keras 2.0 to 2.3 and tf.keras in the words of Keras 1: one row per class, one word per key.

Source: `get_config` of keras/layers and keras/engine in 2.0.9, 2.1.6, 2.2.4 and 2.3.1, and of tf.keras 1.13 to 2.15.
A class that is not in CLASSES, or a key that its class never had, is refused by name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.calls import calls, in_training
from reprise_kit.port.keras_legacy.dialects.dialect import Dialect

Config = dict[str, Any]

# What any layer may record. Of these only the input's shape and type reach the outputs.
_ANY = {"name", "trainable", "batch_input_shape", "dtype"}
_BIAS = {"use_bias": "bias", "bias_initializer": None, "bias_regularizer": "b_regularizer"} | {
    "bias_constraint": "b_constraint",
    "activity_regularizer": "activity_regularizer",
}
_KERNEL = {"kernel_initializer": None, "kernel_regularizer": "W_regularizer", "kernel_constraint": "W_constraint"}
_DENSE = {"units": "output_dim", "activation": "activation", **_KERNEL, **_BIAS}
_CONV = {
    **{"filters": "nb_filter", "kernel_size": "kernel_size", "strides": "subsample", "padding": "border_mode"},
    **{"data_format": "dim_ordering", "dilation_rate": "atrous_rate", "activation": "activation", "groups": "groups"},
    **{"rank": None, **_KERNEL, **_BIAS},
}
_PARTS: dict[str, str | None] = {
    f"{part}_{what}": None
    for part in ("depthwise", "pointwise")
    for what in ("initializer", "regularizer", "constraint")
}
_DEPTHWISE = {**_CONV, **_PARTS, "depth_multiplier": "depth_multiplier"}
_POOL = {"pool_size": "pool_size", "strides": "strides", "padding": "border_mode", "data_format": "dim_ordering"}
_ORDERED = {"data_format": "dim_ordering"}
_RECURRENT = {
    **_DENSE,
    **{"recurrent_activation": "inner_activation", "recurrent_initializer": None, "unit_forget_bias": None},
    **{"recurrent_regularizer": "U_regularizer", "recurrent_constraint": "U_constraint"},
    **{"dropout": "dropout_W", "recurrent_dropout": "dropout_U", "implementation": None, "time_major": "time_major"},
    **{key: key for key in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "reset_after")},
    **{"zero_output_for_mask": "zero_output_for_mask", "num_constants": "num_constants"},
}
_LOCAL = {**_CONV, "implementation": None}
_NORM = {
    **{key: key for key in ("axis", "momentum", "epsilon", "center", "scale", "gamma_regularizer", "beta_regularizer")},
    **dict.fromkeys(f"{part}_initializer" for part in ("beta", "gamma", "moving_mean", "moving_variance")),
    **{"gamma_constraint": None, "beta_constraint": None},
}
_SAME = {key: key for key in ("activation", "l1", "l2", "target_shape", "dims", "n", "mask_value", "alpha", "theta")}


def _keeps(*keys: str) -> dict[str, str | None]:
    return {key: key for key in keys}


@dataclass(frozen=True)
class Row:
    """A class of Keras 2: Keras 1's name for it, a word per key (None: nothing at inference), and what is fixed."""

    to: str
    words: Mapping[str, str | None]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    dimensions: int = 0


def _images(to: str, words: Mapping[str, str | None], names: str, first: int = 1) -> dict[str, Row]:
    """Return rows of the same words for 1, 2 and 3 dimensions; "*" stands for the number."""
    return {names.replace("*", str(d)): Row(to.replace("*", str(d)), words, dimensions=d) for d in range(first, 4)}


CLASSES: dict[str, Row] = {
    "InputLayer": Row("InputLayer", _keeps("sparse", "ragged")),
    "Dense": Row("Dense", _DENSE),
    "Activation": Row("Activation", _keeps("activation")),
    "ActivityRegularization": Row("ActivityRegularization", _keeps("l1", "l2")),
    "Dropout": Row("Dropout", {"rate": "p", "noise_shape": None, "seed": None}),
    "GaussianDropout": Row("GaussianDropout", {"rate": "p", "seed": None}),
    "AlphaDropout": Row("AlphaDropout", {"rate": "p", "seed": None, "noise_shape": None}),
    "GaussianNoise": Row("GaussianNoise", {"stddev": "sigma", "seed": None}),
    **_images("SpatialDropout*D", {"rate": "p", "noise_shape": None, "seed": None, **_ORDERED}, "SpatialDropout*D"),
    "Flatten": Row("Flatten", _ORDERED),
    "Reshape": Row("Reshape", _keeps("target_shape")),
    "Permute": Row("Permute", _keeps("dims")),
    "RepeatVector": Row("RepeatVector", _keeps("n")),
    "Masking": Row("Masking", _keeps("mask_value")),
    "Embedding": Row(
        "Embedding",
        {
            **_keeps("input_dim", "output_dim", "mask_zero", "input_length", "activity_regularizer"),
            **{"embeddings_initializer": None, "embeddings_regularizer": "W_regularizer"},
            **{"embeddings_constraint": "W_constraint"},
        },
    ),
    "Lambda": Row(
        "Lambda",
        _keeps("function", "function_type", "output_shape", "output_shape_type", "arguments", "module")
        | {"output_shape_module": None, "mask": "mask", "mask_type": None},
    ),
    **_images("Convolution*D", _CONV, "Conv*D"),
    "Conv2DTranspose": Row("Deconvolution2D", {**_CONV, "output_padding": "output_padding"}, dimensions=2),
    "Conv3DTranspose": Row("Deconvolution3D", {**_CONV, "output_padding": "output_padding"}, dimensions=3),
    "SeparableConv1D": Row("SeparableConvolution1D", _DEPTHWISE, dimensions=1),
    "SeparableConv2D": Row("SeparableConvolution2D", _DEPTHWISE, dimensions=2),
    "DepthwiseConv2D": Row("DepthwiseConvolution2D", _DEPTHWISE, dimensions=2),
    "LocallyConnected1D": Row("LocallyConnected1D", _LOCAL, dimensions=1),
    "LocallyConnected2D": Row("LocallyConnected2D", _LOCAL, dimensions=2),
    **_images("MaxPooling*D", _POOL, "MaxPooling*D"),
    **_images("AveragePooling*D", _POOL, "AveragePooling*D"),
    **_images("GlobalMaxPooling*D", {**_ORDERED, "keepdims": "keepdims"}, "GlobalMaxPooling*D"),
    **_images("GlobalAveragePooling*D", {**_ORDERED, "keepdims": "keepdims"}, "GlobalAveragePooling*D"),
    **_images("ZeroPadding*D", {"padding": "padding", **_ORDERED}, "ZeroPadding*D"),
    **_images("Cropping*D", {"cropping": "cropping", **_ORDERED}, "Cropping*D"),
    "UpSampling1D": Row("UpSampling1D", {"size": "length", **_ORDERED}),
    **_images("UpSampling*D", {"size": "size", "interpolation": "interpolation", **_ORDERED}, "UpSampling*D", 2),
    "SimpleRNN": Row("SimpleRNN", _RECURRENT),
    "LSTM": Row("LSTM", _RECURRENT, {"consume_less": "gpu"}),
    "GRU": Row("GRU", _RECURRENT, {"consume_less": "gpu"}),
    "CuDNNLSTM": Row("LSTM", _RECURRENT, {"consume_less": "gpu", "inner_activation": "sigmoid"}),
    "CuDNNGRU": Row("GRU", _RECURRENT, {"consume_less": "gpu", "inner_activation": "sigmoid", "reset_after": True}),
    "ConvLSTM2D": Row("ConvLSTM2D", {**_CONV, **_RECURRENT}, {"consume_less": "gpu"}, dimensions=2),
    "BatchNormalization": Row("BatchNormalization", _NORM),
    "LeakyReLU": Row("LeakyReLU", _keeps("alpha")),
    "ELU": Row("ELU", _keeps("alpha")),
    "PReLU": Row(
        "PReLU", _keeps("shared_axes") | dict.fromkeys(("alpha_initializer", "alpha_regularizer", "alpha_constraint"))
    ),
    "ThresholdedReLU": Row("ThresholdedReLU", _keeps("theta")),
    "Softmax": Row("Softmax", _keeps("axis")),
    "ReLU": Row("ReLU", _keeps("max_value", "negative_slope", "threshold")),
    "Add": Row("Merge", {}, {"mode": "sum"}),
    "Subtract": Row("Merge", {}, {"mode": "sub"}),
    "Multiply": Row("Merge", {}, {"mode": "mul"}),
    "Average": Row("Merge", {}, {"mode": "ave"}),
    "Maximum": Row("Merge", {}, {"mode": "max"}),
    "Minimum": Row("Merge", {}, {"mode": "min"}),
    "Concatenate": Row("Merge", {"axis": "concat_axis"}, {"mode": "concat"}),
    "Dot": Row("Dot", _keeps("axes", "normalize")),
    "TimeDistributed": Row("TimeDistributed", _keeps("layer")),
    "Bidirectional": Row("Bidirectional", _keeps("layer", "merge_mode", "num_constants", "backward_layer")),
}
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
    class_name, config = document.get("class_name"), document.get("config")
    said = in_training(document, str(class_name))
    if class_name in _MODELS and isinstance(config, (dict, list)):
        return {**document, "class_name": _MODELS[str(class_name)], "config": _model(str(class_name), config, dialect)}
    if not isinstance(class_name, str) or not isinstance(config, dict):
        raise InputError(f"a layer without class_name and config: {str(document)[:80]!r}; is this {dialect.name}?")
    class_name = _SYNONYMS.get(class_name, class_name)
    if class_name == "RNN":
        return {**architecture(_of_cells(document, config), dialect), "inbound_nodes": calls(document)}
    if class_name not in CLASSES:
        return {**document, "written": class_name, "inbound_nodes": calls(document)}  # refused by name when built
    row = CLASSES[class_name]
    translated = _config(class_name, row, config, dialect) | said
    return {
        **document,
        **{"class_name": row.to, "written": class_name, "config": translated, "inbound_nodes": calls(document)},
    }


CELLS = {f"{kind}Cell": kind for kind in ("SimpleRNN", "GRU", "LSTM")}


def _of_cells(document: Config, config: Config) -> Config:
    """Return an RNN of a known cell as its layer, and one of stacked cells as layers one after the other."""
    cell = config.get("cell") or {}
    kind, inner = cell.get("class_name"), cell.get("config") or {}
    shared = {key: value for key, value in config.items() if key not in ("cell", "name", *_ANY)}
    top = {key: config[key] for key in (*_ANY, "name") if key in config}
    name = config.get("name", "rnn")
    if kind in CELLS:
        return {**document, "class_name": CELLS[kind], "config": {**_own(inner), **shared, **top}}
    cells = inner.get("cells", []) if kind == "StackedRNNCells" else []
    unknown = [one.get("class_name") for one in cells if one.get("class_name") not in CELLS] if cells else [kind]
    if unknown or config.get("return_state"):
        what = f"the cell {unknown[0]}" if unknown else "return_state of stacked cells"
        raise InputError(f"layer {name}: an RNN with {what} is not supported; see --replace {name}=module:class")
    layers = []
    for i, one in enumerate(cells):
        last = i == len(cells) - 1
        flags = {**shared, "go_backwards": config.get("go_backwards", False) and i == 0}
        flags["return_sequences"] = config.get("return_sequences", False) if last else True
        own = {**_own(one["config"]), **flags, "name": f"{name}_{i}"}
        layers.append({"class_name": CELLS[one["class_name"]], "config": {**own, **({} if i else _sized(top))}})
    return {**document, "class_name": "Sequential", "config": {"name": name, "layers": layers}, "name": name}


def _own(cell: Config) -> Config:
    return {key: value for key, value in cell.items() if key not in _ANY}


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
    unknown = sorted(key for key in config if key not in row.words and key not in _ANY | _IGNORED)
    if unknown:
        raise InputError(
            f"layer {name} ({class_name}): the config key{'s' * (len(unknown) > 1)} {', '.join(unknown)[:120]} "
            f"{'are' if len(unknown) > 1 else 'is'} not of {dialect.name}'s {class_name}; is it a layer of your own?"
        )
    found: Config = {key: config[key] for key in ("name", "trainable", "batch_input_shape") if key in config}
    for key, word in row.words.items():
        if key in config and word is not None:
            found[word] = config[key]
    if "dtype" in config:
        found["input_dtype"] = _dtype(config["dtype"])
    found |= {word: value for word, value in row.fixed.items() if word not in found}
    if isinstance(found.get("layer"), dict):
        found["layer"] = architecture(found["layer"], dialect)
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


_EDITS: dict[str, Callable[[Config], None]] = {"Conv1D": _causal, "SeparableConv1D": _causal}


def weight_name(name: str) -> str:
    """Return a Keras-2 array's name in Keras 1's words: dense_1/kernel:0 -> W:0; its place tells whose it is."""
    last, colon, number = name.rpartition("/")[2].partition(":")
    role = re.sub(r"_\d+$", "", last)
    return f"{ROLES.get(role, role)}{colon}{number}"
