"""Locally connected layers: a kernel of its own at every place."""

from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, integer, integers, once, rule
from reprise_kit.port.keras_legacy.rules.convolution import kernel_2d, one_place, windows
from reprise_kit.port.keras_legacy.rules.core import bias, with_activation
from reprise_kit.port.keras_legacy.rules.weights import arrays_of
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("LocallyConnected1D")
def locally_connected1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_new_steps, nb_filter): patches, then one dense layer per step.

    Where the layer before gave more steps than Keras believed, Keras looked at those that there are kernels for.
    """
    length = integer(node.config["filter_length"], node, "filter_length")
    stride = integer(node.config.get("subsample_length") or 1, node, "subsample_length")
    w, *b = arrays_of(node, "W", *bias(node))
    steps, features, filters = w.shape
    n_in = features // length
    as_image = layers.Reshape((-1, 1, n_in), name=context.name(f"{node.name}_image"))
    as_steps = layers.Reshape((steps, features), name=context.name(f"{node.name}_patches"))
    dense = _per_place(context, node, w, [bias_.reshape(steps, filters) for bias_ in b])
    seen = (steps - 1) * stride + length

    def apply(x: Any) -> Any:
        looked_at = x if x.shape[1] is None or x.shape[1] < seen + stride else x[:, :seen]
        patches = keras.ops.image.extract_patches(as_image(looked_at), (length, 1), (stride, 1), padding="valid")
        return dense(as_steps(patches))

    return apply


@rule("LocallyConnected2D")
def locally_connected2d(context: Context, node: Node) -> Apply:
    """As Convolution2D, with kernels of its own at every place: patches, then one dense layer per place."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    strides = integers(node.config.get("subsample") or (1, 1), node, "subsample")
    w, *b = arrays_of(node, "W", *bias(node))

    def make(x: Any) -> Apply:
        rows, cols = ((x.shape[i + 1] - kernel[i]) // strides[i] + 1 for i in (0, 1))
        if rows * cols != w.shape[0]:
            raise InputError(f"layer {node.name}: kernels for {w.shape[0]} places, {rows} x {cols} are there")
        places, filters = w.shape[0], w.shape[2]
        kernels, biases = w, [bias_.reshape(places, filters) for bias_ in b]
        if ordering == "th":
            # Keras 1 flattens a th patch channel by channel, and reads its bias array as (filters, rows, cols).
            split = w.reshape(places, -1, *kernel, filters)
            kernels = np.transpose(split, (0, 2, 3, 1, 4)).reshape(w.shape)
            biases = [bias_.reshape(filters, places).T for bias_ in b]
        flat = layers.Reshape((places, w.shape[1]), name=context.name(f"{node.name}_patches"))
        dense = _per_place(context, node, kernels, biases)
        grid = layers.Reshape((rows, cols, filters), name=context.name(f"{node.name}_grid"))
        # Patches are a convolution too: see one_place.
        one = one_place(x.shape[1:-1], kernel, strides, "valid")
        steps = tuple(1 if axis in one else stride for axis, stride in enumerate(strides))

        def apply(y: Any) -> Any:
            seen = windows(y, kernel, strides, "valid", one) if one else y
            return grid(dense(flat(keras.ops.image.extract_patches(seen, kernel, steps, padding="valid"))))

        return apply

    layer = once(make)
    return lambda x: context.spatial(node, x, ordering, layer)


def _per_place(context: Context, node: Node, w: np.ndarray, b: list[np.ndarray]) -> Apply:
    """Return (n, places, features) -> (n, places, filters), a dense layer per place, and the activation."""

    def make(**kwargs: Any) -> Any:
        bias_axes = {"bias_axes": "pf"} if b else {}
        shape = (w.shape[0], w.shape[2])
        return layers.EinsumDense("npk,pkf->npf", output_shape=shape, **bias_axes, **kwargs)

    return with_activation(context, node, make, [w, *b])
