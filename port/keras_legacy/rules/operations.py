"""TensorFlow's operations on Keras's tensors (dialects/operations.py), as `keras.ops`; others are refused by name.

Each is known by the public name that TensorFlow's own file gives it (tensorflow_functions.py).
"""

from typing import Any

import keras
from keras import ops

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules.context import Apply, Context, rule
from reprise_kit.port.keras_legacy.tensorflow_functions import OPERATIONS
from reprise_kit.port.keras_legacy.tree import Node


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
        return _ended(context, node, OPERATIONS[name](ops, filled(node.config["first"], tensors), **named))

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
