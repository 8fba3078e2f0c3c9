"""A Keras-1 architecture as a tree of nodes, and the roles of the arrays that each layer has."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError

CONTAINERS = ("Sequential", "Model")
WRAPPERS = ("TimeDistributed", "Bidirectional")
GATED = ("LSTM", "GRU", "ConvLSTM2D")
OWN_ARRAY = "array "  # and its number: the role of what a layer that no Keras had keeps
_WITH_BIAS = {
    *("Dense", "TimeDistributedDense", "MaxoutDense", "Highway"),
    *("Convolution1D", "Convolution2D", "Convolution3D", "AtrousConvolution1D", "AtrousConvolution2D"),
    *("Deconvolution2D", "Deconvolution3D", "LocallyConnected1D", "LocallyConnected2D"),
    *("SeparableConvolution1D", "SeparableConvolution2D", "DepthwiseConvolution2D"),
}
_PLAIN_ROLES = {
    "Embedding": ("W",),
    "PReLU": ("alphas",),
    "ParametricSoftplus": ("alphas", "betas"),
    "SReLU": ("t_left", "a_left", "t_right", "a_right"),
}


@dataclass
class Node:
    """One layer, wrapper or nested model. `inbound`: per call, its (name, call, tensor) sources.

    `trained`: what its Keras-3 layer is given for training, see trained.py. `n_own`: how many arrays of a group that
    it shares with others are those of a layer that no Keras had.
    """

    class_name: str
    name: str
    config: Any
    children: list["Node"] = field(default_factory=list)
    inbound: list[list[tuple[str, int, int]]] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    written: str = ""
    trained: dict[str, Any] = field(default_factory=dict)
    n_own: int = 0

    def walk(self) -> Iterator["Node"]:
        """Yield this node and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


Known = dict[str, "Node"]


def parse(document: dict[str, Any], name: str | None = None, known: Known | None = None) -> Node:
    """Return the tree of a `{"class_name", "config"}` document; refuses what is not that, by name.

    `known` holds the layers of the same flat list by name: one that stands twice in it is one shared layer.
    """
    class_name, config = document.get("class_name"), document.get("config")
    if not isinstance(class_name, str) or not isinstance(config, (dict, list)):
        raise InputError(f"a layer without class_name and config: {str(document)[:80]!r}; is this Keras 1?")
    if class_name == "Graph":
        raise InputError("a Graph model (Keras 0.3's, kept in keras.legacy) is not supported; save it as a Model")
    if class_name == "Sequential":
        return _sequential(config, name, known)
    if not isinstance(config, dict):
        raise InputError(f"layer {name or class_name}: its config is a list where a mapping is expected")
    node = Node(class_name, str(config.get("name") or document.get("name") or name or class_name.lower()), config)
    node.written = str(document.get("written") or class_name)
    if class_name == "Model":
        node.children = [_connected(layer) for layer in _listed(config.get("layers"), node.name, "layers")]
        for key in ("input_layers", "output_layers"):
            for entry in _listed(config.get(key), node.name, key):
                _source(entry, node.name)
    elif class_name in WRAPPERS:
        node.children = [parse(_mapping(config.get("layer"), node.name), f"{node.name}_layer")]
    elif class_name == "Merge":
        branches = enumerate(_listed(config.get("layers") or [], node.name, "layers"))
        node.children = [_shared(branch, f"{node.name}_{i}", {} if known is None else known) for i, branch in branches]
    return node


def _shared(document: dict[str, Any], name: str, known: Known) -> Node:
    """Parse a layer, or return the one of that name that the same flat list already has."""
    document = _mapping(document, name)
    node = parse(document, name, known)
    return node if node.class_name in CONTAINERS else known.setdefault(node.name, node)


def _sequential(layers: Any, name: str | None, known: Known | None) -> Node:
    if isinstance(layers, dict):
        layers = layers.get("layers", [])
    node = Node("Sequential", name or "sequential", {})
    known = {} if known is None else known
    for index, layer in enumerate(_listed(layers, node.name, "layers")):
        layer = _mapping(layer, f"{node.name}_{index}")
        # A nested model has a list, and a group in the file, of its own; a first Merge continues this one.
        inner = known if index == 0 and layer.get("class_name") == "Merge" else None
        child = parse(layer, f"{node.name}_{index}", inner)
        nested = child.class_name in CONTAINERS or inner is not None
        node.children.append(child if nested else known.setdefault(child.name, child))
    return node


def _connected(layer: dict[str, Any]) -> Node:
    name = _mapping(layer, "of a Model").get("name")
    node = parse(layer, str(name))
    node.name = str(name or node.name)
    for call in _listed(layer.get("inbound_nodes") or [], node.name, "inbound_nodes"):
        node.inbound.append([_source(source, node.name) for source in _listed(call, node.name, "inbound_nodes")])
    return node


def _mapping(document: Any, name: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InputError(f"layer {name}: {str(document)[:40]!r} where a mapping with class_name and config is expected")
    return document


def _listed(value: Any, name: str, key: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"layer {name}: its {key} are {str(value)[:40]!r} where a list is expected")
    return list(value)


def _source(entry: Any, name: str) -> tuple[str, int, int]:
    """Return a tensor's (layer, call, place), as every file of Keras writes it."""
    fits = isinstance(entry, (list, tuple)) and len(entry) >= 3 and all(isinstance(n, int) for n in entry[1:3])
    if not fits or not isinstance(entry[0], str):
        raise InputError(f"layer {name}: {str(entry)[:40]!r} where [layer's name, call, tensor] is expected")
    return entry[0], entry[1], entry[2]


def roles(node: Node) -> tuple[list[str], list[str]]:
    """Return the roles of a layer's trainable and other arrays, in the order Keras 1 keeps them."""
    kind, config = node.class_name, node.config
    if kind in _PLAIN_ROLES:
        return list(_PLAIN_ROLES[kind]), []
    if kind == "BatchNormalization":
        learned = [role for role, key in (("gamma", "scale"), ("beta", "center")) if config.get(key, True)]
        return learned, ["running_mean", "running_std"]
    if kind in _WITH_BIAS:
        kernels = {
            "Highway": ["W", "W_carry"],
            "SeparableConvolution1D": ["depthwise_kernel", "pointwise_kernel"],
            "SeparableConvolution2D": ["depthwise_kernel", "pointwise_kernel"],
            "DepthwiseConvolution2D": ["depthwise_kernel"],
        }.get(kind, ["W"])
        biases = ["b", "b_carry"] if kind == "Highway" else ["b"]
        return kernels + (biases if config.get("bias", True) else []), []
    if kind == "SimpleRNN" or (kind in GATED and config.get("consume_less") == "gpu"):
        return ["W", "U", *(["b"] if config.get("bias", True) else [])], []
    if kind in GATED:
        gates = "zrh" if kind == "GRU" else "icfo"
        return [f"{part}_{gate}" for gate in gates for part in "WUb"], []
    return [f"{OWN_ARRAY}{i}" for i in range(node.n_own)], []
