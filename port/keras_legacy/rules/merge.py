"""Merge, as a layer or as the function of the functional API, in every mode."""

from functools import partial, reduce
from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.backend_functions import added, l2_normalize, summed
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, rule, variants
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
_STOCK = {"sum": layers.Add, "mul": layers.Multiply, "ave": layers.Average, "max": layers.Maximum}
_STOCK |= {"sub": layers.Subtract, "min": layers.Minimum}  # Keras 2's
_LINEAR = partial(layers.Activation, "linear")  # which names the tensor that other operations made
_EPSILON = 1e-7  # keras.backend.epsilon() of Keras 1


@rule("Merge")
def merge(context: Context, node: Node) -> Apply:
    """A list of tensors -> one."""
    mode = node.config.get("mode", "sum")
    if node.config.get("mode_type", "raw") != "raw":
        return _by_function(context, node, context.name(node.name))
    if mode in ("sub", "min") and not context.dialect.kernels_last:
        raise InputError(f"layer {node.name}: the merge mode {mode!r} is not one of Keras 1's")
    if mode in _STOCK:
        return _elementwise(context, node, _STOCK[mode])
    if mode == "concat":
        return _concatenate(context, node)
    if mode in ("dot", "cos"):
        last = layers.Activation("linear", name=context.name(node.name))
        return lambda pair: last(_product(context, node, pair, mode))
    raise InputError(f"layer {node.name}: the merge mode {mode!r} is not one of Keras 1's")


def _elementwise(context: Context, node: Node, stock: Any) -> Apply:
    layer = variants(context, node, lambda kind, name: kind(name=name))

    def apply(tensors: list[Tensor]) -> Tensor:
        if stock in (layers.Add, layers.Average) and len({tuple(x.shape) for x in tensors}) > 1:
            total = reduce(partial(added, ops), _of_one_rank(tensors))  # keras.ops.add may take one for a bias
            return layer(_LINEAR)(total if stock is layers.Add else total / len(tensors))
        twins = [context.twin(x) for x in tensors]
        if all(twin is not None for twin in twins):
            return context.from_last(layer(stock)(twins), node.name)
        return layer(stock)(tensors)

    return apply


def _of_one_rank(tensors: list[Tensor]) -> list[Tensor]:
    """Give each as many axes as the others, new ones of length 1 behind the samples', as Keras 2's merges do."""
    rank = max(len(x.shape) for x in tensors)
    missing = [rank - len(x.shape) for x in tensors]
    return [ops.expand_dims(x, tuple(range(1, 1 + n))) if n else x for x, n in zip(tensors, missing, strict=True)]


def _concatenate(context: Context, node: Node) -> Apply:
    axis = integer(node.config.get("concat_axis", -1), node, "concat_axis")
    layer = variants(context, node, layers.Concatenate)

    def apply(tensors: list[Tensor]) -> Tensor:
        twins = [context.twin(x) for x in tensors]
        on_twins = axis == 1 and all(twin is not None for twin in twins)
        return context.from_last(layer(-1)(twins), node.name) if on_twins else layer(axis)(tensors)

    return apply


def _by_function(context: Context, node: Node, name: str) -> Apply:
    from reprise_kit.port.keras_legacy import lambdas

    config = {
        "function": node.config.get("mode"),
        "function_type": node.config.get("mode_type"),
        "arguments": node.config.get("arguments") or {},
    }
    found = lambdas.recognise(config)
    if found is None:
        raise InputError(
            f"layer {node.name}: a Merge by a function that is not one of the known shapes{lambdas.names_in(config)}, "
            f"and code in a file is never run; give the function with --replace {node.name}=module:function"
        )
    context.notes.append(f"layer {node.name}: the merge function's bytecode reads as {found.text}")
    last = layers.Activation("linear", name=name)
    return lambda tensors: last(found.apply(tensors, context.operations))


def _product(context: Context, node: Node, pair: list[Tensor], mode: str) -> Tensor:
    if len(pair) != 2:
        raise InputError(f"layer {node.name}: {mode} merges two tensors, {len(pair)} are there")
    axes = _dot_axes(context, node, pair)
    first, second = pair
    if mode == "dot":
        return _batch_dot(context, node, first, second, axes)
    norms = _batch_dot(context, node, first, first, axes) * _batch_dot(context, node, second, second, axes)
    length = ops.maximum(ops.sqrt(ops.maximum(norms, 0.0)), _EPSILON)  # as Keras 1's sqrt, which clips
    return ops.expand_dims(_batch_dot(context, node, first, second, axes) / length, 1)


def _dot_axes(context: Context, node: Node, pair: list[Tensor]) -> tuple[int, int]:
    axes: Any = node.config.get("dot_axes", -1)
    if not isinstance(axes, (list, tuple)):
        axes = [axes, axes]
    flat = [axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis for axis in axes]
    if len(flat) != 2:
        raise InputError(f"layer {node.name}: dot_axes {axes!r}; one axis for each of two tensors is needed")
    first, second = (integer(axis, node, "dot_axes") for axis in flat)
    if context.backend == "tensorflow" and min(first, second) < 0:
        version = context.known_version(f"layer {node.name}: a product over negative axes on TensorFlow")
        what = "Keras 1 before 1.0.8 on TensorFlow took a negative axis of a product as the last but one"
        if version < (1, 0, 8) and context.bug(node, what):
            if len(pair[0].shape) == 2:
                raise InputError(f"layer {node.name}: {what}, here the samples; say --legacy-bugs fix")
            return len(pair[0].shape) - 2, len(pair[1].shape) - 2
    return first % len(pair[0].shape), second % len(pair[1].shape)


def _batch_dot(context: Context, node: Node, x: Tensor, y: Tensor, axes: tuple[int, int]) -> Tensor:
    """Sum over one axis of each, sample by sample; a result without other axes gets one of length 1."""
    ranks = len(x.shape), len(y.shape)
    if context.backend == "tensorflow":
        if ranks == (2, 2):
            version = context.known_version(f"layer {node.name}: the product of two vectors on TensorFlow")
            what = "Keras 1 before 1.2 on TensorFlow gave every sample's product with every other's"
            if version < (1, 2) and context.bug(node, what):
                return ops.matmul(x, ops.transpose(y))
        elif ranks != (3, 3):
            raise InputError(f"layer {node.name}: a TensorFlow product of tensors with {ranks} axes is not supported")
    return summed(ops, x, y, axes)


@rule("Dot")
def dot(context: Context, node: Node) -> Apply:
    """Keras 2's product of two tensors over one axis of each, optionally of length 1 along it."""
    last = layers.Activation("linear", name=context.name(node.name))

    def apply(pair: list[Tensor]) -> Tensor:
        axes = _dot2_axes(context, node, pair)
        if node.config.get("normalize"):
            pair = [l2_normalize(context.operations, x, axis) for x, axis in zip(pair, axes, strict=True)]
        return last(summed(ops, pair[0], pair[1], axes))

    return apply


def _dot2_axes(context: Context, node: Node, pair: list[Tensor]) -> tuple[int, int]:
    axes, ranks = node.config.get("axes"), [len(x.shape) for x in pair]
    both = axes if isinstance(axes, (list, tuple)) else [axes, axes]
    if len(both) != 2 or len(pair) != 2:
        raise InputError(f"layer {node.name}: axes {axes!r}; one axis for each of two tensors is needed")
    first, second = (integer(axis, node, "axes") % rank for axis, rank in zip(both, ranks, strict=True))
    if 0 in (first, second):
        raise InputError(f"layer {node.name}: a product over the samples' axis is not supported")
    general = context.backend == "theano" or context.version >= (2, 3)
    if max(ranks) > 3 and not general:
        raise InputError(f"layer {node.name}: a TensorFlow product of tensors with {ranks} axes is not supported")
    return first, second
