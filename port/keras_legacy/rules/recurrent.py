"""Recurrent layers and the wrappers over time.

Keras 3's hard_sigmoid is clip(x / 6 + 1/2), Keras 1's clip(x / 5 + 1/2). Gates with the old get the stock
and weights times 6/5 (convert.HARD_SIGMOID_GAIN), which is the same function: a migrated recurrent model is
stock Keras 3.
"""

from typing import Any

import keras
import numpy as np

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, loaded, once, rule
from reprise_kit.port.keras_legacy.rules.core import activation_name
from reprise_kit.port.keras_legacy.tree import Node, roles

layers = keras.layers


@rule("SimpleRNN", "LSTM", "GRU")
def recurrent(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_steps, output_dim) or, without return_sequences, (n, output_dim)."""
    layer = loaded(_recurrent_layer(node, context.name(node.name)), _recurrent_weights(node, ""), node)
    return _masked_backwards(context, node, layer) if node.config.get("go_backwards") else layer


def _masked_backwards(context: Context, node: Node, layer: Apply) -> Apply:
    """Keras 1.1 on TensorFlow reversed the mask of a backward pass over the samples in place of the steps."""
    if context.backend != "tensorflow" or node.config.get("unroll"):
        return layer

    def apply(x: Tensor) -> Tensor:
        if getattr(x, "_keras_mask", None) is not None:
            what = "a backward pass over masked steps on TensorFlow"
            version = context.known_version(f"layer {node.name}: {what}")
            bug = f"{what} gave each sample the mask of another in Keras 1.1"
            if (1, 0, 8) <= version < (1, 2) and context.bug(node, bug):
                raise InputError(f"layer {node.name}: {bug}, which cannot be kept; say --legacy-bugs fix")
        return layer(x)

    return apply


def _recurrent_layer(node: Node, name: str) -> Any:
    kwargs = {
        "activation": activation_name(node),
        "return_sequences": bool(node.config.get("return_sequences")),
        "go_backwards": bool(node.config.get("go_backwards")),
        "stateful": bool(node.config.get("stateful")),
        "name": name,
    }
    if node.class_name != "SimpleRNN":
        kwargs["recurrent_activation"] = activation_name(node, "inner_activation")
    if node.class_name == "GRU":
        kwargs["reset_after"] = False
    return getattr(layers, node.class_name)(integer(node.config["output_dim"], node, "output_dim"), **kwargs)


def _recurrent_weights(node: Node, prefix: str) -> list[np.ndarray]:
    try:
        arrays = {role: node.weights[prefix + role] for role in roles(node)[0]}
    except KeyError as error:
        raise InputError(f"layer {node.name} ({node.class_name}): the file holds no {error.args[0]}") from None
    if activation_name(node) == "hard_sigmoid" and node.class_name != "SimpleRNN":
        raise InputError(f"layer {node.name}: hard_sigmoid as the activation of a {node.class_name} is not supported")
    if node.class_name == "SimpleRNN":
        gain = convert.HARD_SIGMOID_GAIN if activation_name(node) == "hard_sigmoid" else np.float32(1)
        return [arrays[role] * gain for role in "WUb"]
    hard = activation_name(node, "inner_activation") == "hard_sigmoid"
    return (convert.lstm_gates if node.class_name == "LSTM" else convert.gru_gates)(arrays, hard)


@rule("Bidirectional")
def bidirectional(context: Context, node: Node) -> Apply:
    """Runs a recurrent layer both ways; merge_mode concat, sum, mul, ave or None for a list of two."""
    inner = node.children[0]
    if inner.class_name not in ("SimpleRNN", "LSTM", "GRU"):
        raise InputError(f"layer {node.name}: Bidirectional around a {inner.class_name} is not supported")
    layer = layers.Bidirectional(
        _recurrent_layer(inner, inner.name),
        merge_mode=node.config.get("merge_mode"),
        name=context.name(node.name),
    )
    arrays = _recurrent_weights(inner, "forward_") + _recurrent_weights(inner, "backward_")
    return _masked_backwards(context, node, loaded(layer, arrays, node))


_PER_NUMBER = {
    *("Dense", "Activation", "Dropout", "GaussianNoise", "GaussianDropout", "ActivityRegularization"),
    *("ELU", "LeakyReLU", "ThresholdedReLU", "Embedding"),
}


@rule("TimeDistributed")
def time_distributed(context: Context, node: Node) -> Apply:
    """(n, n_steps, ...) -> (n, n_steps, ...): the inner layer on every step."""
    inner = node.children[0]
    if inner.class_name in _PER_NUMBER:
        # These act on single numbers or on the last axis, whatever stands before it.
        inner.name = node.name
        return context.apply(inner)
    return once(lambda x: layers.TimeDistributed(_per_step(context, inner, x), name=context.name(node.name)))


def _per_step(context: Context, inner: Node, x: Tensor) -> Any:
    """Return the model of one step of x."""
    context.enter()
    step = keras.Input(batch_shape=(x.shape[0], *x.shape[2:]), dtype=x.dtype)
    model = keras.Model(step, context.call(inner, step), name=context.name(inner.name))
    context.leave()
    return model
