"""Which stateful layers of Keras 1 did not keep their states from batch to batch.

A Merge that begins a Sequential holds models of its own. Where that Sequential is itself a branch of another Merge, or
a layer of a Model, Keras 1 never asked the layers inside the Merge for their updates: each batch began from zeros.
Measured in Keras 1.0.6, 1.1.0 and 1.2.2; layers behind such a Merge kept theirs, and so did every other model in a
model that ran at all.
"""

from reprise_kit.port.keras_legacy.tree import Node


def forget(root: Node) -> list[str]:
    """Make the layers below `root` that kept no state layers without one; return a note that names them."""
    kept = _kept_merge(root)
    merges = [node for node in root.walk() if node.class_name == "Merge" and node.children and node is not kept]
    found = {id(node): node for merge in merges for node in merge.walk() if _stateful(node)}
    for node in found.values():
        node.config = node.config | {"stateful": False}
    names = ", ".join(sorted({node.name for node in found.values()}))
    why = "they are inside a Merge that begins a model within the model, whose states Keras 1 never kept"
    return [f"layers {names}: stateful, yet each batch begins from zeros: {why}"] if names else []


def _kept_merge(root: Node) -> Node | None:
    """Return the Merge that begins the whole model: that of a Sequential, or of the Sequential that begins it."""
    first = root
    while first.class_name == "Sequential" and first.children:
        first = first.children[0]
    return first if first.class_name == "Merge" else None


def _stateful(node: Node) -> bool:
    return isinstance(node.config, dict) and bool(node.config.get("stateful"))
