"""The dim_ordering of layers that do not record it (padding, cropping, up-sampling), from what stands around."""

from collections.abc import Iterator

from reprise_kit.port.keras_legacy.rules.context import Context
from reprise_kit.port.keras_legacy.tree import Node

_SILENT = {
    *("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D"),
    *("MaxPooling2D", "AveragePooling2D", "Convolution2D", "Convolution3D"),
}


def infer(context: Context, root: Node) -> list[Node]:
    """Settle every silent layer whose nearest recorded neighbours before and after it agree; return the others.

    Those are tried both ways (build.py): where one way does not fit the sizes, the other is right, and where both
    do it is asked for.
    """
    nodes = [node for node in root.walk() if isinstance(node.config, dict)]
    recorded = [node.config.get("dim_ordering") for node in nodes]
    near = dict(_neighbours([ordering if ordering in ("th", "tf") else None for ordering in recorded]))
    silent = [i for i in near if nodes[i].class_name in _SILENT]
    mixed = {"th", "tf"} <= set(recorded)  # then a neighbour's tells nothing
    if context.dim_ordering in ("th", "tf"):
        return []
    for i in silent:
        if len(near[i]) == 1 and not mixed:
            context.inferred[id(nodes[i])] = near[i].pop()
    _note(context, [nodes[i] for i in silent if id(nodes[i]) in context.inferred], "the layers beside them")
    return [nodes[i] for i in silent if id(nodes[i]) not in context.inferred]


def settle(context: Context, undecided: list[Node], ordering: str) -> None:
    """Take `ordering` for the layers that their neighbours do not decide."""
    context.inferred |= {id(node): ordering for node in undecided}
    _note(context, undecided, "the sizes that fit")


def _note(context: Context, nodes: list[Node], why: str) -> None:
    settled = sorted({context.inferred[id(node)] for node in nodes})
    if settled:
        names = ", ".join(node.name for node in nodes)
        context.notes.append(f"dim_ordering {'/'.join(settled)} taken from {why} for {names[:200]}")


def _neighbours(recorded: list[str | None]) -> Iterator[tuple[int, set[str]]]:
    """Yield the place of each layer that records none, and what the nearest ones before and after it record."""
    for i, own in enumerate(recorded):
        if own is None:
            nearest = (
                next((o for o in part if o), None) for part in (recorded[i - 1 :: -1] if i else [], recorded[i:])
            )
            yield i, {ordering for ordering in nearest if ordering}
