"""A Keras-1 architecture as a tree of nodes, and the arrays of a weights file handed out to its leaves.

Keras 1 saves one flat list of arrays per top-level layer. Inside a nested model that list holds first every
trainable array of every layer, then every other one (running statistics, frozen layers), so the arrays of one
layer are not neighbours. Names carry a role (`dense_1_W`, `gru_1_U_z_1:0`), checked where there is one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.config_keys import is_known
from reprise_kit.port.keras_legacy.pairing import pair
from reprise_kit.port.keras_legacy.read import LayerWeights

CONTAINERS = ("Sequential", "Model")
WRAPPERS = ("TimeDistributed", "Bidirectional")
GATED = ("LSTM", "GRU", "ConvLSTM2D")
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

    `trained`: what its Keras-3 layer is given for training, see trained.py.
    """

    class_name: str
    name: str
    config: Any
    children: list["Node"] = field(default_factory=list)
    inbound: list[list[tuple[str, int, int]]] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    written: str = ""
    trained: dict[str, Any] = field(default_factory=dict)

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
        node.children = [_shared(branch, f"branch_{i}", {} if known is None else known) for i, branch in branches]
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
    return [], []


@dataclass(frozen=True, eq=False)
class Slot:
    """One array a leaf expects: where it goes and, for a wrapper's second copy, under which prefix."""

    node: Node
    role: str
    prefix: str = ""


def slots(node: Node, frozen_last: bool) -> tuple[list[Slot], list[Slot]]:
    """Return the (trainable, other) arrays below `node`; `frozen_last`: frozen ones are others."""
    if node.class_name == "Bidirectional":
        inner = node.children[0]
        names = roles(inner)[0]
        both = [Slot(inner, role, side) for side in ("forward_", "backward_") for role in names]
        frozen = frozen_last and False in (node.config.get("trainable"), inner.config.get("trainable"))
        return ([], both) if frozen else (both, [])
    if node.children:
        first: list[Slot] = []
        last: list[Slot] = []
        for child in flattened(node):
            trainable, other = slots(child, frozen_last)
            first += trainable
            last += other
        return first, last
    trainable, other = ([Slot(node, role) for role in names] for names in roles(node))
    if frozen_last and node.config.get("trainable") is False:
        return [], trainable + other
    return trainable, other


def _all_slots(node: Node, frozen_last: bool) -> list[Slot]:
    trainable, other = slots(node, frozen_last)
    return trainable + other


def flattened(node: Node) -> list[Node]:
    """Return the layers whose groups a file lists, a Merge-first Sequential's branches first."""
    children = node.children
    if node.class_name == "Sequential" and children and children[0].class_name == "Merge":
        merged: list[Node] = []
        for branch in children[0].children:
            merged += flattened(branch) if branch.class_name in CONTAINERS else [branch]
        children = merged + children[1:]
    unique: dict[tuple[str, str], Node] = {}
    for child in children:
        unique.setdefault(
            (child.name, child.class_name) if node.class_name == "Sequential" else (child.name, ""), child
        )
    return list(unique.values())


def hand_out(
    model: Node, groups: list[LayerWeights], version: tuple[int, ...] = (), pair_by: str | None = None
) -> list[str]:
    """Give every array of `groups` to the leaf it belongs to; one too many or too few raises InputError.

    Returns notes. A layer of a class that no Keras 1 had takes what the group of its name holds, in the file's order.
    """
    everything = flattened(model)
    if any(group.legacy for group in groups):
        _check_legacy(everything, groups)
    held = {group.layer_name for group in groups if group.arrays}
    layers = [node for node in everything if _takes_arrays(node) or (_is_own(node) and node.name in held)]
    full = [group for group in groups if group.arrays]
    paired, note = pair(model.class_name, [node.name for node in layers], full, pair_by)
    for node, group in zip(layers, paired, strict=True):
        if _takes_arrays(node):
            _hand_out_group(node, group, version)
        else:
            node.weights = dict(group.arrays)
    return [note] if note else []


def _takes_arrays(node: Node) -> bool:
    return sum(map(len, slots(node, False))) > 0


def _is_own(node: Node) -> bool:
    return not node.children and not is_known(node.class_name)


def _check_legacy(layers: list[Node], groups: list[LayerWeights]) -> None:
    """Refuse a file in Keras 0.x's layout, which numbers every layer, where it is not these layers'."""
    if [bool(group.arrays) for group in groups] != [_takes_arrays(node) for node in layers]:
        raise InputError(
            f"the weights are in Keras 0.x's layout (nb_layers), {len(groups)} layers of which "
            f"{sum(bool(group.arrays) for group in groups)} hold arrays; the architecture has {len(layers)}, "
            f"{sum(map(_takes_arrays, layers))} with arrays; give the architecture that belongs to these weights"
        )


def _hand_out_group(node: Node, group: LayerWeights, version: tuple[int, ...]) -> None:
    found = [_placed(_all_slots(node, frozen_last), node, group) for frozen_last in _orders(version)]
    fitting = [pairs for pairs in found if pairs is not None]
    if not fitting:
        raise InputError(
            f"layer {node.name} ({node.class_name}): the names {[name for name, _ in group.arrays][:8]} are "
            f"not those of its arrays, {[slot.role for slot in _all_slots(node, False)][:8]}"
        )
    placed = [{(id(s.node), s.prefix, s.role): id(array) for s, array in pairs} for pairs in fitting]
    if any(other != placed[0] for other in placed):
        raise InputError(
            f"layer {node.name}: where a nested model keeps its frozen layers' arrays depends on the Keras version; "
            "say it with --keras-version"
        )
    for slot, array in fitting[0]:
        slot.node.weights[slot.prefix + slot.role] = array


def _orders(version: tuple[int, ...]) -> list[bool]:
    """Return whether frozen layers' arrays come last: from Keras 1.0.7 on; both where it is not known."""
    return [version >= (1, 0, 7)] if version else [True, False]


def _placed(wanted: list[Slot], node: Node, group: LayerWeights) -> list[tuple[Slot, np.ndarray]] | None:
    """Return the slots with their arrays: by full names where these are unique, else by place."""
    if len(wanted) != len(group.arrays):
        raise InputError(
            f"layer {node.name} ({node.class_name}) takes {len(wanted)} arrays, the file's group "
            f"{group.layer_name!r} holds {len(group.arrays)}: {[name for name, _ in group.arrays][:8]}"
        )
    stems = [re.sub(r"(_\d+)?(:\d+)?$", "", name) for name, _ in group.arrays]
    names = [f"{slot.prefix}{slot.node.name}_{slot.role}" for slot in wanted]
    if len(set(stems)) == len(stems) and set(stems) == set(names):
        by_name = dict(zip(stems, (array for _, array in group.arrays), strict=True))
        return [(slot, by_name[name]) for slot, name in zip(wanted, names, strict=True)]
    ordered = _settle(wanted, group.arrays)
    return None if ordered is None else list(zip(wanted, ordered, strict=True))


def _settle(wanted: list[Slot], arrays: list[tuple[str, np.ndarray]]) -> list[np.ndarray] | None:
    """Return the arrays in the order of `wanted`, or None if their names say that they are something else."""
    ordered: list[np.ndarray] = []
    start = 0
    while start < len(wanted):
        end = start
        while end < len(wanted) and (wanted[end].node, wanted[end].prefix) == (
            wanted[start].node,
            wanted[start].prefix,
        ):
            end += 1
        names = [slot.role for slot in wanted[start:end]]
        found = [_role(name, names) for name, _ in arrays[start:end]]
        if set(found) == set(names) and len(set(names)) == len(names):
            # Keras 1.0 to 1.1 and 1.2 list the arrays of a Highway in two orders; the names tell.
            by_role = dict(zip(found, (array for _, array in arrays[start:end]), strict=True))
            ordered += [by_role[name] for name in names]
        elif any(found) or any(_role(name, _ALL_ROLES) for name, _ in arrays[start:end]):
            return None
        else:
            ordered += [array for _, array in arrays[start:end]]
        start = end
    return ordered


_ALL_ROLES = [
    *(
        "gamma",
        "beta",
        "running_mean",
        "running_std",
        "alphas",
        "betas",
        "t_left",
        "a_left",
        "t_right",
        "a_right",
    ),
    *("W_carry", "b_carry", "depthwise_kernel", "pointwise_kernel", "W", "U", "b"),
    *(f"{part}_{gate}" for gate in "icfozrh" for part in "WUb"),
]


def _role(name: str, names: list[str]) -> str | None:
    """Return which of `names` an array's name ends in, uniquifiers (`_1`, `:0`) aside; the longest wins."""
    stem = re.sub(r":\d+$", "", name)
    for role in sorted(names, key=len, reverse=True):
        if re.search(rf"(^|_){role}(_\d+)?$", stem):
            return role
    return None
