"""What a key means that a file does not hold: the default of the old Keras's constructor, in Keras 1's words.

Old Keras rebuilt a layer as `cls(**config)`, so a file of another version, or one edited by hand, may leave a key out.
Only defaults that change what a layer computes are here; where the rules read a missing key as Keras did (no
activation, a bias, valid borders, steps of one), none is needed. What keras.json decided (the ordering) has no default.

Source: the constructors of keras/layers in 1.0.6, 1.0.7, 1.1.0, 1.2.2, 2.0.9, 2.1.6, 2.2.4 and 2.3.1.
"""

from typing import Any

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2, TF_KERAS, Dialect
from reprise_kit.port.keras_legacy.tree import Node

Version = tuple[int, ...]
_GATED = ("LSTM", "GRU", "ConvLSTM2D")
_SIZES = {1: 2, 2: [2, 2], 3: [2, 2, 2]}
_CROPPED = {1: [1, 1], 2: [[0, 0], [0, 0]], 3: [[1, 1], [1, 1], [1, 1]]}
DEFAULTS: dict[str, dict[str, Any]] = {
    **{kind: {"activation": "tanh"} for kind in ("SimpleRNN", *_GATED)},
    "Bidirectional": {"merge_mode": "concat"},
    "MaxoutDense": {"nb_feature": 4},
    **{f"{kind}Pooling1D": {"pool_length": 2} for kind in ("Max", "Average")},
    **{f"{kind}Pooling{d}D": {"pool_size": _SIZES[d]} for kind in ("Max", "Average") for d in (2, 3)},
    "UpSampling1D": {"length": 2},
    **{f"UpSampling{d}D": {"size": _SIZES[d]} for d in (2, 3)},
    **{f"Cropping{d}D": {"cropping": cropping} for d, cropping in _CROPPED.items()},
    "ZeroPadding3D": {"padding": [1, 1, 1]},
}


def fill(root: Node, version: Version, dialect: Dialect) -> list[str]:
    """Give every layer below `root` the keys that its file leaves out; return a note for each.

    Raises InputError where the default hangs on what the file does not say.
    """
    notes = []
    for node in {id(node): node for node in root.walk()}.values():
        if not isinstance(node.config, dict):
            continue
        for key, value in _defaults(node, version, dialect).items():
            if key not in node.config:
                node.config[key] = value
                notes.append(f"layer {node.name}: the file holds no {key}; taken as {value!r}, Keras's default")
    return notes


def _defaults(node: Node, version: Version, dialect: Dialect) -> dict[str, Any]:
    found = dict(DEFAULTS.get(node.class_name, {}))
    if node.written.startswith("CuDNN"):
        return {}
    if node.class_name in _GATED and "inner_activation" not in node.config:
        found["inner_activation"] = _gate(node, version, dialect)
    if node.class_name == "BatchNormalization" and "epsilon" not in node.config:
        found["epsilon"] = _epsilon(node, version, dialect)
    return found


def _gate(node: Node, version: Version, dialect: Dialect) -> str:
    if dialect is TF_KERAS:
        raise InputError(
            f"layer {node.name}: its recurrent_activation is not in the file, and the versions of tf.keras have other "
            "defaults; write hard_sigmoid or sigmoid into the architecture"
        )
    return "sigmoid" if version >= (2, 3) and node.class_name != "ConvLSTM2D" else "hard_sigmoid"


def _epsilon(node: Node, version: Version, dialect: Dialect) -> float:
    """1e-6 up to 1.0.x, 1e-5 in 1.1.0, 1e-3 in 1.2.2 and after; those between were not looked at."""
    if dialect in (KERAS2, TF_KERAS):
        return 1e-3
    if version < (1, 1):  # the versions that leave it out of their own files
        return 1e-6
    if version == (1, 1, 0):
        return 1e-5
    if version >= (1, 2, 2):
        return 1e-3
    raise InputError(
        f"layer {node.name}: its epsilon is not in the file, and the default of Keras {'.'.join(map(str, version))} is "
        "not known here; write it into the architecture"
    )
