"""The dim_ordering of layers that do not record it (padding, cropping, up-sampling), from what stands around."""

from collections.abc import Iterator

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules.context import Context, Tensor
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


def biased_along_1(context: Context, node: Node, x: Tensor, units: int) -> bool:
    """Return whether a Dense on x (n, ..., n_in) added its bias along axis 1, not along the last.

    Keras 2.0.0 to 2.2.0 did so where keras.json said channels_first, which no file records, and failed unless axis 1
    was as long as the bias. With no layer of that ordering in the model, Keras's default is taken.
    """
    affected = context.dialect is KERAS2 and context.version < (2, 2, 1)
    if not affected or len(x.shape) not in (3, 4, 5) or units == 1 or x.shape[1] not in (None, units):
        return False
    if context.dim_ordering in ("th", "tf"):
        return context.dim_ordering == "th"
    if not context.has_th:
        if x.shape[1] == units:
            context.notes.append(f"layer {node.name}: its bias taken as along the last axis, Keras's default")
        return False
    raise InputError(
        f"layer {node.name}: Keras before 2.2.1 added the bias of a Dense along axis 1 where its keras.json said "
        "channels_first, along the last where channels_last, and both fit here; say it with --dim-ordering th or tf"
    )


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
