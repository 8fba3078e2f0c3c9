"""Padding, cropping and repeating along space. Keras 1 does not save the 2-D and 3-D ones' dim_ordering."""

from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import TF_KERAS
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, integer, integers, once, rule
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("ZeroPadding1D")
def zero_padding1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> (n, more steps, d)."""
    padding = node.config.get("padding", 1)
    if isinstance(padding, dict):
        pads = _sides(padding, node, ("left_pad", "right_pad"))
    elif isinstance(padding, (list, tuple)):
        pads = integers(padding, node, "padding")
    else:
        pads = (integer(padding, node, "padding"),) * 2
    return _spatial(context, node, layers.ZeroPadding1D, pads)


@rule("ZeroPadding2D")
def zero_padding2d(context: Context, node: Node) -> Apply:
    """th or tf images with zeros around."""
    padding = node.config.get("padding", (1, 1))
    if isinstance(padding, dict):
        pads = _sides(padding, node, ("top_pad", "bottom_pad", "left_pad", "right_pad"))
    elif padding and isinstance(padding[0], (list, tuple)):  # as Keras 2 writes it
        pads = tuple(size for pair in padding for size in integers(pair, node, "padding"))
    else:
        pads = integers(padding, node, "padding")
        if len(pads) == 4 and context.known_version(f"layer {node.name}: four padding sizes") < (1, 1, 1):
            pads = pads[:2]  # older versions took four sizes and used two
        pads = (pads[0], pads[0], pads[1], pads[1]) if len(pads) == 2 else pads
    if len(pads) != 4:
        raise InputError(f"layer {node.name}: padding {padding!r}; two or four sizes are needed")
    return _spatial(context, node, layers.ZeroPadding2D, ((pads[0], pads[1]), (pads[2], pads[3])))


@rule("ZeroPadding3D")
def zero_padding3d(context: Context, node: Node) -> Apply:
    """th or tf volumes with zeros around."""
    padding = node.config["padding"]
    pairs = tuple(integers(pair, node, "padding") if isinstance(pair, (list, tuple)) else pair for pair in padding)
    return _spatial(context, node, layers.ZeroPadding3D, pairs)


@rule("Cropping1D")
def cropping1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> (n, fewer steps, d)."""
    pairs = (integers(node.config["cropping"], node, "cropping"),)
    return _placed(context, node, _crop(context, node, layers.Cropping1D, pairs))


@rule("Cropping2D", "Cropping3D")
def cropping(context: Context, node: Node) -> Apply:
    """th or tf images or volumes with a border cut off."""
    pairs = tuple(integers(pair, node, "cropping") for pair in node.config["cropping"])
    return _placed(context, node, _crop(context, node, getattr(layers, node.class_name), pairs))


def _crop(context: Context, node: Node, kind: Any, pairs: tuple[tuple[int, ...], ...]) -> Apply:
    """Return the stock layer, or Keras 1's own slices x[first:-last] where they leave nothing, which it refuses."""

    context.by_size(node)

    def make(x: Any) -> Apply:
        name = context.name(node.name)
        if all(n is None or n > sum(pair) for n, pair in zip(x.shape[1:-1], pairs, strict=True)):
            layer: Apply = kind(pairs if len(pairs) > 1 else pairs[0], name=name)
            return layer
        slices = [slice(first, -last if last else None) for first, last in pairs]
        named = layers.Activation("linear", name=name)
        return lambda y: named(y[(slice(None), *slices)])

    return once(make)


@rule("UpSampling1D")
def up_sampling1d(context: Context, node: Node) -> Apply:
    """(n, n_steps, d) -> every step `length` times."""
    return _spatial(context, node, layers.UpSampling1D, integer(node.config["length"], node, "length"))


@rule("UpSampling2D", "UpSampling3D")
def up_sampling(context: Context, node: Node) -> Apply:
    """th or tf images or volumes with every row and column repeated."""
    size, kind = integers(node.config["size"], node, "size"), getattr(layers, node.class_name)
    method = node.config.get("interpolation") or "nearest"
    if context.dialect is TF_KERAS and "interpolation" not in node.config:
        context.notes.append(f"layer {node.name}: TensorFlow 1.13 never saved its interpolation; nearest is taken")
    if method == "bilinear" and context.dialect.bilinear_from_corner and len(size) == 2:
        return _bilinear(context, node, size)
    if method == "bilinear" and context.dialect is TF_KERAS and len(size) == 2:
        return _placed(context, node, kind(size, interpolation="bilinear", name=_known_bilinear(context, node)))
    if method != "nearest":
        raise InputError(f"layer {node.name}: up-sampling by {method!r} is not supported")
    return _spatial(context, node, kind, size)


def _known_bilinear(context: Context, node: Node) -> str:
    """Return the layer's name; TensorFlow 1.13 began at a corner, 1.15 half a pixel off, and both say 2.2.4-tf."""
    if context.version < (2, 3):
        raise InputError(
            f"layer {node.name}: bilinear up-sampling began at a corner in TensorFlow 1.13 and half a pixel off from "
            "1.15 on, and a file of tf.keras 2.2.4 does not say which; give it with --replace "
            f"{node.name}=module:function, or --keras-version 2.3.0 for TensorFlow 1.15 and later"
        )
    return context.name(node.name)


def _bilinear(context: Context, node: Node, size: tuple[int, ...]) -> Apply:
    """Repeat rows and columns, copy j of f a share j / f on its way to the next; Keras 3's start half a pixel off."""
    last, ordering = layers.Activation("linear", name=context.name(node.name)), context.ordering(node)

    def widened(x: Any, axis: int, factor: int) -> Any:
        first = ops.take(x, ops.arange(1, x.shape[axis]), axis=axis)
        after = ops.concatenate([first, ops.take(x, [x.shape[axis] - 1], axis=axis)], axis=axis)
        copies = [x + (after - x) * (j / factor) for j in range(factor)]
        shape = [n * (factor if place == axis else 1) for place, n in enumerate(x.shape) if place]
        return ops.reshape(ops.stack(copies, axis=axis + 1), [-1, *shape])

    def layer(x: Any) -> Any:
        if None in x.shape[1:]:
            raise InputError(f"layer {node.name}: bilinear up-sampling of an input of unknown size is not supported")
        return last(widened(widened(x, 1, size[0]), 2, size[1]))

    return lambda x: context.spatial(node, x, ordering, layer)


def _spatial(context: Context, node: Node, kind: Any, argument: Any) -> Apply:
    return _placed(context, node, kind(argument, name=context.name(node.name)))


def _placed(context: Context, node: Node, layer: Apply) -> Apply:
    """Return an apply of a channels-last layer in the node's own ordering."""

    def apply(x: Any) -> Any:
        ordering = (node.config.get("dim_ordering") or "tf") if len(x.shape) == 3 else context.ordering(node, x)
        return context.spatial(node, x, ordering, layer)

    return apply


def _sides(padding: dict[str, Any], node: Node, keys: tuple[str, ...]) -> tuple[int, ...]:
    if not set(padding) <= set(keys):
        raise InputError(f"layer {node.name}: padding {padding!r}; allowed: {', '.join(keys)}")
    return tuple(integer(padding.get(key, 0), node, key) for key in keys)
