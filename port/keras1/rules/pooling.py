"""Pooling."""

import keras

from port.keras1.rules.context import Apply, Context, integer, rule
from port.keras1.rules.convolution import border_mode
from port.keras1.tree import Node

layers = keras.layers


@rule("MaxPooling1D", "AveragePooling1D")
def pooling1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> (n, n_new_steps, d)."""
    size = integer(node.config["pool_length"], node, "pool_length")
    stride = integer(node.config.get("stride") or size, node, "stride")
    kind = getattr(layers, node.class_name)
    return kind(size, stride, border_mode(node), name=context.name(node.name))
