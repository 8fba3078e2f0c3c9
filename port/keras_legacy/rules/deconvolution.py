"""Transposed convolutions: the whole transposed convolution, then the part of it that the output's size asks for."""

from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS1
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, integers, once, rule
from reprise_kit.port.keras_legacy.rules.convolution import border_mode, kernel_2d, kernel_3d
from reprise_kit.port.keras_legacy.rules.core import bias, with_activation
from reprise_kit.port.keras_legacy.rules.weights import arrays_of
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("Deconvolution2D", "Deconvolution3D")
def deconvolution(context: Context, node: Node) -> Apply:
    """th (n, n_in, sizes...) or tf (n, sizes..., n_in) to output_shape or, in Keras 2, its own computed sizes."""
    flat = node.class_name == "Deconvolution2D"
    kernel, ordering = (kernel_2d if flat else kernel_3d)(node), context.ordering(node)
    ones = (1,) * len(kernel)
    strides, rate = (integers(node.config.get(key) or ones, node, key) for key in ("subsample", "atrous_rate"))
    w, *b = arrays_of(node, "W", *bias(node))
    converted = _kernel(context, w, ordering)
    reach = tuple((k - 1) * r + 1 for k, r in zip(kernel, rate, strict=True))
    kinds = (layers.Conv2DTranspose, layers.Cropping2D) if flat else (layers.Conv3DTranspose, layers.Cropping3D)

    def layer(padding: str, extra: Any) -> Apply:
        def stock(**kwargs: Any) -> Any:
            settings = {"output_padding": extra, "dilation_rate": rate, "use_bias": bool(b)}
            return kinds[0](converted.shape[-2], kernel, strides, padding, **settings, **kwargs)

        return with_activation(context, node, stock, [converted, *b])

    def make(x: Tensor) -> Apply:
        known = x.shape[1:-1]
        if None in known and context.dialect.sized and _as_keras_3(context, node):
            return layer(border_mode(node), None)
        wanted = _computed_sizes(node, known, reach, strides) if context.dialect.sized else None
        sizes = wanted or _recorded_sizes(context, node, ordering, strides)
        parts = zip(known, reach, strides, sizes, strict=True)
        crops, extra = zip(*(_part(context, node, *part) for part in parts), strict=True)
        uncropped = layer("valid", extra)
        if not any(map(any, crops)):
            return uncropped
        crop = kinds[1](crops, name=context.name(f"{node.name}_crop"))
        return lambda y: crop(uncropped(y))

    whole = once(make)
    return lambda x: context.spatial(node, x, ordering, whole)


def _kernel(context: Context, w: np.ndarray, ordering: str) -> np.ndarray:
    """Return the kernel as (k..., n_out, n_in), as which Keras 2 keeps it."""
    if context.dialect.kernels_last:
        return convert.flip(w, context.backend, w.ndim - 2)
    return convert.deconv2d_kernel(w, context.backend, ordering)


def _as_keras_3(context: Context, node: Node) -> bool:
    """Return whether the stock layer computes the same sizes and places, whatever the input's size."""
    return context.backend == "tensorflow" and node.config.get("output_padding") is None


def _computed_sizes(
    node: Node, sizes: tuple[int | None, ...], kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the sizes of Keras 2's output (deconv_length of keras/utils/conv_utils.py)."""
    extra, mode = node.config.get("output_padding"), border_mode(node)
    if None in sizes:
        raise InputError(f"layer {node.name}: a transposed convolution on an input of unknown size is not supported")
    found = []
    for i, (size, k, stride) in enumerate(zip(sizes, kernel, strides, strict=True)):
        cut = {"valid": 0, "same": k // 2, "full": k - 1}[mode]
        if extra is None:
            more = {"valid": max(k - stride, 0), "same": 0, "full": 2 - stride - k}[mode]
            found.append(int(size or 0) * stride + more)
        else:
            more = integer(extra[i] if isinstance(extra, (list, tuple)) else extra, node, "output_padding")
            found.append((int(size or 0) - 1) * stride + k - 2 * cut + more)
    return tuple(found)


def _recorded_sizes(context: Context, node: Node, ordering: str, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the (rows, cols) that the layer made; refused where the file holds others than it used."""
    if node.name in context.output_shapes:
        return context.output_shapes[node.name]
    recorded = node.config.get("output_shape")
    if not isinstance(recorded, (list, tuple)) or len(recorded) != 4:
        raise InputError(f"layer {node.name}: output_shape is {recorded!r}; four sizes are needed")
    sizes = integers(recorded[2:] if ordering == "th" else recorded[1:3], node, "output_shape")
    ambiguous = border_mode(node) == "same" and set(strides) != {1}
    if ambiguous and context.known_version(f"layer {node.name}: output_shape") < (1, 1, 2):
        # Up to 1.1.1 the file holds the shape Keras computed, not the one it was given and used.
        raise InputError(
            f"layer {node.name}: this version saved an output_shape of {sizes} whatever it used; say the true one "
            f"with --output-shape {node.name}=ROWS,COLUMNS"
        )
    return sizes


def _part(
    context: Context, node: Node, size: int | None, k: int, stride: int, wanted: int
) -> tuple[tuple[int, int], int]:
    """Return (crop before, crop after) and the extra size beyond (size - 1) * stride + k, along one axis."""
    if size is None:
        raise InputError(f"layer {node.name}: Deconvolution2D on an input of unknown size is not supported")
    whole = (size - 1) * stride + k
    if context.backend == "theano" and stride == 1 and context.dialect is KERAS1 and context.version < (1, 2):
        wanted = _whatever_asked(context, node, whole, k, wanted)
    if border_mode(node) == "valid":
        before, fits = 0, (wanted - k) // stride + 1 == size
    elif border_mode(node) == "full":
        if context.backend == "tensorflow":
            raise InputError(f"layer {node.name}: Keras 1 had border_mode 'full' on Theano only")
        before, fits = k - 1, (wanted + k - 2) // stride + 1 == size
    elif context.backend == "theano":
        before, fits = k // 2, (wanted + 2 * (k // 2) - k) // stride + 1 == size
        if k % 2 == 0 and wanted > -(-size // stride):
            raise InputError(f"layer {node.name}: Keras 1 on Theano cut an even 'same' deconvolution short")
    else:
        before, fits = max(whole - wanted, 0) // 2, -(-wanted // stride) == size
        if wanted - whole > 1 and context.dialect is KERAS1:
            raise InputError(f"layer {node.name}: TensorFlow 0.12 put such windows elsewhere; this is not supported")
    if not fits:
        raise InputError(f"layer {node.name}: the recorded output size {wanted} does not belong to an input of {size}")
    extra = max(before + wanted - whole, 0)
    return (before, whole + extra - before - wanted), extra


def _whatever_asked(context: Context, node: Node, whole: int, k: int, wanted: int) -> int:
    """Return the size that Theano 0.8 gave where there are no strides: it did not look at the one it was given."""
    size = whole - 2 * {"valid": 0, "same": k // 2, "full": k - 1}[border_mode(node)]
    if size != wanted:
        context.misjudged.add(node.name)
        context.notes.append(f"layer {node.name}: {size} long along an axis, as Theano made it, not {wanted} as asked")
    return size
