"""Deconvolution2D: the whole transposed convolution, then the part of it that output_shape asks for."""

from typing import Any

import keras

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, arrays_of, integers, once, rule
from reprise_kit.port.keras_legacy.rules.convolution import border_mode, kernel_2d
from reprise_kit.port.keras_legacy.rules.core import bias, with_activation
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("Deconvolution2D")
def deconvolution2d(context: Context, node: Node) -> Apply:
    """th (n, n_in, rows, cols) or tf (n, rows, cols, n_in) to output_shape, in the same order."""
    kernel, ordering = kernel_2d(node), context.ordering(node)
    strides = integers(node.config.get("subsample") or (1, 1), node, "subsample")
    w, *b = arrays_of(node, "W", *bias(node))
    sizes = _recorded_sizes(context, node, ordering, strides)
    converted = convert.deconv2d_kernel(w, context.backend, ordering)

    def make(x: Tensor) -> Apply:
        crops, extra = zip(
            *(_part(context, node, x.shape[i + 1], kernel[i], strides[i], sizes[i]) for i in (0, 1)),
            strict=True,
        )

        def layer(**kwargs: Any) -> Any:
            return layers.Conv2DTranspose(
                converted.shape[2], kernel, strides, "valid", output_padding=extra, use_bias=bool(b), **kwargs
            )

        uncropped = with_activation(context, node, layer, [converted, *b])
        if not any(map(any, crops)):
            return uncropped
        crop = layers.Cropping2D(crops, name=context.name(f"{node.name}_crop"))
        return lambda y: crop(uncropped(y))

    whole = once(make)
    return lambda x: context.spatial(node, x, ordering, whole)


def _recorded_sizes(context: Context, node: Node, ordering: str, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the (rows, cols) that the layer made; refused where the file holds others than it used."""
    recorded = node.config.get("output_shape")
    if not isinstance(recorded, (list, tuple)) or len(recorded) != 4:
        raise InputError(f"layer {node.name}: output_shape is {recorded!r}; four sizes are needed")
    sizes = integers(recorded[2:] if ordering == "th" else recorded[1:3], node, "output_shape")
    ambiguous = border_mode(node) == "same" and set(strides) != {1}
    if ambiguous and context.known_version(f"layer {node.name}: output_shape") < (1, 1, 2):
        # Up to 1.1.1 the file holds the shape Keras computed, not the one it was given and used.
        raise InputError(
            f"layer {node.name}: this version saved an output_shape of {sizes} whatever it used; correct it in the "
            "architecture file and say --keras-version 1.1.2 if nothing else depends on the version"
        )
    return sizes


def _part(
    context: Context, node: Node, size: int | None, k: int, stride: int, wanted: int
) -> tuple[tuple[int, int], int]:
    """Return (crop before, crop after) and the extra size beyond (size - 1) * stride + k, along one axis."""
    if size is None:
        raise InputError(f"layer {node.name}: Deconvolution2D on an input of unknown size is not supported")
    whole = (size - 1) * stride + k
    if border_mode(node) == "valid":
        before, fits = 0, (wanted - k) // stride + 1 == size
    elif context.backend == "theano":
        before, fits = k // 2, (wanted + 2 * (k // 2) - k) // stride + 1 == size
        if k % 2 == 0 and wanted != -(-size // stride):
            raise InputError(f"layer {node.name}: Keras 1 on Theano cut an even 'same' deconvolution short")
    else:
        before, fits = max(whole - wanted, 0) // 2, -(-wanted // stride) == size
    if not fits:
        raise InputError(f"layer {node.name}: the recorded output size {wanted} does not belong to an input of {size}")
    extra = max(before + wanted - whole, 0)
    return (before, whole + extra - before - wanted), extra
