"""Pooling. Theano's "same" pads k - 2 (odd k) or k - 1 (even k) in front and leaves that out of the mean.

TensorFlow's "same" pads evenly, and one more behind where that does not go. A mean over uneven padding is built here:
average_pool of Keras 3.15 on PyTorch repeats the edge there and counts it, so the stock layer would be right on two of
three backends.
"""

from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.layers import SameMean, same_padding
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, by_sizes, integer, integers, rule
from reprise_kit.port.keras_legacy.rules.convolution import border_mode, old_tensorflow_windows, placed_inside
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
_LOWEST = float(np.finfo(np.float32).min)


@rule("MaxPooling1D", "AveragePooling1D")
def pooling1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> (n, n_new_steps, d)."""
    size = integer(node.config["pool_length"], node, "pool_length")
    stride = integer(node.config.get("stride") or size, node, "stride")
    layer, ordering = _pool(context, node, (size,), (stride,)), node.config.get("dim_ordering") or "tf"
    return lambda x: context.spatial(node, x, ordering, layer)


@rule("MaxPooling2D", "AveragePooling2D", "MaxPooling3D", "AveragePooling3D")
def pooling(context: Context, node: Node) -> Apply:
    """th (n, d, sizes...) or tf (n, sizes..., d), the same with smaller sizes."""
    size = integers(node.config["pool_size"], node, "pool_size")
    strides = integers(node.config.get("strides") or size, node, "strides")
    layer, ordering = _pool(context, node, size, strides), context.ordering(node)
    return lambda x: context.spatial(node, x, ordering, layer)


def _pool(context: Context, node: Node, size: tuple[int, ...], strides: tuple[int, ...]) -> Apply:
    """Return a channels-last pooling layer."""
    kind: Callable[..., Apply] = getattr(layers, node.class_name)
    name = node.name
    if border_mode(node) == "full":
        raise InputError(f"layer {node.name}: border_mode 'full' is not one of Keras 1's for pooling")
    if border_mode(node) == "valid":
        return kind(size, strides, "valid", name=context.name(name))
    if context.backend == "tensorflow":
        if len(size) == 3 and placed_inside(context, node, size, strides):
            return by_sizes(lambda x: _inside(context, node, size, strides, x))
        if node.class_name.startswith("Average"):
            return by_sizes(lambda x: _mean(context, node, size, strides, x))
        return kind(size, strides, "same", name=context.name(name))
    before = [k - 2 if k % 2 and k > 2 else k - 1 for k in size]
    behind = before if _uncropped(context, node, len(size)) else [k - 1 - p for k, p in zip(size, before, strict=True)]
    return _padded(context, node, size, strides, list(zip(before, behind, strict=True)))


def _inside(context: Context, node: Node, size: tuple[int, ...], strides: tuple[int, ...], x: Tensor) -> Apply:
    """Return the pooling of old TensorFlow's windows, which leave places in front out where they are far apart."""
    pads, starts = old_tensorflow_windows(node, x.shape[1:-1], size, strides)
    pool = _padded(context, node, size, strides, pads)
    return lambda y: pool(y[(slice(None), *starts)])


def _mean(context: Context, node: Node, size: tuple[int, ...], strides: tuple[int, ...], x: Tensor) -> Apply:
    """Return TensorFlow's same-padded mean over x (n, sizes..., d): the stock layer where its padding is even."""
    pads = [same_padding(*axis) for axis in zip(x.shape[1:-1], size, strides, strict=True)]
    known = [pad for pad in pads if pad is not None]
    if len(known) < len(pads):
        context.needs.add("reprise>SameMean")
        return cast(Apply, SameMean(size, strides, name=context.name(node.name)))
    if all(before == behind for before, behind in known):
        kind: Callable[..., Apply] = getattr(layers, node.class_name)
        return kind(size, strides, "same", name=context.name(node.name))
    return _padded(context, node, size, strides, known)


def _padded(
    context: Context, node: Node, size: tuple[int, ...], strides: tuple[int, ...], spatial: list[tuple[int, int]]
) -> Apply:
    """Return a pooling of padded axes: a maximum is never the padding's, a mean leaves it out unless it counts."""
    kind, pads = getattr(layers, node.class_name), [(0, 0), *spatial, (0, 0)]
    pool = kind(size, strides, "valid", name=context.name(node.name))
    if node.class_name.startswith("Max"):
        return lambda x: pool(ops.pad(x, pads, constant_values=_LOWEST))
    if context.backend == "theano" and _padding_counts(context, node, len(size)):
        return lambda x: pool(ops.pad(x, pads))
    share = kind(size, strides, "valid", name=context.name(f"{node.name}_share"))

    def average(x: Tensor) -> Any:
        return ops.divide(pool(ops.pad(x, pads)), share(ops.pad(ops.ones_like(x), pads)))

    return average


def _uncropped(context: Context, node: Node, n_spatial: int) -> bool:
    """Return whether "same" keeps what its padding behind adds: Theano in Keras 2 to 2.1.5, over three axes."""
    if n_spatial != 3 or not context.dialect.kernels_last:
        return False
    return context.known_version(f"layer {node.name}: same pooling of volumes on Theano") < (2, 1, 6)


def _padding_counts(context: Context, node: Node, n_spatial: int) -> bool:
    """Return whether "same" averages in its zeros: Theano in Keras 2.0.4 to 2.1.4, over one or two axes."""
    if n_spatial == 3 or not context.dialect.kernels_last:
        return False
    version = context.known_version(f"layer {node.name}: same-padded averages on Theano")
    return (2, 0, 4) <= version < (2, 1, 5)


@rule("GlobalMaxPooling1D", "GlobalAveragePooling1D")
def global_pooling1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> (n, d); Keras 2's mean leaves masked steps out."""
    settings = {"keepdims": True} if node.config.get("keepdims") else {}
    layer = getattr(layers, node.class_name)(name=context.name(node.name), **settings)

    def apply(x: Tensor) -> Tensor:
        mask = context.mask(x)
        if node.config.get("dim_ordering") == "th":
            if mask is not None:
                raise InputError(f"layer {node.name}: a channels-first mean over masked steps is not supported")
            return layer(context.to_last(x, node.name))
        return layer(x) if mask is None else layer(x, mask=mask)

    return apply


@rule("GlobalMaxPooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling3D")
def global_pooling(context: Context, node: Node) -> Apply:
    """th (n, d, sizes...) or tf (n, sizes..., d) -> (n, d)."""
    if node.config.get("keepdims"):
        raise InputError(f"layer {node.name}: a {node.class_name} with keepdims is not supported")
    layer, ordering = getattr(layers, node.class_name)(name=context.name(node.name)), context.ordering(node)
    return lambda x: layer(x if ordering == "tf" else context.to_last(x, node.name))
