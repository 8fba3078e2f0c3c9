"""What Keras 1's layers carry for training: carried into Keras 3 where it means the same there, else named.

`plan` reads it off the configs and leaves on every node what `carry` then sets on the layer that holds the node's
weights. The meanings compared are those of keras/regularizers.py, constraints.py and the layers of 1.0.0 to 1.2.2.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.tree import Node

# From this version on a regularizer adds sums to the loss, as Keras 3's do; before, means.
_SUMS = (1, 0, 8)
_RECURRENT = {"SimpleRNN", "LSTM", "GRU"}
# Layers whose one Keras-3 layer has the weights as they are, by Keras 1's name of each weight and Keras 3's.
_DENSE = {"W": "kernel", "b": "bias"}
_GATED = {"W": "kernel", "U": "recurrent", "b": "bias"}
_WEIGHTS = {
    **dict.fromkeys(("Dense", "TimeDistributedDense", "Convolution1D", "Convolution2D", "Convolution3D"), _DENSE),
    **dict.fromkeys(("AtrousConvolution1D", "AtrousConvolution2D", "Deconvolution2D"), _DENSE),
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D"), _DENSE),
    "SeparableConvolution2D": {"depthwise": "depthwise", "pointwise": "pointwise", "b": "bias"},
    "Embedding": {"W": "embeddings"},
    "BatchNormalization": {"gamma": "gamma", "beta": "beta"},
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU"), _GATED),
}
_SAME_AXES = {"Dense", "TimeDistributedDense", "Embedding"}  # whose W lies as Keras 3's does
Found = Iterator[tuple[str, Any, str]]  # (what, the attribute's value or None, why it is not carried)


def plan(root: "Node", version: tuple[int, ...]) -> list[str]:
    """Leave on each node what is carried (`node.trained`), and return a line for each thing that is not."""
    lost: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node, inside in _once(root, ""):
        for what, value, why in _settings(node, version, inside):
            if why:
                lost[what, why].append(node.name)
            else:
                node.trained[what] = value
    return [f"not carried: {what} of {_names(names)} ({why})" for (what, why), names in lost.items()]


def _once(node: "Node", inside: str, seen: set[int] | None = None) -> Iterator[tuple["Node", str]]:
    """Yield every node once, with the class of the wrapper that it is in."""
    seen = set() if seen is None else seen
    if id(node) not in seen:
        seen.add(id(node))
        yield node, inside
        for child in node.children:
            yield from _once(child, node.class_name, seen)


def _names(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _settings(node: "Node", version: tuple[int, ...], inside: str) -> Found:
    if not isinstance(node.config, dict):
        return
    other = _other_layers(node, inside)
    yield from _trainable(node, inside)
    yield from _regularizers(node, version, other)
    yield from _constraints(node, other)
    yield from _dropouts(node, inside, version)
    if node.class_name == "ActivityRegularization" and (node.config.get("l1") or node.config.get("l2")):
        yield "l1 and l2", None, _ACTIVITY
    if node.class_name == "BatchNormalization" and node.config.get("momentum") is not None:
        yield "momentum", float(node.config["momentum"]), ""


def _other_layers(node: "Node", inside: str) -> str:
    """Return why a layer's weights are not those of one Keras-3 layer, "" where they are."""
    config = node.config
    if inside == "Bidirectional":
        return "it stands in a Bidirectional"
    if node.class_name not in _WEIGHTS:
        return "its weights are in several layers, or in one of ours"
    if node.class_name in _RECURRENT and "hard_sigmoid" in (config.get("activation"), config.get("inner_activation")):
        return "its gates' weights are kept times 6/5"
    if node.class_name == "BatchNormalization" and config.get("mode", 0) != 0:
        return "its mode is not 0"
    return ""


def _trainable(node: "Node", inside: str) -> Found:
    if node.config.get("trainable", True) or node.children:
        return
    if node.class_name == "BatchNormalization":
        yield "trainable", None, "a frozen one of Keras 3 also normalises with its stored statistics while training"
    else:
        yield "trainable", False, "" if inside != "Bidirectional" else "it stands in a Bidirectional"


def _regularizers(node: "Node", version: tuple[int, ...], other: str) -> Found:
    roles = {f"{role}_regularizer": f"{new}_regularizer" for role, new in _WEIGHTS.get(node.class_name, {}).items()}
    for key, config in node.config.items():
        if not key.endswith("_regularizer") or not config:
            continue
        settings = _flat(config)
        terms = {term: float(settings.get(term) or 0.0) for term in ("l1", "l2")}
        if not {"l1", "l2"} & set(settings):
            yield key, None, "Keras 3 has none like it"
        elif not any(terms.values()):
            continue
        elif other:
            yield key, None, other
        elif key == "activity_regularizer":
            yield key, None, _ACTIVITY
        elif version < _SUMS:
            yield key, None, "it took means before Keras 1.0.8, Keras 3 takes sums" + ("" if version else _SAY)
        else:
            yield roles.get(key, key), terms, ""


def _flat(config: Any) -> dict[str, Any]:
    """Return a regularizer's or constraint's settings and name, which Keras 1 wrote side by side and Keras 2 nested."""
    if not isinstance(config, dict):
        return {"name": str(config)}
    inner = config.get("config")
    return {**inner, "name": config.get("class_name")} if isinstance(inner, dict) else config


_SAY = "; say --keras-version"
_ACTIVITY = "it added the sum over the batch to the loss, Keras 3 adds a mean over its samples"


def _constraints(node: "Node", other: str) -> Found:
    for role, new in _WEIGHTS.get(node.class_name, _DENSE).items():
        config = node.config.get(f"{role}_constraint")
        if not config:
            continue
        settings = _flat(config)
        name, axis = settings.get("name"), settings.get("axis")
        largest = settings.get("m", settings.get("max_value"))
        kept = {"NonNeg": {}, "MaxNorm": {"max_value": largest, "axis": axis}, "UnitNorm": {"axis": axis}}
        if other or name not in kept:
            yield f"{role}_constraint", None, other or "Keras 3 has none like it"
        elif name != "NonNeg" and (node.class_name not in _SAME_AXES or role != "W" or axis is None):
            yield f"{role}_constraint", None, "its axes belong to Keras 1's layout of the weights"
        else:
            yield f"{new}_constraint", {"class_name": name, "config": kept[name]}, ""


def _dropouts(node: "Node", inside: str, version: tuple[int, ...]) -> Found:
    config = node.config
    if node.class_name == "Embedding" and float(config.get("dropout") or 0.0):
        yield "dropout", None, "Keras 3's Embedding drops no words"
    if config.get("noise_shape"):
        yield "noise_shape", None, "every number is dropped on its own"
    rates = {
        new: float(config.get(old) or 0.0)
        for old, new in (("dropout_W", "dropout"), ("dropout_U", "recurrent_dropout"))
    }
    if not any(rates.values()):
        return
    one_mask = config.get("consume_less") == "gpu"
    if node.class_name not in _RECURRENT or inside == "Bidirectional" or (one_mask and node.class_name == "GRU"):
        yield "dropout_W and dropout_U", None, "Keras 3 drops otherwise there"
    elif node.class_name != "SimpleRNN" and version >= (2,):
        yield "dropout and recurrent_dropout", None, "whether its gates share a mask is not read"
    # Keras 1 draws a mask for each gate unless the gates share one product; Keras 3 does where dropout_U is set.
    elif node.class_name != "SimpleRNN" and one_mask == bool(rates["recurrent_dropout"]):
        yield (
            "dropout_W and dropout_U",
            None,
            "Keras 3 draws one mask for all gates without dropout_U, else one for each",
        )
    else:
        yield "dropouts", rates, ""


_USUAL = re.compile(r"(glorot_?uniform|orthogonal|zeros?|ones?|uniform|random_?uniform)$", re.IGNORECASE)


def not_carried(document: dict[str, Any], optimizer: str | None) -> list[str]:
    """Return a line for each thing in an architecture, in any Keras's words, that the built model does without.

    Such are a precision other than float32, initialisers other than the usual ones, and what it was compiled with.
    """
    precisions = sorted(set(re.findall(r"'(mixed_\w+|b?float16|float64)'", str(document))))
    first = sorted(name for name in set(_initialisers(document)) if not _USUAL.match(name))
    said = {
        f"layers computed in {', '.join(precisions)}; here in float32, so answers differ by its rounding": precisions,
        f"initialisers ({_names(first)}), which only chose the first weights": first,
        f"the optimizer ({optimizer}), the loss and the metrics; compile before training": optimizer,
    }
    return [f"not carried: {what}" for what, there in said.items() if there]


def _initialisers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("init", "inner_init", "forget_bias_init") or str(key).endswith("_initializer"):
                yield _initialiser(inner)
            else:
                yield from _initialisers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _initialisers(inner)


def _initialiser(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value or "zeros")
    settings = value.get("config") or {}
    glorot = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}
    return "glorot_uniform" if glorot.items() <= dict(settings).items() else str(value.get("class_name"))


def carry(layer: Any, node: "Node") -> None:
    """Set what `plan` left on a node on its Keras-3 layer, before its weights are made."""
    from keras import constraints, regularizers

    cell = getattr(layer, "cell", layer)
    for what, value in node.trained.items():
        if what == "dropouts":
            _set_dropouts(cell, value)
        elif what.endswith("_regularizer"):
            setattr(layer if what.startswith("activity") else cell, what, regularizers.L1L2(**value))
        elif what.endswith("_constraint"):
            setattr(cell, what, constraints.deserialize(value))
        else:
            setattr(layer, what, value)


def _set_dropouts(cell: Any, rates: dict[str, float]) -> None:
    for name, rate in rates.items():
        setattr(cell, name, rate)
    gates = {"LSTMCell": 4, "GRUCell": 3}.get(type(cell).__name__)
    if gates and rates["recurrent_dropout"]:  # as the cell's own constructor does
        cell.implementation, cell.dropout_mask_count = 1, gates
