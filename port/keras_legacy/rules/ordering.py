"""The dim_ordering of layers that do not record it (padding, cropping, up-sampling), from what stands around."""

from reprise_kit.port.keras_legacy.rules.context import Context
from reprise_kit.port.keras_legacy.tree import Node

_SILENT = {
    *("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D"),
    *("MaxPooling2D", "AveragePooling2D", "Convolution2D", "Convolution3D"),
}
_IMAGE_CHANNELS = {1, 3}


def infer(context: Context, root: Node) -> None:
    """Settle every silent layer whose nearest recorded neighbours before and after it agree.

    A model where nothing records it is settled by an input of 1 or 3 channels at one end only; that is noted.
    What stays open is refused when it is built.
    """
    nodes = [node for node in root.walk() if isinstance(node.config, dict)]
    recorded = [node.config.get("dim_ordering") for node in nodes]
    recorded = [ordering if ordering in ("th", "tf") else None for ordering in recorded]
    silent = [i for i, node in enumerate(nodes) if node.class_name in _SILENT and recorded[i] is None]
    if not silent:
        return
    by_shape = None if any(recorded) else _by_input_shape(nodes)
    for i in silent:
        near = {
            next((o for o in reversed(recorded[:i]) if o), None),
            next((o for o in recorded[i + 1 :] if o), None),
        } - {None}
        if len(near) == 1:
            context.inferred[id(nodes[i])] = str(near.pop())
        elif by_shape:
            context.inferred[id(nodes[i])] = by_shape
    settled = sorted({context.inferred[id(nodes[i])] for i in silent if id(nodes[i]) in context.inferred})
    if settled:
        why = "the shape of the input" if by_shape else "the layers beside them"
        names = ", ".join(nodes[i].name for i in silent if id(nodes[i]) in context.inferred)
        context.notes.append(f"dim_ordering {'/'.join(settled)} taken from {why} for {names[:200]}")


def _by_input_shape(nodes: list[Node]) -> str | None:
    shapes = [node.config.get("batch_input_shape") for node in nodes]
    found = set()
    for shape in shapes:
        if isinstance(shape, (list, tuple)) and len(shape) in (4, 5):
            first, last = shape[1] in _IMAGE_CHANNELS, shape[-1] in _IMAGE_CHANNELS
            found.add(None if first == last else "th" if first else "tf")
    return found.pop() if len(found) == 1 else None
