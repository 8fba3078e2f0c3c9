"""Dense layers, activations, shape changes and what does nothing at inference."""

from functools import partial
from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.dialects.dialect import Dialect
from reprise_kit.port.keras_legacy.layers import InTraining
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, integers, once, rule
from reprise_kit.port.keras_legacy.rules.functions import STOCK_ACTIVATIONS, Read, own_activation
from reprise_kit.port.keras_legacy.rules.ordering import biased_along_1
from reprise_kit.port.keras_legacy.rules.weights import arrays_of, loaded
from reprise_kit.port.keras_legacy.tree import Node

layers = keras.layers
_LATER_ACTIVATIONS = {
    "Keras 2": {"selu", "exponential", "relu6"},  # relu6: of Keras's own MobileNet, which files name so
    "tf.keras": {"selu", "exponential", "swish", "relu6", "mish", "gelu"},
}


def known_activations(dialect: Dialect) -> set[str]:
    """Return the activations by name that a dialect has and Keras 3 computes alike."""
    return STOCK_ACTIVATIONS | _LATER_ACTIVATIONS.get(dialect.name, set())


def activation_name(context: Context, node: Node, key: str = "activation") -> str:
    """Return a layer's activation; a name that Keras 1 did not have is refused."""
    name, dialect = node.config.get(key) or "linear", context.dialect
    if isinstance(name, str) and name in context.functions:
        raise InputError(
            f"layer {node.name}: its {key} {name[:80]} is the program's own, and is not read in a {node.class_name}; "
            f"give the layer with --replace {node.name}=module:thing"
        )
    if not isinstance(name, str) or name not in known_activations(dialect) | {"hard_sigmoid"}:
        raise InputError(
            f"layer {node.name}: the {key} {str(name)[:80]!r} is not one of {dialect.name}'s; give your own with "
            f"--replace {str(name)[:80]}=module:function (not in a recurrent layer)"
        )
    return str(name)


def activate(context: Context, node: Node, name: str, activation: str) -> Apply:
    """Return an apply of an activation under the layer name `name`."""
    if activation == "hard_sigmoid":
        scale = layers.Rescaling(0.2, 0.5, name=context.name(f"{name}_scale"))
        clip = layers.ReLU(max_value=1.0, name=context.name(name))
        return lambda x: clip(scale(x))
    return _over_more_than_one(context, node, activation, layers.Activation(activation, name=context.name(name)))


def _over_more_than_one(context: Context, node: Node, activation: str, layer: Apply) -> Apply:
    """Return a layer that ends in an activation, and note where that decides nothing: the file names it only."""

    def apply(x: Tensor) -> Tensor:
        y = layer(x)
        note = (
            f"layer {node.name}: a softmax over one value gives 1 for any input; where the network's own code had a "
            f"function of that name, over another axis, give it with --replace {node.name}=module:function"
        )
        if y.shape[-1] == 1 and note not in context.notes:
            context.notes.append(note)
        return y

    return apply if activation == "softmax" else layer


def with_activation(context: Context, node: Node, make: Any, arrays: list[Any]) -> Apply:
    """Return an apply of `make(name, activation)`, a weighted layer, and of its activation."""
    own: Apply | None = own_activation(context, node)
    if own is not None:
        name = f"{node.name}_linear" if isinstance(own, Read) else node.name
        plain = loaded(make(name=context.name(name), activation="linear"), arrays, node)
        return lambda x: own(plain(x))
    activation = activation_name(context, node)
    if activation != "hard_sigmoid":
        whole = loaded(make(name=context.name(node.name), activation=activation), arrays, node)
        return _over_more_than_one(context, node, activation, whole)
    linear = loaded(make(name=context.name(f"{node.name}_linear"), activation="linear"), arrays, node)
    last = activate(context, node, node.name, activation)
    return lambda x: last(linear(x))


def bias(node: Node) -> list[str]:
    """Return the roles of the bias a layer has; files of old versions leave the key out and have one."""
    return ["b"] if node.config.get("bias", True) else []


@rule("Dense", "TimeDistributedDense")
def dense(context: Context, node: Node) -> Apply:
    """(n, ..., n_in) -> (n, ..., output_dim)."""
    units = integer(node.config["output_dim"], node, "output_dim")
    arrays = arrays_of(node, "W", *bias(node))

    def make(x: Tensor) -> Apply:
        if bias(node) and biased_along_1(context, node, x, units):
            return _along_1(context, node, x, arrays)
        return with_activation(context, node, partial(layers.Dense, units, use_bias=bool(bias(node))), arrays)

    return once(make)


def _along_1(context: Context, node: Node, x: Tensor, arrays: list[Any]) -> Apply:
    """Return a dense layer that adds its bias along axis 1 of what it gives.

    Axis 1 goes last meanwhile: where the last one is as long, Keras 3.15 on TensorFlow adds any bias along that.
    """
    units, between = arrays[1].shape[0], "bcd"[: len(x.shape) - 3]
    dense = layers.EinsumDense(
        f"na{between}i,io->n{between}oa",
        output_shape=(*x.shape[2:-1], units, units),
        bias_axes="a",
        name=context.name(f"{node.name}_biased"),
    )
    back = layers.Permute((len(between) + 2, *range(1, len(between) + 2)), name=context.name(f"{node.name}_back"))
    biased, own = loaded(dense, arrays, node), own_activation(context, node)
    last = own or activate(context, node, node.name, activation_name(context, node))
    return lambda y: last(back(biased(y)))


@rule("MaxoutDense")
def maxout_dense(context: Context, node: Node) -> Apply:
    """(n, n_in) -> (n, output_dim): the largest of nb_feature dense layers."""
    w, *b = arrays_of(node, "W", *bias(node))
    pieces = layers.Dense(w.shape[0] * w.shape[2], use_bias=bool(b), name=context.name(f"{node.name}_pieces"))
    dense_all = loaded(pieces, convert.maxout_dense(w, b[0] if b else None), node)
    split = layers.Reshape((w.shape[0], w.shape[2]), name=context.name(f"{node.name}_split"))
    largest = layers.GlobalMaxPooling1D(name=context.name(node.name))
    return lambda x: largest(split(dense_all(x)))


@rule("Highway")
def highway(context: Context, node: Node) -> Apply:
    """(n, d) -> (n, d): gate * activation(x W + b) + (1 - gate) * x, gate = sigmoid(x W_carry + b_carry)."""
    has_bias = bool(bias(node))
    w, carry, *b = arrays_of(node, "W", "W_carry", *(["b", "b_carry"] if has_bias else []))
    d = w.shape[1]
    gate_layer = layers.Dense(d, "sigmoid", use_bias=has_bias, name=context.name(f"{node.name}_gate"))
    gate = loaded(gate_layer, [carry, *b[1:]], node)
    linear_layer = layers.Dense(d, use_bias=has_bias, name=context.name(f"{node.name}_linear"))
    linear = loaded(linear_layer, [w, *b[:1]], node)
    active = activate(context, node, f"{node.name}_activation", activation_name(context, node))
    rest = layers.Rescaling(-1.0, 1.0, name=context.name(f"{node.name}_rest"))
    multiplies = [layers.Multiply(name=context.name(f"{node.name}_{part}")) for part in ("taken", "carried")]
    add = layers.Add(name=context.name(node.name))

    def apply(x: Tensor) -> Tensor:
        g = gate(x)
        return add([multiplies[0]([active(linear(x)), g]), multiplies[1]([rest(g), x])])

    return apply


@rule("Activation")
def activation(context: Context, node: Node) -> Apply:
    """Keeps the shape; softmax runs over the last axis."""
    own: Apply | None = own_activation(context, node)
    if own is not None:
        return own
    name = activation_name(context, node)
    apply = activate(context, node, node.name, name)
    return apply if name == "softmax" else context.elementwise(node, apply)


@rule("Dropout", "AlphaDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout")
def dropout(context: Context, node: Node) -> Apply:
    """Keeps everything at inference."""
    rate = float(node.config["p"])
    if not 0.0 < rate < 1.0:
        # Keras 1 drops nothing at such a rate, and Keras 3 refuses it.
        return identity(context, node)
    kwargs: dict[str, Any] = {"name": context.name(node.name)}
    if node.class_name in ("SpatialDropout2D", "SpatialDropout3D"):
        th = (node.config.get("dim_ordering") or context.dim_ordering) == "th"
        kwargs["data_format"] = "channels_first" if th else "channels_last"
        return _sampling(context, node, getattr(layers, node.class_name)(rate, **kwargs))
    return context.elementwise(node, _sampling(context, node, getattr(layers, node.class_name)(rate, **kwargs)))


@rule("GaussianNoise")
def gaussian_noise(context: Context, node: Node) -> Apply:
    """Keeps everything at inference."""
    sigma = float(node.config["sigma"])
    if not 0.0 <= sigma <= 1.0:
        context.notes.append(f"layer {node.name}: noise of {sigma} is more than Keras 3 takes; left out")
        return identity(context, node)
    return context.elementwise(
        node, _sampling(context, node, layers.GaussianNoise(sigma, name=context.name(node.name)))
    )


def _sampling(context: Context, node: Node, layer: Apply) -> Apply:
    """Return a layer of training; where the original called it so in predictions too, one that samples there."""
    if not node.config.get("in_training"):
        return layer
    context.notes.append(
        f"layer {node.name}: it was called with training=True and samples in predictions too, as it did; no two "
        "predictions are alike, and no recording can verify them"
    )
    context.needs.add("reprise>InTraining")
    return InTraining(layer, name=context.name(f"{node.name}_in_training"))


def identity(context: Context, node: Node) -> Apply:
    """Return an apply that keeps everything, masks too."""
    return context.elementwise(node, layers.Activation("linear", name=context.name(node.name)))


@rule("Layer", "ActivityRegularization")
def layer(context: Context, node: Node) -> Apply:
    """Keep everything: the base class, used to record an input shape, and what only adds to the loss (trained.py)."""
    return identity(context, node)


@rule("Flatten")
def flatten(context: Context, node: Node) -> Apply:
    """(n, ...) -> (n, all of it), in Keras 1's own layout; Keras 2's of th moves the channels last first."""
    flat: Apply = layers.Flatten(name=context.name(node.name))
    if node.config.get("dim_ordering") != "th":
        return flat
    return lambda x: flat(context.to_last(x, node.name) if len(x.shape) > 2 else x)


@rule("Reshape")
def reshape(context: Context, node: Node) -> Apply:
    """(n, ...) -> (n, *target_shape)."""
    shape = integers(node.config["target_shape"], node, "target_shape")
    layer = layers.Reshape(shape, name=context.name(node.name))

    def apply(x: Tensor) -> Tensor:
        counted = -1 in shape and x.shape[0] is not None and not context.dialect.kernels_last
        if counted and context.known_version(f"layer {node.name}: an open size in a counted batch") < (1, 2):
            what = "Keras 1 before 1.2 gave a Reshape with an open size one axis more where the batch is counted"
            if context.bug(node, what):
                raise InputError(f"layer {node.name}: {what}, which cannot be kept; say --legacy-bugs fix")
        return layer(x)

    return apply


@rule("Permute")
def permute(context: Context, node: Node) -> Apply:
    """(n, ...) -> the same axes in the order `dims`, counted from 1."""
    layer: Apply = layers.Permute(integers(node.config["dims"], node, "dims"), name=context.name(node.name))
    return layer


@rule("RepeatVector")
def repeat_vector(context: Context, node: Node) -> Apply:
    """(n, d) -> (n, repeats, d)."""
    layer: Apply = layers.RepeatVector(integer(node.config["n"], node, "n"), name=context.name(node.name))
    return layer


@rule("Masking")
def masking(context: Context, node: Node) -> Apply:
    """Keeps the shape; steps where every value is mask_value become 0, and masked (masks.py)."""
    value = float(node.config.get("mask_value", 0.0))
    zeroed = layers.Multiply(name=context.name(node.name))

    def apply(x: Tensor) -> Tensor:
        kept = ops.any(ops.not_equal(x, value), axis=-1, keepdims=True)
        return zeroed([x, ops.cast(kept, x.dtype)])

    return apply


@rule("Embedding")
def embedding(context: Context, node: Node) -> Apply:
    """(n, n_steps) whole numbers -> (n, n_steps, output_dim); its dropout does nothing at inference."""
    (w,) = arrays_of(node, "W")
    return loaded(layers.Embedding(*w.shape, name=context.name(node.name)), [w], node)
