"""Gradients of convolutions by their kernels, where TensorFlow's own write beyond their memory.

A kernel of one place (1 x 1) that takes strides, forward or transposed: oneDNN's Conv2DBackpropFilter of TensorFlow
2.20 ends the process there ("double free", "invalid pointer"), or corrupts it and says nothing; the answers and the
gradients by the input are right. Only every s-th place of the input is read, so these are taken and the strides left.
"""

from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

ATTRIBUTES = ("strides", "padding", "explicit_paddings", "data_format", "dilations")


def safe_kernel_gradients() -> AbstractContextManager[Any]:
    """While the block traces a tf.function, its convolutions get the gradients of this file."""
    named = {"Conv2D": "RepriseConv2D", "Conv2DBackpropInput": "RepriseConv2DBackpropInput"}
    graph = tf.compat.v1.get_default_graph()
    return graph.gradient_override_map(named)  # type: ignore[no-any-return]


@tf.RegisterGradient("RepriseConv2D")  # type: ignore[untyped-decorator]
def _by_input_and_kernel(op: Any, slope: Any) -> tuple[Any, Any]:
    """Return the gradients of conv(x, kernel)."""
    x, kernel = op.inputs
    by_input = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, out_backprop=slope, **_attributes(op)
    )
    return by_input, _by_kernel(op, x, kernel, slope)


@tf.RegisterGradient("RepriseConv2DBackpropInput")  # type: ignore[untyped-decorator]
def _by_kernel_and_slope(op: Any, slope: Any) -> tuple[None, Any, Any]:
    """Return the gradients of a transposed convolution, (sizes, kernel, y): conv's roles, changed about."""
    _, kernel, y = op.inputs
    return None, _by_kernel(op, slope, kernel, y), tf.raw_ops.Conv2D(input=slope, filter=kernel, **_attributes(op))


def _by_kernel(op: Any, x: Any, kernel: Any, slope: Any) -> Any:
    how = _attributes(op)
    if list(kernel.shape[:2]) == [1, 1] and max(how["strides"]) > 1:
        x = tf.strided_slice(x, [0] * 4, tf.shape(x), how["strides"])
        how |= {"strides": [1] * 4, "padding": "VALID"}
    return tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=tf.shape(kernel), out_backprop=slope, **how)


def _attributes(op: Any) -> dict[str, Any]:
    found = {name: op.get_attr(name) for name in ATTRIBUTES}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}
