"""The arrays of a weights file, handed out to the leaves of a tree.

Keras 1 saves one flat list of arrays per top-level layer. Inside a nested model that list holds first every
trainable array of every layer, then every other one (running statistics, frozen layers), so the arrays of one
layer are not neighbours. Names carry a role (`dense_1_W`, `gru_1_U_z_1:0`), checked where there is one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.config_keys import is_known
from reprise_kit.port.keras_legacy.pairing import pair
from reprise_kit.port.keras_legacy.read import LayerWeights
from reprise_kit.port.keras_legacy.tree import CONTAINERS, OWN_ARRAY, Node, roles


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

    Returns notes. A layer of a class that no Keras 1 had takes what the group of its name holds, in the file's order;
    inside a nested model or a wrapper, what the others there leave.
    """
    everything = flattened(model)
    if any(group.legacy for group in groups):
        _check_legacy(everything, groups)
    held = {group.layer_name for group in groups if group.arrays}
    layers = [node for node in everything if _takes_arrays(node) or (_own(node) and node.name in held)]
    full = [group for group in groups if group.arrays]
    if len(full) == 1 < len(layers) and len(full[0].arrays) == len(_all_slots(model, True)) and not full[0].legacy:
        _hand_out_group(model, full[0], version)
        _check_names(model, full[0])
        return [f"the weights were saved by a model that held this one as its layer {full[0].layer_name}"]
    paired, note = pair(model.class_name, [node.name for node in layers], full, pair_by)
    for node, group in zip(layers, paired, strict=True):
        if node.children or _takes_arrays(node):
            _number_own(node, group)
            _hand_out_group(node, group, version)
        else:
            node.weights = _by_place(group)
    return [note] if note else []


@contextmanager
def naming_the_unsaved(model: Node, version: tuple[int, ...]) -> Iterator[None]:
    """Say of a file that lacks arrays which ones no file of its Keras has: before 1.2, where a bias was left out."""
    try:
        yield
    except InputError as error:
        dense = [node for node in model.walk() if node.class_name == "TimeDistributedDense"]
        unsaved = [node.name for node in dense if not node.config.get("bias", True)]
        if not unsaved or version >= (1, 2):
            raise
        raise InputError(
            f"{error}; Keras 1.0 and 1.1 never saved the weights of a TimeDistributedDense without a bias, as "
            f"{', '.join(unsaved[:6])}: no file of them has those"
        ) from error


def _check_names(model: Node, group: LayerWeights) -> None:
    """Refuse a group in another order than its architecture's: other layers were frozen when it was saved."""
    names = {id(array): name for name, array in group.arrays}
    for leaf in (node for node in model.walk() if node.weights):
        given = [names.get(id(array), "") for array in leaf.weights.values()]
        own = (f"{leaf.name}/", f"{leaf.name}_")
        if any(name.startswith(own) for name in names.values()) and not all(name.startswith(own) for name in given):
            raise InputError(
                f"layer {leaf.name}: the arrays at its place are {given[:4]}; {group.layer_name} holds its layers in "
                "another order; give the architecture as it was when the weights were saved"
            )


def _by_place(group: LayerWeights) -> dict[str, np.ndarray]:
    """Return a group's arrays in the file's order; names that stand twice are told apart."""
    found: dict[str, np.ndarray] = {}
    for name, array in group.arrays:
        found[name if name not in found else f"{name} {len(found)}"] = array
    return found


def _takes_arrays(node: Node) -> bool:
    return sum(map(len, slots(node, False))) > 0


def _own(node: Node) -> list[Node]:
    """Return the layers at or below a node whose class no Keras had, each once."""
    found = {id(below): below for below in node.walk() if not below.children and not is_known(below.class_name)}
    return list(found.values())


def _number_own(node: Node, group: LayerWeights) -> None:
    """Tell the layers of a person's own in a nested model how many of its arrays are theirs: those named after them,
    else, where they are of one class, as many each.
    """
    own, spare = _own(node), len(group.arrays) - len(_all_slots(node, False))
    if not own or spare <= 0:
        return
    named = [sum(name.startswith((f"{one.name}_", f"{one.name}/")) for name, _ in group.arrays) for one in own]
    if sum(named) != spare:
        ways = sum(_ways(node, one) for one in own)
        if spare % ways or len({one.class_name for one in own}) > 1:
            raise InputError(
                f"layer {node.name} ({node.class_name}): which of its arrays {[name for name, _ in group.arrays][:8]} "
                f"belong to {[one.name for one in own]} is not in the file; rename them there after their layers"
            )
        named = [spare // ways * _ways(node, one) for one in own]
    for one, number in zip(own, named, strict=True):
        one.n_own = number // _ways(node, one)


def _ways(node: Node, one: Node) -> int:
    """Return how often a layer at or below a node has its arrays there: in a Bidirectional once each way."""
    if node is one:
        return 1
    return (2 if node.class_name == "Bidirectional" else 1) * max(
        (_ways(below, one) for below in node.children), default=0
    )


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
        if names[0].startswith(OWN_ARRAY):  # called as their author liked
            ordered += [array for _, array in arrays[start:end]]
            start = end
            continue
        group = [name for name, _ in arrays[start:end]]
        found = [_role(name, names) for name in group]
        if set(found) == set(names) and len(set(names)) == len(names):
            # Keras 1.0 to 1.1 and 1.2 list the arrays of a Highway in two orders; the names tell.
            by_role = dict(zip(found, (array for _, array in arrays[start:end]), strict=True))
            ordered += [by_role[name] for name in names]
        elif any(map(_UNNAMED.fullmatch, group)) and _stand_in_place(found, names, group):
            ordered += [array for _, array in arrays[start:end]]
        elif any(found) or any(_role(name, _ALL_ROLES) for name, _ in arrays[start:end]):
            return None
        else:
            ordered += [array for _, array in arrays[start:end]]
        start = end
    return ordered


# A variable that nobody named, as an initialisation of a person's own may not: TensorFlow's word and Keras's for it.
_UNNAMED = re.compile(r"(.*/)?Variable(_\d+)?(:\d+)?|param_\d+")


def _stand_in_place(found: list[str | None], names: list[str], group: list[str]) -> bool:
    """Whether every array of a layer is named as its place says, or not at all."""
    return all(
        role == wanted if role else _UNNAMED.fullmatch(name)
        for role, wanted, name in zip(found, names, group, strict=True)
    )


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
