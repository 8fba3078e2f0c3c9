"""Convolutions channel by channel (depthwise), with or without a mixing (pointwise) one behind."""

from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, integer, integers, rule
from reprise_kit.port.keras_legacy.rules.convolution import after, kernel_2d, same_padding, wide
from reprise_kit.port.keras_legacy.rules.core import bias, with_activation
from reprise_kit.port.keras_legacy.rules.weights import arrays_of
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("SeparableConvolution1D")
def separable_convolution1d(context: Context, node: Node) -> Apply:
    """As Convolution1D, depthwise then pointwise."""
    kernel = (integer(node.config["filter_length"], node, "filter_length"),)
    strides = (integer(node.config.get("subsample_length") or 1, node, "subsample_length"),)
    rate = (integer(node.config.get("atrous_rate") or 1, node, "atrous_rate"),)
    return _separable(context, node, layers.SeparableConv1D, (kernel, strides, rate))


@rule("SeparableConvolution2D", "DepthwiseConvolution2D")
def separable_convolution2d(context: Context, node: Node) -> Apply:
    """As Convolution2D, depthwise then (Separable) pointwise; Keras 1 had it on TensorFlow only."""
    if context.backend == "theano" and not context.dialect.kernels_last:
        raise InputError(f"layer {node.name}: Keras 1 had no SeparableConvolution2D on Theano; is it tensorflow?")
    strides, rate = (integers(node.config.get(key) or (1, 1), node, key) for key in ("subsample", "atrous_rate"))
    kind = layers.SeparableConv2D if node.class_name == "SeparableConvolution2D" else layers.DepthwiseConv2D
    return _separable(context, node, kind, (kernel_2d(node), strides, rate))


def _separable(context: Context, node: Node, kind: Any, sizes: tuple[tuple[int, ...], ...]) -> Apply:
    """Return a layer of (kernel, strides, dilation). On Theano Keras 2 turned these kernels round itself."""
    kernel, strides, rate = sizes
    ordering = context.ordering(node) if len(kernel) == 2 else node.config.get("dim_ordering") or "tf"
    parts = ["depthwise_kernel", "pointwise_kernel"][: 1 if kind is layers.DepthwiseConv2D else 2]
    kernels, b = arrays_of(node, *parts), arrays_of(node, *bias(node))
    if not context.dialect.kernels_last:
        kernels = [convert.conv2d_kernel(w, context.backend, ordering) for w in kernels]
    # Of one channel TensorFlow made it a common convolution, whose windows 0.12 and 1.0 may place inside.
    padding, pad = same_padding(context, node, wide(kernel, rate), strides, from_edge=kernels[0].shape[-2] > 1)
    filters = [kernels[1].shape[-1]] if len(kernels) == 2 else []

    def make(**kwargs: Any) -> Any:
        settings = {"depth_multiplier": kernels[0].shape[-1], "dilation_rate": rate, "use_bias": bool(b)}
        return kind(*filters, kernel, strides, padding, **settings, **kwargs)

    layer = after(pad, with_activation(context, node, make, [*kernels, *b]))
    return lambda x: context.spatial(node, x, ordering, layer)
