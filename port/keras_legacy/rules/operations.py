"""TensorFlow's operations on Keras's tensors (dialects/operations.py), as `keras.ops`; others are refused by name.

Each is known by the public name that TensorFlow's own file gives it, with TensorFlow's argument names.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.backend_functions import added
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.tree import Node


def _reduction(name: str) -> Callable[..., Any]:
    return lambda input_tensor, axis=None, keepdims=False: getattr(ops, name)(
        input_tensor, axis=axis, keepdims=keepdims
    )


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    def turned(x: Any, turn: bool) -> Any:
        return ops.swapaxes(x, -1, -2) if turn else x

    return ops.matmul(turned(a, transpose_a), turned(b, transpose_b))


def _transpose(a: Any, perm: Any = None, conjugate: bool = False) -> Any:
    return ops.transpose(a, perm)  # of real numbers, whose conjugates they are


def _squeeze(input: Any, axis: Any = None) -> Any:
    return ops.squeeze(input, axis=tuple(axis) if isinstance(axis, list) else axis)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("__operators__.add", "math.add"), lambda x, y: added(ops, x, y)),
    "math.subtract": lambda x, y: ops.subtract(x, y),
    "math.multiply": lambda x, y: ops.multiply(x, y),
    **dict.fromkeys(("math.truediv", "math.divide"), lambda x, y: ops.divide(x, y)),
    "math.pow": lambda x, y: ops.power(x, y),
    "math.maximum": lambda x, y: ops.maximum(x, y),
    "math.minimum": lambda x, y: ops.minimum(x, y),
    **{f"math.{name}": getattr(ops, name) for name in ("square", "sqrt", "rsqrt", "exp", "log", "tanh", "sin", "cos")},
    **{"math.negative": ops.negative, "math.abs": ops.absolute, "math.sigmoid": ops.sigmoid},
    "clip_by_value": lambda t, clip_value_min, clip_value_max: ops.clip(t, clip_value_min, clip_value_max),
    **{f"math.reduce_{name}": _reduction(name) for name in ("mean", "sum", "max", "min")},
    "nn.relu": lambda features: ops.relu(features),
    "nn.relu6": lambda features: ops.relu6(features),
    "nn.elu": lambda features: ops.elu(features),
    "nn.selu": lambda features: ops.selu(features),
    **dict.fromkeys(("nn.softplus", "math.softplus"), lambda features: ops.softplus(features)),
    "nn.leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, negative_slope=alpha),
    "nn.softmax": lambda logits, axis=-1: ops.softmax(logits, axis=axis),
    "concat": lambda values, axis: ops.concatenate(values, axis=axis),
    "stack": lambda values, axis=0: ops.stack(values, axis=axis),
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), _squeeze),
    "reshape": lambda tensor, shape: ops.reshape(tensor, shape),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), _transpose),
    "linalg.matmul": _matmul,
}


@rule("TFOpLambda")
def operation(context: Context, node: Node) -> Apply:
    """One of OPERATIONS, called as the file says."""
    name = str(node.config.get("function"))
    if name not in OPERATIONS:
        raise InputError(
            f"layer {node.name}: the TensorFlow operation tf.{name} is not one that is read here; give it with "
            f"--replace {node.name}=module:function, which is called on the tensors that it takes"
        )
    context.notes.append(f"layer {node.name}: TensorFlow's tf.{name}, as keras.ops")
    arguments = {key: value for key, value in node.config["arguments"].items() if key != "name"}

    def apply(x: Any) -> Any:
        tensors = x if isinstance(x, list) else [x]
        named = {key: filled(value, tensors) for key, value in arguments.items()}
        return _ended(context, node, OPERATIONS[name](filled(node.config["first"], tensors), **named))

    return apply


@rule("SlicingOpLambda")
def slicing(context: Context, node: Node) -> Apply:
    """x[1:, ..., -1]: the file holds each part as a number, "..." or a start, stop and step."""
    parts = node.config["arguments"].get("slice_spec")
    if node.config.get("function") != "__operators__.getitem" or not isinstance(parts, list):
        raise InputError(f"layer {node.name}: the operation tf.{node.config.get('function')} is not one that is read")
    return lambda x: _ended(context, node, x[tuple(_part(one, node) for one in parts)])


def _part(part: Any, node: Node) -> Any:
    if isinstance(part, dict) and set(part) == {"start", "stop", "step"}:
        return slice(part["start"], part["stop"], part["step"])
    if part is None or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    raise InputError(f"layer {node.name}: a slice by {str(part)[:60]!r} is not one that is read here")


def filled(value: Any, tensors: list[Any]) -> Any:
    """Return an argument with its tensors in it."""
    if isinstance(value, dict):
        return tensors[value["tensor"]]
    return [filled(one, tensors) for one in value] if isinstance(value, list) else value


def _ended(context: Context, node: Node, value: Any) -> Any:
    return keras.layers.Activation("linear", name=context.name(node.name))(value)
