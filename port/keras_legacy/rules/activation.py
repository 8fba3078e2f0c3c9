"""Activations with settings or weights of their own."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import layers as legacy
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, once, rule
from reprise_kit.port.keras_legacy.rules.weights import arrays_of, loaded, of_rank
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers


@rule("LeakyReLU")
def leaky_relu(context: Context, node: Node) -> Apply:
    """x, or alpha * x below 0."""
    alpha, name = float(node.config.get("alpha", 0.3)), context.name(node.name)
    if alpha >= 0.0:
        return context.elementwise(node, layers.LeakyReLU(negative_slope=alpha, name=name))
    add = layers.Add(name=name)  # which the stock layer refuses
    return context.elementwise(node, lambda x: add([ops.relu(x), -alpha * ops.relu(-x)]))


@rule("ELU")
def elu(context: Context, node: Node) -> Apply:
    """x, or alpha * (exp(x) - 1) below 0."""
    return context.elementwise(node, layers.ELU(float(node.config.get("alpha", 1.0)), name=context.name(node.name)))


@rule("ThresholdedReLU")
def thresholded_relu(context: Context, node: Node) -> Apply:
    """x above theta, 0 at and below it."""
    theta = float(node.config.get("theta", 1.0))
    name = context.name(node.name)
    if theta >= 0.0:
        return context.elementwise(node, layers.ReLU(threshold=theta, name=name))
    last = layers.Activation("linear", name=name)
    return context.elementwise(node, lambda x: last(x * ops.cast(x > theta, x.dtype)))


@rule("Softmax")
def softmax(context: Context, node: Node) -> Apply:
    """Keep the shape; over `axis`."""
    layer: Apply = layers.Softmax(integer(node.config.get("axis", -1), node, "axis"), name=context.name(node.name))
    return layer


@rule("ReLU")
def relu(context: Context, node: Node) -> Apply:
    """x between threshold and max_value, negative_slope * (x - threshold) below."""
    slope, threshold = (float(node.config.get(key) or 0.0) for key in ("negative_slope", "threshold"))
    most = node.config.get("max_value")
    settings = {"max_value": None if most is None else float(most), "negative_slope": slope, "threshold": threshold}
    name = context.name(node.name)
    if threshold >= 0.0:
        return context.elementwise(node, layers.ReLU(name=name, **settings))
    last = layers.Activation("linear", name=name)
    return context.elementwise(node, lambda x: last(keras.activations.relu(x, **settings)))


@rule("PReLU")
def prelu(context: Context, node: Node) -> Apply:
    """x, or alphas * x below 0. The axes that share an alpha are not saved: their length in the file is 1."""
    stored = arrays_of(node, "alphas")

    def make(x: Tensor) -> Apply:
        (alphas,) = of_rank(stored, x)
        shared = [axis + 1 for axis, size in enumerate(alphas.shape) if size == 1]
        return loaded(layers.PReLU(shared_axes=shared or None, name=context.name(node.name)), [alphas], node)

    return once(make)


@rule("ParametricSoftplus")
def parametric_softplus(context: Context, node: Node) -> Apply:
    """alphas * softplus(betas * x)."""
    return _own(context, node, legacy.ParametricSoftplus, arrays_of(node, "alphas", "betas"))


@rule("SReLU")
def srelu(context: Context, node: Node) -> Apply:
    """Four arrays of one shape."""
    arrays = arrays_of(node, "t_left", "a_left", "t_right", "a_right")
    return _own(context, node, partial(legacy.SReLU, clip_left=context.backend == "theano"), arrays)


def _own(context: Context, node: Node, kind: Callable[..., keras.layers.Layer], stored: list[np.ndarray]) -> Apply:
    """Note that the model needs one of our layers, and refuse weights that would broadcast the input."""

    def make(x: Tensor) -> Apply:
        arrays = of_rank(stored, x)
        layer = kind(arrays[0].shape, name=context.name(node.name))
        context.needs.add(f"reprise>{type(layer).__name__}")
        apply = loaded(layer, arrays, node)

        def checked(y: Tensor) -> Tensor:
            wanted, shape = tuple(y.shape[1:]), layer.weight_shape
            if len(wanted) != len(shape) or any(s not in (1, w) for s, w in zip(shape, wanted, strict=True)):
                raise InputError(f"layer {node.name}: weights of shape {shape} on an input {wanted}")
            return apply(y)

        return checked

    return once(make)
