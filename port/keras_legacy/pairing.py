"""Which group of a weights file belongs to which layer: by place, as Keras 1's load_weights pairs them.

Names only tell whether the file is another model's: Keras 1 never looked at them, except in load_weights(by_name=True).
"""

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.read import LayerWeights


def pair(
    kind: str, layers: list[str], groups: list[LayerWeights], by: str | None = None
) -> tuple[list[LayerWeights], str]:
    """Return the group of each layer that takes arrays, and a note where place and name differ ("" elsewhere).

    kind: the model's class. layers: the names of those of the architecture that take arrays; groups: those of the file
    that hold some; both in order. by: "place", "name" or None: place, but a functional model whose names stand in
    another order is refused, because the place of its layers follows from the graph and the version, not from the file.
    """
    by_name = {group.layer_name: group for group in groups}
    same_names = len(by_name) == len(groups) == len(layers) and set(layers) == set(by_name)
    if len(layers) != len(groups):
        raise InputError(_unpaired(layers, groups))
    moved = [(name, group.layer_name) for name, group in zip(layers, groups, strict=True) if name != group.layer_name]
    if not moved:
        return groups, ""
    if by == "name" and not same_names:
        raise InputError(f"--pair-by name: the names are not the same; {_unpaired(layers, groups)}")
    if by == "name":
        return [by_name[name] for name in layers], "arrays given to the layers of their names, as asked"
    first = f"{moved[0][0]!r} gets the arrays called {moved[0][1]!r}"
    if same_names and by is None and kind == "Model":
        raise InputError(
            "the file lists the same layer names as the architecture in another order: by place, as Keras 1 reads it, "
            f"{first}; by name each its own; say --pair-by place or name"
        )
    if same_names:
        return groups, f"the names stand in another order in the file: by place, as Keras 1 reads it, {first}"
    return groups, ""


def _unpaired(layers: list[str], groups: list[LayerWeights]) -> str:
    wanted, held = set(layers), {group.layer_name for group in groups}
    return (
        f"the architecture has {len(layers)} layers with weights, the file {len(groups)}; only in the "
        f"architecture: {sorted(wanted - held)[:6]}, only in the file: {sorted(held - wanted)[:6]}; "
        "give the architecture that belongs to these weights"
    )
