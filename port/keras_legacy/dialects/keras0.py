"""Keras 0.3's Sequential in the words of Keras 1: what its files call `name` is a class, `custom_name` the name.

Source: `get_config` of keras/layers and keras/utils/layer_utils.py in 0.3.3. Its layers are Keras 1's first ones; a
class or key that is not in KEYS, a Graph and a model in a model are refused by name.
"""

from typing import Any

from reprise_kit.compare.errors import InputError

Config = dict[str, Any]

_ANY = {"name", "custom_name", "trainable", "cache_enabled", "input_shape", "batch_input_shape", "input_dtype"}
_LEARNED = "activation W_regularizer b_regularizer activity_regularizer W_constraint b_constraint"
_DENSE = f"output_dim init {_LEARNED} input_dim"
_RNN = "output_dim init inner_init activation W_regularizer U_regularizer b_regularizer dropout_W dropout_U "
_RNN += "return_sequences go_backwards stateful input_dim input_length"
_CONV = f"nb_filter init border_mode {_LEARNED}"
KEYS: dict[str, str] = {
    **{"Dense": _DENSE, "TimeDistributedDense": f"{_DENSE} input_length", "MaxoutDense": f"{_DENSE} nb_feature"},
    **{"Activation": "activation", "Dropout": "p", "GaussianDropout": "p", "GaussianNoise": "sigma", "Flatten": ""},
    **{"ActivityRegularization": "l1 l2", "RepeatVector": "n", "Permute": "dims", "Reshape": "dims"},
    **{"Masking": "mask_value", "LeakyReLU": "alpha", "ELU": "alpha", "ThresholdedReLU": "theta"},
    **{"SimpleRNN": _RNN, "GRU": f"{_RNN} inner_activation", "LSTM": f"{_RNN} inner_activation forget_bias_init"},
    "Convolution1D": f"{_CONV} filter_length subsample_length input_dim input_length",
    "Convolution2D": f"{_CONV} nb_row nb_col subsample dim_ordering",
    **dict.fromkeys(("MaxPooling1D", "AveragePooling1D"), "stride pool_length border_mode"),
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D"), "pool_size border_mode strides dim_ordering"),
    "Embedding": "input_dim output_dim init input_length mask_zero dropout activity_regularizer W_regularizer "
    "W_constraint",
    "BatchNormalization": "epsilon mode axis momentum",
}
_RENAMED = {"Reshape": {"dims": "target_shape"}}


def architecture(document: Config) -> Config:
    """Return a Keras-0.3 document in Keras 1's words. Raises InputError."""
    if document.get("name") != "Sequential" or not isinstance(document.get("layers"), list):
        raise InputError(f"a {str(document.get('name'))[:40]} of Keras 0.3; of its models a Sequential is read")
    layers = [_layer(layer, place) for place, layer in enumerate(document["layers"])]
    return {"class_name": "Sequential", "config": layers}


def _layer(layer: Any, place: int) -> Config:
    kind = layer.get("name") if isinstance(layer, dict) else None
    if not isinstance(kind, str) or kind not in KEYS:
        raise InputError(f"layer {place}: the class {str(kind)[:40]!r} of Keras 0.3 is not supported")
    name = f"{layer.get('custom_name') or kind.lower()}_{place + 1}"
    unknown = sorted(set(layer) - _ANY - set(KEYS[kind].split()))
    if unknown:
        raise InputError(f"layer {name} ({kind}): the keys {', '.join(unknown)[:120]} are not of Keras 0.3's {kind}")
    if "Pooling" in kind and layer.get("border_mode", "valid") != "valid":
        raise InputError(
            f"layer {name}: Keras 0.3's pooling with border_mode {layer['border_mode']!r} is not supported"
        )
    if kind == "BatchNormalization" and layer.get("mode", 0) != 0:
        raise InputError(f"layer {name}: BatchNormalization of mode {layer['mode']} of Keras 0.3 is not supported")
    config = {key: value for key, value in layer.items() if key not in ("name", "custom_name", "cache_enabled")}
    for old, new in _RENAMED.get(kind, {}).items():
        config[new] = config.pop(old)
    shape = config.pop("input_shape", None)
    if kind == "Embedding":  # whose input_shape says how many words it knows
        shape = [config.get("input_length")]
    if shape is not None:
        config.setdefault("batch_input_shape", [None, *shape])
    return {"class_name": kind, "config": {**config, "name": name}}
