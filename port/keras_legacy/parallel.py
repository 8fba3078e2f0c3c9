"""Models of Keras 2's multi_gpu_model, saved as they trained: one model, called on every graphics card's samples.

A Lambda `get_slice` takes each card its share of the samples, and a Concatenate joins the outputs along them. In
predictions that is the one model on all samples, which is what is migrated.
"""

from reprise_kit.port.keras_legacy.marshalled import code_in
from reprise_kit.port.keras_legacy.tree import CONTAINERS, Node

Source = tuple[str, int, int]


def collapse(root: Node) -> list[str]:
    """Put one call of the model in place of its shares, in every such model below `root`; return notes."""
    models = [node for node in root.walk() if node.class_name == "Model"]
    return [note for model in models for inner in list(model.children) for note in _collapsed(model, inner)]


def _collapsed(model: Node, inner: Node) -> list[str]:
    shares = {child.name: share for child in model.children if (share := _share(child)) is not None}
    if inner.class_name not in CONTAINERS or not inner.inbound or not shares:
        return []
    places = [{shares.get(name) for name, _, _ in call} for call in inner.inbound]
    if places != [{(i, len(places))} for i in range(len(places))]:  # every call takes its own share, and all are there
        return []
    joined = [child for child in model.children if any(name == inner.name for name, _, _ in _sources(child))]
    calls = sorted({call for child in joined for name, call, _ in _sources(child) if name == inner.name})
    if len(calls) != len(places) or not all(_joins(child, inner, calls) for child in joined):
        return []
    by_name = {child.name: child for child in model.children}
    whole = [by_name[name].inbound[0][0] for name, _, _ in inner.inbound[0]]
    taken = {name for call in inner.inbound for name, _, _ in call}
    inner.inbound = [whole]
    for child in joined:
        _, _, output = _sources(child)[0]
        child.class_name, child.config = "Activation", {"name": child.name, "activation": "linear"}
        child.inbound = [[(inner.name, calls[0], output)]]
    model.children = [child for child in model.children if child.name not in taken]
    return [f"model {inner.name}: trained on {len(places)} graphics cards (multi_gpu_model); migrated as the one model"]


def _share(node: Node) -> tuple[int, int] | None:
    """Return which share of how many a layer takes of the samples, or None for any other layer."""
    if node.class_name != "Lambda" or len(node.inbound) != 1 or len(node.inbound[0]) != 1:
        return None
    function, arguments = node.config.get("function"), node.config.get("arguments")
    text = function[0] if isinstance(function, list) and function else None
    code = code_in(text) if isinstance(text, str) else None
    if code is None or code.name != "get_slice" or not isinstance(arguments, dict) or set(arguments) != {"i", "parts"}:
        return None
    return arguments["i"], arguments["parts"]


def _joins(node: Node, inner: Node, calls: list[int]) -> bool:
    """Return whether a layer joins one output of every call, in their order, along the samples."""
    sources = _sources(node)
    along = node.class_name == "Merge" and node.config.get("mode") == "concat" and node.config.get("concat_axis") == 0
    return along and sources == [(inner.name, call, sources[0][2]) for call in calls]


def _sources(node: Node) -> list[Source]:
    return [source for call in node.inbound for source in call]
