"""Recurrent layers, one way and both ways.

Keras 3's hard_sigmoid is clip(x / 6 + 1/2), Keras 1's clip(x / 5 + 1/2). Gates with the old get the stock
and weights times 6/5 (convert.HARD_SIGMOID_GAIN), which is the same function: a migrated recurrent model is
stock Keras 3.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import convert
from reprise_kit.port.keras_legacy.layers import hard_sigmoid_k1
from reprise_kit.port.keras_legacy.rules import masks
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, Tensor, integer, rule, safe_name
from reprise_kit.port.keras_legacy.rules.core import activation_name
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node, roles

layers = keras.layers


@rule("SimpleRNN", "LSTM", "GRU")
def recurrent(context: Context, node: Node) -> Apply:
    """(n, n_steps, n_in) -> (n, n_steps, output_dim) or, without return_sequences, (n, output_dim).

    Keras 2 also takes [sequence, states...] and, with return_state, gives [output, states...].
    """
    weights = _recurrent_weights(context, node, "")
    layer = loaded(_recurrent_layer(context, node, context.name(node.name)), weights, node)
    return _with_mask(context, node, layer, bool(node.config.get("go_backwards")))


def _with_mask(context: Context, node: Node, layer: Any, backwards: bool) -> Apply:
    """Return an apply that gives a recurrent layer the mask of its steps, where there is one."""
    inner = node.children[0] if node.children else node
    from_state, kept = _from_state_on(context, inner), _gives_kept_state(context, inner)

    def apply(x: Any) -> Any:
        sequence, *states = x if isinstance(x, list) else [x]
        mask = masks.of_steps(context, node, sequence)
        given = {"initial_state": states} if states else {}
        if mask is None:
            y = layer(sequence, **given)
            return y[0] if kept and not inner.config.get("return_state") else _listed(y)
        if from_state and inner.config.get("stateful") and inner.config.get("return_sequences"):
            raise InputError(
                f"layer {node.name}: on TensorFlow a stateful layer gave its kept state at masked first steps, which "
                "Keras 3 does not; a stateful sequence of masked steps is not supported"
            )
        y = layer(sequence, mask=_of_backward_pass(context, node, mask) if backwards else mask, **given)
        # Keras 3 hides the mask it was given in a sequence of outputs; a copy has none.
        first, *rest = y if isinstance(y, (list, tuple)) else [y]
        if kept:
            first = rest[0]
            rest = rest if inner.config.get("return_state") else []
        first = _from_state(first, mask, states[0], backwards) if states and from_state else ops.copy(first)
        return [first, *rest] if rest else first

    return apply


def _from_state_on(context: Context, inner: Node) -> bool:
    """Return whether a masked first step gave the state before it: TensorFlow's loop; an unrolled one gave 0."""
    return context.backend == "tensorflow" and not inner.config.get("unroll")


def _gives_kept_state(context: Context, inner: Node) -> bool:
    """Return whether the output is to be read off the state: of a sample whose steps are all masked, TensorFlow gave
    the state kept from the batch before, where Keras 3 gives 0.
    """
    one = inner.config.get("stateful") and not inner.config.get("return_sequences")
    return bool(context.masked and _from_state_on(context, inner) and one)


def _listed(y: Any) -> Any:
    return list(y) if isinstance(y, tuple) else y


def _from_state(y: Tensor, mask: Tensor, state: Tensor, backwards: bool) -> Tensor:
    """Return outputs where steps before the first unmasked one repeat the initial state, as on TensorFlow."""
    seen = ops.cumsum(ops.cast(ops.flip(mask, 1) if backwards else mask, "int32"), axis=1) > 0
    if len(y.shape) == 3:
        return ops.where(seen[:, :, None], y, state[:, None, :])
    return ops.where(seen[:, -1:], y, state)


def _of_backward_pass(context: Context, node: Node, mask: Tensor) -> Tensor:
    """Keras 1.1 on TensorFlow reversed the mask of a backward pass over the samples in place of the steps."""
    inner = node.children[0] if node.children else node
    if context.backend == "tensorflow" and not inner.config.get("unroll"):
        what = "a backward pass over masked steps on TensorFlow"
        version = context.known_version(f"layer {node.name}: {what}")
        bug = f"{what} gave each sample the mask of another in Keras 1.1"
        if (1, 0, 8) <= version < (1, 2) and context.bug(node, bug):
            return ops.flip(mask, (0, 1))  # Keras 3 reverses it over the steps once more
    return mask


def _recurrent_layer(context: Context, node: Node, name: str, backwards: bool | None = None) -> Any:
    """Return the stock layer of a node; `backwards` in place of its own go_backwards."""
    if node.config.get("unroll"):
        context.by_size(node)
    kwargs = {
        "activation": cell_activation(context, node),
        "return_sequences": bool(node.config.get("return_sequences")),
        "go_backwards": bool(node.config.get("go_backwards")) if backwards is None else backwards,
        "stateful": bool(node.config.get("stateful")),
        "use_bias": bool(node.config.get("bias", True)),
        "return_state": bool(node.config.get("return_state")) or _gives_kept_state(context, node),
        "name": name,
    }
    if node.class_name != "SimpleRNN":
        kwargs["recurrent_activation"] = activation_name(context, node, "inner_activation")
    if node.class_name == "GRU":
        kwargs["reset_after"] = bool(node.config.get("reset_after"))
    for key in ("time_major", "zero_output_for_mask", "num_constants"):
        harmless = key == "zero_output_for_mask" and not context.masked  # a Bidirectional of TensorFlow 1.13 sets it
        if node.config.get(key) and not harmless:
            raise InputError(f"layer {node.name}: a {node.class_name} with {key} is not supported")
    return getattr(layers, node.class_name)(integer(node.config["output_dim"], node, "output_dim"), **kwargs)


def cell_activation(context: Context, node: Node) -> Any:
    """Return the activation of a recurrent layer; an LSTM's acts on its state too, where no weights can be scaled."""
    name = activation_name(context, node)
    if name != "hard_sigmoid" or node.class_name in ("SimpleRNN", "GRU"):
        return name
    context.needs.add("reprise>hard_sigmoid_k1")
    return hard_sigmoid_k1


def _recurrent_weights(context: Context, node: Node, prefix: str) -> list[np.ndarray]:
    try:
        arrays = {role: node.weights[prefix + role] for role in roles(node)[0]}
    except KeyError as error:
        raise InputError(f"layer {node.name} ({node.class_name}): the file holds no {error.args[0]}") from None
    hard = activation_name(context, node) == "hard_sigmoid"
    if node.class_name == "SimpleRNN":
        gain = convert.HARD_SIGMOID_GAIN if hard else np.float32(1)
        return [array * gain for array in arrays.values()]
    hard_gates = activation_name(context, node, "inner_activation") == "hard_sigmoid"
    if _of_cudnn(node, arrays):
        arrays = convert.cudnn(arrays, 4 if node.class_name == "LSTM" else 3)
    if node.class_name == "LSTM":
        return convert.lstm_gates(arrays, hard_gates)
    return convert.gru_gates(arrays, hard_gates, hard)


def _of_cudnn(node: Node, arrays: dict[str, np.ndarray]) -> bool:
    """Return whether these are a CuDNN layer's arrays (two biases in a row), which a plain layer took too."""
    if "b" not in arrays or arrays["b"].ndim != 1:
        return False
    found: bool = arrays["b"].shape[0] == 2 * arrays.get("U", arrays["b"]).shape[-1]
    return found


_MERGES = {"concat": layers.Concatenate, "sum": layers.Add, "mul": layers.Multiply, "ave": layers.Average}


@rule("Bidirectional")
def bidirectional(context: Context, node: Node) -> Apply:
    """Runs a recurrent layer both ways; merge_mode concat, sum, mul, ave or None for a list of two."""
    inner, mode = node.children[0], node.config.get("merge_mode")
    if inner.class_name not in ("SimpleRNN", "LSTM", "GRU"):
        raise InputError(f"layer {node.name}: Bidirectional around a {inner.class_name} is not supported")
    if node.config.get("backward_layer") or node.config.get("num_constants"):
        raise InputError(f"layer {node.name}: a Bidirectional with a backward_layer or constants is not supported")
    if inner.config.get("go_backwards") or inner.config.get("return_state") or context.masked:
        return _two_passes(context, node, inner, mode)
    layer = layers.Bidirectional(
        _recurrent_layer(context, inner, safe_name(inner.name)), merge_mode=mode, name=context.name(node.name)
    )
    arrays = [array for side in ("forward_", "backward_") for array in _recurrent_weights(context, inner, side)]
    return _of_list(loaded(layer, arrays, node))


def _two_passes(context: Context, node: Node, inner: Node, mode: str | None) -> Apply:
    """Two layers and their merge, as Keras 1 did it: Keras 3's wrapper would write 0 on masked steps, not repeat."""
    first = bool(inner.config.get("go_backwards"))
    passes = []
    for prefix, backwards in (("forward_", first), ("backward_", not first)):
        layer = _recurrent_layer(context, inner, context.name(f"{node.name}_{prefix}{inner.name}"), backwards)
        weights = _recurrent_weights(context, inner, prefix)
        passes.append(_with_mask(context, node, loaded(layer, weights, inner), backwards))
    merge = _MERGES[mode](name=context.name(node.name)) if mode else list

    def apply(x: Any) -> Any:
        sequence, *states = x if isinstance(x, list) else [x]
        half = len(states) // 2
        given = [[sequence, *part] if part else sequence for part in (states[:half], states[half:])]
        (y, *after), (back, *after_back) = (_parts(one(value)) for one, value in zip(passes, given, strict=True))
        merged = merge([y, ops.flip(back, 1) if inner.config.get("return_sequences") else back])
        if not after:
            return merged
        return [*(merged if isinstance(merged, list) else [merged]), *after, *after_back]

    return apply


def _of_list(layer: Any) -> Apply:
    """Return an apply of a layer that takes [sequence, states...] as its first argument and initial_state."""
    return lambda x: _listed(layer(x[0], initial_state=x[1:]) if isinstance(x, list) else layer(x))


def _parts(y: Any) -> list[Any]:
    return list(y) if isinstance(y, (list, tuple)) else [y]
