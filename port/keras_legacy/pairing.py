"""Which group of a weights file belongs to which layer: by place, as Keras 1's load_weights pairs them.

Names only tell whether the file is another model's: Keras 1 never looked at them, except in load_weights(by_name=True).
"""

from typing import TYPE_CHECKING

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.read import LayerWeights

if TYPE_CHECKING:
    from reprise_kit.port.keras_legacy.tree import Node

Pairs = list[tuple["Node", LayerWeights]]
PAIR_BY = ("place", "name")


def pair(root: "Node", layers: list["Node"], groups: list[LayerWeights], by: str | None = None) -> tuple[Pairs, str]:
    """Return each layer that takes arrays with its group, and a note where place and name differ ("" elsewhere).

    layers: those of the architecture that take arrays; groups: those of the file that hold some; both in order.
    by: "place", "name" or None: place, but a functional model whose names stand in another order is refused,
    because the place of its layers follows from the graph and the version, not from the file.
    """
    by_name = {group.layer_name: group for group in groups}
    same_names = len(by_name) == len(groups) == len(layers) and {node.name for node in layers} == set(by_name)
    if len(layers) != len(groups):
        raise InputError(_unpaired(layers, groups))
    places = list(zip(layers, groups, strict=True))
    moved = [(node, group) for node, group in places if node.name != group.layer_name]
    if not moved:
        return places, ""
    if by == "name" and not same_names:
        raise InputError(f"--pair-by name: the names are not the same; {_unpaired(layers, groups)}")
    if by == "name":
        return [(node, by_name[node.name]) for node in layers], "arrays given to the layers of their names, as asked"
    first = f"{moved[0][0].name!r} gets the arrays called {moved[0][1].layer_name!r}"
    if same_names and by is None and root.class_name == "Model":
        raise InputError(
            "the file lists the same layer names as the architecture in another order: by place, as Keras 1 reads it, "
            f"{first}; by name each its own; say --pair-by place or name"
        )
    if same_names:
        return places, f"the names stand in another order in the file: by place, as Keras 1 reads it, {first}"
    return places, ""


def _unpaired(layers: list["Node"], groups: list[LayerWeights]) -> str:
    wanted, held = {node.name for node in layers}, {group.layer_name for group in groups}
    return (
        f"the architecture has {len(layers)} layers with weights, the file {len(groups)}; only in the "
        f"architecture: {sorted(wanted - held)[:6]}, only in the file: {sorted(held - wanted)[:6]}; "
        "give the architecture that belongs to these weights"
    )
