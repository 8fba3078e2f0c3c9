"""Convolutions. Under Theano border_mode "same" pads k // 2 before and k - 1 - k // 2 after, then strides."""

from typing import Any

import keras

from port.errors import InputError
from port.keras1 import convert
from port.keras1.rules.context import Apply, Context, arrays_of, integer, rule
from port.keras1.rules.core import bias, with_activation
from port.keras1.tree import Node

layers = keras.layers


def border_mode(node: Node) -> str:
    """Return "valid" or "same"; anything else is refused."""
    mode = node.config.get("border_mode") or "valid"
    if mode not in ("valid", "same"):
        raise InputError(f"layer {node.name}: border_mode {mode!r} is not supported; valid and same are")
    return str(mode)


def same_padding(
    context: Context,
    node: Node,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    before: tuple[int, ...] | None = None,
) -> tuple[str, Apply | None]:
    """Return Keras 3's padding and, where Theano's "same" is not TensorFlow's, a layer that pads."""
    if border_mode(node) == "valid" or context.backend == "tensorflow":
        return border_mode(node), None
    if before is None and all(k % 2 for k in kernel) and all(s == 1 for s in strides):
        return "same", None
    starts = before or tuple(k // 2 for k in kernel)
    pads = [(start, k - 1 - start) for start, k in zip(starts, kernel, strict=True)]
    name = context.name(f"{node.name}_pad")
    if len(kernel) == 1:
        return "valid", layers.ZeroPadding1D(pads[0], name=name)
    padding = layers.ZeroPadding2D if len(kernel) == 2 else layers.ZeroPadding3D
    return "valid", padding(pads, name=name)


def after(first: Apply | None, second: Apply) -> Apply:
    """Return second after first."""
    return second if first is None else lambda x: second(first(x))


@rule("Convolution1D", "AtrousConvolution1D")
def convolution1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_new_steps, nb_filter)."""
    length = integer(node.config["filter_length"], node, "filter_length")
    filters = integer(node.config["nb_filter"], node, "nb_filter")
    stride = integer(node.config.get("subsample_length") or 1, node, "subsample_length")
    rate = integer(node.config.get("atrous_rate") or 1, node, "atrous_rate")
    w, *b = arrays_of(node, "W", *bias(node))
    padding, pad = same_padding(context, node, (length,), (stride,))

    def make(**kwargs: Any) -> Any:
        return layers.Conv1D(filters, length, stride, padding, dilation_rate=rate, use_bias=bool(b), **kwargs)

    arrays = [convert.conv1d_kernel(w, context.backend, length, filters), *b]
    return after(pad, with_activation(context, node, make, arrays))
