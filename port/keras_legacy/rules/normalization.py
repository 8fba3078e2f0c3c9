"""BatchNormalization: what "running_std" means, and the modes that normalise with what is at hand."""

import keras
import numpy as np
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, rule
from reprise_kit.port.keras_legacy.rules.weights import arrays_of, loaded
from reprise_kit.port.keras_legacy.tree import Node, roles

layers = keras.layers


@rule("BatchNormalization")
def batch_normalization(context: Context, node: Node) -> Apply:
    """Keep the shape; mode 0 uses the stored statistics, 1 each sample's own, 2 the batch's own."""
    mode = integer(node.config.get("mode", 0), node, "mode")
    axis = integer(node.config.get("axis", -1), node, "axis")
    epsilon = float(node.config["epsilon"])
    learned, stored = roles(node)
    *scale, mean, std = arrays_of(node, *learned, *stored)
    if mode == 0:
        variance, epsilon = convert.moving_variance(std, reading(context, node), epsilon)
        return _stored(context, node, axis, epsilon, [*scale, mean, variance])
    if mode not in (1, 2):
        raise InputError(f"layer {node.name}: BatchNormalization mode {mode}; Keras 1 has 0, 1 and 2")
    rescale = _stored(context, node, -1 if mode == 1 else axis, 0.0, [*scale, np.zeros_like(mean), np.ones_like(std)])
    inner, outer = _epsilons(context, node, mode, epsilon)
    return _at_hand(None if mode == 1 else axis, inner, outer, rescale)


def reading(context: Context, node: Node) -> str:
    """Return what this file's running_std is; the Keras version decides, the file does not say."""
    if context.backend == "tensorflow" and context.version[:1] != (0,):
        # Keras 1.0.6 on TensorFlow passed its std as a variance: a bug, and what the model computed.
        return "variance"
    version = context.known_version(f"layer {node.name}: what running_std means in a BatchNormalization on Theano")
    if version >= (1, 0, 8):
        return "variance"
    return "sqrt" if version == (1, 0, 7) else "std"


def _epsilons(context: Context, node: Node, mode: int, epsilon: float) -> tuple[float, float]:
    """Return (inner, outer) of (x - mean) / (sqrt(variance + inner) + outer)."""
    if mode == 1:
        return epsilon, epsilon
    return {"variance": (epsilon, 0.0), "sqrt": (0.0, epsilon), "std": (epsilon, epsilon)}[reading(context, node)]


def _at_hand(axis: int | None, inner: float, outer: float, rescale: Apply) -> Apply:
    """Normalise over every axis but `axis` of the batch, or (None) over the last axis of each sample."""

    def apply(x: Tensor) -> Tensor:
        rank = len(x.shape)
        over = (rank - 1,) if axis is None else tuple(i for i in range(rank) if i != axis % rank)
        root = ops.sqrt(ops.var(x, axis=over, keepdims=True) + inner)
        return rescale((x - ops.mean(x, axis=over, keepdims=True)) / (root + outer))

    return apply


def _stored(context: Context, node: Node, axis: int, epsilon: float, arrays: list[np.ndarray]) -> Apply:
    """Return the stock layer; on a th image that has a channels-last twin, axis 1 is the twin's last."""
    made: dict[int, Apply] = {}
    name = context.name(node.name)

    def call(x: Tensor, axis: int) -> Tensor:
        if axis not in made:
            settings = {key: bool(node.config.get(key, True)) for key in ("center", "scale")}
            made[axis] = loaded(layers.BatchNormalization(axis, epsilon=epsilon, name=name, **settings), arrays, node)
        return made[axis](x)

    def apply(x: Tensor) -> Tensor:
        twin = context.twin(x)
        if axis == 1 and 1 not in made and (twin is not None or -1 in made):
            return context.from_last(call(context.to_last(x, node.name), -1), node.name)
        return call(x, axis)

    return apply
