"""Activations with settings or weights of their own."""

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import layers as legacy
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, rule
from reprise_kit.port.keras_legacy.rules.weights import arrays_of, loaded
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
    (alphas,) = arrays_of(node, "alphas")
    shared = [axis + 1 for axis, size in enumerate(alphas.shape) if size == 1]
    return loaded(layers.PReLU(shared_axes=shared or None, name=context.name(node.name)), [alphas], node)


@rule("ParametricSoftplus")
def parametric_softplus(context: Context, node: Node) -> Apply:
    """alphas * softplus(betas * x)."""
    arrays = arrays_of(node, "alphas", "betas")
    layer = legacy.ParametricSoftplus(arrays[0].shape, name=context.name(node.name))
    return _own(context, node, layer, loaded(layer, arrays, node))


@rule("SReLU")
def srelu(context: Context, node: Node) -> Apply:
    """Four arrays of one shape."""
    arrays = arrays_of(node, "t_left", "a_left", "t_right", "a_right")
    clip = context.backend == "theano"
    layer = legacy.SReLU(arrays[0].shape, clip_left=clip, name=context.name(node.name))
    return _own(context, node, layer, loaded(layer, arrays, node))


def _own(context: Context, node: Node, layer: keras.layers.Layer, apply: Apply) -> Apply:
    """Note that the model needs one of our layers, and refuse weights that would broadcast the input."""
    context.needs.add(f"reprise>{type(layer).__name__}")

    def checked(x: Tensor) -> Tensor:
        wanted = tuple(x.shape[1:])
        fits = len(wanted) == len(layer.weight_shape) and all(
            size in (1, want) for size, want in zip(layer.weight_shape, wanted, strict=True)
        )
        if not fits:
            raise InputError(f"layer {node.name}: weights of shape {layer.weight_shape} on an input {wanted}")
        return apply(x)

    return checked
